"""From labels and measurements to figures, and from figures to a report for a person."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.faces.manifest import Label
from benchmarks.faces.measure import Cost, Measured
from benchmarks.faces.scores import (
    PairCounts,
    accept_rate,
    count_pairs,
    equal_error_rate,
    precision_recall,
    working_point,
)
from local.rekognition.scales import cosine_of, similarity

Pair = tuple[Label, Measured]

_RATES = (0.001, 0.0001)
_SIMILARITIES = (80.0, 90.0, 99.0)
_FRONTAL, _PROFILE = 25.0, 35.0


@dataclass(frozen=True)
class Share:
    """How many of how many."""

    right: int
    of: int

    @property
    def rate(self) -> float | None:
        return self.right / self.of if self.of else None

    def __str__(self) -> str:
        return f"{self.right}/{self.of} = {100 * self.right / self.of:.2f} %" if self.of else "no such photo"


@dataclass(frozen=True)
class Target:
    """A figure that must be reached.

    `value` is None where there was nothing to measure it on, `note` says why it cannot be judged.
    """

    name: str
    bound: float
    value: float | None
    unit: str = "%"
    at_most: bool = False
    note: str = ""

    @property
    def verdict(self) -> str:
        if self.value is None:
            return "not measured"
        if self.note:
            return "too few"
        good = self.value <= self.bound if self.at_most else self.value >= self.bound
        return "reached" if good else "MISSED"


def groups_of_pairs(pairs: Sequence[Pair]) -> dict[str, PairCounts]:
    """Count the pairs of all photos with a known person, of real ones, of generated ones, and by subset."""
    known = [pair for pair in pairs if pair[0].identity and pair[1].embedding is not None]
    known = [pair for pair in known if pair[0].n_faces in ("", "1")]
    numbers = {name: number for number, name in enumerate(sorted({label.identity for label, _ in known}))}
    choices: dict[str, Callable[[Label], bool]] = {
        "all": lambda label: True,
        "real": lambda label: not label.generated,
        "generated": lambda label: label.generated,
    }
    for subset in sorted({label.subset for label, _ in known if label.subset}):
        choices[f"subset {subset}"] = lambda label, subset=subset: label.subset == subset
    groups = {}
    for name, chosen in choices.items():
        part = [(label, seen.embedding) for label, seen in known if chosen(label)]
        if part:
            vectors = np.stack([vector for _, vector in part if vector is not None])
            persons = np.array([numbers[label.identity] for label, _ in part], np.int64)
            groups[name] = count_pairs(vectors, persons)
    return groups


def verification(counts: PairCounts) -> dict[str, Any]:
    """Summarise a group of pairs."""
    return {
        "genuinePairs": counts.genuine_pairs,
        "impostorPairs": counts.impostor_pairs,
        "eer": equal_error_rate(counts),
        "tarAtFar": [asdict(point) for far in _RATES if (point := working_point(counts, far))],
        "atSimilarity": [
            {
                "similarity": percent,
                "cosine": round(cosine_of(percent), 3),
                "tar": accept_rate(counts.genuine, cosine_of(percent)),
                "far": accept_rate(counts.impostor, cosine_of(percent)),
            }
            for percent in _SIMILARITIES
        ],
    }


def detection(pairs: Sequence[Pair]) -> dict[str, Share]:
    """Return by label (and in all) how often exactly 0, 1 or at least 2 faces were found as labelled."""
    right, total = Counter[str](), Counter[str]()
    for label, seen in pairs:
        if label.n_faces:
            total[label.n_faces] += 1
            right[label.n_faces] += label.n_faces == _count(seen)
    shares = {name: Share(right[name], total[name]) for name in ("0", "1", "2+")}
    return {"all": Share(sum(right.values()), sum(total.values())), **shares}


def _count(seen: Measured) -> str:
    return str(seen.faces) if seen.faces < 2 else "2+"


def _single(pairs: Sequence[Pair]) -> list[Pair]:
    return [(label, seen) for label, seen in pairs if label.n_faces in ("", "1") and seen.faces]


def sunglasses(pairs: Sequence[Pair]) -> dict[str, Share]:
    """Return how often sunglasses are told from none, found, and falsely called."""
    worn = [(label.eyewear, seen.sunglasses >= 0.5) for label, seen in _single(pairs) if label.eyewear]

    def share(eyewear: str, called: bool) -> Share:
        part = [seen for kind, seen in worn if kind == eyewear]
        return Share(sum(seen is called for seen in part), len(part))

    return {
        "right": Share(sum((kind == "sunglasses") is seen for kind, seen in worn), len(worn)),
        "found": share("sunglasses", True),
        "clearCalledSunglasses": share("eyeglasses", True),
        "bareCalledSunglasses": share("none", True),
    }


def sunglasses_curve(pairs: Sequence[Pair]) -> Any:
    """Return thresholds, precision and recall; None without both kinds."""
    part = [
        (seen.sunglasses, label.eyewear == "sunglasses") for label, seen in _single(pairs) if label.eyewear
    ]
    truth = np.array([worn for _, worn in part], bool)
    if not truth.any() or truth.all():
        return None
    return precision_recall(np.array([probability for probability, _ in part]), truth)


def eyes(pairs: Sequence[Pair]) -> dict[str, Share]:
    """Return how often eyes are called as labelled."""
    part = [(label.eyes, seen.eyes_open >= 0.5) for label, seen in _single(pairs) if label.eyes]
    return {
        kind: Share(
            sum(called is (kind == "open") for eye, called in part if eye == kind),
            sum(eye == kind for eye, _ in part),
        )
        for kind in ("open", "closed")
    }


def poses(pairs: Sequence[Pair]) -> dict[str, Share]:
    """Return how often yaw agrees: frontal within 25 degrees, profile beyond 35, left and right by its sign.

    Left and right are the image's.
    """
    rules: dict[str, Callable[[float], bool]] = {
        "frontal": lambda yaw: abs(yaw) <= _FRONTAL,
        "profile": lambda yaw: abs(yaw) >= _PROFILE,
        "left": lambda yaw: yaw < 0,
        "right": lambda yaw: yaw > 0,
    }
    shares = {}
    for kind, agrees in rules.items():
        part = [seen.yaw for label, seen in _single(pairs) if label.pose == kind]
        shares[kind] = Share(sum(agrees(yaw) for yaw in part), len(part))
    return shares


def targets(
    found: dict[str, Share], groups: dict[str, PairCounts], worn: dict[str, Share], cost: Cost | None
) -> list[Target]:
    """Return the figures that must be reached."""
    real = groups.get("real")
    point = working_point(real, 0.001) if real else None
    note = ""
    if real and point and not point.supported:
        note = f"only {real.impostor_pairs} impostor pairs: too few for 0.1 %, which needs 10,000"

    def percent(share: Share) -> float | None:
        return None if share.rate is None else 100 * share.rate

    return [
        Target("exactly 0, 1 or 2+ faces", 99.0, percent(found["all"])),
        Target(
            "real people: found at false accepts of 0.1 %",
            99.0,
            100 * point.tar if point else None,
            note=note,
        ),
        Target("sunglasses told from none", 98.5, percent(worn["right"])),
        Target("clear glasses called sunglasses", 2.0, percent(worn["clearCalledSunglasses"]), at_most=True),
        Target(
            "DetectFaces ALL by its bare models",
            1.3,
            cost.ratio if cost else None,
            unit="times",
            at_most=True,
        ),
    ]


def summary(pairs: Sequence[Pair], groups: dict[str, PairCounts], cost: Cost | None) -> dict[str, Any]:
    """Return all figures, as JSON can hold them."""
    found, worn = detection(pairs), sunglasses(pairs)
    goals = targets(found, groups, worn, cost)
    shares = {"faces": found, "sunglasses": worn, "eyes": eyes(pairs), "pose": poses(pairs)}
    wrong = [
        {"file": label.file, "labelled": label.n_faces, "found": seen.faces}
        for label, seen in pairs
        if label.n_faces and label.n_faces != _count(seen)
    ]
    return {
        "photos": len(pairs),
        **{
            name: {kind: {**asdict(share), "rate": share.rate} for kind, share in kinds.items()}
            for name, kinds in shares.items()
        },
        "verification": {name: verification(counts) for name, counts in groups.items()},
        "cost": asdict(cost) if cost else None,
        "wronglyCounted": wrong,
        "targets": [{**asdict(goal), "verdict": goal.verdict} for goal in goals],
    }


def text(figures: dict[str, Any]) -> str:
    """Return the report for a person."""
    lines = [f"{figures['photos']} photos measured"]
    for name, title in (
        ("faces", "Faces counted"),
        ("sunglasses", "Sunglasses"),
        ("eyes", "Eyes"),
        ("pose", "Pose"),
    ):
        lines.append(f"\n{title}")
        lines += [
            f"  {kind:<22} {Share(share['right'], share['of'])}" for kind, share in figures[name].items()
        ]
    lines.append("\nVerification (all pairs of photos with a known person)")
    for name, group in figures["verification"].items():
        lines.append(
            f"  {name}: {group['genuinePairs']:,} pairs of one person, {group['impostorPairs']:,} of two"
        )
        if group["eer"] is not None:
            lines.append(f"    equal error rate {100 * group['eer']:.2f} %")
        for point in group["tarAtFar"]:
            few = (
                ""
                if point["supported"]
                else f"  (too few pairs of two for this rate: {10 / point['far']:,.0f} needed)"
            )
            lines.append(
                f"    TAR {100 * point['tar']:6.2f} % at FAR {100 * point['far']:g} %, "
                f"cosine {point['threshold']:.3f}, similarity {similarity(point['threshold']):.1f}{few}"
            )
        for point in group["atSimilarity"]:
            if point["tar"] is not None and point["far"] is not None:
                lines.append(
                    f"    similarity {point['similarity']:g} (cosine {point['cosine']:.2f}): "
                    f"TAR {100 * point['tar']:.2f} %, FAR {100 * point['far']:.4f} %"
                )
    cost = figures["cost"]
    if cost:
        lines.append(
            f"\nDetectFaces ALL, {cost['photos']} photos: {cost['detect_faces']:.0f} ms; its models alone "
            f"{cost['models']:.0f} ms and decoding {cost['decoding']:.0f} ms"
        )
    lines.append("\nMust reach")
    for goal in figures["targets"]:
        sign = "≤" if goal["at_most"] else "≥"
        value = "–" if goal["value"] is None else f"{goal['value']:.2f} {goal['unit']}"
        note = f"  ({goal['note']})" if goal["note"] else ""
        lines.append(
            f"  {goal['verdict']:<13}{goal['name']}: {value}, "
            f"wanted {sign} {goal['bound']:g} {goal['unit']}{note}"
        )
    if figures["wronglyCounted"]:
        lines.append("\nWrongly counted")
        lines += [
            f"  {wrong['file']}: labelled {wrong['labelled']}, found {wrong['found']}"
            for wrong in figures["wronglyCounted"][:50]
        ]
    return "\n".join(lines)
