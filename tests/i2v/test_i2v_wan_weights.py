"""Loading published Wan weights: layouts, shards, casts, the cache; and every way in which a download can be wrong."""

import json
import pickle
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from safetensors.flax import save_file as save_flax
from safetensors.numpy import save_file
from wan_golden import IMAGE, TINY, VAE21, VAE22, golden, load, unpacked

from i2v.models.wan import fill as filling
from i2v.models.wan import weights
from i2v.models.wan.files import open_tensors
from i2v.models.wan.transformer import WanTransformer
from i2v.models.wan.weights import (
    DOWNLOADS,
    VARIANTS,
    find_parts,
    find_weights,
    load_image_encoder,
    load_text_encoder,
    load_transformer,
    load_vae,
    transformer_config,
)

HEADS = {"num_attention_heads": 2}


@pytest.fixture(scope="module")
def arrays():
    return unpacked(golden("transformer"), "image")


@pytest.fixture(scope="module")
def truth(arrays):
    return values(load(lambda: WanTransformer(IMAGE, rngs=nnx.Rngs(0)), arrays))


@pytest.fixture
def folder(tmp_path, arrays):
    return written(tmp_path / "transformer", arrays)


def written(folder, arrays, shards=1, settings=HEADS):
    """A folder as `diffusers` writes it."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(settings))
    names = sorted(arrays)
    stem = "diffusion_pytorch_model"
    if shards == 1:
        save_file(arrays, folder / f"{stem}.safetensors")
        return folder
    files = {
        name: f"{stem}-{i * shards // len(names) + 1:05}-of-{shards:05}.safetensors" for i, name in enumerate(names)
    }
    for file in set(files.values()):
        save_file({name: arrays[name] for name in names if files[name] == file}, folder / file)
    (folder / f"{stem}.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": files}))
    return folder


def values(module):
    return {".".join(map(str, path)): np.asarray(v.get_value()) for path, v in nnx.to_flat_state(nnx.state(module))}


def same(module, truth):
    mine = values(module)
    return mine.keys() == truth.keys() and all(np.array_equal(mine[name], truth[name]) for name in truth)


def as_the_authors_named_it(arrays):
    """The same weights under the authors' names, by a table of its own."""
    table = [
        ("condition_embedder.time_embedder.linear_1", "time_embedding.0"),
        ("condition_embedder.time_embedder.linear_2", "time_embedding.2"),
        ("condition_embedder.time_proj", "time_projection.1"),
        ("condition_embedder.text_embedder.linear_1", "text_embedding.0"),
        ("condition_embedder.text_embedder.linear_2", "text_embedding.2"),
        ("condition_embedder.image_embedder.norm1", "img_emb.proj.0"),
        ("condition_embedder.image_embedder.ff.net.0.proj", "img_emb.proj.1"),
        ("condition_embedder.image_embedder.ff.net.2", "img_emb.proj.3"),
        ("condition_embedder.image_embedder.norm2", "img_emb.proj.4"),
        ("ffn.net.0.proj", "ffn.0"),
        ("ffn.net.2", "ffn.2"),
        ("norm2", "norm3"),
        ("attn1.", "self_attn."),
        ("attn2.add_k_proj", "cross_attn.k_img"),
        ("attn2.add_v_proj", "cross_attn.v_img"),
        ("attn2.norm_added_k", "cross_attn.norm_k_img"),
        ("attn2.", "cross_attn."),
        ("to_out.0", "o"),
        (".to_", "."),
        ("proj_out", "head.head"),
    ]
    named = {}
    for name, value in arrays.items():
        if name == "scale_shift_table":
            name = "head.modulation"
        name = name.replace("scale_shift_table", "modulation")
        for old, new in table:
            if not (old == "norm2" and "image_embedder" in name):
                name = name.replace(old, new)
        named[name] = value
    return named


def test_sizes_are_read_from_the_arrays(folder):
    assert transformer_config(open_tensors(folder), HEADS) == replace(IMAGE, text_tokens=512)


def test_one_file_many_files_and_the_authors_names_are_the_same_network(tmp_path, arrays, truth):
    for name, made in (
        ("one", written(tmp_path / "one", arrays)),
        ("many", written(tmp_path / "many", arrays, shards=3)),
        ("authors", written(tmp_path / "authors", as_the_authors_named_it(arrays))),
        (
            "comfy",
            written(
                tmp_path / "comfy",
                {f"model.diffusion_model.{k}": v for k, v in as_the_authors_named_it(arrays).items()},
            ),
        ),
    ):
        assert same(load_transformer(made, dtype=jnp.float32), truth), name


