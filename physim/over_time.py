"""A value over time: keys, and how it gets from one to the next. For forces, sources, gravity, light and camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

EASES = {
    "linear": lambda s: s,
    "in": lambda s: s * s,
    "out": lambda s: s * (2 - s),
    "in_out": lambda s: s * s * (3 - 2 * s),
    "at_once": lambda s: 1.0,
}
"""Share of the time that has passed → share of the way."""
_AREAS = {
    "linear": lambda s: s**2 / 2,
    "in": lambda s: s**3 / 3,
    "out": lambda s: s**2 - s**3 / 3,
    "in_out": lambda s: s**3 - s**4 / 2,
    "at_once": lambda s: 0.0 * s,
}
"""Their integrals from 0 on; of ``at_once`` in the sense of a key: nothing of the way until the key is there."""


@dataclass(frozen=True)
class OverTime:
    """A number or a vector that changes with time. Before the first key it has that key's value, after the last that.

    Between two keys it goes by ``ease``: 'linear', 'in' (slow at first), 'out', 'in_out' (slow at both ends),
    'at_once' (it stays until the next key and then jumps), or 'smooth': a monotone cubic through all keys, whose rate
    is continuous and which never overshoots (Fritsch and Carlson, SIAM J. Numer. Anal. 17, 1980).

    Raises:
        ValueError: No keys, times that do not rise, values that are not finite or not all of one kind.
    """

    times: tuple[float, ...]
    """[s], rising."""
    values: tuple
    """At each of the times: numbers, or vectors of one length."""
    ease: str = "linear"
    """How it goes from one key to the next."""

    def __post_init__(self) -> None:
        if not self.times or not np.all(np.isfinite(self.times)) or np.any(np.diff(self.times) <= 0):
            raise ValueError(f"OverTime.times are {list(self.times)}, expected at least one, finite and rising [s].")
        shapes = {np.shape(value) for value in self.values}
        if len(self.values) != len(self.times) or len(shapes) != 1 or len(next(iter(shapes))) > 1:
            raise ValueError(
                f"OverTime has {len(self.values)} values of shapes {sorted(shapes)} for {len(self.times)} times, "
                "expected one number for each, or one vector for each, all of one length."
            )
        if not np.all(np.isfinite(self._table)):
            raise ValueError(f"OverTime.values are {list(self.values)}, expected finite numbers.")
        if self.ease not in (*EASES, "smooth"):
            raise ValueError(f"OverTime.ease is {self.ease!r}, expected one of {', '.join((*EASES, 'smooth'))}.")

    @cached_property
    def _table(self) -> np.ndarray:
        return np.asarray(self.values, dtype=np.float64)

    @cached_property
    def _cubic(self):  # type: ignore[no-untyped-def]
        from scipy.interpolate import PchipInterpolator

        # a rest before the first and after the last key makes the rate nought there
        times = np.array([self.times[0] - 1.0, *self.times, self.times[-1] + 1.0])
        return PchipInterpolator(times, np.concatenate([self._table[:1], self._table, self._table[-1:]]))

    def _place(self, time: float) -> tuple[int, float]:
        """Number of the key before ``time``, and the share of the way to the next in time."""
        k = int(np.searchsorted(self.times, time, side="right")) - 1
        if k < 0:
            return 0, 0.0
        if k >= len(self.times) - 1:
            return len(self.times) - 1, 0.0
        return k, (time - self.times[k]) / (self.times[k + 1] - self.times[k])

    def at(self, time: float) -> np.ndarray:
        """The value at ``time`` [s], () or (D,) float64."""
        if self.ease == "smooth":
            return np.asarray(self._cubic(min(max(time, self.times[0]), self.times[-1])))
        k, s = self._place(time)
        if s == 0.0 or self.ease == "at_once":
            return self._table[k].copy()
        return self._table[k] + EASES[self.ease](s) * (self._table[k + 1] - self._table[k])

    def integral(self, end: float) -> np.ndarray:
        """From the first key to ``end`` [s], exact, () or (D,) [value s]; negative before the first key."""
        table, times = self._table, self.times
        if end <= times[0]:
            return (end - times[0]) * table[0]
        beyond = max(end - times[-1], 0.0) * table[-1]
        if self.ease == "smooth":
            return np.asarray(self._cubic.integrate(times[0], min(end, times[-1]))) + beyond
        total = beyond
        for k, (a, b) in enumerate(pairwise(times)):
            share = min(max((end - a) / (b - a), 0.0), 1.0)
            total = total + (b - a) * (share * table[k] + _AREAS[self.ease](share) * (table[k + 1] - table[k]))
        return total

    def mean(self, start: float, end: float) -> np.ndarray:
        """Mean from ``start`` to ``end`` [s], exact: what a step that holds one value has to hold."""
        if end <= start:
            return self.at(start)
        if end <= self.times[0] or start >= self.times[-1]:
            return self.at(start)
        return (self.integral(end) - self.integral(start)) / (end - start)

    @property
    def most(self) -> float:
        """Largest absolute value or length that it ever has: at a key, as no ease overshoots."""
        return float(np.linalg.norm(self._table.reshape(len(self.times), -1), axis=1).max())

    def map(self, change) -> OverTime:  # type: ignore[no-untyped-def]
        """The same keys with every value changed by ``change``, a linear function."""
        return replace(self, values=tuple(_plain(change(value)) for value in self.values))


def _plain(value: np.ndarray | float | Sequence[float]):  # type: ignore[no-untyped-def]
    array = np.asarray(value, dtype=np.float64)
    return float(array) if array.ndim == 0 else tuple(float(v) for v in array)


def value_at(value: OverTime | float | Sequence[float], time: float) -> np.ndarray:
    """Of a value that may change with time or not."""
    return value.at(time) if isinstance(value, OverTime) else np.asarray(value, dtype=np.float64)


def mean_of(value: OverTime | float | Sequence[float], start: float, end: float) -> np.ndarray:
    """Mean between two times [s] of a value that may change with time or not."""
    return value.mean(start, end) if isinstance(value, OverTime) else np.asarray(value, dtype=np.float64)


def most_of(value: OverTime | float | Sequence[float]) -> float:
    """Largest absolute value or length."""
    return float(np.linalg.norm(strongest_of(value)))


def strongest_of(value: OverTime | float | Sequence[float]) -> np.ndarray:
    """The value where it is largest: what sizes and steps are chosen for."""
    if not isinstance(value, OverTime):
        return np.asarray(value, dtype=np.float64)
    return max((np.asarray(v, dtype=np.float64) for v in value.values), key=lambda v: float(np.linalg.norm(v)))


def changed(value, change):  # type: ignore[no-untyped-def]
    """``change`` (linear, on an array) of a value that may change with time or not; plain numbers again."""
    return value.map(change) if isinstance(value, OverTime) else _plain(change(np.asarray(value, dtype=np.float64)))
