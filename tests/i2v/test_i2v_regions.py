"""Gates by kind of region, from the shot file to the picture."""

import numpy as np
import pytest
from flax import nnx
from toy_conditions import toy_conditions

from i2v.generate import generate_residual
from i2v.maps import EDGES_TOO, Signals, Strength, gate
from i2v.models.bundled import BundledModel
from i2v.models.unet import ResidualUNet, UNetConfig
from physim.shot import GenerateSpec


@pytest.fixture
def model(monkeypatch):
    """A model that wants to add 1/4 everywhere."""
    monkeypatch.setattr(BundledModel, "_sample", lambda self, signals, *rest: np.ones_like(signals.coarse))
    network = ResidualUNet(UNetConfig(widths=(8, 8), time_width=8), rngs=nnx.Rngs(0))
    return BundledModel(network, Strength(smoke=0.7))


def test_a_shots_regions_open_and_shut_the_gates(model):
    conditions = toy_conditions()
    spec = GenerateSpec(regions={"hole": 0, "smoke": 0.2})
    regions = spec.regions.model_dump(exclude_none=True)
    residual = generate_residual(conditions, model=model, regions=regions)
    wanted = gate(Signals.of(conditions), Strength(hole=0, smoke=0.2)) / 4
    assert np.allclose(residual, wanted[..., None], atol=1e-6)
    # The model itself is as it was, and without regions its own choice counts.
    own = generate_residual(conditions, model=model)
    assert np.allclose(own, gate(Signals.of(conditions), Strength(smoke=0.7))[..., None] / 4, atol=1e-6)
    assert np.all(own[wanted > 0.24 * 0.2] >= 0) and not np.allclose(own, residual)


def test_edges_can_be_opened(model):
    conditions = toy_conditions()
    everything = generate_residual(conditions, model=model, regions=vars(EDGES_TOO))
    assert (everything != 0).sum() > (generate_residual(conditions, model=model) != 0).sum()


def test_wrong_regions_are_named(model):
    conditions = toy_conditions(frames=2)
    with pytest.raises(ValueError, match="regions has 'sky', expected some of hole, smoke"):
        generate_residual(conditions, model=model, regions={"sky": 1})
    with pytest.raises(ValueError, match=r"regions.hole is 2, expected 0"):
        generate_residual(conditions, model=model, regions={"hole": 2})
    with pytest.raises(ValueError, match="does not paint by regions"):
        generate_residual(conditions, model=lambda c, **_: np.zeros_like(c.coarse), regions={"hole": 1})
    assert generate_residual(conditions, model="none", regions={"hole": 1}) is None
