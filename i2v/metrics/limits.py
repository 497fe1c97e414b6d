"""What each metric means and how far from its floor a video may be. One row per metric.

The limit of a metric is ``floor * factor + margin`` where less is better, and of its loss ``1 - value`` where more is.
The floor is measured on the scene at hand: the simulated clip itself, with noise and after encoding. Factors and
margins are from correct clips: with noise of 1 to 6 levels, x264 at crf 18 to 28, and other seeds than the floor's, no
metric reached its limit (``python -m benchmarks.fault_matrix``, table in ``docs/judging.md``).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from i2v.metrics.report import Metric


@dataclass(frozen=True)
class Rule:
    """How a metric is read."""

    group: str
    unit: str
    meaning: str
    factor: float = inf
    """``inf``: it is told without a verdict."""
    margin: float = 0.0
    higher: bool = False
    moves: bool = True
    """A picture that stands still must fail it, or it says nothing on this scene."""


RULES: dict[str, Rule] = {
    "flow-error": Rule(
        "motion", "px", "seen motion against simulated motion, inside the things", factor=1.5, margin=0.25
    ),
    "warping-error": Rule(
        "motion",
        "1e-3",
        "next frame, fetched back along the simulated motion, against this one",
        factor=2.0,
        margin=0.6,
    ),
    "correspondence": Rule(
        "motion", "1e-3", "each point of a thing against the same point in frame 0", factor=1.6, margin=0.6
    ),
    "mask-iou": Rule("motion", "", "overlap of the things seen and simulated, all frames", 1.6, 0.02, higher=True),
    "path-error": Rule("motion", "%", "things' centroid off its path, in picture lengths (PISA L2)", 1.5, 0.15),
    "chamfer": Rule("motion", "%", "things' outlines apart, in picture lengths (PISA)", 1.5, 0.25),
    "missing": Rule("motion", "frames", "frames without any thing where there should be one", 1.0, 0.5, moves=False),
    "too-short": Rule("motion", "frames", "frames at the end that the video does not have", 1.0, 1.5, moves=False),
    "gravity": Rule("physics", "%", "free fall in the pixels, off that simulated", 1.0, 5.0),
    "restitution": Rule("physics", "", "part of the speed that a bounce leaves, off that simulated", 1.0, 0.08),
    "gmsd": Rule("likeness", "1e-3", "edges not where they should be (0 is the same)", 1.6, 4.0),
    "ms-ssim": Rule("likeness", "", "likeness in structure over five scales (1 is the same)", 1.8, 0.003, higher=True),
    "flicker": Rule("steadiness", "levels", "change of brightness of what stands still", 2.0, 0.12, moves=False),
    "background": Rule("steadiness", "levels", "what stands still against frame 0", 1.6, 0.4, moves=False),
    "intruder": Rule(
        "steadiness", "levels", "largest patch of the still background that changed", 1.7, 5.0, moves=False
    ),
    "drift": Rule("steadiness", "px", "slow shift, turn or zoom of the still background", 1.7, 0.06, moves=False),
    "area": Rule("steadiness", "%", "things' area against that simulated, its variation", 1.5, 1.5, moves=False),
    "colour": Rule(
        "steadiness",
        "",
        "things have the colours of the composite (1 is the same)",
        1.6,
        0.05,
        higher=True,
        moves=False,
    ),
    "identity": Rule(
        "steadiness", "", "things keep edges and colours (1 is the same)", 1.8, 0.03, higher=True, moves=False
    ),
    "iq-original": Rule("physics-iq", "%", "score as published in 2025", higher=True),
    "iq-verified": Rule("physics-iq", "%", "score of the Verified variant", higher=True),
    "iq-spatiotemporal": Rule("physics-iq", "", "where and when it moves: overlap per frame", higher=True),
    "iq-spatial": Rule("physics-iq", "", "where it moves at all", higher=True),
    "iq-weighted": Rule("physics-iq", "", "where and how much it moves", higher=True),
    "iq-mse": Rule("physics-iq", "1e-3", "mean squared difference of pixels"),
}


def metric(name: str, value: float, floor: float | None, still: float | None, note: str = "") -> Metric:
    """A row of the report, with its verdict.

    Args:
        name: Of ``RULES``; what follows a colon names a thing, as in ``gravity:ball``.
        value: Of the video; NaN if it cannot be measured.
        floor: Of a correct clip of this scene; ``None``: no verdict.
        still: Of a copy of frame 0.
        note: Why there is no value, or what is to be known about it.
    """
    rule = RULES[name.partition(":")[0]]
    limit = None if floor is None or not floor == floor else _limit(rule, floor)
    words = {"unit": rule.unit, "meaning": rule.meaning, "higher_is_better": rule.higher, "note": note}
    row = Metric(name, rule.group, value, floor=floor, still=still, limit=limit, **words)  # type: ignore[arg-type]
    if limit is None or value != value:
        return row
    beyond = _beyond(rule, value, limit)
    if not beyond and rule.moves and still is not None and still == still and not _beyond(rule, still, limit):
        verdict = "blind"
    else:
        verdict = "fail" if beyond else "pass"
    return Metric(**{**vars(row), "verdict": verdict})


def _limit(rule: Rule, floor: float) -> float | None:
    if rule.factor == inf:
        return None
    if rule.higher:
        return 1 - ((1 - floor) * rule.factor + rule.margin)
    return floor * rule.factor + rule.margin


def _beyond(rule: Rule, value: float, limit: float) -> bool:
    return value < limit if rule.higher else value > limit
