"""What happens in a sweep, as it happens: how far it is, what it has cost, what it will."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["started", "done", "failed", "finished", "stopped"]


@dataclass(frozen=True)
class Event:
    """One thing that happened, and how it stands with the whole."""

    kind: Kind
    """'started', 'done' and 'failed' (one run), 'finished', 'stopped' (interrupted, or an error of the sweep)."""
    folder: str
    """Of the sweep."""
    done: int
    """Runs that are there, those of earlier sweeps and those that failed included."""
    total: int
    """Runs in all."""
    failed: int
    """Runs of this sweep that failed."""
    seconds: float
    """Since it began [s]."""
    left: float | None
    """Expected until it ends [s]; ``None`` before the first run is there."""
    spent: float
    """Time of all workers in runs so far [s]."""
    expected: float | None
    """The same for all runs of this sweep, expected [s]."""
    cost: float
    """What was spent, at the sweep's price."""
    expected_cost: float | None
    """What all of it will cost, expected."""
    key: str = ""
    """Of the run that is done or has failed."""
    error: str = ""
    """Of a run that failed."""

    def in_words(self, priced: bool = False) -> str:
        """How it stands, in one line; with the cost if it is ``priced``."""
        parts = [f"runs {self.done} of {self.total}"]
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.left is not None:
            ahead = f"so far, {_time(self.left)} left" if self.done < self.total else "in all"
            parts.append(f"{_time(self.seconds)} {ahead}")
        if priced and self.expected_cost is not None:
            parts.append(f"cost {self.cost:.3g} of {self.expected_cost:.3g}")
        return "; ".join(parts)


OnEvent = Callable[[Event], None]


class Meter:
    """Counts the runs of a sweep, and makes its events.

    Args:
        folder: Of the sweep.
        total: Runs in all.
        there: Runs that were there before.
        price: Of an hour of one worker, in any currency.

    Raises:
        ValueError: A negative price.
    """

    def __init__(self, folder: str, total: int, there: int, price: float = 0.0) -> None:
        if not price >= 0:
            raise ValueError(f"price is {price}, expected the cost of an hour of one worker, not negative.")
        self._folder, self._total, self._done, self._there = folder, total, there, there
        self._failed, self._spent, self._price = 0, 0.0, price
        self._begun = time.monotonic()

    def add(self, key: str, seconds: float, error: str = "") -> Event:
        """A run is there, or has failed, and took so long [s]."""
        self._done += 1
        self._spent += seconds
        self._failed += bool(error)
        return self.event("failed" if error else "done", key, error)

    def event(self, kind: Kind, key: str = "", error: str = "") -> Event:
        now = time.monotonic() - self._begun
        new = self._done - self._there
        waiting = self._total - self._done
        all_new = None if new == 0 else (new + waiting) / new
        hourly = self._price / 3600
        expected = None if all_new is None else self._spent * all_new
        return Event(
            kind, self._folder, self._done, self._total, self._failed, now,
            None if all_new is None else now * (all_new - 1), self._spent, expected, self._spent * hourly,
            None if expected is None else expected * hourly, key, error,
        )  # fmt: skip


def _time(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
