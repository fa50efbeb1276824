"""The photos to measure with, and what is asked of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

# The thumbnail's box, as deployed.
BOX: Final = (300, 300)
# Of a selfie at arm's length: Rekognition's box, as fractions of the upright picture.
SELFIE: Final = {"Left": 0.32, "Top": 0.28, "Width": 0.36, "Height": 0.36}


@dataclass(frozen=True, slots=True)
class Sample:
    """A photo to measure with.

    Attributes
    ----------
    size
        As it is stored, before its turn.
    orientation
        EXIF's; 1 is upright.
    """

    name: str
    size: tuple[int, int]
    orientation: int = 1
    progressive: bool = False
    extension: str = "jpg"

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height as it is seen."""
        return self.size[::-1] if self.orientation >= 5 else self.size

    def path(self, folder: Path) -> Path:
        """Its file."""
        return folder / f"{self.name.replace(' ', '-').replace(',', '')}.{self.extension}"


SAMPLES: Final = (
    Sample("12 MP JPEG", (3024, 4032)),
    Sample("12 MP JPEG, turned", (4032, 3024), orientation=6),
    Sample("24 MP JPEG", (4284, 5712)),
    Sample("12 MP JPEG, progressive", (3024, 4032), progressive=True),
    Sample("12 MP PNG", (3024, 4032), extension="png"),
)
# What a program takes with it is its start.
TINY: Final = {extension: Sample("16 pixels", (16, 16), extension=extension) for extension in ("jpg", "png")}
