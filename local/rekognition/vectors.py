"""Exact cosine search over the embeddings of one collection, in memory."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from local.rekognition.engine import EMBEDDING_SIZE, Embedding

_BLOCK_ROWS = 16_384
"""Rows of a block, 8 MB: an addition makes a block at most, and copies nothing."""


class VectorIndex:
    """Face ids with their unit vectors. Not locked: its owner is.

    Parameters
    ----------
    faces
        Ids of the faces to begin with, each with its embedding as float32 in native order.
    """

    def __init__(self, faces: Iterable[tuple[str, bytes]] = ()) -> None:
        self._ids: list[str] = []
        self._rows: dict[str, int] = {}
        self._blocks: list[NDArray[np.float32]] = []
        for face_id, packed in faces:
            self.add(face_id, np.frombuffer(packed, np.float32))

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, face_id: str, vector: Embedding) -> None:
        """Add a face."""
        row = len(self._ids)
        if row == len(self._blocks) * _BLOCK_ROWS:
            self._blocks.append(np.empty((_BLOCK_ROWS, EMBEDDING_SIZE), np.float32))
        self._at(row)[:] = vector
        self._ids.append(face_id)
        self._rows[face_id] = row

    def remove(self, face_id: str) -> None:
        """Remove a face; the last one takes its row."""
        row = self._rows.pop(face_id)
        last = self._ids.pop()
        if last != face_id:
            self._ids[row] = last
            self._rows[last] = row
            self._at(row)[:] = self._at(len(self._ids))
        if len(self._ids) <= (len(self._blocks) - 1) * _BLOCK_ROWS:
            self._blocks.pop()

    def vector(self, face_id: str) -> Embedding | None:
        """Return a copy of a face's embedding, None if it is not here."""
        row = self._rows.get(face_id)
        return None if row is None else self._at(row).copy()

    def search(self, vector: Embedding, least_cosine: float, limit: int) -> list[tuple[str, float]]:
        """Return up to `limit` (face id, cosine) of at least `least_cosine`, best first."""
        cosines = np.empty(len(self._ids), np.float32)
        for number, block in enumerate(self._blocks):
            part = cosines[number * _BLOCK_ROWS : (number + 1) * _BLOCK_ROWS]
            np.matmul(block[: len(part)], vector, out=part)
        candidates = np.flatnonzero(cosines >= least_cosine)
        if len(candidates) > limit:
            best = np.argpartition(cosines[candidates], -limit)[-limit:]
            candidates = candidates[best]
        ordered = candidates[np.argsort(-cosines[candidates], kind="stable")]
        return [(self._ids[row], float(cosines[row])) for row in ordered]

    def _at(self, row: int) -> Embedding:
        block, within = divmod(row, _BLOCK_ROWS)
        vector: Embedding = self._blocks[block][within]
        return vector
