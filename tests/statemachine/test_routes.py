"""Which way an execution takes, whatever its functions answer."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from tests.asl import Execution, Status
from tests.statemachine.definitions import MACHINE_ARN, RIDER_PHOTO_TABLE
from tests.statemachine.scripted import ANSWERS, DEFINITION, INPUT, UPLOAD_ID, Script, error_of, run_scripted

CHECKS = ["FaceDetection", "CheckFaceDuplicate"]
BRANCHES = ["ParallelProcessing", "AddFaceToIndex", "Thumbnail"]
KEEPING = ["ConfirmFaceUnique", "PersistMetadata", "RetireReplacedPhoto"]
ACCEPTED = [*CHECKS, *BRANCHES, "BothBranchesSucceeded", *KEEPING]
FAILED = ["UndoExecution", "HowItEnds", "TellRiderOfFailure", "ProcessingFailed"]
ON_THE_WAY = [name for name in ACCEPTED if name in ANSWERS]
BROKEN = error_of("ValueError", "a bug")
BUSY = error_of("Lambda.TooManyRequestsException")
TIMED_OUT = error_of("States.Timeout")
REJECTED = error_of("PhotoDoesNotMeetRequirementError", "Face is not clear: blurred.")
DUPLICATE = error_of("FaceAlreadyExistsError", "Another rider already uses this face.")
REPLACED = error_of("DynamoDB.ConditionalCheckFailedException")
OLDER = error_of("SupersededError")


def test_a_photo_that_meets_all_rules_is_accepted() -> None:
    execution, _ = run_scripted()
    assert execution.status is Status.SUCCEEDED
    assert execution.states == ACCEPTED


def test_the_item_is_the_workshops_with_the_upload_it_came_from() -> None:
    execution, script = run_scripted()
    assert script.parameters_of("PersistMetadata") == {
        "TableName": RIDER_PHOTO_TABLE,
        "Item": {
            "Username": {"S": "user_a"},
            "faceId": {"S": "face-1"},
            "s3bucket": {"S": "photos"},
            "s3key": {"S": "1_happy_face.jpg"},
            "s3versionid": {"S": "version-1"},
            "uploadId": {"S": UPLOAD_ID},
            "thumbnail": {"M": {"s3bucket": {"S": "thumbnails"}, "s3key": {"S": "small.jpg"}}},
            "avatar": {"M": {"s3bucket": {"S": "thumbnails"}, "s3key": {"S": "face.jpg"}}},
        },
        "ConditionExpression": "(attribute_not_exists(uploadId) OR uploadId IN (:uploadId, :replaces))"
        " AND (attribute_not_exists(closedExecution) OR closedExecution <> :execution)",
        "ExpressionAttributeValues": {
            ":uploadId": {"S": UPLOAD_ID},
            ":replaces": {"S": ""},
            ":execution": {"S": execution.arn},
        },
    }


def test_each_function_gets_the_execution_and_all_that_is_known_so_far() -> None:
    execution, script = run_scripted()
    event = script.parameters_of("RetireReplacedPhoto")
    machine_name = MACHINE_ARN.rpartition(":")[2]
    assert event["executionArn"] == execution.arn
    assert execution.arn.endswith(f":execution:{machine_name}:execution-1")
    assert event["state"] == {
        **INPUT,
        "detectedFaceDetails": {"Payload": ANSWERS["FaceDetection"]},
        "parallelResult": [{"Payload": ANSWERS["AddFaceToIndex"]}, {"Payload": ANSWERS["Thumbnail"]}],
        "confirmed": {"Payload": ANSWERS["ConfirmFaceUnique"]},
    }


def test_what_an_execution_found_out_is_its_output() -> None:
    accepted, script = run_scripted()
    assert accepted.output == script.parameters_of("RetireReplacedPhoto")["state"]
    rejected, script = run_scripted({"FaceDetection": [REJECTED]})
    assert rejected.output == {
        **script.parameters_of("PhotoDoesNotMeetRequirement")["state"],
        "notification": {"Payload": ANSWERS["PhotoDoesNotMeetRequirement"]},
    }


@pytest.mark.parametrize(
    ("state", "error"),
    [("FaceDetection", REJECTED), ("CheckFaceDuplicate", REJECTED), ("CheckFaceDuplicate", DUPLICATE)],
)
def test_a_rejection_by_a_check_is_told_to_the_rider_and_ends_well(state: str, error: Any) -> None:
    execution, script = run_scripted({state: [error]})
    assert execution.status is Status.SUCCEEDED
    assert execution.states == [*CHECKS[: CHECKS.index(state) + 1], "PhotoDoesNotMeetRequirement"]
    told = script.parameters_of("PhotoDoesNotMeetRequirement")["state"]["errorInfo"]
    assert told == {"Error": error.error, "Cause": error.cause}


@pytest.mark.parametrize("state", ["AddFaceToIndex", "Thumbnail", "ConfirmFaceUnique"])
def test_a_rejection_once_something_was_done_is_undone_first(state: str) -> None:
    undone = {**ANSWERS["UndoExecution"], "status": "rejected"}
    execution, script = run_scripted({state: [REJECTED], "UndoExecution": [undone]})
    assert execution.status is Status.SUCCEEDED
    assert execution.states[-3:] == ["UndoExecution", "HowItEnds", "PhotoDoesNotMeetRequirement"]
    told = script.parameters_of("PhotoDoesNotMeetRequirement")["state"]["errorInfo"]
    assert told == {"Error": REJECTED.error, "Cause": REJECTED.cause}


@pytest.mark.parametrize("state", ON_THE_WAY)
@pytest.mark.parametrize(
    "error", [BROKEN, error_of("Lambda.AWSLambdaException.AccessDenied")], ids=["bug", "denied"]
)
def test_a_technical_failure_is_undone_told_and_ends_as_failed(state: str, error: Any) -> None:
    execution, script = run_scripted({state: [error]})
    assert execution.states[-4:] == FAILED
    assert (execution.status, execution.error, execution.cause) == (Status.FAILED, error.error, error.cause)
    assert [call.state for call in script.calls].count(state) == 1
    told = script.parameters_of("UndoExecution")["state"]
    assert told["errorInfo"] == {"Error": error.error, "Cause": error.cause}


def test_a_rejection_whose_mail_fails_is_undone_told_and_ends_as_failed() -> None:
    execution, _ = run_scripted({"FaceDetection": [REJECTED], "PhotoDoesNotMeetRequirement": [BROKEN]})
    assert execution.states == ["FaceDetection", "PhotoDoesNotMeetRequirement", *FAILED]
    assert execution.error == BROKEN.error


@pytest.mark.parametrize("first", [0, 1])
def test_nothing_is_undone_before_both_branches_have_ended(first: int) -> None:
    script = Script({})
    execution = Execution(DEFINITION, INPUT)
    while len(execution.calls) < 2:
        execution.succeed(execution.calls[0], script.perform(execution.calls[0]))
    failing, other = execution.calls[first], execution.calls[1 - first]
    execution.fail(failing, "ValueError", "a bug")
    assert execution.calls == (other,)
    assert execution.abandoned == []
    execution.succeed(other, script.perform(other))
    assert [call.state for call in execution.calls] == ["UndoExecution"]
    state = execution.calls[0].parameters["Payload"]["state"]
    assert state["parallelResult"][1 - first] == {"Payload": ANSWERS[other.state]}
    assert state["parallelResult"][first] == {"errorInfo": {"Error": "ValueError", "Cause": "a bug"}}


def test_when_both_branches_fail_the_index_is_named() -> None:
    execution, _ = run_scripted({"AddFaceToIndex": [BROKEN], "Thumbnail": [error_of("OSError")]})
    assert execution.error == "ValueError"


def test_a_photo_that_a_newer_one_overtook_ends_as_superseded_without_a_mail() -> None:
    undone = {**ANSWERS["UndoExecution"], "status": "superseded"}
    execution, _ = run_scripted({"ConfirmFaceUnique": [OLDER], "UndoExecution": [undone]})
    assert execution.status is Status.SUCCEEDED
    assert execution.states[-3:] == ["UndoExecution", "HowItEnds", "Superseded"]


def test_an_upload_that_was_decided_before_ends_well_and_changes_nothing() -> None:
    undone = {**ANSWERS["UndoExecution"], "status": "decided"}
    ended = error_of("UploadEndedError")
    execution, _ = run_scripted({"AddFaceToIndex": [ended], "UndoExecution": [undone]})
    assert execution.status is Status.SUCCEEDED
    assert execution.states[-3:] == ["UndoExecution", "HowItEnds", "AlreadyDecided"]


def test_a_photo_that_was_replaced_after_the_comparison_is_compared_again() -> None:
    execution, script = run_scripted(
        {"ConfirmFaceUnique": [{"replaces": ""}, {"replaces": UPLOAD_ID}], "PersistMetadata": [REPLACED]}
    )
    assert execution.status is Status.SUCCEEDED
    assert execution.states == [*ACCEPTED[:-1], *KEEPING]
    values = script.parameters_of("PersistMetadata")["ExpressionAttributeValues"]
    assert values[":replaces"] == {"S": UPLOAD_ID}


@pytest.mark.parametrize(
    ("error", "times"), [(error_of("UndecidedRivalError"), 40), (error_of("FaceNotVisibleYetError"), 10)]
)
def test_a_rival_and_the_index_are_waited_for_and_not_for_ever(error: Any, times: int) -> None:
    execution, _ = run_scripted({"ConfirmFaceUnique": [error] * times})
    assert execution.states == ACCEPTED
    assert 60 < execution.now < 600
    execution, _ = run_scripted({"ConfirmFaceUnique": [error] * (times + 1)})
    assert (execution.status, execution.error) == (Status.FAILED, error.error)
    assert execution.states[-4:] == FAILED


def test_a_live_photo_whose_predecessor_cannot_be_removed_fails_without_a_mail() -> None:
    undone = {**ANSWERS["UndoExecution"], "status": "accepted"}
    execution, _ = run_scripted({"RetireReplacedPhoto": [BROKEN], "UndoExecution": [undone]})
    assert execution.states[-3:] == ["UndoExecution", "HowItEnds", "ProcessingFailed"]
    assert execution.error == BROKEN.error


def test_a_mail_of_rejection_that_is_never_taken_changes_nothing_else() -> None:
    late = error_of("RiderNotToldError")
    answers = {"FaceDetection": [REJECTED], "PhotoDoesNotMeetRequirement": [late] * 7}
    execution, script = run_scripted(answers)
    assert execution.status is Status.SUCCEEDED
    assert execution.states == ["FaceDetection", "PhotoDoesNotMeetRequirement", "RiderNotTold"]
    assert [call.state for call in script.calls].count("PhotoDoesNotMeetRequirement") == 7


def test_a_mail_of_acceptance_that_is_never_taken_changes_nothing_else() -> None:
    late = error_of("RiderNotToldError")
    execution, script = run_scripted({"RetireReplacedPhoto": [late] * 7})
    assert execution.status is Status.SUCCEEDED
    assert execution.states == [*ACCEPTED, "RiderNotTold"]
    assert [call.state for call in script.calls].count("RetireReplacedPhoto") == 7
    told, _ = run_scripted({"RetireReplacedPhoto": [late] * 6})
    assert told.states == ACCEPTED


def test_when_even_undoing_fails_the_execution_fails_with_the_first_error() -> None:
    undoing = error_of("RuntimeError")
    execution, _ = run_scripted({"Thumbnail": [BROKEN], "UndoExecution": [undoing]})
    assert execution.states[-2:] == ["UndoExecution", "ProcessingFailed"]
    assert (execution.status, execution.error) == (Status.FAILED, BROKEN.error)


def test_a_mail_of_failure_that_fails_ends_the_execution_all_the_same() -> None:
    execution, _ = run_scripted({"Thumbnail": [BROKEN], "TellRiderOfFailure": [error_of("RuntimeError")]})
    assert (execution.status, execution.error) == (Status.FAILED, BROKEN.error)
    assert execution.states[-2:] == ["TellRiderOfFailure", "ProcessingFailed"]


def transient(state: str) -> Any:
    return error_of("DynamoDB.ThrottlingException") if state == "PersistMetadata" else BUSY


@pytest.mark.parametrize("state", ON_THE_WAY)
@pytest.mark.parametrize("times", [1, 6])
def test_what_is_transient_is_tried_again_until_it_succeeds(state: str, times: int) -> None:
    execution, script = run_scripted({state: [transient(state)] * times})
    assert execution.status is Status.SUCCEEDED
    assert execution.states == ACCEPTED
    retried = [call.retry_count for call in script.calls if call.state == state]
    assert retried == list(range(times + 1))


@pytest.mark.parametrize("state", ON_THE_WAY)
def test_what_stays_transient_is_a_failure_in_the_end(state: str) -> None:
    error = transient(state)
    execution, _ = run_scripted({state: [error] * 7})
    assert (execution.status, execution.error) == (Status.FAILED, error.error)
    assert execution.states[-4:] == FAILED


@pytest.mark.parametrize("state", ON_THE_WAY)
def test_a_task_that_hangs_is_given_up_twice_tried_again_and_then_undone(state: str) -> None:
    execution, script = run_scripted({state: [TIMED_OUT] * 3})
    assert [call.state for call in script.calls].count(state) == 3
    assert (execution.status, execution.error) == (Status.FAILED, "States.Timeout")
    assert execution.states[-4:] == FAILED


@pytest.mark.parametrize("cause", ["", "no JSON", '"text"', "{" * 5000, json.dumps({"errorMessage": 1})])
def test_a_cause_of_any_form_comes_through(cause: str) -> None:
    error = error_of("ValueError")
    error.cause = cause
    execution, _ = run_scripted({"FaceDetection": [error]})
    assert (execution.status, execution.cause) == (Status.FAILED, cause)


@pytest.mark.parametrize("pair", list(itertools.permutations(ANSWERS, 2)), ids="-".join)
@pytest.mark.parametrize("undone", ["failed", "rejected", "superseded", "accepted"])
def test_two_failures_wherever_they_are_lead_to_an_end_and_leave_no_face_behind(
    pair: tuple[str, str], undone: str
) -> None:
    answers: dict[str, list[Any]] = {state: [BROKEN] for state in pair}
    answers.setdefault("UndoExecution", []).append({**ANSWERS["UndoExecution"], "status": undone})
    execution, script = run_scripted(answers)
    assert not execution.is_running
    called = [call.state for call in script.calls]
    kept = execution.states == ACCEPTED and execution.status is Status.SUCCEEDED
    assert kept or "AddFaceToIndex" not in called or "UndoExecution" in called


@pytest.mark.parametrize("data", [{}, {"userId": "user_a"}, {**INPUT, "more": 1}])
def test_the_input_comes_to_the_first_function_as_it_is(data: dict[str, Any]) -> None:
    execution, script = run_scripted({"FaceDetection": [BROKEN]}, data)
    assert script.calls[0].parameters["Payload"] == {"executionArn": execution.arn, "state": data}
