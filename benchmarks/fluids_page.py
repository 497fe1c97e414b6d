"""The comparison of fluids as a part of the page of benchmarks."""

from __future__ import annotations

from pathlib import Path

from benchmarks.fluids_scenes import SCENES, DamScene, SmokeScene
from benchmarks.side_by_side import Row, markdown
from benchmarks.solids_page import COST, FLUIDS, KEPT

TITLES = {
    "vortices": "Taylor–Green vortices in a periodic plane, 5 s at 0.05 s",
    "plume": "Hot gas rises in a closed box, 1 s at 1/40 s",
    "ball": "The same with a solid ball that moves through it",
    "dam": "A column of water falls apart, 1 s",
}


def cost_name(scene: str) -> str:
    """Heading of the column of costs."""
    return COST if isinstance(SCENES[scene], DamScene) else "CPU ms / step"


def size_of(scene: str) -> str:
    """How large the scene is, in words."""
    what = SCENES[scene]
    if isinstance(what, DamScene):
        return f"{len(what.particles()):,} particles, {what.per_side} cells per column width"
    return f"{what.cells}³ cells" if isinstance(what, SmokeScene) else f"{what.cells}² cells"


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
        title = TITLES[scene.rstrip("0123456789k")]
        lines += ["", f"## {title}: {size_of(scene)}", "", *markdown(mine, cost_name(scene))]
    return "\n".join(lines) + "\n"
