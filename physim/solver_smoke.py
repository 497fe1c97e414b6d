"""Smoke in a scene: one gas grid per smoke material, with the scene's sources, wind, statics and moving bodies.

Bodies push smoke; how it pushes them and blows on cloth is in ``physim.coupling``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import warp as wp

from physim.gas import GasGrid
from physim.gas_state import WALL, GasSettings, Puffs, Side, Sides
from physim.materials import Liquid, Smoke
from physim.memory import room
from physim.over_time import changed, strongest_of
from physim.scene import Entity, Scene
from physim.shapes import Emitter, HeightField
from physim.smoke_domain import (
    DENSITY_COURANT,
    body_speed,
    check_size,
    check_speed,
    choose_domain,
    expected_speed,
    step_counts,
)
from physim.smoke_obstacle import (
    Poses,
    body_obstacles,
    check_bodies,
    check_room,
    initial_poses,
    lift_out,
    rotation_between,
    static_areas,
)
from physim.smoke_source import Carrier, EmitterPuffs
from physim.terrain import rotation_matrix
from physim.trajectory import SmokeTrack
from physim.vapour import LiquidSurface, VapourPuffs

RESERVE = 1.4
"""How much faster than in the last frame gas is expected to become."""
MOST_ITERATIONS = 12
"""Of the pressure solve."""
ENOUGH = 2e-5
"""Part of the right-hand side that the pressure may leave."""


class SmokeSolver:
    """Advance all smoke of a scene frame by frame.

    Args:
        scene: Emitters of equal ``Smoke`` material share one grid, named after the first of them.
        fps: Frames per second.
        seconds: How long the run is; decides the size of the box and the length of the tracks.
        terrain: What ``bake_terrain`` made of the static meshes.
        device: Warp device; ``None`` is Warp's default.
        surface_of: Free surface now of a liquid by its name, of those that give off steam.

    Raises:
        ValueError: ``fps`` or ``seconds`` is not positive, a given domain is empty, or an emitter lies outside it or
            inside something solid.
    """

    def __init__(
        self,
        scene: Scene,
        *,
        fps: float,
        seconds: float,
        terrain: HeightField | None = None,
        device=None,
        surface_of: Callable[[str], LiquidSurface] | None = None,
    ) -> None:
        for name, value in (("fps", fps), ("seconds", seconds)):
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name} is {value}, expected a finite number greater than 0.")
        groups: dict[Smoke, list[Entity]] = {}
        for entity in scene.smokes:
            groups.setdefault(entity.material, []).append(entity)  # type: ignore[arg-type]
        self.grids = {
            entities[0].name: SceneGas(scene, entities, fps, seconds, terrain, wp.get_device(device), surface_of)
            for entities in groups.values()
        }

    def frame(self, poses: Poses | None = None) -> None:
        """Advance by one frame.

        Args:
            poses: Of the bodies at the end of the frame; they move evenly from where they were. ``None``: they stay.

        Raises:
            FloatingPointError: The velocity is no longer finite.
        """
        for gas in self.grids.values():
            gas.frame(poses)

    def tracks(self) -> dict[str, SmokeTrack]:
        """What happened so far, by the name of the first emitter; frame 0 is the state before the first frame."""
        return {name: gas.track(name) for name, gas in self.grids.items()}

    def report(self) -> dict[str, float]:
        """Largest values over the run and over all grids.

        ``smoke_divergence [-]``: largest |net flux out of a cell| over the largest speed, after the projection.
        ``smoke_mass_error [-]``: density created or lost by the transport over the most there ever was.
        ``smoke_courant [cells]``: farthest that gas moved in one density sub-step; above 0.9 transport is cut short.
        """
        reports = [gas.report() for gas in self.grids.values()]
        return {name: max(r[name] for r in reports) for name in (reports[0] if reports else {})}


class _States:
    """Density, temperature and velocity of every frame so far, in half precision."""

    def __init__(self, arrays: list[np.ndarray]):
        self.arrays = arrays

    @classmethod
    def room(cls, count: int, shape: tuple[int, int, int]) -> _States:
        return cls([np.zeros((count, *shape, *rest), np.float16) for rest in ((), (), (3,))])

    def put(self, index: int, *values: np.ndarray) -> None:
        """Keep one more frame; running longer than announced doubles the room."""
        if index == len(self.arrays[0]):
            self.arrays = [np.concatenate([a, np.zeros_like(a)]) for a in self.arrays]
        for array, value in zip(self.arrays, values, strict=True):
            array[index] = value


class SceneGas:
    """One grid with everything that the scene does to it."""

    def __init__(
        self, scene: Scene, entities: list[Entity], fps: float, seconds: float, terrain: HeightField | None, device,
        surface_of: Callable[[str], LiquidSurface] | None,
    ):  # fmt: skip
        self.name, self.fps, self.scene, self._surface_of = entities[0].name, fps, scene, surface_of
        material: Smoke = entities[0].material  # type: ignore[assignment]
        emitters = [_placed(e) for e in entities]
        started = [_at_start(scene, e.name, emitter, surface_of) for e, emitter in zip(entities, emitters, strict=True)]
        self.domain = domain = choose_domain(scene, started, material, seconds)
        check_size(material, domain, max(1, round(seconds * fps)), room(device))
        speed = expected_speed(scene, started, material, seconds)
        # gas makes way for a body at some half of its speed
        fastest = max(speed, body_speed(scene, seconds) / 2)
        steps, substeps = step_counts(fastest, domain.cell, 1 / fps)
        check_speed(self.name, material, fastest, substeps)
        assert material.temperature is not None
        assert material.cooling is not None and material.dissipation is not None
        self.settings = GasSettings(
            shape=domain.shape, origin=domain.origin, cell=domain.cell, dt=1 / fps / steps, steps=steps,
            density_substeps=substeps, sides=_surroundings(domain.open_sides, material.fill),
            gravity=tuple(scene.heaviest),
            ambient_temperature=material.ambient_temperature, cooling=material.cooling,
            dissipation=material.dissipation, confinement=material.vorticity_confinement, speed=speed,
        )  # fmt: skip
        self.sources = [
            self._source(emitter, material, speed, scene.seed + 7919 * number)
            for number, emitter in enumerate(emitters)
        ]
        areas = static_areas(scene, domain, terrain)
        for entity, emitter in zip(entities, started, strict=True):
            if not emitter.on:  # a carried one may start anywhere
                check_room(entity.name, emitter, domain, areas)
                check_bodies(entity.name, emitter, scene)
        self._poses = initial_poses(scene)
        obstacles = body_obstacles(scene, steps, device) if scene.movers else None
        self.grid = GasGrid(
            self.settings, areas, obstacles=obstacles,
            puffs=self._empty_puffs(device), device=device,
        )  # fmt: skip
        self._write_poses(self._poses)
        if self.grid.obstacles:  # what is thrown has been so for a while: the gas makes way from the start
            for target, rates in zip(self.grid.obstacles.poses[2:], self._poses[2:], strict=True):
                target.assign(np.broadcast_to(rates, (steps, *rates.shape)).astype(np.float32))
        if material.fill:
            x, y, z = areas
            hollow = x[1:] + x[:-1] + y[:, 1:] + y[:, :-1] + z[..., 1:] + z[..., :-1] > 0
            self.grid.set_density(material.fill * hollow)
        wind = scene.wind_at(0.0)
        u, v, w = (np.full(a.shape, wind[k]) for k, a in enumerate(self.grid.state.u))
        self.grid.set_iterations(MOST_ITERATIONS, ENOUGH)  # narrow passages, as in a cup, take longer
        self.grid.set_velocity((u, v, w))
        self._frame, self._taken = 0, self.settings.density_substeps
        self._worst = {"smoke_divergence [-]": 0.0, "smoke_courant [cells]": 0.0}
        # room for the whole run at once; untouched pages take no memory
        self._states = _States.room(max(1, round(seconds * fps)) + 1, domain.shape)
        self._keep()

    def _source(self, emitter: Emitter, material: Smoke, speed: float, seed: int) -> EmitterPuffs | VapourPuffs:
        least, ambient = 2 * self.domain.cell, material.ambient_temperature
        if emitter.on in _liquids(self.scene):
            liquid: Liquid = self.scene[emitter.on].material  # type: ignore[assignment]
            assert liquid.temperature is not None
            gravity = float(np.linalg.norm(self.scene.gravity_at(0.0)))
            source = VapourPuffs(
                emitter, temperature=liquid.temperature, ambient=ambient, gravity=gravity, least_radius=least, seed=seed
            )  # fmt: skip
            source.follow(self._surface_of(emitter.on))  # type: ignore[misc]
            return source
        assert material.temperature is not None
        return EmitterPuffs(
            emitter, excess=material.temperature - ambient, speed=speed, least_radius=least, seed=seed
        )  # fmt: skip

    def frame(self, poses: Poses | None) -> None:
        for source in self.sources:
            if isinstance(source, VapourPuffs):
                source.follow(self._surface_of(source.emitter.on))  # type: ignore[misc]
                source.weigh(float(np.linalg.norm(self.scene.gravity_at(self._frame / self.fps))))
        self._write_sources(poses)
        if poses is not None and self.grid.obstacles:
            self._write_poses(poses)
        elif self.grid.obstacles:
            self._write_poses(self._poses)
        self._taken = self._substeps()
        self.grid.frame(self._taken)
        self._frame += 1
        self._keep()

    def _substeps(self) -> int:
        """Of the density's transport in the coming frame: as the gas moves now, with some reserve, not as it might."""
        s = self.settings
        jets = (float(np.abs(strongest_of(source.emitter.velocity)).max()) for source in self.sources)
        coming = max(RESERVE * self._fastest, *jets)
        coming = max(coming, float(np.abs(self.scene.wind_at(self._frame / self.fps)).max()))
        if self._frame == 0:
            return s.density_substeps
        return int(np.clip(np.ceil(coming * s.dt / s.cell / DENSITY_COURANT), 1, s.density_substeps))

    def _keep(self) -> None:
        self.velocity = velocity = self.grid.velocity
        """At cell centres at the end of the last frame (nx, ny, nz, 3) [m/s]."""
        self._fastest = fastest = float(np.abs(velocity).max())
        if not np.isfinite(fastest):
            raise FloatingPointError(
                f"smoke {self.name!r} is no longer finite at {self._frame / self.fps:.3g} s (frame {self._frame}), "
                f"expected speeds around {self.settings.speed:.3g} m/s. Lower the emitter's temperature, velocity or "
                f"vorticity_confinement, or raise fps for shorter steps."
            )
        s = self.settings
        divergence = self.grid.divergence() / max(fastest, 1e-6 * s.speed)
        if divergence > ENOUGH and self.grid.iterations < MOST_ITERATIONS:
            self.grid.iterations += 1  # a body has come where it is narrow
        courant = fastest * s.dt / self._taken / s.cell
        self._worst["smoke_divergence [-]"] = max(self._worst["smoke_divergence [-]"], divergence)
        self._worst["smoke_courant [cells]"] = max(self._worst["smoke_courant [cells]"], courant)
        self._states.put(self._frame, self.grid.density, self.grid.temperature, velocity)

    def track(self, name: str) -> SmokeTrack:
        density, temperature, velocity = (a[: self._frame + 1] for a in self._states.arrays)
        domain = self.domain
        return SmokeTrack(
            name, np.array(domain.origin), domain.cell, density, temperature, velocity, domain.open_sides
        )  # fmt: skip

    def report(self) -> dict[str, float]:
        lost, most = self.grid.state.ledger.numpy()
        return {**self._worst, "smoke_mass_error [-]": float(lost / most) if most > 0 else 0.0}

    # -- what the scene does in the coming frame ---------------------------------------------------------------------

    def _times(self) -> np.ndarray:
        """Middle of every step of the coming frame [s]."""
        return self._frame / self.fps + (np.arange(self.settings.steps) + 0.5) * self.settings.dt

    def _empty_puffs(self, device) -> Puffs:
        count = sum(source.count for source in self.sources)
        has_jet = any(np.any(strongest_of(s.emitter.velocity) != 0) for s in self.sources)
        size = (self.settings.steps, count)
        kinds = (wp.vec4, wp.vec4, wp.vec4)
        return Puffs(count, has_jet, *(wp.zeros(size, dtype=kind, device=device) for kind in kinds))

    def _write_sources(self, poses: Poses | None = None) -> None:
        rows = []
        for step, t in enumerate(self._times()):
            carried = [self._puffs(source, t, step, poses) for source in self.sources]
            rows.append([np.concatenate(parts) for parts in zip(*carried, strict=True)])
        ball, state, jet = (np.stack(parts).astype(np.float32) for parts in zip(*rows, strict=True))
        ball = (ball - np.array([*self.domain.origin, 0.0])) / self.domain.cell
        jet[..., 3] *= self.domain.cell
        puffs = self.grid.puffs
        assert puffs is not None
        for target, values in ((puffs.ball, ball), (puffs.state, state), (puffs.jet, jet)):
            target.assign(np.ascontiguousarray(values, dtype=np.float32))
        half = self.settings.dt / 2
        wind = np.array([self.scene.wind_at(t) for t in self._times()])
        gust = np.array(
            [(self.scene.wind_at(t + half) - self.scene.wind_at(t - half)) / (2 * half) for t in self._times()]
        )
        if self._frame == 0 or self.scene.gravity_keys is not None:
            pulls = np.array([self.scene.mean_gravity(t - half, t + half) for t in self._times()])
            self.grid.state.gravity.assign(pulls.astype(np.float32))
        self.grid.state.wind.assign(wind.astype(np.float32))
        self.grid.state.gust.assign(gust.astype(np.float32))

    def _puffs(self, source: EmitterPuffs | VapourPuffs, time: float, step: int, poses: Poses | None):
        if isinstance(source, EmitterPuffs):
            return source.at(time, self._carrier(source.emitter.on, step, poses))
        lift = lift_out(source.centres, self.scene, poses or self._poses)
        return source.at(time, (step + 0.5) / self.settings.steps, lift)

    def _carrier(self, name: str, step: int, poses: Poses | None) -> Carrier | None:
        """Where the body is in the middle of a step of the coming frame."""
        if not name:
            return None
        index = [b.name for b in self.scene.movers].index(name)
        x0, q0 = (np.asarray(a[index], dtype=np.float64) for a in self._poses[:2])
        x1, q1 = (np.asarray(a[index], dtype=np.float64) for a in (poses or self._poses)[:2])
        s = (step + 0.5) / self.settings.steps
        q1 = q1 if q0 @ q1 >= 0 else -q1
        turn = rotation_between(q0[None], q1[None])[0] * self.fps
        middle = (1 - s) * q0 + s * q1
        return Carrier(
            (1 - s) * x0 + s * x1, rotation_matrix(middle / np.linalg.norm(middle)), (x1 - x0) * self.fps, turn
        )

    def _write_poses(self, poses: Poses) -> None:
        """Bodies move evenly from the last poses to ``poses`` during the frame."""
        if not self.grid.obstacles:
            return
        x0, q0 = self._poses[0], self._poses[1]
        x1, q1 = (np.asarray(a, dtype=np.float64) for a in poses[:2])
        q1 = np.where((q0 * q1).sum(-1, keepdims=True) < 0, -q1, q1)
        s = ((np.arange(self.settings.steps) + 0.5) / self.settings.steps)[:, None, None]
        orientation = (1 - s) * q0 + s * q1
        orientation /= np.linalg.norm(orientation, axis=-1, keepdims=True)
        ones = np.ones_like(s)
        values = (
            (1 - s) * x0 + s * x1,
            orientation,
            ones * (x1 - x0) * self.fps,
            ones * rotation_between(q0, q1) * self.fps,
        )
        for target, value in zip(self.grid.obstacles.poses, values, strict=True):
            target.assign(np.ascontiguousarray(value, dtype=np.float32))
        self._poses = (x1, q1, np.asarray(poses[2]), np.asarray(poses[3]))


