"""What variants that follow a camera add to every token: its rays through a few convolutions.

Source: the released configurations and weights of Wan-Fun camera control.
"""

from __future__ import annotations

import jax
from flax import nnx

from i2v.models.wan.config import WanConfig


class CameraResidual(nnx.Module):
    """x + conv(relu(conv(x)))."""

    def __init__(self, width: int, *, dtype, rngs: nnx.Rngs) -> None:
        self.conv1 = nnx.Conv(width, width, (3, 3), padding=1, dtype=dtype, param_dtype=dtype, rngs=rngs)
        self.conv2 = nnx.Conv(width, width, (3, 3), padding=1, dtype=dtype, param_dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return x + self.conv2(jax.nn.relu(self.conv1(x)))


class CameraAdapter(nnx.Module):
    """Plücker rays at the size of the video, four frames folded into channels → something added to every token."""

    fold = 8
    """Pixels per latent cell and side."""

    def __init__(self, config: WanConfig, *, dtype, rngs: nnx.Rngs) -> None:
        assert config.camera_channels is not None
        size, given = config.patch[1:], config.camera_channels * self.fold**2
        self.conv = nnx.Conv(
            given, config.width, size, size, padding="VALID", dtype=dtype, param_dtype=dtype, rngs=rngs
        )
        self.residual_blocks = nnx.List([CameraResidual(config.width, dtype=dtype, rngs=rngs)])

    def __call__(self, rays: jax.Array) -> jax.Array:
        """(b, t, 8 h, 8 w, channels) → (b, tokens, width)."""
        b, t, rows, cols, channels = rays.shape
        x = rays.reshape(b * t, rows // self.fold, self.fold, cols // self.fold, self.fold, channels)
        x = x.transpose(0, 1, 3, 5, 2, 4).reshape(b * t, rows // self.fold, cols // self.fold, -1)
        x = self.conv(x)
        for residual in self.residual_blocks:
            x = residual(x)
        return x.reshape(b, -1, x.shape[-1])
