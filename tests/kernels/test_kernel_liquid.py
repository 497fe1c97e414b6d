import numpy as np
import pytest
import warp as wp
from physim_kernels import free_surface, particle_move, particles, surface_pressure

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


def scatter(x, v, c, kernel=particles.to_grid_kernel):
    """Sums and weights on all faces, particle volume, and the arrays of the particles."""
    count = wp.array([len(x)], dtype=int, device="cpu")
    arrays = [wp.array(x, dtype=wp.vec3), wp.array(v, dtype=wp.vec3), wp.array(c, dtype=wp.mat33), count]
    out = [wp.zeros((*face_shape(axis), 2), dtype=float, device="cpu") for axis in range(3)]
    alpha = wp.zeros(SHAPE, dtype=float, device="cpu")
    dim = 1 if kernel is particles.to_grid_serial_kernel else len(x)
    wp.launch(kernel, dim=dim, inputs=[*arrays, 0.125], outputs=[*out, alpha], device="cpu")
    return [(a.numpy()[..., 0], a.numpy()[..., 1]) for a in out], alpha.numpy(), arrays


def test_the_native_loop_adds_what_the_plain_kernel_adds():
    x, v, c = cloud(400, np.random.default_rng(0), margin=0.01)  # some of them at the walls
    plain, alpha, arrays = scatter(x, v, c)
    native, native_alpha, _ = scatter(x, v, c, particles.to_grid_serial_kernel)
    for got, expected in zip(native, plain, strict=True):
        np.testing.assert_allclose(got, expected, atol=3e-5)
    np.testing.assert_allclose(native_alpha, alpha, atol=1e-6)
    assert alpha.sum() == pytest.approx(0.125 * len(x), rel=1e-5)
    alone = wp.zeros(SHAPE, dtype=float, device="cpu")
    wp.launch(particles.volume_serial_kernel, 1, [arrays[0], arrays[3], 0.125], [alone], device="cpu")
    np.testing.assert_allclose(alone.numpy(), alpha, atol=1e-6)


def test_momentum_and_angular_momentum_reach_the_grid():
    """APIC keeps both: sum m v, and sum x × m v plus the spin that C stands for."""
    x, v, c = cloud(500, np.random.default_rng(1))
    sums, _, _ = scatter(x, v, c)
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
    sums, _, arrays = scatter(x, x @ slope.T + offset, np.broadcast_to(slope, (len(x), 3, 3)))
    faces = [floats(np.divide(m, w, where=w > 1e-6, out=np.zeros_like(m))) for m, w in sums]
    out = [wp.clone(arrays[0]), wp.zeros_like(arrays[1]), wp.zeros_like(arrays[2])]
    far = floats(np.full(SHAPE, 9.0))
    walls = [floats(np.zeros(face_shape(axis))) for axis in range(3)]
    wp.launch(particle_move.move_kernel, len(x), [*faces, *walls, far, 0.0, 0.0, 1.0, arrays[3]], out, device="cpu")
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
    everywhere = wp.full(SHAPE[:2], wp.vec2i(0, SHAPE[2]), dtype=wp.vec2i, device="cpu")
    inputs = [alpha, whole, room, everywhere, SHAPE[2]]
    wp.launch(free_surface.distance_kernel, (*SHAPE[:2], 1), inputs, [phi], device="cpu")
    for j in (3, 4):
        expected = j + 0.5 - level
        if abs(expected) < 0.95:
            assert phi.numpy()[3, j, 3] == pytest.approx(expected, abs=0.02)


def test_one_thread_moves_particles_as_many_do():
    """Walls, an open side and a solid in the way; both kinds of kernel, the same random flow."""
    rng = np.random.default_rng(5)
    faces = [floats(rng.normal(size=face_shape(axis)) * 2) for axis in range(3)]
    areas = [np.zeros(face_shape(axis)) for axis in range(3)]
    areas[1][:, -1] = 1.0
    areas = [floats(a) for a in areas]
    centres = np.stack(np.meshgrid(*(np.arange(n) + 0.5 for n in SHAPE), indexing="ij"), -1)
    distance = floats(np.linalg.norm(centres - (3.5, 3.0, 4.0), axis=-1) - 1.5)
    x, v, c = cloud(900, rng, margin=0.01)
    count = wp.array([890], dtype=int, device="cpu")
    alpha, room = floats(rng.uniform(0, 3, SHAPE)), floats(np.ones(SHAPE))
    found = []
    for serial in (False, True):
        state = [wp.array(x, dtype=wp.vec3), wp.array(v, dtype=wp.vec3), wp.array(c, dtype=wp.mat33)]
        listed = [wp.zeros(len(x), dtype=int, device="cpu")] if serial else []
        kernels = [
            (particle_move.move_serial_kernel if serial else particle_move.move_kernel),
            (particle_move.shift_serial_kernel if serial else particle_move.shift_kernel),
        ]
        dim = 1 if serial else len(x)
        wp.launch(kernels[0], dim, [*faces, *areas, distance, 0.3, 0.15, 0.7, count, *listed], state, device="cpu")
        step = wp.array([7], dtype=int, device="cpu")
        inputs = [*faces, alpha, room, distance, 0.25, step, count, *listed]
        wp.launch(kernels[1], dim, inputs, state[:1], device="cpu")
        found.append([a.numpy() for a in state])
    gone = found[0][0][:, 0] < 0
    assert 5 < gone.sum() < 200
    for many, one in zip(*found, strict=True):
        np.testing.assert_allclose(one, many, atol=2e-4)
    there = found[1][0][:890][~gone[:890]]
    assert (np.linalg.norm(there - (3.5, 3.0, 4.0), axis=1) > 1.3).all()  # out of the ball, up to its interpolation


@pytest.mark.parametrize("least", [0.05, 0.5])
def test_the_matrix_holds_areas_between_liquid_cells_and_area_over_theta_to_the_air(least):
    rng = np.random.default_rng(6)
    phi = rng.uniform(-1.0, 1.0, SHAPE)
    areas = [rng.uniform(0.0, 1.0, face_shape(axis)) for axis in range(3)]
    reach = wp.full(SHAPE[:2], wp.vec2i(0, SHAPE[2]), dtype=wp.vec2i, device="cpu")
    padded = tuple(n + 2 for n in SHAPE)
    out = [wp.full(padded, 5.0, dtype=float, device="cpu") for _ in range(5)]  # old contents must go
    inputs = [floats(phi), *(floats(a) for a in areas), least, reach, reach, SHAPE[2]]
    wp.launch(surface_pressure.system_kernel, (*SHAPE[:2], 1), inputs, out, device="cpu")
    diagonal = np.zeros(SHAPE)
    around = np.pad(phi, 1, constant_values=1.0)
    for axis in range(3):
        for side in (0, 1):
            other = np.roll(around, 1 - 2 * side, axis)[1:-1, 1:-1, 1:-1]
            area = areas[axis].take(range(side, SHAPE[axis] + side), axis)
            theta = np.where(other < 0, 1.0, np.maximum(phi / np.where(phi < 0, phi - other, 1.0), least))
            diagonal += np.where(phi < 0, area / np.where(phi < 0, theta, 1.0), 0.0)
            if side == 0:
                weight = np.where((phi < 0) & (other < 0), area, 0.0)
                np.testing.assert_allclose(out[axis].numpy()[1:-1, 1:-1, 1:-1], weight, rtol=1e-5)
    np.testing.assert_allclose(out[3].numpy()[1:-1, 1:-1, 1:-1], diagonal, rtol=1e-5)
