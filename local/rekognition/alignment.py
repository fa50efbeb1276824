"""Crops of a face, turned and scaled so that its landmarks lie where a model was trained to see them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from local.rekognition.images import Image

Points = NDArray[np.float32]
"""Landmarks, shape (5, 2), pixels: left and right eye, nose, left and right mouth corner, as seen."""
Affine = NDArray[np.float32]
"""Matrix of shape (2, 3) from image pixels to crop pixels."""

FACE_SIZE = 112
EYE_SIZE = 160
SUNGLASSES_SIZE = 160

# Where a 112-pixel crop holds the five landmarks: the template of ArcFace, which SFace was trained on.
_TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    np.float32,
)
_TEMPLATE_EYE_DISTANCE = 35.2372
_TEMPLATE_EYE_CENTRE = (55.9, 51.6)
# Measured best for the sunglasses classifier: eyes 64 pixels apart, at row 62, centred.
_SUNGLASSES_EYE_DISTANCE = 64.0
_SUNGLASSES_EYE_CENTRE = (80.0, 62.0)
# Brightest twentieth of a crop: below the first it is taken for dark, and lifted to the second.
_DARK, _DAYLIGHT = 100.0, 200.0


def face_crop(image: Image, landmarks: Points) -> Image:
    """Return the face as 112 x 112 pixels, aligned for embedding."""
    return _warp(image, _similarity(landmarks, _TEMPLATE), FACE_SIZE)


def sunglasses_crop(image: Image, landmarks: Points) -> Image:
    """Return the upper face as 160 x 160 pixels, aligned for the sunglasses classifier."""
    scale = _SUNGLASSES_EYE_DISTANCE / _TEMPLATE_EYE_DISTANCE
    shift = [
        to - scale * origin for to, origin in zip(_SUNGLASSES_EYE_CENTRE, _TEMPLATE_EYE_CENTRE, strict=True)
    ]
    matrix = scale * _similarity(landmarks, _TEMPLATE)
    matrix[:, 2] += np.array(shift, np.float32)
    return _warp(image, matrix, SUNGLASSES_SIZE)


def eye_crops(image: Image, landmarks: Points) -> tuple[Image, Image]:
    """Return both eyes as 160 x 160 pixels, as wide as the eyes are apart, the right one mirrored.

    Mirrored, because the classifier takes every eye for the one on the left.
    """
    along = landmarks[1] - landmarks[0]
    side, angle = float(np.hypot(along[0], along[1])), float(np.arctan2(along[1], along[0]))
    left, right = (square_crop(image, eye, side, angle, EYE_SIZE) for eye in landmarks[:2])
    return left, np.ascontiguousarray(right[:, ::-1])


def square_crop(image: Image, centre: Points, side: float, angle: float, size: int) -> Image:
    """Return the square of `side` pixels around a point, turned back by `angle` radians, as `size` pixels."""
    matrix = square_matrix(centre, side, angle, size)
    return _warp(image, matrix, size)


def square_matrix(centre: Points, side: float, angle: float, size: int) -> Affine:
    """Return the matrix by which `square_crop` cuts."""
    scale = size / max(side, 1e-3)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    matrix = np.array([[cos, sin, 0], [-sin, cos, 0]], np.float32)
    matrix[:, 2] = size / 2 - matrix[:, :2] @ centre
    return matrix


def lit(crop: Image) -> Image:
    """Return a crop that is too dark for the models multiplied up to daylight, any other as it is."""
    light = float(np.percentile(crop, 95))
    if light >= _DARK:
        return crop
    return cv2.convertScaleAbs(crop, alpha=_DAYLIGHT / max(light, 1.0)).astype(np.uint8, copy=False)


def _similarity(source: Points, target: Points) -> Affine:
    """Return the least-squares rotation, scale and shift from `source` to `target`.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", 1991.
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    centred, goal = source - source_mean, target - target_mean
    left, singular, right = np.linalg.svd(goal.T @ centred / len(source))
    handedness = np.array([1.0, np.sign(np.linalg.det(left @ right))], np.float32)
    rotation = left @ np.diag(handedness) @ right
    variance = max(float((centred**2).sum(axis=1).mean()), 1e-6)
    scale = float((singular * handedness).sum()) / variance
    shift = target_mean - scale * rotation @ source_mean
    return np.hstack([scale * rotation, shift[:, None]]).astype(np.float32)


def _warp(image: Image, matrix: Affine, size: int) -> Image:
    """Cut a square of `size` pixels; where the face is much larger, shrink by area first against aliasing."""
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 0.5:
        image, matrix = _around(image, matrix, size, margin=4 / max(scale, 1e-6))
        shrink = 2 * scale
        if min(image.shape[:2]) * shrink >= 1:
            image = cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA).astype(
                np.uint8, copy=False
            )
            matrix = matrix.copy()
            matrix[:, :2] /= shrink
    crop = cv2.warpAffine(
        image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return crop.astype(np.uint8, copy=False)


def _around(image: Image, matrix: Affine, size: int, margin: float) -> tuple[Image, Affine]:
    """Return the part of an image that a crop is cut from, and the matrix for it.

    Shrinking the whole of a phone's photo for each crop cost more than the models.
    """
    height, width = image.shape[:2]
    back = cv2.invertAffineTransform(matrix)
    corners = np.array([[0, 0, 1], [size, 0, 1], [0, size, 1], [size, size, 1]], np.float32) @ back.T
    limits = np.array([width - 1, height - 1])
    low = np.clip(np.floor(corners.min(axis=0) - margin), 0, limits).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0) + margin), low + 1, limits + 1).astype(int)
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ low.astype(np.float32)
    return image[low[1] : high[1], low[0] : high[0]], moved
