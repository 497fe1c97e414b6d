"""A clip with sound: in the file, in time, and refused where it is none."""

import av
import numpy as np
import pytest

from i2v.clip import Clip

FRAMES = np.zeros((12, 32, 48, 3), np.float32)


def test_the_sound_of_a_clip_is_in_its_file(tmp_path):
    sound = np.zeros((24_000, 2))
    sound[12_000] = 0.9
    with av.open(str(Clip(FRAMES, 24, audio=sound).save(tmp_path / "a.mp4"))) as container:
        frames = list(container.decode(audio=0))
    joined = np.concatenate([f.to_ndarray() for f in frames], axis=1)
    assert frames[0].time + np.abs(joined[0]).argmax() / 48_000 == pytest.approx(0.25, abs=1e-3)


@pytest.mark.parametrize("sound", [np.zeros(100), np.full((100, 2), np.nan)])
def test_what_is_no_sound_is_refused(sound):
    with pytest.raises(ValueError, match=r"expected finite \(samples, channels\)"):
        Clip(FRAMES, 24, audio=sound)
