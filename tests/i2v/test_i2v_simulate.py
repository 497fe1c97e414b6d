"""``i2v simulate``: the arrays of a shot, or the files of another project, from the command line."""

import numpy as np
import pytest

from i2v.cli import main
from physim.conditions import Conditions

pytest.importorskip("skimage", reason="the photo comes with scikit-image")

SHOT = """
photo: skimage:coffee.png
hints:
  camera: {fov: 30, pitch: 56.5, height: 0.312}
things:
  - {name: ball, shape: {sphere: 0.015}, at_pixel: [60, 330], above: 0.05, rigid: {material: rubber}}
seconds: 0.25
fps: 12
"""


@pytest.fixture
def shot(tmp_path):
    path = tmp_path / "ball.yaml"
    path.write_text(SHOT)
    return path


def test_the_arrays_of_a_shot_are_written(shot, tmp_path, capsys):
    target = tmp_path / "made" / "ball.npz"
    assert main(["simulate", str(shot), "-o", str(target), "--size", "96", "--quiet"]) == 0
    assert capsys.readouterr().out.strip() == str(target)
    conditions = Conditions.load(target)
    assert conditions.coarse.shape == (3, 64, 96, 3) and conditions.fps == 12
    assert conditions.flow[0][conditions.ids[0] > 0][:, 1].mean() > 0.5  # the ball falls


def test_the_files_of_another_project_are_written(shot, tmp_path, capsys):
    folder = tmp_path / "wan"
    words = ["simulate", str(shot), "-o", str(folder), "--for", "wan-move", "--size", "96", "--seconds", "0.5"]
    assert main([*words, "--quiet"]) == 0
    told = capsys.readouterr().out.split()
    assert [path.rpartition("/")[2] for path in told] == ["image.png", "tracks.npy", "visibility.npy"]
    tracks = np.load(folder / "tracks.npy")
    assert tracks.shape[0] == 81 and np.ptp(tracks[..., 1], axis=0).max() > 5


def test_a_name_that_is_no_file_of_arrays_is_refused_before_any_work(shot, tmp_path, capsys):
    assert main(["simulate", str(shot), "-o", str(tmp_path / "ball.mp4")]) == 2
    assert "expected a name that ends in .npz, or a folder and --for" in capsys.readouterr().err
    assert main(["simulate", str(shot), "--size", "5", "-o", str(tmp_path / "a.npz")]) == 2
    assert "generate.size" in capsys.readouterr().err