def _surroundings(is_open: tuple[bool, ...], fill: float) -> Sides:
    """Open sides behind which there is as much smoke as in the box at the start, and walls."""
    return tuple(Side("open", density=fill) if o else WALL for o in is_open)  # type: ignore[return-value]


def _placed(entity: Entity) -> Emitter:
    """The entity's emitter in the world: its centre is relative to the entity's position."""
    e = entity.shape
    assert isinstance(e, Emitter)
    rotation = rotation_matrix(np.array(entity.orientation))
    centre = rotation @ np.array(e.centre, dtype=np.float64) + entity.position
    velocity = changed(e.velocity, lambda v: rotation @ np.asarray(v) + entity.velocity)
    points = tuple(tuple(rotation @ np.array(p)) for p in e.points)
    return replace(e, centre=tuple(centre), velocity=velocity, points=points)


def _liquids(scene: Scene) -> list[str]:
    return [e.name for e in scene.liquids]


def _at_start(
    scene: Scene, name: str, emitter: Emitter, surface_of: Callable[[str], LiquidSurface] | None
) -> Emitter:  # fmt: skip
    """A carried emitter where its body or its liquid's surface is at the start; others as they are."""
    if not emitter.on:
        return emitter
    if emitter.on in _liquids(scene) and surface_of is not None:
        surface, radius = surface_of(emitter.on), emitter.radius
        seen = surface.points if len(surface.points) else np.array([scene[emitter.on].position])
        if surface.area > 0:
            radius = float(np.sqrt(surface.area / np.pi))
        x, y, z = seen.mean(axis=0)
        return replace(emitter, centre=(float(x), float(y), float(z)), radius=radius, points=(), velocity=(0, 0, 0))
    bodies = {b.name: b for b in scene.movers}
    if emitter.on not in bodies:
        known = ", ".join([*bodies, *_liquids(scene)]) or "none"
        raise ValueError(
            f"emitter {name!r} is on {emitter.on!r}, expected the name of a body or a liquid. There are: {known}."
        )
    body = bodies[emitter.on]
    turn = rotation_matrix(np.array(body.orientation))
    points = tuple(tuple(turn @ np.array(p)) for p in emitter.points)
    centre = np.array(body.position) + turn @ np.array(emitter.centre)
    velocity = changed(emitter.velocity, lambda v: turn @ np.asarray(v))
    return replace(emitter, centre=tuple(centre), velocity=velocity, points=points)
