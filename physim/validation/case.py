"""Case: one validation file, its tables, its limits, and the judgement of what a run gave.

A case is ``<id>.json`` with ``id, group, title, source, setup, params, expected, tolerance, tables`` and, beside it,
the CSV files it names, ``#`` lines first. A tolerance is ``{"pass_", "good", "goal"?}`` or a sentence with a number.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from physim.validation.goals import GOALS

NUMBER = r"(\d+\.?\d*(?:[eE][+-]?\d+)?)"
Row = dict[str, Any]
Value = float | bool | None


@dataclass(frozen=True)
class Limits:
    """Largest error that passes, is good, reaches the goal; ``None``: not asked."""

    pass_: float | None = None
    good: float | None = None
    goal: float | None = None

    def verdict(self, error: float | None) -> str:
        """'goal', 'good', 'pass' or 'fail'. Without any limit everything finite passes: it is only reported."""
        if error is None or not math.isfinite(error):
            return "fail"
        for name, limit in (("goal", self.goal), ("good", self.good), ("pass", self.pass_)):
            if limit is not None and error <= limit:
                return name
        return "pass" if self == Limits() else "fail"


EXACT = Limits(0.0, 0.0)
"""Of a yes or a no."""


@dataclass(frozen=True)
class Quantity:
    """One line of the report."""

    id: str
    group: str
    quantity: str
    expected: Value
    got: Value
    error: float | None
    limits: Limits = Limits()
    note: str = ""
    """Why there is no value, for people."""
    runner: bool = True

    @property
    def verdict(self) -> str:
        """'goal', 'good', 'pass', 'fail' or 'no runner'."""
        return self.limits.verdict(self.error) if self.runner else "no runner"

    def row(self) -> Row:
        """Plain data with exactly the keys of the JSON lines."""
        numbers = {"pass_": self.limits.pass_, "good": self.limits.good, "goal": self.limits.goal}
        values = {"expected": self.expected, "got": self.got, "error": self.error, **numbers}
        plain = {k: _plain(v) for k, v in values.items()}
        return {"id": self.id, "group": self.group, "quantity": self.quantity, **plain, "verdict": self.verdict}


def _plain(value: Any) -> Value:
    if value is None or isinstance(value, bool):
        return value
    return float(value) if math.isfinite(value) else None


def parse_limits(tolerance: Any) -> Limits:
    """Limits from a tolerance block, or from the numbers in a sentence; none if there is none to be found.

    Understood are ``<1e-4 m/s (good), <1e-3 m/s (pass)``, ``|dE|/E<1e-3``, ``<=2 %`` and ``90 deg +-1``.
    """
    if isinstance(tolerance, dict):
        return Limits(*(None if tolerance.get(k) is None else float(tolerance[k]) for k in ("pass_", "good", "goal")))
    if isinstance(tolerance, int | float) and not isinstance(tolerance, bool):
        return Limits(float(tolerance))
    if not isinstance(tolerance, str):
        return Limits()
    found: dict[str, float] = {}
    for clause in re.split(r"[,;]", tolerance):
        match = re.search(rf"<=?\s*{NUMBER}\s*(%?)", clause) or re.search(rf"\+-\s*{NUMBER}\s*(%?)", clause)
        if match:
            word = re.search(r"\b(goal|good|pass)\b", clause)
            name = {"goal": "goal", "good": "good"}.get(word.group(1) if word else "", "pass_")
            found.setdefault(name, float(match.group(1)) * (0.01 if match.group(2) else 1.0))
    return Limits(**found)


@dataclass(frozen=True)
class Case:
    """One validation file."""

    id: str
    group: str
    title: str = ""
    source: str = ""
    setup: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    expected: dict[str, Any] = field(default_factory=dict)
    tolerance: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, list[Row]] = field(default_factory=dict)

    def get(self, name: str, default: float | None = None) -> float:
        """A parameter as a number.

        Raises:
            ValueError: It is not in the file and there is no default.
        """
        value = self.params.get(name, default)
        if value is None:
            raise ValueError(f"{self.id}: params has no {name!r}; it has {', '.join(self.params) or 'nothing'}.")
        return float(value)

    @property
    def gravity(self) -> float:
        """Parameter ``g`` [m/s^2], 9.81 where the file is silent."""
        return self.get("g", 9.81)

    def rows(self) -> list[Row]:
        """The table that ``expected.table`` names, or else the first.

        Raises:
            ValueError: There is none, or it is empty.
        """
        name = self.expected.get("table") or next(iter(self.tables), None)
        if not self.tables.get(str(name)):
            raise ValueError(f"{self.id}: no rows in table {name!r}; there are: {', '.join(self.tables) or 'none'}.")
        return self.tables[str(name)]

    def limits(self, key: str | None, goal_key: str | None = None) -> Limits:
        """Of ``tolerance[key]``; a goal that the file does not set is that of ``goals.GOALS``, never a looser one."""
        limits = parse_limits(self.tolerance.get(key)) if key else Limits()
        goal = GOALS.get((self.id, goal_key or key or ""))
        if limits.goal is not None or goal is None:
            return limits
        return Limits(limits.pass_, limits.good, min(x for x in (goal, limits.good, limits.pass_) if x is not None))

    # -- judgement ------------------------------------------------------------------------------------------------

    def judge(self, quantity: str, expected: Value, got: Value, error: float | None, limits: Limits) -> Quantity:
        """A quantity whose error is already known."""
        return Quantity(self.id, self.group, quantity, expected, got, None if error is None else abs(error), limits)

    def relative(
        self, quantity: str, expected: float, got: float | None, limits: Limits, scale: float | None = None
    ) -> Quantity:
        """Error over the expected value; over ``scale`` where that is (almost) nought."""
        if got is None:
            return self.missing(quantity, expected, limits, "it was not seen in the run")
        base = abs(expected)
        if scale is not None and base < 1e-6 * scale:
            base = scale
        return self.judge(quantity, expected, got, (got - expected) / base if base else abs(got), limits)

    def absolute(self, quantity: str, expected: float, got: float | None, limits: Limits) -> Quantity:
        """Error in the quantity's own unit."""
        if got is None:
            return self.missing(quantity, expected, limits, "it was not seen in the run")
        return self.judge(quantity, expected, got, got - expected, limits)

    def truth(self, quantity: str, expected: bool, got: bool) -> Quantity:
        """A yes or a no."""
        return self.judge(quantity, bool(expected), bool(got), float(bool(expected) != bool(got)), EXACT)

    def missing(self, quantity: str, expected: Value, limits: Limits, why: str) -> Quantity:
        """A quantity that could not be measured; it fails."""
        return Quantity(self.id, self.group, quantity, expected, None, None, limits, why)


