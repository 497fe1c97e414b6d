"""Lifting: outlines of known solids give the solids back."""

import numpy as np
import pytest

from physim.camera import Camera
from physim.lift import lift, rim_axis
from physim.outline import outline, triangulate
from physim.shapes import Box, Cylinder, Mesh, Sphere
from physim.shot import CircleHint, Lift
from physim.view import on_plane
from physim.zbuffer import depth_of, placed

SIZE = (240, 320)
VOLUME = 0.06  # of the outline of some 50 pixels across, one pixel is 2 % of a length


def view(pitch):
    return Camera.looking(SIZE, fov_deg=45, pitch_deg=pitch, height=1.2)


def mask_of_solid(solid, position, camera, turn=(0.0, 0.0, 0.0, 1.0)):
    return np.isfinite(depth_of(placed(solid.triangles, position, turn), camera))


def spot(camera, height):
    """A place in the middle of the picture, at this height."""
    x, _, z = on_plane(camera, np.array([170.0, 130.0]), 0.0)
    return float(x), height, float(z)


@pytest.mark.parametrize("pitch", [25, 50, 88])
def test_a_sphere_on_the_ground_comes_back(pitch):
    camera, truth = view(pitch), Sphere(0.15)
    position = spot(camera, 0.15)
    found = lift(mask_of_solid(truth, position, camera), camera, Lift(), support=0.0)
    assert isinstance(found.shape, Sphere)
    assert found.overlap >= 0.95
    assert found.shape.radius == pytest.approx(0.15, rel=0.02)
    assert np.allclose(found.position, position, atol=0.005)


@pytest.mark.parametrize("pitch", [25, 50])
def test_an_upright_cylinder_comes_back(pitch):
    camera, truth = view(pitch), Cylinder(0.12, 0.25)
    position = spot(camera, 0.125)
    found = lift(mask_of_solid(truth, position, camera), camera, Lift(), support=0.0)
    assert isinstance(found.shape, Cylinder)
    assert found.overlap >= 0.95
    assert found.shape.volume == pytest.approx(truth.volume, rel=VOLUME)
    assert np.allclose(found.position, position, atol=0.01)


def test_a_coin_seen_from_above_is_a_cylinder_of_the_given_height():
    camera, truth = view(90), Cylinder(0.1, 0.01)
    position = (0.13, 0.005, -0.07)
    spec = Lift(kind="cylinder", height=0.01)
    found = lift(mask_of_solid(truth, position, camera), camera, spec, support=0.0)
    assert found.shape.height == 0.01
    assert found.shape.radius == pytest.approx(0.1, rel=0.02)
    assert np.allclose(found.position, position, atol=2e-3)


@pytest.mark.parametrize("pitch", [25, 50])
def test_a_turned_box_comes_back(pitch):
    camera, truth = view(pitch), Box((0.3, 0.2, 0.2))
    position, turn = spot(camera, 0.1), (0.0, np.sin(0.25), 0.0, np.cos(0.25))
    found = lift(mask_of_solid(truth, position, camera, turn), camera, Lift(kind="box"), support=0.0)
    assert found.overlap >= 0.95
    assert found.shape.volume == pytest.approx(truth.volume, rel=0.15)  # two sides of a box hide the third


def test_what_stands_on_a_table_is_smaller_than_what_stands_on_the_floor():
    camera = view(30)
    mask = mask_of_solid(Sphere(0.15), spot(camera, 0.15), camera)
    high = lift(mask, camera, Lift(kind="sphere"), support=0.4).shape.radius
    assert high < 0.15 * 0.8


