"""Adapters of Wan: both layouts against peft, live against merged, several at once, and what training reaches."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from safetensors.numpy import load_file, save_file
from wan_golden import QUICK, TINY, agrees, golden, load, off, run, unpacked

from i2v.models.lora import LoraParam, attach, attached, detach, merge, new_adapter
from i2v.models.wan.lora import TARGETS, load_adapter, save_adapter
from i2v.models.wan.transformer import WanTransformer


@pytest.fixture(scope="module")
def truth():
    return golden("transformer") | golden("lora")


@pytest.fixture
def network(truth):
    return load(lambda: WanTransformer(TINY, rngs=nnx.Rngs(0)), unpacked(truth, "plain"))


@pytest.fixture
def published(truth, tmp_path):
    (tmp_path / "pytorch_lora_weights.safetensors").write_bytes(truth["published"].tobytes())
    return tmp_path / "pytorch_lora_weights.safetensors"


def answer(network, truth):
    return run(network, truth["latents"], truth["timestep"], truth["text"])


def same(one, other):
    return one.down.keys() == other.down.keys() and all(
        np.array_equal(one.down[k], other.down[k]) and np.array_equal(one.up[k], other.up[k]) for k in one.down
    )


def test_an_adapter_of_peft_answers_as_in_peft_live_and_merged(truth, network, published):
    """Rank 3 and alpha 6: a scale of 2 that only the file's metadata tells."""
    attach(network, [(load_adapter(published, network), 1.0)])
    live = answer(network, truth)
    assert agrees(live, truth["adapted"])
    assert off(live, truth["t2v"])[0] > 0.01
    merge(network)
    merged = answer(network, truth)
    assert np.abs(merged - live).max() <= 1e-5
    assert agrees(merged, truth["adapted"])


def test_both_layouts_come_back_exactly(network, published, tmp_path):
    adapter = load_adapter(published, network)
    for layout in ("peft", "comfyui"):
        file = save_adapter(tmp_path / f"{layout}.safetensors", adapter, layout=layout)
        assert same(load_adapter(file, network), adapter), layout
    names = load_file(tmp_path / "comfyui.safetensors")
    assert "diffusion_model.blocks.1.self_attn.q.lora_down.weight" in names
    assert "diffusion_model.blocks.0.ffn.2.lora_up.weight" in names
    written = {name.removeprefix("transformer.") for name in load_file(tmp_path / "peft.safetensors")}
    assert load_file(published).keys() == written


def test_alpha_is_the_scale_times_the_rank(network, tmp_path):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((4, 32)).astype(np.float32), rng.standard_normal((32, 4)).astype(np.float32)
    stem = "diffusion_model.blocks.1.cross_attn.v"
    arrays = {f"{stem}.lora_down.weight": a, f"{stem}.lora_up.weight": b, f"{stem}.alpha": np.float32(2).reshape(1)}
    save_file(arrays, tmp_path / "a.safetensors")
    adapter = load_adapter(tmp_path / "a.safetensors", network)
    assert list(adapter.down) == ["blocks.attn2.to_v"]
    before = np.asarray(network.blocks.attn2.to_v.kernel[...])
    attach(network, [(adapter, 1.0)])
    merge(network)
    change = np.asarray(network.blocks.attn2.to_v.kernel[...]) - before
    assert not change[0].any()  # the file has nothing for the first layer
    assert np.allclose(change[1], 0.5 * (b @ a).T, atol=1e-5)


def test_several_at_once_add_up_with_their_weights_and_come_off_again(network, published):
    first = load_adapter(published, network)
    second = new_adapter(network, 2, seed=1, targets=TARGETS)
    for up in second.up.values():
        up[...] = np.random.default_rng(2).standard_normal(up.shape)
    before = np.asarray(network.blocks.attn1.to_q.kernel[...])
    attach(network, [(first, 0.5), (second, 2.0)])
    detach(network)
    assert np.array_equal(network.blocks.attn1.to_q.kernel[...], before)
    attach(network, [(first, 0.5), (second, 2.0)])
    merge(network)
    q = "blocks.attn1.to_q"
    change = 0.5 * first.down[q] @ first.up[q] + 2 * second.down[q] @ second.up[q]
    assert np.allclose(network.blocks.attn1.to_q.kernel[...] - before, change, atol=1e-4)


def test_a_new_adapter_changes_nothing_and_only_its_factors_are_trained(truth, network):
    attach(network, [(new_adapter(network, 2, targets=TARGETS), 1.0)])
    assert agrees(answer(network, truth), truth["t2v"])
    graph, trained, rest = nnx.split(network, LoraParam, ...)

    inputs = [jnp.asarray(truth[name], jnp.float32) for name in ("latents", "timestep", "text")]

    @partial(jax.jit, compiler_options=QUICK)
    def slope(trained):
        def loss(trained):
            made = nnx.merge(graph, trained, rest)(*inputs)
            return (made**2).mean()

        return jax.grad(loss)(trained)

    slopes = {"/".join(map(str, path)): np.abs(v.get_value()).max() for path, v in nnx.to_flat_state(slope(trained))}
    assert all(name.endswith(("/up", "/down")) for name in slopes)
    assert all((value > 0) == name.endswith("/up") for name, value in slopes.items())  # the first step moves B only
    assert len(attached(network).down) == 8


def test_what_does_not_fit_is_said(network, tmp_path):
    save_file(
        {"transformer.blocks.0.attn9.to_q.lora_A.weight": np.zeros((2, 32), np.float32)}, tmp_path / "a.safetensors"
    )
    with pytest.raises(ValueError, match=r"1 unknown: transformer\.blocks\.0\.attn9"):
        load_adapter(tmp_path / "a.safetensors", network)
    save_file(
        {"transformer.blocks.0.attn1.to_q.lora_A.weight": np.zeros((2, 32), np.float32)}, tmp_path / "a.safetensors"
    )
    with pytest.raises(ValueError, match="1 without their other half"):
        load_adapter(tmp_path / "a.safetensors", network)
    wrong = {
        f"transformer.blocks.0.attn1.to_q.lora_{x}.weight": np.zeros(s, np.float32)
        for x, s in (("A", (2, 30)), ("B", (32, 2)))
    }
    save_file(wrong, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match="is 30 to 32 channels"):
        load_adapter(tmp_path / "a.safetensors", network)
    with pytest.raises(ValueError, match="rank is 0"):
        new_adapter(network, 0)
    with pytest.raises(ValueError, match="no layer that can be adapted"):
        new_adapter(network, 1, targets=("norm_out",))
    with pytest.raises(ValueError, match="expected 'peft' or 'comfyui'"):
        save_adapter(tmp_path / "a.safetensors", new_adapter(network, 1, targets=TARGETS), layout="kohya")
