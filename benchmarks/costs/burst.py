"""A burst of uploads on one machine: how long each takes to its decision, and what all processes need for it.

Every upload has a rider of its own; forms are minted before, so that a burst is the posts of photos and all
that follows. The stack has decided on two photos before, unless it is asked how it starts.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.costs.figures import Figure
from benchmarks.costs.processes import FOLDER, PROJECT, ProgramError, cost_of
from local.demo import upload as upload_and_wait
from local.demo_photos import DemoPhoto, own_photos, story
from local.memory import PeakMemory, processes_of
from local.places import CACHE
from local.riders import Upload, content_type_of, post_photo, sign_up
from local.samples import ensure_samples
from local.stack import Stack

_POSTS_AT_ONCE: Final = 8
_POLL_SECONDS: Final = 1.0
_MOST_SECONDS: Final = 900.0
_ENDED: Final = {"accepted", "rejected", "failed", "superseded"}
# Face calls that run models, by how an upload ended; a search by FaceId runs none.
_CALLS: Final = ("DetectFaces", "SearchFacesByImage", "IndexFaces")
_CALLS_OF: Final = {"accepted": 3, "FACE_CHANGED": 3, "FACE_ALREADY_EXISTS": 2}
_FUNCTION: Final = b"=".join((b"AWS_LAMBDA_FUNCTION_NAME", b"rider-photos-local-"))


@dataclass(frozen=True, slots=True)
class Burst:
    """What a burst took.

    Attributes
    ----------
    seconds
        From the first post to the last decision.
    decisions
        Of each upload, seconds from its post to its decision.
    processor, memory
        Seconds of processor during the burst, and MB after it, by process: `face service`,
        `embedded AWS`, and the functions by name.
    peak
        MB of all processes together.
    """

    photos: list[Path]
    outcomes: list[str]
    seconds: float
    decisions: list[float]
    processor: dict[str, float]
    memory: dict[str, float]
    peak: float

    def figure(self, name: str, command: str) -> Figure:
        """Its time beside that of its face calls in the models alone, which are made now."""
        wall, busy = self._models()
        p50, p95, p99 = (_quantile(self.decisions, share) for share in (0.5, 0.95, 0.99))
        outcomes = ", ".join(f"{number} {what}" for what, number in Counter(self.outcomes).most_common())
        functions = (
            sum(self.processor.values()) - self.processor["face service"] - self.processor["embedded AWS"]
        )
        return Figure(
            name,
            self.seconds / wall,
            f"{self.seconds:.1f} s, models alone {wall:.1f} s ({busy:.1f} s of processor); "
            f"{len(self.photos) / self.seconds:.2f} uploads a second; decision p50 {p50:.1f} s, "
            f"p95 {p95:.1f} s, p99 {p99:.1f} s; processor seconds: face service "
            f"{self.processor['face service']:.1f}, embedded AWS {self.processor['embedded AWS']:.1f}, "
            f"functions {functions:.1f}; {self.peak:.0f} MB; {outcomes}",
            command,
            {
                "seconds": self.seconds,
                "modelSeconds": wall,
                "modelProcessorSeconds": busy,
                "decisions": self.decisions,
                "processorSeconds": self.processor,
                "megabytes": self.memory,
                "peakMegabytes": self.peak,
                "outcomes": dict(Counter(self.outcomes)),
            },
        )

    def _models(self) -> tuple[float, float]:
        """Wall and processor seconds of the burst's face calls in the models alone."""
        calls = [
            (str(path), operation)
            for path, outcome in zip(self.photos, self.outcomes, strict=True)
            for operation in _CALLS[: _CALLS_OF.get(outcome, 1)]
        ]
        file = FOLDER / "calls.json"
        FOLDER.mkdir(exist_ok=True)
        file.write_text(json.dumps(calls))
        cost_of([sys.executable, "-m", "benchmarks.costs.programs.models", str(file)], directory=PROJECT)
        wall, busy = map(float, (FOLDER / "said.txt").read_text().split()[-2:])
        return wall, busy


def photos_to_upload() -> list[Path]:
    """Those of PHOTOS=DIR, or the samples of the demo."""
    folder = os.environ.get("PHOTOS")
    found = own_photos([Path(folder)]) if folder else story(CACHE, lambda text: None)
    return [photo.path.resolve() for photo in found]


def with_photos(command: str) -> str:
    """A command with the photos it was given."""
    folder = os.environ.get("PHOTOS")
    return f"PHOTOS={folder} {command}" if folder else command


