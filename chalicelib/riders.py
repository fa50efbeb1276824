"""Who a rider is: the address in the user pool, and the live photo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_dynamodb import DynamoDBClient


def address_of(user_id: str, cognito: CognitoIdentityProviderClient, user_pool_id: str) -> str | None:
    """The rider's verified e-mail address, or None if the pool knows no such rider or no address.

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
    return (attributes.get("email") or None) if verified else None


def live_item(user_id: str, dynamodb: DynamoDBClient, table: str) -> Mapping[str, Any]:
    """The item of the rider's live photo as DynamoDB has it, read consistently; {} if there is none."""
    answer = dynamodb.get_item(TableName=table, Key={"Username": {"S": user_id}}, ConsistentRead=True)
    return answer.get("Item", {})
