from dataclasses import replace

import numpy as np
import pytest
from cloth_tracks import cloth_track, hung
from compose_scenes import FPS, make_trajectory, speckled

from physim.compositor import Compositor
from physim.materials import Cloth
from physim.render import render
from physim.scene import Cutout, Light
from physim.shapes import Box, Sphere
from physim.sheet import Sheet
from physim.trajectory import CONTACT_DTYPE

SUN = Light(direction=(0.4, 0.8, 0.3), half_angle=0.03, shadow_floor=0.1)


def flat(centre, shift=(0.0, 0.0, 0.0)):
    """Horizontal, front up; it moves by ``shift`` per second."""
    return lambda rest, t: np.stack([rest[:, 0], 0 * rest[:, 0], -rest[:, 1]], axis=1) + centre + np.array(shift) * t


def with_cloth(trajectory, sheet, path, *, frames=4, **looks):
    trajectory.scene.add(sheet, Cloth("cotton"), name="cloth", **looks)
    track = cloth_track(sheet, path, frames=frames)
    return replace(trajectory, cloths={"cloth": track}, contacts=np.zeros(0, CONTACT_DTYPE))


def grey(size=(180, 240)):
    return np.full((*size, 3), 0.6, np.float32)


def test_a_sheet_throws_the_shadow_of_a_thin_plate():
    centre = (0.1, 0.25, -0.55)
    plate = make_trajectory({"plate": (Box((0.3, 0.002, 0.2)), centre)}, photo=grey(), light=SUN)
    sheet = make_trajectory({}, photo=grey(), light=SUN)
    sheet = with_cloth(sheet, Sheet((0.3, 0.2), (30, 20)), flat(centre))
    shadows = [Compositor(t).shadow(0) for t in (plate, sheet)]
    assert (shadows[0] < 0.3).sum() > 1000
    # The plate's shadow is a closed form; the sheet's comes from a chart with texels of 1.3 mm and a few discs of sky.
    difference = np.abs(shadows[0] - shadows[1])
    assert difference.mean() < 0.01
    assert np.percentile(difference, 99) < 0.12


def test_shadow_of_a_sheet_goes_with_the_light_and_softens_with_height():
    softness = []
    for height in (0.05, 0.4):
        trajectory = make_trajectory({}, photo=grey(), light=replace(SUN, direction=(0.0, 1.0, 0.0)))
        trajectory = with_cloth(trajectory, Sheet((0.3, 0.3), (16, 16)), flat((0.0, height, -0.6)))
        compositor = Compositor(trajectory)
        shadow = compositor.shadow(0)
        camera = trajectory.scene.camera.start
        point = camera.unproject(camera.pixel_grid(), trajectory.scene.backdrop.depth)
        under = (np.abs(point[..., 0]) < 0.1) & (np.abs(point[..., 2] + 0.6) < 0.1)
        away = (np.abs(point[..., 0]) > 0.3) | (np.abs(point[..., 2] + 0.6) > 0.3)
        assert shadow[under].max() < 0.35
        assert shadow[away & (shadow > 0)].min() > 0.75
        edge = np.abs(point[..., 2] + 0.6) < 0.1
        softness.append(np.mean((shadow[edge] > 0.4) & (shadow[edge] < 0.8)))
    assert softness[1] > 2 * softness[0]


def test_a_body_below_a_sheet_loses_its_light():
    def brightness(path):
        ball = make_trajectory(
            {"ball": (Sphere(0.06), (0.0, 0.06, -0.6))}, photo=grey(), light=replace(SUN, direction=(0.8, 0.6, 0.0))
        )
        trajectory = with_cloth(ball, Sheet((0.4, 0.4), (20, 20)), path)
        picture = Compositor(trajectory).frame(0)
        ids = render(trajectory, (180, 240)).ids[0]
        return picture[ids == trajectory.scene.number_of("ball")].mean()

    before, aside = brightness(flat((0.38, 0.33, -0.6))), brightness(flat((0.38, 0.33, -3.0)))
    assert before < 0.75 * aside


