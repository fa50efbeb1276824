"""What riders, operators and events do: where a simulation begins, and how it ends if nothing goes wrong."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from chalicelib.executions import execution_name
from chalicelib.models import RiderPhoto, upload_id_of_object, upload_key, uuid7
from chalicelib.records import RECORDS
from tests.fakes import ENVIRONMENT
from tests.fakes.pictures import photo as picture
from tests.simulation.cells import World, frozen
from tests.simulation.dynamodb import ROWS
from tests.simulation.events import closing_event, created_event, scheduled_event
from tests.simulation.services import LAST_MODIFIED, PHOTOS, object_cell, store
from tests.simulation.system import START, State, initial

type Event = tuple[str, str, Any]

ALICE: Final = "alice"
BOB: Final = "bob"
CAROL: Final = "carol"


@dataclass(frozen=True)
class Upload:
    """A photo that a rider uploads.

    Attributes
    ----------
    person
        Whose face it shows; each letter a trait, "" for nobody's.
    minute
        When its form was minted: the order of uploads.
    with_form
        Without, it was put into the bucket by hand, and has neither row nor uploadId in its key.
    """

    rider: str
    person: str
    minute: int
    with_form: bool = True
    version: str = "v1"

    def __str__(self) -> str:
        return f"{self.rider}'s photo №{self.minute}"

    @functools.cached_property
    def upload_id(self) -> str:
        """The uploadId of the form, or what stands for it."""
        if not self.with_form:
            modified = datetime.fromisoformat(LAST_MODIFIED)
            return upload_id_of_object(PHOTOS, self.key, self.version, modified)
        milliseconds = int((START - 3600 + 60 * self.minute) * 1000)
        return uuid7(milliseconds, self.minute.to_bytes(10, "big"))

    @property
    def key(self) -> str:
        """Where the object lies."""
        if not self.with_form:
            return f"{self.rider}-{self.minute}.jpg"
        return upload_key(self.rider, self.upload_id, "jpg")

    @property
    def row_cell(self) -> str:
        """The cell of its row."""
        return f"{ROWS}/{self.rider}/{self.upload_id}"

    def row(self) -> str:
        """The row that its form wrote."""
        now = "2025-12-31T23:00:00.000Z"
        return frozen(
            {
                "userId": {"S": self.rider},
                "uploadId": {"S": self.upload_id},
                "status": {"S": "waiting"},
                "s3bucket": {"S": PHOTOS},
                "s3key": {"S": self.key},
                "createdAt": {"S": now},
                "updatedAt": {"S": now},
                "expiresAt": {"N": "1800000000"},
            }
        )

    def input(self) -> dict[str, str]:
        """The input of its executions."""
        return {
            "userId": self.rider,
            "s3Bucket": PHOTOS,
            "s3Key": self.key,
            "s3VersionId": self.version,
        }

    def execution_arn(self) -> str:
        """The execution that S3's event starts."""
        photo = RiderPhoto(self.rider, PHOTOS, self.key, self.version, self.upload_id)
        machine_arn = ENVIRONMENT["STATE_MACHINE_ARN"]
        return f"{machine_arn.replace(':stateMachine:', ':execution:')}:{execution_name(photo)}"

    def created(self) -> dict[str, Any]:
        """S3's event."""
        return created_event(PHOTOS, self.key, self.version)


@functools.cache
def _picture(person: str, number: int) -> str:
    return store(picture(*([person] if person else []), size=(160, 160), nonce=number))


