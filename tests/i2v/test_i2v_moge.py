"""MoGe-2 in JAX against the reference implementation: raw output, lens, names, and what it means for a scene.

The golden file is written by ``tests/parity/make_moge.py``.
"""

import importlib
import json
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
from flax import nnx
from PIL import Image
from safetensors.numpy import save_file

import physim
from i2v.depth import load_depth_model
from i2v.models import convert, moge
from i2v.models.dinov2 import DinoConfig, DinoV2
from i2v.models.moge import MoGe, MoGeConfig, focal_and_shift, load_moge, naming, predict, run, token_grid
from i2v.models.published import expected
from physim.depth_result import ask

GOLDEN = Path(__file__).parents[1] / "data" / "parity" / "moge.npz"
TOLERANCE = 1e-5
"""Of the maximum of each output: float32 through a dozen matrix products; measured 2e-6."""
CASES = {"wide": 24, "upright": 24, "square": 25}
TINY = DinoConfig(24, 4, 3, 5, 0.1)


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as file:
        return dict(file)


@pytest.fixture(scope="module")
def path(golden, tmp_path_factory):
    """The tiny network as the converter writes it."""
    weights = {k.removeprefix("weights/"): v.astype(np.float32) for k, v in golden.items() if k.startswith("weights/")}
    where = tmp_path_factory.mktemp("moge") / "moge.safetensors"
    save_file(weights, where, {"model_config": golden["config"].tobytes().decode()})
    return where


@pytest.fixture(scope="module")
def network(path):
    return load_moge(path, backbone=TINY)


def errors(golden, network, case):
    """Largest difference from the reference per output, as a fraction of its largest value."""
    image = golden[f"{case}/image"] / np.float32(255)
    ours = run(network, image, tokens=CASES[case], size=image.shape[:2])
    return {
        name: np.abs(value - golden[f"{case}/{name}"]).max() / np.abs(golden[f"{case}/{name}"]).max()
        for name, value in ours.items()
    }


@pytest.mark.parametrize("case", CASES)
def test_the_network_answers_as_the_reference(golden, network, case):
    found = errors(golden, network, case)
    assert set(found) == {"points", "normal", "mask", "metric_scale"}
    assert max(found.values()) < TOLERANCE, found


def test_the_reference_varies_far_more_than_the_tolerance(golden):
    for case in CASES:
        for name in ("points", "normal", "mask"):
            assert np.ptp(golden[f"{case}/{name}"]) > 0.3 * np.abs(golden[f"{case}/{name}"]).max()


def test_a_wrong_gelu_and_positions_without_their_offset_are_noticed(golden, network, monkeypatch):
    exact = jax.nn.gelu
    with monkeypatch.context() as patch:
        patch.setattr(jax.nn, "gelu", lambda x, approximate: exact(x, approximate=True))
        jax.clear_caches()
        assert max(errors(golden, network, "wide").values()) > 10 * TOLERANCE
    graph, state = nnx.split(network)
    plain = nnx.merge(graph, state)
    plain.backbone.config = replace(TINY, position_offset=0.0)
    jax.clear_caches()
    assert max(errors(golden, plain, "wide").values()) > 100 * TOLERANCE
    jax.clear_caches()
    assert max(errors(golden, plain, "square").values()) < TOLERANCE  # the learned grid needs no resize


def test_every_name_and_shape_of_a_small_checkpoint_is_covered_once(golden):
    """Of a network built as the published ones are, with a ViT-S."""
    theirs = {name: tuple(shape) for name, shape in json.loads(golden["names"].tobytes()).items()}
    config = MoGeConfig.from_checkpoint(_small())
    state = nnx.split(nnx.eval_shape(lambda: MoGe(config, rngs=nnx.Rngs(0))))[1]
    shapes = {".".join(map(str, p)): value.get_value().shape for p, value in nnx.to_flat_state(state)}
    idle = {"encoder.backbone.mask_token", "encoder.image_mean", "encoder.image_std"}
    assert {name: shape for name, shape in theirs.items() if name not in idle} == expected(shapes, naming(config))
    assert idle < theirs.keys()


