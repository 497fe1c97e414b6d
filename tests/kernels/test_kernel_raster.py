import numpy as np
import pytest
import warp as wp
from physim_kernels import raster as kernels

LENS = (50.0, 50.0, 20.0, 15.0)
SHAPE = (30, 40)


@pytest.fixture
def device():
    return wp.get_device("cpu")


def draw(corners, device, *, lens=LENS, shape=SHAPE, near=0.01):
    """Nearest triangle (-1 for none) and depth of each pixel; corners (M, 3, 3) in the camera frame."""
    corners = np.asarray(corners, dtype=np.float64)
    count = len(corners)
    mesh = kernels.Mesh()
    mesh.corner = wp.array(corners.reshape(-1, 3), dtype=wp.vec3d, device=device)
    mesh.normal = wp.zeros(count * 3, dtype=wp.vec3, device=device)
    mesh.slot = wp.zeros(count, dtype=wp.int32, device=device)
    window = kernels.Window()
    window.u, window.v, window.rows, window.cols = 0, 0, *shape
    key = wp.empty(shape[0] * shape[1], dtype=wp.uint64, device=device)
    identity = wp.array(np.eye(4)[None], dtype=wp.mat44d, device=device)
    point = wp.empty(count * 3, dtype=wp.vec3d, device=device)
    kernels.raster(mesh, identity, lens=wp.vec4d(*lens), window=window, near=near, point=point, key=key)
    packed = key.numpy().reshape(shape)
    none = packed == np.uint64(kernels.NOTHING)
    depth = (packed >> np.uint64(32)).astype(np.uint32).view(np.float32)
    return np.where(none, -1, (packed & np.uint64(0xFFFFFFFF)).astype(np.int64)), np.where(none, np.inf, depth)


def rays(shape=SHAPE, lens=LENS):
    v, u = np.mgrid[: shape[0], : shape[1]] + 0.5
    return np.stack([(u - lens[2]) / lens[0], (v - lens[3]) / lens[1], np.ones(shape)], axis=-1)


def reference(corners):
    """Möller-Trumbore against every triangle, front faces only, in float64."""
    best, depth = np.full(SHAPE, -1), np.full(SHAPE, np.inf)
    direction = rays()
    for k, (a, b, c) in enumerate(np.asarray(corners, dtype=np.float64)):
        normal = np.cross(b - a, c - a)
        slope = direction @ normal
        z = (a @ normal) / np.where(slope == 0, 1e-300, slope)
        p = direction * z[..., None]
        inside = np.ones(SHAPE, bool)
        for s, e in ((a, b), (b, c), (c, a)):
            inside &= np.cross(e - s, p - s) @ normal >= 0
        hit = inside & (z > 0.01) & (slope < 0) & (z < depth)
        best[hit], depth[hit] = k, z[hit]
    return best, depth


def test_random_triangles_equal_ray_intersection(device):
    rng = np.random.default_rng(0)
    corners = rng.uniform((-1, -0.8, 1), (1, 0.8, 3), (40, 3, 3))
    triangle, depth = draw(corners, device)
    expected, expected_depth = reference(corners)
    assert (triangle >= 0).mean() > 0.5
    np.testing.assert_array_equal(triangle, expected)
    hit = expected >= 0
    np.testing.assert_allclose(depth[hit], expected_depth[hit], rtol=1e-6)


def test_triangles_that_pass_behind_the_camera_equal_ray_intersection(device):
    rng = np.random.default_rng(1)
    corners = rng.uniform((-1, -1, -2), (1, 1, 3), (30, 3, 3))
    triangle, depth = draw(corners, device)
    expected, expected_depth = reference(corners)
    np.testing.assert_array_equal(triangle, expected)
    hit = expected >= 0
    np.testing.assert_allclose(depth[hit], expected_depth[hit], rtol=1e-6)


def test_two_triangles_that_share_an_edge_leave_no_gap(device):
    # The diagonal of the square runs through pixel centres.
    quad = np.array([(-0.3, -0.3, 1.0), (0.3, -0.3, 1.0), (0.3, 0.3, 1.0), (-0.3, 0.3, 1.0)])
    triangle, _ = draw([quad[[0, 3, 2]], quad[[0, 2, 1]]], device)
    inside = (np.abs(rays()[..., :2]) < 0.3).all(axis=-1)
    np.testing.assert_array_equal(triangle >= 0, inside)


def test_faces_that_look_away_are_not_drawn(device):
    front = np.array([(-0.3, -0.3, 1.0), (0.0, 0.3, 1.0), (0.3, -0.3, 1.0)])
    assert (draw([front], device)[0] >= 0).any()
    assert (draw([front[::-1]], device)[0] < 0).all()


def test_order_of_triangles_does_not_matter(device):
    corners = np.random.default_rng(2).uniform((-1, -0.8, 1), (1, 0.8, 3), (40, 3, 3))
    _, depth = draw(corners, device)
    _, other = draw(corners[::-1], device)
    np.testing.assert_array_equal(depth, other)
