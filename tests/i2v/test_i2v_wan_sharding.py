"""Eight devices say what one says: weights spread, tokens spread by Ulysses and by a ring, checkpoints anywhere."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from jax.sharding import PartitionSpec

from i2v.models.wan.sharding import ContextAttention, device_mesh, spread_weights

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What ``wan_on_eight.py`` found; devices are counted once a process begins, so it has one of its own."""
    folder = tmp_path_factory.mktemp("eight")
    flags = "--xla_force_host_platform_device_count=8 --xla_backend_optimization_level=0"
    subprocess.run(
        [sys.executable, Path(__file__).with_name("wan_on_eight.py"), folder],
        env=os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
        check=True,
    )
    return json.loads((folder / "told.json").read_text())


def test_weights_spread_over_four_devices_give_the_same_answer(told):
    assert told["devices"] == 8
    assert told["fsdp"]["parts"] == 4
    assert told["fsdp"]["off"] <= TOLERANCE < 1e-2 * told["size"]


@pytest.mark.parametrize("kind", ["ulysses", "ring"])
def test_tokens_spread_over_four_devices_give_the_same_answer(told, kind):
    assert told[kind]["off"] <= TOLERANCE


def test_a_checkpoint_written_on_eight_devices_is_read_on_two_and_on_one(told):
    assert told["checkpoint"] == [[8, True], [2, True], [1, True]]


def test_layers_of_a_stack_stay_together_and_small_parameters_whole():
    place = spread_weights(device_mesh(fsdp=1))
    assert place("blocks.attn1.to_q.kernel", (30, 1536, 1536)).spec == PartitionSpec(None, "fsdp")
    assert place("patch_embedding.kernel", (64, 1536)).spec == PartitionSpec(None, "fsdp")
    assert place("proj_out.bias", (64,)).spec == PartitionSpec()


def test_what_does_not_divide_is_said():
    with pytest.raises(ValueError, match="needs 16 devices"):
        device_mesh(2, 2, 4, devices=[None])

    class Four:
        shape = {"context": 4}  # noqa: RUF012

    for size, word in (((1, 6, 4, 8), "6 tokens"), ((1, 8, 6, 8), "6 heads .* kind='ring'")):
        with pytest.raises(ValueError, match=word):
            ContextAttention(Four())(*[np.zeros(size, np.float32)] * 3)
