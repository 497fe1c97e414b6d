"""Long clips in windows: every frame counts once, frames by themselves come out exactly, and no seam shows."""

from itertools import pairwise

import numpy as np
import pytest

from i2v.diffusion.windows import in_windows, shares, windows


@pytest.mark.parametrize(("count", "length", "overlap"), [(21, 21, 5), (30, 21, 5), (7, 3, 1), (50, 9, 4), (8, 4, 0)])
def test_windows_cover_all_frames_with_enough_overlap_and_weights_add_up_to_one(count, length, overlap):
    cuts = windows(count, length, overlap)
    assert cuts[0].start == 0 and cuts[-1].stop == count
    assert all(cut.stop - cut.start == min(length, count) for cut in cuts)
    assert all(a.stop - b.start >= overlap for a, b in pairwise(cuts))
    total = np.zeros(count)
    for cut, share in zip(cuts, shares(cuts), strict=True):
        assert (share > 0).all()
        total[cut] += share
    assert np.allclose(total, 1, atol=1e-6)


def test_a_model_of_single_frames_gives_the_same_in_windows_and_is_told_of_its_own_frames():
    x = np.random.default_rng(0).standard_normal((1, 14, 2, 2, 3)).astype(np.float32)
    lengths = []

    def model(x, time, told):
        lengths.append(x.shape[1])
        return 2 * x + told[:, None, None, None] + time

    told = np.arange(14, dtype=np.float32)
    made = in_windows(model, 6, 2, lambda told, cut: told[cut])(x, 0.5, told)
    assert np.allclose(made, model(x, 0.5, told), atol=1e-5)
    assert lengths[:-1] == [6, 6, 6]


def test_windows_that_disagree_pass_into_each_other_without_a_seam():
    """Each window says its own number; the step from frame to frame is that of the ramp over the overlap."""
    call = iter([0.0, 1.0])
    model = lambda x, time, told: np.full_like(x, next(call))  # noqa: E731
    made = in_windows(model, 8, 4, lambda told, cut: told)(np.zeros((1, 12, 1, 1, 1), np.float32), 0.0, None).ravel()
    assert np.allclose(made, [0, 0, 0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1, 1, 1])


def test_what_cannot_be_a_window_is_said():
    with pytest.raises(ValueError, match="4 frames with an overlap of 4"):
        in_windows(lambda x, time, told: x, 4, 4, lambda told, cut: told)
