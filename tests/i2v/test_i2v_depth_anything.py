"""Depth Anything V2 in JAX against the reference implementation: numbers, names, preparation, wrong files.

The golden file is written by ``tests/parity/make_depth_anything.py``.
"""

import json
from pathlib import Path

import jax
import numpy as np
import pytest
from flax import nnx
from PIL import Image
from safetensors.numpy import save_file

from i2v.models import depth_anything
from i2v.models.depth_anything import (
    ORIGINAL,
    TRANSFORMERS,
    DepthAnything,
    DepthAnythingConfig,
    load_depth_anything,
    prepare,
    run,
    seen_size,
)
from i2v.models.dinov2 import DinoConfig, DinoV2
from i2v.models.published import expected, fill

GOLDEN = Path(__file__).parents[1] / "data" / "parity" / "depth_anything.npz"
TOLERANCE = 1e-5
"""Of the maximum: float32 through a dozen matrix products; measured 4e-7 here, 6e-6 for the full ViT-S."""
TINY = DepthAnythingConfig(DinoConfig(24, 4, 3, 5), (1, 2, 3, 4), (6, 8, 12, 16), 12, 8)
PRESETS = ("small", "base", "large")


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as file:
        return dict(file)


@pytest.fixture(scope="module")
def weights(golden):
    return {k.removeprefix("weights/"): v.astype(np.float32) for k, v in golden.items() if k.startswith("weights/")}


def tiny(weights, naming=TRANSFORMERS):
    return fill(lambda: DepthAnything(TINY, rngs=nnx.Rngs(0)), weights, naming, origin="tiny")


def error(golden, network, case):
    """Largest difference from the reference, as a fraction of its largest value."""
    jax.clear_caches()  # a mutant must be traced anew
    truth = golden[f"{case}/depth"]
    return np.abs(run(network, golden[f"{case}/image"][None] / np.float32(255))[0] - truth).max() / truth.max()


def test_the_reference_varies_far_more_than_the_tolerance(golden):
    for case in ("square", "upright"):
        assert np.ptp(golden[f"{case}/depth"]) > 1e4 * TOLERANCE * golden[f"{case}/depth"].max()


@pytest.mark.parametrize("case", ["square", "upright"])
def test_the_network_answers_as_the_reference(golden, weights, case):
    assert error(golden, tiny(weights), case) < TOLERANCE


def test_the_usual_approximation_of_gelu_is_noticed(golden, weights, monkeypatch):
    exact = jax.nn.gelu
    monkeypatch.setattr(jax.nn, "gelu", lambda x, approximate: exact(x, approximate=True))
    assert error(golden, tiny(weights), "square") > 10 * TOLERANCE


def test_the_usual_resize_of_positions_is_noticed(golden, weights, monkeypatch):
    def positions(self, rows, cols):
        learned = self.pos_embed[...]
        plane = learned[:, 1:].reshape(1, self.config.grid, self.config.grid, -1)
        plane = jax.image.resize(plane, (1, rows, cols, plane.shape[-1]), "bicubic")
        return jax.numpy.concatenate([learned[:, :1], plane.reshape(1, rows * cols, -1)], axis=1)

    monkeypatch.setattr(DinoV2, "positions", positions)
    assert error(golden, tiny(weights), "upright") > 100 * TOLERANCE


@pytest.mark.parametrize("preset", PRESETS)
def test_every_name_and_shape_of_the_published_file_is_covered_once(golden, preset):
    theirs = {name: tuple(shape) for name, shape in json.loads(golden["names"].tobytes())[preset].items()}
    ours = expected(_shapes(getattr(DepthAnythingConfig, preset)()), TRANSFORMERS)
    idle = {name for name in theirs if any(_matches(pattern, name) for pattern in TRANSFORMERS.unused)}
    assert len(idle) == 5  # the mask token and the join of the deepest level, which joins nothing
    assert {name: shape for name, shape in theirs.items() if name not in idle} == ours


def test_the_small_one_has_as_many_values_as_published(golden):
    shapes = json.loads(golden["names"].tobytes())["small"]
    assert len(shapes) == 287
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == pytest.approx(24.79e6, rel=1e-3)


def _matches(pattern, name):
    import re

    return re.fullmatch(pattern, name) is not None


def _shapes(config):
    state = nnx.split(nnx.eval_shape(lambda: DepthAnything(config, rngs=nnx.Rngs(0))))[1]
    return {".".join(map(str, path)): value.get_value().shape for path, value in nnx.to_flat_state(state)}


def as_the_authors_named_it(weights):
    """The same weights under the names of the authors' checkpoint, by a table of its own."""
    table = [
        ("backbone.embeddings.position_embeddings", "pretrained.pos_embed"),
        ("backbone.embeddings.patch_embeddings.projection", "pretrained.patch_embed.proj"),
        ("backbone.embeddings.", "pretrained."),
        ("backbone.encoder.layer.", "pretrained.blocks."),
        ("backbone.layernorm", "pretrained.norm"),
        (".attention.output.dense", ".attn.proj"),
        (".layer_scale1.lambda1", ".ls1.gamma"),
        (".layer_scale2.lambda1", ".ls2.gamma"),
        *((f"neck.reassemble_stage.layers.{i}.projection", f"depth_head.projects.{i}") for i in range(4)),
        *((f"neck.reassemble_stage.layers.{i}.resize", f"depth_head.resize_layers.{i}") for i in range(4)),
        *((f"neck.convs.{i}", f"depth_head.scratch.layer{i + 1}_rn") for i in range(4)),
        *((f"neck.fusion_stage.layers.{i}.", f"depth_head.scratch.refinenet{4 - i}.") for i in range(4)),
        (".projection.", ".out_conv."),
        ("residual_layer", "resConfUnit"),
        (".convolution", ".conv"),
        ("head.conv1", "depth_head.scratch.output_conv1"),
        ("head.conv2", "depth_head.scratch.output_conv2.0"),
        ("head.conv3", "depth_head.scratch.output_conv2.2"),
    ]
    named = {}
    for name, value in weights.items():
        if ".attention.attention." in name:
            continue
        for old, new in table:
            name = name.replace(old, new)
        named[name] = value
    for i in range(TINY.backbone.depth):
        for leaf in ("weight", "bias"):
            parts = [
                weights[f"backbone.encoder.layer.{i}.attention.attention.{p}.{leaf}"] for p in ("query", "key", "value")
            ]
            named[f"pretrained.blocks.{i}.attn.qkv.{leaf}"] = np.concatenate(parts)
    return named


