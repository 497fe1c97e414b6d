"""Grains: the native loops of a CPU do what the plain kernels do, for loose grains and for snow."""

import numpy as np
import pytest
import warp as wp
from physim_kernels import grains as plain
from physim_kernels import grains_row as row

SHAPE = (20, 20, 20)


def particles(count: int) -> np.ndarray:
    rng = np.random.default_rng(4)
    state = np.zeros((plain.ROWS, count), np.float32)
    state[plain.X : plain.X + 3] = rng.uniform(5, 13, (3, count))
    state[plain.V : plain.V + 12] = rng.normal(size=(12, count))
    state[plain.S : plain.S + 6] = 5 * rng.normal(size=(6, count))
    state[plain.E] = 0.01 * rng.normal(size=count)
    state[plain.X, ::50] = plain.GONE
    low = np.floor(state[:3] - 0.5).astype(int)
    return np.ascontiguousarray(state[:, np.argsort((low[0] * SHAPE[1] + low[1]) * SHAPE[2] + low[2], kind="stable")])


def stepped(state: np.ndarray, hardening: float, serial: bool, steps: int = 2) -> np.ndarray:
    m, count, dt = plain.Matter(), state.shape[1], 2e-3
    m.bulk, m.shear, m.friction, m.cohesion, m.tension, m.pack = 1e4, 5e3, 0.6, 0.1, 0.05, 3e3
    m.crush, m.hardening, m.volume = 50.0 * (hardening > 0), hardening, 0.125
    wall = np.zeros((*SHAPE, 4), np.float32)
    wall[:, :7] = (0, 1, 0, 0.5)
    s, w = wp.array(state, dtype=float, device="cpu"), wp.array(wall, dtype=wp.vec4, device="cpu")
    rows = SHAPE[0] * SHAPE[1]
    walled = wp.array(wall.reshape(rows, -1).any(1).astype(np.int32), dtype=int, device="cpu")
    own, reach = (wp.zeros(2 * rows, dtype=int, device="cpu") for _ in range(2))
    g, n = wp.zeros(SHAPE, dtype=wp.vec4, device="cpu"), wp.array([count], dtype=int, device="cpu")
    gain = wp.array([wp.vec3(0.0, -100.0, 0.0)], dtype=wp.vec3, device="cpu")
    fence = [wp.vec3i(5, -1, -1), wp.vec3i(1 << 20, 1 << 20, 12)]
    for _ in range(steps):
        if serial:
            wp.launch(row.clear_serial_kernel, 1, [s, n, own, reach, g], device="cpu")
            wp.launch(row.scatter_serial_kernel, 1, [s, n, g], device="cpu")
            wp.launch(row.node_serial_kernel, 1, [w, walled, gain, dt, *fence, reach, g], device="cpu")
            wp.launch(row.gather_serial_kernel, 1, [g, m, dt, n, s], device="cpu")
        else:
            g.zero_()
            wp.launch(plain.scatter_kernel, count, [s, n, g], device="cpu")
            wp.launch(plain.node_kernel, SHAPE, [w, gain, dt, *fence, g], device="cpu")
            wp.launch(plain.gather_kernel, count, [g, m, dt, n, s], device="cpu")
    return s.numpy()


@pytest.mark.parametrize("hardening", [0.0, 10.0])
def test_the_loops_of_a_cpu_agree_with_the_plain_kernels(hardening):
    state = particles(3000)
    one, two = (stepped(state, hardening, serial) for serial in (False, True))
    for each in range(plain.ROWS):
        there = one[plain.X] >= 0
        size = np.abs(one[each, there]).max() + 1e-6
        np.testing.assert_allclose(two[each, there], one[each, there], atol=2e-3 * size, err_msg=f"row {each}")
    assert ((one[plain.X] < 0) == (two[plain.X] < 0)).all()


def test_sorting_keeps_every_particle_and_drops_those_that_left():
    state = particles(2000)
    mixed = state[:, np.random.default_rng(1).permutation(2000)]
    s, count = wp.array(mixed, dtype=float, device="cpu"), wp.array([2000], dtype=int, device="cpu")
    number = wp.array(np.arange(2000, dtype=np.int32), dtype=int, device="cpu")
    room = [wp.zeros(2000, dtype=t, device="cpu") for t in (float, int)]
    start = wp.zeros(int(np.prod(SHAPE)) + 1, dtype=int, device="cpu")
    wp.launch(row.order_serial_kernel, 1, [wp.vec3i(*SHAPE), *room, start, s, number, count], device="cpu")
    kept, found, names = int(count.numpy()[0]), s.numpy(), number.numpy()
    assert kept == int((mixed[plain.X] >= 0).sum())
    np.testing.assert_array_equal(found[:, :kept], mixed[:, names[:kept]])
    low = np.floor(found[:3, :kept] - 0.5).astype(int)
    assert (np.diff((low[0] * SHAPE[1] + low[1]) * SHAPE[2] + low[2]) >= 0).all()
