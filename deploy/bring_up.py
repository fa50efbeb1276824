"""`up`: the stack, then `chalice deploy`, then what only then can be set. Re-runnable after any stop."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from deploy import record as records
from deploy.chalice_app import run_chalice
from deploy.checks import Target, check_python, check_sender, find_target
from deploy.dependencies import build_dependencies
from deploy.errors import CheckError, DeployError, aws_errors_explained
from deploy.functions import AUDIT, EVENT_HANDLERS, START_WAITING
from deploy.progress import NoProgress, Progress
from deploy.project import Project
from deploy.stack import Stack
from deploy.template import template_body
from deploy.wiring import set_dead_letters_of_rule, set_on_failure_destination, set_queue_of_function


@dataclass(frozen=True)
class UpOptions:
    """What to deploy, and where.

    Attributes
    ----------
    sender
        SES address of the riders' mails; None keeps that of the last `up`.
    region
        None takes that of the environment or the profile.
    page_origin
        Origin of the page that uploads photos; None takes that of the API, which serves it.
    architecture
        Lambda's, `x86_64` or `arm64`; None takes the configured one.
    """

    stage: str
    sender: str | None = None
    region: str | None = None
    project_dir: Path = field(default_factory=Path.cwd)
    page_origin: str | None = None
    architecture: str | None = None


@dataclass(frozen=True)
class Deployment:
    """A stage that is up.

    Attributes
    ----------
    outputs
        The stack's.
    rest_api_id, api_url
        The API's id, and its URL at AWS (an emulator serves it elsewhere).
    """

    stage: str
    region: str
    account_id: str
    outputs: dict[str, str]
    rest_api_id: str
    api_url: str
    page_origin: str


def up(options: UpOptions, progress: Progress | None = None) -> Deployment:
    """Deploy a stage, or bring it up to date.

    Raises
    ------
    DeployError
        With what is wrong and what to do; a CheckError if nothing was changed yet.
    """
    progress = progress or NoProgress()
    with aws_errors_explained():
        return _up(options, progress)


def _up(options: UpOptions, progress: Progress) -> Deployment:
    progress.step(f"Checking what {options.stage} needs")
    check_python()
    project = Project(options.project_dir)
    project.check_complete()
    body = template_body(project.directory)
    target = find_target(options.stage, options.region)
    progress.detail(f"account {target.account_id}, region {target.region}")
    stack = Stack(target.session.client("cloudformation"), target.names.stack, progress)
    before = stack.parameters()
    sender = options.sender or before.get("Sender")
    if not sender:
        raise CheckError("No sender is known yet: give --sender, an address that SES may send from.")
    check_sender(target.session.client("sesv2"), sender, progress)

    progress.step("Building the dependencies")
    architecture = options.architecture or project.architecture(target.stage)
    project.remove_bytecode()
    build_dependencies(project.directory, architecture, progress)

    progress.step(f"Applying the stack {stack.name}")
    parameters = {
        "Stage": target.stage,
        "Sender": sender,
        "PageOrigin": options.page_origin or before.get("PageOrigin", ""),
    }
    outputs = stack.apply(body, parameters)

    progress.step("Deploying the functions, their API and their rules")
    _restore_record(target, project)
    project.write_stage(target.stage, outputs, sender, options.architecture)
    run_chalice("deploy", project.directory, target.stage, target.region, progress)
    record = project.record(target.stage)
    rest_api_id = records.rest_api_id(record)
    if record is None or rest_api_id is None:
        raise DeployError("Chalice deployed no API: does app.py have routes?")
    records.store_record(target.session.client("s3"), target.photo_bucket, record)

    progress.step("Setting what Chalice can't")
    _set_dead_letters(target, outputs["DeadLetterQueueArn"], progress)
    lambda_ = target.session.client("lambda")
    set_queue_of_function(lambda_, target.names.function(START_WAITING), outputs["AdmissionQueueArn"])
    api_url = records.api_url(record)
    origin = options.page_origin or api_url.rpartition("/")[0]
    if parameters["PageOrigin"] != origin:
        progress.detail(f"uploads from pages of {origin}")
        outputs = stack.apply(body, parameters | {"PageOrigin": origin})
    return Deployment(
        stage=target.stage,
        region=target.region,
        account_id=target.account_id,
        outputs=outputs,
        rest_api_id=rest_api_id,
        api_url=api_url,
        page_origin=origin,
    )


def _set_dead_letters(target: Target, queue: str, progress: Progress) -> None:
    """Let nothing be lost between a rule and its function, nor in the function."""
    events, lambda_ = target.session.client("events"), target.session.client("lambda")
    for name in EVENT_HANDLERS:
        set_dead_letters_of_rule(events, target.names.rule(name), queue)
        set_on_failure_destination(lambda_, target.names.function(name), queue)
    # No retries: the next audit is due before a second retry would be, and two at once help nobody.
    set_on_failure_destination(lambda_, target.names.function(AUDIT), queue, retries=0)
    progress.detail(f"dead-letter queue of {', '.join((*EVENT_HANDLERS, AUDIT))}")


def _restore_record(target: Target, project: Project) -> None:
    """Give Chalice the note of the stage's last deployment, whichever clone made it.

    Without one, an `up` that was killed may have made an API all the same: it is looked for.
    """
    record = records.fetch_record(target.session.client("s3"), target.photo_bucket)
    if records.rest_api_id(record) is None:
        apis = records.find_rest_apis(target.session.client("apigateway"), target)
        if apis:
            record = records.with_rest_api(record, apis[0])
    project.write_record(target.stage, record)
