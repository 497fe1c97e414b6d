"""What bodies look like: cutouts of the photo packed in one atlas, and surfaces of things that were added."""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels import shade
from scipy.ndimage import gaussian_filter, laplace

from physim import blend
from physim.body_view import EDGE_PIXELS, BodyView, pose_matrix
from physim.camera import Camera
from physim.scene import Cutout, Entity
from physim.shapes import Box, Capsule, Cylinder, Sphere
from physim.trajectory import Trajectory

TEXTURES = {"plain": 0, "sugar": 1, "wood": 2, "checker": 3, "speckle": 4, "woven": 5, "gingham": 6}
_WRAP = {"sugar": 0.25, "wax": 0.25, "marble": 0.15, "ice": 0.3}
"""Light that travels under the surface and wraps round the terminator."""
_GLOSS = {"sugar": 0.05, "rubber": 0.03, "wood": 0.03, "cork": 0.0, "felt": 0.0, "paper": 0.02, "cardboard": 0.01}
_METALS = ("aluminium", "brass", "copper", "gold", "iron", "silver", "steel")
_CRYSTAL = 0.00042
"""Of granulated sugar [m]."""
_LUMA = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)


def half_extents(shape) -> np.ndarray:
    """Half lengths along the body axes (3,) [m]."""
    if isinstance(shape, Box):
        return shape.half
    if isinstance(shape, Cylinder):
        return np.array([shape.radius, shape.height / 2, shape.radius])
    if isinstance(shape, Capsule):
        return np.array([shape.radius, shape.length / 2 + shape.radius, shape.radius])
    if isinstance(shape, Sphere):
        return np.full(3, shape.radius)
    return np.abs(shape.triangles.vertices).max(axis=0)


def _grain_size(entity: Entity) -> float:
    half = half_extents(entity.shape)
    if entity.texture == "sugar":
        return max(_CRYSTAL, float(half.max()) / 40)
    if entity.texture == "wood":
        return float(half.max()) / 4
    if entity.texture == "checker":
        return float(half.max()) / 2
    return float(half.max()) / 12


def _shrunk(values: np.ndarray, factor: int) -> np.ndarray:
    """Mean over blocks of factor x factor, edges repeated."""
    if factor == 1:
        return values
    pad = [(0, -n % factor) for n in values.shape[:2]] + [(0, 0)] * (values.ndim - 2)
    full = np.pad(values, pad, mode="edge")
    rows, cols = full.shape[0] // factor, full.shape[1] // factor
    return full.reshape(rows, factor, cols, factor, *values.shape[2:]).mean(axis=(1, 3))


def _sharpened(linear: np.ndarray, scale: float) -> np.ndarray:
    """Colour such that its mean over an output pixel is what the photo shows.

    Sampling by Catmull-Rom and averaging over a pixel passes 65 % of the finest detail; ``f - f'' / 12`` gives most of
    it back. A picture smaller than the photo averages anyway.
    """
    if scale < 0.75:
        return linear
    curve = np.stack([laplace(linear[..., c], mode="nearest") for c in range(3)], axis=-1)
    return np.maximum(linear - curve / (12 * max(scale, 1.0) ** 2), 0.0)


def _low_pass(linear: np.ndarray, alpha: np.ndarray, sigma: float) -> np.ndarray:
    """Blur over the thing only, continued outside."""
    weight = np.clip(alpha, 1e-4, 1)[..., None] ** 2
    blurred = gaussian_filter(linear * weight, (sigma, sigma, 0), mode="nearest")
    return blurred / np.maximum(gaussian_filter(weight, (sigma, sigma, 0), mode="nearest"), 1e-8)


def edge_blur(alpha: np.ndarray) -> float:
    """Standard deviation of a cutout's edge profile, that of the pixel (1/12) taken off [pixels of the photo].

    Across an edge with a Gaussian profile ``a (1 - a)`` integrates to sigma / sqrt(pi), and along it ``|grad a|`` to
    its length.
    """
    down, across = np.gradient(alpha.astype(np.float64))
    length = float(np.hypot(down, across).sum())
    if length < 1e-6:
        return 0.0
    sigma = np.sqrt(np.pi) * float((alpha * (1 - alpha)).sum()) / length
    return float(np.sqrt(max(sigma**2 - 1 / 12, 0.0)))


