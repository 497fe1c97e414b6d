"""Noise that moves with the picture and stays white: each sample is carried by a particle.

A diffusion model that gets fresh noise in every frame invents fresh texture in every frame. Noise that follows the
exact motion makes the texture follow it too, but resampling noise by interpolation darkens and correlates it.

Here every pixel starts with a few particles, each holding an independent N(0, 1) value. Particles move along the flow,
die when they are hidden or leave the picture, and are born where a pixel runs short. The noise of a pixel is

    N = sum of the values of its particles / sqrt(their number).

Births, deaths and paths depend on the motion only, never on the values, and no particle is in two pixels. So for any
motion the pixels of a frame are exactly independent and exactly N(0, 1). A particle keeps its value, so an integer
translation moves the noise exactly and a fractional one keeps what share of the particles stays together.

It is the partition view of Chang et al., "How I Warped Your Noise" (ICLR 2024), with Lagrangian samples in place of
warped polygons, and needs none of the splitting of Burgert et al., "Go-with-the-Flow" (CVPR 2025, section 3).
"""

from __future__ import annotations

import math

import numpy as np

LUMA_SHARE = 0.9
"""Share of the variance of a noise vector that is common to the three colours."""
SMOKE_FRESH = 0.25
"""Share of the variance of noise in smoke that is new in every frame: smoke changes while it moves."""


def transport_noise(
    flow: np.ndarray,
    occlusion: np.ndarray | None,
    *,
    channels: int,
    rng: np.random.Generator,
    per_side: int = 2,
) -> np.ndarray:
    """White noise that follows ``flow``.

    Args:
        flow: Motion from frame t to t+1 [pixels/frame], (T, H, W, 2), order (u, v). The last frame's is not used.
        occlusion: Above 0.5 where what is seen at t is hidden at t+1, (T, H, W); ``None``: nowhere.
        channels: Number of independent noise values C.
        rng: Source of all randomness; the same state gives the same noise.
        per_side: Particles per pixel and side at the start; more keeps sub-pixel motion smoother and costs more.

    Returns:
        (T, H, W, C) float32; inside each frame all values are independent N(0, 1).
    """
    frames, rows, cols = flow.shape[:3]
    result = np.empty((frames, rows, cols, channels), np.float32)
    position, value = _newborn(np.arange(rows * cols), cols, per_side, channels, rng)
    cell = np.repeat(np.arange(rows * cols), per_side**2)
    for t in range(frames):
        if t:
            hidden = None if occlusion is None else occlusion[t - 1]
            position, value = _advance(position, value, cell, flow[t - 1], hidden)
            position, value, cell = _balance(position, value, (rows, cols), per_side, rng)
        scale = 1 / np.sqrt(np.bincount(cell, minlength=rows * cols))
        for c in range(channels):
            total = np.bincount(cell, weights=value[:, c], minlength=rows * cols)
            result[t, ..., c] = (total * scale).reshape(rows, cols)
    return result


