"""Shot: one plain-data description of a video. YAML, TOML or JSON in and out; SI units unless a field says otherwise.

Pixels are (u, v) of the photo after EXIF orientation, from its upper left corner. World: Y up, metres, ground y = 0.
Reading, writing and the error report live in :mod:`physim.shot_file`.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from physim.shot_camera import MoveSpec
from physim.shot_depth import DepthHint
from physim.shot_joints import JointSpec, KinematicSpec
from physim.shot_model import Fraction, Model, Positive, Vector

Pixel = tuple[float, float]
Ellipse = tuple[float, float, float, float, float]
Side = Literal["-x", "+x", "-y", "+y", "-z", "+z"]
Place = Literal[
    "top", "bottom", "left", "right", "corners", "top corners", "top left", "top right", "bottom left", "bottom right"
]


# ---- where in the photo ----------------------------------------------------------------------------------------------


class Strokes(Model):
    """Lines drawn over the photo; a line of one pixel is a dot."""

    inside: list[list[Pixel]] = Field(default=[], description="over the thing [[[u, v], ...], ...] [pixels]")
    outside: list[list[Pixel]] = Field(default=[], description="over what is not the thing [pixels]")

    @model_validator(mode="after")
    def _some(self) -> Strokes:
        if not any(self.inside) and not any(self.outside):
            raise ValueError("give at least one stroke with a pixel in `inside` or `outside`")
        return self


class Select(Model):
    """A region of the photo: one of box, polygon, ellipse, mask, ids; or a click or strokes, from which it is found.

    With ``snap``, a click or strokes the border is searched for in the photo, within the region if there is one.
    """

    box: tuple[float, float, float, float] | None = Field(default=None, description="[u0, v0, u1, v1] [pixels]")
    polygon: list[Pixel] | None = Field(default=None, min_length=3, description="outline [[u, v], ...] [pixels]")
    ellipse: Ellipse | None = Field(
        default=None, description="[centre u, centre v, semi-axis u, semi-axis v, angle] [pixels, degrees]"
    )
    mask: Path | None = Field(
        default=None, description="picture of the photo's size, white (or opaque) where the thing is"
    )
    ids: Path | None = Field(default=None, description="picture of the photo's size whose pixel values number things")
    id: int | None = Field(default=None, ge=1, description="which number in `ids`")
    click: Pixel | None = Field(default=None, description="a pixel of the thing; its border is found [pixels]")
    strokes: Strokes | None = Field(default=None, description="lines on the thing and beside it; its border is found")
    snap: bool = Field(default=False, description="move the border of the region to the edge that is seen near it")

    @property
    def searched(self) -> bool:
        """Whether the border has to be found in the photo."""
        return self.snap or self.click is not None or self.strokes is not None

    @property
    def region(self) -> str | None:
        """Which of the fields bounds the thing."""
        return next((n for n in ("box", "polygon", "ellipse", "mask", "ids") if getattr(self, n) is not None), None)

    @model_validator(mode="after")
    def _one(self) -> Select:
        given = [n for n in ("box", "polygon", "ellipse", "mask", "ids") if getattr(self, n) is not None]
        if len(given) > 1 or not (given or self.click is not None or self.strokes is not None):
            raise ValueError(
                f"give exactly one of box, polygon, ellipse, mask, ids, or a click or strokes; "
                f"given: {', '.join(given) or 'none'}"
            )
        if not given and (self.snap or (self.click is None and not any(self.strokes.inside))):  # type: ignore[union-attr]
            missing = "`snap` needs a region to start from" if self.snap else "strokes only say what is outside"
            raise ValueError(f"{missing}; add a box, a polygon or another region, or a stroke inside")
        if (self.ids is None) != (self.id is None):
            raise ValueError("`ids` and `id` go together")
        return self


# ---- hints -----------------------------------------------------------------------------------------------------------


class CircleHint(Model):
    """A horizontal circle of known size, for example the rim of a saucer: gives pitch, roll and scale."""

    ellipse: Ellipse = Field(description="its outline in the photo [pixels, degrees]")
    diameter: Positive = Field(description="[m]")
    height: float = Field(default=0.0, description="of the circle above the ground [m]")


class CameraHint(Model):
    """How the photo was taken. Everything may be left out."""

    fov: float | None = Field(default=None, gt=1, lt=170, description="horizontal field of view [degrees]")
    pitch: float | None = Field(
        default=None, ge=-90, le=90, description="angle of the view below the horizontal [degrees]"
    )
    roll: float = Field(default=0.0, ge=-180, le=180, description="clockwise turn of the camera [degrees]")
    horizon: float | None = Field(
        default=None, description="row of the horizon as a fraction of the height, may lie outside 0..1"
    )
    height: Positive | None = Field(default=None, description="of the camera above the ground [m]")
    circle: CircleHint | None = Field(default=None, description="instead of pitch and height")


class ShadowHint(Model):
    shadow_of: Pixel = Field(description="top of a thing [pixels]")
    tip: Pixel = Field(description="tip of its shadow on the ground [pixels]")
    base: Pixel | None = Field(default=None, description="foot of the thing below `shadow_of` [pixels]")


class LightHint(Model):
    direction: Vector | None = Field(default=None, description="from the scene to the light, world frame, any length")
    shadow: ShadowHint | None = Field(default=None, description="instead of a direction")
    softness: float | None = Field(default=None, gt=0, lt=90, description="angular radius of the light [degrees]")
    floor: Fraction | None = Field(default=None, description="brightness in full shadow over brightness in light")


class WhiteHint(Model):
    """Two pixels of something white: they give the colour of the light."""

    light: Pixel = Field(description="lit [pixels]")
    shade: Pixel = Field(description="in shadow [pixels]")


class PlateHint(Model):
    """How to fill what lies behind a thing that moves away."""

    region: Select = Field(description="where this holds")
    surface: Literal["smooth", "texture"] = Field(description="smooth: membrane + grain; texture: cloned patch")
    source: Pixel | None = Field(default=None, description="offset [du, dv] of the patch to clone [pixels]")


class SurfaceHint(Model):
    """A horizontal surface at a known height: a table top, a step, a shelf."""

    name: str = Field(description="for messages")
    region: Select = Field(description="where it is seen")
    height: float = Field(description="above the ground [m]; may be negative")


class RoomHint(Model):
    """A room, or a street between houses, drawn as a box: its back wall gives floor, sides and ceiling."""

    back: tuple[float, float, float, float] = Field(
        description="[u0, v0, u1, v1] of the back wall, its lower edge on the floor; may reach outside [pixels]"
    )
    vanishing: Pixel | None = Field(
        default=None, description="where the edges along the side walls meet [pixels]; default: straight ahead"
    )


class KnownLength(Model):
    """A length that is known: gives the camera's height, and with it metres."""

    line: tuple[Pixel, Pixel] = Field(description="its ends, both on the ground [pixels]")
    metres: Positive = Field(description="[m]")
    upright: bool = Field(default=False, description="the first end is on the ground, the second straight above it")


