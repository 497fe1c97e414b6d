"""Clips: arrays and lazy frames are saved alike, and what cannot be a clip is refused."""

import json
from dataclasses import replace

import av
import numpy as np
import pytest

from i2v import Clip

FRAMES = np.random.default_rng(0).random((5, 32, 48, 3)).astype(np.float32)


class Lazy:
    """Makes every frame when it is asked for, as a compositor does."""

    def __len__(self):
        return len(FRAMES)

    def __iter__(self):
        return (frame.copy() for frame in FRAMES)


def test_lazy_frames_and_an_array_give_the_same_file(tmp_path):
    lazy, array = Clip(Lazy(), 24), Clip(FRAMES, 24)
    assert lazy.size == array.size == (32, 48)
    assert lazy.frame_count == len(array) == 5 and array.seconds == pytest.approx(5 / 24)
    assert lazy.save(tmp_path / "a.mp4").read_bytes() == array.save(tmp_path / "b.mp4").read_bytes()
    assert sum(1 for _ in lazy) == sum(1 for _ in lazy) == 5  # can be gone through again


def test_provenance_travels_in_the_file(tmp_path):
    Clip(FRAMES, 24, {"seed": 7, "shot": "é"}).save(tmp_path / "a.mp4")
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert json.loads(container.metadata["comment"]) == {"seed": 7, "shot": "é"}


def test_quality_is_a_choice(tmp_path):
    clip = Clip(FRAMES, 24)
    assert clip.save(tmp_path / "a.mp4", crf=5).stat().st_size > clip.save(tmp_path / "b.mp4", crf=40).stat().st_size


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((FRAMES[0], 24), ValueError, r"expected \(T, H, W, 3\)"),
        ((FRAMES[:0], 24), ValueError, "empty"),
        ((FRAMES, 0), ValueError, "more than 0"),
        (((f for f in FRAMES), 24), TypeError, "Put the frames of a generator in a list"),
        ((FRAMES, 24, {}, np.zeros(10)), ValueError, "samples, channels"),
    ],
)
def test_what_is_no_clip_is_refused(arguments, kind, message):
    with pytest.raises(kind, match=message):
        Clip(*arguments)


def test_frames_of_different_sizes_leave_no_file(tmp_path):
    with pytest.raises(ValueError, match="frame 1 has shape"):
        Clip([FRAMES[0], FRAMES[0][:30]], 24).save(tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []


class Signed:
    """Stands for what marks and signs a file."""

    def __init__(self, path):
        self.unsigned = path.with_suffix(".unsigned.mp4")
        self.path = path

    def marked(self, frames, size):
        return iter(frames)

    def finish(self):
        self.path.write_bytes(b"signed " + self.unsigned.read_bytes())


def test_a_clip_whose_frames_rate_or_sound_were_replaced_does_not_sign_for_them(tmp_path):
    clip = Clip(FRAMES, 24, {"seed": 7}, origin=Signed)
    assert clip.save(tmp_path / "a.mp4").read_bytes().startswith(b"signed")
    for number, other in enumerate(({"frames": FRAMES[::-1]}, {"fps": 30.0}, {"audio": np.zeros((10, 2))})):
        with pytest.warns(UserWarning, match="neither marked nor signed"):
            changed = replace(clip, **other)
        assert changed.origin is None
        assert not changed.save(tmp_path / f"{number}.mp4").read_bytes().startswith(b"signed")
    kept = replace(clip, provenance={"seed": 8})
    assert kept.save(tmp_path / "kept.mp4").read_bytes().startswith(b"signed")
    assert replace(kept, fps=24).origin is not None
