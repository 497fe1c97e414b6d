"""Walls that do not follow the grid, without friction: liquid slides along them as if it were a point."""

import numpy as np
import pytest

import physim
from physim.liquid_slip import nodes_of, slanting
from physim.validation.liquid_rest import cylinder
from physim.validation.liquid_tank import Tank, fill

G = 9.81


def slide(degrees, cells, seconds=0.25, fps=60):
    """Places (T,) [m] along an incline of the centre of a block of liquid on it, and the least height above it."""
    angle, deep = np.radians(degrees), 4 / cells
    along, up = np.array([np.cos(angle), -np.sin(angle), 0.0]), np.array([np.sin(angle), np.cos(angle), 0.0])
    turn = (0.0, 0.0, -np.sin(angle / 2), np.cos(angle / 2))
    foot = np.array([0.0, 0.68, deep / 2])
    water = physim.Liquid(
        "water", viscosity=0.0, surface_tension=0.0, resolution=cells, domain=((0, 0, 0), (1.0, 0.8, deep)),
        walls=("-z", "+z"),
    )  # fmt: skip
    scene = physim.Scene()
    centre = foot + 0.5 * along - 0.2 * up
    scene.add(physim.Box((4.0, 0.4, 1.0)), physim.Static(), position=tuple(centre), orientation=turn)
    centre = foot + 0.4 * along + 0.0504 * up
    scene.add(physim.Box((0.2, 0.1, deep)), water, name="water", position=tuple(centre), orientation=turn)
    x = physim.simulate(scene, seconds=seconds, fps=fps, device="cpu").liquids["water"].position.astype(float)
    kept = np.isfinite(x[..., 0]).all(0)
    assert kept.mean() > 0.98  # what has left at the sides is not followed
    x = x[:, kept]
    return (x @ along).mean(1), float(((x - foot) @ up).min())


@pytest.mark.parametrize("degrees", [17, 30, 40])
def test_a_block_slides_down_a_frictionless_incline_with_g_times_the_sine(degrees):
    """However it spreads: the incline pushes straight out. 2 %, of 48 cells along the box."""
    s, lowest = slide(degrees, 48)
    t = np.arange(len(s)) / 60
    late = t > 0.04  # particles of a turned lattice settle first
    found = 2 * np.polyfit(t[late], s[late], 2)[0]
    assert found == pytest.approx(G * np.sin(np.radians(degrees)), rel=0.02)
    assert lowest > 0.0


def test_water_that_turns_in_a_smooth_round_bucket_keeps_turning():
    """Its surface is the paraboloid that belongs to its speed; over a turn it keeps 97 % of its angular momentum.

    Twenty cells across; 1.4 % go at the start, where particles settle at the wall.
    """
    cells, radius, depth, spin = 24, 0.1, 0.05, 8.0
    cell = 2 * radius / (cells - 4)
    middle, bend = 0.5 * cells * cell, spin**2 / (2 * G)
    lowest = depth - bend * radius**2 / 2
    tall = int(np.ceil((lowest + bend * radius**2) / cell)) + 4
    x = fill((0, 0, 0), (2 * middle, tall * cell, 2 * middle), cell)
    arm = x[:, [0, 2]] - middle
    inside = ((arm**2).sum(1) < radius**2) & (x[:, 1] < lowest + bend * (arm**2).sum(1))
    x, arm = x[inside], arm[inside]
    room, distance, area = cylinder(cells, tall, radius / cell)
    tank = Tank(
        (cells, tall, cells), cell, x, velocities=spin * np.stack([arm[:, 1], 0 * arm[:, 0], -arm[:, 0]], -1),
        dt=1 / 240, every=np.pi / spin / 8, open=room, distance=distance, area=area, gravity=(0.0, -G, 0.0),
        device="cpu",
    )  # fmt: skip

    def momentum():
        x, v = tank.particles()
        arm = x[:, [0, 2]] - middle
        return (arm[:, 1] * v[:, 0] - arm[:, 0] * v[:, 2]).sum()

    start = momentum()
    found = []
    for _ in range(16):
        tank.advance()
        found.append(momentum() / start)
    assert found[-1] == pytest.approx(1.0, abs=0.04)
    assert found[-1] / found[1] == pytest.approx(1.0, abs=0.02)
    x, _ = tank.particles()
    assert np.hypot(*(x[:, [0, 2]] - middle).T).max() < 1.01 * radius


def test_faces_of_a_wall_along_the_grid_are_left_alone_and_slanting_ones_know_their_normal():
    n = 12
    centres = np.stack(np.meshgrid(*(np.arange(n) + 0.5 for _ in range(3)), indexing="ij"), -1)
    for normal in (np.array([0.0, 1.0, 0.0]), np.array([0.6, 0.8, 0.0])):
        distance = (centres - n / 2) @ normal
        area = []
        for axis in range(3):
            at = np.stack(np.meshgrid(*(np.arange(n + (a == axis)) for a in range(3)), indexing="ij"), -1)
            shift = np.where(np.arange(3) == axis, 0.0, 0.5)
            area.append((((at + shift) - n / 2) @ normal > 0).astype(float))
        face, found = slanting(area, nodes_of(distance))
        assert len(face) > 0
        np.testing.assert_allclose(found, np.broadcast_to(normal, found.shape), atol=1e-5)
        across = {int(a) for a in np.unique(face[:, 0])}
        assert across == ({0, 2} if normal[0] == 0.0 else {0, 1, 2})  # along a floor, only what lies beneath it
