"""Wan behind the call of the bundled model: what each kind of weights is told, and that the residual fits.

The networks are stand-ins that can be computed by hand: an autoencoder that takes means of squares, a transformer whose
velocity leads to what it was told.
"""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from safetensors.numpy import save_file
from toy_conditions import toy_conditions
from wan_golden import golden, unpacked

import i2v
from i2v.models import registry
from i2v.models.wan.config import WanConfig
from i2v.models.wan.motion import depth_video, follow, moved_latents
from i2v.models.wan.painter import WanPainter, filled_up, load_painter
from i2v.models.wan.vae import VaeConfig


class Means(nnx.Module):
    """One latent cell is the mean of 8 x 8 pixels of every fourth frame."""

    config = VaeConfig(latent=3)

    def encode(self, video, *, chunk):
        b, t, h, w, c = video.shape
        return video.reshape(b, t, h // 8, 8, w // 8, 8, c).mean((3, 5))[:, ::4]

    def decode(self, latents, *, chunk):
        wide = latents.repeat(8, axis=2).repeat(8, axis=3)
        return jnp.concatenate([wide[:, :1], wide[:, 1:].repeat(4, axis=1)], axis=1)


class Told(nnx.Module):
    """Its data is the last three channels of what is beside the sample, or grey, as the flow from x at any time."""

    def __init__(self, channels, **config):
        self.config = WanConfig(in_channels=channels, **config)

    def __call__(self, x, timestep, text, image, *, camera, reference):
        target = x[..., -3:] if x.shape[-1] > 3 else jnp.zeros_like(x[..., :3])
        target = target + text.mean() + (0 if camera is None else camera.mean())
        sigma = (timestep / 1000).reshape(-1, *[1] * 4)
        return (x[..., :3] - target) / jnp.maximum(sigma, 1e-3)


def painter(channels, config=(), **how):
    prompts = {"": 0.0, "warm": 0.1}
    text = lambda prompt: jnp.full((1, 4, 8), prompts[prompt])  # noqa: E731
    return WanPainter(Told(channels, **dict(config)), Means(), text, **how)


@pytest.fixture(scope="module")
def conditions():
    return toy_conditions(frames=8, height=40, width=52)


def residual(painter, conditions, **how):
    call = {"seed": 0, "num_inference_steps": 2, "guidance_scale": 1.0, "callback_on_step_end": None} | how
    return painter(conditions, **call)


def target(conditions, latents):
    """The residual that leads to these latents."""
    video = np.asarray(Means().decode(latents, chunk=1))[0] / 2 + 0.5
    frames, rows, cols = conditions.coarse.shape[:3]
    return video[:frames, :rows, :cols] - conditions.coarse


def test_any_size_is_filled_up_to_what_wan_can_make(conditions):
    whole = filled_up(conditions, 4, 16)
    assert whole.coarse.shape == (9, 48, 64, 3)
    assert np.array_equal(whole.coarse[8], whole.coarse[7])
    assert np.array_equal(whole.coarse[:8, :40, :52], conditions.coarse)
    assert not whole.flow[7:].any()
    assert filled_up(whole, 4, 16) is whole


def test_image_to_video_gets_the_picture_and_grey_frames(conditions):
    made = residual(painter(10), conditions)
    whole = filled_up(conditions, 4, 16)
    video = np.zeros((1, 9, 48, 64, 3), np.float32)
    video[0, 0] = 2 * whole.coarse[0] - 1
    assert made.shape == conditions.coarse.shape
    assert np.allclose(made, target(conditions, Means().encode(video, chunk=1)), atol=1e-2)


def test_tracks_move_the_pictures_latents_and_only_with_guidance_are_compared_without(conditions):
    moving = painter(10, motion="tracks")
    whole = filled_up(conditions, 4, 16)
    told, without = moving.tell(whole, (3, 6, 8))
    tracks = follow(whole.flow, whole.occlusion, whole.depth, spacing=4)
    plain = np.asarray(without.beside[0, ..., 4:])
    assert np.array_equal(told.beside[0, ..., 4:], moved_latents(plain, tracks))
    assert not np.array_equal(told.beside, without.beside)
    assert np.array_equal(told.beside[..., :4], without.beside[..., :4])


def test_control_weights_get_the_depth_and_the_first_frame(conditions):
    told, _ = painter(9).tell(filled_up(conditions, 4, 16), (3, 6, 8))
    whole = filled_up(conditions, 4, 16)
    depth = Means().encode(2 * jnp.asarray(depth_video(whole.depth))[None] - 1, chunk=1)
    assert np.allclose(told.beside[..., :3], depth, atol=1e-6)
    assert np.asarray(told.beside[:, 0, ..., 3:]).any()
    assert not np.asarray(told.beside[:, 1:, ..., 3:]).any()


def test_camera_weights_get_rays(conditions):
    made = painter(6, {"camera_channels": 24})
    told, _ = made.tell(filled_up(conditions, 4, 16), (3, 6, 8))
    assert told.camera.shape == (1, 3, 48, 64, 24)
    assert "camera's way as rays" in made.told


def test_a_start_from_the_render_at_little_strength_stays_near_it(conditions):
    """The stand-in leads to grey; the last of eight levels, 0.417, is a start whose end is grey as well."""
    seen = []

    def stop(step, sigma, x):
        seen.append(np.asarray(x))

    painted = painter(3, strength=0.45)
    residual(painted, conditions, num_inference_steps=8, callback_on_step_end=stop)
    assert len(seen) == 1
    assert "coarse render at strength 0.45" in painted.told


def test_guidance_asks_for_the_negative_prompt(conditions):
    plain = residual(painter(3), conditions)
    warm = residual(painter(3, prompt="warm"), conditions)
    guided = residual(painter(3, prompt="warm"), conditions, guidance_scale=3.0)
    # in [-1, 1] the prompt adds 0.1, in [0, 1] half of that
    assert np.allclose(warm - plain, 0.05, atol=1e-3)
    assert np.allclose(guided - plain, 0.15, atol=3e-3)


def test_carried_noise_is_used_and_the_seed_decides(conditions):
    whole = filled_up(conditions, 4, 16)
    carried = painter(3, motion="noise", degradation=0.0)
    first, again, other = (np.asarray(carried._noise(whole, (3, 6, 8), seed)) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    still = np.ones((6, 8), bool)
    still[1:5, 1:7] = False  # where the disc and its way lie
    assert np.allclose(first[0, 0][still], first[0, 2][still])


def test_it_works_behind_the_public_call(conditions):
    clip = i2v.generate(conditions, model=painter(10), num_inference_steps=1)
    assert np.asarray(clip.frames).shape == conditions.coarse.shape


@pytest.mark.parametrize(
    ("build", "word"),
    [
        (lambda: painter(10, motion="camera"), "no input for it; theirs is 'none'"),
        (lambda: painter(9, motion="tracks"), "no picture beside the latents"),
        (lambda: painter(10, {"image_dim": 1280}), "give image"),
        (lambda: painter(11), r"takes 11 channels; with 3 of the latents, \[3, 6, 9, 10\]"),
    ],
)
def test_what_the_weights_cannot_be_told_is_said(build, word):
    with pytest.raises(ValueError, match=word):
        build()


def test_a_folder_that_lacks_parts_is_said(tmp_path):
    (tmp_path / "transformer").mkdir()
    (tmp_path / "vae").mkdir()
    with pytest.raises(FileNotFoundError, match="lacks the text encoder, the tokenizer; download the whole"):
        load_painter("wan2.1-i2v-14b", tmp_path)


def test_a_variant_is_known_by_name_and_its_missing_weights_are_told(conditions, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Wan-AI/Wan2\.1-I2V-14B-480P-Diffusers \(46 GB"):
        i2v.generate(conditions, model="wan2.1-i2v-14b", weights=tmp_path / "none")
    with pytest.raises(ValueError, match="model 'bundled' has its own"):
        i2v.generate(conditions, model="bundled", weights=tmp_path)


def test_missing_weights_are_said_before_a_simulation_and_nothing_is_loaded_for_it(tmp_path, monkeypatch):
    monkeypatch.setenv("I2V_WEIGHTS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="hf download"):
        registry.check("wan2.2-ti2v-5b")
    (tmp_path / "wan2.2-ti2v-5b" / "transformer").mkdir(parents=True)
    registry.check("wan2.2-ti2v-5b")


def test_all_parts_of_a_folder_are_joined(conditions, tmp_path):
    for name, part, prefix, settings in (
        ("transformer", "transformer", "plain", {"num_attention_heads": 2}),
        ("vae", "vae21", "weights", {}),
        ("text_encoder", "text", "weights", {}),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps(settings))
        save_file(unpacked(golden(part), prefix), tmp_path / name / "model.safetensors")
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer" / "spiece.model").write_bytes(golden("tokenizer")["identity/model"].tobytes())
    made = load_painter("wan2.1-t2v-1.3b", tmp_path, dtype=jnp.float32, prompt="a red ball", motion="noise")
    told, without = made.tell(filled_up(conditions, 4, 16), (3, 6, 8))
    assert told.text.shape == (1, 512, 24)
    words = np.abs(np.asarray(told.text[0])).sum(-1) > 0
    assert words[: words.sum()].all()  # then zeros
    assert 3 < words.sum() < 20
    assert (np.abs(np.asarray(without.text[0])).sum(-1) > 0).sum() == 1  # the end token
    assert "noise carried along" in made.told


def test_a_long_clip_in_windows_is_told_of_each_frame_what_it_is_told_at_once(conditions):
    """Five latent frames, three at a time: a network of single frames gives the same, to rounding."""
    longer = toy_conditions(frames=17, height=16, width=32)
    whole, parts = (residual(painter(9, motion="control", window=window), longer) for window in (None, 3))
    assert np.abs(whole - parts).max() < 1e-5