def test_a_turned_profile_stands_under_its_rim():
    camera = view(50)
    profile = [(0.05, 0.0), (0.1, 0.1), (0.09, 0.1), (0.04, 0.02)]
    centre = spot(camera, 0.0)
    truth = Mesh.revolved(np.array([(0.0, 0.0), *profile, (0.0, 0.02)]))
    mask = mask_of_solid(truth, centre, camera)
    # the rim's picture, as an ellipse through its points
    t = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    rim = np.array(centre) + np.stack([0.1 * np.cos(t), 0 * t + 0.1, 0.1 * np.sin(t)], axis=1)
    pixels, _ = camera.project(rim)
    middle = (pixels.min(0) + pixels.max(0)) / 2
    half = np.ptp(pixels, axis=0) / 2
    circle = CircleHint(ellipse=(*middle, *half, 0.0), diameter=0.2, height=0.1)
    found = lift(mask, camera, Lift(kind="revolve", profile=profile, circle=circle), support=0.0)
    world = placed(found.shape.triangles, found.position).vertices
    assert found.overlap >= 0.95
    assert world[:, 1].min() == pytest.approx(0.0, abs=1e-9)
    assert world[:, 1].max() == pytest.approx(0.1, abs=1e-9)
    assert np.allclose(rim_axis(camera, circle.ellipse, 0.1), (centre[0], centre[2]), atol=2e-3)
    alone = lift(mask, camera, Lift(kind="revolve", profile=profile), support=0.0)
    assert np.allclose(np.array(alone.position)[[0, 2]], np.array(found.position)[[0, 2]], atol=0.01)


@pytest.mark.parametrize(
    "spec", [Lift(kind="card"), Lift(kind="extrude", thickness=0.05), Lift(kind="extrude", height=0.05)]
)
def test_an_outline_becomes_a_closed_solid_with_the_same_outline(spec):
    camera = view(40)
    mask = np.zeros(SIZE, dtype=bool)
    mask[100:180, 120:140] = mask[160:180, 120:200] = True  # an L
    found = lift(mask, camera, spec, support=0.0)
    faces = found.shape.triangles.faces
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    forward, backward = {tuple(e) for e in edges}, {tuple(e[::-1]) for e in edges}
    assert forward == backward  # closed: every edge is walked once each way
    assert found.shape.volume > 0
    drawn = mask_of_solid(found.shape, found.position, camera)
    front = (drawn & mask).sum() / mask.sum()
    assert front > 0.95


def test_a_thing_in_the_sky_cannot_stand_on_the_ground():
    camera = Camera.looking(SIZE, fov_deg=45, pitch_deg=-30, height=1.2)
    mask = np.zeros(SIZE, dtype=bool)
    mask[100:120, 100:130] = True
    for kind in ("sphere", "box", "cylinder", "card"):
        with pytest.raises(ValueError, match="kite"):
            lift(mask, camera, Lift(kind=kind), support=0.0, name="kite")


def test_an_outline_walks_round_the_largest_part_only():
    mask = np.zeros((40, 50), dtype=bool)
    mask[10:30, 5:25] = True
    mask[2:4, 40:44] = True
    corners = outline(mask)
    assert sorted(map(tuple, corners.tolist())) == [(5, 10), (5, 30), (25, 10), (25, 30)]


def test_triangles_of_a_star_fill_its_area():
    t = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    star = np.stack([np.cos(t), np.sin(t)], axis=1) * np.where(np.arange(14) % 2, 1.0, 0.4)[:, None]
    faces = triangulate(star)
    a, b, c = (star[faces[:, k]] for k in range(3))
    areas = 0.5 * ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])
    shoelace = 0.5 * np.sum(star[:, 0] * np.roll(star[:, 1], -1) - np.roll(star[:, 0], -1) * star[:, 1])
    assert (areas > 0).all()
    assert areas.sum() == pytest.approx(shoelace, rel=1e-12)


def test_the_depth_buffer_of_a_sphere_is_its_nearest_intersection():
    camera = Camera.looking((120, 160), fov_deg=40, pitch_deg=10, height=0.5)
    centre, radius = np.array([0.1, 0.4, -3.0]), 0.5
    depth = depth_of(placed(Sphere(radius).triangles, centre), camera)
    rays = camera.rays(camera.pixel_grid())
    along = rays @ (centre - camera.position)
    inside = along**2 - np.sum((centre - camera.position) ** 2) + radius**2
    exact = (along - np.sqrt(np.maximum(inside, 0))) * (rays @ camera.world_from_camera[:3, 2])
    both = np.isfinite(depth) & (inside > 0.25 * radius**2)  # not where it is seen edge on
    # the mesh lies up to two sagittas of 64 segments (0.24 % of the radius) inside, seen at up to 60 degrees
    assert np.abs(depth - exact)[both].max() < 0.005 * radius
    assert abs(np.isfinite(depth).sum() / (inside > 0).sum() - 1) < 0.02
