"""The page of a sweep: every run as a point, its tracks and its video beside it. One HTML file, no server."""

from __future__ import annotations

import io
import json
import math
from importlib.resources import files
from typing import Any

import numpy as np

import physim

MARK = "/*DATA*/"
POINTS = 240
"""Points of a track that are drawn at most."""
LIMIT = 2000
"""Runs whose tracks are drawn; a larger sweep shows those of runs evenly taken from it."""


def save_page(table: Any, folder: physim.Folder) -> None:
    """Write ``index.html`` into the folder of a sweep.

    Args:
        table: :class:`physim.sweep_table.Table`.
        folder: Where its runs lie.
    """
    template = files("i2v").joinpath("pages/sweep.html").read_text(encoding="utf-8")
    data = json.dumps(_data(table, folder), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    folder.write("index.html", template.replace(MARK, data))


def _data(table: Any, folder: physim.Folder) -> dict[str, Any]:
    """What the page shows, as plain data."""
    drawn = set(np.linspace(0, len(table) - 1, min(len(table), LIMIT)).round().astype(int).tolist())
    tracks = folder.read_many([f"runs/{table[i].key}/tracks.npz" for i in sorted(drawn)])
    there = (folder / "runs").names()
    runs = []
    for i, run in enumerate(table):
        runs.append({
            "key": run.key,
            "values": run.values,
            "outcomes": {name: _plain(value) for name, value in run.outcomes.items()},
            "error": run.error,
            "video": f"runs/{run.key}/video.mp4" if f"{run.key}/video.mp4" in there else None,
            "tracks": _tracks(tracks.get(f"runs/{run.key}/tracks.npz")) if i in drawn else None,
        })  # fmt: skip
    return {
        "fields": list(dict.fromkeys(name for run in table for name in run.values)),
        "outcomes": list(dict.fromkeys(name for run in table for name in run.outcomes)),
        "runs": runs,
    }


def _tracks(packed: bytes | None) -> dict[str, Any] | None:
    """Body → its places [[x, y, z], ...] in millimetres."""
    if packed is None:
        return None
    with np.load(io.BytesIO(packed)) as data:
        places = {name: data[name] for name in data.files if name != "fps"}
    return {
        name: (track[:: -(-len(track) // POINTS)] * 1000).round().astype(int).tolist() for name, track in places.items()
    }


def _plain(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) else None