class DepthClick(Model):
    pixel: Pixel = Field(description="[pixels]")
    depth: Positive = Field(description="distance along the view axis [m]")


class Hints(Model):
    camera: CameraHint = Field(default=CameraHint(), description="how the photo was taken")
    light: LightHint = Field(default=LightHint(), description="where the light comes from")
    white: WhiteHint | None = Field(default=None, description="two pixels of something white")
    plate: list[PlateHint] = Field(default=[], description="how to fill what moving things uncover")
    ground: list[Pixel] | None = Field(default=None, min_length=3, description="outline of the visible ground [pixels]")
    surfaces: list[SurfaceHint] = Field(default=[], description="horizontal surfaces of known height")
    wall: Positive | None = Field(default=None, description="distance of the background behind the ground [m]")
    room: RoomHint | None = Field(default=None, description="the room that is seen, instead of `wall`")
    lengths: list[KnownLength] = Field(default=[], description="known lengths; they give the camera's height")
    sky: bool | None = Field(default=None, description="whether there is sky; default: blue or white and smooth is")
    clicks: list[DepthClick] = Field(default=[], description="pixels of known distance")
    depth: DepthHint = Field(default=DepthHint(), description="where the distance of every pixel comes from")

    @model_validator(mode="after")
    def _one_background(self) -> Hints:
        if self.wall is not None and self.room is not None:
            raise ValueError("give `wall` or `room`, not both: the room has a back wall")
        return self


