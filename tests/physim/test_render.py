from dataclasses import replace

import numpy as np
import pytest
from view_scenes import linear, photo_scene, track, trajectory, turned

import physim
from physim.materials import Rigid, Static
from physim.render import model_size
from physim.scene import Cutout, Scene, StillLayer
from physim.shapes import Box, Sphere
from physim.surfaces import Surfaces

SIZE = (96, 128)


def moving_ball(moves=(), *, cutout=False, frames=6, step=(0.02, 0.0, 0.0), spin=0.05):
    """A ball of 5 cm that slides over the ground before a camera 1 m high."""
    scene = photo_scene(SIZE, moves, pitch_deg=40.0)
    positions = np.array([-0.1, 0.15, -1.2]) + np.arange(frames + 1)[:, None] * np.array(step)
    ball = Sphere(0.15)
    layer = None
    if cutout:
        rows, cols = SIZE
        pixels, depth = scene.camera.start.project(positions[0])
        v, u = np.mgrid[:rows, :cols] + 0.5
        radius = scene.camera.start.focal * 0.15 / depth
        alpha = (np.hypot(u - pixels[0], v - pixels[1]) < radius).astype(np.float32)
        layer = Cutout(scene.backdrop.photo, alpha, (0, 0))
        scene.backdrop = replace(scene.backdrop, hole=alpha, plate=np.full_like(scene.backdrop.photo, 0.5))
    scene.add(ball, Rigid(), name="ball", position=tuple(positions[0]), cutout=layer)
    poses = turned((0, 0, 1), -spin * np.arange(frames + 1))
    return trajectory(scene, {"ball": track(positions, poses)}, frames=frames)


@pytest.fixture(scope="module")
def rendered():
    return physim.render(moving_ball(), SIZE)


def test_every_field_is_filled_and_valid(rendered):
    assert rendered.coarse.shape == (6, *SIZE, 3)  # shapes and finiteness are checked by Conditions itself
    assert rendered.meta["names"] == {"1": "ball"} and rendered.meta["seed"] == 3
    assert set(np.unique(rendered.ids)) == {0, 1}
    assert not rendered.flow_backward[0].any() and not rendered.disocclusion[0].any()
    assert np.abs(rendered.flow[0][rendered.ids[0] == 1]).max() > 1
    assert not rendered.flow[rendered.ids == 0].any()


def test_nothing_moves_in_a_still_scene():
    result = moving_ball(step=(0, 0, 0), spin=0.0, cutout=True, frames=2)
    conditions = physim.render(result, SIZE)
    assert not conditions.flow.any() and not conditions.flow_backward.any()
    assert not conditions.occlusion.any() and not conditions.disocclusion.any()
    grid = result.scene.camera.start.pixel_grid()
    shown = np.isfinite(conditions.source_uv[..., 0])
    assert shown.mean() > 0.97
    np.testing.assert_allclose(conditions.source_uv[shown], np.broadcast_to(grid, (2, *SIZE, 2))[shown], atol=1e-3)


@pytest.mark.parametrize("moves", [(), (("truck", 0.3),), (("orbit", 0.2), ("dolly", 0.2))])
def test_flow_forth_and_back_cancels_on_visible_points(moves):
    result = moving_ball([linear(*m) for m in moves])
    surfaces = Surfaces(result, SIZE)
    here, there = surfaces.at(2 / 24), surfaces.at(3 / 24)
    flow, hidden = surfaces.motion(here, there)
    back, _ = surfaces.motion(there, here)
    v, u = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    x, y = u + flow[..., 0] - 0.5, v + flow[..., 1] - 0.5
    i, j = np.floor(y).astype(int).clip(0, SIZE[0] - 2), np.floor(x).astype(int).clip(0, SIZE[1] - 2)
    s, t = (y - i)[..., None], (x - j)[..., None]
    corners = [back[i + a, j + b] for a in (0, 1) for b in (0, 1)]
    read = (1 - s) * ((1 - t) * corners[0] + t * corners[1]) + s * ((1 - t) * corners[2] + t * corners[3])
    # Bilinear reading across an outline mixes two motions: keep places whose four neighbours are the same thing.
    whole = (hidden == 0) & (x >= 0) & (x < SIZE[1] - 1) & (y >= 0) & (y < SIZE[0] - 1)
    for a in (0, 1):
        for b in (0, 1):
            whole &= there.ids[i + a, j + b] == here.ids
    error = np.linalg.norm(flow + read, axis=-1)[whole]
    assert whole.mean() > 0.8
    assert error.mean() < 0.02 and np.quantile(error, 0.99) < 0.1  # "good" of forward_backward.json
    assert np.quantile(error, 0.95) < 0.05