def test_first_frame_of_a_photographed_cloth_is_the_photo_and_the_rest_of_later_ones_too():
    photo = speckled((90, 120), seed=3)
    trajectory = make_trajectory({}, photo=photo, plate=np.clip(photo * 0.2, 0, 1), light=SUN)
    alpha = np.zeros((90, 120), np.float32)
    alpha[25:60, 30:80] = 1.0
    plate = np.where(alpha[..., None] > 0, photo * 0.2, photo).astype(np.float32)
    backdrop = replace(trajectory.scene.backdrop, plate=plate, hole=alpha.copy())
    trajectory.scene.backdrop = backdrop
    trajectory = with_cloth(
        trajectory, Sheet((1.0, 1.0), (20, 20)),
        lambda rest, t: hung(rest, t, centre=(0.0, 0.45, -0.6)) + np.array([0.15, 0.05, 0]) * t * FPS / 4,
        cutout=Cutout(photo, alpha, (0, 0)),
    )  # fmt: skip
    compositor = Compositor(trajectory)
    np.testing.assert_array_equal(compositor.frame(0), photo)
    conditions = render(trajectory, (90, 120))
    np.testing.assert_array_equal(conditions.coarse[0], photo)
    last = conditions.coarse[3]
    assert np.abs(last - photo)[30:55, 35:75].mean() > 0.02, "it has moved"
    # Where the sheet was and is no more the plate shows, dark.
    ids = conditions.ids[3]
    number = trajectory.scene.number_of("cloth")
    uncovered = (alpha > 0) & (ids != number) & (conditions.hole[3] > 0.9)
    assert uncovered.sum() > 20
    # Pixels of the sheet come from where the photo shows them: colour there, up to the light, is the photo's.
    seen = (ids == number) & np.isfinite(conditions.source_uv[3]).all(-1)
    place = np.floor(conditions.source_uv[3][seen]).astype(int)
    assert (alpha[place[:, 1], place[:, 0]] > 0).mean() > 0.97
    correlation = np.corrcoef(last[seen].ravel(), photo[place[:, 1], place[:, 0]].ravel())[0, 1]
    assert correlation > 0.6


def test_the_light_of_a_photographed_cloth_changes_with_its_slope():
    photo = np.full((90, 120, 3), 0.5, np.float32)
    light = replace(SUN, direction=(1.0, 0.3, 0.6), ambient=(0.1, 0.1, 0.1))
    centre = np.array((0.0, 0.45, -0.6))

    def turned(angle):
        def path(rest, t):
            a = angle if t > 0 else 0.0
            x, y = rest.T
            return np.stack([x * np.cos(a), y, -x * np.sin(a)], axis=1) + centre

        trajectory = make_trajectory({}, photo=photo, light=light)
        alpha = np.ones((90, 120), np.float32)
        trajectory = with_cloth(trajectory, Sheet((0.3, 0.3), (8, 8)), path, cutout=Cutout(photo, alpha, (0, 0)))
        picture = Compositor(trajectory, motion_blur=0).frame(1)
        camera = trajectory.scene.camera.start
        u, v = camera.project(centre)[0].astype(int)
        return float(picture[v, u].mean())

    towards, away = turned(0.4), turned(-0.4)
    assert towards > 0.52 > 0.48 > away, "the front turned towards +x, where the light is, is brighter"


def test_cloth_hides_and_is_hidden_in_the_picture_as_in_the_conditions():
    trajectory = make_trajectory({"ball": (Sphere(0.08), (0.0, 0.3, -0.6))}, photo=grey(), light=SUN)
    trajectory = with_cloth(
        trajectory, Sheet((0.5, 0.5), (20, 20)), flat((0.0, 0.3, -0.6)), colour=(0.0, 0.6, 0.0), texture="plain"
    )
    picture, conditions = Compositor(trajectory).frame(0), render(trajectory, (180, 240))
    green = picture[..., 1] > picture[..., 0] + 0.1
    cloth = conditions.ids[0] == trajectory.scene.number_of("cloth")
    assert cloth.sum() > 2000
    assert (green == cloth).mean() > 0.985
    ball = conditions.ids[0] == trajectory.scene.number_of("ball")
    assert ball.sum() > 100, "its upper half stands out of the sheet"


@pytest.mark.parametrize("texture", ["plain", "woven", "gingham", "checker"])
def test_fabrics_of_every_pattern_keep_their_mean_brightness_at_any_size(texture):
    means = []
    for size in ((90, 120), (360, 480)):
        trajectory = make_trajectory({}, photo=grey((360, 480)), light=SUN)
        trajectory = with_cloth(
            trajectory, Sheet((1.0, 1.0), (10, 10)), flat((0.0, 0.02, -0.6)), colour=(0.5, 0.2, 0.2), texture=texture
        )
        rows, cols = size
        middle = Compositor(trajectory, size).frame(0)[rows // 3 : 2 * rows // 3, cols // 3 : 2 * cols // 3]
        means.append(middle.mean())
    assert means[0] == pytest.approx(means[1], abs=0.03)
