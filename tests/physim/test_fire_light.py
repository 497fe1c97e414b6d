"""Flames as lamps: how much light they send, against what a camera sees of them, and what that lights."""

import numpy as np
import pytest
from test_smoke_view import DARK, SIZE, far, hot_scene

from physim.fire_light import Lamps
from physim.shapes import Emitter
from physim.smoke_source import EmitterPuffs
from physim.smoke_view import SmokeView


def test_lamps_send_what_a_camera_receives_of_a_thin_flame():
    # The light that falls on the camera is the sum over its pixels of radiance times solid angle.
    shot = hot_scene(1500.0, extinction=0.05, albedo=0.0)
    view = SmokeView(shot, SIZE, detail=0)
    camera = shot.scene.camera.at(0.0, SIZE)
    frame = view.at(0.0, camera, far(), DARK)
    pixels = camera.pixel_grid() - np.asarray(camera.principal_point)
    cosine = 1 / np.sqrt(1 + (pixels**2).sum(-1) / camera.focal**2)
    received = (frame.scattered * (cosine**3 / camera.focal**2)[..., None]).sum(axis=(0, 1))
    lamps = Lamps.of(view._grids)
    away = ((lamps.place[:, :3] - camera.position) ** 2).sum(-1)
    assert (lamps.intensity / away[:, None]).sum(axis=0) == pytest.approx(received, rel=0.03)


def test_of_a_thick_flame_only_the_outside_is_seen():
    thin, thick = (
        Lamps.of([grid]).intensity.sum()
        for extinction in (1.0, 400.0)
        for grid in _brought(hot_scene(1500.0, extinction=extinction, albedo=0.0))
    )
    assert thin < thick < 0.2 * 400 * thin


def _brought(shot):
    view = SmokeView(shot, SIZE, detail=0)
    for grid in view._grids:
        grid.advance(0.0)
    return view._grids


def test_what_is_near_the_flame_is_lit_more_and_the_sky_is_not():
    view = SmokeView(hot_scene(1500.0), SIZE, detail=0)
    near, farther = (view.firelight(0.0, None, far(z)).max() for z in (3.0, 30.0))
    assert near > 20 * farther > 0
    assert not view.firelight(0.0, None, far(1e9)).any()


def test_nothing_that_is_cold_throws_light():
    assert SmokeView(hot_scene(700.0), SIZE).firelight(0.0, None, far()) is None


def test_smoke_next_to_a_flame_scatters_its_light():
    dark, white = (
        SmokeView(hot_scene(1500.0, albedo=albedo, glow=2.0 / (1 - albedo)), SIZE, detail=0).at(0.0, None, far(), DARK)
        for albedo in (0.0, 0.9)
    )
    assert white.scattered[30, 40, 0] > 1.02 * dark.scattered[30, 40, 0]  # the same emission, and what it lights


def test_a_flame_flickers_in_amount_and_not_in_temperature():
    # the light of 2800 K grows with about the sixth power of the temperature, that of 1500 K with the twelfth
    flame = EmitterPuffs(Emitter((0, 0, 0), radius=1.0, rate=5.0), excess=2500.0, speed=10.0, least_radius=0.1, seed=3)
    steam = EmitterPuffs(Emitter((0, 0, 0), radius=1.0, rate=5.0), excess=50.0, speed=10.0, least_radius=0.1, seed=3)
    times = np.linspace(0, 5, 200)
    hot, warm = (np.array([source.at(t)[1] for t in times]) for source in (flame, steam))
    np.testing.assert_array_equal(hot[..., 1], 2500.0)
    np.testing.assert_array_equal(hot[..., 0], warm[..., 0])
    assert warm[..., 1].std() > 5 and hot[..., 0].std() > 0.1
