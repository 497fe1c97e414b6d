"""From pictures, prompts and motion to latents and video: what the transformer is told, and the loop around it.

Image-to-video of Wan 2.1 and of A14B concatenates to the noisy latents a mask (four channels, 1 where a frame is given)
and the latents of a video whose first frame is the picture and whose others are grey. TI2V-5B replaces the first latent
frame by the picture's and tells the network that this frame is clean (time 0).

Source: Wan Team, Wan: Open and Advanced Large-Scale Video Generative Models (2025), section 5.1; the released code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from i2v.diffusion.flow_sampler import Hold
from i2v.diffusion.guidance import Model
from i2v.models.wan.transformer import WanTransformer
from i2v.models.wan.vae import VaeConfig, WanVae

Answer = TypeVar("Answer")


@partial(
    jax.tree_util.register_dataclass,
    data_fields=("text", "image", "beside", "first", "camera", "reference"),
    meta_fields=(),
)
@dataclass(frozen=True)
class Told:
    """What one evaluation of the network is told besides the sample."""

    text: jax.Array
    """(b, 512, 4096) meanings of the prompt, zeros after its end."""
    image: jax.Array | None = None
    """(b, 257, 1280) tokens of CLIP."""
    beside: jax.Array | None = None
    """(b, t, h, w, c) channels concatenated to the sample: mask and first frame, control video."""
    first: jax.Array | None = None
    """(b, 1, h, w, c) latent of the picture, which stands in for the first latent frame (TI2V-5B)."""
    camera: jax.Array | None = None
    """(b, t, H, W, 24) rays, see :func:`i2v.models.wan.motion.camera_rays`."""
    reference: jax.Array | None = None
    """(b, h, w, c) latent of a reference picture."""


def asked(network: Callable[..., Answer], x: jax.Array, timestep: jax.Array, told: Told) -> Answer:
    """One evaluation: samples (b, t, h, w, c) at the times (b,) or (b, t), with what is told beside them."""
    if told.first is not None:
        x = jnp.concatenate([told.first, x[:, 1:]], axis=1)
        timestep = timestep if timestep.ndim == 2 else timestep[:, None]
        timestep = jnp.broadcast_to(timestep, x.shape[:2]).at[:, 0].set(0)
    if told.beside is not None:
        x = jnp.concatenate([x, told.beside], axis=-1)
    return network(x, timestep, told.text, told.image, camera=told.camera, reference=told.reference)


def as_model(transformer: WanTransformer) -> Model:
    """The network for :func:`i2v.diffusion.guidance.guided`, compiled once per size."""
    graph, state = nnx.split(transformer)

    @jax.jit
    def evaluate(state, x: jax.Array, time: jax.Array, told: Told) -> jax.Array:
        return asked(nnx.merge(graph, state), x, jnp.full((x.shape[0],), time, jnp.float32), told)

    return lambda x, time, told: evaluate(state, x, jnp.float32(time), told)


def told_within(told: Told, window: slice) -> Told:
    """What is told of some of the latent frames; the picture itself stands in for the first of all only."""
    return replace(
        told,
        beside=None if told.beside is None else told.beside[:, window],
        camera=None if told.camera is None else told.camera[:, window],
        first=told.first if window.start == 0 else None,
    )


def first_kept(first: jax.Array) -> Hold:
    """Put the picture's latent back as the first latent frame at the end (TI2V-5B)."""
    return lambda x, sigma, step: jnp.concatenate([first, x[:, 1:]], axis=1) if sigma == 0 else x


def latent_size(config: VaeConfig, frames: int, height: int, width: int) -> tuple[int, int, int]:
    """(t, h, w) of the latents of a video.

    Raises:
        ValueError: A number of frames or a size that Wan cannot make, with the nearest that it can.
    """
    time, side = config.time, 2 * config.space  # the transformer takes latent cells two by two
    if frames < 1 or (frames - 1) % time or height % side or width % side or height < side or width < side:
        near = 1 + round(max(frames - 1, 0) / time) * time
        sizes = [max(side, round(size / side) * side) for size in (height, width)]
        raise ValueError(
            f"{frames} frames of {height} x {width} pixels cannot be made: expected 1 + {time} n frames and multiples "
            f"of {side} pixels, for example {near} frames of {sizes[0]} x {sizes[1]}."
        )
    return 1 + (frames - 1) // time, height // config.space, width // config.space


def picture_first(vae: WanVae, image: np.ndarray, frames: int) -> jax.Array:
    """Mask and latents of a video that begins with a picture and is grey from then on.

    Args:
        vae: The autoencoder.
        image: (b, H, W, 3) sRGB in [0, 1].
        frames: Of the video, 1 + 4 n.

    Returns:
        (b, t, h, w, 4 + channels): mask first.
    """
    size = latent_size(vae.config, frames, *image.shape[1:3])
    video = np.zeros((image.shape[0], frames, *image.shape[1:]), np.float32)
    video[:, 0] = 2 * np.asarray(image, np.float32) - 1
    latents = encoded(vae, video)
    mask = jnp.zeros((image.shape[0], *size, vae.config.time)).at[:, 0].set(1)
    return jnp.concatenate([mask, latents], axis=-1)


def encoded(vae: WanVae, video: np.ndarray) -> jax.Array:
    """Normalised latents of a video (b, T, H, W, 3) in [-1, 1], one latent frame at a time."""
    return _run_vae(*nnx.split(vae), jnp.asarray(video, jnp.float32), "encode")


def decoded(vae: WanVae, latents: jax.Array) -> np.ndarray:
    """Video (b, T, H, W, 3) float32 sRGB in [0, 1] of normalised latents, one latent frame at a time."""
    return np.asarray(_run_vae(*nnx.split(vae), latents, "decode")) / 2 + 0.5


@partial(jax.jit, static_argnums=(0, 3))
def _run_vae(graph, state, x: jax.Array, what: str) -> jax.Array:
    return getattr(nnx.merge(graph, state), what)(x, chunk=1)
