"""Putting light together: sRGB by table, premultiplied layers, smoke in front, and the photo's own residual.

Everything is added in linear light; sRGB is what comes in and goes out. Arrays (..., 3) float32.
"""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels import veil as kernels
from scipy.ndimage import gaussian_filter, maximum_filter

from physim import srgb
from physim.stretch import stretch

REACH = 4
"""How far beyond what changes the photo's residual is given up [pixels of the photo]."""
LIT = 0.9992
"""Light from which on a surface counts as fully lit: less is a tenth of an 8-bit step of the picture."""
PASSED = 0.6
"""Part of the light that a thin white cloud sends to the camera, the key light apart, that comes from behind it."""
WIDE = 0.04
"""How far it is softened: standard deviation, in widths of the picture."""
_STEPS = 65535
_INDEX = np.arange(_STEPS + 1, dtype=np.float32) / _STEPS
LINEAR_OF = srgb.to_linear(_INDEX)
"""Linear light of sRGB 0 to 1, in 65536 steps."""
SRGB_OF = srgb.to_srgb(_INDEX)
"""SRGB of linear light 0 to 1, in 65536 steps."""


def _look_up(table: np.ndarray, values: np.ndarray) -> np.ndarray:
    place = np.clip(values, 0.0, 1.0, dtype=np.float32)
    place *= _STEPS
    place += np.float32(0.5)
    return np.take(table, place.astype(np.uint16))


