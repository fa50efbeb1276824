"""The benchmark's arithmetic, on numbers whose rates are known, and a run of it."""

import csv
from pathlib import Path

import numpy as np
import pytest

from benchmarks.faces import __main__ as benchmark
from benchmarks.faces.manifest import Label, ManifestError, read_manifest
from benchmarks.faces.measure import Measured
from benchmarks.faces.report import detection, groups_of_pairs, sunglasses, targets
from benchmarks.faces.scores import (
    BINS,
    PairCounts,
    accept_rate,
    count_pairs,
    equal_error_rate,
    precision_recall,
    working_point,
)


def _counts(genuine: list[float], impostor: list[float]) -> PairCounts:
    def histogram(cosines: list[float]) -> np.ndarray:
        bins = ((np.array(cosines) + 1) / 2 * BINS).astype(int)
        return np.bincount(np.clip(bins, 0, BINS - 1), minlength=BINS)

    return PairCounts(histogram(genuine), histogram(impostor))


def test_each_pair_is_counted_once_under_its_cosine() -> None:
    directions = np.array([[1, 0], [1, 0], [0, 1], [0.6, 0.8]], np.float32)

    counts = count_pairs(directions, np.array([1, 1, 2, 1]))

    assert (counts.genuine_pairs, counts.impostor_pairs) == (3, 3)
    assert accept_rate(counts.genuine, 0.99) == pytest.approx(1 / 3)
    assert accept_rate(counts.genuine, 0.55) == 1
    assert accept_rate(counts.impostor, 0.75) == pytest.approx(1 / 3)


