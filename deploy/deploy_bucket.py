"""The bucket that templates are handed to CloudFormation by: in a request they have 51,200 bytes at most.

What was deployed is noted in it, too; see `unchanged`.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from deploy.buckets import bucket_exists, empty_bucket
from deploy.errors import error_code

if TYPE_CHECKING:
    from deploy.checks import Target

# A template is read once, when the change of the stack begins.
KEPT_DAYS = 7
TEMPLATES = "templates/"


class DeployBucket:
    """A stage's bucket for templates; made before its stack, and removed after it."""

    def __init__(self, target: Target) -> None:
        self._s3 = target.session.client("s3")
        self._region = target.region
        self._account_id = target.account_id
        self.name = target.deploy_bucket

    def put_template(self, body: str) -> str:
        """Store a template, under a name that only its content has; its URL for CloudFormation."""
        self._ensure()
        key = f"{TEMPLATES}{hashlib.sha256(body.encode()).hexdigest()[:32]}.json"
        self._s3.put_object(
            Bucket=self.name,
            Key=key,
            Body=body.encode(),
            ContentType="application/json",
            # Names of buckets are everybody's: one that a stranger took first gets nothing.
            ExpectedBucketOwner=self._account_id,
        )
        # By its path, as the AWS CLI does: that works at every endpoint.
        return f"{self._s3.meta.endpoint_url}/{self.name}/{key}"

    def remove(self) -> bool:
        """Remove the bucket with all that is in it; False if there is none."""
        empty_bucket(self._s3, self.name)
        try:
            self._s3.delete_bucket(Bucket=self.name)
        except ClientError as error:
            if error_code(error) == "NoSuchBucket":
                return False
            raise
        return True

    def _ensure(self) -> None:
        if bucket_exists(self._s3, self.name):
            return
        # S3 takes every region but its first one as a constraint.
        where: dict[str, Any] = (
            {}
            if self._region == "us-east-1"
            else {"CreateBucketConfiguration": {"LocationConstraint": self._region}}
        )
        self._s3.create_bucket(Bucket=self.name, ObjectOwnership="BucketOwnerEnforced", **where)
        self._s3.put_public_access_block(
            Bucket=self.name,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            },
        )
        self._s3.put_bucket_policy(Bucket=self.name, Policy=json.dumps(self._policy()))
        self._s3.put_bucket_lifecycle_configuration(
            Bucket=self.name,
            LifecycleConfiguration={
                "Rules": [
                    {
                        "ID": "templates",
                        "Status": "Enabled",
                        "Filter": {"Prefix": TEMPLATES},
                        "Expiration": {"Days": KEPT_DAYS},
                    }
                ]
            },
        )

    def _policy(self) -> dict[str, Any]:
        partition = self._s3.meta.partition
        arn = f"arn:{partition}:s3:::{self.name}"
        return {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": sid,
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [arn, f"{arn}/*"],
                    "Condition": condition,
                }
                for sid, condition in (
                    ("RefusePlainHttp", {"Bool": {"aws:SecureTransport": "false"}}),
                    (
                        "RefuseOtherAccounts",
                        {
                            "StringNotEquals": {"aws:PrincipalAccount": self._account_id},
                            "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
                        },
                    ),
                )
            ],
        }
