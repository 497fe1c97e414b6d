"""Random scenes of solids with fixed seeds, and what must hold in every one of them.

A scene is drawn whole from its seed; leaving bodies out afterwards changes nothing else, so that a failure can be
reduced to the few bodies that it takes.
"""

from __future__ import annotations

from dataclasses import dataclass

import fuzz
import fuzz_guides
import numpy as np
from fuzz import direction, floats

from physim.compound import Compound, Part
from physim.materials import Rigid, Static
from physim.scene import Entity, Scene
from physim.shapes import Box, Capsule, Cylinder, HeightField, Hull, Mesh, Plane, Sphere, Triangles
from physim.simulate import simulate
from physim.trajectory import BodyTrack, Trajectory

GROUNDS = ("plane", "pen", "field", "mesh", "space")
KINDS = ("sphere", "box", "capsule", "cylinder", "hull", "mesh", "compound")
GUIDED = 1000
"""First of the seeds whose bodies are tied by joints or meet something that moves as it is told."""
SPEED = 50.0
"""Fastest start, of the centre and of the surface by spin alike [m/s]."""


@dataclass(frozen=True)
class Drawn:
    """One body as drawn."""

    shape: object
    material: Rigid
    position: tuple[float, float, float]
    orientation: tuple[float, float, float, float]
    velocity: tuple[float, float, float]
    angular_velocity: tuple[float, float, float]


@dataclass(frozen=True)
class Draw:
    """One scene as drawn."""

    seed: int
    ground: str
    bodies: tuple[Drawn, ...]
    static: Static
    fps: float
    gravity: tuple[float, float, float]
    crowded: bool
    """Bodies may overlap at the start."""
    ties: tuple[fuzz_guides.Tie, ...] = ()
    paddle: fuzz_guides.Paddle | None = None

    def __str__(self) -> str:
        kinds = ", ".join([type(b.shape).__name__ for b in self.bodies] + [t.kind for t in self.ties])
        kinds += ", paddle" if self.paddle else ""
        return (
            f"seed {self.seed}: {self.ground}, {'crowded, ' if self.crowded else ''}{len(self.bodies)} bodies: {kinds}"
        )


@dataclass
class Verdict(fuzz.Verdict):
    """What was found in one run."""

    energy_gain: float = 0.0
    """Largest rise over any earlier sample, relative to the largest energy at hand [-]."""
    sunk: float = 0.0
    """Deepest point of any body below the ground, less its depth at the start [m]."""


def draw(seed: int) -> Draw:
    """The scene of a seed."""
    rng = np.random.default_rng([2026, seed])
    ground = GROUNDS[rng.choice(len(GROUNDS), p=(0.35, 0.2, 0.15, 0.15, 0.15))]
    crowded = bool(rng.random() < 0.3)
    count = int(rng.integers(1, 9))
    spread = float(rng.choice([0.0, 1.0, 2.0, 4.0]))  # decades of mass
    top = float(rng.choice([1.0, 5.0, SPEED]))
    air = float(rng.choice([0.0, 0.5]))
    restitution, friction = rng.choice([0.0, 1.0, rng.random()]), rng.choice([0.0, 1.2 * rng.random()])
    static = Static(friction=float(friction), restitution=float(restitution))
    bodies: list[Drawn] = []
    for _ in range(count):
        shape = _shape(rng)
        reach = shape.bounding_radius
        mass = 0.01 * 10.0 ** (spread * rng.random())
        velocity = direction(rng) * top * rng.random()
        spin = direction(rng) * min(top / reach, 300.0) * rng.random()
        own = rng.random(2)
        material = Rigid(
            mass=float(mass), friction=float(own[0] * friction), restitution=float(own[1] * restitution),
            drag_coefficient=air,
        )  # fmt: skip
        q = rng.normal(size=4)
        box = 0.3 if crowded else 0.8 + 0.4 * count**0.5
        for _attempt in range(50):
            low = -0.3 * reach if crowded else 1.05 * reach
            place = rng.uniform((-box, low, -box), (box, 0.2 + box, box)) + (0.0, max(low, 0.0), 0.0)
            place[1] += 0.45 if ground in ("field", "mesh") else 0.0
            clear = all(np.linalg.norm(place - b.position) > 1.05 * (reach + b.shape.bounding_radius) for b in bodies)
            if crowded or clear:
                break
            box *= 1.1
        bodies.append(Drawn(shape, material, *map(floats, (place, q, velocity, spin))))
    gravity = (0.0, 0.0, 0.0) if ground == "space" else (0.0, -9.81, 0.0)
    fps = float(rng.choice([24, 30, 60]))
    placed, ties, paddle = tuple(bodies), (), None
    if seed >= GUIDED:
        placed, ties, paddle = fuzz_guides.draw(seed, placed, ground)
    return Draw(seed, ground, placed, static, fps, gravity, crowded, ties, paddle)


