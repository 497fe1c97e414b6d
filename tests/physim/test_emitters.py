"""Sources over surfaces, in volumes, on bodies; fog that is there from the start."""

import numpy as np
import pytest

import physim
from physim.emitters import among, spread
from physim.solver_smoke import SmokeSolver

BOX = ((-0.15, -0.15, -0.15), (0.15, 0.15, 0.15))


def solve(scene, frames=6, poses=None):
    solver = SmokeSolver(scene, fps=24, seconds=frames / 24, device="cpu")
    for frame in range(frames):
        solver.frame(poses(frame + 1) if poses else None)
    return solver


def cells(domain):
    x = [o + (np.arange(n) + 0.5) * domain.cell for o, n in zip(domain.origin, domain.shape, strict=True)]
    return np.stack(np.meshgrid(*x, indexing="ij"), -1)


def still_smoke(**more):
    return physim.Smoke("dust", dissipation=0.0, resolution=32, domain=BOX, vorticity_confinement=0.0, **more)


def test_balls_of_a_surface_lie_on_it_and_those_of_a_volume_fill_it():
    sphere = physim.Sphere(0.1)
    shell = np.array(spread(sphere, radius=0.01, count=48).points)
    r = np.linalg.norm(shell, axis=1)
    assert r.max() <= 0.1 and r.min() >= 0.09
    assert np.abs(shell.mean(0)).max() < 0.02  # evenly all round
    filled = np.array(spread(sphere, radius=0.01, kind="volume", count=48).points)
    assert np.linalg.norm(filled, axis=1).min() < 0.03
    gaps = np.linalg.norm(filled[:, None] - filled, axis=-1) + np.eye(48)
    assert gaps.min() > 0.02  # 48 balls that share the volume are some 0.05 apart


def test_what_cannot_be_spread_is_refused():
    with pytest.raises(ValueError, match="kind is 'skin', expected 'surface' or 'volume'"):
        spread(physim.Sphere(0.1), radius=0.01, kind="skin")
    with pytest.raises(ValueError, match="a Plane has no inside"):
        spread(physim.Plane(), radius=0.01)
    with pytest.raises(ValueError, match="count is 100, expected 1 to 64"):
        among(np.zeros((5, 3)), radius=0.01, count=100)


def test_every_ball_of_a_source_gives_the_same():
    scene = physim.Scene(gravity=(0.0, 0.0, 0.0))
    places = ((-0.08, 0.0, 0.0), (0.08, 0.0, 0.0), (0.0, 0.08, 0.0))
    emitter = physim.Emitter(radius=0.02, rate=2.0, flicker=0.0, points=places)
    scene.add(emitter, still_smoke(), name="three")
    gas = solve(scene).grids["three"]
    x, density = cells(gas.domain), gas.grid.density.astype(np.float64)
    sums = [density[np.linalg.norm(x - p, axis=-1) < 0.035].sum() for p in places]
    assert sum(sums) == pytest.approx(density.sum(), rel=1e-6)
    # integral of the profile (1 - r^2)^2 over a ball, sampled at cells of half its radius
    expected = 2.0 * 0.25 * 4 * np.pi * (1 / 3 - 2 / 5 + 1 / 7) * (0.02 / gas.domain.cell) ** 3
    np.testing.assert_allclose(sums, expected, rtol=0.1)


def test_a_source_on_a_body_goes_and_turns_with_it():
    scene = physim.Scene(gravity=(0.0, 0.0, 0.0))
    scene.add(physim.Box((0.02, 0.02, 0.02)), physim.Rigid(), position=(-0.06, 0.0, 0.0), name="cart")
    emitter = physim.Emitter((0.0, 0.04, 0.0), radius=0.02, rate=2.0, flicker=0.0, on="cart")
    scene.add(emitter, still_smoke(), name="trail")

    def poses(frame):
        s = frame / 6
        turn = np.pi / 2 * s  # about z: what is above goes to the left
        quat = np.array([[0, 0, np.sin(turn / 2), np.cos(turn / 2)]])
        return np.array([[-0.06 + 0.12 * s, 0.0, 0.0]]), quat, np.zeros((1, 3)), np.zeros((1, 3))

    gas = solve(scene, 6, poses).grids["trail"]
    x, density = cells(gas.domain), gas.grid.density.astype(np.float64)
    centroid = (x * density[..., None]).sum((0, 1, 2)) / density.sum()
    s = (np.arange(6000) + 0.5) / 6000
    path = np.stack([-0.06 + 0.12 * s - 0.04 * np.sin(np.pi / 2 * s), 0.04 * np.cos(np.pi / 2 * s), 0 * s], -1)
    # air that makes way for the body takes a little along
    np.testing.assert_allclose(centroid, path.mean(0), atol=0.006)


def test_a_source_on_an_unknown_body_is_refused():
    scene = physim.Scene()
    scene.add(physim.Sphere(0.02), physim.Rigid(), name="ball")
    scene.add(physim.Emitter(on="cart"), still_smoke(), name="trail")
    with pytest.raises(
        ValueError, match=r"emitter .trail. is on 'cart', expected the name of a body or a liquid\. There are: ball"
    ):
        solve(scene, 1)


def test_fog_fills_the_box_from_the_start_and_the_wind_brings_more():
    scene = physim.Scene(gravity=(0.0, 0.0, 0.0))
    fog = physim.Smoke("fog", temperature=293.15, fill=0.4, resolution=24, domain=BOX)
    scene.add(physim.Emitter(radius=0.02, rate=0.0), fog, name="fog")
    scene.add(physim.Wind((0.3, 0.0, 0.0)))
    gas = solve(scene, 12).grids["fog"]
    # half the box went by, and what came in is as thick
    np.testing.assert_allclose(gas.grid.density, 0.4, atol=2e-3)
