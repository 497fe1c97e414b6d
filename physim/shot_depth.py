"""The part of a shot that says where the distance of every pixel comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from physim.shot_model import Model, Positive

DEPTH_MODELS = ("depth-anything", "moge")


class DepthHint(Model):
    """Where depth comes from. Nothing given: planes and the other hints."""

    file: Path | None = Field(
        default=None, description="depth map of the photo: .npy, .npz, 16-bit .png or .tif, .exr; any size"
    )
    kind: Literal["metric", "scale", "affine", "disparity", "relative"] | None = Field(
        default=None,
        description="of a file: z [m]; z up to a factor; z up to factor and shift; 1 / z up to a factor; 1 / z up to "
        "factor and shift. Default: what a .npz says, else metric",
    )
    unit: Positive | None = Field(default=None, description="of a metric file [m]; default: 1, for whole numbers 0.001")
    model: Literal["depth-anything", "moge"] | None = Field(default=None, description="a network, instead of a file")
    weights: Path | None = Field(default=None, description="of the network: its published file, .safetensors")

    @model_validator(mode="after")
    def _consistent(self) -> DepthHint:
        if self.file is not None and self.model is not None:
            raise ValueError("give `file` or `model`, not both")
        if self.file is None and (self.kind is not None or self.unit is not None):
            raise ValueError("`kind` and `unit` belong to a `file`")
        if (self.model is None) != (self.weights is None):
            raise ValueError("`model` and `weights` go together: nothing is downloaded")
        if self.unit is not None and self.kind not in (None, "metric"):
            raise ValueError("`unit` belongs to metric depth; the scale of the other kinds is found on the ground")
        return self
