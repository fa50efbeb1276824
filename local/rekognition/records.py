"""What a collection holds."""

from dataclasses import dataclass

from local.rekognition.engine import Embedding


@dataclass(frozen=True)
class RelativeBox:
    """A rectangle in fractions of the upright image's width and height."""

    left: float
    top: float
    width: float
    height: float

    def overlap(self, other: "RelativeBox") -> float:
        """Return intersection over union, 0 to 1."""
        width = min(self.left + self.width, other.left + other.width) - max(self.left, other.left)
        height = min(self.top + self.height, other.top + other.height) - max(self.top, other.top)
        if width <= 0 or height <= 0:
            return 0.0
        common = width * height
        return common / (self.width * self.height + other.width * other.height - common)


@dataclass(frozen=True)
class NewFace:
    """A face to be stored."""

    box: RelativeBox
    confidence: float
    embedding: Embedding


@dataclass(frozen=True)
class StoredFace:
    """A face of a collection, without its embedding."""

    sequence: int
    face_id: str
    image_id: str
    external_image_id: str | None
    box: RelativeBox
    confidence: float


@dataclass(frozen=True)
class Collection:
    """A collection; `created` in seconds since 1970."""

    key: int
    collection_id: str
    created: float
    model_version: str
