"""Every example runs, small and short, and its own check of its physics holds."""

import importlib
from pathlib import Path

import pytest

pytest.importorskip("skimage", reason="the photos of the examples come with scikit-image")

EXAMPLES = Path(__file__).parent.parent / "examples"
SECONDS = {
    "ball_into_water": "0.8",
    "balloon": "2.2",
    "billiards": "2.0",
    "coffee": "1.0",
    "coins": "2.5",
    "dam_break": "0.6",
    "dominoes": "1.4",
    "drape": "1.0",
    "flag": "1.0",
    "lawn": "1.5",
    "marbles": "0.6",
    "orbit": "1.0",
    "pendulum": "1.2",
    "pond": "1.4",
    "rocket": "1.0",
    "slosh": "1.5",
}
LAWS = {"karman_street"}
"""Those that print a law and what they measured, without a photo."""


def test_every_script_is_run_here():
    scripts = {path.stem for path in EXAMPLES.glob("*.py")} - {"runner"}
    assert scripts == set(SECONDS) | LAWS


@pytest.mark.slow
def test_the_vortex_street_follows_its_law(tmp_path, capsys, monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES.parent)
    picture = tmp_path / "street.png"
    importlib.import_module("examples.karman_street").main(["--picture", str(picture)])
    assert capsys.readouterr().out.startswith("Re 100: Strouhal number 0.1")
    assert picture.stat().st_size > 5_000


@pytest.mark.parametrize("name", sorted(SECONDS))
def test_the_example_makes_a_video_and_its_physics_holds(name, tmp_path, capsys, monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES.parent)
    video = tmp_path / f"{name}.mp4"
    example = importlib.import_module(f"examples.{name}")
    example.main(["--preview", "--seconds", SECONDS[name], "--output", str(video)])
    assert capsys.readouterr().out.strip() == str(video), "stdout is the path and nothing else"
    assert video.stat().st_size > 10_000
    assert video.with_name(f"{name}.shot.resolved.yaml").exists()
