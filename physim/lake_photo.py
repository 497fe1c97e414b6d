"""A region of the photo that is water becomes a lake: its plane, its shore line there, its bed, and its depth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import binary_erosion, distance_transform_edt

from physim.camera import Camera
from physim.depth import FAR
from physim.lake import Lake
from physim.lake_grid import inside
from physim.layers import Layers
from physim.materials import Liquid
from physim.outline import largest_part, outline
from physim.scene import Scene
from physim.shapes import HeightField, Plane
from physim.shot import Thing
from physim.view import on_plane, plane_depth

AROUND = 20.0
"""Water computed around a thing, in its radii."""
BANK_CELLS = 256
"""Along the longer side of a lake: how finely its bank is known to things that fall."""
BANK_SLOPE = 0.5
"""How fast the ground falls away from the shore line [-]."""
DEPTH = 2.0
"""Of a lake about which nothing is said [m]."""
REACH = 40.0
"""Farthest water whose surface is computed, in heights of the camera above it; farther out there is only wind."""


def add_lake(scene: Scene, thing: Thing, mask: np.ndarray, layers: Layers) -> str:
    """Add the water seen in ``mask`` (H, W) bool; returns a line of report.

    Raises:
        ValueError: The camera is under the level, or the region lies above the horizon.
    """
    assert thing.liquid is not None
    spec, camera = thing.liquid, layers.photo_camera
    level = 0.0 if spec.level is None else spec.level
    above = float(camera.position[1]) - level
    if above <= 0.01:
        raise ValueError(
            f"{thing.name}.liquid.level is {level:g} m, expected it under the camera at {camera.position[1]:.3g} "
            f"m. Look at hints.camera.height."
        )
    shore = _on_water(largest_part(mask), layers, level, REACH * above)
    if len(shore) < 3:
        raise ValueError(
            f"{thing.name} lies above the horizon, where no level water is seen. Look at hints.camera.horizon or pitch."
        )
    low, high = shore.min(axis=0), shore.max(axis=0)
    middle = 0.5 * (low + high)
    lake = Lake(
        outline=shore - middle, depth=spec.depth or DEPTH, cells=spec.cells, current=spec.stream, fetch=spec.fetch,
        open=("-x", "+x", "-z", "+z"),
    )  # fmt: skip
    scene.add(
        lake, Liquid(spec.material), name=thing.name, position=(float(middle[0]), level, float(middle[1])),
        colour=thing.colour,
    )  # fmt: skip
    number = scene.number_of(thing.name)
    _dig(scene, thing.name, camera)
    layers.lay_plane(mask, plane_depth(layers.camera, level, far=FAR), number)
    size = " x ".join(f"{s:.3g}" for s in lake.size)
    return f"level y = {level:g} m, {size} m computed in cells of {lake.cell:.3g} m"


def focus_lakes(scene: Scene) -> None:
    """Where things may fall in or float, a lake is computed around them, in cells that show their waves.

    Its wind waves are seen everywhere; what is computed fades at the open sides of the smaller rectangle.
    """
    for entity in scene.lakes:
        lake, centre = entity.shape, np.array(entity.position)
        assert isinstance(lake, Lake) and lake.outline is not None
        shore = lake.outline + centre[[0, 2]]
        balls = [(np.array(b.position)[[0, 2]], b.shape.bounding_radius) for b in scene.bodies]  # type: ignore[union-attr]
        reach = [AROUND * r for at, r in balls if inside(shore, at[0], at[1])]
        if not reach:
            continue
        places = np.array([at for at, _ in balls if inside(shore, at[0], at[1])])
        part = clipped(shore, places.min(axis=0) - max(reach), places.max(axis=0) + max(reach))
        if len(part) < 3:
            continue
        middle = 0.5 * (part.min(axis=0) + part.max(axis=0))
        small = replace(lake, outline=part - middle, fetch=lake.fetch or max(lake.size))
        if small.cell < lake.cell:
            place = (float(middle[0]), entity.position[1], float(middle[1]))
            scene.entities[entity.name] = replace(entity, shape=small, position=place)


def clipped(polygon: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The part (N, 2) of a polygon in a rectangle (Sutherland, Hodgman 1974)."""
    for axis, bound, sign in ((0, low[0], 1), (0, high[0], -1), (1, low[1], 1), (1, high[1], -1)):
        kept: list[np.ndarray] = []
        for a, b in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            da, db = sign * (a[axis] - bound), sign * (b[axis] - bound)
            if da >= 0:
                kept.append(a)
            if da * db < 0:
                kept.append(a + da / (da - db) * (b - a))
        polygon = np.array(kept).reshape(-1, 2)
    return polygon


def _dig(scene: Scene, name: str, camera: Camera) -> None:
    """Open the ground under a lake, so that things can sink: a height field with the lake's bed stands in for it.

    It falls away from the shores that ``camera`` sees; where the picture ends, the water goes on.
    """
    entity = scene[name]
    lake, (x, level, z) = entity.shape, entity.position
    assert isinstance(lake, Lake)
    bottom = level - lake.depth
    ground = next((e for e in scene.statics if isinstance(e.shape, Plane) and e.shape.offset == 0.0), None)
    if ground is None or bottom >= 0:
        return
    scene.entities[ground.name] = replace(ground, shape=Plane(ground.shape.normal, bottom))  # type: ignore[union-attr]
    cell = max(lake.size) / BANK_CELLS
    rows, columns = (int(np.ceil(1.5 * s / cell / 2)) * 2 + 1 for s in (lake.size[1], lake.size[0]))
    low = (x - columns // 2 * cell, z - rows // 2 * cell)
    at_x, at_z = np.meshgrid(low[0] + np.arange(columns) * cell, low[1] + np.arange(rows) * cell)
    assert lake.outline is not None
    wet = inside(lake.outline, at_x - x, at_z - z)
    pixels, ahead = camera.project(np.stack([at_x, np.full_like(at_x, level), at_z], axis=-1))
    seen = (ahead > 0) & (pixels > 2).all(axis=-1) & (pixels < np.array(camera.size[::-1]) - 2).all(axis=-1)
    shore = seen & ~wet
    # A place on dry land has only corners of its own cell about it: all of them stay at the ground's height.
    way = distance_transform_edt(~shore) * cell if shore.any() else np.full(wet.shape, np.inf)
    fall = np.minimum(BANK_SLOPE * np.maximum(way - 1.5 * cell, 0), -bottom)
    heights = np.where(wet, -fall, 0.0)
    scene.add(HeightField(heights, low, cell), ground.material, name=f"{name}.bank")


def _on_water(mask: np.ndarray, layers: Layers, level: float, reach: float) -> np.ndarray:
    """World (x, z) of the region's rim on the plane (N, 2), what is too far drawn near."""
    camera = layers.photo_camera
    rim = outline(mask, tolerance=1.0) if binary_erosion(mask).any() else np.zeros((0, 2))
    points = on_plane(camera, rim, level)
    directions = camera.unproject(rim, 1.0) - camera.position
    flat = directions[:, [0, 2]] / np.linalg.norm(directions[:, [0, 2]], axis=-1, keepdims=True)
    foot = camera.position[[0, 2]]
    away = np.linalg.norm(points[:, [0, 2]] - foot, axis=-1)
    if not (away < reach).any():
        return np.zeros((0, 2))
    far = ~(away < reach)  # beyond, or above the horizon
    return np.where(far[:, None], foot + reach * flat, np.nan_to_num(points[:, [0, 2]]))
