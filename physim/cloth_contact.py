"""Contacts of cloth: with bodies and the static scene, two-way, and with itself. The launches of one cloth solver.

The cloth solver owns the vertices and the sweeps; what is here looks for contacts, places their rows at the start of a
substep and solves them once per sweep, after the fabric's own rows, so that a sweep ends with nothing inside anything.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp
from physim_kernels import (
    cloth_row,
    cloth_rows,
    cloth_search,
    cloth_touch,
    cloth_touch_alone,
    cloth_touch_solve,
    cloth_tree,
)
from physim_kernels import rigid_data as data

from physim.cloth_tree import areas_of, build, edges_of, pieces_of

ROUNDS = 4
"""How often in a substep cloth meets itself, at least; colliders it meets in every step."""
ROUND_WORK = 2.0e4
"""Rounds in a substep times vertices that may be spent beyond that."""
MARGIN = 0.05
"""Farther than their velocities tell do contacts look for what may come, in longest edges of the mesh."""
ROWS = 24
"""Rows on several vertices that there is room for, per vertex."""


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
        half: (N,) half the thickness [m].
        friction: (N,) Coulomb coefficient of the cloth.
        geometry, bodies: Of the rigid solver.
        device: Where all of it lives.
        itself: Whether cloth meets cloth.
        held: For each body that holds cloth, by number: the vertices it holds.
        watch: Length of a substep, if :meth:`launch_watch` comes before the last one before each search [s].
        plain: Search with one thread per leaf of the tree and place contacts one by one, as GPUs do; they always do.
    """

    def __init__(
        self, *, x: wp.array, v: wp.array, inv_mass: wp.array, faces: np.ndarray, rest: np.ndarray,
        half: np.ndarray, friction: np.ndarray, geometry: data.Geometry, bodies: data.Bodies, device: wp.Device,
        itself: bool = True, held: dict[int, np.ndarray] | None = None, watch: float | None = None,
        plain: bool = False,
    ):  # fmt: skip
        self.device, self.geometry, self.bodies, self._itself = device, geometry, bodies, itself
        self.plain = plain or not device.is_cpu
        self._count, self._colliders = len(rest), int(geometry.first.numpy()[-1])
        edges = edges_of(np.asarray(faces))
        cloth = pieces_of(edges, self._count)
        self.tree, self._leaves = build(np.asarray(faces), np.asarray(rest), np.asarray(cloth), edges, device)
        s = cloth_tree.Sheets()
        s.x, s.v, s.inv_mass = x, v, inv_mass
        self._watch = watch
        s.u = v if watch is None else wp.clone(v)
        s.before = x if watch is None else wp.array(x.numpy() - watch * v.numpy(), dtype=wp.vec3, device=device)
        for name, value, dtype in (
            ("cloth", cloth, int), ("rest", rest, wp.vec2), ("half", half, float),
            ("area", areas_of(np.asarray(faces), np.asarray(rest)), float), ("friction", friction, float),
            ("faces", faces, wp.vec3i), ("edges", edges.ends, wp.vec2i), ("wings", edges.wings, wp.vec2i),
            ("beside", edges.faces, wp.vec2i),
        ):  # fmt: skip
            setattr(s, name, wp.array(np.asarray(value), dtype=dtype, device=device))
        self.sheets = s
        s.spared = wp.array(self._spared(edges.ends, np.asarray(half), held or {}), dtype=wp.vec2i, device=device)
        self._coarse = float(np.linalg.norm(np.diff(np.asarray(rest)[edges.ends], axis=1), axis=-1).max(initial=0.0))
        self._make_touches()
        self._make_rows(len(edges.ends), len(faces))

    def _spared(self, edges: np.ndarray, half: np.ndarray, held: dict[int, np.ndarray]) -> np.ndarray:
        """Bodies that each vertex does not meet, (N, 2): the holder of a pin and what begins in it, one edge further.

        What leaves a pin inside the holder cannot be outside of it; all else of a cloth meets the holder as any body.
        """
        out = np.full((self._count, 2), -1)
        distance = wp.zeros(self._count, dtype=float, device=self.device)
        moves = self.bodies.inv_mass.numpy() > 0
        for body, vertices in held.items():
            wp.launch(
                cloth_touch.distance_kernel, dim=self._count, device=self.device,
                inputs=[self.geometry, self.bodies, self.sheets.x, body, self._colliders, distance],
            )  # fmt: skip
            inside = distance.numpy() < -2 * half
            mine = np.zeros(self._count, dtype=bool)
            ring = np.asarray(vertices)
            while len(ring):
                mine[ring] = True
                beside = np.unique(edges[mine[edges].any(axis=1)])
                ring = beside[inside[beside] & ~mine[beside]]
            mine[beside] = True
            out[mine, 1] = out[mine, 0]
            out[mine, 0] = body
        for body, vertices in held.items():
            if moves[body]:
                out[vertices, 0] = int(cloth_tree.EVERY)
        return out

    def _make_touches(self) -> None:
        c, n = cloth_touch.Touches(), self._count
        slots = int(cloth_touch.SLOTS) * n
        integers = "count old_count list shared"
        _zeros(c, {name: (n, int) for name in integers.split()}, self.device)
        _zeros(c, {"row": (slots, cloth_touch.Touch), "old": (slots, cloth_touch.Known)}, self.device)
        blocks = -(-n // cloth_touch.BLOCK)
        c.lanes = blocks * cloth_touch.BLOCK
        empty = np.zeros((10, c.lanes), dtype=np.float32)
        empty[3] = cloth_touch.NOTHING
        c.alone = wp.array(empty.ravel(), dtype=float, device=self.device)
        c.lane_collider = wp.full(c.lanes, -1, dtype=int, device=self.device)
        _zeros(c, {"lane": (5 * c.lanes, float), "near_count": (blocks, int)}, self.device)
        _zeros(c, {"block": (blocks, int), "block_near": (cloth_touch.NEAR * blocks, int)}, self.device)
        _zeros(c, {"totals": (1, int)}, self.device)
        _zeros(c, {"total": (1, int), "near": (self._colliders, int), "near_total": (1, int)}, self.device)
        _zeros(c, {"deepest": (1, float)}, self.device)
        self.touches = c

    def _make_rows(self, edges: int, faces: int) -> None:
        r, n = cloth_row.Rows(), self._count
        r.plain = int(self.plain)
        counters, capacity = self._leaves if self.plain else 1, ROWS * n + 1024
        for name in ("row", "old"):
            setattr(r, name, wp.zeros(capacity, dtype=cloth_row.Row, device=self.device))
        for name in ("hot", "hard"):
            setattr(r, name, wp.zeros(capacity, dtype=cloth_row.Live, device=self.device))
        for name in ("head", "old_head"):
            setattr(r, name, wp.full(n + edges + faces, -1, dtype=int, device=self.device))
        _zeros(r, {"lanes": (41 * cloth_row.BATCH, float), "batch": (5 * cloth_row.BATCH + 1, int)}, self.device)
        _zeros(r, {"first": (counters, int), "fill": (counters, int), "totals": (5, int)}, self.device)
        self.rows = r

    def load_kernels(self) -> None:
        """Compile and load all modules, outside of a capture."""
        for module in (
            cloth_tree,
            cloth_touch,
            cloth_touch_alone,
            cloth_touch_solve,
            cloth_row,
            cloth_rows,
            cloth_search,
        ):
            wp.load_module(module, device=self.device)

    def launch_watch(self) -> None:
        """At the beginning of the substep before a search: velocities of the search will be means over it."""
        cloth_tree.watch(self.sheets)

    def launch_search(self, interval: float, gravity: float) -> None:
        """Look for all contacts of the next ``interval`` [s]; ``gravity`` [m/s^2] is what may speed things up."""
        slack = gravity * interval * interval + MARGIN * self._coarse
        if self._watch is not None:
            cloth_tree.foresee(self.sheets, h=self._watch, device=self.device)
        cloth_tree.refit(self.sheets, self.tree, device=self.device)
        cloth_touch.find(
            self.geometry, self.bodies, self.sheets, self.tree, self.touches, colliders=self._colliders,
            interval=interval, slack=slack, device=self.device,
        )  # fmt: skip
        if self.plain:
            cloth_touch.collect(self.touches, count=self._count, device=self.device)
        else:
            cloth_touch_alone.sort(self.geometry, self.bodies, self.sheets, self.touches, device=self.device)
        cloth_search.find(
            self.geometry, self.bodies, self.sheets, self.tree, self.touches, self.rows, itself=self._itself,
            coarse=self._coarse, interval=interval, slack=slack, device=self.device,
        )  # fmt: skip

    def launch_begin(self, h: float) -> None:
        """At the start of a substep of ``h`` [s]: place the rows."""
        shared = (self.geometry, self.bodies, self.sheets)
        cloth_touch_alone.begin(*shared, self.touches, h=h, plain=self.plain, device=self.device)
        cloth_touch_solve.begin(*shared, self.touches, h=h, device=self.device)
        cloth_rows.begin(*shared, self.rows, h=h, device=self.device)

    def launch_step(self, j: int, dt: float, h: float) -> None:
        """Between kick and drift of step ``j``, of ``dt`` [s], of a substep of ``h`` [s]: change the velocities."""
        shared, steps = (self.geometry, self.bodies, self.sheets), round(h / dt)
        stride = max(1, round(steps / max(ROUNDS, ROUND_WORK / self._count)))
        if j % stride == 0:
            ahead = min(stride, steps - j) * dt
            cloth_rows.step_itself(self.sheets, self.rows, dt=ahead, h=h, device=self.device)
        cloth_rows.step_colliders(*shared, self.rows, time=j * dt, dt=dt, h=h, device=self.device)
        cloth_touch_alone.step(self.sheets, self.touches, time=j * dt, dt=dt, h=h, device=self.device)
        cloth_touch_solve.step(*shared, self.touches, time=j * dt, dt=dt, h=h, device=self.device)

    def launch_end(self, h: float) -> None:
        """After the last step of the substep."""
        shared = (self.geometry, self.bodies, self.sheets)
        cloth_rows.end(*shared, self.rows, h=h, device=self.device)
        cloth_touch_alone.end(self.sheets, self.touches, device=self.device)
        cloth_touch_solve.end(*shared, self.touches, device=self.device)
