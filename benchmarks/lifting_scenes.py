"""Twenty-four scenes of things on a table or a floor whose form, place and outline are known exactly.

Boxes turned at random, balls, upright and lying cylinders, turned bodies (a pawn of two cylinders and a ball), an L of
two boxes, and a thing that stands on another; in every fourth scene things hide parts of each other. What is random
comes from the number of the scene. Rendered by :mod:`benchmarks.depth_render`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from benchmarks.depth_render import Ball, Block, DepthScene, Look, Post, Rod, World, render, seen
from physim.camera import Camera
from physim.shapes import Box, Cylinder, Sphere, Triangles
from physim.zbuffer import placed

SIZE = (320, 480)
"""(height, width) [pixels]."""
COUNT = 24
KINDS = ("box", "ball", "upright", "lying", "pawn", "L", "stack")
Primitive = Block | Ball | Post | Rod


@dataclass(frozen=True)
class Known:
    """One thing and the truth about it."""

    name: str
    kind: str
    """box, ball, upright, lying, pawn or L"""
    parts: tuple[Primitive, ...]
    volume: float
    """[m^3]"""
    centre: np.ndarray
    """Of mass (3,) [m], world."""
    extent: np.ndarray
    """Of the box around it along the world's axes (3,) [m]."""
    stands_on: str = "ground"
    mask: np.ndarray = None  # type: ignore[assignment]
    """(h, w) bool: where it is seen."""
    hidden: float = 0.0
    """Part of its outline that others hide [-]."""


@dataclass(frozen=True)
class LiftingScene:
    picture: DepthScene
    hints: dict[str, float]
    """The true camera in the words of a shot file."""
    things: tuple[Known, ...]
    """What stands on a thing comes after it."""


