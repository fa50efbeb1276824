"""Plots of a benchmark, as PNG files."""

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from benchmarks.faces.scores import BINS, PairCounts, rates

matplotlib.use("agg")
from matplotlib import pyplot as plt

_SHOWN = ("real", "generated", "all")


def plot_curves(groups: dict[str, PairCounts], target: Path) -> None:
    """Draw ROC and DET curves of the groups of pairs."""
    figure, (roc, det) = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
    for name in _SHOWN:
        counts = groups.get(name)
        if counts is None or not counts.genuine_pairs or not counts.impostor_pairs:
            continue
        _, accepted, falsely = rates(counts)
        # Below one false accept there is nothing to see; no false reject is drawn as half a one.
        floor = 1 / counts.impostor_pairs
        seen = falsely >= floor
        label = f"{name}: {counts.genuine_pairs:,} / {counts.impostor_pairs:,} pairs"
        roc.step(falsely[seen], accepted[seen], label=label, where="post")
        det.step(
            falsely[seen],
            np.maximum(1 - accepted[seen], 0.5 / counts.genuine_pairs),
            label=label,
            where="post",
        )
    for axes, title, ylabel in ((roc, "ROC", "true accepts"), (det, "DET", "false rejects")):
        axes.set(xscale="log", xlabel="false accepts", ylabel=ylabel, title=title)
        axes.grid(alpha=0.3, which="both")
        if axes.get_lines():
            axes.legend()
    det.set_yscale("log")
    figure.savefig(target, dpi=110)
    plt.close(figure)


def plot_similarities(groups: dict[str, PairCounts], target: Path) -> None:
    """Draw histograms of the cosines of one person's pairs and of two persons'."""
    shown = [name for name in _SHOWN if name in groups]
    figure, rows = plt.subplots(
        len(shown) or 1, 1, figsize=(9, 3 * (len(shown) or 1)), layout="constrained", squeeze=False
    )
    width = 40
    centres = np.linspace(-1, 1, BINS // width + 1)[:-1] + width / BINS
    for axes, name in zip(rows[:, 0], shown, strict=False):
        for histogram, label in ((groups[name].impostor, "two people"), (groups[name].genuine, "one person")):
            total = int(histogram.sum())
            if total:
                heights = histogram.reshape(-1, width).sum(axis=1) / total
                axes.bar(centres, heights, 2 * width / BINS, alpha=0.6, label=f"{label}: {total:,} pairs")
        axes.axvline(0.40, color="black", linestyle=":", label="similarity 80")
        axes.set(title=name, xlim=(-0.4, 1), xlabel="cosine", ylabel="share")
        axes.legend()
    figure.savefig(target, dpi=110)
    plt.close(figure)


def plot_precision_recall(curve: Any, target: Path) -> None:
    """Draw precision and recall of calling sunglasses; `curve` as `sunglasses_curve` gives it."""
    thresholds, precision, recall = curve
    figure, axes = plt.subplots(figsize=(6, 5), layout="constrained")
    axes.step(recall, precision, where="post", marker=".")
    called = np.flatnonzero(thresholds >= 0.5)
    if len(called):
        axes.plot(recall[called[-1]], precision[called[-1]], "o", label="threshold 0.5")
        axes.legend()
    axes.set(xlabel="recall", ylabel="precision", title="Sunglasses", xlim=(0, 1.02), ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    figure.savefig(target, dpi=110)
    plt.close(figure)
