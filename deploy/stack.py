"""The CloudFormation stack of a stage: apply it, read it, delete it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from deploy.errors import StackError, error_code
from deploy.progress import Progress

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.client import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef, StackEventTypeDef, StackTypeDef

# The slowest resources, tables, take a minute; half an hour means that something hangs.
TIMEOUT_SECONDS = 1800.0
_FIRST_POLL_SECONDS = 0.1
_LONGEST_POLL_SECONDS = 3.0

# Nothing in such a stack ever worked: it is deleted before it is made anew.
_NEVER_CREATED = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "REVIEW_IN_PROGRESS"}
_UPDATABLE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}


class Stack:
    """A stack by its name.

    Parameters
    ----------
    sleep
        Waits the seconds it is given; tests replace it.
    """

    def __init__(
        self,
        client: CloudFormationClient,
        name: str,
        progress: Progress,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self.name = name
        self._progress = progress
        self._sleep = sleep

    @property
    def status(self) -> str | None:
        """CloudFormation's word for the state of the stack; None without one."""
        stack = self._describe(self.name)
        return stack["StackStatus"] if stack else None

    def is_created(self) -> bool:
        """Whether there is a stack that once was whole; a change under way is waited for."""
        stack = self._settled()
        return stack is not None and stack["StackStatus"] not in _NEVER_CREATED

    def is_updatable(self) -> bool:
        """Whether there is a stack, and it is whole; a change under way is waited for."""
        stack = self._settled()
        return stack is not None and stack["StackStatus"] in _UPDATABLE

    def parameters(self) -> dict[str, str]:
        """The values the stack was applied with; empty without a stack."""
        stack = self._describe(self.name)
        given = stack.get("Parameters", []) if stack else []
        return {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in given}

    def outputs(self) -> dict[str, str]:
        """The stack's outputs; empty without a stack."""
        stack = self._describe(self.name)
        outputs = stack.get("Outputs", []) if stack else []
        return {output["OutputKey"]: output["OutputValue"] for output in outputs}

    def apply(self, template_url: str, parameters: Mapping[str, str]) -> dict[str, str]:
        """Create the stack, or bring it up to date, and return its outputs.

        Parameters
        ----------
        template_url
            Where CloudFormation finds the template, in S3.

        Raises
        ------
        StackError
            With the first resource that failed, its reason, and what is left.
        """
        stack = self._settled()
        if stack is not None and stack["StackStatus"] in _NEVER_CREATED:
            self._progress.detail(f"removing what an earlier attempt left ({stack['StackStatus']})")
            self.delete()
            stack = None
        given: list[ParameterTypeDef] = [
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ]
        if stack is None:
            self._create(template_url, given)
        elif stack["StackStatus"] in _UPDATABLE:
            self._update(stack, template_url, given)
        elif stack["StackStatus"] == "DELETE_FAILED":
            raise StackError(f"A `down` of {self.name} stopped half-way. Run `down` again, then `up`.")
        else:
            raise StackError(
                f"The stack {self.name} is in state {stack['StackStatus']}, which can't be updated. Run "
                f"`aws cloudformation continue-update-rollback --stack-name {self.name}`, then `up` again."
            )
        return self.outputs()

    def delete(self) -> None:
        """Delete the stack with all it made; nothing happens without one.

        Raises
        ------
        StackError
            With the resources that couldn't be deleted, and why.
        """
        stack = self._settled()
        if stack is None:
            return
        seen = self._event_ids(stack["StackId"])
        self._client.delete_stack(StackName=stack["StackId"])
        status, failures = self._wait(stack["StackId"], seen)
        if status != "DELETE_COMPLETE":
            raise StackError(f"The stack {self.name} couldn't be deleted ({status}). {_explain(failures)}")

    def _create(self, template_url: str, parameters: list[ParameterTypeDef]) -> None:
        # A first creation that fails leaves nothing behind: there is no data yet to be kept.
        created = self._client.create_stack(
            StackName=self.name,
            TemplateURL=template_url,
            Parameters=parameters,
            Capabilities=["CAPABILITY_IAM"],
            OnFailure="DELETE",
        )
        status, failures = self._wait(created["StackId"], set())
        if status == "CREATE_COMPLETE":
            return
        left = (
            "Nothing is left of it."
            if status == "DELETE_COMPLETE"
            else f"What is left is in the stack ({status}); the next `up` or `down` removes it."
        )
        raise StackError(f"The stack {self.name} couldn't be created. {_explain(failures)} {left}")

    def _update(self, stack: StackTypeDef, template_url: str, parameters: list[ParameterTypeDef]) -> None:
        seen = self._event_ids(stack["StackId"])
        try:
            self._client.update_stack(
                StackName=self.name,
                TemplateURL=template_url,
                Parameters=parameters,
                Capabilities=["CAPABILITY_IAM"],
            )
        except ClientError as error:
            if error_code(error) == "ValidationError" and "No updates" in str(error):
                self._progress.detail("nothing to change")
                return
            raise
        status, failures = self._wait(stack["StackId"], seen)
        if status == "UPDATE_COMPLETE":
            return
        left = (
            "It is again as it was before."
            if status == "UPDATE_ROLLBACK_COMPLETE"
            else f"Its way back failed too ({status}): see the stack's events."
        )
        raise StackError(f"The stack {self.name} couldn't be updated. {_explain(failures)} {left}")

    def _describe(self, name_or_id: str) -> StackTypeDef | None:
        try:
            stacks = self._client.describe_stacks(StackName=name_or_id)["Stacks"]
        except ClientError as error:
            if error_code(error) == "ValidationError" and "does not exist" in str(error):
                return None
            raise
        return stacks[0] if stacks else None

    def _settled(self) -> StackTypeDef | None:
        """The stack, once no other change to it is under way (of a killed `up`, say)."""
        stack = self._describe(self.name)
        if stack is None or stack["StackStatus"] == "DELETE_COMPLETE":
            return None
        if stack["StackStatus"].endswith("_IN_PROGRESS") and stack["StackStatus"] != "REVIEW_IN_PROGRESS":
            self._progress.detail(f"waiting for the change that is under way ({stack['StackStatus']})")
            self._wait(stack["StackId"], self._event_ids(stack["StackId"]))
            stack = self._describe(self.name)
        return stack

    def _wait(self, stack_id: str, seen: set[str]) -> tuple[str, list[StackEventTypeDef]]:
        """Show events until nothing is in progress: the final status, and the failed resources' events."""
        failures: list[StackEventTypeDef] = []
        deadline = time.monotonic() + TIMEOUT_SECONDS
        delay = _FIRST_POLL_SECONDS
        while True:
            stack = self._describe(stack_id)
            # The status is read before the events, so that none of the last ones is missed.
            status = stack["StackStatus"] if stack else "DELETE_COMPLETE"
            for event in self._new_events(stack_id, seen):
                if self._show(event):
                    failures.append(event)
            if not status.endswith("_IN_PROGRESS"):
                return status, failures
            if time.monotonic() > deadline:
                raise StackError(
                    f"The stack {self.name} is still in state {status} after "
                    f"{TIMEOUT_SECONDS / 60:.0f} minutes. It goes on by itself; run the command again later."
                )
            self._sleep(delay)
            delay = min(delay * 1.5, _LONGEST_POLL_SECONDS)

    def _show(self, event: StackEventTypeDef) -> bool:
        """Show one event; tell whether it is the failure of a resource by its own fault."""
        status = event.get("ResourceStatus", "")
        name = event.get("LogicalResourceId", "")
        if event.get("PhysicalResourceId") == event["StackId"]:
            return False
        reason = event.get("ResourceStatusReason", "")
        if status.endswith("_FAILED"):
            if "cancelled" in reason.lower():
                return False
            self._progress.warn(f"{name}: {status.lower().replace('_', ' ')}: {reason}")
            return True
        if status.endswith("_COMPLETE"):
            self._progress.detail(f"{name}: {status.lower().replace('_', ' ')}")
        return False

    def _new_events(self, stack_id: str, seen: set[str]) -> list[StackEventTypeDef]:
        """The events not seen yet, oldest first; they are seen now."""
        fresh: list[StackEventTypeDef] = []
        for page in self._client.get_paginator("describe_stack_events").paginate(StackName=stack_id):
            known = [event for event in page["StackEvents"] if event["EventId"] in seen]
            fresh += [event for event in page["StackEvents"] if event["EventId"] not in seen]
            if known:
                break
        seen.update(event["EventId"] for event in fresh)
        return fresh[::-1]

    def _event_ids(self, stack_id: str) -> set[str]:
        seen: set[str] = set()
        self._new_events(stack_id, seen)
        return seen


def _explain(failures: list[StackEventTypeDef]) -> str:
    if not failures:
        return "CloudFormation gave no reason."
    return " ".join(
        f"{event.get('LogicalResourceId')} ({event.get('ResourceType')}) failed: "
        f"{event.get('ResourceStatusReason', 'no reason given').rstrip('.')}."
        for event in failures[:3]
    )
