import numpy as np
import pytest
import warp as wp
from liquid_tanks import lattice, tank

from physim.liquid_particles import LiquidSource


def test_a_free_blob_falls_as_everything_falls():
    """Symplectic Euler: y = y0 - g dt^2 n (n + 1) / 2; nothing touches it, pressure is none."""
    shape, dt, steps = (12, 24, 12), 0.02, 40
    start = lattice((4, 16, 4), (8, 20, 8))
    liquid = tank(shape, start, dt=dt, steps=steps, crowding=0.0)
    liquid.frame()
    fallen = start.mean(0) - liquid.snapshot()[0].mean(0)
    assert fallen[1] == pytest.approx(9.81 * dt**2 * steps * (steps + 1) / 2, rel=1e-3)
    np.testing.assert_allclose(fallen[[0, 2]], 0.0, atol=1e-3)
    np.testing.assert_allclose(liquid.v.numpy()[:, 1], -9.81 * dt * steps, rtol=1e-3)


@pytest.mark.parametrize("jitter", [0.0, 0.15])
def test_a_tank_at_rest_stays_at_rest_and_presses_as_deep_as_it_is(jitter):
    """0.5 m of water, 16 cells deep. Pressure grows by g rho per metre; particles set off-lattice must calm down."""
    depth, cells = 0.5, 16
    cell = depth / cells
    shape = (8, 24, 8)
    x = lattice((0, 0, 0), (8, cells, 8))
    x += np.random.default_rng(0).uniform(-jitter, jitter, x.shape)
    liquid = tank(shape, np.clip(x, 0.01, None), cell=cell, dt=1 / 120, steps=5)
    for _ in range(24):
        liquid.frame()
    speed = np.sqrt((liquid.v.numpy() ** 2).sum(1).mean()) * cell
    assert speed < 1e-3 * np.sqrt(9.81 * depth)
    column = 1000 * liquid.pressure_field().mean((0, 2))  # [Pa]
    at = (np.arange(cells - 2) + 0.5) * cell
    np.testing.assert_allclose(column[: cells - 2], 1000 * 9.81 * (depth - at), rtol=0.01 if jitter == 0 else 0.02)


def test_mirrored_tanks_stay_mirrored():
    rng = np.random.default_rng(3)
    shape = (12, 12, 6)
    x = lattice((0, 0, 0), (5, 8, 6))
    x = np.clip(x + rng.uniform(-0.1, 0.1, x.shape), 0.01, None)
    tanks = [tank(shape, x, steps=4, cell=0.05, dt=1 / 240), None]
    mirrored = x.copy()
    mirrored[:, 0] = shape[0] - x[:, 0]
    tanks[1] = tank(shape, mirrored, steps=4, cell=0.05, dt=1 / 240)
    for t in tanks:
        t.frame()
    a, b = (t.snapshot()[0] for t in tanks)
    np.testing.assert_allclose(a[:, 0], shape[0] - b[:, 0], atol=2e-3)
    np.testing.assert_allclose(a[:, 1:], b[:, 1:], atol=2e-3)


def test_a_source_lets_in_what_flows_through_its_disc():
    radius, speed, seconds = 1.6, 30.0, 0.5
    source = LiquidSource((6.0, 6.0, 3.0), (0.0, 0.0, speed), radius, start=0.1, end=0.4)
    shape = (12, 12, 60)
    capacity = source.count(seconds, 0.125)
    jet = tank(
        shape, np.zeros((0, 3)), gravity=(0.0, 0.0, 0.0), dt=0.01, steps=1, sources=[source], capacity=capacity,
        open_sides=(), crowding=0.0,
    )  # fmt: skip
    for _ in range(round(seconds / 0.01)):
        jet.frame()
    x, v = jet.snapshot()
    there = np.isfinite(x[:, 0])
    layer = source.points(0.125) * 0.125
    assert there.sum() * 0.125 == pytest.approx(np.pi * radius**2 * speed * 0.3, abs=1.01 * layer)
    assert np.linalg.norm(x[there, :2] - 6.0, axis=1).max() < radius + 0.3
    np.testing.assert_allclose(v[there], np.broadcast_to((0, 0, speed), (there.sum(), 3)), atol=1e-3 * speed)
    # the oldest are furthest and have the lowest numbers
    assert x[there][0, 2] == pytest.approx(3.0 + speed * 0.4, abs=1.0)
    assert x[there][-1, 2] == pytest.approx(3.0 + speed * 0.1, abs=1.0)


def test_what_leaves_through_an_open_side_is_gone_and_the_rest_keep_their_numbers():
    shape = (16, 8, 8)
    x = lattice((4, 2, 2), (12, 6, 6))
    x = x[(x[:, 0] < 7.0) | (x[:, 0] > 9.0)]
    v = np.where(x[:, :1] > 8.0, (40.0, 0.0, 0.0), (0.0, 0.0, 0.0))  # one part flies out
    box = tank(shape, x, v, gravity=(0.0, 0.0, 0.0), dt=0.02, steps=1, crowding=0.0, open_sides=((0, -1),), affine=0.0)
    numbers = np.flatnonzero(x[:, 0] < 7.0)
    for _ in range(25):
        box.frame()
    now, _ = box.snapshot()
    assert np.isnan(now[x[:, 0] > 9.0]).all()
    np.testing.assert_allclose(now[numbers, 1:], x[numbers, 1:], atol=0.5)
    assert int(box.count.numpy()[0]) == np.isfinite(now[:, 0]).sum()


def test_velocities_are_kept_in_half_precision_as_numpy_rounds_them():
    rng = np.random.default_rng(5)
    values = rng.integers(0, 2**32, 3 * 40_000, dtype=np.uint32).view(np.float32).reshape(-1, 3)
    with np.errstate(all="ignore"):
        wanted = values.astype(np.float16)
    box = tank((4, 4, 4), np.full((1, 3), 2.0))
    found = box.particles.halve(wp.array(values, dtype=wp.vec3, device=box.device))
    number = ~np.isnan(wanted)
    np.testing.assert_array_equal(found[number], wanted[number])
    assert np.isnan(found[~number]).all()


def test_what_is_recorded_stands_where_its_number_says_and_tells_what_is_not_finite():
    x = lattice((1, 1, 1), (3, 3, 3))
    v = np.random.default_rng(1).normal(size=x.shape)
    box = tank((6, 6, 6), x[::-1], gravity=(0.0, 0.0, 0.0), velocities=v[::-1])
    origin, turn = np.array((5.0, -3.0, 100.0)), np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
    at, fast, fastest = box.particles.record(origin, 0.5 * turn, 2.0 * turn)
    np.testing.assert_allclose(at.numpy(), origin + 0.5 * x[::-1] @ turn.T, rtol=1e-6)
    np.testing.assert_allclose(fast.numpy(), 2.0 * v[::-1] @ turn.T, rtol=1e-6)
    assert fastest == pytest.approx(np.abs(v).max())
    box.x.assign(np.where(np.arange(len(x))[:, None] == 7, np.nan, x))
    assert box.particles.record(origin, turn, turn)[2] > 1e30