def _small():
    script = Path(__file__).parents[1] / "parity" / "make_moge.py"
    spec = importlib.util.spec_from_file_location("make_moge", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SMALL


# ---- lens ------------------------------------------------------------------------------------------------------------


def wall(rows, cols, focal, shift):
    """Points of a bumpy wall before a camera of this focal length [half diagonals], their z lowered by ``shift``."""
    plane = moge.view_plane(rows, cols, cols / rows).astype(np.float64)
    z = 2 + 0.5 * np.sin(3 * plane[..., 0] + 1) * np.cos(4 * plane[..., 1]) * cols / rows
    return np.concatenate([plane * z[..., None] / focal, z[..., None] - shift], axis=-1)


@pytest.mark.parametrize(("focal", "shift"), [(1.3, 0.8), (0.6, -0.5), (3.0, 0.0)])
def test_lens_and_shift_are_found_from_the_points(focal, shift):
    found = focal_and_shift(wall(48, 64, focal, shift), None, 64 / 48)
    assert found == pytest.approx((focal, shift), rel=1e-5, abs=1e-5)
    _, alone = focal_and_shift(wall(48, 64, focal, shift), None, 64 / 48, focal)
    assert alone == pytest.approx(shift, rel=1e-5, abs=1e-5)


def test_lens_and_shift_are_those_of_the_reference(golden):
    points = wall(48, 64, 1.3, 0.8).astype(np.float32)
    found = focal_and_shift(points, points[..., 0] < 0.7, 64 / 48)
    assert found == pytest.approx(tuple(golden["lens"]), rel=1e-3)  # it stops at a change of 1e-3


def test_what_is_masked_does_not_count():
    points = wall(48, 64, 1.3, 0.8)
    points[:20] = 7.0
    mask = np.ones((48, 64), dtype=bool)
    mask[:20] = False
    assert focal_and_shift(points, mask, 64 / 48) == pytest.approx((1.3, 0.8), rel=1e-5)
    assert focal_and_shift(points, np.zeros_like(mask), 64 / 48) == (1.0, 0.0)


# ---- as a source of depth --------------------------------------------------------------------------------------------


class Wall:
    """Stands for the network: it knows the wall and how large it is."""

    def __init__(self, focal, metres):
        self.config = MoGeConfig.from_checkpoint(_small())
        self.focal, self.metres = focal, metres


@pytest.fixture
def answered(monkeypatch):
    """The network's raw answer is the wall it knows; the uppermost tenth is sky."""

    def answer(network, image, *, tokens, size):
        mask = np.ones(size, np.float32)
        mask[: size[0] // 10] = 0.1
        return {
            "points": wall(*size, network.focal, 0.8),
            "mask": mask,
            "metric_scale": np.float32(network.metres),
            "normal": np.broadcast_to(np.float32([0, 0, -1]), (*size, 3)),
        }

    monkeypatch.setattr(moge, "run", answer)
    monkeypatch.setattr(moge, "load_moge", lambda weights: Wall(1.3, 2.5))


def test_depth_is_metric_and_a_known_lens_is_kept(answered):
    image = np.zeros((96, 128, 3), np.float32)
    found = predict(Wall(1.3, 2.5), image, side=64)
    assert found.depth.shape == (48, 64)
    truth = wall(48, 64, 1.3, 0.0)[..., 2] * 2.5
    assert np.allclose(found.depth, truth, rtol=1e-4)
    assert found.intrinsics[0, 0] == pytest.approx(1.3 * 0.5 * np.hypot(48, 64), rel=1e-4)
    assert not found.valid[:4].any() and found.valid[4:].all() and found.metric
    known = predict(Wall(1.3, 2.5), image, focal=150.0, side=64)
    assert known.intrinsics[0, 0] == pytest.approx(75.0)


def test_points_that_fit_no_camera_give_no_lens(answered):
    found = predict(Wall(-1.3, 2.5), np.zeros((96, 128, 3), np.float32), side=64)
    assert found.intrinsics is None
    assert np.isfinite(found.depth).all()


def test_it_enters_physim_with_its_lens_and_normals(answered, tmp_path):
    Image.fromarray(np.full((96, 128, 3), 120, np.uint8)).save(tmp_path / "wall.png")
    backend = importlib.import_module("i2v.animate").depth_backend("moge", weights="w.safetensors")
    result = ask(backend, np.zeros((96, 128, 3), np.float32))
    assert result.kind == "metric" and np.allclose(result.normals[result.valid], (0, 0, -1))
    assert result.confidence.max() == pytest.approx(0.75)
    scene = physim.reconstruct(physim.Shot(photo=tmp_path / "wall.png"), depth=backend)
    assert scene.camera.start.focal == pytest.approx(1.3 * 0.5 * np.hypot(96, 128), rel=1e-4)
    truth = wall(96, 128, 1.3, 0.0)[..., 2] * 2.5
    assert np.allclose(scene.backdrop.depth[10:], truth[10:], rtol=1e-4)


def test_a_loaded_network_answers_with_all_it_knows(path, monkeypatch):
    monkeypatch.setitem(moge._BACKBONES, "dinov2_tiny", lambda **changes: replace(TINY, **changes))
    image = np.random.default_rng(0).random((48, 64, 3)).astype(np.float32)
    shown = load_depth_model("moge", path)(image)
    assert shown.kind == "metric"
    assert shown.depth.shape == shown.valid.shape == shown.confidence.shape == (48, 64)
    assert np.allclose(np.linalg.norm(shown.normals, axis=-1), 1, atol=1e-5)


def test_patches_fit_the_aspect():
    assert token_grid(518, 518, 1369) == (37, 37)
    assert token_grid(360, 640, 1200) == (26, 46)
    assert token_grid(10, 1000, 4) == (1, 20)


# ---- files -----------------------------------------------------------------------------------------------------------


def test_a_file_without_its_configuration_says_how_to_make_one(tmp_path):
    save_file({"encoder.backbone.cls_token": np.zeros((1, 1, 384), np.float32)}, tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match=r"i2v\.models\.convert"):
        load_moge(tmp_path / "m.safetensors")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"encoder": {"backbone": "dinov2_vitg14", "intermediate_layers": 4, "dim_out": 8}}, "dinov2_vitg14"),
        ({"remap_output": "cube"}, "cube"),
        ({"neck": {**_small()["neck"], "resamplers": "avg_pool"}}, "avg_pool"),
        ({"neck": {**_small()["neck"], "res_block_in_norm": "instance_norm"}}, "instance_norm"),
    ],
)
def test_a_configuration_that_is_not_supported_is_named(change, word):
    with pytest.raises(NotImplementedError, match=word):
        MoGeConfig.from_checkpoint({**_small(), **change})


