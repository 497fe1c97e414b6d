"""A box that is not seen as one: a car's body, cut out of a box by the lines of sight through its outline."""

import numpy as np
import pytest

from physim.camera import Camera
from physim.lift import lift
from physim.lifted import is_closed
from physim.shapes import Box
from physim.shot import Lift
from physim.zbuffer import depth_of, placed

SIZE = (240, 320)
CAMERA = Camera.looking(SIZE, fov_deg=35, pitch_deg=12, height=0.6)
TURN = (0.0, float(np.sin(0.3)), 0.0, float(np.cos(0.3)))
PLACE = np.array([0.03, 0.0, -2.2])
PARTS = [((0.4, 0.12, 0.7), (0.0, 0.12, 0.0))] + [
    ((0.06, 0.12, 0.12), (x, 0.06, z)) for x in (-0.17, 0.17) for z in (-0.28, 0.28)
]
"""A body on four wheels: size and centre, as seen from its own middle [m]."""


def mask_of(camera):
    cosine, sine = np.cos(0.6), np.sin(0.6)
    seen = np.zeros(SIZE, dtype=bool)
    for size, (x, y, z) in PARTS:
        centre = PLACE + (cosine * x + sine * z, y, cosine * z - sine * x)
        seen |= np.isfinite(depth_of(placed(Box(size).triangles, tuple(centre), TURN), camera))
    return seen


@pytest.fixture(scope="module")
def lifted():
    return lift(mask_of(CAMERA), CAMERA, Lift(kind="box"), support=0.0)


def test_it_casts_the_outline_that_no_box_casts(lifted):
    assert lifted.how == "box cut to the outline"
    assert is_closed(lifted.shape.triangles)
    drawn = np.isfinite(depth_of(placed(lifted.shape.triangles, lifted.position), CAMERA))
    seen = mask_of(CAMERA)
    assert (drawn & seen).sum() / (drawn | seen).sum() > 0.95


def test_it_is_as_wide_and_as_deep_as_what_was_seen(lifted):
    """Its plan, from above: that of the body, within a seventh; the far side is hidden and is a box's."""
    points = lifted.shape.triangles.vertices + np.array(lifted.position) - PLACE
    cosine, sine = np.cos(0.6), np.sin(0.6)
    across, along = cosine * points[:, 0] - sine * points[:, 2], sine * points[:, 0] + cosine * points[:, 2]
    assert np.ptp(across) == pytest.approx(0.4, rel=0.15)
    assert np.ptp(along) == pytest.approx(0.7, rel=0.15)
    assert np.ptp(points[:, 1]) == pytest.approx(0.18, rel=0.2)


def test_it_stands_on_the_wheels_that_are_seen_with_its_middle_between_them(lifted):
    from scipy.spatial import Delaunay

    points = lifted.shape.triangles.vertices + np.array(lifted.position)
    assert points[:, 1].min() == pytest.approx(0.0, abs=2e-3)  # a pixel is 4 mm there
    feet = points[points[:, 1] < 0.01][:, [0, 2]]
    assert Delaunay(feet).find_simplex(np.array(lifted.position)[[0, 2]]) >= 0


def test_a_box_stays_a_box_of_eight_corners():
    mask = np.isfinite(depth_of(placed(Box((0.4, 0.3, 0.5)).triangles, (0.0, 0.15, -2.2), TURN), CAMERA))
    assert isinstance(lift(mask, CAMERA, Lift(kind="box"), support=0.0).shape, Box)
