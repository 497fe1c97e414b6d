"""Glow of hot things, against the Planckian locus."""

import numpy as np
import pytest

from physim import blackbody


def chromaticity(colour):
    return colour[..., :2] / colour.sum(-1, keepdims=True)


def locus(t):
    """Planckian locus (x, y), cubic splines of Kim et al., US patent 7024034 (2002), from 1667 to 4000 K."""
    x = -0.2661239e9 / t**3 - 0.2343589e6 / t**2 + 0.8776956e3 / t + 0.179910
    low = -1.1063814 * x**3 - 1.34811020 * x**2 + 2.18555832 * x - 0.20219683
    high = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    return np.stack([x, np.where(t < 2222, low, high)], axis=-1)


def test_hues_lie_on_the_planckian_locus():
    # The fit of the matching functions is good to some per cent far in the red, which is 0.004 in (x, y).
    t = np.linspace(1700.0, 4000.0, 24)
    np.testing.assert_allclose(chromaticity(blackbody.xyz(t)), locus(t), atol=0.004)


def test_illuminant_a_is_where_the_cie_puts_it():
    assert chromaticity(blackbody.xyz(np.array(2856.0))) == pytest.approx([0.44757, 0.40745], abs=0.002)


def test_a_dull_glow_is_red_and_a_hot_one_yellow():
    # 1000 K lies at (0.653, 0.344), beyond the reddest of the locus' splines.
    assert chromaticity(blackbody.xyz(np.array(1000.0))) == pytest.approx([0.653, 0.344], abs=0.012)
    colour = blackbody.glow(np.array([1000.0, 1500.0, 2000.0]))
    ratio = colour[:, 1] / colour[:, 0]
    assert ratio[0] < 0.05 and ratio[1] < ratio[2] and 0.2 < ratio[2] < 0.4


def test_nothing_glows_below_the_draper_point_and_nothing_jumps_above_it():
    t = np.array([0.0, 293.0, 600.0, 798.0, 800.0])
    assert not blackbody.glow(t[:4]).any()
    assert blackbody.glow(t)[4].max() < 1e-3


def test_luminance_is_one_at_the_reference_and_grows_with_the_fourth_power():
    weights = np.array([0.2126, 0.7152, 0.0722])
    one = blackbody.glow(np.array(blackbody.REFERENCE)) @ weights
    assert one == pytest.approx(1.0, abs=0.01)  # blue is a little below the gamut there
    hot = blackbody.glow(np.array([2500.0, 5000.0])) @ weights
    assert hot[1] / hot[0] == pytest.approx(16.0, rel=1e-3)


def test_the_table_begins_dark_and_reaches_the_hottest():
    colours, start, step = blackbody.table(1700.0)
    assert not colours[0].any() and start + step * (len(colours) - 1) > 1700.0
    np.testing.assert_array_equal(colours[8], blackbody.glow(np.array(start + 8 * step)))
