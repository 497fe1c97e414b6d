"""Scene: what is there before time starts. Entities are shape × material at a pose; the rest came from the photo.

World frame: right-handed, Y up, metres, gravity (0, -9.81, 0), ground at y = 0 below the camera.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from physim.camera_path import CameraPath
from physim.compound import Shape
from physim.forces import Force, Impulse, Push, Wind
from physim.joints import Joint
from physim.lake import Lake
from physim.materials import Cloth, Grains, Kinematic, Liquid, Material, Rigid, Smoke, Soft, Static
from physim.over_time import OverTime, strongest_of
from physim.pins import Pin
from physim.shapes import Emitter, HeightField, Mesh, Plane
from physim.sheet import Pattern, Sheet

if TYPE_CHECKING:
    from physim.daylight import Daylight


@dataclass(frozen=True)
class Light:
    """One distant light and what the rest of the surroundings add. Linear colour, photo white at 1."""

    direction: tuple[float, float, float] = (0.3, 0.9, 0.3)
    """Unit vector from the scene to the light, world frame."""
    colour: tuple[float, float, float] = (0.75, 0.75, 0.75)
    """What a white surface facing the light sends back because of it, linear."""
    ambient: tuple[float, float, float] = (0.3, 0.3, 0.3)
    """What a white surface in full shadow sends back, linear."""
    half_angle: float = 0.06
    """Angular radius of the light [rad]: how soft shadows are."""
    shadow_floor: float = 0.1
    """Brightness inside a full cast shadow over brightness outside it, as measured in the photo [-]."""
    source: str = "default"
    """Of the direction: 'user', 'estimated' or 'default'."""

    def __post_init__(self) -> None:
        d = np.asarray(self.direction, dtype=np.float64)
        n = np.linalg.norm(d)
        if not np.isfinite(n) or n < 1e-9:
            raise ValueError(f"light.direction is {self.direction}, expected a vector towards the light.")
        object.__setattr__(self, "direction", tuple(float(x) for x in d / n))


@dataclass(frozen=True)
class Cutout:
    """A piece of the photo with a soft edge, in a crop of it."""

    colour: np.ndarray
    """(h, w, 3) float32 sRGB in [0, 1]; the background's colour is removed at the edge and extended beyond it."""
    alpha: np.ndarray
    """(h, w) float32 in [0, 1]"""
    corner: tuple[int, int]
    """(u, v) of the crop's upper left pixel in the photo."""
    shadow: np.ndarray | None = None
    """(h, w) float32: light ratio photo / plate around the thing, its own shadow, which it carries along."""
    reach: float | None = None
    """How far from the thing that shadow is known [pixels of the photo]; ``None``: of its contact alone."""


@dataclass(frozen=True)
class StillLayer:
    """Something in front that never moves (a tower, a lamp): smoke and bodies may pass before or behind it."""

    name: str
    cutout: Cutout
    depth: float
    """z of the camera at time 0 [m]."""


@dataclass(frozen=True)
class Backdrop:
    """The photo once the things that move are lifted out of it."""

    photo: np.ndarray
    """(H, W, 3) float32 sRGB in [0, 1], at the photo's own resolution."""
    plate: np.ndarray
    """(H, W, 3) float32 sRGB: the photo with removed things and their shadows filled; equal to it elsewhere."""
    hole: np.ndarray
    """(H, W) float32 in [0, 1]: 1 where the plate was invented."""
    depth: np.ndarray
    """(h, w) float32 [m], any size of the same aspect: z of the plate's surface, finite (sky: far, 1e4)."""
    ids: np.ndarray
    """(H, W) uint16: entity number (position in ``Scene.entities`` + 1) of the photo's things, 0 for background."""
    confidence: np.ndarray | None = None
    """(h, w) float32 in [0, 1] of ``depth``."""
    stills: tuple[StillLayer, ...] = ()
    """What never moves, in front of what does."""
    report: dict[str, str] = field(default_factory=dict)
    """What was inferred and from where, one line each, for the user."""


