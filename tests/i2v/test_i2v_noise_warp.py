"""Moving noise must stay N(0, 1) and white inside every frame, and must follow the motion between frames."""

import numpy as np
import pytest
from scipy import stats

from i2v.diffusion.noise_warp import LUMA_SHARE, SMOKE_FRESH, colour_noise, correlate, scene_noise, transport_noise

FRAMES, SIDE = 16, 64
Z = 3.2905  # two-sided 99.9 % limit of N(0, 1)
# At most 1 % of the tests may lie beyond their 99.9 % limit.
FAIL_RATE = 0.01


def motion(name, frames=FRAMES, side=SIDE):
    v, u = np.mgrid[:side, :side] + 0.5 - side / 2
    turn = np.radians(3)
    field = {
        "still": (0 * u, 0 * v),
        "zoom in": (0.05 * u, 0.05 * v),
        "zoom out": (-0.05 * u, -0.05 * v),
        "rotation": (
            (np.cos(turn) - 1) * u - np.sin(turn) * v,
            np.sin(turn) * u + (np.cos(turn) - 1) * v,
        ),
        "shear": (0.06 * v, 0 * v),
        "sub-pixel shift": (0.37 + 0 * u, 0 * v),
        "two pixels right": (2.0 + 0 * u, 0 * v),
        "collision": (-2.0 * np.sign(u), 0 * v),
        "plume": (1.5 * np.sin(v / 6), -1.0 + 0.8 * np.cos(u / 5)),
    }[name]
    return np.broadcast_to(np.stack(field, -1).astype(np.float32), (frames, side, side, 2))


MOTIONS = ["still", "zoom in", "zoom out", "rotation", "shear", "sub-pixel shift", "two pixels right", "plume"]


def failures(frame):
    """Which of the 99.9 % limits of n independent N(0, 1) values one channel of one frame breaks."""
    n = frame.size
    limits = {
        "mean": (abs(frame.mean()), Z / np.sqrt(n)),
        "variance": (abs(frame.var() - 1), Z * np.sqrt(2 / n)),
        "skewness": (abs(stats.skew(frame.ravel())), Z * np.sqrt(6 / n)),
        "kurtosis": (abs(stats.kurtosis(frame.ravel())), Z * np.sqrt(24 / n)),
        "lag right": (abs((frame[:, 1:] * frame[:, :-1]).mean()), Z / np.sqrt(n)),
        "lag down": (abs((frame[1:] * frame[:-1]).mean()), Z / np.sqrt(n)),
        "lag diagonal": (abs((frame[1:, 1:] * frame[:-1, :-1]).mean()), Z / np.sqrt(n)),
        "distribution": (stats.kstest(frame.ravel(), "norm").statistic, 1.949 / np.sqrt(n)),
    }
    return [value > limit for value, limit in limits.values()]


@pytest.mark.parametrize("name", [*MOTIONS, "collision"])
def test_every_frame_is_independent_standard_normal(name):
    noise = transport_noise(motion(name), None, channels=3, rng=np.random.default_rng(0))
    broken = [failures(noise[t, ..., c]) for t in range(FRAMES) for c in range(3)]
    assert np.mean(broken) <= FAIL_RATE


@pytest.mark.parametrize("name", ["zoom in", "rotation", "plume"])
def test_spectrum_is_flat(name):
    power = 0
    for seed in range(12):
        noise = transport_noise(motion(name, frames=6), None, channels=8, rng=np.random.default_rng(seed))[-1]
        power = power + (np.abs(np.fft.fft2(noise, axes=(0, 1))) ** 2).mean(-1) / 12
    k = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE)))
    ring = (k * SIDE).astype(int)
    radial = np.array([power[ring == r].mean() for r in range(2, SIDE // 2)])
    assert np.abs(radial / radial.mean() - 1).max() < 0.1


def test_still_picture_keeps_its_noise_exactly():
    noise = transport_noise(motion("still"), None, channels=2, rng=np.random.default_rng(1))
    assert np.array_equal(noise[0], noise[-1])


def test_integer_translation_moves_the_noise_exactly():
    noise = transport_noise(motion("two pixels right"), None, channels=2, rng=np.random.default_rng(1))
    for t in range(1, FRAMES):
        # Equal up to the order in which float64 sums the four particles of a pixel.
        assert np.allclose(noise[t, :, 2:], noise[t - 1, :, :-2], atol=1e-6)


def test_sub_pixel_motion_does_not_stall_and_stays_correlated_along_the_flow():
    noise = transport_noise(motion("sub-pixel shift"), None, channels=8, rng=np.random.default_rng(1))
    neighbours = (noise[1:] * noise[:-1]).mean()
    assert 0.5 < neighbours < 0.95
    ten_frames, shift = noise[10, :, 4:], noise[0, :, :-4]  # 3.7 pixels
    assert (ten_frames * shift).mean() > 0.5
    assert abs((noise[10] * noise[0]).mean()) < 0.02


def test_hidden_surfaces_do_not_hand_their_noise_on():
    occlusion = np.ones((FRAMES, SIDE, SIDE), np.float32)
    noise = transport_noise(motion("still"), occlusion, channels=2, rng=np.random.default_rng(1))
    assert abs((noise[1:] * noise[:-1]).mean()) < Z / np.sqrt(noise[1:].size)


def test_same_seed_same_noise_other_seed_other_noise():
    a, b, c = (transport_noise(motion("plume"), None, channels=1, rng=np.random.default_rng(s)) for s in (3, 3, 4))
    assert np.array_equal(a, b) and not np.allclose(a, c)


@pytest.mark.parametrize("side", [0.1, 0.25])
def test_correlated_noise_has_unit_variance_and_the_stated_correlation(side):
    noise = correlate(np.random.default_rng(0).standard_normal((1, 256, 256, 4)), side=side)
    stated = 2 * side * (1 - 2 * side) / (1 - 4 * side + 6 * side**2)
    # 4 x 65536 values with a correlation length of about 2 pixels: a standard error of 0.006.
    assert noise.var() == pytest.approx(1, abs=0.02)
    assert noise[:, [0, -1]].var() == pytest.approx(1, abs=0.1)
    assert (noise[:, :, 1:] * noise[:, :, :-1]).mean() == pytest.approx(stated, abs=0.02)


def test_colours_of_a_pixel_share_their_luminance():
    noise = colour_noise(np.random.default_rng(0).standard_normal((200_000, 4)))
    correlation = np.corrcoef(noise.T)
    assert np.allclose(noise.var(0), 1, atol=0.02)
    assert np.allclose(correlation[np.triu_indices(3, 1)], LUMA_SHARE, atol=0.01)


def test_noise_in_smoke_follows_the_smoke_and_refreshes():
    still, rising = motion("still"), np.broadcast_to(np.float32([0, -1]), (FRAMES, SIDE, SIDE, 2))
    opacity = np.zeros((FRAMES, SIDE, SIDE), np.float32)
    opacity[:, :, : SIDE // 2] = 1
    noise = scene_noise(still, np.zeros_like(opacity), rising, opacity, rng=np.random.default_rng(0))
    assert noise.var() == pytest.approx(1, abs=0.05)
    inside, outside = noise[:, :, : SIDE // 2 - 2], noise[:, :, SIDE // 2 + 2 :]
    assert np.array_equal(outside[0], outside[-1])
    along = (inside[1:, 1:-2] * inside[:-1, 2:-1]).mean()
    assert along == pytest.approx(1 - SMOKE_FRESH, abs=0.05)
