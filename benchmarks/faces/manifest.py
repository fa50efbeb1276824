"""The labels of a folder of photos: its manifest.csv, where an empty cell means unknown."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

MANIFEST = "manifest.csv"
_REQUIRED = ("file",)
_VALUES = {
    "n_faces": {"", "0", "1", "2+"},
    "eyewear": {"", "none", "eyeglasses", "sunglasses"},
    "eyes": {"", "open", "closed"},
    "pose": {"", "frontal", "left", "right", "profile"},
}
_GENERATED = re.compile(r"synth|gan(?![a-z])|generated", re.IGNORECASE)


class ManifestError(Exception):
    """A folder has no manifest, or one that cannot be read."""


@dataclass(frozen=True)
class Label:
    """What is known of a photo; an empty string is unknown."""

    file: str
    subset: str = ""
    identity: str = ""
    n_faces: str = ""
    eyewear: str = ""
    eyes: str = ""
    pose: str = ""

    @property
    def generated(self) -> bool:
        """Whether the subset's name says that its people were made by a generator."""
        return bool(_GENERATED.search(self.subset))


def read_manifest(folder: Path) -> tuple[list[Label], list[str]]:
    """Return the labels, and a line for each value that is not understood and so left out.

    Columns: file, and as far as they are there subset, identity, n_faces (0, 1, 2+ or a number), eyewear,
    eyes, pose. Others are ignored.

    Raises
    ------
    ManifestError
        If there is no such folder or manifest, or no column file in it.
    """
    path = folder / MANIFEST
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(
            f"{path} cannot be read: {error}. It needs a line a photo, with the columns file, subset, "
            "identity, n_faces, eyewear, eyes and pose."
        ) from error
    reader = csv.DictReader(text.splitlines())
    if any(column not in (reader.fieldnames or ()) for column in _REQUIRED):
        raise ManifestError(f"{path} has no column 'file'.")
    labels, ignored = [], []
    for number, row in enumerate(reader, start=2):
        cells = {key: (value or "").strip() for key, value in row.items() if isinstance(key, str)}
        if not cells["file"]:
            continue
        count = cells.get("n_faces", "")
        if count.isdigit() and int(count) > 1:
            cells["n_faces"] = "2+"
        for column, allowed in _VALUES.items():
            value = cells[column] = cells.get(column, "").lower()
            if value not in allowed:
                ignored.append(f"line {number}: {column} {value!r} is none of {sorted(allowed - {''})}")
                cells[column] = ""
        labels.append(
            Label(
                file=cells["file"],
                subset=cells.get("subset", ""),
                identity=cells.get("identity", ""),
                n_faces=cells["n_faces"],
                eyewear=cells["eyewear"],
                eyes=cells["eyes"],
                pose=cells["pose"],
            )
        )
    return labels, ignored
