"""The smaller services in memory: SES, SQS, Step Functions and the user pool."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.fakes.service import Answer, FakeClient, Parameters, operation

# What XML 1.0 can hold, and so an SQS message.
_XML = re.compile("[\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*\\Z")
_LONGEST_MESSAGE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SentMail:
    """A mail that SES took."""

    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str


class FakeSES(FakeClient):
    """SES v2 with verified senders."""

    service = "sesv2"

    def __init__(self, *verified: str) -> None:
        super().__init__()
        self._verified = verified
        self.mails: list[SentMail] = []

    @operation
    def send_email(self, request: Parameters) -> Answer:
        if request["FromEmailAddress"] not in self._verified:
            raise self.error("MessageRejected", "Email address is not verified.")
        simple = request["Content"]["Simple"]
        self.mails.append(
            SentMail(
                sender=request["FromEmailAddress"],
                to=tuple(request["Destination"]["ToAddresses"]),
                subject=simple["Subject"]["Data"],
                text=simple["Body"]["Text"]["Data"],
                html=simple["Body"]["Html"]["Data"],
            )
        )
        return {"MessageId": f"fake-{len(self.mails):06}"}


class FakeSQS(FakeClient):
    """SQS queues by URL."""

    service = "sqs"

    def __init__(self, *queue_urls: str) -> None:
        super().__init__()
        self._messages: dict[str, list[Parameters]] = {url: [] for url in queue_urls}

    def messages(self, queue_url: str) -> list[Parameters]:
        """The messages of a queue as they were sent."""
        return list(self._messages[queue_url])

    def bodies(self, queue_url: str) -> list[Any]:
        """The messages' bodies, read as JSON."""
        return [json.loads(message["MessageBody"]) for message in self._messages[queue_url]]

    @operation
    def send_message(self, request: Parameters) -> Answer:
        if request["QueueUrl"] not in self._messages:
            raise self.error("QueueDoesNotExist", "The specified queue does not exist.")
        texts = [request["MessageBody"]]
        for attribute in request.get("MessageAttributes", {}).values():
            if not attribute.get("StringValue"):
                raise self.error("InvalidParameterValue", "A message attribute must not be empty.")
            texts.append(attribute["StringValue"])
        if not all(_XML.match(text) for text in texts):
            raise self.error("InvalidMessageContents", "Invalid characters found.")
        if sum(len(text.encode()) for text in texts) > _LONGEST_MESSAGE:
            raise self.error("InvalidParameterValue", "One or more parameters are invalid: too long.")
        self._messages[request["QueueUrl"]].append(request)
        return {
            "MessageId": f"fake-{len(self._messages[request['QueueUrl']]):06}",
            "MD5OfMessageBody": "0" * 32,
        }


@dataclass(slots=True)
class Execution:
    """An execution of a Standard workflow."""

    arn: str
    input: str
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    running: bool = True


class FakeStepFunctions(FakeClient):
    """Step Functions that remembers executions and runs none."""

    service = "stepfunctions"

    def __init__(self, *state_machine_arns: str) -> None:
        super().__init__()
        self._state_machine_arns = state_machine_arns
        self.executions: dict[str, Execution] = {}

    def close(self, name: str) -> None:
        """End an execution."""
        self.executions[name].running = False

    @operation
    def start_execution(self, request: Parameters) -> Answer:
        arn, name, text = request["stateMachineArn"], request["name"], request.get("input", "{}")
        if arn not in self._state_machine_arns:
            raise self.error("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        if not re.fullmatch(r"[0-9A-Za-z_-]{1,80}", name):
            raise self.error("InvalidName", f"Invalid Name: '{name}'")
        try:
            json.loads(text)
        except ValueError as error:
            raise self.error("InvalidExecutionInput", "Invalid State Machine Execution Input") from error
        known = self.executions.get(name)
        if known and not (known.running and known.input == text):
            raise self.error("ExecutionAlreadyExists", f"Execution Already Exists: '{known.arn}'")
        if not known:
            known = Execution(f"{arn.replace(':stateMachine:', ':execution:')}:{name}", text)
            self.executions[name] = known
        return {"executionArn": known.arn, "startDate": known.started}


class FakeCognito(FakeClient):
    """A user pool."""

    service = "cognito-idp"

    def __init__(self, user_pool_id: str) -> None:
        super().__init__()
        self._user_pool_id = user_pool_id
        self._users: dict[str, dict[str, str]] = {}

    def sign_up(self, username: str, **attributes: str) -> None:
        """Add a user with these attributes, as `email="…", email_verified="true"`."""
        self._users[username] = attributes

    @operation
    def admin_get_user(self, request: Parameters) -> Answer:
        if request["UserPoolId"] != self._user_pool_id:
            raise self.error("ResourceNotFoundException", "User pool does not exist.")
        attributes = self._users.get(request["Username"])
        if attributes is None:
            raise self.error("UserNotFoundException", "User does not exist.")
        return {
            "Username": request["Username"],
            "UserAttributes": [{"Name": name, "Value": value} for name, value in attributes.items()],
            "Enabled": True,
            "UserStatus": "CONFIRMED",
        }
