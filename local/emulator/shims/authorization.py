"""With ``AUTH=true``: what IAM decides, for Rekognition too, with each decision written down.

Upstream checks the calls of the services it has. Rekognition is not among them, nor is what Rekognition
reads from S3 on the caller's behalf; and of a mail it sees neither whose address sends it nor to whom. Here a
mail is checked as in SES's sandbox: on the sender's identity, the recipients' and the configuration set, each
with the condition key ``ses:FromAddress``. Loopback counts as TLS, since the buckets refuse plain HTTP. Each
decision on a call that a role makes is appended to the file in ``AUTHORIZATION_LOG``, if it is set, as one
JSON object a line:
``{"role", "action", "resource", "allowed"}``.
"""

import functools
import json
import os
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from local.emulator import upstream

_NAME = "authorization"
LOG_VARIABLE = "AUTHORIZATION_LOG"
_OUTBOUND_EMAILS = "/v2/email/outbound-emails"
# Of the mail that is being checked: the resource, without its ARN's beginning.
_mail_resource: ContextVar[str] = ContextVar("mail_resource", default="*")
_sender: ContextVar[str | None] = ContextVar("sender", default=None)
# As Amazon Rekognition names them, whose other operations name no resource type.
_ON_COLLECTIONS = frozenset(
    {
        "CreateCollection",
        "DeleteCollection",
        "DeleteFaces",
        "DescribeCollection",
        "IndexFaces",
        "ListFaces",
        "SearchFaces",
        "SearchFacesByImage",
    }
)


def install() -> None:
    """Wrap the check of a call, and let requests pass for encrypted ones."""
    app = upstream.module(_NAME, "app")
    evaluator = upstream.module(_NAME, "core.iam_evaluator")
    actions = upstream.module(_NAME, "core.iam_actions")
    _count_as_tls(app)
    _check_mails(app)
    _name_resources(actions)
    _read_policies_once(evaluator)
    _name_roles(evaluator)
    _write_down(evaluator)


def _count_as_tls(app: Any) -> None:
    pin = upstream.function(_NAME, app, "pin_request_origin", "source_ip", "secure_transport")

    @functools.wraps(pin)
    def pin_as_tls(source_ip: str, secure_transport: bool) -> None:
        pin(source_ip, True)

    app.pin_request_origin = pin_as_tls


def _check_mails(app: Any) -> None:
    names = ("method", "path", "headers", "body", "query_params", "request_id")
    enforce = upstream.function(_NAME, app, "_enforce_ses_v2", *names)

    @functools.wraps(enforce)
    def enforce_on_all(method: str, path: str, headers: dict[str, str], body: bytes, *others: Any) -> Any:
        if path != _OUTBOUND_EMAILS:
            return enforce(method, path, headers, body, *others)
        mail = fields_of(body)
        sender = _sender.set(str(mail.get("FromEmailAddress", "")))
        try:
            for resource in _resources_of(mail):
                _mail_resource.set(resource)
                denied = enforce(method, path, headers, body, *others)
                if denied:
                    return denied
        finally:
            _sender.reset(sender)
        return None

    app._enforce_ses_v2 = enforce_on_all


def _resources_of(mail: dict[str, Any]) -> Iterator[str]:
    yield f"identity/{mail.get('FromEmailAddress', '')}"
    for addresses in mail.get("Destination", {}).values():
        yield from (f"identity/{address}" for address in addresses)
    if "ConfigurationSetName" in mail:
        yield f"configuration-set/{mail['ConfigurationSetName']}"


def _name_resources(actions: Any) -> None:
    upstream.attribute(_NAME, actions, "SERVICE_TO_IAM_NAMESPACE")["rekognition"] = "rekognition"
    resource_of = upstream.function(
        _NAME,
        actions,
        "extract_resource_arn",
        *("service", "method", "path", "headers", "body", "query_params", "region", "account_id"),
    )

    @functools.wraps(resource_of)
    def with_collections(
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, Any],
        region: str,
        account_id: str,
    ) -> Any:
        if service == "ses" and path == _OUTBOUND_EMAILS:
            return f"arn:aws:ses:{region}:{account_id}:{_mail_resource.get()}"
        if service != "rekognition":
            return resource_of(service, method, path, headers, body, query_params, region, account_id)
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        collection = fields_of(body).get("CollectionId")
        if operation not in _ON_COLLECTIONS or not isinstance(collection, str):
            return "*"
        return f"arn:aws:rekognition:{region}:{account_id}:collection/{collection}"

    actions.extract_resource_arn = with_collections


