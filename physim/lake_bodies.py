"""Bodies that float on a lake and fall into it: clouds of points, and what they do to the water."""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels import lake_body as kernels
from physim_kernels.shallow import RIM

from physim.compound import Compound
from physim.lake_grid import cell_centres
from physim.lake_water import LakeWater
from physim.scene import Scene
from physim.solver_rigid import RigidSolver
from physim.terrain import rotation_matrix, shape_distance
from physim.trajectory import SPLASH_DTYPE
from physim.wind_waves import WindWaves

ADDED_MASS = 0.5
"""Of a ball in unbounded water (Lamb, Hydrodynamics, 1932, section 92)."""
POINTS = 10
"""Along the longest side of a body's box, at most."""
AIR_SPEED = 1.0
"""Speed from which a body drags air under [m/s]."""


class LakeBodies:
    """The bodies of a scene over one lake.

    Args:
        scene: Bodies, in the order of the solver's first rows.
        rigid: Moves them.
        water: Lifts and brakes them.
        swell: Waves of the wind, which the field does not hold.
    """

    def __init__(self, scene: Scene, rigid: RigidSolver, water: LakeWater, swell: WindWaves | None) -> None:
        self.rigid, self.water, self.swell = rigid, water, swell
        self.count = len(scene.bodies)
        self.names = [e.name for e in scene.bodies]
        device, field = water.device, water.field
        self.floats = self._make_floats(scene)
        size = (field.rows + 2 * RIM) * field.width
        self._wanted = wp.zeros(size, dtype=wp.float64, device=device)
        self._under = wp.zeros(size, dtype=wp.float64, device=device)
        self._push = tuple(wp.zeros(size, dtype=float, device=device) for _ in range(2))
        self.surface = self._make_surface()
        self._settle()
        self._splashes: list[tuple] = []
        self.blows: list[tuple[float, np.ndarray, float, float, float]] = []
        """Of the last frame: time [s], place (3,) [m], speed [m/s], diameter [m], energy [J]."""
        self._frame = 0

    def _make_floats(self, scene: Scene) -> kernels.Floats:
        floats, device = kernels.Floats(), self.water.device
        points, volume, sides, sizes, drags, reach = [], [], [], [], [], []
        for entity, piece in zip(scene.bodies, self.rigid.pieces, strict=False):
            cloud, total = sample(entity.shape)
            centre = np.zeros(3) if piece.centre is None else piece.centre
            own = (cloud - centre) @ (np.eye(3) if piece.frame is None else piece.frame)
            points.append(own)
            volume.append(total / len(cloud))
            sides.append(volume[-1] ** (1 / 3))
            diameter = (6 * total / np.pi) ** (1 / 3)
            sizes.append(diameter)
            drags.append(entity.material.drag_coefficient)  # type: ignore[union-attr]
            reach.append(0.25 * diameter + 1.5 * self.water.lake.cell)
        first = np.cumsum([0, *map(len, points)])
        floats.first = wp.array(first.astype(np.int32), dtype=int, device=device)
        floats.point = wp.array(np.concatenate(points).astype(np.float32), dtype=wp.vec3, device=device)
        for name, values in (
            ("volume", volume), ("side", sides), ("size", sizes), ("drag", drags), ("reach", reach),
            ("added", -np.ones(len(points))), ("entry", -np.ones(len(points))), ("entry_time", np.zeros(len(points))),
        ):  # fmt: skip
            setattr(floats, name, wp.array(np.asarray(values, np.float32), dtype=float, device=device))
        floats.entry_point = wp.zeros(len(points), dtype=wp.vec3, device=device)
        self._volumes = np.array(volume) * np.diff(first)
        self._sizes = np.array(sizes)
        return floats

    def _make_surface(self) -> kernels.Surface:
        s, water = kernels.Surface(), self.water
        x, z = cell_centres(water.lake, water.entity.position)
        s.x, s.z = float(x[0]) - (RIM + 0.5) * water.lake.cell, float(z[0]) - (RIM + 0.5) * water.lake.cell
        s.cell, s.level, s.width, s.height = water.lake.cell, water.level, water.field.width, water.field.rows + 2 * RIM
        s.density, s.gravity, s.added_mass = water.density, water.gravity, ADDED_MASS
        s.viscosity = max(float(water.material.viscosity) / water.density, 1e-9)  # type: ignore[arg-type]
        s.rise = wp.zeros(1, dtype=float, device=water.device)
        s.swell = wp.zeros((2, s.width * s.height), dtype=float, device=water.device)
        full = np.meshgrid(s.x + (np.arange(s.width) + 0.5) * s.cell, s.z + (np.arange(s.height) + 0.5) * s.cell)
        self._places = [a.ravel() for a in full]
        return s

    def _settle(self) -> None:
        """What lies in the water at the start has pushed it aside long ago: the volume of water is what is left."""
        field = self.water.field
        kernels.displace(
            self.rigid.bodies, self.floats, self.surface, field, self._wanted, self._under, count=self.count,
            share=0.0, device=self.water.device,
        )  # fmt: skip
        under = self._under.numpy().copy()
        h, bed = field.h.numpy(), field.bed.numpy()
        start = h - under  # the surface stays as it was given
        field.h.assign(start)
        field.eta.assign(bed + start)
        self._start_under = under
        self._wanted.zero_()

    def load_kernels(self) -> None:
        wp.load_module(kernels, device=self.water.device)

    def displaced(self) -> float:
        """Volume of the bodies under the still level, in excess of that at the start [m^3]."""
        return float((self._under.numpy() - self._start_under).sum()) * self.water.lake.cell**2

    def begin_frame(self, start: float, end: float) -> None:
        """Still level, and the wind's waves at both ends of the frame [s]."""
        area = max(int((self.water.field.read("h") > 1e-6).sum()), 1) * self.water.lake.cell**2
        self.surface.rise.assign([self.displaced() / area])
        if self.swell is not None:
            both = [self.swell.height(self._places[0], self._places[1], time) for time in (start, end)]
            self.surface.swell.assign(np.array(both, dtype=np.float32))

    def _share(self, k: int) -> float:
        return (k + 0.5) / self.rigid.substeps

    def launch_forces(self, k: int) -> None:
        rigid = self.rigid
        kernels.exchange(
            rigid.bodies, self.floats, self.surface, self.water.field, self._push, count=self.count, k=k,
            step=rigid.substep, share=self._share(k), frame=rigid.substep * rigid.substeps, device=self.water.device,
        )  # fmt: skip
        self._last = k

    def launch_displace(self) -> None:
        water = self.water
        kernels.displace(
            self.rigid.bodies, self.floats, self.surface, water.field, self._wanted, self._under, count=self.count,
            share=self._share(self._last), device=water.device,
        )  # fmt: skip
        kernels.drive(water.field, self._push, self._wanted, device=water.device)

    def end_frame(self) -> None:
        """Note which bodies came under."""
        floats, start = self.floats, self._frame * self.rigid.substep * self.rigid.substeps
        self._frame += 1
        speed = floats.entry.numpy()
        self.blows = []
        if (speed < 0).all():
            return
        times, points = floats.entry_time.numpy(), floats.entry_point.numpy()
        for i in np.flatnonzero(speed > 0.05):
            volume, v = self._volumes[i], float(speed[i])
            mass, added = 1 / float(self.rigid.bodies.inv_mass.numpy()[i]), ADDED_MASS * self.water.density * volume
            energy = 0.5 * mass * added / (mass + added) * v**2
            # a cavity as wide as the body and as deep as it falls in the time gravity takes to close it
            air = volume * max(0.0, v / np.sqrt(self.water.gravity * self._sizes[i]) - 1) if v > AIR_SPEED else 0.0
            row = (start + float(times[i]), self.water.entity.name, self.names[i], points[i], energy, air)
            self._splashes.append(row)
            self.blows.append((row[0], points[i].copy(), v, float(self._sizes[i]), energy))
        floats.entry.fill_(-1.0)

    def splashes(self) -> np.ndarray:
        return np.array(self._splashes, dtype=SPLASH_DTYPE)


