"""The Wan transformer against the reference implementation, with wrong ones that must be noticed.

The golden file is written by ``tests/parity/make_wan.py``.
"""

import numpy as np
import pytest
from flax import nnx
from wan_golden import CONTROL, IMAGE, RELATIVE, TINY, agrees, golden, load, off, run, unpacked

from i2v.models.wan import attention, rope
from i2v.models.wan.attention import attend
from i2v.models.wan.transformer import WanTransformer

MUTANT = 10 * RELATIVE
"""What a wrong network must be off by, at least."""


@pytest.fixture(scope="module")
def truth():
    return golden("transformer")


def tiny(truth, kind="plain", config=TINY, **how):
    return load(lambda: WanTransformer(config, **how, rngs=nnx.Rngs(0)), unpacked(truth, kind))


def image_to_video(truth, network):
    return run(network, truth["latents9"], np.float32([700]), truth["long_text"], truth["looks"])


def test_text_to_video_answers_as_the_reference(truth):
    assert agrees(run(tiny(truth), truth["latents"], truth["timestep"], truth["text"]), truth["t2v"])


def test_a_time_per_latent_frame_answers_as_the_reference_with_a_time_per_token(truth):
    assert agrees(run(tiny(truth), truth["latents"], truth["frames"], truth["text"]), truth["ti2v"])


def test_image_to_video_answers_as_the_reference(truth):
    assert agrees(image_to_video(truth, tiny(truth, "image", IMAGE)), truth["i2v"])


def test_camera_adapter_and_reference_picture_answer_as_the_reference(truth):
    network = tiny(truth, "control", CONTROL)
    inputs = truth["control_latents"], np.float32([400]), truth["control_text"]
    made = run(network, *inputs, camera=truth["rays"], reference=truth["picture"])
    assert agrees(made, truth["controlled"])


def test_attention_in_blocks_and_forgetting_activations_change_nothing(truth, monkeypatch):
    monkeypatch.setattr(attention, "CHUNK", 7)  # 18 tokens: three blocks, the last one padded
    monkeypatch.setattr(attention._chunked, "__defaults__", (7,))
    network = tiny(truth, attention="chunked", remat=True)
    assert agrees(run(network, truth["latents"], truth["timestep"], truth["text"]), truth["t2v"])


def test_swapped_norms_are_noticed(truth):
    network = tiny(truth)
    network.blocks.norm2, network.blocks.norm3 = network.blocks.norm3, network.blocks.norm2
    assert off(run(network, truth["latents"], truth["timestep"], truth["text"]), truth["t2v"])[0] > MUTANT


def test_the_usual_approximation_of_gelu_for_image_tokens_is_noticed(truth):
    network = tiny(truth, "image", IMAGE)
    network.condition_embedder.image_embedder.ff.exact = False
    # its two forms differ by 4e-4 at most, and image tokens are a part of what is seen only
    assert off(image_to_video(truth, network), truth["i2v"])[0] > 2 * RELATIVE


@pytest.mark.parametrize("split", [(4, 4, 8), (6, 6, 4)])
def test_a_wrong_split_of_channels_between_axes_is_noticed(truth, monkeypatch, split):
    monkeypatch.setattr(rope, "axis_channels", lambda head_dim: split)
    made = run(tiny(truth), truth["latents"], truth["timestep"], truth["text"])
    assert off(made, truth["t2v"])[0] > MUTANT


def test_leaving_out_the_padding_of_text_is_noticed(truth):
    """Which is what a mask on it would do: prompts of 7 and 4 tokens, padded to 12."""
    cut = truth["text"][:1, :7]
    made = run(tiny(truth), truth["latents"][:1], truth["timestep"][:1], cut)
    assert off(made, truth["t2v"][:1])[0] > MUTANT


def test_a_head_of_128_gives_44_channels_to_time():
    assert rope.axis_channels(128) == (44, 42, 42)


def test_turns_depend_on_the_distance_between_tokens_only():
    """Two tokens moved together by (1, 2, 3) keep their scalar product."""
    rng = np.random.default_rng(0)
    q, k = rng.standard_normal((2, 1, 1, 1, 16)).astype(np.float32)
    cosine, sine = (part.reshape(4, 5, 6, 8) for part in rope.rotations((4, 5, 6), 16))

    def product(a, b):
        turned = [np.asarray(rope.rotate(x, cosine[at][None], sine[at][None])).ravel() for x, at in ((q, a), (k, b))]
        return turned[0] @ turned[1]

    assert product((1, 2, 3), (2, 0, 1)) == pytest.approx(product((2, 4, 5), (3, 2, 3)), abs=1e-5)
    assert product((1, 2, 3), (2, 0, 1)) != pytest.approx(product((1, 2, 3), (2, 1, 1)), abs=1e-3)


def test_attention_in_blocks_is_attention():
    rng = np.random.default_rng(1)
    q, k, v = (rng.standard_normal((2, n, 3, 8)).astype(np.float32) for n in (11, 19, 19))
    whole = attend(q, k, v, implementation="xla")
    assert np.allclose(attention._chunked(q, k, v, 4), whole, atol=2e-6)


def test_long_sequences_never_get_a_matrix_of_tokens_by_tokens():
    q = np.zeros((1, 4096, 1, 8), np.float32)
    assert attention._choice(q, q) == "chunked"
    assert attention._choice(q, q[:, :512]) == "xla"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"latents": np.zeros((1, 2, 4, 6, 5))}, "5 channels, expected 4"),
        ({"latents": np.zeros((1, 2, 5, 6, 4))}, r"multiples of \(1, 2, 2\)"),
        ({"text": np.zeros((1, 3, 7))}, "those of UMT5"),
        ({"timestep": np.zeros((1, 5))}, "one per latent frame"),
        ({"image": np.zeros((1, 3, 20))}, "not trained with it"),
        ({"camera": np.zeros((1, 2, 32, 48, 24))}, "not trained with it"),
    ],
)
def test_what_does_not_fit_is_said(changes, word):
    network = nnx.eval_shape(lambda: WanTransformer(TINY, rngs=nnx.Rngs(0)))
    given = {"latents": np.zeros((1, 2, 4, 6, 4)), "timestep": np.zeros(1), "text": np.zeros((1, 3, 24))} | changes
    with pytest.raises(ValueError, match=word):
        network(**given)


def test_an_unknown_way_of_attention_is_said():
    with pytest.raises(ValueError, match="'flash', expected 'auto'"):
        attend(*[np.zeros((1, 2, 1, 4), np.float32)] * 3, implementation="flash")
