"""Feed the face service mutated photos: `python -m benchmarks.fuzz_faces [COUNT] [SEED]`.

Every answer must come within ten seconds and be a description of faces or one of Rekognition's errors for
images; the service must live on, below a gigabyte. What breaks this is kept, and the run ends with 1.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.mutations import mutate, seeds
from local.rekognition.process import FaceService
from local.rekognition.weights import ensure_weights
from local.samples import ensure_samples

_CACHE = Path(".local/cache")
_KEPT = Path(".local/fuzz")
MOST_SECONDS = 10.0
MOST_BYTES = 1_000_000_000
COLLECTION = "fuzzed"
IMAGE_ERRORS = frozenset(
    {"InvalidImageFormatException", "InvalidParameterException", "ImageTooLargeException"}
)
_REQUESTS: tuple[tuple[str, dict[str, object]], ...] = (
    ("DetectFaces", {"Attributes": ["ALL"]}),
    ("DetectFaces", {"Attributes": ["DEFAULT"]}),
    ("SearchFacesByImage", {"CollectionId": COLLECTION, "FaceMatchThreshold": 0}),
    ("IndexFaces", {"CollectionId": COLLECTION, "QualityFilter": "NONE"}),
)


@dataclass
class Outcome:
    """What became of all files."""

    answers: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    wrong: list[tuple[str, bytes]] = field(default_factory=list)


def post(url: str, operation: str, request: object, timeout: float = 30.0) -> tuple[int, dict[str, object]]:
    """Make one call, without an SDK between; return HTTP status and answer."""
    call = urllib.request.Request(
        url,
        data=json.dumps(request).encode(),
        headers={"X-Amz-Target": f"RekognitionService.{operation}"},
    )
    try:
        with urllib.request.urlopen(call, timeout=timeout) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def mutations(photos: Iterable[bytes], count: int, seed: int) -> Iterable[bytes]:
    """Yield `count` mutated files, the same ones for the same seed."""
    rng, good = random.Random(seed), seeds(photos)
    for _ in range(count):
        yield mutate(rng.choice(good), rng.choice(good), rng)


def feed(url: str, files: Iterable[bytes], seed: int, most_seconds: float = MOST_SECONDS) -> Outcome:
    """Send each file to one of the operations that take images, two at a time.

    Parameters
    ----------
    most_seconds
        What takes longer is wrong; three times as long is waited for.
    """
    outcome, rng = Outcome(), random.Random(seed)

    def send(job: tuple[bytes, tuple[str, dict[str, object]]]) -> tuple[bytes, str, float]:
        data, (operation, members) = job
        image = {"Bytes": base64.b64encode(data).decode()}
        started = time.monotonic()
        try:
            status, answer = post(url, operation, {"Image": image, **members}, 3 * most_seconds)
        except (OSError, ValueError) as error:
            return data, f"no answer: {error}", time.monotonic() - started
        if status == 200:
            return data, "answered", time.monotonic() - started
        return data, str(answer.get("__type")), time.monotonic() - started

    jobs = ((data, rng.choice(_REQUESTS)) for data in files if data)
    with ThreadPoolExecutor(2) as threads:
        for data, code, seconds in threads.map(send, jobs):
            outcome.answers[code] += 1
            outcome.slowest = max(outcome.slowest, seconds)
            if code not in IMAGE_ERRORS | {"answered"} or seconds > most_seconds:
                outcome.wrong.append((f"{code} after {seconds:.1f} s", data))
    return outcome


def peak_memory(pid: int) -> int:
    """The most memory that a process has held, in bytes (Linux); 0 where the kernel doesn't say."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    kibibytes = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")]
    return 1024 * kibibytes[0] if kibibytes else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print a report, and return 1 if a file broke the rules."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz_faces", description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=5000)
    parser.add_argument("seed", nargs="?", type=int, default=1)
    arguments = parser.parse_args(argv)
    ensure_weights(_CACHE)
    photos = [path.read_bytes() for path in ensure_samples(_CACHE).values() if path.suffix == ".jpg"]
    photos = [data for data in photos if data.startswith(b"\xff\xd8\xff")]
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, FaceService(Path(folder), _CACHE) as service:
        post(service.url, "CreateCollection", {"CollectionId": COLLECTION})
        outcome = feed(service.url, mutations(photos, arguments.count, arguments.seed), arguments.seed)
        memory = peak_memory(service.pid or 0)
    print(
        f"{sum(outcome.answers.values())} mutated files, seed {arguments.seed}, "
        f"{time.monotonic() - started:.0f} s"
    )
    for code, number in outcome.answers.most_common():
        print(f"  {number:6}  {code}")
    print(f"slowest answer {outcome.slowest:.2f} s, most memory {memory / 1e6:.0f} MB")
    for number, (why, data) in enumerate(outcome.wrong):
        _KEPT.mkdir(parents=True, exist_ok=True)
        kept = _KEPT / f"{arguments.seed}-{number}.bin"
        kept.write_bytes(data)
        print(f"wrong: {why}; kept as {kept}", file=sys.stderr)
    return 1 if outcome.wrong or memory > MOST_BYTES else 0


if __name__ == "__main__":
    sys.exit(main())