class Atlas:
    """Cutouts at the size a picture needs them, one after the other."""

    def __init__(self) -> None:
        self.texels: list[np.ndarray] = []
        self.low: list[np.ndarray] = []
        self.length = 0

    def add(self, cutout: Cutout, *, factor: int, scale: float, sigma: float) -> tuple[int, tuple[int, int]]:
        """Append a cutout, shrunk by ``factor``; returns its first texel and its (columns, rows)."""
        linear = _shrunk(_sharpened(blend.to_linear(cutout.colour), scale), factor)
        alpha = _shrunk(cutout.alpha.astype(np.float32), factor)
        # A thing must not smear its cover beyond its crop.
        linear = np.pad(linear, ((1, 1), (1, 1), (0, 0)), mode="edge")
        alpha = np.pad(alpha, 1)
        self.texels.append(np.concatenate([linear, alpha[..., None]], axis=-1).reshape(-1, 4))
        self.low.append(_low_pass(linear, alpha, max(sigma / factor, 1.0)).reshape(-1, 3))
        start, self.length = self.length, self.length + alpha.size
        return start, (alpha.shape[1], alpha.shape[0])


def _matcap(frame, number: int, cutout: Cutout, camera: Camera) -> np.ndarray:
    """Luminance of a thing over its normal in the rest camera (48, 48): means where known, blurred wide elsewhere."""
    size = shade.MATCAP
    seen = (frame.ids == number) & np.isfinite(frame.source_uv[..., 0]) if frame is not None else np.zeros(0, bool)
    if not seen.any():
        return np.ones((size, size), np.float32)
    uv = frame.source_uv[seen] - np.array(cutout.corner, np.float32)
    rows, cols = cutout.alpha.shape
    i, j = np.clip(uv[:, 0].astype(int), 0, cols - 1), np.clip(uv[:, 1].astype(int), 0, rows - 1)
    weight = cutout.alpha[j, i].astype(np.float64) ** 2
    value = blend.to_linear(cutout.colour)[j, i] @ _LUMA
    normal = frame.normal[seen] @ camera.world_from_camera[:3, :3]
    x = np.clip(((normal[:, 0] * 0.5 + 0.5) * size).astype(int), 0, size - 1)
    y = np.clip(((normal[:, 1] * 0.5 + 0.5) * size).astype(int), 0, size - 1)
    cell = y * size + x
    total = np.bincount(cell, weight * value, size * size).reshape(size, size)
    count = np.bincount(cell, weight, size * size).reshape(size, size)
    result = np.full((size, size), float((weight * value).sum() / max(weight.sum(), 1e-9)))
    for sigma in (16.0, 8.0, 3.0):  # the finest that has enough to go by wins
        share = gaussian_filter(count, sigma)
        mean = gaussian_filter(total, sigma) / np.maximum(share, 1e-9)
        trust = np.clip(share / max(count.sum() / size**2, 1e-9) * 2, 0, 1)
        result = result * (1 - trust) + mean * trust
    return np.maximum(result, 1e-4).astype(np.float32)


