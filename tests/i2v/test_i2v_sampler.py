"""The sampler against the Gaussian toy, whose denoiser and whose ODE solution are known in closed form."""

import numpy as np
import pytest

from i2v.diffusion.bridge import bridge_state, noise_scale, timesteps
from i2v.diffusion.sampler import sample

MEAN, SPREAD, SCALE = 0.7, 0.5, 0.4


def exact_denoiser(x, t):
    """E[r | x_t] for r ~ N(MEAN, SPREAD^2)."""
    variance = (t * SPREAD) ** 2 + ((1 - t) * SCALE) ** 2
    return MEAN + SPREAD**2 * t / variance * (x - t * MEAN)


def error(steps, order, noise):
    exact = MEAN + SPREAD * noise  # the flow carries quantiles to quantiles
    return np.abs(sample(exact_denoiser, SCALE * noise, num_inference_steps=steps, order=order) - exact).max()


@pytest.fixture
def noise():
    return np.random.default_rng(0).standard_normal(512)


def test_one_step_is_the_posterior_mean(noise):
    assert np.allclose(sample(exact_denoiser, SCALE * noise, num_inference_steps=1), MEAN)


@pytest.mark.parametrize("order", [1, 2])
def test_error_falls_with_the_order_of_the_scheme(order, noise):
    steps = np.array([16, 32, 64, 128])
    errors = [error(n, order, noise) for n in steps]
    slope = -np.polyfit(np.log2(steps), np.log2(errors), 1)[0]
    assert slope == pytest.approx(order, abs=0.15)


def test_second_order_is_nearer_at_eight_steps(noise):
    assert error(8, 2, noise) < 0.5 * error(8, 1, noise)


def test_many_steps_give_the_distribution_of_the_data(noise):
    result = sample(exact_denoiser, SCALE * noise, num_inference_steps=256, order=2)
    assert result.mean() == pytest.approx(MEAN + SPREAD * noise.mean(), abs=1e-3)
    assert result.std() == pytest.approx(SPREAD * noise.std(), rel=1e-3)


@pytest.mark.parametrize("steps", [1, 2, 4, 8])
def test_a_known_residual_is_reached_in_any_number_of_steps(steps, noise):
    target = np.linspace(-1, 1, noise.size)
    assert np.allclose(sample(lambda x, t: target, SCALE * noise, num_inference_steps=steps), target)


def test_first_order_steps_stay_on_the_straight_bridge(noise):
    target, seen = np.linspace(-1, 1, noise.size), []
    sample(
        lambda x, t: target,
        SCALE * noise,
        num_inference_steps=4,
        callback_on_step_end=lambda step, time, x: seen.append((time, x)),
    )
    for time, x in seen:
        assert np.allclose(x, bridge_state(target, noise, SCALE, time))


def test_callback_may_replace_the_state(noise):
    result = sample(
        lambda x, t: x, SCALE * noise, num_inference_steps=3, callback_on_step_end=lambda step, time, x: 0 * x
    )
    assert np.all(result == 0)


def test_schedule_runs_from_noise_to_data_and_scale_follows_the_mask():
    assert np.allclose(timesteps(4), [0, 0.25, 0.5, 0.75, 1])
    scale = noise_scale(np.array([0.0, 0.5, 1.0]))
    assert np.all(np.diff(scale) > 0) and scale[0] > 0


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="num_inference_steps is 0"):
        sample(exact_denoiser, np.zeros(2), num_inference_steps=0)
    with pytest.raises(ValueError, match="order is 3"):
        sample(exact_denoiser, np.zeros(2), order=3)
