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


def outdoors():
    """Grey ground, and sky above the horizon."""
    picture = flat()
    picture[plane_depth(CAMERA, 0.0, far=FAR) >= FAR] = (0.5, 0.65, 0.9)
    return picture


def known(**hints):
    return Hints(camera={"height": 1.5}, **hints)


def test_the_ground_is_metric_and_the_sky_is_far_but_finite():
    result = geometric(outdoors(), CAMERA, known(), SIZE)
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


def test_a_click_on_a_thing_on_the_ground_makes_it_stand_up():
    picture = outdoors()
    picture[50:75, 50:65] = (0.8, 0.2, 0.1)
    lying = geometric(picture, CAMERA, known(), SIZE).depth
    foot = plane_depth(CAMERA, 0.0, far=FAR)[75, 57]
    assert lying[52, 57] == pytest.approx(plane_depth(CAMERA, 0.0, far=FAR)[52, 57])  # may as well be a carpet
    clicked = known(clicks=[{"pixel": [57.5, 60.5], "depth": float(foot)}])
    standing = geometric(picture, CAMERA, clicked, SIZE).depth
    assert np.abs(standing[52:73, 52:63] / foot - 1).max() < 0.1
    beside = np.s_[52:73, :40]
    assert np.allclose(standing[beside], lying[beside], rtol=0.02)


def test_behind_a_thing_that_is_taken_out_the_ground_goes_on():
    """A post before the sky stands up; taken out, the ground is where its foot was and the sky where its top was."""
    picture = outdoors()
    mask = np.zeros(SIZE, dtype=bool)
    mask[5:70, 55:63] = True
    picture[mask] = (0.35, 0.15, 0.1)
    truth = plane_depth(CAMERA, 0.0, far=FAR)
    standing = geometric(picture, CAMERA, known(), SIZE).depth
    assert standing[40, 59] < 0.6 * truth[40, 59]
    without = geometric(picture, CAMERA, known(), SIZE, lifted=mask).depth
    assert np.allclose(without[25:70, 55:63], truth[25:70, 55:63])


def test_water_is_level_whatever_it_looks_like():
    picture = outdoors()
    water = np.zeros(SIZE, dtype=bool)
    water[18:50] = True
    picture[water] = picture[0, 0]  # it mirrors the sky
    truth = plane_depth(CAMERA, 0.0, far=FAR)
    depth = geometric(picture, CAMERA, known(), SIZE, level=water).depth
    assert np.allclose(depth[water & (truth < FAR)], truth[water & (truth < FAR)])


def test_a_click_in_what_looks_like_sky_makes_it_a_wall():
    picture = outdoors()
    assert (geometric(picture, CAMERA, known(), SIZE).depth[:10] == FAR).all()
    click = {"pixel": [60.5, 5.5], "depth": 7.0}
    assert geometric(picture, CAMERA, known(clicks=[click]), SIZE).depth[5, 60] == pytest.approx(7.0)
    assert (geometric(picture, CAMERA, known(sky=False), SIZE).depth[:10] < FAR).all()


def test_a_grey_wall_is_no_sky_unless_the_user_says_so():
    picture = outdoors()
    picture[plane_depth(CAMERA, 0.0, far=FAR) >= FAR] = (0.7, 0.66, 0.6)
    assert (geometric(picture, CAMERA, known(), SIZE).depth[:10] < FAR).all()
    assert (geometric(picture, CAMERA, known(sky=True), SIZE).depth[:10] == FAR).all()


def test_a_wall_that_leaves_the_picture_goes_on_as_its_line_on_the_floor():
    """A corridor wall 1.2 m to the left: near the left edge its foot is below the picture."""
    camera = Camera.looking(SIZE, fov_deg=70, pitch_deg=5, height=1.5)
    rays = camera.unproject(camera.pixel_grid(), 1.0) - camera.position
    floor = plane_depth(camera, 0.0, far=FAR)
    wall = np.where(rays[..., 0] < -1e-6, -1.2 / rays[..., 0], FAR)
    picture = np.where((wall < floor)[..., None], np.float32((0.75, 0.7, 0.6)), np.float32((0.3, 0.3, 0.35)))
    depth = geometric(picture.astype(np.float32), camera, known(sky=False), SIZE).depth
    cut = wall[80:, :8]
    assert np.abs(depth[80:, :8] / cut - 1).max() < 0.15
    assert cut.max() < 0.85 * floor[-1, 0]  # a foot just below the picture would be farther


def test_the_result_knows_its_lens_and_the_ground_faces_up():
    result = geometric(outdoors(), CAMERA, known(), SIZE)
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