def scene(number: int) -> LiftingScene:
    """The scene of this number, 0 to ``COUNT`` - 1."""
    rng = np.random.default_rng(4000 + number)
    crowded = number % 4 == 3
    while True:
        hints, camera, reach = _camera(rng, small=number % 2 == 0)
        things = _things(rng, camera, reach, [KINDS[(3 * number + k) % len(KINDS)] for k in range(3)])
        coarse = _masks(things, camera.resized((SIZE[0] // 5, SIZE[1] // 5)))
        if coarse is None or not _fits(coarse, crowded, 0.02):
            continue
        found = _masks(things, camera)
        if found is not None and _fits(found, crowded):
            break
    wood = Look(tuple(rng.uniform(0.15, 0.5, 3)), str(rng.choice(["planks", "plaster", "tiles"])), 0.4 * reach)
    sun = (float(rng.uniform(-1, 1)), float(rng.uniform(0.8, 1.6)), float(rng.uniform(-0.4, 1)))
    world = World([p for t in found for p in t.parts], camera, wood, sun, 0.5)
    return LiftingScene(render(f"lifting_{number}", world, number), hints, tuple(found))


def _camera(rng: np.random.Generator, *, small: bool) -> tuple[dict[str, float], Camera, float]:
    """A hand-held camera before a table (``small``) or a floor; and how far away things stand [m]."""
    fov, roll = float(rng.uniform(35, 60)), float(rng.normal(0, 1))
    pitch = float(rng.uniform(18, 38) if small else rng.uniform(8, 24))
    height = float(rng.uniform(0.3, 0.55) if small else rng.uniform(1.2, 1.7))
    camera = Camera.looking(SIZE, fov_deg=fov, pitch_deg=pitch, roll_deg=roll, height=height)
    down = min(pitch + rng.uniform(-2, 4), 60)
    return {"fov": fov, "pitch": pitch, "roll": roll, "height": height}, camera, height / np.tan(np.radians(down))


def _look(rng: np.random.Generator, size: float) -> Look:
    return Look(tuple(rng.uniform(0.08, 0.7, 3)), str(rng.choice(["plain", "plaster", "planks", "stripes"])), size)


def _things(rng: np.random.Generator, camera: Camera, reach: float, kinds: list[str]) -> list[Known]:
    size = 0.22 * reach
    things: list[Known] = []
    taken: list[tuple[float, float, float]] = []
    for kind in kinds:
        for _ in range(60):
            radius = 0.75 * size
            x, z = rng.uniform(-0.5, 0.5) * reach, -reach * rng.uniform(0.75, 1.35)
            if all(np.hypot(x - a, z - b) > radius + r for a, b, r in taken):
                break
        taken.append((x, z, radius))
        own = size * rng.uniform(0.7, 1.2)
        if kind == "stack":
            below = _known(rng, "box" if rng.random() < 0.6 else "upright", f"low{len(things)}", (x, 0.0, z), own)
            top = float(below.centre[1] + below.extent[1] / 2)
            above = _known(rng, str(rng.choice(["box", "ball", "upright"])), "", (x, top, z), 0.55 * own)
            things += [below, replace(above, name=f"high{len(things)}", stands_on=below.name)]
        else:
            things.append(_known(rng, kind, f"{kind}{len(things)}", (x, 0.0, z), own))
    return things


def _known(rng: np.random.Generator, kind: str, name: str, foot: tuple[float, float, float], size: float) -> Known:
    """A thing of about ``size`` [m] whose foot is at ``foot``."""
    x, y, z = foot
    yaw, look = float(rng.uniform(-90, 90)), _look(rng, size)
    parts: tuple[Primitive, ...]
    if kind == "box":
        parts = (Block(foot, tuple(size * rng.uniform(0.5, 1.1, 3)), look, yaw),)
    elif kind == "ball":
        radius = size * rng.uniform(0.3, 0.55)
        parts = (Ball((x, y + radius, z), radius, look),)
    elif kind == "upright":
        parts = (Post(foot, size * rng.uniform(0.25, 0.5), size * rng.uniform(0.5, 1.3), look),)
    elif kind == "lying":
        radius = size * rng.uniform(0.18, 0.35)
        parts = (Rod((x, y + radius, z), radius, size * rng.uniform(0.8, 1.3), look, yaw),)
    elif kind == "pawn":
        wide, tall = size * rng.uniform(0.28, 0.4), size * rng.uniform(0.6, 1.0)
        head = wide * rng.uniform(0.55, 0.8)
        parts = (
            Post(foot, wide, 0.25 * tall, look),
            Post((x, y + 0.25 * tall, z), 0.5 * wide, 0.75 * tall, look),
            Ball((x, y + tall + 0.8 * head, z), head, look),
        )
    else:
        a, b, c = size * rng.uniform(0.5, 0.9, 3)
        low = Block(foot, (a, 0.4 * b, c), look, yaw)
        turn = np.radians(yaw)
        aside = 0.3 * a
        parts = (
            low,
            Block((x + aside * np.cos(turn), y + 0.4 * b, z - aside * np.sin(turn)), (0.4 * a, b, c), look, yaw),
        )
    meshes = [mesh_of(part) for part in parts]
    volumes, centres = zip(*(mesh.mass_properties()[:2] for mesh in meshes), strict=True)
    exact = [_volume(part) for part in parts]
    points = np.concatenate([mesh.vertices for mesh in meshes])
    centre = np.average(centres, axis=0, weights=volumes)
    volume = float(sum(exact)) - (_overlap(parts) if kind == "pawn" else 0.0)
    return Known(name, kind, parts, volume, centre, np.ptp(points, axis=0))


def _overlap(parts: tuple[Primitive, ...]) -> float:
    """Volume [m^3] that the head of a pawn shares with its neck: revolved, by summing discs."""
    neck, head = parts[1], parts[2]
    assert isinstance(neck, Post) and isinstance(head, Ball)
    top = neck.base[1] + neck.height
    y = np.linspace(neck.base[1], top, 2001)
    ball = np.sqrt(np.clip(head.radius**2 - (y - head.centre[1]) ** 2, 0, None))
    return float(np.trapezoid(np.pi * np.minimum(ball, neck.radius) ** 2, y))


def _volume(part: Primitive) -> float:
    if isinstance(part, Block):
        return float(np.prod(part.size))
    if isinstance(part, Ball):
        return 4 / 3 * np.pi * part.radius**3
    return np.pi * part.radius**2 * (part.height if isinstance(part, Post) else part.length)


def mesh_of(part: Primitive) -> Triangles:
    """The part as a mesh in the world."""
    if isinstance(part, Ball):
        return placed(Sphere(part.radius).triangles, part.centre)
    if isinstance(part, Post):
        x, y, z = part.base
        return placed(Cylinder(part.radius, part.height).triangles, (x, y + part.height / 2, z))
    half = np.radians(part.yaw) / 2
    turn = np.array([0.0, np.sin(half), 0.0, np.cos(half)])
    if isinstance(part, Block):
        x, y, z = part.base
        return placed(Box(part.size).triangles, (x, y + part.size[1] / 2, z), turn)
    lying = placed(Cylinder(part.radius, part.length).triangles, (0, 0, 0), (0, 0, np.sqrt(0.5), np.sqrt(0.5)))
    return placed(lying, part.centre, turn)


def _masks(things: list[Known], camera: Camera) -> list[Known] | None:
    """With the pixels of each; ``None`` if one leaves the picture."""
    which = seen(World([p for t in things for p in t.parts], camera, None))
    found, first = [], 1
    for thing in things:
        mask = (which >= first) & (which < first + len(thing.parts))
        first += len(thing.parts)
        whole = seen(World(list(thing.parts), camera, None)) > 0
        border = whole[:2].any() or whole[-2:].any() or whole[:, :2].any() or whole[:, -2:].any()
        if border or whole.mean() < 0.003:
            return None
        found.append(replace(thing, mask=mask, hidden=1 - mask.sum() / whole.sum()))
    return found


def _fits(things: list[Known], crowded: bool, slack: float = 0.0) -> bool:
    """Whether things hide no more of each other than they should; what carries a thing is hidden by it."""
    carry = {thing.stands_on for thing in things}
    parts = [thing.hidden for thing in things if thing.name not in carry]
    return max(t.hidden for t in things) < 0.5 and (
        0.05 - slack < max(parts) < 0.4 if crowded else max(parts) < 0.005 + slack
    )
