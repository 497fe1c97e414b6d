import numpy as np
import pytest

from physim.forces import Wind
from physim.materials import Rigid, Static
from physim.scene import Scene
from physim.shapes import Box, Capsule, Cylinder, Hull, Mesh, Plane, Sphere, Triangles
from physim.terrain import bake_terrain, inside_static, shape_distance, static_distance


def frustum() -> Mesh:
    """A truncated cone: radius 1 at y = 0, 0.5 at y = 0.5."""
    return Mesh.revolved(np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.5], [0.0, 0.5]]), segments=256)


def cup() -> Mesh:
    """A straight cup: inner radius 0.04, outer 0.045, inner floor at 0.01, rim at 0.1."""
    return Mesh.revolved(np.array([[0.0, 0.0], [0.045, 0.0], [0.045, 0.1], [0.04, 0.1], [0.04, 0.01], [0.0, 0.01]]))


def test_a_scene_without_static_mesh_has_no_terrain():
    scene = Scene()
    scene.add(Plane())
    scene.add(Sphere(0.1), Rigid(), position=(0, 1, 0))
    scene.add(Wind((1, 0, 0)))
    assert bake_terrain(scene) is None


def test_the_slope_of_a_cone_is_exact_at_the_samples():
    scene = Scene()
    scene.add(Plane())
    scene.add(frustum(), position=(0.3, 0.0, -0.2))
    field = bake_terrain(scene)
    rows, columns = field.heights.shape
    x, z = np.meshgrid(
        field.origin[0] + np.arange(columns) * field.cell, field.origin[1] + np.arange(rows) * field.cell
    )
    exact = np.clip(1.0 - np.hypot(x - 0.3, z + 0.2), 0.0, 0.5)
    # a circle of 256 chords is 7.5e-5 narrower than the circle
    np.testing.assert_allclose(field.heights, exact, atol=2e-4)
    assert max(rows, columns) <= 257


def test_a_cup_is_hollow_and_the_ring_is_the_ground():
    scene = Scene()
    scene.add(Plane(offset=0.002))
    scene.add(cup())
    field = bake_terrain(scene)
    assert field.height_at(0.0, 0.0) == pytest.approx(0.01, abs=1e-6)
    assert field.height_at(0.0425, 0.0) == pytest.approx(0.1, abs=1e-6)
    for x, z in ((0.06, 0.0), (-0.06, 0.06), (1.0, 0.0)):
        assert field.height_at(x, z) == pytest.approx(0.002, abs=1e-6)
    assert np.all(field.heights[0] == np.float32(0.002)) and np.all(field.heights[:, -1] == np.float32(0.002))


def test_a_turned_and_moved_mesh_is_baked_where_it_stands():
    half = np.sqrt(0.5)
    box = Mesh(Box((0.4, 0.2, 0.1)).triangles)
    scene = Scene()
    scene.add(box, position=(1.0, 0.2, 2.0), orientation=(0, 0, half, half))  # 90 degrees about z: stands 0.4 high
    field = bake_terrain(scene, max_cells=64)
    assert field.height_at(1.0, 2.0) == pytest.approx(0.4, abs=1e-6)
    assert field.height_at(1.12, 2.0) == pytest.approx(0.0, abs=1e-6)  # base: the lowest point of the mesh


def test_many_triangles_are_worked_in_chunks_with_the_same_result(monkeypatch):
    scene = Scene()
    scene.add(frustum())
    whole = bake_terrain(scene, max_cells=100).heights
    monkeypatch.setattr("physim.terrain.CHUNK", 5000)
    np.testing.assert_array_equal(whole, bake_terrain(scene, max_cells=100).heights)


def test_signed_distances_agree_with_closest_points_on_the_mesh():
    import trimesh

    points = np.random.default_rng(3).uniform(-1.2, 1.2, (400, 3))
    for shape in (Sphere(0.7), Box((1.0, 0.6, 1.4)), Capsule(0.4, 0.8), Cylinder(0.5, 1.1)):
        mesh = trimesh.Trimesh(shape.triangles.vertices, shape.triangles.faces, process=False)
        _, distance, _ = trimesh.proximity.closest_point_naive(mesh, points)
        # tessellation of the round shapes: chord error r (1 - cos(pi / 64)) = 1e-3, spheres are coarser
        np.testing.assert_allclose(np.abs(shape_distance(shape, points)), distance, atol=0.01)


def test_a_hull_is_the_intersection_of_its_planes():
    hull = Hull(np.array([[x, y, z] for x in (0, 1) for y in (0, 2) for z in (0, 3)], dtype=float))
    inner = np.random.default_rng(5).uniform(-0.4, 0.4, (50, 3))
    expected = shape_distance(Box((1.0, 2.0, 3.0)), inner)
    np.testing.assert_allclose(shape_distance(hull, inner), expected, atol=1e-7)


def test_inside_static_sees_plane_terrain_and_solid():
    scene = Scene()
    scene.add(Plane())
    scene.add(cup(), position=(0.0, 0.0, 0.0))
    scene.add(Box((0.1, 0.1, 0.1)), Static(), position=(0.5, 0.2, 0.0))
    terrain = bake_terrain(scene)
    points = np.array([[0, -0.01, 0], [0, 0.005, 0], [0, 0.05, 0], [0.0425, 0.05, 0], [0.5, 0.2, 0], [0.5, 0.3, 0]])
    np.testing.assert_array_equal(inside_static(scene, points, terrain=terrain), [True, True, False, True, True, False])
    assert static_distance(scene, np.array([0.2, 0.07, 0.0]), terrain=terrain) == pytest.approx(0.07)


def test_too_few_cells_are_refused_with_the_reason():
    scene = Scene()
    scene.add(Mesh(Triangles(Box((1, 1, 1)).triangles.vertices, Box((1, 1, 1)).triangles.faces)))
    with pytest.raises(ValueError, match="max_cells is 5, expected at least"):
        bake_terrain(scene, max_cells=5)
