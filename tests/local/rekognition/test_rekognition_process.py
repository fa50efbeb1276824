"""The service as a process: its start, its end, and what it does under load."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from mypy_boto3_rekognition import RekognitionClient

from local.processes import ProcessError
from local.rekognition.operations import FaceOperations
from local.rekognition.photos import PhotoReader
from local.rekognition.pool import EnginePool
from local.rekognition.process import FaceService
from local.rekognition.server import FaceServer
from local.rekognition.store import CollectionStore
from local.rekognition.weights import Weights

_PROJECT = Path(__file__).resolve().parents[3]


def _start(data_dir: Path, cache_dir: Path, *more: str) -> "subprocess.Popen[str]":
    command = [
        sys.executable,
        "-m",
        "local.rekognition",
        "--data",
        str(data_dir),
        "--cache",
        str(cache_dir),
        *more,
    ]
    return subprocess.Popen(
        command,
        cwd=_PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def start(cache_dir: Path, weights: Weights) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    started: list[subprocess.Popen[str]] = []

    def make(data_dir: Path, *more: str) -> "subprocess.Popen[str]":
        started.append(_start(data_dir, cache_dir, *more))
        return started[-1]

    yield make
    for process in started:
        process.kill()
        process.communicate()


def _url(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("Face service ready at http://127.0.0.1:")
    return line.split()[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_its_url_answers_and_ends_cleanly_on_a_signal(
    start: Callable[..., "subprocess.Popen[str]"], tmp_path: Path, number: signal.Signals
) -> None:
    process = start(tmp_path)
    with urllib.request.urlopen(f"{_url(process)}/health", timeout=60) as answer:
        assert answer.status == 200

    process.send_signal(number)

    assert process.wait(60) == 0


def test_it_ends_when_its_parent_is_gone(
    start: Callable[..., "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    process = start(tmp_path, "--exit-with-parent")
    _url(process)

    assert process.stdin is not None
    process.stdin.close()

    assert process.wait(60) == 0
    process.stdin = None


def test_a_taken_port_is_named_and_ends_it_with_1(
    start: Callable[..., "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start(tmp_path, "--port", str(port))
        _, errors = process.communicate(timeout=60)

    assert process.returncode == 1
    assert f"Port {port} of 127.0.0.1 cannot be used" in errors


def test_a_damaged_database_is_told_to_the_parent(tmp_path: Path, cache_dir: Path) -> None:
    (tmp_path / "collections.sqlite3").write_bytes(b"no database at all" * 100)

    with (
        pytest.raises(ProcessError, match=r"collections\.sqlite3 is damaged"),
        FaceService(tmp_path, cache_dir),
    ):
        pytest.fail("it must not start")


def test_a_killed_service_finds_its_faces_again(
    tmp_path: Path,
    cache_dir: Path,
    weights: Weights,
    photos: dict[str, bytes],
    connect: Callable[[str], RekognitionClient],
) -> None:
    with FaceService(tmp_path, cache_dir) as first:
        client = connect(first.url)
        client.create_collection(CollectionId="kept")
        stored = client.index_faces(
            CollectionId="kept", Image={"Bytes": photos["obama"]}, ExternalImageId="u:1"
        )
        assert first.pid is not None
        os.kill(first.pid, signal.SIGKILL)

    with FaceService(tmp_path, cache_dir) as second:
        client = connect(second.url)
        found = client.search_faces_by_image(CollectionId="kept", Image={"Bytes": photos["obama_speaking"]})

    face_id = stored["FaceRecords"][0]["Face"]["FaceId"]
    assert [match["Face"]["FaceId"] for match in found["FaceMatches"]] == [face_id]


def test_the_log_tells_operations_and_ids_but_no_image(
    tmp_path: Path,
    cache_dir: Path,
    weights: Weights,
    photos: dict[str, bytes],
    connect: Callable[[str], RekognitionClient],
) -> None:
    with FaceService(tmp_path, cache_dir) as service:
        client = connect(service.url)
        client.create_collection(CollectionId="logged")
        stored = client.index_faces(CollectionId="logged", Image={"Bytes": photos["obama"]})
    log = service.log_file.read_text()

    assert '"operation": "IndexFaces"' in log
    assert stored["FaceRecords"][0]["Face"]["FaceId"] in log
    assert len(log) < 5_000


@pytest.fixture
def small(tmp_path: Path, weights: Weights) -> Iterator[FaceServer]:
    """A server with one engine and no queue."""
    store = CollectionStore(tmp_path)
    pool = EnginePool(weights, engines=1, waiting=0)
    operations = FaceOperations(store, pool, PhotoReader(None, "us-east-1"), "us-east-1")
    with closing(pool), FaceServer(0, operations, pool) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
    store.close()


def test_a_call_beyond_the_queue_is_throttled_and_succeeds_later(
    small: FaceServer, photos: dict[str, bytes], connect: Callable[[str], RekognitionClient]
) -> None:
    client = connect(small.url)

    with small.pool.admission():
        with pytest.raises(client.exceptions.ProvisionedThroughputExceededException):
            client.detect_faces(Image={"Bytes": photos["obama"]})
        assert client.list_collections()["CollectionIds"] == []

    assert len(client.detect_faces(Image={"Bytes": photos["obama"]})["FaceDetails"]) == 1


@pytest.mark.parametrize(
    "request_",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: RekognitionService.ListFaces\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 40 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_a_request_without_a_usable_length_is_refused_and_its_connection_closed(
    small: FaceServer, request_: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", small.server_address[1]), timeout=60) as connection:
        connection.sendall(request_)
        answer = b""
        while chunk := connection.recv(4096):
            answer += chunk

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"SerializationException" in answer


def test_a_client_that_goes_away_half_way_leaves_the_service_working(
    service: FaceService, client: RekognitionClient, photos: dict[str, bytes]
) -> None:
    for _ in range(40):  # more than may wait at once
        with socket.create_connection(("127.0.0.1", service.port), timeout=60) as connection:
            connection.sendall(
                b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: RekognitionService.DetectFaces\r\n"
                b"Content-Length: 100000\r\n\r\nhalf"
            )

    deadline = time.monotonic() + 60
    faces = None
    while faces is None and time.monotonic() < deadline:
        try:
            faces = client.detect_faces(Image={"Bytes": photos["obama"]})["FaceDetails"]
        except client.exceptions.ProvisionedThroughputExceededException:
            continue  # it has not noticed all of them yet
    assert faces is not None
    assert len(faces) == 1
