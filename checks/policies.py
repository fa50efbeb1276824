"""parliament's opinion of IAM policies: reads `{name: policy}` from standard input, writes JSON findings.

Run in an environment that has parliament.
"""

from __future__ import annotations

import json
import sys
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it asks pkg_resources for its own files
    from parliament import analyze_policy_string, enhance_finding


def main() -> int:
    """Judge all policies; the caller judges the findings."""
    found = []
    for name, policy in json.load(sys.stdin).items():
        for finding in analyze_policy_string(json.dumps(policy)).findings:
            told = enhance_finding(finding)
            found.append([told.issue, name, f"{told.title} {told.detail}"])
    json.dump(found, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
