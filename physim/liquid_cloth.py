"""Cloth in one liquid: samples of its triangles, and the launches by which both act on each other.

Kernels and equations: ``physim_kernels.liquid_cloth``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import warp as wp
from physim_kernels import liquid_cloth as kernels

from physim.cloth_arrays import _array
from physim.cloth_plate import areas
from physim.liquid_body import Faces, WetBodies
from physim.liquid_domain import LiquidDomain
from physim.liquid_particles import ParticleSet
from physim.materials import Liquid

if TYPE_CHECKING:
    from physim.solver_cloth import ClothSolver

SPACING = 0.8
"""Longest side of the part of a triangle that one sample stands for [cells]."""
FINEST = 16
"""Most parts of a triangle's side."""
SOAK_TIME = 0.5
"""In which cloth that is under drinks 1 - 1/e of what it holds [s]: typical, no measurement behind it."""
PERMEABILITY = 0.2 / 125.0
"""Of woven apparel to air [m/s/Pa]: 100 to 300 mm/s at 125 Pa (as by ISO 9237), typical."""
AIR_VISCOSITY = 1.81e-5
"""[Pa s]"""


def subdivision(parts: int) -> np.ndarray:
    """Barycentric centres (parts^2, 3) of the parts of a triangle whose sides are cut in ``parts``."""
    out = []
    for i in range(parts):
        for j in range(parts - i):
            out.append((i + 1 / 3, j + 1 / 3))
            if j < parts - i - 1:
                out.append((i + 2 / 3, j + 2 / 3))
    b = np.array(out) / parts
    return np.column_stack([1 - b.sum(1), b])


