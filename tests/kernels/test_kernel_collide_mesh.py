"""Contact with a mesh against shortest distances and the Minkowski difference, where the mesh happens to be convex."""

import numpy as np
import pytest
from physim_kernels.rigid_data import MESH_PAIRS, POINT
from scipy.spatial import ConvexHull
from test_kernel_collide import core, distance, quaternions, search

from physim.compound import Shape
from physim.materials import Rigid, Static
from physim.scene import Scene
from physim.shapes import Box, Capsule, Cylinder, Hull, Mesh, Sphere
from physim.solver_rigid import RigidSolver
from physim.terrain import rotation_matrix

MARGIN = 0.03
ROCK = Hull(np.random.default_rng(5).normal(size=(30, 3)) * 0.08)


def meet(shape: Shape, position, q_mesh, q_shape) -> tuple[float, float, float]:
    """Least separation among the contacts found; distance of the cores, negative inside; radius around the core."""
    scene = Scene(gravity=(0, 0, 0))
    scene.add(Mesh(ROCK.triangles), Static(), name="rock", orientation=tuple(q_mesh))
    scene.add(shape, Rigid(), name="thing", position=tuple(position), orientation=tuple(q_shape))
    solver = RigidSolver(scene, fps=60, device="cpu")
    search(solver, interval=1.0, gravity=2 * MARGIN, on_surface=True)
    turn = rotation_matrix(solver._bodies.q.numpy()).astype(np.float64)
    x, c = solver._bodies.x.numpy(), solver._contacts.spot.numpy()
    least = np.inf
    for side, count in enumerate(solver._pairs.count.numpy()[:MESH_PAIRS]):
        for k in range(side, side + count * solver._contacts.slots, solver._contacts.slots):
            off = turn[0] @ c["point_b"][k] + x[0] - turn[1] @ c["point_a"][k] - x[1]
            way = np.linalg.norm(off) if c["kind"][k] == POINT else off @ (turn[1] @ c["normal_a"][k])
            least = min(least, way - c["radius_b"][k])
    rock = solver._static[0].colliders[0].mesh.vertices @ turn[1].T + x[1]
    body, radius = core(solver, 0)
    apart = distance(rock, body)
    if apart < 1e-6 and len(body) > 3:
        apart = ConvexHull((body[None] - rock[:, None]).reshape(-1, 3)).equations[:, 3].max()
    return least, apart, radius


@pytest.mark.parametrize(
    "shape", [Box((0.2, 0.1, 0.3)), Cylinder(0.06, 0.1), Hull(ROCK.points * 0.7), Sphere(0.04), Capsule(0.03, 0.2)]
)
def test_nearest_contact_is_at_the_shortest_distance_and_in_shallow_overlap_at_its_depth(shape):
    q = quaternions(1, 160)
    apart = sunk = 0
    for k in range(80):
        direction = quaternions(100 + k, 1)[0, :3]
        position = direction / np.linalg.norm(direction) * np.random.default_rng(k).uniform(0.1, 0.3)
        found, cores, radius = meet(shape, position, q[2 * k], q[2 * k + 1])
        exact = cores - radius
        if cores > 1e-3 and exact < MARGIN - 1e-3:
            # a corner up to a thousandth of the size beside a face is taken as on it
            assert found == pytest.approx(exact, abs=5e-5)
            apart += 1
        elif cores > MARGIN + radius + 0.02:
            assert found == np.inf
        elif radius == 0 and -8e-3 < cores < -1e-5:
            # the depth is that of the mesh's nearest feature, which may lie up to 10 % less deep in a blunt corner
            assert 1.1 * exact < found < 0.8 * exact
            sunk += 1
    assert apart > 4 and (sunk > 0 or radius > 0)
