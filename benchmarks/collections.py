"""How a collection of faces is best searched: numpy (what the face service does), faiss-cpu and usearch.

`python -m benchmarks.collections [COUNT…]`, by default for 100, 10,000, 100,000 and 1,000,000 faces. Each
measurement is a process of its own, on one thread, since the face models have the others. The two libraries
are in an environment of the benchmark's own, .bench/venv, made when first needed, and left out without it.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
import venv
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

_PROJECT = Path(__file__).resolve().parents[1]
_ENVIRONMENT = _PROJECT / ".bench" / "venv"
_REQUIREMENTS = _PROJECT / "benchmarks" / "requirements.txt"
_COUNTS = (100, 10_000, 100_000, 1_000_000)
_LIBRARIES = ("numpy", "faiss", "usearch flat", "usearch HNSW")
_SIZE = 128
_SAMPLES = 200
_MOST_SECONDS = 300
# Another photo of the same person: the cosine of the two is about 0.7.
_NOISE = 1.0 / np.sqrt(_SIZE)

Vectors = NDArray[np.float32]


class Collection(Protocol):
    """What a library must do for a collection. `row` numbers faces from 0 in the order they were added."""

    def fill(self, vectors: Vectors) -> None: ...
    def add(self, row: int, vector: Vectors) -> None: ...
    def remove(self, row: int) -> None: ...
    def search(self, vector: Vectors) -> list[int]: ...
    def save(self, folder: Path) -> None: ...
    def load(self, folder: Path) -> None: ...


class NumpyCollection:
    """The face service's own: rows in SQLite, vectors in blocks of numpy."""

    def __init__(self) -> None:
        from local.rekognition.vectors import VectorIndex

        self._index = VectorIndex()

    @staticmethod
    def _id(row: int) -> str:
        return str(uuid.UUID(int=row))

    def fill(self, vectors: Vectors) -> None:
        for row, vector in enumerate(vectors):
            self.add(row, vector)

    def add(self, row: int, vector: Vectors) -> None:
        self._index.add(self._id(row), vector)

    def remove(self, row: int) -> None:
        self._index.remove(self._id(row))

    def search(self, vector: Vectors) -> list[int]:
        return [uuid.UUID(face_id).int for face_id, _ in self._index.search(vector, 0.4, 4096)]

    def save(self, folder: Path) -> None:
        """Write the rows as the service does, in one transaction."""
        from local.rekognition.database import open_database, transaction
        from local.rekognition.engine import MODEL_VERSION

        with closing(open_database(folder)) as database, transaction(database):
            database.execute("INSERT INTO collections VALUES (1, 'c', 0, ?)", (MODEL_VERSION,))
            database.executemany(
                "INSERT INTO faces VALUES (?, 1, ?, ?, ?, ?, 0, 0, 1, 1, 99, ?)",
                (
                    (row + 1, face_id, face_id, os.urandom(32), face_id, self._bytes(face_id))
                    for row, face_id in enumerate(map(self._id, range(len(self._index))))
                ),
            )

    def _bytes(self, face_id: str) -> bytes:
        vector = self._index.vector(face_id)
        return b"" if vector is None else vector.tobytes()

    def load(self, folder: Path) -> None:
        from local.rekognition.store import CollectionStore

        self._store = CollectionStore(folder)
        self._store.search("c", np.eye(1, _SIZE, dtype=np.float32)[0], 0.99, 1)


class FaissCollection:
    """faiss's exact index by inner product, with ids."""

    def __init__(self) -> None:
        import faiss

        faiss.omp_set_num_threads(1)
        self._faiss: Any = faiss
        self._index: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(_SIZE))

    def fill(self, vectors: Vectors) -> None:
        self._index.add_with_ids(vectors, np.arange(len(vectors)))

    def add(self, row: int, vector: Vectors) -> None:
        self._index.add_with_ids(vector[None], np.array([row]))

    def remove(self, row: int) -> None:
        self._index.remove_ids(np.array([row]))

    def search(self, vector: Vectors) -> list[int]:
        _, rows = self._index.search(vector[None], 10)
        return [int(row) for row in rows[0]]

    def save(self, folder: Path) -> None:
        self._faiss.write_index(self._index, str(folder / "index"))

    def load(self, folder: Path) -> None:
        self._index = self._faiss.read_index(str(folder / "index"))


class UsearchCollection:
    """usearch's graph of neighbours, searched as such or exactly."""

    def __init__(self, exact: bool) -> None:
        from usearch.index import Index

        self._exact = exact
        self._index: Any = Index(ndim=_SIZE, metric="ip", dtype="f32")

    def fill(self, vectors: Vectors) -> None:
        self._index.add(np.arange(len(vectors)), vectors, threads=2)

    def add(self, row: int, vector: Vectors) -> None:
        self._index.add(row, vector, threads=1)

    def remove(self, row: int) -> None:
        self._index.remove(row)

    def search(self, vector: Vectors) -> list[int]:
        found = self._index.search(vector, 10, exact=self._exact, threads=1)
        return [int(row) for row in found.keys]

    def save(self, folder: Path) -> None:
        self._index.save(str(folder / "index"))

    def load(self, folder: Path) -> None:
        self._index.load(str(folder / "index"))


