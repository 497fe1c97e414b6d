import numpy as np
import pytest
import warp as wp

from physim.pressure import PressureSolver
from physim.pressure_spectral import SpectralPressure, line_operator

SHAPE = (12, 10, 37)


def exact(shape, ends, rhs):
    """Solution by a dense matrix, mean taken off where nothing fixes it."""
    parts = [line_operator(n, pair) for n, pair in zip(shape, ends, strict=True)]
    eyes = [np.eye(n) for n in shape]
    matrix = sum(
        np.kron(np.kron(*(parts[a] if a == axis else eyes[a] for a in (0, 1))), parts[2] if axis == 2 else eyes[2])
        for axis in range(3)
    )
    return np.linalg.lstsq(matrix, rhs.ravel(), rcond=None)[0].reshape(shape)


def solve(solver, rhs):
    solver.rhs.assign(np.pad(rhs, 1).astype(np.float32))
    solver.solve()
    return solver.p.numpy()


@pytest.mark.parametrize(
    "ends",
    [
        [("slip", "slip")] * 3,
        [("open", "open")] * 3,
        [("slip", "open"), ("inflow", "outflow"), ("open", "no-slip")],
        [("periodic", "periodic"), ("slip", "slip"), ("periodic", "periodic")],
    ],
    ids=["walls", "open", "mixed", "periodic"],
)
@pytest.mark.parametrize("shape", [(6, 5, 21), (1, 9, 8)], ids=["box", "plane"])
def test_the_direct_solve_agrees_with_a_dense_matrix(shape, ends):
    if shape[0] == 1:
        ends = [("slip", "slip"), *ends[1:]]
    rng = np.random.default_rng(0)
    rhs = rng.normal(size=shape)
    p = solve(SpectralPressure(shape, ends, device="cpu"), rhs)[1:-1, 1:-1, 1:-1]
    wanted = exact(shape, ends, rhs)
    np.testing.assert_allclose(p - p.mean() + wanted.mean(), wanted, atol=2e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("ends", [("open", "open"), ("periodic", "periodic")], ids=["open", "periodic"])
def test_multigrid_and_the_direct_solve_agree_on_an_empty_box(ends):
    shape, rng = (16, 24, 32), np.random.default_rng(1)
    rhs = rng.normal(size=shape)
    rhs -= rhs.mean()
    direct = SpectralPressure(shape, [ends, ("slip", "slip"), ends], device="cpu")
    periodic = direct.periodic
    iterative = PressureSolver(shape, iterations=12, closed=ends[0] != "open", periodic=periodic, device="cpu")
    area = [np.ones([n + (a == axis) for a, n in enumerate(shape)], np.float32) for axis in range(3)]
    area[1][:, [0, -1]] = 0
    iterative.build(*(wp.array(a, dtype=float, device="cpu") for a in area))
    a, b = (solve(solver, rhs) for solver in (direct, iterative))
    inner = np.s_[1:-1, 1:-1, 1:-1]
    a, b = a[inner] - a[inner].mean(), b[inner] - b[inner].mean()
    np.testing.assert_allclose(a, b, atol=1e-4 * np.abs(a).max())
    assert direct.residual() < 2e-5 and iterative.residual() < 1e-4


def test_padding_around_a_period_repeats_the_other_end():
    ends = [("periodic", "periodic")] * 3
    p = solve(SpectralPressure((6, 8, 20), ends, device="cpu"), np.random.default_rng(2).normal(size=(6, 8, 20)))
    for axis in range(3):
        rolled = np.moveaxis(p, axis, 0)[:, 1:-1, 1:-1]
        np.testing.assert_array_equal(rolled[0], rolled[-2])
        np.testing.assert_array_equal(rolled[-1], rolled[1])


def test_rows_and_plain_products_agree():
    from physim_kernels import spectral

    rng = np.random.default_rng(3)
    f = wp.array(rng.normal(size=(9, 11, 39)).astype(np.float32), dtype=float, device="cpu")
    for axis, n in enumerate((7, 9, 37)):
        matrix = wp.array(rng.normal(size=(n, n)).astype(np.float32), dtype=float, device="cpu")
        a, b = (wp.zeros_like(f) for _ in range(2))
        spectral.product(f, matrix, axis=axis, out=a)
        wp.launch(spectral.product_kernel, dim=(7, 9, 37), inputs=[f, matrix, axis], outputs=[b], device="cpu")
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=2e-5)
