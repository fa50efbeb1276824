"""What CloudFormation may call for a resource type, and doesn't for how the templates use it."""

from __future__ import annotations

from typing import Final

_UNUSED: Final = "a feature that the templates don't use"
_KEY: Final = "only with a key of one's own, and then its own policy grants it (docs/deploy.md)"
_MISTYPED: Final = "no action of IAM"

# Patterns of actions: why the deployer's policy doesn't have them.
NOT_NEEDED: Final = {
    "kms:(?!ListAliases).*": _KEY,
    "(firehose|kinesis|s3tables):.*": _UNUSED,
    "cognito-idp:(AddCustomAttributes|ListUserPoolClientSecrets)": _UNUSED,
    "cloudwatch:UntagResource": _UNUSED,
    "dynamodb:(Batch|Delete|Get|Put|Update)(Write)?Item|dynamodb:(Query|Scan|ImportTable|DescribeImport)": (
        "it fills or reads no table"
    ),
    "dynamodb:.*(Replica|KinesisStreamingDestination|ResourcePolicy)": _UNUSED,
    "dynamodb:UpdateContributorInsights": _UNUSED,
    "iam:.*(Group|User)Policy": "the templates make roles alone",
    "iam:.*PermissionsBoundary|iam:UpdateRoleDescription": _UNUSED,
    "logs:.*(DataProtection|Index|Resource)Polic(y|ies)|logs:CreateLogDelivery": _UNUSED,
    "logs:(PutBearerTokenAuthentication|PutLogGroupDeletionProtection|DeleteRetentionPolicy)": _UNUSED,
    "logs:(CreateLogStream|DescribeLogStreams|PutLogEvents)": "it writes no logs",
    "s3:REST.PUT.OBJECT|s3:GetObjectMetadata|s3:DeleteBucket(Cors|Encryption|Lifecycle)": _MISTYPED,
    "s3:(Get|Put|Delete)(Object|ObjectVersion)|s3:PutObjectAcl": "no template names an object",
    "s3:.*(Abac|Accelerate|Analytics|IntelligentTiering|Inventory|Metadata|Metrics|ObjectLock)"
    ".*|s3:.*(Replication|Website).*|s3:(PutBucketAcl)": _UNUSED,
    "ses:PutConfigurationSet(Archiving|Tracking|Vdm)Options": _UNUSED,
    "sns:(Get|Put)DataProtectionPolicy": _UNUSED,
}