def sample(shape) -> tuple[np.ndarray, float]:
    """Points (N, 3) that fill a solid evenly, in its own frame, and its volume [m^3]."""
    if isinstance(shape, Compound):
        clouds, total = [], 0.0
        for part in shape.parts:
            cloud, volume = sample(part.shape)
            turn = rotation_matrix(np.array(part.orientation))
            clouds.append((cloud @ turn.T + np.array(part.position), volume))
            total += volume
        least = max(volume / len(cloud) for cloud, volume in clouds)  # per point, the same for all parts
        rng = np.random.default_rng(0)
        picked = [c[rng.permutation(len(c))[: max(1, round(v / least))]] for c, v in clouds]
        return np.concatenate(picked), total
    vertices = shape.triangles.vertices
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    edge = float((high - low).max()) / POINTS
    counts = np.maximum(3, np.ceil((high - low) / edge - 1e-9)).astype(int)
    axes = [low[a] + (np.arange(counts[a]) + 0.5) * (high[a] - low[a]) / counts[a] for a in range(3)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    cloud = grid[shape_distance(shape, grid) < 0]
    if len(cloud) == 0:
        cloud = np.zeros((1, 3))
    centre = shape.triangles.mass_properties()[1]
    return cloud - cloud.mean(axis=0) + centre, float(shape.volume)
