"""Wan one block of latent frames after another: each sees itself and what came before it, nothing of what comes.

Keys and values of finished blocks are kept, so a block costs the same however many went before it, and the first
frames are there long before the last. Which blocks are seen: the first, which shows the photo, and the last few. What
is kept of a finished block is what the network makes of it at time 0. So networks distilled for streams are asked (Yin
et al., From Slow Bidirectional to Fast Autoregressive Video Diffusion Models, 2025; Huang et al., Self Forcing, 2025);
:class:`BlockCausal` asks for all blocks at once, to train them. Weights trained on whole clips have never been shown
one that ends early.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from i2v.models.wan.attention import attend
from i2v.models.wan.pipeline import Told, asked, told_within
from i2v.models.wan.rope import rotations
from i2v.models.wan.transformer import WanTransformer
from i2v.models.wan.vae import WanVae


@dataclass(frozen=True)
class Blocks:
    """How a clip is cut in time, and how far back a block sees."""

    frames: int = 3
    """Latent frames of a block."""
    memory: int | None = None
    """Blocks that are seen besides the first and the block itself: the last ones; ``None``: all."""

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise ValueError(f"blocks are of {self.frames} latent frames, expected at least 1; 3 are usual.")
        if self.memory is not None and self.memory < 0:
            raise ValueError(f"memory is {self.memory} blocks, expected 0 or more, or None for all.")

    def cuts(self, count: int) -> list[slice]:
        """Latent frames of each block of a clip of ``count``; the last may be shorter."""
        return [slice(start, min(start + self.frames, count)) for start in range(0, count, self.frames)]

    def seen(self, block: int) -> list[int]:
        """Numbers of the blocks that a block sees, itself last."""
        begin = 0 if self.memory is None else max(block - self.memory, 0)
        return sorted({0, *range(begin, block + 1)})


@dataclass(frozen=True)
class BlockCausal:
    """Attention of a whole clip in which every block sees what it will see in a stream: for ``attention`` of a
    transformer. No matrix is larger than a block times what it sees.
    """

    blocks: Blocks
    tokens: int
    """Of one latent frame."""

    def __call__(self, q: jax.Array, k: jax.Array, v: jax.Array) -> jax.Array:
        """(b, n, heads, channels) each, n a whole number of latent frames."""
        cuts = self.blocks.cuts(q.shape[1] // self.tokens)
        parts = [slice(self.tokens * cut.start, self.tokens * cut.stop) for cut in cuts]
        found = []
        for number, part in enumerate(parts):
            keys, values = (jnp.concatenate([x[:, parts[i]] for i in self.blocks.seen(number)], axis=1) for x in (k, v))
            found.append(attend(q[:, part], keys, values))
        return jnp.concatenate(found, axis=1)


@partial(jax.tree_util.register_dataclass, data_fields=("keys", "values", "length"), meta_fields=())
@dataclass(frozen=True)
class Kept:
    """What is remembered of finished blocks; of a fixed size."""

    keys: jax.Array
    """(layers, b, tokens, heads, head_dim)"""
    values: jax.Array
    length: jax.Array
    """So many of the tokens, the first ones, are there."""

    @property
    def size(self) -> int:
        """[bytes]"""
        return self.keys.nbytes + self.values.nbytes


class Stream:
    """A network that is asked block after block of one clip.

    Args:
        network: The transformer.
        blocks: How the clip is cut.
        size: (t, h, w) of its latents.
        reference: Whether a reference picture is told with the first block.

    Raises:
        ValueError: Patches that go across latent frames.
    """

    def __init__(
        self, network: WanTransformer, blocks: Blocks, size: tuple[int, int, int], *, reference: bool = False
    ) -> None:
        if network.config.patch[0] != 1:
            raise ValueError(f"patches are {network.config.patch}, expected 1 frame: streams go by latent frames.")
        self._graph, self._state = nnx.split(network)
        self.config, self.dtype = network.config, network.dtype
        self.blocks, self.cuts, self.ahead = blocks, blocks.cuts(size[0]), int(reference)
        self._grid = (size[1] // self.config.patch[1], size[2] // self.config.patch[2])
        recent = max(len(self.cuts) - 2, 0)
        self._recent = recent if blocks.memory is None else min(blocks.memory, recent)
        self._answer = jax.jit(partial(_answer, self._graph))
        self._keep = jax.jit(partial(_keep, self._graph), donate_argnums=(3,))

    def begun(self, batch: int = 1) -> Kept:
        """Room for what is to be remembered."""
        c = self.config
        frames = self.ahead + self.blocks.frames * (1 + self._recent)
        room = jnp.zeros((c.layers, batch, frames * self._tokens, c.heads, c.head_dim), self.dtype)
        return Kept(room, jnp.zeros_like(room), jnp.int32(0))

    def model(self, block: int) -> Any:
        """The network for :func:`i2v.diffusion.guidance.guided`, told (:class:`Told` of the block, :class:`Kept`)."""
        turns = self._turns(block)

        def ask(x: jax.Array, time: float, told: tuple[Told, Kept]) -> jax.Array:
            return self._answer(self._state, x, jnp.float32(time), told[0], told[1], turns)

        return ask

    def told(self, told: Told, block: int) -> Told:
        """What is told of one block."""
        here = told_within(told, self.cuts[block])
        return here if block == 0 else replace(here, reference=None)

    def remembered(self, latents: jax.Array, told: Told, kept: Kept, block: int) -> Kept:
        """With a finished block (b, t, h, w, c); the longest unseen is forgotten. ``kept`` is used up."""
        if block + 1 == len(self.cuts) or (block and not self._recent):
            return kept  # nobody will look
        frames = self.blocks.frames
        slot = 0 if block == 0 else self.ahead + frames * (1 + (block - 1) % self._recent)
        there = min(self.ahead + frames * (block + 1), kept.keys.shape[2] // self._tokens)
        start, length = (jnp.int32(self._tokens * n) for n in (slot, there))
        return self._keep(self._state, latents, told, kept, self._turns(block), start, length)

    @property
    def _tokens(self) -> int:
        return self._grid[0] * self._grid[1]

    def _turns(self, block: int) -> tuple[np.ndarray, np.ndarray]:
        cut = self.cuts[block]
        ahead = self.ahead if block == 0 else 0  # the picture in front belongs to the first block
        count, first = cut.stop - cut.start + ahead, cut.start + self.ahead - ahead
        return rotations((count, *self._grid), self.config.head_dim, first=first)


def _asked(network: WanTransformer, x: jax.Array, time: jax.Array, told: Told, kept: Kept, turns):
    past = (kept.keys, kept.values, kept.length)
    return asked(
        partial(network.remembering, turns=turns, past=past), x, jnp.full((x.shape[0],), time, jnp.float32), told
    )


def _answer(graph, state, x: jax.Array, time: jax.Array, told: Told, kept: Kept, turns) -> jax.Array:
    return _asked(nnx.merge(graph, state), x, time, told, kept, turns)[0]


def _keep(graph, state, latents, told: Told, kept: Kept, turns, start: jax.Array, length: jax.Array) -> Kept:
    _, new = _asked(nnx.merge(graph, state), latents, jnp.float32(0), told, kept, turns)
    keys, values = (
        jax.lax.dynamic_update_slice_in_dim(old, part.astype(old.dtype), start, axis=2)
        for old, part in zip((kept.keys, kept.values), new, strict=True)
    )
    return Kept(keys, values, length)


class Decoding:
    """Latents of a clip to frames, stretch after stretch; the same as all at once."""

    def __init__(self, vae: WanVae) -> None:
        graph, self._state = nnx.split(vae)
        self._kept: Sequence[jax.Array] | None = None
        self._on = jax.jit(lambda state, latents, kept: nnx.merge(graph, state).decode_on(latents, kept))

    def __call__(self, latents: jax.Array) -> np.ndarray:
        """Frames (b, T, H, W, 3) sRGB in [0, 1] of the next latent frames (b, t, h, w, channels)."""
        video, self._kept = self._on(self._state, latents, self._kept)
        return np.asarray(video) / 2 + 0.5
