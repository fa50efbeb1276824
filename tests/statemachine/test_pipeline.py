"""The definition with the real step functions: what riders and operators see in the end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.models import RiderPhoto
from tests.asl import Status, run
from tests.fakes import RIDER, face, photo
from tests.statemachine.pipeline import ADDRESS, Fault, Pipeline
from tests.statemachine.scripted import error_of

TASKS_ON_THE_WAY = [
    *("FaceDetection", "CheckFaceDuplicate", "AddFaceToIndex"),
    *("Thumbnail", "PersistMetadata", "RetireReplacedPhoto"),
]
BROKEN = [error_of("ValueError", "a bug")]
OTHER_RIDER = "8a8a8a8a-1111-4222-8333-944444444444"


ACCEPTED = "Your Wild Rydes photo is accepted"


@pytest.fixture
def alice(pipeline: Pipeline) -> RiderPhoto:
    return pipeline.aws.upload(photo("alice"))


def subjects(pipeline: Pipeline) -> list[str]:
    assert all(mail.to == (ADDRESS,) for mail in pipeline.aws.ses.mails)
    return [mail.subject for mail in pipeline.aws.ses.mails]


def test_a_clear_photo_is_accepted_and_kept_with_face_and_thumbnail(
    pipeline: Pipeline, alice: RiderPhoto
) -> None:
    execution = pipeline.run(alice)
    assert execution.status is Status.SUCCEEDED
    assert pipeline.aws.status(alice) == "accepted"
    assert pipeline.aws.live_item() == {
        "Username": {"S": RIDER},
        "faceId": {"S": pipeline.aws.faces()[0].face_id},
        "s3bucket": {"S": alice.bucket},
        "s3key": {"S": alice.key},
        "s3versionid": {"S": alice.version_id},
        "uploadId": {"S": alice.upload_id},
        "thumbnail": {
            "M": {
                "s3bucket": {"S": pipeline.aws.settings.thumbnail_bucket},
                "s3key": {"S": pipeline.aws.thumbnails()[0]},
            }
        },
        "avatar": {
            "M": {
                "s3bucket": {"S": pipeline.aws.settings.thumbnail_bucket},
                "s3key": {"S": pipeline.aws.avatars()[0]},
            }
        },
    }
    assert (subjects(pipeline), pipeline.aws.dead_letters()) == ([ACCEPTED], [])
    pipeline.assert_consistent()


@pytest.mark.parametrize(
    ("content", "faces", "reason"),
    [
        (photo(), None, "NO_FACE"),
        (photo("alice", "bob"), None, "MULTIPLE_FACES"),
        (photo("alice"), [face(sunglasses=(True, 99.0))], "SUNGLASSES"),
        (photo("alice"), [face(eyes_open=(False, 99.0))], "FACE_NOT_CLEAR"),
        (b"GIF89a, or so it says", None, "UNSUPPORTED_FORMAT"),
        (b"", None, "IMAGE_UNREADABLE"),
        (photo("alice") + bytes(15 * 1024 * 1024), None, "IMAGE_TOO_LARGE"),
    ],
)
def test_a_photo_that_breaks_a_rule_is_rejected_with_a_mail(
    pipeline: Pipeline, content: bytes, faces: Any, reason: str
) -> None:
    if faces:
        pipeline.aws.rekognition.sees(*faces)
    upload = pipeline.aws.upload(content)
    execution = pipeline.run(upload)
    row = pipeline.aws.row(upload) or {}
    assert execution.status is Status.SUCCEEDED
    assert (row["status"], row["reason"]) == ({"S": "rejected"}, {"S": reason})
    assert subjects(pipeline) == ["Your Wild Rydes photo: please take another one"]
    assert pipeline.aws.live_item() is None
    pipeline.assert_consistent()


def test_a_face_that_cannot_be_indexed_is_rejected_and_its_thumbnail_removed(
    pipeline: Pipeline, alice: RiderPhoto
) -> None:
    pipeline.aws.rekognition.filters_out("LOW_SHARPNESS")
    execution = pipeline.run(alice)
    assert execution.states[-3:] == ["UndoExecution", "HowItEnds", "PhotoDoesNotMeetRequirement"]
    assert (pipeline.aws.row(alice) or {})["reason"] == {"S": "FACE_NOT_CLEAR"}
    assert len(subjects(pipeline)) == 1
    pipeline.assert_consistent()


def test_a_damaged_photo_is_rejected_and_its_face_withdrawn(pipeline: Pipeline) -> None:
    content = photo("alice")
    damaged = content[:400] + b"person:alice;"
    upload = pipeline.aws.upload(damaged)
    execution = pipeline.run(upload)
    assert "AddFaceToIndex" in execution.states
    assert (pipeline.aws.row(upload) or {})["reason"] == {"S": "IMAGE_UNREADABLE"}
    pipeline.assert_consistent()


def test_another_riders_face_is_refused_and_the_first_rider_keeps_it(
    pipeline: Pipeline, alice: RiderPhoto
) -> None:
    pipeline.run(alice)
    kept = pipeline.aws.live_item()
    second = pipeline.aws.upload(photo("alice", nonce=1), user_id=OTHER_RIDER)
    execution = pipeline.run(second)
    assert execution.status is Status.SUCCEEDED
    assert (pipeline.aws.row(second) or {})["reason"] == {"S": "FACE_ALREADY_EXISTS"}
    assert (pipeline.aws.live_item(), pipeline.aws.live_item(OTHER_RIDER)) == (kept, None)
    pipeline.assert_consistent()


def test_a_riders_newer_photo_replaces_the_older_one(pipeline: Pipeline, alice: RiderPhoto) -> None:
    pipeline.run(alice)
    newer = pipeline.aws.upload(photo("alice", nonce=1))
    pipeline.run(newer)
    assert (pipeline.aws.live_item() or {})["uploadId"] == {"S": newer.upload_id}
    assert pipeline.aws.status(newer) == "accepted"
    pipeline.assert_consistent()


def test_an_older_photo_that_comes_late_is_superseded_and_nobody_is_told(
    pipeline: Pipeline, alice: RiderPhoto
) -> None:
    newer = pipeline.aws.upload(photo("alice", nonce=1))
    pipeline.run(newer)
    execution = pipeline.run(alice)
    assert (execution.status, execution.states[-1]) == (Status.SUCCEEDED, "Superseded")
    assert pipeline.aws.status(alice) == "superseded"
    assert (pipeline.aws.live_item() or {})["uploadId"] == {"S": newer.upload_id}
    assert (subjects(pipeline), pipeline.aws.dead_letters()) == ([ACCEPTED], [])
    assert "mail_accepted" not in (pipeline.aws.row(alice) or {})
    pipeline.assert_consistent()


@pytest.mark.parametrize("state", TASKS_ON_THE_WAY)
def test_wherever_a_newer_photo_overtakes_an_older_one_the_newer_is_kept(
    pipeline: Pipeline, alice: RiderPhoto, state: str
) -> None:
    newer = pipeline.aws.upload(photo("alice", nonce=1))
    older = pipeline.start_for(alice)
    while state not in [call.state for call in older.calls]:
        older.succeed(older.calls[0], pipeline.perform(older.calls[0]))
    assert pipeline.run(newer).status is Status.SUCCEEDED
    run(older, pipeline.perform)
    assert older.status is Status.SUCCEEDED
    assert (pipeline.aws.live_item() or {})["uploadId"] == {"S": newer.upload_id}
    assert (pipeline.aws.status(alice), pipeline.aws.status(newer)) == ("superseded", "accepted")
    assert subjects(pipeline) == [ACCEPTED]
    pipeline.assert_consistent()


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("state", TASKS_ON_THE_WAY)
def test_whatever_breaks_nothing_stays_behind_and_operator_and_rider_hear_of_it(
    pipeline: Pipeline, alice: RiderPhoto, state: str, after_effect: bool
) -> None:
    execution = pipeline.run(alice, faults={state: Fault(BROKEN, after_effect)})
    assert (execution.status, execution.error) == (Status.FAILED, "ValueError")
    is_live = state == "RetireReplacedPhoto" or (state == "PersistMetadata" and after_effect)
    assert pipeline.aws.status(alice) == ("accepted" if is_live else "failed")
    assert len(pipeline.aws.faces()) == is_live
    told = [] if is_live else ["Your Wild Rydes photo could not be processed"]
    if state == "RetireReplacedPhoto" and after_effect:
        told = [ACCEPTED]
    assert subjects(pipeline) == told
    letter = pipeline.aws.dead_letters()[0]
    assert letter["executionArn"] == execution.arn
    assert letter["input"]["s3Key"] == alice.key
    pipeline.assert_consistent()


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("state", TASKS_ON_THE_WAY)
def test_a_step_that_is_tried_again_changes_nothing(
    pipeline: Pipeline, alice: RiderPhoto, state: str, after_effect: bool
) -> None:
    execution = pipeline.run(alice, faults={state: Fault([error_of("States.Timeout")] * 2, after_effect)})
    assert execution.status is Status.SUCCEEDED
    assert pipeline.aws.status(alice) == "accepted"
    assert subjects(pipeline) == [ACCEPTED]
    pipeline.assert_consistent()


@pytest.mark.parametrize("code", ["TooManyRequestsException", "LimitExceededException"])
def test_a_mail_of_acceptance_waits_until_ses_takes_it(
    pipeline: Pipeline, alice: RiderPhoto, code: str
) -> None:
    for _ in range(3):
        pipeline.aws.ses.fail_next("send_email", pipeline.aws.ses.error(code, status=429))
    execution = pipeline.run(alice)
    assert (execution.status, execution.states[-1]) == (Status.SUCCEEDED, "RetireReplacedPhoto")
    assert subjects(pipeline) == [ACCEPTED]
    assert (pipeline.aws.row(alice) or {})["mail_accepted"] == {"S": "sent"}


def test_a_mail_of_rejection_that_nobody_takes_is_told_to_the_operator_and_changes_no_outcome(
    pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(7):
        pipeline.aws.ses.fail_next(
            "send_email", pipeline.aws.ses.error("TooManyRequestsException", status=429)
        )
    nobody = pipeline.aws.upload(photo())
    execution = pipeline.run(nobody)
    assert (execution.status, execution.states[-1]) == (Status.SUCCEEDED, "RiderNotTold")
    assert pipeline.aws.status(nobody) == "rejected"
    assert (subjects(pipeline), pipeline.aws.dead_letters()) == ([], [])
    refused = [getattr(record, "error", None) for record in caplog.records]
    assert refused.count("RiderNotToldError") == 7


@pytest.mark.parametrize(
    ("client", "operation", "code", "left"),
    [
        ("ses", "send_email", "TooManyRequestsException", "RiderNotTold"),
        ("cognito", "admin_get_user", "TooManyRequestsException", "RiderNotTold"),
        ("cognito", "admin_get_user", "NotAuthorizedException", "RetireReplacedPhoto"),
        ("ses", "send_email", "MessageRejected", "RetireReplacedPhoto"),
    ],
)
def test_a_mail_of_acceptance_that_nobody_takes_changes_no_outcome(
    pipeline: Pipeline, alice: RiderPhoto, client: str, operation: str, code: str, left: str
) -> None:
    fake = getattr(pipeline.aws, client)
    for _ in range(7):
        fake.fail_next(operation, fake.error(code))
    execution = pipeline.run(alice)
    assert (execution.status, execution.states[-1]) == (Status.SUCCEEDED, left)
    assert pipeline.aws.status(alice) == "accepted"
    assert (subjects(pipeline), pipeline.aws.dead_letters()) == ([], [])
    pipeline.assert_consistent()


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
def test_a_mail_that_is_tried_again_is_sent_once(pipeline: Pipeline, after_effect: bool) -> None:
    upload = pipeline.aws.upload(photo())
    fault = Fault([error_of("Sandbox.Timedout")], after_effect)
    pipeline.run(upload, faults={"PhotoDoesNotMeetRequirement": fault})
    assert pipeline.aws.status(upload) == "rejected"
    assert subjects(pipeline) == ["Your Wild Rydes photo: please take another one"]


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
def test_undoing_that_is_tried_again_undoes_once(
    pipeline: Pipeline, alice: RiderPhoto, after_effect: bool
) -> None:
    undo = Fault([error_of("States.Timeout")], after_effect)
    execution = pipeline.run(alice, faults={"PersistMetadata": Fault(BROKEN), "UndoExecution": undo})
    assert execution.states[-3:] == ["HowItEnds", "TellRiderOfFailure", "ProcessingFailed"]
    assert pipeline.aws.status(alice) == "failed"
    assert subjects(pipeline) == ["Your Wild Rydes photo could not be processed"]
    pipeline.assert_consistent()


def test_a_failure_never_touches_the_photo_that_the_rider_has(pipeline: Pipeline, alice: RiderPhoto) -> None:
    pipeline.run(alice)
    kept = pipeline.aws.live_item()
    newer = pipeline.aws.upload(photo("alice", nonce=1))
    pipeline.run(newer, faults={"Thumbnail": Fault(BROKEN)})
    assert pipeline.aws.status(newer) == "failed"
    assert pipeline.aws.live_item() == kept
    pipeline.assert_consistent()


def test_a_face_whose_function_was_killed_before_it_could_say_so_is_found_and_withdrawn(
    pipeline: Pipeline, alice: RiderPhoto
) -> None:
    aws = pipeline.aws
    aws.rekognition.fail_next("index_faces", ValueError("killed"), after_effect=True)
    execution = pipeline.run(alice)
    assert execution.error == "ValueError"
    assert "faceId" not in (aws.row(alice) or {})
    assert len(aws.rekognition.calls_of("delete_faces")) == 1
    pipeline.assert_consistent()


def test_a_replay_of_a_success_changes_nothing(pipeline: Pipeline, alice: RiderPhoto) -> None:
    pipeline.run(alice)
    kept = (pipeline.aws.live_item(), pipeline.aws.faces(), pipeline.aws.thumbnails())
    again = replace(alice, execution_arn=f"{alice.execution_arn}-again")
    assert pipeline.run(again).status is Status.SUCCEEDED
    assert (pipeline.aws.live_item(), pipeline.aws.faces(), pipeline.aws.thumbnails()) == kept
    pipeline.assert_consistent()


def test_the_same_input_indexes_again_after_the_collection_was_made_anew(
    pipeline: Pipeline, alice: RiderPhoto
) -> None:
    pipeline.run(alice)
    collection = pipeline.aws.settings.collection_id
    pipeline.aws.rekognition.delete_collection(CollectionId=collection)
    pipeline.aws.rekognition.create_collection(CollectionId=collection)
    assert pipeline.run(alice).status is Status.SUCCEEDED
    assert len(pipeline.aws.faces()) == 1
    pipeline.assert_consistent()


@pytest.mark.parametrize("people", [("alice",), ()], ids=["accepted", "rejected"])
def test_an_execution_can_be_started_by_hand_with_the_workshops_three_fields(
    pipeline: Pipeline, people: tuple[str, ...]
) -> None:
    by_hand = pipeline.aws.put("1_happy_face.jpg", photo(*people), user_id="user_a")
    data = {"userId": "user_a", "s3Bucket": by_hand.bucket, "s3Key": "1_happy_face.jpg"}
    execution = pipeline.run_input(data)
    assert execution.status is Status.SUCCEEDED
    assert pipeline.aws.status(by_hand) == ("accepted" if people else "rejected")
    assert subjects(pipeline) == []
    pipeline.assert_consistent()


def test_an_object_that_is_not_there_is_a_failure_with_a_status(pipeline: Pipeline) -> None:
    missing = replace(pipeline.aws.upload(photo("alice")), version_id="null")
    pipeline.aws.s3.delete_object(Bucket=missing.bucket, Key=missing.key)
    execution = pipeline.run(missing)
    assert (execution.status, execution.error) == (Status.FAILED, "PhotoNotFoundError")
    assert pipeline.aws.status(missing) == "failed"
    pipeline.assert_consistent()


@pytest.mark.parametrize("data", [{}, {"userId": "../bob", "s3Bucket": "b", "s3Key": "k"}, {"userId": 1}])
def test_an_input_that_cannot_be_understood_fails_and_leaves_no_trace(pipeline: Pipeline, data: Any) -> None:
    execution = pipeline.run_input(data)
    assert (execution.status, execution.error) == (Status.FAILED, "InvalidInputError")
    assert pipeline.aws.dynamodb.items(pipeline.aws.settings.uploads_table) == []
    assert (pipeline.aws.faces(), pipeline.aws.ses.mails) == ([], [])


def test_a_busy_service_is_retried_by_the_machine(pipeline: Pipeline, alice: RiderPhoto) -> None:
    aws = pipeline.aws
    busy = aws.rekognition.error("ProvisionedThroughputExceededException")
    for operation in ("detect_faces", "search_faces_by_image", "index_faces"):
        aws.rekognition.fail_next(operation, busy)
    execution = pipeline.run(alice)
    assert execution.status is Status.SUCCEEDED
    assert execution.now > 0
    assert len(aws.rekognition.calls_of("detect_faces")) == 2
    pipeline.assert_consistent()


def test_a_missing_collection_is_not_retried(pipeline: Pipeline, alice: RiderPhoto) -> None:
    pipeline.aws.rekognition.delete_collection(CollectionId=pipeline.aws.settings.collection_id)
    execution = pipeline.run(alice)
    assert (execution.status, execution.error) == (Status.FAILED, "ResourceNotFoundException")
    assert execution.now == 0
    assert pipeline.aws.status(alice) == "failed"
