"""The ground plane in metric depth against cameras whose pose is known."""

import numpy as np
import pytest

from physim.camera import Camera
from physim.depth_result import DepthResult
from physim.ground_fit import ground_plane
from physim.shapes import Box
from physim.view import plane_depth
from physim.zbuffer import depth_of, placed

SIZE = (90, 120)


def world(pitch, roll, height, *, boxes=(), wall=9.0):
    """(camera, depth) of a floor, boxes (size, place) on it, and a wall across the view."""
    camera = Camera.looking(SIZE, fov_deg=60, pitch_deg=pitch, roll_deg=roll, height=height)
    rays = camera.unproject(camera.pixel_grid(), 1.0) - camera.position
    depth = np.minimum(plane_depth(camera, 0.0, far=1e4), np.where(rays[..., 2] < -1e-6, -wall / rays[..., 2], 1e4))
    for size, place in boxes:
        depth = np.minimum(depth, depth_of(placed(Box(size).triangles, place), camera))
    return camera, depth


@pytest.mark.parametrize(("pitch", "roll", "height"), [(4.0, 0.0, 1.7), (15.0, -3.0, 1.2), (55.0, 8.0, 0.4)])
def test_pitch_roll_and_height_come_back(pitch, roll, height):
    boxes = [((0.5, 0.4, 0.5), (0.1, 0.2, -2.6)), ((1.0, 1.5, 0.5), (-1.4, 0.75, -4.0))]
    camera, depth = world(pitch, roll, height, boxes=boxes)
    plane = ground_plane(DepthResult(depth), camera.focal)
    assert (plane.pitch, plane.roll, plane.height) == pytest.approx((pitch, roll, height), abs=1e-6)
    assert plane.rms < 1e-6


def test_noise_of_two_percent_leaves_half_a_degree_and_two_percent():
    rng = np.random.default_rng(0)
    camera, depth = world(12.0, 2.0, 1.5, boxes=[((0.8, 0.8, 0.8), (0.5, 0.4, -3.0))])
    noisy = depth * (1 + 0.02 * rng.standard_normal(SIZE))
    plane = ground_plane(DepthResult(noisy), camera.focal)
    assert (plane.pitch, plane.roll) == pytest.approx((12.0, 2.0), abs=0.5)
    assert plane.height == pytest.approx(1.5, rel=0.02)


def test_the_floor_wins_over_a_larger_table_above_it():
    camera, depth = world(25.0, 0.0, 1.5, boxes=[((2.2, 0.05, 2.0), (0.0, 0.725, -1.9))])
    on_table = np.abs(camera.unproject(camera.pixel_grid(), depth)[..., 1] - 0.75) < 0.01
    on_floor = np.abs(camera.unproject(camera.pixel_grid(), depth)[..., 1]) < 0.01
    assert on_table.sum() > 1.2 * on_floor.sum() > 0
    assert ground_plane(DepthResult(depth), camera.focal).height == pytest.approx(1.5, abs=1e-6)
    # unless the user outlines the table
    table = ground_plane(DepthResult(depth), camera.focal, on_table)
    assert table.height == pytest.approx(0.75, abs=1e-3)


def test_depth_up_to_a_factor_gives_the_tilt():
    camera, depth = world(10.0, -4.0, 1.5)
    plane = ground_plane(DepthResult(depth * 3.7, kind="scale"), camera.focal)
    assert (plane.pitch, plane.roll) == pytest.approx((10.0, -4.0), abs=1e-6)


def test_a_wall_and_shapeless_depth_have_no_ground():
    rng = np.random.default_rng(1)
    assert ground_plane(DepthResult(np.full(SIZE, 3.0)), 100.0) is None
    assert ground_plane(DepthResult(rng.uniform(1, 9, SIZE)), 100.0) is None
    with pytest.raises(ValueError, match="metres"):
        ground_plane(DepthResult(rng.random(SIZE), kind="affine"), 100.0)
