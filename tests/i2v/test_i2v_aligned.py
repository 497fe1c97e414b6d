"""The network that follows the flow: what it fetches is where the simulation says, and the rest is as it was."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from toy_conditions import toy_arrays, toy_conditions, write_shard

from i2v import weights
from i2v.maps import CHANNELS, EDGES_TOO, EVERYWHERE, Signals, Strength, edges, gate, ways
from i2v.models import bundled
from i2v.models.aligned import AlignedConfig, fetched, route
from i2v.models.bundled import BundledModel, build
from i2v.models.unet import UNetConfig
from i2v.training.config import TrainConfig
from i2v.training.data import load_clips, sample_batch
from i2v.training.resident import ResidentClips
from i2v.training.train import Trainer, loss

TINY = AlignedConfig(widths=(16, 24), time_width=8, carried=4)
ONE_LEVEL = AlignedConfig(widths=(16,), time_width=8, carried=4)  # compiles in half the time


def toy_signals(**size):
    arrays = toy_arrays(**size)
    del arrays["truth"]
    return Signals(**arrays)


def shaken(config=TINY, seed=0):
    """Random weights everywhere, also in layers that start at zero."""
    network = build(config, seed=seed)
    rng = np.random.default_rng(seed)
    for _, variable in nnx.to_flat_state(nnx.state(network, nnx.Param)):
        value = variable.get_value()
        variable.set_value(value + jnp.asarray(0.05 * rng.standard_normal(value.shape), jnp.float32))
    return network


@pytest.mark.parametrize("k", [1, 2])
def test_a_moved_picture_is_fetched_back_to_where_it_was(k):
    rng = np.random.default_rng(0)
    picture = rng.standard_normal((1, 1, 12, 16, 3)).astype(np.float32)
    du, dv = 3, -2  # positions of the grid
    motion = np.zeros((1, 1, 12 * k, 16 * k, 3), np.float32)
    motion[..., 0], motion[..., 1], motion[..., 2] = du * k, dv * k, 1
    moved = np.asarray(fetched(jnp.asarray(picture), route(jnp.asarray(motion), k)))
    assert np.allclose(moved[0, 0, 2:, :-3], picture[0, 0, :-2, 3:], atol=1e-6)
    # What would come from outside of the picture is nothing.
    assert np.all(moved[0, 0, :2] == 0) and np.all(moved[0, 0, :, -3:] == 0)


def test_between_positions_values_are_linear_and_hidden_ones_count_nothing():
    ramp = np.broadcast_to(np.arange(10.0)[:, None], (1, 1, 8, 10, 1)).astype(np.float32)
    motion = np.zeros((1, 1, 8, 10, 3), np.float32)
    motion[..., 0], motion[..., 2] = 0.25, 1
    motion[:, :, 4:, :, 2] = 0
    moved = np.asarray(fetched(jnp.asarray(ramp), route(jnp.asarray(motion), 1)))[0, 0, ..., 0]
    assert np.allclose(moved[:4, 1:8], ramp[0, 0, :4, 1:8, 0] + 0.25, atol=1e-6)
    assert np.all(moved[4:] == 0)


def test_the_way_of_the_toys_disc_is_its_speed_and_ends_with_the_clip():
    signals = toy_signals()
    way = ways(signals)
    disc = signals.ids > 0
    assert np.all(way[1:-1][disc[1:-1]] == (-2, 0, 1, 2, 0, 1))
    assert np.all(way[0, ..., 2] == 0) and np.all(way[-1, ..., 5] == 0)
    # Ground that the disc comes to stand on is not seen in the next frame.
    covered = ~disc[:-1] & disc[1:]
    assert np.all(way[:-1][covered][:, 5] == 0)


def test_edges_lie_about_outlines_and_open_the_gate_only_when_asked():
    signals = toy_signals()
    rim = edges(signals)
    inner = signals.ids > 0
    for _ in range(4):
        inner = inner & np.roll(inner, 1, 1) & np.roll(inner, -1, 1) & np.roll(inner, 1, 2) & np.roll(inner, -1, 2)
    assert rim.max() == 1 and np.all(rim[inner] == 0)
    assert np.array_equal(gate(signals, Strength()), gate(signals, Strength(edge=0.0)))
    assert (gate(signals, EDGES_TOO) > gate(signals, EVERYWHERE)).any()


def test_a_neighbours_features_arrive_along_the_flow_and_nowhere_else():
    network = shaken()
    size, count = 32, 3
    zero = lambda c: jnp.zeros((1, count, size, size, c))  # noqa: E731
    x = np.zeros((1, count, size, size, 3), np.float32)
    bumped = x.copy()
    bumped[0, 0, 12:16, 4:8] = 1

    @nnx.jit
    def run(n, y, motion):
        context = n.context(zero(len(CHANNELS)), zero(3), zero(1), motion)
        return n(y, jnp.zeros(1), context, jnp.ones((1, count)))

    def change(du):
        motion = np.zeros((1, count, size, size, 6), np.float32)
        motion[0, 1, ..., 0], motion[0, 1, ..., 2] = -du, 1  # frame 1 was du pixels to the left in frame 0
        return np.abs(np.asarray(run(network, bumped, motion) - run(network, x, motion)))[0, 1].sum((0, 2))

    # The centre of what frame 1 learns of the bump moves with the flow, by about as much.
    centres = [float((profile * np.arange(size)).sum() / profile.sum()) for profile in (change(0), change(8))]
    assert 3 < centres[1] - centres[0] < 13


@pytest.mark.parametrize("mixing", ["shift", "none"])
def test_twins_without_flow_do_not_feel_it(mixing):
    network = shaken(AlignedConfig(widths=(16, 24), time_width=8, mixing=mixing))
    rng = np.random.default_rng(0)
    maps = rng.standard_normal((1, 3, 16, 16, len(CHANNELS))).astype(np.float32)
    other = maps.copy()
    other[..., [k for k, name in enumerate(CHANNELS) if "flow" in name]] += 1
    x = jnp.asarray(rng.standard_normal((1, 3, 16, 16, 3)), jnp.float32)
    motion = jnp.asarray(rng.standard_normal((1, 3, 16, 16, 6)), jnp.float32)

    @nnx.jit
    def run(n, maps, motion):
        context = n.context(maps, jnp.zeros((1, 3, 16, 16, 3)), jnp.zeros((1, 3, 16, 16, 1)), motion)
        return n(x, jnp.zeros(1), context, jnp.ones((1, 3)))

    answer = [np.asarray(run(network, m, w)) for m, w in ((maps, motion), (other, 0 * motion))]
    assert np.array_equal(answer[0], answer[1]) and np.abs(answer[0]).max() > 0


@pytest.fixture(scope="module")
def model():
    return BundledModel(shaken(), Strength(liquid=1, edge=1))


def test_a_picture_that_stands_still_is_painted_the_same_from_first_second_to_last(model, monkeypatch):
    whole = toy_signals(height=48, width=64)
    held = whole[np.full(26, 5)]  # type: ignore[index]
    nothing = np.zeros_like(held.flow)
    still = Signals(**{
        **vars(held), "flow": nothing, "flow_backward": nothing, "smoke_flow": nothing, "smoke": 0 * held.smoke,
        "occlusion": 0 * held.occlusion,
    })  # fmt: skip
    monkeypatch.setattr(bundled, "PIXELS_PER_CALL", 1)
    residual = model(still, num_inference_steps=2)
    reach = 2 * model.config.reach  # of two steps
    inner = residual[reach:-reach]
    # Noise rests where nothing moves, and no frame further than the reach is seen: nothing can drift.
    assert np.abs(inner).max() > 0 and np.abs(inner - inner[0]).max() < 1e-5


def test_chunks_of_a_long_clip_leave_no_seam(model, monkeypatch):
    conditions = toy_conditions(frames=26, height=48, width=64)
    whole = model(conditions, num_inference_steps=2)
    monkeypatch.setattr(bundled, "PIXELS_PER_CALL", 1)
    parts = model(conditions, num_inference_steps=2)
    assert np.abs(whole).max() > 0 and np.abs(whole - parts).max() < 1e-5


def test_weights_of_the_first_version_are_a_valid_start(tmp_path):
    old = build(UNetConfig(widths=(16, 24), time_width=8))
    for _, variable in nnx.to_flat_state(nnx.state(old, nnx.Param)):
        value = variable.get_value()
        variable.set_value(value + 0.05 * jnp.sin(jnp.arange(value.size)).reshape(value.shape))
    path = bundled.save_model(tmp_path / "old.safetensors", old, about={})
    write_shard(tmp_path / "a.npz")
    clips = load_clips(tmp_path, with_edges=True)
    config = TrainConfig(
        network=AlignedConfig(widths=(16, 24), time_width=8, mixing="both", chroma_cell=1),
        batch=1,
        side=32,
        frames=4,
        steps=1,
    )
    network = Trainer(config, clips, tmp_path / "run", start=path).network()
    old = BundledModel.load(path)
    conditions = toy_conditions()
    # Edges are new to the gate that the network sees; without them both are the same function.
    new = BundledModel(network)
    new._with_edges = False
    new._context = jax.jit(lambda p, maps, liquid: nnx.merge(nnx.split(network)[0], p).context(
        maps, liquid, jnp.zeros((*maps.shape[:-1], 1)), jnp.zeros((*maps.shape[:-1], 6))))  # fmt: skip
    assert np.abs(new(conditions) - old(conditions)).max() < 1e-5 < np.abs(old(conditions)).max()


def test_weights_remember_their_network_and_their_objective(tmp_path):
    write_shard(tmp_path / "a.npz")
    clips = load_clips(tmp_path, with_edges=True, noisy=False)
    config = TrainConfig(
        network=ONE_LEVEL, objective="regression", batch=1, side=32, frames=4, steps=100, resident=True
    )  # the way of a GPU
    trainer = Trainer(config, clips, tmp_path / "run")
    trainer.run(seconds=1e-9)
    assert trainer.step == 1
    trainer.run(stop_at=2)
    path = trainer.export(tmp_path / "m.safetensors")
    model = BundledModel.load(path)
    assert model.config == ONE_LEVEL and not model.noisy
    conditions = toy_conditions()
    # A regressor has one answer, whatever seed and steps.
    assert np.array_equal(model(conditions, seed=1), model(conditions, seed=2, num_inference_steps=3))
    _, metadata = weights.load(path)
    assert json.loads(metadata["training"])["network"]["mixing"] == "flow"
    with pytest.raises(ValueError, match=r"batch was 1, is 2"):
        Trainer(TrainConfig(network=ONE_LEVEL, objective="regression", batch=2, side=32, frames=4, steps=100), clips,
                tmp_path / "run")  # fmt: skip


def test_batches_cut_on_the_device_are_those_of_the_host(tmp_path):
    write_shard(tmp_path / "a.npz")
    clips = load_clips(tmp_path, with_edges=True)
    resident = ResidentClips(clips)
    drawn = resident.draw(np.random.default_rng(0), 64, 32, 4)
    batch = resident.batch(np.random.default_rng(0), batch=64, side=32, frames=4)
    host = sample_batch(clips, np.random.default_rng(0), batch=2, side=32, frames=4)
    assert {n: v.shape[1:] for n, v in batch.items()} == {n: v.shape[1:] for n, v in host.items()}
    n, t, v, u = drawn["where"][0]
    colours, gain, mirror = drawn["colours"][0], drawn["gain"][0], drawn["mirror"][0]
    signals, truth = clips[n].window(slice(t, t + 4), slice(v, v + 32), slice(u, u + 32))
    residual, coarse = (gain * x[..., colours] for x in (4 * (truth - signals.coarse), signals.coarse))
    if mirror:
        residual, coarse = residual[:, :, ::-1], coarse[:, :, ::-1]
    assert np.abs(np.asarray(batch["residual"][0]) - residual).max() < 2e-3
    assert np.abs((np.asarray(batch["maps"][0, ..., :3]) + 1) / 2 - coarse).max() < 2e-3
    noise = np.asarray(batch["noise"])
    assert abs(noise.mean()) < 0.05 and noise.std() == pytest.approx(1, abs=0.05)


def test_the_loss_in_half_precision_is_nearly_the_same(tmp_path):
    write_shard(tmp_path / "a.npz")
    clips = load_clips(tmp_path, with_edges=True)
    batch = sample_batch(clips, np.random.default_rng(0), batch=2, side=32, frames=4)
    network = shaken(ONE_LEVEL)
    found = []
    for half in (False, True):
        config = TrainConfig(network=ONE_LEVEL, steps=1, half=half, along_weight=0.1)
        graph, parameters = nnx.split(network, nnx.Param)
        if half:
            parameters = jax.tree.map(lambda p: p.astype(jnp.bfloat16), parameters)
        value = jax.jit(lambda p, graph=graph, config=config: loss(nnx.merge(graph, p), batch, config))(parameters)
        assert value.dtype == jnp.float32
        found.append(float(value))
    # bfloat16 keeps two to three digits.
    assert found[0] == pytest.approx(found[1], rel=0.02)


def test_colour_is_painted_in_squares_and_light_in_pixels():
    network = shaken()
    h = jnp.asarray(np.random.default_rng(0).standard_normal((1, 2, 8, 8, 16)), jnp.float32)
    r = np.asarray(nnx.jit(lambda n, h: n.read(h))(network, h))
    grey = r.mean(-1, keepdims=True)
    step = lambda x: np.abs(np.diff(x, axis=3)).mean() / x.std()  # noqa: E731
    # Linear between the middles of squares of four: steps of a quarter of the difference of two squares.
    assert step(r - grey) < 0.5 * step(grey)
    assert np.allclose((r - grey).sum(-1), 0, atol=1e-5)
