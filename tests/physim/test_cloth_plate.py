"""The plate energy against closed forms: it needs no time stepping to be wrong."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as sla
from cloth_scenes import irregular

import physim
from physim import cloth_plate

NONE = np.zeros(0, int)
FREE_SQUARE = [13.47, 19.60, 24.27, 34.80, 34.80]
"""Frequencies of a free square plate, Poisson 0.3, times a^2 sqrt(rho / D): Leissa, NASA SP-160, 1969, table 4.80."""


def strip(kind, length, width, cells):
    shape = physim.Sheet((length, width), cells) if kind == "grid" else irregular(length, width, cells)
    return shape.rest, np.asarray(shape.faces)


def plate(kind, rest, faces, size, cells, clamped, poisson):
    if kind == "grid":
        return cloth_plate.plate_grid(size, cells, clamped, (1.0, 1.0), poisson)
    return cloth_plate.plate(rest, faces, clamped, cloth_plate.rigidities((1.0, 1.0), poisson))


def masses(kind, rest, faces, cells):
    if kind == "grid":
        half = [np.r_[0.5, np.ones(n - 1), 0.5] / n for n in cells[::-1]]
        return np.outer(*half).ravel() * np.ptp(rest[:, 0]) * np.ptp(rest[:, 1])
    return cloth_plate.vertex_areas(rest, faces)


@pytest.mark.parametrize("kind", ["grid", "irregular"])
def test_a_free_plate_rings_at_leissas_frequencies_twist_included(kind):
    errors = []
    for n in (12, 24):
        rest, faces = strip(kind, 1.0, 1.0, (n, n))
        k = plate(kind, rest, faces, (1.0, 1.0), (n, n), NONE, 0.3) * (1 - 0.3**2)  # D = 1
        m = sp.diags(masses(kind, rest, faces, (n, n)))
        values = np.sort(sla.eigsh(k, 8, m, sigma=-1.0, return_eigenvectors=False))
        assert np.abs(values[:3]).max() < 1e-6  # it moves and tilts for nothing
        errors.append(np.abs(np.sqrt(values[3:]) / FREE_SQUARE - 1).max())
    # second order: a quarter of the error on half the mesh; the table has four digits
    assert errors[1] < 0.015 and errors[1] < 0.45 * errors[0] + 1e-3


@pytest.mark.parametrize("kind", ["grid", "irregular"])
def test_a_clamped_strip_sags_by_q_l4_over_8_b(kind):
    for cells, tolerance in (((20, 4), 0.01), ((40, 4), 0.003)):
        rest, faces = strip(kind, 1.0, 0.2, cells)
        clamped = np.flatnonzero(rest[:, 0] < -0.5 + 1e-9)
        k = plate(kind, rest, faces, (1.0, 0.2), cells, clamped, 0.0)
        free = np.setdiff1d(np.arange(len(rest)), clamped)
        w = np.zeros(len(rest))
        w[free] = sla.spsolve(k[free][:, free].tocsc(), masses(kind, rest, faces, cells)[free])
        tip = w[rest[:, 0] > 0.5 - 1e-9].mean()
        assert tip == pytest.approx(1 / 8, rel=tolerance)


@pytest.mark.parametrize("kind", ["grid", "irregular"])
def test_the_energy_of_twist_is_2_d_one_minus_nu(kind):
    # w = u v: k_uv = 1, energy 1/2 x 2 D (1 - nu) per area, D = B / (1 - nu^2)
    rest, faces = strip(kind, 0.6, 0.4, (9, 7))
    k = plate(kind, rest, faces, (0.6, 0.4), (9, 7), NONE, 0.25)
    w = rest[:, 0] * rest[:, 1]
    assert 0.5 * w @ (k @ w) == pytest.approx(0.24 / (1 + 0.25), rel=1e-9)


@pytest.mark.parametrize("kind", ["grid", "irregular"])
def test_a_sheet_that_is_moved_and_turned_has_no_bending_energy(kind):
    rest, faces = strip(kind, 0.6, 0.4, (9, 7))
    k = plate(kind, rest, faces, (0.6, 0.4), (9, 7), NONE, 0.1)
    tilted = 3.0 + 2.0 * rest[:, 0] - 0.7 * rest[:, 1]
    assert np.abs(k @ tilted).max() < 1e-8 * np.abs(k).max()


def test_derivatives_of_a_quadratic_are_exact_on_any_mesh_with_clamps_too():
    shape = irregular(1.0, 0.5, (8, 5))
    u, v = shape.rest.T
    f = 1 + 2 * u - v + 3 * u * u - 0.5 * v * v + 4 * u * v
    clamped = np.flatnonzero(u < -0.5 + 1e-9)
    gradient = np.stack([2 + 6 * u + 4 * v, -1 - v + 4 * u], axis=1)[clamped].ravel()
    fits = cloth_plate.quadratic_fits(shape.rest, np.asarray(shape.faces), clamped)
    expected = (2 + 6 * u + 4 * v, -1 - v + 4 * u, 6 + 0 * u, -1 + 0 * u, 4 + 0 * u)
    for matrix, truth in zip(fits, expected, strict=True):
        np.testing.assert_allclose(matrix @ np.r_[f, gradient], truth, atol=1e-8)
