"""A thousand random scenes of solids: nothing explodes, sinks or gains energy.

    python -m benchmarks.fuzz_solids [--count 1000] [--first 0] [--processes 2] [--record out/fuzz.jsonl] [--reduce]
    python -m benchmarks.fuzz_solids --cloth --count 200

Every scene has its seed; a run that was stopped goes on where it was. Prints the failures with their seeds, and the
worst figures of all scenes. Exit code 1 if anything failed.
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
    from fuzz_scenes import draw, judge

    drawn = draw(seed)
    begin = time.process_time()
    verdict = judge(drawn, device=device)
    cpu = time.process_time() - begin
    return {"seed": seed, "scene": str(drawn), "crowded": drawn.crowded, "cpu": cpu, **vars(verdict)}


def one_cloth(seed: int, device: str) -> dict[str, Any]:
    """Run one seed of cloth, in a worker."""
    from fuzz_cloth import draw, judge

    begin = time.process_time()
    faults = judge(seed, device=device)
    cpu = time.process_time() - begin
    names = ", ".join(type(e.shape).__name__ for e in draw(seed)[0])
    row = {"seed": seed, "scene": f"seed {seed}: {names}", "crowded": False, "cpu": cpu, "faults": faults}
    return {**row, "refused": "", "energy_gain": 0.0, "sunk": 0.0}


def main(argv: list[str] | None = None) -> int:
    parser = fuzz.parser(__doc__, count=1000, record="out/fuzz.jsonl")
    parser.add_argument("--reduce", action="store_true", help="find the fewest bodies with which each failure remains")
    parser.add_argument("--cloth", action="store_true", help="scenes of cloth instead, in a record of their own")
    arguments = parser.parse_args(argv)
    if arguments.cloth:
        arguments.record = arguments.record.with_suffix(".cloth.jsonl")
    rows = fuzz.run(one_cloth if arguments.cloth else one, arguments)
    failed = [row for row in rows if row["faults"]]
    _print(rows, failed)
    if arguments.reduce and not arguments.cloth:
        _reduce(failed)
    return 1 if failed else 0


def _print(rows: list[dict[str, Any]], failed: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 180, markup=False)
    if failed:
        table = Table("seed", "scene", "what happened", title="failures", show_lines=True)
        for row in failed:
            table.add_row(str(row["seed"]), row["scene"].partition(": ")[2], "\n".join(row["faults"]))
        console.print(table)
    if all("Sheet" in row["scene"] for row in rows):
        console.print(
            f"{len(rows)} scenes of cloth, {len(failed)} failed, {sum(r['cpu'] for r in rows):.0f} s of CPU time"
        )
        return
    gain = np.array([row["energy_gain"] for row in rows if not row["crowded"]] or [0.0])
    sunk = np.array([row["sunk"] for row in rows] or [0.0])
    console.print(
        f"{len(rows)} scenes, {len(failed)} failed, {sum(bool(row['refused']) for row in rows)} refused, "
        f"{sum(row['cpu'] for row in rows):.0f} s of CPU time\n"
        f"energy gain without start overlap: median {np.median(gain):.1e}, 99 % below {np.quantile(gain, 0.99):.1e}, "
        f"largest {gain.max():.1e} of the kinetic energy\n"
        f"sunk into the ground: 99 % below {1e3 * np.quantile(sunk, 0.99):.2f} mm, deepest {1e3 * sunk.max():.2f} mm"
    )


def _reduce(failed: list[dict[str, Any]]) -> None:
    from fuzz_scenes import draw, reduce

    for row in failed:
        word = "energy" if "energy" in row["faults"][0] else "below" if "below" in row["faults"][0] else ""
        print(f"seed {row['seed']}: bodies {reduce(draw(row['seed']), word)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
