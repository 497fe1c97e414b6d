"""Every number of the camera from the best source there is, against cameras that are known."""

import numpy as np
import pytest

from physim.camera import Camera
from physim.camera_guess import INDOOR_PITCH, guessed_camera
from physim.depth_result import DepthResult
from physim.shot import Hints
from physim.view import plane_depth

SIZE = (90, 120)
TRUE = Camera.looking(SIZE, fov_deg=50, pitch_deg=14, roll_deg=3, height=1.3)
HELD = {"fov": 50, "pitch": 14, "roll": 3}
PLAIN = np.full((*SIZE, 3), 0.5, np.float32)


def pixel(*point):
    u, v = TRUE.project(np.array(point, dtype=float))[0]
    return float(u), float(v)


def room():
    """Depth of a floor and a wall 6 m ahead."""
    rays = TRUE.unproject(TRUE.pixel_grid(), 1.0) - TRUE.position
    return np.minimum(plane_depth(TRUE, 0.0, far=1e4), -6 / rays[..., 2])


def test_one_known_length_on_the_ground_gives_the_height():
    line = [pixel(-0.5, 0, -3), pixel(0.7, 0, -4)]
    hints = Hints(camera=HELD, lengths=[{"line": line, "metres": float(np.hypot(1.2, 1.0))}])
    camera, report = guessed_camera(hints, PLAIN)
    assert camera.position[1] == pytest.approx(1.3, rel=1e-9)
    assert "a known length" in report["camera.height"]


def test_an_upright_length_starts_at_its_foot():
    line = [pixel(0.4, 0, -3.5), pixel(0.4, 0.9, -3.5)]
    hints = Hints(camera=HELD, lengths=[{"line": line, "metres": 0.9, "upright": True}])
    assert guessed_camera(hints, PLAIN)[0].position[1] == pytest.approx(1.3, rel=1e-9)


def test_the_median_of_several_lengths_forgives_one_and_the_report_says_how_they_differ():
    lines = [([pixel(x, 0, -3), pixel(x, 0, -4)], m) for x, m in ((-0.5, 1.0), (0.0, 1.0), (0.5, 2.0))]
    hints = Hints(camera=HELD, lengths=[{"line": line, "metres": m} for line, m in lines])
    camera, report = guessed_camera(hints, PLAIN)
    assert camera.position[1] == pytest.approx(1.3, rel=1e-9)
    assert "agree to 100 %" in report["camera.height"]


def test_a_length_beside_a_given_height_is_compared_with_it():
    line = {"line": [pixel(0, 0, -3), pixel(0, 0, -4)], "metres": 1}
    camera, report = guessed_camera(Hints(camera=HELD | {"height": 2.0}, lengths=[line]), PLAIN)
    assert camera.position[1] == 2.0
    assert "1.3 m high" in report["camera.lengths"]


def test_a_length_above_the_horizon_is_refused():
    hints = Hints(camera=HELD, lengths=[{"line": [pixel(0, 3, -3), pixel(1, 3, -3)], "metres": 1}])
    with pytest.raises(ValueError, match=r"hints\.lengths\[0\].*horizon"):
        guessed_camera(hints, PLAIN)


def test_clicks_on_the_outlined_ground_give_the_height():
    spots = [pixel(0, 0, -2.5), pixel(0.5, 0, -4)]
    depths = [float(TRUE.project(np.array([x, 0, z]))[1]) for x, z in ((0, -2.5), (0.5, -4))]
    clicks = [{"pixel": p, "depth": d} for p, d in zip(spots, depths, strict=True)]
    hints = Hints(camera=HELD, ground=[[0, 35], [120, 35], [120, 90], [0, 90]], clicks=clicks)
    camera, report = guessed_camera(hints, PLAIN)
    assert camera.position[1] == pytest.approx(1.3, rel=1e-9)
    assert "2 clicks on the ground" in report["camera.height"]


def test_metric_depth_gives_pitch_roll_and_height():
    camera, report = guessed_camera(Hints(), PLAIN, exif_focal=TRUE.focal, given=DepthResult(room()))
    assert np.allclose(camera.world_from_camera, TRUE.world_from_camera, atol=1e-6)
    assert "exif" in report["camera.fov"]
    assert all("plane in the depth" in report[f"camera.{name}"] for name in ("pitch", "roll", "height"))


def test_depth_up_to_a_factor_gives_the_tilt_and_leaves_the_height():
    given = DepthResult(room() * 2.2, kind="scale", intrinsics=TRUE.intrinsics)
    camera, report = guessed_camera(Hints(), PLAIN, given=given)
    assert np.allclose(camera.world_from_camera[:3, :3], TRUE.world_from_camera[:3, :3], atol=1e-6)
    assert camera.focal == pytest.approx(TRUE.focal)
    assert "default" in report["camera.height"]


def test_what_the_user_says_is_never_overruled():
    said = {"fov": 40, "pitch": 5, "roll": 0, "height": 2}
    camera, report = guessed_camera(Hints(camera=said), PLAIN, exif_focal=500.0, given=DepthResult(room()))
    expected = Camera.looking(SIZE, fov_deg=40, pitch_deg=5, roll_deg=0, height=2)
    assert np.allclose(camera.world_from_camera, expected.world_from_camera)
    assert all("(user)" in report[f"camera.{name}"] for name in ("fov", "pitch", "roll", "height"))
    # one at a time: the others are still found
    camera, report = guessed_camera(Hints(camera={"fov": 50, "height": 2.0}), PLAIN, given=DepthResult(room()))
    assert camera.position[1] == 2.0
    assert np.allclose(camera.world_from_camera[:3, :3], TRUE.world_from_camera[:3, :3], atol=1e-6)


def test_with_nothing_known_the_sky_decides_between_the_defaults():
    outdoors = PLAIN.copy()
    outdoors[:40] = (0.5, 0.65, 0.9)
    assert "5.0 degrees" in guessed_camera(Hints(), outdoors)[1]["camera.pitch"]
    line = guessed_camera(Hints(), PLAIN)[1]["camera.pitch"]
    assert f"{INDOOR_PITCH:.1f} degrees" in line
    assert "no sky" in line
