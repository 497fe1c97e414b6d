"""The Wan transformer: noisy video latents, time, text and image tokens → velocity prediction.

Each block is self-attention, cross-attention to text (and image), feed-forward; the first and the last are shifted,
scaled and gated by the time, the middle one is not. Queries and keys are normalised over all heads together before
they are split. Norms, modulation, rotations and the residual sums are in float32 whatever the weights are in.

Source: Wan Team, Wan: Open and Advanced Large-Scale Video Generative Models (2025), section 4.2; Peebles and Xie,
Scalable Diffusion Models with Transformers (2023) for the modulation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from i2v.models.wan.attention import Implementation, attend
from i2v.models.wan.camera_adapter import CameraAdapter
from i2v.models.wan.config import WanConfig
from i2v.models.wan.rope import rotate, rotations
from i2v.models.wan.stack import stacked, through, through_with


def time_features(timestep: jax.Array, size: int) -> jax.Array:
    """Cosines, then sines, of the time at rates from 1 to 1 / 10000, (...) → (..., size) float32."""
    half = size // 2
    rates = np.exp(np.float32(-math.log(10000.0)) * np.arange(half, dtype=np.float32) / np.float32(half))
    angles = timestep.astype(jnp.float32)[..., None] * rates
    return jnp.concatenate([jnp.cos(angles), jnp.sin(angles)], axis=-1)


def _linear(given: int, made: int, dtype, rngs: nnx.Rngs) -> nnx.Linear:
    return nnx.Linear(given, made, dtype=dtype, param_dtype=dtype, rngs=rngs)


def _layer_norm(width: int, eps: float, rngs: nnx.Rngs, *, affine: bool) -> nnx.LayerNorm:
    """In float32, whatever comes in."""
    return nnx.LayerNorm(
        width, epsilon=eps, use_bias=affine, use_scale=affine, dtype=jnp.float32, use_fast_variance=False, rngs=rngs
    )


def _rms_norm(width: int, eps: float, dtype, rngs: nnx.Rngs) -> nnx.RMSNorm:
    return nnx.RMSNorm(width, epsilon=eps, dtype=jnp.float32, param_dtype=dtype, use_fast_variance=False, rngs=rngs)


Past: TypeAlias = tuple[jax.Array, jax.Array, jax.Array]
"""Keys and values (b, n, heads, head_dim) of earlier tokens of a layer, and how many of them, the first ones, count."""


class Attention(nnx.Module):
    """Attention of video tokens to themselves, or to text and, beside it with its own keys, to an image."""

    def __init__(self, config: WanConfig, *, image: bool, attention: Implementation, dtype, rngs: nnx.Rngs) -> None:
        width = config.width
        self.heads, self.attention, self.dtype = config.heads, attention, dtype
        self.to_q = _linear(width, width, dtype, rngs)
        self.to_k = _linear(width, width, dtype, rngs)
        self.to_v = _linear(width, width, dtype, rngs)
        self.to_out = _linear(width, width, dtype, rngs)
        self.norm_q = _rms_norm(width, config.eps, dtype, rngs)
        self.norm_k = _rms_norm(width, config.eps, dtype, rngs)
        if image:
            self.add_k_proj = _linear(width, width, dtype, rngs)
            self.add_v_proj = _linear(width, width, dtype, rngs)
            self.norm_added_k = _rms_norm(width, config.eps, dtype, rngs)

    def __call__(self, x: jax.Array, *, turns=None, text=None, image=None) -> jax.Array:
        q = self._heads(self.norm_q(self.to_q(x)))
        seen = x if text is None else text
        k, v = self._heads(self.norm_k(self.to_k(seen))), self._heads(self.to_v(seen))
        if turns is not None:
            q, k = rotate(q, *turns), rotate(k, *turns)
        found = attend(q, k, v, implementation=self.attention)
        if image is not None:
            k = self._heads(self.norm_added_k(self.add_k_proj(image)))
            found = found + attend(q, k, self._heads(self.add_v_proj(image)), implementation=self.attention)
        return self.to_out(found.reshape(x.shape))

    def remembering(self, x: jax.Array, turns, past: Past) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        """Attention of video tokens to themselves and to earlier ones; and their own keys and values."""
        keys, values, length = past
        q, k = self._heads(self.norm_q(self.to_q(x))), self._heads(self.norm_k(self.to_k(x)))
        q, k, v = rotate(q, *turns), rotate(k, *turns), self._heads(self.to_v(x))
        seen = [jnp.concatenate(pair, axis=1) for pair in ((k, keys), (v, values))]  # what counts comes first
        found = attend(q, *seen, implementation=self.attention, length=x.shape[1] + length)
        return self.to_out(found.reshape(x.shape)), (k, v)

    def _heads(self, x: jax.Array) -> jax.Array:
        return x.reshape(*x.shape[:2], self.heads, -1).astype(self.dtype)


class FeedForward(nnx.Module):
    """Two linear maps with a GELU between: its tanh form in the blocks, the exact one for image tokens."""

    def __init__(self, given: int, hidden: int, made: int, *, exact: bool, dtype, rngs: nnx.Rngs) -> None:
        self.exact = exact
        self.up = _linear(given, hidden, dtype, rngs)
        self.down = _linear(hidden, made, dtype, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.down(jax.nn.gelu(self.up(x), approximate=not self.exact))


class Block(nnx.Module):
    """One layer. ``shifts`` (b, groups, 6, width): a time for each group of consecutive tokens."""

    def __init__(self, config: WanConfig, *, attention: Implementation, dtype, rngs: nnx.Rngs) -> None:
        width = config.width
        self.dtype = dtype
        self.scale_shift_table = nnx.Param(jax.random.normal(rngs.params(), (1, 6, width), jnp.float32) / width**0.5)
        self.norm1 = _layer_norm(width, config.eps, rngs, affine=False)
        self.attn1 = Attention(config, image=False, attention=attention, dtype=dtype, rngs=rngs)
        self.norm2 = _layer_norm(width, config.eps, rngs, affine=True)
        # text and image tokens are few and on every device: what spreads tokens is for the first attention only
        across: Implementation = "auto" if callable(attention) else attention
        self.attn2 = Attention(config, image=config.image_dim is not None, attention=across, dtype=dtype, rngs=rngs)
        self.norm3 = _layer_norm(width, config.eps, rngs, affine=False)
        self.ffn = FeedForward(width, config.ffn, width, exact=False, dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array, shifts: jax.Array, turns, text: jax.Array, image: jax.Array | None) -> jax.Array:
        return self._changed(x, shifts, text, image, lambda moved: (self.attn1(moved, turns=turns), None))[0]

    def remembering(self, x: jax.Array, shifts: jax.Array, turns, text: jax.Array, image: jax.Array | None, past: Past):
        """The same after other tokens; returns the keys and values of these as well."""
        return self._changed(x, shifts, text, image, lambda moved: self.attn1.remembering(moved, turns, past))

    def _changed(self, x: jax.Array, shifts: jax.Array, text: jax.Array, image: jax.Array | None, attended: Callable):
        parts = jnp.split(self.scale_shift_table[...] + shifts.astype(jnp.float32), 6, axis=2)
        shift, scale, gate, ffn_shift, ffn_scale, ffn_gate = parts  # b groups 1 width each
        change, beside = attended(modulated(self.norm1(x), scale, shift).astype(self.dtype))
        x = gated_sum(x, change, gate)
        x = x + self.attn2(self.norm2(x).astype(self.dtype), text=text, image=image)
        moved = modulated(self.norm3(x), ffn_scale, ffn_shift).astype(self.dtype)
        return gated_sum(x, self.ffn(moved), ffn_gate), beside


def _grouped(x: jax.Array, groups: int) -> jax.Array:
    """(b, n, width) → (b, groups, n / groups, width)."""
    return x.reshape(x.shape[0], groups, -1, x.shape[-1])


def modulated(x: jax.Array, scale: jax.Array, shift: jax.Array) -> jax.Array:
    """X (1 + scale) + shift, of tokens (b, n, width) by groups (b, groups, 1, width)."""
    return (_grouped(x, scale.shape[1]) * (1 + scale) + shift).reshape(x.shape)


def gated_sum(x: jax.Array, change: jax.Array, gate: jax.Array) -> jax.Array:
    """X + gate change, summed in float32, in the type of ``x``."""
    moved = (_grouped(change.astype(jnp.float32), gate.shape[1]) * gate).reshape(x.shape)
    return (x.astype(jnp.float32) + moved).astype(x.dtype)


class ImageEmbedder(nnx.Module):
    """Tokens of CLIP → tokens of the transformer."""

    def __init__(self, config: WanConfig, *, dtype, rngs: nnx.Rngs) -> None:
        assert config.image_dim is not None
        given = config.image_dim
        self.dtype = dtype
        self.norm1 = _layer_norm(given, 1e-5, rngs, affine=True)
        self.ff = FeedForward(given, given, config.width, exact=True, dtype=dtype, rngs=rngs)
        self.norm2 = _layer_norm(config.width, 1e-5, rngs, affine=True)
        if config.image_positions is not None:
            self.pos_embed = nnx.Param(jnp.zeros((1, config.image_positions, given), jnp.float32))

    def __call__(self, tokens: jax.Array) -> jax.Array:
        if hasattr(self, "pos_embed"):  # the tokens of both pictures belong to one clip
            tokens = tokens.reshape(-1, self.pos_embed.shape[1], tokens.shape[-1]) + self.pos_embed[...]
        return self.norm2(self.ff(self.norm1(tokens).astype(self.dtype))).astype(self.dtype)


class Pair(nnx.Module):
    """linear, activation, linear."""

    def __init__(self, given: int, made: int, activation, *, dtype, rngs: nnx.Rngs) -> None:
        self.activation = activation
        self.linear_1 = _linear(given, made, dtype, rngs)
        self.linear_2 = _linear(made, made, dtype, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.linear_2(self.activation(self.linear_1(x)))


class ConditionEmbedder(nnx.Module):
    """Time, text and image into the transformer's width."""

    def __init__(self, config: WanConfig, *, dtype, rngs: nnx.Rngs) -> None:
        width = config.width
        self.time_embedder = Pair(config.freq_dim, width, jax.nn.silu, dtype=jnp.float32, rngs=rngs)
        self.time_proj = _linear(width, 6 * width, dtype, rngs)
        self.text_embedder = Pair(config.text_dim, width, jax.nn.gelu, dtype=dtype, rngs=rngs)
        if config.image_dim is not None:
            self.image_embedder = ImageEmbedder(config, dtype=dtype, rngs=rngs)


