"""Drag of the bodies in one liquid, and their blows on its surface.

Kernels and equations: ``physim_kernels.liquid_drag``.
"""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels import liquid_drag as kernels

from physim.compound import Compound
from physim.liquid_body import Faces, WetBodies
from physim.materials import Liquid, Rigid
from physim.solver_rigid import RigidSolver
from physim.terrain import rotation_matrix
from physim.trajectory import SPLASH_DTYPE

POINTS = 32
"""On the surface of a body, at most."""
RESOLVED = (2.0, 6.0)
"""Diameters [cells] up to which the grid tells nothing of a body's wake, and from which it tells all of it."""
ADDED_MASS = 0.5
"""Of a ball in unbounded liquid (Lamb, Hydrodynamics, 1932, section 92)."""
AIR_SPEED = 1.0
"""Speed from which a body drags air under [m/s]."""
LEAST_BLOW = 0.05
"""Slowest blow that is told [m/s]."""


def solid_volume(shape) -> float:
    """Of a shape or of all parts of a compound [m^3]."""
    return sum(p.shape.volume for p in shape.parts) if isinstance(shape, Compound) else float(shape.volume)


def surface_points(shape) -> np.ndarray:
    """Up to ``POINTS`` points (N, 3) all over the surface of a solid, in its own frame [m]."""
    clouds = []
    for part in shape.parts if isinstance(shape, Compound) else [None]:
        mesh = (shape if part is None else part.shape).triangles
        cloud = np.concatenate([mesh.vertices, mesh.vertices[mesh.faces].mean(axis=1)])
        if part is not None:
            cloud = cloud @ rotation_matrix(np.array(part.orientation)).T + np.array(part.position)
        clouds.append(cloud)
    cloud = np.concatenate(clouds)
    found = [int(np.argmax(((cloud - cloud.mean(0)) ** 2).sum(1)))]
    far = ((cloud - cloud[found[0]]) ** 2).sum(1)
    while len(found) < min(POINTS, len(cloud)):  # each the farthest from those before
        found.append(int(np.argmax(far)))
        far = np.minimum(far, ((cloud - cloud[found[-1]]) ** 2).sum(1))
    return cloud[found]


