"""Photos of one thing: read with their masks, made into clips that move as told, told apart by a score, learnt from."""

from dataclasses import replace

import imageio.v3 as iio
import numpy as np
import pytest
from flax import nnx
from toy_conditions import toy_conditions

import i2v
from i2v.metrics.sampling import at
from i2v.metrics.subject import looks, subject_score
from i2v.models.bundled import BundledModel, build, save_model
from i2v.models.lora import attach, attached, merge, new_adapter
from i2v.models.lora_files import LAYOUTS, load_adapter, save_adapter
from i2v.models.unet import UNetConfig
from i2v.subject import View, read_subject
from i2v.training import command
from i2v.training.subject import subject_shots

TINY = UNetConfig(widths=(16, 32), time_width=16)


def picture(seed, side=96):
    """A disc of three colours in a pattern, on waves."""
    rng = np.random.default_rng(seed)
    v, u = np.mgrid[:side, :side] + 0.5
    there = (u - side / 2) ** 2 + (v - side / 2) ** 2 < (0.35 * side) ** 2
    turns = np.arctan2(v - side / 2, u - side / 2) + rng.uniform(0, 6)
    paint = np.where((np.sin(rng.integers(2, 6) * turns) > 0)[..., None], rng.random(3), rng.random(3))
    ground = 0.5 + 0.2 * np.sin(u / 5 + v / 9)[..., None] * np.ones(3)
    return np.where(there[..., None], paint, ground).astype(np.float32), there


@pytest.fixture
def folder(tmp_path):
    for k in range(3):
        colours, there = picture(5)
        colours = np.rot90(colours, k)
        if k == 0:
            alpha = np.rot90(there, k)[..., None]
            iio.imwrite(tmp_path / "a.png", (255 * np.concatenate([colours, alpha], -1)).round().astype(np.uint8))
            continue
        iio.imwrite(tmp_path / f"{k}.png", (255 * colours).round().astype(np.uint8))
        iio.imwrite(tmp_path / f"{k}.mask.png", (255 * np.rot90(there, k)).astype(np.uint8))
    return tmp_path


def test_photos_are_read_with_alpha_or_the_mask_beside_them(folder):
    views = read_subject(folder)
    assert [view.name for view in views] == ["1.png", "2.png", "a.png"]
    colours, there = picture(5)
    assert np.array_equal(views[2].mask, there)
    assert np.array_equal(views[0].mask, np.rot90(there))
    assert np.allclose(views[0].frames[0], np.rot90(colours), atol=1 / 255)


