"""A liquid's grid among solids: walls that no particle passes, bodies that push it and are pushed, a box that rides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import warp as wp
from physim_kernels import liquid_wall

from physim.liquid_body import WetBodies
from physim.liquid_cloth import WetCloth
from physim.liquid_drag import LiquidDrag
from physim.liquid_grid import LiquidGrid, LiquidSettings
from physim.liquid_ledger import MomentumLedger
from physim.liquid_wall import Walls

KEEP = 0.05
"""Nearest that particles come to bodies [cells]."""


class SolidsGrid(LiquidGrid):
    """Adds to a step what solids ask for.

    Args:
        settings: Sizes and rates.
        walls: What stands still in the grid.
        bodies: What moves in it; ``None``: nothing does.
        drag: Of these bodies; ``None``: they have none.
        positions: Of the particles (N, 3) [cells].
        velocities: (N, 3) [cells/s].
        others: As of :class:`LiquidGrid`.
    """

    def __init__(
        self, settings: LiquidSettings, walls: Walls, bodies: WetBodies | None, positions: np.ndarray,
        velocities: np.ndarray, *, device, drag: LiquidDrag | None = None, **others,
    ):  # fmt: skip
        self._rides = bodies is not None and bodies.holder >= 0
        if bodies is not None:  # they take the pressure of whole steps
            settings = replace(settings, again=0.0)
        area = tuple(a.numpy() for a in walls.area)
        super().__init__(
            settings, area, walls.open.numpy(), walls.distance.numpy(), positions, velocities, nodes=walls.phi.numpy(),
            device=device, **others,  # type: ignore[arg-type]
        )  # fmt: skip
        self.walls, self.bodies, self.drag = walls, bodies, drag
        self.ledger: MomentumLedger | None = None
        self.cloth: WetCloth | None = None
        """What hangs in it."""
        self._before = wp.zeros_like(self.x)
        self._has_walls = bool((walls.phi.numpy() < 1.0).any()) or self._rides
        self._seals = self._seals or bodies is not None
        wp.copy(self._room, walls.room)
        self._folds = bodies is not None
        self._raw_room = wp.clone(self._room)
        self._all = wp.full(self._reach.shape, wp.vec2i(0, settings.shape[2]), dtype=wp.vec2i, device=self.device)
        self._residual, self._solved = wp.zeros_like(self.pressure.rhs), wp.zeros_like(self.pressure.rhs)
        if bodies is not None:
            self._extra = self._yield

    def prime(self) -> None:
        super().prime()
        if self.bodies is not None:
            self.bodies.wet.started.zero_()

    def load_kernels(self) -> None:
        super().load_kernels()
        wp.load_module(liquid_wall, device=self.device)
        if self.bodies is not None:
            for module in self.bodies.modules():
                wp.load_module(module, device=self.device)
        if self.drag is not None:
            self.drag.load_kernels()
        if self.ledger is not None:
            self.ledger.load_kernels()
        if self.cloth is not None:
            self.cloth.load_kernels()

    def _enter(self) -> None:
        if self.bodies is not None:
            self.bodies.place()
            self.bodies.carve(self.area, self.solid, self.open, self._raw_room)
            wp.copy(self._room, self._raw_room)
            self._fold(self._raw_room, self._all, self._room)
            if self._rides:
                for u in self.u:  # where the liquid was, the box's motion was taken away
                    u.zero_()
                self.bodies.turn(self._weight, self.count, self.v, self.c)

    def _stress(self) -> None:
        if self.drag is not None:
            assert self.bodies is not None
            self.drag.exchange(self.u, self.area, self.phi, self.open)
            self.bodies.move_faces(self.solid)
        if self.cloth is not None:
            self.cloth.give(self._sum, self.area, self.u, 1.0 / (1.0 + self._again))
        super()._stress()

    def _slick(self) -> tuple:
        return () if self.drag is None or self.bodies is None else (self.bodies.whose, self.drag.slick)

    def _build(self, least: float) -> None:
        super()._build(least)
        if self.bodies is not None and least < 0.5:
            self.bodies.list_cuts(self.area, self.phi, self.open, self.pressure.levels[0].inverse)
            self.bodies.lift(self.solid)

    def _converge(self, out: wp.array) -> None:
        super()._converge(out)
        if self.bodies is not None:
            self.bodies.draw(out)

    def _yield(self, s: wp.array, q: wp.array) -> None:
        assert self.bodies is not None
        self.bodies.add_response(s, q)

    def _push(self) -> None:
        if self.bodies is not None:
            self.bodies.push(self.pressure.p, self.solid)
        if self.ledger is not None:
            s = self.settings
            self.ledger.launch(self.pressure.p, self.area, 1.0 + self._again)
            self.ledger.hold(self._sum, self.walls.area, self._weight, s.dt / self._dt, s.particle_volume)
        if self.drag is not None:
            self.drag.finish()

    def _check(self) -> None:
        """Keep the divergence that is left, for the report."""
        self._residual.zero_()
        wp.copy(self._solved, self.pressure.levels[0].inverse)
        self._converge(self._residual)
        if self.cloth is not None:
            self.cloth.take(self._sum, self.area, self.u, self.phi)

    def _leave(self) -> None:
        if self._rides:
            assert self.bodies is not None
            self.bodies.make_relative(self.u)
        if self._has_walls:
            wp.copy(self._before, self.x)

    def _spread(self) -> None:
        if self.bodies is not None:
            if self._rides:
                self.bodies.make_absolute(self.settings.affine, self._before, self.count, self.v, self.c)
            self.bodies.evade(KEEP, self.count, self.x)
        super()._spread()

    def _end(self) -> None:
        if self.bodies is not None:
            self.bodies.evade(KEEP, self.count, self.x)
        if self._has_walls:
            liquid_wall.guard(self.walls.phi, self._before, self.count, self.x, device=self.device)
        if self.cloth is not None:
            self.cloth.soak(self.particles)

    def divergence(self) -> float:
        """Largest net flux out of a liquid cell in the last step, over the largest face velocity there is [-]."""
        solved = self._solved.numpy() > 0
        fastest = max(max(float(u.max()), -float(u.min())) for u in (u.numpy() for u in self.u))
        left = np.abs(self._residual.numpy()).max(initial=0.0, where=solved)
        return float(left / max(fastest, 1e-3 / self.settings.dt))
