"""What the rigid solver knows about bodies that keep their place, see ``physim_kernels/rest.py``."""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels import rest
from physim_kernels import rigid_data as data

from physim.materials import Kinematic
from physim.rigid_arrays import Piece, to_array
from physim.scene import Scene

STILL = 5.0e-4
"""Part of a body's radius that its surface may move in half a second and still be at rest."""


def watch(scene: Scene, everything: list[Piece], bodies: data.Bodies, count: int, device: wp.Device) -> rest.Rest:
    """Everybody awake; bodies that joints tie to what moves as it is told stay so."""
    out = rest.Rest()
    bound = np.array([p.bound for p in everything[:count]])
    number = {p.name: i for i, p in enumerate(everything)}
    ties = [(number[j.body], number[j.other]) for j in scene.joints if j.other is not None]
    told = [isinstance(p.material, Kinematic) for p in everything]
    driven = {i for pair in ties for i in pair if any(told[j] for j in pair)}
    limit = np.where([i in driven for i in range(count)], -1.0, STILL * bound)
    both = [pair for pair in ties if max(pair) < count]
    out.tied_a, out.tied_b = (to_array([pair[k] for pair in both], int, device) for k in range(2))
    out.tied_total = len(both)
    out.bound, out.limit = to_array(bound, float, device), to_array(limit, float, device)
    out.x, out.q = wp.clone(bodies.x), wp.clone(bodies.q)
    rows = max(count, 1)
    for name in ("time", "least"):
        setattr(out, name, wp.zeros(rows, dtype=float, device=device))
    for name in ("label", "island", "held"):
        setattr(out, name, wp.zeros(rows, dtype=int, device=device))
    out.wind = wp.zeros(rows, dtype=wp.vec3, device=device)
    out.push = wp.zeros(rows, dtype=wp.vec3d, device=device)
    return out