def warm_up(stack: Stack) -> None:
    """One photo accepted and one rejected, so that every function of the usual ways has been called."""
    samples = ensure_samples(CACHE)
    for number, name in enumerate(("biden", "no_face")):
        rider = sign_up(stack.endpoints, f"first{number}@wildrydes.example")
        upload_and_wait(stack, rider, DemoPhoto(samples[name], name, number))
        # The face must be free again for the burst.
        rider.call("DELETE", "/photo")


def run_burst(stack: Stack, photos: Sequence[Path]) -> Burst:
    """Upload all photos at once, and wait for the last decision.

    Raises
    ------
    ProgramError
        If one has no outcome after a quarter of an hour.
    """
    contents = {path: path.read_bytes() for path in photos}

    def form(number: int) -> Upload:
        rider = sign_up(stack.endpoints, f"burst{number}@wildrydes.example")
        return rider.create_upload(content_type_of(contents[photos[number]]))

    posted: dict[str, float] = {}

    def post(pair: tuple[Upload, Path]) -> None:
        upload, path = pair
        posted[upload.upload_id] = time.time()
        post_photo(upload, contents[path])

    with ThreadPoolExecutor(_POSTS_AT_ONCE) as threads:
        forms = list(threads.map(form, range(len(photos))))
        before = _processor(stack)
        with PeakMemory(*stack.pids) as memory:
            posts = [threads.submit(post, pair) for pair in zip(forms, photos, strict=True)]
            ended = _wait(stack, {upload.upload_id for upload in forms})
            for each in posts:
                each.result()
        after = _processor(stack)
    return Burst(
        photos=list(photos),
        outcomes=[ended[upload.upload_id][0] for upload in forms],
        seconds=max(moment for _, moment in ended.values()) - min(posted.values()),
        decisions=[ended[upload_id][1] - start for upload_id, start in posted.items()],
        processor={name: seconds - before.get(name, 0.0) for name, seconds in after.items()},
        memory=_memory(stack),
        peak=memory.peak / 1e6,
    )


def _quantile(values: Sequence[float], share: float) -> float:
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[round(100 * share) - 1]


def _wait(stack: Stack, wanted: set[str]) -> dict[str, tuple[str, float]]:
    """Outcome (its reason, if it was rejected) and moment of each decision, as the upload's row has it."""
    scan = stack.client("dynamodb").get_paginator("scan")
    table = stack.deployment.outputs["UploadsTable"]
    deadline = time.monotonic() + _MOST_SECONDS
    while True:
        rows = [row for page in scan.paginate(TableName=table) for row in page["Items"]]
        ended = {
            row["uploadId"]["S"]: (row.get("reason", row["status"])["S"], _moment(row))
            for row in rows
            if row["uploadId"]["S"] in wanted and row.get("status", {}).get("S") in _ENDED
        }
        if len(ended) == len(wanted):
            return ended
        stack.check()
        if time.monotonic() > deadline:
            raise ProgramError(
                f"{len(wanted) - len(ended)} uploads had no outcome after {_MOST_SECONDS:g} s."
            )
        time.sleep(_POLL_SECONDS)


def _moment(row: dict[str, Any]) -> float:
    """When the row was last changed: at the decision, or just after it, when the mail was sent."""
    return datetime.fromisoformat(row["updatedAt"]["S"]).timestamp()


def _named(stack: Stack) -> dict[int, tuple[str, int]]:
    """Name and bytes of each process of the stack, by its id."""
    found = {}
    for root, name in zip(stack.pids, ("face service", "embedded AWS"), strict=True):
        for pid, size in processes_of(root).items():
            variables = Path(f"/proc/{pid}/environ")
            parts = variables.read_bytes().split(b"\0") if variables.exists() else []
            function = [part.removeprefix(_FUNCTION).decode() for part in parts if part.startswith(_FUNCTION)]
            found[pid] = (function[0] if function else name, size)
    return found


def _memory(stack: Stack) -> dict[str, float]:
    held: dict[str, float] = defaultdict(float)
    for name, size in _named(stack).values():
        held[name] += size / 1e6
    return dict(held)


def _processor(stack: Stack) -> dict[str, float]:
    """Processor seconds of each process so far, also of children that have ended (Linux; else 0)."""
    tick = os.sysconf("SC_CLK_TCK")
    used: dict[str, float] = defaultdict(float)
    for pid, (name, _) in _named(stack).items():
        stat = Path(f"/proc/{pid}/stat")
        fields: list[Any] = (
            stat.read_text(errors="replace").rpartition(")")[2].split() if stat.exists() else []
        )
        used[name] += sum(int(field) for field in fields[11:15]) / tick
    return dict(used)
