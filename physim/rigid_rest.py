"""What the rigid solver knows about bodies that keep their place, see ``physim_kernels/rest.py``."""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels import rest
from physim_kernels import rigid_data as data

from physim.rigid_arrays import Piece, to_array
from physim.scene import Scene

STILL = 5.0e-4
"""Part of a body's radius that its surface may move in half a second and still be at rest."""


def watch(scene: Scene, everything: list[Piece], bodies: data.Bodies, count: int, device: wp.Device) -> rest.Rest:
    """Everybody awake; bodies that joints tie stay so."""
    out = rest.Rest()
    bound = np.array([p.bound for p in everything[:count]])
    tied = {name for joint in scene.joints for name in (joint.body, joint.other)}
    limit = np.where([p.name in tied for p in everything[:count]], -1.0, STILL * bound)
    out.bound, out.limit = to_array(bound, float, device), to_array(limit, float, device)
    out.x, out.q = wp.clone(bodies.x), wp.clone(bodies.q)
    rows = max(count, 1)
    for name in ("time", "least"):
        setattr(out, name, wp.zeros(rows, dtype=float, device=device))
    for name in ("label", "island", "held"):
        setattr(out, name, wp.zeros(rows, dtype=int, device=device))
    out.wind = wp.zeros(rows, dtype=wp.vec3, device=device)
    return out
