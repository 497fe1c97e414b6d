"""Both causal autoencoders of Wan against the reference implementation: whole, in chunks, in tiles.

The golden files are written by ``tests/parity/make_wan.py``. The reference goes frame after frame with a cache; each
network is held against it once whole and once in chunks, so both forms agree with it and with each other.
"""

from functools import partial

import jax
import numpy as np
import pytest
from flax import nnx
from wan_golden import QUICK, VAE21, VAE22, agrees, golden, load, run, unpacked

from i2v.models.wan import names, vae_layers
from i2v.models.wan.vae import VaeConfig, WanVae, decode_tiled


@pytest.fixture(scope="module")
def first():
    truth = golden("vae21")
    return load(lambda: WanVae(VAE21, rngs=nnx.Rngs(0)), unpacked(truth), names.VAE_21), truth


@pytest.fixture(scope="module")
def second():
    truth = golden("vae22")
    return load(lambda: WanVae(VAE22, rngs=nnx.Rngs(0)), unpacked(truth), names.VAE_22), truth


class InChunks:
    """A network that is asked for one latent frame at a time."""

    def __init__(self, network):
        self.network = network

    def __call__(self, method, x):
        graph, state = nnx.split(self.network)
        call = jax.jit(lambda s, x: getattr(nnx.merge(graph, s), method)(x, chunk=1), compiler_options=QUICK)
        return jax.tree.map(np.asarray, call(state, x))


def seen(truth):
    return truth["video"] / np.float32(127.5) - 1


def test_the_first_encodes_as_the_reference(first):
    network, truth = first
    made = np.concatenate(run(network, seen(truth), method="moments"), axis=-1)
    assert made.shape == (1, 4, 2, 4, 8)
    assert agrees(made, truth["moments"])


def test_the_first_decodes_as_the_reference_one_latent_frame_at_a_time(first):
    network, truth = first
    made = InChunks(network)("decode", truth["latents"].astype(np.float32))
    assert made.shape == (1, 13, 16, 24, 3)
    assert agrees(made, truth["decoded"])


def test_the_second_encodes_as_the_reference_one_latent_frame_at_a_time(second):
    network, truth = second
    made = np.concatenate(InChunks(network)("moments", seen(truth)), axis=-1)
    assert made.shape == (1, 4, 1, 2, 8)
    assert agrees(made, truth["moments"])


def test_the_second_decodes_as_the_reference(second):
    network, truth = second
    assert agrees(run(network, truth["latents"].astype(np.float32), method="decode"), truth["decoded"])


def test_tiles_are_blended_as_by_the_reference(first):
    network, truth = first
    graph, state = nnx.split(network)
    sizes = []

    @partial(jax.jit, compiler_options=QUICK)
    def decode(state, latents):
        sizes.append(latents.shape)
        return nnx.merge(graph, state).decode(latents)

    wide = truth["wide"].astype(np.float32)
    made = decode_tiled(lambda part: decode(state, part), wide, space=8, tile=32, stride=24)
    # the reference has one more row of tiles, all of it inside the first, from row 24 on
    assert agrees(made[:, :, :24], truth["tiled"][:, :, :24])
    assert {size[3] for size in sizes} == {4, 3}


def test_weights_of_tiles_sum_to_one_wherever_they_lie():
    from i2v.models.wan.vae import _ramps

    for size in (24, 32, 33, 100, 256):
        starts, weights = _ramps(size, 32, 24)
        total = np.zeros(size)
        for start, weight in zip(starts, weights, strict=True):
            total[start : start + len(weight)] += weight
        assert np.allclose(total, 1)


def test_a_constant_picture_stays_whole_in_tiles():
    latents = np.ones((1, 1, 9, 7, 4), np.float32)
    decode = lambda part: np.ones((1, 1, part.shape[2] * 8, part.shape[3] * 8, 3), np.float32)  # noqa: E731
    assert np.allclose(decode_tiled(decode, latents, space=8, tile=32, stride=16), 1)


@pytest.mark.parametrize(("tile", "stride"), [(30, 24), (32, 20), (32, 32)])
def test_tiles_that_do_not_fit_are_said(tile, stride):
    with pytest.raises(ValueError, match="multiples of 8"):
        decode_tiled(lambda part: part, np.zeros((1, 1, 4, 4, 4)), space=8, tile=tile, stride=stride)


def test_the_sum_of_pictures_convolutions_is_the_volumes(monkeypatch):
    rng = np.random.default_rng(0)
    x, kernel = rng.standard_normal((1, 7, 6, 5, 3)), rng.standard_normal((3, 3, 3, 3, 4))
    stride, padding = (2, 1, 2), ((1, 1), (0, 1))
    on_cpu = vae_layers.conv(x, kernel, stride, padding)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert np.allclose(vae_layers.conv(x, kernel, stride, padding), on_cpu, atol=1e-5)


def test_folding_pixels_into_channels_is_undone():
    video = np.random.default_rng(1).random((2, 3, 4, 6, 3))
    assert np.array_equal(vae_layers.unfolded(vae_layers.folded(video, 2), 2), video)


def test_normalised_latents_come_back():
    config = VaeConfig.wan22()
    network = nnx.eval_shape(lambda: WanVae(config, rngs=nnx.Rngs(0)))
    latents = np.random.default_rng(2).standard_normal((1, 1, 2, 2, 48))
    assert np.allclose(network.denormalised(network.normalised(latents)), latents, atol=1e-6)
    assert (config.space, config.time, len(config.mean), len(config.std)) == (16, 4, 48, 48)


@pytest.mark.parametrize("size", [(1, 4, 16, 16, 3), (1, 5, 12, 16, 3)])
def test_sizes_that_do_not_fit_are_said(size):
    network = nnx.eval_shape(lambda: WanVae(VAE21, rngs=nnx.Rngs(0)))
    with pytest.raises(ValueError, match=r"1 \+ 4 n frames"):
        network.moments(np.zeros(size))


def test_a_chunk_that_does_not_fit_is_said():
    network = nnx.eval_shape(lambda: WanVae(VAE21, rngs=nnx.Rngs(0)))
    with pytest.raises(ValueError, match="divisor of 3"):
        network.moments(np.zeros((1, 13, 16, 16, 3)), chunk=2)
