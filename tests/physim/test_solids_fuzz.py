"""Random scenes with fixed seeds, and a closed system whose momentum and energy are kept over ten seconds.

The seeds here are the first of the thousand that ``benchmarks/fuzz_solids.py`` runs.
"""

import numpy as np
import pytest
from fuzz import faults_of
from fuzz_scenes import GUIDED, build, draw, energy, judge
from rigid_cases import rigid

from physim.compound import Compound, Part
from physim.scene import Scene
from physim.shapes import Box, Capsule, Cylinder, Hull, Sphere
from physim.simulate import simulate


@pytest.mark.parametrize("first", range(0, 60, 6))
def test_nothing_explodes_sinks_or_gains_energy(first):
    assert not (faults := faults_of(range(first, first + 6), draw, judge)), faults


@pytest.mark.parametrize("first", range(GUIDED, GUIDED + 24, 6))
def test_nothing_explodes_that_joints_tie_and_paddles_hit(first):
    assert not (faults := faults_of(range(first, first + 6), draw, judge)), faults


@pytest.mark.parametrize("seed", [1064, 1073, 1074, 1133, 1154])
def test_whips_toggles_and_tied_things_that_a_paddle_crushes_do_not_blow_up(seed):
    drawn = draw(seed)
    verdict = judge(drawn)
    assert not verdict.faults, f"{drawn}: {verdict.faults}"
    assert verdict.energy_gain < 5e-4  # joints and blows on them keep the energy as well as contacts do


def test_plate_that_a_blow_turns_the_other_way_lands_on_its_other_corners():
    drawn = draw(487)
    verdict = judge(drawn, keep=(6,))
    assert not verdict.faults, verdict.faults
    assert verdict.sunk < 5e-4  # four of the eight corners alone: 4.4 mm


def test_a_seed_names_one_scene():
    a, b = build(draw(11)), build(draw(11))
    assert [e.position for e in a] == [e.position for e in b] and len(a.bodies) == len(b.bodies) > 0
    assert [e.position for e in build(draw(12))] != [e.position for e in a]


def crate(inner: float, thick: float) -> Compound:
    """Six walls around a cube of empty space, one body."""
    parts = []
    for axis in range(3):
        for side in (-1, 1):
            size = np.full(3, inner + 2 * thick)
            size[axis] = thick
            centre = np.zeros(3)
            centre[axis] = side * (inner + thick) / 2
            parts.append(Part(Box(tuple(size)), tuple(centre)))
    return Compound(tuple(parts))


def cloud(rng: np.random.Generator, scene: Scene, count: int, inward: float) -> None:
    """Bodies of all kinds on a cubic lattice, thrown about at 2 m/s and with ``inward`` m/s towards the middle."""
    side = int(np.ceil(count ** (1 / 3)))
    for k in range(count):
        place = (np.array([k % side, k // side % side, k // side**2]) - (side - 1) / 2) * 0.32
        points = rng.normal(size=(12, 3))
        shapes = (
            Sphere(0.1), Box((0.2, 0.12, 0.16)), Capsule(0.06, 0.12), Cylinder(0.08, 0.15),
            Hull(0.12 * points / np.linalg.norm(points, axis=1, keepdims=True)),
        )  # fmt: skip
        q = rng.normal(size=4)
        scene.add(
            shapes[k % 5], rigid(mass=float(rng.uniform(0.5, 2.0)), restitution=1.0), name=f"body {k}",
            position=tuple(place), orientation=tuple(q), angular_velocity=tuple(rng.normal(size=3) * 2),
            velocity=tuple(rng.normal(size=3) * 2 / 3**0.5 - inward * place),
        )  # fmt: skip


@pytest.mark.slow  # ten simulated seconds with some thousand impacts
@pytest.mark.parametrize("crated", [False, True])
def test_thirty_elastic_bodies_keep_their_momentum_and_gain_no_energy_for_ten_seconds(crated):
    rng = np.random.default_rng(30)
    scene = Scene(gravity=(0.0, 0.0, 0.0))
    cloud(rng, scene, 29 if crated else 30, 0.0 if crated else 3.0)
    if crated:
        scene.add(crate(1.7, 0.2), rigid(mass=40.0, restitution=1.0), name="crate")
    trajectory = simulate(scene, seconds=10.0, fps=24.0, device="cpu")
    assert len(trajectory.contacts) > (500 if crated else 30)
    mass = np.array([e.mass for e in scene.bodies])
    velocity = np.stack([trajectory.bodies[e.name].dense_velocity for e in scene.bodies], axis=1)
    momentum = np.einsum("n,tnc->tc", mass, velocity)
    carried = np.einsum("n,tn->t", mass, np.linalg.norm(velocity, axis=2)).max()
    # the impulses are single precision, equal and opposite to the last bit of each
    assert np.linalg.norm(momentum - momentum[0], axis=1).max() < 1e-5 * carried
    kinetic, _ = energy(trajectory)
    # single precision impulses: a few 1e-9 of the energy of each, at most 5e-7 in eight crated scenes
    assert (kinetic - np.minimum.accumulate(kinetic)).max() < 1e-6 * kinetic[0]
    if crated:
        position = np.stack([trajectory.bodies[f"body {k}"].dense_position for k in range(29)], axis=1)
        centre = trajectory.bodies["crate"].dense_position[:, None]
        assert np.linalg.norm(position - centre, axis=2).max() < 0.85 * 3**0.5 + 0.02, "all are still inside"
