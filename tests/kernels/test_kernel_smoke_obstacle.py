import numpy as np
import pytest
import warp as wp
from physim_kernels import obstacle

from physim.shapes import Box, Capsule, Cylinder, Hull, Sphere
from physim.terrain import face_planes, rotation_matrix, shape_distance

SHAPE, CELL, ORIGIN = (20, 18, 22), 0.1, (-1.0, -0.9, -1.1)
POSITION, TURN = np.array([0.05, -0.02, 0.1]), np.array([0.2, -0.3, 0.5, 0.78])
VELOCITY, SPIN = np.array([0.3, -0.4, 0.2]), np.array([1.0, 2.0, -0.5])
WEDGE = np.array([[-0.5, -0.3, -0.5], [0.5, -0.3, -0.5], [0, -0.3, 0.5], [0, 0.6, 0]])

CASES = [
    (Sphere(0.6), obstacle.SPHERE, (0.6, 0, 0)),
    (Box((0.8, 0.6, 1.0)), obstacle.BOX, (0.4, 0.3, 0.5)),
    (Capsule(0.3, 0.6), obstacle.CAPSULE, (0.3, 0.3, 0)),
    (Cylinder(0.4, 0.9), obstacle.CYLINDER, (0.4, 0.45, 0)),
    (Hull(WEDGE), obstacle.HULL, (0, 0, 0)),
]


def device_array(values, dtype):
    return wp.array(np.asarray(values), dtype=dtype, device="cpu")


def areas(shape, kind, size, axis, chunk):
    turn = TURN / np.linalg.norm(TURN)
    planes = np.column_stack(face_planes(shape)) if isinstance(shape, Hull) else np.zeros((1, 4))
    faces = tuple(n + (a == axis) for a, n in enumerate(SHAPE))
    tables = [
        device_array([int(kind)], int), device_array([size], wp.vec3), device_array([shape.bounding_radius], float),
        device_array([0, len(planes)], int), device_array(planes, wp.vec4), device_array([[POSITION]], wp.vec3),
        device_array([[turn]], wp.quat), device_array([[VELOCITY]], wp.vec3), device_array([[SPIN]], wp.vec3),
    ]  # fmt: skip
    static = wp.array(np.ones(faces, np.float32), dtype=float, device="cpu")
    out = [wp.zeros(faces, dtype=float, device="cpu") for _ in range(2)]
    dim = (*faces[:2], -(-faces[2] // chunk))
    still = wp.zeros(faces, dtype=float, device="cpu")
    inputs = [static, still, axis, wp.vec3(*ORIGIN), CELL, *tables, 0, 0.05, 0, chunk]
    wp.launch(obstacle.face_area_kernel, dim=dim, inputs=inputs, outputs=out, device="cpu")
    centres = [ORIGIN[a] + (np.arange(n) + (0.0 if a == axis else 0.5)) * CELL for a, n in enumerate(faces)]
    arm = np.stack(np.meshgrid(*centres, indexing="ij"), -1) - POSITION
    return [a.numpy() for a in out], arm, shape_distance(shape, arm @ rotation_matrix(turn))


@pytest.mark.parametrize("case", CASES, ids=lambda c: type(c[0]).__name__)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_faces_close_where_the_body_is_and_move_with_it(case, axis):
    shape, kind, size = case
    (area, solid), arm, distance = areas(shape, kind, size, axis, chunk=64)
    expected = np.clip(2 * distance / CELL, 0, 1)
    expected[expected < 0.05] = 0
    np.testing.assert_allclose(area, expected, atol=1e-4)
    closed = area == 0
    assert closed.sum() > 100
    np.testing.assert_allclose(solid[closed], (VELOCITY + np.cross(SPIN, arm))[closed][:, axis], atol=1e-5)
    assert np.all(solid[area == 1] == 0)


def test_single_cells_and_whole_rows_give_the_same():
    shape, kind, size = CASES[1]
    whole, cells = (areas(shape, kind, size, 2, chunk)[0] for chunk in (64, 1))
    for a, b in zip(whole, cells, strict=True):
        np.testing.assert_array_equal(a, b)
