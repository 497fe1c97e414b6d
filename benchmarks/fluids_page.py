"""The comparison of fluids as a part of the page of benchmarks."""

from __future__ import annotations

from pathlib import Path

from benchmarks.fluids import cost_name, size_of
from benchmarks.solids import Row, cells, error_names
from benchmarks.solids_page import FLUIDS, KEPT

TITLES = {
    "vortices": "Taylor–Green vortices in a periodic plane, 5 s at 0.05 s",
    "plume": "Hot gas rises in a closed box, 1 s at 1/40 s",
    "ball": "The same with a solid ball that moves through it",
    "dam": "A column of water falls apart, 1 s",
}


def write(path: Path, rows: list[Row], machine: str, note: str = "") -> None:
    """Put the fluids' part after the solids' tables, before what other programs have measured; replace an older one."""
    page = path.read_text(encoding="utf-8") if path.exists() else ""
    kept = page[page.index(KEPT) :] if KEPT in page else ""
    before = page.removesuffix(kept).split(FLUIDS)[0].rstrip()
    path.write_text(before + "\n\n" + part(rows, machine, note) + ("\n" + kept if kept else ""), encoding="utf-8")


def part(rows: list[Row], machine: str, note: str = "") -> str:
    """Tables and what they mean."""
    lines = [
        FLUIDS,
        "",
        "`python -m benchmarks.fluids --write docs/benchmarks.md` makes this part. Every engine is given the same",
        "scene as plain data, runs in a process of its own with one thread, and its states are judged by the same",
        "arithmetic.",
        "",
        f"Machine: {machine}.",
        "",
        "Costs are CPU time, of each step the least of the repeats; neither compiling nor recording a graph is",
        "counted. The ratio is cost over ours. Ours carries velocity, temperature and density, the peers velocity and",
        "one of the two. Without viscosity the gas keeps its energy: what is missing was lost by the scheme.",
        "Divergence leaves out cells that the ball cuts. NumPy/SciPy is what one would write oneself",
        "(`benchmarks/fluids_numpy.py`), taichi the 88-line MLS-MPM in 3-D, Newton its implicit MPM with the settings",
        "of its own water dam break. The least that the passes move is every array that a pass is given once; what",
        "memory allows says a triad.",
    ]
    lines += ["", f"About this run: {note}"] if note else []
    for scene in dict.fromkeys(row.scene for row in rows):
        mine = [row for row in rows if row.scene == scene]
        names = error_names(mine) or list(mine[0].errors)
        head = ["engine", cost_name(scene), "ratio", *names, "settings and remarks"]
        title = TITLES[scene.rstrip("0123456789k")]
        lines += ["", f"## {title}: {size_of(scene)}", "", f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
        lines += [f"| {' | '.join(c.replace('|', '/') for c in cells(row, names))} |" for row in mine]
    return "\n".join(lines) + "\n"
