"""The whole pipeline on one machine: bursts of uploads, beside their face calls in the models alone.

Every upload has a rider of its own; forms are minted before, so that a burst is the posts of photos and all
that follows. Photos are those of PHOTOS=DIR, or the samples of the demo. BURSTS=1,10,100,500 says how many.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.costs.figures import Figure
from benchmarks.costs.processes import FOLDER, PROJECT, ProgramError, cost_of
from benchmarks.costs.stacks import bench_stack
from local.demo_photos import own_photos, story
from local.memory import PeakMemory, processes_of
from local.places import CACHE
from local.riders import Upload, content_type_of, post_photo, sign_up
from local.stack import Stack

_BURSTS: Final = os.environ.get("BURSTS", "1,10,100,500")
_POSTS_AT_ONCE: Final = 8
_POLL_SECONDS: Final = 1.0
_MOST_SECONDS: Final = 900.0
_ENDED: Final = {"accepted", "rejected", "failed", "superseded"}
# Face calls that run models, by how an upload ended; a search by FaceId runs none.
_CALLS: Final = ("DetectFaces", "SearchFacesByImage", "IndexFaces")
_CALLS_OF: Final = {"accepted": 3, "FACE_CHANGED": 3, "FACE_ALREADY_EXISTS": 2}


@dataclass(frozen=True, slots=True)
class Burst:
    """What a burst took.

    Attributes
    ----------
    seconds
        From the first post to the last decision.
    decisions
        Of each upload, from its post to its decision.
    processor
        Seconds of processor by part.
    peak
        MB of all processes together.
    """

    photos: list[Path]
    outcomes: list[str]
    seconds: float
    decisions: list[float]
    processor: dict[str, float]
    peak: float


def missing() -> list[str]:
    """Nothing but what the project installs is needed."""
    return []


def measure(runs: int) -> Iterator[Figure]:
    """Each burst once, on a stack of its own, and its face calls in the models right after."""
    folder = os.environ.get("PHOTOS")
    found = own_photos([Path(folder)]) if folder else story(CACHE, lambda text: None)
    photos = [photo.path.resolve() for photo in found]
    command = f"BURSTS={_BURSTS} {f'PHOTOS={folder} ' if folder else ''}python -m benchmarks.costs pipeline"
    for size in map(int, _BURSTS.split(",")):
        with bench_stack() as stack:
            burst = _burst(stack, [photos[number % len(photos)] for number in range(size)])
        wall, busy = _models(burst)
        p50, p95, p99 = (_quantile(burst.decisions, share) for share in (0.5, 0.95, 0.99))
        outcomes = ", ".join(f"{number} {name}" for name, number in Counter(burst.outcomes).most_common())
        processor = ", ".join(f"{part} {seconds:.1f}" for part, seconds in burst.processor.items())
        yield Figure(
            f"burst{size}_vs_model",
            burst.seconds / wall,
            f"{burst.seconds:.1f} s, models alone {wall:.1f} s ({busy:.1f} s of processor); "
            f"{size / burst.seconds:.2f} uploads a second; decision p50 {p50:.1f} s, p95 {p95:.1f} s, "
            f"p99 {p99:.1f} s; processor seconds: {processor}; {burst.peak:.0f} MB; {outcomes}",
            command,
            {
                "seconds": burst.seconds,
                "modelSeconds": wall,
                "modelProcessorSeconds": busy,
                "decisions": burst.decisions,
                "processorSeconds": burst.processor,
                "peakMegabytes": burst.peak,
                "outcomes": dict(Counter(burst.outcomes)),
            },
        )


def _quantile(values: Sequence[float], share: float) -> float:
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[round(100 * share) - 1]


def _burst(stack: Stack, photos: Sequence[Path]) -> Burst:
    contents = {path: path.read_bytes() for path in photos}

    def form(number: int) -> Upload:
        rider = sign_up(stack.endpoints, f"burst{number}@wildrydes.example")
        return rider.create_upload(content_type_of(contents[photos[number]]))

    posted: dict[str, float] = {}

    def post(pair: tuple[Upload, Path]) -> None:
        upload, path = pair
        posted[upload.upload_id] = time.monotonic()
        post_photo(upload, contents[path])

    with ThreadPoolExecutor(_POSTS_AT_ONCE) as threads:
        forms = list(threads.map(form, range(len(photos))))
        roots = dict(zip(("face service", "embedded AWS"), stack.pids, strict=True))
        before = {part: _processor(root) for part, root in roots.items()}
        with PeakMemory(*stack.pids) as memory:
            begin = time.monotonic()
            posts = [threads.submit(post, pair) for pair in zip(forms, photos, strict=True)]
            ended = _wait(stack, {upload.upload_id for upload in forms})
            for each in posts:
                each.result()
        processor = {part: _processor(root) - before[part] for part, root in roots.items()}
    outcomes = [ended[upload.upload_id][0] for upload in forms]
    moments = {upload_id: moment for upload_id, (_, moment) in ended.items()}
    return Burst(
        photos=list(photos),
        outcomes=outcomes,
        seconds=max(moments.values()) - begin,
        decisions=[moments[upload_id] - start for upload_id, start in posted.items()],
        processor=processor,
        peak=memory.peak / 1e6,
    )


def _wait(stack: Stack, wanted: set[str]) -> dict[str, tuple[str, float]]:
    """Outcome (its reason, if it was rejected) and moment of each decision."""
    scan = stack.client("dynamodb").get_paginator("scan")
    table = stack.deployment.outputs["UploadsTable"]
    found: dict[str, tuple[str, float]] = {}
    deadline = time.monotonic() + _MOST_SECONDS
    while len(found) < len(wanted):
        stack.check()
        if time.monotonic() > deadline:
            raise ProgramError(
                f"{len(wanted) - len(found)} uploads had no outcome after {_MOST_SECONDS:g} s."
            )
        time.sleep(_POLL_SECONDS)
        for page in scan.paginate(TableName=table):
            for row in page["Items"]:
                upload_id = row["uploadId"]["S"]
                status = row.get("status", {}).get("S")
                if upload_id in wanted and upload_id not in found and status in _ENDED:
                    found[upload_id] = (row.get("reason", {}).get("S", status), time.monotonic())
    return found


def _processor(root: int) -> float:
    """Processor seconds of a process and its descendants, also of those that have ended (Linux; else 0)."""
    tick = os.sysconf("SC_CLK_TCK")
    total = 0
    for pid in processes_of(root):
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists():
            fields: list[Any] = stat.read_text(errors="replace").rpartition(")")[2].split()
            total += sum(int(field) for field in fields[11:15])
    return total / tick


def _models(burst: Burst) -> tuple[float, float]:
    """Wall and processor seconds of the burst's face calls in the models alone."""
    calls = [
        (str(path), operation)
        for path, outcome in zip(burst.photos, burst.outcomes, strict=True)
        for operation in _CALLS[: _CALLS_OF.get(outcome, 1)]
    ]
    file = FOLDER / "calls.json"
    file.write_text(json.dumps(calls))
    cost_of([sys.executable, "-m", "benchmarks.costs.programs.models", str(file)], directory=PROJECT)
    wall, busy = map(float, (FOLDER / "said.txt").read_text().split()[-2:])
    return wall, busy
