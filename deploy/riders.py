"""What an operator does for one rider: erase all that is kept, or allow that the face changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.erasure import Eraser
from chalicelib.errors import RiderPhotoError
from chalicelib.models import UPLOAD_PREFIX
from chalicelib.records import RiderRecords
from chalicelib.riders import live_item
from chalicelib.rows import iso
from chalicelib.twins import forget_records
from deploy.deployed import DeployedStage, check_user, find_deployed
from deploy.errors import CheckError, DeployError, aws_errors_explained
from deploy.progress import Progress

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True)
class RiderOptions:
    """Which rider.

    Attributes
    ----------
    user
        The rider's userId: the `sub` in the user pool, or what an execution started by hand was given.
    region
        None takes that of the environment or the profile.
    """

    stage: str
    user: str
    region: str | None = None


@dataclass(frozen=True)
class RiderErased:
    """What `erase` did.

    Attributes
    ----------
    erased
        False if it was refused when asked.
    objects
        Versions of photos and thumbnails.
    executions
        Those that were stopped.
    records
        The consent and the like, which the rider's own `DELETE /photo` keeps.
    """

    stage: str
    user: str
    erased: bool
    faces: int = 0
    objects: int = 0
    rows: int = 0
    executions: int = 0
    records: int = 0


def erase(
    options: RiderOptions, progress: Progress, confirm: Callable[[str], bool] = lambda question: True
) -> RiderErased:
    """Erase all that this stage keeps of a rider: more than the rider's own `DELETE /photo`, consent too.

    A repetition goes on where the last one stopped, and erases what came in late.

    Parameters
    ----------
    confirm
        Is asked once, before anything is erased.

    Raises
    ------
    CheckError
        If there is no such stage, or nothing is kept of such a rider.
    """
    with aws_errors_explained():
        user = check_user(options.user)
        stage = find_deployed(options.stage, options.region)
        if not _is_known(stage, user):
            raise CheckError(f"Nothing is kept of a rider {user!r} in the stage {options.stage!r}.")
        target = stage.target
        question = (
            f"Erase the rider {user} from {target.names.stack} (account {target.account_id}, region "
            f"{target.region}): faces, every version of the photos, thumbnails, rows and consent? "
            "It can't be undone."
        )
        if not confirm(question):
            return RiderErased(options.stage, user, erased=False)
        progress.step(f"Erasing {user}")
        client = target.session.client
        eraser = Eraser(
            stage.uploads,
            client("dynamodb"),
            client("rekognition"),
            client("s3"),
            client("stepfunctions"),
            stage.settings,
        )
        # First the consent: without it no form is handed out meanwhile.
        records = forget_records(user, _records(stage))
        try:
            erasure = eraser.erase(user)
        except RiderPhotoError as error:
            raise DeployError(f"Not all of {user} is erased: {error} Run the same command again.") from error
    numbers = {**asdict(erasure), "records": records}
    for name, number in numbers.items():
        progress.detail(f"{name}: {number:,}")
    progress.detail("the audit sweeps what forms and executions of that time may still bring in")
    return RiderErased(options.stage, user, erased=True, **numbers)


def allow_change(options: RiderOptions, progress: Progress) -> None:
    """Let the rider's next accepted photo show another face than the current one, once.

    Raises
    ------
    CheckError
        If there is no such stage, or the rider has no photo there.
    """
    with aws_errors_explained():
        user = check_user(options.user)
        stage = find_deployed(options.stage, options.region)
        dynamodb = stage.target.session.client("dynamodb")
        if not _allow(dynamodb, stage.settings.rider_photo_table, user):
            raise CheckError(
                f"The rider {user!r} has no accepted photo in the stage {options.stage!r}: any face will do."
            )
    progress.step(f"The next photo of {user} may show another face, once.")


def _allow(dynamodb: DynamoDBClient, table: str, user: str) -> bool:
    try:
        dynamodb.update_item(
            TableName=table,
            Key={"Username": {"S": user}},
            # PersistMetadata replaces the item, and with it the permission.
            UpdateExpression="SET faceChangeAllowed = :now",
            ConditionExpression="attribute_exists(faceId)",
            ExpressionAttributeValues={":now": {"S": iso(datetime.now(UTC))}},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def _records(stage: DeployedStage) -> RiderRecords:
    return RiderRecords(stage.target.session.client("dynamodb"), stage.settings)


def _is_known(stage: DeployedStage, user: str) -> bool:
    """Whether anything is kept of the rider: an item, a row, a record, or a photo whose row has expired."""
    client, settings = stage.target.session.client, stage.settings
    if live_item(user, client("dynamodb"), settings.rider_photo_table):
        return True
    if next(stage.uploads.rows_of_rider(user), None) is not None:
        return True
    if next(_records(stage).of_rider(user), None) is not None:
        return True
    listed = client("s3").list_object_versions(
        Bucket=settings.photo_bucket, Prefix=f"{UPLOAD_PREFIX}{user}/", MaxKeys=1
    )
    return bool(listed.get("Versions") or listed.get("DeleteMarkers"))