def _shape(rng: np.random.Generator):
    """Any kind, 2 cm to 0.5 m, with edges of up to 10 to 1."""
    kind = KINDS[rng.integers(len(KINDS))]
    if kind == "compound":
        parts = []
        for _ in range(int(rng.integers(2, 4))):
            q = rng.normal(size=4)
            parts.append(Part(_convex(rng, KINDS[rng.integers(5)]), floats(rng.uniform(-0.2, 0.2, 3)), floats(q)))
        return Compound(tuple(parts))
    if kind == "mesh":
        # its hull has 20 corners: one of more than 24 would collide as a simpler one
        r, h, t = 0.05 + 0.2 * rng.random(), 0.05 + 0.2 * rng.random(), 0.01
        cup = np.array([[0, 0], [r, 0], [r, h], [r - t, h], [r - t, t], [0, t]])
        return Mesh.revolved(cup - (0.0, h / 2), segments=10)
    return _convex(rng, kind)


def _convex(rng: np.random.Generator, kind: str):
    size = 0.02 * 25.0 ** rng.random()
    ratio = 10.0 ** rng.uniform(-1, 0, 3)
    if kind == "sphere":
        return Sphere(size / 2)
    if kind == "box":
        return Box(floats(size * ratio / ratio.max()))
    if kind == "capsule":
        return Capsule(size / 4, size * float(ratio[0]))
    if kind == "cylinder":
        return Cylinder(size / 2, size * float(ratio[0]) * 2)
    points = rng.normal(size=(int(rng.integers(5, 25)), 3))
    return Hull(points / np.abs(points).max() * size / 2)


def hills() -> HeightField:
    """Relief of +-0.3 m, 24 m wide."""
    x = np.linspace(-12.0, 12.0, 97)
    u, w = np.meshgrid(x, x)
    return HeightField(0.2 * np.sin(1.3 * u) * np.cos(w) + 0.1 * np.sin(2.9 * w), (-12.0, -12.0), 0.25)


def slab(relief: HeightField) -> Mesh:
    """The same relief as a closed mesh with a flat bottom 2 m below."""
    rows, columns = relief.heights.shape
    x = relief.origin[0] + relief.cell * np.arange(columns)
    z = relief.origin[1] + relief.cell * np.arange(rows)
    u, w = np.meshgrid(x, z)
    top = np.stack([u, relief.heights.astype(np.float64), w], -1).reshape(-1, 3)
    bottom = top * (1, 0, 1) - (0, 2.0, 0)
    k, i = (a.ravel() for a in np.mgrid[: rows - 1, : columns - 1])
    a = k * columns + i
    b, c, d = a + 1, a + columns, a + columns + 1  # a, b along x; c, d one row further in z
    faces = np.concatenate([np.stack([a, d, b], 1), np.stack([a, c, d], 1)])
    under = faces[:, ::-1] + rows * columns
    grid = np.arange(rows * columns).reshape(rows, columns)
    ring = np.concatenate([grid[0, :-1], grid[:-1, -1], grid[-1, :0:-1], grid[:0:-1, 0]])
    after = np.roll(ring, -1)
    skirt = np.concatenate(
        [np.stack([ring, after, ring + grid.size], 1), np.stack([after, after + grid.size, ring + grid.size], 1)]
    )
    return Mesh(Triangles(np.concatenate([top, bottom]), np.concatenate([faces, under, skirt]).astype(np.int32)))


