"""The example of docs/rekognition.md, run as it is printed there."""

import os
import re
import subprocess
import sys
from pathlib import Path

from local.rekognition.process import FaceService
from local.samples import ensure_samples

_DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "rekognition.md"
_NUMBER = re.compile(r"\d+\.\d+")


def test_the_example_prints_what_the_document_says(tmp_path: Path, cache_dir: Path, weights: object) -> None:
    example, printed = re.findall(r"```(?:python|text)\n(.*?)```", _DOCUMENT.read_text(), re.DOTALL)[:2]
    photos = tmp_path / "photos"
    photos.mkdir()
    for path in ensure_samples(cache_dir).values():
        (photos / path.name).symlink_to(path)

    with FaceService(tmp_path / "data", cache_dir) as service:
        done = subprocess.run(
            [sys.executable, "-c", example],
            cwd=tmp_path,
            env=os.environ
            | {
                "AWS_ENDPOINT_URL_REKOGNITION": service.url,
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
            },
            capture_output=True,
            text=True,
            timeout=60,
        )

    assert done.returncode == 0, done.stderr
    # Percentages move with the models; all else is as printed.
    assert _NUMBER.sub("N", done.stdout) == _NUMBER.sub("N", printed)
