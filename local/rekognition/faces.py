"""What is known of a face in a picture: where it is, how sure that is, where it looks."""

from dataclasses import dataclass, replace

import numpy as np

from local.rekognition.alignment import Points


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the upright image; it may reach beyond the image."""

    left: float
    top: float
    width: float
    height: float

    @property
    def area(self) -> float:
        return self.width * self.height

    @property
    def side(self) -> float:
        """The longer side."""
        return max(self.width, self.height)

    def share_inside(self, other: "Box") -> float:
        """Return which part of this box, 0 to 1, lies in the other."""
        width = min(self.left + self.width, other.left + other.width) - max(self.left, other.left)
        height = min(self.top + self.height, other.top + other.height) - max(self.top, other.top)
        return max(width, 0.0) * max(height, 0.0) / max(self.area, 1e-6)


@dataclass(frozen=True)
class Pose:
    """Angles in degrees, 0 when the face looks straight into the camera.

    Yaw is positive when it looks to the image's right, pitch when it looks up, roll when it leans to the
    image's right (clockwise).
    """

    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True)
class MeshFit:
    """What the face mesh says of a face: how much it looks like one, and where it looks.

    `presence` is a logit: most faces have 20 to 60, a profile may have 7, what is no face hardly ever 0.
    """

    presence: float
    pose: Pose


@dataclass(frozen=True)
class Face:
    """A face: box, landmarks in pixels, the detector's score from 0.7 to 1, and the mesh laid on it."""

    box: Box
    landmarks: Points
    score: float
    mesh: MeshFit | None = None

    @property
    def presence(self) -> float:
        return self.mesh.presence if self.mesh else 0.0

    def scaled(self, x: float, y: float) -> "Face":
        """Return the face in an image that is larger by these factors."""
        box = Box(self.box.left * x, self.box.top * y, self.box.width * x, self.box.height * y)
        return replace(self, box=box, landmarks=self.landmarks * np.array([x, y], np.float32))

    def turned_back(self, quarters: int, width: int, height: int) -> "Face":
        """Return the face in the image of this size, if it was found in `np.rot90(image, quarters)`."""
        corners = np.array(
            [
                [self.box.left, self.box.top],
                [self.box.left + self.box.width, self.box.top + self.box.height],
            ],
            np.float32,
        )
        points = np.vstack([corners, self.landmarks])
        for done in range(quarters):
            # Undo one counter-clockwise quarter of a picture that was `before` pixels wide.
            before = (width, height)[(quarters - done - 1) % 2]
            points = np.stack([before - 1 - points[:, 1], points[:, 0]], axis=1)
        low, high = points[:2].min(axis=0), points[:2].max(axis=0)
        box = Box(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))
        mesh = self.mesh
        if mesh:
            roll = (mesh.pose.roll + 90.0 * quarters + 180.0) % 360.0 - 180.0
            mesh = replace(mesh, pose=replace(mesh.pose, roll=roll))
        return replace(self, box=box, landmarks=points[2:].astype(np.float32), mesh=mesh)
