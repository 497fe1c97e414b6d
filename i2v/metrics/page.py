"""The report to look at: frames, tracks, curves over time, the flow's error map and the gravity fit; PNG or HTML."""

from __future__ import annotations

import base64
import html
import io
import os
from pathlib import Path

import numpy as np
from PIL import Image

from i2v.metrics.charts import FIT, SEEN, TRUE, Line, captioned, chart, heat, with_tracks
from i2v.metrics.pixel_physics import gravity
from i2v.metrics.report import GROUPS, Report, check_plots, number

TILE = (420, 290)
"""(width, height) of each plot [pixels]."""
COLUMNS = 3
STYLE = (
    "body{font:14px system-ui,sans-serif;margin:2em;max-width:1320px}td,th{padding:2px 10px;text-align:right;"
    "border-bottom:1px solid #ddd}td:first-child,th:first-child,td:last-child,th:last-child{text-align:left}"
    "table{border-collapse:collapse;margin-bottom:1.5em}.fail{background:#fbdcd8}.blind{color:#888}img{max-width:100%}"
)


def save_plots(report: Report, path: Path) -> Path:
    """Write ``path``, a ``.png`` or a ``.html`` that needs no other file; atomic, written beside and renamed.

    Raises:
        ValueError: Another suffix.
    """
    check_plots(path, report)
    kind = path.suffix.lower()
    memory = io.BytesIO()
    draw(report).save(memory, format="PNG")
    data = memory.getvalue() if kind == ".png" else _page(report, memory.getvalue()).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path


def draw(report: Report) -> Image.Image:
    """All plots that the report has numbers for, on one sheet."""
    tiles = [*_frames(report), *_map(report), *_heights(report), *_curves(report)]
    rows = -(-len(tiles) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * TILE[0], max(rows, 1) * TILE[1]), "white")
    for k, tile in enumerate(tiles):
        sheet.paste(tile, (k % COLUMNS * TILE[0], k // COLUMNS * TILE[1]))
    return sheet


def _frames(report: Report) -> list[Image.Image]:
    pictures, series = report.pictures, report.series
    tracks = [(series[n], c) for n, c in (("track-true", TRUE), ("track-seen", SEEN)) if n in series]
    tiles = []
    for name in ("middle", "last"):
        if name not in pictures:
            continue
        tracked = name == "last" and tracks
        frame = with_tracks(pictures[name], tracks) if tracked else pictures[name]
        words = "; path seen red, simulated blue" if tracked else ""
        tiles.append(captioned(f"video, {name} frame{words}", frame, TILE))
    if "middle-true" in pictures:
        tiles.insert(1, captioned("simulated, middle frame", pictures["middle-true"], TILE))
    return tiles


def _map(report: Report) -> list[Image.Image]:
    field = report.pictures.get("flow-error")
    if field is None or not np.isfinite(field).any():
        return []
    top = max(float(np.nanpercentile(field, 98)), 0.5)
    return [heat(f"flow error, mean over time; red is {top:.2g} px", field, report.pictures["first"], top, TILE)]


def _heights(report: Report) -> list[Image.Image]:
    """Height over time with the parabola through the first flight."""
    tiles = []
    for name in (n.partition(":")[2] for n in report.series if n.startswith("height-seen:")):
        seen, true = report.series[f"height-seen:{name}"], report.series[f"height-true:{name}"]
        times = report.series["times"]
        if not np.isfinite(np.concatenate([seen, true])).any():
            continue
        lines = [Line(times, true, TRUE, "simulated"), Line(times, seen, SEEN, "seen", dots=True)]
        title = f"{name}: height [m]"
        try:
            fit = gravity(times, seen[:, None], down=(-1.0,))
            flight = np.arange(fit.frames[0], fit.frames[1] + 1)
            known = flight[np.isfinite(seen[flight])]
            curve = np.polynomial.Polynomial.fit(times[known], seen[known], 2)
            lines.append(Line(times[flight], curve(times[flight]), FIT, "parabola"))
            title += f", free fall {fit.value:.2f} m/s^2"
        except ValueError:
            title += ", no flight is seen"
        tiles.append(chart(title, "time [s]", lines, TILE))
    return tiles


def _curves(report: Report) -> list[Image.Image]:
    tiles = []
    wanted = (
        ("flow-error", "flow error [px]"), ("warping-error", "warping error [1e-3]"),
        ("mask-iou", "overlap of things seen and simulated"), ("path-error", "centroid off its path [%]"),
        ("gmsd", "GMSD [1e-3]"), ("background", "background against frame 0 [levels]"),
        ("intruder", "largest patch that changed [levels]"), ("flicker", "flicker [levels]"),
    )  # fmt: skip
    for name, title in wanted:
        values = report.series.get(name)
        if values is not None and np.isfinite(values).any():
            tiles.append(chart(title, "frame", [Line(np.arange(len(values)), values, SEEN)], TILE, low=0.0))
    seen, true = report.series.get("area-seen"), report.series.get("area-true")
    if seen is not None and true is not None:
        frames = np.arange(len(seen))
        lines = [Line(frames, true, TRUE, "simulated"), Line(frames, seen, SEEN, "seen")]
        tiles.append(chart("area of the things [pixels]", "frame", lines, TILE, low=0.0))
    return tiles


def _page(report: Report, picture: bytes) -> str:
    rows = []
    for group, title in GROUPS.items():
        metrics = [m for m in report.metrics if m.group == group]
        if not metrics:
            continue
        rows.append(
            f"<tr><th>{html.escape(title)}<th>value<th>floor<th>still<th>limit<th>unit<th>verdict<th>what it is"
        )
        for m in metrics:
            cells = "".join(f"<td>{number(v)}" for v in (m.value, m.floor, m.still, m.limit))
            words = f"{m.meaning} ({m.note})" if m.note else m.meaning
            verdict = {"told": ""}.get(m.verdict, m.verdict)
            rows.append(
                f'<tr class="{m.verdict}"><td>{html.escape(m.name)}{cells}<td>{m.unit}<td>{verdict}'
                f"<td>{html.escape(words)}"
            )
    notes = "".join(f"<p>{html.escape(note)}" for note in report.notes)
    result = "beyond its limit: " + ", ".join(report.faults) if report.faults else "nothing is beyond its limit"
    return (
        f'<!doctype html><meta charset="utf-8"><title>{html.escape(report.video)}</title><style>{STYLE}</style>'
        f"<h1>{html.escape(Path(report.video).name)}</h1><p>{html.escape(result)}{notes}"
        f"<table>{''.join(rows)}</table>"
        f'<img src="data:image/png;base64,{base64.b64encode(picture).decode()}" alt="plots">\n'
    )
