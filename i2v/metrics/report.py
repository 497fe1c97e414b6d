"""The judge's report: numbers with their meaning, their floor, what a still picture would get, and a verdict."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

Verdict = Literal["pass", "fail", "blind", "told"]
"""``blind``: on this scene a copy of frame 0 would pass too, so it says nothing. ``told``: a number without a limit."""
GROUPS = {
    "motion": "Does it move as it should?",
    "physics": "Laws read from the pixels",
    "likeness": "Does each frame look as it should?",
    "steadiness": "Does it hold still, do things stay what they are?",
    "physics-iq": "Physics-IQ",
}


@dataclass(frozen=True)
class Metric:
    """One number."""

    name: str
    group: str
    value: float
    """NaN: it cannot be measured here; ``note`` says why."""
    unit: str
    meaning: str
    """One sentence for who has never heard of it."""
    higher_is_better: bool = False
    floor: float | None = None
    """What a correct video gets, with noise and after encoding, measured on this scene."""
    still: float | None = None
    """What a copy of frame 0 gets."""
    limit: float | None = None
    """Beyond it the verdict is ``fail``."""
    verdict: Verdict = "told"
    note: str = ""


@dataclass(frozen=True)
class Report:
    """What the judge found."""

    video: str
    """What was judged."""
    size: tuple[int, int]
    """(height, width) it was judged at [pixels]."""
    frame_count: int
    """T"""
    fps: float
    """Frames per second."""
    against: tuple[str, ...]
    """What it was compared with: 'conditions', 'reference', both or nothing."""
    metrics: tuple[Metric, ...]
    """Each with its value, floor, limit and verdict."""
    notes: tuple[str, ...] = ()
    """What is odd about the video or the comparison."""
    series: dict[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)
    """Numbers per frame, for plots."""
    pictures: dict[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)
    """Maps and frames, for plots."""

    @property
    def passed(self) -> bool:
        """No metric fails."""
        return not self.faults

    @property
    def faults(self) -> tuple[str, ...]:
        """Names of the metrics that fail."""
        return tuple(m.name for m in self.metrics if m.verdict == "fail")

    def __getitem__(self, name: str) -> Metric:
        """A metric by its name."""
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise KeyError(f"the report has no metric {name!r}; it has {', '.join(m.name for m in self.metrics)}.")

    def __contains__(self, name: str) -> bool:
        return any(m.name == name for m in self.metrics)

    def to_dict(self) -> dict[str, Any]:
        """Plain data; numbers that are not finite are ``None``."""
        metrics = [
            {k: _plain(v) for k, v in vars(m).items() if k not in ("meaning",)} | {"meaning": m.meaning}
            for m in self.metrics
        ]
        return {
            "video": self.video,
            "size": list(self.size),
            "frame_count": self.frame_count,
            "fps": _plain(self.fps),
            "against": list(self.against),
            "passed": self.passed,
            "faults": list(self.faults),
            "notes": list(self.notes),
            "metrics": metrics,
            "series": {name: _plain(values) for name, values in self.series.items()},
        }

    def to_json(self) -> str:
        """:meth:`to_dict` as text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    def table(self) -> str:
        """The report as text, as the command line prints it."""
        return "\n".join(self._lines())

    def save_plots(self, path: str | Path) -> Path:
        """Write the plots to ``path``: a picture (``.png``), or a page with the table (``.html``)."""
        from i2v.metrics.page import save_plots

        return save_plots(self, Path(path))

    def _lines(self) -> Iterator[str]:
        against = " and ".join(self.against) or "nothing: only what can be told without a truth"
        yield (
            f"{self.video}: {self.size[1]} x {self.size[0]}, {self.frame_count} frames at {self.fps:g} per second, "
            f"against {against}"
        )
        wide = max((len(m.name) for m in self.metrics), default=6)
        for group, title in GROUPS.items():
            rows = [m for m in self.metrics if m.group == group]
            if not rows:
                continue
            yield ""
            yield f"{title:<{wide + 7}}  {'value':>9} {'floor':>9} {'still':>9} {'limit':>9}  {'unit':<9} what it is"
            for m in rows:
                sign = {"pass": "ok", "fail": "FAIL", "blind": "blind", "told": ""}[m.verdict]
                numbers = " ".join(f"{number(v):>9}" for v in (m.value, m.floor, m.still, m.limit))
                words = f"{m.meaning} ({m.note})" if m.note else m.meaning
                yield f"{sign:<5}  {m.name:<{wide}}  {numbers}  {m.unit:<9} {words}"
        if self.notes:
            yield ""
            yield from (f"note: {note}" for note in self.notes)
        yield ""
        judged = [m for m in self.metrics if m.verdict in ("pass", "fail")]
        faults = ", ".join(self.faults)
        yield f"FAIL: {faults}" if faults else f"ok: none of {len(judged)} metrics is beyond its limit"


def check_plots(plots: str | os.PathLike, video: Any) -> None:
    """Refuse a name for the plots before the long work, not after it.

    Raises:
        ValueError: No ``.png`` or ``.html``, or there is no video to judge.
    """
    if Path(plots).suffix.lower() not in (".png", ".html"):
        raise ValueError(f"the plots are to be {Path(plots).name!r}, expected a name that ends in .png or .html.")
    if video is None:
        raise ValueError("judge needs a video: give an output, or judge the returned clip with i2v.judge.")


def number(value: float | None) -> str:
    """Three digits, for tables."""
    if value is None:
        return ""
    if not math.isfinite(value):
        return "-"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_plain(v) for v in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value
