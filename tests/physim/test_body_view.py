import numpy as np
import pytest
from view_scenes import linear, photo_scene, track, trajectory, turned

from physim.body_view import BodyView
from physim.camera import Camera
from physim.camera_path import CameraPath
from physim.materials import Rigid
from physim.scene import Cutout, Scene
from physim.shapes import Box, Capsule, Cylinder, Hull, Sphere

CUTOUT = Cutout(np.zeros((2, 2, 3), np.float32), np.ones((2, 2), np.float32), (0, 0))


def bare_scene(size=(360, 640), *, fov_deg=60.0, height=1.5, moves=()):
    scene = Scene()
    scene.camera = CameraPath(Camera.looking(size, fov_deg=fov_deg, height=height), tuple(moves))
    return scene


def one_body(scene, shape, positions, orientations=None, *, cutout=None):
    scene.add(shape, Rigid(), name="body", position=tuple(positions[0]), cutout=cutout)
    return trajectory(scene, {"body": track(positions, orientations)}, frames=len(positions) - 1)


def test_depth_and_outline_of_a_sphere_equal_ray_intersection():
    size, radius, centre = (360, 640), 0.25, np.array([0.3, 1.4, -2.0])
    scene = bare_scene(size)
    frame = BodyView(one_body(scene, Sphere(radius), [centre, centre]), size).at(0.0)
    camera = scene.camera.start
    rays = camera.rays(camera.pixel_grid())
    along = rays @ (centre - camera.position)
    square = along**2 - np.sum((centre - camera.position) ** 2) + radius**2
    hit = square > 0
    z = (along - np.sqrt(np.maximum(square, 0))) * (rays @ camera.world_from_camera[:3, 2])
    v0, v1, u0, u1 = frame.window
    drawn = np.zeros(size, bool)
    drawn[v0:v1, u0:u1] = np.isfinite(frame.depth)
    # The mesh has 64 x 32 facets: it lies inside by at most r (1 - cos(pi / 64)) twice over, 0.2 px at the outline.
    assert (drawn & ~hit).sum() == 0
    assert (hit & ~drawn).sum() < 0.012 * hit.sum()
    core = square > (0.3 * radius) ** 2
    error = np.abs(frame.depth - z[v0:v1, u0:u1])[core[v0:v1, u0:u1]]
    assert error.max() < 0.02 * radius
    normal = (camera.unproject(camera.pixel_grid(), z) - centre) / radius
    cosine = np.sum(frame.normal * normal[v0:v1, u0:u1], axis=-1)[core[v0:v1, u0:u1]]
    assert cosine.min() > 0.999


def test_flow_of_a_falling_sphere_equals_the_published_closed_form():
    # object_flow_truth.json: r = 0.25 m at 4 m, y = g t^2 / 2, f (y(k+1) - y(k)) / 3.75 at the foremost point.
    expected = [1.258623, 3.775869, 6.293115, 8.810361, 11.327607, 13.844853, 16.362099, 18.879345]
    scene = bare_scene()
    drop = 0.5 * 9.81 * (np.arange(9) / 24) ** 2
    view = BodyView(one_body(scene, Sphere(0.25), [(0.0, 1.5 - y, -4.0) for y in drop]), (360, 640))
    for k, truth in enumerate(expected):
        frame = view.at(k / 24)
        motion = view.motion(frame, (k + 1) / 24)
        v0, _, u0, _ = frame.window
        row = int(180 + view.photo_camera.focal * drop[k] / 3.75) - v0
        flow = motion.flow[row, 319 - u0 : 321 - u0].mean(axis=0)
        assert flow == pytest.approx((0, truth), abs=0.01)


def test_turning_about_the_optical_axis_turns_the_picture():
    angle = np.radians(3.0)
    scene = bare_scene()
    poses = turned((0, 0, -1), [0.0, angle])  # about the view direction: clockwise in the picture
    view = BodyView(one_body(scene, Box((0.8, 0.6, 0.4)), [(0, 1.5, -3)] * 2, poses), (360, 640))
    frame = view.at(0.0)
    flow = view.motion(frame, 1 / 24).flow
    v0, v1, u0, u1 = frame.window
    grid = scene.camera.start.pixel_grid()[v0:v1, u0:u1] - (320, 180)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    body = np.isfinite(frame.depth)
    np.testing.assert_allclose(flow[body], (grid @ turn.T - grid)[body], atol=0.005)


