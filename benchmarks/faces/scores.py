"""Arithmetic of a benchmark: error rates of verification and classification, without the models."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

BINS = 4000
"""Bins of cosines from -1 to 1: pairs are counted in them, so that millions take no memory."""

_EDGES = np.linspace(-1.0, 1.0, BINS + 1)
_BLOCK = 512


@dataclass
class PairCounts:
    """How many pairs of one person, and of two, have a cosine in each bin."""

    genuine: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    impostor: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))

    @property
    def genuine_pairs(self) -> int:
        return int(self.genuine.sum())

    @property
    def impostor_pairs(self) -> int:
        return int(self.impostor.sum())


def count_pairs(embeddings: NDArray[np.float32], identities: NDArray[np.int64]) -> PairCounts:
    """Count all unordered pairs of unit vectors of shape (n, d), by whether their identities are equal."""
    counts = PairCounts()
    total = len(embeddings)
    for start in range(0, total, _BLOCK):
        rows = slice(start, min(start + _BLOCK, total))
        cosines = embeddings[rows] @ embeddings[start:].T
        bins = np.clip(((cosines + 1) / 2 * BINS).astype(np.int64), 0, BINS - 1)
        same = identities[rows, None] == identities[None, start:]
        # Each pair once: only columns after the row itself.
        later = np.triu(np.ones(cosines.shape, bool), 1)
        counts.genuine += np.bincount(bins[same & later], minlength=BINS)
        counts.impostor += np.bincount(bins[~same & later], minlength=BINS)
    return counts


def rates(counts: PairCounts) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return thresholds, true and false accept rates: the share of pairs with at least that cosine.

    The last threshold is above all pairs.
    """

    def at_least(histogram: NDArray[np.int64]) -> NDArray[np.float64]:
        reversed_sums = np.concatenate([[0], np.cumsum(histogram[::-1])])
        return reversed_sums[::-1] / max(int(histogram.sum()), 1)

    return _EDGES, at_least(counts.genuine), at_least(counts.impostor)


def equal_error_rate(counts: PairCounts) -> float | None:
    """Return the rate at which false accepts and false rejects are equally frequent; None without pairs."""
    if not counts.genuine_pairs or not counts.impostor_pairs:
        return None
    _, accepted, falsely = rates(counts)
    gap = (1 - accepted) - falsely
    after = int(np.argmax(gap >= 0))
    if after == 0:
        return float(falsely[0])
    # Between two thresholds both rates are taken to be straight lines.
    part = -gap[after - 1] / (gap[after] - gap[after - 1])
    return float(falsely[after - 1] + part * (falsely[after] - falsely[after - 1]))


@dataclass(frozen=True)
class WorkingPoint:
    """The lowest threshold that keeps a false accept rate, and what it accepts.

    `supported` says whether there are enough impostor pairs for the rate to mean something: ten false
    accepts would be allowed.
    """

    far: float
    threshold: float
    tar: float
    supported: bool


def working_point(counts: PairCounts, far: float) -> WorkingPoint | None:
    """Return the true accept rate at a false accept rate; None without pairs."""
    if not counts.genuine_pairs or not counts.impostor_pairs:
        return None
    thresholds, accepted, falsely = rates(counts)
    first = int(np.argmax(falsely <= far + 1e-12))
    return WorkingPoint(
        far=far,
        threshold=float(thresholds[first]),
        tar=float(accepted[first]),
        supported=counts.impostor_pairs * far >= 10,
    )


def accept_rate(histogram: NDArray[np.int64], cosine: float) -> float | None:
    """Return the share of pairs in a histogram with at least this cosine; None without pairs."""
    total = int(histogram.sum())
    first = int(np.searchsorted(_EDGES, cosine - 1e-9))
    return float(histogram[first:].sum()) / total if total else None


def precision_recall(
    probabilities: NDArray[np.float64], truth: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return thresholds from high to low, precision and recall of calling all at least as probable."""
    order = np.argsort(-probabilities, kind="stable")
    right = np.cumsum(truth[order])
    called = np.arange(1, len(order) + 1)
    # Equal probabilities are called together.
    last = np.append(np.diff(probabilities[order]) != 0, True) if len(order) else np.zeros(0, bool)
    return (
        probabilities[order][last],
        (right / called)[last],
        (right / max(int(truth.sum()), 1))[last],
    )
