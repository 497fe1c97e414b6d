"""Report: the lines of a validation run as a table in the terminal, as JSON lines, and as a page of documentation."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from physim.validation.case import Case, Quantity
from physim.validation.run import Result
from physim.validation.settings import Settings

if TYPE_CHECKING:
    from rich.table import Table

VERDICTS = ("goal", "good", "pass", "fail", "no runner")
"""From best to worst."""
COLOURS = {"goal": "green", "good": "green", "pass": "yellow", "fail": "bold red", "no runner": "dim"}
KEPT = ("<!-- invariance: written by benchmarks/invariance.py -->", "<!-- end of invariance -->")
"""What stands between these lines of the page is kept when it is written anew."""


def text(value: float | bool | None) -> str:
    """A number as people read it, five digits; a dash for nothing."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.5g}"


def json_line(quantity: Quantity) -> str:
    """One JSON object, strict: what is not finite is null."""
    return json.dumps(quantity.row(), ensure_ascii=False, allow_nan=False)


def table(case: Case, quantities: Sequence[Quantity], seconds: float | None) -> Table:
    """One case for the terminal."""
    from rich.markup import escape
    from rich.table import Table

    took = "" if seconds is None else f" · {seconds:.1f} s"
    out = Table(title=escape(f"{case.group}/{case.id} · {case.title}{took}"), title_justify="left", title_style="bold")
    out.add_column("quantity", overflow="fold", min_width=30)
    for name in ("expected", "got", "error", "pass_", "good", "goal"):
        out.add_column(name, justify="right", no_wrap=True)
    out.add_column("verdict", no_wrap=True)
    for q in quantities:
        name = escape(q.quantity) + (f"\n[dim]{escape(q.note)}[/dim]" if q.note else "")
        numbers = (q.expected, q.got, q.error, q.limits.pass_, q.limits.good, q.limits.goal)
        colour = COLOURS[q.verdict]
        out.add_row(name, *(text(n) for n in numbers), f"[{colour}]{q.verdict}[/{colour}]")
    return out


def worst(quantities: Sequence[Quantity]) -> str:
    """The worst verdict of several."""
    return max((q.verdict for q in quantities), key=VERDICTS.index, default="no runner")


def counts(quantities: Sequence[Quantity]) -> str:
    """How many of each verdict, as one line."""
    found = [(v, sum(q.verdict == v for q in quantities)) for v in VERDICTS]
    return ", ".join(f"{n} {v}" for v, n in found if n) or "nothing"


# -- the page ---------------------------------------------------------------------------------------------------------


def page(results: Sequence[Result], settings: Settings, old: str = "") -> str:
    """The documentation page: a summary, then every quantity of every case.

    Args:
        results: What ran.
        settings: How it ran.
        old: The page as it was; the part between the marks ``KEPT`` is taken over.
    """
    import platform
    from importlib.metadata import version

    import physim

    how = f"{settings.fps:g} frames per second, substeps x {settings.refinement:g}, physim {physim.__version__}, "
    how += f"Warp {version('warp-lang')}, {platform.machine()}"
    parts = [_HEAD.format(how=how, counts=counts([q for r in results for q in r.quantities])), _summary(results)]
    kept = _kept(old)
    if kept:
        parts += ["## The same at other settings\n", KEPT[0], kept, KEPT[1], ""]
    for group in dict.fromkeys(r.case.group for r in results):
        parts.append(f"## {group.capitalize()}\n")
        parts += [_section(r) for r in results if r.case.group == group]
    return "\n".join(parts).rstrip() + "\n"


_HEAD = """# Validation

Written by `physim validate --output docs/validation.md`; do not edit. Every case is a file with a setup, parameters, \
expected values and their source (`tests/data/validation/`); `--cases DIR` runs any other directory of the same form. \
Each runs through the public API (`Scene`, `simulate`, `Trajectory`), \
those of smoke on the gas grid beneath it.

An error is relative, or in the unit of a limit that has one, and never negative. `pass_` \
must be kept, `good` is what a careful engine reaches, `goal` is what we ask of ourselves. Lines without limits are \
reported only.

![errors over their limits](validation.svg)

Settings: {how}.
In all: {counts}.
"""


def _summary(results: Sequence[Result]) -> str:
    lines = ["| case | what | quantities | worst | largest error / `pass_` | s |", "|---|---|---|---|---|---|"]
    for r in results:
        shares = [x for q in r.quantities if (x := share(q)) is not None]
        largest = f"{max(shares):.2g}" if shares else "–"
        lines.append(
            f"| [{r.case.id}](#{r.case.id}) | {_cell(r.case.title)} | {len(r.quantities)} | {worst(r.quantities)} | "
            f"{largest} | {r.seconds:.1f} |"
        )
    return "\n".join(lines) + "\n"


def share(quantity: Quantity) -> float | None:
    """Error over the limit that must be kept; ``None`` where there is no such limit, or it is nought, or no error."""
    limit, error = quantity.limits.pass_, quantity.error
    if not limit or error is None or not math.isfinite(error):
        return None
    return error / limit


def _section(result: Result) -> str:
    case = result.case
    lines = [f"### {case.id}\n", f"{case.title}. {case.setup}\n", f"Source: {case.source}\n"]
    lines += [
        "| quantity | expected | got | error | pass_ | good | goal | verdict |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for q in result.quantities:
        numbers = (q.expected, q.got, q.error, q.limits.pass_, q.limits.good, q.limits.goal)
        name = q.quantity + (f" ({q.note})" if q.note else "")
        lines.append(f"| {_cell(name)} | " + " | ".join(text(n) for n in numbers) + f" | {q.verdict} |")
    return "\n".join(lines) + "\n"


def _cell(words: str) -> str:
    return words.replace("|", "\\|").replace("\n", " ")


def _kept(old: str) -> str:
    start, end = (old.find(mark) for mark in KEPT)
    return old[start + len(KEPT[0]) : end].strip("\n") if 0 <= start < end else ""
