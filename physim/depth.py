"""Distance of every pixel: from geometry by default, from a file or a network where there is one.

Geometry means: the ground is a plane, named surfaces are planes, a wall or the box of a room stands behind, the sky is
far, and what is left stands upright on what it touches. That is metric to the accuracy of the hints on the ground and
weaker elsewhere, which ``confidence`` says; ``docs/depth.md`` has figures.
"""

from __future__ import annotations

import numpy as np

from physim.camera import Camera
from physim.depth_grid import normals_of
from physim.depth_lean import lean_of, leaning
from physim.depth_regions import edges_without, ground_of, sky_of
from physim.depth_result import FAR, DepthBackend, DepthResult
from physim.membrane import edge_weights, fill
from physim.recall import remembered
from physim.room import room_depth, room_of
from physim.segment import mask_of, polygon_coverage
from physim.shot import DepthClick, Hints, RoomHint
from physim.view import plane_depth

__all__ = ["FAR", "DepthBackend", "DepthResult", "bent_to_clicks", "continued", "geometric", "resampled"]

_UPRIGHT = 10.0
"""Ties along the column count this much more than along the row: upright things copy the depth of their foot."""
_BEHIND = 1e-4
"""Tie of a thing to known pixels beside or above it."""
_NEARER = 0.85
"""Distance of things cut by the lower edge, as a part of that of the ground seen there."""
_WALL_COLUMNS = 0.2
"""Part of the width in which the line of a wall on the floor is looked for."""
_OFF_GROUND = 0.15
"""Clicks that differ from the ground by more than this part of its depth are on something else."""
_BREAK = 0.1
"""Relative step of depth from pixel to pixel that is the edge of a thing."""
_ACROSS = 0.05
"""Tie that remains across such an edge, and between the ground and what stands on it."""
_STEEP = 0.5
"""Cosine of the pitch below which a camera looks down so steeply that there are no columns to stand on."""


@remembered
def geometric(
    image: np.ndarray,
    camera: Camera,
    hints: Hints,
    photo_size: tuple[int, int],
    see_through: np.ndarray | None = None,
    *,
    lifted: np.ndarray | None = None,
    level: np.ndarray | None = None,
) -> DepthResult:
    """Depth of ground, surfaces, wall or room, sky and upright rest.

    Args:
        image: (h, w, 3) float32 sRGB on the grid to work on.
        camera: On the same grid.
        hints: In pixels of the photo.
        photo_size: (height, width) of the photo, to which the hints' pixels refer.
        see_through: (h, w) bool: thin things in front that have a layer of their own; sky goes on behind them.
        lifted: (h, w) bool: things that are taken out of the picture; what is behind them is asked for.
        level: (h, w) bool: known to be ground, such as water.

    Returns:
        Metric depth everywhere, ``FAR`` in the sky, how much to believe it, and the normals of its surfaces.
    """
    size = image.shape[:2]
    depth = plane_depth(camera, 0.0, far=FAR)
    ground = depth < FAR
    above = ~ground
    room = None if hints.room is None else _room(camera, hints.room, photo_size)
    if room is not None:
        ground &= depth <= room * (1 + 1e-9)
    walls = ~ground if room is not None else np.zeros_like(ground)
    if hints.ground is not None:
        ground &= resampled(polygon_coverage(np.array(hints.ground), photo_size), size) >= 0.5
    elif hints.wall is None and room is None:
        off = _off_ground(depth, hints.clicks, photo_size)
        ground = ground_of(image, ground, things=off, lifted=lifted, level=level)
    surest = 0.9 if hints.camera.height or hints.camera.circle else 0.5
    confidence = np.where(ground, surest, 0.0)
    known = ground.copy()
    if room is not None:
        depth[walls], known[walls], confidence[walls] = room[walls], True, 0.6
    for surface in hints.surfaces:
        region = resampled(mask_of(surface.region, photo_size, name=f"surface {surface.name}"), size) >= 0.5
        level = plane_depth(camera, surface.height, far=FAR)
        if (level[region] >= FAR).any():
            raise ValueError(
                f"surface {surface.name!r} at y = {surface.height:g} m reaches above the horizon of the camera "
                f"({camera.position[1]:.3g} m high). Look at its region and height, or at hints.camera."
            )
        depth[region], known[region], confidence[region] = level[region], True, surest
    level_ground = known & ~walls
    if hints.wall is not None:
        wall = _wall_depth(camera, hints.wall)
        behind = ~known | (wall < depth)
        depth[behind], known[behind], confidence[behind] = wall[behind], True, 0.6
    else:
        sky = _sky(image, above, see_through, hints, photo_size) & (~known | walls)
        depth[sky], confidence[sky] = FAR, 0.5
        known &= ~sky
        lean = lean_of(image, camera)
        depth = _stand_up(image, camera, depth, known, sky, lifted, lean)
        confidence[~known & ~sky] = 0.2 if lean == 0 else 0.1
    if hints.clicks:
        depth, confidence = bent_to_clicks(image, depth, confidence, level_ground, hints.clicks, photo_size)
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


