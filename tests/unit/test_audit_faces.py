from __future__ import annotations

import pytest

from chalicelib.audit import AuditReport
from chalicelib.erasure import Eraser
from chalicelib.models import UploadStatus
from tests.fakes import RIDER, FakeAws, photo
from tests.unit.pipeline import (
    accept,
    audit,
    grow_old,
    index,
    run,
    share,
    started,
)


def test_riders_that_share_a_face_are_reported_by_their_uploads(
    aws: FakeAws, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = share(aws)
    found = audit(aws).shared_faces
    assert {frozenset(pair) for pair in found} == {frozenset({one.upload_id, other.upload_id})}
    assert '"what":"shared_faces"' in capsys.readouterr().out
    assert len(aws.faces()) == 2, "whose face it is a person decides"


def test_only_faces_accepted_since_the_last_pass_are_searched_again(aws: FakeAws) -> None:
    for number in range(4):
        accept(aws, aws.upload(photo(f"person{'abcd'[number]}"), f"rider-{number}"))
        grow_one_old(aws, number)
    assert audit(aws) == AuditReport()
    searched = len(aws.rekognition.calls_of("search_faces"))
    audit(aws)
    # The last moment is looked at again: another upload may have been accepted in it.
    assert len(aws.rekognition.calls_of("search_faces")) == searched + 1


def grow_one_old(aws: FakeAws, minute: int) -> None:
    """Let the latest upload be last changed at some minute long ago."""
    table = aws.settings.uploads_table
    for row in aws.dynamodb.items(table):
        if "status" in row and not row["updatedAt"]["S"].startswith("2025"):
            moment = {"S": f"2025-06-15T12:0{minute}:00.000Z"}
            aws.dynamodb.put_item(TableName=table, Item=row | {"updatedAt": moment})


@pytest.mark.parametrize("status", [UploadStatus.REJECTED, UploadStatus.FAILED, UploadStatus.SUPERSEDED])
def test_the_face_of_an_upload_that_ended_otherwise_is_deleted(aws: FakeAws, status: UploadStatus) -> None:
    uploaded = aws.upload(photo("anna"))
    index(aws, uploaded)
    aws.table.end(uploaded, status)
    [face] = aws.faces()
    assert audit(aws).faces_deleted == [], "its execution may be deleting it"
    grow_old(aws)
    assert audit(aws).faces_deleted == [face.face_id]
    assert aws.faces() == []
    assert audit(aws) == AuditReport()


def test_the_face_of_a_replaced_photo_is_deleted_and_the_live_one_stays(aws: FakeAws) -> None:
    older = accept(aws, aws.upload(photo("anna")))
    live = accept(aws, aws.upload(photo("anna", nonce=1)))
    aws.rekognition.index_faces(
        CollectionId=aws.settings.collection_id,
        Image=older.as_rekognition_image(),
        ExternalImageId=older.external_image_id,
    )
    grow_old(aws)
    assert len(audit(aws).faces_deleted) == 1
    assert [face.external_image_id for face in aws.faces()] == [live.external_image_id]


def test_the_face_of_an_upload_in_the_works_stays(aws: FakeAws) -> None:
    uploaded = started(aws, aws.upload(photo("anna")))
    index(aws, uploaded)
    grow_old(aws)
    assert audit(aws) == AuditReport()
    assert len(aws.faces()) == 1


@pytest.mark.parametrize("image_id", ["someone", f"{RIDER}:01977421-c660-7000-8000-00000000000f"])
def test_a_face_that_no_row_accounts_for_is_reported_and_stays(aws: FakeAws, image_id: str) -> None:
    aws.rekognition.index_faces(
        CollectionId=aws.settings.collection_id, Image={"Bytes": photo("anna")}, ExternalImageId=image_id
    )
    [face] = aws.faces()
    assert audit(aws).faces_without_row == [face.face_id]
    assert aws.faces() == [face]


def test_a_face_that_was_indexed_for_an_erased_rider_is_deleted(aws: FakeAws) -> None:
    uploaded = started(aws, aws.upload(photo("anna")))
    run(aws, Eraser).erase(RIDER)
    aws.rekognition.index_faces(
        CollectionId=aws.settings.collection_id,
        Image={"Bytes": photo("anna")},
        ExternalImageId=uploaded.external_image_id,
    )
    [face] = aws.faces()
    assert audit(aws).faces_deleted == [face.face_id]
    assert aws.faces() == []


def test_an_accepted_photo_whose_face_is_gone_is_reported(aws: FakeAws) -> None:
    accept(aws, aws.upload(photo("anna")))
    [face] = aws.faces()
    aws.rekognition.delete_faces(CollectionId=aws.settings.collection_id, FaceIds=[face.face_id])
    grow_old(aws)
    assert audit(aws).faces_without_row == [face.face_id]
