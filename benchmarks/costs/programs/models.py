"""The face calls of some photos in the models alone: no HTTP, no AWS, two engines, nothing cached.

    python -m benchmarks.costs.programs.models CALLS

CALLS is a JSON list of [photo, operation]. Prints wall seconds and processor seconds, without the start.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from local.places import CACHE
from local.rekognition.errors import RekognitionError
from local.rekognition.operations import FaceOperations
from local.rekognition.photos import PhotoReader
from local.rekognition.pool import EnginePool
from local.rekognition.store import CollectionStore
from local.rekognition.weights import ensure_weights

_ENGINES = 2
_ATTRIBUTES = ["DEFAULT", "EYES_OPEN", "FACE_OCCLUDED", "SUNGLASSES"]


def request(operation: str, content: bytes) -> dict[str, Any]:
    """What the app asks for."""
    image = {"Image": {"Bytes": content}}
    if operation == "DetectFaces":
        return {**image, "Attributes": _ATTRIBUTES}
    if operation == "SearchFacesByImage":
        return {**image, "CollectionId": "c", "FaceMatchThreshold": 90.0, "MaxFaces": 4096}
    return {**image, "CollectionId": "c", "MaxFaces": 1, "QualityFilter": "AUTO", "ExternalImageId": "a:b"}


def main(calls_file: Path) -> None:
    """Make all calls, as many at once as there are engines."""
    calls = json.loads(calls_file.read_text())
    contents = {name: Path(name).read_bytes() for name, _ in calls}
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(_ENGINES) as threads:
        store = CollectionStore(Path(folder))
        with closing(EnginePool(ensure_weights(CACHE), _ENGINES, len(calls))) as pool:
            operations = FaceOperations(store, pool, PhotoReader(None, "us-east-1"), "us-east-1")
            operations.call("CreateCollection", {"CollectionId": "c"})

            def make(call: tuple[str, str]) -> None:
                name, operation = call
                try:
                    operations.call(operation, request(operation, contents[name]))
                except RekognitionError:
                    return  # no face in it, or no image: that is an answer, too

            begin, busy = time.perf_counter(), time.process_time()
            list(threads.map(make, calls))
            print(time.perf_counter() - begin, time.process_time() - busy)
        store.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
