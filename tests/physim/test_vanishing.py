"""Pitch and roll from straight edges, on rendered scenes whose camera is known."""

import numpy as np
import pytest

from benchmarks.depth_scenes import scene
from physim.camera import Camera
from physim.vanishing import down_of, seen_frame


@pytest.mark.parametrize("name", ["street_0", "room_0", "corridor_2", "table_2"])
def test_what_is_built_tells_how_the_camera_is_held(name):
    case = scene(name)
    down = -case.camera.camera_from_world[:3, 1]
    frame = seen_frame(case.image, case.camera.focal)
    assert frame.pitch == pytest.approx(np.degrees(np.arcsin(down[2])), abs=1.5)
    assert frame.roll == pytest.approx(np.degrees(np.arctan2(down[0], down[1])), abs=1.5)


def test_nature_and_noise_do_not():
    assert seen_frame(scene("park_0").image, 300.0) is None
    assert seen_frame(np.random.default_rng(0).random((200, 300, 3)).astype(np.float32), 300.0) is None
    assert seen_frame(np.full((200, 300, 3), 0.5, np.float32), 300.0) is None


@pytest.mark.parametrize(("pitch", "roll"), [(10, 5), (-3, -4), (40, 8)])
def test_down_is_that_of_the_camera(pitch, roll):
    camera = Camera.looking((10, 10), pitch_deg=pitch, roll_deg=roll)
    assert np.allclose(down_of(pitch, roll), -camera.camera_from_world[:3, 1])
