"""Wind on cloth as arrays: tables of the frame, panels, and the eddies that gusts carry."""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels import cloth_wind

from physim import cloth_plate
from physim.cloth_arrays import _array, _fans, _rows
from physim.cloth_piece import Whole
from physim.forces import Wind
from physim.over_time import value_at
from physim.rigid_arrays import AIR_DENSITY
from physim.scene import Scene


def air(whole: Whole, substeps: int, scene: Scene, device: wp.Device) -> cloth_wind.Air:
    """Tables of gravity, wind and impulses; those over time are filled every frame."""
    a, pieces = cloth_wind.Air(), whole.pieces
    a.gravity = wp.zeros(substeps, dtype=wp.vec3, device=device)
    a.wind = wp.zeros(substeps, dtype=wp.vec3, device=device)
    eddy, waves, _ = eddies(scene)
    a.eddy, a.eddy_wave, a.eddies = _array(eddy, wp.vec3, device), _array(waves, wp.vec3, device), len(eddy)
    a.eddy_phase = wp.zeros(max(substeps * len(eddy), 1), dtype=float, device=device)
    half = 0.5 * AIR_DENSITY
    a.normal = wp.array([half * p.material.drag_coefficient for p in pieces], dtype=float, device=device)
    a.tangent = wp.array([half * p.material.skin_friction for p in pieces], dtype=float, device=device)
    a.density = wp.array([p.material.areal_density for p in pieces], dtype=float, device=device)
    per = np.repeat([p.is_grid for p in pieces], [len(p.faces) for p in pieces])
    faces = whole.faces[~per]
    a.panel, a.panels = _array(faces, wp.vec3i, device), len(faces)
    a.share = _array(cloth_plate.areas(np.concatenate([p.rest for p in pieces]), faces), float, device)
    a.press = wp.zeros(max(len(faces), 1), dtype=wp.vec3, device=device)
    first, triangle, _ = _fans(faces, whole.count)
    a.first, a.triangle = _array(first, int, device), _array(triangle, int, device)
    a.cell_press = wp.zeros(whole.count, dtype=wp.vec3, device=device)
    mine = [p for p in pieces if p.is_grid]
    a.row_grid, a.row, a.rows = _rows([p.grid[1][1] for p in mine if p.grid], list(range(len(mine))), device)  # type: ignore[union-attr]
    a.push = wp.zeros(substeps * len(pieces), dtype=wp.vec3, device=device)
    a.cloths = len(pieces)
    a.blows = int(any(p.material.drag_coefficient > 0 or p.material.skin_friction > 0 for p in pieces))
    a.has_gas, a.gas = 0, wp.zeros((2, 2, 2), dtype=wp.vec3, device=device)
    return a


EDDIES = 6
"""Waves of each wind that has gusts."""
EDDY_SHARE = 0.52
"""Their standard deviation over that of the gusts: Kolmogorov's spectrum above 2 Hz over that from 0.2 to 2 Hz,
sqrt(2^(-2/3) / (0.2^(-2/3) - 2^(-2/3)))."""


def eddies(scene: Scene) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eddies that the winds carry: velocity (m, 3) [m/s], wave vector (m, 3) [1/m] and drift of the phase (m, 2):
    at time 0 [cycles] and per time [1/s]. From 2 to 16 Hz as they pass; velocities are across the wave vectors. A wind
    that begins or ends has gusts, but no eddies of this size, which would stay when it has gone.
    """
    out: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for wind in (f for f in scene.forces if isinstance(f, Wind) and f.gust > 0 and f.lasting):
        mean = value_at(wind.velocity, 0.0)
        speed = float(np.linalg.norm(mean))
        if speed == 0:
            continue
        rng = np.random.default_rng([wind.seed, 1])
        rates = np.geomspace(2.0, 16.0, EDDIES)
        size = rates ** (-1 / 3)
        size *= wind.gust * speed * EDDY_SHARE * np.sqrt(2 / (size**2).sum())
        for rate, amplitude in zip(rates, size, strict=True):
            along = mean / speed + 0.5 * rng.standard_normal(3)
            k = along / (along @ mean) * rate
            across = np.cross(k, rng.standard_normal(3))
            phase = np.array([rng.uniform(), -(k @ mean)])
            out.append((amplitude * across / np.linalg.norm(across), k, phase))
    if not out:
        return np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 2))
    return tuple(np.array(column) for column in zip(*out, strict=True))  # type: ignore[return-value]
