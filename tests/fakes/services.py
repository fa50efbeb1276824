"""The smaller services in memory: SES, SQS, Step Functions and the user pool."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

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
    _state: ClassVar = {"mails": 1}

    def __init__(self, *verified: str) -> None:
        super().__init__()
        self._verified = verified
        self.mails: list[SentMail] = []
        self.suppressed: set[str] = set()

    @operation
    def get_suppressed_destination(self, request: Parameters) -> Answer:
        if request["EmailAddress"] not in self.suppressed:
            raise self.error("NotFoundException", "Email address does not exist on your suppression list.")
        about = {"EmailAddress": request["EmailAddress"], "Reason": "BOUNCE"}
        return {"SuppressedDestination": {**about, "LastUpdateTime": datetime.now(UTC)}}

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
    """SQS queues by URL: who receives a message hides it until `reappear`, and deletes it by its receipt."""

    service = "sqs"
    _state: ClassVar = {"_messages": 2, "_hidden": 1, "_sent": 0}

    def __init__(self, *queue_urls: str) -> None:
        super().__init__()
        self._messages: dict[str, dict[str, Parameters]] = {url: {} for url in queue_urls}
        self._hidden: set[str] = set()
        self._sent = 0

    def messages(self, queue_url: str) -> list[Parameters]:
        """The messages of a queue as they were sent."""
        return list(self._messages[queue_url].values())

    def bodies(self, queue_url: str) -> list[Any]:
        """The messages' bodies, read as JSON."""
        return [json.loads(message["MessageBody"]) for message in self.messages(queue_url)]

    def reappear(self) -> None:
        """Let the visibility timeout of all messages pass."""
        self._hidden.clear()

    @operation
    def send_message(self, request: Parameters) -> Answer:
        queue = self._queue(request)
        texts = [request["MessageBody"]]
        for attribute in request.get("MessageAttributes", {}).values():
            if not attribute.get("StringValue"):
                raise self.error("InvalidParameterValue", "A message attribute must not be empty.")
            texts.append(attribute["StringValue"])
        if not all(_XML.match(text) for text in texts):
            raise self.error("InvalidMessageContents", "Invalid characters found.")
        if sum(len(text.encode()) for text in texts) > _LONGEST_MESSAGE:
            raise self.error("InvalidParameterValue", "One or more parameters are invalid: too long.")
        self._sent += 1
        message_id = f"fake-{self._sent:06}"
        queue[message_id] = request
        return {"MessageId": message_id, "MD5OfMessageBody": "0" * 32}

    @operation
    def receive_message(self, request: Parameters) -> Answer:
        seen = [item for item in self._queue(request).items() if item[0] not in self._hidden]
        seen = seen[: request.get("MaxNumberOfMessages", 1)]
        self._hidden.update(message_id for message_id, _ in seen)
        messages = []
        for message_id, sent in seen:
            message = {"MessageId": message_id, "ReceiptHandle": message_id, "Body": sent["MessageBody"]}
            if request.get("MessageAttributeNames") and "MessageAttributes" in sent:
                message["MessageAttributes"] = sent["MessageAttributes"]
            messages.append(message)
        return {"Messages": messages} if messages else {}

    @operation
    def delete_message(self, request: Parameters) -> Answer:
        self._queue(request).pop(request["ReceiptHandle"], None)
        return {}

    def _queue(self, request: Parameters) -> dict[str, Parameters]:
        if request["QueueUrl"] not in self._messages:
            raise self.error("QueueDoesNotExist", "The specified queue does not exist.")
        return self._messages[request["QueueUrl"]]


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution of a Standard workflow."""

    arn: str
    input: str
    started: datetime
    status: str = "RUNNING"

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.status == "RUNNING"


class FakeStepFunctions(FakeClient):
    """Step Functions that remembers executions and runs none."""

    service = "stepfunctions"
    _state: ClassVar = {"executions": 1}

    def __init__(self, *state_machine_arns: str) -> None:
        super().__init__()
        self._state_machine_arns = state_machine_arns
        self.executions: dict[str, Execution] = {}

    def close(self, name: str, status: str = "SUCCEEDED") -> None:
        """End an execution."""
        self.executions[name] = replace(self.executions[name], status=status)

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
            execution_arn = f"{arn.replace(':stateMachine:', ':execution:')}:{name}"
            known = Execution(execution_arn, text, datetime.now(UTC))
            self.executions[name] = known
        return {"executionArn": known.arn, "startDate": known.started}

    @operation
    def stop_execution(self, request: Parameters) -> Answer:
        name = self._name_of(request)
        if self.executions[name].running:
            self.close(name, "ABORTED")
        return {"stopDate": datetime.now(UTC)}

    @operation
    def describe_execution(self, request: Parameters) -> Answer:
        name = self._name_of(request)
        execution = self.executions[name]
        return {
            "executionArn": execution.arn,
            "stateMachineArn": execution.arn.rpartition(":")[0].replace(":execution:", ":stateMachine:"),
            "name": name,
            "status": execution.status,
            "startDate": execution.started,
            "input": execution.input,
        }

    def _name_of(self, request: Parameters) -> str:
        arn = request["executionArn"]
        name = str(arn.rpartition(":")[2])
        if name not in self.executions or self.executions[name].arn != arn:
            raise self.error("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return name


class FakeCognito(FakeClient):
    """A user pool."""

    service = "cognito-idp"
    _state: ClassVar = {"_users": 1}

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
