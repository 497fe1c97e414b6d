"""Training spread over devices and hosts is training on one: the same losses, checkpoints that any number reads."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from flax import nnx
from wan_training_spread import NETWORK, RUN, example, trained

from i2v.models.wan.sharding import device_mesh, spread_weights
from i2v.models.wan.transformer import WanTransformer
from i2v.training.wan import WanTrainer

SCRIPT = Path(__file__).with_name("wan_training_spread.py")


def begin(devices, *arguments):
    """Devices are counted once a process begins."""
    flags = f"--xla_force_host_platform_device_count={devices} --xla_backend_optimization_level=0"
    env = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    return subprocess.Popen([sys.executable, SCRIPT, *map(str, arguments)], env=env)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("alone"), None)[0]


@pytest.fixture(scope="module")
def eight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("eight")
    assert begin(8, folder, "eight").wait(300) == 0
    return json.loads((folder / "told.json").read_text())


def test_eight_devices_lose_what_one_loses(alone, eight):
    assert eight["devices"] == 8
    assert len(alone) == 4
    assert np.allclose(eight["whole"], alone, rtol=1e-5)
    assert eight["share"] == 0.25  # moments are spread as the weights are


def test_an_interrupted_run_on_eight_devices_is_the_run_to_the_bit(eight):
    assert eight["parts"] == eight["whole"]
    assert eight["equal"]


@pytest.mark.parametrize(("name", "count"), [("two", 2), ("one", 1)])
def test_a_run_begun_on_eight_devices_goes_on_on_fewer(eight, name, count):
    assert eight[f"{name} devices"] == count
    assert np.allclose(eight[name], eight["whole"][2:], rtol=1e-5)


def test_two_hosts_lose_what_one_loses_and_resume(alone, tmp_path):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    running = [begin(2, tmp_path, number, port) for number in (0, 1)]
    try:
        assert [process.wait(300) for process in running] == [0, 0]
    finally:
        for process in running:
            process.kill()
    for number in (0, 1):
        told = json.loads((tmp_path / f"host{number}.json").read_text())
        assert (told["devices"], told["processes"]) == (4, 2)
        assert np.allclose(told["losses"], alone, rtol=1e-5)


def test_a_batch_that_does_not_divide_is_said(tmp_path):
    class Three:
        shape = {"data": 3}  # noqa: RUF012

    from i2v.training import wan

    real = wan._mesh
    wan._mesh = lambda sharding: Three()
    try:
        with pytest.raises(ValueError, match="batch is 4, expected a multiple of 3"):
            WanTrainer(
                WanTransformer(NETWORK, rngs=nnx.Rngs(0)), RUN, [example(0)], tmp_path,
                placement=spread_weights(device_mesh()),
            )  # fmt: skip
    finally:
        wan._mesh = real
