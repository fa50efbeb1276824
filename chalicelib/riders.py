"""Who a rider is: the address in the user pool, and the live photo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from chalicelib.rows import text_of
from chalicelib.uploads_table import UploadsTable

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

    from chalicelib.models import RiderPhoto
    from chalicelib.settings import Settings

URL_SECONDS: Final = 300


class Contact(NamedTuple):
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


def view_photo(
    user_id: str, table: UploadsTable, dynamodb: DynamoDBClient, s3: S3Client, settings: Settings
) -> dict[str, Any] | None:
    """What `GET /photo` answers: the rider's live photo, with links that last minutes; None without one."""
    live = live_item(user_id, dynamodb, settings.rider_photo_table)
    if "faceId" not in live or "erasedAt" in live:
        return None
    upload_id = text_of(live, "uploadId")
    row = table.row(user_id, upload_id) if upload_id else None
    return {
        "uploadId": upload_id,
        "thumbnailUrl": signed_url(live, "thumbnail", s3),
        "avatarUrl": signed_url(live, "avatar", s3),
        "acceptedAt": text_of(row, "acceptedAt"),
    }


def signed_url(item: Mapping[str, Any], picture: str, s3: S3Client) -> str | None:
    """A link to a picture that an item or a row names, valid for minutes; None if it names none."""
    place = item.get(picture, {}).get("M")
    if not place:
        return None
    return s3.generate_presigned_url(
        "get_object",
        Params={"Bucket": place["s3bucket"]["S"], "Key": place["s3key"]["S"]},
        ExpiresIn=URL_SECONDS,
    )


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
