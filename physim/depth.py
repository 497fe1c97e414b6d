"""Distance of every pixel: from geometry by default, from a file or a network where there is one.

Geometry means: the ground is a plane, named surfaces are planes, a wall stands behind, the sky is far, and what is left
stands upright on what it touches. Against measured depth of ten photos this is metric to the accuracy of the hints on
the ground and weak elsewhere, which ``confidence`` says.
"""

from __future__ import annotations

import numpy as np

from physim.camera import Camera
from physim.depth_grid import normals_of
from physim.depth_result import FAR, DepthBackend, DepthResult
from physim.membrane import edge_weights, fill
from physim.segment import mask_of, polygon_coverage
from physim.shot import DepthClick, Hints
from physim.view import plane_depth

__all__ = ["FAR", "DepthBackend", "DepthResult", "continued", "geometric", "resampled"]

_UPRIGHT = 3.0
"""Ties along the column count this much more than along the row: upright things copy the depth of their foot."""


def geometric(
    image: np.ndarray,
    camera: Camera,
    hints: Hints,
    photo_size: tuple[int, int],
    see_through: np.ndarray | None = None,
) -> DepthResult:
    """Depth of ground, surfaces, wall, sky and upright rest.

    Args:
        image: (h, w, 3) float32 sRGB on the grid to work on.
        camera: On the same grid.
        hints: In pixels of the photo.
        photo_size: (height, width) of the photo, to which the hints' pixels refer.
        see_through: (h, w) bool: thin things in front that have a layer of their own; sky goes on behind them.

    Returns:
        Metric depth everywhere, ``FAR`` in the sky, how much to believe it, and the normals of its surfaces.
    """
    size = image.shape[:2]
    depth = plane_depth(camera, 0.0, far=FAR)
    ground = depth < FAR
    if hints.ground is not None:
        ground &= resampled(polygon_coverage(np.array(hints.ground), photo_size), size) >= 0.5
    surest = 0.9 if hints.camera.height or hints.camera.circle else 0.5
    confidence = np.where(ground, surest, 0.0)
    known = ground.copy()
    for surface in hints.surfaces:
        region = resampled(mask_of(surface.region, photo_size, name=f"surface {surface.name}"), size) >= 0.5
        level = plane_depth(camera, surface.height, far=FAR)
        if (level[region] >= FAR).any():
            raise ValueError(
                f"surface {surface.name!r} at y = {surface.height:g} m reaches above the horizon of the camera "
                f"({camera.position[1]:.3g} m high). Look at its region and height, or at hints.camera."
            )
        depth[region], known[region], confidence[region] = level[region], True, surest
    level_ground = known.copy()
    if hints.wall is not None:
        wall = _wall_depth(camera, hints.wall)
        behind = ~known | (wall < depth)
        depth[behind], known[behind], confidence[behind] = wall[behind], True, 0.6
    else:
        sky = _sky(image, plane_depth(camera, 0.0, far=FAR) >= FAR, see_through) & ~known
        depth[sky], confidence[sky] = FAR, 0.5
        depth = _stand_up(image, depth, known, sky)
        confidence[~known & ~sky] = 0.2
    if hints.clicks:
        depth, confidence = _follow_clicks(image, depth, confidence, level_ground, hints.clicks, photo_size)
    depth = np.clip(depth, 1e-3, FAR)
    normals = normals_of(depth, camera.intrinsics, far=FAR)
    return DepthResult(depth, confidence=confidence, normals=normals, intrinsics=camera.intrinsics)


