"""The demo: riders upload photos, and it is told what became of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from local.demo_photos import DemoPhoto
from local.riders import FormRefusedError, Rider, content_type_of, post_photo, sign_up
from local.stack import SENDER, Mail, Stack

_OUTCOME_SECONDS = 180.0
_SETTLE_SECONDS = 60.0
_POLL_SECONDS = 0.05
# Reasons for what S3 refuses before the app hears of it: its rules would say the same.
_REFUSALS = {"EntityTooLarge": "IMAGE_TOO_LARGE", "EntityTooSmall": "IMAGE_UNREADABLE"}


@dataclass(frozen=True)
class Outcome:
    """What became of a photo.

    Attributes
    ----------
    thumbnail
        The item's `{"s3bucket", "s3key"}`.
    seconds
        From the start of the upload to the terminal status.
    """

    photo: str
    userId: str  # noqa: N815  # the fields are the keys of the JSON
    uploadId: str  # noqa: N815
    outcome: str
    reason: str | None
    message: str | None
    executionArn: str | None  # noqa: N815
    faceId: str | None  # noqa: N815
    thumbnail: dict[str, str] | None
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return asdict(self)


@dataclass
class Result:
    """What a demo showed.

    Attributes
    ----------
    items
        The rider photo table, an item a rider with a photo.
    mails
        What the app sent, in order.
    riders
        Addresses by userId.
    """

    photos: list[DemoPhoto] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    riders: dict[str, str] = field(default_factory=dict)

    def differences(self) -> list[str]:
        """A sentence for each photo that didn't end as it should; one's own should just not fail."""
        found = []
        for photo, outcome in zip(self.photos, self.outcomes, strict=True):
            ended = f"{outcome.outcome} ({outcome.reason})" if outcome.reason else outcome.outcome
            if photo.expected is None:
                if outcome.outcome == "failed":
                    found.append(f"{photo.name} failed: {outcome.message}")
            elif ended != str(photo.expected):
                found.append(f"{photo.name} should be {photo.expected}, but is {ended}: {outcome.message}")
        return found


def run(
    stack: Stack, photos: Sequence[DemoPhoto], begin: Callable[[DemoPhoto], None]
) -> Iterator[tuple[DemoPhoto, Outcome]]:
    """Upload the photos one after the other, each when the execution before has ended.

    Parameters
    ----------
    begin
        Called before each upload.

    Yields
    ------
    tuple
        Each photo with its outcome.
    """
    riders: dict[int, Rider] = {}
    for photo in photos:
        begin(photo)
        if photo.rider not in riders:
            riders[photo.rider] = sign_up(stack.endpoints, rider_address(photo.rider))
        yield photo, upload(stack, riders[photo.rider], photo)


def rider_address(number: int) -> str:
    """The mail address of a demo rider."""
    return f"rider{number}@{SENDER.rpartition('@')[2]}"


def upload(stack: Stack, rider: Rider, photo: DemoPhoto) -> Outcome:
    """Upload one photo as that rider and wait until it and its execution have ended.

    Raises
    ------
    RiderError
        If the API answers as it never should.
    ProcessError
        If the stack breaks meanwhile.
    """
    content = photo.path.read_bytes()
    form = rider.create_upload(content_type_of(content))
    begin = time.monotonic()
    try:
        post_photo(form, content)
    except FormRefusedError as error:
        return Outcome(
            photo=photo.name,
            userId=rider.user_id,
            uploadId=form.upload_id,
            outcome="rejected",
            reason=_REFUSALS.get(error.code),
            message=f"S3 refused the upload ({error}).",
            executionArn=None,
            faceId=None,
            thumbnail=None,
            seconds=round(time.monotonic() - begin, 2),
        )
    view = rider.wait_for_outcome(form.upload_id, _OUTCOME_SECONDS, stack.check)
    seconds = time.monotonic() - begin
    if view is None:
        view = {
            "status": "failed",
            "reason": None,
            "message": f"No outcome after {_OUTCOME_SECONDS:.0f} s.",
        }
    row = _row(stack, rider.user_id, form.upload_id)
    execution = row.get("executionArn", {}).get("S")
    if execution:
        _wait_until_ended(stack, execution)
    place = row.get("thumbnail", {}).get("M")
    return Outcome(
        photo=photo.name,
        userId=rider.user_id,
        uploadId=form.upload_id,
        outcome=view["status"],
        reason=view["reason"],
        message=view["message"],
        executionArn=execution,
        faceId=row.get("faceId", {}).get("S"),
        thumbnail={name: value["S"] for name, value in place.items()} if place else None,
        seconds=round(seconds, 2),
    )


def collect(stack: Stack, photos: Sequence[DemoPhoto], outcomes: Sequence[Outcome]) -> Result:
    """All that the riders' uploads left behind."""
    pages = (
        stack.client("dynamodb").get_paginator("scan").paginate(TableName=stack.endpoints.rider_photo_table)
    )
    return Result(
        photos=list(photos),
        outcomes=list(outcomes),
        # An item without a face is of a rider who was erased, or whose upload failed.
        items=[item for page in pages for item in page["Items"] if "faceId" in item],
        # The pool's own mails, with the codes that confirm an address, have another sender.
        mails=[mail for mail in stack.mails() if mail.sender == SENDER],
        riders={
            outcome.userId: rider_address(photo.rider)
            for photo, outcome in zip(photos, outcomes, strict=True)
        },
    )


def keep_thumbnails(stack: Stack, outcomes: Sequence[Outcome], directory: Path) -> int:
    """Copy the thumbnails that are live into a folder, and return how many."""
    s3, kept = stack.client("s3"), 0
    directory.mkdir(parents=True, exist_ok=True)
    for number, outcome in enumerate(outcomes, start=1):
        if outcome.thumbnail is None:
            continue
        key = outcome.thumbnail["s3key"]
        try:
            body = s3.get_object(Bucket=outcome.thumbnail["s3bucket"], Key=key)["Body"].read()
        except s3.exceptions.NoSuchKey:
            continue  # a newer photo of the same rider took its place
        name = f"{number:02d}-{Path(outcome.photo).stem}{Path(key).suffix}"
        (directory / name).write_bytes(body)
        kept += 1
    return kept


def _row(stack: Stack, user_id: str, upload_id: str) -> dict[str, Any]:
    answer = stack.client("dynamodb").get_item(
        TableName=stack.deployment.outputs["UploadsTable"],
        Key={"userId": {"S": user_id}, "uploadId": {"S": upload_id}},
        ConsistentRead=True,
    )
    row: dict[str, Any] = answer.get("Item", {})
    return row


def _wait_until_ended(stack: Stack, execution: str) -> None:
    """Wait for what comes after the status: the mail, the removal of what was replaced."""
    step_functions = stack.client("stepfunctions")
    deadline = time.monotonic() + _SETTLE_SECONDS
    while step_functions.describe_execution(executionArn=execution)["status"] == "RUNNING":
        stack.check()
        if time.monotonic() > deadline:
            return
        time.sleep(_POLL_SECONDS)
