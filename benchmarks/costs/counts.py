"""What each outcome of a photo costs in AWS requests, bytes read from S3 and state transitions: exact counts.

Counted in executions of the real definition with the real functions on fake services. A request is a call of
an AWS service by a function, or the state machine's own PutItem; a state transition is a state that is
entered. `start_processing` is counted with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.costs.events import object_created
from chalicelib.models import RiderPhoto
from tests.fakes import face
from tests.fakes import photo as picture
from tests.statemachine.pipeline import Pipeline

OTHER_RIDER: Final = "8a8a8a8a-1111-4222-8333-944444444444"

# The workshop's, counted by hand in its functions and its last definition. Accepted: DetectFaces,
# SearchFacesByImage, IndexFaces, GetObject and PutObject of the thumbnail, PutItem; four states in a row and
# two in branches; the photo is read whole. Refused by FaceDetection, or as a duplicate: the calls up to
# there, and one state more. It has no claim, no mail, no avatar and no record of uploads.
WORKSHOP: Final = {
    "accepted": {"requests": 6, "transitions": 6},
    "rejected": {"requests": 1, "transitions": 2},
    "duplicate": {"requests": 2, "transitions": 3},
}
# Longer than the part of a photo that is read for its header.
_PADDING: Final = bytes(200_000)


@dataclass(frozen=True, slots=True)
class Count:
    """What one photo cost.

    Attributes
    ----------
    size
        Bytes of the photo.
    requests
        By service and operation.
    bytes_read
        That S3 sent to functions, by Range where that was asked for; Rekognition reads its images itself.
    """

    status: str | None
    size: int
    requests: Mapping[str, int]
    transitions: int
    bytes_read: int

    @property
    def total(self) -> int:
        """All requests."""
        return sum(self.requests.values())


def count(pipeline: Pipeline, upload: Callable[[Pipeline], RiderPhoto]) -> Count:
    """Upload a photo, and count from its event on."""
    aws = pipeline.aws
    uploaded = upload(pipeline)
    for client in aws.clients:
        client.calls.clear()
    read = _watch_reads(aws.s3)
    event = object_created(uploaded.bucket, uploaded.key, uploaded.version_id)
    pipeline.invoke("start_processing", event)
    execution = pipeline.run(uploaded)
    aws.s3.around = None
    requests = Counter(
        f"{client.service} {call.operation}" for client in aws.clients for call in client.calls
    )
    # The fake deletes several objects one by one, by its own method; S3 does by one request.
    together = sum(len(call["Delete"]["Objects"]) for call in aws.s3.calls_of("delete_objects"))
    requests["s3 delete_object"] -= together
    size = len(aws.s3.get_object(Bucket=uploaded.bucket, Key=uploaded.key)["Body"].read())
    return Count(
        aws.status(uploaded), size, dict(sorted((+requests).items())), len(execution.entered), sum(read)
    )


def _watch_reads(s3: Any) -> list[int]:
    """A list that gets the length of each body that S3 sends."""
    read: list[int] = []

    def around(client: Any, operation: str, parameters: Any, perform: Callable[[], Any]) -> Any:
        answer = perform()
        if operation == "get_object":
            read.append(answer["ContentLength"])
        return answer

    s3.around = around
    return read


def photo(*people: str, nonce: int = 0) -> bytes:
    """A photo as long as that reading it whole can be told from reading its header."""
    return picture(*people, nonce=nonce) + _PADDING


def accepted(pipeline: Pipeline) -> RiderPhoto:
    """A rider's first photo."""
    return pipeline.aws.upload(photo("alice"))


def replacing(pipeline: Pipeline) -> RiderPhoto:
    """A newer photo of the same rider."""
    pipeline.run(accepted(pipeline))
    return pipeline.aws.upload(photo("alice", nonce=1))


def duplicate(pipeline: Pipeline) -> RiderPhoto:
    """A photo of another rider's face."""
    pipeline.aws.cognito.sign_up(OTHER_RIDER, email="other@example.com", email_verified="true")
    pipeline.run(pipeline.aws.upload(photo("alice", nonce=2), OTHER_RIDER))
    return accepted(pipeline)


def changed(pipeline: Pipeline) -> RiderPhoto:
    """A photo of somebody else than in the rider's current one."""
    pipeline.run(accepted(pipeline))
    return pipeline.aws.upload(photo("bob"))


def sunglasses(pipeline: Pipeline) -> RiderPhoto:
    """A photo with sunglasses."""
    pipeline.aws.rekognition.sees(face(sunglasses=(True, 99.0)))
    return accepted(pipeline)


def unclear(pipeline: Pipeline) -> RiderPhoto:
    """A photo of a face that is turned away."""
    pipeline.aws.rekognition.sees(face(yaw=80.0))
    return accepted(pipeline)


CASES: Final[Mapping[str, Callable[[Pipeline], RiderPhoto]]] = {
    "accepted": accepted,
    "accepted, replacing": replacing,
    "FACE_ALREADY_EXISTS": duplicate,
    "FACE_CHANGED": changed,
    "NO_FACE": lambda pipeline: pipeline.aws.upload(photo()),
    "MULTIPLE_FACES": lambda pipeline: pipeline.aws.upload(photo("alice", "bob")),
    "SUNGLASSES": sunglasses,
    "FACE_NOT_CLEAR": unclear,
    "UNSUPPORTED_FORMAT": lambda pipeline: pipeline.aws.upload(b"GIF89a" + bytes(1000)),
    "IMAGE_TOO_LARGE": lambda pipeline: pipeline.aws.upload(photo("alice") + bytes(16 * 1024 * 1024)),
    "IMAGE_UNREADABLE": lambda pipeline: pipeline.aws.upload(b""),
}
