"""Which photos a demo takes, and how it names what it can't."""

from pathlib import Path

import pytest

from local.cli import main
from local.demo_photos import PhotoPathError, own_photos
from local.riders import content_type_of
from local.web import encode_form


def test_a_folder_gives_its_pictures_by_name_a_rider_each(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.jpg", "c.heic", "notes.txt", ".hidden.jpg"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.jpg").mkdir()
    photos = own_photos([tmp_path])
    assert [(photo.path.name, photo.rider, photo.expected) for photo in photos] == [
        ("a.jpg", 1, None),
        ("b.PNG", 2, None),
        ("c.heic", 3, None),
    ]


def test_a_file_is_taken_whatever_its_name_and_in_the_order_given(tmp_path: Path) -> None:
    files = [tmp_path / "z", tmp_path / "a.txt"]
    for file in files:
        file.touch()
    assert [photo.path for photo in own_photos(files)] == files


def test_a_tilde_is_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "me.jpg").touch()
    assert [photo.path for photo in own_photos([Path("~/me.jpg")])] == [tmp_path / "me.jpg"]


@pytest.mark.parametrize("path", ["nothing.jpg", "empty folder", "/dev/null"])
def test_what_is_no_photo_is_refused_by_name(tmp_path: Path, path: str) -> None:
    (tmp_path / "empty folder").mkdir()
    with pytest.raises(PhotoPathError, match=path):
        own_photos([tmp_path / path])


def test_the_command_refuses_a_missing_photo_before_it_starts_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", str(tmp_path / "nothing.jpg")]) == 2
    assert "nothing.jpg does not exist." in capsys.readouterr().err


@pytest.mark.parametrize("words", [["demo", "--jsn"], ["nonsense"], [], ["up", "photo.jpg"]])
def test_a_wrong_call_is_refused_with_the_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: python -m local" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("photo", "content_type"),
    [
        (b"\x89PNG\r\n\x1a\n...", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"no image", "image/jpeg"),
        (b"", "image/jpeg"),
    ],
)
def test_the_type_of_a_form_is_that_of_the_files_bytes(photo: bytes, content_type: str) -> None:
    assert content_type_of(photo) == content_type


def test_a_form_has_its_fields_first_and_the_file_unchanged_last() -> None:
    file = bytes(range(256)) * 3
    content_type, body = encode_form({"key": "uploads/é.jpg", "Content-Type": "image/png"}, file)
    boundary = content_type.partition("boundary=")[2].encode()
    before, *parts, after = body.split(b"--" + boundary)
    assert (before, after) == (b"", b"--\r\n")
    contents = [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts]
    assert contents == ["uploads/é.jpg".encode(), b"image/png", file]
    assert b'name="file"; filename="photo"\r\nContent-Type: image/png' in parts[-1]