def test_pairs_over_many_blocks_are_all_the_pairs_there_are() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(1300, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    persons = random.integers(0, 100, 1300)

    counts = count_pairs(vectors, persons)

    same = persons[:, None] == persons
    first, second = np.triu_indices(1300, 1)
    assert counts.genuine_pairs == int(same[first, second].sum())
    assert counts.genuine_pairs + counts.impostor_pairs == 1300 * 1299 // 2
    cosines = (vectors @ vectors.T)[first, second][~same[first, second]]
    assert accept_rate(counts.impostor, 0.5) == pytest.approx(float((cosines >= 0.5).mean()), abs=2e-4)


def test_people_who_never_overlap_have_no_errors() -> None:
    counts = _counts([0.7, 0.8, 0.9], [0.1, 0.2] * 10)

    assert equal_error_rate(counts) == 0
    point = working_point(counts, 0.001)
    assert point is not None
    assert point.tar == 1
    assert point.threshold == pytest.approx(0.2, abs=3 / BINS)
    assert not point.supported


def test_one_in_ten_overlapping_on_both_sides_is_an_equal_error_rate_of_a_tenth() -> None:
    counts = _counts([0.3] + [0.8] * 9, [0.5] + [0.1] * 9)

    assert equal_error_rate(counts) == pytest.approx(0.1)
    strict, loose = working_point(counts, 0.05), working_point(counts, 0.1)
    assert strict is not None
    assert loose is not None
    assert (strict.tar, loose.tar) == (0.9, 1.0)


def test_a_rate_is_supported_from_ten_allowed_false_accepts_on() -> None:
    few, enough = _counts([0.8], [0.1] * 9_999), _counts([0.8], [0.1] * 10_000)

    assert [working_point(counts, 0.001).supported for counts in (few, enough)] == [False, True]


def test_without_pairs_there_is_no_rate() -> None:
    assert equal_error_rate(PairCounts()) is None
    assert working_point(PairCounts(), 0.001) is None
    assert accept_rate(PairCounts().genuine, 0.4) is None


def test_precision_and_recall_of_a_known_order_with_a_tie() -> None:
    thresholds, precision, recall = precision_recall(
        np.array([0.9, 0.8, 0.8, 0.1]), np.array([True, False, True, False])
    )

    assert thresholds.tolist() == [0.9, 0.8, 0.1]
    assert precision == pytest.approx([1, 2 / 3, 0.5])
    assert recall.tolist() == [0.5, 1, 1]


def test_unknown_labels_are_left_out_of_their_measure() -> None:
    pairs = [
        (Label("a", n_faces="1", eyewear="sunglasses"), Measured(faces=1, sunglasses=0.9)),
        (Label("b", n_faces="1", eyewear="eyeglasses"), Measured(faces=1, sunglasses=0.7)),
        (Label("c", n_faces="2+"), Measured(faces=1)),
        (Label("d"), Measured(faces=5, sunglasses=0.9)),
        (Label("e", n_faces="0"), Measured()),
    ]

    assert str(detection(pairs)["all"]) == "3/4 = 75.00 %"
    worn = sunglasses(pairs)
    assert str(worn["right"]) == "1/2 = 50.00 %"
    assert worn["clearCalledSunglasses"].right == 1
    assert worn["bareCalledSunglasses"].rate is None


def test_real_and_generated_people_are_counted_apart_and_too_few_pairs_are_said_so() -> None:
    def seen(x: float, y: float) -> Measured:
        return Measured(faces=1, embedding=np.array([x, y], np.float32))

    pairs = [
        (Label("a", subset="selfies", identity="p", n_faces="1"), seen(1, 0)),
        (Label("b", subset="selfies", identity="p", n_faces="1"), seen(1, 0)),
        (Label("c", subset="selfies", identity="q", n_faces="1"), seen(0, 1)),
        (Label("d", subset="aws_synth", identity="s", n_faces="1"), seen(0, 1)),
        (Label("e", subset="selfies", identity="", n_faces="1"), seen(0, 1)),
        (Label("f", subset="selfies", identity="q", n_faces="2+"), seen(0, 1)),
    ]

    groups = groups_of_pairs(pairs)

    assert (groups["real"].genuine_pairs, groups["real"].impostor_pairs) == (1, 2)
    assert (groups["all"].genuine_pairs, groups["all"].impostor_pairs) == (1, 5)
    goal = targets(detection(pairs), groups, sunglasses(pairs), None)[1]
    assert goal.verdict == "too few"
    assert "only 2 impostor pairs" in goal.note


def test_a_manifest_is_read_with_unknown_columns_and_values(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text(
        "file,n_faces,eyewear,other\na.jpg,3,none,x\nb.jpg,,monocle,y\n,1,none,z\n"
    )

    labels, ignored = read_manifest(tmp_path)

    assert [(label.file, label.n_faces, label.eyewear) for label in labels] == [
        ("a.jpg", "2+", "none"),
        ("b.jpg", "", ""),
    ]
    assert len(ignored) == 1
    assert "'monocle'" in ignored[0]


def test_a_folder_without_a_manifest_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="needs a line a photo"):
        read_manifest(tmp_path)


def test_a_run_names_what_it_cannot_read_and_writes_report_and_plots(
    cache_dir: Path,
    photos: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    rows = [
        ("obama", "obama", "1", "none"),
        ("obama_standing", "obama", "1", "none"),
        ("biden", "biden", "1", "none"),
        ("sunglasses", "biden", "1", "sunglasses"),
        ("no_face", "", "0", ""),
        ("not_an_image", "", "1", ""),
    ]
    for name, *_ in rows:
        (folder / f"{name}.jpg").write_bytes(photos[name])
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "identity", "n_faces", "eyewear"])
        writer.writerows((f"{name}.jpg", *cells) for name, *cells in rows)
        writer.writerow(["missing.jpg", "", "1", ""])
    monkeypatch.setattr(benchmark, "DEFAULT_CACHE", cache_dir)

    assert benchmark.main([str(folder), "--out", str(out)]) == 0

    printed = capsys.readouterr()
    assert "5/5 = 100.00 %" in printed.out
    assert "all: 2 pairs of one person, 4 of two" in printed.out
    assert "too few      real people" in printed.out
    assert "missing.jpg: No such file" in printed.err
    assert "2 of 7 photos could not be measured" in printed.err
    assert (out / "report.txt").read_text() == printed.out
    for name in ("verification.png", "similarities.png", "sunglasses.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")
