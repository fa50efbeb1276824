"""What is left of the dependencies imports nothing that went, and makes the same pictures without it."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from PIL import Image

from chalicelib.rendering import render
from chalicelib.rules import PhotoRules
from deploy.pruning import is_kept, prune
from tests.fakes import ENVIRONMENT, encoded
from tests.unit.test_render_thumbnail import marked, wide_gamut_profile

ROOT: Final = Path(__file__).resolve().parents[3]
PREFIX: Final = "python/lib/python3.13/site-packages/"
LAYER: Final = ("pillow", "aws-lambda-powertools", "jmespath", "typing-extensions")
# Here a wheel for Linux is installed, which is what goes into the layer.
ON_LINUX: Final = any(
    str(file).startswith("pillow.libs/") for file in importlib.metadata.files("pillow") or ()
)
# What Lambda has, and what Chalice puts beside the app.
RUNTIME: Final = ("boto3", "botocore", "s3transfer", "urllib3", "dateutil", "six.py", "chalice")

# What stays and may import what went: where, what, and why it never does.
NOT_REACHED: Final = {
    ("PIL/Image.py", "PIL.ImageQt"): "Image.toqimage and its like: pictures of a desktop",
    ("PIL/Image.py", "PIL.ImageShow"): "Image.show",
    ("PIL/ImageCms.py", "PIL.ImageWin"): "the profile of a screen of Windows",
    ("aws_lambda_powertools/shared/functions.py", "aws_lambda_powertools.event_handler.openapi.compat"): (
        "models of pydantic, which isn't in the layer, in what is logged"
    ),
}


def installed() -> Iterator[tuple[str, Path]]:
    """The files of the layer's packages as they are installed here, by their paths in site-packages."""
    for package in LAYER:
        for file in importlib.metadata.files(package) or ():
            if ".." not in file.parts and file.suffix != ".pyc":
                yield file.as_posix(), Path(str(file.locate()))


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layer of those, pruned."""
    path = tmp_path_factory.mktemp("layer") / "layer.zip"
    with zipfile.ZipFile(path, "w") as package:
        for name, file in installed():
            package.write(file, PREFIX + name)
    prune(path, PREFIX)
    return path


def imported(path: Path, name: str) -> Iterator[str]:
    """Modules that a module may import, whenever it does; those for type checkers are left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unread = {
        below
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for below in ast.walk(statement)
    }
    package = list(Path(name).parent.parts)
    for node in ast.walk(tree):
        if node in unread:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *filter(None, [node.module])])
            yield from (module, *(f"{module}.{alias.name}" for alias in node.names))


def test_what_stays_imports_nothing_that_went() -> None:
    files = dict(installed())
    modules = {
        name.removesuffix(".py").removesuffix("/__init__").replace("/", "."): name
        for name in files
        if name.endswith(".py")
    }
    broken = {
        (name, module)
        for name in modules.values()
        if is_kept(name)
        for module in imported(files[name], name)
        if module in modules and not is_kept(modules[module])
    }
    assert broken == NOT_REACHED.keys()


@pytest.mark.parametrize("processor", ["x86_64", "aarch64"])
def test_on_each_processor_the_same_stays(tmp_path: Path, processor: str) -> None:
    def extension(name: str) -> str:
        return f"PIL/{name}.cpython-313-{processor}-linux-gnu.so"

    kept = {
        extension("_imaging"): b"\x7fELF libtiff-1a.so.6\0libjpeg-2b.so.62\0",
        extension("_imagingcms"): b"\x7fELF liblcms2-3c.so.2\0",
        "pillow.libs/libtiff-1a.so.6": b"\x7fELF libtiff-1a.so.6\0liblzma-4d.so.5\0",
        "pillow.libs/libjpeg-2b.so.62": b"\x7fELF",
        "pillow.libs/liblcms2-3c.so.2": b"\x7fELF",
        "pillow.libs/liblzma-4d.so.5": b"\x7fELF",
        "PIL/Image.py": b"",
        "PIL/JpegImagePlugin.py": b"",
        "another/module.py": b"",
        "pillow-13.0.0.dist-info/licenses/LICENSE": b"",
    }
    gone = {
        extension("_avif"): b"\x7fELF libavif-5e.so.16\0",
        extension("_webp"): b"\x7fELF",
        "pillow.libs/libavif-5e.so.16": b"\x7fELF",
        "PIL/AvifImagePlugin.py": b"",
        "PIL/Image.pyi": b"",
        "pillow-13.0.0.dist-info/RECORD": b"",
        "aws_lambda_powertools/event_handler/api_gateway.py": b"",
        "aws_lambda_powertools/metrics/provider/datadog/datadog.py": b"",
    }
    path = tmp_path / "managed-layer-1-python3.13.zip"
    with zipfile.ZipFile(path, "w") as package:
        for name, content in {**gone, **kept}.items():
            package.writestr(PREFIX + name, content)
    prune(path, PREFIX)
    with zipfile.ZipFile(path) as package:
        assert {name.removeprefix(PREFIX): package.read(name) for name in package.namelist()} == kept
    before = path.read_bytes(), path.stat().st_mtime_ns
    prune(path, PREFIX)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_package_that_nothing_is_known_of_stays_whole() -> None:
    assert is_kept("humanize/i18n.py")