def test_the_authors_names_give_the_same_network(golden, weights):
    assert error(golden, tiny(as_the_authors_named_it(weights), ORIGINAL), "square") < TOLERANCE


def test_the_authors_code_resizes_positions_with_an_offset(tmp_path, weights):
    """It adds 0.1 to the number of patches; the trained weights do not care, but each file gets its own code's way."""
    save_file(as_the_authors_named_it(weights), tmp_path / "a.safetensors")
    save_file(weights, tmp_path / "t.safetensors")
    authors = load_depth_anything(tmp_path / "a.safetensors", config=TINY)
    assert authors.config.backbone.position_offset == 0.1
    theirs, ours = authors.backbone, load_depth_anything(tmp_path / "t.safetensors", config=TINY).backbone
    assert np.array_equal(theirs.positions(5, 5), ours.positions(5, 5))
    difference = np.abs(theirs.positions(7, 4) - ours.positions(7, 4)).max()
    assert 1e-3 < difference < 0.3


def test_a_photo_is_prepared_as_the_reference_does(golden):
    photo, theirs = golden["photo"] / np.float32(255), golden["photo/prepared"] / np.float32(255)
    ours = prepare(photo, 28)
    assert ours.shape == theirs.shape
    # it rounds to 8 bits after each of two passes, and clips what the first overshoots
    assert (ours - theirs).std() < 0.5 / 255
    assert np.abs(ours - theirs).max() < 3 / 255


def test_a_photo_is_resized_as_by_pillow_in_floating_point(golden):
    photo = golden["photo"].astype(np.float32)
    theirs = [Image.fromarray(photo[..., k]).resize((42, 28), Image.Resampling.BICUBIC) for k in range(3)]
    assert np.abs(prepare(photo / 255, 28) * 255 - np.clip(np.stack(theirs, -1), 0, 255)).max() < 1e-3


@pytest.mark.parametrize(
    ("photo", "seen"), [((1000, 1500), (518, 784)), ((2160, 3840), (518, 924)), ((400, 200), (1036, 518))]
)
def test_the_shorter_side_is_518_and_both_are_multiples_of_14(photo, seen):
    assert seen_size(*photo) == seen


def test_a_metric_variant_is_known_by_the_settings_beside_it(tmp_path, weights, golden):
    save_file(weights, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text('{"depth_estimation_type": "metric", "max_depth": 20}')
    network = load_depth_anything(tmp_path / "model.safetensors", config=TINY)
    depth = run(network, golden["square/image"][None] / np.float32(255))[0]
    # the reference's answer is the relu of what the sigmoid gets, and positive everywhere
    assert np.allclose(depth, 20 / (1 + np.exp(-golden["square/depth"])), rtol=1e-5)


def test_which_size_it_is_the_file_tells(monkeypatch, tmp_path, golden):
    asked = []
    monkeypatch.setattr(depth_anything, "fill", lambda build, *rest, **named: asked.append(nnx.eval_shape(build)))
    for preset, width in zip(PRESETS, (384, 768, 1024), strict=True):
        save_file({TRANSFORMERS.mark: np.zeros((1, 1, width), np.float32)}, tmp_path / f"{preset}.safetensors")
        load_depth_anything(tmp_path / f"{preset}.safetensors")
    assert [network.config for network in asked] == [getattr(DepthAnythingConfig, preset)() for preset in PRESETS]


def test_a_file_of_another_network_is_refused_with_every_kind_of_difference(tmp_path, weights):
    wrong = dict(weights)
    del wrong["head.conv1.bias"], wrong["neck.convs.2.weight"]
    wrong["head.conv4.weight"] = np.zeros(3, np.float32)
    wrong["head.conv3.bias"] = np.zeros(2, np.float32)
    save_file(wrong, tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match=r"2 missing: head\.conv1\.bias, neck\.convs\.2\.weight") as caught:
        load_depth_anything(tmp_path / "w.safetensors", config=TINY)
    assert "1 unexpected: head.conv4.weight" in str(caught.value)
    assert "1 of another shape: head.conv3.bias (2,) instead of (1,)" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("w.pth", b"PK", "i2v.models.convert"),
        ("w.safetensors", b"no such thing", "no whole safetensors"),
        ("w.safetensors", {"a": np.zeros(3, np.float32)}, "none of the known files"),
        ("w.safetensors", {TRANSFORMERS.mark: np.zeros((1, 1, 100), np.float32)}, "tokens 100 wide"),
    ],
)
def test_what_is_no_such_file_is_said(tmp_path, name, content, word):
    if isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    else:
        save_file(content, tmp_path / name)
    with pytest.raises(ValueError, match=word):
        load_depth_anything(tmp_path / name)


def test_a_missing_file_is_not_fetched(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing is fetched"):
        load_depth_anything(tmp_path / "w.safetensors")
