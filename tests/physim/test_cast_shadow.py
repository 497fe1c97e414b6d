"""Where a thing's shadow was in the photo: on the ground, and nowhere above it."""

from types import SimpleNamespace

import numpy as np
import pytest

from physim.camera import Camera
from physim.scene import Light
from physim.separate import _cast_shadow
from physim.shapes import Box

SIZE = (200, 300)


@pytest.fixture
def tower():
    """A tower 10 m high, 60 m away, seen from 2 m above the ground; its light comes from the left."""
    entity = SimpleNamespace(shape=Box((2.0, 10.0, 2.0)), position=(0.0, 5.0, -60.0), orientation=(0, 0, 0, 1))
    return {"tower": entity}


def test_the_air_between_a_tower_and_the_tip_of_its_shadow_is_not_darkened(tower):
    camera = Camera.looking(SIZE, fov_deg=40.0, height=2.0)
    light = Light(direction=(-0.7, 0.7, 0.0))
    layers, thing = SimpleNamespace(photo_camera=camera), SimpleNamespace(name="tower")
    found = _cast_shadow(tower, thing, layers, light)
    assert found.any()
    assert not found[: SIZE[0] // 2].any()  # above the horizon
    # it runs 10 m to the right of the foot
    foot, tip = camera.project(np.array([[0.0, 0.0, -60.0], [10.0, 0.0, -60.0]]))[0]
    u = np.flatnonzero(found[int(foot[1])])
    assert u.min() == pytest.approx(foot[0], abs=9)  # half the tower's width
    assert u.max() == pytest.approx(tip[0], abs=9)
