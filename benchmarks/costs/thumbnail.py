"""Thumbnail and avatar: this app's step beside the best of libjpeg-turbo, libvips and GraphicsMagick.

The limit is libjpeg-turbo's own programs for the same two pictures: one decode, scaled as far as leaves both
pictures their pixels, and two encodes of pictures of their size. It resizes nothing. libvips' program makes
one picture a run: `vips` is both pictures by two runs, `vips once` the thumbnail alone, beside our two.
GraphicsMagick makes the thumbnail alone, as the workshop did. A program's start is what it takes for a
picture of 16 pixels.
"""

from __future__ import annotations

import io
import math
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from PIL import Image

from benchmarks.costs.figures import Figure
from benchmarks.costs.processes import FOLDER, PROJECT, Cost, cost_of, interleaved
from benchmarks.costs.samples import BOX, SAMPLES, SELFIE, TINY, Sample
from chalicelib.rendering import avatar_square, render
from chalicelib.rules import PhotoRules

PACKAGES: Final = {
    "djpeg": "libjpeg-turbo-progs (macOS: jpeg-turbo)",
    "vipsthumbnail": "libvips-tools (macOS: vips)",
    "gm": "graphicsmagick",
}
COMMAND: Final = "python -m benchmarks.costs thumbnail"
_OUT: Final = FOLDER / "pictures" / "out"

# What phones store. Of a progressive JPEG or a PNG the decoding, which cannot be scaled, is nearly all: there
# the limit itself is less than three times ahead of GraphicsMagick. Those are shown beside.
_JUDGED: Final = {"12 MP JPEG", "12 MP JPEG, turned", "24 MP JPEG"}

type Seconds = dict[str, list[float]]


def missing() -> list[str]:
    """A sentence for each reference that isn't installed."""
    return [
        f"{program} is missing, and its ratio left out: install {package}"
        for program, package in PACKAGES.items()
        if shutil.which(program) is None
    ]


def measure(runs: int) -> Iterator[Figure]:
    """All figures of the thumbnail."""
    _OUT.mkdir(parents=True, exist_ok=True)
    # In a process of its own: a program counts the memory of the one that started it as its own.
    cost_of([sys.executable, "-m", "benchmarks.costs.pictures"], directory=PROJECT)
    measured: dict[str, Seconds] = {}
    peaks: dict[str, dict[str, float]] = {}
    for sample in SAMPLES:
        measured[sample.name], peaks[sample.name] = _measure(sample, runs)
    for name, reference in (
        *(("limit", "limit"), ("vips", "vips")),
        *(("one_vips_picture", "vips once"), ("gm", "gm")),
    ):
        ratios = {
            sample: statistics.median(seconds["step"]) / statistics.median(seconds[reference])
            for sample, seconds in measured.items()
            if reference in seconds
        }
        if not ratios:
            continue
        worst = max(_JUDGED & ratios.keys(), key=lambda sample: ratios[sample])
        yield Figure(
            f"thumbnail_vs_{name}",
            ratios[worst],
            "; ".join(
                f"{sample} {ratio:.2f} "
                f"({_ms(measured[sample]['step'])} / {_ms(measured[sample][reference])} ms)"
                for sample, ratio in ratios.items()
            ),
            COMMAND,
            {
                sample: {"step": measured[sample]["step"], reference: measured[sample][reference]}
                for sample in ratios
            },
            versions(),
        )
    whole = {sample: seconds["whole"] for sample, seconds in measured.items()}
    yield Figure(
        "thumbnail_vs_pillow",
        max(
            statistics.median(measured[sample]["step"]) / statistics.median(seconds)
            for sample, seconds in whole.items()
        ),
        "; ".join(f"{sample} {_ms(seconds)} ms decoded whole" for sample, seconds in whole.items()),
        COMMAND,
        whole,
    )
    yield Figure(
        "thumbnail_peak_mb",
        peaks["24 MP JPEG"]["step"],
        "whole process, 24 MP JPEG; "
        + "; ".join(
            f"{sample}: " + ", ".join(f"{program} {peak:.0f}" for program, peak in found.items())
            for sample, found in peaks.items()
        ),
        COMMAND,
        peaks,
    )


def _ms(seconds: list[float]) -> str:
    return f"{1000 * statistics.median(seconds):.1f}"


