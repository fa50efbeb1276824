"""What an operator does about rejections: see who appeals, and accept a photo that a rule refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib.appeals import WAIVABLE, waive
from chalicelib.claims import Rival, is_taken, rivals_among
from chalicelib.errors import InvalidInputError
from chalicelib.executions import Started, restart
from chalicelib.models import Reason, RiderPhoto, UploadStatus, is_upload_id, valid_user_id
from chalicelib.records import RiderRecords
from chalicelib.riders import live_item
from chalicelib.rows import Row, iso, photo_of_row, status_of, text_of
from chalicelib.rules import MAX_MATCHES
from chalicelib.twins import are_twins, record_twins
from deploy.deployed import DeployedStage, check_user, find_deployed
from deploy.errors import FORBIDDEN, NO_PHOTO_READER, CheckError, aws_errors_explained, error_code
from deploy.progress import Progress

if TYPE_CHECKING:
    from mypy_boto3_rekognition.client import RekognitionClient

# S3 calls a version that was deleted, and an object that is a delete marker, by other names.
_GONE = {"404", "405", "NoSuchKey", "NoSuchVersion", "MethodNotAllowed"}


@dataclass(frozen=True)
class AppealsOptions:
    """Which stage's appeals."""

    stage: str
    region: str | None = None


@dataclass(frozen=True)
class Appeal:
    """A rejected upload whose rider says that it is a mistake.

    Attributes
    ----------
    reason, message
        Why it was rejected the last time.
    waived
        The rules that an operator has waived for it before.
    """

    user: str
    upload: str
    reason: str
    message: str
    appealed_at: str
    appeal: str
    waived: list[str]


@dataclass(frozen=True)
class AcceptOptions:
    """Which rejected upload to accept."""

    stage: str
    user: str
    upload: str
    region: str | None = None


@dataclass(frozen=True)
class AcceptedUpload:
    """What `accept` did.

    Attributes
    ----------
    started
        False if it was refused when asked, or accepted before.
    status
        The upload's, afterwards.
    twins
        The riders whom this one is a twin of from now on.
    """

    stage: str
    user: str
    upload: str
    started: bool
    status: str
    waived: str | None = None
    twins: list[str] = field(default_factory=list)


def appeals(options: AppealsOptions, progress: Progress) -> list[Appeal]:
    """The appeals that are open, the longest unchanged first.

    Raises
    ------
    CheckError
        If there is no such stage.
    """
    with aws_errors_explained():
        stage = find_deployed(options.stage, options.region)
        rows = stage.uploads.rows_by_status(UploadStatus.REJECTED, before=iso(datetime.now(UTC)))
        found = [_appeal(row) for row in rows if "appeal" in row]
    for each in found:
        progress.detail(f"--user {each.user} --upload {each.upload}")
        waived = f", after {', '.join(each.waived)} was waived" if each.waived else ""
        progress.detail(f"  {each.reason}{waived}, appealed {each.appealed_at}: {each.message}")
        # As Python writes it: what a rider writes must not speak to the terminal.
        progress.detail(f"  {each.appeal!r}")
    return found


def accept(
    options: AcceptOptions, progress: Progress, confirm: Callable[[str], bool] = lambda question: True
) -> AcceptedUpload:
    """Start a rejected upload again, with the rule waived that it broke; whoever holds its face is a twin.

    All other rules still hold. A repetition does no harm: an upload that is not rejected any more stays
    as it is.

    Parameters
    ----------
    confirm
        Is asked once, before anything is changed.

    Raises
    ------
    CheckError
        If there is no such stage or upload, or it can't be accepted; says why.
    """
    with aws_errors_explained():
        user = check_user(options.user)
        stage = find_deployed(options.stage, options.region)
        row = stage.uploads.row(user, options.upload) if is_upload_id(options.upload) else None
        if row is None:
            raise CheckError(
                f"The rider {user!r} has no upload {options.upload[:50]!r} in {options.stage!r}."
            )
        status = status_of(row)
        if status is not UploadStatus.REJECTED:
            if "waived" not in row:
                raise CheckError(f"The upload is {status}, not rejected: there is nothing to accept.")
            progress.step(f"It was accepted before, and is {status} now: nothing was changed.")
            return AcceptedUpload(options.stage, user, options.upload, started=False, status=str(status))
        photo, reason = photo_of_row(row), Reason(text_of(row, "reason") or "")
        _check_acceptable(stage, photo, reason)
        rivals = _rivals(stage, photo) if reason is Reason.FACE_ALREADY_EXISTS else []
        if not confirm(_question(stage, photo, reason, rivals)):
            return AcceptedUpload(options.stage, user, options.upload, started=False, status=str(status))
        return _accept(stage, photo, reason, rivals, progress)


