"""How the time to a decision grows: with the uploads that wait, and with the faces that are indexed already.

By name only (`PARTS=growth`), since it takes minutes. QUEUES=100,500 uploads at once, and COLLECTIONS=
100,10000,1000000 faces of nobody in the collection before a burst of 100. Photos are those of PHOTOS=DIR,
or the samples of the demo.
"""

from __future__ import annotations

import os
import sqlite3
import statistics
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.costs.burst import Burst, photos_to_upload, run_burst, warm_up, with_photos
from benchmarks.costs.figures import Figure
from benchmarks.costs.stacks import bench_stack
from local.rekognition.database import open_database, transaction
from local.rekognition.engine import EMBEDDING_SIZE
from local.stack import Stack

_QUEUES: Final = os.environ.get("QUEUES", "100,500")
_COLLECTIONS: Final = os.environ.get("COLLECTIONS", "100,10000,1000000")
_UPLOADS: Final = 100
_ROWS_AT_ONCE: Final = 10_000

Vectors = NDArray[np.float32]


def missing() -> list[str]:
    """Nothing but what the project installs is needed."""
    return []


def measure(runs: int) -> Iterator[Figure]:
    """Each burst once, on a stack of its own; the last figure of each kind is the growth from the least."""
    photos = photos_to_upload()
    command = with_photos(f"QUEUES={_QUEUES} COLLECTIONS={_COLLECTIONS} python -m benchmarks.costs growth")
    queues: dict[int, Burst] = {}
    for size in map(int, _QUEUES.split(",")):
        with bench_stack() as stack:
            warm_up(stack)
            queues[size] = run_burst(stack, [photos[number % len(photos)] for number in range(size)])
        yield queues[size].figure(f"queue{size}_vs_model", command)
    each = {size: burst.seconds / size for size, burst in queues.items()}
    yield _growth("queue_growth", each, "uploads", "s for each upload", command)

    collections: dict[int, Burst] = {}
    for count in map(int, _COLLECTIONS.split(",")):
        with bench_stack(before=lambda stack, count=count: fill(stack, count)) as stack:
            warm_up(stack)
            collections[count] = run_burst(
                stack, [photos[number % len(photos)] for number in range(_UPLOADS)]
            )
        yield collections[count].figure(f"collection{count}_vs_model", command)
    medians = {count: statistics.median(burst.decisions) for count, burst in collections.items()}
    yield _growth("collection_growth", medians, "faces", "s to the median decision", command)


def _growth(name: str, found: dict[int, float], of: str, unit: str, command: str) -> Figure:
    text = "; ".join(f"{count:,} {of}: {value:.3g} {unit}" for count, value in found.items())
    return Figure(name, found[max(found)] / found[min(found)], text, command, found)


def fill(stack: Stack, count: int) -> None:
    """Put faces that nobody has into the collection of a stack that has been stopped."""
    generator = np.random.default_rng(count)
    with closing(open_database(stack.face_service.log_file.parent)) as database:
        query = "SELECT key FROM collections WHERE collection_id = ?"
        (collection,) = database.execute(query, (stack.endpoints.collection_id,)).fetchone()
        for _ in range(0, count, _ROWS_AT_ONCE):
            vectors = generator.standard_normal((min(count, _ROWS_AT_ONCE), EMBEDDING_SIZE), np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            _insert(database, collection, vectors)


def _insert(database: sqlite3.Connection, collection: int, vectors: Vectors) -> None:
    columns = (
        "collection, face_id, image_id, image_sha256, external_image_id, box_left, box_top, box_width, "
        "box_height, confidence, embedding"
    )
    rows = (
        (collection, str(uuid.uuid4()), str(uuid.uuid4()), os.urandom(32), "nobody:none", vector.tobytes())
        for vector in vectors
    )
    with transaction(database):
        database.executemany(f"INSERT INTO faces ({columns}) VALUES (?, ?, ?, ?, ?, 0, 0, 1, 1, 99, ?)", rows)
