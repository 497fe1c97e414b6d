import numpy as np
import pytest
from cloth_tracks import cloth_trajectory, hung, waving
from view_scenes import linear, photo_scene, track

from physim.camera import Camera
from physim.camera_path import CameraPath
from physim.cloth_view import ClothView
from physim.materials import Rigid
from physim.scene import Cutout, Scene
from physim.shapes import Sphere
from physim.sheet import Sheet
from physim.surfaces import Surfaces

SIZE = (240, 320)
CUTOUT = Cutout(np.zeros((*SIZE, 3), np.float32), np.ones(SIZE, np.float32), (0, 0))


def bare_scene(size=SIZE, moves=()):
    scene = Scene()
    scene.camera = CameraPath(Camera.looking(size, fov_deg=50, height=1.5), tuple(moves))
    return scene


def material(frame):
    """World points (N, 3) of all visible pixels at another vertex set: a function of vertices (V, 3)."""
    seen = frame.face >= 0
    weight = np.concatenate([1 - frame.weight.sum(-1, keepdims=True), frame.weight], axis=-1)[seen].astype(np.float64)

    def points(vertices, faces):
        return np.einsum("nk,nki->ni", weight, vertices[faces[frame.face[seen]]].astype(np.float64))

    return seen, points


@pytest.mark.parametrize("moves", [(), (linear("orbit", 0.3, distance=2.0),)])
def test_flow_of_a_waving_sheet_is_the_motion_of_its_material_points(moves):
    sheet = Sheet((1.2, 0.8), (96, 64))
    scene = bare_scene(moves=moves)
    view = ClothView(cloth_trajectory(scene, {"flag": (sheet, waving)}, frames=4), SIZE)
    frame = view.at(1 / 24)
    v0, v1, u0, u1 = frame.window
    seen = frame.face >= 0
    assert seen.sum() > 5000
    for other in (2 / 24, 0.0):
        flow = view.motion(frame, other).flow[seen]
        # The closed form at the place in the fabric; a facet of 12.5 mm lies within 1 / 8 edge^2 curvature of it.
        rest = frame.rest[seen][:, :2].astype(np.float64)
        both = [waving(np.concatenate([rest, sheet.rest[[0, -1]]]), t)[:-2] for t in (1 / 24, other)]
        here, then = (scene.camera.at(t, SIZE).project(p)[0] for t, p in zip((1 / 24, other), both, strict=True))
        np.testing.assert_allclose(flow, then - here, atol=0.03)
        # Of the very facets that are drawn the motion is exact.
        vertices = [waving(sheet.rest, t) for t in (1 / 24, other)]
        _, points = material(frame)
        here, then = (
            scene.camera.at(t, SIZE).project(points(p, sheet.faces))[0]
            for t, p in zip((1 / 24, other), vertices, strict=True)
        )
        np.testing.assert_allclose(flow, then - here, atol=0.005)
        grid = scene.camera.start.pixel_grid()[v0:v1, u0:u1][seen]
        np.testing.assert_allclose(here, grid, atol=0.002)


def test_forward_and_backward_motion_undo_each_other():
    sheet = Sheet((1.2, 0.8), (48, 32))
    view = ClothView(cloth_trajectory(bare_scene(), {"flag": (sheet, waving)}, frames=4), SIZE)
    here, after = view.at(1 / 24), view.at(2 / 24)
    forward, backward = view.motion(here, 2 / 24).flow, view.motion(after, 1 / 24).flow
    full = np.full((*SIZE, 2), np.nan)
    v0, v1, u0, u1 = after.window
    full[v0:v1, u0:u1] = np.where((after.face >= 0)[..., None], backward, np.nan)
    v0, v1, u0, u1 = here.window
    seen = here.face >= 0
    start = view.photo_camera.pixel_grid()[v0:v1, u0:u1][seen]
    place = start + forward[seen]
    i, j = (place - 0.5).astype(int).T
    s, t = (place - 0.5 - np.stack([i, j], 1)).T
    inside = (i >= 0) & (j >= 0) & (i < SIZE[1] - 1) & (j < SIZE[0] - 1)
    i, j, s, t = i[inside], j[inside], s[inside, None], t[inside, None]
    back = (1 - t) * ((1 - s) * full[j, i] + s * full[j, i + 1]) + t * (
        (1 - s) * full[j + 1, i] + s * full[j + 1, i + 1]
    )
    error = np.abs(forward[seen][inside] + back).max(axis=-1)
    error = error[np.isfinite(error)]
    assert len(error) > 5000
    # Bilinear over facets that bend against each other, and over the crest that hides what is behind it.
    assert np.percentile(error, 99) < 0.02


