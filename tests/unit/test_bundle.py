"""What is in the zip of the app's own files: nothing but code and the rider's page."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from local.staging import stage_app

ROOT: Final = Path(__file__).resolve().parents[2]
# Uncompressed; a photo or a model that slips in is larger.
MOST_BYTES: Final = 1_000_000


@pytest.fixture
def bundled(tmp_path: Path) -> list[Path]:
    stage_app(tmp_path / "app", tmp_path / "packages", ROOT)
    return [path for path in (tmp_path / "app" / "chalicelib").rglob("*") if path.is_file()]


def test_only_code_and_the_page_are_bundled(bundled: list[Path]) -> None:
    assert {path.suffix for path in bundled} == {".py", ".js", ".css", ".html", ".svg"}


def test_the_apps_own_files_are_small(bundled: list[Path]) -> None:
    assert 0 < sum(path.stat().st_size for path in bundled) < MOST_BYTES


def test_two_packages_go_with_the_app_and_boto3_is_the_runtimes_own() -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    packages = {line.partition("==")[0] for line in lines if line and not line.startswith("#")}
    assert packages == {"aws-lambda-powertools", "Pillow"}
