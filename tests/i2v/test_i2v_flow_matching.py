"""Levels, solvers, guidance and starts of the rectified flow: the reference's tables, exact flows, plain NumPy."""

from pathlib import Path

import numpy as np
import pytest

from i2v.diffusion.flow_matching import consistency_schedule, euler_schedule, shifted, unipc_schedule
from i2v.diffusion.flow_sampler import sample_flow
from i2v.diffusion.guidance import experts, guided
from i2v.diffusion.hold import dropped_in, first_step, held_by_strength, noised

RUNS = [(8, 5.0), (2, 3.0), (50, 5.0), (1, 1.0)]
SCHEDULES = {"unipc": unipc_schedule, "euler": euler_schedule}


@pytest.fixture(scope="module")
def truth():
    """Written by ``tests/parity/make_wan.py``."""
    with np.load(Path(__file__).parents[1] / "data" / "parity" / "wan_schedulers.npz") as file:
        return dict(file)


def made_up(x, time, step):
    return np.tanh(2 * x) + x * time / 2000


@pytest.mark.parametrize(("steps", "shift"), RUNS)
@pytest.mark.parametrize("solver", SCHEDULES)
def test_levels_and_times_are_those_of_the_reference(truth, solver, steps, shift):
    schedule = SCHEDULES[solver](steps, shift)
    name = f"{solver}/{steps}/{shift:g}"
    assert np.abs(schedule.sigmas - truth[f"{name}/sigmas"]).max() <= 1e-6
    assert np.allclose(schedule.timesteps, truth[f"{name}/timesteps"], rtol=1e-6, atol=0)


@pytest.mark.parametrize(("steps", "shift"), RUNS)
@pytest.mark.parametrize("solver", SCHEDULES)
def test_steps_lead_where_the_references_lead(truth, solver, steps, shift):
    end = sample_flow(made_up, truth["start"], SCHEDULES[solver](steps, shift))
    # the reference's numbers are float32, and 1 - sigma = 1e-6 at the start
    assert np.abs(end - truth[f"{solver}/{steps}/{shift:g}/end"]).max() <= 3e-6


def test_the_second_order_is_noticed(truth):
    end = sample_flow(made_up, truth["start"], SCHEDULES["euler"](8, 5.0))
    assert np.abs(end - truth["unipc/8/5/end"]).max() > 1e-2


def test_times_known_from_practice():
    assert list(unipc_schedule(8, 5).timesteps) == [999, 972, 937, 893, 833, 750, 625, 418]
    assert consistency_schedule((800, 750, 500, 300), 5).sigmas[:-1] == pytest.approx(
        [0.952, 0.9375, 0.833, 0.682], abs=5e-4
    )


@pytest.mark.parametrize("solver", ["unipc", "euler", "consistency"])
def test_a_flow_whose_data_is_one_point_ends_there(solver):
    """v = (x - z) / sigma exactly, so every solver lands on z from any noise."""
    schedule = consistency_schedule() if solver == "consistency" else SCHEDULES[solver](4)
    rng = np.random.default_rng(0)
    target, noise = rng.standard_normal((2, 30))
    levels = dict(zip(schedule.timesteps.tolist(), schedule.sigmas.tolist(), strict=False))
    end = sample_flow(
        lambda x, time, step: (x - target) / levels[time], noise, schedule, renoise=lambda step: rng.standard_normal(30)
    )
    assert np.allclose(end, target, atol=1e-5)


def test_unipc_is_of_second_order_on_a_gaussian():
    """Data N(0, 0.25): the exact flow keeps x / sqrt((1 - sigma)^2 / 4 + sigma^2)."""

    def velocity(x, time, step, sigmas):
        s = sigmas[step]
        return x * (s - (1 - s) / 4) / ((1 - s) ** 2 / 4 + s**2)

    errors = []
    counts = np.array([16, 32, 64])
    for steps in counts:
        schedule = unipc_schedule(int(steps), 1.0)
        sigmas = schedule.sigmas.astype(float)
        seen = []
        sample_flow(
            lambda x, t, i, sigmas=sigmas: velocity(x, t, i, sigmas),
            np.ones(1),
            schedule,
            callback_on_step_end=lambda i, sigma, x, seen=seen: seen.append(float(x[0])),
        )
        half = np.argmin(np.abs(sigmas - 0.5))
        exact = np.sqrt((1 - sigmas[half]) ** 2 / 4 + sigmas[half] ** 2)
        errors.append(abs(seen[half - 1] - exact))
    assert -np.polyfit(np.log2(counts), np.log2(errors), 1)[0] > 1.7


