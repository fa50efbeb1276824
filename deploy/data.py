"""What holds riders' data and outlives its stack: deleted by name, or named where it stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from deploy.errors import error_code
from deploy.functions import is_production

if TYPE_CHECKING:
    from deploy.checks import Target
    from deploy.progress import Progress

_COGNITO_MAILS = "AWSServiceRoleForAmazonCognitoIdpEmailService"

# No such table, in the words of DynamoDB and of others; or one so new that its backups have not begun.
_NO_BACKUPS = (
    "TableNotFoundException",
    "ResourceNotFoundException",
    "ContinuousBackupsUnavailableException",
)


def delete_data(target: Target, progress: Progress) -> None:
    """Delete tables, collection and user pool by their names, though they are protected.

    For a production stage whose stack can't be changed: deleting it would leave all of them, as its template
    says, and the next `up` would find their names taken. What isn't there needs nothing.
    """
    for table in target.names.tables:
        if _delete_table(target, table):
            progress.detail(f"deleted the table {table}")
    rekognition = target.session.client("rekognition")
    try:
        rekognition.delete_collection(CollectionId=target.names.collection)
        progress.detail(f"deleted the collection {target.names.collection}")
    except ClientError as error:
        _unless(error, "ResourceNotFoundException")
    cognito = target.session.client("cognito-idp")
    for page in cognito.get_paginator("list_user_pools").paginate(PaginationConfig={"PageSize": 60}):
        for pool in page["UserPools"]:
            if pool["Name"] == target.names.user_pool:
                cognito.update_user_pool(UserPoolId=pool["Id"], DeletionProtection="INACTIVE")
                cognito.delete_user_pool(UserPoolId=pool["Id"])
                progress.detail(f"deleted the user pool {pool['Id']}")


def stop_backups(target: Target) -> None:
    """End the tables' point-in-time recovery, so that their deletion leaves no backup of them.

    DynamoDB keeps the last state of a table that is deleted with it for 35 days.
    """
    dynamodb = target.session.client("dynamodb")
    for table in target.names.tables:
        try:
            dynamodb.update_continuous_backups(
                TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
            )
        except ClientError as error:
            _unless(error, *_NO_BACKUPS)


def kept_elsewhere(target: Target, parameters: Mapping[str, str]) -> Iterator[str]:
    """In words, what stays of a stage though its stack is gone.

    Parameters
    ----------
    parameters
        Of its stack; empty if there was none, and then nothing is known to stay.
    """
    if not parameters:
        return
    yield f"the SES identity of {parameters['Sender']}"
    yield "the account's list of suppressed addresses in SES"
    yield "histories of executions, which AWS deletes after 90 days"
    if is_production(target.stage):
        backups = " and ".join(f"{table}$DeletedTableBackup" for table in target.names.tables)
        yield f"the tables' last state, which AWS deletes after 35 days ({backups})"
    if parameters.get("PoolMailIdentity"):
        yield f"the role {_COGNITO_MAILS}, which is the account's"
    if parameters.get("KmsKeyArn"):
        yield f"the key {parameters['KmsKeyArn']}"
    if parameters.get("AccessLogBucket"):
        yield f"the access logs in {parameters['AccessLogBucket']}"


def _delete_table(target: Target, table: str) -> bool:
    dynamodb = target.session.client("dynamodb")
    try:
        protected = dynamodb.describe_table(TableName=table)["Table"].get("DeletionProtectionEnabled")
        if protected:
            dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
            # A table that is being updated can't be deleted.
            dynamodb.get_waiter("table_exists").wait(TableName=table)
        dynamodb.delete_table(TableName=table)
    except ClientError as error:
        _unless(error, "ResourceNotFoundException")
        return False
    dynamodb.get_waiter("table_not_exists").wait(TableName=table)
    return True


def _unless(error: ClientError, *codes: str) -> None:
    """Raise the error again unless it says that there is nothing to do."""
    if error_code(error) not in codes:
        raise error
