"""Collections of faces: rows in SQLite, embeddings in memory too. A restart loses and recomputes nothing."""

import sqlite3
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from local.rekognition.database import COLLECTION_COLUMNS, FACE_COLUMNS, open_database, transaction
from local.rekognition.engine import MODEL_VERSION, Embedding
from local.rekognition.errors import RekognitionError
from local.rekognition.records import Collection, NewFace, RelativeBox, StoredFace
from local.rekognition.vectors import VectorIndex

_SAME_FACE_OVERLAP = 0.5


class CollectionStore:
    """All collections of one data folder. Safe to use from several threads.

    Parameters
    ----------
    data_dir
        Folder of the database; made if missing. One service at a time can have it.

    Raises
    ------
    FaceServiceError
        If the folder cannot be used: see `open_database`.
    """

    def __init__(self, data_dir: Path) -> None:
        self._database = open_database(data_dir)
        self._lock = threading.RLock()
        self._indexes: dict[int, VectorIndex] = {}

    def close(self) -> None:
        """Let go of the database."""
        with self._lock:
            self._database.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, transaction(self._database):
            yield self._database

    def create(self, collection_id: str) -> None:
        """Make an empty collection; ResourceAlreadyExistsException if there is one of this id."""
        try:
            with self._transaction() as database:
                database.execute(
                    "INSERT INTO collections (collection_id, created, model_version) VALUES (?, ?, ?)",
                    (collection_id, time.time(), MODEL_VERSION),
                )
        except sqlite3.IntegrityError as error:
            raise RekognitionError(
                "ResourceAlreadyExistsException", f"The collection id: {collection_id} already exists"
            ) from error

    def get(self, collection_id: str) -> Collection:
        """Return a collection; ResourceNotFoundException if there is none of this id."""
        with self._lock:
            row = self._database.execute(
                f"SELECT {COLLECTION_COLUMNS} FROM collections WHERE collection_id = ?", (collection_id,)
            ).fetchone()
        if row is None:
            raise RekognitionError(
                "ResourceNotFoundException", f"The collection id: {collection_id} does not exist"
            )
        return Collection(*row)

    def collections(self, after: int, limit: int) -> list[Collection]:
        """Return up to `limit` collections whose key is above `after`, oldest first."""
        with self._lock:
            rows = self._database.execute(
                f"SELECT {COLLECTION_COLUMNS} FROM collections WHERE key > ? ORDER BY key LIMIT ?",
                (after, limit),
            ).fetchall()
        return [Collection(*row) for row in rows]

    def delete(self, collection_id: str) -> None:
        """Remove a collection with all its faces."""
        with self._lock:
            collection = self.get(collection_id)
            with self._transaction() as database:
                database.execute("DELETE FROM collections WHERE key = ?", (collection.key,))
            self._indexes.pop(collection.key, None)

    def count(self, collection_id: str) -> int:
        """Return how many faces a collection holds."""
        with self._lock:
            return len(self._index(self.get(collection_id)))

    def index(
        self, collection_id: str, image_sha256: bytes, external_image_id: str | None, faces: Sequence[NewFace]
    ) -> list[StoredFace]:
        """Store faces of an image and return them, in order.

        A face that this image, under this external image id, has in the collection already is
        returned as it is and not stored again.
        """
        with self._lock:
            collection = self.get(collection_id)
            index = self._index(collection)
            known = self._select(
                "collection = ? AND image_sha256 = ? AND external_image_id IS ?",
                (collection.key, image_sha256, external_image_id),
            )
            image_id = known[0].image_id if known else str(uuid.uuid4())
            stored: list[StoredFace] = []
            added: list[tuple[str, Embedding]] = []
            with self._transaction() as database:
                for face in faces:
                    same = [old for old in known if old.box.overlap(face.box) > _SAME_FACE_OVERLAP]
                    if same:
                        known.remove(same[0])
                        stored.append(same[0])
                        continue
                    face_id, box = str(uuid.uuid4()), face.box
                    values = (
                        collection.key, face_id, image_id, image_sha256, external_image_id,
                        box.left, box.top, box.width, box.height, face.confidence,
                        face.embedding.astype(np.float32).tobytes(),
                    )  # fmt: skip
                    cursor = database.execute(
                        "INSERT INTO faces (collection, face_id, image_id, image_sha256, external_image_id, "
                        "box_left, box_top, box_width, box_height, confidence, embedding) "
                        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        values,
                    )
                    sequence = cursor.lastrowid or 0
                    stored.append(
                        StoredFace(sequence, face_id, image_id, external_image_id, box, face.confidence)
                    )
                    added.append((face_id, face.embedding))
            # Only after the commit, so that memory never holds what the disk does not.
            for face_id, embedding in added:
                index.add(face_id, embedding)
            return stored

    def search(
        self, collection_id: str, vector: Embedding, least_cosine: float, limit: int
    ) -> list[tuple[StoredFace, float]]:
        """Return up to `limit` faces with a cosine of at least `least_cosine`, best first."""
        with self._lock:
            matches = self._index(self.get(collection_id)).search(vector, least_cosine, limit)
            faces = {face.face_id: face for face in self._by_id([face_id for face_id, _ in matches])}
        return [(faces[face_id], cosine) for face_id, cosine in matches]

    def vector(self, collection_id: str, face_id: str) -> Embedding | None:
        """Return a face's embedding, None if the collection does not hold it."""
        with self._lock:
            return self._index(self.get(collection_id)).vector(face_id)

    def faces(
        self, collection_id: str, after: int, limit: int, face_ids: Iterable[str] | None = None
    ) -> list[StoredFace]:
        """Return up to `limit` faces whose sequence is above `after`, in order; only `face_ids` if given."""
        with self._lock:
            condition, values = "collection = ? AND sequence > ?", [self.get(collection_id).key, after]
            wanted = list(face_ids) if face_ids is not None else []
            if face_ids is not None:
                condition += f" AND face_id IN ({', '.join('?' * len(wanted))})"
            return self._select(condition, (*values, *wanted), limit)

    def delete_faces(self, collection_id: str, face_ids: Iterable[str]) -> list[str]:
        """Remove faces and return the ids of those that were there."""
        with self._lock:
            index = self._index(self.get(collection_id))
            there = [face_id for face_id in dict.fromkeys(face_ids) if index.vector(face_id) is not None]
            with self._transaction() as database:
                database.executemany("DELETE FROM faces WHERE face_id = ?", [(face_id,) for face_id in there])
            for face_id in there:
                index.remove(face_id)
            return there

    def _index(self, collection: Collection) -> VectorIndex:
        index = self._indexes.get(collection.key)
        if index is None:
            index = VectorIndex(
                self._database.execute(
                    "SELECT face_id, embedding FROM faces WHERE collection = ? ORDER BY sequence",
                    (collection.key,),
                )
            )
            self._indexes[collection.key] = index
        return index

    def _by_id(self, face_ids: Sequence[str]) -> list[StoredFace]:
        return self._select(f"face_id IN ({', '.join('?' * len(face_ids))})", tuple(face_ids))

    def _select(self, condition: str, values: Sequence[object], limit: int = -1) -> list[StoredFace]:
        rows = self._database.execute(
            f"SELECT {FACE_COLUMNS} FROM faces WHERE {condition} ORDER BY sequence LIMIT ?", (*values, limit)
        ).fetchall()
        return [
            StoredFace(sequence, face_id, image_id, external_image_id, RelativeBox(*box), confidence)
            for sequence, face_id, image_id, external_image_id, *box, confidence in rows
        ]
