"""What judges find and is meant to be so, with reasons; an entry that fits no finding fails the check."""

from __future__ import annotations

from typing import Final

from checks.findings import EXAMPLE_KEY, Accepted

_OWN_KEYS: Final = (
    "encrypted with AWS's own keys; a key of the account's own costs money and grants in every role, and "
    "guards against nobody who may call these services (docs/secure.md)"
)
_PUBLISHED: Final = "the published SHA-256 of a download"
_EXAMPLE: Final = "an example made up for the tests; it opens nothing"
_PROGRAMS: Final = "runs the project's own programs, by lists of arguments and without a shell"

ACCEPTED: Final = (
    Accepted("checkov", "CKV_AWS_(119|158|27)", ".*", _OWN_KEYS),
    Accepted(
        "checkov",
        "CKV_AWS_21",
        r"AWS::S3::Bucket\.ThumbnailBucket",
        "a thumbnail can be made again, and one delete must erase it",
    ),
    Accepted(
        "parliament",
        "RESOURCE_MISMATCH",
        "AuditRole",
        "it knows DescribeExecution for express machines alone; the Service Authorization Reference lists "
        "the resource type execution",
    ),
    Accepted(
        "parliament",
        "RESOURCE_POLICY_PRIVILEGE_ESCALATION",
        r"deployer-stacks\.json",
        "who deploys may read and write these buckets by the other policy anyway",
    ),
    Accepted("bandit", "B101", "(chalicelib|deploy|local)/.*", "tells mypy what is known; decides nothing"),
    Accepted("bandit", "B105", "local/console/server.py", "the name of a header"),
    Accepted("bandit", "B105", "local/emulator/process.py", "the embedded AWS's public default keys"),
    Accepted("bandit", "B310", "local/emulator/shims/rekognition.py", "install() refuses all but loopback"),
    Accepted("bandit", "B311", "local/emulator/shims/sfn_retry.py", "the jitter of a wait, no secret"),
    Accepted("bandit", "B40[34]|B603", "(deploy|local)/.*", _PROGRAMS),
    Accepted("bandit", "B607", "local/memory.py", _PROGRAMS),
    Accepted("bandit", "B506", "deploy/template.py", "the loader derives from SafeLoader: plain data alone"),
    Accepted("bandit", "B608", "local/rekognition/store.py", "names of columns and marks; values are bound"),
    Accepted(
        "detect-secrets", "Secret Keyword", "chalicelib/web/strings.en.js", "words beside a password field"
    ),
    Accepted(
        "detect-secrets", "Secret Keyword", "local/emulator/process.py", "the embedded AWS's default keys"
    ),
    Accepted("detect-secrets", "Secret Keyword", "statemachine/resources.yaml", "the client has no secret"),
    Accepted(
        "detect-secrets", "Hex High Entropy String", "local/(rekognition/weights|samples).py", _PUBLISHED
    ),
    Accepted("detect-secrets", EXAMPLE_KEY, "tests/.*", _EXAMPLE),
    Accepted(
        "detect-secrets",
        "Secret Keyword",
        r"tests/(fakes/s3|browser/(riding|test_signing_in)|local/emulator/test_(api|rekognition))\.py"
        r"|tests/local/rekognition/(conftest|test_rekognition_documented)\.py",
        _EXAMPLE,
    ),
    Accepted(
        "detect-secrets",
        "Base64 High Entropy String",
        r"tests/(fakes/s3|unit/deploy/test_checks)\.py",
        _EXAMPLE,
    ),
    Accepted(
        "detect-secrets",
        "Hex High Entropy String",
        r"tests/events/object_\w+\.json",
        "ETags and ids of requests in S3's events",
    ),
)
