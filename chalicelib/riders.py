"""Who a rider is: the address in the user pool, and the live photo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.models import RiderPhoto


@dataclass(frozen=True, slots=True)
class Contact:
    """Where, and in which language, a rider is written to."""

    address: str
    locale: str | None


def contact_of(user_id: str, cognito: CognitoIdentityProviderClient, user_pool_id: str) -> Contact | None:
    """The rider's verified e-mail address and locale, or None if the pool knows no rider or no address.

    A userId may come from an execution that was started by hand, as the workshop's "user_a".
    """
    if len(user_id) > 128:  # longer than a user name of the pool can be
        return None
    try:
        user = cognito.admin_get_user(UserPoolId=user_pool_id, Username=user_id)
    except cognito.exceptions.UserNotFoundException:
        return None
    attributes = {attribute["Name"]: attribute.get("Value", "") for attribute in user["UserAttributes"]}
    verified = attributes.get("email_verified", "").lower() == "true"
    address = attributes.get("email")
    return Contact(address, attributes.get("locale")) if address and verified else None


def live_item(user_id: str, dynamodb: DynamoDBClient, table: str) -> Mapping[str, Any]:
    """The item of the rider's live photo as DynamoDB has it, read consistently; {} if there is none."""
    answer = dynamodb.get_item(TableName=table, Key={"Username": {"S": user_id}}, ConsistentRead=True)
    return answer.get("Item", {})


def refuse_late_write(photo: RiderPhoto, dynamodb: DynamoDBClient, table: str) -> None:
    """Let PersistMetadata refuse this execution from now on, unless its photo is the live one already.

    An execution that is aborted or times out may have a write under way, which would land after the
    undoing. `closedExecution` in the rider's item, the only attribute of it where there is no live photo,
    makes its condition fail; the next photo that is kept writes over it.
    """
    if photo.execution_arn is None:
        return
    try:
        dynamodb.update_item(
            TableName=table,
            Key={"Username": {"S": photo.user_id}},
            UpdateExpression="SET closedExecution = :execution",
            ConditionExpression="attribute_not_exists(uploadId) OR uploadId <> :uploadId",
            ExpressionAttributeValues={
                ":execution": {"S": photo.execution_arn},
                ":uploadId": {"S": photo.known_upload_id},
            },
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return  # it was written before
