"""One real face service for the session, on the weights and samples of the project's cache."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from mypy_boto3_rekognition import RekognitionClient

from local.rekognition.engine import FaceEngine
from local.rekognition.process import FaceService
from local.rekognition.weights import Weights, ensure_weights
from local.samples import ensure_samples
from tests.local.rekognition.fake_s3 import FakeS3

_CACHE = Path(__file__).resolve().parents[3] / ".local" / "cache"


@pytest.fixture(scope="session")
def cache_dir() -> Path:
    return _CACHE


@pytest.fixture(scope="session")
def weights(cache_dir: Path) -> Weights:
    return ensure_weights(cache_dir)


@pytest.fixture(scope="session")
def engine(weights: Weights) -> FaceEngine:
    return FaceEngine(weights)


@pytest.fixture(scope="session")
def photos(cache_dir: Path) -> dict[str, bytes]:
    """Bytes of the sample photos by name."""
    return {name: path.read_bytes() for name, path in ensure_samples(cache_dir).items()}


@pytest.fixture(scope="session")
def s3() -> Iterator[FakeS3]:
    with FakeS3() as server:
        yield server


@pytest.fixture(scope="session")
def service(
    tmp_path_factory: pytest.TempPathFactory, cache_dir: Path, weights: Weights, s3: FakeS3
) -> Iterator[FaceService]:
    with FaceService(tmp_path_factory.mktemp("faces"), cache_dir, s3.url) as running:
        yield running


@pytest.fixture(scope="session")
def connect() -> Iterator[Callable[[str], RekognitionClient]]:
    """Make clients that neither retry nor check parameters, so that the service has to."""
    clients: list[RekognitionClient] = []

    def make(url: str) -> RekognitionClient:
        client = boto3.session.Session().client(
            "rekognition",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def client(service: FaceService, connect: Callable[[str], RekognitionClient]) -> RekognitionClient:
    return connect(service.url)


@pytest.fixture
def collection(client: RekognitionClient) -> Iterator[str]:
    """Id of an empty collection."""
    collection_id = f"test-{uuid.uuid4()}"
    client.create_collection(CollectionId=collection_id)
    yield collection_id
    client.delete_collection(CollectionId=collection_id)
