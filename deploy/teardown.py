"""`down`: removes all that `up` made, whatever state it is in. Twice does no harm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from deploy import record as records
from deploy.chalice_app import run_chalice
from deploy.checks import Target, find_target
from deploy.errors import ChaliceError, StackError, aws_errors_explained, error_code
from deploy.functions import FUNCTIONS, START_WAITING, TRIGGERED
from deploy.progress import NoProgress, Progress
from deploy.project import Project
from deploy.stack import Stack
from deploy.wiring import remove_queues_of_function

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

# An upload may still arrive by a form that was handed out before, and keep its bucket from going.
DELETE_ATTEMPTS = 3


@dataclass(frozen=True)
class DownOptions:
    """What to remove; see `UpOptions`."""

    stage: str
    region: str | None = None
    project_dir: Path = field(default_factory=Path.cwd)


@dataclass(frozen=True)
class Removal:
    """What `down` did.

    Attributes
    ----------
    removed
        False if it was refused when asked.
    objects
        Versions of photos and thumbnails that were deleted.
    kept
        What stays, in words.
    """

    stage: str
    region: str
    account_id: str
    removed: bool
    objects: int = 0
    kept: tuple[str, ...] = ()


def down(
    options: DownOptions,
    progress: Progress | None = None,
    confirm: Callable[[str], bool] = lambda question: True,
) -> Removal:
    """Remove a stage with all its photos and riders.

    Parameters
    ----------
    confirm
        Is asked once, with what will go, before anything does.

    Raises
    ------
    DeployError
        With what is left; the next `down` goes on from there.
    """
    progress = progress or NoProgress()
    with aws_errors_explained():
        return _down(options, progress, confirm)


def _down(options: DownOptions, progress: Progress, confirm: Callable[[str], bool]) -> Removal:
    target = find_target(options.stage, options.region)
    project = Project(options.project_dir)
    question = (
        f"Remove {target.names.stack} from account {target.account_id}, region {target.region}: every photo "
        "and thumbnail, every rider's account, row and face, the functions and their logs? "
        "It can't be undone."
    )
    if not confirm(question):
        return Removal(target.stage, target.region, target.account_id, removed=False)
    stack = Stack(target.session.client("cloudformation"), target.names.stack, progress)
    sender = stack.parameters().get("Sender")

    progress.step("Deleting the functions, their API and their rules")
    _delete_by_chalice(target, project, progress)
    _delete_leftovers(target, progress)

    progress.step(f"Deleting the stack {stack.name}")
    objects = _delete_stack(target, stack, progress)
    _delete_log_groups(target)
    project.forget_stage(target.stage)
    kept = (f"the SES identity of {sender}",) if sender else ()
    return Removal(target.stage, target.region, target.account_id, True, objects, kept)


def _delete_by_chalice(target: Target, project: Project, progress: Progress) -> None:
    """Let Chalice delete what it noted; what it can't is found by name afterwards."""
    record = records.fetch_record(target.session.client("s3"), target.photo_bucket)
    if record is None:
        progress.detail("nothing noted as deployed")
        return
    project.write_record(target.stage, record)
    try:
        run_chalice("delete", project.directory, target.stage, target.region, progress)
    except ChaliceError as error:
        # A `down` that was killed leaves a note of things already gone, on which Chalice stops.
        progress.warn(str(error))


def _delete_leftovers(target: Target, progress: Progress) -> None:
    """Delete by name what no note knows of: of an `up` that was killed, say."""
    names = target.names
    events, lambda_ = target.session.client("events"), target.session.client("lambda")
    for rule in map(names.rule, TRIGGERED):
        try:
            events.describe_rule(Name=rule)
            ids = [entry["Id"] for entry in events.list_targets_by_rule(Rule=rule).get("Targets", [])]
            if ids:
                events.remove_targets(Rule=rule, Ids=ids)
            events.delete_rule(Name=rule)
            progress.detail(f"deleted the rule {rule}")
        except ClientError as error:
            _unless(error, "ResourceNotFoundException")
    apigateway = target.session.client("apigateway")
    for api_id in records.find_rest_apis(apigateway, target):
        apigateway.delete_rest_api(restApiId=api_id)
        progress.detail(f"deleted the API {api_id}")
    if remove_queues_of_function(lambda_, names.function(START_WAITING)):
        progress.detail(f"deleted the queue's way to {names.function(START_WAITING)}")
    for function in names.functions:
        try:
            lambda_.delete_function(FunctionName=function)
            progress.detail(f"deleted the function {function}")
        except ClientError as error:
            _unless(error, "ResourceNotFoundException")
    for page in lambda_.get_paginator("list_layer_versions").paginate(LayerName=names.layer):
        for version in page["LayerVersions"]:
            lambda_.delete_layer_version(LayerName=names.layer, VersionNumber=version["Version"])
            progress.detail(f"deleted the layer {names.layer}:{version['Version']}")


def _delete_stack(target: Target, stack: Stack, progress: Progress) -> int:
    s3 = target.session.client("s3")
    objects = 0
    for attempt in range(1, DELETE_ATTEMPTS + 1):
        for bucket in (target.photo_bucket, target.thumbnail_bucket):
            emptied = empty_bucket(s3, bucket)
            objects += emptied
            if emptied:
                progress.detail(f"emptied {bucket}: {emptied:,} versions")
        try:
            stack.delete()
            break
        except StackError:
            if attempt == DELETE_ATTEMPTS:
                raise
            progress.detail("trying again")
    return objects


def empty_bucket(s3: S3Client, bucket: str) -> int:
    """Delete every version and delete marker of a bucket, and return how many; none without a bucket."""
    deleted = 0
    try:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            objects: list[ObjectIdentifierTypeDef] = [
                {"Key": entry["Key"], "VersionId": entry["VersionId"]}
                for entry in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            ]
            if not objects:
                continue
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
            if answer.get("Errors"):
                first = answer["Errors"][0]
                raise StackError(
                    f"{len(answer['Errors'])} objects of {bucket} couldn't be deleted, the first "
                    f"({first.get('Key')}) because of {first.get('Code')}: {first.get('Message')}"
                )
            deleted += len(objects)
    except ClientError as error:
        _unless(error, "NoSuchBucket")
    return deleted


def _delete_log_groups(target: Target) -> None:
    """Delete log groups that the stack didn't: of functions run by hand after it was gone, say."""
    logs = target.session.client("logs")
    for function in FUNCTIONS:
        try:
            logs.delete_log_group(logGroupName=target.names.log_group(function))
        except ClientError as error:
            _unless(error, "ResourceNotFoundException")


def _unless(error: ClientError, code: str) -> None:
    """Raise the error again unless it says that there is nothing to delete."""
    if error_code(error) != code:
        raise error