def read_case(path: Path) -> Case | None:
    """A case file with its tables; ``None`` if the JSON is none of ours (no ``id``).

    Raises:
        ValueError: Not JSON, a block of the wrong kind, or a table that is missing or ragged; the message names it.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no JSON: {error}") from error
    if not isinstance(data, dict) or "id" not in data:
        return None
    blocks: dict[str, dict[str, Any]] = {}
    for name in ("params", "expected", "tolerance"):
        value = data.get(name)
        if value is not None and not isinstance(value, dict):
            raise ValueError(f"{path}: {name} is {type(value).__name__}, expected an object.")
        blocks[name] = value or {}
    tables = {}
    for name in data.get("tables") or []:
        stem = Path(name).stem
        tables[stem.split("__", 1)[-1]] = _read_table(path.parent / name)
    texts = {name: str(data.get(name) or "") for name in ("title", "source", "setup")}
    group = str(data.get("group") or path.parent.name)
    return Case(str(data["id"]), group, **texts, **blocks, tables=tables)  # type: ignore[arg-type]


def _read_table(path: Path) -> list[Row]:
    if not path.is_file():
        raise ValueError(f"{path} is missing; a case names it among its tables.")
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip() and line[0] != "#"]
    rows: list[Row] = []
    for row in csv.DictReader(lines):
        if None in row or None in row.values():
            raise ValueError(f"{path}: row {len(rows) + 1} has not as many cells as the header.")
        rows.append({key.strip(): _cell(value) for key, value in row.items()})
    return rows


def _cell(text: str) -> Any:
    text = text.strip()
    try:
        return float(text)
    except ValueError:
        return {"true": True, "false": False}.get(text.lower(), text)


def case_files(folder: Path) -> Iterator[Path]:
    """JSON files of a directory of cases, in it and in its group folders, in order of their names.

    Raises:
        ValueError: It is no directory, or holds no JSON.
    """
    if not folder.is_dir():
        raise ValueError(f"--cases is {folder}, expected a directory of case files <id>.json.")
    found = sorted({*folder.glob("*.json"), *folder.glob("*/*.json")}, key=lambda p: (str(p.parent), p.name))
    if not found:
        raise ValueError(f"{folder} holds no case file <id>.json, neither itself nor in group folders.")
    return iter(found)
