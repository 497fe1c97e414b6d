"""The training loop: it learns, it resumes to the bit, and its data is what the model sees when it paints."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from toy_conditions import toy_conditions, write_shard

from i2v.diffusion.bridge import RESIDUAL_GAIN
from i2v.maps import CHANNELS, EVERYWHERE, Signals, depth_scale, encode, gate
from i2v.models.bundled import BundledModel
from i2v.models.unet import ResidualUNet, UNetConfig
from i2v.training.calibrate import best_strength, whole
from i2v.training.config import TrainConfig
from i2v.training.data import load_clips, sample_batch
from i2v.training.loop import warm_cosine
from i2v.training.train import Trainer, loss
from i2v.training.validate import REGIONS, gains, write_row

TINY = UNetConfig(widths=(16, 32), time_width=16)
RUN = 150  # steps; one configuration for all tests, so that the step is compiled once


def config(**changes):
    return TrainConfig(
        **{**dict(network=TINY, batch=2, side=32, frames=4, steps=RUN, warmup=2, learning_rate=3e-3), **changes}
    )


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    write_shard(folder / "a.npz")
    return load_clips(folder)


def test_two_and_two_steps_are_four_steps_to_the_bit(clips, tmp_path):
    whole = Trainer(config(), clips, tmp_path / "whole")
    whole.run(stop_at=4)
    first = Trainer(config(), clips, tmp_path / "parts")
    first.run(stop_at=2)
    second = Trainer(config(), clips, tmp_path / "parts")
    assert second.step == 2
    second.run(stop_at=4)
    assert whole.step == second.step == 4
    for a, b in zip(jax.tree.leaves(whole.state), jax.tree.leaves(second.state), strict=True):
        assert np.array_equal(a, b)


def test_loss_falls_on_the_clips_it_trains_on(clips, tmp_path):
    values = []
    trainer = Trainer(config(), clips, tmp_path)
    trainer.run(on_step=lambda step, value, progress: values.append(value))
    # Flat smoke light and a flat fill are the whole error of the toy; both are easy to learn.
    assert np.mean(values[-30:]) < 0.6 * np.mean(values[:5])


def test_exported_weights_load_and_paint(clips, tmp_path):
    trainer = Trainer(config(), clips, tmp_path)
    trainer.run(stop_at=2)
    model = BundledModel.load(trainer.export(tmp_path / "model.safetensors", data="toy"))
    residual = model(toy_conditions(), num_inference_steps=2)
    assert np.isfinite(residual).all() and np.abs(residual).max() > 0


def test_strength_is_the_best_factor_of_what_is_predicted(clips, tmp_path):
    trainer = Trainer(config(), clips, tmp_path)
    trainer.run(stop_at=60)
    network = trainer.network()
    best = best_strength(network, clips)
    assert 0 <= best.hole <= 1 and 0 < best.smoke <= 1 and best.liquid == 0

    def error(smoke):
        total = 0.0
        for number, clip in enumerate(clips):
            signals, truth = whole(clip)
            residual = BundledModel(network, replace(best, smoke=smoke))(signals, seed=number, num_inference_steps=1)
            total += float(((signals.coarse + residual - truth)[signals.smoke[..., 0] > 0.15] ** 2).sum())
        return total

    here = error(best.smoke)
    assert here <= error(0.7 * best.smoke) and (best.smoke == 1 or here <= error(min(1.0, 1.3 * best.smoke)))


def test_every_parameter_learns_once_the_zero_started_layers_have_moved(clips):
    network = ResidualUNet(TINY, rngs=nnx.Rngs(0))
    batch = sample_batch(clips, np.random.default_rng(0), batch=2, side=32, frames=4)
    batch["liquid"] = np.ones_like(batch["liquid"])
    graph, parameters = nnx.split(network, nnx.Param)
    gradient = jax.jit(jax.grad(lambda p: loss(nnx.merge(graph, p), batch, config())))
    first = gradient(parameters)
    assert np.abs(np.asarray(first["out"]["kernel"].get_value())).max() > 0
    shaken = jax.tree.map(lambda p: p + 0.02 * jnp.sin(jnp.arange(p.size)).reshape(p.shape), parameters)
    for leaf in jax.tree.leaves(gradient(shaken)):
        assert np.abs(leaf).max() > 0


def test_training_maps_are_those_of_the_conditions(clips):
    conditions = toy_conditions()
    signals = Signals.of(conditions)
    wanted, _ = encode(signals, gate(signals, EVERYWHERE), depth_scale(signals))
    clip = clips[0]
    everything = tuple(slice(0, n) for n in clip.gate.shape)
    signals, _ = clip.window(*everything)
    found, _ = encode(signals, clip.gate, clip.depth_scale)
    # uint8 shards round to 1/255; the gate is up to 20 times steeper than what it is made of.
    error = np.abs(found - wanted).max((0, 1, 2))
    assert dict(zip(CHANNELS, error, strict=True))["gate"] < 0.15
    assert np.delete(error, [CHANNELS.index("gate"), CHANNELS.index("unknown")]).max() < 0.02


def test_batches_follow_from_their_generator_and_mirroring_negates_horizontal_motion(clips):
    draw = lambda seed: sample_batch(clips, np.random.default_rng(seed), batch=2, side=32, frames=4)  # noqa: E731
    a, b, c = draw(1), draw(1), draw(2)
    assert all(np.array_equal(a[name], b[name]) for name in a)
    assert not np.array_equal(a["noise"], c["noise"])
    right = CHANNELS.index("flow right")
    signs = {np.sign(draw(s)["maps"][..., right].sum()) for s in range(20)}
    assert {-1.0, 1.0} <= signs  # the toy's disc moves right only


def test_residual_is_what_is_missing(clips):
    batch = sample_batch(clips, np.random.default_rng(0), batch=4, side=32, frames=4)
    coarse = (batch["maps"][..., :3] + 1) / 2
    truth = coarse + batch["residual"] / RESIDUAL_GAIN
    assert truth.min() > -1e-6 and truth.max() < 1 + 1e-6


def test_rate_warms_up_and_ends_at_zero():
    c = config(warmup=100)
    rate = lambda step, progress: warm_cosine(c.learning_rate, c.warmup, step, progress)  # noqa: E731
    assert rate(0, 0.0) == pytest.approx(c.learning_rate / 100)
    assert rate(100, 0.1) > rate(500, 0.5) > rate(999, 0.999) > 0
    assert rate(1000, 1.0) == pytest.approx(0)


def test_mistakes_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no \.npz shards"):
        load_clips(tmp_path)
    with pytest.raises(ValueError, match="exactly one of steps"):
        TrainConfig()


def test_half_of_what_is_missing_gains_six_decibels_wherever_there_is_a_region(clips, tmp_path):
    def half(signals, *, seed, **_):
        return 0.5 * (whole(clips[seed])[1] - signals.coarse)

    found = gains(half, clips)
    there = [name for name in REGIONS if np.isfinite(found[name])]
    assert there and set(there) < set(REGIONS)  # the toy has no liquid
    assert [found[name] for name in (*there, "all")] == pytest.approx([20 * np.log10(2)] * (len(there) + 1), abs=0.01)
    for step in (10, 20):
        write_row(tmp_path / "validation.csv", step, 1.0, found)
    rows = (tmp_path / "validation.csv").read_text().split()
    assert rows[0].startswith("step,seconds,hole") and [row.split(",")[0] for row in rows[1:]] == ["10", "20"]


def test_all_samples_may_be_for_the_first_step(clips):
    batch = sample_batch(clips, np.random.default_rng(0), batch=8, side=32, frames=4, at_zero=1.0)
    assert not batch["time"].any()
