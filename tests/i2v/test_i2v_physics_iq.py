"""Physics-IQ against a second implementation, written slowly and by itself, and against OpenCV."""

import numpy as np
import pytest

from i2v.metrics.physics_iq import blended, compare, motion_masks, physics_iq, resize_linear, score


def clip(seed=0, frames=9, height=40, width=64, speed=2.0, noise=0.0, start=(14.0, 12.0), fall=0.16):
    """A dark ball before a textured wall."""
    rng = np.random.default_rng(seed)
    v, u = np.mgrid[:height, :width]
    wall = 150 + 40 * np.sin(u / 5.0)[..., None] * np.cos(v / 7.0)[..., None] + np.array([10, 0, -20])
    out = np.empty((frames, height, width, 3), np.uint8)
    for t in range(frames):
        ball = (u - start[0] - speed * t) ** 2 + (v - start[1] - fall * t**2) ** 2 < 36
        frame = np.where(ball[..., None], (40, 60, 90), wall) + rng.normal(0, 1, wall.shape) * noise
        out[t] = np.clip(np.rint(frame), 0, 255)
    return out


SLOW = {}


# ---- the slow one: plain loops over pixels, from the description of the benchmark, sharing nothing with i2v ----


def slow_masks(video):
    key = hash(video.tobytes())
    if key not in SLOW:
        SLOW[key] = slow_masks_of(video)
    return SLOW[key]


def slow_masks_of(video):
    count, rows, cols = video.shape[:3]
    mirror = lambda i, n: -i if i < 0 else (2 * (n - 1) - i if i >= n else i)  # noqa: E731
    kernel = (1, 4, 6, 4, 1)
    average, masks = None, np.zeros((count, rows, cols), bool)
    for t in range(count):
        grey = np.zeros((rows, cols), int)
        for y in range(rows):
            for x in range(cols):
                r, g, b = (int(c) for c in video[t, y, x])
                grey[y, x] = (3735 * b + 19235 * g + 9798 * r + 2**14) >> 15
        across = np.zeros((rows, cols), int)
        smooth = np.zeros((rows, cols), int)
        for x in range(cols):
            across[:, x] = sum(w * grey[:, mirror(x + k - 2, cols)] for k, w in enumerate(kernel))
        for y in range(rows):
            smooth[y] = (sum(w * across[mirror(y + k - 2, rows)] for k, w in enumerate(kernel)) + 128) // 256
        average = smooth.astype(float) if average is None else 0.7 * average + 0.3 * smooth
        moving = np.abs(smooth - np.round(average)) > 10

        def sweep(mask, widen):
            out = np.zeros_like(mask)
            for y in range(rows):
                for x in range(cols):
                    seen = mask[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3]
                    out[y, x] = seen.any() if widen else seen.all()
            return out

        masks[t] = sweep(sweep(sweep(sweep(moving, False), True), True), False)
    return masks


def slow_quarter(picture):
    """A quarter of the size: the rounded mean of the central 2 x 2 of each 4 x 4."""
    rows, cols = picture.shape[0] // 4, picture.shape[1] // 4
    out = np.zeros((rows, cols, *picture.shape[2:]), np.uint8)
    for y in range(rows):
        for x in range(cols):
            part = picture[4 * y + 1 : 4 * y + 3, 4 * x + 1 : 4 * x + 3].astype(int)
            out[y, x] = (part.sum(axis=(0, 1)) + 2) >> 2
    return out


def slow_numbers(film, video):
    small = [np.stack([slow_quarter(255 * m.astype(np.uint8)) > 127 for m in slow_masks(v)]) for v in (film, video)]
    overlap, errors = [], []
    for a, b, p, q in zip(*small, film, video, strict=True):
        union = np.logical_or(a, b).sum()
        overlap.append(np.logical_and(a, b).sum() / union if union else 1.0)
        errors.append(float(((slow_quarter(p) / 255.0 - slow_quarter(q) / 255.0) ** 2).mean()))
    a, b = small[0].max(axis=0), small[1].max(axis=0)
    wa, wb = small[0].mean(axis=0), small[1].mean(axis=0)
    return overlap, (a & b).sum() / (a | b).sum(), np.minimum(wa, wb).sum() / np.maximum(wa, wb).sum(), errors


def slow_scores(film, video, take, digits=None):
    cut = (lambda x, n: np.round(x, n)) if digits else (lambda x, n: x)
    st, s, ws, e = (cut(np.asarray(x), n) for x, n in zip(slow_numbers(film, video), (4, 5, 5, 4), strict=True))
    vst, vs, vws, ve = (cut(np.asarray(x), n) for x, n in zip(slow_numbers(film, take), (4, 5, 5, 4), strict=True))
    ratios = np.array([st.mean() / vst.mean(), s / vs, ws / vws])
    original = 100 * np.clip(ratios.mean() - (e.mean() - ve.mean()), 0, 1)
    stable = [st.mean() / (vst.mean() + 1e-8), s / (vs + 1e-8), ws / (vws + 1e-8), 1 / (e.mean() / (ve.mean() + 1e-8))]
    verified = 100 * np.clip(stable, 0, 1).mean()
    return original, verified


