"""Fits against motion in closed form, with noise, gaps and known answers."""

import numpy as np
import pytest
from scipy.special import ellipk

from i2v.metrics.pixel_physics import flights, gravity, invariance, momentum, pendulum, restitution

G = 9.81


def bouncing(times, drop=1.0, e=0.7):
    """Heights (T,) of a ball that falls and bounces."""
    heights = np.zeros_like(times)
    for i, t in enumerate(times):
        speed, start = np.sqrt(2 * G * drop), np.sqrt(2 * drop / G)
        if t < start:
            heights[i] = drop - 0.5 * G * t**2
            continue
        speed *= e
        while speed > 1e-3 and t > start + 2 * speed / G:  # it bounces without end in a finite time
            start, speed = start + 2 * speed / G, speed * e
        heights[i] = max(speed * (t - start) - 0.5 * G * (t - start) ** 2, 0.0)
    return heights


def test_gravity_from_a_toss_and_its_error_bar_is_honest():
    times = np.arange(20) / 30
    exact = np.stack([150 + 690 * times, 180 - 815 * times + 0.5 * G * 400 * times**2], axis=1)
    rng = np.random.default_rng(3)
    fits = [gravity(times, exact + rng.normal(0, 0.5, exact.shape), scale=400) for _ in range(200)]
    values = np.array([fit.value for fit in fits])
    assert abs(values.mean() - G) < 0.01
    assert values.std() == pytest.approx(np.mean([fit.sigma for fit in fits]), rel=0.2)  # 200 draws: 5 %
    assert fits[0].frames == (0, 19) and fits[0].sideways < 0.2
    np.testing.assert_allclose(fits[0].velocity, [690 / 400, -815 / 400], atol=0.02)


def test_gravity_is_taken_before_the_first_bounce_and_gaps_are_left_out():
    times = np.arange(60) / 60
    heights = bouncing(times)
    heights[[4, 9]] = np.nan
    fit = gravity(times, heights[:, None], down=(-1,))
    assert fit.value == pytest.approx(G, rel=1e-3)
    assert times[fit.frames[1]] < np.sqrt(2 / G) + 1 / 60


def test_gravity_needs_a_flight():
    with pytest.raises(ValueError, match="expected a flight of at least 4"):
        gravity(np.arange(3.0), np.zeros((3, 2)))


def test_flights_end_at_impacts_and_nowhere_else():
    times = np.arange(90) / 60
    ends = [times[last] for _, last in flights(times, bouncing(times))][:2]
    first = np.sqrt(2 / G)
    np.testing.assert_allclose(ends, [first, first + 2 * 0.7 * np.sqrt(2 * G) / G], atol=1.1 / 60)
    assert flights(times, 3 - times) == [(0, 89)]


@pytest.mark.parametrize("e", [0.3, 0.565, 0.9])
def test_restitution_of_every_bounce(e):
    times = np.arange(100) / 60
    heights = bouncing(times, e=e) + np.random.default_rng(1).normal(0, 5e-4, 100)
    found = [bounce for bounce in restitution(times, heights) if bounce.sigma < 0.005]
    assert len(found) >= 1
    for bounce in found:
        assert bounce.value == pytest.approx(e, abs=0.006)  # a millimetre of noise over flights of some centimetres
        assert abs(bounce.height) < 0.003
    assert found[0].time == pytest.approx(np.sqrt(2 / G), abs=1e-3)
    assert found[0].before == pytest.approx(np.sqrt(2 * G), rel=2e-3)


def test_no_bounce_is_none():
    times = np.arange(20) / 30
    assert restitution(times, -0.5 * G * times**2) == []


@pytest.mark.parametrize("cycles", [0.75, 2.5])
def test_period_and_damping_of_a_swing(cycles):
    period, damping = 1.602, 0.05
    times = np.arange(round(cycles * period * 60)) / 60
    x = 80 * np.exp(-damping * times) * np.cos(2 * np.pi * times / period + 2.0)
    noise = np.random.default_rng(0).normal(0, 0.2, (len(times), 2))
    fit = pendulum(times, np.stack([264 + 0.8 * x, 100 + 0.6 * x], axis=1) + noise)
    assert fit.period == pytest.approx(period, rel=5e-3 if cycles < 1 else 5e-4)
    assert abs(fit.period - period) < 5 * fit.period_sigma
    assert fit.damping == pytest.approx(damping, abs=0.03 if cycles < 1 else 2e-3)
    np.testing.assert_allclose(fit.centre, [264, 100], atol=2 if cycles < 1 else 0.2)


def test_a_large_swing_gives_the_period_of_a_small_one():
    from scipy.integrate import solve_ivp

    length, swing = 0.62, np.radians(50)
    times = np.arange(240) / 60
    path = solve_ivp(
        lambda t, y: [y[1], -G / length * np.sin(y[0])], (0, 4), [swing, 0], t_eval=times, rtol=1e-9, atol=1e-9
    ).y[0]
    fit = pendulum(times, length * np.stack([np.sin(path), -np.cos(path)], axis=1), length=length)
    small = 2 * np.pi * np.sqrt(length / G)
    assert fit.period == pytest.approx(small * 2 / np.pi * ellipk(np.sin(swing / 2) ** 2), rel=1e-3)
    assert fit.small_period == pytest.approx(small, rel=8e-3)  # of 5 %: the harmonics are not fitted


def test_a_swing_needs_frames():
    with pytest.raises(ValueError, match="at least 8"):
        pendulum(np.arange(5.0), np.zeros((5, 2)))


def test_momentum_of_an_oblique_collision():
    times = np.arange(21) / 20
    a0, b0 = np.array([1.2, 0.1]), np.array([-0.6, 0.0])
    masses, e, normal = (0.2, 0.3), 0.6, np.array([0.8, 0.6])
    impulse = (1 + e) / (1 / 0.2 + 1 / 0.3) * ((b0 - a0) @ normal)
    a1, b1 = a0 + impulse / 0.2 * normal, b0 - impulse / 0.3 * normal
    s = (times - 0.5)[:, None]
    tracks = [np.where(s < 0, s * a0, s * a1), 0.1 * normal + np.where(s < 0, s * b0, s * b1)]
    report = momentum(times, tracks, masses, at=0.5)
    assert report.relative_change < 1e-12
    assert report.restitution == pytest.approx(e, abs=1e-9)
    energy = [0.5 * 0.2 * a @ a + 0.5 * 0.3 * b @ b for a, b in ((a0, b0), (a1, b1))]
    assert report.energy_ratio == pytest.approx(energy[1] / energy[0])
    with pytest.raises(ValueError, match="expected two or more"):
        momentum(times, tracks, masses, at=0.0)


def test_invariance_score_of_constants_and_of_noise():
    assert invariance(np.full(6, 3.0)) == pytest.approx(1)
    assert invariance([1.0, 3.0]) == pytest.approx(1 / 1.5)
    assert np.isnan(invariance([1.0, np.nan]))
