"""A cup on a saucer, both turned about one axis, and how deep a box really is in them, from the outline alone."""

import numpy as np
from scipy.spatial import cKDTree

from physim.materials import Rigid, Static
from physim.scene import Scene
from physim.shapes import Box, Mesh, Plane
from physim.terrain import rotation_matrix

SIDE = 0.016
SAUCER = np.array(
    [[0, 0], [0.030, 0], [0.034, 0], [0.036, 0.004], [0.056, 0.0130], [0.0625, 0.0172], [0.0625, 0.018],
     [0.0610, 0.0178], [0.0560, 0.0150], [0.0470, 0.0122], [0.0450, 0.012], [0, 0.012]]
)  # fmt: skip
CUP = np.array([0, 0.012]) + np.array(
    [[0, 0], [0.0205, 0], [0.0225, 0], [0.0250, 0.003], [0.0285, 0.016], [0.0315, 0.036], [0.0326, 0.054],
     [0.0324, 0.057], [0.0310, 0.058], [0.0292, 0.057], [0.0286, 0.052], [0.0265, 0.042], [0.0240, 0.034], [0, 0.034]]
)  # fmt: skip
RIM = float(CUP[:, 1].max())
AIMS = ("saucer", "rim", "cavity", "wall", "edge")


def cup_scene(aim: str, rng: np.random.Generator) -> Scene:
    """A sugar cube let go 5 to 15 cm above a part of the saucer or the cup, or thrown against the cup's wall."""
    scene = Scene()
    scene.add(Plane(), Static("wood"))
    scene.add(Mesh.revolved(SAUCER), Static("porcelain"), name="saucer")
    scene.add(Mesh.revolved(CUP), Static("porcelain"), name="cup")
    heading = rng.uniform(0, 2 * np.pi)
    out = np.array([np.cos(heading), 0.0, np.sin(heading)])
    radius = {"saucer": (0.048, 0.06), "rim": (0.026, 0.036), "cavity": (0, 0.022), "wall": (0.06, 0.06)}
    position = out * rng.uniform(*radius.get(aim, (0.055, 0.068)))
    position[1] = rng.uniform(0.05, 0.15) + (RIM if aim in ("rim", "cavity") else 0.0)
    velocity = np.array([0.1, 0.3, 0.1]) * rng.normal(size=3)
    if aim == "wall":
        velocity = rng.uniform(0.3, 1.2) * -out + [0, rng.uniform(-0.2, 0.6), 0]
        position[1] = rng.uniform(0.05, 0.1)
    q = rng.normal(size=4)
    scene.add(
        # two corners alone hold no cube against turning about their line: sugar touches over half a millimetre
        Box((SIDE, SIDE, SIDE)), Rigid("sugar", spinning_resistance=5e-4), name="cube",
        position=tuple(position), velocity=tuple(velocity),
        orientation=tuple(q / np.linalg.norm(q)), angular_velocity=tuple(rng.normal(size=3) * rng.choice([0, 10, 40])),
    )  # fmt: skip
    return scene


def _inside(outline: np.ndarray, points: np.ndarray) -> np.ndarray:
    """How deep points (N, 2) of (radius, y) lie within the outline, which the axis closes; 0 outside."""
    a, b = outline[:-1], outline[1:]
    along = b - a
    u = np.clip(((points[:, None] - a) * along).sum(-1) / (along**2).sum(-1), 0, 1)
    distance = np.linalg.norm(points[:, None] - a - u[..., None] * along, axis=-1).min(1)
    r, y = points[:, :1], points[:, 1:]
    spans = (a[:, 1] > y) != (b[:, 1] > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = a[:, 0] + (y - a[:, 1]) / along[:, 1] * along[:, 0]
    return np.where((spans & (crossing > r)).sum(1) % 2 == 1, distance, 0.0)


def true_depth(position: np.ndarray, orientation: np.ndarray) -> np.ndarray:
    """Depth [m] (T,) of the cube in saucer, cup and ground: points along its edges in the solids of revolution, and
    points on the circles that the outlines' corners describe in the cube. Blind to 20 um: the meshes are 96-sided.
    """
    corners = np.array(np.meshgrid(*[[-1, 1]] * 3)).reshape(3, -1).T * SIDE / 2
    ends = [(p, q) for i, p in enumerate(corners) for q in corners[:i] if np.abs(p - q).sum() < 1.01 * SIDE]
    edges = np.concatenate([p + np.linspace(0, 1, 33)[:, None] * (q - p) for p, q in ends])
    turn = rotation_matrix(orientation)
    surface = np.einsum("tij,kj->tki", turn, edges) + position[:, None]
    depth = np.maximum(0, -surface[..., 1].min(1))
    profile = np.stack([np.hypot(surface[..., 0], surface[..., 2]), surface[..., 1]], -1).reshape(-1, 2)
    near = profile[:, 0] < 0.07
    for outline in (SAUCER, CUP):
        into = np.zeros(len(profile))
        into[near] = _inside(outline, profile[near])
        depth = np.maximum(depth, into.reshape(len(position), -1).max(1))
    angle = np.linspace(0, 2 * np.pi, 1440, endpoint=False)
    rings = np.concatenate([SAUCER[1:-1], CUP[1:-1]])
    points = np.stack([rings[:, :1] * np.cos(angle), rings[:, 1:] + 0 * angle, rings[:, :1] * np.sin(angle)], -1)
    points = points.reshape(-1, 3)
    for t, found in enumerate(cKDTree(points).query_ball_point(position, 0.87 * SIDE)):
        if found:
            local = (points[found] - position[t]) @ turn[t]
            depth[t] = max(depth[t], SIDE / 2 - np.abs(local).max(1).min())
    return depth
