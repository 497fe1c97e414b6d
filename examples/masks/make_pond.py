"""A picture of a pond in the late afternoon, drawn by this program, and the mask of its water.

No photograph of water comes with the packages used here. Hills, trees and reeds are layers of noise behind haze, grass
and stones stand on the near bank; the water mirrors what is above its horizon, by Fresnel's law, broken by small waves,
and shows its bed where one looks into it.

    python -m examples.masks.make_pond
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, gaussian_filter1d, map_coordinates, zoom

from physim.srgb import to_srgb

FOLDER = Path(__file__).resolve().parent
SIZE = (640, 960)
FINE = 2
"""Samples per pixel along each side."""
FOV = 50.0
"""Horizontal [degrees]."""
HORIZON = 0.42
"""Of the height: the camera looks down a little, as in ``pond.yaml``."""
EYE = 1.6
"""Height of the camera over the water [m]."""


ROWS, COLS = SIZE[0] * FINE, SIZE[1] * FINE
LINE = HORIZON * ROWS
FOCAL = COLS / 2 / np.tan(np.radians(FOV / 2))


def noise(rng: np.random.Generator, size: tuple[int, int], grain: tuple[float, float], octaves: int = 5) -> np.ndarray:
    """Sum of octaves, mean 0 and deviation 1; ``grain``: (v, u) size of the coarsest spots [samples]."""
    total = np.zeros(size)
    for octave in range(octaves):
        step = [max(1.0, g / 2**octave) for g in grain]
        small = rng.standard_normal([int(np.ceil(n / s)) + 4 for n, s in zip(size, step, strict=True)])
        big = zoom(small, step, order=3)[: size[0], : size[1]]
        total += 0.55**octave * big
    return (total - total.mean()) / total.std()


def outline(rng: np.random.Generator, coarse: float, octaves: int = 7) -> np.ndarray:
    """A ragged line over all columns, mean 0 and deviation 1."""
    return noise(rng, (1, COLS), (1, coarse), octaves)[0]


def sky() -> np.ndarray:
    """Above the horizon, up to beyond the picture (2 LINE rows), linear."""
    rng = np.random.default_rng(1)
    rows = int(2 * LINE)
    up = 1 - np.arange(rows)[:, None] / rows
    low, high = np.array([0.86, 0.72, 0.55]), np.array([0.16, 0.30, 0.58])
    base = low + (high - low) * np.clip(up * 1.25, 0, 1)[..., None] ** 0.65
    base = np.repeat(base, COLS, axis=1)
    cloud = noise(rng, (rows, COLS), (150 * FINE, 420 * FINE), 6)
    cover = np.clip((cloud - 0.25) / 1.4, 0, 1)[..., None] ** 1.2
    thick = gaussian_filter(cloud, 6 * FINE)[..., None]
    lit = np.array([1.0, 0.86, 0.72]) * (0.92 - 0.10 * np.clip(thick, -1, 2))
    warm = np.exp(-(((np.arange(COLS) / COLS - 0.78) / 0.35) ** 2))[None, :, None] * np.exp(-up * 4)[..., None]
    return base * (1 - 0.75 * cover) + 0.75 * cover * lit + 0.35 * warm * np.array([1.0, 0.7, 0.4])


def hills(picture: np.ndarray) -> None:
    """Three ranges, the nearer the less hazy, and the wood on the far bank, on the rows above the horizon."""
    rng = np.random.default_rng(2)
    v = np.arange(picture.shape[0])[:, None]
    haze = np.array([0.74, 0.66, 0.58])
    for height, rough, coarse, far in ((60, 14, 700, 0.78), (42, 10, 420, 0.55)):
        top = picture.shape[0] - FINE * (height + rough * outline(rng, coarse * FINE))
        inside = np.clip((v - top) / FINE, 0, 1)[..., None]
        spots = noise(rng, picture.shape[:2], (9 * FINE, 14 * FINE), 4)
        green = np.array([0.055, 0.085, 0.05]) * (1 + 0.25 * spots)[..., None]
        picture[:] = picture * (1 - inside) + inside * (far * haze + (1 - far) * green)
    wood(picture, rng, v, haze)


def wood(picture: np.ndarray, rng: np.random.Generator, v: np.ndarray, haze: np.ndarray) -> None:
    """Crowns, one before the other: each row of trees has its own ragged top and is lit from the sun's side."""
    for layer in range(4):
        far = 0.34 - 0.09 * layer
        mean = 46 - 9 * layer
        top = picture.shape[0] - FINE * (mean * crowns(rng, 26 - 4 * layer) + 1.6 * outline(rng, 9 * FINE, 5))
        inside = np.clip((v - top) / (1.2 * FINE), 0, 1)
        leaves = noise(rng, picture.shape[:2], (8 * FINE, 9 * FINE), 5)
        slope = leaves - np.roll(leaves, (2 * FINE, -2 * FINE), axis=(0, 1))
        light = np.clip(0.55 + 0.35 * slope + 0.16 * leaves, 0.05, 2.0)
        depth = np.clip((v - top) / (FINE * 30), 0, 1)
        tint = np.array([0.105, 0.125, 0.035]) if layer % 2 else np.array([0.075, 0.11, 0.035])
        colour = tint * (light * (1.25 - 0.85 * depth))[..., None]
        picture[:] = picture * (1 - inside[..., None]) + inside[..., None] * (far * haze * 0.8 + (1 - far) * colour)


