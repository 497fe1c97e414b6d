"""Depth on another grid: exact on planes, no mixing of near and far, unknown stays unknown."""

import numpy as np
import pytest

from physim.camera import Camera
from physim.depth_grid import normals_of, regridded
from physim.depth_result import FAR, DepthResult
from physim.view import plane_depth

SIZE = (90, 120)
CAMERA = Camera.looking(SIZE, fov_deg=60, pitch_deg=35, height=1.5)
SMALL, LARGE = (45, 60), (225, 300)


def ground(size):
    return plane_depth(CAMERA.resized(size), 0.0, far=FAR)


@pytest.mark.parametrize("size", [SMALL, LARGE, (36, 48), (108, 144)])
def test_a_plane_stays_that_plane(size):
    result = regridded(DepthResult(ground(SIZE)), size)
    inner = np.s_[2:-2, 2:-2]  # beyond the outermost samples there is nothing to interpolate from
    # a pixel cut in two counts with its centre, which is a twentieth of a pixel off
    tolerance = 2e-3 if size == (36, 48) else 1e-9
    assert np.allclose(result.depth[inner], ground(size)[inner], rtol=tolerance)
    assert result.valid.all()


@pytest.mark.parametrize("size", [SMALL, LARGE, (36, 48), (108, 144), (6, 8)])
def test_no_pixel_lies_between_near_and_far(size):
    depth = np.where(np.add.outer(np.arange(90) * 0.4, np.arange(120)) < 70, 1.0, 5.0)
    assert set(np.round(regridded(DepthResult(depth), size).depth.ravel(), 9)) == {1.0, 5.0}


def test_the_mean_over_the_pixel_would_mix_them():
    """What the test above guards against is what plain resampling does."""
    depth = np.where(np.add.outer(np.arange(90) * 0.4, np.arange(120)) < 70, 1.0, 5.0)
    mixed = depth.reshape(45, 2, 60, 2).mean((1, 3))
    assert ((mixed > 1.2) & (mixed < 4.8)).any()


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_what_is_unknown_neither_counts_nor_leaks(size):
    depth = np.full(SIZE, 2.0)
    depth[30:60, 40:80] = 1e9
    valid = depth < 10
    result = regridded(DepthResult(depth, valid), size)
    assert np.allclose(result.depth[result.valid], 2.0)
    where = (np.arange(size[0]) + 0.5) / size[0], (np.arange(size[1]) + 0.5) / size[1]
    inside = np.outer((where[0] > 0.35) & (where[0] < 0.65), (where[1] > 0.35) & (where[1] < 0.65))
    assert not result.valid[inside].any()
    assert (result.confidence[inside] == 0).all()


def test_lens_and_normals_come_along():
    normals = np.zeros((*SIZE, 3))
    normals[:, :60], normals[:, 60:] = (0, 0, -1), (-0.6, 0, -0.8)
    depth = np.where(np.arange(120) < 60, 1.0, 3.0) * np.ones((90, 1))
    result = regridded(DepthResult(depth, normals=normals, intrinsics=CAMERA.intrinsics), SMALL)
    assert np.allclose(result.intrinsics, CAMERA.resized(SMALL).intrinsics)
    assert np.allclose(result.normals[:, :30], (0, 0, -1))
    assert np.allclose(result.normals[:, 30:], (-0.6, 0, -0.8))


def test_relative_depth_is_not_resampled_before_it_is_aligned():
    with pytest.raises(ValueError, match="aligned first"):
        regridded(DepthResult(ground(SIZE), kind="affine_inverse"), SMALL)


def test_normals_of_a_plane_are_exact_and_an_edge_keeps_both_sides():
    level = np.array([0.0, 1.0, 0.0]) @ CAMERA.world_from_camera[:3, :3]
    depth = ground(SIZE)
    assert np.allclose(normals_of(depth, CAMERA.intrinsics), level, atol=1e-5)
    depth[:, 50:] = 0.7  # a board facing the camera, in front of the ground
    found = normals_of(depth, CAMERA.intrinsics)
    assert np.allclose(found[:, :50], level, atol=1e-5)
    assert np.allclose(found[:, 50:], (0, 0, -1), atol=1e-5)


def test_where_nothing_is_known_there_is_no_normal():
    depth = np.full(SIZE, 2.0)
    depth[10:20] = FAR
    depth[40, 40] = np.nan
    found = normals_of(depth, CAMERA.intrinsics, far=FAR)
    assert (found[10:20] == 0).all()
    assert (found[40, 40] == 0).all()
    assert np.allclose(found[41:, 41:], (0, 0, -1), atol=1e-6)
