"""The cache of the models' weights."""

import os
import shutil
from pathlib import Path

import pytest

from local.downloads import DownloadError
from local.rekognition import weights as weights_module
from local.rekognition.weights import CLASSIFIERS_WHEEL, Weights, WeightsError, ensure_weights


@pytest.fixture
def copy(cache_dir: Path, weights: Weights, tmp_path: Path) -> Path:
    """A cache of its own, to damage."""
    shutil.copytree(cache_dir / "face-models", tmp_path / "face-models")
    return tmp_path


def test_of_a_cache_that_is_set_up_no_file_is_hashed_or_made_anew(
    cache_dir: Path, weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        pytest.fail("a file of a cache that is set up was hashed or made anew")

    for slow in ("sha256_of", "fetch", "_set_up"):
        monkeypatch.setattr(weights_module, slow, never)
    lines: list[str] = []

    again = ensure_weights(cache_dir, lines.append)

    assert again == weights
    assert lines == []
    assert all(path.is_file() for path in (again.detector, again.recognizer, again.sunglasses, again.eyes))


def test_a_changed_weight_file_is_refused_by_name(copy: Path) -> None:
    recognizer = ensure_weights(copy).recognizer
    content = bytearray(recognizer.read_bytes())
    content[1000] ^= 1
    recognizer.write_bytes(content)

    with pytest.raises(WeightsError, match=r"recognizer\.onnx was changed.*Delete"):
        ensure_weights(copy)


def test_a_touched_but_equal_file_is_accepted(copy: Path) -> None:
    weights = ensure_weights(copy)
    os.utime(weights.eyes)

    assert ensure_weights(copy) == weights


def test_a_missing_weight_file_is_refused_with_advice(copy: Path) -> None:
    ensure_weights(copy).sunglasses.unlink()

    with pytest.raises(WeightsError, match=r"cache is damaged.*Delete"):
        ensure_weights(copy)


def test_a_wheel_with_another_hash_stops_the_set_up_and_leaves_no_models(
    cache_dir: Path, tmp_path: Path
) -> None:
    shutil.copytree(cache_dir / "downloads", tmp_path / "downloads")
    with (tmp_path / "downloads" / CLASSIFIERS_WHEEL.filename).open("ab") as file:
        file.write(b"x")

    with pytest.raises(DownloadError, match="is not the pinned face_classify"):
        ensure_weights(tmp_path)

    assert list((tmp_path / "face-models").iterdir()) == []


def test_the_set_up_gives_the_same_models_again(cache_dir: Path, weights: Weights, tmp_path: Path) -> None:
    shutil.copytree(cache_dir / "downloads", tmp_path / "downloads")

    again = ensure_weights(tmp_path)

    assert again.sunglasses.read_bytes() == weights.sunglasses.read_bytes()
    assert again.eyes.read_bytes() == weights.eyes.read_bytes()