@dataclass(frozen=True)
class Scenario:
    """Where a simulation begins, and what it may come to.

    Attributes
    ----------
    uploads
        What lies in the bucket.
    events
        What was sent: (name, function, event).
    endings
        The statuses of the uploads, in their order, that are right without any fault; None for all.
    late_index
        None; "whole": a face is found some time after it was indexed; "halves": by its own id before
        all other searches find it.
    erased
        Riders that erase themselves.
    before
        Cells that are there at the beginning besides.
    audit_mends
        Whether it may need the audit without any fault.
    """

    name: str
    uploads: tuple[Upload, ...]
    events: tuple[Event, ...]
    endings: frozenset[tuple[str | None, ...]] | None
    late_index: str | None = None
    erased: frozenset[str] = frozenset()
    before: tuple[tuple[str, Any], ...] = ()
    audit_mends: bool = False

    def start(self, fault_count: int = 0) -> State:
        """The first state."""
        return initial(self.cells(), self.events, fault_count)

    def cells(self) -> dict[str, Any]:
        """The world in the beginning."""
        cells: dict[str, Any] = dict(self.before)
        known = dict(self.before)
        for upload in self.uploads:
            name = object_cell(PHOTOS, upload.key)
            if name in known:
                continue
            content = _picture(upload.person, upload.minute)
            cells[name] = (*cells.get(name, ()), (upload.version, content))
            if upload.with_form:
                cells.setdefault(upload.row_cell, upload.row())
        if self.late_index:
            cells["late index"] = self.late_index
        return cells


def twin_record(one: str, other: str) -> str:
    """The record by which an operator made another rider one's twin."""
    return frozen({"userId": {"S": f"{RECORDS}{one}"}, "uploadId": {"S": f"twin#{other}"}})


def created(*uploads: Upload) -> tuple[Event, ...]:
    """S3's events of uploads."""
    return tuple(
        (f"created {u.rider} {u.minute} {u.version}", "start_processing", u.created()) for u in uploads
    )


def by_hand(upload: Upload, name: str) -> Event:
    """An execution that somebody starts by hand."""
    return (f"start {name}", "start", {"name": name, "input": upload.input()})


def redriven(upload: Upload, name: str) -> Event:
    """An operator's redrive of the letter of the upload's first execution."""
    event = {"executionArn": upload.execution_arn(), "input": upload.input()}
    return (name, "restart", event)


AUDIT: Final[Event] = ("audit", "audit", scheduled_event())


def _either(*endings: Iterable[str | None]) -> frozenset[tuple[str | None, ...]]:
    return frozenset(tuple(ending) for ending in endings)


_A1, _A2, _B2 = Upload(ALICE, "x", 1), Upload(ALICE, "x", 2), Upload(BOB, "x", 2)
_A3, _C3 = Upload(ALICE, "x", 3), Upload(CAROL, "x", 3)
_STRANGER = Upload(ALICE, "y", 2)
_ONE_WINS = _either(("accepted", "rejected"), ("rejected", "accepted"))

