"""What must be there before anything is changed."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ProfileNotFound

from deploy.errors import CheckError, error_code
from deploy.functions import Names, is_stage
from deploy.progress import Progress

if TYPE_CHECKING:
    from mypy_boto3_sesv2.client import SESV2Client

OLDEST_PYTHON = (3, 12)
NEWEST_PYTHON = (3, 13)

# Of what a stage needs, what some regions lack: by boto3's names of the services.
_RARE_SERVICES = {
    "rekognition": "Amazon Rekognition",
    "sesv2": "Amazon SES",
    "cognito-idp": "Amazon Cognito",
    "stepfunctions": "AWS Step Functions",
}


@dataclass(frozen=True)
class Target:
    """Where a stage is deployed.

    Attributes
    ----------
    account_id
        The account the credentials belong to, 12 digits.
    """

    session: boto3.Session
    stage: str
    region: str
    account_id: str

    @property
    def names(self) -> Names:
        return Names(self.stage)

    @property
    def photo_bucket(self) -> str:
        return self.names.photo_bucket(self.account_id, self.region)

    @property
    def thumbnail_bucket(self) -> str:
        return self.names.thumbnail_bucket(self.account_id, self.region)

    @property
    def partition(self) -> str:
        return self.session.get_partition_for_region(self.region)

    @property
    def admission_queue_arn(self) -> str:
        return f"arn:{self.partition}:sqs:{self.region}:{self.account_id}:{self.names.admission_queue}"

    @property
    def deploy_bucket(self) -> str:
        return self.names.deploy_bucket(self.account_id, self.region)


def find_target(stage: str, region: str | None) -> Target:
    """Check stage, region and credentials.

    Parameters
    ----------
    region
        Or None for that of the environment or the profile.
    """
    if not is_stage(stage):
        raise CheckError(
            f"{stage!r} can't be a stage's name: a small letter, then up to nine small letters or digits."
        )
    try:
        session = boto3.Session(region_name=region)
    except ProfileNotFound as error:
        raise CheckError(f"{error}. Unset AWS_PROFILE, or make the profile with `aws configure`.") from error
    if not session.region_name:
        raise CheckError("No region is chosen: give --region, or set AWS_DEFAULT_REGION.")
    _check_region(session, session.region_name)
    return Target(session, stage, session.region_name, _account_id(session))


def check_python(version: tuple[int, int] = sys.version_info[:2]) -> None:
    """Raise a CheckError unless Lambda runs this Python: Chalice takes the one it runs on."""
    if not OLDEST_PYTHON <= version <= NEWEST_PYTHON:
        raise CheckError(
            f"This is Python {version[0]}.{version[1]}; the functions would be built for it. Run this with "
            "Python 3.13 (or 3.12): `make setup` finds one, or says what to install."
        )


def check_photo_readers(target: Target, readers: str) -> str:
    """The ARNs as the stack takes them: a CheckError unless each is of a role or user of the account."""
    arns = [arn.strip() for arn in readers.split(",") if arn.strip()]
    beginning = f"arn:{target.partition}:iam::{target.account_id}:"
    for arn in arns:
        if not re.fullmatch(rf"{re.escape(beginning)}(role|user)/[\w+=.@/-]+", arn, re.ASCII):
            raise CheckError(
                f"{arn!r} can't be one of --photo-readers: give ARNs like {beginning}role/NAME (for a "
                f"session its role's) or {beginning}user/NAME, with a comma between two."
            )
    return ",".join(arns)


@dataclass(frozen=True)
class Sending:
    """How SES lets this account send from an address.

    Attributes
    ----------
    identity
        What SES has verified: the address itself, its domain, or one above that.
    in_sandbox
        Whether mails reach verified addresses only.
    per_second, per_day
        SES's quotas; None where it tells none.
    """

    identity: str
    in_sandbox: bool
    per_second: float | None = None
    per_day: float | None = None


def check_sender(ses: SESV2Client, sender: str, progress: Progress) -> Sending:
    """Raise a CheckError unless SES may send from this address; warn if it may only to verified ones."""
    # The address itself, else its domain, or one that this is a part of.
    labels = sender.rpartition("@")[2].split(".")
    domains = [".".join(labels[first:]) for first in range(max(1, len(labels) - 1))]
    identity = next((name for name in (sender, *domains) if _is_verified(ses, name)), None)
    if identity is None:
        region = ses.meta.region_name
        raise CheckError(
            f"SES doesn't send from {sender} in {region} yet. Run `aws sesv2 create-email-identity "
            f"--email-identity {sender} --region {region}` and follow the link in the mail that comes, "
            "or choose another --sender."
        )
    account = ses.get_account()
    in_sandbox = not account.get("ProductionAccessEnabled", False)
    if in_sandbox:
        progress.warn(
            "SES is in its sandbox: mails reach verified addresses only. Ask for production access in the "
            "SES console before real riders come."
        )
    quota = account.get("SendQuota", {})
    return Sending(identity, in_sandbox, quota.get("MaxSendRate"), quota.get("Max24HourSend"))


def _is_verified(ses: SESV2Client, identity: str) -> bool:
    try:
        return ses.get_email_identity(EmailIdentity=identity)["VerifiedForSendingStatus"]
    except ClientError as error:
        if error_code(error) == "NotFoundException":
            return False
        raise


def _check_region(session: boto3.Session, region: str) -> None:
    try:
        partition = session.get_partition_for_region(region)
    except BotoCoreError as error:
        raise CheckError(f"There is no region {region!r}.") from error
    offered = {
        name: set(session.get_available_regions(service, partition_name=partition))
        for service, name in _RARE_SERVICES.items()
    }
    missing = [name for name, regions in offered.items() if region not in regions]
    if missing:
        everywhere = sorted(set.intersection(*offered.values()))
        raise CheckError(
            f"{' and '.join(missing)} isn't offered in {region}. Choose one of: "
            f"{', '.join(everywhere) or 'none'}."
        )


def _account_id(session: boto3.Session) -> str:
    try:
        return session.client("sts").get_caller_identity()["Account"]
    except NoCredentialsError as error:
        raise CheckError(
            "No AWS credentials were found. Sign in (`aws sso login`, `aws configure`), or set AWS_PROFILE."
        ) from error
    except (BotoCoreError, ClientError) as error:
        raise CheckError(f"The AWS credentials don't work: {error}") from error