def resampled(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map (H, W) or (H, W, C) brought to ``size``: mean over the new pixels when shrinking, bilinear when growing."""
    from PIL import Image

    values = np.asarray(values, dtype=np.float32)
    if values.shape[:2] == tuple(size):
        return values
    way = Image.Resampling.BOX if size[0] < values.shape[0] else Image.Resampling.BILINEAR
    flat = values.reshape(*values.shape[:2], -1)
    planes = [np.asarray(Image.fromarray(flat[..., k]).resize(size[::-1], way)) for k in range(flat.shape[-1])]
    return np.stack(planes, axis=-1).reshape(*size, *values.shape[2:])


def continued(surface: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A solid's depth carried on from the nearest pixel that has it, so that it fits a mask that is not its outline.

    Args:
        surface: (h, w) depth of the solid [m], ``inf`` where it does not project.
        mask: (h, w) bool: depth inside it is preferred as the source.
    """
    from scipy import ndimage

    hit = np.isfinite(surface)
    if (hit & mask).any():
        hit &= mask
    if not hit.any():
        return surface
    _, (v, u) = ndimage.distance_transform_edt(~hit, return_indices=True)
    return surface[v, u]


def _wall_depth(camera: Camera, distance: float) -> np.ndarray:
    """Depth z of a vertical plane ``distance`` ahead of the camera's foot; FAR where rays do not meet it."""
    ahead = camera.world_from_camera[:3, 2].copy()
    ahead[1] = 0
    length = np.linalg.norm(ahead)
    if length < 1e-3:
        raise ValueError("hints.wall: the camera looks straight down, where no upright wall can be seen.")
    rate = (camera.unproject(camera.pixel_grid(), 1.0) - camera.position) @ (ahead / length)
    return np.where(rate > distance / FAR, distance / np.maximum(rate, 1e-12), FAR)


def _sky(image: np.ndarray, above: np.ndarray, see_through: np.ndarray | None) -> np.ndarray:
    """Smooth and joined to the top of the picture, above the horizon."""
    from scipy import ndimage
    from scipy.ndimage import binary_dilation

    if not above.any():
        return above
    grey = ndimage.gaussian_filter(image.mean(-1), 1.0)
    smooth = np.hypot(*np.gradient(grey)) < 0.012
    if see_through is not None:
        smooth |= binary_dilation(see_through, iterations=2)
    core = ndimage.binary_dilation(ndimage.binary_erosion(smooth | ~above, border_value=1))  # drops single pixels
    labels, _ = ndimage.label(core & smooth & above)
    at_top = np.unique(labels[: max(2, len(labels) // 50)])
    sky = np.isin(labels, at_top[at_top > 0])
    return ndimage.binary_closing(sky, iterations=3, border_value=0) & above | sky


def _stand_up(image: np.ndarray, depth: np.ndarray, known: np.ndarray, sky: np.ndarray) -> np.ndarray:
    """Give what is neither ground nor sky the depth of what it touches, mostly along its column."""
    rest = ~known & ~sky
    if not rest.any():
        return depth
    if not known.any():
        return np.where(rest, FAR, depth)
    weight_u, weight_v = edge_weights(image)
    logs = np.log(np.where(known, np.clip(depth, 1e-3, FAR), FAR))
    # the sky takes no part: an outline against it must not pull the thing away. What touches nothing stays far
    filled = fill(logs, known, weights=(weight_u, _UPRIGHT * weight_v), domain=~sky, tolerance=1e-4)
    return np.where(rest, np.exp(filled), depth)


def _follow_clicks(
    image: np.ndarray,
    depth: np.ndarray,
    confidence: np.ndarray,
    trusted: np.ndarray,
    clicks: list[DepthClick],
    photo_size: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """Diffuse the log ratio between clicked and prior depth; ground and surfaces resist it."""
    rows, cols = depth.shape
    known = np.zeros(depth.shape, dtype=bool)
    ratio = np.zeros(depth.shape)
    for click in clicks:
        u, v = click.pixel[0] * cols / photo_size[1], click.pixel[1] * rows / photo_size[0]
        if not (0 <= u < cols and 0 <= v < rows):
            raise ValueError(f"hints.clicks: pixel {list(click.pixel)} is outside the photo, {photo_size[::-1]}.")
        known[int(v), int(u)] = True
        ratio[int(v), int(u)] = np.log(click.depth / depth[int(v), int(u)])
    screen = np.where(trusted, 0.05, 1e-5)
    change = fill(ratio, known, weights=edge_weights(image), screen=screen, tolerance=1e-5)
    return depth * np.exp(change), np.where(np.abs(change) > 0.02, np.maximum(confidence, 0.5), confidence)
