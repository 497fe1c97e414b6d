"""Random scenes of smoke and liquid with fixed seeds, and what must hold in every one of them.

Emitters, tanks, open water, lakes, obstacles, bodies that float or fly, cloth and wind together, on coarse grids. A
scene is drawn whole from its seed; ``judge`` runs it and returns what must not be.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import fuzz
import numpy as np
from fuzz import direction, floats

from physim.forces import Wind
from physim.lake import Lake
from physim.materials import Cloth, Kinematic, Liquid, Rigid, Smoke, Static
from physim.scene import Scene
from physim.shapes import Box, Capsule, Cylinder, Emitter, Plane, Sphere
from physim.sheet import Sheet
from physim.simulate import simulate
from physim.trajectory import Trajectory

SECONDS = 0.5
PRESETS = ("water", "coffee", "milk", "oil", "honey")
GASES = ("steam", "smoke", "exhaust", "dust", "fog")
"""By name: a preset that is added must not change the scenes of the seeds."""
SIDES = (("+x", "-x"), ("+y", "-y"), ("+z", "-z"))


@dataclass
class Tank:
    """Fixed walls around a volume of liquid."""

    name: str
    low: np.ndarray
    high: np.ndarray
    depth: float
    thick: float = 0.25

    def holds(self, points: np.ndarray, margin: float) -> np.ndarray:
        """Which points (..., 3) are neither within the walls nor below the floor, by more than ``margin`` [m]."""
        grown = self.low - self.thick, self.high + self.thick
        rim = points[..., 1] < self.high[1] - margin
        around = np.all((points[..., (0, 2)] > grown[0][[0, 2]]) & (points[..., (0, 2)] < grown[1][[0, 2]]), axis=-1)
        inside = np.all(
            (points[..., (0, 2)] > self.low[[0, 2]] - margin) & (points[..., (0, 2)] < self.high[[0, 2]] + margin),
            axis=-1,
        )
        in_wall = rim & around & ~inside
        return ~in_wall & ~(around & (points[..., 1] < self.low[1] - margin))


@dataclass
class Draw:
    """One scene as drawn, and what bounds its speeds."""

    seed: int
    scene: Scene
    fps: float
    tank: Tank | None = None
    words: list[str] = field(default_factory=list)
    fastest: float = 0.0
    """Of all that anything starts, blows or is poured with [m/s]."""
    drop: float = 2.0
    """Highest fall there is [m]."""
    closed: bool = False
    """Nothing brings energy or mass in: no emitter of liquid, no wind, nothing that moves as it is told."""

    def __str__(self) -> str:
        return f"seed {self.seed}: {', '.join(self.words)}"


@dataclass
class Verdict(fuzz.Verdict):
    """What was found in one run."""

    figures: dict[str, float] = field(default_factory=dict)


def draw(seed: int) -> Draw:
    """The scene of a seed."""
    rng = np.random.default_rng([2028, seed])
    scene = Scene(seed=seed)
    drawn = Draw(seed, scene, float(rng.choice([24, 30, 60])), closed=True)
    if rng.random() < 0.8:
        scene.add(Plane(), Static(friction=float(rng.random())), name="ground")
    kind = rng.choice(["smoke", "tank", "open", "both", "lake"], p=(0.3, 0.3, 0.15, 0.17, 0.08))
    drawn.words.append(str(kind))
    if kind in ("tank", "both"):
        _add_tank(rng, drawn)
    if kind == "open":
        _add_open_liquid(rng, drawn)
    if kind == "lake":
        _add_lake(rng, drawn)
    if kind in ("smoke", "both"):
        _add_smoke(rng, drawn)
    _add_wind(rng, drawn)
    _add_obstacles(rng, drawn)
    _add_bodies(rng, drawn)
    _add_cloth(rng, drawn)
    return drawn


def _liquid(rng: np.random.Generator, **values) -> Liquid:
    return Liquid(str(rng.choice(PRESETS)), resolution=int(rng.integers(16, 25)), **values)


def _add_tank(rng: np.random.Generator, drawn: Draw) -> None:
    """A box of fixed walls, of 0.3 to 1.2 m, or a box of the grid; partly full, at rest or thrown."""
    size = rng.uniform(0.3, 1.2, 3)
    low, high = np.array([-size[0] / 2, 0.0, -size[2] / 2]), np.array([size[0] / 2, size[1], size[2] / 2])
    depth = float(rng.uniform(0.25, 0.7) * size[1])
    drawn.tank = tank = Tank("water", low, high, depth)
    material = _liquid(rng, domain=(floats(low - 1e-9), floats(high)))
    drawn.drop = float(size[1])
    full = np.array([size[0] * rng.choice([1.0, 0.4]), depth, size[2]])
    centre = low + full / 2
    drawn.scene.add(Box(floats(full)), material, name="water", position=floats(centre))
    for axis, side, place in ((0, -1, low), (0, 1, high), (2, -1, low), (2, 1, high)):
        wall = size + 2 * tank.thick
        wall[axis], wall[1] = tank.thick, size[1]
        at = np.array([0.0, size[1] / 2, 0.0])
        at[axis] = place[axis] + side * tank.thick / 2
        drawn.scene.add(Box(floats(wall)), Static(), name=f"wall {axis} {side}", position=floats(at))
    drawn.scene.add(
        Box(floats(size * (1, 0, 1) + (0.5, 0.25, 0.5))), Static(), name="floor", position=(0.0, -0.125, 0.0)
    )
    if rng.random() < 0.3:
        at = rng.uniform(low, high)
        at[1] = 0.9 * size[1]
        _add_tap(rng, drawn, material, at, 0.12 * float(size.max()))


def _add_tap(rng, drawn: Draw, material: Liquid, at: np.ndarray, radius: float) -> None:
    velocity = rng.normal(size=3) * (0.5, 0.2, 0.5) - (0.0, float(rng.uniform(0.2, 3.0)), 0.0)
    start = float(rng.uniform(0.0, 0.2))
    emitter = Emitter((0.0, 0.0, 0.0), radius, velocity=floats(velocity), start=start, end=start + 0.2)
    drawn.scene.add(emitter, material, name="tap", position=floats(at))
    drawn.fastest += float(np.linalg.norm(velocity))
    drawn.closed = False
    drawn.words.append("tap")


def _add_open_liquid(rng: np.random.Generator, drawn: Draw) -> None:
    """A ball, a block or a jet of liquid in the air; where it is simulated is chosen by the library."""
    material = _liquid(rng)
    at = np.array([0.0, rng.uniform(0.3, 0.8), 0.0])
    size = float(rng.uniform(0.1, 0.25))
    kind = int(rng.integers(3))
    if kind == 2:
        _add_tap(rng, drawn, material, at, size)
        return
    velocity = direction(rng) * float(rng.uniform(0.0, 3.0))
    shape = Sphere(size) if kind else Box(floats(rng.uniform(0.15, 0.4, 3)))
    drawn.scene.add(shape, material, name="blob", position=floats(at), velocity=floats(velocity))
    drawn.fastest += float(np.linalg.norm(velocity))


def _add_lake(rng: np.random.Generator, drawn: Draw) -> None:
    size, depth = rng.uniform(2.0, 10.0, 2), float(rng.uniform(0.3, 3.0))
    sides = [s for s in ("-x", "+x", "-z", "+z") if rng.random() < 0.3]
    current = rng.normal(size=2) * 0.3
    lake = Lake(floats(size), depth, cells=int(rng.integers(16, 33)), open=tuple(sides), current=floats(current))
    level = depth if "ground" in drawn.scene.entities else 0.0
    drawn.scene.add(lake, Liquid("water"), name="lake", position=(0.0, level, 0.0))
    drawn.drop = 2.0 + depth
    drawn.fastest += float(np.linalg.norm(current)) + float(np.sqrt(9.81 * depth)) * 0.1
    drawn.closed = False


def _add_smoke(rng: np.random.Generator, drawn: Draw) -> None:
    """One or two sources of one kind of gas, hot or cold, still or as a jet."""
    preset = str(rng.choice(GASES))
    values: dict = dict(resolution=int(rng.integers(16, 25)), vorticity_confinement=float(rng.choice([0.0, 0.3, 1.0])))
    if rng.random() < 0.4:
        values["temperature"] = float(rng.choice([240.0, 400.0, 900.0]))
    if rng.random() < 0.4:
        values["domain"] = ((-0.8, 0.0, -0.8), (0.8, float(rng.uniform(0.8, 2.0)), 0.8))
    material = Smoke(preset, **values)
    above = 0.0 if drawn.tank is None else drawn.tank.depth
    for k in range(int(rng.integers(1, 3))):
        velocity = direction(rng) * float(rng.choice([0.0, 1.0, 6.0]) * rng.random())
        at = rng.uniform((-0.4, 0.1, -0.4), (0.4, 0.5, 0.4)) + (0.0, above, 0.0)
        emitter = Emitter(
            floats(at), float(rng.uniform(0.04, 0.2)), float(rng.uniform(0.5, 8.0)), floats(velocity),
            flicker=float(rng.choice([0.0, 0.3])),
        )  # fmt: skip
        drawn.scene.add(emitter, material, name=f"source {k}")
        drawn.fastest += float(np.linalg.norm(velocity))
    assert material.temperature is not None
    low, high = sorted((material.temperature, material.ambient_temperature))
    # buoyancy alone for the whole run, of gas that swells and shrinks no more than the source's
    drawn.fastest += 9.81 * (high / low - 1) * SECONDS
    drawn.words.append(preset)


def _add_wind(rng: np.random.Generator, drawn: Draw) -> None:
    if rng.random() < 0.5:
        return
    turn, speed = rng.uniform(0, 2 * np.pi), float(rng.choice([0.5, 3.0, 15.0]) * rng.random())
    gust = float(rng.choice([0.0, 0.5]))
    drawn.scene.add(Wind((speed * np.cos(turn), 0.0, speed * np.sin(turn)), gust=gust, seed=drawn.seed))
    drawn.fastest += speed * (1 + 3 * gust)
    drawn.closed = False
    drawn.words.append("wind")


def _shape(rng: np.random.Generator, size: float):
    kind = int(rng.integers(4))
    if kind == 0:
        return Sphere(size / 2)
    if kind == 1:
        return Box(floats(size * rng.uniform(0.5, 1.0, 3)))
    return Capsule(size / 4, size / 2) if kind == 2 else Cylinder(size / 3, size / 2)


def _reach(drawn: Draw) -> tuple[np.ndarray, np.ndarray]:
    """Where to put bodies and obstacles."""
    if drawn.tank is None:
        return np.array([-0.6, 0.05, -0.6]), np.array([0.6, 1.2, 0.6])
    return drawn.tank.low, drawn.tank.high


def _add_obstacles(rng: np.random.Generator, drawn: Draw) -> None:
    low, high = _reach(drawn)
    span = float((high - low).min())
    for k in range(int(rng.choice([0, 0, 1, 2]))):
        shape = _shape(rng, span * float(rng.uniform(0.15, 0.35)))
        at = rng.uniform(low, high)
        q = floats(rng.normal(size=4))
        if rng.random() < 0.4:
            velocity = direction(rng) * float(rng.uniform(0.1, 1.0))
            spin = rng.normal(size=3)
            drawn.scene.add(
                shape, Kinematic(), name=f"driven {k}", position=floats(at), orientation=q,
                velocity=floats(velocity), angular_velocity=floats(spin),
            )  # fmt: skip
            drawn.fastest += float(np.linalg.norm(velocity) + np.linalg.norm(spin) * shape.bounding_radius)
            drawn.closed = False
            drawn.words.append(f"driven {type(shape).__name__}")
        else:
            drawn.scene.add(shape, Static(), name=f"fixed {k}", position=floats(at), orientation=q)
            drawn.words.append(f"fixed {type(shape).__name__}")


def _add_bodies(rng: np.random.Generator, drawn: Draw) -> None:
    """Up to three, of a tenth to eight times the density of water, apart from each other and from what is fixed."""
    low, high = _reach(drawn)
    span = float((high - low).min())
    taken = [
        (np.array(e.position), e.shape.bounding_radius)
        for e in drawn.scene.statics
        if e.name.startswith(("fixed", "driven"))
    ]
    for k in range(int(rng.integers(0, 4))):
        shape = _shape(rng, span * float(rng.uniform(0.12, 0.3)))
        reach = shape.bounding_radius
        for _ in range(30):
            at = rng.uniform(low + 1.02 * reach, np.maximum(high - 1.02 * reach, low + 1.03 * reach))
            if all(np.linalg.norm(at - c) > 1.05 * (reach + r) for c, r in taken):
                break
        else:
            continue
        taken.append((at, reach))
        speed = float(rng.choice([0.0, 1.0, 5.0]) * rng.random())
        velocity, spin = direction(rng) * speed, rng.normal(size=3) * 3
        density = float(10.0 ** rng.uniform(2.0, 3.9))
        drawn.scene.add(
            shape, Rigid(density=density, friction=0.4, restitution=0.2), name=f"body {k}", position=floats(at),
            orientation=floats(rng.normal(size=4)), velocity=floats(velocity), angular_velocity=floats(spin),
        )  # fmt: skip
        drawn.fastest += speed + float(np.linalg.norm(spin)) * reach
        drawn.words.append(f"{type(shape).__name__} of {density:.0f} kg/m^3")


def _add_cloth(rng: np.random.Generator, drawn: Draw) -> None:
    if rng.random() < 0.75:
        return
    top = 1.4 if drawn.tank is None else float(drawn.tank.high[1]) + 0.1
    pin: tuple[str, ...] = [(), ("top",), ("corners",)][int(rng.integers(3))]
    drawn.scene.add(
        Sheet((0.4, 0.4), (8, 8)), Cloth("cotton"), name="sheet", position=(0.0, top, 0.0),
        orientation=floats(rng.normal(size=4)), pin=pin,
    )  # fmt: skip
    drawn.words.append("sheet")


# -- what must hold ----------------------------------------------------------------------------------------------------


def judge(drawn: Draw, seconds: float = SECONDS, device: str = "cpu", twice: bool = False) -> Verdict:
    """Run the scene, twice if asked, and look for what must not be."""
    verdict = Verdict()

    def run() -> Trajectory:
        trajectory = simulate(drawn.scene, seconds=seconds, fps=drawn.fps, device=device)
        if twice:
            again = simulate(drawn.scene, seconds=seconds, fps=drawn.fps, device=device)
            _look_at_twins(trajectory, again, verdict)
        return trajectory

    trajectory = fuzz.attempt(run, verdict, [repr(e.name) for e in drawn.scene])
    if trajectory is None:
        return verdict
    _look_at_numbers(trajectory, verdict)
    if not verdict.faults:
        _look_at_smoke(trajectory, drawn, verdict)
        _look_at_liquid(trajectory, drawn, verdict)
        _look_at_lakes(trajectory, drawn, verdict)
        _look_at_bodies(trajectory, drawn, verdict)
    return verdict


def arrays(trajectory: Trajectory) -> dict[str, np.ndarray]:
    """All states of a run by name."""
    found: dict[str, np.ndarray] = {}
    for name, track in trajectory.bodies.items():
        found |= {f"{name}.position": track.dense_position, f"{name}.velocity": track.dense_velocity}
        found[f"{name}.orientation"] = track.dense_orientation
    for name, cloth in trajectory.cloths.items():
        found[f"{name}.position"] = cloth.dense_position
    for name, gas in trajectory.smokes.items():
        found |= {f"{name}.density": gas.density, f"{name}.velocity": gas.velocity, f"{name}.heat": gas.temperature}
    for name, liquid in trajectory.liquids.items():
        there = np.isfinite(liquid.position[..., 0])
        found |= {f"{name}.position": liquid.position[there], f"{name}.velocity": liquid.velocity[there]}
    for name, lake in trajectory.lakes.items():
        found |= {f"{name}.eta": lake.eta[np.isfinite(lake.eta)], f"{name}.velocity": lake.velocity}
    return found


def _look_at_twins(a: Trajectory, b: Trajectory, verdict: Verdict) -> None:
    one, other = arrays(a), arrays(b)
    for name, values in one.items():
        if not np.array_equal(values, other[name], equal_nan=True):
            verdict.faults.append(f"two runs differ in {name}")


def _look_at_numbers(trajectory: Trajectory, verdict: Verdict) -> None:
    for name, values in arrays(trajectory).items():
        if not np.isfinite(values).all():
            verdict.faults.append(f"{name} is not finite")
    for name, value in trajectory.report.values.items():
        if not np.isfinite(value):
            verdict.faults.append(f"report: {name} is {value}")


def _speed_limit(drawn: Draw, seconds: float) -> float:
    """What anything may reach by being thrown, blown or poured, and falling besides [m/s]."""
    return drawn.fastest + min(9.81 * seconds, float(np.sqrt(2 * 9.81 * drawn.drop)))


SQUEEZE = 2.5
"""How much faster fluid may be in a narrow place, a jet or a crown than anything that drives it [-]. Ten cells per step
or a doubling per frame, as of something unstable, is far beyond."""


def _look_at_smoke(trajectory: Trajectory, drawn: Draw, verdict: Verdict) -> None:
    limit = SQUEEZE * _speed_limit(drawn, trajectory.seconds) + 0.5
    for name, track in trajectory.smokes.items():
        fastest = float(np.linalg.norm(track.velocity.astype(np.float32), axis=-1).max())
        verdict.figures["smoke speed over its limit [-]"] = fastest / limit
        if fastest > limit:
            verdict.faults.append(f"smoke {name!r} reaches {fastest:.3g} m/s, expected at most {limit:.3g}")
        # single precision of what passes nearly closed faces: a hundred thousandth of the densest
        if track.density.min() < -1e-5 * max(1.0, float(track.density.max())):
            verdict.faults.append(f"smoke {name!r} has density {track.density.min():.3g}")
    values = trajectory.report.values
    if trajectory.smokes:
        verdict.figures["smoke mass error [-]"] = values["smoke_mass_error [-]"]
        verdict.figures["smoke divergence [-]"] = values["smoke_divergence [-]"]
        if values["smoke_mass_error [-]"] > 0.01:
            verdict.faults.append(f"smoke mass error {values['smoke_mass_error [-]']:.3g}, expected at most 0.01")
        # the pressure leaves some 3e-6; thirty times that is a solve that has not found its answer
        if values["smoke_divergence [-]"] > 1e-4:
            verdict.faults.append(f"smoke divergence {values['smoke_divergence [-]']:.3g}, expected at most 1e-4")


def _look_at_liquid(trajectory: Trajectory, drawn: Draw, verdict: Verdict) -> None:
    limit = SQUEEZE * _speed_limit(drawn, trajectory.seconds) + 0.5
    for name, track in trajectory.liquids.items():
        speed = np.linalg.norm(np.nan_to_num(track.velocity.astype(np.float32)), axis=-1)
        verdict.figures["liquid speed over its limit [-]"] = float(speed.max(initial=0.0)) / limit
        if speed.max(initial=0.0) > limit:
            frame, number = np.unravel_index(speed.argmax(), speed.shape)
            verdict.faults.append(
                f"liquid {name!r} reaches {speed.max():.3g} m/s in frame {frame} at {track.position[frame, number]}, "
                f"expected at most {limit:.3g}"
            )
        _look_at_volume(name, track, verdict)
        if drawn.tank is not None:
            # a particle at a wall may stand in it by what the walls' half cells leave open
            there = np.isfinite(track.position[-1, :, 0])
            held = drawn.tank.holds(track.position[-1, there], 0.75 * track.cell)
            share = 1 - float(held.mean()) if len(held) else 0.0
            verdict.figures["liquid in walls [-]"] = share
            if share > 0.002:
                verdict.faults.append(f"{100 * share:.2g} % of liquid {name!r} went through the tank")
    values = trajectory.report.values
    if not trajectory.liquids:
        return
    start, poured = values["liquid_volume_start [m^3]"], values["liquid_volume_emitted [m^3]"]
    left, end = values["liquid_volume_left [m^3]"], values["liquid_volume_end [m^3]"]
    if abs(start + poured - left - end) > 1e-3 * (start + poured):
        verdict.faults.append(f"of {start:.4g} + {poured:.4g} m^3 left {left:.4g} and are there {end:.4g}")
    if left < 0:
        verdict.faults.append(f"left {left:.3g} m^3")


def _look_at_volume(name: str, track, verdict: Verdict) -> None:
    """The cells that particles are in must have room for them: liquid that is squeezed is lost to the eye."""
    for frame in {0, len(track.position) // 2, len(track.position) - 1}:
        there = np.isfinite(track.position[frame, :, 0])
        if there.sum() < 500:
            continue
        cells = np.unique(np.floor(track.position[frame, there] / track.cell).astype(int), axis=0)
        room = len(cells) * track.cell**3 / (there.sum() * track.particle_volume)
        verdict.figures["least room of the liquid [-]"] = min(
            room, verdict.figures.get("least room of the liquid [-]", 9.0)
        )
        if room < 0.85:
            verdict.faults.append(f"liquid {name!r} is squeezed into {room:.2f} of its volume in frame {frame}")


def _look_at_lakes(trajectory: Trajectory, drawn: Draw, verdict: Verdict) -> None:
    for name, track in trajectory.lakes.items():
        depth = float(-track.bed.min())
        limit = SQUEEZE * (_speed_limit(drawn, trajectory.seconds) + float(np.sqrt(9.81 * depth)))
        fastest = float(np.linalg.norm(np.nan_to_num(track.velocity.astype(np.float32)), axis=-1).max())
        if fastest > limit:
            verdict.faults.append(f"lake {name!r} flows at {fastest:.3g} m/s, expected at most {limit:.3g}")
        lake = drawn.scene[name].shape
        assert isinstance(lake, Lake)
        change = abs(track.volume(len(track.eta) - 1) / track.volume(0) - 1)
        bodies = sum(e.shape.volume for e in drawn.scene.movers) / track.volume(0)
        if not lake.open and change > 1e-3 + bodies:
            verdict.faults.append(f"closed lake {name!r} changed its volume by {100 * change:.2g} %")


def _look_at_bodies(trajectory: Trajectory, drawn: Draw, verdict: Verdict) -> None:
    limit = SQUEEZE * _speed_limit(drawn, trajectory.seconds) + 1.0
    for body in drawn.scene.bodies:
        track = trajectory.bodies[body.name]
        fastest = float(np.linalg.norm(track.dense_velocity, axis=1).max())
        verdict.figures["body speed over its limit [-]"] = max(
            fastest / limit, verdict.figures.get("body speed over its limit [-]", 0.0)
        )
        if fastest > limit:
            verdict.faults.append(f"{body.name} reaches {fastest:.3g} m/s, expected at most {limit:.3g}")
        if drawn.tank is not None and not drawn.tank.holds(track.dense_position, 0.0).all():
            when = int((~drawn.tank.holds(track.dense_position, 0.0)).argmax()) / (track.fps * track.samples_per_frame)
            verdict.faults.append(f"{body.name}'s centre is in a wall of the tank at {when:.3f} s")
