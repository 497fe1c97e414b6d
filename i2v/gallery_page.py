"""The page of the gallery: looping videos, what was measured in each, its shot file and command. It needs no server."""

from __future__ import annotations

import csv
import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2v.gallery import POSTER, SWEEP, VIDEO, kinds
from physim.shot_file import load

if TYPE_CHECKING:
    from i2v.gallery import Exhibit

MARK = "/*DATA*/"
LAWS = {
    "deepest_penetration [m]": "deepest overlap of bodies [m]",
    "cloth_largest_stretch [-]": "largest stretch of cloth",
    "liquid_divergence [-]": "liquid: divergence left",
    "liquid_momentum_error [-]": "liquid: momentum lost",
    "smoke_divergence [-]": "smoke: divergence left",
    "smoke_mass_error [-]": "smoke: mass lost",
}
"""Of ``RunSummary.conservation``: what the page shows, and as what."""


def save_page(exhibits: list[Exhibit], folder: Path, *, quick: bool = False) -> Path:
    """Write ``index.html`` into the folder in which each example has its own."""
    template = files("i2v").joinpath("pages/gallery.html").read_text(encoding="utf-8")
    data = {"quick": quick, "exhibits": [_plain(exhibit, folder) for exhibit in exhibits]}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    page = folder / "index.html"
    part = page.with_name(page.name + ".part")
    part.write_text(template.replace(MARK, text), encoding="utf-8")
    return part.replace(page)


def _plain(exhibit: Exhibit, folder: Path) -> dict[str, Any]:
    """What the page shows of one example, as plain data."""
    example, report = exhibit.example, exhibit.report
    place = exhibit.folder.relative_to(folder).as_posix()
    shown = {
        "name": example.name,
        "title": example.title,
        "story": example.story,
        "kinds": kinds(load(example.shot_file)),
        "shot": example.shot_file.read_text(encoding="utf-8"),
        "command": f"i2v animate examples/{example.name}.yaml -o {example.name}.mp4",
        "error": exhibit.error,
    }
    if report is None:
        return shown
    rows, cols = report["size"]
    length, work = report["frame_count"] / report["fps"], sum(report["stages"].values())
    return shown | {
        "video": f"{place}/{VIDEO}",
        "poster": f"{place}/{POSTER}",
        "size": [cols, rows],
        "facts": f"{cols} × {rows}, {length:g} s, made in {work:.0f} s, model {report['model']}",
        "measured": report["measured"],
        "laws": [[LAWS[law], value] for law, value in report["conservation"].items() if law in LAWS],
        "sweep": _sweep(exhibit.folder / SWEEP, f"{place}/{SWEEP}"),
    }


def _sweep(folder: Path, place: str) -> dict[str, Any] | None:
    """Values of the swept field and their videos, in the order of the values."""
    table = folder / "table.csv"
    if not table.is_file():
        return None
    with table.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if (folder / "runs" / row["key"] / VIDEO).is_file()]
    if not rows:
        return None
    field = list(rows[0])[1]  # after the key
    return {
        "field": field,
        "runs": [{"value": row[field], "video": f"{place}/runs/{row['key']}/{VIDEO}"} for row in rows],
    }