def _off_ground(level: np.ndarray, clicks: list[DepthClick], photo_size: tuple[int, int]) -> np.ndarray:
    """Pixels (h, w) bool whose clicks say that they are not on the ground, whose depth is ``level`` there."""
    off = np.zeros(level.shape, dtype=bool)
    for click in clicks:
        u, v = (int(click.pixel[k] * level.shape[1 - k] / photo_size[1 - k]) for k in (0, 1))
        if 0 <= u < level.shape[1] and 0 <= v < level.shape[0]:
            off[v, u] = abs(np.log(click.depth / level[v, u])) > _OFF_GROUND
    return off


def _room(camera: Camera, hint: RoomHint, photo_size: tuple[int, int]) -> np.ndarray:
    """Depth of the planes of a room whose pixels are those of the photo."""
    scale = camera.size[1] / photo_size[1]
    u0, v0, u1, v1 = (scale * x for x in hint.back)
    vanishing = None if hint.vanishing is None else (scale * hint.vanishing[0], scale * hint.vanishing[1])
    return np.minimum(room_depth(camera, room_of(camera, (u0, v0, u1, v1), vanishing)), FAR)


def _sky(
    image: np.ndarray,
    above: np.ndarray,
    see_through: np.ndarray | None,
    hints: Hints,
    photo_size: tuple[int, int],
) -> np.ndarray:
    """Where the sky is seen (h, w) bool; a room has none unless the user says so."""
    if hints.sky is False or (hints.room is not None and hints.sky is None):
        return np.zeros_like(above)
    sky = sky_of(image, above, see_through, any_colour=bool(hints.sky) and hints.room is None)
    return sky & ~_clicked(sky, hints.clicks, photo_size)


def _clicked(sky: np.ndarray, clicks: list[DepthClick], photo_size: tuple[int, int]) -> np.ndarray:
    """Parts of what was taken for sky, (h, w) bool, for which a click gives a distance."""
    from scipy import ndimage

    labels, _ = ndimage.label(sky)
    rows, cols = sky.shape
    hit = {0}
    for click in clicks:
        u, v = click.pixel[0] * cols / photo_size[1], click.pixel[1] * rows / photo_size[0]
        if 0 <= u < cols and 0 <= v < rows:
            hit.add(int(labels[int(v), int(u)]))
    return np.isin(labels, list(hit - {0}))


def _stand_up(
    image: np.ndarray,
    camera: Camera,
    depth: np.ndarray,
    known: np.ndarray,
    sky: np.ndarray,
    lifted: np.ndarray | None,
    lean: float = 0.0,
) -> np.ndarray:
    """Give what is neither ground nor sky the distance of what it stands on, mostly along its column.

    What is carried up the column is the distance along the ground, which is that of an upright surface at any pitch.
    A thing stands on the known pixel below it; known pixels beside or above it lie behind it and do not pull. ``lean``
    ties each pixel to :func:`physim.depth_lean.leaning`.
    """
    rest = ~known & ~sky
    if not rest.any():
        return depth
    if not known.any():
        return np.where(rest, FAR, depth)
    rate = _along_ground(camera)
    weight_u, weight_v = edges_without(image, lifted)
    weight_v *= _UPRIGHT
    foot, behind = rest[:-1] & known[1:], known[:-1] & rest[1:]
    weight_v[:-1][foot], weight_v[:-1][behind] = _UPRIGHT, _BEHIND
    weight_u[:, :-1][known[:, :-1] != known[:, 1:]] = _BEHIND
    distance = np.where(known, depth * rate, FAR)
    level = known & (depth < FAR)
    lean = lean if level.any() else 0.0
    cut = rest[-1]
    if cut.any():
        distance[-1, cut], known = _feet_below(camera, distance, known, rate)[cut], known.copy()
        known[-1, cut] = True
    logs = np.log(np.clip(distance, 1e-3, FAR))
    if lean > 0:
        logs = np.where(known, logs, np.log(leaning(distance, level, known)))
    # the sky takes no part: an outline against it must not pull the thing away. What touches nothing stays far
    filled = fill(logs, known, weights=(weight_u, weight_v), screen=lean, domain=~sky, tolerance=1e-4)
    return np.where(rest, np.exp(filled) / rate, depth)


