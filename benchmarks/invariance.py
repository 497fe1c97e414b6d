"""The answer belongs to the physics: every validation figure at several frame rates and numbers of substeps.

Runs the cases of ``physim validate`` at 24, 30 and 60 frames per second and with half and double the substeps, and
writes a table of what came out into ``docs/validation.md``, between its marks. Finished runs are kept in the record, so
that a run that was stopped goes on where it was; delete the record after changing a solver.

    python -m benchmarks.invariance --only rigid --record out/invariance.jsonl --page docs/validation.md
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from physim.validation.case import Case
from physim.validation.report import KEPT, text
from physim.validation.run import default_cases, load_cases, run_case
from physim.validation.settings import Settings

SETTINGS = (Settings(60), Settings(24), Settings(30), Settings(60, 0.5), Settings(60, 2.0))
"""The first is what the others are compared with."""


def label(settings: Settings) -> str:
    """Column head."""
    return f"{settings.fps:g} fps, x {settings.refinement:g}"


def record(case: Case, settings: Settings, path: Path) -> list[dict]:
    """Rows of a case at some settings, from the record or run and added to it."""
    key = f"{case.group}/{case.id} {label(settings)}"
    for line in path.read_text().splitlines() if path.is_file() else []:
        found = json.loads(line)
        if found["key"] == key:
            return found["rows"]
    result = run_case(case, settings)
    rows = [q.row() for q in result.quantities]
    print(f"{key}: {result.seconds:.1f} s", file=sys.stderr, flush=True)
    with path.open("a") as file:
        file.write(json.dumps({"key": key, "rows": rows}) + "\n")
    return rows


def spread(got: list[float | bool | None], row: dict) -> float | None:
    """Largest difference from the first column, over the expected value; in the quantity's unit if that is nought."""
    if any(g is None for g in got) or isinstance(row["expected"], bool):
        return None if any(g is None for g in got) else float(len(set(got)) - 1)
    return max(abs(g - got[0]) for g in got) / (abs(row["expected"] or 0.0) or 1.0)


def table(cases: list[Case], path: Path) -> str:
    """Markdown: one line per quantity, one column per setting."""
    heads = [label(s) for s in SETTINGS]
    lines = [
        "What came out at other frame rates and with half and double the substeps; the last column is the largest "
        "difference from the first, over the expected value (in its own unit where that is 0). "
        "Written by `python -m benchmarks.invariance`.",
        "",
        "| case | quantity | expected | " + " | ".join(heads) + " | verdicts | largest difference |",
        "|---" * (5 + len(heads)) + "|",
    ]
    for case in cases:
        runs = [{r["quantity"]: r for r in record(case, settings, path)} for settings in SETTINGS]
        for name, row in runs[0].items():
            rows = [run.get(name, {"got": None, "verdict": "fail"}) for run in runs]
            got = [r["got"] for r in rows]
            verdicts = ", ".join(dict.fromkeys(r["verdict"] for r in rows))
            difference = spread(got, row)
            numbers = " | ".join(text(g) for g in got)
            lines.append(
                f"| {case.id} | {name} | {text(row['expected'])} | {numbers} | {verdicts} | "
                f"{'–' if difference is None else f'{difference:.1g}'} |"
            )
    return "\n".join(lines)


def insert(page: Path, words: str) -> None:
    """Put the table between the page's marks, or at its end if it has none."""
    old = page.read_text(encoding="utf-8") if page.is_file() else "# Validation\n"
    start, end = (old.find(mark) for mark in KEPT)
    block = f"{KEPT[0]}\n{words}\n{KEPT[1]}"
    if 0 <= start < end:
        new = old[:start] + block + old[end + len(KEPT[1]) :]
    else:
        new = f"{old.rstrip()}\n\n## The same at other settings\n\n{block}\n"
    page.write_text(new, encoding="utf-8")


def main(argv: list[str] | None = None) -> int:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--record", type=Path, default=Path("out/invariance.jsonl"))
    parser.add_argument("--page", type=Path, help="page to write the table into; default: stdout")
    arguments = parser.parse_args(argv)
    arguments.record.parent.mkdir(parents=True, exist_ok=True)
    cases, _ = load_cases(arguments.cases or default_cases(), arguments.only)
    words = table(cases, arguments.record)
    if arguments.page is None:
        print(words)
    else:
        insert(arguments.page, words)
    return 0


if __name__ == "__main__":
    sys.exit(main())
