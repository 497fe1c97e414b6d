"""From a mask in the photo to a sheet of cloth in the world that casts the same outline, with the pixels it shows.

The sheet is flat: upright and facing the camera at a given depth or where it stands, or lying where the camera looks
down steeply. Along the border of the photo it goes on a little, mirrored: what waves into the picture must come from
somewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physim.camera import Camera
from physim.grow import dilated
from physim.matte import cut_out
from physim.outline import outline
from physim.pins import Pin
from physim.scene import Cutout
from physim.sheet import Pattern
from physim.shot import PinSpec, Select, Thing
from physim.srgb import to_linear, to_srgb
from physim.view import on_plane

BEYOND = 0.08
"""How far a sheet goes on beyond the border of the photo, as a part of the photo's width."""
RIM = 4
"""And beyond its mask, so that the mask's soft edge decides its outline [pixels at 800 wide]."""
STEEP = 45.0
"""From this pitch on a sheet of unknown depth lies instead of hanging [degrees]."""


@dataclass(frozen=True)
class LiftedSheet:
    """A cloth at its place."""

    pattern: Pattern
    position: tuple[float, float, float]
    """[m], world."""
    orientation: tuple[float, float, float, float]
    pins: tuple[Pin, ...]


def lift_sheet(mask: np.ndarray, camera: Camera, thing: Thing, *, support: float) -> LiftedSheet:
    """Make the sheet of a cloth of the photo.

    Args:
        mask: (H, W) bool: the cloth, the part of it that other things hide included.
        camera: Of the photo.
        thing: What the user said.
        support: Height of what it stands or lies on [m], if its depth is not given.

    Raises:
        ValueError: It would reach above the horizon, or a pin holds no part of it.
    """
    assert thing.cloth is not None
    pad = border(mask.shape)
    whole = dilated(np.pad(mask, pad, mode="symmetric"), RIM * max(1.0, mask.shape[1] / 800))
    rim = outline(whole, tolerance=1.0) - pad
    origin, axes = _plane(mask, camera, thing, support)

    def flat(pixels: np.ndarray) -> np.ndarray:
        rays = camera.rays(pixels)
        along = ((origin - camera.position) @ axes[2]) / (rays @ axes[2])
        return (camera.position + along[..., None] * rays - origin) @ axes[:2].T

    def pixels_of(points: np.ndarray) -> np.ndarray:
        return camera.project(origin + points @ axes[:2])[0]

    corners = flat(rim)
    edge = float(np.ptp(corners, axis=0).max()) / thing.cloth.cells
    points, faces = _mesh(corners, edge, whole, lambda p: pixels_of(p) + pad)
    centre = points.mean(axis=0)
    pins = tuple(_pin(pin, points, pixels_of(points), edge, thing.name) for pin in thing.cloth.pin)
    position = origin + centre @ axes[:2]
    return LiftedSheet(Pattern(points - centre, faces), _triple(position), _turn(axes), pins)


def border(size: tuple[int, ...]) -> int:
    """How far a sheet goes on beyond the border of a photo of this (height, width) [pixels]."""
    return max(4, round(BEYOND * size[1]))


def sheet_cutout(photo: np.ndarray, mask: np.ndarray, hidden: np.ndarray, plate: np.ndarray) -> Cutout:
    """The pixels of a cloth, continued beneath what hides it and beyond the border of the photo.

    Args:
        photo: (H, W, 3) sRGB.
        mask: (H, W) bool: the cloth, the hidden part included.
        hidden: (H, W) bool: what stands before it.
        plate: (H, W, 3) sRGB: the photo without the cloth.
    """
    painted = _continued(photo, mask & ~hidden, mask & hidden)
    pad = border(mask.shape)
    sides = ((pad, pad), (pad, pad))
    painted, behind = (np.pad(p, (*sides, (0, 0)), mode="symmetric") for p in (painted, plate))
    cutout = cut_out(painted, np.pad(mask, sides, mode="symmetric"), behind, shadow=False)
    u, v = cutout.corner
    rows, cols = cutout.alpha.shape
    return Cutout(*_rimmed(painted[v : v + rows, u : u + cols], cutout.alpha, mask.shape[1]), (u - pad, v - pad))