def test_resting_cloth_has_no_flow_and_comes_from_its_own_pixels():
    scene = photo_scene()
    sheet = Sheet((0.8, 0.5), (8, 5))
    path = lambda rest, t: hung(rest, t, centre=(0.1, 0.6, -1.4))  # noqa: E731
    view = ClothView(cloth_trajectory(scene, {"flag": (sheet, path)}, frames=2, flag={"cutout": CUTOUT}), (120, 160))
    frame = view.at(1 / 24)
    seen = frame.face >= 0
    assert not view.motion(frame, 2 / 24).flow.any()
    v0, v1, u0, u1 = frame.window
    grid = scene.camera.start.pixel_grid()[v0:v1, u0:u1]
    assert seen.sum() > 1000
    np.testing.assert_allclose(frame.source_uv[seen], grid[seen], atol=1e-3)


def test_place_in_the_photo_leads_back_to_the_material_point():
    sheet = Sheet((1.2, 0.8), (30, 20))
    scene = bare_scene()
    view = ClothView(cloth_trajectory(scene, {"flag": (sheet, waving)}, frames=8, flag={"cutout": CUTOUT}), SIZE)
    late = view.at(0.25)
    seen, points = material(late)
    at_start = points(waving(sheet.rest, 0.0).astype(np.float32), sheet.faces)
    np.testing.assert_allclose(late.source_uv[seen], scene.camera.start.project(at_start)[0], atol=1e-3)
    rest = points(np.pad(sheet.rest, ((0, 0), (0, 1))), sheet.faces)[:, :2]
    np.testing.assert_allclose(late.rest[seen][:, :2], rest, atol=1e-6)


def test_both_sides_are_seen_and_told_apart():
    sheet = Sheet((0.8, 0.8), (8, 8))

    def turning(rest, t):
        angle = np.pi * t * 24 / 2
        x, y = rest.T
        return np.stack([x * np.cos(angle), y + 1.5, -2 - x * np.sin(angle)], axis=1)

    view = ClothView(cloth_trajectory(bare_scene(), {"flag": (sheet, turning)}, frames=2), SIZE)
    front, back = view.at(0.0), view.at(2 / 24)
    sides = [frame.rest[frame.face >= 0][:, 2] for frame in (front, back)]
    assert (sides[0] == 1).all() and (sides[1] == -1).all() and len(sides[1]) == pytest.approx(len(sides[0]), rel=0.02)
    for frame in (front, back):
        np.testing.assert_allclose(frame.normal[frame.face >= 0], np.tile([0, 0, 1.0], (len(sides[0]), 1)), atol=1e-5)
    facing = view.motion(front, 2 / 24).facing[front.face >= 0]
    assert (facing < 0).all(), "the front looks away once it has turned"


def test_smooth_normals_are_those_of_a_cylinder():
    sheet = Sheet((1.0, 0.6), (40, 4))

    def bent(rest, t):
        x, y = rest.T
        return np.stack([0.4 * np.sin(x / 0.4), y + 1.5, -2 + 0.4 * (np.cos(x / 0.4) - 1)], axis=1)

    frame = ClothView(cloth_trajectory(bare_scene(), {"flag": (sheet, bent)}, frames=1), SIZE).at(0.0)
    seen = frame.face >= 0
    angle = frame.rest[seen][:, 0] / 0.4
    inner = np.abs(angle) < 1.1
    truth = np.stack([np.sin(angle), 0 * angle, np.cos(angle)], axis=1)[inner]
    np.testing.assert_allclose(frame.normal[seen][inner], truth, atol=0.01)