def _measure(sample: Sample, runs: int) -> tuple[Seconds, dict[str, float]]:
    """Seconds of each run without the start, and the peak of memory in MB, by program."""
    folder = FOLDER / "pictures"
    photo, tiny = (each.path(folder) for each in (sample, TINY[sample.extension]))
    work: Seconds = {"step": [], "whole": []}
    peaks: dict[str, float] = {"step": 0.0, "whole": 0.0}

    def python(how: str) -> Cost:
        command = [sys.executable, "-m", "benchmarks.costs.programs.picture", how, str(tiny), str(photo)]
        cost = cost_of(command, directory=PROJECT)
        seconds, megabytes = map(float, (FOLDER / "said.txt").read_text().split())
        work[how].append(seconds)
        peaks[how] = max(peaks[how], megabytes)
        return cost

    programs: dict[str, Callable[[], Cost]] = {
        "step": lambda: python("step"),
        "whole": lambda: python("whole"),
    }
    commands = _references(sample, photo, tiny)
    for name, (real, start) in commands.items():
        programs[name] = lambda real=real: _sum(real)
        programs[f"{name} start"] = lambda start=start: _sum(start)
    costs = interleaved(programs, runs)
    for name, (real, _) in commands.items():
        peaks[name] = max(map(_peak, real))
    seconds = {how: taken[1:] for how, taken in work.items()}
    for name in commands:
        start = statistics.median(cost.seconds for cost in costs[f"{name} start"])
        seconds[name] = [cost.seconds - start for cost in costs[name]]
    return seconds, peaks


def _peak(command: list[str]) -> float:
    """The most memory of a program, in MB."""
    measuring = [sys.executable, "-I", "-S", str(PROJECT / "benchmarks/costs/programs/peak.py")]
    cost_of([*measuring, *command])
    return float((FOLDER / "said.txt").read_text().split()[-1])


def _sum(commands: list[list[str]]) -> Cost:
    return Cost(sum(cost_of(command).seconds for command in commands))


def _references(
    sample: Sample, photo: Path, tiny: Path
) -> dict[str, tuple[list[list[str]], list[list[str]]]]:
    """Commands of each reference that is installed: for the photo, and for its start alone."""
    found = {}
    if shutil.which("djpeg") and sample.extension == "jpg":
        size = sample.upright
        square = avatar_square(size, SELFIE)
        share = max(min(BOX[0] / size[0], BOX[1] / size[1]), 256 / square.side)
        scale = f"{math.ceil(8 * min(1.0, share))}/8"
        encodes = []
        pictures = render(photo.read_bytes(), BOX, SELFIE, PhotoRules())
        for name, picture in zip(("thumbnail", "avatar"), pictures, strict=True):
            ppm = _OUT / f"{name}.ppm"
            Image.open(io.BytesIO(picture.content)).save(ppm)
            encodes.append(_cjpeg(ppm))
        dot = _OUT / "dot.ppm"
        Image.new("RGB", (16, 16)).save(dot)
        found["limit"] = (
            [_djpeg(scale, photo), *encodes],
            [_djpeg(scale, tiny), _cjpeg(dot), _cjpeg(dot)],
        )
    box = f"{BOX[0]}x{BOX[1]}"
    small = str(_OUT / "small.jpg")
    if shutil.which("vipsthumbnail"):
        found["vips"] = tuple(
            [
                ["vipsthumbnail", str(each), "-s", box, "-o", small],
                ["vipsthumbnail", str(each), "-s", "256x256", "--smartcrop", "centre", "-o", small],
            ]
            for each in (photo, tiny)
        )
        found["vips once"] = tuple(commands[:1] for commands in found["vips"])
    if shutil.which("gm"):
        found["gm"] = tuple([["gm", "convert", str(each), "-resize", box, small]] for each in (photo, tiny))
    return found


def _djpeg(scale: str, photo: Path) -> list[str]:
    return ["djpeg", "-scale", scale, "-outfile", str(_OUT / "decoded.ppm"), str(photo)]


def _cjpeg(picture: Path) -> list[str]:
    return ["cjpeg", "-quality", "85", "-optimize", "-outfile", str(_OUT / "encoded.jpg"), str(picture)]


def versions() -> dict[str, str]:
    """What each program calls itself."""
    asked = {"djpeg": "-version", "vipsthumbnail": "--vips-version", "gm": "version"}
    found = {}
    for program, option in asked.items():
        if shutil.which(program):
            said = subprocess.run([program, option], capture_output=True, text=True, check=False)
            found[program] = (said.stdout + said.stderr).strip().partition("\n")[0]
    from PIL import __version__, features

    found["Pillow"] = f"{__version__}, libjpeg-turbo {features.version_feature('libjpeg_turbo')}"
    return found