def test_still_body_seen_by_a_moving_camera_moves_as_its_points_project():
    scene = bare_scene(moves=[linear("orbit", 0.2, distance=3.0)])
    view = BodyView(one_body(scene, Cylinder(0.3, 0.6), [(0.1, 1.2, -3)] * 25), (360, 640))
    frame = view.at(0.25)
    flow = view.motion(frame, 0.5).flow
    body = np.isfinite(frame.depth)
    world = frame.point[body] + np.array([0.1, 1.2, -3])  # it is not turned
    truth = scene.camera.at(0.5).project(world)[0] - scene.camera.at(0.25).project(world)[0]
    np.testing.assert_allclose(flow[body], truth, atol=0.005)
    here = scene.camera.at(0.25).project(world)[0]
    v0, v1, u0, u1 = frame.window
    np.testing.assert_allclose(here, scene.camera.start.pixel_grid()[v0:v1, u0:u1][body], atol=0.002)


def test_resting_body_has_no_flow_and_comes_from_its_own_pixels():
    scene = photo_scene()
    view = BodyView(one_body(scene, Sphere(0.1), [(0, 0.3, -1.4)] * 3, cutout=CUTOUT), (120, 160))
    frame = view.at(1 / 24)
    assert not view.motion(frame, 2 / 24).flow.any()
    v0, v1, u0, u1 = frame.window
    body = np.isfinite(frame.depth)
    assert body.sum() > 100
    grid = scene.camera.start.pixel_grid()[v0:v1, u0:u1]
    np.testing.assert_allclose(frame.source_uv[body], grid[body], atol=1e-3)


def test_side_that_was_hidden_in_the_photo_has_no_source():
    scene = bare_scene()
    half_turn = turned((0, 1, 0), [0.0, np.pi])
    result = one_body(scene, Box((0.4, 0.4, 0.4)), [(0, 1.5, -3)] * 2, half_turn, cutout=CUTOUT)
    view = BodyView(result, (360, 640))
    before, after = view.at(0.0), view.at(1 / 24)
    assert np.isfinite(before.source_uv[np.isfinite(before.depth)]).all()
    assert not np.isfinite(after.source_uv).any()
    assert (after.facing[np.isfinite(after.depth)] < 0).all()


def test_added_body_has_no_source():
    view = BodyView(one_body(bare_scene(), Sphere(0.3), [(0, 1.5, -3)] * 2), (360, 640))
    assert not np.isfinite(view.at(0.0).source_uv).any()


def test_cutout_body_is_drawn_two_photo_pixels_larger():
    shapes = [Sphere(0.3), Box((0.6, 0.6, 0.6)), Cylinder(0.3, 0.5), Hull(Box((0.5, 0.4, 0.6)).triangles.vertices)]
    for shape in shapes:
        spans = []
        for cutout in (None, CUTOUT):
            scene = bare_scene()
            frame = BodyView(one_body(scene, shape, [(0, 1.5, -3)] * 2, cutout=cutout), (360, 640), supersample=4).at(0)
            spans.append(np.isfinite(frame.depth).any(axis=0).sum() / 4)
        assert 3.0 < spans[1] - spans[0] < 6.0  # both sides, seen at the depth of the limb


def test_growing_leaves_the_depth_and_the_motion_of_the_front_as_they_are():
    results = []
    for cutout in (None, CUTOUT):
        scene = bare_scene()
        view = BodyView(
            one_body(scene, Box((0.6, 0.6, 0.6)), [(0, 1.5, -3), (0.1, 1.5, -3)], cutout=cutout), (360, 640)
        )
        frame = view.at(0.0)
        v, u = 180 - frame.window[0], 330 - frame.window[2]
        results.append((frame.depth[v, u], *view.motion(frame, 1 / 24).flow[v, u]))
    assert results[0] == pytest.approx(results[1], abs=1e-5)


