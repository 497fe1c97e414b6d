"""The full ViT-S against PyTorch and `transformers` on random weights. Needs the extra `parity`; takes minutes."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra `parity`")
pytest.importorskip("transformers", reason="the extra `parity`")
pytestmark = [pytest.mark.parity, pytest.mark.slow]

TOLERANCE = 1e-5
GOLDEN = Path(__file__).parents[1] / "data" / "parity" / "depth_anything.npz"


@pytest.fixture(scope="module")
def maker():
    spec = importlib.util.spec_from_file_location(
        "make_depth_anything", Path(__file__).with_name("make_depth_anything.py")
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pair(maker, tmp_path_factory):
    from i2v.models.depth_anything import load_depth_anything

    reference = maker.model("small")
    maker.redraw(reference, seed=3)
    folder = tmp_path_factory.mktemp("small")
    reference.save_pretrained(folder)
    return reference, load_depth_anything(folder / "model.safetensors")


@pytest.mark.parametrize("size", [(518, 518), (294, 518), (518, 770)])
def test_the_full_small_network_answers_as_the_reference(maker, pair, size, record_property):
    from i2v.models.depth_anything import run

    reference, network = pair
    image = maker.picture(*size, seed=4)
    truth = maker.output(reference, image)
    error = float(np.abs(run(network, image[None])[0] - truth).max() / truth.max())
    record_property("error", error)
    assert np.ptp(truth) > 1e3 * TOLERANCE * truth.max()
    assert error <= TOLERANCE, f"{error:.2e} of the maximum, range {truth.min():.3g} .. {truth.max():.3g}"


def test_the_golden_file_is_what_the_script_writes(maker, tmp_path):
    maker.main(str(tmp_path / "golden.npz"))
    with np.load(tmp_path / "golden.npz") as new, np.load(GOLDEN) as old:
        assert set(new.files) == set(old.files)
        assert json.loads(new["names"].tobytes()) == json.loads(old["names"].tobytes())
        for name in set(old.files) - {"names"}:
            # another release of PyTorch may add in another order
            assert np.allclose(new[name], old[name], rtol=1e-5, atol=1e-6), name
