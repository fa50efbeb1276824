"""The dead-letter queue: what lies in it, and who put it there.

==================  ==================================================================================
sender              body
==================  ==================================================================================
a rule's target     the event that its function never got
Lambda              a record of an event that the function failed on, with the event as `requestPayload`
the admission queue the event of an upload whose turn failed five times, with the attribute `startsAt`
the app             `{"source": "execution", "executionArn", "error", "input"}` of a failed execution, or
                    an event it refused, with the message attribute `why`
==================  ==================================================================================
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.errors import InvalidInputError
from chalicelib.models import RiderPhoto
from deploy.functions import AUDIT, CLOSE_EXECUTION, START_PROCESSING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

# Longer than ten letters take, whose functions may run a minute each.
HOLD_SECONDS = 900
# A long poll asks every server of the queue; a short one may miss some.
_WAIT_SECONDS = 1

_FUNCTION_OF_SOURCE = {"aws.s3": START_PROCESSING, "aws.states": CLOSE_EXECUTION, "aws.events": AUDIT}


class UnusableLetterError(Exception):
    """No repetition can do anything with the letter; says why."""


@dataclass(frozen=True)
class Event:
    """An event, and the function that is to have it."""

    function: str
    event: Mapping[str, Any]

    def __str__(self) -> str:
        detail = _mapping(self.event.get("detail"))
        what = _mapping(detail.get("object")).get("key") or detail.get("executionArn")
        # As Python writes it: what a stranger called a file must not speak to the terminal.
        return f"{self.function}: {(what or self.event.get('detail-type'))!r}"


@dataclass(frozen=True)
class FailedExecution:
    """An execution that failed for good, and the photo it was about."""

    execution_arn: str
    error: str
    photo: RiderPhoto

    def __str__(self) -> str:
        return f"execution {self.execution_arn.rpartition(':')[2]!r}: {self.error!r}"


@dataclass(frozen=True)
class Letter:
    """A message of the queue.

    Attributes
    ----------
    sent
        When it was put there, epoch milliseconds, if that is known.
    """

    message_id: str
    receipt_handle: str
    body: str
    why: str | None
    sent: int | None = None

    def content(self) -> Event | FailedExecution:
        """What the letter asks to start again.

        Raises
        ------
        UnusableLetterError
            If it was refused before, or can't be understood.
        """
        if self.why is not None:
            raise UnusableLetterError(self.why)
        body = _object(self.body)
        if body.get("source") == "execution":
            return _failed_execution(body)
        event = body.get("requestPayload", body)
        source = event.get("source") if isinstance(event, Mapping) else None
        function = _FUNCTION_OF_SOURCE.get(source) if isinstance(source, str) else None
        if function is None:
            raise UnusableLetterError("It is neither an event of this app nor a failed execution.")
        return Event(function, event)


class LetterBox:
    """The queue. Letters that are taken out are hidden from others, then deleted or put back.

    Parameters
    ----------
    hold_seconds
        How long others don't see them if whoever took them out is killed.
    """

    def __init__(self, sqs: SQSClient, queue_url: str, hold_seconds: int = HOLD_SECONDS) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._hold_seconds = hold_seconds
        self._taken_out: dict[str, Letter] = {}

    def held_by_others(self) -> int:
        """About how many letters somebody else has taken out, or took out and was killed."""
        answer = self._sqs.get_queue_attributes(
            QueueUrl=self._queue_url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"])

    def letters(self) -> Iterator[Letter]:
        """Take letters out until there is none left."""
        while True:
            answer = self._sqs.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=self._hold_seconds,
                WaitTimeSeconds=_WAIT_SECONDS,
                MessageAttributeNames=["why"],
                MessageSystemAttributeNames=["SentTimestamp"],
            )
            messages = answer.get("Messages", [])
            if not messages:
                return
            letters = [_letter(message) for message in messages]
            self._taken_out |= {letter.message_id: letter for letter in letters}
            yield from letters

    def delete(self, letter: Letter) -> None:
        """Delete a letter that has served."""
        self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=letter.receipt_handle)
        self._taken_out.pop(letter.message_id, None)

    def put_back(self) -> None:
        """Let others see again what was taken out and not deleted."""
        while self._taken_out:
            _, letter = self._taken_out.popitem()
            self._sqs.change_message_visibility(
                QueueUrl=self._queue_url, ReceiptHandle=letter.receipt_handle, VisibilityTimeout=0
            )


def _letter(message: MessageTypeDef) -> Letter:
    attributes = message.get("MessageAttributes", {})
    why = attributes["why"]["StringValue"] if "why" in attributes else None
    sent = message.get("Attributes", {}).get("SentTimestamp")
    return Letter(
        message["MessageId"], message["ReceiptHandle"], message["Body"], why, int(sent) if sent else None
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _object(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except ValueError as error:
        raise UnusableLetterError("It is not JSON.") from error
    if not isinstance(body, dict):
        raise UnusableLetterError("It is not a JSON object.")
    return body


def _failed_execution(body: Mapping[str, Any]) -> FailedExecution:
    execution_arn = body.get("executionArn")
    if not isinstance(execution_arn, str):
        raise UnusableLetterError("It names no execution.")
    try:
        photo = RiderPhoto.from_state({"executionArn": execution_arn, "state": body.get("input")})
    except InvalidInputError as error:
        raise UnusableLetterError(str(error)) from error
    return FailedExecution(execution_arn, str(body.get("error", "")), photo)
