"""Shapes: their meshes are closed and agree with the closed forms of volume and inertia."""

import numpy as np
import pytest

from physim.shapes import Box, Capsule, Cylinder, HeightField, Hull, Mesh, Sphere

SOLIDS = [Sphere(0.1), Box((0.1, 0.2, 0.3)), Capsule(0.1, 0.3), Cylinder(0.1, 0.3)]


@pytest.mark.parametrize("shape", SOLIDS, ids=lambda s: type(s).__name__)
def test_mesh_volume_and_inertia_match_the_closed_form(shape):
    volume, centroid, inertia = shape.triangles.mass_properties()
    assert volume == pytest.approx(shape.volume, rel=5e-3)  # 64 segments lose up to 0.4 % of a circle
    assert np.abs(centroid).max() < 1e-12
    np.testing.assert_allclose(inertia, shape.inertia_per_density, atol=8e-3 * shape.inertia_per_density.max())


@pytest.mark.parametrize("shape", SOLIDS, ids=lambda s: type(s).__name__)
def test_meshes_are_closed_and_every_edge_is_shared_by_two_opposite_faces(shape):
    faces = shape.triangles.faces
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    directed = {tuple(e) for e in edges.tolist()}
    assert len(directed) == len(edges)
    assert all((b, a) in directed for a, b in directed)


def test_bounding_radius_holds_every_vertex():
    for shape in SOLIDS:
        assert np.linalg.norm(shape.triangles.vertices, axis=1).max() <= shape.bounding_radius * (1 + 1e-12)


def test_mass_properties_do_not_depend_on_where_the_mesh_stands():
    mesh = Box((0.1, 0.2, 0.3)).triangles
    moved = type(mesh)(mesh.vertices + [5.0, -3.0, 2.0], mesh.faces)
    volume, centroid, inertia = moved.mass_properties()
    assert volume == pytest.approx(0.006, rel=1e-10)
    np.testing.assert_allclose(centroid, [5, -3, 2], atol=1e-10)
    np.testing.assert_allclose(inertia, Box((0.1, 0.2, 0.3)).inertia_per_density, atol=1e-12)


def test_hull_of_a_boxs_corners_is_the_box_moved_to_its_centre():
    corners = Box((0.2, 0.4, 0.6)).triangles.vertices + [1, 2, 3]
    hull = Hull(corners)
    np.testing.assert_allclose(hull.offset, [1, 2, 3], atol=1e-12)
    assert hull.volume == pytest.approx(0.048, rel=1e-12)
    np.testing.assert_allclose(hull.inertia_per_density, Box((0.2, 0.4, 0.6)).inertia_per_density, atol=1e-12)


def test_a_revolved_profile_encloses_pappus_volume():
    ring = Mesh.revolved(np.array([[1.0, 0], [2, 0], [2, 1], [1, 1], [1, 0]]), segments=512)
    assert ring.volume == pytest.approx(np.pi * (4 - 1) * 1, rel=1e-4)


def test_a_flat_cloud_of_points_is_no_solid():
    with pytest.raises(ValueError, match="one plane"):
        Hull(np.random.default_rng(0).random((10, 3)) * [1, 0, 1])


@pytest.mark.parametrize("make", [lambda: Sphere(0), lambda: Box((1, -1, 1)), lambda: Cylinder(float("nan"), 1)])
def test_lengths_that_are_no_lengths_are_refused(make):
    with pytest.raises(ValueError, match="expected a length greater than 0"):
        make()


def test_height_field_reproduces_a_plane_exactly_and_is_continuous_across_cells():
    x, z = np.meshgrid(np.arange(6) * 0.5 - 1, np.arange(5) * 0.5 + 2)
    field = HeightField(0.3 * x - 0.2 * z + 1, origin=(-1, 2), cell=0.5)
    px, pz = np.random.default_rng(1).uniform([-1, 2], [1.4, 3.9], (100, 2)).T
    np.testing.assert_allclose(field.height_at(px, pz), 0.3 * px - 0.2 * pz + 1, atol=1e-6)
    bumpy = HeightField(np.random.default_rng(2).random((5, 6)), origin=(-1, 2), cell=0.5)
    np.testing.assert_allclose(bumpy.height_at(0.0, 2.3 - 1e-9), bumpy.height_at(0.0, 2.3 + 1e-9), atol=1e-6)