def change(now: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Largest difference of the three channels (...,); several times as quick as a maximum along an axis of three."""
    apart = np.abs(now - first)
    return np.maximum(np.maximum(apart[..., 0], apart[..., 1]), apart[..., 2])


def to_linear(picture: np.ndarray) -> np.ndarray:
    """SRGB in [0, 1] to linear light, by table: within 2e-5."""
    return _look_up(LINEAR_OF, picture)


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """Linear light, clipped to [0, 1], to sRGB, by table: within 1e-4 (a fortieth of an 8-bit step)."""
    return _look_up(SRGB_OF, linear)


def over(base: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """A premultiplied layer (..., 4) over an opaque base (..., 3), linear (Porter, Duff 1984)."""
    return base * (1.0 - layer[..., 3:]) + layer[..., :3]


def smoke_over(
    picture: np.ndarray, transmittance: np.ndarray, scattered: np.ndarray, whiteness: float, *, device=None
) -> np.ndarray:  # fmt: skip
    """Smoke in front of a picture.

    Dark smoke takes light away and adds its own, ``base T + scattered``. White steam does so in a sun-lit room too,
    but a distant key light and a constant ambient miss the light that droplets pass on, and thin steam would darken
    what lies behind; so by ``whiteness`` it becomes ``base + scattered (1 - base)``: seen before dark things, lost
    before bright ones, darkening nothing. Pixels without smoke stay the same to the bit.

    Args:
        picture: (H, W, 3) sRGB.
        transmittance: Light that comes through (H, W) in [0, 1].
        scattered: Light the smoke adds (H, W, 3), linear.
        whiteness: 0 for soot, 1 for droplets that do not absorb.
        device: Warp device.

    Returns:
        (H, W, 3) sRGB.
    """
    tables = [wp.array(table, dtype=wp.float32, device=device, copy=False) for table in (LINEAR_OF, SRGB_OF)]
    base, through, light = (
        wp.array(np.ascontiguousarray(values, np.float32), dtype=dtype, device=device, copy=False)
        for values, dtype in ((picture, wp.vec3), (transmittance, wp.float32), (scattered, wp.vec3))
    )
    out = wp.empty(base.shape, dtype=wp.vec3, device=device)
    kernels.veil(base, through, light, float(whiteness), linear_of=tables[0], srgb_of=tables[1], out=out)
    return out.numpy()


def darken(picture: np.ndarray, shadow: np.ndarray, tint: np.ndarray, *, device=None) -> None:
    """Take light from a picture, in place.

    Args:
        picture: (H, W, 3) float32 sRGB, contiguous.
        shadow: What is left of the light (H, W); above ``LIT`` nothing changes, to the bit.
        tint: Exponent of ``shadow`` per colour (3,).
        device: Warp device.
    """
    tables = [wp.array(table, dtype=wp.float32, device=device, copy=False) for table in (LINEAR_OF, SRGB_OF)]
    light = wp.array(np.ascontiguousarray(shadow, np.float32), dtype=wp.float32, device=device, copy=False)
    out = wp.array(picture, dtype=wp.vec3, device=device, copy=False)
    kernels.darken(light, wp.vec3(*(float(t) for t in tint)), LIT, linear_of=tables[0], srgb_of=tables[1], picture=out)
    if not out.device.is_cpu:
        np.copyto(picture, out.numpy())


def passed_on(
    picture: np.ndarray, ambient: np.ndarray | tuple[float, float, float], window: tuple[slice, slice] | None = None
) -> np.ndarray:
    """What a white cloud sends to the camera of what lies behind it, less the even light it is given instead.

    Droplets scatter forwards (mean cosine 0.85): most of what a thin cloud sends to the camera fell on it from behind,
    within some tens of degrees of the view ray. That is the picture, softened; steam over coffee is brown, over snow
    white. It takes the place of the part ``PASSED`` of the ambient light.

    Args:
        picture: (H, W, 3) sRGB.
        ambient: Linear colour of the ambient light.
        window: Rows and columns that are asked for; all if None.

    Returns:
        (H, W, 3) linear, or of the window; times the cloud's opacity it is added to what it scatters.
    """
    step = max(1, picture.shape[1] // 160)
    small = to_linear(np.ascontiguousarray(picture[step // 2 :: step, step // 2 :: step]))
    sigma = WIDE * picture.shape[1] / step
    soft = gaussian_filter(small, (sigma, sigma, 0), mode="nearest")
    change = PASSED * (soft - np.asarray(ambient, np.float32))
    some = window or (slice(None), slice(None))
    at = (np.arange(n)[part] for n, part in zip(picture.shape[:2], some, strict=True))
    return stretch(change, *((each - step // 2) / step for each in at))


def lit_from_behind(
    scattered: np.ndarray, picture: np.ndarray, transmittance: np.ndarray, ambient, whiteness: float
) -> np.ndarray:
    """Light that smoke sends to the camera (H, W, 3), with what a white cloud passes on of the picture behind it.

    Args:
        scattered: Without it (H, W, 3), linear.
        picture: (H, W, 3) sRGB.
        transmittance: Light that comes through (H, W); from 0.9999 on there is no smoke.
        ambient: Linear colour of the ambient light.
        whiteness: 0 for soot, 1 for droplets that do not absorb.
    """
    there = transmittance < 0.9999
    if whiteness <= 0 or not there.any():
        return scattered
    v, u = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    window = slice(v[0], v[-1] + 1), slice(u[0], u[-1] + 1)
    passed = passed_on(picture, ambient, window)
    passed *= np.where(there[window], whiteness * (1 - transmittance[window]), 0).astype(np.float32)[..., None]
    scattered = scattered.copy()
    scattered[window] += passed
    return scattered


def bloom(linear: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """What a lens spreads around things brighter than white, (H, W, 3) linear: add it.

    Args:
        linear: Light (H, W, 3), photo white at 1; only what exceeds that counts.
        scale: Pixels per pixel of a picture 800 wide.
    """
    excess = np.minimum(np.maximum(linear - 1.0, 0.0), 8.0)
    total = np.zeros_like(excess)
    for share, sigma in ((0.25, 4.0), (0.12, 14.0), (0.06, 45.0)):
        total += share * _spread(excess, sigma * scale)
    return total


def _spread(light: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of (H, W, 3); a wide one on every few pixels, whose own blur is taken off."""
    rows, cols = light.shape[:2]
    q = max(1, int(sigma / 5))
    if q == 1:
        return gaussian_filter(light, (sigma, sigma, 0), truncate=3.0)
    margin = q * int(np.ceil(3 * sigma / q))
    padded = np.pad(light, ((margin, margin - rows % q), (margin, margin - cols % q), (0, 0)), mode="symmetric")
    small = padded.reshape(padded.shape[0] // q, q, -1, q, 3).mean(axis=(1, 3), dtype=np.float32)
    # The mean over q pixels has the variance (q^2 - 1) / 12, the line between two of them about q^2 / 6.
    rest = np.sqrt(sigma**2 - (q * q - 1) / 12 - q * q / 6) / q
    small = gaussian_filter(small, (rest, rest, 0), truncate=3.0 * sigma / (q * rest))
    return stretch(small, *((np.arange(n) + margin + 0.5) / q - 0.5 for n in (rows, cols)))


def whiteness_of(albedo: np.ndarray) -> float:
    """How far smoke of a single-scattering albedo (3,) looks like steam: 0 below 0.75, 1 from 0.95."""
    s = float(np.clip((np.mean(albedo) - 0.75) / 0.2, 0.0, 1.0))
    return s * s * (3 - 2 * s)


def carry_residual(now: np.ndarray, first: np.ndarray, residual: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """Give a composite what the first composite lacked to be the photo, where it has not changed since.

    ``now + w residual``, ``w = exp(-(d / 0.02)^2)``, ``d = blur(dilate(max |now - first|))``: the fill and the shadow
    model are imperfect, but where nothing moved nobody needs to see it. Where ``now`` equals ``first`` to the bit
    throughout, so does the result equal the photo (to rounding).

    Args:
        now: Composite of this frame (H, W, 3), sRGB.
        first: Composite of frame 0 (H, W, 3), sRGB.
        residual: Photo - ``first`` (H, W, 3).
        scale: Pixels per pixel of the photo, if it is enlarged: the soft edge of what has left is as much wider.
    """
    apart = change(now, first)
    if not apart.any():
        return now + residual
    wide = max(scale, 1.0)
    spread = gaussian_filter(maximum_filter(apart, size=2 * round(REACH * wide) + 1), 2.0 * wide)
    weight = np.exp(-((spread / 0.02) ** 2))
    weight[weight < 1e-3] = 0.0
    return now + weight[..., None] * residual
