"""The comparison as a page of documentation with a plot of error against cost."""

from __future__ import annotations

from pathlib import Path

from benchmarks.plot import COLOURS, Panel, Series, draw
from benchmarks.side_by_side import Row, error_names, markdown

TITLES = {
    "stack": "20 boxes of 0.5 m and 62.5 kg, stacked, 10 s",
    "terrain": "10 hulls of up to 24 corners fall on a 200 × 200 height field, 4 s",
    "pour": "200 spheres of 0.1 m poured into a box, 4 s",
    "cloth64": "Cotton sheet of 1.6 m, 64 × 64 cells, on a ball in the wind, 2 s",
    "cloth128": "The same sheet, 128 × 128 cells",
}
FLUIDS = "# Fluids side by side"
COST = "CPU s / s"
KEPT = "## Growth and first use"
"""Begins what other programs have measured."""


def write(path: Path, rows: list[Row], machine: str, note: str = "") -> None:
    """The page at ``path`` and ``benchmarks.png`` beside it; what an earlier one says from ``FLUIDS`` on stays."""
    earlier = path.read_text(encoding="utf-8") if path.exists() else ""
    ends = [earlier.index(mark) for mark in (FLUIDS, KEPT) if mark in earlier]
    kept = earlier[min(ends) :] if ends else ""
    path.parent.mkdir(parents=True, exist_ok=True)
    plot(path.with_name("benchmarks.png"), rows)
    lines = [
        "# Solids side by side",
        "",
        "`python -m benchmarks.solids --write docs/benchmarks.md` makes this page. Every engine is given the same",
        "scene as plain data and runs in a process of its own; its recorded states are judged by the same arithmetic.",
        "",
        f"Machine: {machine}.",
        "",
        "CPU s / s is CPU time per simulated second at 60 frames per second: per frame the least of the repeats, all",
        "phases of the motion; neither compiling nor recording the graph is counted. Newton runs as a captured",
        "graph, as ours does; ours also reads poses and impacts back. The ratio is CPU time over ours. Settings",
        "are those of the peers' own examples for such scenes; where these fail, better ones were taken.",
        "",
        *([f"About this run: {note}", ""] if note else []),
        "![Error against cost](benchmarks.png)",
    ]
    for scene in dict.fromkeys(row.scene for row in rows):
        mine = [row for row in rows if row.scene == scene]
        lines += ["", f"## {TITLES.get(scene, scene)}", "", *markdown(mine, COST)]
    path.write_text("\n".join(lines) + "\n" + ("\n" + kept if kept else ""), encoding="utf-8")


def plot(path: Path, rows: list[Row]) -> None:
    """One panel per scene: the ranking error over CPU time, both logarithmic; lower left is better."""
    panels = []
    for scene in dict.fromkeys(row.scene for row in rows):
        mine = [row for row in rows if row.scene == scene and row.cpu and len(row.errors) > 1]
        if not mine:
            continue
        key = "largest stretch [%]" if scene.startswith("cloth") else error_names(mine)[0]
        panel = Panel(scene, "CPU time per simulated second [s]", key)
        for ours, colour in ((False, COLOURS[5]), (True, COLOURS[0])):
            some = [row for row in mine if (row.engine == "physim") == ours]
            y = [max(abs(row.errors[key]), 1e-3) for row in some]
            x = [row.cpu for row in some if row.cpu]
            panel.series.append(Series(x, y, labels=[row.engine for row in some], colour=colour))
        panels.append(panel)
    draw(panels).save(path)