def test_what_a_sliding_wall_covers_is_occluded_and_what_it_leaves_is_disoccluded():
    scene = photo_scene(SIZE, pitch_deg=0.0, wall=4.0)
    focal, shift = scene.camera.start.focal, 5.0  # pixels per frame of a board 2 m away
    x = np.arange(5)[:, None] * np.array([shift * 2 / focal, 0, 0]) + np.array([-0.3, 1.0, -2.05])
    scene.add(Box((0.6, 0.6, 0.1)), Rigid(), name="board", position=tuple(x[0]))
    conditions = physim.render(trajectory(scene, {"board": track(x)}, frames=4), SIZE)
    board = conditions.ids[1] == 1
    covered = (conditions.ids[2] == 1) & ~board
    left = (conditions.ids[0] == 1) & ~board
    for mask, truth in ((conditions.occlusion[1], covered), (conditions.disocclusion[1], left)):
        both = (mask > 0.5) & truth & (conditions.ids[1] == 0)
        either = ((mask > 0.5) & (conditions.ids[1] == 0)) | truth
        assert truth.sum() > 100
        assert both.sum() / either.sum() > 0.95  # "good" of occlusion_mask_IoU
    face = board & (conditions.flow[1, ..., 0] > 0)
    centre = tuple(np.argwhere(face).mean(axis=0).astype(int))
    assert conditions.flow[1][centre] == pytest.approx((shift, 0), abs=0.005)


def test_thing_of_the_photo_keeps_its_pixels_and_leaves_a_hole():
    conditions = physim.render(moving_ball(cutout=True, step=(0.05, 0, 0), spin=0.0), SIZE)
    last = 5
    ball = conditions.ids[last] == 1
    start = conditions.ids[0] == 1
    assert ball.sum() == pytest.approx(start.sum(), rel=0.1)
    place = conditions.source_uv[last][ball]
    known = place[np.isfinite(place[:, 0])].astype(int)
    assert len(known) > 0.9 * ball.sum()
    assert start[known[:, 1], known[:, 0]].mean() > 0.95
    left = start & ~ball
    assert conditions.hole[last][left].mean() > 0.8
    assert np.isnan(conditions.source_uv[last][left]).mean() > 0.8
    assert conditions.hole[0].max() < 0.05


def test_body_behind_the_background_or_a_still_layer_is_not_seen():
    scene = photo_scene(SIZE, pitch_deg=0.0, wall=1.5)
    scene.add(Sphere(0.1), Rigid(), name="ball", position=(0, 1, -2))
    result = trajectory(scene, {"ball": track([(0, 1, -2)] * 2)}, frames=1)
    assert not Surfaces(result, SIZE).at(0.0).ids.any()
    scene.backdrop = replace(scene.backdrop, depth=np.full(SIZE, 4, np.float32))
    assert Surfaces(result, SIZE).at(0.0).ids.any()
    alpha = np.zeros(SIZE, np.float32)
    alpha[:, :64] = 1
    post = StillLayer("post", Cutout(scene.backdrop.photo, alpha, (0, 0)), 1.0)
    scene.backdrop = replace(scene.backdrop, stills=(post,))
    seen = Surfaces(result, SIZE).at(0.0)
    assert not seen.ids[:, :63].any() and seen.ids[:, 65:].any()
    assert seen.depth[40, 10] == 1.0


def test_static_things_of_the_photo_keep_their_ids():
    result = moving_ball()
    scene = result.scene
    scene.add(Box((0.2, 0.2, 0.2)), Static(), name="block", position=(1, 0.1, -2))
    scene.backdrop.ids[:10, :20] = scene.number_of("block")
    scene.backdrop.ids[60:, 60:70] = scene.number_of("ball")  # it is drawn, the plate behind it is background
    seen = Surfaces(result, SIZE).at(0.0)
    assert (seen.ids[:10, :20] == scene.number_of("block")).all()
    assert not (seen.ids[90:, 60:70] == 1).any()


@pytest.mark.parametrize("photo", [(400, 600), (1080, 1920), (3024, 4032), (303, 384), (512, 512), (4000, 3000)])
def test_default_size_keeps_the_aspect_and_is_divisible_by_four(photo):
    rows, cols = model_size(photo)
    assert rows % 4 == 0 and cols % 4 == 0
    assert abs(rows / cols * photo[1] / photo[0] - 1) < 0.02
    assert 280 <= max(rows, cols) <= 360


def test_scene_without_picture_is_refused_with_advice():
    with pytest.raises(ValueError, match=r"no camera.*reconstruct"):
        physim.render(trajectory(Scene(), frames=1))
