"""Training of Wan: a resumed run is the run, gradients add up to a larger batch, the loss counts where it should."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from wan_golden import QUICK

from i2v.models.wan.config import WanConfig
from i2v.models.wan.lora import load_adapter, save_adapter
from i2v.models.wan.pipeline import Told
from i2v.models.wan.transformer import WanTransformer
from i2v.training import wan
from i2v.training.config import WanTrainConfig
from i2v.training.loop import adamw, begun, warm_cosine
from i2v.training.wan import WanExample, WanTrainer, latent_mask, velocity_loss

TINY = WanConfig(1, 2, 16, 32, 8, 4, text_dim=8, text_tokens=2, freq_dim=16)
RUN = WanTrainConfig(steps=4, accumulate=2, remat=True, rank=2, learning_rate=3e-3, warmup=2, drop=0.5)


RAW_STEP = wan.train_step.__wrapped__


def example(seed=0, **changes):
    """Latents that are what is told beside the sample."""
    rng = np.random.default_rng(seed)
    latents = np.repeat(rng.standard_normal((1, 4, 4, 4)), 3, 0).astype(np.float32)
    told = Told(jnp.ones((1, 2, 8)), beside=jnp.asarray(latents[None]))
    return WanExample(**{"latents": latents, "told": told} | changes)


@pytest.fixture(autouse=True, scope="module")
def quickly():
    """Compiling is what these tests wait for."""
    with pytest.MonkeyPatch.context() as patch:
        step = jax.jit(RAW_STEP, static_argnums=(0, 1), compiler_options=QUICK)
        patch.setattr(wan, "train_step", step)
        yield


def drawn(dtype=jnp.float32):
    """A network without compiling what would draw it."""
    graph, state = nnx.split(
        nnx.eval_shape(lambda: WanTransformer(TINY, attention="xla", dtype=dtype, rngs=nnx.Rngs(0)))
    )
    rng, filled = np.random.default_rng(0), []
    for path, variable in nnx.to_flat_state(state):
        leaf = variable.get_value()
        values = (
            jnp.asarray(0.2 * rng.standard_normal(leaf.shape), leaf.dtype) if isinstance(variable, nnx.Param) else leaf
        )
        filled.append((path, variable.replace(values)))
    return nnx.merge(graph, nnx.from_flat_state(filled))


@pytest.fixture(scope="module")
def network():
    return drawn()


def leaves(state):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(state)]


def test_two_and_two_steps_are_four_steps_to_the_bit_with_carried_noise_and_a_prior(network, tmp_path):
    flow = np.full((9, 8, 8, 2), 0.5, np.float32)
    moving = [example(n, flow=flow, occlusion=np.zeros((9, 8, 8), np.float32)) for n in range(3)]
    losses = {}

    def run(name, stops):
        for stop in stops:
            trainer = WanTrainer(network, RUN, moving, tmp_path / name, prior=[example(9)])
            trainer.run(stop_at=stop, on_step=lambda step, loss, progress: losses.setdefault(name, []).append(loss))
        return trainer

    whole, parts = run("whole", [4]), run("parts", [2, 4])
    assert losses["whole"] == losses["parts"] and len(losses["whole"]) == 4
    assert all(np.array_equal(a, b) for a, b in zip(leaves(whole.state), leaves(parts.state), strict=True))
    # the trained network is given back with its adapters; the one that came in is as it was
    saved = save_adapter(tmp_path / "a.safetensors", whole.adapter())
    assert np.abs(load_adapter(saved, network).up["blocks.attn1.to_q"]).max() > 0
    assert type(network.blocks.attn1.to_q) is nnx.Linear


def batch(count, seed=0):
    rng = np.random.default_rng(seed)
    latents, noise = rng.standard_normal((2, count, 3, 4, 4, 4)).astype(np.float32)
    told = Told(rng.standard_normal((count, 2, 8)).astype(np.float32), beside=latents)
    weight = rng.random((count, 3, 4, 4)).astype(np.float32)
    return {"latents": latents, "noise": noise, "sigma": np.linspace(0.2, 0.9, count, dtype=np.float32)} | {
        "weight": weight,
        "told": told,
    }


def test_accumulated_gradients_with_remat_are_those_of_the_larger_batch_without(network, tmp_path):
    whole, ways = batch(2), []
    for config in (RUN, replace(RUN, batch=2, accumulate=1, remat=False)):
        trainer = WanTrainer(network, config, [example()], tmp_path / str(config.batch))
        moved = jax.tree.map(
            lambda p: p + 0.1 * jnp.sin(jnp.arange(p.size)).reshape(p.shape), trainer.state["parameters"]
        )
        batches = jax.tree.map(lambda a, c=config: a.reshape(c.accumulate, c.batch, *a.shape[1:]), whole)
        state, value = wan.train_step(
            trainer.graph, config, trainer.rest, begun(moved, adamw(0.0)), batches, jnp.float32(0.0)
        )
        ways.append((float(value), leaves(state["optimizer"])))
    assert ways[0][0] == pytest.approx(ways[1][0], rel=1e-5)
    # the optimizer's moments are the gradients: float32 sums in another order
    for one, other in zip(ways[0][1], ways[1][1], strict=True):
        assert np.abs(one).max() > 0 and np.allclose(one, other, rtol=1e-3, atol=1e-5)


def test_the_loss_is_the_weighted_square_error_and_does_not_look_outside_the_mask():
    class Still:
        def __call__(self, x, timestep, text, image, *, camera, reference):
            return jnp.zeros_like(x[..., :4])

    given = batch(2)
    velocity = given["noise"] - given["latents"]
    each = (given["weight"][..., None] * velocity**2).sum((1, 2, 3, 4)) / given["weight"].sum((1, 2, 3)) / 4
    assert float(velocity_loss(Still(), given)) == pytest.approx(each.mean(), rel=1e-5)
    given["weight"][:, :, :2] = 0
    outside = {**given, "latents": given["latents"].copy()}
    outside["latents"][:, :, :2] += 5
    assert float(velocity_loss(Still(), outside)) == pytest.approx(float(velocity_loss(Still(), given)), rel=1e-6)
    first = replace(given["told"], first=jnp.asarray(given["latents"][:, :1]))
    given["weight"][:] = 1
    later = float((velocity[:, 1:] ** 2).mean())
    assert float(velocity_loss(Still(), {**given, "told": first})) == pytest.approx(later, rel=1e-5)


def test_a_mask_becomes_shares_of_latent_cells():
    mask = np.zeros((5, 8, 16), bool)
    mask[:, :4, :8] = True
    mask[1:, 4:, 8:] = [[[True]], [[False]], [[False]], [[False]]]
    found = latent_mask(mask, 4, 8)
    assert np.allclose(found, [[[0.5, 0.0]], [[0.5, 0.125]]])


def test_half_precision_trains_what_is_kept_in_float32(tmp_path):
    config = replace(RUN, rank=None)
    trainer = WanTrainer(drawn(jnp.bfloat16), config, [example()], tmp_path)
    batches, rate = trainer._batch(0), jnp.float32(0.1)
    step = lambda state: RAW_STEP(trainer.graph, config, trainer.rest, state, batches, rate)  # noqa: E731
    state, _ = jax.eval_shape(step, trainer.state)
    assert {leaf.dtype.name for leaf in jax.tree.leaves(state)} == {"float32", "int32"}
    assert trainer.network().blocks.attn1.to_q.kernel[...].dtype == jnp.bfloat16
    products = [line for line in str(jax.make_jaxpr(step)(trainer.state)).splitlines() if "= dot_general" in line]
    assert sum(":bf16[" in line for line in products) > len(products) / 2


def test_the_rate_warms_up_and_mistakes_are_named():
    assert warm_cosine(1.0, 10, 0, 0.0) == pytest.approx(0.1)
    assert warm_cosine(1.0, 10, 50, 1.0) == pytest.approx(0.0)
    with pytest.raises(ValueError, match="accumulate is 0"):
        WanTrainConfig(steps=1, accumulate=0)
    with pytest.raises(ValueError, match=r"drop is 2, expected a share"):
        WanTrainConfig(steps=1, drop=2)
