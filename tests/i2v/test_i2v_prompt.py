"""Prompts on the command line: echo, shot file, and the video."""

import pytest

from i2v.cli import main
from physim.shot_file import load

PROMPT = "Action: a rubber ball drops from 30 cm. Action: The character sighs. 0.1 seconds"


def test_a_prompt_becomes_a_shot_file_that_says_what_was_understood(tmp_path, capsys):
    path = tmp_path / "a.yaml"
    arguments = ["animate", "--prompt", PROMPT, "--photo", "skimage:coffee.png", "--write-shot", str(path)]
    assert main(arguments) == 0
    told = capsys.readouterr()
    assert told.out.strip() == str(path)
    assert "cannot   'The character sighs'" in told.err
    assert load(path).things[0].above == 0.3 and load(path).seconds == 0.1
    assert "# From the prompt:" in path.read_text()


def test_a_prompt_is_animated(tmp_path, capsys, monkeypatch):
    """The whole way, small: plain composite of one frame."""
    monkeypatch.chdir(tmp_path)
    prompt = "Action: a steel marble falls from 5 cm. 0.05 seconds"
    options = ["--model", "none", "--quiet", "-o", "a.mp4"]
    assert main(["animate", "--prompt", prompt, "--photo", "skimage:coffee.png", *options]) == 0
    assert capsys.readouterr().out.strip() == "a.mp4"
    assert (tmp_path / "a.ledger.json").exists()


def test_strokes_of_a_motion_brush_join_the_shot(tmp_path, capsys):
    (tmp_path / "strokes.yaml").write_text("- {points: [[100, 100], [200, 100]], makes: push, on: ball, strength: 0.5}")
    path = tmp_path / "a.yaml"
    arguments = ["animate", "--prompt", PROMPT, "--photo", "skimage:coffee.png", "--write-shot", str(path)]
    assert main([*arguments, "--strokes", str(tmp_path / "strokes.yaml")]) == 0
    assert load(path).forces[0].impulse.newton_seconds == (0.5, 0, 0)
    assert main([*arguments, "--strokes", str(tmp_path / "none.yaml")]) == 2
    assert "no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["animate"], ["animate", "--prompt", "a"], ["animate", "a.yaml", "--photo", "b.png"],
     ["animate", "--prompt", PROMPT, "--photo", "skimage:coffee.png", "--select", "cup"]],
)  # fmt: skip
def test_half_a_request_is_explained(arguments, capsys):
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_a_prompt_that_moves_nothing_is_said_to_move_nothing(tmp_path, capsys):
    arguments = ["animate", "--photo", "skimage:coffee.png", "--write-shot", str(tmp_path / "a.yaml"), "--prompt"]
    assert main([*arguments, "Action: a zorble falls."]) == 0
    told = capsys.readouterr().err
    assert "what this happens to is not known; name a thing of the photo" in told and "will be still" in told
    assert main([*arguments, "Action: a football falls."]) == 0
    assert "will be still" not in capsys.readouterr().err
