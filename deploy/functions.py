"""What is deployed, and how it is called.

Memory and timeout of each function are in `.chalice/config.json`, its role in
`statemachine/resources.yaml`; a test holds the three and `app.py` together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

APP_NAME = "rider-photos"
API_HANDLER = "api_handler"
START_PROCESSING = "start_processing"
START_WAITING = "start_waiting"
CLOSE_EXECUTION = "close_execution"
AUDIT = "audit"

FUNCTIONS = (
    API_HANDLER,
    START_PROCESSING,
    START_WAITING,
    "detect_faces",
    "search_face",
    "index_face",
    "make_thumbnail",
    "confirm_face",
    "persist_metadata",
    "retire_replaced",
    "undo",
    "notify_rider",
    CLOSE_EXECUTION,
    AUDIT,
)

# Functions that a rule invokes.
TRIGGERED = (START_PROCESSING, CLOSE_EXECUTION, AUDIT)
# Those of them whose every event counts: of the audit the next one does what was missed.
EVENT_HANDLERS = (START_PROCESSING, CLOSE_EXECUTION)

# Functions that write to riders, and link to their page.
MAILING = ("notify_rider", "retire_replaced", CLOSE_EXECUTION, AUDIT)
PAGE_URL = "PAGE_URL"

# Environment variable of every function: the stack's output it holds.
ENVIRONMENT = {
    "PHOTO_BUCKET": "RiderPhotoS3Bucket",
    "THUMBNAIL_BUCKET": "ThumbnailS3Bucket",
    "RIDER_PHOTO_TABLE": "RiderPhotoDDBTable",
    "UPLOADS_TABLE": "UploadsTable",
    "COLLECTION_ID": "CollectionId",
    "STATE_MACHINE_ARN": "StateMachineArn",
    "USER_POOL_ID": "UserPoolId",
    "USER_POOL_ARN": "UserPoolArn",
    "USER_POOL_CLIENT_ID": "UserPoolClientId",
    "DEAD_LETTER_QUEUE_URL": "DeadLetterQueueUrl",
    "CONFIGURATION_SET": "MailConfigurationSet",
    "ADMISSION_QUEUE_URL": "AdmissionQueueUrl",
}

_STAGE = re.compile(r"[a-z][a-z0-9]{0,9}", re.ASCII)


def is_stage(text: str) -> bool:
    """Whether the text can be a stage's name; bucket names leave it ten characters."""
    return _STAGE.fullmatch(text) is not None


def is_production(stage: str) -> bool:
    """Whether a stage's data is protected against deletion: `prod`, `prodeu`, `production` …"""
    return stage.startswith("prod")


def role_output(function: str) -> str:
    """The stack's output that holds the function's role: `detect_faces` → `DetectFacesRoleArn`."""
    return "".join(word.capitalize() for word in function.split("_")) + "RoleArn"


@dataclass(frozen=True)
class Names:
    """Names of a stage's parts, as Chalice and `resources.yaml` form them."""

    stage: str

    @property
    def stack(self) -> str:
        return f"{APP_NAME}-{self.stage}"

    @property
    def operations_stack(self) -> str:
        """The stack of all that only looks; no stage's name holds a hyphen, so it is nobody else's."""
        return f"{APP_NAME}-{self.stage}-operations"

    @property
    def api(self) -> str:
        """The REST API's name, by which its metrics are told from other stages'."""
        return self.stack

    @property
    def layer(self) -> str:
        return f"{APP_NAME}-{self.stage}-managed-layer"

    @property
    def tables(self) -> tuple[str, str]:
        return f"{self.stack}-riders", f"{self.stack}-uploads"

    @property
    def collection(self) -> str:
        return self.stack

    @property
    def user_pool(self) -> str:
        """The pool's name, which Cognito doesn't hold to be the only one."""
        return self.stack

    @property
    def functions(self) -> tuple[str, ...]:
        return tuple(self.function(name) for name in FUNCTIONS)

    def function(self, name: str) -> str:
        """Name in Lambda; all routes share one function, which carries the stage's name alone."""
        return self.stack if name == API_HANDLER else f"{self.stack}-{name}"

    def rule(self, name: str) -> str:
        """Name of the rule that invokes one of the `TRIGGERED` functions."""
        return f"{self.function(name)}-event"

    def log_group(self, name: str) -> str:
        return f"/aws/lambda/{self.function(name)}"

    @property
    def admission_queue(self) -> str:
        """The queue of uploads that wait for their turn."""
        return f"{APP_NAME}-{self.stage}-admission"

    def photo_bucket(self, account_id: str, region: str) -> str:
        return f"{APP_NAME}-{self.stage}-photos-{account_id}-{region}"

    def thumbnail_bucket(self, account_id: str, region: str) -> str:
        return f"{APP_NAME}-{self.stage}-thumbnails-{account_id}-{region}"

    def deploy_bucket(self, account_id: str, region: str) -> str:
        return f"{APP_NAME}-{self.stage}-deploy-{account_id}-{region}"
