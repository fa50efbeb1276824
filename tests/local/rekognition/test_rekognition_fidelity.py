"""What Rekognition's guide says of its answers, beyond their shapes; and what a crash and a crowd do."""

import io
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from mypy_boto3_rekognition import RekognitionClient
from PIL import Image as Pillow
from PIL import ImageEnhance, ImageFilter

from local.rekognition.operations import FaceOperations
from local.rekognition.photos import PhotoReader
from local.rekognition.pool import EnginePool
from local.rekognition.process import FaceService
from local.rekognition.server import FaceServer
from local.rekognition.store import CollectionStore
from local.rekognition.weights import Weights


def _changed(data: bytes, change: Callable[[Pillow.Image], Pillow.Image]) -> bytes:
    with Pillow.open(io.BytesIO(data)) as photo:
        target = io.BytesIO()
        change(photo.convert("RGB")).save(target, "JPEG", quality=90)
    return target.getvalue()


def _area(face: Any) -> float:
    box = face["BoundingBox"]
    return float(box["Width"] * box["Height"])


def test_compare_faces_matches_the_largest_source_face_with_each_target_face(
    client: RekognitionClient, photos: dict[str, bytes]
) -> None:
    same = client.compare_faces(
        SourceImage={"Bytes": photos["obama"]}, TargetImage={"Bytes": photos["obama_speaking"]}
    )
    other = client.compare_faces(
        SourceImage={"Bytes": photos["obama"]}, TargetImage={"Bytes": photos["biden"]}
    )
    group = client.compare_faces(
        SourceImage={"Bytes": photos["group"]}, TargetImage={"Bytes": photos["group"]}, SimilarityThreshold=0
    )

    assert [match["Similarity"] > 80 for match in same["FaceMatches"]] == [True]
    assert same["UnmatchedFaces"] == []
    assert other["FaceMatches"] == []
    assert len(other["UnmatchedFaces"]) == 1
    similarities = [match["Similarity"] for match in group["FaceMatches"]]
    assert len(similarities) == 6
    assert similarities == sorted(similarities, reverse=True)
    assert group["FaceMatches"][0]["Face"]["BoundingBox"] == group["SourceImageFace"]["BoundingBox"]


@pytest.mark.parametrize(
    ("source", "target", "which"), [("no_face", "obama", "source"), ("obama", "no_face", "target")]
)
def test_comparing_with_no_face_is_an_invalid_parameter(
    client: RekognitionClient, photos: dict[str, bytes], source: str, target: str, which: str
) -> None:
    with pytest.raises(client.exceptions.InvalidParameterException, match=f"no faces in the {which} image"):
        client.compare_faces(SourceImage={"Bytes": photos[source]}, TargetImage={"Bytes": photos[target]})


def test_compare_faces_takes_two_images_of_almost_5_mb(
    client: RekognitionClient, photos: dict[str, bytes]
) -> None:
    large = photos["obama"] + bytes(5 * 1024 * 1024 - len(photos["obama"]))

    answer = client.compare_faces(SourceImage={"Bytes": large}, TargetImage={"Bytes": large})

    assert len(answer["FaceMatches"]) == 1


def test_faces_come_largest_first(
    client: RekognitionClient, collection: str, photos: dict[str, bytes]
) -> None:
    detected = client.detect_faces(Image={"Bytes": photos["group"]})["FaceDetails"]
    indexed = client.index_faces(
        CollectionId=collection, Image={"Bytes": photos["group"]}, QualityFilter="NONE", MaxFaces=3
    )

    areas = [_area(face) for face in detected]
    assert areas == sorted(areas, reverse=True)
    assert [_area(record["Face"]) for record in indexed["FaceRecords"]] == pytest.approx(areas[:3])
    assert [face["Reasons"] for face in indexed["UnindexedFaces"]] == [["EXCEEDS_MAX_FACES"]] * 3


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("obama", lambda photo: ImageEnhance.Brightness(photo).enhance(0.12), "LOW_BRIGHTNESS"),
        (
            "obama",
            lambda photo: photo.filter(ImageFilter.GaussianBlur(max(photo.size) / 60)),
            "LOW_SHARPNESS",
        ),
        (
            "obama",
            lambda photo: photo.resize((max(80, photo.width // 10), max(80, photo.height // 10))),
            "SMALL_BOUNDING_BOX",
        ),
        ("group", lambda photo: photo, "EXTREME_POSE"),
    ],
    ids=["dark", "blurred", "small", "turned away"],
)
def test_each_thing_a_quality_filter_looks_at_has_its_reason(
    client: RekognitionClient,
    collection: str,
    photos: dict[str, bytes],
    name: str,
    change: Callable[[Pillow.Image], Pillow.Image],
    reason: str,
) -> None:
    image: Any = {"Bytes": _changed(photos[name], change)}

    answer = client.index_faces(CollectionId=collection, Image=image, QualityFilter="HIGH")

    assert any(reason in face["Reasons"] for face in answer["UnindexedFaces"])


def test_a_service_killed_in_the_middle_of_inserts_has_every_face_that_it_answered(
    tmp_path: Path,
    cache_dir: Path,
    weights: Weights,
    photos: dict[str, bytes],
    connect: Callable[[str], RekognitionClient],
) -> None:
    answered: list[str] = []
    enough = threading.Event()

    def insert(client: RekognitionClient, worker: int) -> None:
        for number in range(1000):
            try:
                answer = client.index_faces(
                    CollectionId="kept",
                    Image={"Bytes": photos["biden"]},
                    ExternalImageId=f"{worker}:{number}",
                )
            except (ClientError, BotoCoreError):
                return
            answered.append(answer["FaceRecords"][0]["Face"]["FaceId"])
            if len(answered) >= 20:
                enough.set()

    with FaceService(tmp_path, cache_dir) as first:
        client = connect(first.url)
        client.create_collection(CollectionId="kept")
        threads = [threading.Thread(target=insert, args=(client, worker)) for worker in range(3)]
        for thread in threads:
            thread.start()
        assert enough.wait(60)
        assert first.pid is not None
        os.kill(first.pid, signal.SIGKILL)
        for thread in threads:
            thread.join(60)

    with FaceService(tmp_path, cache_dir) as second:
        client = connect(second.url)
        listed = {face["FaceId"] for face in client.list_faces(CollectionId="kept")["Faces"]}
        found = client.search_faces(CollectionId="kept", FaceId=answered[-1])["FaceMatches"]

    assert set(answered) <= listed
    assert len(listed) <= len(answered) + len(threads)
    assert {match["Face"]["FaceId"] for match in found} == listed - {answered[-1]}


def test_a_crowd_is_served_up_to_the_bound_and_throttled_beyond_it(
    tmp_path: Path, weights: Weights, photos: dict[str, bytes], connect: Callable[[str], RekognitionClient]
) -> None:
    store = CollectionStore(tmp_path)
    pool = EnginePool(weights, engines=2, waiting=3)
    operations = FaceOperations(store, pool, PhotoReader(None, "us-east-1"), "us-east-1")

    def call(client: RekognitionClient) -> str:
        try:
            client.detect_faces(Image={"Bytes": photos["group"]})
        except ClientError as error:
            return error.response["Error"]["Code"]
        return "answered"

    with closing(pool), FaceServer(0, operations, pool) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        client = connect(server.url)
        with ThreadPoolExecutor(40) as crowd:
            outcomes = list(crowd.map(call, [client] * 40))
        after = call(client)
        server.shutdown()
        thread.join()
    store.close()

    assert set(outcomes) == {"answered", "ProvisionedThroughputExceededException"}
    assert outcomes.count("answered") >= 5
    assert after == "answered"
