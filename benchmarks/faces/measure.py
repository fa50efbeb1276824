"""One pass of the models over all photos, on all cores, and the cost of DetectFaces on some."""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from local.rekognition.alignment import eye_crops, square_crop, sunglasses_crop
from local.rekognition.details import face_detail, measure
from local.rekognition.engine import FaceEngine, pose
from local.rekognition.errors import RekognitionError
from local.rekognition.images import Image, decode
from local.rekognition.weights import Weights

_TIMED_PHOTOS = 24
_TIMED_RUNS = 3
_CHUNK = 8


@dataclass(frozen=True)
class Measured:
    """What the models see in a photo; of its largest face all but the number. `error` excludes the rest."""

    error: str = ""
    faces: int = 0
    embedding: NDArray[np.float32] | None = None
    sunglasses: float = 0.0
    eyes_open: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0


@dataclass(frozen=True)
class Cost:
    """Medians over photos with one face, in milliseconds of one core: DetectFaces with ALL,
    its models alone, decoding.

    `ratio` is the median of how much longer DetectFaces took, decoding counted on both sides.
    """

    photos: int
    detect_faces: float
    models: float
    decoding: float
    ratio: float


def measure_photos(weights: Weights, paths: list[Path]) -> Iterator[Measured]:
    """Yield what is seen in each photo, in order. Embeddings stay, pixels don't."""
    # Spawned, because OpenCV's threads do not survive a fork.
    with ProcessPoolExecutor(
        os.cpu_count(), mp_context=get_context("spawn"), initializer=_load, initargs=(weights,)
    ) as pool:
        yield from pool.map(_measure_photo, paths, chunksize=_CHUNK)


_loaded: list[FaceEngine] = []
"""The engine of a process that measures."""


def _load(weights: Weights) -> None:
    cv2.setNumThreads(1)
    _loaded.append(FaceEngine(weights))


def _measure_photo(path: Path) -> Measured:
    engine = _loaded[0]
    try:
        image = decode(path.read_bytes())
    except RekognitionError as error:
        return Measured(error=error.message)
    except OSError as error:
        return Measured(error=error.strerror or str(error))
    faces = engine.detect(image)
    if not faces:
        return Measured()
    face = faces[0]
    looks = pose(face)
    return Measured(
        faces=len(faces),
        embedding=engine.embed(image, face),
        sunglasses=engine.sunglasses(image, face),
        eyes_open=engine.eyes_open(image, face),
        yaw=looks.yaw,
        pitch=looks.pitch,
        roll=looks.roll,
    )


def measure_cost(weights: Weights, paths: list[Path]) -> Cost | None:
    """Time DetectFaces with ALL and the bare runs of its models; None without photos of one face.

    Bare are: the detector on 640 pixels, the mesh, the sunglasses classifier, and the eye classifier twice,
    each on an input that is ready.
    """
    cv2.setNumThreads(1)
    engine = FaceEngine(weights)
    bare = _BareModels(weights)
    whole, alone, decoding = [], [], []
    for path in paths[:: max(1, len(paths) // _TIMED_PHOTOS)][:_TIMED_PHOTOS]:
        data = path.read_bytes()
        image = decode(data)
        if len(engine.detect(image)) != 1:
            continue

        def detect_faces(data: bytes = data) -> None:
            picture = decode(data)
            for face in engine.detect(picture):
                face_detail(engine, picture, measure(picture, face), ["ALL"])

        alone.append(bare.milliseconds(engine, image))
        decoding.append(_best(lambda data=data: decode(data)))
        whole.append(_best(detect_faces))
    if not whole:
        return None
    ratios = [total / (model + read) for total, model, read in zip(whole, alone, decoding, strict=True)]
    return Cost(len(whole), *(statistics.median(values) for values in (whole, alone, decoding, ratios)))


class _BareModels:
    """The networks, loaded apart from the engine's."""

    def __init__(self, weights: Weights) -> None:
        self._detector = cv2.FaceDetectorYN.create(str(weights.detector), "", (320, 320), 0.7, 0.3, 500)
        self._mesh = cv2.dnn.readNetFromTFLite(str(weights.mesh))
        self._sunglasses = cv2.dnn.readNetFromONNX(str(weights.sunglasses))
        self._eyes = cv2.dnn.readNetFromONNX(str(weights.eyes))

    def milliseconds(self, engine: FaceEngine, image: Image) -> float:
        face = engine.detect(image)[0]
        scale = min(1.0, 640 / max(image.shape[:2]))
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        self._detector.setInputSize((small.shape[1], small.shape[0]))
        crop = square_crop(image, face.landmarks.mean(axis=0), 1.5 * face.box.side, 0.0, 192)
        runs: list[tuple[cv2.dnn.Net, object]] = [(self._mesh, cv2.dnn.blobFromImage(crop, 1 / 255))]
        runs.append((self._sunglasses, cv2.dnn.blobFromImage(sunglasses_crop(image, face.landmarks))))
        runs += [(self._eyes, cv2.dnn.blobFromImage(eye)) for eye in eye_crops(image, face.landmarks)]

        def run(network: cv2.dnn.Net, blob: object) -> None:
            network.setInput(blob)  # type: ignore[call-overload]
            network.forward()

        total = _best(lambda: self._detector.detect(small))
        return total + sum(_best(lambda network=net, blob=blob: run(network, blob)) for net, blob in runs)


def _best(work: Callable[[], object]) -> float:
    """Return the shortest of some runs, in milliseconds of one core: what else runs there only adds."""
    times = []
    for _ in range(_TIMED_RUNS):
        started = time.process_time()
        work()
        times.append(1000 * (time.process_time() - started))
    return min(times)
