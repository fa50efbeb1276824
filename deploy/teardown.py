"""`down`: removes all that `up` made, whatever state it is in. Twice does no harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import ClientError

from deploy import record as records
from deploy.buckets import bucket_exists, empty_bucket
from deploy.chalice_app import run_chalice
from deploy.checks import Target, find_target
from deploy.data import delete_data, kept_elsewhere, stop_backups
from deploy.deploy_bucket import DeployBucket
from deploy.errors import ChaliceError, CheckError, StackError, aws_errors_explained, error_code
from deploy.functions import FUNCTIONS, TRIGGERED, is_production
from deploy.progress import NoProgress, Progress
from deploy.project import Project
from deploy.record import RECORDS
from deploy.stack import Stack
from deploy.template import PHOTOS, template_body
from deploy.wiring import remove_mappings_of_queue

# An upload may still arrive by a form that was handed out before, and keep its bucket from going.
DELETE_ATTEMPTS = 3


@dataclass(frozen=True)
class DownOptions:
    """What to remove; see `UpOptions`.

    Attributes
    ----------
    keep_photos
        Leave both buckets with all that riders uploaded.
    delete_production
        Has to be said for a production stage, whose data is protected.
    """

    stage: str
    region: str | None = None
    project_dir: Path = field(default_factory=Path.cwd)
    keep_photos: bool = False
    delete_production: bool = False


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
    if is_production(target.stage) and not options.delete_production:
        raise CheckError(
            f"{target.stage} is a production stage: its data is protected. Give --yes-delete-production if "
            "all its riders, photos and faces are to be deleted for good."
        )
    project = Project(options.project_dir)
    photos = "no photo or thumbnail, but" if options.keep_photos else "every photo and thumbnail,"
    question = (
        f"Remove {target.names.stack} from account {target.account_id}, region {target.region}: {photos} "
        "every rider's account, row and face, the functions and their logs? It can't be undone."
    )
    if not confirm(question):
        return Removal(target.stage, target.region, target.account_id, removed=False)
    cloudformation = target.session.client("cloudformation")
    stack = Stack(cloudformation, target.names.stack, progress)
    parameters = stack.parameters()

    progress.step("Deleting the functions, their API and their rules")
    # First, while the function is there that the queue invokes.
    if remove_mappings_of_queue(target.session.client("lambda"), target.admission_queue_arn):
        progress.detail("deleted what let the queue of waiting uploads start them")
    _delete_by_chalice(target, project, progress)
    _delete_leftovers(target, progress)

    operations = Stack(cloudformation, target.names.operations_stack, progress)
    progress.step(f"Deleting the stacks {operations.name} and {stack.name}")
    operations.delete()
    _lift_protection(target, stack, project, options, progress)
    objects = _delete_stack(target, stack, progress, keep_photos=options.keep_photos)
    _delete_log_groups(target)
    DeployBucket(target).remove()
    kept = tuple(_kept_buckets(target, options.keep_photos))
    project.forget_stage(target.stage)
    kept += tuple(kept_elsewhere(target, parameters))
    return Removal(target.stage, target.region, target.account_id, True, objects, kept)


def _lift_protection(
    target: Target, stack: Stack, project: Project, options: DownOptions, progress: Progress
) -> None:
    """Let the stack's deletion delete what it holds, or keep the buckets: that is in its template."""
    protected = is_production(target.stage)
    if not protected and not options.keep_photos:
        return
    if not stack.is_updatable():
        if protected:
            delete_data(target, progress)
        return
    progress.detail("keeping the photos" if options.keep_photos else "lifting the protection of the data")
    body = template_body(project.directory, PHOTOS if options.keep_photos else ())
    # A policy alone is no change to CloudFormation; the parameters change what has it.
    parameters = {"Production": "false", "KeepPhotos": str(options.keep_photos).lower()}
    stack.apply(DeployBucket(target).put_template(body), stack.parameters() | parameters)


def _kept_buckets(target: Target, keep_photos: bool) -> Iterator[str]:
    """The buckets that stay, in words; a StackError if one is there that shouldn't be."""
    s3 = target.session.client("s3")
    for bucket in (target.photo_bucket, target.thumbnail_bucket):
        if bucket_exists(s3, bucket):
            if not keep_photos:
                raise StackError(f"The bucket {bucket} is still there: run `down` again.")
            yield f"the bucket {bucket}"


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


def _delete_stack(target: Target, stack: Stack, progress: Progress, *, keep_photos: bool = False) -> int:
    s3 = target.session.client("s3")
    objects = 0
    # Of a kept bucket, what is `up`'s own.
    prefix = RECORDS if keep_photos else ""
    for attempt in range(1, DELETE_ATTEMPTS + 1):
        for bucket in (target.photo_bucket, target.thumbnail_bucket):
            emptied = empty_bucket(s3, bucket, prefix)
            objects += emptied
            if emptied:
                progress.detail(f"emptied {bucket}/{prefix}: {emptied:,} versions")
        if not is_production(target.stage):
            stop_backups(target)
        try:
            stack.delete()
            break
        except StackError:
            if attempt == DELETE_ATTEMPTS:
                raise
            progress.detail("trying again")
    if not keep_photos:
        _delete_kept_buckets(target)
    return objects


def _delete_kept_buckets(target: Target) -> None:
    """Delete buckets that an earlier `down` kept; the stack knows nothing of them any more."""
    s3 = target.session.client("s3")
    for bucket in (target.photo_bucket, target.thumbnail_bucket):
        if bucket_exists(s3, bucket):
            empty_bucket(s3, bucket)
            s3.delete_bucket(Bucket=bucket)


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
