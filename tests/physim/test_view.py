"""Camera from hints: projections of known scenes are inverted exactly."""

import numpy as np
import pytest

from physim.camera import Camera
from physim.shot import CameraHint, CircleHint
from physim.view import camera_from, circle_poses, on_plane, plane_depth

SIZE = (400, 600)


def ellipse_through(pixels):
    """Least-squares conic through points as [u, v, a, b, degrees]; independent of the code under test."""
    centre = pixels.mean(0)
    x, y = (pixels - centre).T
    design = np.stack([x * x, x * y, y * y, x, y], axis=1)
    a, b, c, d, e = np.linalg.lstsq(design, np.ones(len(x)), rcond=None)[0]
    quadratic = np.array([[a, b / 2], [b / 2, c]])
    offset = np.linalg.solve(-2 * quadratic, [d, e])
    scale = 1 + offset @ quadratic @ offset
    values, vectors = np.linalg.eigh(quadratic / scale)
    angle = np.degrees(np.arctan2(vectors[1, 0], vectors[0, 0]))
    return (*(centre + offset), *(1 / np.sqrt(values)), angle)


def seen_circle(camera, centre, radius):
    t = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    points = np.array(centre) + radius * np.stack([np.cos(t), 0 * t, np.sin(t)], axis=1)
    return ellipse_through(camera.project(points)[0])


@pytest.mark.parametrize(("pitch", "roll"), [(56.5, 0.0), (30.0, 5.0), (75.0, -8.0)])
def test_a_circle_gives_pitch_roll_and_height_back(pitch, roll):
    truth = Camera.looking(SIZE, fov_deg=30, pitch_deg=pitch, roll_deg=roll, height=0.31)
    middle = on_plane(truth, np.array([330.0, 180.0]), 0.02)
    hint = CircleHint(ellipse=seen_circle(truth, middle, 0.03), diameter=0.06, height=0.02)
    camera, report = camera_from(CameraHint(fov=30, circle=hint), SIZE)
    assert np.allclose(camera.world_from_camera[:3, :3], truth.world_from_camera[:3, :3], atol=1e-4)
    assert camera.position[1] == pytest.approx(0.31, abs=1e-4)
    assert "circle" in report["camera.pitch"]


def test_one_of_the_two_circle_poses_is_the_true_centre_and_normal():
    camera = Camera.looking(SIZE, fov_deg=45, pitch_deg=40, height=1.0)
    ellipse = seen_circle(camera, (0.1, 0.0, -1.1), 0.2)
    to_camera = camera.camera_from_world
    centre = to_camera[:3, :3] @ np.array([0.1, 0.0, -1.1]) + to_camera[:3, 3]
    normal = to_camera[:3, 1]
    errors = [
        np.linalg.norm(p.centre - centre) + np.linalg.norm(p.normal - normal)
        for p in circle_poses(ellipse, 0.2, camera.intrinsics)
    ]
    assert min(errors) < 1e-5


def test_a_drawn_ellipse_off_by_a_pixel_gives_the_pitch_within_half_a_degree():
    truth = Camera.looking(SIZE, fov_deg=30, pitch_deg=56.5, height=0.31)
    u, v, a, b, angle = seen_circle(truth, (0.0, 0.0, -0.2), 0.06)
    drawn = CircleHint(ellipse=(u + 0.7, v - 0.7, a + 0.7, b + 0.7, angle), diameter=0.12)
    camera, _ = camera_from(CameraHint(fov=30, circle=drawn), SIZE)
    pitch = np.degrees(np.arcsin(-camera.world_from_camera[1, 2]))
    assert pitch == pytest.approx(56.5, abs=0.5)


def test_the_horizon_gives_the_pitch():
    truth = Camera.looking(SIZE, fov_deg=50, pitch_deg=12, height=1.5)
    horizon = truth.project(np.array([0.0, 1.5, -1e7]))[0]
    camera, _ = camera_from(CameraHint(fov=50, horizon=horizon[1] / SIZE[0]), SIZE)
    assert np.allclose(camera.world_from_camera[:3, :3], truth.world_from_camera[:3, :3], atol=1e-6)


def test_every_number_says_where_it_comes_from():
    _, report = camera_from(CameraHint(), SIZE)
    assert all("default" in report[f"camera.{name}"] for name in ("fov", "pitch", "roll", "height"))
    camera, report = camera_from(CameraHint(pitch=10, height=2), SIZE, exif_focal=700.0)
    assert "exif" in report["camera.fov"]
    assert "user" in report["camera.pitch"]
    assert camera.focal == pytest.approx(700.0)


def test_plane_depth_lands_on_the_plane_and_is_far_above_the_horizon():
    camera = Camera.looking((60, 80), fov_deg=60, pitch_deg=5, height=1.5)
    depth = plane_depth(camera, 0.0, far=1e4)
    points = camera.unproject(camera.pixel_grid(), depth)
    near = depth < 1e4
    assert np.abs(points[near][:, 1]).max() < 1e-9
    assert not near[0].any()
    assert near[-1].all()