def test_nearer_body_hides_the_other_and_ids_are_entity_numbers():
    scene = bare_scene()
    scene.add(Sphere(0.3), Rigid(), name="far", position=(0, 1.5, -3))
    scene.add(Box((0.2, 0.2, 0.2)), Rigid(), name="near", position=(0, 1.5, -2))
    tracks = {"far": track([(0, 1.5, -3)] * 2), "near": track([(0, 1.5, -2)] * 2)}
    frame = BodyView(trajectory(scene, tracks, frames=1), (360, 640)).at(0.0)
    v0, _, u0, _ = frame.window
    assert frame.ids[180 - v0, 320 - u0] == scene.number_of("near")
    assert set(np.unique(frame.ids)) == {0, scene.number_of("far"), scene.number_of("near")}


@pytest.mark.parametrize("shape", [Capsule(0.2, 0.4), Cylinder(0.2, 0.5)])
def test_round_shapes_are_shaded_round(shape):
    view = BodyView(one_body(bare_scene(), shape, [(0, 1.5, -2)] * 2), (360, 640))
    frame = view.at(0.0)
    row = frame.normal[frame.normal.shape[0] // 2]
    x = frame.point[frame.normal.shape[0] // 2, :, 0]
    body = np.isfinite(frame.depth[frame.normal.shape[0] // 2])
    # On the tube the normal is radial: its x is x / r up to the facets' depth.
    np.testing.assert_allclose(row[body, 0], x[body] / 0.2, atol=0.01)


def test_supersampled_crop_has_the_same_outline():
    result = one_body(bare_scene(), Sphere(0.3), [(0.2, 1.4, -3)] * 2)
    once = BodyView(result, (180, 320)).at(0.0)
    thrice = BodyView(result, (180, 320), supersample=3).at(0.0)
    assert once.window == thrice.window
    assert thrice.depth.shape == tuple(3 * n for n in once.depth.shape)
    np.testing.assert_array_equal(np.isfinite(thrice.depth[1::3, 1::3]), np.isfinite(once.depth))


def test_body_that_reaches_behind_the_camera_is_drawn_where_it_is_in_front():
    scene = bare_scene(height=0.5)
    frame = BodyView(one_body(scene, Box((4.0, 0.2, 8.0)), [(0, 0, 0)] * 2), (360, 640)).at(0.0)
    depth = np.full((360, 640), np.inf)
    v0, v1, u0, u1 = frame.window
    depth[v0:v1, u0:u1] = frame.depth
    z = scene.camera.start.focal * 0.4 / (np.arange(190, 360) + 0.5 - 180)  # its upper face is a plane 0.4 m below
    seen = z < 3.9
    np.testing.assert_allclose(depth[190:, 320][seen], z[seen], rtol=1e-5)


def test_nothing_is_returned_when_no_body_is_in_the_picture():
    assert BodyView(one_body(bare_scene(), Sphere(0.3), [(0, 1.5, 3)] * 2), (360, 640)).at(0.0) is None
    assert BodyView(trajectory(bare_scene(), frames=1), (360, 640)).at(0.0) is None


def test_scene_without_camera_is_refused():
    with pytest.raises(ValueError, match="no camera"):
        BodyView(trajectory(Scene(), frames=1), (10, 10))


def test_the_points_of_a_body_spread_with_the_zoom():
    scene = photo_scene(moves=[linear("zoom", float(np.log(1.25)))], pitch_deg=0.0)
    scene.add(Sphere(0.3), Rigid("wood"), name="ball", position=(0.1, 1.0, -2.0))
    view = BodyView(trajectory(scene, {"ball": track([(0.1, 1.0, -2.0)] * 25)}, frames=24), (120, 160))
    frame = view.at(0.0)
    motion = view.motion(frame, 1.0)
    v0, v1, u0, u1 = frame.window
    pixels = scene.camera.start.pixel_grid()[v0:v1, u0:u1]
    seen = frame.ids > 0
    assert seen.sum() > 300
    np.testing.assert_allclose(motion.flow[seen], 0.25 * (pixels - (80, 60))[seen], atol=1e-3)
