"""Around a moving body transport keeps the momentum of the gas."""

import numpy as np
import pytest
import warp as wp

from physim.gas import GasGrid
from physim.gas_areas import open_areas
from physim.gas_bodies import GasBodies
from physim.gas_state import WALL, GasSettings, GasState, Obstacles, Side
from physim.validation import measure

SHAPE = (20, 24, 28)
CELL, DT = 0.1, 0.2


def bodies(areas, places=((1.0, 1.2, 1.4),)):
    """Balls of a cell's radius in a box of 0.1 m cells, and the arrays of its gas."""
    settings = GasSettings(SHAPE, (0.0, 0.0, 0.0), CELL, DT, gravity=(0.0, 0.0, 0.0))
    state = GasState.zeros(settings, "cpu")
    for target, values in zip(state.area, areas, strict=True):
        target.assign(values.astype(np.float32))
    n = len(places)
    tables = [
        wp.zeros(n, dtype=int), wp.full(n, wp.vec3(CELL, 0.0, 0.0), dtype=wp.vec3), wp.full(n, CELL, dtype=float),
        wp.zeros(n + 1, dtype=int), wp.zeros(1, dtype=wp.vec4),
    ]  # fmt: skip
    poses = [wp.zeros((1, n), dtype=kind) for kind in (wp.vec3, wp.quat, wp.vec3, wp.vec3)]
    poses[0].assign(np.array([places], np.float32))
    obstacles = Obstacles(n, tables, poses)
    return GasBodies(settings, state, obstacles, state.area, state.solid, state.u[0].device), state


def field(values):
    return tuple(wp.array(np.ascontiguousarray(v, np.float32), dtype=float) for v in values)


def faces(axis):
    """Middles of the faces across an axis [m]."""
    counts = [n + (a == axis) for a, n in enumerate(SHAPE)]
    grids = np.meshgrid(
        *(CELL * (np.arange(n) + (0.0 if a == axis else 0.5)) for a, n in enumerate(counts)), indexing="ij"
    )
    return np.stack(grids)


def test_a_stream_that_carries_a_slope_is_in_balance():
    # what is carried evenly for a time t comes out as f(x - w t); the flow through the sides of a linear field is exact
    w, slope = np.array([0.9, -0.6, 0.4]), np.array([[0.3, 1.0, -0.5], [0.7, -0.2, 0.4], [0.1, 0.6, 0.8]])
    f = [np.tensordot(slope[a], faces(a), 1) for a in range(3)]
    wanted = [v - slope[a] @ w * DT / 2 for a, v in enumerate(f)]
    ball, _ = bodies(open_areas(SHAPE))
    carried, out = field(f), field(wanted)
    along = field(np.full(v.shape, w[a]) for a, v in enumerate(f))
    ball.hold((carried, carried, 1.0, 0.0), 0)
    ball.settle((carried, carried, 1.0, 0.0), (along, along, 1.5, -0.5), out, 0)
    for values, exact in zip(out, wanted, strict=True):
        np.testing.assert_allclose(values.numpy(), exact, atol=2e-6)


@pytest.mark.parametrize("count", [1, 2])
def test_momentum_from_nowhere_is_taken_from_the_gas_around_a_body(count):
    # two bodies at one place share a block: the second one finds nothing left
    rng = np.random.default_rng(3)
    areas = [rng.choice([0.0, 0.4, 1.0], a.shape) for a in open_areas(SHAPE)]
    ball, _ = bodies(areas, ((1.0, 1.2, 1.4),) * count)
    f, still = field(np.ones(a.shape) for a in areas), field(np.zeros(a.shape) for a in areas)
    made = rng.uniform(0.0, 0.4, areas[0].shape)
    out = field([1.0 + made, *(np.ones(a.shape) for a in areas[1:])])
    ball.hold((f, f, 2.0, -1.0), 0)
    ball.settle((f, f, 2.0, -1.0), (still, still, 1.0, 0.0), out, 0)
    changed = out[0].numpy() - 1.0 - made
    around = np.abs(changed) > 1e-6
    places = np.argwhere(around)
    # seven cells to each side of the ball's middle, and the faces on both of them
    assert places.min(axis=0).tolist() == [3, 5, 7]
    assert places.max(axis=0).tolist() == [17, 18, 20]
    block = tuple(slice(a, b + 1) for a, b in zip(places.min(axis=0), places.max(axis=0), strict=True))
    assert (areas[0] * (out[0].numpy() - 1.0))[block].sum() == pytest.approx(0.0, abs=1e-3)
    assert not around[areas[0] == 0.0].any()
    for values in out[1:]:
        np.testing.assert_allclose(values.numpy(), 1.0, atol=1e-6)


