"""The photos of a demo: the story it tells by itself, or those of a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local.downloads import Report

# What phones and cameras write, also where the app will refuse it: the person then reads why.
_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".heic", ".heif", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"}
)


class PhotoPathError(Exception):
    """A photo or folder that was named can't be used."""


@dataclass(frozen=True)
class Expected:
    """How a photo should end."""

    outcome: str
    reason: str | None = None

    def __str__(self) -> str:
        return f"{self.outcome} ({self.reason})" if self.reason else self.outcome


@dataclass(frozen=True)
class DemoPhoto:
    """A photo that a rider will upload.

    Attributes
    ----------
    name
        What it is called in the output.
    rider
        Number of the rider, from 1.
    expected
        How it should end; None for a person's own photos.
    """

    path: Path
    name: str
    rider: int
    expected: Expected | None = None


_ACCEPTED = Expected("accepted")
# Sample, rider, how it should end: told in this order, since a face belongs to who came first.
_STORY = (
    ("obama", 1, _ACCEPTED),
    ("obama_speaking", 2, Expected("rejected", "FACE_ALREADY_EXISTS")),
    ("obama_standing", 1, _ACCEPTED),
    ("biden", 1, Expected("rejected", "FACE_CHANGED")),
    ("biden", 3, _ACCEPTED),
    ("group", 4, Expected("rejected", "MULTIPLE_FACES")),
    ("sunglasses", 5, Expected("rejected", "SUNGLASSES")),
    ("no_face", 6, Expected("rejected", "NO_FACE")),
    ("not_an_image", 7, Expected("rejected", "UNSUPPORTED_FORMAT")),
    ("turned_by_exif", 1, _ACCEPTED),
)


def story(cache_dir: Path, report: Report) -> list[DemoPhoto]:
    """The demo's own photos: each outcome once, and a rider who changes their photo twice."""
    # OpenCV is needed here only, where samples may have to be made.
    from local.samples import ensure_samples

    samples = ensure_samples(cache_dir, report)
    return [DemoPhoto(samples[name], samples[name].name, rider, expected) for name, rider, expected in _STORY]


def own_photos(paths: Sequence[Path]) -> list[DemoPhoto]:
    """A person's own photos, a rider each; of a folder all that its name's ending calls a picture.

    Raises
    ------
    PhotoPathError
        Naming what doesn't exist, can't be read or holds no photo.
    """
    files: list[Path] = []
    for path in (given.expanduser() for given in paths):  # `make PHOTOS=~/photos` comes with its tilde
        if path.is_dir():
            files += _photos_of(path)
        elif path.is_file():
            files.append(path)
        elif path.exists():
            raise PhotoPathError(f"{path} is neither a file nor a folder.")
        else:
            raise PhotoPathError(f"{path} does not exist.")
    for file in files:
        try:
            file.open("rb").close()
        except OSError as error:
            raise PhotoPathError(f"{file} can't be read: {error.strerror}.") from error
    return [DemoPhoto(file, str(file), number) for number, file in enumerate(files, start=1)]


def _photos_of(folder: Path) -> list[Path]:
    try:
        found = sorted(
            path
            for path in folder.iterdir()
            if path.suffix.lower() in _SUFFIXES and not path.name.startswith(".") and path.is_file()
        )
    except OSError as error:
        raise PhotoPathError(f"The folder {folder} can't be read: {error.strerror}.") from error
    if not found:
        raise PhotoPathError(f"The folder {folder} holds no photos (files ending in .jpg, .jpeg, .png …).")
    return found