def test_arrays_are_cast_while_they_are_loaded_but_what_stays_exact_stays_exact(tmp_path, arrays, truth):
    (tmp_path / "half").mkdir()
    save_flax({k: jnp.asarray(v, jnp.bfloat16) for k, v in arrays.items()}, tmp_path / "half" / "model.safetensors")
    (tmp_path / "half" / "config.json").write_text(json.dumps(HEADS))
    made = values(load_transformer(tmp_path / "half"))
    assert made["blocks.attn1.to_q.kernel"].dtype == jnp.bfloat16
    assert made["blocks.scale_shift_table"].dtype == np.float32
    assert np.allclose(
        made["blocks.attn1.to_q.kernel"].astype(np.float32), truth["blocks.attn1.to_q.kernel"], rtol=1e-2
    )


def test_large_stacks_are_written_layer_by_layer(folder, truth, monkeypatch):
    monkeypatch.setattr(filling, "_SMALL", 0)
    most = []
    placed = filling._placed
    monkeypatch.setattr(filling, "_placed", lambda a, leaf, where: most.append(a.size) or placed(a, leaf, where))
    made = load_transformer(folder, dtype=jnp.float32)
    assert same(made, truth)
    assert max(most) == truth["condition_embedder.time_proj.kernel"].size  # never a stack of both layers


def test_the_cache_holds_the_converted_weights_and_notices_other_files(tmp_path, folder, arrays, truth, monkeypatch):
    cache = tmp_path / "cache"
    load_transformer(folder, dtype=jnp.float32, cache=cache)
    with monkeypatch.context() as patch:
        patch.setattr(weights, "fill", lambda *a, **k: pytest.fail("converted again"))
        assert same(load_transformer(folder, dtype=jnp.float32, cache=cache), truth)
    changed = arrays | {"proj_out.bias": arrays["proj_out.bias"] + 1}
    save_file(changed, folder / "diffusion_pytorch_model.safetensors")
    found = values(load_transformer(folder, dtype=jnp.float32, cache=cache))["proj_out.bias"]
    assert np.array_equal(found, changed["proj_out.bias"])


def test_autoencoders_and_encoders_are_known_by_their_arrays(tmp_path):
    for part, config in (("vae21", VAE21), ("vae22", VAE22)):
        folder = written(tmp_path / part, unpacked(golden(part)), settings={})
        assert load_vae(folder).config == config
    text = load_text_encoder(written(tmp_path / "text", unpacked(golden("text")), settings={}))
    assert (text.config.layers, text.config.heads, text.config.vocabulary) == (2, 3, 97)
    seen = load_image_encoder(written(tmp_path / "clip", unpacked(golden("clip")), settings={"num_attention_heads": 3}))
    assert (seen.config.layers, seen.config.side, seen.config.heads) == (3, 42, 3)


def test_every_kind_of_difference_is_said_at_once(tmp_path, arrays):
    wrong = dict(arrays)
    del wrong["blocks.1.attn1.to_q.weight"], wrong["proj_out.bias"]
    wrong["blocks.0.extra.weight"] = np.zeros(3, np.float32)
    wrong["blocks.0.attn2.to_k.weight"] = np.zeros((32, 31), np.float32)
    with pytest.raises(ValueError, match=r"2 missing: blocks\.1\.attn1\.to_q\.weight, proj_out\.bias") as caught:
        load_transformer(written(tmp_path / "w", wrong))
    assert "1 unexpected: blocks.0.extra.weight" in str(caught.value)
    assert "1 of another shape: blocks.0.attn2.to_k.weight (32, 31), which should become (32, 32)" in str(caught.value)


def test_weights_of_another_model_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"is not a Wan transformer: it has no patch_embedding.weight"):
        load_transformer(written(tmp_path / "t", unpacked(golden("text"))))


def test_a_missing_shard_is_named(tmp_path, arrays):
    folder = written(tmp_path / "many", arrays, shards=3)
    (folder / "diffusion_pytorch_model-00002-of-00003.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks 1 of 3 files .*00002-of-00003"):
        load_transformer(folder)


