from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from deploy.checks import Target
from deploy.data import delete_data, kept_elsewhere, stop_backups
from tests.unit.deploy.fakes import Lines

RIDERS, UPLOADS = "rider-photos-prod-riders", "rider-photos-prod-uploads"


class Session:
    """Stubbed clients, by service; each expects its calls in their order."""

    def __init__(self) -> None:
        self.stubbers = {
            service: Stubber(
                boto3.client(
                    service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
                )
            )
            for service in ("dynamodb", "rekognition", "cognito-idp")
        }

    def client(self, service: str) -> Any:
        self.stubbers[service].activate()
        return self.stubbers[service].client


@pytest.fixture
def session() -> Session:
    return Session()


@pytest.fixture
def target(session: Session) -> Target:
    return Target(session, "prod", "us-east-1", "123456789012")  # type: ignore[arg-type]


def test_protected_data_is_deleted_by_its_names(session: Session, target: Target) -> None:
    dynamodb = session.stubbers["dynamodb"]
    for table, protected in ((RIDERS, True), (UPLOADS, False)):
        named = {"TableName": table}
        state = {"Table": {"DeletionProtectionEnabled": protected, "TableStatus": "ACTIVE"}}
        dynamodb.add_response("describe_table", state, named)
        if protected:
            dynamodb.add_response("update_table", {}, named | {"DeletionProtectionEnabled": False})
            dynamodb.add_response("describe_table", state, named)
        dynamodb.add_response("delete_table", {}, named)
        dynamodb.add_client_error("describe_table", "ResourceNotFoundException", expected_params=named)
    session.stubbers["rekognition"].add_response(
        "delete_collection", {"StatusCode": 200}, {"CollectionId": "rider-photos-prod"}
    )
    cognito = session.stubbers["cognito-idp"]
    pools = [{"Id": "us-east-1_other", "Name": "other"}, {"Id": "us-east-1_own", "Name": "rider-photos-prod"}]
    cognito.add_response("list_user_pools", {"UserPools": pools}, {"MaxResults": 60})
    own = {"UserPoolId": "us-east-1_own"}
    cognito.add_response("update_user_pool", {}, own | {"DeletionProtection": "INACTIVE"})
    cognito.add_response("delete_user_pool", {}, own)
    lines = Lines()
    delete_data(target, lines)
    for stubber in session.stubbers.values():
        stubber.assert_no_pending_responses()
    assert lines.details == [
        f"deleted the table {RIDERS}",
        f"deleted the table {UPLOADS}",
        "deleted the collection rider-photos-prod",
        "deleted the user pool us-east-1_own",
    ]


def test_data_that_is_gone_needs_nothing(session: Session, target: Target) -> None:
    for _ in (RIDERS, UPLOADS):
        session.stubbers["dynamodb"].add_client_error("describe_table", "ResourceNotFoundException")
    session.stubbers["rekognition"].add_client_error("delete_collection", "ResourceNotFoundException")
    session.stubbers["cognito-idp"].add_response("list_user_pools", {"UserPools": []})
    lines = Lines()
    delete_data(target, lines)
    for stubber in session.stubbers.values():
        stubber.assert_no_pending_responses()
    assert lines.details == []


def test_backups_end_before_a_table_goes_if_there_is_one(session: Session, target: Target) -> None:
    dynamodb = session.stubbers["dynamodb"]
    off = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False}}
    dynamodb.add_response("update_continuous_backups", {}, {"TableName": RIDERS} | off)
    dynamodb.add_client_error("update_continuous_backups", "TableNotFoundException")
    stop_backups(target)
    dynamodb.assert_no_pending_responses()


def test_what_stays_is_named(target: Target) -> None:
    parameters = {"Sender": "a@example.com", "PoolMailIdentity": "", "KmsKeyArn": "", "AccessLogBucket": ""}
    of_production = list(kept_elsewhere(target, parameters))
    assert of_production[0] == "the SES identity of a@example.com"
    assert any(f"{RIDERS}$DeletedTableBackup" in kept for kept in of_production)
    dev = Target(target.session, "dev", "us-east-1", "123456789012")
    assert len(list(kept_elsewhere(dev, parameters))) == len(of_production) - 1
    given = {"PoolMailIdentity": "example.com", "KmsKeyArn": "arn:key", "AccessLogBucket": "logs"}
    more = list(kept_elsewhere(dev, parameters | given))[-3:]
    assert all(word in kept for word, kept in zip(("Cognito", "arn:key", "logs"), more, strict=True))


def test_nothing_is_known_to_stay_of_a_stage_that_had_no_stack(target: Target) -> None:
    assert list(kept_elsewhere(target, {})) == []
