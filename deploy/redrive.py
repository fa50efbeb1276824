"""`redrive`: starts again what lies in the dead-letter queue, whoever put it there. Twice does no harm."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import RiderPhotoError
from chalicelib.executions import Started, restart
from chalicelib.models import RiderPhoto
from chalicelib.originals import identify
from deploy.deployed import DeployedStage, find_deployed
from deploy.errors import FORBIDDEN, NO_PHOTO_READER, aws_errors_explained, error_code
from deploy.functions import AUDIT
from deploy.letters import Event, FailedExecution, Letter, LetterBox, UnusableLetterError
from deploy.progress import Progress

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_stepfunctions import SFNClient

    from chalicelib.uploads_table import UploadsTable
    from deploy.functions import Names

# The slowest function that gets an event runs for a minute. It isn't asked twice: the letter stays instead.
_INVOCATION = Config(read_timeout=70, retries={"total_max_attempts": 1})
_GONE = {"404", "NoSuchKey", "NoSuchVersion"}


@dataclass(frozen=True)
class RedriveOptions:
    """Which stage's queue.

    Attributes
    ----------
    dry_run
        Only show what lies there.
    """

    stage: str
    region: str | None = None
    dry_run: bool = False


@dataclass
class Redriven:
    """What `redrive` did, in letters.

    Attributes
    ----------
    started
        Messages whose photo is processed again; those that would be, of a dry run.
    settled
        Messages with nothing left to start, deleted.
    failed
        Messages that failed again, and why; kept for the next time.
    unusable
        Messages that can never be processed, and why; kept until a person has looked.
    """

    stage: str
    started: list[str] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    unusable: dict[str, str] = field(default_factory=dict)


class _FailedAgainError(Exception):
    """The letter is to be kept: what it asks for failed, and may succeed later."""


def redrive(options: RedriveOptions, progress: Progress) -> Redriven:
    """Start again what lies in the stage's dead-letter queue.

    A letter is deleted only after what it asks for was done. An event goes to its own function; a failed
    execution's photo gets a new execution, unless it was decided since.

    Raises
    ------
    CheckError
        If there is no such stage.
    """
    with aws_errors_explained():
        stage = find_deployed(options.stage, options.region)
        client = stage.target.session.client
        box = LetterBox(client("sqs"), stage.settings.dead_letter_queue_url)
        held = box.held_by_others()
        if held:
            progress.warn(
                f"{held} letters are held by another redrive, or one that was killed: back in 15 minutes."
            )
        return Redriver(
            stage,
            box,
            client("lambda", config=_INVOCATION),
            client("stepfunctions"),
            client("s3"),
            progress,
        ).run(dry_run=options.dry_run)


class Redriver:
    """One pass over the queue."""

    def __init__(
        self,
        stage: DeployedStage,
        box: LetterBox,
        lambda_: LambdaClient,
        step_functions: SFNClient,
        s3: S3Client,
        progress: Progress,
    ) -> None:
        self._names: Names = stage.target.names
        self._state_machine_arn = stage.settings.state_machine_arn
        self._table: UploadsTable = stage.uploads
        self._box = box
        self._lambda = lambda_
        self._step_functions = step_functions
        self._s3 = s3
        self._progress = progress
        self._done = Redriven(stage.target.stage)
        self._restarted: set[tuple[str, str, str | None]] = set()

    def run(self, *, dry_run: bool) -> Redriven:
        """Go through the queue until it is empty, but for what is kept."""
        try:
            for letter in self._box.letters():
                if dry_run:
                    self._show(letter)
                elif self._handle(letter):
                    self._box.delete(letter)
        finally:
            self._box.put_back()
        return self._done

    def _show(self, letter: Letter) -> None:
        try:
            self._progress.detail(f"{letter.message_id}  {letter.content()}")
            self._done.started.append(letter.message_id)
        except UnusableLetterError as error:
            self._keep_unusable(letter, str(error))

    def _handle(self, letter: Letter) -> bool:
        """Do what a letter asks for; False if it is to be kept."""
        try:
            content = letter.content()
            if isinstance(content, FailedExecution):
                started, said = self._start_again(content)
            else:
                started, said = self._deliver(content)
        except UnusableLetterError as error:
            self._keep_unusable(letter, str(error))
            return False
        except (_FailedAgainError, BotoCoreError, ClientError, RiderPhotoError) as error:
            # One letter that fails must not keep the others waiting.
            self._done.failed[letter.message_id] = str(error)
            self._progress.warn(f"{letter.message_id}  kept, failed again: {error}")
            return False
        (self._done.started if started else self._done.settled).append(letter.message_id)
        self._progress.detail(f"{letter.message_id}  {content}: {said}")
        return True

    def _keep_unusable(self, letter: Letter, why: str) -> None:
        self._done.unusable[letter.message_id] = why
        self._progress.warn(f"{letter.message_id}  kept, can never be processed: {why}")
        self._progress.detail(letter.body[:1000])

    def _deliver(self, letter: Event) -> tuple[bool, str]:
        """Give an event to its function, and wait for what it says."""
        if letter.function == AUDIT:
            return False, "the next audit does what this one missed"
        answer = self._lambda.invoke(
            FunctionName=self._names.function(letter.function), Payload=json.dumps(letter.event).encode()
        )
        said = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            raise _FailedAgainError(f"{letter.function}: {_error_of(said)}")
        outcome = said.get("outcome") if isinstance(said, dict) else None
        return outcome in {Started.STARTED, Started.WAITING}, str(outcome or "nothing to do")

    def _start_again(self, letter: FailedExecution) -> tuple[bool, str]:
        """Start an execution of the photo, unless this very pass has done so or it was decided since."""
        photo = self._identified(letter.photo)
        identity = (photo.bucket, photo.key, photo.version_id)
        if identity in self._restarted:
            # It may have failed at once: a pass that went on with its new letter would never end.
            raise _FailedAgainError(
                "the photo was started again by an earlier letter: see what becomes of it"
            )
        outcome = restart(
            photo, letter.execution_arn, self._table, self._step_functions, self._state_machine_arn
        )
        if outcome is Started.SUPERSEDED:
            return False, f"nothing to start again, the upload is {self._table.status(photo) or 'gone'}"
        self._restarted.add(identity)
        return True, str(outcome)

    def _identified(self, photo: RiderPhoto) -> RiderPhoto:
        try:
            return identify(photo, self._s3)
        except ClientError as error:
            if error_code(error) == FORBIDDEN:
                raise _FailedAgainError(NO_PHOTO_READER) from error
            if error_code(error) in _GONE:
                raise UnusableLetterError(
                    f"The photo {photo.key!r} is not in the bucket any more."
                ) from error
            raise


def _error_of(answer: object) -> str:
    if not isinstance(answer, dict):
        return "no reason given"
    return f"{answer.get('errorType', 'error')}: {answer.get('errorMessage', 'no message')}"
