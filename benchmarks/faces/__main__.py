"""`python -m benchmarks.faces DIR`: how accurate the face service is on labelled photos."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.faces.manifest import ManifestError, read_manifest
from benchmarks.faces.measure import measure_cost, measure_photos
from benchmarks.faces.plots import plot_curves, plot_precision_recall, plot_similarities
from benchmarks.faces.report import Pair, groups_of_pairs, summary, sunglasses_curve, text
from local.downloads import DownloadError
from local.rekognition.service import DEFAULT_CACHE
from local.rekognition.weights import WeightsError, ensure_weights

_DEFAULT_PHOTOS = Path("../shared/photos")
_DEFAULT_OUT = Path(".bench/faces")
_PROGRESS_SECONDS = 10.0
_NAMED = 20


def main(argv: Sequence[str] | None = None) -> int:
    """Measure a folder, print the report, write it and its plots, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faces", description=__doc__)
    parser.add_argument(
        "photos", type=Path, nargs="?", default=_DEFAULT_PHOTOS, help="folder with a manifest.csv"
    )
    parser.add_argument("--out", type=Path, default=_DEFAULT_OUT, help=f"default: {_DEFAULT_OUT}")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args(argv)
    try:
        labels, ignored = read_manifest(arguments.photos)
        weights = ensure_weights(DEFAULT_CACHE, _say)
    except (ManifestError, WeightsError, DownloadError) as error:
        _say(str(error))
        _say("Name a folder of labelled photos: make bench-faces PHOTOS=DIR")
        return 1
    if not labels:
        _say(f"The manifest in {arguments.photos} names no photo.")
        return 1
    for line in ignored[:_NAMED]:
        _say(f"left out, {line}")

    paths = [arguments.photos / label.file for label in labels]
    pairs: list[Pair] = []
    unread: list[str] = []
    said = time.monotonic()
    for done, (label, seen) in enumerate(zip(labels, measure_photos(weights, paths), strict=True), start=1):
        if seen.error:
            unread.append(f"{label.file}: {seen.error}")
        else:
            pairs.append((label, seen))
        if time.monotonic() - said > _PROGRESS_SECONDS:
            said = time.monotonic()
            _say(f"{done} of {len(labels)} photos")
    for line in unread[:_NAMED]:
        _say(f"not measured, {line}")
    if unread:
        _say(f"{len(unread)} of {len(labels)} photos could not be measured")

    timed = [arguments.photos / label.file for label, seen in pairs if seen.faces == 1]
    groups = groups_of_pairs(pairs)
    figures = summary(pairs, groups, measure_cost(weights, timed))
    figures["unreadPhotos"] = unread
    report = text(figures)

    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "report.json").write_text(json.dumps(figures, indent=2) + "\n")
    (arguments.out / "report.txt").write_text(report + "\n")
    plot_curves(groups, arguments.out / "verification.png")
    plot_similarities(groups, arguments.out / "similarities.png")
    curve = sunglasses_curve(pairs)
    if curve is not None:
        plot_precision_recall(curve, arguments.out / "sunglasses.png")
    print(json.dumps(figures, indent=2) if arguments.json else report)
    _say(f"\nWritten to {arguments.out}")
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
