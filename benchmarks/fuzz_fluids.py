"""Three hundred random scenes of smoke and liquid: nothing blows up, leaks or vanishes.

    python -m benchmarks.fuzz_fluids [--count 300] [--first 0] [--processes 2] [--record out/fuzz_fluids.jsonl]

Every scene has its seed; a run that was stopped goes on where it was. Every tenth scene is run twice and must give the
same bytes. Prints the failures and the refusals with their seeds, and the worst figures of all scenes. Exit code 1 if
anything failed.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import fuzz

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "physim"))


def one(seed: int, device: str) -> dict[str, Any]:
    """Run one seed, in a worker."""
    from fuzz_fluids import draw, judge

    drawn = draw(seed)
    begin = time.process_time()
    verdict = judge(drawn, device=device, twice=seed % 10 == 0)
    figures = {name: float(value) for name, value in verdict.figures.items()}
    cpu = time.process_time() - begin
    row = {"seed": seed, "scene": str(drawn), "cpu": cpu, "faults": verdict.faults}
    return {**row, "refused": verdict.refused, "figures": figures}


def main(argv: list[str] | None = None) -> int:
    arguments = fuzz.parser(__doc__, count=300, record="out/fuzz_fluids.jsonl").parse_args(argv)
    rows = fuzz.run(one, arguments)
    _print(rows)
    return 1 if any(row["faults"] for row in rows) else 0


def _print(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 180, markup=False)
    for title, key in (("failures", "faults"), ("refusals", "refused")):
        found = [row for row in rows if row[key]]
        table = Table("seed", "scene", "what happened", title=title, show_lines=True)
        for row in found:
            what = "\n".join(row[key]) if key == "faults" else row[key]
            table.add_row(str(row["seed"]), row["scene"].partition(": ")[2], what)
        if found:
            console.print(table)
    console.print(
        f"{len(rows)} scenes, {sum(bool(row['faults']) for row in rows)} failed, "
        f"{sum(bool(row['refused']) for row in rows)} refused, {sum(row['cpu'] for row in rows):.0f} s of CPU time"
    )
    for name in dict.fromkeys(name for row in rows for name in row["figures"]):
        values = np.array([row["figures"][name] for row in rows if name in row["figures"]])
        least = name.startswith("least")
        worst, mark = (values.min(), 0.01) if least else (values.max(), 0.99)
        console.print(
            f"{name}: median {np.median(values):.2g}, 99 % {'above' if least else 'below'} "
            f"{np.quantile(values, mark):.2g}, worst {worst:.2g} of {len(values)} scenes"
        )


if __name__ == "__main__":
    sys.exit(main())
