"""What must hold in the end, whatever happened: the rules of truth of docs/decisions/simulation.md."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from chalicelib.mail.words_en import WORDS
from chalicelib.models import UploadStatus
from chalicelib.pictures import PICTURES
from chalicelib.records import RECORDS
from tests.simulation.cells import World
from tests.simulation.dynamodb import ITEMS, ROWS
from tests.simulation.scenarios import Scenario, Upload
from tests.simulation.services import FOUND, PHOTOS, THUMBNAILS, alike, object_cell, person_in

type Item = Mapping[str, Any]

_TERMINAL: Final = {"accepted", "rejected", "failed", "superseded"}


def row_of(world: World, upload: Upload) -> Item | None:
    """The row of an upload."""
    text = world.cells.get(upload.row_cell)
    return None if text is None else json.loads(text)


def status_of(world: World, upload: Upload) -> str | None:
    """The status of an upload, None without a row."""
    row = row_of(world, upload)
    return row["status"]["S"] if row and "status" in row else None


def live_items(world: World) -> dict[str, Item]:
    """By rider, the items that hold a live photo: tombstones hold none."""
    items = {name.rpartition("/")[2]: json.loads(world.cells[name]) for name in world.under(ITEMS + "/")}
    return {rider: item for rider, item in items.items() if "faceId" in item}


def always_broken(world: World) -> Iterator[str]:
    """What must hold at every moment: no two riders' live items hold the same face, but those of twins."""
    held = [
        (rider, world.cells.get(f"faces/{item['faceId']['S']}")) for rider, item in live_items(world).items()
    ]
    for number, (rider, face) in enumerate(held):
        for other, other_face in held[:number]:
            twins = f"{ROWS}/{RECORDS}{rider}/twin#{other}" in world.cells
            if face and other_face and alike(face[0], other_face[0]) and not twins:
                yield f"{other} and {rider} hold the same face at the same time"


def broken(world: World, scenario: Scenario, *, audited: bool = False) -> Iterator[str]:
    """What does not hold in the end of a scenario; what audits mend may be left to them."""
    yield from always_broken(world)
    yield from _uploads(world, scenario)
    yield from _faces(world)
    yield from _pictures_and_photos(world, scenario, audited=audited)
    yield from _newest(world, scenario)
    yield from _mails(world, scenario)
    yield from _erased(world, scenario)
    for name in world.under("executions/"):
        if world.cells[name][0] == "RUNNING":
            yield f"{name} has not ended"


def _uploads(world: World, scenario: Scenario) -> Iterator[str]:
    for upload in scenario.uploads:
        row = row_of(world, upload)
        if row is None:
            if upload.rider not in scenario.erased and upload.with_form:
                yield f"{upload} has no row"
            continue
        status, claim = row.get("status", {}).get("S"), row.get("claim", {}).get("S")
        if status not in _TERMINAL:
            yield f"{upload} ended as {status}"
        if status == "rejected" and "reason" not in row:
            yield f"{upload} is rejected without a reason"
        live = live_items(world).get(upload.rider, {}).get("uploadId", {}).get("S") == upload.upload_id
        if live and (status, claim) != ("accepted", "confirmed"):
            yield f"{upload} is live, but its row says {status}, {claim}"
        if status == "accepted" and not live and "replacedBy" not in row:
            yield f"{upload} is accepted, neither live nor replaced"
        if not live and claim not in (None, "withdrawn"):
            yield f"{upload} is {status}, and its claim still {claim}"


def _faces(world: World) -> Iterator[str]:
    held = {item["faceId"]["S"]: item for item in live_items(world).values()}
    stored = {name.removeprefix("faces/") for name in world.under("faces/")}
    for face_id in sorted(stored - held.keys()):
        yield f"the face {face_id} belongs to no live item"
    for face_id in sorted(held.keys() - stored):
        yield f"the live item {held[face_id]['Username']['S']} has lost its face {face_id}"
    for face_id, item in held.items():
        owner = f"{item['Username']['S']}:{item.get('uploadId', {}).get('S')}"
        if face_id.rpartition("/")[0] != owner:
            yield f"the face {face_id} is held by {owner}"


