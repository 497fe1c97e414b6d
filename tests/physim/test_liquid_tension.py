import numpy as np
import pytest
from liquid_tanks import lattice, tank, wall_areas

from physim.liquid_slip import along_walls
from physim.liquid_tension import longest_step, matters

WATER = 0.0728 / 998
FREE = [(axis, end) for axis in range(3) for end in (0, -1)]


def drop(radius, cells, cell, steps):
    x = lattice((0, 0, 0), (cells,) * 3)
    x = x[np.linalg.norm(x - cells / 2, axis=1) < radius]
    dt = longest_step(cell, WATER)
    return tank((cells,) * 3, x, cell=cell, dt=dt, steps=steps, gravity=(0, 0, 0), tension=WATER, open_sides=FREE)


def test_a_drop_at_rest_holds_the_pressure_of_laplace_and_stays():
    radius, cells, cell = 8.0, 26, 1e-3
    water = drop(radius, cells, cell, steps=20)
    start = water.snapshot()[0]
    found = []
    for _ in range(10):
        water.frame()
        found.append(water.pressure_field()[11:15, 11:15, 11:15].mean())
    assert np.mean(found) == pytest.approx(2 * WATER / (radius * cell), rel=0.04)
    capillary = np.sqrt(WATER / (radius * cell))
    assert np.sqrt((water.v.numpy() ** 2).sum(1).mean()) * cell < 0.03 * capillary
    np.testing.assert_allclose(water.snapshot()[0].mean(0), start.mean(0), atol=0.02)


def test_a_cube_of_water_without_weight_becomes_round():
    cells, cell = 20, 1e-3
    x = lattice((5, 5, 5), (15, 15, 15))
    dt = longest_step(cell, WATER)
    water = tank((cells,) * 3, x, cell=cell, dt=dt, steps=40, gravity=(0, 0, 0), tension=WATER, open_sides=FREE)

    def corner():
        now = water.snapshot()[0]
        return np.linalg.norm(now - now.mean(0), axis=1).max()

    before = corner()
    shortest = min([(water.frame(), corner())[1] for _ in range(6)])
    assert before == pytest.approx(5 * np.sqrt(3), rel=0.05)
    assert shortest < 7.3  # a ball of that volume has radius 6.2


def test_steps_too_long_for_the_waves_are_refused_and_large_scenes_do_without():
    with pytest.raises(ValueError, match=r"expected at most .* Take more steps"):
        tank((8, 8, 8), lattice((2, 2, 2), (5, 5, 5)), cell=1e-3, dt=0.01, tension=WATER)
    assert matters(0.02, WATER, 9.81, 1e-3, 1e-3)
    assert not matters(0.5, WATER, 9.81, 0.01, 1e-3)
    assert not matters(0.02, WATER, 9.81, 1e-4, 1e-3)


def test_faces_along_walls_are_those_with_a_closed_one_beside_them():
    shape = (4, 5, 6)
    areas = wall_areas(shape, [(1, -1)])
    touch = along_walls(areas)
    inner = touch[0][1:-1]
    expected = np.zeros_like(inner)
    expected[:, 0, :] = expected[:, :, 0] = expected[:, :, -1] = 1  # floor and two sides; none at the open top
    np.testing.assert_array_equal(inner, expected)
    assert (touch[0][[0, -1]] == 0).all()


def test_friction_slows_what_slides_along_a_floor():
    """A layer of one cell: du/dt = -c_f u^2 / h, u = u0 / (1 + c_f u0 t / h)."""
    shape, c_f, u0, dt = (60, 8, 12), 0.05, 20.0, 0.01
    x = lattice((2, 0, 0), (22, 1, 12))
    v = np.broadcast_to((u0, 0.0, 0.0), x.shape)
    water = tank(
        shape, x, v, dt=dt, steps=10, gravity=(0, -2.0, 0), friction=c_f, open_sides=[(1, -1), (2, 0), (2, -1)]
    )
    for _ in range(10):
        water.frame()
    middle = np.abs(water.x.numpy()[:, 0] - np.median(water.x.numpy()[:, 0])) < 3
    assert np.median(water.v.numpy()[middle, 0]) == pytest.approx(u0 / (1 + c_f * u0 * 1.0), rel=0.06)
