"""How a depth network, a depth file or a callable enters the river: arguments, shot, command line."""

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import i2v.depth
import physim
from i2v.cli import main
from i2v.depth import Prediction, load_depth_model
from physim.camera import Camera
from physim.depth_result import FAR, DepthResult
from physim.view import plane_depth

root = importlib.import_module("i2v.animate")  # the package binds the function of that name
SIZE = (90, 120)


@pytest.fixture
def road(tmp_path):
    """A shot of a plain road and its true depth."""
    Image.fromarray(np.full((*SIZE, 3), 120, np.uint8)).save(tmp_path / "road.png")
    hints = {"camera": {"fov": 60, "pitch": 15, "height": 1.5}}
    truth = plane_depth(Camera.looking(SIZE, fov_deg=60, pitch_deg=15, height=1.5), 0.0, far=FAR)
    truth = np.where(truth < 4, truth, 5.0)
    shot = physim.Shot(photo=tmp_path / "road.png", hints=hints, seconds=0.1, generate={"model": "none"})
    return shot, truth


@pytest.fixture
def network(monkeypatch, road):
    """Stands for a network that knows the road's depth up to factor and shift, and what it was told."""
    told = []

    def load(weights):
        told.append(Path(weights))

        def model(image, *, focal=None):
            told.append((image.shape, focal))
            return Prediction(1 / road[1] - 0.05, "affine_inverse", np.full(SIZE, 0.7, np.float32))

        return model

    monkeypatch.setitem(i2v.depth.DEPTH_MODELS, "depth-anything", load)
    return told


def test_a_network_becomes_a_backend_of_physim(road, network, tmp_path):
    shot, truth = road
    backend = i2v.depth_backend("depth-anything", weights=tmp_path / "w.safetensors")
    scene = physim.reconstruct(shot, depth=backend)
    assert np.allclose(scene.backdrop.depth, truth, rtol=1e-3)
    assert scene.backdrop.report["depth"].startswith("depth-anything (w.safetensors)")
    assert network[0] == tmp_path / "w.safetensors"
    shape, focal = network[1]
    assert shape == (*SIZE, 3) and focal == pytest.approx(60 / np.tan(np.radians(30)))


def test_what_is_asked_for_on_the_way_is_in_the_resolved_shot(road, network, tmp_path, monkeypatch):
    (tmp_path / "w.safetensors").write_bytes(b"")
    found = {}
    kept = physim.reconstruct

    def watched(shot, *, depth=None, progress=None):
        scene = kept(shot, depth=depth, progress=progress)
        found["depth"] = scene.backdrop.depth
        return scene

    monkeypatch.setattr(physim, "reconstruct", watched)
    summary = root.preview(
        road[0], tmp_path / "a.mp4", size=64, depth="depth-anything", depth_weights=tmp_path / "w.safetensors"
    )
    hint = physim.Shot.load(summary.resolved_shot).hints.depth
    assert (hint.model, hint.weights) == ("depth-anything", tmp_path / "w.safetensors")
    assert np.allclose(found["depth"], road[1], rtol=1e-3)
    assert "affine_inverse" in summary.inferred["depth.ground"]


def test_each_choice_changes_the_shot_in_its_own_way():
    assert root.depth_changes(None) == {}
    assert root.depth_changes(lambda image: None) == {}
    assert root.depth_changes("geometric") == {"hints.depth": {}}
    network = root.depth_changes("moge" if "moge" in i2v.depth.DEPTH_MODELS else "depth-anything", "w.safetensors")
    assert network["hints.depth"]["weights"] == Path("w.safetensors")
    assert root.depth_changes("d.png", kind="relative") == {"hints.depth": {"file": Path("d.png"), "kind": "relative"}}


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("depth-anything",), "needs depth_weights"),
        (("geometric", "w.safetensors"), "belong to a depth network"),
        ((None, "w.safetensors"), "belong to a depth network"),
        (("d.npy", "w.safetensors"), "belong to a depth network"),
        (("geometric", None, "relative"), "depth_kind"),
        ((None, None, "relative"), "depth_kind"),
    ],
)
def test_choices_that_contradict_each_other_are_named(arguments, word):
    with pytest.raises(ValueError, match=word):
        root.depth_changes(*arguments)


def test_a_depth_file_that_is_not_there_costs_no_work(road, tmp_path):
    with pytest.raises(ValueError, match=r"hints\.depth\.file.*no such file"):
        root.animate(road[0], tmp_path / "a.mp4", depth=tmp_path / "none.npy")


def test_an_unknown_network_is_named_with_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'depth-anything'"):
        load_depth_model("depth_anything", "w.safetensors")


def test_weights_that_are_not_there_are_not_fetched(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing is fetched"):
        i2v.depth_backend("depth-anything", weights=tmp_path / "w.safetensors")


def test_the_command_line_passes_the_choice_on(monkeypatch, capsys):
    seen = {}

    def preview(shot, output, **options):
        seen.update(options)
        return SimpleNamespace(path=output)

    monkeypatch.setattr(root, "preview", preview)
    monkeypatch.setitem(sys.modules, "i2v.animate", root)
    arguments = ["--depth", "depth-anything", "--weights", "w.safetensors", "--quiet"]
    assert main(["preview", "a.yaml", *arguments]) == 0
    assert (seen["depth"], seen["depth_weights"], seen["depth_kind"]) == ("depth-anything", Path("w.safetensors"), None)
    assert main(["preview", "a.yaml", "--depth", "d.png", "--depth-kind", "relative", "--quiet"]) == 0
    assert (seen["depth"], seen["depth_kind"]) == ("d.png", "relative")


def test_a_prediction_has_the_fields_of_a_result():
    assert set(Prediction.__dataclass_fields__) == set(DepthResult.__dataclass_fields__)