class WanTransformer(nnx.Module):
    """Latents and conditions → velocity prediction; see :meth:`__call__`.

    Args:
        config: Which one.
        attention: See :func:`i2v.models.wan.attention.attend`; `i2v.models.wan.sharding.ContextAttention` spreads the
            tokens over devices.
        dtype: Of weights and activations, except norms, modulation and time.
        remat: Forget activations inside blocks and compute them again in the backward pass.
    """

    def __init__(
        self,
        config: WanConfig,
        *,
        attention: Implementation = "auto",
        dtype=jnp.float32,
        remat: bool = False,
        rngs: nnx.Rngs,
    ) -> None:
        self.config, self.dtype, self.remat = config, dtype, remat
        self.spread = getattr(attention, "spread", None)
        width, patch = config.width, config.patch
        self.patch_embedding = _linear(config.in_channels * math.prod(patch), width, dtype, rngs)
        self.condition_embedder = ConditionEmbedder(config, dtype=dtype, rngs=rngs)
        self.blocks = stacked(
            lambda rngs: Block(config, attention=attention, dtype=dtype, rngs=rngs), config.layers, rngs
        )
        self.norm_out = _layer_norm(width, config.eps, rngs, affine=False)
        self.proj_out = _linear(width, config.out_channels * math.prod(patch), dtype, rngs)
        self.scale_shift_table = nnx.Param(jax.random.normal(rngs.params(), (1, 2, width), jnp.float32) / width**0.5)
        if config.camera_channels is not None:
            self.control_adapter = CameraAdapter(config, dtype=dtype, rngs=rngs)
        if config.reference_channels is not None:
            self.ref_conv = _linear(config.reference_channels * math.prod(patch[1:]), width, dtype, rngs)

    def __call__(
        self,
        latents: jax.Array,
        timestep: jax.Array,
        text: jax.Array,
        image: jax.Array | None = None,
        *,
        camera: jax.Array | None = None,
        reference: jax.Array | None = None,
    ) -> jax.Array:
        """One evaluation.

        Args:
            latents: (b, t, h, w, in_channels): noisy latents first, then whatever the variant concatenates.
            timestep: 0 (clean) to 1000 (noise): (b,), or one per latent frame (b, t), or per token.
            text: (b, text_tokens, text_dim), zeros after the prompt's end.
            image: (b, n, image_dim) tokens of CLIP, for variants that have them.
            camera: (b, t, 8 h, 8 w, camera_channels), for variants with a camera adapter.
            reference: (b, h, w, reference_channels) latent of a picture, for variants that have it.

        Returns:
            (b, t, h, w, out_channels) float32.

        Raises:
            ValueError: A condition that the variant lacks, or lacks and needs; or sizes that do not fit.
        """

        def blocks(x: jax.Array, grid, shifts: jax.Array, words: jax.Array, looks) -> tuple[jax.Array, None]:
            turns = rotations(grid, self.config.head_dim)
            x = x if self.spread is None else self.spread(x)
            call = lambda block, x: block(x, shifts, turns, words, looks)  # noqa: E731
            return through(self.blocks, x, call, remat=self.remat), None

        return self._answer(latents, timestep, text, image, camera, reference, blocks)[0]

    def remembering(
        self,
        latents: jax.Array,
        timestep: jax.Array,
        text: jax.Array,
        image: jax.Array | None = None,
        *,
        camera: jax.Array | None = None,
        reference: jax.Array | None = None,
        turns: tuple[jax.Array, jax.Array],
        past: Past,
    ) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        """One evaluation of some frames of a clip, which see earlier ones: :mod:`i2v.models.wan.causal`.

        Args:
            latents: As in :meth:`__call__`, and so are all but the last two.
            timestep: See there.
            text: See there.
            image: See there.
            camera: See there.
            reference: See there; with the first frames only.
            turns: :func:`i2v.models.wan.rope.rotations` of these frames, the reference among them.
            past: Of all layers, (layers, b, n, heads, head_dim).

        Returns:
            The answer, and keys and values of these frames, (layers, b, tokens, heads, head_dim).
        """

        def blocks(x: jax.Array, grid, shifts: jax.Array, words: jax.Array, looks):
            def call(block, x, kept):
                return block.remembering(x, shifts, turns, words, looks, (*kept, past[2]))

            return through_with(self.blocks, x, past[:2], call)

        return self._answer(latents, timestep, text, image, camera, reference, blocks)

    def _answer(self, latents, timestep, text, image, camera, reference, blocks: Callable) -> tuple[jax.Array, Any]:
        """What is before and after the blocks; what they give besides is handed on."""
        self._check(latents, timestep, text, image, camera, reference)
        grid = tuple(size // part for size, part in zip(latents.shape[1:4], self.config.patch, strict=True))
        x = self.patch_embedding(patches(latents.astype(self.dtype), self.config.patch))
        if camera is not None:
            x = x + self.control_adapter(camera.astype(self.dtype))
        if timestep.ndim == 1:
            timestep = timestep[:, None]
        if reference is not None:
            x, timestep, grid = self._with_reference(x, timestep, grid, reference)
        embed = self.condition_embedder
        time = embed.time_embedder(time_features(timestep, self.config.freq_dim))  # b groups width
        shifts = embed.time_proj(jax.nn.silu(time.astype(self.dtype)))
        shifts = shifts.reshape(*time.shape[:2], 6, -1)
        words = embed.text_embedder(text.astype(self.dtype))
        looks = None if image is None else embed.image_embedder(image)
        x, beside = blocks(x, grid, shifts, words, looks)
        shift, scale = jnp.split(self.scale_shift_table[...] + time[:, :, None], 2, axis=2)
        x = self.proj_out(modulated(self.norm_out(x), scale, shift).astype(self.dtype)).astype(jnp.float32)
        if reference is not None:
            x, grid = x[:, grid[1] * grid[2] :], (grid[0] - 1, *grid[1:])
        return unpatched(x, grid, self.config.patch), beside

    def _with_reference(self, x: jax.Array, timestep: jax.Array, grid, reference: jax.Array):
        """The reference picture as one more frame in front, at the time of the last token."""
        before = self.ref_conv(patches(reference[:, None].astype(self.dtype), (1, *self.config.patch[1:])))
        groups = timestep.shape[1]
        if groups > 1:
            added = 1 if groups == grid[0] else before.shape[1]
            timestep = jnp.concatenate([jnp.repeat(timestep[:, -1:], added, axis=1), timestep], axis=1)
        return jnp.concatenate([before, x], axis=1), timestep, (grid[0] + 1, *grid[1:])

    def _check(self, latents, timestep, text, image, camera, reference) -> None:
        config = self.config
        if latents.shape[-1] != config.in_channels:
            raise ValueError(
                f"latents have {latents.shape[-1]} channels, expected {config.in_channels}: noisy latents, then what "
                f"this variant concatenates (mask, first frame, control video)."
            )
        odd = [size for size, part in zip(latents.shape[1:4], config.patch, strict=True) if size % part]
        if odd:
            raise ValueError(f"latents are {latents.shape[1:4]}, expected multiples of {config.patch}; crop or pad.")
        if text.shape[-1] != config.text_dim:
            raise ValueError(f"text has {text.shape[-1]} channels, expected {config.text_dim}, those of UMT5.")
        tokens = math.prod(latents.shape[1:4]) // math.prod(config.patch)
        if timestep.ndim not in (1, 2) or (
            timestep.ndim == 2 and timestep.shape[1] not in (1, latents.shape[1], tokens)
        ):
            raise ValueError(
                f"timestep has shape {timestep.shape}, expected ({latents.shape[0]},), one per latent frame "
                f"({latents.shape[0]}, {latents.shape[1]}) or one per token ({latents.shape[0]}, {tokens})."
            )
        for name, given, has in (
            ("image", image, config.image_dim),
            ("camera", camera, config.camera_channels),
            ("reference", reference, config.reference_channels),
        ):
            if given is not None and has is None:
                raise ValueError(f"{name} is given, but this variant was not trained with it; leave it out.")
            if given is not None and given.shape[-1] != has:
                raise ValueError(f"{name} has {given.shape[-1]} channels, expected {has}.")


def patches(latents: jax.Array, patch: tuple[int, int, int]) -> jax.Array:
    """(b, t, h, w, c) → (b, tokens, patch elements times c); channels vary fastest."""
    b, t, h, w, c = latents.shape
    pt, ph, pw = patch
    x = latents.reshape(b, t // pt, pt, h // ph, ph, w // pw, pw, c).transpose(0, 1, 3, 5, 2, 4, 6, 7)
    return x.reshape(b, (t // pt) * (h // ph) * (w // pw), pt * ph * pw * c)


def unpatched(x: jax.Array, grid: tuple[int, int, int], patch: tuple[int, int, int]) -> jax.Array:
    """The way back of :func:`patches`."""
    (t, h, w), (pt, ph, pw) = grid, patch
    x = x.reshape(x.shape[0], t, h, w, pt, ph, pw, -1).transpose(0, 1, 4, 2, 5, 3, 6, 7)
    return x.reshape(x.shape[0], t * pt, h * ph, w * pw, -1)
