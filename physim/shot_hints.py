"""What is known about the photo: camera, light, surfaces, distances. Public in :mod:`physim.shot`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from physim.shot_depth import DepthHint
from physim.shot_model import Fraction, Length, Model, Vector
from physim.shot_select import Ellipse, Pixel, Select


class CircleHint(Model):
    """A horizontal circle of known size, for example the rim of a saucer: gives pitch, roll and scale."""

    ellipse: Ellipse = Field(description="its outline in the photo [pixels, degrees]")
    diameter: Length = Field(description="[m]")
    height: float = Field(default=0.0, description="of the circle above the ground [m]")


class BallHint(Model):
    """A ball of known size on the ground. One gives the camera's height, two its pitch as well, three its roll."""

    ellipse: Ellipse = Field(description="its outline in the photo [pixels, degrees]")
    diameter: Length = Field(description="[m]: tennis 0.067, football 0.22, billiards 0.057")


class CameraHint(Model):
    """How the photo was taken. Everything may be left out."""

    fov: float | None = Field(default=None, gt=1, lt=170, description="horizontal field of view [degrees]")
    pitch: float | None = Field(
        default=None, ge=-90, le=90, description="angle of the view below the horizontal [degrees]"
    )
    roll: float = Field(default=0.0, ge=-180, le=180, description="clockwise turn of the camera [degrees]")
    horizon: float | None = Field(
        default=None,
        ge=-50,
        le=50,
        description="instead of pitch: its row as a fraction of the photo's height, may lie outside 0..1",
    )
    height: Length | None = Field(default=None, description="of the camera above the ground [m]")
    circle: CircleHint | None = Field(default=None, description="instead of pitch and height")
    balls: list[BallHint] = Field(
        default=[], description="balls on the ground: instead of height, and of pitch if apart"
    )

    @model_validator(mode="after")
    def _told_once(self) -> CameraHint:
        if self.pitch is not None and self.horizon is not None:
            raise ValueError("`pitch` and `horizon` say the same thing of the camera: give one of them")
        twice = [name for name in ("pitch", "horizon", "height") if getattr(self, name) is not None]
        if self.circle is not None and twice:
            raise ValueError(f"`circle` gives pitch and height: leave out {' and '.join(f'`{n}`' for n in twice)}")
        if self.balls and (self.circle is not None or self.height is not None):
            raise ValueError("`balls` give the camera's height: leave out `height` and `circle`")
        return self


class ShadowHint(Model):
    shadow_of: Pixel = Field(description="top of a thing [pixels]")
    tip: Pixel = Field(description="tip of its shadow on the ground [pixels]")
    base: Pixel | None = Field(default=None, description="foot of the thing below `shadow_of` [pixels]")


class LightHint(Model):
    direction: Vector | None = Field(default=None, description="from the scene to the light, world frame, any length")
    shadow: ShadowHint | None = Field(default=None, description="instead of a direction")
    softness: float | None = Field(default=None, gt=0, lt=90, description="angular radius of the light [degrees]")
    floor: Fraction | None = Field(default=None, description="brightness in full shadow over brightness in light")

    @model_validator(mode="after")
    def _told_once(self) -> LightHint:
        if self.direction is not None and self.shadow is not None:
            raise ValueError("`direction` and `shadow` both say where the light comes from: give one of them")
        return self


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
    metres: Length = Field(description="[m]")
    upright: bool = Field(default=False, description="the first end is on the ground, the second straight above it")


class DepthClick(Model):
    pixel: Pixel = Field(description="[pixels]")
    depth: Length = Field(description="distance along the view axis [m]")


class Hints(Model):
    camera: CameraHint = Field(default=CameraHint(), description="how the photo was taken")
    light: LightHint = Field(default=LightHint(), description="where the light comes from")
    white: WhiteHint | None = Field(default=None, description="two pixels of something white")
    plate: list[PlateHint] = Field(default=[], description="how to fill what moving things uncover")
    ground: list[Pixel] | None = Field(default=None, min_length=3, description="outline of the visible ground [pixels]")
    surfaces: list[SurfaceHint] = Field(default=[], description="horizontal surfaces of known height")
    wall: Length | None = Field(default=None, description="distance of the background behind the ground [m]")
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