def _feet_below(camera: Camera, distance: np.ndarray, known: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Distance along the ground (w,) [m] of upright things that the picture's lower edge cuts.

    A wall goes on as its line on the floor does; what else is cut stands just below the edge.
    """
    rows, cols = distance.shape
    local = camera.unproject(camera.pixel_grid(), 1.0) - camera.position
    side = camera.world_from_camera[:3, 0] * (1, 0, 1)
    across = local @ (side / np.linalg.norm(side)) / rate  # lateral per distance ahead
    level = camera.position[1] / np.maximum(-local[-1, :, 1], 1e-6) * rate[-1]  # of the plane in the lowest row
    feet = _NEARER * level
    foot_row = np.where(known[-1], rows - 1 - np.argmin(known[::-1], axis=0) + 1, rows)  # top of the ground, per column
    foot_row[known.all(0)] = 0
    edges = np.flatnonzero(np.diff(np.concatenate([[0], ~known[-1], [0]])))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        lines = []
        for near, way in ((start - 1, -1), (stop, 1)):
            columns = np.arange(near, near + way * round(_WALL_COLUMNS * cols), way)
            columns = columns[(columns >= 0) & (columns < cols)]
            columns = columns[: np.argmin(known[-1, columns]) if not known[-1, columns].all() else None]
            line = _wall_line(across, distance, foot_row, columns)
            if line is not None:
                lines.append(line)
        here = np.arange(start, stop)
        for offset, slope in lines:
            on_wall = offset / np.where(np.abs(across[-1, here] - slope) > 1e-6, across[-1, here] - slope, 1e-6)
            ok = (on_wall > 0.15 * level[here]) & (on_wall < level[here])
            feet[here[ok]] = on_wall[ok]
    return feet


def _wall_line(
    across: np.ndarray, distance: np.ndarray, foot_row: np.ndarray, columns: np.ndarray
) -> tuple[float, float] | None:
    """(offset, slope) of lateral = offset + slope x distance, the line on the floor that leaves the picture here."""
    rows = len(distance)
    if len(columns) < 8 or foot_row[columns[0]] < 0.9 * rows:
        return None
    row = np.clip(foot_row[columns], 0, rows - 1)
    steps = np.abs(np.diff(row)) > 0.06 * rows  # where another thing begins
    count = int(np.argmax(steps)) + 1 if steps.any() else len(columns)
    if count < 8:
        return None
    columns, row = columns[:count], row[:count]
    ahead = distance[row, columns]
    lateral = across[row, columns] * ahead
    slope, offset = np.polyfit(ahead, lateral, 1)
    off = np.abs(lateral - offset - slope * ahead)
    return (float(offset), float(slope)) if np.median(off) < 0.03 * np.median(ahead) else None


def _along_ground(camera: Camera) -> np.ndarray:
    """Distance along the ground of a point at z = 1 in each pixel's direction (h, w) [-]; 1 where steep."""
    ahead = camera.world_from_camera[:3, 2] * (1, 0, 1)
    length = float(np.linalg.norm(ahead))
    if length < _STEEP:
        return np.ones(camera.size)
    rate = (camera.unproject(camera.pixel_grid(), 1.0) - camera.position) @ (ahead / length)
    return np.maximum(rate, 0.25)


def bent_to_clicks(
    image: np.ndarray,
    depth: np.ndarray,
    confidence: np.ndarray,
    trusted: np.ndarray,
    clicks: list[DepthClick],
    photo_size: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """Depth that has the clicked distances, and how far to believe it.

    The logarithm of clicked over given depth is diffused, so that the shape of what is between the clicks stays; it
    stops at the edges of the picture and of the depth, and ground and surfaces resist it.

    Args:
        image: (h, w, 3) float32 sRGB.
        depth: (h, w) [m], from whatever source.
        confidence: (h, w) in [0, 1].
        trusted: (h, w) bool: ground and surfaces.
        clicks: In pixels of the photo.
        photo_size: (height, width) of the photo.

    Raises:
        ValueError: A click outside the photo.
    """
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
    weight_u, weight_v = edge_weights(image)
    logs = np.log(depth)
    for weight, axis in ((weight_u[:, :-1], 1), (weight_v[:-1], 0)):
        jump = np.abs(np.diff(logs, axis=axis)) > _BREAK
        foot = np.diff(trusted.astype(np.int8), axis=axis) != 0
        weight[jump | foot] *= _ACROSS
    change = fill(ratio, known, weights=(weight_u, weight_v), screen=screen, tolerance=1e-5)
    return depth * np.exp(change), np.where(np.abs(change) > 0.02, np.maximum(confidence, 0.5), confidence)