def test_noise_is_put_back_as_it_is_given():
    schedule = consistency_schedule((1000, 500), 5.0)
    carried = {1: np.full(3, 7.0)}
    end = []
    sample_flow(
        lambda x, t, i: x * 0,
        np.zeros(3),
        schedule,
        renoise=carried.__getitem__,
        callback_on_step_end=lambda i, s, x: end.append(x),
    )
    assert end[0] == pytest.approx(7 * shifted(0.5, 5))


def test_guidance_is_a_straight_line_through_both_predictions():
    asked = []

    def model(x, time, told):
        asked.append(told)
        return np.float64(told)

    velocity = guided(model, 5.0, 1.0, guidance_scale=3.0)
    assert velocity(0, 0, 0) == 1 + 3 * 4
    assert guided(model, 5.0, 1.0, guidance_scale=1.0)(0, 0, 0) == 5
    assert guided(model, 5.0)(0, 0, 0) == 5
    apart = guided(model, 5.0, 1.0, text_only=2.0, guidance_scale=3.0, motion_scale=10.0)
    assert apart(0, 0, 0) == 1 + 3 * 1 + 10 * 3
    asked.clear()
    kept = guided(model, 5.0, 1.0, every=2)
    for step in range(4):
        kept(0, 0, step)
    assert asked == [1, 5, 5, 1, 5, 5]


def test_the_expert_for_much_noise_ends_at_the_boundary():
    model = experts(lambda x, t, c: "high", lambda x, t, c: "low", boundary=0.9)
    assert [model(0, time, None) for time in (999, 900, 899.9, 20)] == ["high", "high", "low", "low"]


def test_the_start_is_the_first_level_within_the_strength():
    schedule = euler_schedule(8, 5)
    assert first_step(schedule, 1.0) == 0
    assert schedule.sigmas[first_step(schedule, 0.9)] <= 0.9 < schedule.sigmas[first_step(schedule, 0.9) - 1]
    with pytest.raises(ValueError, match="below the last level"):
        first_step(schedule, 0.01)
    with pytest.raises(ValueError, match="strength is 0"):
        first_step(schedule, 0)


def test_regions_are_held_to_the_render_exactly_as_a_plain_loop_does_it():
    rng = np.random.default_rng(2)
    render, noise = rng.standard_normal((2, 3, 4, 5, 2))
    strength = rng.random((3, 4, 5, 1))
    strength[0] = 0
    schedule = euler_schedule(6, 3.0)
    begin = first_step(schedule, 0.9)
    start = noised(render, noise, float(schedule.sigmas[begin]))
    made = sample_flow(made_up, start, schedule, begin=begin, hold=held_by_strength(render, noise, strength))

    x = np.empty_like(start)
    for index in np.ndindex(3, 4, 5):
        value = start[index]
        for step in range(begin, 6):
            sigma, then = float(schedule.sigmas[step]), float(schedule.sigmas[step + 1])
            if strength[index][0] < sigma:
                value = (1 - sigma) * render[index] + sigma * noise[index]
            value = value + (then - sigma) * made_up(value, float(schedule.timesteps[step]), step)
        x[index] = render[index] if strength[index][0] == 0 else value
    assert np.array_equal(made, x)
    assert np.array_equal(made[0], render[0])


def test_what_is_dropped_in_is_dropped_in_before_its_steps_only():
    render, noise = np.full((2, 1), 3.0), np.full((2, 1), 1.0)
    mask = np.array([[True], [False]])
    hold = dropped_in(render, noise, mask, {1})
    x = np.zeros((2, 1))
    assert np.array_equal(hold(x, 0.5, 0), x)
    assert np.array_equal(hold(x, 0.5, 1), [[2.0], [0.0]])


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: unipc_schedule(0), "num_inference_steps is 0"),
        (lambda: euler_schedule(4, -1), "shift is -1"),
        (lambda: consistency_schedule((500, 750)), "expected to fall"),
        (lambda: sample_flow(made_up, np.zeros(1), consistency_schedule()), "give renoise"),
        (lambda: sample_flow(made_up, np.zeros(1), euler_schedule(4), begin=4), "begin is 4"),
        (lambda: guided(None, 1, 2, motion_scale=2.0), "text_only"),
        (lambda: guided(None, 1, 2, every=0), "every is 0"),
    ],
)
def test_what_does_not_fit_is_said(call, word):
    with pytest.raises(ValueError, match=word):
        call()
