"""Where a running stack can be reached: `.local/endpoints.json`."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from deploy import Deployment
from local.emulator import ACCESS_KEY, SECRET_KEY


def api_url(aws_endpoint: str, rest_api_id: str, api_stage: str) -> str:
    """Where the embedded AWS serves an API."""
    return f"{aws_endpoint}/_aws/execute-api/{rest_api_id}/{api_stage}"


@dataclass(frozen=True)
class Endpoints:
    """URLs and names of a stack; in JSON with the same names in camelCase."""

    aws_endpoint: str
    region: str
    api_url: str
    user_pool_id: str
    user_pool_client_id: str
    photo_bucket: str
    thumbnail_bucket: str
    rider_photo_table: str
    collection_id: str
    state_machine_arn: str

    @classmethod
    def of(cls, aws_endpoint: str, deployment: Deployment, api_stage: str) -> Self:
        """Of what was deployed there.

        Parameters
        ----------
        api_stage
            The API's own stage, which ends its URL.
        """
        outputs = deployment.outputs
        return cls(
            aws_endpoint=aws_endpoint,
            region=deployment.region,
            api_url=api_url(aws_endpoint, deployment.rest_api_id, api_stage),
            user_pool_id=outputs["UserPoolId"],
            user_pool_client_id=outputs["UserPoolClientId"],
            photo_bucket=outputs["RiderPhotoS3Bucket"],
            thumbnail_bucket=outputs["ThumbnailS3Bucket"],
            rider_photo_table=outputs["RiderPhotoDDBTable"],
            collection_id=outputs["CollectionId"],
            state_machine_arn=outputs["StateMachineArn"],
        )

    def as_json(self) -> dict[str, str]:
        """As it is in the file."""
        return {_camel(name): value for name, value in asdict(self).items()}

    def write(self, path: Path, **more: str) -> None:
        """Write the file; whoever reads it meanwhile sees it whole or not at all.

        Parameters
        ----------
        more
            What is in it beside the endpoints.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".endpoints-", delete=False) as file:
            json.dump(self.as_json() | more, file, indent=2)
            file.write("\n")
        Path(file.name).chmod(0o644)
        Path(file.name).replace(path)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file.

        Raises
        ------
        OSError, ValueError, KeyError
            If it isn't there or isn't one that `write` made.
        """
        content = json.loads(path.read_text())
        return cls(**{name: content[_camel(name)] for name in cls.__dataclass_fields__})

    def environment(self) -> dict[str, str]:
        """Variables that make the AWS CLI and boto3 talk to the embedded AWS."""
        return {
            "AWS_ENDPOINT_URL": self.aws_endpoint,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
