"""Two steps of image-to-video from picture to video against the reference.

The golden file is written by ``tests/parity/make_wan.py``.
"""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from wan_golden import IMAGE, QUICK, VAE21, golden, load, off, unpacked

from i2v.diffusion.flow_matching import euler_schedule, unipc_schedule
from i2v.diffusion.flow_sampler import sample_flow
from i2v.diffusion.guidance import guided
from i2v.models.wan import names, pipeline
from i2v.models.wan.pipeline import Told, as_model, decoded, first_kept, latent_size, picture_first
from i2v.models.wan.transformer import WanTransformer
from i2v.models.wan.vae import VaeConfig, WanVae

WHOLE = 1e-4
"""Two evaluations with guidance 5 and the autoencoder; measured 2e-6."""


@pytest.fixture(scope="module")
def truth():
    return golden("pipeline")


@pytest.fixture(scope="module", autouse=True)
def compiled_quickly():
    with pytest.MonkeyPatch.context() as patch:
        quick = partial(jax.jit, static_argnums=(0, 3), compiler_options=QUICK)(pipeline._run_vae.__wrapped__)
        patch.setattr(pipeline, "_run_vae", quick)
        yield


@pytest.fixture(scope="module")
def vae():
    config = replace(VAE21, mean=(0.1, -0.2, 0.3, 0.0), std=(1.5, 0.5, 1.0, 2.0))
    return load(lambda: WanVae(config, rngs=nnx.Rngs(0)), unpacked(golden("vae21")), names.VAE_21)


@pytest.fixture(scope="module")
def beside(vae, truth):
    return picture_first(vae, truth["picture"] / np.float32(255), 9)


def test_two_steps_lead_to_the_references_video(truth, vae, beside):
    config = replace(IMAGE, in_channels=12)
    network = load(lambda: WanTransformer(config, rngs=nnx.Rngs(0)), unpacked(truth, "transformer"))
    told, without = (
        Told(*(jnp.asarray(truth[name], jnp.float32) for name in (which, "looks")), beside)
        for which in ("prompt", "negative")
    )
    velocity = guided(as_model(network), told, without, guidance_scale=5.0)
    latents = sample_flow(velocity, jnp.asarray(truth["noise"], jnp.float32), unipc_schedule(2, 3.0))
    relative, largest = off(latents, truth["latents"])
    assert relative <= WHOLE
    assert largest <= WHOLE * np.abs(truth["latents"]).max()
    assert off(decoded(vae, latents), truth["video"])[0] <= WHOLE


def test_the_mask_says_that_the_first_frame_is_given(beside):
    assert beside.shape == (1, 3, 4, 4, 8)
    assert np.all(np.asarray(beside[:, 0, ..., :4]) == 1)
    assert not np.asarray(beside[:, 1:, ..., :4]).any()


def test_a_given_first_frame_is_clean_for_the_network_and_stays():
    asked = []

    class Seeing(nnx.Module):
        def __call__(self, x, timestep, text, image, *, camera, reference):
            asked.append(timestep.shape)
            return x * 0 + timestep[:, :, None, None, None]

    first = jnp.full((1, 1, 2, 2, 3), 7.0)
    model = as_model(Seeing())
    told = Told(jnp.zeros((1, 4, 2)), first=first)
    made = np.asarray(model(jnp.ones((1, 3, 2, 2, 3)), 500.0, told))
    assert asked == [(1, 3)]
    assert (made[:, 0] == 0).all()
    assert (made[:, 1:] == 500).all()
    end = sample_flow(
        lambda x, t, i: model(x, t, told), jnp.ones((1, 3, 2, 2, 3)), euler_schedule(2), hold=first_kept(first)
    )
    assert np.array_equal(end[:, :1], first)


def test_sizes_of_published_runs():
    assert latent_size(VaeConfig.wan21(), 81, 480, 832) == (21, 60, 104)
    assert latent_size(VaeConfig.wan22(), 121, 704, 1280) == (31, 44, 80)


@pytest.mark.parametrize("size", [(80, 480, 832), (81, 470, 832), (81, 480, 8)])
def test_sizes_that_cannot_be_made_are_said_with_the_nearest(size):
    with pytest.raises(ValueError, match=r"for example 81 frames of (480|464) x (832|16)"):
        latent_size(VaeConfig.wan21(), *size)
