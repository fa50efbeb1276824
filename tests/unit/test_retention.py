"""How long originals are kept: what the audit tags them with, and when."""

from __future__ import annotations

import pytest

from chalicelib.models import Reason, UploadStatus
from chalicelib.retention import TAG
from tests.fakes import FakeAws, photo
from tests.unit.pipeline import accept, audit, grow_old


def tags_of(aws: FakeAws, key: str) -> list[str | None]:
    """The tag of each version of an original."""
    versions = aws.s3.versions(aws.settings.photo_bucket, key)
    return [version.tags.get(TAG) for version in versions]


def audited(aws: FakeAws) -> None:
    grow_old(aws)
    audit(aws)


@pytest.mark.parametrize("status", [UploadStatus.REJECTED, UploadStatus.FAILED, UploadStatus.SUPERSEDED])
def test_what_was_not_accepted_is_let_go(aws: FakeAws, status: UploadStatus) -> None:
    uploaded = aws.upload(photo())
    aws.table.end(uploaded, status)
    assert tags_of(aws, uploaded.key) == [None]
    audited(aws)
    assert tags_of(aws, uploaded.key) == ["ended"]


def test_a_live_photo_is_kept_until_it_is_replaced(aws: FakeAws) -> None:
    first = aws.upload(photo("anna"))
    accept(aws, first)
    audited(aws)
    assert tags_of(aws, first.key) == ["live"]
    second = aws.upload(photo("anna", nonce=1))
    accept(aws, second)
    audited(aws)
    assert (tags_of(aws, first.key), tags_of(aws, second.key)) == (["ended"], ["live"])


def test_originals_need_not_be_kept_at_all() -> None:
    aws = FakeAws(KEEP_ORIGINALS="false")
    uploaded = aws.upload(photo("anna"))
    accept(aws, uploaded)
    audited(aws)
    assert tags_of(aws, uploaded.key) == ["ended"]


def test_an_appeal_keeps_what_was_to_go(aws: FakeAws) -> None:
    uploaded = aws.upload(photo())
    aws.table.end(uploaded, UploadStatus.REJECTED, reason=Reason.SUNGLASSES)
    audited(aws)
    aws.table.update(uploaded, {"appeal": {"S": "These are clear."}}, condition="attribute_exists(userId)")
    audited(aws)
    assert tags_of(aws, uploaded.key) == ["appealed"]


def test_what_is_processed_still_or_was_just_decided_is_left_alone(aws: FakeAws) -> None:
    waiting, decided = aws.upload(photo()), aws.upload(photo(nonce=1))
    aws.table.end(decided, UploadStatus.REJECTED)
    audit(aws)
    assert tags_of(aws, waiting.key) == tags_of(aws, decided.key) == [None]


def test_an_original_is_tagged_once(aws: FakeAws) -> None:
    aws.table.end(aws.upload(photo()), UploadStatus.REJECTED)
    audited(aws)
    assert len(calls(aws)) == 1
    audit(aws)
    assert len(calls(aws)) == 1


def calls(aws: FakeAws) -> list[object]:
    return [call for call in aws.s3.calls if call.operation == "put_object_tagging"]


@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchVersion"])
def test_an_original_that_is_gone_stops_nothing(aws: FakeAws, code: str) -> None:
    first, second = aws.upload(photo()), aws.upload(photo(nonce=1))
    for uploaded in (first, second):
        aws.table.end(uploaded, UploadStatus.REJECTED)
    aws.s3.fail_next("put_object_tagging", aws.s3.error(code, status=404))
    audited(aws)
    assert sorted(map(str, tags_of(aws, first.key) + tags_of(aws, second.key))) == ["None", "ended"]


def test_what_s3_refuses_is_tried_again_by_the_next_audit(aws: FakeAws) -> None:
    uploaded = aws.upload(photo())
    aws.table.end(uploaded, UploadStatus.REJECTED)
    aws.s3.fail_next("put_object_tagging", aws.s3.error("SlowDown", status=503))
    with pytest.raises(aws.s3.exceptions.ClientError):
        audited(aws)
    audit(aws)
    assert tags_of(aws, uploaded.key) == ["ended"]
