"""What a compositing program needs of every frame besides the picture: one frame at a time, at any size."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from physim.smoke_view import SmokeView
from physim.surfaces import Surfaces
from physim.trajectory import Trajectory


def signals(trajectory: Trajectory, size: tuple[int, int], fps: float | None = None) -> Iterator[dict[str, np.ndarray]]:
    """Motion, distance and identity of what each pixel shows, exactly; nothing is held but one frame.

    Args:
        trajectory: Of a scene made from a photo.
        size: (height, width) [pixels].
        fps: Frames per second; default: those that were simulated.

    Yields:
        'flow' (H, W, 2) [pixels to the next frame], 'depth' (H, W) [m], 'ids' (H, W) uint16, 'density' (H, W): opacity
        of the smoke in front.
    """
    rate = trajectory.fps if fps is None else float(fps)
    surfaces, smoke = Surfaces(trajectory, size), SmokeView(trajectory, size)
    here = surfaces.at(0.0)
    for index in range(max(1, round(trajectory.seconds * rate))):
        after = surfaces.at((index + 1) / rate)
        seen = smoke.at(here.time, here.camera, here.depth, trajectory.scene.light)
        flow, _ = surfaces.motion(here, after)
        yield {"flow": flow, "depth": here.depth, "ids": here.ids, "density": 1 - seen.transmittance}
        here = after
