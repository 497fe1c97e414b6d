"""The public function: names, errors, strength, and what reaches the clip."""

import numpy as np
import pytest
from toy_conditions import toy_conditions

from i2v.generate import generate, generate_residual
from i2v.models import registry


@pytest.fixture(scope="module")
def conditions():
    return toy_conditions(frames=3, height=32, width=48)


def brighter(conditions, **_):
    return np.full(conditions.coarse.shape, 0.25, np.float32)


def test_none_is_the_plain_composite(conditions):
    assert generate_residual(conditions, model="none") is None
    assert np.array_equal(generate(conditions, model="none").frames, conditions.coarse)


def test_unknown_model_names_the_nearest_and_the_known(conditions):
    with pytest.raises(ValueError, match=r"'bundeld'.*Did you mean 'bundled'.*Known: none, bundled"):
        generate_residual(conditions, model="bundeld")
    with pytest.raises(TypeError, match="expected a name or a callable"):
        generate_residual(conditions, model=3)


def test_a_callable_is_a_model_and_gets_every_argument(conditions):
    got = {}

    def model(given, **arguments):
        got.update(arguments)
        return brighter(given)

    residual = generate_residual(conditions, model=model, seed=4, num_inference_steps=2, guidance_scale=1.5)
    assert residual.dtype == np.float32 and residual.shape == conditions.coarse.shape
    assert got == {"seed": 4, "num_inference_steps": 2, "guidance_scale": 1.5, "callback_on_step_end": None}


def test_residual_scales_with_strength(conditions):
    assert np.all(generate_residual(conditions, model=brighter, strength=0.5) == 0.125)


def test_the_clip_is_coarse_plus_residual_and_says_where_it_comes_from(conditions):
    clip = generate(conditions, model=brighter, seed=3)
    assert np.array_equal(clip.frames, np.clip(conditions.coarse + np.float32(0.25), 0, 1))
    assert clip.fps == conditions.fps
    assert clip.provenance["model"] == "brighter" and clip.provenance["seed"] == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"strength": 1.5}, "strength is 1.5"), ({"num_inference_steps": 0}, "num_inference_steps is 0")],
)
def test_bad_values_are_named(conditions, arguments, words):
    with pytest.raises(ValueError, match=words):
        generate_residual(conditions, model=brighter, **arguments)


def test_a_model_of_the_wrong_shape_is_named(conditions):
    with pytest.raises(ValueError, match="residual of shape"):
        generate_residual(conditions, model=lambda c, **_: np.zeros((1, 2, 2, 3)))


def test_models_register_once(monkeypatch):
    monkeypatch.setattr(registry, "_loaders", dict(registry._loaders))
    registry.register("brighter", lambda: brighter)
    assert registry.resolve("brighter") is brighter and "brighter" in registry.known_models()
    with pytest.raises(ValueError, match="registered already"):
        registry.register("brighter", lambda: brighter)
