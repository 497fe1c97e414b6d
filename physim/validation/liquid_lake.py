"""Cases of large water: the dam break of shallow water on a dry bed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from physim.lake import Lake
from physim.materials import Liquid
from physim.scene import Scene
from physim.validation.case import Case, Quantity
from physim.validation.registry import runner
from physim.validation.settings import Settings

CELLS = 640
"""Along a channel of twenty depths to both sides of the dam."""
REACH = 20.0


@runner("ritter")
def ritter(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Depth and discharge where the dam was, and the profile, after the time of the file."""
    depth, time = case.get("h0"), case.get("t")
    length = 2 * REACH * depth
    x = (np.arange(CELLS) + 0.5) / CELLS * length - length / 2
    cell = length / CELLS
    scene = Scene(gravity=(0.0, -case.gravity, 0.0))
    lake = Lake(
        (length, 4 * cell), depth=depth, cells=CELLS, surface=np.tile(np.where(x < 0, 0.0, -depth), (4, 1)), drag=0.0,
        dispersive=False,
    )  # fmt: skip
    scene.add(lake, Liquid("water"), name="channel")
    frames = max(1, round(time * settings.fps))
    exact = Settings(frames / time, settings.refinement, settings.device)  # a frame ends at that time
    track = exact.simulate(scene, time).lakes["channel"]
    at = min(frames, len(track.eta) - 1)
    h = np.nan_to_num(track.eta[at][1].astype(float) + depth, nan=0.0)
    u = track.velocity[at][1, :, 0].astype(float)

    def here(values: np.ndarray, place: float) -> float:
        return float(np.interp(place, x, values))

    expected = case.expected
    yield case.relative("depth at the dam [m]", expected["h_at_dam"], here(h, 0.0), case.limits("h_at_dam_rel"))
    flow = here(h * u, 0.0)
    yield case.relative("discharge at the dam [m^2/s]", expected["discharge"], flow, case.limits("discharge_rel"))
    speed = here(u, 0.0)
    yield case.relative("speed at the dam [m/s]", expected["u_at_dam"], speed, case.limits("discharge_rel"))
    off = max(abs(here(h, row["x"]) - row["h"]) for row in case.rows()) / depth
    yield case.absolute("profile, largest error over the depth [-]", 0.0, off, case.limits("h_at_dam_rel"))
    lost = abs(track.volume(at) / track.volume(0) - 1)
    yield case.absolute("volume lost [-]", 0.0, lost, case.limits("h_at_dam_rel"))