FILM = clip(noise=1.0)
TAKE = clip(seed=1, noise=1.0, start=(14.3, 12.0))
OTHERS = {"slow": clip(seed=2, speed=1.0, noise=1.0), "aside": clip(seed=3, noise=1.0, start=(30.0, 16.0))}


@pytest.mark.parametrize("video", OTHERS.values(), ids=OTHERS.keys())
def test_masks_numbers_and_scores_are_those_of_the_slow_implementation(video):
    different = (motion_masks(video) != slow_masks(video)).sum()
    assert different <= 1e-6 * video[..., 0].size
    found, slow = compare(FILM, video), slow_numbers(FILM, video)
    mine = found.spatiotemporal_iou, found.spatial_iou, found.weighted_spatial_iou, found.mse
    for mine_, slow_ in zip(mine, slow, strict=True):
        np.testing.assert_allclose(mine_, slow_, atol=1e-6)
    marks = score(FILM, video, TAKE)
    exact, rounded = slow_scores(FILM, video, TAKE), slow_scores(FILM, video, TAKE, digits=4)
    assert marks.original_unrounded == pytest.approx(exact[0], abs=1e-6)
    assert marks.verified_unrounded == pytest.approx(exact[1], abs=1e-6)
    assert marks.original == round(rounded[0], 2) and marks.verified == round(rounded[1], 2)


def test_the_second_take_scores_a_hundred_and_a_still_picture_next_to_nothing():
    film, take = (clip(seed=s, noise=1.0, frames=36, width=120, fall=0) for s in (0, 1))
    marks = score(film, take, take)
    assert (marks.original, marks.verified) == (100.0, 100.0)
    same = score(film, film, take)
    assert same.original == 100.0 and same.verified == 100.0
    still = score(film, np.repeat(film[:1], len(film), axis=0), take)
    assert still.original < 5 and still.verified < 5


def test_reversed_motion_along_the_same_path_scores_high_which_is_its_blind_spot():
    ahead = clip(speed=1.5, frames=14, start=(14.0, 14.0))
    back = score(ahead, ahead[::-1], ahead)
    assert compare(ahead, ahead[::-1]).spatial_iou > 0.75 and back.original > 30


def test_scores_of_a_set_are_quotients_of_means_or_means_of_quotients():
    videos = [compare(FILM, v) for v in OTHERS.values()]
    takes = [compare(FILM, TAKE)] * 2
    both = physics_iq(videos, takes)
    each = [physics_iq([v], takes[:1]) for v in videos]
    assert both.verified_unrounded == pytest.approx(np.mean([e.verified_unrounded for e in each]))
    st = np.mean([v.spatiotemporal_iou.mean() for v in videos]) / takes[0].spatiotemporal_iou.mean()
    s = np.mean([v.spatial_iou for v in videos]) / takes[0].spatial_iou
    ws = np.mean([v.weighted_spatial_iou for v in videos]) / takes[0].weighted_spatial_iou
    excess = np.mean([v.mse.mean() for v in videos]) - takes[0].mse.mean()
    assert both.original_unrounded == pytest.approx(100 * np.clip((st + s + ws) / 3 - excess, 0, 1))


def test_nothing_that_moves_in_either_is_full_agreement():
    grey = np.full((5, 16, 20, 3), 90, np.uint8)
    found = compare(grey, grey)
    assert found.spatial_iou == found.weighted_spatial_iou == 1 and (found.spatiotemporal_iou == 1).all()


def test_another_rate_is_blended_and_cut_to_whole_levels():
    film = np.arange(0, 250, 25, dtype=np.uint8)[:, None, None, None].repeat(3, axis=3)
    out = blended(film, 5)[:, 0, 0, 0]
    assert out.tolist() == [int(25 * 9 * k / 4) for k in range(5)]


def test_one_frame_is_refused():
    with pytest.raises(ValueError, match="two frames"):
        compare(FILM[:1], FILM)


def test_grey_blur_masks_and_resizing_are_those_of_opencv():
    cv2 = pytest.importorskip("cv2")
    video = np.random.default_rng(4).integers(0, 256, (3, 40, 64, 3), dtype=np.uint8)
    video = np.concatenate([clip(frames=10), video])
    average, wrong = None, 0
    kernel = np.ones((5, 5), np.uint8)
    for frame, mask in zip(video, motion_masks(video), strict=True):
        smooth = cv2.GaussianBlur(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), (5, 5), 0)
        if average is None:
            average = smooth.astype(np.float64)
        cv2.accumulateWeighted(smooth, average, 0.3)
        difference = cv2.absdiff(smooth, cv2.convertScaleAbs(average))
        moving = cv2.threshold(difference, 10, 255, cv2.THRESH_BINARY)[1]
        moving = cv2.morphologyEx(cv2.morphologyEx(moving, cv2.MORPH_OPEN, kernel), cv2.MORPH_CLOSE, kernel)
        wrong += int(((moving > 0) != mask).sum())
    assert wrong <= 1e-6 * video[..., 0].size
    assert np.array_equal(resize_linear(video[-1], (10, 16)), cv2.resize(video[-1], (16, 10)))
    odd = resize_linear(video[-1], (13, 17)).astype(int) - cv2.resize(video[-1], (17, 13))
    assert np.abs(odd).max() <= 1  # OpenCV's vector code rounds twice
