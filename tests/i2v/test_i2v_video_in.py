"""Any file to frames: turned, squeezed, variable, damaged; and a refusal in words for what is no video."""

import numpy as np
import pytest
from hostile_videos import CASES, ffmpeg, made, outcome

from i2v.clip import Clip
from i2v.media.video import VideoWriter
from i2v.metrics.judge import judge
from i2v.metrics.report import Report
from i2v.metrics.timing import at_instants
from i2v.metrics.video_in import Footage, VideoReadError, as_footage, read_video


def ramp(count=8, height=32, width=48):
    """Frames that are brighter to the right and with time, so that order, turning and values can be told."""
    v, u = np.mgrid[:height, :width]
    frames = [np.stack([4 * u + 5 * t, 3 * v + 60, 0 * u + 80], -1) for t in range(count)]
    return np.clip(frames, 0, 255).astype(np.uint8)


def test_a_written_video_comes_back_with_its_values_size_and_rate(tmp_path):
    frames = ramp()
    with VideoWriter(tmp_path / "a.mp4", (32, 48), 24, crf=0) as writer:
        for frame in frames:
            writer.write(frame)
    footage = read_video(tmp_path / "a.mp4")
    assert footage.fps == 24 and footage.size == (32, 48) and footage.frame_count == 8 and not footage.notes
    assert np.abs(footage.frames.astype(int) - frames).mean() < 1.5  # 4:2:0 and limited range
    np.testing.assert_allclose(footage.times, np.arange(8) / 24)


def test_a_turned_video_is_turned_and_large_ones_are_made_smaller(tmp_path):
    plain, _ = made("plain.mkv", "-c:v", "libx264", "-crf", "0", size="96x64")(tmp_path)
    ffmpeg("-display_rotation", "90", "-i", plain, "-c", "copy", tmp_path / "turned.mp4")
    upright, turned = read_video(plain), read_video(tmp_path / "turned.mp4")
    assert turned.size == (96, 64) and any("rotation" in note for note in turned.notes)
    assert np.abs(np.rot90(upright.frames[0]).astype(int) - turned.frames[0]).mean() < 4
    small = read_video(plain, longest=48)
    assert small.size == (32, 48) and small.source_size == (64, 96)


def test_only_as_much_as_memory_is_set_aside_for_is_read(tmp_path):
    path, _ = made("a.mkv", "-c:v", "ffv1")(tmp_path)
    footage = read_video(path, max_bytes=5 * 96 * 64 * 3)
    assert footage.frame_count == 5 and any("first 5 frames" in note for note in footage.notes)


def test_a_variable_rate_keeps_its_times(tmp_path):
    path, _ = CASES["variable rate"](tmp_path)
    footage = read_video(path)
    shown = [n / 24 for n in range(12) if n % 3 == 0 or n % 7 == 0]
    np.testing.assert_allclose(footage.times, shown, atol=2e-3)  # the container keeps milliseconds
    assert any("varies" in note for note in footage.notes)


HOSTILE = (
    "grey", "alpha in mov", "wide pixels", "two frames", "one frame", "a third of it", "no index", "text", "sound only",
    "a list of files", "a name with percent", "one NaN", "16 bits", "frames of two sizes", "NaN in the flow",
    "flow of a million", "things everywhere", "half a file of conditions", "another rate", "film of another size",
)  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_inputs_give_a_report_or_one_clear_refusal(name, tmp_path):
    from hostile_videos import check

    check(outcome(name, tmp_path))


def test_there_are_more_than_a_hundred_hostile_inputs():
    assert len(CASES) >= 100  # the others: python -m benchmarks.judge_hostile


def test_what_cannot_be_judged_is_said_with_the_path_and_what_was_expected(tmp_path):
    with pytest.raises(VideoReadError, match="no such file, expected a video"):
        judge(tmp_path / "none.mp4")
    (tmp_path / "a.mp4").write_bytes(b"no video" * 100)
    with pytest.raises(VideoReadError, match=r"a\.mp4 holds no picture"):
        judge(tmp_path / "a.mp4")


def test_frames_clips_and_grey_arrays_are_footage_too():
    frames = ramp()
    assert np.array_equal(as_footage(Clip(frames, 30.0)).frames, frames) and as_footage(Clip(frames, 30.0)).fps == 30
    assert as_footage(frames[..., 0], fps=10).frames.shape == frames.shape
    assert np.array_equal(as_footage(frames / np.float32(255)).frames, frames)
    assert as_footage(frames, size=(16, 24)).size == (16, 24)
    assert isinstance(judge(frames), Report)


def test_frames_are_matched_by_time_and_not_by_number():
    frames = np.arange(48, dtype=np.uint8)[:, None, None, None].repeat(3, axis=3)
    matched = at_instants(Footage(frames, np.arange(48) / 48, 48.0, (1, 1)), 24.0, 24)
    assert matched.frames[:, 0, 0, 0].tolist() == list(range(0, 48, 2)) and np.abs(matched.late).max() < 1e-9
    uneven = at_instants(Footage(frames, np.arange(48) / 30, 30.0, (1, 1)), 24.0, 24)
    assert np.abs(uneven.late).max() <= 0.5 and "off in time" in uneven.notes[0]
    with pytest.raises(ValueError, match="expected at least two"):
        at_instants(Footage(frames[:2], np.arange(2) / 240, 240.0, (1, 1)), 24.0, 24)