def _make(library: str) -> Collection:
    if library == "numpy":
        return NumpyCollection()
    if library == "faiss":
        return FaissCollection()
    return UsearchCollection(exact=library == "usearch flat")


def _unit(vectors: Vectors) -> Vectors:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def _resident() -> int:
    status = Path("/proc/self/status").read_text()
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


def _times(work: Callable[[int], object]) -> dict[str, float]:
    """Milliseconds of doing `work` for 0, 1, 2, …: median, 99th percentile, and median on the processor.

    The last one is what it costs, also on a machine where something else is running.
    """
    taken, worked = [], []
    for number in range(_SAMPLES):
        started, busy = time.perf_counter(), time.thread_time()
        work(number)
        worked.append(1000 * (time.thread_time() - busy))
        taken.append(1000 * (time.perf_counter() - started))
    p50, p99 = np.percentile(taken, (50, 99))
    return {"p50": float(p50), "p99": float(p99), "cpu": float(np.median(worked))}


def measure(library: str, count: int) -> dict[str, Any]:
    """Measure one library with `count` faces, in this process."""
    rng = np.random.default_rng(count)
    faces = _unit(rng.standard_normal((count, _SIZE), np.float32))
    more = _unit(rng.standard_normal((_SAMPLES, _SIZE), np.float32))
    wanted = rng.integers(0, count, _SAMPLES)
    noise = _NOISE * rng.standard_normal((_SAMPLES, _SIZE), np.float32)
    queries = _unit(faces[wanted] + noise.astype(np.float32))
    collection = _make(library)
    before = _resident()
    started = time.perf_counter()
    collection.fill(faces)
    filled = time.perf_counter() - started
    memory = _resident() - before
    collection.search(queries[0])
    right = [0]

    def search(number: int) -> None:
        right[0] += collection.search(queries[number])[:1] == [wanted[number]]

    figures: dict[str, Any] = {"fill s": filled, "memory MB": memory / 1e6}
    figures["search ms"] = _times(search)
    figures["found"] = right[0] / _SAMPLES
    figures["insert ms"] = _times(lambda number: collection.add(count + number, more[number]))
    figures["delete ms"] = _times(lambda number: collection.remove(count + number))
    with tempfile.TemporaryDirectory(dir=_PROJECT / ".bench") as folder:
        collection.save(Path(folder))
        again = _make(library)
        started = time.perf_counter()
        again.load(Path(folder))
        figures["restart s"] = time.perf_counter() - started
    return figures


def _libraries_python() -> Path | None:
    """Python of the environment with the two libraries, made if missing; None if that fails."""
    python = _ENVIRONMENT / "bin" / "python"
    if not python.exists():
        print("Making .bench/venv for faiss-cpu and usearch", file=sys.stderr)
        venv.create(_ENVIRONMENT, with_pip=True)
    install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r"]
    if subprocess.run([*install, str(_REQUIREMENTS)], check=False).returncode != 0:
        print("faiss-cpu and usearch cannot be installed: numpy alone is measured.", file=sys.stderr)
        return None
    return python


def _measure_apart(python: Path, library: str, count: int) -> dict[str, Any] | str:
    command = [str(python), "-m", "benchmarks.collections", "--measure", library, str(count)]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, cwd=_PROJECT, env=environment, capture_output=True, text=True, timeout=_MOST_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"not done in {_MOST_SECONDS} s"
    if done.returncode != 0:
        return f"failed: {done.stderr.strip().splitlines()[-1:]}"
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def _row(library: str, count: int, figures: dict[str, Any] | str) -> str:
    if isinstance(figures, str):
        return f"| {count:,} | {library} | {figures} |"
    both = [
        f"{figures[what]['p50']:.3g} / {figures[what]['p99']:.3g} / {figures[what]['cpu']:.3g}"
        for what in ("search ms", "insert ms", "delete ms")
    ]
    rest = f"{figures['memory MB']:.0f} | {figures['restart s']:.2f} | {100 * figures['found']:.1f} %"
    return f"| {count:,} | {library} | {' | '.join(both)} | {figures['fill s']:.2f} | {rest} |"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure all, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.collections", description=__doc__)
    parser.add_argument("counts", nargs="*", type=int, metavar="COUNT", help="faces in a collection")
    parser.add_argument("--measure", nargs=2, metavar=("LIBRARY", "COUNT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    (_PROJECT / ".bench").mkdir(exist_ok=True)
    if arguments.measure:
        library, count = arguments.measure
        print(json.dumps(measure(library, int(count))))
        return 0
    libraries = _libraries_python()
    print(
        f"sqlite {sqlite3.sqlite_version}, {os.cpu_count()} cores; "
        "times in ms: p50 / p99 / p50 on the processor",
        flush=True,
    )
    print("| faces | library | search | insert | delete | fill s | memory MB | restart s | found |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for count in arguments.counts or _COUNTS:
        for library in _LIBRARIES:
            python = Path(sys.executable) if library == "numpy" else libraries
            if python is not None:
                print(_row(library, count, _measure_apart(python, library, count)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
