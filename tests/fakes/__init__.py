"""In-memory fakes of the AWS services that the app calls, with boto3's names and botocore's own models."""

from tests.fakes.aws import ENVIRONMENT, RIDER, FakeAws
from tests.fakes.faces import face
from tests.fakes.pictures import encoded, photo

__all__ = ["ENVIRONMENT", "RIDER", "FakeAws", "encoded", "face", "photo"]
