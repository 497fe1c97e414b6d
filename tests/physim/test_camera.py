"""Camera: projection against the definition, round trips, and moves that begin at the photo."""

import numpy as np
import pytest

from physim.camera import Camera
from physim.camera_path import CameraMove, CameraPath, Handheld, Keyframes


def test_the_optical_axis_meets_the_ground_where_trigonometry_says():
    camera = Camera.looking((400, 600), fov_deg=30, pitch_deg=56.5, height=0.3)
    foot = np.array([0, 0, -0.3 / np.tan(np.radians(56.5))])
    pixel, depth = camera.project(foot)
    np.testing.assert_allclose(pixel, (300, 200), atol=1e-9)
    assert depth == pytest.approx(0.3 / np.sin(np.radians(56.5)))


def test_the_field_of_view_spans_the_width():
    camera = Camera.looking((400, 600), fov_deg=30)
    edge = camera.unproject(np.array([600.0, 200.0]), 1.0) - camera.position
    axis = camera.unproject(np.array([300.0, 200.0]), 1.0) - camera.position
    angle = np.degrees(np.arccos(edge @ axis / np.linalg.norm(edge) / np.linalg.norm(axis)))
    assert angle == pytest.approx(15.0)


def test_project_undoes_unproject():
    camera = Camera.looking((400, 600), fov_deg=47, pitch_deg=20, roll_deg=7, height=2)
    rng = np.random.default_rng(0)
    pixels, depth = rng.uniform(0, 400, (50, 2)), rng.uniform(0.1, 9, 50)
    back, back_depth = camera.project(camera.unproject(pixels, depth))
    np.testing.assert_allclose(back, pixels, atol=1e-9)
    np.testing.assert_allclose(back_depth, depth, atol=1e-12)


def test_world_up_is_up_in_the_picture_and_right_is_right():
    camera = Camera.looking((100, 100), pitch_deg=10, height=1)
    (u0, v0), _ = camera.project(np.array([0.0, 1.0, -5.0]))
    (u1, v1), _ = camera.project(np.array([1.0, 2.0, -5.0]))
    assert u1 > u0 and v1 < v0


def test_looking_straight_down_is_no_special_case():
    camera = Camera.looking((100, 100), pitch_deg=90, height=2)
    pixel, depth = camera.project(np.zeros(3))
    np.testing.assert_allclose(pixel, (50, 50), atol=1e-9)
    assert depth == pytest.approx(2)


def test_resizing_scales_pixels_without_half_pixel_terms():
    camera = Camera.looking((400, 600), pitch_deg=30)
    point = np.array([0.2, 0.1, -3.0])
    np.testing.assert_allclose(camera.resized((200, 300)).project(point)[0], camera.project(point)[0] / 2)


def test_squeezing_the_picture_is_refused():
    with pytest.raises(ValueError, match="aspect"):
        Camera.looking((400, 600)).resized((400, 400))


@pytest.mark.parametrize("move", ["dolly", "truck", "pedestal", "pan", "tilt", "roll", "orbit"])
def test_every_move_begins_at_the_photo_and_ends_at_its_amount(move):
    path = CameraPath(Camera.looking((40, 60)), (CameraMove(move, 0.1, start=0, end=2, distance=3),))
    np.testing.assert_array_equal(path.at(0).world_from_camera, path.start.world_from_camera)
    np.testing.assert_array_equal(path.at(2).world_from_camera, path.at(5).world_from_camera)
    assert not np.allclose(path.at(2).world_from_camera, path.start.world_from_camera)


def test_dolly_comes_closer_and_orbit_keeps_its_centre_in_the_middle():
    start = Camera.looking((40, 60), pitch_deg=25, height=1)
    ahead = start.unproject(np.array([30.0, 20.0]), 3.0)
    dolly = CameraPath(start, (CameraMove("dolly", 0.5),)).at(1)
    assert dolly.project(ahead)[1] == pytest.approx(2.5)
    orbit = CameraPath(start, (CameraMove("orbit", 0.4, distance=3.0),)).at(1)
    pixel, depth = orbit.project(ahead)
    np.testing.assert_allclose(pixel, (30, 20), atol=1e-9)
    assert depth == pytest.approx(3.0)