def _accept(
    stage: DeployedStage, photo: RiderPhoto, reason: Reason, rivals: list[str], progress: Progress
) -> AcceptedUpload:
    """Record first, then start: whoever is stopped in between finds the upload rejected, and repeats."""
    client = stage.target.session.client
    records = RiderRecords(client("dynamodb"), stage.settings)
    for rival in rivals:
        record_twins(photo.user_id, rival, records)
        progress.detail(f"{photo.user_id} and {rival} are twins from now on")
    started = waive(photo, reason, stage.uploads) and (
        restart(
            photo,
            photo.execution_arn,
            stage.uploads,
            client("stepfunctions"),
            stage.settings.state_machine_arn,
            (UploadStatus.REJECTED,),
        )
        is Started.STARTED
    )
    if started:
        progress.step("It is processed again. If another rule refuses it, it is among the appeals again.")
    else:
        progress.step("Somebody else accepted it, or its rider was erased, at the same moment.")
    return AcceptedUpload(
        stage.target.stage,
        photo.user_id,
        photo.known_upload_id,
        started=started,
        status=str(stage.uploads.status(photo) or "gone"),
        waived=reason,
        twins=rivals,
    )


def _check_acceptable(stage: DeployedStage, photo: RiderPhoto, reason: Reason) -> None:
    """Raise a CheckError if processing it again could never end as accepted."""
    client, settings = stage.target.session.client, stage.settings
    if reason not in WAIVABLE:
        raise CheckError(
            f"{reason} can't be waived, only {', '.join(WAIVABLE)}: the rider needs another photo."
        )
    live = live_item(photo.user_id, client("dynamodb"), settings.rider_photo_table)
    if (text_of(live, "uploadId") or "") > photo.known_upload_id:
        raise CheckError(
            "The rider has a newer photo, or was erased since: this one can't be accepted any more."
        )
    try:
        client("s3").head_object(**photo.as_s3_object())
    except ClientError as error:
        if error_code(error) == FORBIDDEN:
            raise CheckError(NO_PHOTO_READER) from error
        if error_code(error) not in _GONE:
            raise
        raise CheckError(
            "The photo is not in the bucket any more: the rider has to upload it again."
        ) from error


def _rivals(stage: DeployedStage, photo: RiderPhoto) -> list[str]:
    """The riders who hold the photo's face now, other than its own and known twins.

    Raises
    ------
    CheckError
        If a face that names no rider is among them.
    """
    rekognition = stage.target.session.client("rekognition")
    rivals = [
        rival
        for rival in rivals_among(photo, _matching(stage, photo, rekognition))
        # Both records count: an `accept` that was stopped may have written one.
        if is_taken(rival, stage.uploads)
        and not (
            are_twins(photo.user_id, rival.user_id, stage.uploads)
            and are_twins(rival.user_id, photo.user_id, stage.uploads)
        )
    ]
    return sorted({_rider(rival) for rival in rivals})


def _matching(stage: DeployedStage, photo: RiderPhoto, rekognition: RekognitionClient) -> list[str]:
    try:
        matches = rekognition.search_faces_by_image(
            CollectionId=stage.settings.collection_id,
            Image=photo.as_rekognition_image(),  # type: ignore[arg-type]
            FaceMatchThreshold=stage.settings.photo_rules.similarity_threshold,
            MaxFaces=MAX_MATCHES,
        )["FaceMatches"]
    except rekognition.exceptions.InvalidParameterException:
        return []  # no face is found: the steps will say so
    return [match["Face"].get("ExternalImageId", "") for match in matches]


def _rider(rival: Rival) -> str:
    try:
        return valid_user_id(rival.user_id)
    except InvalidInputError as error:
        raise CheckError(
            "A face that no rider uploaded matches: see 'faces_without_row' in docs/operate.md."
        ) from error


def _question(stage: DeployedStage, photo: RiderPhoto, reason: Reason, rivals: list[str]) -> str:
    names = stage.target.names
    twins = f" {' and '.join(rivals)} will be known as the rider's twin for good." if rivals else ""
    return (
        f"Process {photo.known_upload_id} of {photo.user_id} in {names.stack} again without {reason}?{twins}"
    )


def _appeal(row: Row) -> Appeal:
    return Appeal(
        user=row["userId"]["S"],
        upload=row["uploadId"]["S"],
        reason=text_of(row, "reason") or "",
        message=text_of(row, "message") or "",
        appealed_at=text_of(row, "appealedAt") or "",
        appeal=text_of(row, "appeal") or "",
        waived=[reason["S"] for reason in row.get("waived", {}).get("L", ())],
    )
