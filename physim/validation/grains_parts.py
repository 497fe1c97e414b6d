"""Parts of granular cases: scenes of grains, and what is measured in them."""

from __future__ import annotations

import numpy as np

from physim.materials import Grains, Static
from physim.scene import Scene
from physim.shapes import Box
from physim.trajectory import GrainsTrack

ROUGH = 1.0
"""Friction of solids that grains do not slide on."""
SLAB = 2
"""Cells across, of what does not vary there."""


def ledge(phi: float, *, length: float, per_length: int) -> Scene:
    """A slab of grains that are let go at one end, above an edge; what stays makes a slope from x = 0 to ``length``."""
    cell = length / per_length
    high, drop, beyond = np.ceil(1.2 * per_length * np.tan(np.radians(phi))), 12, 10
    corners = (0.0, -drop * cell, 0.0), ((per_length + beyond) * cell, (high + 2) * cell, SLAB * cell)
    resolution = int(max(per_length + beyond, high + 2 + drop))
    sand = Grains("dry sand", friction_angle=phi, domain=corners, resolution=resolution, walls=("-x", "-z", "+z"))
    scene = Scene()
    deep = 40 * cell
    scene.add(Box((2 * length, deep, 8 * length)), Static("wood", friction=ROUGH), name="l", position=(0, -deep / 2, 0))
    size = (length, float(high * cell), SLAB * cell)
    scene.add(Box(size), sand, name="sand", position=tuple(s / 2 for s in size))  # type: ignore[arg-type]
    return scene


def slope(track: GrainsTrack, frame: int, length: float) -> float:
    """Angle of what lies on the ledge between a fifth and four fifths of it [degrees]."""
    cell = track.cell
    x = track.position[frame]
    x = x[np.isfinite(x[:, 0]) & (x[:, 1] > 0) & (x[:, 0] < length)]
    heights = np.bincount((x[:, 0] / cell).astype(int)) * track.particle_volume / (SLAB * cell * cell)
    at = (np.arange(len(heights)) + 0.5) * cell
    middle = (at > 0.2 * length) & (at < 0.8 * length)
    return float(-np.degrees(np.arctan(np.polyfit(at[middle], heights[middle], 1)[0])))
