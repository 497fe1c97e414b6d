"""Cloth that falls on itself: what the search finds, and that a heap of it comes to rest."""

import numpy as np
import pytest

import physim
from physim.cloth_contact import ClothContact
from physim.solver_cloth import ClothSolver
from physim.solver_rigid import RigidSolver


def heap(frames: int, fabric: physim.Cloth, cells: int = 28) -> ClothSolver:
    """A sheet on edge drops and collapses."""
    scene = physim.Scene()
    scene.add(physim.Plane(), physim.Static(friction=0.5), name="ground")
    turn = np.array([0.02, 0.05, 0.01, 1.0])
    sheet = physim.Sheet((0.5, 0.5), (cells, cells))
    scene.add(sheet, fabric, name="sheet", position=(0, 0.6, 0), orientation=tuple(turn / np.linalg.norm(turn)))
    rigid = RigidSolver(scene, fps=24, samples_per_frame=1)
    cloth = ClothSolver(scene, rigid)
    rigid.couple(cloth)
    for _ in range(frames):
        rigid.frame()
    return cloth


def rows(contact: ClothContact) -> list[tuple[int, int, int]]:
    """Kind, owner and partner of every row that a search finds."""
    contact.launch_search(4.0e-3, 9.81)
    found = contact.rows.row.numpy()[: contact.rows.totals.numpy()[0]]
    return sorted(zip(found["kind"].tolist(), found["a"].tolist(), found["b"].tolist(), strict=True))


def test_pairs_of_patches_and_single_leaves_find_the_same_rows():
    cloth = heap(12, physim.Cloth("silk"))
    s = cloth.contact.sheets
    found = []
    for plain in (False, True):
        contact = ClothContact(
            x=s.x, v=s.v, inv_mass=s.inv_mass, faces=cloth.whole.faces, rest=s.rest.numpy(), half=s.half.numpy(),
            friction=s.friction.numpy(), geometry=cloth.rigid.geometry, bodies=cloth.rigid.bodies,
            device=cloth.device, plain=plain,
        )  # fmt: skip
        rows(contact)  # a second search knows the rows of the first
        found.append(rows(contact))
    assert len(found[0]) > 200
    assert found[0] == found[1]


def test_the_search_misses_no_vertex_near_a_triangle():
    """All pairs by brute force: whatever is within half a millimetre has a row."""
    from physim_kernels.cloth_row import POINT_FACE

    cloth = heap(12, physim.Cloth("silk"))
    s, contact = cloth.contact.sheets, cloth.contact
    found = {(a, b) for kind, a, b in rows(contact) if kind == int(POINT_FACE)}
    x, faces = s.x.numpy().astype(np.float64), cloth.whole.faces
    a, u, w = (x[faces[:, k]] for k in range(3))
    normal = np.cross(u - a, w - a)
    area = np.linalg.norm(normal, axis=1)
    normal /= area[:, None]
    near = []
    for i, p in enumerate(x):
        high = np.abs(((p - a) * normal).sum(axis=1)) < 5e-4
        weights = [(np.cross(e - d, p - d) * normal).sum(axis=1) / area for d, e in ((a, u), (u, w), (w, a))]
        over = np.min(weights, axis=0) > 0.0
        near += [(i, int(f)) for f in np.flatnonzero(high & over & (faces != i).all(axis=1))]
    assert len(near) > 30
    assert set(near) <= found


@pytest.mark.parametrize("fabric", ["silk", "limp cotton"])
def test_a_heap_comes_to_rest(fabric):
    """No vertex is faster than what a fold may still swing with; folds pressed together once whirred at metres per
    second, fed by impulses that contact remembered from step to step."""
    limp = physim.Cloth("cotton", bending=(1e-7, 1e-7))
    cloth = heap(36, physim.Cloth("silk") if fabric == "silk" else limp)
    speed = np.linalg.norm(cloth.cloths.v.numpy(), axis=1)
    assert np.median(speed) < 0.05
    assert speed.max() < 1.0
