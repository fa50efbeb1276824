"""What `chalice deploy` can't set: where lost and failed events go, and what is known after it alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.errors import DeployError
from deploy.functions import PAGE_URL

if TYPE_CHECKING:
    from mypy_boto3_apigateway.client import APIGatewayClient
    from mypy_boto3_events.client import EventBridgeClient
    from mypy_boto3_lambda.client import LambdaClient

# EventBridge's own default and most, stated so that nobody has to know it.
EVENT_RETRIES = 185
EVENT_AGE_SECONDS = 86_400
# Lambda's own default and most, for an event that it has taken over.
INVOCATION_RETRIES = 2
INVOCATION_AGE_SECONDS = 21_600
# Two are Lambda's least. Two batches of ten start some forty uploads a second.
QUEUE_BATCH = 10
QUEUE_CONCURRENCY = 2


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


def set_queue_of_function(lambda_: LambdaClient, function: str, queue_arn: str) -> None:
    """Let the queue invoke the function: as many at once as starting a few uploads takes, and no more."""
    mappings = lambda_.list_event_source_mappings(FunctionName=function, EventSourceArn=queue_arn)
    if not mappings["EventSourceMappings"]:
        lambda_.create_event_source_mapping(
            FunctionName=function,
            EventSourceArn=queue_arn,
            BatchSize=QUEUE_BATCH,
            ScalingConfig={"MaximumConcurrency": QUEUE_CONCURRENCY},
        )


def remove_queues_of_function(lambda_: LambdaClient, function: str) -> int:
    """Delete what lets queues invoke a function, which outlives it; returns how many there were."""
    mappings = lambda_.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    for mapping in mappings:
        lambda_.delete_event_source_mapping(UUID=mapping["UUID"])
    return len(mappings)


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
