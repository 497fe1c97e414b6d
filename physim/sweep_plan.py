"""Which values a sweep tries: grids, random draws, Latin hypercubes, lists. Rows are plain data: field path → value."""

from __future__ import annotations

import csv
import itertools
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from physim.shot import Shot
from physim.shot_path import route_of, unit_of
from physim.shot_remote import read
from physim.units import quantity

Row = dict[str, Any]
LARGEST = 1_000_000
"""Runs of one plan at most."""


@dataclass(frozen=True)
class Axis:
    """One field and the values it takes."""

    path: str
    values: tuple[Any, ...]

    def drawn(self, share: np.ndarray) -> list[Any]:
        """The values at ``share`` (n,), from 0 to 1: each of them has an equal part."""
        at = np.minimum((share * len(self.values)).astype(int), len(self.values) - 1)
        return [self.values[i] for i in at]

    def listed(self) -> tuple[Any, ...]:
        return self.values


@dataclass(frozen=True)
class Span:
    """One field and the range it lies in; ``count`` values of it for a grid."""

    path: str
    low: float
    high: float
    count: int | None = None
    log: bool = False
    """Whether equal factors count alike, rather than equal differences."""

    def __post_init__(self) -> None:
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"{self.path}: given {self.low} to {self.high}, expected a lower and a higher number.")
        if self.log and self.low <= 0:
            raise ValueError(f"{self.path}: given a logarithmic range from {self.low}, expected one above 0.")
        if self.count is not None and self.count < 2:
            raise ValueError(f"{self.path}: given {self.count} values, expected at least 2.")

    def drawn(self, share: np.ndarray) -> list[float]:
        """The values at ``share`` (n,), from 0 to 1, of the range."""
        if self.log:
            return [float(v) for v in self.low * (self.high / self.low) ** share]
        return [float(v) for v in self.low + (self.high - self.low) * share]

    def share(self, value: float) -> float:
        """Where in the range a value lies, from 0 to 1; the inverse of ``drawn``."""
        if self.log:
            return float(np.log(value / self.low) / np.log(self.high / self.low))
        return (value - self.low) / (self.high - self.low)

    def listed(self) -> tuple[Any, ...]:
        """Its values on a grid, ends included; twelve digits, so that 0.1 is 0.1."""
        if self.count is None:
            raise ValueError(f"{self.path}: a grid needs to know how many values, for example {self.path}=0.2:0.9:8.")
        values = self.drawn(np.arange(self.count) / (self.count - 1))
        return tuple(float(f"{v:.12g}") for v in values)


def plan(
    shot: Shot | str | os.PathLike,
    *axes: Axis | Span | str,
    random: int | None = None,
    latin: int | None = None,
    rows: str | os.PathLike | Sequence[Row] | None = None,
    seed: int = 0,
) -> list[Row]:
    """The runs of a sweep: ``plan(shot, "things.ball.rigid.restitution=0.2:0.9:8")`` for :func:`physim.sweep`.

    Args:
        shot: The one that is swept, or its file or URL.
        axes: Fields and their values, as :func:`parsed` reads them; every combination is run.
        random: So many independent draws instead.
        latin: So many draws that are spread evenly instead.
        rows: These runs instead, or a .csv or .json file of them.
        seed: Of the draws.

    Raises:
        ValueError: No such field, no such value, nothing to sweep, or two ways at once.
    """
    if sum(way is not None for way in (random, latin, rows)) > 1 or (rows is not None and axes):
        raise ValueError("given several ways to choose the runs, expected axes with or without draws, or a list.")
    if not isinstance(shot, Shot):
        shot = read(shot)
    if rows is not None:
        return listed(rows, shot)
    ready = [parsed(axis, shot) if isinstance(axis, str) else axis for axis in axes]
    if random is not None:
        return draws(random, *ready, seed=seed)
    return grid(*ready) if latin is None else latin_hypercube(latin, *ready, seed=seed)


