"""Settings, read from the environment: the only reader of os.environ."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, Self, cast, get_args

from chalicelib.errors import SettingsError

if TYPE_CHECKING:
    from chalicelib.rules import PhotoRules

type QualityFilter = Literal["NONE", "AUTO", "LOW", "MEDIUM", "HIGH"]


def required(name: str, environment: Mapping[str, str] | None = None) -> str:
    """A setting that has no default.

    Raises
    ------
    SettingsError
        Naming the variable, if it is missing or empty.
    """
    value = (os.environ if environment is None else environment).get(name, "")
    if not value:
        raise SettingsError(
            f"The environment variable {name} is missing or empty: 'deploy up' sets it for each function."
        )
    return value


# Nobody compares or prints them: what a dataclass has for that, each function would compile at its start.
@dataclass(frozen=True, slots=True, eq=False, repr=False, match_args=False)
class Settings:
    """Where things are, and how strict the rules are.

    Attributes
    ----------
    quality_filter
        Rekognition's, of the faces that are indexed: NONE, AUTO, LOW, MEDIUM or HIGH.
    thumbnail_width, thumbnail_height
        Box that a thumbnail fits into, in pixels.
    same_person_required
        Whether a rider's new photo must show the person of the current one.
    upload_seconds
        How long a presigned upload form is valid, in seconds.
    upload_days
        How long the row of an upload that is not live is kept, in days.
    audit_calls_per_second
        How many calls a second of Rekognition's quota the audit takes.
    uploads_per_window, upload_window_seconds
        How many forms a rider gets in how long a time, in seconds.
    admissions_per_second, admission_burst
        How many uploads a second are started, and how many may be ahead of that at once; `deploy up` sets
        both to what the account's quotas carry, and the defaults are what the least of Rekognition's do.
    cognito_endpoint
        Where the user pool's API is, if not at AWS: what boto3 reads too.
    hosted_login
        URL of the user pool's hosted login, if it has one.
    mail_on_accepted
        Whether a rider gets a mail for an accepted photo too.
    page_url
        The rider's page, to which mails link; None leaves the link out.
    keep_originals
        Whether a live photo's original is kept while it is live, or goes as that of a rejected one.
    configuration_set
        SES's rules for this stage's mails.
    """

    photo_bucket: str
    thumbnail_bucket: str
    rider_photo_table: str
    uploads_table: str
    collection_id: str
    state_machine_arn: str
    user_pool_id: str
    user_pool_client_id: str
    dead_letter_queue_url: str
    admission_queue_url: str
    sender: str
    configuration_set: str
    photo_rules: PhotoRules
    quality_filter: QualityFilter = "AUTO"
    thumbnail_width: int = 300
    thumbnail_height: int = 300
    same_person_required: bool = True
    upload_seconds: int = 900
    upload_days: int = 30
    audit_calls_per_second: int = 1
    uploads_per_window: int = 30
    upload_window_seconds: int = 3600
    admissions_per_second: int = 3
    admission_burst: int = 3
    cognito_endpoint: str | None = None
    hosted_login: str | None = None
    mail_on_accepted: bool = True
    page_url: str | None = None
    keep_originals: bool = True

    @classmethod
    def from_env(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read all settings; a rule's variable is its name in capitals, as MAX_YAW.

        Raises
        ------
        SettingsError
            Naming the variable that is missing or not of its type.
        """
        from chalicelib.rules import PhotoRules

        environment = os.environ if environment is None else environment
        rules = {
            field.name: _number(environment, field.name.upper(), field.default)
            for field in fields(PhotoRules)
            if field.name.upper() in environment
        }
        quality_filter = environment.get("QUALITY_FILTER", "AUTO")
        if quality_filter not in get_args(QualityFilter.__value__):
            raise SettingsError(
                f"QUALITY_FILTER must be one of NONE, AUTO, LOW, MEDIUM, HIGH, not {quality_filter!r}."
            )
        places = {name: required(name.upper(), environment) for name in _REQUIRED}
        numbers = {
            name: int(_number(environment, name.upper(), default, least=1))
            for name, default in _POSITIVE_INTEGERS.items()
        }
        values: dict[str, Any] = {**places, **numbers}
        return cls(
            photo_rules=PhotoRules(**cast("dict[str, Any]", rules)),
            quality_filter=cast(QualityFilter, quality_filter),
            same_person_required=_flag(environment, "SAME_PERSON_REQUIRED", default=True),
            cognito_endpoint=environment.get("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER")
            or environment.get("AWS_ENDPOINT_URL"),
            hosted_login=environment.get("HOSTED_LOGIN") or None,
            mail_on_accepted=_flag(environment, "MAIL_ON_ACCEPTED", default=True),
            page_url=_url(environment, "PAGE_URL"),
            keep_originals=_flag(environment, "KEEP_ORIGINALS", default=True),
            **values,
        )


_REQUIRED: Final = tuple(field.name for field in fields(Settings) if field.type == "str")
_POSITIVE_INTEGERS: Final = {field.name: field.default for field in fields(Settings) if field.type == "int"}


def _number(environment: Mapping[str, str], name: str, default: Any, least: float = 0) -> float | int:
    text = environment.get(name)
    if text is None:
        return cast("float | int", default)
    kind = type(default)
    try:
        number = kind(text)
    except ValueError:
        number = None
    if number is None or not least <= number < float("inf"):
        raise SettingsError(
            f"{name} must be {'a whole' if kind is int else 'a'} number from {least:g} up, not {text!r}."
        )
    return cast("float | int", number)


def _flag(environment: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = environment.get(name, str(default)).lower()
    if text not in {"true", "false"}:
        raise SettingsError(f"{name} must be true or false, not {text!r}.")
    return text == "true"


def _url(environment: Mapping[str, str], name: str) -> str | None:
    text = environment.get(name)
    if not text:
        return None
    if not text.startswith(("https://", "http://")):
        raise SettingsError(f"{name} must begin with https:// or http://, not {text[:100]!r}.")
    return text


@cache
def settings() -> Settings:
    """The settings of this function, read when first used."""
    return Settings.from_env()
