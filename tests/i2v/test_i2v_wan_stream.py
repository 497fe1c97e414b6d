"""Block after block with what is remembered says what the whole clip says where nothing looks ahead.

The truth is a dense matrix of who sees whom, put into the plain network.
"""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from toy_conditions import toy_conditions
from wan_golden import CONTROL, TINY, run

from i2v.models.wan.attention import attend
from i2v.models.wan.causal import BlockCausal, Blocks, Decoding, Stream
from i2v.models.wan.config import WanConfig
from i2v.models.wan.painter import WanPainter
from i2v.models.wan.pipeline import Told
from i2v.models.wan.transformer import WanTransformer
from i2v.models.wan.vae import VaeConfig, WanVae

SIZE = (8, 4, 4)  # latent frames, rows, columns: four blocks of 2
TOKENS = 4
SMALL = WanConfig(2, 2, 16, 24, 7, 3, text_dim=8, text_tokens=3, freq_dim=16)


def drawn(config, attention="auto", seed=0):
    """A network, all of whose parameters are random and do something."""
    network = WanTransformer(config, attention=attention, rngs=nnx.Rngs(seed))
    rng = np.random.default_rng(seed)
    state = jax.tree.map(
        lambda a: a + jnp.asarray(0.2 * rng.standard_normal(a.shape), a.dtype), nnx.state(network, nnx.Param)
    )
    nnx.update(network, state)
    return network


def told_of(config, seed=1, frames=SIZE[0]):
    rng = np.random.default_rng(seed)
    make = lambda *shape: jnp.asarray(rng.standard_normal((1, *shape)), jnp.float32)  # noqa: E731
    camera = None if config.camera_channels is None else make(frames, 32, 32, config.camera_channels)
    reference = None if config.reference_channels is None else make(4, 4, config.reference_channels)
    return make(frames, *SIZE[1:], config.in_channels), Told(
        make(config.text_tokens, config.text_dim), camera=camera, reference=reference
    )


def dense(sees):
    """Attention by a matrix of who sees whom."""

    def attention(q, k, v):
        scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / np.sqrt(q.shape[-1])
        weights = jax.nn.softmax(jnp.where(sees, scores, -jnp.inf), -1)
        return jnp.einsum("bhqk,bkhd->bqhd", weights, v)

    return attention


def sees(frame, other, memory, ahead=0):
    """Whether latent frame sees another, by hand; the reference picture is in front, of the first block."""
    block, past = max(frame - ahead, 0) // 2, max(other - ahead, 0) // 2
    return past <= block and (past == 0 or memory is None or block - past <= memory)


def answering(network, told):
    """The plain network as a function of the sample and of each frame's time, the picture's in front first."""
    graph, state = nnx.split(network)

    @jax.jit
    def call(state, x, times):
        module = nnx.merge(graph, state)
        plain = module._with_reference

        def placed(x, timestep, grid, reference):
            x, timestep, grid = plain(x, timestep, grid, reference)
            return x, timestep.at[:, 0].set(times[0, 0]), grid

        object.__setattr__(module, "_with_reference", placed)
        return module(x, times[:, 1:], told.text, camera=told.camera, reference=told.reference)

    return lambda x, times: np.asarray(call(state, x, jnp.asarray(times, jnp.float32)))


@pytest.mark.parametrize(("config", "memory"), [(TINY, None), (CONTROL, 1)], ids=["plain", "camera and reference"])
def test_blocks_with_what_is_kept_are_the_whole_causal_clip(config, memory):
    x, told = told_of(config)
    ahead = int(told.reference is not None)
    frames = SIZE[0] + ahead
    matrix = np.array([[sees(i, j, memory, ahead) for j in range(frames)] for i in range(frames)])
    whole = answering(drawn(config, attention=dense(matrix.repeat(TOKENS, 0).repeat(TOKENS, 1))), told)
    blind = answering(drawn(config), told)
    stream = Stream(drawn(config), Blocks(2, memory), SIZE, reference=bool(ahead))
    kept, off, control = stream.begun(), [], []
    for block, cut in enumerate(stream.cuts):
        now = stream.told(told, block)
        made = stream.model(block)(x[:, cut], 700.0, (now, kept))
        # finished blocks are at time 0, this one is not; the picture in front is of the first block
        front = max(cut.start - 1, -1)
        times = np.where(np.arange(-1, SIZE[0]) <= front if block else np.zeros(SIZE[0] + 1, bool), 0.0, 700.0)[None]
        truth, lookahead = (network(x, times)[:, cut] for network in (whole, blind))
        off.append(np.abs(np.asarray(made) - truth).max() / np.abs(truth).max())
        control.append(np.abs(lookahead - truth).max() / np.abs(truth).max())
        kept = stream.remembered(x[:, cut], now, kept, block)
    assert len(off) == 4
    assert max(off) < 1e-5, off
    assert min(control[:3]) > 1e-3  # who looks ahead is found out


@pytest.mark.parametrize("memory", [None, 0, 1])
def test_attention_by_blocks_is_the_dense_matrix(memory):
    rng = np.random.default_rng(0)
    q, k, v = (jnp.asarray(rng.standard_normal((2, 7 * TOKENS, 2, 8)), jnp.float32) for _ in range(3))
    matrix = np.array([[sees(i, j, memory) for j in range(7)] for i in range(7)]).repeat(TOKENS, 0).repeat(TOKENS, 1)
    assert np.allclose(BlockCausal(Blocks(2, memory), TOKENS)(q, k, v), dense(matrix)(q, k, v), atol=1e-6)
    assert not np.allclose(attend(q, k, v), dense(matrix)(q, k, v), atol=1e-2)


