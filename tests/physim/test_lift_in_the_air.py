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


def test_a_smeared_ball_of_known_size_is_behind_the_middle_of_its_smear():
    camera = Camera.looking((240, 320), fov_deg=45, pitch_deg=40, height=1.2)
    truth = Sphere(0.1)
    places = [(x, 0.1, -1.3) for x in np.linspace(-0.1, 0.1, 9)]
    masks = [np.isfinite(depth_of(placed(truth.triangles, p, (0.0, 0.0, 0.0, 1.0)), camera)) for p in places]
    found = lift(np.any(masks, axis=0), camera, Lift(kind="sphere", radius=0.1), support=0.0)
    assert found.shape.radius == 0.1
    np.testing.assert_allclose(found.position, places[4], atol=0.01)
    assert found.overlap < 0.7  # the smear is twice as long as the ball
    with pytest.raises(ValueError, match="goes with"):
        Lift(kind="box", radius=0.1)
