"""A drop of liquid that the photo shows in the air."""

import numpy as np
import pytest
from PIL import Image

from physim.reconstruct import reconstruct
from physim.shot import Shot
from physim.simulate import simulate

RADIUS = 0.005


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A dark disc before a light wall, over a pool that is added."""
    rows, cols = np.mgrid[:96, :128] + 0.5
    grain = np.random.default_rng(0).normal(0.0, 0.01, (96, 128, 1))
    picture = np.clip(np.full((96, 128, 3), 0.7) + grain, 0, 1)
    picture[np.hypot(cols - 64, rows - 30) < 16] = 0.1
    path = tmp_path_factory.mktemp("drop") / "drop.png"
    Image.fromarray((255 * picture).astype(np.uint8)).save(path)
    water = {"material": "water", "resolution": 24, "domain": [[-0.02, 0, -0.22], [0.02, 0.06, -0.18]]}
    things = [
        {"name": "pool", "shape": {"box": [0.04, 0.01, 0.04]}, "at": [0, 0.005, -0.2], "liquid": water},
        {"name": "drop", "select": {"ellipse": [64, 30, 16, 16, 0]}, "liquid": water, "velocity": [0, -0.3, 0],
         "lift": {"kind": "sphere", "radius": RADIUS, "depth": 0.2}},
    ]  # fmt: skip
    hints = {"camera": {"fov": 20, "pitch": 0, "height": 0.03}, "wall": 0.4}
    return reconstruct(Shot(photo=path, hints=hints, things=things, seconds=0.02, fps=500))


def test_a_drop_is_a_ball_of_liquid_where_it_is_seen(scene):
    drop = scene["drop"]
    u, v = scene.camera.start.project(np.array(drop.position))[0]
    assert drop.shape.volume == pytest.approx(4 / 3 * np.pi * RADIUS**3, rel=1e-6)
    assert (u, v) == pytest.approx((64, 30), abs=0.5)
    assert drop.velocity == (0.0, -0.3, 0.0) and drop.cutout is None


def test_the_picture_behind_a_drop_is_without_it(scene):
    for picture in (scene.backdrop.plate, scene.backdrop.photo):
        assert picture[24:36, 58:70].mean() == pytest.approx(0.7, abs=0.03)


def test_a_drop_falls_by_the_law_and_shares_the_grid_of_the_pool(scene):
    track = simulate(scene, seconds=0.02, fps=500).liquids
    assert list(track) == ["drop"]
    path = track["drop"].position
    own = path[0, :, 1] > 0.015
    middles = np.array([frame[own].mean(axis=0) for frame in path])
    time = np.arange(len(middles)) / 500
    fall = 0.3 * time + 0.5 * 9.81 * time**2
    # a step of 2 ms that moves with its new velocity is ahead by g dt t / 2, 0.2 mm at the end
    np.testing.assert_allclose(middles[0, 1] - middles[:, 1], fall, atol=2.1e-4)


def test_a_drop_inside_of_a_cup_is_refused():
    with pytest.raises(ValueError, match="takes its form from that"):
        Shot(photo="a.png", things=[
            {"name": "cup", "select": {"box": [0, 0, 9, 9]}, "static": {}},
            {"name": "drop", "select": {"box": [0, 0, 5, 5]}, "liquid": {}, "inside": "cup",
             "lift": {"kind": "sphere"}},
        ])  # fmt: skip
