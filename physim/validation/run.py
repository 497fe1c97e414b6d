"""Run: cases from a directory, each by its runner, quantity by quantity."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from physim.validation.case import Case, Limits, Quantity, case_files, read_case
from physim.validation.registry import runners
from physim.validation.settings import Settings


@dataclass(frozen=True)
class Result:
    """What one case gave."""

    case: Case
    quantities: tuple[Quantity, ...]
    seconds: float
    """Wall time [s]."""


def default_cases() -> Path:
    """The case files that came with the package, or those of the source tree it runs from.

    Raises:
        ValueError: Neither is there.
    """
    package = Path(__file__).parent / "cases"
    tree = Path(__file__).parents[2] / "tests" / "data" / "validation"
    for folder in (package, tree):
        if folder.is_dir():
            return folder
    raise ValueError(
        f"no case files at {package}, expected those that the wheel brings. Pass a directory of them with --cases DIR."
    )


def load_cases(folder: Path, only: Sequence[str] = ()) -> tuple[list[Case], list[Quantity]]:
    """Cases of a directory, and a failed quantity for every file that cannot be read.

    Args:
        folder: Holds ``<id>.json``, directly or in group folders.
        only: Ids and groups to take; empty: all.

    Raises:
        ValueError: No case files there, or a name in ``only`` that is neither an id nor a group.
    """
    cases: list[Case] = []
    broken: list[Quantity] = []
    for path in case_files(folder):
        try:
            case = read_case(path)
        except ValueError as error:
            broken.append(Quantity(path.stem, path.parent.name, "case file", None, None, None, Limits(), str(error)))
            continue
        if case is not None:
            cases.append(case)
    known = {c.id for c in cases} | {c.group for c in cases} | {b.id for b in broken} | {b.group for b in broken}
    for name in only:
        if name not in known:
            raise ValueError(f"--only is {name!r}, expected an id or a group in {folder}: {', '.join(sorted(known))}.")
    if only:
        cases = [c for c in cases if c.id in only or c.group in only]
        broken = [b for b in broken if b.id in only or b.group in only]
    return cases, broken


def run_case(case: Case, settings: Settings, seen: Callable[[Quantity], None] = lambda q: None) -> Result:
    """Run one case. An exception of its runner becomes a failed quantity; quantities found before it stay.

    Args:
        case: What to run.
        settings: How.
        seen: Called with each quantity as soon as it is known.
    """
    start = time.perf_counter()
    found: list[Quantity] = []
    for quantity in _quantities(case, settings):
        found.append(quantity)
        seen(quantity)
    return Result(case, tuple(found), time.perf_counter() - start)


def _quantities(case: Case, settings: Settings) -> Iterator[Quantity]:
    function = runners().get(case.id)
    if function is None:
        yield Quantity(case.id, case.group, "case", None, None, None, Limits(), "no runner for this id", runner=False)
        return
    count = 0
    try:
        for quantity in function(case, settings):
            count += 1
            yield quantity
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        yield Quantity(case.id, case.group, "run", None, None, None, Limits(), why)
        return
    if count == 0:
        yield Quantity(case.id, case.group, "run", None, None, None, Limits(), "the case asks for nothing")
