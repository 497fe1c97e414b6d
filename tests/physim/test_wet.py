"""Wet surfaces: reflectances against tables and a numerical integral, and which surfaces have been touched."""

import numpy as np
import pytest
from scipy.integrate import quad

from physim.camera import Camera
from physim.scene import Scene
from physim.shapes import Plane
from physim.trajectory import LiquidTrack
from physim.wet import WetMap, outer_reflectance, wet_albedo

H = 0.01


def fresnel(cosine: float, index: float) -> float:
    t = np.sqrt(1 - (1 - cosine**2) / index**2)
    rs, rp = (cosine - index * t) / (cosine + index * t), (index * cosine - t) / (index * cosine + t)
    return (rs**2 + rp**2) / 2


@pytest.mark.parametrize("index", [1.2, 1.333, 1.5, 1.8])
def test_even_light_is_reflected_as_the_integral_over_all_directions_says(index):
    truth, _ = quad(lambda c: 2 * c * fresnel(c, index), 0, 1)
    assert outer_reflectance(index) == pytest.approx(truth, abs=1e-6)


def test_white_stays_almost_white_and_dark_things_become_half_as_bright():
    ratio = wet_albedo(np.array([1e-6, 0.3, 1.0]), 1.333) / np.array([1e-6, 0.3, 1.0])
    assert ratio[0] == pytest.approx(0.9796 * 0.9336 / 1.333**2, abs=1e-3)
    assert ratio[2] == pytest.approx(1 - 0.0204, abs=1e-3)  # only what is reflected on the way in is missing
    assert ratio[0] < ratio[1] < ratio[2]


def test_a_liquid_of_the_index_of_air_changes_nothing():
    albedo = np.linspace(0.05, 0.95, 7)
    assert np.allclose(wet_albedo(albedo, 1.0), albedo, atol=1e-12)


def test_the_ground_is_wet_where_liquid_has_been_and_stays_so():
    scene = Scene()
    scene.add(Plane())
    x, y, z = np.meshgrid(*(H * (np.arange(n) + 0.5) for n in (12, 4, 12)), indexing="ij")
    pool = np.stack([x, y, z], axis=-1).reshape(-1, 3).astype(np.float32) - [0.06, 0, 0.06]
    away = pool + np.float32([0, 0.2, 0])  # lifted off the ground again
    position = np.stack([away, pool, away, away]).astype(np.float32)
    track = LiquidTrack("water", H, H**3, position, np.zeros(position.shape, np.float16))
    camera = looking_down()
    depth = np.full(camera.size, 1.0, np.float32)
    wet = WetMap(scene, track, 24.0, 1.333)
    assert wet.at(0.0, camera, depth) is None  # nothing has touched it yet
    for frame in (1, 3):
        seen = wet.at(frame / 24, camera, depth)
        points = camera.unproject(camera.pixel_grid(), 1.0)
        inside = (np.abs(points[..., 0]) < 0.045) & (np.abs(points[..., 2]) < 0.045)
        outside = (np.abs(points[..., 0]) > 0.09) | (np.abs(points[..., 2]) > 0.09)
        assert seen[inside].min() > 0.95 and seen[outside].max() < 0.05


def looking_down() -> Camera:
    """From 1 m above the origin."""
    pose = np.eye(4)
    pose[:3, :3] = np.stack([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]], axis=1)  # right, down and forward in the world
    pose[1, 3] = 1.0
    return Camera(160.0, (40.0, 40.0), (80, 80), pose)
