import numpy as np
import pytest
import scipy.sparse as sp
import warp as wp
from scipy.sparse.csgraph import connected_components

from physim.compartments import Compartments
from physim.pressure import PressureSolver


def porous_areas(shape, rng, *, shut, open_sides=()):
    """Faces closed at random with probability ``shut``; the sides of the box are closed but for the given ones."""
    areas = []
    for axis in range(3):
        size = [n + (a == axis) for a, n in enumerate(shape)]
        area = rng.uniform(0.05, 1.0, size).astype(np.float32)
        area[rng.random(size) < shut] = 0.0
        for side, index in ((2 * axis, 0), (2 * axis + 1, -1)):
            if side not in open_sides:
                area[(slice(None),) * axis + (index,)] = 0.0
        areas.append(area)
    return areas


def parts(shape, areas):
    """Number of the part of every cell by a sparse graph; the last cell of the graph is the outside, its part is 0."""
    cells = int(np.prod(shape))
    number = np.arange(cells).reshape(shape)
    pairs = []
    for axis, area in enumerate(areas):
        low, high = (np.pad(number, [(1, 1) if a == axis else (0, 0) for a in range(3)], constant_values=cells),) * 2
        low, high = (x.take(range(k, shape[axis] + 1 + k), axis) for x, k in ((low, 0), (high, 1)))
        pairs.append(np.stack([low[area > 0], high[area > 0]]))
    a, b = np.concatenate(pairs, axis=1)
    _, label = connected_components(sp.coo_matrix((np.ones(len(a)), (a, b)), (cells + 1,) * 2), directed=False)
    return np.where(label == label[-1], -1, label)[:-1].reshape(shape)


def fluid(areas):
    x, y, z = areas
    return x[1:] + x[:-1] + y[:, 1:] + y[:, :-1] + z[..., 1:] + z[..., :-1] > 0


@pytest.mark.parametrize("serial", [True, False])
@pytest.mark.parametrize("shut", [0.2, 0.6, 0.8, 0.95])
@pytest.mark.parametrize("open_sides", [(), (3,), (0, 1, 2, 3, 4, 5)])
def test_every_part_without_a_way_out_and_only_those_lose_their_mean(serial, shut, open_sides):
    shape, rng = (9, 12, 10), np.random.default_rng(int(100 * shut))
    areas = porous_areas(shape, rng, shut=shut, open_sides=open_sides)
    label, there = parts(shape, areas), fluid(areas)
    rhs = rng.normal(size=shape).astype(np.float32)
    wanted = rhs.copy()
    for part in set(label[there].ravel()) - {-1}:
        own = there & (label == part)
        wanted[own] -= rhs[own].mean(dtype=np.float64)
    found = Compartments(shape, device="cpu", serial=serial)
    inverse = wp.array(np.pad(there, 1).astype(np.float32), dtype=float, device="cpu")
    given = wp.array(np.pad(rhs, 1), dtype=float, device="cpu")
    found.find(inverse, tuple(wp.array(a, dtype=float, device="cpu") for a in areas))
    found.balance(inverse, given)
    np.testing.assert_allclose(given.numpy()[1:-1, 1:-1, 1:-1], wanted, atol=1e-6)


def test_a_part_goes_on_at_the_other_end_of_a_periodic_box():
    shape = (6, 6, 6)
    areas = [np.zeros([n + (a == axis) for a, n in enumerate(shape)], np.float32) for axis in range(3)]
    areas[0][[0, 1, 5, 6], 2, 2] = 1.0  # cells 4, 5 and, around the end, 0 and 1
    rhs = np.zeros(shape, np.float32)
    rhs[[0, 1, 4, 5], 2, 2] = 1.0, 2.0, 3.0, 4.0
    there = fluid(areas)
    found = Compartments(shape, periodic=1, device="cpu")
    inverse, given = (wp.array(np.pad(x, 1).astype(np.float32), dtype=float, device="cpu") for x in (there, rhs))
    found.find(inverse, tuple(wp.array(a, dtype=float, device="cpu") for a in areas))
    found.balance(inverse, given)
    np.testing.assert_allclose(given.numpy()[1:-1, 3, 3][[0, 1, 4, 5]], [-1.5, -0.5, 0.5, 1.5])


def box_with_pockets():
    """An open box with a closed chamber of 4 x 4 x 4 cells, one of two cells, and a solid block."""
    shape = (16, 16, 16)
    areas = [np.ones([n + (a == axis) for a, n in enumerate(shape)], np.float32) for axis in range(3)]
    for low, high in (((2, 2, 2), (6, 6, 6)), ((10, 3, 4), (12, 4, 5))):
        for axis in range(3):
            for at in (low[axis], high[axis]):
                face = [slice(a, b) for a, b in zip(low, high, strict=True)]
                face[axis] = at
                areas[axis][tuple(face)] = 0.0
    solid = np.zeros(shape, bool)
    solid[8:12, 9:13, 8:12] = True
    for axis in range(3):
        padded = np.pad(solid, [(1, 1) if a == axis else (0, 0) for a in range(3)])
        low, high = (padded.take(range(k, shape[axis] + 1 + k), axis) for k in (0, 1))
        areas[axis][low | high] = 0.0
    return shape, areas, solid


def test_what_is_squeezed_in_pockets_or_stands_in_solids_does_not_spoil_the_pressure_elsewhere():
    shape, areas, solid = box_with_pockets()
    rng = np.random.default_rng(3)
    rhs = rng.normal(size=shape).astype(np.float32)
    wanted = rhs - 0.0
    label = parts(shape, areas)
    rhs[label != -1] += 5.0  # bodies that close in on a pocket push gas nowhere
    rhs[solid] = rng.normal(size=int(solid.sum())) * 20.0  # where two bodies overlap their flows do not match
    wanted[solid] = 0.0
    for part in set(label[~solid].ravel()) - {-1}:
        wanted[label == part] -= wanted[label == part].mean(dtype=np.float64)
    solver = PressureSolver(shape, iterations=6, closed=True, device="cpu")
    solver.build(*(wp.array(a, dtype=float, device="cpu") for a in areas))
    solver.rhs.assign(np.pad(rhs, 1))
    solver.solve()
    p = solver.p.numpy().astype(np.float64)
    inner = p[1:-1, 1:-1, 1:-1]
    left = wanted.astype(np.float64)
    for axis, area in enumerate(areas):
        padded = np.pad(inner, [(1, 1) if a == axis else (0, 0) for a in range(3)])
        drop = area * np.diff(padded, axis=axis)
        ends = [slice(None)] * 3
        for end in (0, -1):
            ends[axis] = end
            drop[tuple(ends)] *= 2  # p = 0 on the side itself
        left += np.diff(drop, axis=axis)
    # six iterations leave some 1e-5 of the right-hand side in a box without pockets
    assert np.abs(left[~solid]).max() < 1e-4 * np.abs(wanted).max()
    assert np.abs(inner).max() < 20.0
