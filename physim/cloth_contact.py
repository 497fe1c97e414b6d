"""Contacts of cloth: with bodies and the static scene, two-way, and with itself. The launches of one cloth solver.

The cloth solver owns the vertices and the sweeps; what is here looks for contacts, places their rows at the start of a
substep and solves them once per sweep, after the fabric's own rows, so that a sweep ends with nothing inside anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import warp as wp
from physim_kernels import cloth_touch, cloth_tree
from physim_kernels import rigid_data as data

from physim.cloth_tree import build, edges_of


def _zeros(target: Any, sizes: dict[str, tuple[int, Any]], device: wp.Device) -> None:
    for name, (size, dtype) in sizes.items():
        setattr(target, name, wp.zeros(max(size, 1), dtype=dtype, device=device))


class ClothContact:
    """Contacts of all cloths of a scene.

    Args:
        x, v: Position [m] and velocity [m/s] of the vertices, (N,) ``wp.vec3``: the solver's own arrays.
        inv_mass: (N,) float [1/kg]; 0 where a vertex is held.
        faces: (M, 3) triangles.
        rest: (N, 2) where each vertex lies in the flat fabric [m].
        cloth: (N,) number of the cloth that each vertex belongs to.
        half: (N,) half the thickness [m].
        friction: (N,) Coulomb coefficient of the cloth.
        geometry, bodies: Of the rigid solver.
        surface: Friction coefficient of every collider, in the order of ``geometry``.
        device: Where all of it lives.
    """

    def __init__(
        self, *, x: wp.array, v: wp.array, inv_mass: wp.array, faces: np.ndarray, rest: np.ndarray, cloth: np.ndarray,
        half: np.ndarray, friction: np.ndarray, geometry: data.Geometry, bodies: data.Bodies, surface: Sequence[float],
        device: wp.Device,
    ):  # fmt: skip
        self.device, self.geometry, self.bodies = device, geometry, bodies
        self._count, self._colliders = len(rest), len(surface)
        edges = edges_of(np.asarray(faces))
        self.tree, self._leaves = build(np.asarray(faces), np.asarray(rest), np.asarray(cloth), edges, device)
        self._speed = wp.zeros(self._leaves, dtype=float, device=device)
        s = cloth_tree.Sheets()
        s.x, s.v, s.inv_mass = x, v, inv_mass
        for name, value, dtype in (
            ("cloth", cloth, int), ("rest", rest, wp.vec2), ("half", half, float), ("friction", friction, float),
            ("faces", faces, wp.vec3i), ("edges", edges.ends, wp.vec2i), ("wings", edges.wings, wp.vec2i),
        ):  # fmt: skip
            setattr(s, name, wp.array(np.asarray(value), dtype=dtype, device=device))
        self.sheets = s
        self._make_touches(surface)

    def _make_touches(self, surface: Sequence[float]) -> None:
        c, n = cloth_touch.Touches(), self._count
        rows = 4 * n
        _zeros(c, {name: (n, int) for name in ("count", "old_count", "list")}, self.device)
        _zeros(c, {name: (rows, int) for name in ("collider", "old_collider")}, self.device)
        _zeros(c, {name: (rows, wp.vec3) for name in "point side normal arm drag old_drag".split()}, self.device)
        scalars = "gap offset friction normal_mass friction_mass pressure carried old_pressure".split()
        _zeros(c, {name: (n, int) for name in ("alone_vertex", "alone_row", "shared")}, self.device)
        _zeros(c, {"alone": (cloth_touch.SIDE * n, float), "totals": (2, int)}, self.device)
        _zeros(c, {name: (rows, float) for name in scalars}, self.device)
        _zeros(c, {"total": (1, int), "near": (self._colliders, int), "near_total": (1, int)}, self.device)
        _zeros(c, {"deepest": (1, float)}, self.device)
        c.surface = wp.array(np.asarray([*surface, 0.0]), dtype=float, device=self.device)
        self.touches = c

    def load_kernels(self) -> None:
        """Compile and load all modules, outside of a capture."""
        for module in (cloth_tree, cloth_touch):
            wp.load_module(module, device=self.device)

    def launch_search(self, interval: float, gravity: float) -> None:
        """Look for all contacts of the next ``interval`` [s]; ``gravity`` [m/s^2] is what may speed things up."""
        slack = gravity * interval * interval + 1.0e-4
        cloth_tree.refit(self.sheets, self.tree, self._speed, interval=interval, device=self.device)
        cloth_touch.find(
            self.geometry, self.bodies, self.sheets, self.tree, self.touches, self._speed, colliders=self._colliders,
            interval=interval, slack=slack, device=self.device,
        )  # fmt: skip

    def launch_begin(self, h: float) -> None:
        """At the start of a substep of ``h`` [s]: place the rows."""
        cloth_touch.begin(self.geometry, self.bodies, self.sheets, self.touches, h=h, device=self.device)

    def launch_step(self, j: int, dt: float, h: float) -> None:
        """Between kick and drift of step ``j`` of the substep, of length ``dt`` [s]: change the velocities."""
        cloth_touch.step(
            self.geometry, self.bodies, self.sheets, self.touches, time=j * dt, dt=dt, h=h, device=self.device
        )

    def launch_end(self, h: float) -> None:
        """After the last step of the substep."""
        cloth_touch.end(self.geometry, self.bodies, self.sheets, self.touches, device=self.device)
