"""The bundled model: where it may paint, that it is one function of its seed, and that no size or length is special."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from toy_conditions import toy_arrays, toy_conditions

from i2v.maps import CHANNELS, EVERYWHERE, LIQUID_CHANNELS, Signals, Strength, gate, shade, unknown
from i2v.models import bundled
from i2v.models.bundled import BundledModel
from i2v.models.unet import ResidualUNet, UNetConfig, shuffle, unshuffle

TINY = UNetConfig(widths=(16, 24), time_width=16)


def shaken_network(config=TINY, seed=0):
    """Random weights everywhere, also in layers that start at zero."""
    network = ResidualUNet(config, rngs=nnx.Rngs(seed))
    rng = np.random.default_rng(seed)
    for _, variable in nnx.to_flat_state(nnx.state(network, nnx.Param)):
        value = variable.get_value()
        variable.set_value(value + jnp.asarray(0.05 * rng.standard_normal(value.shape), jnp.float32))
    return network


@pytest.fixture(scope="module")
def model():
    network = shaken_network()
    return BundledModel(network)


def test_pixels_that_nothing_touches_stay_to_the_last_bit(model):
    conditions = toy_conditions(height=96, width=128)
    residual = model(conditions, num_inference_steps=2)
    touched = (conditions.hole > 0) | (conditions.smoke[..., 0] > 0) | (conditions.shadow != 1)
    near = np.zeros_like(touched)
    for dv in (-1, 0, 1):
        for du in (-1, 0, 1):
            near |= np.roll(touched, (dv, du), (1, 2))
    assert np.all(residual[~near] == 0)
    assert np.abs(residual[1:][touched[1:]]).max() > 0


def test_first_frame_stays_the_photo(model):
    arrays = toy_conditions()
    assert np.all(model(arrays, num_inference_steps=2)[0] == 0)


def test_nothing_simulated_means_no_residual(model):
    conditions = toy_conditions(frames=1)
    assert np.all(model(conditions, num_inference_steps=1) == 0)


def test_same_seed_same_picture_other_seed_other_picture(model):
    conditions = toy_conditions()
    a, b, c = (model(conditions, seed=s, num_inference_steps=2) for s in (5, 5, 6))
    assert np.array_equal(a, b)
    assert not np.allclose(a, c, atol=1e-3)


def test_more_steps_change_luminance_only(model):
    conditions = toy_conditions()
    change = model(conditions, num_inference_steps=3) - model(conditions, num_inference_steps=1)
    assert np.abs(change).max() > 1e-3
    assert np.allclose(change, change.mean(-1, keepdims=True), atol=1e-6)


def test_chunks_of_frames_leave_no_seam(model, monkeypatch):
    conditions = toy_conditions(frames=40, height=32, width=48)
    whole = model(conditions, num_inference_steps=2)
    monkeypatch.setattr(bundled, "PIXELS_PER_CALL", 1)  # the least: 2 reach + 8 frames
    # Rounding only: XLA may sum in another order for another shape.
    assert np.abs(model(conditions, num_inference_steps=2) - whole).max() < 1e-4


@pytest.mark.parametrize("size", [(3, 45, 53), (2, 17, 90)])
def test_any_size_and_length(model, size):
    frames, height, width = size
    residual = model(toy_conditions(frames=frames, height=height, width=width), num_inference_steps=1)
    assert residual.shape == (*size, 3) and np.isfinite(residual).all()


def test_strength_scales_each_region_and_leaves_the_others():
    arrays = toy_arrays()
    del arrays["truth"]
    signals = Signals(**arrays)
    full, half = gate(signals, Strength()), gate(signals, Strength(hole=0.5))
    # Half a blur away from the hole's rim nothing but the hole itself changes.
    inside = (signals.hole == 1) & (unknown(signals) == 1) & (signals.smoke[..., 0] == 0)
    assert np.allclose(half[1:][inside[1:]], 0.5) and np.allclose(full[1:][inside[1:]], 1)
    away = unknown(Signals(**{**arrays, "smoke": 0 * arrays["smoke"]})) == 0
    assert np.array_equal(full[away], half[away])
    assert gate(signals, Strength(0, 0, 0)).max() == 0


def test_guidance_is_refused_in_words(model):
    with pytest.raises(NotImplementedError, match="guidance_scale is 3"):
        model(toy_conditions(frames=2), guidance_scale=3.0)


def test_callback_sees_every_step(model):
    seen = []
    model(
        toy_conditions(frames=2),
        num_inference_steps=3,
        callback_on_step_end=lambda step, time, x: seen.append((step, time)),
    )
    assert [s for s, _ in seen] == [0, 1, 2] and seen[-1][1] == 1


def test_an_untrained_network_changes_nothing():
    untouched = BundledModel(ResidualUNet(TINY, rngs=nnx.Rngs(0)))
    assert np.all(untouched(toy_conditions(frames=3), num_inference_steps=1) == 0)


def network_answer(network, x, time=0.3, liquid=0.0, valid=None):
    b, t, h, w = x.shape[:4]
    maps = jnp.asarray(np.random.default_rng(1).standard_normal((b, t, h, w, len(CHANNELS))), jnp.float32)
    context = network.context(maps, jnp.full((b, t, h, w, len(LIQUID_CHANNELS)), liquid))
    valid = jnp.ones((b, t)) if valid is None else valid
    return np.asarray(nnx.jit(lambda n, *a: n(*a))(network, x, jnp.full(b, time), context, valid))


def test_an_input_matters_as_far_in_time_as_stated_and_no_further():
    network = shaken_network(UNetConfig(widths=(16, 16), time_width=8))
    reach = network.config.reach
    x = np.zeros((1, 2 * reach + 3, 16, 16, 3), np.float32)
    bumped = x.copy()
    bumped[:, 0] = 1
    change = np.abs(network_answer(network, bumped) - network_answer(network, x)).max((0, 2, 3, 4))
    assert np.all(change[: reach + 1] > 0) and np.all(change[reach + 1 :] == 0)


def test_filling_frames_are_not_seen():
    network = shaken_network(UNetConfig(widths=(16, 16), time_width=8))
    x = np.random.default_rng(0).standard_normal((1, 6, 16, 16, 3)).astype(np.float32)
    valid = jnp.asarray([[1, 1, 1, 1, 0, 0]], jnp.float32)
    other = x.copy()
    other[:, 4:] += 1
    a, b = (network_answer(network, y, valid=valid)[:, :4] for y in (x, other))
    assert np.array_equal(a, b)


def test_liquid_leaves_a_network_that_never_saw_any_unchanged():
    network = ResidualUNet(TINY, rngs=nnx.Rngs(0))
    network.out.kernel.set_value(jnp.ones_like(network.out.kernel.get_value()))
    x = np.ones((1, 2, 16, 16, 3), np.float32)
    assert np.array_equal(network_answer(network, x, liquid=0.0), network_answer(network, x, liquid=1.0))


def test_shuffle_undoes_unshuffle():
    x = jnp.arange(2 * 8 * 12 * 3, dtype=jnp.float32).reshape(2, 8, 12, 3)
    cells = unshuffle(x, 4)
    assert cells.shape == (2, 2, 3, 48)
    assert np.array_equal(shuffle(cells, 4), x)
    # A cell holds its own 4 x 4 pixels.
    assert set(np.asarray(cells[0, 0, 0])) == set(np.asarray(x[0, :4, :4]).ravel())


def test_masks_are_exactly_zero_and_one_where_they_must_be():
    arrays = toy_arrays()
    del arrays["truth"]
    signals = Signals(**arrays)
    thin = (signals.smoke[..., 0] > 0) & (signals.smoke[..., 0] < 0.6) & (signals.hole == 0)
    away = thin & (unknown(signals) < 1)
    assert np.allclose(unknown(signals)[away], 1.25 * signals.smoke[..., 0][away])
    assert np.all(unknown(signals)[signals.hole == 1] > 0.5)
    assert np.all(shade(signals)[(signals.shadow < 0.7) & (signals.ids == 0)] > 0.5)
    assert np.all(shade(signals)[signals.ids > 0] == 0)
    assert gate(signals, Strength())[0].max() == 0
    wet = arrays["liquid"].copy()
    wet[..., 3] = 0.01
    signals = Signals(**{**arrays, "liquid": wet})
    assert gate(signals, Strength()).max() == 0
    assert gate(signals, EVERYWHERE)[1:].min() == 1


# ---- the shipped weights ---------------------------------------------------------------------------------------------


def test_shipped_weights_are_small_and_say_where_they_come_from():
    from i2v.weights import load

    assert bundled.BUNDLED_WEIGHTS.stat().st_size < 12e6
    _, metadata = load(bundled.BUNDLED_WEIGHTS)
    assert {"config", "clips", "steps", "data"} <= metadata.keys()


@pytest.mark.slow
def test_shipped_weights_bring_smoke_of_an_unseen_scene_nearer_to_the_truth():
    from physim.dataset import ClipSettings, make_clips

    settings = ClipSettings(size=(96, 96), frames=8, windows=2)
    clip = make_clips(2_000_010, [], settings)[-1]  # smoke over a texture that no training clip has
    values = {k: v.astype(np.float32) / (255 if v.dtype == np.uint8 and k != "ids" else 1) for k, v in clip.items()}
    truth = values.pop("truth")
    signals = Signals(**values, liquid=np.zeros((*values["hole"].shape, 4), np.float32))
    smoky = signals.smoke[..., 0] > 0.1
    assert smoky.mean() > 0.01
    before = ((signals.coarse - truth)[smoky] ** 2).mean()
    painted = signals.coarse + bundled.bundled_model()(signals, num_inference_steps=1)
    assert ((painted - truth)[smoky] ** 2).mean() < before
