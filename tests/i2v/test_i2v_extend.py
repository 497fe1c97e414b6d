"""A clip that goes on: what came before stays to the bit, and what follows is what one longer run gives."""

import importlib

import numpy as np
import pytest

import physim
from i2v.cli import main
from i2v.extend import longer, shot_of
from physim.shot_file import ShotError

root = importlib.import_module("i2v.animate")
SHOT = physim.Shot(
    photo="skimage:coffee.png",
    things=[
        {"name": "ball", "shape": {"sphere": 0.02}, "at": [0.05, 0.12, -0.3], "rigid": {"material": "rubber"},
         "velocity": [0.3, 0, 0]},
    ],
    hints={"camera": {"fov": 30, "pitch": 56.5, "height": 0.312}},
    camera=[{"move": "zoom", "factor": 1.1}],
    seconds=4 / 24,
    settle=False,
    generate={"model": "none"},
    output={"width": 120, "height": 80},
)  # fmt: skip


def frames(shot):
    return [np.asarray(frame).copy() for frame in root.animate(shot)]


def test_frames_of_the_longer_clip_are_those_of_the_clip_and_of_one_longer_run():
    before = frames(SHOT)
    after = frames(longer(SHOT, 3 / 24))
    data = SHOT.to_dict() | {"seconds": 7 / 24, "camera": [{"move": "zoom", "factor": 1.1, "to": 4 / 24}]}
    whole = frames(physim.Shot(**data))
    assert len(before) == 4 and len(after) == 7
    assert all(np.array_equal(a, b) for a, b in zip(before, after[:4], strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(after, whole, strict=True))
    assert not np.array_equal(after[4], after[3])  # the ball flies on


def test_moves_end_where_they_ended_and_what_follows_counts_from_the_old_end():
    then = {"camera": [{"move": "pan", "degrees": 3}],
            "forces": [{"impulse": {"on": "ball", "newton_seconds": [0.1, 0, 0], "at": 0.25}}]}  # fmt: skip
    shot = longer(SHOT.model_copy(update={"seconds": 1.0}), 2.0, then)
    assert shot.seconds == 3.0
    assert [(move.start, move.end) for move in shot.camera] == [(0, 1), (1, 3)]
    assert shot.forces[0].impulse.at == 1.25


def test_the_shot_inside_a_video_is_enough_when_nothing_lies_beside_it(tmp_path):
    root.animate(SHOT, tmp_path / "a.mp4")
    beside = shot_of(tmp_path / "a.mp4")
    (tmp_path / "a.shot.resolved.yaml").unlink()
    assert shot_of(tmp_path / "a.mp4") == beside


def test_what_cannot_go_on_is_said_in_words(tmp_path, capsys):
    with pytest.raises(ValueError, match="more than 0"):
        longer(SHOT, 0)
    with pytest.raises(ValueError, match="has things, expected"):
        longer(SHOT, 1, {"things": []})
    gust = longer(SHOT, 1, {"forces": [{"wind": {"velocity": [1, 0, 0], "to": 0.5}}]}).forces[0].wind
    assert (gust.start, gust.end) == (SHOT.seconds, SHOT.seconds + 0.5)
    with pytest.raises(ShotError, match=r"camera\[1\]\.move"):
        longer(SHOT, 1, {"camera": [{"move": "fly", "metres": 1}]})
    with pytest.raises(ShotError, match="the name of a rigid thing"):
        longer(SHOT, 1, {"forces": [{"impulse": {"on": "cup", "newton_seconds": [1, 0, 0]}}]})
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(ValueError, match="does not say how it was made"):
        shot_of(tmp_path / "a.mp4")
    assert main(["extend", str(tmp_path / "none.mp4"), "--seconds", "1"]) == 2
    (tmp_path / "then.yaml").write_text("- [")
    shot = SHOT.save(tmp_path / "shot.yaml")
    assert main(["extend", str(shot), "--seconds", "1", "--then", str(tmp_path / "then.yaml")]) == 2
    assert "cannot be read" in capsys.readouterr().err