def crowns(rng: np.random.Generator, wide: float) -> np.ndarray:
    """Height of the highest of many round crowns of about ``wide`` pixels, over all columns, at most about 1."""
    u, top = np.arange(COLS) / FINE, np.full(COLS, 0.3)
    for _ in range(int(3 * COLS / FINE / wide)):
        centre, half = rng.uniform(0, COLS / FINE), wide * np.exp(0.3 * rng.standard_normal())
        height = 0.42 + 0.5 * rng.random() ** 2
        round_top = 1 - np.minimum(np.abs(u - centre) / half, 1) ** 2.4
        top = np.maximum(top, height * np.sqrt(round_top))
    return top


def bank(picture: np.ndarray) -> None:
    """Reeds and grass on the far bank, just above the water."""
    rng = np.random.default_rng(3)
    rows = picture.shape[0]
    v = np.arange(rows)[:, None]
    for height, tint in ((11, (0.20, 0.17, 0.06)), (7, (0.13, 0.15, 0.045)), (3.5, (0.05, 0.055, 0.025))):
        top = rows - FINE * height * (0.55 + 0.3 * np.abs(outline(rng, 60 * FINE, 3)) + 0.35 * rng.random(COLS))
        inside = np.clip((v - top) / FINE, 0, 1)[..., None]
        blades = gaussian_filter1d(rng.standard_normal((rows, COLS)), 5 * FINE, axis=0)
        blades = blades / blades.std()
        picture[:] = picture * (1 - inside) + inside * np.array(tint) * np.clip(0.8 + 0.4 * blades, 0.2, 2)[..., None]


