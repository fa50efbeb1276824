"""What `chalice deploy` can't set: where lost and failed events go, and what is known after it alone."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from deploy.errors import DeployError
from deploy.functions import PAGE_URL

if TYPE_CHECKING:
    from mypy_boto3_apigateway.client import APIGatewayClient
    from mypy_boto3_events.client import EventBridgeClient
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_lambda.type_defs import EventSourceMappingConfigurationTypeDef

# EventBridge's own default and most, stated so that nobody has to know it.
EVENT_RETRIES = 185
EVENT_AGE_SECONDS = 86_400
# Lambda's own default and most, for an event that it has taken over.
INVOCATION_RETRIES = 2
INVOCATION_AGE_SECONDS = 21_600
# One batch at a time starts some twenty uploads a second; less than two at a time Lambda doesn't take.
QUEUE_BATCH = 10
STARTS = 20
LEAST_CONCURRENCY = 2
# States in which Lambda takes changes of a mapping; from the others it comes to one of these, or goes.
_SETTLED = ("Enabled", "Disabled")


class Patience(NamedTuple):
    """How often to look again whether Lambda is done, and how long to wait in between."""

    looks: int
    seconds: float


# Lambda takes seconds to switch a mapping on or off, and up to a minute or two.
PATIENCE = Patience(100, 3.0)


def set_dead_letters_of_rule(events: EventBridgeClient, rule: str, queue_arn: str) -> None:
    """Send what the rule can't deliver to the queue; `chalice deploy` takes this away each time."""
    targets = events.list_targets_by_rule(Rule=rule).get("Targets", [])
    if not targets:
        raise DeployError(f"The rule {rule} has no target: its events would be lost. Run `up` again.")
    answer = events.put_targets(
        Rule=rule,
        Targets=[
            {
                **target,
                "DeadLetterConfig": {"Arn": queue_arn},
                "RetryPolicy": {
                    "MaximumRetryAttempts": EVENT_RETRIES,
                    "MaximumEventAgeInSeconds": EVENT_AGE_SECONDS,
                },
            }
            for target in targets
        ],
    )
    if answer["FailedEntryCount"]:
        raise DeployError(f"EventBridge refused the dead-letter queue of {rule}: {answer['FailedEntries']}")


def set_queue_of_function(
    lambda_: LambdaClient, function: str, queue_arn: str, per_second: int, patience: Patience = PATIENCE
) -> None:
    """Let the queue invoke the function: as many at once as starting so many uploads takes, and no more.

    What is there already is brought up to date and switched on; returns once Lambda says that it is on.

    Parameters
    ----------
    per_second
        Uploads that are started in a second.
    """
    wanted: dict[str, Any] = {
        "BatchSize": QUEUE_BATCH,
        "ScalingConfig": {"MaximumConcurrency": max(LEAST_CONCURRENCY, math.ceil(per_second / STARTS))},
        # A message that fails comes again alone, and those beside it in the batch are done.
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }
    mapping = _settled_mapping(lambda_, queue_arn, patience)
    if mapping is None:
        lambda_.create_event_source_mapping(
            FunctionName=function,
            EventSourceArn=queue_arn,
            **wanted,
        )
    elif mapping["State"] != "Enabled" or any(mapping.get(name) != value for name, value in wanted.items()):
        lambda_.update_event_source_mapping(
            UUID=mapping["UUID"],
            FunctionName=function,
            Enabled=True,
            **wanted,
        )
    else:
        return
    mapping = _settled_mapping(lambda_, queue_arn, patience)
    if mapping is None or mapping["State"] != "Enabled":
        raise DeployError(
            f"The queue {queue_arn} doesn't invoke {function}: Lambda says "
            f"{mapping['State'] if mapping else 'there is no mapping'}. Run `up` again."
        )


def let_messages_return(lambda_: LambdaClient, function: str) -> None:
    """Let a function send messages to the queue that it gets them from, as often as it takes.

    Lambda otherwise takes a message that comes the 17th time for a loop, and puts it among the dead letters:
    one that waits for a turn comes every 15 minutes.
    """
    lambda_.put_function_recursion_config(FunctionName=function, RecursiveLoop="Allow")


def remove_mappings_of_queue(lambda_: LambdaClient, queue_arn: str, patience: Patience = PATIENCE) -> bool:
    """Delete what lets a queue invoke a function, before the function goes; False if there was nothing."""
    removed = False
    while (mapping := _settled_mapping(lambda_, queue_arn, patience)) is not None:
        try:
            lambda_.delete_event_source_mapping(UUID=mapping["UUID"])
        except lambda_.exceptions.ResourceNotFoundException:
            continue  # somebody else was faster
        removed = True
    return removed


def _settled_mapping(
    lambda_: LambdaClient, queue_arn: str, patience: Patience
) -> EventSourceMappingConfigurationTypeDef | None:
    """A queue's mapping, once Lambda takes changes of it; None without one, or once it is deleted.

    Found by the queue: asked for that of a function that is gone, Lambda answers with an error.
    """
    for left in range(patience.looks, -1, -1):
        mappings = lambda_.list_event_source_mappings(EventSourceArn=queue_arn)["EventSourceMappings"]
        if not mappings:
            return None
        settled = [mapping for mapping in mappings if mapping["State"] in _SETTLED]
        if settled:
            return settled[0]
        if left:
            time.sleep(patience.seconds)
    raise DeployError(
        f"The mapping of the queue {queue_arn} is still {mappings[0]['State']}: run the same command again."
    )


def set_on_failure_destination(
    lambda_: LambdaClient, function: str, queue_arn: str, retries: int = INVOCATION_RETRIES
) -> None:
    """Send an event that the function failed on, retries included, to the queue."""
    lambda_.put_function_event_invoke_config(
        FunctionName=function,
        MaximumRetryAttempts=retries,
        MaximumEventAgeInSeconds=INVOCATION_AGE_SECONDS,
        DestinationConfig={"OnFailure": {"Destination": queue_arn}},
    )


def set_page_url(lambda_: LambdaClient, function: str, url: str) -> bool:
    """Tell a function where the riders' page is; all else in its environment stays.

    Returns
    -------
    bool
        False if it knew before.
    """
    lambda_.get_waiter("function_updated_v2").wait(FunctionName=function)
    environment = lambda_.get_function_configuration(FunctionName=function).get("Environment", {})
    variables = environment.get("Variables", {})
    if variables.get(PAGE_URL) == url:
        return False
    lambda_.update_function_configuration(
        FunctionName=function, Environment={"Variables": variables | {PAGE_URL: url}}
    )
    return True


def name_api(apigateway: APIGatewayClient, rest_api_id: str, name: str) -> None:
    """Give the REST API its stage's name; `chalice deploy` gives all stages' APIs that of the app.

    An API's metrics know it by its name alone, so that those of two stages would be one.
    """
    apigateway.update_rest_api(
        restApiId=rest_api_id, patchOperations=[{"op": "replace", "path": "/name", "value": name}]
    )
