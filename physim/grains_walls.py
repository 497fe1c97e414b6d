"""What stands still around grains, baked once: a normal and a friction per node."""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels.grains_body import MARGIN

from physim.grains_domain import GrainsDomain
from physim.liquid_domain import LiquidDomain
from physim.liquid_wall import bake
from physim.materials import Grains, Static
from physim.rigid_arrays import Piece


def pair_friction(material: Grains, other: Static) -> float:
    """Coulomb coefficient between grains and a solid."""
    if material.wall_friction is not None:
        return material.wall_friction
    own = np.tan(np.radians(float(material.friction_angle)))  # type: ignore[arg-type]
    return float(np.sqrt(own * float(other.friction)))  # type: ignore[arg-type]


def bake_walls(
    pieces: list[Piece], material: Grains, domain: GrainsDomain, device: wp.Device
) -> tuple[np.ndarray, np.ndarray]:
    """Normal and friction (nx, ny, nz, 4) float32 at nodes that walls hold, zero elsewhere; and distances [cells]."""
    shape = domain.shape
    distance = np.full(shape, 4.0, np.float32)
    wall = np.zeros((*shape, 4), np.float32)
    groups: dict[float, list[Piece]] = {}
    for piece in pieces:
        groups.setdefault(pair_friction(material, piece.material), []).append(piece)  # type: ignore[arg-type]
    low = domain.origin
    high = low + domain.cell * (np.array(shape) - 1)
    box = LiquidDomain(
        tuple(low), tuple(high), domain.cell, tuple(n - 1 for n in shape), (False,) * 6  # type: ignore[arg-type]
    )  # fmt: skip
    for friction, some in groups.items():
        phi = bake(some, box, device).phi.numpy()
        own = phi[::2, ::2, ::2]
        slope = np.stack(np.gradient(phi, 0.5), -1)[::2, ::2, ::2]
        size = np.linalg.norm(slope, axis=-1, keepdims=True)
        nearest = (own < float(MARGIN) - 1e-4) & (own < distance)
        normal = slope / np.maximum(size, 1e-6)
        wall[nearest, :3] = np.where(size > 0.05, normal, [0.0, 1.0, 0.0])[nearest]
        wall[nearest, 3] = friction
        distance = np.minimum(distance, own)
    return wall, distance
