"""Camera: projection against the definition, round trips, and moves that begin at the photo."""

import numpy as np
import pytest

from physim.camera import Camera, CameraMove, CameraPath


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
