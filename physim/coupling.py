"""What gases give back: they push the bodies in them and blow on cloth, and get the opposite of what they give.

Bodies. The pressure of a gas acts on the faces that a body closes (``physim_kernels.gas_body``): added mass, the pull
of an accelerating stream, lift, and what the grid knows of drag, which is seldom right. The law of drag
(``Rigid.drag_coefficient`` on the area that faces the stream) takes its place: the rigid solver uses it with the stream
of the gas as wind, and what the pressure gives along the stream beside the inertia of gas and body is left out (Maxey,
Riley, "Equation of motion for a small rigid sphere in a nonuniform flow", Phys. Fluids 26, 1983),

    D = (F_p - rho V u' - rho V/2 (u' - v')) . e,    e the direction of the stream u - v as the body sees it.

What the body gets by the law beyond D goes to the gas around it with the opposite sign. Air that is displaced lifts:
Archimedes, by the part of the body that is in the gas.

Both solvers run frame by frame: what a gas gives in one frame acts in the next. For bodies lighter than half of the air
they displace that would not settle; a part of their added mass is then made implicit.

Cloth. Inside of the box of a gas its velocity is the wind of every panel, see ``physim_kernels.cloth_wind``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from physim.liquid_drag import solid_volume
from physim.rigid_arrays import AIR_DENSITY

if TYPE_CHECKING:
    from physim.solver_cloth import ClothSolver
    from physim.solver_rigid import RigidSolver
    from physim.solver_smoke import SceneGas, SmokeSolver

AWAY = 3.0, 1.5
"""From a body's surface to where the stream is taken: cells and radii, the larger of both."""
AROUND = 2.0
"""How far from a body's surface the gas gets its impulse [cells]."""
POINTS = 64
"""On the sphere where the stream is taken."""


def sphere_points(count: int) -> np.ndarray:
    """Unit vectors (count, 3), spread evenly along a spiral."""
    k = np.arange(count) + 0.5
    y, turn = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
    r = np.sqrt(1 - y * y)
    return np.column_stack([r * np.cos(turn), y, r * np.sin(turn)])