def test_nearer_of_sphere_and_cloth_is_seen_and_ids_are_entity_numbers():
    scene = photo_scene(wall=6.0, pitch_deg=0.0, height=1.5)
    ball = (0.0, 1.5, -2.0)
    scene.add(Sphere(0.25), Rigid(), name="ball", position=ball)
    slanted = lambda rest, t: np.stack([rest[:, 0], rest[:, 1] + 1.5, -2.0 + rest[:, 0]], axis=1)  # noqa: E731
    result = cloth_trajectory(
        scene, {"flag": (Sheet((1.0, 1.0), (10, 10)), slanted)}, {"ball": track([ball] * 3)}, frames=2
    )
    surfaces = Surfaces(result, (120, 160))
    seen = surfaces.at(0.0)
    rays = scene.camera.start.rays(scene.camera.start.pixel_grid())
    scale = rays @ scene.camera.start.world_from_camera[:3, 2]
    to = np.array(ball) - scene.camera.start.position
    along = rays @ to
    square = along**2 - to @ to + 0.25**2
    sphere = np.where(square > 0, (along - np.sqrt(np.maximum(square, 0))) * scale, np.inf)
    direction = rays / scale[..., None]
    plane = 2.0 / (1 + direction[..., 0])  # z = 2 - x
    inside = (np.abs(plane * direction[..., 0]) < 0.5) & (np.abs(plane * direction[..., 1]) < 0.5)
    plane = np.where(inside, plane, np.inf)
    # The cloth is given the benefit of its slack, so that a body does not poke through it.
    both = np.isfinite(sphere) & np.isfinite(plane)
    clear = np.abs(np.where(both, sphere, 9.0) - np.where(both, plane, 0.0)) > 0.02
    truth = np.where(np.minimum(sphere, plane) > 5, 0, np.where(sphere < plane, 1, 2))
    edge = np.abs(np.gradient(truth.astype(float))).sum(axis=0) > 0
    assert (truth == 1).sum() > 200 and (truth == 2).sum() > 1000
    np.testing.assert_array_equal(seen.ids[clear & ~edge], truth[clear & ~edge])
    cloth = (seen.ids == 2) & ~edge & clear
    np.testing.assert_allclose(seen.depth[cloth], plane[cloth], rtol=1e-5)


def test_what_a_fold_covers_is_hidden_and_the_rest_is_not():
    scene = photo_scene(wall=6.0, pitch_deg=0.0, height=1.5)
    sheet = Sheet((1.0, 0.6), (100, 4))

    def folding(rest, t):
        # The right half is laid over the left one, 2 mm before it.
        x, y = rest.T
        folded = t > 0.5 / 24
        return np.stack([np.where(folded & (x > 0), -x, x), y + 1.5, -2.0 + 0.002 * (folded & (x > 0))], axis=1)

    result = cloth_trajectory(scene, {"flag": (sheet, folding)}, frames=3)
    surfaces = Surfaces(result, (120, 160))
    here, after = surfaces.at(0.0), surfaces.at(1 / 24)
    hidden = surfaces.motion(here, after)[1] > 0
    cloth = here.ids == 1
    v0, v1, u0, u1 = here.cloths.window
    x = np.zeros((120, 160))
    x[v0:v1, u0:u1] = here.cloths.rest[..., 0]
    inner = cloth & (np.abs(x) > 0.03) & (np.abs(x) < 0.47)
    assert inner.sum() > 500
    assert hidden[inner].all(), "the left half is covered, the right half shows its back"
    still = surfaces.motion(after, surfaces.at(2 / 24))[1] > 0
    assert (after.ids == 1).sum() > 500 and not still[after.ids == 1].any()


def test_the_clear_margin_of_a_cloth_hides_nothing_behind_it():
    """Meshes of the photo's cloths reach beyond its outline; through what has no cover the cloth behind is seen."""
    sheet, scene = Sheet((1.2, 0.8), (12, 8)), bare_scene()
    alpha = np.zeros(SIZE, np.float32)
    alpha[:, :160] = 1.0  # the left half of the picture
    half = Cutout(np.zeros((*SIZE, 3), np.float32), alpha, (0, 0))
    cloths = {
        "near": (sheet, lambda rest, t: hung(rest, t, centre=(0.0, 1.5, -2.0))),
        "far": (sheet, lambda rest, t: hung(rest, t, centre=(0.0, 1.5, -2.5))),
    }
    view = ClothView(cloth_trajectory(scene, cloths, frames=2, near={"cutout": half}), SIZE)
    frame = view.at(0.0)
    v0, v1, u0, u1 = frame.window
    focal = scene.camera.start.focal
    u, v = np.meshgrid(np.arange(u0, u1) + 0.5 - 160, np.arange(v0, v1) + 0.5 - 120)
    inside = {z: (np.abs(u) < 0.6 * focal / z - 1) & (np.abs(v) < 0.4 * focal / z - 1) for z in (2.0, 2.5)}
    left, right = u < 0, u > 2  # its soft edge goes on by a pixel
    assert (frame.ids[inside[2.0] & left] == scene.number_of("near")).all()
    assert (frame.ids[inside[2.5] & right] == scene.number_of("far")).all()
    outside = (np.abs(u) > 0.6 * focal / 2.5 + 1) & right
    assert outside.any() and (frame.ids[outside] == 0).all(), "and where nothing is behind it there is nothing"
