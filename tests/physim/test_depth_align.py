"""Relative depth brought to metres on the ground, on scenes whose depth is known."""

import numpy as np
import pytest

from physim.camera import Camera
from physim.depth import geometric
from physim.depth_align import aligned, fit_to_ground
from physim.depth_result import DepthResult
from physim.shot import Hints

SIZE = (90, 120)
CAMERA = Camera.looking(SIZE, fov_deg=60, pitch_deg=15, height=1.5)
PRIOR = geometric(np.full((*SIZE, 3), 0.5, np.float32), CAMERA, Hints(camera={"height": 1.5}, wall=8.0), SIZE)
TRUTH = np.where(PRIOR.depth < 4, PRIOR.depth, 5.0)
GROUND = PRIOR.depth < 4


def with_things(share, rng):
    """The true scene with upright boards on so much of the ground, and where the ground is thought to be."""
    depth = TRUTH.copy()
    columns = rng.permutation(SIZE[1])[: int(share * SIZE[1])]
    foot = 88
    depth[:, columns] = np.minimum(depth[:, columns], depth[foot, columns])
    return depth


def test_affine_inverse_depth_is_brought_to_metres():
    result = aligned(DepthResult((1 / TRUTH - 0.07) / 3.1, kind="affine_inverse"), CAMERA, PRIOR, GROUND)
    assert np.allclose(result.depth, TRUTH, rtol=1e-9)
    assert result.kind == "metric"


def test_affine_depth_is_brought_to_metres():
    result = aligned(DepthResult((TRUTH - 1.3) / 4.0, kind="affine"), CAMERA, PRIOR, GROUND)
    assert np.allclose(result.depth, TRUTH, rtol=1e-9)


def test_depth_up_to_a_factor_is_scaled():
    result = aligned(DepthResult(TRUTH * 0.37, kind="scale"), CAMERA, PRIOR, GROUND)
    assert np.allclose(result.depth, TRUTH, rtol=1e-9)


@pytest.mark.parametrize("kind", ["affine_inverse", "affine", "scale"])
def test_things_on_half_of_the_ground_do_not_move_it(kind):
    depth = with_things(0.5, np.random.default_rng(3))
    numbers = {"affine_inverse": (1 / depth - 0.07) / 3.1, "affine": (depth + 2) / 4, "scale": depth / 7}[kind]
    result = aligned(DepthResult(numbers, kind=kind), CAMERA, PRIOR, GROUND)
    assert np.abs(result.depth / depth - 1).max() < 0.01


def test_least_squares_over_everything_would_move_it():
    """The negative control of the test above."""
    depth = with_things(0.5, np.random.default_rng(3))
    x = ((1 / depth - 0.07) / 3.1)[GROUND]
    a, b = np.polyfit(x, 1 / PRIOR.depth[GROUND], 1)
    bent = 1 / np.maximum(a * x + b, 1e-4)
    assert np.abs(bent / depth[GROUND] - 1).max() > 0.05


def test_noise_of_a_network_is_averaged_out():
    rng = np.random.default_rng(5)
    depth = with_things(0.3, rng)
    noisy = (1 / depth) * (1 + 0.02 * rng.standard_normal(SIZE))
    fit = fit_to_ground(DepthResult((noisy - 0.07) / 3.1, kind="affine_inverse"), PRIOR.depth, GROUND)
    ground = GROUND & (depth == TRUTH)
    exact = (1 / depth[ground] - 0.07) / 3.1
    assert np.abs(fit.metres(exact) / depth[ground] - 1).max() < 0.02
    assert fit.share > 0.6


def test_depth_of_another_size_keeps_its_edges():
    large = CAMERA.resized((360, 480))
    prior = geometric(
        np.full((360, 480, 3), 0.5, np.float32), large, Hints(camera={"height": 1.5}, wall=8.0), (90, 120)
    )
    depth = np.where(prior.depth < 4, prior.depth, 5.0)
    depth[100:320, 200:260] = 2.0
    result = aligned(DepthResult((1 / depth + 0.2) / 3, kind="affine_inverse"), CAMERA, PRIOR, GROUND)
    board = result.depth[25:79, 50:65]
    assert np.allclose(board, 2.0, rtol=1e-6)
    around = result.depth[40:60, 46:69]
    assert ((np.abs(around - 2) < 1e-5) | (around > 2.2)).all()  # nothing hangs between the board and what is behind


def test_where_the_backend_knows_nothing_the_prior_stays():
    valid = np.ones(SIZE, dtype=bool)
    valid[:30] = False
    result = aligned(DepthResult(np.full(SIZE, 2.5), valid), CAMERA, PRIOR, GROUND)
    assert np.allclose(result.depth[:29], PRIOR.depth[:29])
    assert np.allclose(result.depth[30:], 2.5)


def test_metric_depth_is_taken_as_it_is_and_the_report_compares_it_with_the_ground():
    given = DepthResult(TRUTH * 0.8)
    result = aligned(given, CAMERA, PRIOR, GROUND)
    assert np.allclose(result.depth, TRUTH * 0.8)
    assert "0.80 of the depth" in fit_to_ground(given, PRIOR.depth, GROUND).line


def test_no_ground_means_no_scale():
    with pytest.raises(ValueError, match=r"hints\.ground"):
        aligned(DepthResult(1 / TRUTH, kind="affine_inverse"), CAMERA, PRIOR, np.zeros(SIZE, dtype=bool))


def test_depth_given_as_inverse_depth_is_noticed():
    with pytest.raises(ValueError, match="affine_inverse"):
        aligned(DepthResult(TRUTH, kind="affine_inverse"), CAMERA, PRIOR, GROUND)


def test_a_shapeless_map_has_no_scale():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="does not fit the ground"):
        aligned(DepthResult(0.5 + 1e-9 * rng.random(SIZE), kind="affine_inverse"), CAMERA, PRIOR, GROUND)
