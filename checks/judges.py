"""Each judge: what it is given, and its findings."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from checks import environments
from checks.environments import ROOT
from checks.findings import EXAMPLE_KEY, Finding, JudgeError, NotRunError
from deploy.template import DEFINITION

CODE: Final = ("chalicelib", "deploy", "local", "app.py")
# An access key's id, or its secret.
_ACCESS_KEY: Final = re.compile(r"(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[A-Z0-9]{16}|[A-Za-z0-9/+=]{40}")
_PINS: Final = ("requirements.txt", "requirements-dev.txt")


def _run(command: list[str], given: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, input=given, capture_output=True, text=True, check=False
    )


def _json_of(command: list[str], given: str | None = None) -> Any:
    """What a judge writes; JudgeError with its last words if that is no JSON."""
    done = _run(command, given)
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise JudgeError(f"{command[0]} failed: {(done.stderr or done.stdout)[-2000:]}") from error


def checkov() -> Iterator[Finding]:
    """The template, by checkov's policies for CloudFormation."""
    program = str(environments.python("checkov").with_name("checkov"))
    options = ["--framework", "cloudformation", "--skip-download", "--quiet", "--compact", "-o", "json"]
    templates = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "statemachine").glob("*.yaml"))]
    report = _json_of([program, *options, "-f", *templates])
    if "results" not in report:
        raise JudgeError(f"checkov saw nothing: {report}")
    if report["results"].get("parsing_errors"):
        raise JudgeError(f"checkov cannot read {report['results']['parsing_errors']}")
    for check in report["results"]["failed_checks"]:
        yield Finding("checkov", check["check_id"], check["resource"], check["check_name"])


def asl_validator() -> Iterator[Finding]:
    """The definition, by the JSON schema and the path checks of asl-validator."""
    done = _run([*environments.node_program("asl-validator"), "--json-path", str(DEFINITION)])
    if done.returncode or "is valid" not in done.stdout:
        yield Finding("asl-validator", "invalid", str(DEFINITION), done.stdout + done.stderr)


def parliament() -> Iterator[Finding]:
    """The policies of all roles, as they are in a deployed stack, and of who deploys and operates one."""
    from tests.roles.deployer import POLICIES
    from tests.roles.grants import policies

    by_hand = {path.name: json.loads(path.read_text()) for path in POLICIES}
    command = [str(environments.python("code")), "-m", "checks.policies"]
    for rule, where, text in _json_of(command, json.dumps(policies() | by_hand)):
        yield Finding("parliament", rule, where, text)


def bandit() -> Iterator[Finding]:
    """All code that runs, in AWS or here."""
    program = str(environments.python("code").with_name("bandit"))
    for result in _json_of([program, "--quiet", "--format", "json", "--recursive", *CODE])["results"]:
        place = f"line {result['line_number']}: {result['issue_text']}"
        yield Finding("bandit", result["test_id"], result["filename"], place)


def detect_secrets() -> Iterator[Finding]:
    """Every file that git knows, and those that it would."""
    program = str(environments.python("code").with_name("detect-secrets"))
    listed = _run(["git", "ls-files", "--cached", "--others", "--exclude-standard"])
    if listed.returncode:
        raise NotRunError("this is no git repository, so nothing says which files are its own")
    # Pins and checksums of packages are what these files are for.
    paths = [path for path in listed.stdout.splitlines() if not path.endswith("package-lock.json")]
    existing = [path for path in paths if (ROOT / path).is_file()]
    for path, secrets in _json_of([program, "scan", *existing])["results"].items():
        lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
        for secret in secrets:
            number = secret["line_number"]
            rule = rule_of(secret["type"], lines[number - 1])
            yield Finding("detect-secrets", rule, path, f"line {number}")


def rule_of(found: str, line: str) -> str:
    """The rule of a finding: keys made up for documents, which say EXAMPLE, are told from any other."""
    keys = _ACCESS_KEY.findall(line)
    made_up = bool(keys) and all("EXAMPLE" in key for key in keys)
    return EXAMPLE_KEY if found == "AWS Access Key" and made_up else found


def pip_audit() -> Iterator[Finding]:
    """The pinned packages, by PyPI's list of known vulnerabilities."""
    program = str(environments.python("code").with_name("pip-audit"))
    for pins in _PINS:
        options = ["--format", "json", "--no-deps", "--disable-pip", "--progress-spinner", "off"]
        done = _run([program, *options, "--timeout", "10", "--requirement", pins])
        try:
            packages = json.loads(done.stdout)["dependencies"]
        except ValueError as error:
            raise NotRunError(
                f"the list of known vulnerabilities cannot be read: {_last(done.stderr)}"
            ) from error
        if all("skip_reason" in package for package in packages):
            raise NotRunError("the package index that is used here has no list of vulnerabilities")
        for package in packages:
            for known in package.get("vulns", []):
                yield Finding("pip-audit", known["id"], package["name"], known.get("description", "")[:300])


def moto() -> Iterator[Finding]:
    """Retry and Catch of each Task state, by another interpreter of the States Language."""
    done = _run([str(environments.python("code")), "-m", "checks.retries"])
    if done.returncode:
        yield Finding("moto", "differs", str(DEFINITION), done.stdout + done.stderr[-2000:])


def _last(text: str) -> str:
    lines = [line for line in re.split(r"[\r\n]+", text) if line.strip()]
    return lines[-1][:300] if lines else "no answer"


JUDGES: Final[Mapping[str, Callable[[], Iterator[Finding]]]] = {
    "checkov": checkov,
    "asl-validator": asl_validator,
    "parliament": parliament,
    "bandit": bandit,
    "detect-secrets": detect_secrets,
    "pip-audit": pip_audit,
    "moto": moto,
}
