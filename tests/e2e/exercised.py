"""Grants that no end-to-end test used: each has to have a reason, and each reason such a grant.

    python -m tests.e2e.exercised FOLDER

`make test` runs it after all tests: the stacks of the end-to-end tests leave in FOLDER what was used on them,
so it doesn't matter which worker ran what. Ends with 1 if grants and reasons don't agree, or FOLDER is empty.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.roles.grants import Grant, grants
from tests.roles.test_least_privilege import CALLERS, STATE_MACHINE, fits, is_implied
from tests.statemachine.template import logical_name

FOLDER_VARIABLE: Final = "EXERCISED_GRANTS"
_PHOTOS: Final = r"arn:aws:s3:::[\w-]+-photos-[\w-]+/.*"
_ANY: Final = ".*"
_UNKNOWN_VERSION: Final = (
    "the machines of the workshop name photos by three fields alone; this one finds version and upload first"
)

# (callers, action, resource) as patterns: why no end-to-end test uses it. The simulation and the fakes do.
NOT_EXERCISED: Final = {
    (STATE_MACHINE, _ANY, _ANY): "the embedded AWS doesn't ask IAM for the state machine's own calls",
    (_ANY, "kms:.*", _ANY): "the stage of these tests has no key of its own",
    (_ANY, "s3:GetObject", _PHOTOS): _UNKNOWN_VERSION,
    ("confirm_face|notify_rider|retire_replaced", "s3:GetObjectVersion", _PHOTOS): _UNKNOWN_VERSION,
    ("start_processing|start_waiting|audit", "s3:DeleteObject", _PHOTOS): (
        "S3 asks for it when a version is deleted, and the embedded AWS for s3:DeleteObjectVersion alone"
    ),
    ("index_face|notify_rider|retire_replaced", "dynamodb:GetItem", ".*-uploads"): (
        "a row is read again after a write that was refused: the step was repeated or overtaken"
    ),
    ("close_execution", "dynamodb:UpdateItem", ".*-riders"): (
        "an execution was stopped between PersistMetadata and its end"
    ),
    ("start_waiting", "dynamodb:GetItem|s3:(Delete|Get)ObjectVersion|sqs:SendMessage", _ANY): (
        "while an upload waits: it comes too early, has a second file, loses its row, or its rider is erased"
    ),
    ("audit", "(dynamodb:Delete|s3:DeleteObjectVersion|states:Stop).*", _ANY): (
        "photos, rows and executions that come in late for a rider who was erased"
    ),
    ("audit", "rekognition:SearchFacesByImage|s3:GetObjectVersion", _ANY): (
        "a face that may have been indexed, of an execution whose failure nobody closed"
    ),
    ("audit", "s3:PutObjectTagging", _ANY): "an original whose object has no version",
}

type Used = tuple[str, Grant]


def leave(used: Iterable[Used]) -> None:
    """Write down what was used on one stack, if somebody asks for it."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder:
        (Path(folder) / f"{uuid.uuid4()}.json").write_text(json.dumps(sorted(used)), encoding="utf-8")


def left_in(folder: Path) -> set[Used]:
    """All that was used on any stack."""
    return {
        (function, Grant(action, resource, tuple((key, value) for key, value in conditions)))
        for path in folder.glob("*.json")
        for function, (action, resource, conditions) in json.loads(path.read_text(encoding="utf-8"))
    }


def disagreements(used: set[Used]) -> list[str]:
    """What is neither used nor excepted, and what is excepted for nothing."""
    granted = grants()
    unused = {
        (caller, grant)
        for caller in CALLERS
        for grant in granted[f"{logical_name(caller)}Role"]
        if not is_implied(caller, grant) and (caller, grant) not in used
    }
    without = sorted(one for one in unused if not any(fits(entry, *one) for entry in NOT_EXERCISED))
    idle = [entry for entry in NOT_EXERCISED if not any(fits(entry, *one) for one in unused)]
    return [
        *(
            f"{caller} may {action} on {resource}, and no test uses it"
            for caller, (action, resource, _) in without
        ),
        *(f"all that {' '.join(entry)} excepts is used" for entry in idle),
    ]


def main(folder: Path) -> int:
    """Say what doesn't agree; 1 if anything doesn't."""
    used = left_in(folder)
    found = disagreements(used) if used else [f"no end-to-end test left anything in {folder}"]
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
