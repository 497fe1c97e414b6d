"""Command: what ``physim validate`` does. Results on stdout, progress on stderr; an interrupt keeps finished lines."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from physim.validation.case import Case, Quantity
from physim.validation.chart import chart
from physim.validation.report import counts, json_line, page, table
from physim.validation.run import Result, default_cases, load_cases, run_case
from physim.validation.settings import Settings

WIDTH = 150
"""Columns of the tables where stdout is no terminal."""


def validate(
    folder: Path | None, only: Sequence[str], settings: Settings, *, as_json: bool = False, output: Path | None = None
) -> int:
    """Run cases and print what they gave.

    Args:
        folder: Directory of cases; ``None``: those that came with the package.
        only: Ids or groups; empty: all.
        settings: How to run.
        as_json: One JSON object per quantity and line instead of tables.
        output: Also write the documentation page there, and its chart beside it as ``.svg``.

    Returns:
        Exit code: 0, or 1 if anything failed, or 130 after an interrupt.

    Raises:
        ValueError: No cases there, or an unknown name in ``only``.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    cases, broken = load_cases(folder or default_cases(), only)
    printer = _Printer(as_json)
    results: list[Result] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("cases", total=len(cases))
            for quantity in broken:
                printer.broken(quantity)
            for case in cases:
                progress.update(task, description=f"{case.group}/{case.id}")
                printer.begin(case)
                result = run_case(case, settings, printer.seen)
                printer.end(result.seconds)
                results.append(result)
                progress.advance(task)
    except KeyboardInterrupt:
        printer.end(None)
        return 130
    everything = broken + [q for r in results for q in r.quantities]
    printer.summary(everything)
    if output is not None:
        old = output.read_text(encoding="utf-8") if output.is_file() else ""
        output.write_text(page(results, settings, old), encoding="utf-8")
        output.with_suffix(".svg").write_text(chart(results), encoding="utf-8")
    return 1 if any(q.verdict == "fail" for q in everything) else 0


class _Printer:
    """Lines of JSON as they come, or a table for each case once it is done."""

    def __init__(self, as_json: bool) -> None:
        from rich.console import Console

        self.as_json = as_json
        console = Console()
        self.console = console if console.is_terminal else Console(width=WIDTH)
        self.case: Case | None = None
        self.found: list[Quantity] = []

    def begin(self, case: Case) -> None:
        self.case, self.found = case, []

    def seen(self, quantity: Quantity) -> None:
        self.found.append(quantity)
        if self.as_json:
            sys.stdout.write(json_line(quantity) + "\n")
            sys.stdout.flush()
            if quantity.note:
                sys.stderr.write(f"{quantity.id}: {quantity.note}\n")

    def end(self, seconds: float | None) -> None:
        """Print the table of the case; also of one that was interrupted."""
        if self.case is not None and self.found and not self.as_json:
            self.console.print(table(self.case, self.found, seconds))
        self.case = None

    def broken(self, quantity: Quantity) -> None:
        self.begin(Case(quantity.id, quantity.group, "file that cannot be read"))
        self.seen(quantity)
        self.end(None)

    def summary(self, quantities: Sequence[Quantity]) -> None:
        if not self.as_json:
            self.console.print(f"{len(quantities)} quantities: {counts(quantities)}", highlight=False)
