"""The residual network with the simulation's motion in its bones: neighbours in time are fetched along the exact flow.

The frame of :mod:`i2v.models.unet`, with three differences. Before each block, features of the frame before and of the
frame after are sampled where the simulation says that the same material point was, or will be, and count only where it
can be seen there. Conditions enter at every level, not at the first alone. What is added to the older network starts
at zero, so its weights are a valid start for this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
from flax import nnx

from i2v.maps import CHANNELS, EDGE_CHANNELS, LIQUID_CHANNELS
from i2v.models.unet import Block, ResidualUNet, UNetConfig, shuffle, time_features, unshuffle

Mixing = Literal["flow", "shift", "both", "none"]
FINER = 2
"""Features are moved on a grid this many times finer than a level's cells, or motion within a cell would be lost."""


@dataclass(frozen=True)
class AlignedConfig(UNetConfig):
    mixing: Mixing = "flow"
    """How frames meet: along the flow, by temporal shift, by both, or not at all. 'shift' and 'none' also hide the
    flow's own channels: they are the twins without flow."""
    chroma_cell: int = 4
    """Edge of the squares whose colour is painted as one, smoothly in between [pixels]; 1: every pixel its own. Detail
    of colour that is guessed looks like coloured grain."""
    carried: int = 16
    """Channels that are moved along the flow, per position of the finer grid."""

    @property
    def aware(self) -> bool:
        """Whether the network is told of the motion at all."""
        return self.mixing in ("flow", "both")


Route = dict[str, jax.Array]
"""``place`` (B, T, 4, n) int32 and ``weight`` (B, T, 4, n): the four neighbours of where each position was."""


def route(motion: jax.Array, k: int) -> Route:
    """Where the positions of a grid of ``k`` pixels come from in the other frame.

    Args:
        motion: (B, T, H, W, 3): displacement to the other frame [pixels], order (u, v), and 1 where it can be seen
            there.
        k: Edge of a position [pixels].
    """
    b, t, rows, cols, _ = motion.shape
    h, w = rows // k, cols // k
    blocks = motion.reshape(b, t, h, k, w, k, 3)
    seen = blocks[..., 2].mean((3, 5))
    # The mean motion of what can be seen: at an outline only one side of it counts.
    moved = (blocks[..., :2] * blocks[..., 2:]).mean((3, 5)) / (k * jnp.maximum(seen, 1e-3)[..., None])
    u = jnp.arange(w) + moved[..., 0]
    v = jnp.arange(h)[:, None] + moved[..., 1]
    inside = (u > -0.5) & (u < w - 0.5) & (v > -0.5) & (v < h - 0.5)
    u, v = jnp.clip(u, 0, w - 1), jnp.clip(v, 0, h - 1)
    u0, v0 = jnp.floor(u), jnp.floor(v)
    fu, fv = u - u0, v - v0
    places, weights = [], []
    for dv, du in ((0, 0), (0, 1), (1, 0), (1, 1)):
        place = jnp.minimum(v0 + dv, h - 1) * w + jnp.minimum(u0 + du, w - 1)
        share = (fv if dv else 1 - fv) * (fu if du else 1 - fu)
        places.append(place.reshape(b, t, h * w))
        weights.append((share * inside * seen).reshape(b, t, h * w))
    return {"place": jnp.stack(places, 2).astype(jnp.int32), "weight": jnp.stack(weights, 2)}


def fetched(z: jax.Array, where: Route) -> jax.Array:
    """Features (B, T, h, w, C) of the other frame, brought to where they are in this one."""
    b, t, h, w, c = z.shape
    # In float32: the gradient adds up in place, which half precision does slowly and badly.
    flat = z.reshape(b * t, h * w, c).astype(jnp.float32)
    place = where["place"].reshape(b * t, 4, h * w)
    weight = where["weight"].reshape(b * t, 4, h * w, 1)
    total = jnp.zeros_like(flat)
    for k in range(4):
        total = total + weight[:, k] * jnp.take_along_axis(flat, place[:, k, :, None], axis=1, mode="promise_in_bounds")
    return total.reshape(b, t, h, w, c).astype(z.dtype)


class Mix(nnx.Module):
    """Adds what the neighbouring frames know of the same material points."""

    def __init__(self, width: int, carried: int, *, rngs: nnx.Rngs) -> None:
        cells = carried * FINER**2
        self.send = nnx.Linear(width, cells, rngs=rngs)
        self.receive = nnx.Linear(2 * cells, width, kernel_init=nnx.initializers.zeros_init(), rngs=rngs)

    def __call__(self, h: jax.Array, before: Route, after: Route, valid: jax.Array) -> jax.Array:
        z = shuffle(self.send(h) * valid[:, :, None, None, None], FINER)
        edge = ((0, 0), (1, 1), (0, 0), (0, 0), (0, 0))
        padded = jnp.pad(z, edge)
        known = [fetched(padded[:, :-2], before), fetched(padded[:, 2:], after)]
        return h + self.receive(unshuffle(jnp.concatenate(known, -1), FINER))


