"""UMT5 and CLIP against the reference implementation. Golden files: ``tests/parity/make_wan.py``."""

import numpy as np
import pytest
from flax import nnx
from wan_golden import RELATIVE, agrees, golden, load, off, run, unpacked

from i2v.models.wan import clip, names, umt5
from i2v.models.wan.clip import ClipConfig, ClipImageEncoder, prepare
from i2v.models.wan.umt5 import Umt5Config, Umt5Encoder, distance_classes

MUTANT = 10 * RELATIVE


@pytest.fixture(scope="module")
def text():
    truth = golden("text")
    config = Umt5Config(97, 2, 24, 3, 6, 40)
    return load(lambda: Umt5Encoder(config, rngs=nnx.Rngs(0)), unpacked(truth), names.UMT5), truth


@pytest.fixture(scope="module")
def picture():
    truth = golden("clip")
    network = lambda: ClipImageEncoder(ClipConfig(3, 24, 3, 40, 42), rngs=nnx.Rngs(0))  # noqa: E731
    return load(network, unpacked(truth), names.CLIP), truth


def meanings(network, truth):
    return run(network, truth["tokens"].astype(np.int32), truth["seen"])


def expected_meanings(truth):
    return truth["meanings"] * truth["seen"][..., None]  # what follows the text is zero for the transformer


def test_text_is_encoded_as_by_the_reference(text):
    network, truth = text
    assert agrees(meanings(network, truth), expected_meanings(truth))


def test_sharing_one_table_of_distances_as_t5_does_is_noticed(text):
    network, truth = text
    kept = network.layers.bias[...]
    network.layers.bias[...] = kept.at[1].set(kept[0])
    assert off(meanings(network, truth), expected_meanings(truth))[0] > MUTANT
    network.layers.bias[...] = kept


def test_a_mask_that_is_forgotten_is_noticed(text):
    network, truth = text
    made = run(network, truth["tokens"].astype(np.int32), np.ones_like(truth["seen"]))
    assert off(made * truth["seen"][..., None], expected_meanings(truth))[0] > MUTANT


def test_distances_are_exact_when_near_logarithmic_when_far_and_tell_sides_apart():
    classes = distance_classes(200, 32, 128)
    assert classes[0, 0] == 0
    assert list(classes[10, 10 - np.arange(8)]) == list(range(8))
    assert list(classes[10, 10 + np.arange(1, 8)]) == list(range(17, 24))
    assert classes[0, 128] == classes[0, 199] == 31
    assert classes[199, 0] == 15
    assert (np.diff(classes[0, 1:]) >= 0).all()


def test_a_picture_is_encoded_as_by_the_reference(picture):
    network, truth = picture
    assert agrees(run(network, truth["picture"]), truth["tokens"])


def test_the_usual_approximation_of_gelu_is_noticed(picture, monkeypatch):
    network, truth = picture
    exact = clip.jax.nn.gelu
    monkeypatch.setattr(clip.jax.nn, "gelu", lambda x, approximate: exact(x, approximate=True))
    assert off(run(network, truth["picture"]), truth["tokens"])[0] > MUTANT


def test_a_photo_is_squeezed_to_a_normalised_square():
    made = prepare(np.full((30, 50, 3), 0.5), 28)
    assert made.shape == (28, 28, 3)
    assert np.allclose(made * np.float32(clip.STD) + np.float32(clip.MEAN), 0.5, atol=1e-6)


def test_meanings_after_the_end_are_zero_and_do_not_matter(text):
    network, truth = text
    tokens = truth["tokens"].astype(np.int32)
    changed = np.where(truth["seen"], tokens, 3)
    assert np.array_equal(meanings(network, truth), run(network, changed, truth["seen"]))
    assert umt5.Umt5Config().vocabulary == 256384
