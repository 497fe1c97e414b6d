"""A picture of a wooden table in 3840 x 2160, drawn by this program: real detail for the example in 4K.

Every pixel is a ray to the plane of the table; boards with their own tone, grain as stretched noise of many octaves,
of which those finer than a pixel are left out, growth rings, gaps and ends. Light falls from the left and fades to
the right.

    python -m examples.masks.make_deck
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from physim.srgb import to_srgb

SIZE = (2160, 3840)
FOV, PITCH, EYE = 45.0, 32.0, 0.55
"""Of the camera, as in ``marbles.yaml``: horizontal [degrees], down [degrees], above the table [m]."""
BOARD, GAP = 0.092, 0.0022
"""Width of a board, and of what is between two [m]."""
BAND = 120
"""Rows that are drawn at a time."""


def lattice(i: np.ndarray, j: np.ndarray, seed: int) -> np.ndarray:
    """A number from -1 to 1 for each pair of whole numbers."""
    h = (i.astype(np.int64) * 374761393 + j.astype(np.int64) * 668265263 + seed * 1442695041) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 1274126177) & 0xFFFFFFFF
    return ((h ^ (h >> 16)) & 0xFFFF) / 32767.5 - 1


def noise(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """Smooth noise with one spot per unit."""
    i, j = np.floor(x), np.floor(y)
    u, v = x - i, y - j
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    a, b = lattice(i, j, seed), lattice(i + 1, j, seed)
    c, d = lattice(i, j + 1, seed), lattice(i + 1, j + 1, seed)
    return (a * (1 - u) + b * u) * (1 - v) + (c * (1 - u) + d * u) * v


def octaves(x, y, grain, pixel, seed, count=7, gain=0.6):
    """Noise of ``grain`` (along, across) [m] and finer; what is finer than two pixels fades out."""
    total = np.zeros_like(x)
    for k in range(count):
        along, across = grain[0] / 2**k, grain[1] / 2**k
        seen = np.clip(across / (2 * pixel) - 0.5, 0, 1)
        total += gain**k * seen * noise(x / along, y / across, seed + k)
    return total


def wood(x: np.ndarray, z: np.ndarray, pixel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Reflectance (..., 3) of boards along x, and how far a point is from the gaps [m]."""
    board = np.floor(z / BOARD)
    across = z - board * BOARD
    shift = 3.0 * lattice(board, 0 * board, 5)
    along = x + shift
    length = 1.15
    piece = np.floor(along / length)
    end = np.minimum(along - piece * length, (piece + 1) * length - along)
    key = board * 31 + piece
    tone = lattice(key, 0 * key, 11)
    warm = lattice(key, 0 * key, 12)
    px, pz = along + 7.0 * key, across + 3.0 * key
    sway = 0.006 * noise(px / 0.35, pz / 0.09, 21) + 0.0012 * noise(px / 0.05, pz / 0.03, 22)
    rings = pz + sway + 0.35 * (pz - 0.5 * BOARD) ** 2
    late = 0.5 + 0.5 * np.sin(2 * np.pi * rings / (0.0075 + 0.002 * tone))
    late = late**3 * np.clip(0.0025 / pixel, 0, 1)
    fibre = octaves(px, pz + sway, (0.11, 0.0022), pixel, 31)
    blotch = octaves(px, pz, (0.25, 0.06), pixel, 51, count=3)
    pores = np.clip(noise(px / 0.012, pz / 0.00055, 61) - 0.45, 0, 1) * np.clip(0.0008 / pixel - 0.4, 0, 1)
    bright = 1.0 + 0.16 * tone + 0.10 * fibre + 0.09 * blotch - 0.30 * late - 0.5 * pores
    light, dark = np.array([0.46, 0.255, 0.115]), np.array([0.235, 0.105, 0.04])
    mix = np.clip(0.55 + 0.45 * (bright - 0.9) / 0.5 + 0.05 * warm, 0, 1)[..., None]
    colour = dark + (light - dark) * mix
    colour[..., 2] *= 1 + 0.12 * warm
    colour[..., 0] *= 1 + 0.03 * tone
    return colour * np.clip(bright, 0.2, None)[..., None], np.minimum(np.minimum(across, BOARD - across), end)


def rows(first: int, last: int) -> np.ndarray:
    """Part of the picture, linear (last - first, W, 3)."""
    focal = SIZE[1] / 2 / np.tan(np.radians(FOV / 2))
    v, u = np.mgrid[first:last, 0 : SIZE[1]] + 0.5
    right, down = (u - SIZE[1] / 2) / focal, (v - SIZE[0] / 2) / focal
    s, c = np.sin(np.radians(PITCH)), np.cos(np.radians(PITCH))
    fall, ahead = s + down * c, c - down * s
    t = EYE / fall
    x, z = t * right, t * ahead
    pixel = t / focal / np.sin(np.arctan2(fall, ahead))
    colour, edge = wood(x, z, pixel)
    soft = np.maximum(pixel, 0.0006)
    gap = np.clip((edge - GAP / 2) / soft + 0.5, 0, 1)
    worn = 1 - 0.25 * np.exp(-edge / 0.0018)
    colour *= (0.12 + 0.88 * gap * worn)[..., None]
    way = np.clip((x + 0.9) / 2.4, 0, 1)
    light = 1.55 - 0.85 * way - 0.16 * np.clip(z - 1.0, 0, 2)
    sheen = 0.035 * np.clip(1 - way, 0, 1) ** 2 * (1 - fall / np.sqrt(fall**2 + ahead**2)) ** 3
    sheen = sheen * (1 + 0.25 * noise(x / 0.004, z / 0.0012, 71) * np.clip(0.0012 / pixel, 0, 1))
    return colour * light[..., None] * np.array([1.0, 0.97, 0.92]) + 4 * sheen[..., None] * np.array([0.9, 0.95, 1.0])


def main() -> None:
    whole = np.concatenate([rows(k, min(k + BAND, SIZE[0])) for k in range(0, SIZE[0], BAND)])
    far = np.linalg.norm(np.indices(SIZE)[::-1].T.transpose(1, 0, 2) / np.array([SIZE[1], SIZE[0]]) - 0.5, axis=2)
    whole *= (1 - 0.45 * far**2)[..., None]
    grain = np.random.default_rng(3).normal(0, 0.004, SIZE)[..., None]
    picture = np.clip(to_srgb(np.clip(whole, 0, 1).astype(np.float32)) + grain, 0, 1)
    Image.fromarray((255 * picture + 0.5).astype(np.uint8)).save(Path(__file__).with_name("deck.jpg"), quality=86)


if __name__ == "__main__":
    main()