def _rimmed(picture: np.ndarray, alpha: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Colour and alpha with a clean rim: colours from inside pushed outwards, the outline as smooth as a hem is.

    Cloth and wall may have the same colour; the matte is then ragged and its colours are crumbs of either. Blur of the
    outline and colour from a few pixels inside come within 1.4 dB of the best matte where that is found.
    """
    from scipy.ndimage import gaussian_filter

    scale = max(1.0, width / 800)
    soft = gaussian_filter(alpha, 0.8 * scale)
    inner = gaussian_filter(alpha, 1.5 * scale) > 0.98
    colour = _continued(picture, inner, ~inner) if inner.any() else picture
    return colour, np.clip((soft - 0.03) / 0.94, 0, 1).astype(np.float32)


def _continued(photo: np.ndarray, shown: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """The photo with the colours of ``shown`` pushed on into ``covered``, each (H, W) bool."""
    from scipy.ndimage import binary_erosion, distance_transform_edt, gaussian_filter

    if not (covered.any() and shown.any()):
        return photo
    deep = binary_erosion(shown, iterations=2, border_value=1)  # its rim is mixed with what stands before it
    pure = deep if deep.any() else shown
    _, (v, u) = distance_transform_edt(~pure, return_indices=True)
    near = to_linear(photo)[v, u]
    soft = gaussian_filter(near, (2.0, 2.0, 0))  # rays of single pixels would show
    return np.where((covered | (shown & ~pure & dilated(covered, 4)))[..., None], to_srgb(soft), photo)


def _plane(mask: np.ndarray, camera: Camera, thing: Thing, support: float) -> tuple[np.ndarray, np.ndarray]:
    """A point of the sheet's plane [m] and its axes: right, up, towards the camera, as rows (3, 3)."""
    rotation = camera.world_from_camera[:3, :3]
    right, ahead = rotation[:, 0], rotation[:, 2]
    v, u = np.nonzero(mask)
    middle = np.array([u.mean() + 0.5, v.mean() + 0.5])
    if thing.lift.depth is None and np.degrees(np.arcsin(np.clip(-ahead[1], -1, 1))) > STEEP:
        origin = on_plane(camera, middle, support)
        normal = np.array([0.0, 1.0, 0.0])
    else:
        if thing.lift.depth is not None:
            origin = camera.unproject(middle, thing.lift.depth)
        else:
            origin = on_plane(camera, np.array([middle[0], v.max() + 1.0]), support)
        normal = -ahead * [1, 0, 1]
        normal /= max(np.linalg.norm(normal), 1e-9)
    if not np.isfinite(origin).all():
        raise ValueError(
            f"{thing.name} has its foot above the horizon; give {thing.name}.lift.depth, or look at hints.camera."
        )
    along = right - (right @ normal) * normal
    along /= np.linalg.norm(along)
    return origin, np.stack([along, np.cross(normal, along), normal])


def _mesh(corners: np.ndarray, edge: float, whole: np.ndarray, pixels_of) -> tuple[np.ndarray, np.ndarray]:
    """Equilateral triangles of this edge length that cover an outline; its soft edge is drawn, so theirs may be ragged.

    No triangle is thin: what a solver may step depends on the thinnest.

    Returns:
        Points (N, 2) and counter-clockwise faces (M, 3).
    """
    low, high = corners.min(axis=0) - edge, corners.max(axis=0) + edge
    cols, rows = np.ceil((high - low) / (edge, edge * np.sqrt(0.75))).astype(int) + 1
    k, i = (grid.ravel() for grid in np.meshgrid(np.arange(rows), np.arange(cols), indexing="ij"))
    points = low + edge * np.stack([i + 0.5 * (k % 2), k * np.sqrt(0.75)], axis=1)
    a = np.flatnonzero((i < cols - 1) & (k < rows - 1))
    odd = (k[a] % 2)[:, None] == 1
    b, c, d = a + 1, a + cols, a + cols + 1
    lower = np.where(odd, np.stack([a, b, d], axis=1), np.stack([a, b, c], axis=1))
    upper = np.where(odd, np.stack([a, d, c], axis=1), np.stack([b, d, c], axis=1))
    faces = np.concatenate([lower, upper])
    samples = np.concatenate([np.eye(3), 1 - np.eye(3), np.ones((1, 3)), 1 + 4 * np.eye(3)])
    samples /= samples.sum(axis=1, keepdims=True)
    inside = [_holds(whole, pixels_of(np.einsum("k,mki->mi", weight, points[faces]))) for weight in samples]
    used, faces = np.unique(faces[np.any(inside, axis=0)], return_inverse=True)
    return points[used], faces.reshape(-1, 3).astype(np.int32)


def _holds(mask: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    u, v = np.floor(pixels).astype(int).T
    inside = (u >= 0) & (v >= 0) & (u < mask.shape[1]) & (v < mask.shape[0])
    return inside & mask[np.clip(v, 0, mask.shape[0] - 1), np.clip(u, 0, mask.shape[1] - 1)]


def _pin(spec: PinSpec, points: np.ndarray, pixels: np.ndarray, edge: float, name: str) -> Pin:
    held = _at_place(spec.where, points, edge) if spec.where is not None else _in_region(spec.region, pixels)
    if not held.any():
        raise ValueError(f"a pin of {name} holds no part of it; look at its region, in pixels of the photo.")
    return Pin(np.flatnonzero(held), to=spec.to, clamp=spec.clamp)


def _at_place(where: str, points: np.ndarray, edge: float) -> np.ndarray:
    """Points along an edge of the bounding rectangle, or nearest to its corners."""
    low, high = points.min(axis=0), points.max(axis=0)
    sides = {
        "left": points[:, 0] < low[0] + edge, "right": points[:, 0] > high[0] - edge,
        "bottom": points[:, 1] < low[1] + edge, "top": points[:, 1] > high[1] - edge,
    }  # fmt: skip
    if where in sides:
        return sides[where]
    rows = ("top",) if where.startswith("top") else ("bottom",) if where.startswith("bottom") else ("top", "bottom")
    cols = tuple(side for side in ("left", "right") if side in where) or ("left", "right")
    held = np.zeros(len(points), dtype=bool)
    for row in rows:
        for col in cols:
            corner = (low[0] if col == "left" else high[0], high[1] if row == "top" else low[1])
            held[np.linalg.norm(points - corner, axis=1).argmin()] = True
    return held


def _in_region(region: Select | None, pixels: np.ndarray) -> np.ndarray:
    assert region is not None
    u, v = pixels.T
    if region.box is not None:
        u0, v0, u1, v1 = region.box
        return (u >= u0) & (u <= u1) & (v >= v0) & (v <= v1)
    if region.ellipse is not None:
        cu, cv, a, b, degrees = region.ellipse
        cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        du, dv = u - cu, v - cv
        return ((cos * du + sin * dv) / a) ** 2 + ((cos * dv - sin * du) / b) ** 2 <= 1
    assert region.polygon is not None
    inside = np.zeros(len(pixels), dtype=bool)
    corners = np.array(region.polygon)
    for (u0, v0), (u1, v1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crosses = (v0 > v) != (v1 > v)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (u < u0 + (v - v0) * (u1 - u0) / (v1 - v0))
    return inside


def _turn(axes: np.ndarray) -> tuple[float, float, float, float]:
    from scipy.spatial.transform import Rotation

    x, y, z, w = (float(q) for q in Rotation.from_matrix(axes.T).as_quat())
    return x, y, z, w


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in values)
    return x, y, z