def build_looks(trajectory: Trajectory, size: tuple[int, int], *, supersample: int, device) -> shade.Looks:
    """Everything the shading kernel needs to know about bodies, for pictures of ``size``.

    Args:
        trajectory: Its bodies at time 0 are as the photo shows them.
        size: (height, width) of the pictures.
        supersample: Samples per pixel along a side: sets how fine the atlas needs to be.
        device: Warp device.
    """
    scene = trajectory.scene
    count = len(scene.entities) + 1
    assert scene.camera is not None
    camera = scene.camera.start
    photo_size = camera.size if scene.backdrop is None else scene.backdrop.photo.shape[:2]
    camera = camera if camera.size == tuple(photo_size) else camera.resized(tuple(photo_size))
    scale = size[1] / photo_size[1]
    factor = max(1, int(1 / (scale * supersample)))
    table = {
        "kind": np.zeros(count, np.int32), "form": np.zeros(count, np.int32), "texture": np.zeros(count, np.int32),
        "start": np.zeros(count, np.int32), "half": np.ones((count, 3), np.float32),
        "radius": np.ones(count, np.float32), "grain": np.ones(count, np.float32),
        "colour": np.ones((count, 3), np.float32), "wrap": np.zeros(count, np.float32),
        "gloss": np.zeros(count, np.float32), "edge": np.zeros(count, np.float32),
        "size": np.ones((count, 2), np.int32),
        "corner": np.zeros((count, 2), np.float32), "texel": np.ones(count, np.float32),
        "rest": np.tile(np.eye(4, dtype=np.float32), (count, 1, 1)),
        "matcap": np.ones((count, shade.MATCAP, shade.MATCAP), np.float32),
    }  # fmt: skip
    atlas = Atlas()
    photographed = [scene[name] for name in trajectory.bodies if scene[name].cutout is not None]
    frame = BodyView(trajectory, tuple(photo_size), device).at(0.0) if photographed else None
    for name in trajectory.bodies:
        entity, number = scene[name], scene.number_of(name)
        _describe(entity, number, table)
        table["rest"][number] = pose_matrix(*trajectory.bodies[name].at(0.0))
        if entity.cutout is None:
            continue
        table["kind"][number] = shade.PHOTO_BALL if isinstance(entity.shape, Sphere) else shade.PHOTO
        table["edge"][number] = min(edge_blur(entity.cutout.alpha), EDGE_PIXELS / 1.8 * max(1.0, photo_size[1] / 800))
        depth = camera.project(trajectory.bodies[name].at(0.0)[0])[1]
        sigma = table["radius"][number] * camera.focal / max(float(depth), 1e-6) / 8
        start, extent = atlas.add(entity.cutout, factor=factor, scale=scale, sigma=float(sigma))
        table["start"][number], table["size"][number] = start, extent
        table["corner"][number] = np.array(entity.cutout.corner) - factor
        table["texel"][number] = factor
        table["matcap"][number] = _matcap(frame, number, entity.cutout, camera)
    return _uploaded(table, atlas, device)


def _describe(entity: Entity, number: int, table: dict[str, np.ndarray]) -> None:
    preset = entity.material.preset if entity.material is not None else "wood"
    table["kind"][number] = shade.ADDED
    table["form"][number] = 1 if isinstance(entity.shape, Box) else 2 if isinstance(entity.shape, Cylinder) else 0
    table["texture"][number] = TEXTURES.get(entity.texture, 0)
    table["half"][number] = half_extents(entity.shape)
    table["radius"][number] = entity.shape.bounding_radius  # type: ignore[union-attr]
    table["grain"][number] = _grain_size(entity)
    table["colour"][number] = entity.colour
    table["wrap"][number] = _WRAP.get(preset, 0.05)
    table["gloss"][number] = 0.5 if preset in _METALS else _GLOSS.get(preset, 0.12)


def _uploaded(table: dict[str, np.ndarray], atlas: Atlas, device) -> shade.Looks:
    types = {
        "half": wp.vec3, "colour": wp.vec3, "size": wp.vec2i, "corner": wp.vec2, "rest": wp.mat44,
        "kind": wp.int32, "form": wp.int32, "texture": wp.int32, "start": wp.int32,
    }  # fmt: skip
    looks = shade.Looks()
    for name, values in table.items():
        if name == "matcap":
            values = values.reshape(-1)
        setattr(looks, name, wp.array(values, dtype=types.get(name, wp.float32), device=device))
    texels = np.concatenate([*atlas.texels, np.zeros((1, 4))]).astype(np.float32)
    low = np.concatenate([*atlas.low, np.zeros((1, 3))]).astype(np.float32)
    looks.atlas = wp.array(texels, dtype=wp.vec4, device=device)
    looks.low = wp.array(low, dtype=wp.vec3, device=device)
    return looks
