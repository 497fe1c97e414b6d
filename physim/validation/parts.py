"""Parts: what the scenes of rigid cases are made of: materials without air, tilted planes, bodies of given inertia."""

from __future__ import annotations

import numpy as np

from physim.compound import Compound, Part
from physim.forces import Impulse
from physim.materials import Rigid, Static
from physim.scene import Scene
from physim.shapes import Box, Cylinder, Plane, Sphere
from physim.validation.settings import Settings

Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]


def solid(friction: float = 0.0, restitution: float = 0.0, mass: float | None = None) -> Rigid:
    """A material without air drag. Against ``ground`` the pair has ``friction``, against its like too."""
    return Rigid("steel", friction=friction, restitution=restitution, mass=mass, drag_coefficient=0.0)


def ground(friction: float = 0.0, restitution: float = 0.0) -> Static:
    """What does not move. A pair's friction is the geometric mean of both, its restitution the larger one."""
    return Static("steel", friction=friction, restitution=restitution)


def vector(v: np.ndarray) -> Vector:
    """As the tuple that a scene takes."""
    x, y, z = (float(c) for c in v)
    return x, y, z


class Incline:
    """A plane through the origin, tilted by ``degrees`` so that downhill points along ``heading`` (0: +x, 90: -z)."""

    def __init__(self, degrees: float, gravity: float, friction: float, heading: float = 0.0) -> None:
        tilt, turn = np.radians(degrees), np.radians(heading)
        level = np.array([np.cos(turn), 0.0, -np.sin(turn)])
        self.normal = np.sin(tilt) * level + np.cos(tilt) * np.array([0.0, 1.0, 0.0])
        self.downhill = np.cos(tilt) * level - np.sin(tilt) * np.array([0.0, 1.0, 0.0])
        self.across = np.cross(self.downhill, self.normal)
        self.scene = Scene(gravity=(0.0, -gravity, 0.0))
        self.scene.add(Plane(vector(self.normal)), ground(friction), name="ground")

    def orientation(self, turned: float = 0.0) -> Quaternion:
        """Of a body whose y stands on the plane and whose x points ``turned`` degrees away from downhill."""
        from scipy.spatial.transform import Rotation

        axes = np.stack([self.downhill, self.normal, self.across], axis=1)
        q = (Rotation.from_matrix(axes) * Rotation.from_euler("y", turned, degrees=True)).as_quat()
        return float(q[0]), float(q[1]), float(q[2]), float(q[3])

    def place(self, down: float, side: float, above: float) -> Vector:
        """World position of a point given in the plane's own directions [m]."""
        return vector(down * self.downhill + side * self.across + above * self.normal)


def box_of_inertia(inertia: tuple[float, float, float], mass: float) -> Box:
    """A homogeneous box with these principal moments about its centre, a thin plate where one is the sum of others.

    Raises:
        ValueError: One moment is larger than the sum of the others: no body has that.
    """
    a, b, c = inertia
    squares = 6.0 / mass * np.array([b + c - a, a + c - b, a + b - c])
    if min(inertia) <= 0 or squares.min() < -1e-9 * squares.max():
        raise ValueError(f"inertia is {inertia}, expected positive moments, none above the sum of the other two.")
    edges = np.sqrt(np.maximum(squares, 1e-10 * squares.max()))
    return Box(vector(edges))


def round_body(kind: str, radius: float, k: float) -> Sphere | Cylinder | Compound:
    """A ball or a cylinder of width ``radius`` whose moment about its axis is ``k m radius^2``.

    A homogeneous one where ``k`` is its own (2/5, 1/2); otherwise with a core of the same form that is denser, or less
    dense down to a cavity, than the rest, so that the outside, which touches, stays a true ball or cylinder.

    Raises:
        ValueError: ``kind`` names neither a sphere nor anything cylindrical.
    """
    shape: type[Sphere] | type[Cylinder]
    if "sphere" in kind or "ball" in kind:
        own, power = 0.4, 3
    elif any(word in kind for word in ("cylinder", "hoop", "tube", "ring", "disk", "disc")):
        own, power = 0.5, 2
    else:
        raise ValueError(f"shape is {kind!r}, expected a sphere, a cylinder, a hoop or a tube.")
    shape = Sphere if own == 0.4 else Cylinder
    make = (lambda r: Sphere(r)) if shape is Sphere else (lambda r: Cylinder(r, radius))
    if abs(k / own - 1) < 1e-4:
        return make(radius)
    x, ratio = (0.5 if k < own else 0.9), k / own
    core = (ratio - 1) / (x ** (power + 2) - ratio * x**power)
    return Compound((Part(make(radius)), Part(make(x * radius), density=core)))


def dumbbell(radius: float, apart: float) -> Compound:
    """Two balls along z, their centres ``apart`` from each other: a body to hold the edge of a strip between them."""
    return Compound(tuple(Part(Sphere(radius), position=(0.0, 0.0, side * apart / 2)) for side in (-1, 1)))


def substep_of(scene: Scene, settings: Settings) -> float:
    """Length of a substep [s] that the solver chooses for a scene."""
    from physim.solver_rigid import RigidSolver

    return RigidSolver(scene, fps=settings.fps, refinement=settings.refinement, device=settings.device).substep


def push(scene: Scene, name: str, force: Vector, seconds: float, step: float, point: Vector | None = None) -> None:
    """A constant force on a body from the start, as one impulse in each substep of length ``step`` [s]."""
    blow = vector(np.asarray(force) * step)
    for i in range(int(np.ceil(seconds / step))):
        scene.add(Impulse(name, blow, at=(i + 0.5) * step, point=point))
