"""Many bodies: numbers of slots, the arrangement of memory and what else is around do not reach the result."""

import numpy as np
import pytest
from rigid_cases import G, rigid, run, smooth

from physim import rigid_tidy
from physim.scene import Scene
from physim.shapes import Box, Capsule, Cylinder, Plane, Sphere
from physim.solver_rigid import RigidSolver

SHAPES = (Sphere(0.05), Box((0.08, 0.08, 0.08)), Capsule(0.03, 0.06), Cylinder(0.04, 0.08))


def poured(count: int, shapes=SHAPES) -> Scene:
    """Bodies in layers above a box of five planes."""
    scene = Scene()
    scene.add(Plane(), smooth(friction=0.4))
    for normal in ((1, 0, 0), (-1, 0, 0), (0, 0, 1), (0, 0, -1)):
        scene.add(Plane(normal, -0.3), smooth(friction=0.4))
    rng = np.random.default_rng(count)
    for k in range(count):
        place = (0.13 * (k % 4) - 0.2, 0.1 + 0.13 * (k // 16), 0.13 * (k // 4 % 4) - 0.2)
        spin = tuple(rng.normal(size=3))
        material = rigid(friction=0.4, restitution=0.2, rolling_resistance=0.02, spinning_resistance=2e-3)
        scene.add(shapes[k % len(shapes)], material, position=place, angular_velocity=spin)
    return scene


def test_numbers_of_slots_and_their_tidying_do_not_reach_the_result():
    def pour(kind: str) -> RigidSolver:
        solver = RigidSolver(poured(64), fps=24, device="cpu")
        if kind == "tidy":  # so few bodies are left alone otherwise
            solver._slots = rigid_tidy.Slots(
                solver._pairs, solver._contacts, solver._log.loads, solver._broad, solver.device
            )
        if kind == "shuffled":
            capacity = solver._broad.free.shape[0]
            solver._broad.free.assign(np.random.default_rng(0).permutation(capacity).astype(np.int32))
        for _ in range(24):
            solver.frame()
        return solver

    tidy, plain, shuffled = pour("tidy"), pour("plain"), pour("shuffled")
    for other in (plain, shuffled):
        for a, b in zip(tidy.poses(), other.poses(), strict=True):
            assert np.array_equal(a, b)
        assert np.array_equal(tidy.contacts(), other.contacts())


def test_tidying_moves_all_that_belongs_to_a_slot():
    solver = RigidSolver(poured(64), fps=24, device="cpu")
    capacity = solver._broad.free.shape[0]
    solver._broad.free.assign(np.random.default_rng(0).permutation(capacity).astype(np.int32))
    for _ in range(8):
        solver.frame()
    p, c, loads = solver._pairs, solver._contacts, solver._log.loads

    def rows():
        live = p.live.numpy()[: p.live_count.numpy()[0]].copy()
        columns = [a.numpy()[first : first + len(p.live)] for a, first in rigid_tidy._columns(p, c, loads)]
        return live, [a[live] for a in columns]

    before, kept = rows()
    solved = p.order.numpy()[: p.colour_start.numpy()[-1]]
    walk = [int(np.flatnonzero(before == s)[0]) for s in solved]
    rigid_tidy.Slots(p, c, loads, solver._broad, solver.device).launch()
    after, moved = rows()
    assert (before != after).any() and np.array_equal(np.sort(after), np.arange(len(after)))
    assert np.array_equal(after[walk], np.arange(len(walk)))  # what is solved first comes first
    assert all(np.array_equal(a, b) for a, b in zip(kept, moved, strict=True))
    free = solver._broad.free.numpy()[: solver._broad.free_count.numpy()[0]]
    assert sorted([*free, *after]) == list(range(capacity))


@pytest.mark.parametrize("away", [0.0, 300.0])
def test_a_pile_settles_without_sinking_in_wherever_it_is(away):
    scene = poured(64, (Sphere(0.05),))
    moved = Scene()
    for e in scene:
        at = (e.position[0] + (away if e.is_body else 0.0), e.position[1], e.position[2])
        shape = e.shape
        if isinstance(shape, Plane):
            shape = Plane(shape.normal, shape.offset + shape.normal[0] * away)
        moved.add(shape, e.material, position=at if e.is_body else e.position, angular_velocity=e.angular_velocity)
    solver = run(moved, 2.0, fps=24)
    position, _, velocity, _ = solver.poses()
    assert np.abs(velocity).max() < 0.05
    assert position[:, 1].min() > 0.0495
    apart = np.linalg.norm(position[:, None] - position[None], axis=-1) + np.eye(len(position))
    assert apart.min() > 0.0995


@pytest.mark.parametrize("ratio", [3.0, 20.0])
def test_a_large_body_rests_on_many_small_ones_and_owns_none_of_the_pairs(ratio):
    scene = Scene()
    scene.add(Plane(), smooth(friction=0.5))
    r = 0.02
    side = int(ratio)
    for k in range(side * side):
        place = (2.2 * r * (k % side - (side - 1) / 2), r, 2.2 * r * (k // side - (side - 1) / 2))
        scene.add(Sphere(r), rigid(friction=0.5, rolling_resistance=0.01, density=7800), position=place)
    slab = Box((2.2 * r * side, r, 2.2 * r * side))
    scene.add(slab, rigid(friction=0.5, density=500), name="slab", position=(0, 2.55 * r, 0))
    solver = run(scene, 0.5, fps=24)
    position = solver.poses()[0][-1]
    assert position[1] == pytest.approx(2.5 * r, abs=0.02 * r)
    assert solver._pairs.live_count.numpy()[0] >= 2 * side * side


def test_a_body_apart_from_two_hundred_falls_as_if_alone():
    scene = poured(200, (Sphere(0.05),))
    scene.add(Sphere(0.05), rigid(), name="lone", position=(0.0, 30.0, 0.0))
    track = run(scene, 1.0, fps=24).tracks()["lone"]
    time = np.arange(len(track.dense_position)) / 192
    assert track.dense_position[:, 1] == pytest.approx(30 - 0.5 * G * time**2, abs=1e-6)
