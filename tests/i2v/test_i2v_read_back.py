"""The finished video, decoded, still says 9.81; and slow motion shows the same motion more slowly."""

import numpy as np
import pytest

from benchmarks.read_back import backdrop, readings, run, shot_of, track_of
from i2v import animate
from physim.shot_file import ShotError
from physim.shot_path import revised


def test_gravity_comes_back_from_our_own_video(tmp_path):
    (reading,) = run("fall", tmp_path, width=240)
    assert reading.good, reading  # 1 % at a hundred pixels per metre
    assert abs(reading.read - reading.expected) < 5 * reading.sigma


def test_slow_motion_is_the_same_motion_over_a_longer_time(tmp_path):
    shot = revised(
        shot_of("fall", backdrop(tmp_path / "backdrop.png", 160)),
        {"generate.model": "none", "seconds": 0.3, "output.slow_motion": 5.0},
    )
    summary = animate(shot, tmp_path / "slow.mp4")
    assert summary.fps == pytest.approx(6) and summary.frame_count == 9
    assert summary.trajectory.fps == 30 and summary.trajectory.seconds == pytest.approx(0.3)
    track, scale = track_of(tmp_path / "slow.mp4", shot)
    assert track.present.all()
    (reading,) = readings("fall", track, scale)
    assert reading.read == pytest.approx(9.81, rel=0.05)  # nine frames at 73 pixels per metre
    assert np.ptp(track.position[:, 0]) == pytest.approx(0.9 * scale * 8 / 30, rel=0.03)


def test_slow_motion_and_frames_per_second_that_do_not_go_together_are_refused(tmp_path):
    shot = shot_of("fall", backdrop(tmp_path / "backdrop.png", 64))
    with pytest.raises(ShotError, match="30 / 2 = 15"):
        animate(revised(shot, {"output.slow_motion": 2.0, "output.fps": 12}))
    with pytest.raises(ShotError, match="life's own pace"):
        animate(revised(shot, {"output.slow_motion": 2.0, "output.audio": True}))
