"""Weights files: what goes in comes out, half-written files do not exist, misfits are named."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from i2v import weights
from i2v.models.unet import ResidualUNet, UNetConfig

TINY = UNetConfig(widths=(8, 16), time_width=8)


def network(seed=0, config=TINY):
    return ResidualUNet(config, rngs=nnx.Rngs(seed))


def test_round_trip_keeps_values_to_bfloat16_and_metadata(tmp_path):
    flat = weights.flatten(network())
    path = weights.save(tmp_path / "w.safetensors", flat, metadata={"a": "b"})
    found, metadata = weights.load(path)
    assert metadata == {"a": "b"} and found.keys() == flat.keys()
    for name, value in flat.items():
        assert found[name].dtype == jnp.bfloat16
        # bfloat16 has 8 significant bits.
        assert np.allclose(found[name].astype(jnp.float32), value, rtol=2**-8)


def test_assigned_weights_are_the_networks_own():
    a, b = network(0), network(1)
    weights.assign(b, weights.flatten(a))
    for name, value in weights.flatten(b).items():
        assert value.dtype == jnp.float32
        assert np.array_equal(value, weights.flatten(a)[name])


def test_misfits_are_named():
    flat = weights.flatten(network())
    missing = {k: v for k, v in flat.items() if k != "out.bias"}
    with pytest.raises(ValueError, match=r"out\.bias is missing"):
        weights.assign(network(), missing)
    with pytest.raises(ValueError, match="extra is unknown"):
        weights.assign(network(), {**flat, "extra": flat["out.bias"]})
    with pytest.raises(ValueError, match="has shape"):
        weights.assign(network(config=UNetConfig(widths=(16, 16), time_width=8)), flat)


def test_damaged_and_absent_files_are_named(tmp_path):
    path = weights.save(tmp_path / "w.safetensors", weights.flatten(network()), metadata={})
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="no whole safetensors file"):
        weights.load(path)
    with pytest.raises(FileNotFoundError, match="no weights at"):
        weights.load(tmp_path / "absent.safetensors")


def test_failed_write_leaves_the_old_file(tmp_path):
    path = weights.save(tmp_path / "w.safetensors", weights.flatten(network()), metadata={})
    before = path.read_bytes()
    with pytest.raises(Exception):  # noqa: B017
        weights.save(path, weights.flatten(network()), metadata={"not": 1})
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
