"""Motion: a prescribed path, for kinematic bodies and for moving pins. Keyframes of plain data, smooth in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Motion:
    """Displacement and turn over time, relative to where the thing was put.

    Between keyframes each component follows a monotone cubic (Fritsch & Butland 1984): the path is C1 and never
    overshoots a keyframe. Before the first and after the last keyframe the thing rests there.
    """

    times: Sequence[float]
    """(K,) increasing [s]; K >= 1."""
    offsets: Sequence[tuple[float, float, float]] = ()
    """(K, 3) displacement [m], world axes. Empty: none."""
    turns: Sequence[tuple[float, float, float]] = ()
    """(K, 3) rotation vectors [rad], world axes, about the thing's own origin (a pin: about the centroid of what it
    holds). Each turn is counted from the start, so that more than one revolution can be written. All turns of one
    motion should share one axis; others are interpolated component by component. Empty: none."""

    def __post_init__(self) -> None:
        times = np.asarray(self.times, dtype=np.float64)
        if times.ndim != 1 or len(times) < 1 or not np.isfinite(times).all() or (np.diff(times) <= 0).any():
            raise ValueError(f"Motion.times is {self.times}, expected increasing finite times [s].")
        for name in ("offsets", "turns"):
            values = np.asarray(getattr(self, name), dtype=np.float64)
            if values.size and (values.shape != (len(times), 3) or not np.isfinite(values).all()):
                raise ValueError(
                    f"Motion.{name} has shape {values.shape}, expected {(len(times), 3)}: three finite numbers each."
                )

    @cached_property
    def _curve(self):  # type: ignore[no-untyped-def]
        from scipy.interpolate import PchipInterpolator

        zero = np.zeros((len(self.times), 3))
        columns = [np.asarray(v, dtype=np.float64) if len(v) else zero for v in (self.offsets, self.turns)]
        return PchipInterpolator(np.asarray(self.times, dtype=np.float64), np.concatenate(columns, axis=1))

    def at(self, time: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Offset (..., 3) [m] and rotation vector (..., 3) [rad] at ``time`` [s]."""
        clamped = np.clip(time, self.times[0], self.times[-1])
        if len(self.times) == 1:
            values = np.concatenate([np.asarray(v if len(v) else [(0.0,) * 3])[0] for v in (self.offsets, self.turns)])
            values = np.broadcast_to(values, (*np.shape(time), 6))
        else:
            values = self._curve(clamped)
        return values[..., :3], values[..., 3:]