class LiquidDrag:
    """What drags the bodies in one liquid, two-way.

    Args:
        rigid: Has the bodies.
        bodies: Their rows in the liquid.
        liquid: Density and viscosity.
        name: Of the liquid, for splashes.
        cell: [m]
        dt: Step [s].
    """

    def __init__(self, rigid: RigidSolver, bodies: WetBodies, liquid: Liquid, name: str, *, cell: float, dt: float):
        self._rigid, self._bodies, self._name = rigid, bodies, name
        self._cell, self._dt, self.device, self.count = cell, dt, rigid.device, bodies.count
        self._density = float(liquid.density)  # type: ignore[arg-type]
        self._gravity = rigid.weight.frame
        self._strength = float(np.linalg.norm(rigid.scene.heaviest))
        self._make(max(float(liquid.viscosity) / self._density, 1e-9))  # type: ignore[arg-type]
        bounds = [rigid.pieces[i].bound / cell for i in bodies.numbers[: self.count]]
        self._layers = int(2 * np.ceil(max(bounds) + float(kernels.AROUND)) + 2)
        self._splashes: list[tuple] = []

    def _make(self, viscosity: float) -> None:
        cell, points, volumes, least = self._cell, [], [], []
        for i in self._bodies.numbers[: self.count]:
            piece = self._rigid.pieces[i]
            shape = self._rigid.scene[piece.name].shape
            centre = np.zeros(3) if piece.centre is None else piece.centre
            turn = np.eye(3) if piece.frame is None else piece.frame
            points.append((surface_points(shape) - centre) @ turn / cell)
            volumes.append(solid_volume(shape) / cell**3)
            least.append(piece.material.drag_coefficient if isinstance(piece.material, Rigid) else -1.0)
        size = (6 * np.array(volumes) / np.pi) ** (1 / 3)
        self._volumes, self._sizes = np.array(volumes) * cell**3, size * cell
        coarse = np.clip((RESOLVED[1] - size) / (RESOLVED[1] - RESOLVED[0]), 0, 1)
        drag, rows = kernels.Drag(), self.count
        drag.first = self._array(np.cumsum([0, *map(len, points)]).astype(np.int32), int)
        drag.point = self._array(np.concatenate(points), wp.vec3)
        drag.viscosity = viscosity / cell**2
        tiny = 1e-12
        for name, values in (
            ("volume", volumes), ("size", size), ("coefficient", least), ("coarse", coarse),
            ("law", np.full(rows, tiny)), ("grid", tiny * (1 - coarse)), ("speed", np.zeros(rows)),
            ("pace", np.zeros(rows)), ("entry", -np.ones(rows)),
        ):  # fmt: skip
            setattr(drag, name, self._array(values, float))
        for name in ("stream", "before", "push", "impulse", "share", "entry_point"):
            setattr(drag, name, wp.zeros(rows, dtype=wp.vec3, device=self.device))
        for name in ("under", "entry_step"):
            setattr(drag, name, wp.zeros(rows, dtype=int, device=self.device))
        drag.steps = wp.zeros(1, dtype=int, device=self.device)
        self.drag = drag
        slick = (np.array(least) >= 0.0) & np.isfinite(
            [self._rigid.pieces[i].mass for i in self._bodies.numbers[:rows]]
        )
        holder = [False] * (len(self._bodies.numbers) - rows)
        self.slick = self._array(np.append(slick, holder).astype(np.int32), int)
        """1 for bodies that do to the liquid the opposite of their drag, and no viscous stress besides."""

    def _array(self, values, dtype) -> wp.array:
        kind = np.int32 if dtype is int else np.float32
        return wp.array(np.ascontiguousarray(values, dtype=kind), dtype=dtype, device=self.device)

    def load_kernels(self) -> None:
        """Compile and load, outside of a capture."""
        wp.load_module(kernels, device=self.device)

    # -- launches -----------------------------------------------------------------------------------------------------

    def exchange(self, u: Faces, area: Faces, phi: wp.array, open: wp.array) -> None:
        """Drag on the bodies, and its opposite on the face velocities around them, before the pressure is solved."""
        inputs = [self._rigid.bodies, self._bodies.frame, self._gravity, self._dt, phi, open, *u]
        self._launch(kernels.brake_kernel, self.count, [*inputs, self._bodies.wet, self.drag])
        for give in (0, 1):
            for axis in range(3):
                inputs = [self._bodies.wet, axis, area[axis], phi, give, self.drag, u[axis]]
                self._launch(kernels.react_kernel, (self.count, self._layers), inputs)

    def finish(self) -> None:
        """Add the drag to what the bodies will be handed."""
        inputs = [self._rigid.bodies, self._bodies.frame, self._bodies.wet, self.drag]
        self._launch(kernels.finish_kernel, self.count, inputs)

    def _launch(self, kernel, dim, inputs: list) -> None:
        wp.launch(kernel, dim=dim, inputs=inputs, device=self.device)

    # -- splashes -----------------------------------------------------------------------------------------------------

    def end_frame(self) -> None:
        """Note which bodies struck the surface."""
        speed = self._cell * self.drag.entry.numpy()
        if (speed < 0).all():
            return
        steps, points = self.drag.entry_step.numpy(), self._cell * self.drag.entry_point.numpy()
        inverse = self._rigid.bodies.inv_mass.numpy()
        for n in np.flatnonzero(speed > LEAST_BLOW):
            v, volume = float(speed[n]), self._volumes[n]
            added = ADDED_MASS * self._density * volume
            # two bodies that stick together, one of them the water that moves along
            shared = added / (1 + added * float(inverse[self._bodies.numbers[n]]))
            # a cavity as wide as the body and as deep as it falls in the time gravity takes to close it
            froude = v / np.sqrt(max(self._strength * self._sizes[n], 1e-12))
            air = volume * max(0.0, froude - 1) if v > AIR_SPEED else 0.0
            row = (steps[n] * self._dt, self._name, self._bodies.names[n], points[n], 0.5 * shared * v**2, air)
            self._splashes.append(row)
        self.drag.entry.fill_(-1.0)

    def splashes(self) -> np.ndarray:
        """Blows of bodies so far, ``SPLASH_DTYPE``."""
        return np.array(self._splashes, dtype=SPLASH_DTYPE)
