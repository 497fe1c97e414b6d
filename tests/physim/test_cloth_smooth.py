"""Smoothed accelerations of large sheets: longer steps, the same rest, momentum and energy, and a known inertia."""

import dataclasses

import numpy as np
import pytest
from cloth_scenes import fabric, solver

import physim
from physim import cloth_piece
from physim.pins import Pin

G = 9.81


@pytest.fixture
def smoothed(monkeypatch):
    """Every grid is smoothed, as large ones are, and none is softened."""
    share = cloth_piece.SMOOTH
    monkeypatch.setattr(
        cloth_piece, "afford", lambda pieces, *_, **__: [dataclasses.replace(p, smooth=share) for p in pieces]
    )  # fmt: skip


def strip(cells: int, amplitude: float, mode: int) -> tuple[physim.Scene, np.ndarray]:
    """A free flat strip of 1 m in a standing wave of stretch along it, and its shape."""
    scene = physim.Scene(gravity=(0, 0, 0))
    sheet = physim.Sheet((1.0, 2.0 / cells), (cells, 2))
    wave = np.cos(mode * np.pi * (sheet.rest[:, 0] + 0.5))
    start = np.c_[sheet.rest + np.c_[amplitude * wave, np.zeros(len(wave))], np.zeros(len(wave))]
    scene.add(physim.Pattern(sheet.rest, sheet.faces, start=start), fabric(200.0), name="c")
    return scene, wave


@pytest.mark.parametrize("mode", [2, 8, 15])
def test_a_wave_has_the_inertia_that_smoothing_gives_it(smoothed, mode):
    """w^2 = 4 E / (rho d^2) sin^2(k / 2) (1 - 4 b sin^2(k / 2)) at k per cell, as symplectic steps show it."""
    cells = 16
    scene, wave = strip(cells, 1e-3, mode)
    rigid, cloth = solver(scene, fps=120.0, samples=20)
    assert cloth.whole.pieces[0].smooth == cloth_piece.SMOOTH
    for _ in range(6):
        rigid.frame()
    track = cloth.tracks()["c"]
    share = ((track.dense_position[..., 0] - track.rest[:, 0]) @ wave) / (wave @ wave) / 1e-3
    s = np.sin(0.5 * mode * np.pi / cells) ** 2
    w = np.sqrt(4 * 200.0 / 0.2 * cells**2 * s * (1 - 4 * cloth_piece.SMOOTH * s))
    w = 2 / cloth.step * np.arcsin(0.5 * w * cloth.step)
    time = np.arange(len(share)) / 2400.0
    measured = np.linalg.lstsq(np.c_[np.cos(w * time), np.sin(w * time)], share, rcond=None)
    # the border's masses are halves, for which cos is exact; what is left is of second order in the strain
    assert measured[1][0] / len(share) < 1e-3**2
    assert measured[0][0] == pytest.approx(1.0, abs=0.01)


def test_smoothing_makes_steps_longer_by_the_root_of_two(smoothed):
    scene, _ = strip(16, 0.0, 1)
    piece = solver(scene)[1].whole.pieces[0]
    plain = dataclasses.replace(piece, smooth=0.0)
    assert plain.membrane_rate / piece.membrane_rate > 1.4


@pytest.mark.parametrize("damping", [0.0, 0.002])
def test_vector_code_agrees_with_one_thread_per_vertex_when_smoothed(smoothed, damping):
    found = []
    for plain in (True, False):
        scene = physim.Scene()
        material = physim.Cloth("cotton", poisson=0.2, bending=(1e-4, 5e-5), damping=damping)
        scene.add(
            physim.Sheet((1.0, 0.8), (9, 7)), material, pin=Pin("top corners"), name="c", velocity=(0, 0, 0.5),
            angular_velocity=(1, 2, 3),
        )  # fmt: skip
        scene.add(physim.Wind((3, 0, 1), gust=0.3))
        rigid, cloth = solver(scene, plain=plain)
        for _ in range(2):
            rigid.frame()
        track = cloth.tracks()["c"]
        found.append((track.dense_position[-1], track.dense_pull))
    np.testing.assert_allclose(found[0][0], found[1][0], atol=3e-6)  # as without smoothing
    np.testing.assert_allclose(found[0][1], found[1][1], atol=1e-3 * np.abs(found[0][1]).max())


def test_a_smoothed_free_sheet_keeps_momentum_and_energy(smoothed):
    scene = physim.Scene(gravity=(0, 0, 0))
    sheet = physim.Sheet((0.5, 0.5), (12, 12))
    scene.add(sheet, fabric(100.0, bending=1e-5), name="c", velocity=(0.3, 0, 0), angular_velocity=(1, 2, 5))
    rigid, cloth = solver(scene)
    for _ in range(24):
        rigid.frame()
    values = cloth.report()
    assert values["cloth_momentum_error [-]"] < 1e-5
    # what energy there is belongs to the smoothed inertia; that of plain masses swings about it
    assert values["cloth_energy_end [J]"] == pytest.approx(values["cloth_energy_start [J]"], rel=0.02)


def test_a_smoothed_sheet_hangs_by_its_own_weight_as_the_fabric_says(smoothed):
    """Extension rho g L^2 / (2 E), and what the pin carries is the weight."""
    scene = physim.Scene()
    scene.add(physim.Sheet((0.1, 0.5), (2, 10)), fabric(20.0, damping=0.05), pin="top", name="c")
    rigid, cloth = solver(scene)
    for _ in range(96):
        rigid.frame()
    track = cloth.tracks()["c"]
    low = track.rest[:, 1] < -0.25 + 1e-9
    extension = -0.25 - track.dense_position[-1][low, 1].mean()
    assert extension == pytest.approx(0.2 * G * 0.5**2 / (2 * 20.0), rel=2e-3)
