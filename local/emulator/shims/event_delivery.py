"""EventBridge invokes a function asynchronously, and a function that is gone costs no event.

On AWS a function as a rule's target is invoked asynchronously: a failure is retried twice and
then goes to the function's on-failure destination. Upstream invokes it once and forgets the
outcome. An event that cannot be delivered at all, because the function does not exist, goes to
the dead-letter queue of the rule's target; upstream drops it.
"""

import contextvars
import functools
import json
import logging
from typing import Any

from local.emulator import upstream

_NAME = "event_delivery"
_log = logging.getLogger("events")
# The rule and the target that are being served, for the function that upstream gives the ARN alone.
_delivery: contextvars.ContextVar[tuple[dict[str, Any], dict[str, Any]] | None] = contextvars.ContextVar(
    "delivery", default=None
)


def install() -> None:
    """Replace the delivery to functions and remember for which target it is."""
    events = upstream.module(_NAME, "services.eventbridge")
    functions = upstream.module(_NAME, "services.lambda_svc")
    queues = upstream.module(_NAME, "services.sqs")
    invoke_target = upstream.function(_NAME, events, "_invoke_target", "target", "event", "rule", "view")
    upstream.function(_NAME, events, "_dispatch_to_lambda", "arn", "payload")
    find = upstream.function(_NAME, functions, "_get_func_record_for_ref", "function_ref")
    record_of = upstream.function(_NAME, functions, "_execution_record_for_config", "func", "config")
    invoke = upstream.function(_NAME, functions, "invoke_async_with_retry", "func", "event")
    upstream.function(_NAME, queues, "_queue_by_arn", "arn")
    upstream.function(_NAME, queues, "_act_send_message", "data", "qurl")

    @functools.wraps(invoke_target)
    def remembering(target: dict[str, Any], event: Any, rule: dict[str, Any], view: Any = None) -> None:
        token = _delivery.set((rule, target))
        try:
            invoke_target(target, event, rule, view)
        finally:
            _delivery.reset(token)

    def deliver(arn: str, payload: str) -> None:
        func, config, name = find(arn)
        if func and config:
            invoke(record_of(func, config), json.loads(payload))
            _log.info("EventBridge: function %s invoked asynchronously", name)
        else:
            _log.warning("EventBridge: function %s does not exist", name)
            _send_to_dead_letters(queues, arn, payload)

    events._invoke_target = remembering
    events._dispatch_to_lambda = deliver


def _send_to_dead_letters(queues: Any, function_arn: str, payload: str) -> None:
    rule, target = _delivery.get() or ({}, {})
    queue_arn = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not queue_arn:
        return
    queue = queues._queue_by_arn(queue_arn)
    if queue is None:
        _log.warning("EventBridge: dead-letter queue %s does not exist, the event is lost", queue_arn)
        return
    attributes = {
        "RULE_ARN": rule.get("Arn", ""),
        "TARGET_ARN": function_arn,
        "ERROR_CODE": "NO_RESOURCE",
        "ERROR_MESSAGE": f"The function {function_arn} does not exist.",
    }
    message = {
        "QueueUrl": queue["url"],
        "MessageBody": payload,
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value
        },
    }
    queues._act_send_message(message, queue["url"])