class GasCoupling:
    """Lets the gases of a scene act on its bodies and cloths, between frames.

    Args:
        rigid: Has the bodies. Before its first frame.
        smoke: Has the gases.
        cloth: Has the cloths, if any.
    """

    def __init__(self, rigid: RigidSolver, smoke: SmokeSolver, cloth: ClothSolver | None = None):
        self.rigid, self.cloth, self.gases = rigid, cloth, list(smoke.grids.values())
        bodies, movers = rigid.scene.bodies, [e.name for e in rigid.scene.movers]
        self._count = count = len(bodies)
        self._rows = [movers.index(e.name) for e in bodies]
        self._volume = np.array([solid_volume(e.shape) for e in bodies])
        self._mass = np.array([p.mass for p in rigid.pieces[:count]])
        self._reach = np.array([p.bound for p in rigid.pieces[:count]])
        self._radius = (3 * self._volume / (4 * np.pi)) ** (1 / 3)
        self._feels = rigid.bodies.drag.numpy()[:count] > 0
        """Without a drag coefficient air is nothing to a body."""
        self._x = self._places()
        self._v = np.array([e.velocity for e in bodies], dtype=np.float64).reshape(count, 3)
        self._stream = np.array([rigid.scene.wind_at(0.0)] * count).reshape(count, 3)
        self._frames = np.zeros(count, dtype=int)
        """That each has been in a gas."""
        self._time = 0.0
        rigid.outer.has_gas = int(count > 0)
        self.given = np.zeros((count, 3))
        """What gases have given to the bodies so far besides lift, by drag and pressure [N s]."""
        # a cloth feels the gas of the largest box
        self._wind = max(self.gases, key=lambda gas: gas.domain.cell**3 * np.prod(gas.domain.shape))
        if cloth is not None:
            cloth.enter_gas(self._wind.domain.shape, self._wind.domain.origin, self._wind.domain.cell)
            cloth.feel_gas(self._wind.velocity)
        self._share = np.max([self._inside(gas) for gas in self.gases], axis=0)
        self._write(np.zeros((count, 3)), np.zeros((count, 3)))

    def _places(self) -> np.ndarray:
        return self.rigid.bodies.x.numpy()[: self._count].copy()

    def _inside(self, gas: SceneGas) -> np.ndarray:
        """Part of the box around each body that is in the box of a gas."""
        low = np.array(gas.domain.origin)
        high = low + gas.domain.cell * np.array(gas.domain.shape)
        r = np.maximum(self._reach, 1e-9)[:, None]
        common = np.minimum(self._x + r, high) - np.maximum(self._x - r, low)
        return np.prod(np.clip(common, 0, 2 * r) / (2 * r), axis=1)

    def end_frame(self) -> None:
        """After the bodies and the gases have moved for one frame: what acts in the next."""
        fps = self.rigid.fps
        self._time += 1 / fps
        if self.cloth is not None:
            self.cloth.feel_gas(self._wind.velocity)
        if not self._count:
            return
        places = self._places()
        velocity = (places - self._x) * fps
        change, self._x = (velocity - self._v) * fps, places
        drag = self._mass[:, None] * self.rigid.outer.blown.numpy()[: self._count]
        push, twist = np.zeros((self._count, 3)), np.zeros((self._count, 3))
        pressed = [gas.grid.body_impulses(AIR_DENSITY) for gas in self.gases]
        shares = np.array([self._inside(gas) for gas in self.gases])
        self._share, best = shares.max(axis=0), shares.argmax(axis=0)
        outside = self._share == 0
        self._stream[outside], self._frames[outside] = self.rigid.scene.wind_at(self._time), 0
        origins = self.rigid.mover_poses()[0][self._rows]
        for i in np.flatnonzero(~outside & self._feels):
            impulse, turn = (column[self._rows[i]] for column in pressed[best[i]])
            push[i] = self._press(self.gases[int(best[i])], int(i), velocity[i], change[i], impulse * fps, drag[i])
            twist[i] = (turn - np.cross(places[i] - origins[i], impulse)) * fps
            self._frames[i] += 1
        self._v = velocity
        self._write(push, twist)

    def _press(
        self, gas: SceneGas, i: int, v: np.ndarray, change: np.ndarray, force: np.ndarray, drag: np.ndarray
    ) -> np.ndarray:
        """Acceleration [m/s^2] of one body by the pressure ``force`` [N], less what the law of drag stands for."""
        fps, displaced = self.rigid.fps, AIR_DENSITY * self._volume[i]
        before, self._stream[i] = self._stream[i].copy(), self._look(gas, i, v)
        rush = np.zeros(3) if self._frames[i] == 0 else (self._stream[i] - before) * fps
        wind = self._stream[i] - v
        speed = float(np.linalg.norm(wind))
        if speed > 1e-9:
            along = wind / speed
            now = float((force - displaced * rush - 0.5 * displaced * (rush - change)) @ along)
            force = force - now * along
            self._give(gas, i, now / fps * along - drag)
        self.given[i] += force / fps + drag
        gravity = self.rigid.weight.now
        implicit = max(0.0, (0.5 * displaced - 0.5 * self._mass[i]) / 1.5)
        lift = -displaced * self._share[i] * gravity
        return (force + lift + implicit * (change - gravity)) / (self._mass[i] + implicit)

    def _look(self, gas: SceneGas, i: int, v: np.ndarray) -> np.ndarray:
        """Stream at a body: mean over the half sphere around it that the body has before it, where a potential flow has
        its undisturbed velocity on average; of places outside of the box the wind.
        """
        cell = gas.domain.cell
        ahead = sphere_points(POINTS)
        wind = self._stream[i] - v
        speed = float(np.linalg.norm(wind))
        if speed > 1e-9:
            ahead = ahead[ahead @ wind <= 0.0]
        far = self._reach[i] + max(AWAY[0] * cell, AWAY[1] * self._reach[i])
        at = (self._x[i] + far * ahead - gas.domain.origin) / cell
        index = np.floor(at).astype(int)
        within = np.all((index >= 0) & (index < gas.domain.shape), axis=1)
        i0, j0, k0 = np.where(within[:, None], index, 0).T
        x, y, z = (a.numpy() for a in gas.grid.state.area)
        free = (
            x[i0, j0, k0] + x[i0 + 1, j0, k0] + y[i0, j0, k0] + y[i0, j0 + 1, k0] + z[i0, j0, k0] + z[i0, j0, k0 + 1]
            > 0
        )
        found = np.where(within[:, None], gas.velocity[i0, j0, k0], self.rigid.scene.wind_at(self._time))
        found = found[free | ~within]
        return found.mean(axis=0) if len(found) else self._stream[i]

    def _give(self, gas: SceneGas, i: int, impulse: np.ndarray) -> None:
        """Add an impulse [N s] to the gas around a body, evenly to the open part of the faces near it."""
        s, cell = gas.grid.state, gas.domain.cell
        centre = (self._x[i] - gas.domain.origin) / cell
        reach = self._reach[i] / cell + AROUND
        for axis in gas.settings.axes:
            shape = np.array(s.area[axis].shape)
            offset = np.full(3, 0.5) - 0.5 * (np.arange(3) == axis)
            low = np.clip(np.floor(centre - reach - offset).astype(int), 0, shape)
            high = np.clip(np.ceil(centre + reach - offset).astype(int) + 1, 0, shape)
            part = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
            grids = np.meshgrid(
                *(np.arange(a, b) + o for a, b, o in zip(low, high, offset, strict=True)), indexing="ij"
            )
            away = sum((g - c) ** 2 for g, c in zip(grids, centre, strict=True))
            weight = s.area[axis].numpy()[part] * (away < reach * reach)
            total = float(weight.sum())
            if total <= 0:
                continue
            kick = impulse[axis] / (AIR_DENSITY * cell**3 * total) * (weight > 0)
            for field in (s.u[axis], s.u_old[axis]):
                values = field.numpy()
                values[part] += kick
                field.assign(values)

    def _write(self, push: np.ndarray, twist: np.ndarray) -> None:
        if not self._count:
            return
        outer = self.rigid.outer
        outer.air.assign(self._stream.astype(np.float32))
        outer.air_share.assign(self._share.astype(np.float32))
        outer.push.assign(push)
        outer.twist.assign(twist)
