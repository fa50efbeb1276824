from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import NoCredentialsError
from botocore.stub import Stubber

from deploy import checks
from deploy.checks import Target, check_photo_readers, check_python, check_sender, find_target
from deploy.errors import CheckError
from tests.unit.deploy.fakes import Lines

SENDER = "rides@example.com"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")


@pytest.fixture
def ses() -> Iterator[Stubber]:
    stubber = Stubber(boto3.client("sesv2", region_name="eu-west-1"))
    with stubber:
        yield stubber
    stubber.assert_no_pending_responses()


def identity(stubber: Stubber, name: str, verified: bool | None) -> None:
    expected = {"EmailIdentity": name}
    if verified is None:
        stubber.add_client_error("get_email_identity", "NotFoundException", expected_params=expected)
    else:
        stubber.add_response("get_email_identity", {"VerifiedForSendingStatus": verified}, expected)


@pytest.mark.parametrize("version", [(3, 12), (3, 13)])
def test_a_python_that_lambda_runs_is_taken(version: tuple[int, int]) -> None:
    check_python(version)


@pytest.mark.parametrize("version", [(3, 11), (3, 14), (4, 0)])
def test_another_python_is_refused_by_its_version(version: tuple[int, int]) -> None:
    with pytest.raises(CheckError, match=rf"Python {version[0]}\.{version[1]}"):
        check_python(version)


def test_a_verified_sender_in_production_passes_silently(ses: Stubber) -> None:
    identity(ses, SENDER, True)
    ses.add_response("get_account", {"ProductionAccessEnabled": True})
    lines = Lines()
    check_sender(ses.client, SENDER, lines)
    assert lines.warnings == []


def test_a_sender_of_a_verified_domain_passes_and_the_sandbox_is_told(ses: Stubber) -> None:
    identity(ses, SENDER, None)
    identity(ses, "example.com", True)
    ses.add_response("get_account", {"ProductionAccessEnabled": False})
    lines = Lines()
    check_sender(ses.client, SENDER, lines)
    assert "sandbox" in lines.warnings[0]


def test_a_sender_in_a_part_of_a_verified_domain_passes_with_that_domain(ses: Stubber) -> None:
    identity(ses, "rides@mail.example.com", None)
    identity(ses, "mail.example.com", None)
    identity(ses, "example.com", True)
    ses.add_response("get_account", {"ProductionAccessEnabled": True})
    assert check_sender(ses.client, "rides@mail.example.com", Lines()).identity == "example.com"


def test_a_sender_that_is_not_verified_says_how_to_verify_it(ses: Stubber) -> None:
    identity(ses, SENDER, False)
    identity(ses, "example.com", None)
    with pytest.raises(CheckError) as refused:
        check_sender(ses.client, SENDER, Lines())
    assert "create-email-identity --email-identity rides@example.com --region eu-west-1" in str(refused.value)


def test_no_region_says_where_to_name_one() -> None:
    with pytest.raises(CheckError, match="--region"):
        find_target("dev", None)


def test_a_region_without_rekognition_names_those_with_it() -> None:
    with pytest.raises(CheckError, match=r"isn't offered in eu-north-1\. .*eu-west-1"):
        find_target("dev", "eu-north-1")


def test_a_region_without_ses_is_refused_too() -> None:
    with pytest.raises(CheckError, match=r"^Amazon SES isn't offered in eu-south-2\. ") as refused:
        find_target("dev", "eu-south-2")
    assert "eu-south-2" not in str(refused.value).partition("one of")[2]


def test_a_region_that_does_not_exist_is_refused() -> None:
    with pytest.raises(CheckError, match=r"no region 'mars'"):
        find_target("dev", "mars")


def test_a_stage_that_does_not_fit_into_names_is_refused() -> None:
    with pytest.raises(CheckError, match="'Prod-1' can't be a stage's name"):
        find_target("Prod-1", "eu-west-1")


def test_a_profile_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(CheckError, match=r"profile \(nobody\).*aws configure"):
        find_target("dev", "eu-west-1")


def test_no_credentials_says_how_to_get_some(monkeypatch: pytest.MonkeyPatch) -> None:
    class Anonymous:
        def get_caller_identity(self) -> None:
            raise NoCredentialsError

    monkeypatch.setattr(boto3.Session, "client", lambda self, service: Anonymous())
    with pytest.raises(CheckError, match="aws sso login"):
        find_target("dev", "eu-west-1")


def test_credentials_that_expired_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client("sts", region_name="eu-west-1")
    with Stubber(client) as sts:
        sts.add_client_error("get_caller_identity", "ExpiredToken", "The token has expired")
        monkeypatch.setattr(boto3.Session, "client", lambda self, service: client)
        with pytest.raises(CheckError, match=r"don't work: .*The token has expired"):
            find_target("dev", "eu-west-1")


def test_a_target_knows_its_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_account_id", lambda session: "123456789012")
    target = find_target("dev", "eu-west-1")
    assert target.photo_bucket == "rider-photos-dev-photos-123456789012-eu-west-1"
    assert target.thumbnail_bucket == "rider-photos-dev-thumbnails-123456789012-eu-west-1"


def in_region(region: str) -> Target:
    return Target(boto3.Session(region_name=region), "dev", region, "123456789012")


def test_photo_readers_are_roles_and_users_of_the_account() -> None:
    role = "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Appeals_0a1b2c"
    user = "arn:aws:iam::123456789012:user/anna@example.com"
    assert check_photo_readers(in_region("eu-west-1"), f"{role}, {user}") == f"{role},{user}"
    assert check_photo_readers(in_region("eu-west-1"), "") == ""
    chinese = "arn:aws-cn:iam::123456789012:role/appeals"
    assert check_photo_readers(in_region("cn-north-1"), chinese) == chinese


@pytest.mark.parametrize(
    "reader",
    [
        "arn:aws:iam::210987654321:role/appeals",
        "arn:aws-cn:iam::123456789012:role/appeals",
        "arn:aws:sts::123456789012:assumed-role/appeals/anna",
        "arn:aws:iam::123456789012:role/*",
        "arn:aws:iam::123456789012:root",
        "anna",
    ],
)
def test_what_can_be_no_photo_reader_is_named(reader: str) -> None:
    known = "arn:aws:iam::123456789012:role/appeals"
    with pytest.raises(CheckError) as refused:
        check_photo_readers(in_region("eu-west-1"), f"{known},{reader}")
    assert str(refused.value).startswith(f"{reader!r} can't be one of --photo-readers")
