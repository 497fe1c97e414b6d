"""The table of a sweep: one row per run, what was set and what came of it. CSV, JSON and Parquet."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from physim.store import Folder


@dataclass(frozen=True)
class Run:
    """One run: its key, what was set, what was measured."""

    key: str
    """Name of its folder."""
    values: dict[str, Any]
    """Field path → value."""
    outcomes: dict[str, float]
    """Name with unit → number; empty if the run failed."""
    error: str = ""
    """Why there are no outcomes."""


@dataclass(frozen=True)
class Table(Sequence):
    """Runs in the order of the plan."""

    runs: tuple[Run, ...]

    def __len__(self) -> int:
        return len(self.runs)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self.runs[index]

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    @property
    def failed(self) -> tuple[Run, ...]:
        """Runs without outcomes."""
        return tuple(run for run in self.runs if run.error)

    @property
    def columns(self) -> list[str]:
        """key, the fields, the outcomes, error."""
        fields = dict.fromkeys(name for run in self.runs for name in run.values)
        outcomes = dict.fromkeys(name for run in self.runs for name in run.outcomes)
        return ["key", *fields, *outcomes, "error"]

    def column(self, name: str) -> np.ndarray:
        """One column (N,): float64 where all are numbers, else objects; what is missing is NaN or None.

        Raises:
            KeyError: There is no such column.
        """
        if name not in self.columns:
            raise KeyError(f"the table has no column {name!r}, expected one of: {', '.join(self.columns)}.")
        cells = [self._cells(run).get(name) for run in self.runs]
        if all(cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool)) for cell in cells):
            return np.array([math.nan if cell is None else cell for cell in cells], dtype=np.float64)
        return np.array(cells, dtype=object)

    def save(self, path: str | os.PathLike) -> Path:
        """Write ``.csv``, ``.json`` or ``.parquet`` (the extra ``cluster``), whole or not at all.

        Raises:
            ValueError: Another suffix.
            ImportError: Parquet without pyarrow.
        """
        target = Path(path)
        writers = {".csv": self.to_csv, ".json": self.to_json, ".parquet": self.to_parquet}
        if target.suffix.lower() not in writers:
            raise ValueError(f"a table ends in {', '.join(writers)}; given {target.name!r}.")
        Folder.of(target.parent).write(target.name, writers[target.suffix.lower()]())
        return target

    def _cells(self, run: Run) -> dict[str, Any]:
        return {"key": run.key, **run.values, **run.outcomes, "error": run.error or None}

    def to_csv(self) -> bytes:
        text = io.StringIO()
        writer = csv.DictWriter(text, self.columns, lineterminator="\n")
        writer.writeheader()
        for run in self.runs:
            writer.writerow({name: _plain(cell) for name, cell in self._cells(run).items()})
        return text.getvalue().encode()

    def to_json(self) -> bytes:
        rows = [{name: _plain(cell) for name, cell in self._cells(run).items()} for run in self.runs]
        return (json.dumps(rows, indent=1, ensure_ascii=False) + "\n").encode()

    def to_parquet(self) -> bytes:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            raise ImportError('a Parquet table needs pyarrow: pip install "physim[cluster]".') from error
        columns = {}
        for name in self.columns:
            column = self.column(name)
            columns[name] = column if column.dtype == np.float64 else [None if c is None else str(c) for c in column]
        sink = io.BytesIO()
        pyarrow.parquet.write_table(pyarrow.table(columns), sink)
        return sink.getvalue()


def _plain(cell: Any) -> Any:
    """Not a number is left empty."""
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell
