"""Things of a shot: their shapes, what they are made of, what holds them. Public in :mod:`physim.shot`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from physim.shot_hints import CircleHint
from physim.shot_joints import KinematicSpec
from physim.shot_model import Fraction, Length, Model, Positive, Vector
from physim.shot_over_time import PositiveOverTime, VectorOverTime, each_value, every
from physim.shot_select import Pixel, Select

Side = Literal["-x", "+x", "-y", "+y", "-z", "+z"]
Place = Literal[
    "top", "bottom", "left", "right", "corners", "top corners", "top left", "top right", "bottom left", "bottom right"
]


class PartSpec(Model):
    """One convex piece of a compound. Exactly one of box, sphere, cylinder, capsule."""

    box: tuple[Positive, Positive, Positive] | None = Field(default=None, description="edge lengths x, y, z [m]")
    sphere: Positive | None = Field(default=None, description="radius [m]")
    cylinder: tuple[Positive, Positive] | None = Field(default=None, description="radius, height [m]; axis Y")
    capsule: tuple[Positive, Positive] | None = Field(
        default=None, description="radius, distance between the ends' centres [m]"
    )
    at: Vector = Field(default=(0.0, 0.0, 0.0), description="of its centre, in the compound's own frame [m]")
    rotation: Vector = Field(default=(0.0, 0.0, 0.0), description="rotation vector [degrees]")
    density: Positive = Field(default=1.0, description="relative to the material's [-]")

    @model_validator(mode="after")
    def _one(self) -> PartSpec:
        given = [n for n in ("box", "sphere", "cylinder", "capsule") if getattr(self, n) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of box, sphere, cylinder, capsule; given: {', '.join(given) or 'none'}")
        return self


class ShapeSpec(Model):
    """A thing that is not in the photo. Exactly one of the fields."""

    box: tuple[Positive, Positive, Positive] | None = Field(default=None, description="edge lengths x, y, z [m]")
    sphere: Positive | None = Field(default=None, description="radius [m]")
    cylinder: tuple[Positive, Positive] | None = Field(default=None, description="radius, height [m]; axis Y")
    capsule: tuple[Positive, Positive] | None = Field(
        default=None, description="radius, distance between the ends' centres [m]"
    )
    mesh: Path | None = Field(default=None, description="closed mesh file, metres")
    compound: list[PartSpec] | None = Field(
        default=None, min_length=1, description="several pieces that move as one; its centre is that of their mass"
    )
    sheet: tuple[Positive, Positive] | None = Field(
        default=None, description="width, height [m] of a cloth; upright facing +z, turned by `rotation`"
    )

    @model_validator(mode="after")
    def _one(self) -> ShapeSpec:
        given = [n for n in type(self).model_fields if getattr(self, n) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one shape; given: {', '.join(given) or 'none'}")
        return self


class Lift(Model):
    """How a thing of the photo becomes a solid. ``auto`` chooses by the outline."""

    kind: Literal["auto", "box", "sphere", "cylinder", "extrude", "revolve", "card", "sheet"] = Field(
        default="auto", description="form of the solid; `sheet` is that of a cloth"
    )
    radius: Length | None = Field(
        default=None, description="for `sphere`: its radius [m], if known; its outline may then be smeared by motion"
    )
    height: Length | None = Field(default=None, description="of the solid [m]; for `cylinder`, `box`")
    thickness: Length | None = Field(default=None, description="away from the camera [m]; for `extrude`, `card`")
    profile: list[tuple[float, float]] | None = Field(
        default=None,
        min_length=3,
        description="for `revolve`: closed outline [[radius, y], ...] [m], foot first, outside up",
    )
    circle: CircleHint | None = Field(default=None, description="for `revolve`: a rim that places the axis")
    depth: Length | None = Field(default=None, description="distance along the view axis [m]; default: where it stands")

    @model_validator(mode="after")
    def _round(self) -> Lift:
        if self.radius is not None and self.kind != "sphere":
            raise ValueError("`radius` goes with `kind: sphere`")
        return self


class HangSpec(Model):
    """What a thing of the photo hangs by: it swings about this point."""

    pixel: Pixel = Field(description="where it is held, on its outline or above it [pixels]")
    depth: Positive | None = Field(
        default=None, description="how far away that is, z of the camera; default: as far as the thing [m]"
    )
    to: str | None = Field(default=None, description="name of the thing it hangs from; default: the world")


class RigidSpec(Model):
    material: str = Field(default="wood", description="preset name")
    density: Positive | None = Field(default=None, description="[kg/m^3]")
    mass: Positive | None = Field(default=None, description="[kg]")
    friction: float | None = Field(default=None, ge=0, description="Coulomb coefficient [-]")
    restitution: Fraction | None = Field(default=None, description="[-]")
    drag_coefficient: float = Field(default=0.5, ge=0, description="[-]")
    static_friction: float | None = Field(default=None, ge=0, description="of a contact that does not slip [-]")
    rolling_resistance: float = Field(default=0.0, ge=0, description="torque over radius and load [-]")
    spinning_resistance: float = Field(default=0.0, ge=0, description="lever arm of friction about the normal [m]")


class StaticSpec(Model):
    material: str = Field(default="wood", description="preset name")
    friction: float | None = Field(default=None, ge=0, description="Coulomb coefficient [-]")
    restitution: Fraction | None = Field(default=None, description="[-]")
    static_friction: float | None = Field(default=None, ge=0, description="of a contact that does not slip [-]")
    rolling_resistance: float = Field(default=0.0, ge=0, description="torque over radius and load [-]")
    spinning_resistance: float = Field(default=0.0, ge=0, description="lever arm of friction about the normal [m]")


class SmokeSpec(Model):
    material: str = Field(default="smoke", description="preset name: steam, smoke, fire, exhaust, dust, fog")
    temperature: Positive | None = Field(default=None, description="of the source [K]")
    extinction: float | None = Field(default=None, ge=0, description="at density 1 [1/m]")
    dissipation: float | None = Field(default=None, ge=0, description="[1/s]")
    cooling: float | None = Field(default=None, ge=0, description="[1/s]")
    glow: float = Field(default=4.0, ge=0, description="brightness of soot of 1800 K, photo white at 1 [-]")
    resolution: int = Field(default=64, ge=8, le=256, description="cells along the longest side")
    domain: tuple[Vector, Vector] | None = Field(
        default=None, description="lower and upper corner of the simulated box [m]"
    )


class PinSpec(Model):
    """What holds a cloth. Exactly one of `where` and `region`."""

    where: Place | None = Field(
        default=None, description="edge or corner of the flat cloth; top is up, left is left as its front faces you"
    )
    region: Select | None = Field(
        default=None,
        description="for a cloth of the photo: box, polygon or ellipse around what is held; may lie outside [pixels]",
    )
    to: str | None = Field(default=None, description="name of a rigid or static thing it is fixed to; default: the air")
    clamp: bool = Field(default=False, description="also hold the direction in which the cloth leaves the pin")

    @model_validator(mode="after")
    def _one(self) -> PinSpec:
        if (self.where is None) == (self.region is None):
            raise ValueError("give exactly one of where, region")
        return self


class ClothSpec(Model):
    material: str = Field(default="cotton", description="preset name")
    areal_density: Positive | None = Field(default=None, description="[kg/m^2]")
    stretch: tuple[Positive, Positive] | None = Field(
        default=None, description="membrane stiffness along warp and weft [N/m]"
    )
    shear: float | None = Field(default=None, ge=0, description="in-plane shear stiffness [N/m]")
    bending: tuple[float, float] | None = Field(default=None, description="flexural rigidity, warp and weft [N m]")
    thickness: Positive | None = Field(default=None, description="[m]")
    friction: float | None = Field(default=None, ge=0, description="Coulomb coefficient [-]")
    damping: float | None = Field(default=None, ge=0, description="loss time [s]")
    cells: int = Field(default=48, ge=2, le=512, description="along the longer side")
    pin: list[PinSpec] = Field(default=[], description="what holds it; nothing: it falls")


class GrainsSpec(Model):
    """A heap of grains: it runs out, heaps up at its angle of repose, carries what lies on it."""

    material: str = Field(default="dry sand", description="preset name")
    density: Annotated[float, Field(ge=1)] | None = Field(default=None, description="with its pores [kg/m^3]")
    friction_angle: float | None = Field(default=None, ge=0, le=60, description="of internal friction [degrees]")
    cohesion: float | None = Field(default=None, ge=0, description="shear stress that it bears unpressed [Pa]")
    resolution: int = Field(default=64, ge=8, le=512, description="cells along the longest side of its box")
    domain: tuple[Vector, Vector] | None = Field(
        default=None, description="lower and upper corner of the simulated box [m]; default: chosen"
    )


class SoftSpec(Model):
    """A solid that gives way under load and takes its form again."""

    material: str = Field(default="foam", description="preset name")
    youngs_modulus: Positive | None = Field(default=None, description="of slow, small loads [Pa]")
    poisson: float | None = Field(default=None, ge=-0.9, le=0.499, description="Poisson's ratio [-]")
    density: Positive | None = Field(default=None, description="[kg/m^3]")
    damping: float | None = Field(default=None, ge=0, le=2, description="largest loss factor [-]")
    yield_stress: Positive | None = Field(
        default=None, description="above which it keeps its new form [Pa]; default: the material's"
    )
    friction: float | None = Field(default=None, ge=0, description="Coulomb coefficient [-]")
    cell: Positive | None = Field(default=None, description="edge of the cells it is computed on [m]; default: chosen")
    pin: list[Literal["top", "bottom", "left", "right", "front", "back"]] = Field(
        default=[], description="sides that are held; left is -x, front is +z of its own axes"
    )


class LiquidSpec(Model):
    material: str = Field(default="water", description="preset name")
    density: Annotated[float, Field(ge=1)] | None = Field(default=None, description="[kg/m^3]")
    viscosity: float | None = Field(default=None, ge=0, description="dynamic [Pa s]")
    surface_tension: float | None = Field(default=None, ge=0, description="against air [N/m]")
    temperature: Positive | None = Field(default=None, description="[K]: decides how it steams")
    resolution: int = Field(default=64, ge=8, le=512, description="cells along the longest side; not of a lake")
    domain: tuple[Vector, Vector] | None = Field(
        default=None, description="lower and upper corner of the simulated box [m]; default: chosen; not of a lake"
    )
    walls: list[Side] = Field(
        default=["-x", "+x", "-y", "-z", "+z"], description="sides of a given `domain` that hold the liquid"
    )
    depth: Positive | None = Field(
        default=None, description="[m]; of a lake: from its surface to the ground, default 2; in a cup: at its middle"
    )
    level: float | None = Field(
        default=None,
        description="height of the surface above the ground plane [m]; default: of a lake 0, in a cup where its "
        "outline fits",
    )
    stream: tuple[float, float] = Field(default=(0.0, 0.0), description="of a river: velocity along x and z [m/s]")
    fetch: Positive | None = Field(
        default=None, description="of a lake: way the wind has blown over it [m]; default: what is seen of it"
    )
    cells: int = Field(default=128, ge=16, le=1024, description="of a lake: along the longer side of what is computed")


class EmitSpec(Model):
    """A source of smoke or liquid. One of `pixel`, `at` and `on`; `at` may go with `on`."""

    pixel: Pixel | None = Field(default=None, description="where on the visible surface [pixels]")
    at: Vector | None = Field(default=None, description="world position [m]")
    on: str | None = Field(
        default=None,
        description="of smoke: name of a thing that carries the source along; `at` is then seen from its centre, and "
        "`velocity` from it, along its own axes. Or, without `at`, of a hot liquid: its surface steams",
    )
    radius: Positive = Field(default=0.05, description="[m]")
    rate: PositiveOverTime = Field(
        default=1.0,
        description="of smoke: density added per second [1/s]; with `on` a factor on the law of evaporation; a number, "
        "or {keys: [{at, value}, ...], ease}",
    )
    velocity: VectorOverTime = Field(
        default=(0.0, 0.0, 0.0),
        description="of what enters [m/s]; of a liquid enters pi radius^2 |velocity| per second; a vector, or "
        "{keys: [{at, value}, ...], ease}",
    )
    start: float = Field(default=0.0, ge=0, description="[s]")
    end: float | None = Field(default=None, ge=0, description="[s]; default: never")

    @model_validator(mode="after")
    def _one(self) -> EmitSpec:
        if (self.pixel is None) == (self.at is None and self.on is None):
            raise ValueError("give exactly one of `pixel`, `at` and `on`; `at` and `on` may go together")
        if not every(lambda rate: rate >= 0, self.rate) or not every(any, [each_value(self.rate)]):
            raise ValueError("`rate` has keys below 0 or all 0, expected at least 0 and some more [1/s]")
        return self


MATTER = ("rigid", "static", "kinematic", "smoke", "cloth", "grains", "soft", "liquid")


class Thing(Model):
    """One thing: where it is (select, shape or emit) and what it is made of (rigid, static, kinematic, smoke, ...)."""

    name: str = Field(min_length=1, max_length=64, description="what it goes by, unique in the shot")
    select: Select | None = Field(default=None, description="a thing of the photo")
    shape: ShapeSpec | None = Field(default=None, description="a thing that is added")
    emit: EmitSpec | None = Field(default=None, description="a source of smoke or liquid")
    lift: Lift = Field(default=Lift(), description="how a thing of the photo becomes a solid")
    hang: HangSpec | None = Field(
        default=None, description="for a rigid thing of the photo: what it hangs by; goes with `lift.depth`"
    )
    still: bool = Field(
        default=False, description="a thin thing in front that never moves: drawn with a soft edge at its depth"
    )
    rigid: RigidSpec | None = Field(default=None, description="moves and keeps its form")
    static: StaticSpec | None = Field(default=None, description="does not move; things collide with it")
    kinematic: KinematicSpec | None = Field(default=None, description="moves as it is told; pushes and is not pushed")
    smoke: SmokeSpec | None = Field(default=None, description="what an `emit` gives off")
    cloth: ClothSpec | None = Field(default=None, description="a fabric: bends, waves in the wind, drapes")
    grains: GrainsSpec | None = Field(default=None, description="a heap of sand, sugar, soil or snow")
    soft: SoftSpec | None = Field(default=None, description="gives way under load: a cushion, jelly, dough")
    liquid: LiquidSpec | None = Field(
        default=None,
        description="with `shape`: it fills that; with `emit`: it is poured; with `select`: a lake, river or sea of "
        "the photo; `inside` of a thing, what that holds; or, with a `lift.kind`, a drop in the air",
    )
    inside: str | None = Field(default=None, description="name of the thing that holds a liquid; it moves with that")
    at: Vector | None = Field(default=None, description="world position of the centre [m]; for `shape`")
    at_pixel: Pixel | None = Field(default=None, description="for `shape`: above the surface seen here [pixels]")
    above: float = Field(default=0.0, ge=0, description="with `at_pixel`: gap between the thing and the surface [m]")
    rotation: Vector = Field(default=(0.0, 0.0, 0.0), description="rotation vector, world axes [degrees]")
    velocity: Vector = Field(default=(0.0, 0.0, 0.0), description="[m/s]")
    angular_velocity: Vector = Field(default=(0.0, 0.0, 0.0), description="[degrees/s]")
    release: float = Field(
        default=0.0,
        ge=0,
        description="of a rigid thing: when it is let go [s]; held until then, then it has its velocity",
    )
    colour: Vector = Field(default=(0.8, 0.8, 0.8), description="linear reflectance of an added thing, 0..1")
    texture: Literal["plain", "sugar", "wood", "checker", "speckle", "woven", "gingham"] = Field(
        default="plain", description="surface of an added thing"
    )
    visible: bool = Field(default=True, description="whether a solid is drawn; others collide with it all the same")

    @property
    def moves(self) -> bool:
        """Whether it is a solid that changes its place."""
        return self.rigid is not None or self.kinematic is not None

    @property
    def gives(self) -> bool:
        """Whether it is a volume whose form changes: a heap of grains or a soft solid."""
        return self.grains is not None or self.soft is not None

    @property
    def flies(self) -> bool:
        """Whether it is a liquid of the photo with a form of its own, such as a drop in the air, and no lake."""
        return self.liquid is not None and self.select is not None and self.lift.kind != "auto"

    @model_validator(mode="after")
    def _consistent(self) -> Thing:
        places = [n for n in ("select", "shape", "emit") if getattr(self, n) is not None]
        if len(places) != 1:
            raise ValueError(f"give exactly one of select, shape, emit; given: {', '.join(places) or 'none'}")
        kinds = [n for n in MATTER if getattr(self, n) is not None]
        if len(kinds) != 1:
            raise ValueError(f"give exactly one of {', '.join(MATTER)}; given: {', '.join(kinds) or 'none'}")
        if self.smoke is not None and self.emit is None:
            raise ValueError("`smoke` needs `emit`")
        if self.emit is not None and self.smoke is None and self.liquid is None:
            raise ValueError("an `emit` takes `smoke` or `liquid`")
        if self.hang is not None and (self.select is None or self.rigid is None or self.still):
            raise ValueError("only a `rigid` thing with `select` can `hang`")
        if self.hang is not None and self.lift.depth is None:
            raise ValueError("a thing that hangs stands on nothing: it needs `lift: {depth: METRES}`")
        if self.release and self.rigid is None:
            raise ValueError("only a `rigid` thing is held and let go at its `release`")
        if self.inside is not None and self.liquid is None:
            raise ValueError("only a `liquid` is `inside` a thing")
        if self.flies and self.inside is not None:
            raise ValueError("a liquid `inside` of a thing takes its form from that, and no `lift`")
        if self.shape is not None and (self.at is None) == (self.at_pixel is None):
            raise ValueError("a `shape` needs exactly one of `at` and `at_pixel`")
        sheet = self.shape is not None and self.shape.sheet is not None
        if sheet and self.cloth is None:
            raise ValueError("a `sheet` takes `cloth`")
        if self.cloth is not None and self.shape is not None and not sheet:
            raise ValueError("a `cloth` that is added takes the shape `sheet`")
        if (self.lift.kind == "sheet") != (self.cloth is not None and self.select is not None):
            raise ValueError("a cloth of the photo takes `lift: {kind: sheet}`, and nothing else does")
        return self
