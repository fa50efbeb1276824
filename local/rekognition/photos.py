"""Reads the image of a request: the bytes in it, or an object version from S3."""

import os
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.rekognition.errors import RekognitionError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectRequestTypeDef

MAX_OBJECT_BYTES = 15 * 1024 * 1024
_LOCAL_CREDENTIAL = "test"


class PhotoReader:
    """Reads images of requests; makes its S3 client when it is first needed.

    Parameters
    ----------
    s3_endpoint
        URL of the S3 to read from; None for the one that AWS_ENDPOINT_URL names, or AWS's own.
    region
        Region to sign for.
    """

    def __init__(self, s3_endpoint: str | None, region: str) -> None:
        self._endpoint = (
            s3_endpoint or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        )
        self._region = region
        self._client: S3Client | None = None

    def read(self, image: dict[str, Any]) -> bytes:
        """Return the bytes of an ``Image`` member.

        Raises
        ------
        RekognitionError
            InvalidParameterException unless there is exactly one of bytes and object,
            InvalidS3ObjectException for an object that can't be read, ImageTooLargeException above 15 MB.
        """
        if ("Bytes" in image) == ("S3Object" in image):
            raise RekognitionError(
                "InvalidParameterException",
                "Request has invalid parameters: an image needs either Bytes or S3Object.",
            )
        if "Bytes" in image:
            data: bytes = image["Bytes"]
            return data
        return self._read_object(image["S3Object"])

    def _read_object(self, reference: dict[str, str]) -> bytes:
        if "Bucket" not in reference or "Name" not in reference:
            raise RekognitionError(
                "InvalidParameterException",
                "Request has invalid parameters: an S3Object needs Bucket and Name.",
            )
        request: GetObjectRequestTypeDef = {"Bucket": reference["Bucket"], "Key": reference["Name"]}
        if "Version" in reference:
            request["VersionId"] = reference["Version"]
        try:
            answer = self._s3().get_object(**request)
            size = answer["ContentLength"]
            with answer["Body"] as body:
                if size > MAX_OBJECT_BYTES:
                    raise RekognitionError(
                        "ImageTooLargeException",
                        f"The image has {size} bytes; in S3 it may have up to {MAX_OBJECT_BYTES}.",
                    )
                data: bytes = body.read()
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                raise RekognitionError(
                    "InternalServerError", "S3 failed to give the object. Retry."
                ) from error
            raise RekognitionError(
                "InvalidS3ObjectException",
                "Unable to get object metadata from S3. Check object key, region and/or access permissions "
                f"({error.response['Error']['Code']}).",
            ) from error
        except BotoCoreError as error:
            raise RekognitionError(
                "InternalServerError",
                f"S3 at {self._endpoint or 'its default endpoint'} gave no object: {error}",
            ) from error
        return data

    def _s3(self) -> "S3Client":
        # Two threads may make one each at first; either works.
        if self._client is None:
            config = Config(
                connect_timeout=2,
                read_timeout=10,
                retries={"total_max_attempts": 3, "mode": "standard"},
                max_pool_connections=32,
                s3={"addressing_style": "path"} if self._endpoint else {},
            )
            # An S3 on this machine gets the environment's credentials or made-up ones, never a profile's.
            made_up = None if self._endpoint is None else _LOCAL_CREDENTIAL
            self._client = boto3.session.Session().client(
                "s3",
                endpoint_url=self._endpoint,
                region_name=self._region,
                config=config,
                aws_access_key_id=os.environ.get("AWS_ACCESS_KEY_ID", made_up),
                aws_secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY", made_up),
                aws_session_token=os.environ.get("AWS_SESSION_TOKEN"),
            )
        return self._client
