"""The error that matters, from the recorded states alone: the same arithmetic for every engine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from benchmarks.solids_scenes import FPS, ClothScene, Result, SolidScene
from physim.shapes import Hull

G = 9.81


def judge(scene: SolidScene | ClothScene, result: Result) -> dict[str, float]:
    """Name with unit → value; the first one is the error that ranks the engines."""
    assert result.position is not None
    if not np.isfinite(result.position).all():
        return {"finite": 0.0}
    if isinstance(scene, ClothScene):
        return _cloth(scene, result)
    judges: dict[str, Callable[[SolidScene, Result], dict[str, float]]] = {
        "stack": _stack,
        "terrain": _terrain,
        "pour": _pour,
    }
    return judges[scene.name](scene, result)


def _speed(result: Result, frames: int) -> float:
    """Fastest body over the last frames [m/s]; the last frame itself alone would miss a jitter."""
    assert result.velocity is not None
    return float(np.linalg.norm(result.velocity[-frames:], axis=-1).max())


def _stack(scene: SolidScene, result: Result) -> dict[str, float]:
    assert result.position is not None
    top = result.position[-1, -1]
    ideal = scene.things[-1].position
    return {
        "compression [mm]": 1e3 * float(ideal[1] - top[1]),
        "residual speed [m/s]": _speed(result, FPS),
        "sideways drift [mm]": 1e3 * float(np.hypot(top[0], top[2])),
    }


def _terrain(scene: SolidScene, result: Result) -> dict[str, float]:
    """Depth of hull corners below the field, and of field corners below the hulls' faces, over the second half."""
    assert scene.terrain is not None and result.position is not None and result.orientation is not None
    field = scene.terrain
    rows, columns = field.heights.shape
    x, z = field.origin[0] + field.cell * np.arange(columns), field.origin[1] + field.cell * np.arange(rows)
    ground = np.stack(np.broadcast_arrays(x[None, :], field.heights, z[:, None]), -1).reshape(-1, 3).astype(float)
    tree = cKDTree(ground)
    deepest = []
    half = len(result.position) // 2
    for k, thing in enumerate(scene.things):
        hull = Hull(thing.size)
        corners = hull.triangles.vertices
        a, b, c = (corners[hull.triangles.faces[:, i]] for i in range(3))
        normal = np.cross(b - a, c - a)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        offset = np.einsum("ij,ij->i", normal, a)
        for t in range(half, len(result.position), 6):
            turn = Rotation.from_quat(result.orientation[t, k])
            world = turn.apply(corners) + result.position[t, k]
            h = field.height_at(world[:, 0], world[:, 2])
            slope = (
                field.height_at(world[:, 0] + 0.01, world[:, 2]) - h,
                field.height_at(world[:, 0], world[:, 2] + 0.01) - h,
            )
            steep = np.sqrt(1 + (slope[0] ** 2 + slope[1] ** 2) / 1e-4)
            depth = float(((h - world[:, 1]) / steep).max())
            near = tree.query_ball_point(result.position[t, k], hull.bounding_radius)
            if near:
                own = turn.inv().apply(ground[near] - result.position[t, k])
                depth = max(depth, float((offset - own @ normal.T).min(1).max()))
            deepest.append(depth)
    values = np.maximum(deepest, 0)
    return {
        "penetration, worst [mm]": 1e3 * float(values.max()),
        "penetration, median [mm]": 1e3 * float(np.median(values)),
        "residual speed [m/s]": _speed(result, FPS // 2),
    }


def _pour(scene: SolidScene, result: Result) -> dict[str, float]:
    """Overlap of spheres with each other, the ground and the walls, over all frames; energy of the whole."""
    assert result.position is not None and result.velocity is not None and result.angular_velocity is not None
    radius = float(scene.things[0].size[0])
    worst = []
    for x in result.position:
        pairs = cKDTree(x).query_pairs(2 * radius, output_type="ndarray")
        gap = np.linalg.norm(x[pairs[:, 0]] - x[pairs[:, 1]], axis=1) - 2 * radius
        depth = [float(-gap.min()) if len(gap) else 0.0, float((radius - x[:, 1]).max())]
        for centre, size in scene.walls:
            out = np.abs(x - centre) - size / 2
            outside = np.linalg.norm(np.maximum(out, 0), axis=1) + np.minimum(out.max(1), 0)
            depth.append(float((radius - outside).max()))
        worst.append(max(depth))
    mass = scene.things[0].mass
    inertia = 0.4 * mass * radius**2
    kinetic = 0.5 * mass * (result.velocity**2).sum((1, 2)) + 0.5 * inertia * (result.angular_velocity**2).sum((1, 2))
    total = kinetic + mass * G * result.position[..., 1].sum(1)
    rise = total - np.minimum.accumulate(total)
    inside = np.abs(result.position[-1][:, [0, 2]]).max(1) < scene.walls[0][1].max() / 2
    return {
        "deepest overlap [mm]": 1e3 * max(worst),
        "overlap at the end [mm]": 1e3 * max(worst[-FPS // 2 :]),
        "energy rise [J]": float(rise.max()),
        "energy rise [% of the fall's]": 100 * float(rise.max()) / float(total[0] - total[-1]),
        "residual speed [m/s]": _speed(result, FPS // 2),
        "spheres outside [-]": float((~inside).sum()),
    }


def _cloth(scene: ClothScene, result: Result) -> dict[str, float]:
    """Depth of vertices, edge middles and face centres in the ball; stretch of the threads along the grid."""
    assert result.position is not None
    rest, faces = scene.sheet.rest, scene.sheet.faces
    edges = np.unique(np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1), axis=0)
    along = np.abs(rest[edges[:, 0]] - rest[edges[:, 1]])
    threads = edges[along.min(1) < 1e-9]
    length = np.linalg.norm(rest[threads[:, 0]] - rest[threads[:, 1]], axis=1)
    depth, stretch = [], []
    for x in result.position[1:].astype(np.float64):
        points = np.concatenate([x, x[faces].mean(1), x[edges].mean(1)])
        depth.append(scene.radius - np.linalg.norm(points - scene.centre, axis=1).min())
        strain = np.linalg.norm(x[threads[:, 0]] - x[threads[:, 1]], axis=1) / length - 1
        stretch.append((strain.max(), np.quantile(strain, 0.99)))
    low = result.position[-1]
    return {
        "penetration, worst [mm]": 1e3 * max(0.0, float(np.max(depth))),
        "largest stretch [%]": 100 * float(np.max(stretch, axis=0)[0]),
        "stretch at the end, 99 % below [%]": 100 * float(np.mean(stretch[-FPS // 4 :], axis=0)[1]),
        "lowest point at the end [m]": float(low[:, 1].min()),
    }
