"""A subject's looks are learnt by an adapter: paintings are more like photos of it that were not learnt from.

A tiny network is trained on balls of other colours; the subject is a ball of its own colours, seen from many sides.
"""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from i2v.metrics.subject import looks, subject_score
from i2v.models.wan.config import WanConfig
from i2v.models.wan.lora import load_adapter, save_adapter
from i2v.models.wan.painter import WanPainter
from i2v.models.wan.transformer import WanTransformer
from i2v.models.wan.vae import VaeConfig
from i2v.subject import View
from i2v.training.config import WanTrainConfig
from i2v.training.subject import subject_shots
from i2v.training.wan import WanTrainer, example_of

NETWORK = WanConfig(2, 2, 24, 64, 3, 3, text_dim=8, text_tokens=2, freq_dim=16)
OTHERS = [[(0.2, 0.5, 0.3), (0.8, 0.8, 0.8), (0.5, 0.2, 0.5)], [(0.6, 0.6, 0.2), (0.2, 0.2, 0.2), (0.3, 0.6, 0.7)]]
SUBJECT = [(0.85, 0.1, 0.1), (0.95, 0.85, 0.2), (0.1, 0.2, 0.65)]


class Means(nnx.Module):
    """One latent cell is the mean of 4 x 4 pixels of every fourth frame."""

    config = VaeConfig(latent=3, multiples=(1, 1, 1), halves_time=(True, True))

    def encode(self, video, *, chunk):
        b, t, h, w, c = video.shape
        return video.reshape(b, t, h // 4, 4, w // 4, 4, c).mean((3, 5))[:, ::4]

    def decode(self, latents, *, chunk):
        wide = latents.repeat(4, axis=2).repeat(4, axis=3)
        return jnp.concatenate([wide[:, :1], wide[:, 1:].repeat(4, axis=1)], axis=1)


def ball(colours, rng, side=64):
    """Twelve stripes of two colours, a belt of a third; from a random side, on grey."""
    v, u = np.mgrid[:side, :side] + 0.5
    x, y = (u - side / 2) / (0.4 * side), (side / 2 - v) / (0.4 * side)
    there = x**2 + y**2 < 1
    z = np.sqrt(np.maximum(1 - x**2 - y**2, 0))
    yaw, pitch = rng.uniform(-np.pi, np.pi), rng.uniform(-0.4, 0.4)
    height = np.cos(pitch) * y - np.sin(pitch) * z
    depth = np.sin(pitch) * y + np.cos(pitch) * z
    stripe = np.sin(6 * (np.arctan2(x, depth) + yaw)) > 0
    paint = np.where(stripe[..., None], colours[0], colours[1])
    paint = np.where((np.abs(height) < 0.25)[..., None], colours[2], paint)
    picture = np.where(there[..., None], paint * (0.4 + 0.6 * z[..., None]), 0.45)
    return View("ball", picture[None].astype(np.float32), there)


def shots(colours, seed, count=8):
    rng = np.random.default_rng(seed)
    return subject_shots([ball(colours, rng) for _ in range(count)], count=count, size=(48, 48), frames=5, seed=seed)


def examples(painter, found):
    return [example_of(painter, shot.conditions, shot.truth, subject=1) for shot in found]


def painter_of(network):
    return WanPainter(network, Means(), lambda prompt: jnp.ones((1, 2, 8)), shift=3.0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The network that knows other balls, and an adapter that knows this one."""
    folder = tmp_path_factory.mktemp("runs")
    network = WanTransformer(NETWORK, rngs=nnx.Rngs(0))
    painter = painter_of(network)
    others = [e for k, colours in enumerate(OTHERS) for e in examples(painter, shots(colours, 10 + k))]
    told = {"batch": 4, "warmup": 10, "drop": 0.0, "ema": 0.9}
    base = WanTrainer(
        network, WanTrainConfig(steps=250, learning_rate=3e-3, background=0.2, **told), others, folder / "base"
    )
    base.run()
    own = WanTrainConfig(steps=250, rank=8, learning_rate=1e-2, background=0.05, prior_share=0.2, **told)
    adapted = WanTrainer(base.network(), own, examples(painter, shots(SUBJECT, 1)), folder / "own", prior=others)
    adapted.run()
    path = save_adapter(folder / "ball.safetensors", adapted.adapter())
    return painter_of(base.network()), path


def likeness(painter, known, seeds=range(3)):
    """Mean score of shots that nobody has seen."""
    found = []
    for seed, shot in zip(seeds, shots(SUBJECT, 99, 3), strict=True):
        residual = painter(
            shot.conditions, seed=seed, num_inference_steps=6, guidance_scale=1.0, callback_on_step_end=None
        )
        frames = np.clip(shot.conditions.coarse + residual, 0, 1)
        found.append(np.nanmean(subject_score(frames, shot.conditions.ids == 1, known)))
    return float(np.mean(found))


def test_an_adapter_raises_the_likeness_to_photos_it_was_not_trained_on(trained):
    painter, path = trained
    rng = np.random.default_rng(7)
    known = looks([ball(SUBJECT, rng) for _ in range(6)])
    adapter = load_adapter(path, painter.transformer)
    other = looks([ball(OTHERS[0], rng) for _ in range(6)])
    with_it = painter.with_adapters([(adapter, 1.0)])
    off, on = likeness(painter, known), likeness(with_it, known)
    assert on > off + 0.1
    # and less like what it is not
    assert likeness(with_it, other) - likeness(painter, other) < 0.5 * (on - off)
    none = likeness(painter.with_adapters([(adapter, 0.0)]), known)
    assert none == pytest.approx(off, abs=1e-4)