# ---- things ----------------------------------------------------------------------------------------------------------


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
    height: Positive | None = Field(default=None, description="of the solid [m]; for `cylinder`, `box`")
    thickness: Positive | None = Field(default=None, description="away from the camera [m]; for `extrude`, `card`")
    profile: list[tuple[float, float]] | None = Field(
        default=None,
        min_length=3,
        description="for `revolve`: closed outline [[radius, y], ...] [m], foot first, outside up",
    )
    circle: CircleHint | None = Field(default=None, description="for `revolve`: a rim that places the axis")
    depth: Positive | None = Field(
        default=None, description="distance along the view axis [m]; default: where it stands"
    )


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
    rate: Positive = Field(
        default=1.0,
        description="of smoke: density added per second [1/s]; with `on` a factor on the law of evaporation",
    )
    velocity: Vector = Field(
        default=(0.0, 0.0, 0.0),
        description="of what enters [m/s]; of a liquid enters pi radius^2 |velocity| per second",
    )
    start: float = Field(default=0.0, ge=0, description="[s]")
    end: float | None = Field(default=None, ge=0, description="[s]; default: never")

    @model_validator(mode="after")
    def _one(self) -> EmitSpec:
        if (self.pixel is None) == (self.at is None and self.on is None):
            raise ValueError("give exactly one of `pixel`, `at` and `on`; `at` and `on` may go together")
        return self


MATTER = ("rigid", "static", "kinematic", "smoke", "cloth", "liquid")


class Thing(Model):
    """One thing: where it is (select, shape or emit) and what it is made of (rigid, static, kinematic, smoke, ...)."""

    name: str = Field(min_length=1, max_length=64, description="what it goes by, unique in the shot")
    select: Select | None = Field(default=None, description="a thing of the photo")
    shape: ShapeSpec | None = Field(default=None, description="a thing that is added")
    emit: EmitSpec | None = Field(default=None, description="a source of smoke or liquid")
    lift: Lift = Field(default=Lift(), description="how a thing of the photo becomes a solid")
    still: bool = Field(
        default=False, description="a thin thing in front that never moves: drawn with a soft edge at its depth"
    )
    rigid: RigidSpec | None = Field(default=None, description="moves and keeps its form")
    static: StaticSpec | None = Field(default=None, description="does not move; things collide with it")
    kinematic: KinematicSpec | None = Field(default=None, description="moves as it is told; pushes and is not pushed")
    smoke: SmokeSpec | None = Field(default=None, description="what an `emit` gives off")
    cloth: ClothSpec | None = Field(default=None, description="a fabric: bends, waves in the wind, drapes")
    liquid: LiquidSpec | None = Field(
        default=None,
        description="with `shape`: it fills that; with `emit`: it is poured; with `select`: a lake, river or sea of "
        "the photo, or, `inside` of a thing, what that holds",
    )
    inside: str | None = Field(default=None, description="name of the thing that holds a liquid; it moves with that")
    at: Vector | None = Field(default=None, description="world position of the centre [m]; for `shape`")
    at_pixel: Pixel | None = Field(default=None, description="for `shape`: above the surface seen here [pixels]")
    above: float = Field(default=0.0, ge=0, description="with `at_pixel`: gap between the thing and the surface [m]")
    rotation: Vector = Field(default=(0.0, 0.0, 0.0), description="rotation vector, world axes [degrees]")
    velocity: Vector = Field(default=(0.0, 0.0, 0.0), description="[m/s]")
    angular_velocity: Vector = Field(default=(0.0, 0.0, 0.0), description="[degrees/s]")
    colour: Vector = Field(default=(0.8, 0.8, 0.8), description="linear reflectance of an added thing, 0..1")
    texture: Literal["plain", "sugar", "wood", "checker", "speckle", "woven", "gingham"] = Field(
        default="plain", description="surface of an added thing"
    )
    visible: bool = Field(default=True, description="whether a solid is drawn; others collide with it all the same")

    @property
    def moves(self) -> bool:
        """Whether it is a solid that changes its place."""
        return self.rigid is not None or self.kinematic is not None

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
        if self.inside is not None and self.liquid is None:
            raise ValueError("only a `liquid` is `inside` a thing")
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


