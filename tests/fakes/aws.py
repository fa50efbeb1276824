"""One account with all that a stage's stack creates, and nothing in it yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from chalicelib.consent import CONSENT_VERSION, give_consent
from chalicelib.executions import execution_name
from chalicelib.models import RiderPhoto, upload_key, uuid7
from chalicelib.originals import identify
from chalicelib.records import RiderRecords
from chalicelib.settings import Settings
from chalicelib.uploads_table import BY_STATUS_INDEX, UploadsTable
from tests.fakes.dynamodb import FakeDynamoDB, Index
from tests.fakes.rekognition import FakeRekognition, IndexedFace
from tests.fakes.s3 import FakeS3
from tests.fakes.service import FakeClient
from tests.fakes.services import FakeCognito, FakeSES, FakeSQS, FakeStepFunctions

_ACCOUNT_AND_REGION: Final = "123456789012-us-east-1"

# A function's environment, as deployed to a stage called test.
ENVIRONMENT: Final[Mapping[str, str]] = {
    "PHOTO_BUCKET": f"rider-photos-test-photos-{_ACCOUNT_AND_REGION}",
    "THUMBNAIL_BUCKET": f"rider-photos-test-thumbnails-{_ACCOUNT_AND_REGION}",
    "RIDER_PHOTO_TABLE": "rider-photos-test-riders",
    "UPLOADS_TABLE": "rider-photos-test-uploads",
    "COLLECTION_ID": "rider-photos-test",
    "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:RiderPhotoProcessing-test",
    "USER_POOL_ID": "us-east-1_Example01",
    "USER_POOL_ARN": "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_Example01",
    "USER_POOL_CLIENT_ID": "1example23456789",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/rider-photos-test-dead-letters",
    "CONFIGURATION_SET": "rider-photos-test",
    "ADMISSION_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/rider-photos-test-admission",
    "SENDER": "unicorns@example.com",
    "POWERTOOLS_SERVICE_NAME": "rider-photos",
    "POWERTOOLS_METRICS_NAMESPACE": "RiderPhotos",
    "LOG_LEVEL": "INFO",
}
# The subject of a rider's token, which is the name of a user of the pool.
RIDER: Final = "4f1c0c5e-8b1d-4c59-9a55-0d6a3c2b7e11"
_FIRST_UPLOAD_AT: Final = 1_750_000_000_000


class FakeAws:
    """Fake clients that belong together, with the settings that name what is in them.

    Parameters
    ----------
    versioned
        Whether the photos' bucket keeps versions.
    checked
        Whether calls and answers are checked against botocore's models; without it a call is about ten
        times as fast.
    overrides
        Variables of the environment.
    """

    def __init__(self, *, versioned: bool = True, checked: bool = True, **overrides: str) -> None:
        self.settings = Settings.from_env({**ENVIRONMENT, **overrides})
        self.s3 = FakeS3({self.settings.photo_bucket: versioned, self.settings.thumbnail_bucket: False})
        self.dynamodb = FakeDynamoDB(
            {
                self.settings.rider_photo_table: ("Username",),
                self.settings.uploads_table: ("userId", "uploadId"),
            },
            (Index(self.settings.uploads_table, BY_STATUS_INDEX, ("status", "updatedAt")),),
        )
        self.rekognition = FakeRekognition(self.s3, [self.settings.collection_id])
        self.ses = FakeSES(self.settings.sender)
        self.sqs = FakeSQS(self.settings.dead_letter_queue_url, self.settings.admission_queue_url)
        self.step_functions = FakeStepFunctions(self.settings.state_machine_arn)
        self.cognito = FakeCognito(self.settings.user_pool_id)
        self.table = UploadsTable(self.dynamodb, self.settings)  # type: ignore[arg-type]
        self.records = RiderRecords(self.dynamodb, self.settings)  # type: ignore[arg-type]
        self._uploads = 0
        for client in self.clients:
            client.checked = checked

    @property
    def clients(self) -> tuple[FakeClient, ...]:
        """All clients, in a fixed order."""
        services = (self.s3, self.dynamodb, self.rekognition, self.ses, self.sqs)
        return (*services, self.step_functions, self.cognito)

    def save(self) -> tuple[Any, ...]:
        """The state of all services: `restore` goes back to it, as often as one likes."""
        return (self._uploads, *(client.save() for client in self.clients))

    def restore(self, saved: tuple[Any, ...]) -> None:
        """Go back to a state that was saved."""
        self._uploads = saved[0]
        for client, state in zip(self.clients, saved[1:], strict=True):
            client.restore(state)

    def form(self, user_id: str = RIDER, extension: str = "jpg") -> tuple[str, str]:
        """Mint a form of a rider, as the API does, and give its uploadId and key.

        Each upload is a minute younger than the last.
        """
        self._uploads += 1
        upload_id = uuid7(_FIRST_UPLOAD_AT + 60_000 * self._uploads, self._uploads.to_bytes(10, "big"))
        key = upload_key(user_id, upload_id, extension)
        self.table.create(user_id, upload_id, self.settings.photo_bucket, key)
        return upload_id, key

    def upload(self, content: bytes, user_id: str = RIDER, extension: str = "jpg") -> RiderPhoto:
        """Upload a file with a form, and give the photo that an execution of it works on."""
        _, key = self.form(user_id, extension)
        return self.put(key, content, user_id)

    def put(self, key: str, content: bytes, user_id: str = RIDER) -> RiderPhoto:
        """Store a file under any key, and give the photo that an execution of it works on."""
        bucket = self.settings.photo_bucket
        self.s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType="image/jpeg")
        state = RiderPhoto.from_state({"userId": user_id, "s3Bucket": bucket, "s3Key": key})
        photo = identify(state, self.s3)  # type: ignore[arg-type]
        return replace(photo, execution_arn=self.execution_arn(execution_name(photo)))

    def execution_arn(self, name: str) -> str:
        """The ARN of an execution."""
        return f"{self.settings.state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"

    def consent(self, *user_ids: str) -> None:
        """Let riders agree to the processing of their faces, as they must before they get a form."""
        for user_id in user_ids or (RIDER,):
            give_consent(user_id, CONSENT_VERSION, self.records)

    def uploads(self) -> list[dict[str, Any]]:
        """The rows of all uploads."""
        rows = self.dynamodb.items(self.settings.uploads_table)
        return [row for row in rows if "#" not in row["userId"]["S"]]

    def row(self, photo: RiderPhoto) -> dict[str, Any] | None:
        """The row of an upload."""
        return self.dynamodb.item(self.settings.uploads_table, photo.user_id, photo.known_upload_id)

    def status(self, photo: RiderPhoto) -> str | None:
        """The status of an upload, None without a row."""
        return (self.row(photo) or {}).get("status", {}).get("S")

    def live_item(self, user_id: str = RIDER) -> dict[str, Any] | None:
        """The item of a rider's live photo."""
        return self.dynamodb.item(self.settings.rider_photo_table, user_id)

    def faces(self) -> list[IndexedFace]:
        """The faces of the collection."""
        return self.rekognition.faces(self.settings.collection_id)

    def thumbnails(self) -> list[str]:
        """The keys of all thumbnails."""
        return [key for key in self.s3.keys(self.settings.thumbnail_bucket) if ".avatar." not in key]

    def avatars(self) -> list[str]:
        """The keys of all avatars."""
        return [key for key in self.s3.keys(self.settings.thumbnail_bucket) if ".avatar." in key]

    def dead_letters(self) -> list[Any]:
        """The bodies of all dead letters."""
        return self.sqs.bodies(self.settings.dead_letter_queue_url)
