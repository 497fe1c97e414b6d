"""MoGe-2 with a ViT-S against PyTorch and a checkout of microsoft/MoGe on random weights; takes minutes.

MOGE_SOURCE=checkout pytest -m parity tests/parity/test_parity_moge.py
"""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra `parity`")
SOURCE = os.environ.get("MOGE_SOURCE", "")
pytestmark = [
    pytest.mark.parity,
    pytest.mark.slow,
    pytest.mark.skipif(not SOURCE, reason="MOGE_SOURCE names no checkout of microsoft/MoGe"),
]

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def maker():
    spec = importlib.util.spec_from_file_location("make_moge", Path(__file__).with_name("make_moge.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pair(maker, tmp_path_factory):
    """The reference and ours, by way of a checkpoint as it is published and the converter."""
    from i2v.models.convert import convert
    from i2v.models.moge import load_moge

    reference = maker.reference(SOURCE, maker.SMALL)
    maker.redraw(reference, seed=3, tame=True)
    folder = tmp_path_factory.mktemp("moge")
    torch.save({"model_config": maker.SMALL, "model": reference.state_dict()}, folder / "model.pt")
    return reference, load_moge(convert(folder / "model.pt", folder / "moge.safetensors"))


@pytest.mark.parametrize(("size", "tokens"), [((518, 518), 1369), ((360, 640), 1200), ((640, 480), 1800)])
def test_the_network_of_the_published_size_answers_as_the_reference(maker, pair, size, tokens, record_property):
    from i2v.models.moge import run

    reference, network = pair
    image = maker.picture(*size, seed=4)
    truth = maker.output(reference, image, tokens)
    ours = run(network, image, tokens=tokens, size=size)
    assert set(ours) == {"points", "normal", "mask", "metric_scale"} == set(truth)
    for what, value in truth.items():
        error = float(np.abs(ours[what] - value).max() / np.abs(value).max())
        record_property(what, error)
        assert error <= TOLERANCE, f"{what}: {error:.2e} of the maximum"


def test_the_golden_file_is_what_the_script_writes(maker, tmp_path):
    maker.main(SOURCE, str(tmp_path / "golden.npz"))
    golden = Path(__file__).parents[1] / "data" / "parity" / "moge.npz"
    with np.load(tmp_path / "golden.npz") as new, np.load(golden) as old:
        assert set(new.files) == set(old.files)
        for name in old.files:
            # another release of PyTorch may add in another order
            assert np.allclose(new[name], old[name], rtol=1e-4, atol=1e-5), name
