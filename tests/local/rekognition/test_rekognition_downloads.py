"""Pinned downloads, from a package index of two files made here: no network."""

import hashlib
import io
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest

from local.downloads import DownloadError, PinnedDownload, fetch, make_folder_once

_SETUP = "import pathlib\npathlib.Path({marker!r}).write_text('ran')\nfrom setuptools import setup\nsetup()\n"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


@pytest.fixture
def wheel(index: Path) -> PinnedDownload:
    path = index / "sample_wheel-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("sample_wheel/photo.txt", "a photo")
        archive.writestr(
            "sample_wheel-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: sample-wheel\nVersion: 1.0\n"
        )
        archive.writestr("sample_wheel-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("sample_wheel-1.0.dist-info/RECORD", "")
    return PinnedDownload("sample-wheel", "1.0", path.name, hashlib.sha256(path.read_bytes()).hexdigest())


def test_a_wheel_is_downloaded_once_and_then_found_in_the_cache(
    wheel: PinnedDownload, tmp_path: Path
) -> None:
    lines: list[str] = []

    first = fetch(wheel, tmp_path / "cache", lines.append)
    second = fetch(wheel, tmp_path / "cache", lines.append)

    assert first == second
    assert lines == ["Downloading sample-wheel 1.0"]
    assert [path.name for path in first.parent.iterdir()] == [wheel.filename]


def test_a_source_distribution_is_downloaded_without_running_its_code(index: Path, tmp_path: Path) -> None:
    marker = tmp_path / "setup-ran"
    path = index / "sample-source-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in {
            "setup.py": _SETUP.format(marker=str(marker)),
            "PKG-INFO": "Metadata-Version: 2.1\nName: sample-source\nVersion: 1.0\n",
        }.items():
            member = tarfile.TarInfo(f"sample-source-1.0/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()

    fetched = fetch(PinnedDownload("sample-source", "1.0", path.name, digest), tmp_path / "cache")

    assert fetched.read_bytes() == path.read_bytes()
    assert not marker.exists()


def test_another_file_than_the_pinned_one_is_refused_and_not_kept(
    wheel: PinnedDownload, tmp_path: Path
) -> None:
    other = PinnedDownload(wheel.name, wheel.version, wheel.filename, "0" * 64)

    with pytest.raises(DownloadError, match="serves another sample_wheel"):
        fetch(other, tmp_path / "cache")

    assert list((tmp_path / "cache" / "downloads").iterdir()) == []


def test_a_changed_file_in_the_cache_is_refused_by_name(wheel: PinnedDownload, tmp_path: Path) -> None:
    path = fetch(wheel, tmp_path / "cache")
    path.write_bytes(path.read_bytes() + b"x")

    with pytest.raises(DownloadError, match=r"is not the pinned sample_wheel.*Delete it"):
        fetch(wheel, tmp_path / "cache")


def test_a_release_that_the_index_lacks_is_named(index: Path, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"could not download absent 9\.9"):
        fetch(PinnedDownload("absent", "9.9", "absent-9.9-py3-none-any.whl", "0" * 64), tmp_path / "cache")


def test_a_folder_whose_making_fails_is_not_there(tmp_path: Path) -> None:
    def fill(made: Path) -> None:
        (made / "half").write_text("half")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        make_folder_once(tmp_path / "parent" / "folder", fill)

    assert list((tmp_path / "parent").iterdir()) == []


def test_two_makers_at_once_leave_one_whole_folder(tmp_path: Path) -> None:
    both_at_work = threading.Barrier(2, timeout=60)
    failures: list[BaseException] = []

    def fill(made: Path) -> None:
        (made / "file").write_text("whole")
        both_at_work.wait()

    def make() -> None:
        try:
            make_folder_once(tmp_path / "folder", fill)
        except BaseException as error:  # reported by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=make) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert (tmp_path / "folder" / "file").read_text() == "whole"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
