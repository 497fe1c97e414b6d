"""Every name of the full-size published files belongs to one parameter of the right shape. No memory is needed for it.

Names and shapes come from the reference implementations and from the authors' own code (``tests/parity/make_wan.py``).
"""

import json

import numpy as np
import pytest
from flax import nnx
from wan_golden import FOLDER

from i2v.models.wan import names
from i2v.models.wan.clip import ClipConfig, ClipImageEncoder
from i2v.models.wan.config import VARIANTS
from i2v.models.wan.fill import canonical_names, in_our_layout, shapes_of
from i2v.models.wan.transformer import WanTransformer
from i2v.models.wan.umt5 import Umt5Config, Umt5Encoder
from i2v.models.wan.vae import VaeConfig, WanVae

FILES = {"canonical": "wan_names.npz", "original": "wan_original.npz"}
COUNTS = {
    "wan2.1-t2v-1.3b": 1.419e9,
    "wan2.1-fun-1.3b-inp": 1.564e9,
    "wan2.1-i2v-14b": 16.395e9,
    "wan2.2-i2v-a14b": 14.289e9,
    "wan2.2-ti2v-5b": 5.00e9,
    "vae21": 126.9e6,
    "vae22": 704.7e6,
    "umt5": 5.68e9,
}
"""Parameters, as published."""


def network(name):
    if name in VARIANTS:
        return lambda: WanTransformer(VARIANTS[name], rngs=nnx.Rngs(0)), names.TRANSFORMER
    return {
        "vae21": (lambda: WanVae(VaeConfig.wan21(), rngs=nnx.Rngs(0)), names.VAE_21),
        "vae22": (lambda: WanVae(VaeConfig.wan22(), rngs=nnx.Rngs(0)), names.VAE_22),
        "umt5": (lambda: Umt5Encoder(Umt5Config(), rngs=nnx.Rngs(0)), names.UMT5),
        "clip": (lambda: ClipImageEncoder(ClipConfig(), rngs=nnx.Rngs(0)), names.CLIP),
    }[name]


def published(kind):
    with np.load(FOLDER / FILES[kind]) as file:
        return json.loads(file["names"].tobytes())


@pytest.fixture(scope="module")
def shapes():
    known = {}

    def of(name):
        if name not in known:
            known[name] = shapes_of(network(name)[0])
        return known[name]

    return of


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in FILES for name in published(kind)])
def test_every_name_belongs_to_one_parameter_of_its_shape(kind, name, shapes):
    theirs, ours, table = published(kind)[name], shapes(name), network(name)[1]
    wanted, there = canonical_names(ours, table), table.canonical(theirs)
    layers = next((leaf.shape[0] for path, leaf in ours.items() if table.stack and path.startswith(table.stack)), 0)
    assert {found for found in there if not table.idle(found, layers)} == set(wanted)
    for found, (path, layer) in wanted.items():
        part = there[found]
        array = np.broadcast_to(np.int8(0), theirs[part.name])
        array = array[: array.shape[0] // part.of]
        shape = ours[path].shape if layer is None else ours[path].shape[1:]
        assert in_our_layout(array, path, shape) is not None, (found, array.shape, shape)


@pytest.mark.parametrize("name", COUNTS)
def test_there_are_as_many_values_as_published(name, shapes):
    assert sum(int(np.prod(leaf.shape)) for leaf in shapes(name).values()) == pytest.approx(COUNTS[name], rel=1e-3)


@pytest.mark.parametrize("name", ["wan2.1-fun-1.3b-control", "wan2.1-fun-1.3b-camera"])
def test_control_variants_add_what_the_authors_code_adds(name, shapes):
    added = set(canonical_names(shapes(name), names.TRANSFORMER)) - set(
        canonical_names(shapes("wan2.1-fun-1.3b-inp"), names.TRANSFORMER)
    )
    reference = {"ref_conv.weight", "ref_conv.bias"}
    camera = {
        f"control_adapter.{part}.{leaf}"
        for part in ("conv", "residual_blocks.0.conv1", "residual_blocks.0.conv2")
        for leaf in ("weight", "bias")
    }
    assert added == (camera if "camera" in name else reference)


def test_the_two_names_of_norms_change_places():
    table = names.TRANSFORMER
    found = table.canonical(["blocks.0.self_attn.q.weight", "blocks.0.norm3.weight", "blocks.0.norm3.bias"])
    assert found["blocks.0.norm2.weight"].name == "blocks.0.norm3.weight"
