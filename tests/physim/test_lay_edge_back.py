"""The soft edge of a thing that stays, through which the photo shows what is taken away, is laid over the fill."""

import numpy as np
from scipy.ndimage import gaussian_filter

from physim.grow import dilated, eroded
from physim.separate import EDGE, _lay_edge_back
from physim.srgb import to_linear, to_srgb

SIZE = (100, 140)
V, U = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
PALE = np.hypot(U - 95, V - 50) < 30
DARK = np.hypot(U - 55, V - 50) < 25
WALL, WOOD, EBONY = 0.5, np.array([0.7, 0.5, 0.3]), np.array([0.05, 0.03, 0.02])


def over(mask, colour, behind):
    alpha = gaussian_filter(mask * 1.0, 1.0)[..., None]
    return alpha * colour + (1 - alpha) * behind


def test_no_dark_line_stays_along_what_stood_before_the_thing_that_is_gone():
    wall = np.full((*SIZE, 3), WALL)
    truth = over(PALE, WOOD, wall)
    photo = to_srgb(over(PALE, WOOD, over(DARK, EBONY, wall))).astype(np.float32)
    hole = dilated(DARK, 6) & ~eroded(PALE, EDGE)
    plate = np.where(hole[..., None], to_srgb(wall), photo).astype(np.float32)
    line = DARK & dilated(PALE, 3) & ~eroded(PALE, 3)
    left = np.abs(to_linear(photo) - truth)[line].max()
    assert left > 0.2  # the photo's own edge is mixed with ebony
    outside = plate[~hole].copy()
    _lay_edge_back(plate, photo, PALE, hole)
    assert np.array_equal(plate[~hole], outside)
    assert np.abs(to_linear(plate) - truth)[line].max() < 0.1 * left


def test_a_hole_on_the_thing_itself_is_left_alone():
    """What stands in the middle of a saucer is taken away: nothing of its edge is there."""
    photo = to_srgb(over(PALE, WOOD, np.full((*SIZE, 3), WALL))).astype(np.float32)
    hole = np.hypot(U - 95, V - 50) < 12
    plate = photo.copy()
    _lay_edge_back(plate, photo, PALE, hole)
    assert np.abs(plate - photo).max() < 0.02
