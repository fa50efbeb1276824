"""A stage that is up, for whoever operates it: where its parts are, as its own functions know them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.errors import InvalidInputError, SettingsError
from chalicelib.models import valid_user_id
from chalicelib.settings import Settings
from chalicelib.uploads_table import UploadsTable
from deploy.checks import Target, find_target
from deploy.errors import CheckError
from deploy.functions import ENVIRONMENT
from deploy.progress import NoProgress
from deploy.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.client import CloudFormationClient


@dataclass(frozen=True)
class DeployedStage:
    """A stage's account and region, and the settings of its functions."""

    target: Target
    settings: Settings

    @property
    def uploads(self) -> UploadsTable:
        """The stage's uploads table."""
        return UploadsTable(self.target.session.client("dynamodb"), self.settings)


def find_deployed(stage: str, region: str | None) -> DeployedStage:
    """Find a stage that is up.

    Raises
    ------
    CheckError
        If there is no such stage in the account and region, or it isn't whole.
    """
    target = find_target(stage, region)
    settings = settings_of_stack(target.session.client("cloudformation"), target)
    return DeployedStage(target, settings)


def settings_of_stack(cloudformation: CloudFormationClient, target: Target) -> Settings:
    """The settings that the stack's outputs and parameters give, with the rules' defaults."""
    stack = Stack(cloudformation, target.names.stack, NoProgress())
    outputs = stack.outputs()
    environment = {name: outputs.get(output, "") for name, output in ENVIRONMENT.items()}
    environment["SENDER"] = stack.parameters().get("Sender", "")
    try:
        return Settings.from_env(environment)
    except SettingsError as error:
        where = f"account {target.account_id}, region {target.region}"
        if not outputs:
            raise CheckError(
                f"There is no stage {target.stage!r} in {where}: check --stage and --region."
            ) from error
        raise CheckError(
            f"The stage {target.stage!r} in {where} isn't whole: run `up` again. ({error})"
        ) from error


def check_user(user_id: str) -> str:
    """The userId itself, or a CheckError that says what it may hold."""
    try:
        return valid_user_id(user_id)
    except InvalidInputError as error:
        raise CheckError(f"{error} It is the rider's `sub` in the user pool, not the address.") from error
