"""Cups and pots: an upright cone cut level is found from its outline, seen from any height."""

import numpy as np
import pytest

from physim.camera import Camera
from physim.lift import lift
from physim.lift_fit import Silhouette
from physim.lifted import is_closed
from physim.shapes import Box, Hull
from physim.shot import Lift
from physim.zbuffer import depth_of, placed

RING = np.linspace(0, 2 * np.pi, 96, endpoint=False)


def seen(foot, top, height, pitch):
    """A camera half a metre away, the mask of a cup (radii and height in metres) and its true solid and place."""
    rings = [np.stack([r * np.cos(RING), 0 * RING + y, r * np.sin(RING)], 1) for r, y in ((foot, 0), (top, height))]
    solid, down = Hull(np.concatenate(rings)), np.radians(pitch)
    camera = Camera.looking((240, 320), fov_deg=30, pitch_deg=pitch, height=0.5 * np.sin(down) + 0.04)
    centre = np.array([0.02, 0.0, -0.5 * np.cos(down)]) + solid.offset
    mask = np.isfinite(depth_of(placed(solid.triangles, tuple(centre)), camera))
    return camera, mask, solid, centre


@pytest.mark.parametrize("pitch", [20, 35, 56])
@pytest.mark.parametrize(("foot", "top", "height"), [(0.03, 0.045, 0.09), (0.045, 0.03, 0.08)])
def test_a_cup_comes_back_with_its_size_and_place(foot, top, height, pitch):
    camera, mask, solid, centre = seen(foot, top, height, pitch)
    made = lift(mask, camera, Lift(), support=0.0)
    assert made.how == "tapered cylinder"
    assert made.overlap >= 0.99  # asked for: 0.95
    assert made.shape.volume == pytest.approx(solid.volume, rel=0.02)  # 0.15
    away = np.linalg.norm(centre - camera.position)
    assert np.linalg.norm(np.array(made.position) - centre) < 0.003 * away  # 0.03
    assert made.position[1] + made.shape.triangles.vertices[:, 1].min() == pytest.approx(0, abs=1e-9)


def test_a_straight_cup_stays_the_simpler_cylinder():
    camera, mask, _, _ = seen(0.04, 0.04, 0.08, 50)
    assert lift(mask, camera, Lift(), support=0.0).how == "cylinder"


def test_a_handle_does_not_make_a_cup_a_lying_plate():
    camera, mask, solid, centre = seen(0.03, 0.04, 0.07, 56)
    handle = Box((0.03, 0.02, 0.01)).triangles
    mask |= np.isfinite(depth_of(placed(handle, (0.02 - 0.045, 0.04, centre[2])), camera))
    made = lift(mask, camera, Lift(), support=0.0)
    assert made.how == "tapered cylinder with a handle"
    assert made.overlap >= 0.95
    assert len(made.shape.pieces) == 2
    assert is_closed(made.shape.triangles)
    assert made.shape.volume == pytest.approx(solid.volume, rel=0.15)
    assert np.linalg.norm(np.array(made.position) - centre) < 0.03 * np.linalg.norm(centre - camera.position)


@pytest.mark.parametrize(("first", "free"), [(40, False), (0, True)])
def test_a_solid_may_leave_the_photo_only_where_the_thing_reaches_its_border(first, free):
    mask = np.zeros((120, 160), bool)
    mask[first:80, 60:100] = True
    camera = Camera.looking((120, 160), fov_deg=40, pitch_deg=0, height=1)
    outline = Silhouette(mask, camera)
    upwards = int(np.argmin(outline.directions[1]))
    point = camera.unproject(np.array([[80.0, -30.0]]), np.array([1.0]))
    # the logarithm of 30 pixels, weighted by a tenth, or all the pixels between
    miss = outline.error(np.concatenate([point, camera.unproject(np.array([[80.0, 60.0]]), np.array([1.0]))]))[upwards]
    assert miss == pytest.approx(0.1 * np.log(31), abs=0.1) if free else miss > 69