def test_panning_right_moves_the_scene_left():
    start = Camera.looking((40, 60))
    ahead = start.unproject(np.array([30.0, 20.0]), 3.0)
    panned = CameraPath(start, (CameraMove("pan", 0.1),)).at(1)
    assert panned.project(ahead)[0][0] < 30
    raised = CameraPath(start, (CameraMove("tilt", 0.1),)).at(1)
    assert raised.project(ahead)[0][1] > 20
    orbited = CameraPath(start, (CameraMove("orbit", 0.1, distance=3),)).at(1)
    assert start.camera_from_world[:3] @ np.append(orbited.position, 1) @ [1, 0, 0] > 0, "orbit right moves right"


def test_a_zoom_keeps_the_camera_in_place_and_lengthens_its_lens():
    path = CameraPath(Camera.looking((40, 60)), (CameraMove("zoom", np.log(2.0), end=1.0),))
    np.testing.assert_array_equal(path.at(1.0).world_from_camera, path.start.world_from_camera)
    assert path.at(1.0).focal == pytest.approx(2 * path.start.focal)
    point = path.start.unproject(np.array([40.0, 25.0]), 3.0)
    np.testing.assert_allclose(path.at(1.0).project(point)[0], (30 + 2 * 10, 20 + 2 * 5))


def test_keyframes_pass_through_their_values_start_at_rest_and_never_overshoot():
    keys = Keyframes((1.0, 2.0, 3.0), {"truck": (0.0, 1.0, 1.0)})
    along = np.array([keys.transform(t)[0, 3] for t in np.linspace(0, 4, 401)])
    np.testing.assert_allclose(along[[0, 100, 200, 300, 400]], (0, 0, 1, 1, 1), atol=1e-12)
    assert along.min() >= 0
    assert along.max() <= 1 + 1e-12
    assert np.abs(np.diff(along)).max() < 1.6 * 0.01  # a smooth step is at most 1.5 times as fast as a straight one


def test_keyframes_out_of_order_are_refused():
    with pytest.raises(ValueError, match="rising"):
        Keyframes((2.0, 1.0), {"pan": (0.1, 0.2)})


def test_a_hand_sways_as_much_as_it_is_told_about_nothing_and_begins_at_the_photo():
    sways = [Handheld(1.0, 0.01, seed=s) for s in range(40)]
    times = np.linspace(1.0, 21.0, 200)
    poses = np.array([[sway.transform(t) for t in times] for sway in sways])
    pan, truck = np.degrees(poses[..., 0, 2]), poses[..., 0, 3]
    assert np.sqrt((pan**2).mean()) == pytest.approx(1.0, rel=0.05)
    assert np.sqrt((truck**2).mean()) == pytest.approx(0.01, rel=0.05)
    assert abs(pan.mean()) < 0.1
    for sway in sways:
        np.testing.assert_array_equal(sway.transform(0.0), np.eye(4))


def test_slow_sway_is_stronger_than_fast_sway():
    times = np.arange(0, 64, 1 / 32) + 1.0
    power = np.zeros(len(times) // 2)
    for seed in range(20):
        sway = np.array([Handheld(1.0, seed=seed).transform(t)[0, 2] for t in times])
        power += np.abs(np.fft.rfft(sway)[1:]) ** 2
    frequency = np.fft.rfftfreq(len(times), 1 / 32)[1 : len(power) + 1]
    octaves = [power[(frequency >= f) & (frequency < 2 * f)].mean() for f in (0.25, 0.5, 1.0, 2.0)]
    steps = np.log2(octaves)
    np.testing.assert_allclose(np.diff(steps), -2, atol=0.8)  # power density falls with the square of the frequency


def test_a_hand_comes_to_rest_at_its_end():
    sway = Handheld(0.5, 0.01, end=2.0)
    assert not np.allclose(sway.transform(1.0), np.eye(4))
    np.testing.assert_array_equal(sway.transform(2.0), np.eye(4))
    np.testing.assert_array_equal(sway.transform(3.0), np.eye(4))