def test_weights_that_do_not_fit_their_configuration_are_named(path, tmp_path, golden):
    weights = {k.removeprefix("weights/"): v.astype(np.float32) for k, v in golden.items() if k.startswith("weights/")}
    del weights["neck.resamplers.0.0.weight"]
    save_file(weights, tmp_path / "m.safetensors", {"model_config": golden["config"].tobytes().decode()})
    with pytest.raises(ValueError, match=r"1 missing: neck\.resamplers\.0\.0\.weight"):
        load_moge(tmp_path / "m.safetensors", backbone=TINY)


class Tensor:
    """As much of PyTorch's as the converter uses."""

    def __init__(self, values):
        self.values = np.asarray(values)

    def detach(self):
        return self

    cpu = detach

    def is_floating_point(self):
        return self.values.dtype.kind == "f"

    def float(self):
        return Tensor(self.values.astype(np.float32))

    def numpy(self):
        return self.values


def test_the_converter_keeps_names_values_and_configuration(tmp_path, monkeypatch):
    given = {"model_config": {"a": [1]}, "model": {"w": Tensor(np.float16([1.5])), "n": Tensor([3])}}
    monkeypatch.setattr(convert, "_loaded", lambda source: given)
    (tmp_path / "model.pt").write_bytes(b"")
    made = convert.convert(tmp_path / "model.pt", tmp_path / "m.safetensors")
    weights, metadata = moge.read(made)
    assert json.loads(metadata["model_config"]) == {"a": [1]}
    assert weights["w"].dtype == np.float32 and weights["w"][0] == 1.5 and weights["n"][0] == 3
    for plain in ({"w": Tensor([1.0])}, {"state_dict": {"w": Tensor([1.0])}}):
        assert list(convert.split(plain, "x")[0]) == ["w"]


def test_the_converter_names_what_it_cannot_use(tmp_path, monkeypatch, capsys):
    with pytest.raises(ValueError, match="no named arrays"):
        convert.split([1, 2], "x.pt")
    with pytest.raises(FileNotFoundError):
        convert.convert(tmp_path / "none.pt", tmp_path / "m.safetensors")
    (tmp_path / "m.pt").write_bytes(b"")
    with pytest.raises(ValueError, match="ends in"):
        convert.convert(tmp_path / "m.pt", tmp_path / "m.bin")
    monkeypatch.setattr(convert.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit) as caught:
        convert.main([str(tmp_path / "m.pt"), str(tmp_path / "m.safetensors")])
    assert caught.value.code == 2
    assert "physim[parity]" in capsys.readouterr().err


def test_positions_of_the_learned_grid_are_taken_as_they_are(network):
    assert isinstance(network.backbone, DinoV2)
    assert np.array_equal(network.backbone.positions(5, 5), network.backbone.pos_embed[...])
