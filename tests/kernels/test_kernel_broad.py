"""The search for near colliders against brute force, and its slots against a bookkeeper in Python."""

import numpy as np
import pytest
from physim_kernels import broad
from physim_kernels.rigid_data import PLANE

from physim import rigid_pairs
from physim.compound import Compound, Part
from physim.materials import Rigid, Static
from physim.scene import Scene
from physim.shapes import Box, Capsule, Plane, Sphere
from physim.solver_rigid import RigidSolver
from physim.terrain import rotation_matrix


def cloud(seed: int, count: int, spread: float, sizes: float) -> Scene:
    """Spheres, boxes and capsules of sizes over a factor of ``sizes``, some of them static, moving at random."""
    rng = np.random.default_rng(seed)
    scene = Scene()
    scene.add(Plane(), Static(), position=(0, -0.9 * spread, 0))
    for k in range(count):
        r = 0.05 * sizes ** rng.uniform(0, 1)
        shape = [Sphere(r), Box((r, 1.5 * r, 2 * r)), Capsule(0.5 * r, r)][k % 3]
        q = rng.normal(size=4)
        where = dict(position=tuple(rng.uniform(-spread, spread, 3)), orientation=tuple(q))
        if k % 7 == 0:
            scene.add(shape, Static(), **where)
        else:
            scene.add(shape, Rigid(), velocity=tuple(rng.normal(size=3) * 3), **where)
    return scene


def search(solver: RigidSolver, interval: float, *, may_drop: bool = True) -> list[tuple[int, int]]:
    """Live pairs of colliders (low, high), each once whatever slots it has, in the order of the list."""
    p = solver._pairs
    broad.search(
        solver._geometry, solver._bodies, p, solver._broad, interval=interval, gravity=9.81, may_drop=may_drop,
        device=solver.device,
    )  # fmt: skip
    live = p.live.numpy()[: p.live_count.numpy()[0]]
    assert len(set(live)) == len(live)
    live = live[p.side.numpy()[live] == 0]
    a, b = p.collider_a.numpy()[live], p.collider_b.numpy()[live]
    return [(min(i, j), max(i, j)) for i, j in zip(a.tolist(), b.tolist(), strict=True)]


def touching(solver: RigidSolver, interval: float) -> set[tuple[int, int]]:
    """By brute force: pairs whose bounding spheres meet within the interval at their relative speed."""
    g, b = solver._geometry, solver._bodies
    body, bound, kind = g.body.numpy(), g.bound.numpy(), g.kind.numpy()
    turn = rotation_matrix(b.q.numpy())
    arm = np.einsum("nij,nj->ni", turn[body], g.position.numpy())
    x, w = b.x.numpy()[body] + arm, b.w.numpy()[body]
    v = b.v.numpy()[body] + np.cross(w, arm)
    fixed = b.inv_mass.numpy()[body] == 0
    i, j = np.triu_indices(len(body), 1)
    keep = ~(fixed[i] & fixed[j]) & (body[i] != body[j]) & (kind[i] < PLANE)
    i, j = i[keep], j[keep]
    size = np.where(kind[j] >= PLANE, np.maximum(bound[i], bound[j]), np.minimum(bound[i], bound[j]))
    speed = np.linalg.norm(v[i] - v[j], axis=1)
    speed += np.linalg.norm(w[i], axis=1) * bound[i] + np.linalg.norm(w[j], axis=1) * bound[j]
    margin = np.minimum(0.02 * size, 0.05) + interval * speed + 0.5 * 9.81 * interval**2
    above = np.einsum("ni,ni->n", x[i] - x[j], turn[body[j]][:, :, 1]) - bound[i]
    gap = np.where(kind[j] >= PLANE, above, np.linalg.norm(x[i] - x[j], axis=1) - bound[i] - bound[j])
    return set(zip(i[gap < margin].tolist(), j[gap < margin].tolist(), strict=True))


def boxes_apart(solver: RigidSolver, pair: tuple[int, int]) -> bool:
    low, high = solver._broad.lower.numpy(), solver._broad.upper.numpy()
    i, j = pair
    return bool((low[i] > high[j]).any() or (low[j] > high[i]).any())


@pytest.mark.parametrize(
    ("count", "spread", "sizes"), [(20, 0.3, 1.0), (300, 0.9, 1.0), (300, 3.0, 30.0), (150, 60.0, 1000.0)]
)
def test_no_pair_that_may_touch_is_missed_and_each_is_listed_once(count, spread, sizes):
    for seed in range(3):
        solver = RigidSolver(cloud(seed, count, spread, sizes), fps=60, device="cpu")
        for interval in (0.0, 1 / 240, 0.02):
            listed = search(solver, interval)
            assert solver._broad.lost.numpy()[0] == 0
            assert len(set(listed)) == len(listed)
            missed = touching(solver, interval) - set(listed)
            assert all(boxes_apart(solver, pair) for pair in missed)  # the boxes are the finer test
    assert len(listed) > 10


def test_list_goes_by_owner_and_partner_whatever_was_there_before():
    solver = RigidSolver(cloud(1, 300, 0.9, 1.0), fps=60, device="cpu")
    fresh = search(solver, 1 / 240)
    search(solver, 0.02)
    again = search(solver, 1 / 240)
    assert fresh == again == sorted(fresh)


def test_slots_stay_with_their_pair_within_a_frame_and_come_back_after_it():
    solver = RigidSolver(cloud(2, 200, 0.9, 1.0), fps=60, device="cpu")
    p, capacity = solver._pairs, solver._pair_total

    def slots():
        live = p.live.numpy()[: p.live_count.numpy()[0]]
        columns = (p.owner.numpy()[live], p.partner.numpy()[live], p.side.numpy()[live], live)
        return {(i, j, side): s for i, j, side, s in zip(*columns, strict=True)}

    search(solver, 0.02)
    wide = slots()
    search(solver, 0.0, may_drop=False)
    assert slots() == wide
    search(solver, 0.0)
    narrow = slots()
    assert 0 < len(narrow) < len(wide) and all(wide[pair] == slot for pair, slot in narrow.items())
    free = solver._broad.free.numpy()[: solver._broad.free_count.numpy()[0]]
    assert sorted([*free, *narrow.values()]) == list(range(capacity))


def test_parts_of_one_body_and_excluded_bodies_do_not_meet():
    scene = Scene()
    pair = Compound((Part(Sphere(0.1)), Part(Sphere(0.1), position=(0.15, 0, 0))))
    for k in range(3):
        scene.add(pair, Rigid(), position=(0.1 * k, 0.1, 0))
    solver = RigidSolver(scene, fps=60, device="cpu")
    everything = {(i, j) for i in range(6) for j in range(i + 1, 6) if i // 2 != j // 2}
    assert set(search(solver, 0.0)) <= everything and len(search(solver, 0.2)) == len(everything)
    solver._broad = rigid_pairs.search(solver._moving, 3, solver._pair_total, [(1, 0), (2, 1)], solver.device)
    solver._pairs = rigid_pairs.pairs(solver._moving, 3, solver.device)
    assert set(search(solver, 0.2)) == {(i, j) for i, j in everything if {i // 2, j // 2} == {0, 2}}


def test_too_many_partners_of_one_body_end_the_run_with_its_name():
    scene = Scene(gravity=(0, 0, 0))
    scene.add(Sphere(0.05), Rigid(), name="crowded")
    for k in range(200):
        scene.add(Sphere(0.05), Rigid(), position=(1e-4 * k, 0, 0))
    solver = RigidSolver(scene, fps=60, device="cpu")
    with pytest.raises(RuntimeError, match="found no room in frame 0"):
        solver.frame()
