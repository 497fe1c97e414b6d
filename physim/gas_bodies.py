"""Moving bodies in a gas: the faces they close, what they get from its pressure, and that the gas keeps its momentum.

The pressure takes from the gas what it gives to the bodies, face by face. What the transport makes or loses around a
body is given back where it happens (``physim_kernels.gas_balance``), so that the momentum of gas and bodies is kept.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import warp as wp
from physim_kernels import gas_balance, gas_body, obstacle

from physim.gas_areas import SLIVER, WHOLE
from physim.gas_state import Field, GasSettings, GasState, Obstacles

Sum = tuple[Field, Field, float, float]
"""(f, g, a, b): the velocity ``a f + b g``."""


class GasBodies:
    """The bodies in one grid.

    Args:
        settings: Of the grid.
        state: Its arrays.
        obstacles: Tables and poses of the bodies.
        area: Open area of every face without them.
        solid: Velocity of its closed part without them [m/s].
        device: Warp device.
    """

    def __init__(
        self, settings: GasSettings, state: GasState, obstacles: Obstacles, area: Field, solid: Field, device
    ):  # fmt: skip
        self.settings, self.state, self.obstacles, self.device = settings, state, obstacles, device
        self._area, self._solid = area, solid
        count = obstacles.count
        self._push, self._twist = (wp.zeros(count, dtype=wp.vec3d, device=device) for _ in range(2))
        self._found = wp.zeros((count, 3), dtype=wp.vec3d, device=device)
        # of a gas of uneven weight the velocity is not the momentum
        self._balanced = settings.axes if settings.heaviness == 1 else ()
        self._rules = [WHOLE if settings.viscosity else SLIVER, int(settings.viscosity > 0)]

    def begin_frame(self) -> None:
        """Forget what the last frame gave."""
        self._push.zero_()
        self._twist.zero_()

    def impulses(self, density: float) -> tuple[np.ndarray, np.ndarray]:
        """Impulse and angular impulse of the last frame, see ``GasGrid.body_impulses``."""
        unit = density * self.settings.cell**3
        return unit * self._push.numpy(), unit * self.settings.cell * self._twist.numpy()

    def close(self, step: int) -> None:
        """Open area of the faces with the bodies where they are in this step, and the velocity of the rest."""
        s, g, o = self.state, self.settings, self.obstacles
        for axis in range(3):
            shape = s.area[axis].shape
            chunk = shape[2] if self.device.is_cpu else 1
            inputs = [self._area[axis], self._solid[axis], axis, wp.vec3(*g.origin), g.cell]
            inputs += [*o.tables, *o.poses, step, *self._rules, chunk]
            outputs = [s.area[axis], s.solid[axis]]
            self._launch(obstacle.face_area_kernel, (shape[0], shape[1], shape[2] // chunk), inputs, outputs)

    def feel(self, p: wp.array, step: int, weight: float) -> None:
        """Add what the last projection gave to the bodies, ``weight`` times."""
        s, g, o = self.state, self.settings, self.obstacles
        kind, size, reach, starts, planes = o.tables
        for axis in g.axes:
            rim = 1.0 if g.sides[2 * axis].kind == "periodic" else 2.0
            inputs = [p, s.area[axis], self._area[axis], axis, rim, wp.vec3(*g.origin), g.cell]
            inputs += [kind, size, reach, starts, planes, o.poses[0], o.poses[1], step, *self._rules, weight]
            dim = (o.count, s.area[axis].shape[0])
            self._launch(gas_body.push_kernel, dim, inputs, [self._push, self._twist])

    def hold(self, carried: Sum, step: int) -> None:
        """Note the momentum around each body before it is carried, with the areas as they are now."""
        f, g, a, b = carried
        self._found.zero_()
        for axis in self._balanced:
            area = self.state.area[axis]
            inputs = [area, f[axis], g[axis], a, b, *self._where(axis, step)]
            self._launch(gas_balance.hold_kernel, (self.obstacles.count, area.shape[0]), inputs, [self._found])

    def settle(self, carried: Sum, along: Sum, out: Field, step: int) -> None:
        """Take from ``out`` what has come from nowhere when ``carried`` was carried ``along`` a velocity to it.

        Bodies follow each other, so that what lies around two of them is not settled twice.
        """
        area = self.state.area
        (f, g, a, b), (w, v, c, d) = carried, along
        for body in range(self.obstacles.count):
            for axis in self._balanced:
                place = [*self._where(axis, step), body]
                inputs = [*area, *w, *v, c, d, area[axis], f[axis], g[axis], a, b, out[axis], *place]
                self._launch(gas_balance.balance_kernel, area[axis].shape[:1], inputs, [self._found])
                inputs = [area[axis], *place, self._found]
                self._launch(gas_balance.settle_kernel, area[axis].shape[:1], inputs, [out[axis]])

    def _where(self, axis: int, step: int) -> list:
        g, o = self.settings, self.obstacles
        return [axis, wp.vec3(*g.origin), g.cell, g.dt, o.tables[2], o.poses[0], o.poses[2], step]

    def _launch(self, kernel: Callable, dim: tuple[int, ...], inputs: list, outputs: list) -> None:
        wp.launch(kernel, dim=dim, inputs=inputs, outputs=outputs, device=self.device)
