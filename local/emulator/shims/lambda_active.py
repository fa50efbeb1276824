"""A new or updated function is Active at once.

Upstream keeps it Pending for half a second; botocore's waiter, which `chalice deploy` uses,
then sleeps five seconds before it looks again, for every function.
"""

from local.emulator import upstream

_NAME = "lambda_active"


def install() -> None:
    """Take the delay away."""
    lambda_svc = upstream.module(_NAME, "services.lambda_svc")
    upstream.attribute(_NAME, lambda_svc, "_LAMBDA_STATE_TRANSITION_DELAY")
    upstream.function(_NAME, lambda_svc, "_schedule_state_transition", "func_name", "delay")
    lambda_svc._LAMBDA_STATE_TRANSITION_DELAY = 0
