"""Where in the photo: regions, and clicks and strokes from which they are found. Public in :mod:`physim.shot`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from physim.shot_model import Model

Pixel = tuple[float, float]
Ellipse = tuple[float, float, float, float, float]


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
        default=None,
        description="picture of the photo's size, white (or opaque) where the thing is; or .npy, or COCO's .json",
    )
    ids: Path | None = Field(
        default=None, description="as `mask`, of several things by number: pixel values, or COCO's `id`"
    )
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
