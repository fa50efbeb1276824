"""The simulation finds what it is there to find: each weakened form of the app fails in some schedule."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import audit, claims, wiring
from chalicelib.erasure import Eraser
from chalicelib.mail import delivery
from chalicelib.models import Claim, RiderPhoto
from chalicelib.rows import text_of
from chalicelib.strays import Strays
from chalicelib.uploads_table import UploadsTable
from tests.simulation import invocations, scenarios
from tests.simulation.cells import World
from tests.simulation.explore import ViolationError, audited, explore, run_to_end
from tests.simulation.faults import Fault
from tests.simulation.invariants import broken
from tests.simulation.invocations import FUNCTIONS, Run
from tests.simulation.machines import Machine
from tests.simulation.scenarios import Scenario
from tests.simulation.system import Action, State, actions, after
from tests.statemachine.definitions import rider_photo_processing

type Patch = pytest.MonkeyPatch

# What breaks the claims breaks them with and without a mail in the end.
pytestmark = pytest.mark.usefixtures("no_mail_for_accepted")

# The package of the steps has the functions under these names.
confirm_face, index_face, retire_replaced, search_face, undo = (
    importlib.import_module(f"chalicelib.steps.{name}")
    for name in ("confirm_face", "index_face", "retire_replaced", "search_face", "undo")
)


def assert_caught(scenario: Scenario, what: str, fault_count: int = 0) -> None:
    with pytest.raises(ViolationError, match=what) as caught:
        explore(scenario, fault_count)
    print(caught.value)


def use_definition(change: Callable[[dict[str, Any]], None]) -> None:
    definition = copy.deepcopy(rider_photo_processing())
    change(definition["States"])
    Machine.use(definition)


# --- the workshop's structural faults -----------------------------------------------------------------------


def test_to_check_and_then_to_index_lets_two_riders_have_one_face() -> None:
    def without_confirming(states: dict[str, Any]) -> None:
        del states["ConfirmFaceUnique"]
        states["BothBranchesSucceeded"]["Default"] = "PersistMetadata"
        persist = states["PersistMetadata"]
        del persist["Parameters"]["ConditionExpression"], persist["Parameters"]["ExpressionAttributeValues"]
        persist["Catch"] = persist["Catch"][1:]

    use_definition(without_confirming)
    assert_caught(scenarios.TWO_RIDERS, "hold the same face at the same time")


def test_without_compensation_a_failed_thumbnail_leaves_a_face_behind(monkeypatch: Patch) -> None:
    monkeypatch.setitem(FUNCTIONS, "undo", lambda event: {"status": "failed"})
    monkeypatch.setitem(FUNCTIONS, "close_execution", lambda event: {})
    monkeypatch.setitem(FUNCTIONS, "audit", lambda event: {})
    assert_caught(scenarios.ONE_RIDER, "belongs to no live item|ended as processing", fault_count=1)


def test_without_naming_the_version_the_photo_can_be_swapped_after_the_check(monkeypatch: Patch) -> None:
    monkeypatch.setattr(RiderPhoto, "real_version_id", property(lambda photo: None))
    assert_caught(scenarios.SWAPPED, "is not the one in the photo that is kept|version")


def test_a_failure_that_nothing_catches_leaves_an_upload_without_an_end(monkeypatch: Patch) -> None:
    def without_catching(states: dict[str, Any]) -> None:
        for name in ("FaceDetection", "CheckFaceDuplicate"):
            states[name]["Catch"] = states[name]["Catch"][:-1]

    use_definition(without_catching)
    monkeypatch.setitem(FUNCTIONS, "close_execution", lambda event: {})
    monkeypatch.setitem(FUNCTIONS, "audit", lambda event: {})
    assert_caught(scenarios.ONE_RIDER, "ended as processing", fault_count=1)


def test_if_the_riders_own_faces_counted_a_new_photo_would_be_refused(monkeypatch: Patch) -> None:
    def all_of_them(photo: RiderPhoto, image_ids: Any) -> list[claims.Rival]:
        return [claims.Rival(*image_id.rsplit(":", 1)) for image_id in image_ids]

    monkeypatch.setattr(search_face, "rivals_among", all_of_them)
    assert_caught(scenarios.TWO_PHOTOS, "ended as .*rejected")


def test_if_events_were_handled_twice_one_upload_would_be_processed_twice(
    monkeypatch: Patch, accepted: World
) -> None:
    monkeypatch.setattr(claims, "open_claim", _reopen)
    monkeypatch.setattr(index_face, "open_claim", _reopen)
    monkeypatch.setattr(undo, "text_of", _without_owner)
    assert_caught(scenarios.replayed(accepted), "keeps|claim|lost its face", fault_count=1)


def _reopen(photo: RiderPhoto, table: UploadsTable) -> None:
    table.update(photo, {"claim": {"S": Claim.OPEN}}, condition="attribute_exists(userId)")


def _without_owner(row: Any, attribute: str) -> str | None:
    return None if attribute == "executionArn" else text_of(row, attribute)


# --- weakened forms of the claim protocol -------------------------------------------------------------------


def test_a_younger_rival_has_to_be_put_aside(monkeypatch: Patch) -> None:
    def settle(rival: claims.Rival, photo: RiderPhoto, table: UploadsTable) -> None:
        row = table.row(rival.user_id, rival.upload_id or "")
        younger = (rival.upload_id or "", rival.user_id) > (photo.known_upload_id, photo.user_id)
        if text_of(row, "claim") == Claim.OPEN and younger:
            return
        claims.settle(rival, photo, table)

    monkeypatch.setattr(confirm_face, "settle", settle)
    assert_caught(scenarios.TWO_RIDERS, "hold the same face at the same time")


def test_a_rival_has_to_be_put_aside_only_if_it_is_still_open(monkeypatch: Patch) -> None:
    real = UploadsTable.update

    def unconditional(self: UploadsTable, photo: RiderPhoto, attributes: Any, **how: Any) -> bool:
        if attributes == {"claim": {"S": Claim.WITHDRAWN}} and "expected" in how["condition"]:
            return real(self, photo, attributes, condition="attribute_exists(userId)")
        return real(self, photo, attributes, **how)

    monkeypatch.setattr(UploadsTable, "update", unconditional)
    assert_caught(scenarios.TWO_RIDERS, "hold the same face at the same time")


def test_a_rival_that_could_not_be_put_aside_has_to_be_read_again(monkeypatch: Patch) -> None:
    def settle(rival: claims.Rival, photo: RiderPhoto, table: UploadsTable) -> None:
        monkeypatch.setattr(claims, "_move", lambda *_: bool(real(*_)) or True)
        try:
            claims.settle(rival, photo, table)
        finally:
            monkeypatch.setattr(claims, "_move", real)

    real = claims._move
    monkeypatch.setattr(confirm_face, "settle", settle)
    assert_caught(scenarios.TWO_RIDERS, "hold the same face at the same time")


def test_the_own_claim_has_to_be_confirmed_only_if_it_is_still_open(monkeypatch: Patch) -> None:
    def confirm(photo: RiderPhoto, table: UploadsTable) -> None:
        table.update(photo, {"claim": {"S": Claim.CONFIRMED}}, condition="attribute_exists(userId)")

    monkeypatch.setattr(confirm_face, "confirm", confirm)
    assert_caught(scenarios.TWO_RIDERS, "hold the same face at the same time")


def test_the_claim_has_to_be_opened_before_the_face_is_indexed(monkeypatch: Patch) -> None:
    real = UploadsTable.record_face

    def record_face(self: UploadsTable, photo: RiderPhoto, face_id: str) -> bool:
        claims.open_claim(photo, self)
        return real(self, photo, face_id)

    as_it_is = explore(scenarios.ONE_RIDER, fault_count=1).audited
    Run.forget()
    monkeypatch.setattr(index_face, "open_claim", lambda photo, table: None)
    monkeypatch.setattr(UploadsTable, "record_face", record_face)
    # A face without a claim counts as taken, so that uniqueness doesn't break; but what is undone is
    # found by its claim, and without one a face stays until the audit comes.
    assert explore(scenarios.ONE_RIDER, fault_count=1).audited > as_it_is


def test_rivals_have_to_be_searched_for_after_indexing(monkeypatch: Patch) -> None:
    monkeypatch.setattr(confirm_face, "rivals_among", lambda photo, image_ids: [])
    assert_caught(scenarios.TWO_RIDERS, "hold the same face at the same time")


def test_a_rival_that_is_older_and_undecided_has_to_be_waited_for(monkeypatch: Patch) -> None:
    def settle(rival: claims.Rival, photo: RiderPhoto, table: UploadsTable) -> None:
        try:
            claims.settle(rival, photo, table)
        except claims.UndecidedRivalError:
            return

    monkeypatch.setattr(confirm_face, "settle", settle)
    assert_caught(scenarios.TWO_RIDERS, "hold the same face at the same time")


def test_undo_must_not_touch_the_live_photo(monkeypatch: Patch) -> None:
    monkeypatch.setattr(undo, "live_item", lambda *_: {})
    assert_caught(scenarios.ONE_RIDER, "has lost its face", fault_count=1)


def test_a_claim_has_to_be_withdrawn_when_its_face_is_deleted(monkeypatch: Patch) -> None:
    monkeypatch.setattr(undo, "withdraw", lambda photo, table: None)
    assert_caught(scenarios.TWO_RIDERS, "its claim still")


def test_the_mail_for_an_accepted_photo_has_to_be_marked_before_it_is_sent(monkeypatch: Patch) -> None:
    real = delivery.mark

    def unconditional(*args: Any, **how: Any) -> bool:
        return real(*args, **how) or True

    monkeypatch.setattr(delivery, "mark", unconditional)
    monkeypatch.setattr(invocations, "SETTINGS", replace(invocations.SETTINGS, mail_on_accepted=True))
    assert_caught(scenarios.ONE_RIDER, "2 mails 'Your Wild Rydes photo is accepted'", fault_count=1)


def test_only_accepted_uploads_are_retired(monkeypatch: Patch) -> None:
    monkeypatch.setattr(retire_replaced, "status_of", lambda row: retire_replaced.UploadStatus.ACCEPTED)
    assert_caught(scenarios.TWO_PHOTOS, "keeps|mails|thumbnail|claim|ended as")


# --- what the simulation found in this project, put back ----------------------------------------------------


def test_an_upload_overtaken_just_before_it_is_accepted_has_to_retire_itself(monkeypatch: Patch) -> None:
    real = UploadsTable.rows_of_rider

    def only_older_than(this: RiderPhoto) -> Any:
        return lambda self, user_id, before=None: real(self, user_id, min(before, this.known_upload_id))

    def retire(photo: RiderPhoto, **others: Any) -> Any:
        monkeypatch.setattr(UploadsTable, "rows_of_rider", only_older_than(photo))
        try:
            return original(photo, **others)
        finally:
            monkeypatch.setattr(UploadsTable, "rows_of_rider", real)

    original = retire_replaced.retire_replaced
    monkeypatch.setattr(retire_replaced, "retire_replaced", retire)
    event_and_clients = ("event", "table", "dynamodb", "rekognition", "s3", "cognito", "ses", "settings")
    monkeypatch.setitem(FUNCTIONS, "retire_replaced", _calling(retire, event_and_clients))
    assert_caught(scenarios.TWO_PHOTOS, "neither live nor replaced")


def _calling(function: Any, names: tuple[str, ...]) -> Callable[[Any], Any]:
    def run(event: Any) -> Any:
        known = {name: event if name == "event" else wiring._PROVIDERS[name]() for name in names}
        return function(RiderPhoto.from_state(event), **known)

    return run


def test_the_write_of_an_aborted_execution_has_to_be_refused(monkeypatch: Patch) -> None:
    monkeypatch.setattr(undo, "refuse_late_write", lambda *_: None)
    assert_caught(scenarios.ONE_RIDER, "is live, but its row says failed", fault_count=1)


def test_a_claim_that_is_not_opened_yet_is_withdrawn_too(monkeypatch: Patch) -> None:
    def withdraw(photo: RiderPhoto, table: UploadsTable) -> None:
        table.update(photo, {"claim": {"S": Claim.WITHDRAWN}}, condition="attribute_exists(claim)")

    monkeypatch.setattr(undo, "withdraw", withdraw)
    assert_caught(scenarios.ONE_RIDER, "its claim still open", fault_count=1)


@pytest.mark.usefixtures("no_mail_for_accepted", "unfinished_alone", "turns_for_the_audit")
def test_an_upload_that_is_processed_after_all_is_not_taken_over(monkeypatch: Patch) -> None:
    real = UploadsTable.update

    def without_the_claim(self: UploadsTable, photo: RiderPhoto, attributes: Any, **how: Any) -> bool:
        how["condition"] = how["condition"].replace(
            " AND (attribute_not_exists(claim) OR #status <> :status)", ""
        )
        return real(self, photo, attributes, **how)

    monkeypatch.setattr(UploadsTable, "update", without_the_claim)
    assert_caught(scenarios.AUDITED, "failed")


def test_a_thumbnail_that_came_after_the_undoing_is_deleted_by_the_audit(monkeypatch: Patch) -> None:
    monkeypatch.setattr(Strays, "thumbnails", lambda *_: iter(()))
    assert_caught(scenarios.ONE_RIDER, "pictures are", fault_count=1)


def test_what_a_failed_retirement_left_is_retired_by_the_audit(monkeypatch: Patch) -> None:
    monkeypatch.setattr(audit, "retire_older", lambda *_: [])
    assert_caught(scenarios.TWO_PHOTOS, "neither live nor replaced", fault_count=1)


def test_an_erasure_that_was_stopped_is_taken_up_by_the_sweep_from_its_beginning(monkeypatch: Patch) -> None:
    refuse, sweep = Eraser._refuse_older, Eraser.sweep

    def without_refusing(self: Eraser, deadline: Any) -> int:
        monkeypatch.setattr(Eraser, "_refuse_older", lambda *_: None)
        try:
            return sweep(self, deadline)
        finally:
            monkeypatch.setattr(Eraser, "_refuse_older", refuse)

    monkeypatch.setattr(Eraser, "sweep", without_refusing)
    # The rider asks once, and the function is killed before it comes to the rider's item.
    state = scenarios.ERASED.start(1)
    killed = next(
        action
        for action in actions(after(state, _call_of(state, "erase")))
        if action.kind == Fault.CRASH_FOR_GOOD and action.job and action.job.run.function == "erase"
    )
    state = after(after(state, _call_of(state, "erase")), killed)
    state = state._replace(jobs=tuple(job for job in state.jobs if job.run.function != "erase"))
    world = run_to_end(state)
    assert any("has lost its face" in problem for problem in broken(audited(world), scenarios.ERASED))
    monkeypatch.setattr(Eraser, "sweep", sweep)
    Run.forget()
    assert list(broken(audited(world), scenarios.ERASED)) == []


def _call_of(state: State, function: str) -> Action:
    return next(a for a in actions(state) if a.kind == "call" and a.job and a.job.run.function == function)
