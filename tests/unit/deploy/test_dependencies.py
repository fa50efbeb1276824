from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from deploy import dependencies
from deploy.dependencies import build_dependencies, check_package
from deploy.errors import PackageError
from tests.unit.deploy.fakes import Lines

SITE = "python/lib/python3.13/site-packages/"
GOOD = (
    "PIL/_imaging.cpython-313-x86_64-linux-gnu.so",
    "pillow.libs/libjpeg-1.so",
    "aws_lambda_powertools/__init__.py",
)


def package(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(SITE + name, b"")
    return path


def test_a_whole_package_passes(tmp_path: Path) -> None:
    check_package(package(tmp_path / "layer.zip", *GOOD), "python3.13", "x86_64")


@pytest.mark.parametrize(
    ("runtime", "architecture", "said"),
    [
        ("python3.13", "arm64", r"_imaging\.cpython-313-aarch64\*\.so is missing"),
        ("python3.12", "x86_64", r"_imaging\.cpython-312-x86_64\*\.so is missing"),
    ],
)
def test_pillow_for_another_python_or_machine_is_refused(
    tmp_path: Path, runtime: str, architecture: str, said: str
) -> None:
    with pytest.raises(PackageError, match=said):
        check_package(package(tmp_path / "layer.zip", *GOOD), runtime, architecture)


def test_pillow_that_was_compiled_here_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="compiled on this machine"):
        check_package(package(tmp_path / "layer.zip", GOOD[0], GOOD[2]), "python3.13", "x86_64")


def test_a_package_without_powertools_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="aws_lambda_powertools"):
        check_package(package(tmp_path / "layer.zip", *GOOD[:2]), "python3.13", "x86_64")


def test_a_package_that_was_half_written_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployments = tmp_path / ".chalice" / "deployments"
    deployments.mkdir(parents=True)
    half = package(deployments / "managed-layer-1-python3.13.zip", *GOOD)
    half.write_bytes(half.read_bytes()[:-40])
    whole = package(deployments / "appcode-1-python3.13.zip", *GOOD)

    class Packager(dependencies.LayerDeploymentPackager):
        def create_deployment_package(self, project_dir: str, python_version: str) -> str:
            assert not half.exists()
            return str(package(half, *GOOD))

    monkeypatch.setattr(dependencies, "LayerDeploymentPackager", Packager)
    monkeypatch.setattr(dependencies, "check_package", lambda path, runtime, architecture: None)
    assert build_dependencies(tmp_path, "x86_64", Lines()) == half
    assert whole.exists()


def test_a_package_that_lambda_would_not_take_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependencies, "MAX_ZIP", 10)
    with pytest.raises(PackageError, match="larger than Lambda takes"):
        check_package(package(tmp_path / "layer.zip", *GOOD), "python3.13", "x86_64")


def test_a_requirement_without_a_wheel_stops_and_is_not_kept(tmp_path: Path) -> None:
    # A path that isn't there: what pip says of a package no index has, without asking one.
    (tmp_path / "requirements.txt").write_text("./no-such-package\n")
    with pytest.raises(PackageError, match="no-such-package"):
        build_dependencies(tmp_path, "x86_64", Lines())
    assert list((tmp_path / ".chalice" / "deployments").glob("*.zip")) == []


def test_what_chalice_leaves_out_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = package(tmp_path / "layer.zip", *GOOD)

    class Packager(dependencies.LayerDeploymentPackager):
        def create_deployment_package(self, project_dir: str, python_version: str) -> str:
            self._ui.write(
                "\nCould not install dependencies:\npillow==13.0.0\n"
                "You will have to build these yourself and vendor them in\nthe chalice vendor folder.\n"
            )
            return str(path)

    monkeypatch.setattr(dependencies, "LayerDeploymentPackager", Packager)
    with pytest.raises(PackageError, match=r"was found for pillow==13\.0\.0\. Update pip"):
        build_dependencies(tmp_path, "x86_64", Lines())
    assert not path.exists()


def test_no_requirements_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="names no dependency"):
        build_dependencies(tmp_path, "x86_64", Lines())
