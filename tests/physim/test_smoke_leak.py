"""A closed box full of smoke is turned and shaken: nothing gets out, nothing gets lost."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import physim
from physim.solver_smoke import SmokeSolver

INNER, WALL = 0.12, 0.03
"""Edge of the room inside, and thickness of its walls [m]: three cells of the grid."""


def box_of_walls(scene):
    """Six plates as separate bodies, each with its place in the box."""
    places = []
    outer = INNER + 2 * WALL
    for axis in range(3):
        for sign in (-1, 1):
            size, place = [outer] * 3, np.zeros(3)
            size[axis], place[axis] = WALL, sign * (INNER + WALL) / 2
            scene.add(physim.Box(tuple(size)), physim.Rigid(), position=tuple(place), name=f"wall {axis} {sign}")
            places.append(place)
    return np.array(places)


def shaken(places, time):
    """Poses of the plates: turning about a slanted axis, shaken along it and across."""
    turn = Rotation.from_rotvec(1.3 * time * np.array([0.4, 0.7, 0.6]))
    shift = 0.02 * np.sin(2 * np.pi * np.array([1.1, 1.7, 0.6]) * time)
    count = len(places)
    quat = np.tile(turn.as_quat(), (count, 1))
    return turn.apply(places) + shift, quat, np.zeros((count, 3)), np.zeros((count, 3)), turn, shift


@pytest.mark.slow
def test_nothing_leaves_a_closed_box_that_is_turned_and_shaken_for_ten_seconds():
    scene = physim.Scene(gravity=(0.0, -9.81, 0.0), seed=1)
    places = box_of_walls(scene)
    half = 0.2
    smoke = physim.Smoke(
        "dust", temperature=320.0, dissipation=0.0, resolution=40, domain=((-half,) * 3, (half,) * 3)
    )  # fmt: skip
    # what is emitted in the first half second fills the room
    scene.add(physim.Emitter((0.0, 0.0, 0.0), radius=0.03, rate=6.0, end=0.5), smoke, name="dust")
    fps, seconds = 24, 10
    solver = SmokeSolver(scene, fps=fps, seconds=seconds, device="cpu")
    gas = solver.grids["dust"]
    x = gas.domain.origin[0] + (np.arange(gas.domain.shape[0]) + 0.5) * gas.domain.cell
    centres = np.stack(np.meshgrid(x, x, x, indexing="ij"), -1)
    filled, outside = 0.0, 0.0
    for frame in range(fps * seconds):
        *poses, _, _ = shaken(places, (frame + 1) / fps)
        solver.frame(tuple(poses))
        if frame == fps // 2:
            filled = float(gas.grid.density.sum(dtype=np.float64))
        if frame % fps == fps - 1:
            turn, shift = shaken(places, (frame + 1) / fps)[4:]
            local = np.abs((centres - shift) @ turn.as_matrix())
            beyond = (local > INNER / 2 + WALL).any(-1)
            outside = max(outside, float(gas.grid.density[beyond].sum(dtype=np.float64)))
    held = float(gas.grid.density.sum(dtype=np.float64))
    assert filled > 10
    # not a single cell beyond the walls ever held any
    assert outside == 0.0
    assert held == pytest.approx(filled, rel=0.01)
    assert solver.report()["smoke_mass_error [-]"] < 0.01
