"""A concave outline in convex pieces: areas add up, few are made, and bodies of them collide as what they are."""

import numpy as np
import pytest

from physim.camera import Camera
from physim.convex_pieces import convex_pieces
from physim.lift import lift
from physim.materials import Rigid
from physim.outline import triangulate
from physim.scene import Scene
from physim.shapes import Box, Hull, Mesh, Plane, Triangles
from physim.shot import Lift
from physim.simulate import simulate
from physim.zbuffer import depth_of, placed

ELL = np.array([[0, 0], [3, 0], [3, 1], [1, 1], [1, 3], [0, 3]], float)
STAR = np.array([(np.cos(a) * r, np.sin(a) * r) for a, r in zip(np.arange(10) * np.pi / 5, [2, 0.8] * 5, strict=True)])


def area(points):
    x, y = points.T
    return 0.5 * abs(x @ np.roll(y, -1) - y @ np.roll(x, -1))


@pytest.mark.parametrize(("polygon", "fewest"), [(ELL, 2), (STAR, 4), (ELL[:4], 1)])
def test_pieces_fill_the_polygon_and_are_few(polygon, fewest):
    pieces = convex_pieces(polygon, triangulate(polygon), slack=0.0)
    assert sum(area(polygon[some]) for some in pieces) == pytest.approx(area(polygon))
    # Hertel and Mehlhorn: at most four times as many as there must be; reflex corners / 2 + 1 are needed
    assert fewest <= len(pieces) <= 2 * fewest


def test_a_rough_edge_makes_no_pieces_and_there_are_never_more_than_asked_for():
    turn = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    rough = np.stack([np.cos(turn), np.sin(turn)], 1) * (1 + 0.004 * (-1.0) ** np.arange(80))[:, None]
    assert len(convex_pieces(rough, triangulate(rough))) == 1
    assert len(convex_pieces(STAR, triangulate(STAR), slack=0.0, most=3)) == 3


def lifted_ell():
    """An L of two boxes, 0.3 m wide and high, 0.1 m thick, its notch to the upper right, lifted from its mask."""
    camera = Camera.looking((240, 320), fov_deg=40, pitch_deg=5, height=0.2)
    seen = np.zeros((240, 320), bool)
    for size, at in (((0.3, 0.1, 0.1), (0.0, 0.05, -1.2)), ((0.1, 0.3, 0.1), (-0.1, 0.15, -1.2))):
        seen |= np.isfinite(depth_of(placed(Box(size).triangles, at), camera))
    return lift(seen, camera, Lift(kind="extrude"), support=0.0, name="ell")


def end_of_a_fall(shape, made, height):
    """Where a cube of 5 cm that falls into the notch from a height [m] is a second later, and the L."""
    scene = Scene()
    scene.add(Plane(), name="ground")
    scene.add(shape, Rigid("wood"), name="ell", position=made.position)
    scene.add(Box((0.05, 0.05, 0.05)), Rigid("wood"), name="cube", position=(0.02, height, made.position[2]))
    track = simulate(scene, seconds=1.0, fps=24)
    return track["cube"].position[-1], track["ell"].position[-1]


def test_a_cube_rests_in_the_notch_of_a_lifted_thing_and_slides_off_its_hull():
    made = lifted_ell()
    shape = made.shape
    assert isinstance(shape, Mesh)
    assert 2 <= len(shape.pieces) <= 4
    cube, ell = end_of_a_fall(shape, made, 0.14)
    assert cube[1] == pytest.approx(0.1 + 0.025, abs=0.012)  # the top of the foot is known to a pixel or two
    assert np.linalg.norm(ell - np.array(made.position)) < 0.02
    bare, _ = end_of_a_fall(Mesh(shape.triangles), made, 0.28)  # just above the hull
    assert bare[1] < 0.05  # down the hull's slope of 45 degrees to the ground


def test_mass_and_inertia_are_those_of_the_mesh_whatever_its_pieces_fill():
    made = lifted_ell()
    bare = Mesh(made.shape.triangles)
    assert made.shape.volume == pytest.approx(bare.volume, rel=1e-12)
    np.testing.assert_allclose(made.shape.inertia_per_density, bare.inertia_per_density)
    filled = sum(Mesh(Triangles(p, hull_faces(p))).volume for p in made.shape.pieces)
    assert filled == pytest.approx(bare.volume, rel=0.05)
    assert Hull(bare.triangles.vertices).volume > 1.3 * bare.volume


def hull_faces(points):
    hull = Hull(points)
    index = [int(np.argmin(np.linalg.norm(points - hull.offset - v, axis=1))) for v in hull.triangles.vertices]
    return np.array(index, np.int32)[hull.triangles.faces]


def test_pieces_that_are_no_points_are_refused():
    with pytest.raises(ValueError, match=r"Mesh.pieces\[0\] has shape \(3, 3\)"):
        Mesh(Box((1, 1, 1)).triangles, (np.zeros((3, 3)),))
