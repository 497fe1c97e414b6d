import numpy as np
import pytest
import warp as wp
from physim_kernels import free_surface, particles

SHAPE = (7, 9, 8)
ROUNDING = 2e-5
"""Sums of thousands of float32 numbers of order one, relative."""


def floats(values):
    return wp.array(np.ascontiguousarray(values, dtype=np.float32), dtype=float, device="cpu")


def cloud(count, rng, margin=1.0):
    x = rng.uniform(margin, np.array(SHAPE) - margin, (count, 3))
    return x, rng.normal(size=(count, 3)), 0.3 * rng.normal(size=(count, 3, 3))


def face_shape(axis):
    return tuple(n + (a == axis) for a, n in enumerate(SHAPE))


def scatter(x, v, c):
    """Sums and weights on all faces by the plain kernel."""
    count = wp.array([len(x)], dtype=int, device="cpu")
    arrays = [wp.array(x, dtype=wp.vec3), wp.array(v, dtype=wp.vec3), wp.array(c, dtype=wp.mat33), count]
    out = [wp.zeros(face_shape(axis), dtype=float, device="cpu") for axis in range(3) for _ in range(2)]
    wp.launch(particles.to_faces_kernel, dim=len(x), inputs=arrays, outputs=out, device="cpu")
    return [(out[2 * a].numpy(), out[2 * a + 1].numpy()) for a in range(3)], arrays


def test_the_native_loop_adds_what_the_plain_kernel_adds():
    x, v, c = cloud(400, np.random.default_rng(0), margin=0.01)  # some of them at the walls
    plain, arrays = scatter(x, v, c)
    for axis in range(3):
        out = [wp.zeros(face_shape(axis), dtype=float, device="cpu") for _ in range(2)]
        wp.launch(particles.to_faces_serial_kernel, dim=1, inputs=[*arrays, axis], outputs=out, device="cpu")
        for got, expected in zip(out, plain[axis], strict=True):
            np.testing.assert_allclose(got.numpy(), expected, atol=3e-5)


def test_momentum_and_angular_momentum_reach_the_grid():
    """APIC keeps both: sum m v, and sum x × m v plus the spin that C stands for."""
    x, v, c = cloud(500, np.random.default_rng(1))
    sums, _ = scatter(x, v, c)
    angular = np.zeros(3)
    for axis, (momentum, _) in enumerate(sums):
        assert momentum.sum() == pytest.approx(v[:, axis].sum(), abs=ROUNDING * np.abs(v).sum())
        shift = np.full(3, 0.5)
        shift[axis] = 0.0
        arm = np.stack(np.meshgrid(*(np.arange(n) for n in momentum.shape), indexing="ij"), -1) + shift
        angular += np.cross(arm, np.eye(3)[axis] * momentum[..., None]).sum((0, 1, 2))
    expected = np.cross(x, v).sum(0)
    for p in range(len(x)):  # spread of the tent around its particle: t (1 - t) along each axis
        for axis in range(3):
            shift = np.full(3, 0.5)
            shift[axis] = 0.0
            t = (x[p] - shift) % 1.0
            slope = c[p, axis] * t * (1 - t)
            expected += np.cross(slope, np.eye(3)[axis])
    np.testing.assert_allclose(angular, expected, atol=ROUNDING * np.abs(x).sum())


def test_a_linear_field_survives_the_way_to_the_faces_and_back():
    rng = np.random.default_rng(2)
    x, _, _ = cloud(3000, rng)
    slope, offset = rng.normal(size=(3, 3)), rng.normal(size=3)
    sums, arrays = scatter(x, x @ slope.T + offset, np.broadcast_to(slope, (len(x), 3, 3)))
    faces = [floats(np.divide(m, w, where=w > 1e-6, out=np.zeros_like(m))) for m, w in sums]
    out = [wp.clone(arrays[0]), wp.zeros_like(arrays[1]), wp.zeros_like(arrays[2])]
    far = floats(np.full(SHAPE, 9.0))
    walls = [floats(np.zeros(face_shape(axis))) for axis in range(3)]
    wp.launch(particles.move_kernel, len(x), [*faces, *walls, far, 0.0, 1.0, arrays[3]], out, device="cpu")
    inner = ((x > 2.0) & (x < np.array(SHAPE) - 2.0)).all(1)  # all their faces are reached from both sides
    np.testing.assert_allclose(out[1].numpy()[inner], (x @ slope.T + offset)[inner], atol=2e-4)
    np.testing.assert_allclose(out[2].numpy()[inner], np.broadcast_to(slope, (inner.sum(), 3, 3)), atol=5e-4)


@pytest.mark.parametrize("level", [3.5, 3.8, 4.0, 4.2, 4.45])
def test_the_volume_fraction_gives_back_the_distance_of_a_flat_surface(level):
    """A dense flat layer seen through the tent kernel, then inverted; exact up to the particles' spacing."""
    n = 16
    axes = [(np.arange(4 * n) + 0.5) / n + 1.5, (np.arange(round(level * n * 4)) + 0.5) / (4 * n)]
    x = np.stack(np.meshgrid(axes[0], axes[1], axes[0], indexing="ij"), -1).reshape(-1, 3)
    alpha, phi = (wp.zeros(SHAPE, dtype=float, device="cpu") for _ in range(2))
    count = wp.array([len(x)], dtype=int, device="cpu")
    inputs = [wp.array(x, dtype=wp.vec3), count, 1 / (4 * n**3)]
    wp.launch(particles.volume_serial_kernel, 1, inputs, [alpha], device="cpu")
    room, whole = wp.zeros_like(alpha), floats(np.ones(SHAPE))
    wp.launch(free_surface.room_kernel, SHAPE, [whole], [room], device="cpu")
    np.testing.assert_allclose(room.numpy(), 1.0, rtol=1e-6)
    wp.launch(free_surface.distance_kernel, SHAPE, [alpha, whole, room], [phi], device="cpu")
    for j in (3, 4):
        expected = j + 0.5 - level
        if abs(expected) < 0.95:
            assert phi.numpy()[3, j, 3] == pytest.approx(expected, abs=0.02)