def test_what_is_no_subject_is_said(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        read_subject(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="15 to 30"):
        read_subject(tmp_path / "empty")
    iio.imwrite(folder / "1.mask.png", np.zeros((96, 96), np.uint8))
    with pytest.raises(ValueError, match="shows nothing"):
        read_subject(folder)
    iio.imwrite(folder / "1.mask.png", np.zeros((50, 96), np.uint8))
    with pytest.raises(ValueError, match="expected the shape of"):
        read_subject(folder)


def test_clips_move_as_their_flow_says_and_lack_only_what_is_marked():
    """A ramp, of which means and interpolation are exact."""
    v, u = np.mgrid[:96, :96] / 96
    ramp = np.stack([u, v, 1 - u], -1).astype(np.float32)
    for shot in subject_shots([View("a", ramp[None], picture(1)[1])], count=3, size=(48, 48), frames=4, seed=2):
        c = shot.conditions
        assert np.array_equal(c.coarse[c.hole == 0], shot.truth[c.hole == 0])
        assert c.hole.any()
        assert not (c.hole * (c.ids == 0)).any()
        assert np.abs(c.flow).max() > 0.05
        grid = np.stack(np.meshgrid(np.arange(12, 36) + 0.5, np.arange(12, 36) + 0.5), -1)
        for t in range(3):
            there = (grid + c.flow[t, 12:36, 12:36]).reshape(-1, 2)
            moved = at(shot.truth[t + 1], there).reshape(24, 24, 3)
            assert np.abs(moved - shot.truth[t, 12:36, 12:36]).max() < 1e-5
            assert np.abs(shot.truth[t + 1] - shot.truth[t])[12:36, 12:36].max() > 5e-4


def test_the_score_tells_things_apart_and_knows_its_own_photo():
    views = {seed: View("a", picture(seed)[0][None], picture(seed)[1]) for seed in (1, 2)}
    known = looks([views[1]])
    score = lambda view: float(subject_score(view.frames, view.mask[None], known)[0])  # noqa: E731
    assert score(views[1]) == pytest.approx(1, abs=1e-6)
    noisy = views[1].frames + 0.02 * np.random.default_rng(0).standard_normal(views[1].frames.shape)
    assert score(replace(views[1], frames=np.clip(noisy, 0, 1))) > 0.9
    assert score(views[2]) < 0.75
    none = np.zeros_like(views[1].mask)
    assert np.isnan(score(replace(views[1], mask=none)))
    with pytest.raises(ValueError, match="covers less than 64 pixels"):
        looks([replace(views[1], mask=none)])


def filled(network, rank=3):
    adapter = new_adapter(network, rank)
    rng = np.random.default_rng(1)
    for up in adapter.up.values():
        up[...] = 0.2 * rng.standard_normal(up.shape)
    return adapter


@pytest.mark.parametrize("layout", LAYOUTS)
def test_adapters_of_convolutions_come_back_from_files(layout, tmp_path):
    network = build(TINY)
    adapter = filled(network)
    back = load_adapter(save_adapter(tmp_path / "a.safetensors", adapter, layout=layout), network)
    assert adapter.down.keys() == back.down.keys()
    assert any(down.ndim == 4 for down in back.down.values())
    for path in adapter.down:
        assert np.array_equal(adapter.down[path], back.down[path])
        assert np.array_equal(adapter.up[path], back.up[path])


def test_merged_is_live_for_convolutions_and_linear_layers():
    rng = np.random.default_rng(0)

    class Both(nnx.Module):
        def __init__(self):
            self.conv = nnx.Conv(5, 7, (3, 3), rngs=nnx.Rngs(0))
            self.linear = nnx.Linear(7, 4, rngs=nnx.Rngs(1))

        def __call__(self, x):
            return self.linear(self.conv(x))

    network, x = Both(), rng.standard_normal((2, 8, 9, 5)).astype(np.float32)
    plain, adapter = network(x), filled(network)
    attach(network, [(adapter, 0.5)])
    live = network(x)
    assert np.array_equal(attached(network).up["conv"], np.float32(0.5) * adapter.up["conv"])
    merge(network)
    assert np.abs(network(x) - live).max() < 1e-5
    assert np.abs(live - plain).max() > 1e-2


def test_i2v_train_learns_a_subject_and_the_model_takes_it(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "OWN_SHOTS", 3)
    start = save_model(tmp_path / "start.safetensors", build(TINY), about={"objective": "bridge"})
    out = tmp_path / "run"
    call = ["--subject", str(folder), "--start", str(start), "--out", str(out), "--rank", "2", "--batch", "1",
            "--side", "32", "--frames", "4", "--rate", "0.02", "--quiet"]  # fmt: skip
    command.main([*call, "--steps", "3"])
    model = BundledModel.load(start)
    adapted = model.with_adapters([(out / "adapter.safetensors", 1.0)])
    conditions = toy_conditions(frames=4, height=32, width=32)
    first, second, off = (
        i2v.generate_residual(conditions, model=model, adapters=given)
        for given in ((), [(out / "adapter.safetensors", 1.0)], [(out / "adapter.safetensors", 0.0)])
    )
    assert np.array_equal(second, i2v.generate_residual(conditions, model=adapted))
    assert np.array_equal(first, off)
    assert np.abs(second - first).max() > 1e-4
    with pytest.raises(ValueError, match="holds another run"):
        command.main([*call, "--steps", "3", "--batch", "2"])
    with pytest.raises(ValueError, match="give --data"):
        command.main(["--out", str(out)])


def test_models_that_take_no_adapters_say_so():
    def other(conditions, **how):
        return np.zeros_like(conditions.coarse)

    with pytest.raises(ValueError, match="takes none"):
        i2v.generate_residual(toy_conditions(frames=2, height=16, width=16), model=other, adapters=[("a", 1.0)])