@pytest.mark.parametrize("how", ["xla", "chunked"])
def test_keys_beyond_the_length_are_not_seen(how):
    rng = np.random.default_rng(0)
    q, k, v = (jnp.asarray(rng.standard_normal((2, n, 2, 8)), jnp.float32) for n in (5, 9, 9))
    made = attend(q, k.at[:, 6:].set(1e3), v, implementation=how, length=jnp.int32(6))
    assert np.allclose(made, attend(q, k[:, :6], v[:, :6], implementation="xla"), atol=1e-5)
    with pytest.raises(ValueError, match="cannot leave keys out"):
        attend(q, k, v, implementation=lambda q, k, v: q, length=jnp.int32(6))


def test_memory_does_not_grow_with_the_clip():
    network = drawn(TINY)
    sizes = [Stream(network, Blocks(2, 2), (frames, 4, 4)).begun().size for frames in (10, 40, 400)]
    per_frame = 2 * TINY.layers * TOKENS * TINY.width * 4  # keys and values, float32
    assert sizes == [6 * per_frame] * 3
    assert Stream(network, Blocks(2), (40, 4, 4)).begun().size == 38 * per_frame


class Means(nnx.Module):
    """One latent cell is the mean of 8 x 8 pixels of every fourth frame, and is shown until the next."""

    config = VaeConfig(latent=3)

    def encode(self, video, *, chunk):
        b, t, h, w, c = video.shape
        return video.reshape(b, t, h // 8, 8, w // 8, 8, c).mean((3, 5))[:, ::4]

    def decode(self, latents, *, chunk):
        return self.decode_on(latents, None)[0]

    def decode_on(self, latents, kept):
        wide = latents.repeat(8, axis=2).repeat(8, axis=3)
        if kept is not None:
            return wide.repeat(4, axis=1), kept
        return jnp.concatenate([wide[:, :1], wide[:, 1:].repeat(4, axis=1)], axis=1), [latents[:, -1:]]


def painter(blocks=None, *, strength=1.0):
    words = {"": 0.0, "warm": 1.0}
    text = lambda prompt: jnp.full((1, 3, 8), words[prompt])  # noqa: E731
    network = drawn(replace(SMALL, in_channels=10))
    return WanPainter(network, Means(), text, prompt="warm", blocks=blocks, strength=strength)


CALL = {"seed": 3, "num_inference_steps": 2, "guidance_scale": 2.0, "callback_on_step_end": None}


def test_frames_come_block_by_block_and_one_block_is_the_whole_clip():
    conditions = toy_conditions(frames=14, height=16, width=16)
    steps = []
    called = {**CALL, "callback_on_step_end": lambda step, sigma, x: steps.append(x.shape[1])}
    parts, when = [], []
    for part in painter(Blocks(2, 1)).stream(conditions, **called):
        parts.append(part)
        when.append(len(steps))
    assert [len(part) for part in parts] == [5, 8, 1]  # 5 latent frames: 1 + 4, 8, and 1 of the last 4
    assert when == [2, 4, 6]  # the first frames are there before the second block begins
    assert steps == [2, 2, 2, 2, 1, 1]
    together = painter(Blocks(2, 1))(conditions, **CALL)
    assert np.array_equal(together, np.concatenate(parts))
    whole = painter()(conditions, **CALL)
    assert np.allclose(painter(Blocks(5))(conditions, **CALL), whole, atol=1e-4)
    assert not np.allclose(together, whole, atol=1e-3)


def test_what_comes_later_changes_nothing_before():
    conditions = toy_conditions(frames=14, height=16, width=16)
    later = conditions.coarse.copy()
    later[9:] = 1 - later[9:]
    changed = replace(conditions, coarse=later)
    first, second = (painter(Blocks(2, 1), strength=0.85)(c, **CALL) + c.coarse for c in (conditions, changed))
    assert np.allclose(first[:5], second[:5], atol=1e-6)  # the render is encoded causally, too
    assert not np.allclose(first[5:], second[5:], atol=1e-3)


def test_decoding_in_stretches_is_decoding_at_once():
    config = VaeConfig(4, 4, 3, multiples=(1, 1), residuals=1, halves_time=(True,), mean=(0.0,) * 3, std=(1.0,) * 3)
    vae = WanVae(config, rngs=nnx.Rngs(3))
    latents = np.random.default_rng(0).standard_normal((1, 6, 2, 2, 3)).astype(np.float32)
    decoding = Decoding(vae)
    parts = [decoding(latents[:, cut]) for cut in (slice(0, 3), slice(3, 5), slice(5, 6))]
    assert [part.shape[1] for part in parts] == [5, 4, 2]
    whole = run(vae, latents, method="decode") / 2 + 0.5
    assert np.allclose(np.concatenate(parts, axis=1), whole, atol=1e-4)


def test_what_cannot_be_streamed_is_said():
    with pytest.raises(ValueError, match="expected at least 1; 3 are usual"):
        Blocks(0)
    with pytest.raises(ValueError, match="memory is -1"):
        Blocks(2, -1)
    network = drawn(SMALL)
    with pytest.raises(ValueError, match="window or a second expert"):
        WanPainter(network, Means(), lambda prompt: None, motion="none", blocks=Blocks(2), window=4)
    with pytest.raises(ValueError, match="make it with blocks"):
        next(painter().stream(toy_conditions(frames=2, height=16, width=16)))