ONE_RIDER: Final = Scenario("one rider", (_A1,), created(_A1), _either(("accepted",)))
NOBODY: Final = Scenario(
    "a photo of nobody", (Upload(ALICE, "", 1),), created(Upload(ALICE, "", 1)), _either(("rejected",))
)
TWO_RIDERS: Final = Scenario("one face, two riders", (_A1, _B2), created(_A1, _B2), _ONE_WINS)
TWINS: Final = Scenario(
    "one face, two riders who are twins",
    (_A1, _B2),
    created(_A1, _B2),
    _either(("accepted", "accepted")),
    before=tuple(
        (f"{ROWS}/{RECORDS}{one}/twin#{other}", twin_record(one, other))
        for one, other in ((ALICE, BOB), (BOB, ALICE))
    ),
)
TWO_RIDERS_LATE: Final = Scenario(
    "one face, two riders, late index", (_A1, _B2), created(_A1, _B2), _ONE_WINS, late_index="whole"
)
TWO_PHOTOS: Final = Scenario(
    "one rider, two photos",
    (_A1, _A2),
    created(_A1, _A2),
    _either(("accepted", "accepted"), ("superseded", "accepted")),
)
TWO_PEOPLE: Final = Scenario(
    "one rider, two photos of two people",
    (_A1, _STRANGER),
    created(_A1, _STRANGER),
    _either(("accepted", "rejected"), ("superseded", "accepted"), ("accepted", "accepted")),
)
SAME_EVENT: Final = Scenario(
    "one event, twice",
    (_A1,),
    (*created(_A1), ("created again", "start_processing", _A1.created())),
    _either(("accepted",)),
)
ERASED: Final = Scenario(
    "erased while processing",
    (_A1,),
    (*created(_A1), ("erase alice", "erase", {"userId": ALICE})),
    None,
    erased=frozenset({ALICE}),
    audit_mends=True,
)
THREE_RIDERS: Final = Scenario(
    "one face, three riders",
    (_A1, _B2, _C3),
    created(_A1, _B2, _C3),
    _either(
        ("accepted", "rejected", "rejected"),
        ("rejected", "accepted", "rejected"),
        ("rejected", "rejected", "accepted"),
    ),
)
AUDITED: Final = Scenario("audited while processing", (_A1,), (*created(_A1), AUDIT), _either(("accepted",)))
AUDITED_RIVALS: Final = Scenario(
    "one face, two riders, audited", (_A1, _B2), (*created(_A1, _B2), AUDIT), _ONE_WINS
)
SWAPPED: Final = Scenario(
    "the object is replaced",
    (_A1, Upload(ALICE, "y", 1, version="v2")),
    created(_A1, Upload(ALICE, "y", 1, version="v2")),
    _either(("accepted", "accepted")),
)
_HAND = Upload("user_a", "x", 1, with_form=False)
TWO_BY_HAND: Final = Scenario(
    "two executions by hand of one photo",
    (_HAND,),
    (by_hand(_HAND, "one"), by_hand(_HAND, "two")),
    _either(("accepted",)),
)
CHAIN: Final = Scenario(
    "three riders, the second like the first and the third",
    (_A1, Upload(BOB, "xy", 2), Upload(CAROL, "y", 3)),
    created(_A1, Upload(BOB, "xy", 2), Upload(CAROL, "y", 3)),
    None,
)


# Others have taken all turns of the next minute.
_CROWD: Final = (
    (
        f"{ROWS}/#admission/turns",
        frozen(
            {
                "userId": {"S": "#admission"},
                "uploadId": {"S": "turns"},
                "nextTurn": {"N": str(int((START + 60) * 1000))},
            }
        ),
    ),
)
TURN: Final = Scenario("one rider in a crowd", (_A1,), created(_A1), _either(("accepted",)), before=_CROWD)
TURN_TWICE: Final = Scenario(
    "one event, twice, in a crowd", (_A1,), SAME_EVENT.events, _either(("accepted",)), before=_CROWD
)
TURN_AUDITED: Final = Scenario(
    "audited in a crowd", (_A1,), (*created(_A1), AUDIT), _either(("accepted",)), before=_CROWD
)
TURN_ERASED: Final = Scenario(
    "erased in a crowd",
    (_A1,),
    ERASED.events,
    None,
    erased=frozenset({ALICE}),
    before=_CROWD,
    audit_mends=True,
)


def replayed(before: World) -> Scenario:
    """An execution of an accepted photo is started again, by its event and by hand under another name."""
    again = ("created again", "start_processing", _A1.created())
    return Scenario(
        "a replay after success",
        (_A1,),
        (again, by_hand(_A1, "by-hand")),
        _either(("accepted",)),
        before=tuple(before.cells.items()),
    )


def restarted(before: World, times: int) -> Scenario:
    """A failed upload is started again, once or twice, while its end is heard of once more."""
    ended = closing_event(_A1.execution_arn(), "FAILED", frozen(_A1.input()))
    return Scenario(
        "a restart after failure",
        (_A1,),
        (
            *(redriven(_A1, f"redrive {number}") for number in range(times)),
            ("end again", "close_execution", ended),
        ),
        _either(("accepted",)),
        before=tuple(before.cells.items()),
    )


def replaced(before: World) -> Scenario:
    """A rider with a live photo uploads two more."""
    return Scenario(
        "two photos more", (_A1, _A2, _A3), created(_A2, _A3), None, before=tuple(before.cells.items())
    )
