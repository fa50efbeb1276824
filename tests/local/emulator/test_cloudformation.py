"""The resource types that the pipeline's stack is made of: created, updated in place, deleted."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.emulator.support import eventually, make_function, unique

MACHINE = {
    "StartAt": "Echo",
    "States": {
        "Echo": {"Type": "Task", "Resource": "${EchoFunctionArn}", "Next": "Named"},
        "Named": {"Type": "Pass", "Result": {"table": "${TableName}"}, "End": True},
    },
}


def template(name: str, function: str, *, retention: int, origins: list[str]) -> dict[str, Any]:
    """Return a stack like the pipeline's, named after `name`; updates vary the last two properties."""
    assumed_by_states = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "states.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    cors = {"CorsConfiguration": {"CorsRules": [{"AllowedMethods": ["POST"], "AllowedOrigins": origins}]}}
    resources = {
        "Photos": {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "BucketName": f"{name}-photos",
                "VersioningConfiguration": {"Status": "Enabled"},
                "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
                "PublicAccessBlockConfiguration": {
                    "BlockPublicAcls": True,
                    "BlockPublicPolicy": True,
                    "IgnorePublicAcls": True,
                    "RestrictPublicBuckets": True,
                },
                "BucketEncryption": {
                    "ServerSideEncryptionConfiguration": [
                        {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
                    ]
                },
                **(cors if origins else {}),
            },
        },
        "PhotosPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": {"Ref": "Photos"},
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Deny",
                            "Principal": "*",
                            "Action": "s3:*",
                            "Resource": {"Fn::Sub": "${Photos.Arn}/*"},
                            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                        }
                    ],
                },
            },
        },
        "Uploads": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "TableName": f"{name}-uploads",
                "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": [
                    {"AttributeName": "userId", "KeyType": "HASH"},
                    {"AttributeName": "uploadId", "KeyType": "RANGE"},
                ],
                "AttributeDefinitions": [
                    {"AttributeName": "userId", "AttributeType": "S"},
                    {"AttributeName": "uploadId", "AttributeType": "S"},
                ],
                "TimeToLiveSpecification": {"AttributeName": "expiresAt", "Enabled": True},
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
                "SSESpecification": {"SSEEnabled": True},
            },
        },
        "DeadLetters": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "QueueName": f"{name}-dead-letters",
                "MessageRetentionPeriod": retention,
                "SqsManagedSseEnabled": True,
            },
        },
        "Riders": {
            "Type": "AWS::Cognito::UserPool",
            "Properties": {"UserPoolName": name, "UsernameAttributes": ["email"]},
        },
        "Page": {
            "Type": "AWS::Cognito::UserPoolClient",
            "Properties": {
                "UserPoolId": {"Ref": "Riders"},
                "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            },
        },
        "MachineRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": f"{name}-machine",
                "AssumeRolePolicyDocument": assumed_by_states,
                "Policies": [
                    {
                        "PolicyName": "invoke",
                        "PolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": [
                                {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": function}
                            ],
                        },
                    }
                ],
            },
        },
        "MachineLog": {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"LogGroupName": f"/aws/vendedlogs/states/{name}", "RetentionInDays": 30},
        },
        "Machine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "StateMachineName": name,
                "RoleArn": {"Fn::GetAtt": ["MachineRole", "Arn"]},
                "DefinitionString": json.dumps(MACHINE),
                "DefinitionSubstitutions": {"EchoFunctionArn": function, "TableName": {"Ref": "Uploads"}},
                "TracingConfiguration": {"Enabled": True},
                "LoggingConfiguration": {
                    "Level": "ERROR",
                    "IncludeExecutionData": False,
                    "Destinations": [
                        {"CloudWatchLogsLogGroup": {"LogGroupArn": {"Fn::GetAtt": ["MachineLog", "Arn"]}}}
                    ],
                },
            },
        },
    }
    outputs = {
        "Bucket": {"Ref": "Photos"},
        "Table": {"Ref": "Uploads"},
        "QueueUrl": {"Ref": "DeadLetters"},
        "QueueArn": {"Fn::GetAtt": ["DeadLetters", "Arn"]},
        "PoolId": {"Ref": "Riders"},
        "PoolArn": {"Fn::GetAtt": ["Riders", "Arn"]},
        "ClientId": {"Ref": "Page"},
        "MachineArn": {"Ref": "Machine"},
        "RoleArn": {"Fn::GetAtt": ["MachineRole", "Arn"]},
        "Sub": {"Fn::Sub": "arn:${AWS::Partition}:x:${AWS::Region}:${AWS::AccountId}:${Photos}"},
    }
    return {"Resources": resources, "Outputs": {name: {"Value": value} for name, value in outputs.items()}}


@pytest.fixture(scope="module")
def function(client) -> str:
    return make_function(client("lambda"), "def handle(event, context): return event")