# ---- forces, camera, output ------------------------------------------------------------------------------------------


class WindSpec(Model):
    velocity: Vector = Field(description="[m/s]")
    gust: Fraction = Field(default=0.0, description="relative variation [-]")


class ImpulseSpec(Model):
    on: str = Field(description="name of a rigid thing")
    newton_seconds: Vector = Field(description="[N s]")
    at: float = Field(default=0.0, ge=0, description="[s]")


class ForceSpec(Model):
    """Exactly one of the fields."""

    wind: WindSpec | None = Field(default=None, description="moving air")
    impulse: ImpulseSpec | None = Field(default=None, description="a push at one instant")

    @model_validator(mode="after")
    def _one(self) -> ForceSpec:
        if (self.wind is None) == (self.impulse is None):
            raise ValueError("give exactly one of wind, impulse")
        return self


class GenerateSpec(Model):
    model: str = Field(default="bundled", description="'bundled', 'none' (the plain composite), or a registered model")
    num_inference_steps: int = Field(
        default=1,
        ge=1,
        le=100,
        description="calls of the network per frame; 1 is the likeliest picture, more add detail",
    )
    guidance_scale: float = Field(default=1.0, ge=0, description="classifier-free guidance [-]; 1 is none")
    strength: Fraction = Field(default=1.0, description="how much of the model's residual is added [-]")
    size: int = Field(default=320, ge=32, le=2048, description="longer side of the picture the model works on [pixels]")


class OutputSpec(Model):
    width: int | None = Field(
        default=None, ge=16, le=8192, description="[pixels]; default: the photo's, at most 3840 on the longer side"
    )
    height: int | None = Field(
        default=None, ge=16, le=8192, description="[pixels]; default: the photo's, at most 3840 on the longer side"
    )
    fps: float | None = Field(
        default=None,
        gt=0,
        le=240,
        description="frames per second of the video, at least `fps` of the shot, its default",
    )
    quality: int = Field(default=18, ge=0, le=51, description="H.264 constant rate factor; lower is better")
    motion_blur: Fraction = Field(default=0.5, description="shutter opening as a fraction of the frame time [-]")


class Shot(Model):
    """Everything that decides a video."""

    schema_version: Literal[1] = Field(default=1, description="of this format")
    photo: Path = Field(description="picture file; `skimage:NAME` takes a photo that scikit-image ships")
    hints: Hints = Field(default=Hints(), description="what is known about the photo")
    things: list[Thing] = Field(default=[], description="what moves, stands in the way, or smokes")
    joints: list[JointSpec] = Field(default=[], description="what ties things to each other or to the world")
    forces: list[ForceSpec] = Field(default=[], description="wind and pushes; gravity is always there")
    camera: list[MoveSpec] = Field(default=[], description="camera moves, from the photo on")
    seconds: float = Field(default=3.0, gt=0, le=600, description="length of the video [s]")
    fps: float = Field(default=24.0, gt=0, le=240, description="frames per second")
    seed: int = Field(default=0, ge=0, lt=2**31, description="of everything random")
    generate: GenerateSpec = Field(default=GenerateSpec(), description="the model that paints")
    output: OutputSpec = Field(default=OutputSpec(), description="the video file")

    @model_validator(mode="after")
    def _names(self) -> Shot:
        twice = sorted(n for n, count in Counter(thing.name for thing in self.things).items() if count > 1)
        if twice:
            raise ValueError(f"things need different names; given twice: {', '.join(twice)}")
        return self

    @classmethod
    def load(cls, path: str | os.PathLike) -> Shot:
        """Read a ``.yaml``, ``.toml`` or ``.json`` file; relative paths in it are taken from its folder.

        Raises:
            physim.shot_file.ShotError: Every mistake at once, with file, line, field, what was given and expected.
        """
        from physim.shot_file import load

        return load(path)

    def save(self, path: str | os.PathLike) -> Path:
        """Write the shot, defaults included, in the format of the suffix."""
        from physim.shot_file import save

        return save(self, path)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, defaults included; ``Shot(**shot.to_dict())`` is the same shot."""
        return self.model_dump(mode="json", by_alias=True)
