"""`check`, and how `up` begins: all that is looked at and told before anything is changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from deploy.buckets import bucket_exists
from deploy.checks import (
    Sending,
    Target,
    check_photo_readers,
    check_python,
    check_sender,
    find_target,
)
from deploy.dependencies import build_dependencies
from deploy.errors import CheckError, aws_errors_explained
from deploy.functions import is_production
from deploy.pace import Admission, admission_of, audit_calls
from deploy.plan import make_plan, tell_plan
from deploy.progress import NoProgress, Progress
from deploy.project import Project
from deploy.quotas import read_quotas, tell_quotas
from deploy.stack import Stack
from deploy.template import operations_body, template_body


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
        Origin at whose root riders find page and API; None takes the API's own.
    page_url
        URL of the page where neither is true, as with an emulator; `{api}` in it stands for the API's id.
    architecture
        Lambda's, `x86_64` or `arm64`; None takes the configured one.
    alarm_email, kms_key, access_log_bucket, photo_readers
        Who hears of alarms; ARN of the key that encrypts what is stored; name of the bucket for access
        logs; ARNs, between commas, of who may read photos beside the functions. None keeps that of the
        last `up`, "" is none.
    uploads_per_second
        Expected at the busiest time; quotas are compared with it. None where none hold: nothing is told
        of them then.
    force
        Deploy the functions even if nothing has changed.
    """

    stage: str
    sender: str | None = None
    region: str | None = None
    project_dir: Path = field(default_factory=Path.cwd)
    page_origin: str | None = None
    page_url: str | None = None
    architecture: str | None = None
    alarm_email: str | None = None
    kms_key: str | None = None
    access_log_bucket: str | None = None
    photo_readers: str | None = None
    uploads_per_second: float | None = 1.0
    force: bool = False


@dataclass(frozen=True)
class Checked:
    """What the checks found: all that `up` needs to begin."""

    project: Project
    target: Target
    stack: Stack
    operations: Stack
    sender: str
    architecture: str
    admission: Admission
    parameters: dict[str, str]
    operations_parameters: dict[str, str]


def check(options: UpOptions, progress: Progress | None = None) -> None:
    """Look at all that `up` needs, and tell what it would create; change nothing.

    Raises
    ------
    DeployError
        With what is wrong and what to do.
    """
    with aws_errors_explained():
        prepare(options, progress or NoProgress(), whole=True)


def prepare(options: UpOptions, progress: Progress, *, whole: bool = False) -> Checked:
    """Check, and return what `up` goes on with; raises as `check`.

    Parameters
    ----------
    whole
        Tell the parts and their price also for a stage that is there already.
    """
    progress.step(f"Checking what {options.stage} needs")
    check_python()
    project = Project(options.project_dir)
    project.check_complete()
    # Broken templates are told before anything is asked of AWS.
    template_body(project.directory), operations_body(project.directory)
    target = find_target(options.stage, options.region)
    progress.detail(f"account {target.account_id}, region {target.region}")
    cloudformation = target.session.client("cloudformation")
    stack = Stack(cloudformation, target.names.stack, progress)
    operations = Stack(cloudformation, target.names.operations_stack, progress)
    before, before_operations = stack.parameters(), operations.parameters()
    sender = options.sender or before.get("Sender")
    if not sender:
        raise CheckError("No sender is known yet: give --sender, an address that SES may send from.")
    readers = check_photo_readers(target, _as_before(options.photo_readers, "PhotoReaders", before))
    sending = check_sender(target.session.client("sesv2"), sender, progress)
    if stack.status is None:
        _check_nothing_was_kept(target)
    own = project.own_variables(target.stage)
    quotas = read_quotas(target, sending, audit_calls(own))
    if options.uploads_per_second is None:
        admission = admission_of(quotas, own, NoProgress())
    else:
        tell_quotas(quotas, options.uploads_per_second, progress)
        admission = admission_of(quotas, own, progress)

    progress.step("Building the dependencies")
    architecture = options.architecture or project.architecture(target.stage)
    project.remove_bytecode()
    build_dependencies(project.directory, architecture, progress)

    key = _as_before(options.kms_key, "KmsKeyArn", before)
    checked = Checked(
        project=project,
        target=target,
        stack=stack,
        operations=operations,
        sender=sender,
        architecture=architecture,
        admission=admission,
        parameters={
            "Stage": target.stage,
            "Sender": sender,
            "PageOrigin": options.page_origin or before.get("PageOrigin", ""),
            "Production": str(is_production(target.stage)).lower(),
            "PoolMailIdentity": _pool_mail_identity(target.stage, sending, progress),
            "KmsKeyArn": key,
            "AccessLogBucket": _as_before(options.access_log_bucket, "AccessLogBucket", before),
            "PhotoReaders": readers,
        },
        operations_parameters={
            "Stage": target.stage,
            "AlarmEmail": _as_before(options.alarm_email, "AlarmEmail", before_operations),
            "KmsKeyArn": key,
        },
    )
    plan = make_plan(project, target.stage, architecture, checked.parameters | checked.operations_parameters)
    # Of a stage that is there, `check` tells it; an `up` tells what it changes.
    if whole or not before:
        progress.step(f"{plan.count} parts")
        tell_plan(plan, progress)
    return checked


def _as_before(value: str | None, name: str, before: dict[str, str]) -> str:
    """What was given, or else the parameter of the last `up`."""
    return before.get(name, "") if value is None else value


def _check_nothing_was_kept(target: Target) -> None:
    """What outlived its stack has the names that a new one needs."""
    s3 = target.session.client("s3")
    for bucket in (target.photo_bucket, target.thumbnail_bucket):
        if not bucket_exists(s3, bucket):
            continue
        found = f"The bucket {bucket} is there without its stack"
        if is_production(target.stage):
            raise CheckError(
                f"{found}: somebody deleted the stack and its data outlived it, or `down` kept the photos. "
                "How to take it back into a stack: docs/operate.md, 'A production stack deleted by mistake'. "
                "`down` would delete it for good."
            )
        raise CheckError(
            f"{found}: an earlier `down` kept its photos. Choose another stage, or delete it "
            f"(`down --stage {target.stage}` does, with all photos in it)."
        )


def _pool_mail_identity(stage: str, sending: Sending, progress: Progress) -> str:
    """The SES identity of the user pool's own mails; "" for Cognito's sender, which has 50 a day."""
    if not is_production(stage):
        return ""
    if sending.in_sandbox:
        progress.warn(
            "The user pool's own mails, with the codes that confirm an address, go by Cognito's sender, 50 a "
            "day: SES in its sandbox couldn't send them. `up` changes that once SES is out of it."
        )
        return ""
    return sending.identity