def _newborn(
    cells: np.ndarray, cols: int, per_side: int, channels: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """``per_side``^2 particles in each of ``cells``, one at a random place in each sub-square (stratified)."""
    sub = (np.stack(np.meshgrid(np.arange(per_side), np.arange(per_side)), -1).reshape(-1, 2)).astype(np.float32)
    corner = np.stack([cells % cols, cells // cols], -1).astype(np.float32)
    jitter = rng.random((len(cells), len(sub), 2), dtype=np.float32)
    # 0.998 keeps a particle off its cell's upper edge, which float32 would round into the next cell.
    position = (corner[:, None] + (sub + 0.998 * jitter) / per_side).reshape(-1, 2)
    return position, rng.standard_normal((len(position), channels), dtype=np.float32)


def _advance(
    position: np.ndarray, value: np.ndarray, cell: np.ndarray, flow: np.ndarray, hidden: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Move the particles by the flow of the pixel they are in, drop the hidden ones and those that leave."""
    rows, cols = flow.shape[:2]
    # The nearest pixel's flow, not a blend: a particle belongs to one surface.
    moved = position + flow.reshape(-1, 2).take(cell, axis=0)
    keep = ((moved >= 0) & (moved < (cols, rows))).all(1)
    if hidden is not None:
        keep &= hidden.ravel().take(cell) < 0.5
    return (moved, value) if keep.all() else (moved[keep], value[keep])


def _balance(
    position: np.ndarray, value: np.ndarray, size: tuple[int, int], per_side: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fill pixels that ran short, thin out crowded ones; returns the particles and the pixel of each.

    Which particles go depends on their order, which depends on births only: the values stay independent.
    """
    rows, cols = size
    wanted = per_side * per_side
    cell = position[:, 1].astype(np.int32) * cols + position[:, 0].astype(np.int32)
    count = np.bincount(cell, minlength=rows * cols)
    if count.max(initial=0) > 4 * wanted:
        # The oldest of a crowded pixel stay: rank of each particle inside its pixel, in order of birth.
        order = np.argsort(cell, kind="stable")
        rank = np.empty(len(cell), np.int64)
        rank[order] = np.arange(len(cell)) - np.repeat(np.cumsum(count) - count, count)
        keep = rank < 4 * wanted
        position, value, cell = position[keep], value[keep], cell[keep]
        count = np.minimum(count, 4 * wanted)
    short = np.flatnonzero(count < max(1, wanted // 2))
    if len(short):
        born, born_value = _newborn(short, cols, per_side, value.shape[1], rng)
        position = np.concatenate([position, born])
        value = np.concatenate([value, born_value])
        cell = np.concatenate([cell, np.repeat(short, wanted)])
    return position, value, cell


def correlate(noise: np.ndarray, *, side: float = 0.25) -> np.ndarray:
    """Blur white noise by (side, 1 - 2 side, side) along both image axes and restore its variance.

    Residuals of real pictures are correlated over about a pixel; noise with that correlation is nearer to them.
    Away from the border the lag-1 correlation is 2 side (1 - 2 side) / (1 - 4 side + 6 side^2): 2/3 for 0.25.

    Args:
        noise: (T, H, W, C) white, N(0, 1).
        side: Weight of each neighbour, 0 to 0.25.
    """
    noise = np.asarray(noise, np.float32)
    inside, border = math.sqrt((1 - 2 * side) ** 2 + 2 * side**2), math.sqrt((1 - 2 * side) ** 2 + side**2)
    for axis in (1, 2):
        moved = np.moveaxis(noise, axis, 0)
        blurred = (1 - 2 * side) / inside * moved
        blurred[1:] += side / inside * moved[:-1]
        blurred[:-1] += side / inside * moved[1:]
        # One neighbour is missing at the border, so the sum of squares is smaller there.
        blurred[[0, -1]] *= inside / border
        noise = np.moveaxis(blurred, 0, axis)
    return noise


def scene_noise(
    flow: np.ndarray,
    occlusion: np.ndarray,
    smoke_flow: np.ndarray,
    opacity: np.ndarray,
    *,
    rng: np.random.Generator,
    side: float = 0.25,
) -> np.ndarray:
    """The noise the bundled model starts from: carried by surfaces and smoke, correlated, mostly luminance.

    Args:
        flow: Motion of the visible surface (T, H, W, 2) [pixels/frame].
        occlusion: (T, H, W), see :func:`transport_noise`.
        smoke_flow: Motion of the smoke (T, H, W, 2) [pixels/frame].
        opacity: Opacity of the smoke (T, H, W) in [0, 1]; the share of the variance that its own noise has.
        rng: Source of all randomness.
        side: See :func:`correlate`.

    Returns:
        (T, H, W, 3) float32, N(0, 1) per value, the colours of a pixel correlated by ``LUMA_SHARE``.
    """
    surface = transport_noise(flow, occlusion, channels=4, rng=rng)
    carried = transport_noise(smoke_flow, None, channels=4, rng=rng) if (opacity > 0).any() else surface
    return blend_noise(surface, carried, opacity, rng=rng, side=side)


def blend_noise(
    surface: np.ndarray, carried: np.ndarray, opacity: np.ndarray, *, rng: np.random.Generator, side: float = 0.25
) -> np.ndarray:
    """Noise of surfaces and noise of smoke (T, H, W, 4) → noise of the picture (T, H, W, 3).

    Both white, N(0, 1), independent of each other where ``opacity`` is above 0; so is what lies between, since the
    squares of the weights add up to 1.
    """
    fields = surface
    smoky = opacity > 0
    if smoky.any():
        fresh = rng.standard_normal((int(smoky.sum()), surface.shape[-1]), dtype=np.float32)
        moving = math.sqrt(1 - SMOKE_FRESH) * carried[smoky] + math.sqrt(SMOKE_FRESH) * fresh
        share = np.clip(opacity[smoky], 0, 1)[:, None]
        fields = surface.copy()
        fields[smoky] = np.sqrt(1 - share) * surface[smoky] + np.sqrt(share) * moving
    return correlate(colour_noise(fields), side=side)


def colour_noise(fields: np.ndarray) -> np.ndarray:
    """One luminance and three colour fields (..., 4) → colours (..., 3) of unit variance."""
    return math.sqrt(LUMA_SHARE) * fields[..., :1] + math.sqrt(1 - LUMA_SHARE) * fields[..., 1:]
