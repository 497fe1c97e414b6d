"""Depth from geometry and hints against scenes whose depth is known."""

import numpy as np
import pytest

from physim.camera import Camera
from physim.depth import FAR, continued, geometric, resampled
from physim.layers import Layers
from physim.shapes import Sphere
from physim.shot import Hints
from physim.view import plane_depth
from physim.zbuffer import depth_of, placed

SIZE = (90, 120)
CAMERA = Camera.looking(SIZE, fov_deg=60, pitch_deg=15, height=1.5)


def flat(colour=(0.5, 0.5, 0.5)):
    return np.broadcast_to(np.float32(colour), (*SIZE, 3)).copy()


def known(**hints):
    return Hints(camera={"height": 1.5}, **hints)


def test_the_ground_is_metric_and_the_sky_is_far_but_finite():
    result = geometric(flat(), CAMERA, known(), SIZE)
    truth = plane_depth(CAMERA, 0.0, far=FAR)
    ground = truth < FAR
    assert np.allclose(result.depth[ground], truth[ground])
    assert (result.depth[~ground] == FAR).all()
    assert result.confidence[ground].min() > result.confidence[~ground].max()


def test_a_surface_lies_at_its_height():
    region = {"box": [30, 60, 80, 85]}
    result = geometric(flat(), CAMERA, known(surfaces=[{"name": "table", "region": region, "height": 0.7}]), SIZE)
    points = CAMERA.unproject(CAMERA.pixel_grid(), result.depth)
    assert np.allclose(points[62:83, 32:78, 1], 0.7)


def test_a_surface_above_the_horizon_is_named():
    surfaces = [{"name": "shelf", "region": {"box": [30, 0, 80, 30]}, "height": 0.7}]
    with pytest.raises(ValueError, match="shelf"):
        geometric(flat(), CAMERA, known(surfaces=surfaces), SIZE)


def test_a_wall_stands_behind_the_ground():
    result = geometric(flat(), CAMERA, known(wall=6.0), SIZE)
    points = CAMERA.unproject(CAMERA.pixel_grid(), result.depth)
    assert points[..., 2].min() == pytest.approx(-6.0, abs=1e-6)
    assert np.allclose(points[:20, :, 2], -6.0)
    assert np.allclose(points[-10:, :, 1], 0.0, atol=1e-9)


def test_an_upright_thing_takes_the_depth_of_its_foot():
    """A dark post before a bright sky, its foot on ground that ends behind it."""
    picture = flat((0.6, 0.7, 0.9))
    horizon = int(np.flatnonzero(plane_depth(CAMERA, 0.0, far=FAR)[:, 0] < FAR)[0])
    picture[horizon:] = (0.4, 0.35, 0.3)
    rng = np.random.default_rng(0)
    picture[10:60, 55:62] = 0.15 + 0.1 * rng.random((50, 7, 1))  # textured, so that it is no sky
    hints = known(ground=[[0, 60], [120, 60], [120, 90], [0, 90]])
    depth = geometric(picture, CAMERA, hints, SIZE).depth
    foot = depth[60, 58]
    assert depth[30, 58] == pytest.approx(foot, rel=0.25)
    assert depth[10, 20] == FAR


def test_a_click_bends_depth_towards_it_and_leaves_the_ground_alone():
    picture = flat((0.3, 0.3, 0.3))
    picture[:45] = (0.8, 0.5, 0.2)
    before = geometric(picture, CAMERA, known(wall=6.0), SIZE)
    click = {"pixel": [60.5, 5.5], "depth": 3.0}
    after = geometric(picture, CAMERA, known(wall=6.0, clicks=[click]), SIZE)
    assert after.depth[5, 60] == pytest.approx(3.0, rel=1e-6)
    assert after.depth[5, 70] < 0.9 * before.depth[5, 70]
    assert np.abs(after.depth[80] / before.depth[80] - 1).max() < 0.02


def test_the_result_knows_its_lens_and_the_ground_faces_up():
    result = geometric(flat(), CAMERA, known(), SIZE)
    assert np.allclose(result.intrinsics, CAMERA.intrinsics)
    up = result.normals @ CAMERA.world_from_camera[:3, :3].T
    ground = plane_depth(CAMERA, 0.0, far=FAR) < FAR
    assert np.allclose(up[ground], (0, 1, 0), atol=1e-6)
    assert (result.normals[~ground] == 0).all()


def test_shrinking_keeps_the_mean():
    rng = np.random.default_rng(0)
    picture = rng.random((90, 120, 3)).astype(np.float32)
    assert np.allclose(resampled(picture, (30, 40)).mean((0, 1)), picture.mean((0, 1)), atol=1e-5)


def test_continued_keeps_hits_and_fills_the_rest_from_the_nearest():
    surface = np.full((5, 9), np.inf)
    surface[2, 2], surface[2, 6] = 1.0, 3.0
    carried = continued(surface, np.ones((5, 9), dtype=bool))
    assert carried[2, 2] == 1.0
    assert carried[0, 0] == 1.0
    assert carried[4, 8] == 3.0


def test_layers_tell_what_stays_from_what_moves():
    base = plane_depth(CAMERA, 0.0, far=FAR)
    layers = Layers(CAMERA, base, CAMERA)
    ball = placed(Sphere(0.3).triangles, (0.0, 0.3, -3.0))
    mask = np.isfinite(depth_of(ball, CAMERA))
    layers.add(ball, mask, 2, moves=True)
    v, u = np.argwhere(mask).mean(0)
    top = layers.point_at((u + 0.5, v + 0.5), "ball")
    assert np.linalg.norm(top - (0.0, 0.3, -3.0)) == pytest.approx(0.3, rel=0.02)
    below = layers.point_at((u + 0.5, v + 0.5), "ground", plate=True)
    assert below[1] == pytest.approx(0.0, abs=1e-6)
    assert (layers.ids == 2).sum() == mask.sum()
    with pytest.raises(ValueError, match="sky"):
        layers.point_at((60.0, 0.5), "emit.pixel")
    with pytest.raises(ValueError, match="outside the photo"):
        layers.point_at((500.0, 0.5), "emit.pixel")