def build(drawn: Draw, keep: tuple[int, ...] | None = None) -> Scene:
    """The scene, with all bodies or with those of the numbers in ``keep``."""
    scene = Scene(gravity=drawn.gravity)
    if drawn.ground in ("plane", "pen"):
        scene.add(Plane(), drawn.static, name="ground")
    if drawn.ground == "pen":
        for k, (x, z) in enumerate(((-2, 0), (2, 0), (0, -2), (0, 2))):
            size = (0.5 if x else 4.5, 4.0, 0.5 if z else 4.5)
            scene.add(Box(size), drawn.static, name=f"wall {k}", position=(1.15 * x, 2.0, 1.15 * z))
    if drawn.ground == "field":
        scene.add(hills(), drawn.static, name="ground")
    if drawn.ground == "mesh":
        scene.add(slab(hills()), drawn.static, name="ground")
    for k, body in enumerate(drawn.bodies):
        if keep is None or k in keep:
            scene.add(
                body.shape, body.material, name=f"body {k}", position=body.position, orientation=body.orientation,
                velocity=body.velocity, angular_velocity=body.angular_velocity,
            )  # fmt: skip
    fuzz_guides.add(scene, drawn.ties, drawn.paddle, drawn.static.friction, drawn.static.restitution)
    return scene


def judge(drawn: Draw, keep: tuple[int, ...] | None = None, seconds: float = 1.0, device: str = "cpu") -> Verdict:
    """Run the scene and look for what must not be."""
    verdict = Verdict()
    scene = build(drawn, keep)
    names = [e.name for e in scene.bodies]
    trajectory = fuzz.attempt(lambda: simulate(scene, seconds=seconds, fps=drawn.fps, device=device), verdict, names)
    if trajectory is None:
        return verdict
    _look_at_energy(trajectory, drawn, verdict)
    _look_at_ground(trajectory, drawn, verdict)
    return verdict


