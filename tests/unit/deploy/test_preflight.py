from __future__ import annotations

import pytest

from deploy.checks import Sending
from deploy.preflight import _pool_mail_identity
from tests.unit.deploy.fakes import Lines


@pytest.mark.parametrize(
    ("stage", "in_sandbox", "identity", "warned"),
    [
        ("dev", False, "", 0),
        ("prod", False, "example.com", 0),
        ("prod", True, "", 1),
    ],
)
def test_the_pool_mails_by_ses_in_production_as_soon_as_ses_may(
    stage: str, in_sandbox: bool, identity: str, warned: int
) -> None:
    lines = Lines()
    assert _pool_mail_identity(stage, Sending("example.com", in_sandbox), lines) == identity
    assert len(lines.warnings) == warned
