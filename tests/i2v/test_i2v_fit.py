"""What went into a video is found again from its pixels."""

import json

import numpy as np
import pytest

import i2v
import physim
from benchmarks.read_back import backdrop
from i2v.cli import main
from i2v.fit import noise
from i2v.metrics.pixel_track import Track
from i2v.metrics.video_in import read_video
from physim.shot_file import save
from physim.shot_path import revised

RESTITUTION, SPEED = "things.ball.rigid.restitution", "things.ball.velocity.0"


@pytest.fixture(scope="module")
def thrown(tmp_path_factory):
    """A ball that bounces once, and its video."""
    folder = tmp_path_factory.mktemp("fit")
    shot = physim.Shot(
        photo=backdrop(folder / "backdrop.png", 240),
        hints={"camera": {"fov": 40, "pitch": 8, "height": 0.7}, "wall": 6.0},
        things=[
            {
                "name": "ball", "shape": {"sphere": 0.12}, "at": [-0.3, 0.6, -3], "velocity": [0.6, 0, 0],
                "colour": [0.7, 0.12, 0.03], "rigid": {"density": 2000, "restitution": 0.73},
            }
        ],
        seconds=0.7, fps=30, settle=False, generate={"model": "none"},
    )  # fmt: skip
    video = folder / "ball.mp4"
    i2v.animate(shot, video)
    return shot, video


def test_restitution_and_speed_come_back_from_a_noisy_clip(thrown):
    shot, video = thrown
    clip = read_video(video)
    grain = np.random.default_rng(0).normal(0, 4, clip.frames.shape)
    noisy = np.clip(clip.frames + grain, 0, 255).astype(np.uint8)
    wrong = revised(shot, {RESTITUTION: 0.4, SPEED: 0.0})  # nothing of the answer is in what it is given
    told, parts = [], {}
    found = i2v.fit(
        wrong, noisy, f"{RESTITUTION}=0.3:0.95", f"{SPEED}=-1:1", fps=30, starts=6,
        progress=lambda stage, part: parts.setdefault(stage, []).append(part),
        on_run=lambda runs, rms: told.append(runs),
    )  # fmt: skip
    assert found.values[RESTITUTION] == pytest.approx(0.73, abs=0.02)
    assert found.values[SPEED] == pytest.approx(0.6, rel=0.02)
    assert found.rms < 3
    assert told == sorted(told) and told[-1] == found.runs
    assert {"starts", "descent 1", "errors", "again: descent 1", "again: errors"} <= set(parts)
    assert all(part == sorted(part) and part[0] == 0 and part[-1] == 1 for part in parts.values())
    assert found.shot.things[0].rigid.restitution == found.values[RESTITUTION]


def test_the_command_writes_a_shot_that_moves_so(thrown, tmp_path, capsys):
    shot, video = thrown
    given = save(revised(shot, {SPEED: 0.4}), tmp_path / "shot.yaml")
    fitted = tmp_path / "fitted.yaml"
    arguments = ["fit", str(given), str(video), "--range", f"{SPEED}=0:1", "--starts", "2", "--quiet", "--json"]
    assert main([*arguments, "-o", str(fitted)]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["values"][SPEED] == pytest.approx(0.6, rel=0.02)
    assert physim.Shot.load(fitted).things[0].velocity[0] == figures["values"][SPEED]
    assert "standard deviations" in fitted.read_text()


def test_what_cannot_be_followed_is_said(thrown):
    shot, video = thrown
    with pytest.raises(ValueError, match=r"cannot follow moon\. Bodies that move .*: ball\."):
        i2v.fit(shot, video, f"{SPEED}=0:1", things=["moon"])
    with pytest.raises(ValueError, match="expected the same shape"):
        i2v.fit(shot, np.zeros((9, 90, 240, 3), np.uint8), f"{SPEED}=0:1")


def test_the_noise_of_a_track_is_found_in_spite_of_its_bounces():
    t = np.arange(60) / 30
    path = np.stack([40 * t, 200 - 90 * np.abs(np.sin(4 * t))], axis=1)
    seen = path + np.random.default_rng(1).normal(0, 0.4, path.shape)
    flat = np.ones(len(t))
    track = Track(30.0, seen, flat > 0, flat < 0, flat, path, flat)
    assert noise(track) == pytest.approx(0.4, rel=0.2)
