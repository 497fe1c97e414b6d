"""What a CPU does a row in one go, against the kernels that do it sample by sample."""

from dataclasses import replace

import numpy as np
import pytest
import warp as wp
from cloth_tracks import cloth_track, hung
from compose_scenes import FPS, make_trajectory, speckled
from scipy.ndimage import gaussian_filter

from physim import blend
from physim.compositor import Compositor
from physim.exposure import expose
from physim.materials import Cloth
from physim.scene import Cutout
from physim.shapes import Sphere
from physim.sheet import Sheet
from physim.zbuffer import depth_of, placed

SIZE = (72, 96)
CPU = pytest.mark.skipif(not wp.get_device().is_cpu, reason="a GPU has one way only")


def rolling_ball():
    """A speckled ball of the photo that turns and slides; from 0 to clearly turned away."""
    photo = speckled(SIZE, 4)
    alpha = np.zeros(SIZE, np.float32)
    alpha[14:58, 26:70] = 1.0

    def path(t):
        half = 0.5 * 18.0 * t
        return (0.4 * t, 0.1, -0.6), (0.0, 0.0, -np.sin(half), np.cos(half))

    soft = gaussian_filter(alpha, 0.7)
    return make_trajectory({"ball": (Sphere(0.1), path)}, photo=photo, ball={"cutout": Cutout(photo, soft, (0, 0))})


@CPU
def test_a_ball_row_by_row_is_the_ball_sample_by_sample():
    frames = []
    for rows in (True, False):
        compositor = Compositor(rolling_ball())
        compositor._composer._painter._rows = rows
        frames.append([compositor.frame_at(t) for t in (0.02, 0.05, 0.1, 0.14)])
    for ours, plain in zip(*frames, strict=True):
        # A pixel in a million may fall on the other side of a mirror.
        assert np.percentile(np.abs(ours - plain), 99.9) < 1e-3
    assert np.abs(frames[0][3] - frames[0][0]).max() > 0.1, "it moves"


@CPU
def test_cloth_in_one_go_is_cloth_step_by_step_and_one_look_at_smooth_pieces_is_as_good():
    photo = gaussian_filter(speckled((90, 120), 3), (0.7, 0.7, 0))
    alpha = np.zeros((90, 120), np.float32)
    alpha[25:60, 30:80] = 1.0
    trajectory = make_trajectory({}, photo=photo)
    sheet = Sheet((1.0, 1.0), (20, 20))
    cutout = Cutout(photo, gaussian_filter(alpha, 0.7), (0, 0))
    trajectory.scene.add(sheet, Cloth("cotton"), name="cloth", cutout=cutout)
    track = cloth_track(
        sheet,
        lambda rest, t: hung(rest, t, centre=(0.0, 0.45, -0.6)) + np.array([0.15, 0.05, 0]) * t * FPS / 4,
        frames=4,
    )
    trajectory = replace(trajectory, cloths={"cloth": track})
    for scale, most in ((1, 2e-3), (2, 0.02)):
        compositor = Compositor(trajectory, size=(90 * scale, 120 * scale))
        composer = compositor._composer
        time, weaver = 2.5 / FPS, composer._weaver
        frame = compositor._view.at(time)
        surface = composer._surface(frame, None)
        around = composer._surroundings("cloth", time, frame)
        times = np.array([time, time + 0.004])
        layer = weaver.paint("cloth", times, frame.camera, surface, around, supersample=2)
        weaver._rows = False
        plain = weaver.paint("cloth", times, frame.camera, surface, around, supersample=2)
        assert layer.window == plain.window and layer.colour[..., 3].max() > 0.99
        difference = np.abs(layer.colour - plain.colour)
        assert np.percentile(difference, 99.5) < most and difference.mean() < 0.1 * most
        both = np.isfinite(layer.depth) & np.isfinite(plain.depth)
        assert both.sum() > 0.94 * np.isfinite(plain.depth).sum()
        assert np.abs(layer.depth[both] - plain.depth[both]).max() < 0.01


def test_shadow_takes_light_as_the_formula_says_and_leaves_lit_pixels_alone():
    rng = np.random.default_rng(0)
    picture = rng.random((9, 14, 3)).astype(np.float32)
    shadow = rng.random((9, 14)).astype(np.float32)
    shadow[::2] = 1.0
    tint = np.array([1.0, 1.04, 1.08], np.float32)
    expected = blend.to_srgb(blend.to_linear(picture) * shadow[..., None] ** tint)
    given = picture.copy()
    blend.darken(picture, shadow, tint, device="cpu")
    np.testing.assert_array_equal(picture[::2], given[::2])
    np.testing.assert_allclose(picture[1::2], expected[1::2], atol=2e-4)  # a step of the tables


def test_each_thing_is_seen_at_as_many_instants_as_its_own_way_needs():
    def fast(t):
        return (6.0 * t, 0.1, -0.6), (0.0, 0.0, 0.0, 1.0)

    def slow(t):
        return (0.02 * t, 0.1, -0.8), (0.0, 0.0, 0.0, 1.0)

    trajectory = make_trajectory(
        {"fast": (Sphere(0.05), fast), "slow": (Sphere(0.05), slow)}, photo=speckled((180, 240))
    )
    camera = trajectory.scene.camera.at(0.05, (180, 240))
    shutter = expose(trajectory, camera, 0.05, 0.5)
    assert set(shutter.moving) == {"fast", "slow"}
    assert len(shutter.times_of("slow")) < len(shutter.times_of("fast")) == len(shutter.times)
    for name in shutter.moving:
        assert shutter.times_of(name).mean() == pytest.approx(0.05)


def test_depth_of_many_small_triangles_is_that_of_the_sphere_they_make():
    trajectory = make_trajectory({}, photo=speckled((90, 120)))
    camera = trajectory.scene.camera.start
    centre, radius = np.array([0.05, 0.1, -0.55]), 0.1
    depth = depth_of(placed(Sphere(radius).triangles, centre), camera)
    u, v = np.meshgrid(np.arange(120) + 0.5, np.arange(90) + 0.5)
    rays = camera.rays(np.stack([u, v], axis=-1))
    to = centre - camera.position
    along = rays @ to
    square = along**2 - to @ to + radius**2
    hit = camera.position + rays * (along - np.sqrt(np.maximum(square, 0)))[..., None]
    truth = camera.project(hit.reshape(-1, 3))[1].reshape(depth.shape)
    inside = square > (0.2 * radius) ** 2
    assert np.isfinite(depth[inside]).all()
    assert np.abs(depth - truth)[inside].max() < 0.02 * radius
    assert not np.isfinite(depth[square < 0]).any()
