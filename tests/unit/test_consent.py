from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from chalicelib import consent
from chalicelib.consent import CONSENT_VERSION, give_consent, has_consented, withdraw_consent
from chalicelib.erasure import Eraser
from chalicelib.errors import ConsentMissingError
from chalicelib.twins import record_twins
from chalicelib.uploads import create_upload
from tests.fakes import RIDER, FakeAws, photo
from tests.unit.pipeline import accept, run

LANGUAGES = sorted((Path(consent.__file__).parent / "web").glob("strings.*.js"))


@pytest.fixture
def eraser(aws: FakeAws) -> Eraser:
    found: Eraser = run(aws, Eraser)
    return found


def record(aws: FakeAws) -> Any:
    return aws.records.get(RIDER, "consent")


def test_consent_is_recorded_with_version_and_time_and_a_repetition_keeps_the_time(aws: FakeAws) -> None:
    assert not has_consented(RIDER, aws.records)
    give_consent(RIDER, CONSENT_VERSION, aws.records)
    given = record(aws)
    assert given["version"] == {"S": CONSENT_VERSION}
    assert given["givenAt"]["S"].endswith("Z")
    give_consent(RIDER, CONSENT_VERSION, aws.records)
    assert record(aws) == given
    assert has_consented(RIDER, aws.records)


def test_a_new_text_asks_everybody_again(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    give_consent(RIDER, CONSENT_VERSION, aws.records)
    monkeypatch.setattr(consent, "CONSENT_VERSION", "next")
    assert not has_consented(RIDER, aws.records)
    give_consent(RIDER, "next", aws.records)
    assert has_consented(RIDER, aws.records)


def test_withdrawing_is_recorded_and_erases_and_consent_can_be_given_again(
    aws: FakeAws, eraser: Eraser
) -> None:
    aws.consent()
    accept(aws, aws.upload(photo("anna")))
    withdraw_consent(RIDER, aws.records, eraser)
    withdrawn = record(aws)
    assert withdrawn["withdrawnAt"]["S"] >= withdrawn["givenAt"]["S"]
    assert aws.faces() == []
    assert not has_consented(RIDER, aws.records)
    withdraw_consent(RIDER, aws.records, eraser)
    assert record(aws) == withdrawn
    aws.consent()
    assert has_consented(RIDER, aws.records)
    assert "withdrawnAt" not in record(aws)


def test_whoever_never_agreed_withdraws_nothing_and_is_erased_all_the_same(
    aws: FakeAws, eraser: Eraser
) -> None:
    accept(aws, aws.upload(photo("anna")))
    withdraw_consent(RIDER, aws.records, eraser)
    assert (record(aws), aws.faces()) == (None, [])


def test_a_form_that_is_asked_for_while_consent_is_withdrawn_is_older_than_the_erasure(
    aws: FakeAws, eraser: Eraser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The consent is read after the uploadId is minted, so that the erasure's tombstone refuses it."""
    aws.consent()
    check = consent.require_consent

    def check_then_withdraw(user_id: str, records: Any) -> None:
        check(user_id, records)
        withdraw_consent(RIDER, aws.records, eraser)

    monkeypatch.setattr("chalicelib.consent.require_consent", check_then_withdraw)
    form = run(aws, create_upload, user_id=RIDER, content_type="image/jpeg")
    assert form.upload_id < (aws.live_item() or {})["uploadId"]["S"]


def test_without_consent_a_form_is_not_even_counted(aws: FakeAws) -> None:
    with pytest.raises(ConsentMissingError, match="POST /consent"):
        run(aws, create_upload, user_id=RIDER, content_type="image/jpeg")
    assert aws.dynamodb.items(aws.settings.uploads_table) == []


@pytest.mark.parametrize("strings", LANGUAGES, ids=lambda path: path.name)
def test_the_page_shows_the_text_of_this_version(strings: Path) -> None:
    """The consent's text in the page's strings begins with its version, and changes with it."""
    versions = re.findall(r'consent: \{\s*version: "([^"]+)"', strings.read_text(encoding="utf-8"))
    assert versions == [CONSENT_VERSION], f"{strings.name} needs `consent: {{ version: … }}`, the API's own"


def test_the_text_names_the_records_that_a_riders_erasure_leaves(aws: FakeAws, eraser: Eraser) -> None:
    aws.consent()
    record_twins(RIDER, "rider-2", aws.records)
    accept(aws, aws.upload(photo("anna")))
    eraser.erase(RIDER)
    left = {row["uploadId"]["S"].partition("#")[0] for row in aws.records.of_rider(RIDER)}
    assert left == {"consent", "twin"}
    words = (Path(consent.__file__).parent / "web" / "strings.en.js").read_text(encoding="utf-8")
    (rights,) = re.findall(r'yourRightsText:\s*"([^"]+)"', words)
    assert re.search(r"stays? .*what you agreed to.* twin.* until you ask us to remove", rights)
