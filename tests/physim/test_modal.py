"""Vibration of free solids: against closed forms, under refinement, and what they radiate."""

import numpy as np
import pytest

from physim import modal
from physim.elastic import ELASTIC, contact_time
from physim.finite_cells import inside_of, vibration
from physim.modal import modes
from physim.shapes import Box, Cylinder, Mesh, Sphere

ALUMINIUM = ELASTIC["aluminium"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PHYSIM_CACHE", str(tmp_path))
    monkeypatch.setattr(modal, "_KEPT", {})


def cup(radius=0.04, height=0.09, wall=0.004):
    outline = [[0, 0], [radius, 0], [radius, height], [radius - wall, height], [radius - wall, wall], [0, wall]]
    return Mesh.revolved(np.array(outline), 48)


def frequencies(found, material, density):
    return np.sqrt(found.eigenvalues * material.young / density) / (2 * np.pi * found.grid.length)


def test_a_free_bar_has_the_pitch_of_beam_theory():
    """Euler-Bernoulli: f = 22.373 / (2 pi L^2) sqrt(E h^2 / 12 rho); shear and rotation take about 1 % off."""
    length, thick = 0.3, 0.012
    got = modes(Box((length, thick, 0.03)).triangles, ALUMINIUM, mass=0.29, density=2700).frequency[0]
    beam = 22.373 / (2 * np.pi * length**2) * np.sqrt(69e9 * thick**2 / 12 / 2700)
    assert got == pytest.approx(beam, rel=0.03)


def test_a_free_sphere_has_the_torsional_modes_of_lamb():
    """Lamb 1881: the lowest, of order 2, fivefold: omega a = 2.5011 sqrt(G / rho)."""
    glass = ELASTIC["glass"]
    found = frequencies(vibration(Sphere(0.03).triangles, poisson=0.2, cells=60, count=12), glass, 2500)
    shear = glass.young / (2 * 1.2)
    expected = 2.5011 * np.sqrt(shear / 2500) / (2 * np.pi * 0.03)
    assert np.sum(np.abs(found / expected - 1) < 0.02) >= 5


def test_a_ceramic_cup_keeps_its_pitch_when_the_grid_is_refined():
    ceramic = ELASTIC["ceramic"]
    pitch = [
        frequencies(vibration(cup().triangles, poisson=ceramic.poisson, cells=c, count=4), ceramic, 2700)[0]
        for c in (120, 220)
    ]
    assert pitch[1] == pytest.approx(pitch[0], rel=0.05)


def test_pitch_goes_with_one_over_the_size():
    pitches = []
    for scale in (1.0, 0.5, 2.0):
        shape = Box((0.2 * scale, 0.01 * scale, 0.03 * scale))
        pitches.append(modes(shape.triangles, ALUMINIUM, mass=1, density=2700, cells=20).frequency[0] * scale)
    assert np.ptp(pitches) < 0.01 * pitches[0]


def test_modes_have_unit_mass_and_no_rigid_motion():
    found = vibration(Box((0.2, 0.02, 0.05)).triangles, poisson=0.3, cells=20, count=6)
    side = [(np.arange(n) + 0.5) / n * s - s / 2 for n, s in zip((40, 4, 10), (0.2, 0.02, 0.05), strict=True)]
    points = np.stack(np.meshgrid(*side, indexing="ij"), -1).reshape(-1, 3)
    moved = found.at(points)
    gram = np.einsum("pcm,pcn->mn", moved, moved) / len(points)
    assert np.abs(gram - np.eye(6)).max() < 0.03  # midpoint rule on 1600 points
    assert np.abs(moved.mean(axis=0)).max() < 0.02  # momentum
    assert np.abs(np.cross(points, moved.transpose(2, 0, 1)).mean(axis=1)).max() < 0.02 * 0.1  # angular momentum


def test_a_turned_bar_has_the_same_modes():
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    straight = Box((0.2, 0.01, 0.03)).triangles
    turned = type(straight)(straight.vertices @ turn.T, straight.faces)
    a, b = (vibration(m, poisson=0.3, cells=16, count=3) for m in (straight, turned))
    assert b.eigenvalues == pytest.approx(a.eigenvalues, rel=0.02)
    point = np.array([[0.08, 0.002, 0.01]])
    assert np.abs(b.at(point @ turn.T)[0, :, 0]) == pytest.approx(np.abs(turn @ a.at(point)[0, :, 0]), abs=0.05)


def test_the_inside_of_pieces_that_overlap_is_one_solid():
    low = Box((0.2, 0.2, 0.2)).triangles
    high = type(low)(low.vertices + (0.1, 0, 0), low.faces)
    both = type(low)(np.concatenate([low.vertices, high.vertices]), np.concatenate([low.faces, high.faces + 8]))
    x = np.array([-0.15, -0.05, 0.05, 0.15, 0.25])
    inside = inside_of(both, x, np.zeros(1), np.zeros(1))[:, 0, 0]
    assert inside.tolist() == [False, True, True, True, False]


def test_modes_are_kept_on_disk_and_rubbish_there_is_computed_anew(tmp_path, monkeypatch):
    shape = Cylinder(0.012, 0.003).triangles
    first = modes(shape, ALUMINIUM, mass=0.01, density=2700, cells=20).frequency
    (kept,) = (tmp_path / "modes").glob("*.npz")
    monkeypatch.setattr(modal, "_KEPT", {})
    monkeypatch.setattr(modal, "vibration", None)  # it is not computed again
    assert modes(shape, ALUMINIUM, mass=0.01, density=2700, cells=20).frequency == pytest.approx(first)
    monkeypatch.undo()
    monkeypatch.setenv("PHYSIM_CACHE", str(tmp_path))
    monkeypatch.setattr(modal, "_KEPT", {})
    kept.write_bytes(b"PK rubbish")
    assert modes(shape, ALUMINIUM, mass=0.01, density=2700, cells=20).frequency == pytest.approx(first)


def test_what_radiates_more_rings_shorter():
    thin = modes(Box((0.2, 0.002, 0.2)).triangles, ALUMINIUM, mass=0.216, density=2700, cells=30)
    thick = modes(Box((0.2, 0.02, 0.2)).triangles, ALUMINIUM, mass=2.16, density=2700, cells=30)
    own = [0.5 * (ALUMINIUM.alpha + ALUMINIUM.beta * (2 * np.pi * m.frequency) ** 2) for m in (thin, thick)]
    assert np.all(thin.decay > own[0]) and np.all(thick.decay > own[1])
    high = thin.frequency > 5000
    assert (thin.decay - own[0])[high].mean() > (thick.decay - own[1])[thick.frequency > 5000].mean()


def test_contact_time_is_that_of_hertz():
    """A steel ball of 10 mm on steel at 1 m/s touches for about 50 microseconds (Johnson 1985, section 11.4)."""
    steel = ELASTIC["steel"]
    ball = 7850 * 4 / 3 * np.pi * 0.005**3
    slow, fast = (contact_time(ball, v, 0.005, steel, steel) for v in (1.0, 32.0))
    assert 2e-5 < slow < 6e-5
    assert slow / fast == pytest.approx(2.0)  # v^(-1/5)
