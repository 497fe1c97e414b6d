import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla
import warp as wp

from physim.pressure import PressureSolver


def random_areas(shape, rng, *, open_top):
    """Solid blocks, cut faces, closed sides, and a top that is open or not."""
    nx, ny, _ = shape
    solid = np.zeros(shape, bool)
    solid[2:5, 1:4, 3:6] = True
    solid[nx - 3 :, ny // 2 :, :2] = True
    areas = []
    for axis in range(3):
        size = list(shape)
        size[axis] += 1
        area = rng.uniform(0.1, 1.0, size).astype(np.float32)
        area[rng.random(size) < 0.5] = 1.0
        low = np.concatenate([solid, np.zeros_like(solid.take([0], axis))], axis)
        high = np.concatenate([np.zeros_like(solid.take([0], axis)), solid], axis)
        area[low | high] = 0.0
        ends = [slice(None)] * 3
        ends[axis] = [0, -1]
        keep = area[tuple(ends)].copy()
        area[tuple(ends)] = 0.0
        if axis == 1 and open_top:
            area[:, -1] = keep[:, 1]
        areas.append(area)
    return areas


def sparse_operator(shape, areas):
    """The same operator written down independently, cell by cell."""
    number = np.arange(np.prod(shape)).reshape(shape)
    rows, cols, values = [], [], []
    diagonal = np.zeros(shape)
    for axis, area in enumerate(areas):
        low, high = (area.take(range(k, shape[axis] + k), axis) for k in (0, 1))
        diagonal += low.astype(float) + high
        ends = [slice(None)] * 3
        ends[axis] = 0
        diagonal[tuple(ends)] += low[tuple(ends)]  # p = 0 on the face: half the distance
        ends[axis] = -1
        diagonal[tuple(ends)] += high[tuple(ends)]
        inner = area.take(range(1, shape[axis]), axis).astype(float).ravel()
        a = number.take(range(shape[axis] - 1), axis).ravel()
        b = number.take(range(1, shape[axis]), axis).ravel()
        rows += [a, b]
        cols += [b, a]
        values += [-inner, -inner]
    rows, cols, values = (np.concatenate(x) for x in (rows, cols, values))
    return sp.csr_matrix((values, (rows, cols)), (number.size,) * 2) + sp.diags(diagonal.ravel()), diagonal


def solve_on_device(shape, areas, rhs, iterations, closed=False):
    solver = PressureSolver(shape, iterations=iterations, closed=closed, device="cpu")
    solver.build(*(wp.array(a, dtype=float, device="cpu") for a in areas))
    solver.rhs.assign(np.pad(rhs, 1).astype(np.float32))
    solver.solve()
    return solver.p.numpy()[1:-1, 1:-1, 1:-1]


def test_pressure_agrees_with_a_sparse_direct_solver_around_solids():
    shape, rng = (12, 16, 10), np.random.default_rng(0)
    areas = random_areas(shape, rng, open_top=True)
    matrix, diagonal = sparse_operator(shape, areas)
    fluid = diagonal.ravel() > 0
    rhs = np.where(diagonal > 0, rng.normal(size=shape), 0.0)
    exact = np.zeros(rhs.size)
    exact[fluid] = spla.spsolve(matrix[fluid][:, fluid].tocsc(), rhs.ravel()[fluid])
    p = solve_on_device(shape, areas, rhs, iterations=14)
    # float32 residuals reach 1e-5, times the condition of a box open on one side only
    np.testing.assert_allclose(p.ravel(), exact, atol=2e-4 * np.abs(exact).max())


def test_a_closed_box_is_solved_up_to_a_constant():
    shape, rng = (8, 8, 16), np.random.default_rng(1)
    areas = random_areas(shape, rng, open_top=False)
    matrix, diagonal = sparse_operator(shape, areas)
    fluid = diagonal > 0
    rhs = np.where(fluid, rng.normal(size=shape) + 0.3, 0.0)
    p = solve_on_device(shape, areas, rhs, iterations=14, closed=True)
    wanted = np.where(fluid, rhs - rhs[fluid].mean(), 0.0)
    left = (matrix @ p.ravel()).reshape(shape) - wanted
    assert np.abs(left).max() < 1e-3 * np.abs(wanted).max()


@pytest.mark.parametrize("obstacle", [False, True])
def test_four_iterations_leave_a_thousandth_of_the_residual_at_64(obstacle):
    shape = (64, 64, 64)
    x = [np.arange(n) + 0.5 for n in shape]
    areas = []
    for axis in range(3):
        coordinates = [np.arange(n + 1.0) if a == axis else x[a] for a, n in enumerate(shape)]
        grid = np.stack(np.meshgrid(*coordinates, indexing="ij"), -1)
        distance = np.linalg.norm(grid - 32.0, axis=-1) - 10.3
        areas.append(np.clip(2 * distance, 0, 1) if obstacle else np.ones(grid.shape[:3]))
    grid = np.stack(np.meshgrid(*x, indexing="ij"), -1)
    rhs = np.exp(-(((grid - [32, 14, 30]) / 4) ** 2).sum(-1)) - np.exp(-(((grid - [36, 50, 32]) / 3) ** 2).sum(-1))
    matrix, diagonal = sparse_operator(shape, areas)
    rhs[diagonal == 0] = 0
    p = solve_on_device(shape, areas, rhs, iterations=4)
    left = rhs.ravel() - matrix @ p.ravel()
    assert np.abs(left).max() < 1e-3 * np.abs(rhs).max()
