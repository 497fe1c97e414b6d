"""Waves of the wind: their heights, slopes and speeds."""

import numpy as np
import pytest

from physim.lake_grid import frequency
from physim.wind_waves import peak, spectrum, wind_waves

WATER = dict(depth=50.0, gravity=9.81, tension=7.3e-5, seed=4)


def test_a_grown_sea_has_the_height_of_pierson_and_moskowitz():
    """H = 0.21 U^2 / g at most, with U at 19.5 m (1.026 times that at 10 m)."""
    waves = wind_waves(np.array([8.0, 0.0]), fetch=1e7, **WATER | {"depth": 1000.0})
    height = 4 * np.sqrt(waves.variance)
    assert height == pytest.approx(0.21 * (1.026 * 8.0) ** 2 / 9.81, rel=0.12)  # bands end at 2.5 peak lengths


def test_the_variance_is_the_integral_of_the_spectrum():
    wind, fetch = 5.0, 500.0
    waves = wind_waves(np.array([0.0, wind]), fetch=fetch, **WATER)
    w_p, _ = peak(wind, fetch, 9.81)
    w = np.linspace(0.64 * w_p, 30 * w_p, 20001)
    total = np.trapezoid(spectrum(w, wind, fetch), w)
    assert waves.variance == pytest.approx(total, rel=0.1)  # modes are few in the first band


def test_short_waves_are_no_steeper_than_the_glitter_of_the_sun_says():
    for wind in (2.0, 5.0, 10.0):
        waves = wind_waves(np.array([wind, 0.0]), fetch=2000.0, **WATER)
        assert 0.3 < waves.square_slope / (0.003 + 0.00512 * wind) < 1.2


def test_heights_and_slopes_belong_together():
    waves = wind_waves(np.array([3.0, 1.0]), fetch=100.0, **WATER)
    band, tile = waves.bands[1], waves.tiles(0.7)[1].astype(float)
    step = band.length / len(tile)
    a = (np.roll(tile[..., 0], -1, 1) - np.roll(tile[..., 0], 1, 1)) / (2 * step)
    b = (np.roll(tile[..., 0], -1, 0) - np.roll(tile[..., 0], 1, 0)) / (2 * step)
    cos, sin = np.cos(band.turn), np.sin(band.turn)
    for got, expected in ((tile[..., 1], cos * a - sin * b), (tile[..., 2], sin * a + cos * b)):
        # differences over two of at least eight samples per wave lack a tenth of the slope
        assert np.corrcoef(got.ravel(), expected.ravel())[0, 1] > 0.99
        assert got.std() == pytest.approx(expected.std(), rel=0.12)


def test_every_wave_moves_downwind_at_its_own_speed():
    waves = wind_waves(np.array([4.0, 0.0]), fetch=200.0, **WATER)
    band = waves.bands[0]
    k, i = np.unravel_index(np.abs(band.amplitude).argmax(), band.amplitude.shape)
    length = np.hypot(band.wave_x[k, i], band.wave_z[k, i])
    first, later = (np.fft.fft2(w.tiles(t)[0][..., 0])[k, i] for w, t in ((waves, 0.0), (waves, 0.05)))
    turned = -np.angle(later / first)
    # only waves towards the wind are there, so that the mode is one wave
    assert turned == pytest.approx(0.05 * float(frequency(np.array(length), 50.0, 9.81, 7.3e-5)), rel=1e-3)
    cos, sin = np.cos(band.turn), np.sin(band.turn)
    assert cos * band.wave_x[k, i] - sin * band.wave_z[k, i] > 0


def test_no_wind_no_waves_and_a_seed_makes_the_same_ones():
    assert wind_waves(np.array([0.3, 0.0]), fetch=100.0, **WATER) is None
    one, two = (wind_waves(np.array([4.0, 0.0]), fetch=100.0, **WATER) for _ in range(2))
    np.testing.assert_array_equal(one.tiles(1.0)[2], two.tiles(1.0)[2])