def _read_policies_once(evaluator: Any) -> None:
    """Upstream reads the JSON of all of a role's policies anew, several times for each call."""
    parse = upstream.function(_NAME, evaluator, "parse_policy_document", "doc")
    parsed = functools.lru_cache(maxsize=512)(parse)

    @functools.wraps(parse)
    def parse_once(doc: Any) -> Any:
        return parsed(doc) if isinstance(doc, str) else parse(doc)

    evaluator.parse_policy_document = parse_once


def _name_roles(evaluator: Any) -> None:
    resolve = upstream.function(_NAME, evaluator, "_resolve_condition_key", "key", "ctx")
    upstream.function(_NAME, evaluator, "_role_name_from_assumed_arn", "assumed_arn")
    roles = upstream.attribute(_NAME, upstream.module(_NAME, "services.iam"), "_roles")

    @functools.wraps(resolve)
    def resolve_role(key: str, ctx: Any) -> Any:
        if key.lower() != "aws:principalarn" or ctx.principal_type != "AssumedRole":
            return resolve(key, ctx)
        return roles[evaluator._role_name_from_assumed_arn(ctx.principal_arn)]["Arn"]

    evaluator._resolve_condition_key = resolve_role


def _write_down(evaluator: Any) -> None:
    path = os.environ.get(LOG_VARIABLE)
    enforce = upstream.function(
        _NAME,
        evaluator,
        "enforce",
        *("access_key_id", "iam_action", "service", "region", "resource_arn", "service_context"),
    )
    resolve = upstream.function(
        _NAME, evaluator, "resolve_principal", "access_key_id", "account_id", "credential"
    )
    account_id = upstream.function(_NAME, upstream.module(_NAME, "core.responses"), "get_account_id")

    # One write of less than a page to a file opened for appending is not torn.
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644) if path else None

    @functools.wraps(enforce)
    def enforce_and_tell(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        sender = _sender.get()
        keys = {} if sender is None else {"ses:FromAddress": sender}
        if keys:
            service_context = (service_context or {}) | keys
        denial = enforce(access_key_id, iam_action, service, region, resource_arn, service_context)
        if log is None:
            return denial
        arn = getattr(resolve(access_key_id or "", account_id()), "arn", "")
        if ":assumed-role/" in arn:
            entry = {
                "role": evaluator._role_name_from_assumed_arn(arn),
                "action": iam_action,
                "resource": resource_arn,
                "keys": keys,
                "allowed": denial is None,
            }
            os.write(log, f"{json.dumps(entry)}\n".encode())
        return denial

    evaluator.enforce = enforce_and_tell


def may_read_photo(headers: dict[str, str], body: bytes) -> bool:
    """Whether the caller of Rekognition may read the photo in S3 that the call names, if it names one."""
    app = upstream.module(_NAME, "app")
    place = fields_of(body).get("Image", {}).get("S3Object")
    if not app.AUTH or not place:
        return True
    router = upstream.module(_NAME, "core.router")
    evaluator = upstream.module(_NAME, "core.iam_evaluator")
    denial = evaluator.enforce(
        router.extract_access_key_id(headers, {}),
        "s3:GetObjectVersion" if place.get("Version") else "s3:GetObject",
        "s3",  # so that the bucket's policy counts
        router.extract_region(headers, {}),
        f"arn:aws:s3:::{place.get('Bucket')}/{place.get('Name')}",
    )
    return denial is None


def fields_of(body: bytes) -> dict[str, Any]:
    """The members of a request in JSON; none of one that is no JSON object."""
    try:
        fields = json.loads(body or b"{}")
    except ValueError:
        return {}  # the face service will say what is wrong with it
    return fields if isinstance(fields, dict) else {}