@pytest.mark.parametrize("kept", [0.5, 0.001])
def test_half_a_shard_is_said_before_anything_is_loaded(folder, kept):
    file = folder / "diffusion_pytorch_model.safetensors"
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(ValueError, match="half downloaded"):
        load_transformer(folder)


def test_what_is_no_safetensors_file_is_said(folder):
    file = folder / "diffusion_pytorch_model.safetensors"
    for content in (b"", b"version https://git-lfs.github.com/spec/v1\noid sha256:12", b"\x02" + b"\0" * 7 + b"[]"):
        file.write_bytes(content)
        with pytest.raises(ValueError, match="safetensors file"):
            load_transformer(folder)


class Harmful:
    """What a pickle can do."""

    opened = False

    def __reduce__(self):
        return setattr, (Harmful, "opened", True)


@pytest.mark.parametrize("name", ["model.ckpt", "model.pth", "pytorch_model.bin"])
def test_pickles_are_refused_unopened(tmp_path, name):
    (tmp_path / name).write_bytes(pickle.dumps(Harmful()))
    for path in (tmp_path, tmp_path / name):
        with pytest.raises(ValueError, match=r"can run code .* i2v\.models\.convert"):
            load_transformer(path)
    assert not Harmful.opened


def test_what_to_download_is_said_exactly(tmp_path, monkeypatch):
    monkeypatch.delenv("I2V_WEIGHTS", raising=False)
    with pytest.raises(FileNotFoundError) as caught:
        find_weights("wan2.1-i2v-14b", tmp_path / "nothing")
    for word in ("Wan-AI/Wan2.1-I2V-14B-480P-Diffusers", "46 GB", "hf download", str(tmp_path / "nothing")):
        assert word in str(caught.value)
    with pytest.raises(FileNotFoundError, match=r"\$I2V_WEIGHTS is set"):
        find_weights("wan2.2-ti2v-5b")
    with pytest.raises(ValueError, match=r"expected one of wan2\.1-t2v-1\.3b"):
        find_weights("wan3")
    assert DOWNLOADS.keys() == VARIANTS.keys()


def test_weights_are_found_by_the_environment(tmp_path, monkeypatch):
    (tmp_path / "wan2.2-ti2v-5b").mkdir()
    monkeypatch.setenv("I2V_WEIGHTS", str(tmp_path))
    assert find_weights("wan2.2-ti2v-5b") == tmp_path / "wan2.2-ti2v-5b"


def test_both_layouts_of_folders_are_known(tmp_path):
    for name in ("transformer", "transformer_2", "vae", "text_encoder", "tokenizer", "image_encoder"):
        (tmp_path / "new" / name).mkdir(parents=True)
    parts = find_parts(tmp_path / "new")
    assert (parts.transformer.name, parts.second.name, parts.image.name) == (
        "transformer",
        "transformer_2",
        "image_encoder",
    )
    old = tmp_path / "old"
    (old / "google" / "umt5-xxl").mkdir(parents=True)
    for name in ("diffusion_pytorch_model.safetensors", "Wan2.1_VAE.pth", "models_t5_umt5-xxl-enc-bf16.pth"):
        (old / name).touch()
    parts = find_parts(old)
    assert (parts.transformer, parts.second, parts.vae.name) == (old, None, "Wan2.1_VAE.pth")
    assert parts.tokenizer.name == "umt5-xxl"
    with pytest.raises(FileNotFoundError, match=r"found google\. Is it the folder above or below"):
        (old / "diffusion_pytorch_model.safetensors").unlink()
        (old / "Wan2.1_VAE.pth").unlink()
        (old / "models_t5_umt5-xxl-enc-bf16.pth").unlink()
        find_parts(old)


def test_too_little_memory_is_said_before_loading(folder, monkeypatch):
    class Small:
        def memory_stats(self):
            return {"bytes_limit": 1000, "bytes_in_use": 900}

    monkeypatch.setattr(jax, "devices", lambda: [Small()])
    with pytest.raises(MemoryError, match=r"0\.0 GB are free\. Load it as bfloat16"):
        load_transformer(folder)


def test_a_variant_without_image_tokens_is_known(tmp_path):
    folder = written(tmp_path / "plain", unpacked(golden("transformer"), "plain"))
    assert transformer_config(open_tensors(folder), HEADS) == replace(TINY, text_tokens=512)