def cylinder(cell, height, speed, first):
    """A cylinder of diameter 1 across a plane of y and z, halfway up, which moves along z from ``first``."""
    half_length = 5 * cell  # the plane is one cell thick
    tables = [
        wp.array([3], dtype=int), wp.array([(0.5, half_length, 0.0)], dtype=wp.vec3),
        wp.array([0.5 + half_length], dtype=float), wp.zeros(2, dtype=int), wp.zeros(1, dtype=wp.vec4),
    ]  # fmt: skip
    poses = [wp.zeros((1, 1), dtype=kind) for kind in (wp.vec3, wp.quat, wp.vec3, wp.vec3)]
    poses[1].assign(np.array([[[0.0, 0.0, 0.5**0.5, 0.5**0.5]]], np.float32))  # its axis, y, along x
    poses[2].assign(np.array([[[0.0, 0.0, speed]]], np.float32))

    def put(time):
        poses[0].assign(np.array([[[cell / 2, height / 2, first + speed * time]]], np.float32))

    put(0.0)
    return Obstacles(1, tables, poses), put


@pytest.mark.slow
def test_a_cylinder_that_moves_against_a_stream_sheds_by_williamsons_law():
    # Re 100 by the relative speed of 2: St = 0.164; a stream 16 diameters high adds 3 %, eight cells per diameter 2 %
    cell, height, reynolds, stream, speed = 1 / 8, 16, 100.0, 1.0, -1.0
    relative, settle, watch = stream - speed, 40.0, 25.0
    first = 8.0 - speed * (settle + watch) / relative
    shape = (1, int(height / cell), int((first + 18) / cell))
    body, put = cylinder(cell, height, speed, first)
    sides = (WALL,) * 4 + tuple(Side(kind, velocity=(0.0, 0.0, stream)) for kind in ("inflow", "outflow"))
    settings = GasSettings(
        shape, (0.0, 0.0, 0.0), cell, 0.75 * cell, sides=sides, viscosity=relative / reynolds, gravity=(0.0, 0.0, 0.0),
        sponge=0.0, carries_density=False, carries_temperature=False,
    )  # fmt: skip
    gas = GasGrid(settings, obstacles=body, device="cpu")
    flow = [np.zeros(a.shape) for a in open_areas(shape)]
    flow[2] += stream
    y, z = np.arange(shape[1] + 1)[:, None] * cell, (np.arange(shape[2]) + 0.5) * cell
    flow[1][0] = 0.3 * np.exp(-((y - height / 2) ** 2) - (z - first - 1.5) ** 2)  # so that its sides part at once
    gas.set_velocity(tuple(flow))
    times, lift, now = [], [], 0.0
    while now * relative < settle + watch:
        put(now + settings.dt / 2)
        gas.frame()
        now += settings.dt
        if now * relative > settle:
            times.append(now)
            lift.append(gas.body_impulses(1.0)[0][0, 1])
    signal = np.array(lift) - (max(lift) + min(lift)) / 2
    period = measure.period(np.array(times), signal)
    assert period is not None
    assert 1 / period / relative == pytest.approx(-3.3265 / reynolds + 0.1816 + 1.6e-4 * reynolds, rel=0.06)