class WetCloth:
    """All cloths of a scene in one liquid.

    Args:
        solver: Has the cloths.
        liquid: What they fall into.
        domain: Of the liquid's grid.
        bodies: In the liquid, with the frame of its grid; ``None``: the grid stands still.
        dt: Step of the liquid [s].
        particle: Volume of one particle [cells].
    """

    def __init__(
        self, solver: ClothSolver, liquid: Liquid, domain: LiquidDomain, bodies: WetBodies | None, *,
        dt: float, particle: float,
    ):  # fmt: skip
        self._solver, self._liquid, self._cell, self.device = solver, liquid, domain.cell, solver.device
        self._h, self._rate = solver.rigid.substep, 1 - float(np.exp(-dt / SOAK_TIME))
        water = kernels.Water()
        if bodies is None:
            water.origin = wp.array(np.array([domain.low], np.float32), dtype=wp.vec3, device=self.device)
            water.axes = wp.array(domain.axes.astype(np.float32)[None], dtype=wp.mat33, device=self.device)
        else:
            water.origin, water.axes = bodies.frame.origin, bodies.frame.axes
        water.cell, water.density, water.particle = domain.cell, float(liquid.density), particle  # type: ignore[arg-type]
        water.gravity = solver.rigid.weight.frame
        self.water = water
        self.samples = self._make_samples()
        shape = domain.shape
        faces = [tuple(n + (a == axis) for a, n in enumerate(shape)) for axis in range(3)]
        self._cover = [wp.zeros(f, dtype=float, device=self.device) for f in faces]
        self._wish = wp.zeros(shape, dtype=float, device=self.device)
        self._whose, self._taken = (wp.zeros(shape, dtype=int, device=self.device) for _ in range(2))
        cloths = len(solver.whole.pieces) + 1
        self._thirst, self._got = (wp.zeros(cloths, dtype=kind, device=self.device) for kind in (float, int))
        self._momentum = wp.zeros(cloths, dtype=wp.vec3, device=self.device)
        self._clock, self.drunk = (wp.zeros(1, dtype=int, device=self.device) for _ in range(2))
        """``drunk``: particles so far."""
        self.drinks = bool(self.samples.capacity.numpy().any())

    def _make_samples(self) -> kernels.Samples:
        whole, rho = self._solver.whole, float(self._liquid.density)  # type: ignore[arg-type]
        corner, weight, area, number = [], [], [], []
        for c, piece in enumerate(whole.pieces):
            sides = np.linalg.norm(piece.rest[piece.faces] - np.roll(piece.rest[piece.faces], 1, axis=1), axis=-1)
            parts = np.clip(np.ceil(sides.max(axis=1) / (SPACING * self._cell) - 1e-9), 1, FINEST).astype(int)
            size = areas(piece.rest, piece.faces)
            for n in np.unique(parts):
                mine, b = np.flatnonzero(parts == n), subdivision(n)
                corner.append(np.repeat(piece.faces[mine] + whole.vertex_start[c], len(b), axis=0))
                weight.append(np.tile(b, (len(mine), 1)))
                area.append(np.repeat(size[mine] / len(b), len(b)))
                number.append(np.full(len(mine) * len(b), c))
        corners, weights, share = np.concatenate(corner), np.concatenate(weight), np.concatenate(area)
        which, materials = np.concatenate(number), [p.material for p in whole.pieces]
        s = kernels.Samples()
        s.count = len(share)
        s.corner, s.weight = _array(corners, wp.vec3i, self.device), _array(weights, wp.vec3, self.device)
        per_area = {
            "thick": [m.thickness for m in materials],
            "resistance": [self._liquid.viscosity / AIR_VISCOSITY / PERMEABILITY] * len(materials),  # type: ignore[operator]
            "skin": [0.5 * rho * m.skin_friction for m in materials],
        }
        for name, values in per_area.items():
            setattr(s, name, _array(np.array(values, np.float32)[which], float, self.device))
        s.area = _array(share.astype(np.float32), float, self.device)
        capacity = np.array([m.water_capacity(rho) for m in materials])[which] * share
        s.capacity = _array(capacity.astype(np.float32), float, self.device)
        for name in ("water", "under", "wish"):
            setattr(s, name, wp.zeros(s.count, dtype=float, device=self.device))
        for name in ("u", "along", "now", "impulse"):
            setattr(s, name, wp.zeros(s.count, dtype=wp.vec3, device=self.device))
        s.home = wp.full(s.count, wp.vec3i(-1, -1, -1), dtype=wp.vec3i, device=self.device)
        order = np.argsort(corners.ravel(), kind="stable")
        s.first = _array(np.searchsorted(corners.ravel()[order], np.arange(whole.count + 1)), int, self.device)
        s.sample, s.part = _array(order // 3, int, self.device), _array(weights.ravel()[order], float, self.device)
        total = np.bincount(corners.ravel(), weights.ravel(), minlength=whole.count)
        s.share = _array(total.astype(np.float32), float, self.device)
        s.given = wp.zeros(2, dtype=wp.vec3d, device=self.device)
        return s

    def load_kernels(self) -> None:
        """Compile and load, outside of a capture."""
        wp.load_module(kernels, device=self.device)

    # -- launches -----------------------------------------------------------------------------------------------------

    def give(self, sums: Sequence[wp.array], area: Faces, u: Faces, part: float) -> None:
        """Face velocities [cells/s] with what the cloth took; ``part`` of a step's change that the grid computes."""
        kernels.give(
            self._solver.cloths, self.water, self.samples, sums, area, u, part=part, device=self.device
        )  # fmt: skip

    def take(self, sums: Sequence[wp.array], area: Faces, u: Faces, phi: wp.array) -> None:
        """Know the liquid around, with the velocities that the projection gave."""
        kernels.take(
            self._solver.cloths, self.water, self.samples, sums, area, u, self._cover, phi, device=self.device
        )  # fmt: skip

    def soak(self, particles: ParticleSet) -> None:
        """Drink."""
        if self.drinks:
            cells = (
                self._wish,
                self._whose,
                self._taken,
                self._thirst,
                self._got,
                self._momentum,
                self._clock,
                self.drunk,
            )
            kernels.soak(
                self._solver.cloths, self.water, self.samples, (particles.x, particles.v, particles.count), cells,
                rate=self._rate, device=self.device,
            )  # fmt: skip

    def exchange(self) -> None:
        """Forces of the liquid in a substep of the cloth."""
        kernels.exchange(self._solver.cloths, self.water, self.samples, h=self._h, device=self.device)

    # -- results ------------------------------------------------------------------------------------------------------

    @property
    def held(self) -> float:
        """Liquid in all cloths now [kg]."""
        return float(self.samples.water.numpy().sum(dtype=np.float64))

    @property
    def given(self) -> np.ndarray:
        """Momentum (3,) that the cloth got of the liquid so far, with that of what it drank [N s]."""
        return self.samples.given.numpy().sum(axis=0)