def parsed(text: str, shot: Shot) -> Axis | Span:
    """An axis as it is typed.

    ``path=0.2:0.9:8`` eight values from 0.2 to 0.9; ``path=0.2:0.9`` the range, for random draws; ``path=log:1:100:3``
    by equal factors; ``path=0,4,8`` or ``path=wood,steel`` these. Numbers may have units: ``path=5cm:20cm:4``.

    Raises:
        ValueError: No such field, a wrong unit, no number.
    """
    path, _, values = (part.strip() for part in text.partition("="))
    if not values:
        raise ValueError(f"{text!r} gives no values, expected for example {path or 'path'}=0.2:0.9:8 or =0,4,8.")
    unit = unit_of(shot, route_of(shot, path))
    if ":" not in values:
        return Axis(path, tuple(_value(part.strip(), unit) for part in values.split(",")))
    head, *rest = [part.strip() for part in values.split(":")]
    log = head == "log"
    numbers = rest if log else [head, *rest]
    if len(numbers) not in (2, 3):
        raise ValueError(f"{text!r}: expected low:high or low:high:count.")
    low, high = (quantity(number, unit) for number in numbers[:2])
    return Span(path, low, high, _count(numbers[2]) if len(numbers) == 3 else None, log)


def grid(*axes: Axis | Span) -> list[Row]:
    """Every combination; the last axis runs fastest."""
    _check(axes)
    listed = [axis.listed() for axis in axes]
    _check_size(int(np.prod([len(values) for values in listed], dtype=object)))
    return [dict(zip([a.path for a in axes], values, strict=True)) for values in itertools.product(*listed)]


def draws(count: int, *axes: Axis | Span, seed: int = 0) -> list[Row]:
    """``count`` independent draws."""
    _check(axes)
    _check_size(count)
    shares = np.random.default_rng(seed).random((count, len(axes)))
    return _rows(axes, shares)


def latin_hypercube(count: int, *axes: Axis | Span, seed: int = 0) -> list[Row]:
    """``count`` draws of which each axis' range, cut into ``count`` equal parts, has one in every part.

    Source: McKay, Beckman and Conover 1979, Technometrics 21.
    """
    _check(axes)
    _check_size(count)
    generator = np.random.default_rng(seed)
    parts = np.stack([generator.permutation(count) for _ in axes], axis=1)
    return _rows(axes, (parts + generator.random(parts.shape)) / count)


def listed(rows: str | os.PathLike | Sequence[Row], shot: Shot) -> list[Row]:
    """Rows as they are, or of a ``.csv`` (first line: paths) or ``.json`` file (a list of objects).

    Raises:
        ValueError: No such field, an empty list, or a file that holds something else.
    """
    found = list(rows) if not isinstance(rows, str | os.PathLike) else _read(Path(rows), shot)
    if not found:
        raise ValueError("the list of a sweep is empty, expected at least one row.")
    _check_size(len(found))
    for path in {path for row in found for path in row}:
        route_of(shot, path)
    return found


def _read(file: Path, shot: Shot) -> list[Row]:
    if file.suffix.lower() == ".json":
        rows = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ValueError(f"{file} holds something else, expected a list of objects {{path: value}}.")
        return rows
    if file.suffix.lower() != ".csv":
        raise ValueError(f"a list of runs ends in .csv or .json; given {file.name!r}.")
    with file.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream)
        units = {path: unit_of(shot, route_of(shot, path)) for path in reader.fieldnames or ()}
        return [{path: _value(text, units[path]) for path, text in row.items()} for row in reader]


def _rows(axes: Sequence[Axis | Span], shares: np.ndarray) -> list[Row]:
    columns = [axis.drawn(shares[:, i]) for i, axis in enumerate(axes)]
    return [dict(zip([a.path for a in axes], values, strict=True)) for values in zip(*columns, strict=True)]


def _value(text: str, unit: str | None) -> Any:
    """A number, with a unit or not; true, false; else the text itself."""
    if text in ("true", "false"):
        return text == "true"
    try:
        number = quantity(text, unit)
    except ValueError:
        if text[:1].isdigit() or text[:1] in "+-.":
            raise
        return text
    return int(number) if text.lstrip("+-").isdigit() else number


def _count(text: str) -> int:
    if not text.isdigit():
        raise ValueError(f"{text!r} is no count, expected a whole number of values.")
    return int(text)


def _check(axes: Sequence[Axis | Span]) -> None:
    paths = [axis.path for axis in axes]
    twice = sorted({path for path in paths if paths.count(path) > 1})
    if not axes or twice:
        given = f"given twice: {', '.join(twice)}" if twice else "given none"
        raise ValueError(f"a sweep needs one or more different fields; {given}.")


def _check_size(count: int) -> None:
    if not 1 <= count <= LARGEST:
        raise ValueError(f"a sweep of {count} runs was asked for, expected 1 to {LARGEST}.")