def slopes(x: np.ndarray, z: np.ndarray, pixel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slopes of small waves along x and z, those finer than a ``pixel`` left out."""
    rng = np.random.default_rng(4)
    sx, sz = np.zeros_like(x), np.zeros_like(x)
    for _ in range(70):
        length = np.exp(rng.uniform(np.log(0.12), np.log(2.5)))
        angle = 0.5 * rng.standard_normal() + 0.4
        k = 2 * np.pi / length
        amount = 0.0085 * np.sqrt(length / 0.5) ** 0.4
        phase = k * (x * np.cos(angle) + z * np.sin(angle)) + rng.uniform(0, 2 * np.pi)
        wave = amount * np.cos(phase) * np.clip(length / (2 * pixel) - 0.5, 0, 1)
        sx += wave * np.cos(angle)
        sz += wave * np.sin(angle)
    return sx, sz


def water(above: np.ndarray) -> np.ndarray:
    """Rows below the horizon: mirrored light and the light from within, by Fresnel's law."""
    rng = np.random.default_rng(5)
    rows = ROWS - int(LINE)
    v, u = np.mgrid[:rows, :COLS].astype(np.float64)
    down = (v + 0.5) / FOCAL
    depth = EYE / down
    x, pixel = (u + 0.5 - COLS / 2) / FOCAL * depth, depth / FOCAL
    sx, sz = slopes(x, depth, pixel / np.maximum(down, 0.02) * 0.4)
    place_v = above.shape[0] - 1 - v - FOCAL * 2 * sz * np.minimum(1, 20 / depth)
    place_u = u + FOCAL * 2 * sx * down * 1.5
    at = [np.clip(place_v, 0, above.shape[0] - 1), np.clip(place_u, 0, COLS - 1)]
    mirrored = np.stack([map_coordinates(above[..., c], at, order=1) for c in range(3)], axis=-1)
    cosine = np.clip(np.sin(np.arctan(down)) - sz * np.cos(np.arctan(down)), 0.02, 1)
    t = np.sqrt(1 - (1 - cosine**2) / 1.333**2)
    rs, rp = (cosine - 1.333 * t) / (cosine + 1.333 * t), (1.333 * cosine - t) / (1.333 * cosine + t)
    part = ((rs**2 + rp**2) / 2)[..., None]
    stones = noise(rng, (rows, COLS), (14 * FINE, 30 * FINE), 5)
    floor = np.array([0.16, 0.125, 0.07]) * np.clip(1 + 0.35 * stones, 0.2, 2)[..., None]
    seen = np.exp(-0.35 * depth)[..., None]
    within = seen * floor + (1 - seen) * np.array([0.022, 0.032, 0.020])
    return part * mirrored + (1 - part) * within


def near_bank() -> tuple[np.ndarray, np.ndarray]:
    """Grass and stones at the lower left: colour (ROWS, COLS, 3) and cover (ROWS, COLS)."""
    rng = np.random.default_rng(6)
    v, u = np.mgrid[:ROWS, :COLS].astype(np.float64)
    colour, cover = np.zeros((ROWS, COLS, 3)), np.zeros((ROWS, COLS))
    edge = ROWS - FINE * np.clip(120 - 0.30 * np.arange(COLS) / FINE + 12 * outline(rng, 130 * FINE, 4), -40, 400)
    soil = np.clip((v - edge[None]) / FINE, 0, 1)
    clods = np.clip(1 + 0.4 * noise(rng, (ROWS, COLS), (6 * FINE, 9 * FINE), 4), 0.2, 2)
    colour, cover = np.array([0.09, 0.07, 0.042]) * (clods * soil)[..., None], soil
    spots = noise(np.random.default_rng(7), (ROWS, COLS), (5 * FINE, 5 * FINE), 4)
    for _ in range(46):  # stones, far ones first
        cu = rng.uniform(-40, 400) * FINE
        foot = np.interp(cu, np.arange(COLS), edge) + rng.uniform(-4, 34) * FINE
        a = FINE * np.exp(rng.normal(2.6, 0.45))
        b = a * rng.uniform(0.5, 0.75)
        dx, dy = (u - cu) / a, (v - foot) / b
        turn = ((np.arctan2(dy, dx) / np.pi + 1) * 31.9).astype(int)
        r = np.sqrt(dx**2 + dy**2) + 0.06 * noise(rng, (1, 64), (1, 8), 3)[0][turn]
        inside = np.clip((1 - r) * a / FINE, 0, 1)
        up = np.sqrt(np.clip(1 - np.minimum(r, 1) ** 2, 0, 1))
        light = 0.16 + 0.55 * np.clip(0.55 * dx - 0.6 * dy + 0.45 * up, 0, None)
        grey = np.array([0.42, 0.39, 0.34]) * rng.uniform(0.6, 1.1)
        stone = grey * (light * np.clip(1 + 0.16 * spots, 0.4, 1.6))[..., None]
        colour = colour * (1 - inside[..., None]) + stone * inside[..., None]
        cover = np.maximum(cover, inside)
    return colour, cover


def grass(picture: np.ndarray, cover: np.ndarray) -> None:
    """Blades on the near bank, before everything."""
    rng = np.random.default_rng(8)
    for _ in range(900):
        u0 = rng.uniform(-20, 300 if rng.random() < 0.8 else 420) * FINE
        v0 = ROWS - FINE * rng.uniform(-30, np.clip(105 - 0.30 * u0 / FINE, 0, 110))
        length, lean = FINE * rng.uniform(18, 60), rng.normal(0.15, 0.35)
        t = np.linspace(0, 1, int(length) + 2)
        u, v = u0 + lean * length * t**2, v0 - length * t * (1 - 0.2 * t * abs(lean))
        tint = np.array([0.16, 0.19, 0.045]) * rng.uniform(0.35, 1.25) * (0.45 + 0.75 * t)[:, None]
        for shift in range(max(1, round(1.4 * FINE))):
            keep = shift < 1.6 * FINE * (1 - t) + 0.6
            i, j = v.astype(int), (u + shift).astype(int)
            ok = keep & (i >= 0) & (i < ROWS) & (j >= 0) & (j < COLS)
            picture[i[ok], j[ok]] = tint[ok]
            cover[i[ok], j[ok]] = 1


def main() -> None:
    """Write the picture and the mask beside this file."""
    above = sky()
    hills(above)
    bank(above)
    horizon = int(LINE)
    picture = np.concatenate([above[-horizon:], water(above)])[:ROWS]
    colour, cover = near_bank()
    shade = gaussian_filter(np.roll(cover, 5 * FINE, axis=0), 5 * FINE) * (np.arange(ROWS)[:, None] > horizon)
    picture = picture * (1 - 0.35 * shade * (1 - cover))[..., None]
    picture = picture * (1 - cover[..., None]) + colour
    grass(picture, cover)
    small = gaussian_filter(picture, (0.5 * FINE, 0.5 * FINE, 0)).reshape(SIZE[0], FINE, SIZE[1], FINE, 3).mean((1, 3))
    grain = gaussian_filter(np.random.default_rng(9).standard_normal(SIZE), 0.6)[..., None]
    out = np.clip(to_srgb(np.clip(small, 0, 1).astype(np.float32)) + 0.006 * grain, 0, 1)
    Image.fromarray(np.round(out * 255).astype(np.uint8)).save(FOLDER / "pond.jpg", quality=90, optimize=True)
    wet = np.zeros((ROWS, COLS))
    wet[horizon + FINE :] = 1 - cover[horizon + FINE :]
    wet = wet.reshape(SIZE[0], FINE, SIZE[1], FINE).mean((1, 3))
    Image.fromarray(np.round(wet * 255).astype(np.uint8)).save(FOLDER / "pond_water.png", optimize=True)


if __name__ == "__main__":
    main()
