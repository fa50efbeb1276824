"""Exact cosine search over the embeddings of one collection, in memory."""

import numpy as np

from local.rekognition.engine import EMBEDDING_SIZE, Embedding

_INITIAL_ROWS = 64


class VectorIndex:
    """Face ids with their unit vectors. Not locked: its owner is.

    Parameters
    ----------
    face_ids
        Ids of the faces to begin with.
    packed
        Their embeddings, float32 in native order, one after the other.
    """

    def __init__(self, face_ids: list[str], packed: bytes) -> None:
        self._ids = list(face_ids)
        self._rows = {face_id: row for row, face_id in enumerate(face_ids)}
        vectors = np.frombuffer(packed, np.float32).reshape(-1, EMBEDDING_SIZE)
        self._matrix = np.empty((max(_INITIAL_ROWS, len(vectors)), EMBEDDING_SIZE), np.float32)
        self._matrix[: len(vectors)] = vectors

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, face_id: str, vector: Embedding) -> None:
        """Add a face."""
        row = len(self._ids)
        if row == len(self._matrix):
            larger = np.empty((2 * row, EMBEDDING_SIZE), np.float32)
            larger[:row] = self._matrix
            self._matrix = larger
        self._matrix[row] = vector
        self._ids.append(face_id)
        self._rows[face_id] = row

    def remove(self, face_id: str) -> None:
        """Remove a face; the last one takes its row."""
        row = self._rows.pop(face_id)
        last = self._ids.pop()
        if last != face_id:
            self._ids[row] = last
            self._rows[last] = row
            self._matrix[row] = self._matrix[len(self._ids)]

    def vector(self, face_id: str) -> Embedding | None:
        """Return a copy of a face's embedding, None if it is not here."""
        row = self._rows.get(face_id)
        return None if row is None else self._matrix[row].copy()

    def search(self, vector: Embedding, least_cosine: float, limit: int) -> list[tuple[str, float]]:
        """Return up to `limit` (face id, cosine) of at least `least_cosine`, best first."""
        cosines = self._matrix[: len(self._ids)] @ vector
        candidates = np.flatnonzero(cosines >= least_cosine)
        if len(candidates) > limit:
            best = np.argpartition(cosines[candidates], -limit)[-limit:]
            candidates = candidates[best]
        ordered = candidates[np.argsort(-cosines[candidates], kind="stable")]
        return [(self._ids[row], float(cosines[row])) for row in ordered]