@dataclass(frozen=True)
class Entity:
    """One thing: shape × material at a pose."""

    name: str
    """Unique in its scene."""
    shape: Shape
    """What form it has."""
    material: Material | None
    """What it is made of."""
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Of the shape's origin (the centre of mass of a solid) [m], world."""
    orientation: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)
    """Quaternion (x, y, z, w), world from body."""
    velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """[m/s], world."""
    angular_velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """[rad/s], world."""
    cutout: Cutout | None = None
    """Its pixels, if it comes from the photo."""
    colour: tuple[float, float, float] = (0.8, 0.8, 0.8)
    """Linear reflectance, if it was added to the photo."""
    texture: str = "plain"
    """Surface of an added thing: 'plain', 'sugar', 'wood', 'checker', 'speckle'."""
    visible: bool = True
    """Whether it is drawn. What stands still in the photo is seen there and not drawn again."""
    pins: tuple[Pin, ...] = ()
    """What holds it, if it is cloth or soft."""
    inside: str | None = None
    """The thing that holds it, if it is a liquid: the simulated box moves with that thing."""
    release: float = 0.0
    """When a rigid body is let go [s]: until then it is held at its place, and then it has its velocity."""

    @property
    def is_body(self) -> bool:
        """Whether forces move it as a whole."""
        return isinstance(self.material, Rigid)

    @property
    def mass(self) -> float:
        """[kg]"""
        if not isinstance(self.material, Rigid):
            raise TypeError(f"{self.name!r} is no rigid body and has no mass.")
        if self.material.mass is not None:
            return self.material.mass
        assert self.material.density is not None
        return self.material.density * self.shape.volume  # type: ignore[union-attr]

    @property
    def inertia(self) -> np.ndarray:
        """About the centre of mass, body axes, (3, 3) [kg m^2]."""
        shape = self.shape
        return self.mass / shape.volume * shape.inertia_per_density  # type: ignore[union-attr]


def _triple(values: Sequence[float]) -> tuple[float, float, float]:
    x, y, z = values
    return float(x), float(y), float(z)


