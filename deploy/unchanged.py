"""Whether the functions are already what an `up` would make them, so that it need not run Chalice.

Chalice sends every function's code again, each time. What was deployed is noted: a digest of all that
goes into it, and what Lambda said of each function afterwards. Both have to be as they were.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from deploy.errors import error_code
from deploy.functions import TRIGGERED
from deploy.project import CONFIG, Project
from deploy.pruning import KEPT

if TYPE_CHECKING:
    from deploy.checks import Target

KEY = "deployed.json"

type Note = dict[str, Any]


def note_of(target: Target, project: Project, rest_api_id: str) -> Note | None:
    """What would be noted now: the digest of what this copy deploys, and how its functions are.

    Returns
    -------
    dict or None
        None if a function, a rule or the API isn't there.
    """
    lambda_, events = target.session.client("lambda"), target.session.client("events")
    functions = {}
    try:
        for name in target.names.functions:
            found = lambda_.get_function_configuration(FunctionName=name)
            functions[name] = [found["CodeSha256"], found["LastModified"]]
        for name in map(target.names.rule, TRIGGERED):
            if not events.list_targets_by_rule(Rule=name).get("Targets"):
                return None
        target.session.client("apigateway").get_rest_api(restApiId=rest_api_id)
    except ClientError as error:
        if error_code(error) in ("ResourceNotFoundException", "NotFoundException"):
            return None
        raise
    return {"digest": _digest(project, target.stage), "functions": functions, "api": rest_api_id}


def fetch_note(target: Target) -> Note | None:
    """What was noted after the last whole `up`; None if there is no note, or an `up` is unfinished."""
    try:
        answer = target.session.client("s3").get_object(Bucket=target.deploy_bucket, Key=KEY)
    except ClientError as error:
        if error_code(error) in ("NoSuchKey", "NoSuchBucket"):
            return None
        raise
    note: Note = json.loads(answer["Body"].read())
    return note


def store_note(target: Target, note: Note | None) -> None:
    """Note what is deployed now; None, before something is changed, that it isn't known."""
    s3 = target.session.client("s3")
    if note is None:
        s3.delete_object(Bucket=target.deploy_bucket, Key=KEY)
    else:
        body = json.dumps(note, indent=2).encode()
        s3.put_object(Bucket=target.deploy_bucket, Key=KEY, Body=body, ContentType="application/json")


def _digest(project: Project, stage: str) -> str:
    """Of everything that `chalice deploy` makes functions, API and rules of."""
    digest = hashlib.sha256()
    config = project.config()
    config["stages"] = {stage: config.get("stages", {}).get(stage, {})}
    chalice = importlib.metadata.version("chalice")
    digest.update(json.dumps([config, chalice, sys.version_info[:2], KEPT], sort_keys=True).encode())
    for path in sorted(_files(project.directory)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(project.directory).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _files(directory: Path) -> Iterator[Path]:
    yield from (directory / name for name in ("app.py", "requirements.txt"))
    for name in ("chalicelib", "vendor"):
        yield from (
            path
            for path in (directory / name).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        )
    # Policies, if a stage has files of its own.
    yield from (path for path in (directory / CONFIG.parent).glob("*.json") if path.name != CONFIG.name)
