"""What of the dependencies runs: the rest of their wheels is left out of the layer.

Pillow's wheels carry codecs and fonts for two dozen formats, and Powertools a web framework with a
copy of Swagger UI. The functions read and write JPEG and PNG, convert profiles, log and count.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

# By package: which of its files stay, as patterns of the whole path below it. One that isn't named here
# stays whole. A test follows the imports of what stays, and runs it without the rest.
KEPT: Final[Mapping[str, str]] = {
    # Pillow imports the first five plugins whenever it opens or saves; a JPEG may be an MPO, whose second
    # picture, and any EXIF data, is read as TIFF.
    "PIL": r"__init__\.py|_(binary|deprecate|util|version)\.py|(Bmp|Gif|Jpeg|Png|Ppm|Mpo|Tiff)ImagePlugin\.py"
    r"|(ExifTags|GimpGradientFile|GimpPaletteFile|JpegPresets|PaletteFile|TiffTags)\.py"
    r"|Image(|Chops|Cms|Color|File|Filter|Mode|Ops|Palette|Sequence)\.py|_imaging(cms)?\.[^/]*\.so",
    "aws_lambda_powertools": r"(__init__|exceptions/__init__|package_logger|warnings/__init__)\.py"
    r"|(logging|shared|tracing)/.*\.py|utilities/(__init__|jmespath_utils/__init__)\.py"
    r"|metrics/([^/]*|provider/[^/]*|provider/cloudwatch_emf/[^/]*)\.py",
}
# Shared libraries of Pillow's wheel: those stay that something that stays links.
_LIBRARIES: Final = "pillow.libs/"
# For type checkers and installers. Licences stay, and what names the version.
_UNUSED: Final = re.compile(r".*\.pyi|.*/py\.typed|[^/]*\.data/.*|[^/]*\.dist-info/(RECORD|WHEEL|INSTALLER)")


def prune(path: Path, prefix: str) -> None:
    """Remove from a layer's zip what no function can reach; a zip that is pruned already stays as it is.

    Parameters
    ----------
    prefix
        Of the packages in the zip, `python/lib/python3.13/site-packages/`.
    """
    with zipfile.ZipFile(path) as package:
        entries = [entry for entry in package.infolist() if entry.filename.startswith(prefix)]
        inside = {entry.filename.removeprefix(prefix): entry for entry in entries}
        kept = {name for name in inside if is_kept(name)}
        linked = _linked({name: package.read(inside[name]) for name in kept if name.endswith(".so")}, inside)
        while new := linked - kept:
            kept |= new
            linked = _linked({name: package.read(inside[name]) for name in new}, inside)
        if len(kept) == len(inside):
            return
        # Chalice would take a zip for whole that is only half written, if it had its name.
        unfinished = path.with_suffix(".part")
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as pruned:
            for entry in package.infolist():
                if entry.filename not in {inside[name].filename for name in inside.keys() - kept}:
                    pruned.writestr(entry, package.read(entry), zipfile.ZIP_DEFLATED, compresslevel=9)
    unfinished.replace(path)


def is_kept(name: str) -> bool:
    """Whether a file stays, by its path below site-packages; of libraries only their users can say it."""
    if name.startswith(_LIBRARIES) or _UNUSED.fullmatch(name):
        return False
    package, _, rest = name.partition("/")
    return package not in KEPT or re.fullmatch(KEPT[package], rest) is not None


def _linked(programs: Mapping[str, bytes], names: Iterable[str]) -> set[str]:
    """Of the libraries, those that these name; an ELF file holds the names of what it links as they are."""
    libraries = {name for name in names if name.startswith(_LIBRARIES)}
    return {
        name
        for name in libraries
        if any(name.removeprefix(_LIBRARIES).encode() in content for content in programs.values())
    }