@pytest.mark.skipif(not ON_LINUX, reason="the wheel that is installed is for another system than Lambda's")
def test_the_libraries_that_stay_are_those_that_are_linked(layer: Path) -> None:
    with zipfile.ZipFile(layer) as package:
        names = [name.removeprefix(PREFIX) for name in package.namelist()]
    libraries = {Path(name).name.partition("-")[0] for name in names if name.startswith("pillow.libs/")}
    assert {"libjpeg", "liblcms2"} <= libraries
    assert not libraries & {"libavif", "libharfbuzz", "libfreetype", "libwebp", "libpng16"}


# Every module of the app, then every picture: the program that runs without the rest.
PROGRAM: Final = """
import hashlib, importlib, json, pkgutil, sys
from pathlib import Path
layer, runtime, root, pictures = sys.argv[1:]
sys.path[:0] = [root, layer, runtime]
import app, chalicelib
for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
    importlib.import_module(module.name)
from chalicelib import observability
from chalicelib.rendering import render
from chalicelib.rules import PhotoRules
import PIL, aws_lambda_powertools
assert PIL.__file__.startswith(layer) and aws_lambda_powertools.__file__.startswith(layer)
observability.count("Tried", reason="NO_FACE")
observability.logger.info("tried", extra={"userId": "anna"})
print(json.dumps({
    path.name: [hashlib.sha256(one.content).hexdigest() for one in
                render(path.read_bytes(), (300, 300), None, PhotoRules())]
    for path in Path(pictures).iterdir()
}))
"""


def pictures() -> dict[str, bytes]:
    """Photos of each kind that riders may send."""
    exif = Image.Exif()
    exif[0x0112] = 6
    wide = wide_gamut_profile()
    colours = marked()
    return {
        "plain.jpg": encoded(colours),
        "turned.jpg": encoded(colours, exif=exif),
        "progressive.jpg": encoded(colours, progressive=True),
        "wide.jpg": encoded(colours, icc_profile=wide),
        "print.jpg": encoded(colours.convert("CMYK")),
        "two.jpg": encoded(colours, "MPO", save_all=True, append_images=[marked((400, 200))]),
        "plain.png": encoded(colours, "PNG"),
        "wide.png": encoded(colours, "PNG", icc_profile=wide),
        "palette.png": encoded(colours.quantize(16), "PNG", transparency=0),
        "grey16.png": encoded(Image.new("I;16", (400, 300), 9000), "PNG"),
    }


@pytest.mark.skipif(not ON_LINUX, reason="the wheel that is installed is for another system than Lambda's")
def test_every_module_loads_and_the_pictures_are_the_same_without_the_rest(
    layer: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(layer) as package:
        package.extractall(tmp_path / "layer")
    site = Path(next(iter(dict(installed()).values()))).parents[1]
    (tmp_path / "runtime").mkdir()
    for name in RUNTIME:
        (tmp_path / "runtime" / name).symlink_to(site / name)
    (tmp_path / "pictures").mkdir()
    expected = {}
    for name, content in pictures().items():
        (tmp_path / "pictures" / name).write_bytes(content)
        made = render(content, (300, 300), None, PhotoRules())
        expected[name] = [hashlib.sha256(one.content).hexdigest() for one in made]
    places = (tmp_path / "layer" / PREFIX, tmp_path / "runtime", ROOT, tmp_path / "pictures")
    named = {"POWERTOOLS_SERVICE_NAME": "rider-photos", "POWERTOOLS_METRICS_NAMESPACE": "RiderPhotos"}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", PROGRAM, *map(str, places)],
        env=dict(ENVIRONMENT) | named | {"AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == expected