def _states(entity: Entity, track: BodyTrack) -> tuple[np.ndarray, np.ndarray]:
    """Centre of mass (S, 3) and rotation (S, 3, 3) at all samples."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_quat(track.dense_orientation).as_matrix()
    centre = np.zeros(3)
    if isinstance(entity.shape, Mesh):
        centre = entity.shape.triangles.mass_properties()[1]
    return track.dense_position + turn @ centre, turn


def energy(trajectory: Trajectory) -> tuple[np.ndarray, np.ndarray]:
    """Kinetic and potential energy of all bodies at all samples (S,) [J], from the public tracks alone."""
    kinetic = potential = np.zeros(1)
    for entity in trajectory.scene.bodies:
        track = trajectory.bodies[entity.name]
        centre, turn = _states(entity, track)
        own = np.einsum("sji,sj->si", turn, track.dense_angular_velocity)
        kinetic = kinetic + 0.5 * entity.mass * (track.dense_velocity**2).sum(1)
        kinetic = kinetic + 0.5 * np.einsum("si,ij,sj->s", own, entity.inertia, own)
        potential = potential - entity.mass * centre @ trajectory.scene.gravity
    return kinetic, potential


ENERGY_TOLERANCE = 5e-4
"""Growth that counts as rounding, relative to the largest kinetic energy of the run [-]: single precision impulses of
some hundred impacts, 6e-8 each, through lever arms of ten to one."""


TIED_TOLERANCE = 4e-3
"""The same where joints tie bodies: a weight on a spring that crushes a light one against the ground with steady blows
gets back 0.3 % from the soft contacts; all else is below ``ENERGY_TOLERANCE``."""


def _look_at_energy(trajectory: Trajectory, drawn: Draw, verdict: Verdict) -> None:
    kinetic, potential = energy(trajectory)
    total = kinetic + potential + fuzz_guides.spring_energy(trajectory)
    if not np.isfinite(total).all():
        verdict.faults.append("a state is not finite")
        return
    if drawn.paddle:  # it does work
        return
    gain = total - np.minimum.accumulate(total)
    scale = max(float(kinetic.max()), 1e-9)
    verdict.energy_gain = float(gain.max()) / scale
    stated = trajectory.report.values["energy_gain [J]"]
    if drawn.crowded:
        if gain.max() > 1.01 * stated + ENERGY_TOLERANCE * scale:
            verdict.faults.append(f"energy rose by {gain.max():.3g} J, the report states {stated:.3g} J")
        return
    if verdict.energy_gain > (TIED_TOLERANCE if drawn.ties else ENERGY_TOLERANCE):
        when = int(gain.argmax()) / (trajectory.fps * next(iter(trajectory.bodies.values())).samples_per_frame)
        verdict.faults.append(
            f"energy rose by {verdict.energy_gain:.2e} of {scale:.3g} J by {when:.3f} s (report: {stated:.3g} J)"
        )


SINK_TOLERANCE = 0.02
"""Depth below the ground, over the bounding radius [-], that is still a hard landing."""
PATH_TOLERANCE = 0.1 / 960
"""The same over the fastest speed [s]: a tenth of the path in a substep, as slopes of relief change under a body that
slides over them at 24 m/s. Deeper than both together and 2 mm is through the ground."""


def _look_at_ground(trajectory: Trajectory, drawn: Draw, verdict: Verdict) -> None:
    if drawn.ground == "space":
        return
    relief = hills() if drawn.ground in ("field", "mesh") else None
    for entity in trajectory.scene.bodies:
        track = trajectory.bodies[entity.name]
        points = np.zeros((1, 3)) if isinstance(entity.shape, Sphere) else entity.shape.triangles.vertices
        radius = entity.shape.radius if isinstance(entity.shape, Sphere) else 0.0
        _, turn = _states(entity, track)
        world = track.dense_position[:, None] + np.einsum("sij,pj->spi", turn, points)
        floor = np.zeros(world.shape[:2]) if relief is None else relief.height_at(world[..., 0], world[..., 2])
        if relief is not None:
            inside = (np.abs(world[..., 0]) < 11.5) & (np.abs(world[..., 2]) < 11.5)
            floor = np.where(inside & np.logical_and.accumulate(inside.all(1))[:, None], floor, -np.inf)
        depth = (floor - world[..., 1] + radius).max(1)
        sunk = float(depth.max() - max(depth[0], 0.0))
        verdict.sunk = max(verdict.sunk, sunk)
        speed = float(np.linalg.norm(track.dense_velocity, axis=1).max())
        reach = entity.shape.bounding_radius + fuzz_guides.lever(trajectory.scene, entity)
        if sunk > SINK_TOLERANCE * reach + PATH_TOLERANCE * speed + 2e-3:
            when = int(depth.argmax()) / (track.fps * track.samples_per_frame)
            verdict.faults.append(
                f"{entity.name} ({type(entity.shape).__name__}, {entity.mass:.3g} kg, reach "
                f"{entity.shape.bounding_radius:.3g} m) is {1e3 * sunk:.1f} mm below the ground at {when:.3f} s"
            )


def reduce(drawn: Draw, word: str, seconds: float = 1.0) -> tuple[int, ...]:
    """The fewest bodies, leaving out one after the other, with which a fault that contains ``word`` remains."""
    keep = tuple(range(len(drawn.bodies)))
    for k in range(len(drawn.bodies)):
        fewer = tuple(i for i in keep if i != k)
        if fewer and any(word in fault for fault in judge(drawn, fewer, seconds).faults):
            keep = fewer
    return keep