def _pictures_and_photos(world: World, scenario: Scenario, *, audited: bool) -> Iterator[str]:
    live = live_items(world).values()
    wanted = {item[name]["M"]["s3key"]["S"] for item in live for name in PICTURES}
    start = object_cell(THUMBNAILS, "")
    stored = {name.removeprefix(start) for name in world.under(start)}
    stored = {key for key in stored if audited or key in wanted or not _may_stay(world, scenario, key)}
    if wanted != stored:
        yield f"pictures are {sorted(stored)}, not {sorted(wanted)}"
    for item in live:
        versions = world.cells.get(object_cell(PHOTOS, item["s3key"]["S"]), ())
        contents = dict(versions)
        content = contents.get(item.get("s3versionid", {}).get("S"))
        face = world.cells.get(f"faces/{item['faceId']['S']}")
        if content is None:
            yield f"the photo of {item['Username']['S']} is gone"
        elif face and face[0] != person_in(content):
            yield f"the face of {item['Username']['S']} is not the one in the photo that is kept"
    for upload in scenario.uploads:
        row = row_of(world, upload)
        for version, content in world.cells.get(object_cell(PHOTOS, upload.key), ()):
            if upload.with_form and row and content and row.get("s3versionid", {}).get("S") != version:
                yield f"{upload.key} has a version {version} that no row speaks of"


def _may_stay(world: World, scenario: Scenario, picture: str) -> bool:
    """Whether a small picture that nobody needs may be there until the next audit.

    That of an aborted execution, whose function may make it after the undoing; and that of an upload which
    several executions worked on, since each leaves it to the others.
    """
    [upload_id] = [upload.upload_id for upload in scenario.uploads if upload.upload_id in picture][:1]
    keys = {upload.key for upload in scenario.uploads if upload.upload_id == upload_id}
    executions = [world.cells[name] for name in world.under("executions/")]
    statuses = [status for status, data in executions if json.loads(data)["s3Key"] in keys]
    return len(statuses) > 1 or "ABORTED" in statuses


def _newest(world: World, scenario: Scenario) -> Iterator[str]:
    live = live_items(world)
    for rider in {upload.rider for upload in scenario.uploads} - scenario.erased:
        accepted = [
            upload.upload_id
            for upload in scenario.uploads
            if upload.rider == rider and status_of(world, upload) == "accepted"
        ]
        kept = live.get(rider, {}).get("uploadId", {}).get("S")
        if kept != max(accepted, default=None):
            yield f"{rider} keeps {kept}, accepted are {accepted}"


def _mails(world: World, scenario: Scenario) -> Iterator[str]:
    """One mail for one outcome: a rejection is the upload's, a failure the execution's.

    For each accepted upload there is one at most, whichever of its executions sent it.
    """
    sent: dict[tuple[str, str], int] = {}
    rejected, accepted = (WORDS.subjects[of] for of in (UploadStatus.REJECTED, UploadStatus.ACCEPTED))
    for name in world.under("mails/"):
        _, sender, subject = name.split("/", 2)
        about = sender.rpartition(":")[2][:36] if subject == rejected else sender
        sent[about, subject] = sent.get((about, subject), 0) + world.cells[name]
    for (about, subject), number in sent.items():
        if number > (len(scenario.uploads) if about == "audit" else 1):
            yield f"{number} mails {subject!r} for {about}"
    mails = sum(number for (_, subject), number in sent.items() if subject == accepted)
    statuses = [status_of(world, upload) for upload in scenario.uploads]
    if mails > statuses.count("accepted") and not scenario.erased:
        yield f"{mails} mails {accepted!r} for uploads that are {statuses}"


def _erased(world: World, scenario: Scenario) -> Iterator[str]:
    for rider in scenario.erased:
        for name in world.cells:
            if name.startswith((f"{ROWS}/{rider}/", f"objects/{PHOTOS}/uploads/{rider}/", f"faces/{rider}:")):
                yield f"{rider} was erased, but {name} is there"


def all_found(world: World) -> bool:
    """Whether the index has caught up."""
    return all(face[1] == FOUND for face in world.values_under("faces/"))
