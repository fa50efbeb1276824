"""What images take of memory: a bound on each, one large one at a time, so less than a gigabyte in all."""

import base64
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from benchmarks.fuzz_faces import MOST_BYTES, peak_memory, post
from benchmarks.mutations import plain_png, saved
from local.places import PROJECT
from local.rekognition import detector, formats, images
from local.rekognition.engine import FaceEngine
from local.rekognition.images import FULL_DECODE_PIXELS, MAX_DECODE_BYTES, decode_bytes
from local.rekognition.process import FaceService

_HANGS = 60.0
# The file, tables, and what the allocator rounds up to.
_BESIDES = 12_000_000
# Decodes a file in a process of its own: what that added to the most memory that it has held.
_GROWTH = """
import os, pathlib, sys
from benchmarks.fuzz_faces import peak_memory
from local.rekognition.images import decode
data = pathlib.Path(sys.argv[1]).read_bytes()
before = peak_memory(os.getpid())
decode(data)
print(peak_memory(os.getpid()) - before)
"""


def _jpeg(width: int, height: int, mode: str = "RGB", **options: object) -> bytes:
    return saved(Pillow.new(mode, (width, height)), "JPEG", **options)


# The largest of each kind that are accepted.
LARGEST: dict[str, Callable[[], bytes]] = {
    "interlaced PNG of 16 bits": lambda: plain_png(8_000, 8_000, bits=16, colour=0, interlaced=True),
    "PNG of 1 bit with a palette": lambda: plain_png(8_000, 8_000, bits=1, colour=3),
    "PNG that is as low as can be": lambda: plain_png(800_000, 80),
    "JPEG": lambda: _jpeg(10_000, 10_000),
    "progressive JPEG": lambda: _jpeg(7_000, 7_000, progressive=True, subsampling=0),
}
_SIDE = round(FULL_DECODE_PIXELS**0.5)
OTHERS: dict[str, Callable[[], bytes]] = {
    "JPEG that is just not halved": lambda: _jpeg(_SIDE, _SIDE),
    "CMYK JPEG": lambda: _jpeg(_SIDE, _SIDE, "CMYK"),
    "PNG that is just not halved": lambda: plain_png(_SIDE, _SIDE),
}


class Turn:
    """The lock `one_large`, which says when somebody asks for it."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self.asked.set()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


@pytest.fixture
def turn(monkeypatch: pytest.MonkeyPatch) -> Turn:
    assert detector.one_large is images.one_large
    turn = Turn()
    for module in (images, detector):
        monkeypatch.setattr(module, "one_large", turn)
    return turn


def _runs_only_in_its_turn(turn: Turn, large: Callable[[], object], begun: list[str], small: str) -> None:
    """`large` waits for the turn that this holds, while what is small has been done."""
    with ThreadPoolExecutor(1) as thread:
        with turn:
            turn.asked.clear()
            waiting = thread.submit(large)
            assert turn.asked.wait(_HANGS)
            assert begun == [small]
        waiting.result(_HANGS)
    assert begun == [small, "large"]


def test_a_large_decode_waits_for_its_turn_and_a_small_one_does_not(
    turn: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    pixels = images._pixels

    def noted(data: bytes, mode: int) -> images.Image:
        begun.append("large" if formats.read(data).width == _SIDE else "small")
        return pixels(data, mode)

    monkeypatch.setattr(images, "_pixels", noted)
    large, small = plain_png(_SIDE, _SIDE), _jpeg(3_600, 3_600)
    with turn:
        turn.asked.clear()
        images.decode(small)
        assert not turn.asked.is_set()
    _runs_only_in_its_turn(turn, lambda: images.decode(large), begun, "small")


def test_a_look_at_1280_pixels_waits_for_its_turn_and_one_at_640_does_not(
    turn: Turn, engine: FaceEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    find = detector._pass

    def noted(network: object, image: images.Image) -> object:
        size = "large" if max(image.shape[:2]) > 640 else "small"
        if size not in begun:
            begun.append(size)
        return find(network, image)  # type: ignore[arg-type]

    monkeypatch.setattr(detector, "_pass", noted)
    # Nothing is in them, so that every look is taken.
    small, large = (np.full((side, side, 3), 200, np.uint8) for side in (640, 1400))
    with turn:
        turn.asked.clear()
        assert engine.detect(small) == []
        assert not turn.asked.is_set()
    _runs_only_in_its_turn(turn, lambda: engine.detect(large), begun, "small")


@pytest.mark.parametrize("name", [*LARGEST, *OTHERS])
def test_a_decode_takes_no_more_than_is_counted_and_that_is_bounded(name: str, tmp_path: Path) -> None:
    data = (LARGEST | OTHERS)[name]()
    (tmp_path / "image").write_bytes(data)
    needed = decode_bytes(formats.read(data))
    assert needed <= MAX_DECODE_BYTES

    child = subprocess.run(
        [sys.executable, "-c", _GROWTH, str(tmp_path / "image")],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )

    if peak_memory(os.getpid()):  # the kernel says
        assert 0 < int(child.stdout) <= needed + _BESIDES


def test_the_largest_files_all_at_once_are_answered_in_less_than_a_gigabyte(
    tmp_path: Path, cache_dir: Path, weights: object
) -> None:
    def detect(data: bytes) -> int:
        image = {"Bytes": base64.b64encode(data).decode()}
        return post(service.url, "DetectFaces", {"Image": image, "Attributes": ["ALL"]}, 10 * _HANGS)[0]

    largest = [make() for make in LARGEST.values()]
    with FaceService(tmp_path, cache_dir) as service, ThreadPoolExecutor(len(largest)) as threads:
        assert list(threads.map(detect, largest)) == [200] * len(largest)
        assert service.pid is not None
        assert peak_memory(service.pid) < MOST_BYTES