class AlignedUNet(ResidualUNet):
    """(x_t, time, what is known) → the residual r; starts as zero."""

    def __init__(self, config: AlignedConfig, *, rngs: nnx.Rngs) -> None:
        super().__init__(config, rngs=rngs)
        self.config: AlignedConfig = config
        widths, zeros = config.widths, nnx.initializers.zeros_init()
        channels = len(CHANNELS) + len(LIQUID_CHANNELS) + len(EDGE_CHANNELS)
        self.stem_edge = nnx.Conv(
            len(EDGE_CHANNELS) * config.unshuffle**2, widths[0], (1, 1), use_bias=False, kernel_init=zeros, rngs=rngs
        )
        self.deeper = nnx.List([nnx.Linear(channels, w, kernel_init=zeros, rngs=rngs) for w in widths[1:]])
        # Takes the pattern of the cells out of what they paint.
        self.polish = nnx.Conv(3, 3, (3, 3), kernel_init=zeros, rngs=rngs)
        if config.aware:
            self.mix_down = nnx.List([Mix(w, config.carried, rngs=rngs) for w in widths])
            self.mix_up = nnx.List([Mix(w, config.carried, rngs=rngs) for w in widths])

    def context(
        self, maps: jax.Array, liquid: jax.Array, edge: jax.Array | None = None, motion: jax.Array | None = None
    ) -> dict[str, Any]:
        """What the network knows before it starts: computed once, used by every step.

        Args:
            maps: (B, T, H, W, len(CHANNELS)); H and W multiples of ``config.multiple``.
            liquid: (B, T, H, W, len(LIQUID_CHANNELS)).
            edge: (B, T, H, W, len(EDGE_CHANNELS)).
            motion: (B, T, H, W, 6), see :func:`i2v.maps.ways`; stays float32 whatever the rest is computed in.
        """
        assert edge is not None
        if not self.config.aware:
            maps = maps * jnp.asarray([0.0 if "flow" in name else 1.0 for name in CHANNELS], maps.dtype)
        k = self.config.unshuffle
        first = self.stem_maps(unshuffle(maps, k)) + self.stem_liquid(unshuffle(liquid, k))
        known: dict[str, Any] = {"0": first + self.stem_edge(unshuffle(edge, k))}
        everything = jnp.concatenate([maps, liquid, edge], -1)
        for level, layer in enumerate(self.deeper, start=1):
            known[str(level)] = layer(_pooled(everything, k * 2**level))
        if self.config.aware:
            assert motion is not None
            for level in range(len(self.config.widths)):
                fine = k * 2**level // FINER
                known[f"before {level}"] = route(motion[..., :3], fine)
                known[f"after {level}"] = route(motion[..., 3:], fine)
        return known

    def __call__(self, x: jax.Array, time: jax.Array, context: dict[str, Any], valid: jax.Array) -> jax.Array:
        """Predict the residual; arguments as :meth:`ResidualUNet.__call__`."""
        k, levels = self.config.unshuffle, len(self.config.widths)
        h = self.stem(unshuffle(x, k)) + context["0"]
        embedding = jax.nn.silu(self.embed(time_features(time, self.config.time_width)))
        kept = []
        for level, block in enumerate(self.down):
            if level:
                h = h + context[str(level)]
            mix = self.mix_down[level] if self.config.aware else None
            h = self._block(block, mix, level, h, embedding, context, valid)
            if level < levels - 1:
                kept.append(h)
                h = self.shrink[level](unshuffle(h, 2))
        for level in reversed(range(levels)):
            mix = self.mix_up[level] if self.config.aware else None
            h = self._block(self.up[level], mix, level, h, embedding, context, valid)
            if level:
                h = shuffle(self.grow[level - 1](h), 2) + kept[level - 1]
        return self.read(h)

    def read(self, h: jax.Array) -> jax.Array:
        """The residual (B, T, H, W, 3): luminance of every pixel, colour of larger squares."""
        r = super().read(h)
        r = r + self.polish(r.reshape(-1, *r.shape[2:])).reshape(r.shape)
        k = self.config.chroma_cell
        if k == 1:
            return r
        grey = r.mean(-1, keepdims=True)
        colour = _pooled(r - grey, k)
        return grey + jax.image.resize(colour, r.shape, "linear")

    def _block(self, block: Block, mix: Mix | None, level: int, h, embedding, context, valid) -> jax.Array:
        if mix is not None:
            h = mix(h, context[f"before {level}"], context[f"after {level}"], valid)
        return block(h, embedding, valid, shifted=self.config.mixing in ("shift", "both"))


def _pooled(x: jax.Array, k: int) -> jax.Array:
    """Means of k x k pixels of (..., H, W, C)."""
    *lead, h, w, c = x.shape
    return x.reshape(*lead, h // k, k, w // k, k, c).mean((-2, -4))