class Stack:
    """One stack, with what its tests ask of it."""

    def __init__(self, client: Any, function: str) -> None:
        self.name = unique("pipeline")
        self._client = client
        self._function = function

    def apply(self, retention: int = 1209600, origins: tuple[str, ...] = ()) -> dict[str, str]:
        """Create or update the stack and return its outputs."""
        cloudformation = self._client("cloudformation")
        body = template(self.name, self._function, retention=retention, origins=list(origins))
        call = {
            "StackName": self.name,
            "TemplateBody": json.dumps(body),
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
        }
        try:
            cloudformation.update_stack(**call)
            what = "update"
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            cloudformation.create_stack(**call)
            what = "create"
        self.wait(what)
        (stack,) = cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def wait(self, what: str) -> None:
        waiter = self._client("cloudformation").get_waiter(f"stack_{what}_complete")
        waiter.wait(StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})


@pytest.fixture(scope="module")
def stack(client, function) -> Stack:
    return Stack(client, function)


@pytest.fixture(scope="module")
def outputs(stack) -> dict[str, str]:
    return stack.apply()


def test_the_outputs_name_what_was_made(outputs, stack):
    name = stack.name
    account = "us-east-1:000000000000"
    assert outputs["Bucket"] == f"{name}-photos"
    assert outputs["Table"] == f"{name}-uploads"
    assert outputs["QueueArn"] == f"arn:aws:sqs:{account}:{name}-dead-letters"
    assert outputs["MachineArn"] == f"arn:aws:states:{account}:stateMachine:{name}"
    assert outputs["RoleArn"] == f"arn:aws:iam::000000000000:role/{name}-machine"
    assert outputs["PoolArn"] == f"arn:aws:cognito-idp:{account}:userpool/{outputs['PoolId']}"
    assert outputs["Sub"] == f"arn:aws:x:{account}:{name}-photos"


def test_the_bucket_is_as_the_template_says(client, outputs):
    s3, bucket = client("s3"), outputs["Bucket"]
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=bucket)
    blocked = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}
    assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    assert policy["Statement"][0]["Resource"] == f"arn:aws:s3:::{bucket}/*"


def test_the_state_machine_runs_with_its_substitutions(client, outputs):
    started = client("stepfunctions").start_execution(stateMachineArn=outputs["MachineArn"], input="{}")
    described = eventually(
        lambda: (
            found
            if (found := client("stepfunctions").describe_execution(executionArn=started["executionArn"]))[
                "status"
            ]
            != "RUNNING"
            else None
        )
    )
    assert json.loads(described["output"]) == {"table": outputs["Table"]}


def test_an_update_changes_in_place_and_keeps_the_data(client, stack, outputs):
    client("s3").put_object(Bucket=outputs["Bucket"], Key="kept", Body=b"1")
    key = {"userId": {"S": "u"}, "uploadId": {"S": "1"}}
    client("dynamodb").put_item(TableName=outputs["Table"], Item=key)
    assert stack.apply(retention=600, origins=("https://rides.example.com",)) == outputs
    cors = client("s3").get_bucket_cors(Bucket=outputs["Bucket"])["CORSRules"]
    assert cors[0]["AllowedOrigins"] == ["https://rides.example.com"]
    attributes = client("sqs").get_queue_attributes(QueueUrl=outputs["QueueUrl"], AttributeNames=["All"])
    assert attributes["Attributes"]["MessageRetentionPeriod"] == "600"
    assert client("s3").get_object(Bucket=outputs["Bucket"], Key="kept")["Body"].read() == b"1"
    assert client("dynamodb").get_item(TableName=outputs["Table"], Key=key)["Item"] == key
    stack.apply()
    with pytest.raises(ClientError, match="NoSuchCORSConfiguration"):
        client("s3").get_bucket_cors(Bucket=outputs["Bucket"])


def test_a_template_that_is_unchanged_is_refused_as_in_aws(client, stack, outputs):
    with pytest.raises(ClientError, match="No updates are to be performed"):
        stack.apply()


def test_a_deleted_stack_leaves_nothing(client, stack, outputs):
    versions = client("s3").list_object_versions(Bucket=outputs["Bucket"])
    for version in versions.get("Versions", []):
        client("s3").delete_object(
            Bucket=outputs["Bucket"], Key=version["Key"], VersionId=version["VersionId"]
        )
    client("cloudformation").delete_stack(StackName=stack.name)
    stack.wait("delete")
    assert outputs["Bucket"] not in [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]]
    assert outputs["Table"] not in client("dynamodb").list_tables()["TableNames"]
    machines = client("stepfunctions").list_state_machines()["stateMachines"]
    assert outputs["MachineArn"] not in [machine["stateMachineArn"] for machine in machines]
    with pytest.raises(client("cognito-idp").exceptions.ResourceNotFoundException):
        client("cognito-idp").describe_user_pool(UserPoolId=outputs["PoolId"])
    with pytest.raises(client("iam").exceptions.NoSuchEntityException):
        client("iam").get_role(RoleName=f"{stack.name}-machine")
