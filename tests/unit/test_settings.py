from __future__ import annotations

from dataclasses import fields

import pytest

from chalicelib.errors import SettingsError
from chalicelib.rules import PhotoRules
from chalicelib.settings import Settings, required, settings
from tests.fakes import ENVIRONMENT

REQUIRED = (
    "PHOTO_BUCKET",
    "THUMBNAIL_BUCKET",
    "RIDER_PHOTO_TABLE",
    "UPLOADS_TABLE",
    "COLLECTION_ID",
    "STATE_MACHINE_ARN",
    "USER_POOL_ID",
    "DEAD_LETTER_QUEUE_URL",
    "ADMISSION_QUEUE_URL",
    "SENDER",
)
RULES = [field.name for field in fields(PhotoRules)]
WHOLE_NUMBERS = ["thumbnail_width", "thumbnail_height", "upload_seconds", "upload_days"]


def from_env(**overrides: str) -> Settings:
    return Settings.from_env({**ENVIRONMENT, **overrides})


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_or_empty_variable_is_named(name: str, value: str | None) -> None:
    environment = {key: text for key, text in ENVIRONMENT.items() if key != name}
    if value is not None:
        environment[name] = value
    with pytest.raises(SettingsError, match=f"The environment variable {name} is missing or empty"):
        Settings.from_env(environment)


def test_every_required_variable_is_read() -> None:
    found = from_env()
    assert {name: getattr(found, name.lower()) for name in REQUIRED} == {
        name: ENVIRONMENT[name] for name in REQUIRED
    }


def test_without_overrides_the_rules_are_the_defaults() -> None:
    assert from_env().photo_rules == PhotoRules()
    assert from_env().quality_filter == "AUTO"
    assert (from_env().thumbnail_width, from_env().thumbnail_height) == (300, 300)


@pytest.mark.parametrize("name", RULES)
def test_every_rule_can_be_overridden(name: str) -> None:
    assert getattr(from_env(**{name.upper(): "97"}).photo_rules, name) == 97


@pytest.mark.parametrize("name", WHOLE_NUMBERS)
def test_every_number_can_be_overridden(name: str) -> None:
    assert getattr(from_env(**{name.upper(): "97"}), name) == 97


@pytest.mark.parametrize("value", ["NONE", "AUTO", "LOW", "MEDIUM", "HIGH"])
def test_the_quality_filter_can_be_overridden(value: str) -> None:
    assert from_env(QUALITY_FILTER=value).quality_filter == value


@pytest.mark.parametrize("value", ["", "auto", "STRICT"])
def test_an_unknown_quality_filter_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="QUALITY_FILTER must be one of"):
        from_env(QUALITY_FILTER=value)


@pytest.mark.parametrize("value", ["", "abc", "-1", "nan", "inf", "1e999"])
@pytest.mark.parametrize("name", [*RULES, *WHOLE_NUMBERS])
def test_what_is_no_number_from_nought_up_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name.upper()):
        from_env(**{name.upper(): value})


@pytest.mark.parametrize("name", [*WHOLE_NUMBERS, "max_bytes", "max_pixels", "min_image_side"])
def test_a_fraction_is_no_whole_number(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name.upper()} must be a whole number"):
        from_env(**{name.upper(): "1.5"})


@pytest.mark.parametrize("name", WHOLE_NUMBERS)
def test_nought_is_refused_where_it_makes_no_sense(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name.upper()} must be a whole number from 1 up"):
        from_env(**{name.upper(): "0"})


def test_mails_for_accepted_photos_are_on_unless_switched_off() -> None:
    assert from_env().mail_on_accepted
    assert not from_env(MAIL_ON_ACCEPTED="False").mail_on_accepted
    with pytest.raises(SettingsError, match="MAIL_ON_ACCEPTED must be true or false"):
        from_env(MAIL_ON_ACCEPTED="no")


@pytest.mark.parametrize("url", ["https://rides.example.com/api/", "http://127.0.0.1:8000/api/"])
def test_the_page_is_linked_to_where_it_is_known(url: str) -> None:
    assert from_env(PAGE_URL=url).page_url == url
    assert from_env(PAGE_URL="").page_url is from_env().page_url is None


@pytest.mark.parametrize("url", ["javascript:alert(1)", "rides.example.com", "/api/"])
def test_a_page_that_mails_cannot_link_to_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="PAGE_URL must begin with https"):
        from_env(PAGE_URL=url)


def test_a_similarity_below_80_is_refused() -> None:
    with pytest.raises(SettingsError, match="SIMILARITY_THRESHOLD must be 80 to 100"):
        from_env(SIMILARITY_THRESHOLD="70")


def test_settings_are_read_from_the_process_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = settings()
    monkeypatch.setenv("SENDER", "other@example.com")
    assert settings() is first
    assert first.sender == ENVIRONMENT["SENDER"]
    assert required("SENDER") == "other@example.com"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        from_env().sender = "other@example.com"  # type: ignore[misc]
