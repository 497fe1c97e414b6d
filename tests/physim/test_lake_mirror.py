"""Bodies mirrored in a lake: where by the law of reflection, how bright by Fresnel."""

import numpy as np
import pytest
from test_lake_view import SHORE, photo, shot

import physim
from physim.composite import SolidComposer
from physim.compositor import Compositor
from physim.lake_mirror import MIRRORED
from physim.srgb import to_linear

RADIUS = 0.4
ALOFT = np.array([0.3, 0.8, -9.0])


@pytest.fixture(scope="module")
def over_still_water(tmp_path_factory):
    """A white ball hangs over a lake without waves; the camera is 2 m high and looks down a little."""
    path = photo(tmp_path_factory.mktemp("lake") / "lake.png")
    scene = physim.reconstruct(shot(path, forces=[]))
    scene.add(
        physim.Sphere(RADIUS), physim.Kinematic("wood"), name="ball",
        position=tuple(ALOFT), colour=(1.0, 1.0, 1.0),
    )  # fmt: skip
    return physim.simulate(scene, seconds=0.5, fps=8)


def image_of(trajectory):
    compositor = Compositor(trajectory)
    composer: SolidComposer = compositor._composer
    frame = composer._view.at(0.0)
    return composer._mirror.image(frame, composer.exposure(0.0, frame.camera)), frame.camera


def test_the_mirror_image_is_seen_where_the_ball_would_be_under_the_surface(over_still_water):
    image, camera = image_of(over_still_water)
    cover = image[..., 3]
    under = ALOFT * (1, -1, 1)
    ray = np.moveaxis(camera.rays(camera.pixel_grid()), -1, 0)
    away = under - camera.position
    along = sum(ray[k] * away[k] for k in range(3)) / np.linalg.norm(ray, axis=0)
    inside = np.linalg.norm(away) ** 2 - along**2 < RADIUS**2  # the disc of the mirrored ball
    assert inside.sum() > 50 and np.flatnonzero(inside.any(axis=1)).min() > SHORE + 3
    assert cover[inside].mean() > 0.9 and cover[~inside].sum() < 0.1 * inside.sum()
    v, u = np.indices(cover.shape)
    for place in (u, v):
        mean = [(place * weight).sum() / weight.sum() for weight in (cover, inside)]
        assert mean[0] == pytest.approx(mean[1], abs=0.1)


def test_it_is_as_bright_as_fresnel_reflects_and_hides_the_sky_that_was_mirrored_there(over_still_water):
    image, camera = image_of(over_still_water)
    rows = np.flatnonzero((image[..., 3] > 0.99).any(axis=1))
    v = int(rows[len(rows) // 2])
    u = int(np.flatnonzero(image[v, :, 3] > 0.99).mean())
    ray = camera.rays(camera.pixel_grid())[v, u]
    cosine = -ray[1] / np.linalg.norm(ray)
    within = np.sqrt(1 - (1 - cosine**2) / 1.333**2)
    rs = (cosine - 1.333 * within) / (cosine + 1.333 * within)
    rp = (1.333 * cosine - within) / (1.333 * cosine + within)
    share = (rs**2 + rp**2) / 2
    light = over_still_water.scene.light
    brightest = np.asarray(light.colour) + np.asarray(light.ambient)
    darkest = 0.5 * np.asarray(light.ambient)
    assert (image[v, u, :3] <= share * brightest * 1.001).all() and (image[v, u, :3] >= share * darkest).all()
    still = over_still_water.scene.backdrop.photo
    seen = to_linear(Compositor(over_still_water).frame(0)[v, u])
    before = to_linear(still[v, u])
    shade = 1 - (seen - image[v, u, :3]) / before  # what is left is the light from within, in a faint shadow at most
    assert shade == pytest.approx(MIRRORED, abs=0.08)


def test_no_image_of_what_lies_under_water(over_still_water, tmp_path):
    scene = physim.reconstruct(shot(photo(tmp_path / "sunk.png"), forces=[]))
    scene.add(physim.Sphere(RADIUS), physim.Kinematic("wood"), name="ball", position=(0.3, -0.5, -9.0))
    image, _ = image_of(physim.simulate(scene, seconds=0.25, fps=8))
    assert image is None
