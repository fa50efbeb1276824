"""A mesh of 468 points laid on a face: tells a face from a pattern, and where the face looks.

The five landmarks of the detector are too upright on a leaning head and tell little of nodding; the mesh is
accurate in both, and costs 2 ms. For alignment the detector's landmarks stay, because the embedding was
trained on such: measured in docs/decisions/face-models.md.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from local.rekognition.alignment import square_crop
from local.rekognition.faces import Box, MeshFit, Pose
from local.rekognition.images import Image

_SIZE = 192
_MARGIN = 1.5
# Names of its outputs: 468 points of x, y, z in pixels of the crop, and the logit of a face being there.
_POINTS, _PRESENCE = "conv2d_20", "conv2d_30"
# Numbers of points on the mesh (MediaPipe's canonical face): pairs from the image's left to its right.
_PAIRS = np.array([(33, 263), (133, 362), (61, 291), (234, 454), (127, 356)])
_FOREHEAD, _CHIN = 10, 152
_EYE_CORNERS = np.array([(33, 133), (362, 263)])
# How far the line from forehead to chin leans on level faces: the mean of 115 frontal photos, degrees.
_LEVEL_PITCH = 5.1
# A head that leans more than this against the crop is laid upright and looked at again.
_LEAN_AGAIN = np.radians(8)
_MOST_TRIES = 3


class FaceMesh:
    """The loaded model. Use from one thread at a time."""

    def __init__(self, weights: Path) -> None:
        # The classic engine gives both outputs in one run; the newer one takes a run for each, and five
        # times as long for changing between them.
        self._network = cv2.dnn.readNetFromTFLite(str(weights), cv2.dnn.ENGINE_CLASSIC)

    def fit(self, image: Image, box: Box, roll: float) -> MeshFit:
        """Lay the mesh on the face in a box.

        Parameters
        ----------
        roll
            How the head seems to lean, degrees clockwise; corrected by the mesh itself.
        """
        angle = float(np.radians(roll))
        centre = np.array([box.left + box.width / 2, box.top + box.height / 2], np.float32)
        for attempt in range(_MOST_TRIES):
            crop = square_crop(image, centre, _MARGIN * box.side, angle, _SIZE)
            self._network.setInput(cv2.dnn.blobFromImage(crop, 1 / 255, swapRB=True))
            points, logit = self._network.forward([_POINTS, _PRESENCE])
            mesh = np.asarray(points, np.float64).reshape(-1, 3)
            eyes = mesh[_EYE_CORNERS, :2].mean(axis=1)
            lean = float(np.arctan2(eyes[1, 1] - eyes[0, 1], eyes[1, 0] - eyes[0, 0]))
            if abs(lean) < _LEAN_AGAIN or attempt == _MOST_TRIES - 1:
                break
            angle += lean
        return MeshFit(float(np.asarray(logit).ravel()[0]), _pose(mesh, float(np.degrees(angle))))


def _pose(mesh: NDArray[np.float64], crop_roll: float) -> Pose:
    """Return the angles of the mesh's own axes: across the face, down it, and out of it."""
    across = (mesh[_PAIRS[:, 1]] - mesh[_PAIRS[:, 0]]).sum(axis=0)
    across /= max(float(np.linalg.norm(across)), 1e-9)
    down = mesh[_CHIN] - mesh[_FOREHEAD]
    down -= across * (down @ across)
    down /= max(float(np.linalg.norm(down)), 1e-9)
    inward = np.cross(across, down)
    roll = crop_roll + float(np.degrees(np.arctan2(across[1], across[0])))
    return Pose(
        yaw=float(np.degrees(np.arcsin(np.clip(across[2], -1, 1)))),
        pitch=_LEVEL_PITCH - float(np.degrees(np.arctan2(down[2], inward[2]))),
        roll=(roll + 180.0) % 360.0 - 180.0,
    )
