"""`up`: the stack, then `chalice deploy`, then what only then can be set. Re-runnable after any stop."""

from __future__ import annotations

from dataclasses import dataclass

from deploy import record as records
from deploy import unchanged
from deploy.chalice_app import run_chalice
from deploy.checks import Target
from deploy.deploy_bucket import DeployBucket
from deploy.errors import ChaliceError, DeployError, StackError, aws_errors_explained
from deploy.functions import AUDIT, EVENT_HANDLERS, MAILING, START_WAITING, is_production
from deploy.preflight import Checked, UpOptions, prepare
from deploy.progress import NoProgress, Progress
from deploy.project import JsonObject, Project
from deploy.template import DATA, operations_body, template_body
from deploy.wiring import (
    let_messages_return,
    name_api,
    set_dead_letters_of_rule,
    set_on_failure_destination,
    set_page_url,
    set_queue_of_function,
)


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
    with aws_errors_explained():
        return _up(options, progress or NoProgress())


def _up(options: UpOptions, progress: Progress) -> Deployment:
    checked = prepare(options, progress)
    project, target, stack = checked.project, checked.target, checked.stack

    progress.step(f"Applying the stack {stack.name}")
    templates = DeployBucket(target)
    try:
        _create_unprotected(checked, templates, progress)
        retained = DATA if is_production(target.stage) else ()
        url = templates.put_template(template_body(project.directory, retained))
        outputs = stack.apply(url, checked.parameters)
    except StackError:
        if stack.status is None:
            templates.remove()
        raise

    progress.step("Deploying the functions, their API and their rules")
    record = _deploy_functions(options, checked, outputs, progress)
    rest_api_id = records.rest_api_id(record)
    assert rest_api_id is not None

    progress.step("Setting what Chalice can't")
    _set_dead_letters(target, outputs["DeadLetterQueueArn"], progress)
    name_api(target.session.client("apigateway"), rest_api_id, target.names.api)
    lambda_ = target.session.client("lambda")
    let_messages_return(lambda_, target.names.function(START_WAITING))
    set_queue_of_function(
        lambda_,
        target.names.function(START_WAITING),
        outputs["AdmissionQueueArn"],
        checked.admission.per_second,
    )
    api_url = records.api_url(record)
    origin = options.page_origin or api_url.rpartition("/")[0]
    if checked.parameters["PageOrigin"] != origin:
        progress.detail(f"uploads from pages of {origin}")
        outputs = stack.apply(url, checked.parameters | {"PageOrigin": origin})
    _set_page_url(target, project, _page_url(options, record), progress)

    progress.step(f"Applying the stack {checked.operations.name}")
    checked.operations.apply(
        templates.put_template(operations_body(project.directory)),
        checked.operations_parameters | {"StateMachineArn": outputs["StateMachineArn"]},
    )
    unchanged.store_note(target, unchanged.note_of(target, project, rest_api_id))
    return Deployment(
        stage=target.stage,
        region=target.region,
        account_id=target.account_id,
        outputs=outputs,
        rest_api_id=rest_api_id,
        api_url=api_url,
        page_origin=origin,
    )


def _create_unprotected(checked: Checked, templates: DeployBucket, progress: Progress) -> None:
    """Create a production stage's stack with nothing in it protected yet, unless it was created before.

    What refuses to be deleted, a creation that fails couldn't take back, nor anyone without lifting the
    protection first; and there is no data yet.
    """
    if is_production(checked.target.stage) and not checked.stack.is_created():
        url = templates.put_template(template_body(checked.project.directory))
        checked.stack.apply(url, checked.parameters | {"Production": "false"})
        progress.detail("protecting the data")


def _deploy_functions(
    options: UpOptions, checked: Checked, outputs: dict[str, str], progress: Progress
) -> JsonObject:
    """Run Chalice unless all is as it would make it; its note of what is deployed."""
    project, target = checked.project, checked.target
    s3 = target.session.client("s3")
    _restore_record(target, project)
    project.write_stage(target.stage, outputs, checked.sender, options.architecture)
    project.write_admission(target.stage, checked.admission.computed)
    before = records.fetch_record(s3, target.photo_bucket)
    rest_api_id = records.rest_api_id(before)
    if before is not None and rest_api_id is not None:
        # As the `up` that noted it left the stage's block: another clone's doesn't know the page yet.
        project.write_page_url(target.stage, _page_url(options, before))
        noted = None if options.force else unchanged.fetch_note(target)
        if noted is not None and noted == unchanged.note_of(target, project, rest_api_id):
            progress.detail("nothing to change: code, settings and functions are those of the last up")
            return before
    unchanged.store_note(target, None)
    try:
        run_chalice("deploy", project.directory, target.stage, target.region, progress)
    except ChaliceError as error:
        raise ChaliceError(
            f"{error.args[0]} The stack {checked.stack.name} is as it should be; of the functions, API and "
            "rules some may be new and some as before. Nothing is lost: run the same command again, or "
            f"`down --stage {target.stage}` to remove all of it."
        ) from error
    record = project.record(target.stage)
    if record is None or records.rest_api_id(record) is None:
        raise DeployError("Chalice deployed no API: does app.py have routes?")
    records.store_record(s3, target.photo_bucket, record)
    return record


def _set_dead_letters(target: Target, queue: str, progress: Progress) -> None:
    """Let nothing be lost between a rule and its function, nor in the function."""
    events, lambda_ = target.session.client("events"), target.session.client("lambda")
    for name in EVENT_HANDLERS:
        set_dead_letters_of_rule(events, target.names.rule(name), queue)
        set_on_failure_destination(lambda_, target.names.function(name), queue)
    # No retries: the next audit is due before a second retry would be, and two at once help nobody.
    set_on_failure_destination(lambda_, target.names.function(AUDIT), queue, retries=0)
    progress.detail(f"dead-letter queue of {', '.join((*EVENT_HANDLERS, AUDIT))}")


def _page_url(options: UpOptions, record: JsonObject) -> str:
    """Where riders find the page: at the API, at the root of another origin, or where it is said to be."""
    if options.page_url is not None:
        return options.page_url.format(api=records.rest_api_id(record))
    return f"{options.page_origin or records.api_url(record)}/"


def _set_page_url(target: Target, project: Project, url: str, progress: Progress) -> None:
    """Let mails link to the page; Chalice's next deployment then does so by itself."""
    project.write_page_url(target.stage, url)
    lambda_ = target.session.client("lambda")
    changed = [name for name in MAILING if set_page_url(lambda_, target.names.function(name), url)]
    if changed:
        progress.detail(f"mails link to {url}")


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