class Scene:
    """Things, forces, light, camera. Built by :func:`physim.reconstruct` from a photo, or by hand with ``add``.

    Args:
        gravity: [m/s^2], world; it may change with time.
        seed: Of all that is random in it.

    Raises:
        ValueError: Gravity that is not three finite numbers.
    """

    def __init__(self, *, gravity: tuple[float, float, float] | OverTime = (0.0, -9.81, 0.0), seed: int = 0) -> None:
        first = gravity.at(0.0) if isinstance(gravity, OverTime) else gravity
        if np.shape(first) != (3,) or not np.all(np.isfinite(first)):
            raise ValueError(f"Scene.gravity is {gravity}, expected three finite numbers [m/s^2].")
        self.gravity = np.asarray(first, dtype=np.float64)
        """At time 0 [m/s^2]."""
        self.gravity_keys = gravity if isinstance(gravity, OverTime) else None
        """If it changes with time."""
        self.seed = seed
        self.entities: dict[str, Entity] = {}
        self.forces: list[Force] = []
        self.joints: list[Joint] = []
        self._next_number: dict[str, int] = {}
        self.light = Light()
        self.daylight: Daylight | None = None
        """How the light changes with time; ``None``: it stays as it is."""
        self.camera: CameraPath | None = None
        self.backdrop: Backdrop | None = None

    def add(
        self,
        shape: Shape | Force | Joint,
        material: Material | None = None,
        *,
        name: str | None = None,
        position: tuple[float, float, float] = (0.0, 0.0, 0.0),
        orientation: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0),
        velocity: tuple[float, float, float] = (0.0, 0.0, 0.0),
        angular_velocity: tuple[float, float, float] = (0.0, 0.0, 0.0),
        cutout: Cutout | None = None,
        colour: tuple[float, float, float] = (0.8, 0.8, 0.8),
        texture: str = "plain",
        visible: bool = True,
        pin: str | Pin | Sequence[str | Pin] = (),
        inside: str | None = None,
        release: float = 0.0,
    ) -> str:
        """Add a thing (shape × material), a force or a joint; returns the name it goes by.

        A plane, a height field or a mesh without a material is static wood. Poses are those of the shape's own origin,
        which for every solid is its centre of mass (for ``Hull`` and ``Mesh``: of the frame after recentring). Solids
        that are not ``visible`` are collided with and not drawn; planes and height fields are never drawn.

        Args:
            shape: The shape; or a force or a joint, which needs nothing else.
            material: What it is made of.
            name: Unique; ``None``: made of the shape's.
            position: Of the shape's origin [m], world.
            orientation: Quaternion (x, y, z, w) of any length, world from body.
            velocity: Of the origin [m/s], world.
            angular_velocity: [rad/s], world.
            cutout: Its pixels, if it comes from the photo.
            colour: Linear reflectance of an added thing.
            texture: Surface of an added thing, as in :class:`Entity`.
            visible: Whether it is drawn.
            pin: What holds a cloth: an edge, a corner, or a :class:`~physim.Pin`, or several of them. Of a soft solid:
                a side.
            inside: The thing that holds a liquid.
            release: When a rigid body is let go [s].

        Returns:
            The name it goes by.

        Raises:
            ValueError: A name given twice, a pose that is not finite, a zero quaternion.
            TypeError: A material that does not go with the shape (for example smoke without an emitter).
        """
        if isinstance(shape, Wind | Impulse | Push):
            self.forces.append(shape)
            return type(shape).__name__.lower()
        if isinstance(shape, Joint):
            self._check_joint(shape)
            self.joints.append(shape)
            return type(shape).__name__.lower()
        if material is None and isinstance(shape, Plane | HeightField | Mesh):
            material = Static()
        name = name or self._free_name(type(shape).__name__.lower())
        if name in self.entities:
            raise ValueError(f"an entity named {name!r} exists already; names must be unique.")
        self._check_pair(name, shape, material)
        if inside is not None and not isinstance(material, Liquid):
            raise TypeError(f"{name!r}: only a liquid is inside something; place other things by their position.")
        if inside is not None:
            self[inside]
        if not (0 <= release < float("inf")) or (release and not isinstance(material, Rigid)):
            raise ValueError(f"{name}.release is {release}, expected a time from 0 on [s], of a rigid body.")
        for label, value in (("position", position), ("velocity", velocity), ("angular_velocity", angular_velocity)):
            if np.shape(value) != (3,) or not np.all(np.isfinite(value)):
                raise ValueError(f"{name}.{label} is {value}, expected three finite numbers.")
        norm = float(np.linalg.norm(orientation))
        if np.shape(orientation) != (4,) or not np.isfinite(norm) or norm < 1e-9:
            raise ValueError(f"{name}.orientation is {orientation}, expected a quaternion (x, y, z, w).")
        self.entities[name] = Entity(
            name,
            shape,
            material,
            position=_triple(position),
            orientation=tuple(float(q) / norm for q in orientation),  # type: ignore[arg-type]
            velocity=_triple(velocity),
            angular_velocity=_triple(angular_velocity),
            cutout=cutout,
            colour=colour,
            texture=texture,
            visible=visible,
            pins=self._pins(name, material, pin),
            inside=inside,
            release=float(release),
        )
        return name

    def _pins(self, name: str, material: Material | None, pin: str | Pin | Sequence[str | Pin]) -> tuple[Pin, ...]:
        given = [pin] if isinstance(pin, str | Pin) else list(pin)
        pins = tuple(p if isinstance(p, Pin) else Pin(p) for p in given)
        if pins and not isinstance(material, Cloth | Soft):
            raise TypeError(f"{name!r}: only cloth and soft solids are pinned; tie bodies with joints.")
        for p in pins:
            if p.to is not None:
                self[p.to]
        return pins

    def _check_joint(self, joint: Joint) -> None:
        for end in (joint.body, joint.other):
            if end is not None and not isinstance(self[end].material, Rigid | Static):
                raise TypeError(f"a {type(joint).__name__} ties {end!r}, which is no body; it must be Rigid or Static.")
        if joint.body == joint.other:
            raise ValueError(f"a {type(joint).__name__} ties {joint.body!r} to itself; name two bodies, or one alone.")
        if not any(isinstance(self[n].material, Rigid) for n in (joint.body, joint.other) if n is not None):
            raise ValueError(
                f"a {type(joint).__name__} ties {joint.body!r} to {joint.other!r}; at least one must move."
            )

    def _free_name(self, stem: str) -> str:
        number = self._next_number.get(stem, 1)
        while f"{stem}{number}" in self.entities:
            number += 1
        self._next_number[stem] = number + 1
        return f"{stem}{number}"

    @staticmethod
    def _check_pair(name: str, shape: Shape, material: Material | None) -> None:
        wanted: tuple[type, ...]
        if isinstance(shape, Emitter):
            wanted = (Smoke, Liquid, Grains)
        elif isinstance(shape, Lake):
            wanted = (Liquid,)
        elif isinstance(shape, Plane | HeightField):
            wanted = (Static,)
        elif isinstance(shape, Sheet | Pattern):
            wanted = (Cloth,)
        else:
            wanted = (Rigid, Static, Liquid, Grains, Soft)
        if not isinstance(material, wanted):
            names = " or ".join(t.__name__ for t in wanted)
            given = type(material).__name__
            raise TypeError(f"{name!r}: a {type(shape).__name__} takes a {names} material, not {given}.")

    def __getitem__(self, name: str) -> Entity:
        if name not in self.entities:
            near = difflib.get_close_matches(name, self.entities, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise KeyError(f"no entity named {name!r}.{hint} There are: {', '.join(self.entities) or 'none'}.")
        return self.entities[name]

    def __iter__(self) -> Iterator[Entity]:
        return iter(self.entities.values())

    def number_of(self, name: str) -> int:
        """The id of the entity ``name`` in id maps: its position + 1 (0 is the background)."""
        self[name]
        return list(self.entities).index(name) + 1

    @property
    def bodies(self) -> list[Entity]:
        """Rigid bodies, in the order they were added."""
        return [e for e in self if isinstance(e.material, Rigid)]

    @property
    def statics(self) -> list[Entity]:
        """Shapes that forces do not move: static and kinematic ones, in the order they were added."""
        return [e for e in self if isinstance(e.material, Static)]

    @property
    def kinematics(self) -> list[Entity]:
        """The statics that move as they are told, in the order they were added."""
        return [e for e in self if isinstance(e.material, Kinematic)]

    @property
    def movers(self) -> list[Entity]:
        """Solids that move, by forces or as they are told, in the order they were added."""
        told = [e for e in self.kinematics if not isinstance(e.shape, Plane | HeightField)]
        return [e for e in self if isinstance(e.material, Rigid) or e in told]

    @property
    def cloths(self) -> list[Entity]:
        """Cloths, in the order they were added."""
        return [e for e in self if isinstance(e.material, Cloth)]

    @property
    def softs(self) -> list[Entity]:
        """Elastic solids, in the order they were added."""
        return [e for e in self if isinstance(e.material, Soft)]

    @property
    def smokes(self) -> list[Entity]:
        """Smoke emitters, in the order they were added. Emitters of equal material share one grid."""
        return [e for e in self if isinstance(e.material, Smoke)]

    @property
    def liquids(self) -> list[Entity]:
        """Volumes and emitters of liquid, in the order they were added.

        Those of equal material, in the same container, share one grid.
        """
        return [e for e in self if isinstance(e.material, Liquid) and not isinstance(e.shape, Lake)]

    @property
    def grains(self) -> list[Entity]:
        """Volumes and emitters of grains, in the order they were added. Those of equal material share one grid."""
        return [e for e in self if isinstance(e.material, Grains)]

    @property
    def lakes(self) -> list[Entity]:
        """Lakes, in the order they were added."""
        return [e for e in self if isinstance(e.shape, Lake)]

    def gravity_at(self, time: float) -> np.ndarray:
        """At ``time`` [s], shape (3,) [m/s^2]."""
        return self.gravity if self.gravity_keys is None else self.gravity_keys.at(time)

    def mean_gravity(self, start: float, end: float) -> np.ndarray:
        """Mean from ``start`` to ``end`` [s], exact, shape (3,) [m/s^2]."""
        return self.gravity if self.gravity_keys is None else self.gravity_keys.mean(start, end)

    @property
    def heaviest(self) -> np.ndarray:
        """Gravity where it is strongest, (3,) [m/s^2]: what sizes and steps are chosen for."""
        if self.gravity_keys is None:
            return self.gravity
        return strongest_of(self.gravity_keys)

    def wind_at(self, time: float) -> np.ndarray:
        """Sum of all winds at ``time`` [s], shape (3,) [m/s]."""
        return sum((f.velocity_at(time) for f in self.forces if isinstance(f, Wind)), np.zeros(3))

    def impulses(self) -> list[Impulse]:
        """Pushes at one instant, in the order they were added."""
        return [f for f in self.forces if isinstance(f, Impulse)]

    def pushes(self) -> list[Push]:
        """Forces that last, in the order they were added."""
        return [f for f in self.forces if isinstance(f, Push)]
