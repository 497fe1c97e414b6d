"""A smooth surface goes on behind a hole whatever else touches its rim."""

import numpy as np

from physim.plain_rim import plain_rim
from physim.smooth_fill import smooth_fill

SIZE = (120, 160)
V, U = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
HOLE = np.hypot(U - 80, V - 60) < 25


def sky(seed=0):
    """Log light (h, w, 3) of an even sky with a glow, and grain."""
    glow = 0.4 * np.exp(-((U - 80) ** 2 + (V - 10) ** 2) / (2 * 30**2))
    slope = 0.002 * U[..., None] - 0.003 * V[..., None] * np.array([1.0, 0.8, 0.5])
    return -1.0 + slope + glow[..., None] + 0.01 * np.random.default_rng(seed).normal(size=(*SIZE, 3))


def filled_off(logs, usable):
    """Root mean square by which the fill of the hole misses the sky [log light]."""
    return float(np.sqrt(((smooth_fill(logs, HOLE, usable) - sky(1))[HOLE] ** 2).mean()))


def test_a_lamp_that_touches_the_hole_does_not_stain_it():
    logs = sky()
    lamp = np.hypot(U - 112, V - 60) < 10
    logs[lamp] = (1.0, 0.5, -0.5)
    rim = plain_rim(logs, HOLE, ~HOLE)
    near = lamp & ~HOLE & (np.hypot(U - 80, V - 60) < 33)
    assert not rim[near].any()
    clean = filled_off(sky(), ~HOLE)
    assert filled_off(logs, ~HOLE) < 1.5 * clean + 0.005


def test_a_glow_belongs_to_the_surface():
    assert np.array_equal(plain_rim(sky(), HOLE, ~HOLE), ~HOLE)


def test_what_is_far_from_the_hole_is_not_judged():
    logs = sky()
    logs[:, 140:] += 2.0
    assert np.array_equal(plain_rim(logs, HOLE, ~HOLE), ~HOLE)


def test_where_most_of_the_rim_is_something_else_all_of_it_counts():
    logs = sky()
    logs[:, ::8] += 1.0
    logs[::8] += 1.0
    assert np.array_equal(plain_rim(logs, HOLE, ~HOLE), ~HOLE)


def test_without_a_rim_nothing_is_left_out():
    none = np.zeros(SIZE, dtype=bool)
    assert np.array_equal(plain_rim(sky(), HOLE, none), none)
