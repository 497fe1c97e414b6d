"""The membrane solver against a sparse direct solver, closed forms and symmetry."""

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve

from physim.membrane import edge_weights, fill

SOLVED = 2e-6  # the iteration stops at a relative residual of 1e-9 here; conditioning takes the rest


def by_sparse_solve(values, known, weight_u, weight_v, screen):
    """The same system, assembled edge by edge."""
    rows, cols = known.shape
    number = np.arange(known.size).reshape(rows, cols)
    i = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    j = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    w = np.concatenate([weight_u[:, :-1].ravel(), weight_v[:-1].ravel()])
    n = known.size
    off = coo_matrix((np.r_[w, w], (np.r_[i, j], np.r_[j, i])), shape=(n, n)).tocsr()
    diagonal = np.asarray(off.sum(1)).ravel() + screen.ravel()
    matrix = coo_matrix((diagonal, (np.arange(n), np.arange(n))), shape=(n, n)).tocsr() - off
    free = np.flatnonzero(~known.ravel())
    held = np.flatnonzero(known.ravel())
    right = screen.ravel()[free] * values.ravel()[free] - matrix[free][:, held] @ values.ravel()[held]
    out = values.astype(float).copy().ravel()
    out[free] = spsolve(matrix[free][:, free].tocsc(), right)
    return out.reshape(rows, cols)


@pytest.mark.parametrize("contrast", [1.0, 1e4])
def test_solution_equals_the_sparse_direct_solution(contrast):
    rng = np.random.default_rng(3)
    shape = (61, 83)
    values = rng.normal(size=shape)
    known = rng.random(shape) < 0.02
    weight_u, weight_v = (contrast ** -rng.random(shape) for _ in range(2))
    screen = np.where(rng.random(shape) < 0.3, 1e-3, 0.0)
    ours = fill(values, known, weights=(weight_u, weight_v), screen=screen, tolerance=1e-10)
    truth = by_sparse_solve(values, known, weight_u, weight_v, screen)
    assert np.abs(ours - truth).max() < SOLVED * max(1.0, np.abs(truth).max())


def test_a_linear_ramp_at_the_rim_continues_linearly():
    v, u = np.mgrid[0:40, 0:57].astype(float)
    ramp = 0.3 * u - 0.2 * v
    known = np.ones((40, 57), dtype=bool)
    known[7:33, 9:50] = False
    filled = fill(np.where(known, ramp, 0), known, tolerance=1e-10)
    assert np.abs(filled - ramp).max() < SOLVED * np.abs(ramp).max()


def test_the_maximum_principle_holds_and_known_pixels_stay():
    rng = np.random.default_rng(0)
    values = rng.random((50, 50, 3))
    known = rng.random((50, 50)) < 0.1
    filled = fill(values, known)
    assert filled.min() >= values[known].min() - 1e-6
    assert filled.max() <= values[known].max() + 1e-6
    assert np.array_equal(filled[known], values[known])


def test_nothing_flows_through_the_border_of_the_domain():
    values = np.zeros((20, 30))
    values[:, :10], values[:, 20:] = 1.0, 5.0
    known = np.zeros((20, 30), dtype=bool)
    known[:, :10], known[:, 20:] = True, True
    domain = np.ones((20, 30), dtype=bool)
    domain[:, 20:] = False
    assert np.allclose(fill(values, known, domain=domain)[:, 10:20], 1.0, atol=1e-6)


def test_a_mirrored_problem_has_the_mirrored_solution():
    rng = np.random.default_rng(1)
    values, known = rng.random((33, 48)), rng.random((33, 48)) < 0.05
    straight = fill(values, known, tolerance=1e-11)
    mirrored = fill(values[:, ::-1], known[:, ::-1], tolerance=1e-11)[:, ::-1]
    assert np.abs(straight - mirrored).max() < 1e-7


def test_values_stop_at_an_edge_of_the_picture():
    image = np.zeros((40, 40, 3), dtype=np.float32)
    image[:, 20:] = 1.0
    known = np.zeros((40, 40), dtype=bool)
    known[20, 2] = known[20, 37] = True
    values = np.where(np.arange(40) < 20, 1.0, 3.0)[None].repeat(40, 0)
    filled = fill(values, known, weights=edge_weights(image))
    step = filled[20, 21] - filled[20, 18]
    plain = fill(values, known)
    assert step > 3 * (plain[20, 21] - plain[20, 18])


def test_nothing_known_is_an_error_that_says_so():
    with pytest.raises(ValueError, match="nothing is known"):
        fill(np.zeros((4, 4)), np.zeros((4, 4), dtype=bool))
