"""Balls above the camera: they stand on nothing, and the shot says how far away they are."""

import numpy as np
import pytest

from physim.camera import Camera
from physim.lift import lift
from physim.shapes import Sphere
from physim.shot import Lift
from physim.zbuffer import depth_of, placed


@pytest.mark.parametrize("pitch", [0, 7, -20])
def test_a_ball_above_the_camera_comes_back_at_the_distance_given(pitch):
    camera = Camera.looking((240, 320), fov_deg=45, pitch_deg=pitch, height=1.2)
    truth, position = Sphere(0.15), (0.3, 1.6, -2.5)
    mesh = placed(truth.triangles, position, (0.0, 0.0, 0.0, 1.0))
    mask = np.isfinite(depth_of(mesh, camera))
    depth = float(camera.project(np.array([position]))[1][0])
    found = lift(mask, camera, Lift(kind="sphere", depth=depth), support=0.0)
    assert found.shape.radius == pytest.approx(0.15, rel=0.02)  # a pixel of fifty
    np.testing.assert_allclose(found.position, position, atol=0.005)
    with pytest.raises(ValueError, match=r"If it is in the air, give ball\.lift\.depth"):
        lift(mask, camera, Lift(kind="sphere"), support=1.45, name="ball")
