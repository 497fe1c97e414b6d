"""Balls of known size on the ground give the camera back, and say how well they tell it."""

import numpy as np
import pytest

from physim.ball_pose import ball_centre, ball_pose
from physim.camera import Camera
from physim.camera_guess import guessed_camera
from physim.shot import BallHint, CameraHint, Hints

SIZE = (480, 720)
GREY = np.full((*SIZE, 3), 0.5, np.float32)


def _seen(camera: Camera, centre, radius: float) -> BallHint:
    """The outline of a ball, fitted to the rays that graze it (points of its rim as the camera sees it)."""
    ray = np.asarray(centre, float) - camera.position
    d = np.linalg.norm(ray)
    axis = ray / d
    side = np.cross(axis, [0, 1, 0] if abs(axis[1]) < 0.9 else [1, 0, 0])
    side /= np.linalg.norm(side)
    other = np.cross(axis, side)
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)[:, None]
    middle, rim = centre - axis * radius**2 / d, radius * np.sqrt(1 - (radius / d) ** 2)
    pixels, _ = camera.project(middle + rim * (np.cos(turn) * side + np.sin(turn) * other))
    mean = pixels.mean(0)
    x, y = (pixels - mean).T
    a, b, c, e, f = np.linalg.lstsq(np.stack([x * x, x * y, y * y, x, y], 1), np.ones(len(x)), rcond=None)[0]
    form = np.array([[a, b / 2], [b / 2, c]])
    offset = np.linalg.solve(form, -0.5 * np.array([e, f]))
    values, vectors = np.linalg.eigh(form / (1 + offset @ form @ offset))
    axes = 1 / np.sqrt(values)
    angle = np.degrees(np.arctan2(vectors[1, 0], vectors[0, 0]))
    return BallHint(ellipse=(*(mean + offset), axes[0], axes[1], angle), diameter=2 * radius)


PLACES = [(-0.3, -0.8, 0.033), (0.5, -1.3, 0.11), (0.1, -2.0, 0.033), (-0.7, -2.4, 0.11)]


def _balls(camera, count):
    return [_seen(camera, (x, r, z), r) for x, z, r in PLACES[:count]]


@pytest.mark.parametrize("place", PLACES)
def test_a_balls_centre_is_where_it_is(place):
    x, z, r = place
    camera = Camera.looking(SIZE, fov_deg=70, pitch_deg=25, roll_deg=7, height=0.6)
    ball = _seen(camera, (x, r, z), r)
    local = np.linalg.inv(camera.world_from_camera) @ (x, r, z, 1)
    np.testing.assert_allclose(ball_centre(ball.ellipse, ball.diameter, camera.intrinsics), local[:3], rtol=1e-9)


@pytest.mark.parametrize(("pitch", "roll"), [(5.0, 0.0), (25.0, -6.0), (60.0, 12.0)])
def test_three_balls_give_pitch_roll_and_height_back(pitch, roll):
    truth = Camera.looking(SIZE, fov_deg=60, pitch_deg=pitch, roll_deg=roll, height=0.6)
    ahead = 0.6 / np.tan(np.radians(pitch)) if pitch > 30 else 1.4  # [m] to the ground in the picture's middle
    balls = [_seen(truth, (x, r, z - ahead + 1.4), r) for x, z, r in PLACES]
    hints = Hints(camera=CameraHint(fov=60, balls=balls))
    camera, report = guessed_camera(hints, GREY)
    np.testing.assert_allclose(camera.world_from_camera, truth.world_from_camera, atol=1e-6)
    assert "4 balls" in report["camera.pitch"] and "4 balls" in report["camera.height"]


def test_two_balls_give_pitch_and_height_of_a_level_camera_and_one_gives_its_height():
    truth = Camera.looking(SIZE, fov_deg=60, pitch_deg=20, height=0.6)
    two, _ = guessed_camera(Hints(camera=CameraHint(fov=60, balls=_balls(truth, 2))), GREY)
    np.testing.assert_allclose(two.world_from_camera, truth.world_from_camera, atol=1e-6)
    one, report = guessed_camera(Hints(camera=CameraHint(fov=60, pitch=20, balls=_balls(truth, 1))), GREY)
    assert one.position[1] == pytest.approx(0.6, rel=1e-6)
    assert "(user)" in report["camera.pitch"]


def test_the_error_that_is_told_is_the_scatter_of_outlines_drawn_to_a_pixel():
    truth = Camera.looking(SIZE, fov_deg=60, pitch_deg=20, height=0.6)
    balls, rng, found = _balls(truth, 4), np.random.default_rng(0), []
    told = ball_pose(balls, truth.intrinsics)
    for _ in range(200):
        drawn = []
        for ball in balls:
            u, v, a, b, angle = ball.ellipse
            more = rng.normal()
            drawn.append(BallHint(
                ellipse=(u + rng.normal(), v + rng.normal(), a + more, b + more, angle), diameter=ball.diameter,
            ))  # fmt: skip
        pose = ball_pose(drawn, truth.intrinsics)
        found.append((pose.pitch, pose.roll))
    scatter = np.std(found, axis=0)
    np.testing.assert_allclose((told.pitch_error, told.roll_error), scatter, rtol=0.3)


def test_balls_in_a_row_do_not_tell_the_pitch_and_leave_it_to_other_hints():
    truth = Camera.looking(SIZE, fov_deg=60, pitch_deg=20, height=0.6)
    row = [_seen(truth, (x, 0.033, -1.2), 0.033) for x in (-0.2, 0.2)]
    camera, report = guessed_camera(Hints(camera=CameraHint(fov=60, balls=row)), GREY)
    assert "balls" not in report["camera.pitch"]
    assert "2 balls" in report["camera.height"]
    assert camera.position[1] > 0


def test_balls_above_a_camera_that_looks_up_are_refused():
    truth = Camera.looking(SIZE, fov_deg=60, pitch_deg=20, height=0.6)
    with pytest.raises(ValueError, match=r"hints\.camera\.balls: their ground would be"):
        guessed_camera(Hints(camera=CameraHint(fov=60, pitch=-40, balls=_balls(truth, 1))), GREY)
