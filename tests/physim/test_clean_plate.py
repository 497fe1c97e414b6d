"""Filling: exact outside, right where the truth is known."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from physim.clean_plate import Choice, _score, clean_plate
from physim.clone_fill import clone_fill
from physim.smooth_fill import _one_colour, borrowed_grain, smooth_fill
from physim.srgb import to_srgb

SIZE = (120, 160)
V, U = np.mgrid[: SIZE[0], : SIZE[1]]


def gradient(grain=0.0, seed=0):
    v, u = np.mgrid[: SIZE[0], : SIZE[1]]
    linear = 0.2 + 0.001 * u[..., None] + 0.0005 * v[..., None] * np.array([1.0, 0.8, 0.6])
    noise = np.random.default_rng(seed).normal(size=(*SIZE, 1)) * grain
    return to_srgb(linear * np.exp(noise))


def disc(radius=18, centre=(60, 80)):
    v, u = np.mgrid[: SIZE[0], : SIZE[1]]
    return (v - centre[0]) ** 2 + (u - centre[1]) ** 2 < radius**2


def psnr(a, b, where):
    return -10 * np.log10(((a - b)[where] ** 2).mean())


def test_outside_the_hole_the_plate_is_the_photo_to_the_bit():
    photo, hole = gradient(0.05), disc()
    plate, _ = clean_plate(photo, hole)
    assert np.array_equal(plate[~hole], photo[~hole])
    assert plate.dtype == np.float32


def test_a_smooth_surface_comes_back_through_the_hole():
    photo, hole = gradient(0.005), disc()
    broken = photo.copy()
    broken[hole] = (1.0, 0.0, 0.0)
    plate, lines = clean_plate(broken, hole)
    assert lines[0].score < 0.02
    assert psnr(plate, photo, hole) > 40  # grain of 0.5 % alone is 50 dB


def test_borrowed_grain_has_the_strength_of_the_photos_own():
    rng = np.random.default_rng(1)
    logs = -1.0 + 0.03 * rng.normal(size=(*SIZE, 3))
    hole = disc(25)
    grain = borrowed_grain(logs, ~hole)
    # its local mean (sigma 2.5) is left to the membrane, which takes 1 % of the power of white grain
    assert grain[hole].std() == pytest.approx(0.03, rel=0.12)


def test_grain_is_borrowed_from_where_there_is_nothing_else():
    """A bright line over a grainy wall: pieces of it, laid out at random, would be seen as a pattern."""
    rng = np.random.default_rng(1)
    logs = -1.0 + 0.03 * rng.normal(size=(*SIZE, 3))
    v, u = np.mgrid[: SIZE[0], : SIZE[1]]
    logs[np.abs(v - 0.3 * u - 90) < 2] += 1.5
    hole = disc(25)
    grain = borrowed_grain(logs, ~hole)[hole]
    power = (grain**2).mean(-1)
    # of Gaussian grain hardly any pixel stands out: the mean of three squares exceeds five times itself once in 2000
    assert (power > 5 * np.median(power) / 0.79).mean() < 5e-3
    assert grain.std() == pytest.approx(0.03, rel=0.15)


def test_a_pattern_is_continued_by_a_clone():
    v, u = np.mgrid[: SIZE[0], : SIZE[1]]
    pattern = 0.3 + 0.25 * np.sign(np.sin(u / 16 * 2 * np.pi) * np.sin(v / 16 * 2 * np.pi))
    photo = to_srgb(np.repeat(pattern[..., None], 3, axis=-1))
    hole = disc(16)
    broken = photo.copy()
    broken[hole] = 0.0
    plate, lines = clean_plate(broken, hole)
    assert lines[0].surface == "texture"
    assert psnr(plate, photo, hole) > 25
    assert psnr(clean_plate(broken, hole, choices=(Choice(hole, "smooth"),))[0], photo, hole) < 15


def test_the_user_may_choose_the_patch():
    logs = np.log(gradient().astype(float) + 0.1)
    cloned = clone_fill(logs, disc(10), ~disc(10), rim=6, source=(40, 0))
    assert cloned is not None
    assert cloned[1] == (40, 0)


def test_things_that_stay_lend_no_colour():
    photo, hole = gradient(), disc()
    other = disc(15, (60, 110))
    photo[other] = (1.0, 0.0, 0.0)
    plate, _ = clean_plate(photo, hole & ~other, forbidden=other, choices=(Choice(hole, "smooth"),))
    assert psnr(plate, gradient(), hole & ~other) > 38
    # without being told, what has a sharp edge is found by it; a stain that fades is taken for a part of the surface
    found, _ = clean_plate(photo, hole & ~other, choices=(Choice(hole, "smooth"),))
    assert psnr(found, gradient(), hole & ~other) > 38
    fading = np.exp(-(((V - 60) ** 2 + (U - 110) ** 2) / (2 * 20**2)))[..., None]
    stained = (gradient() * (1 - fading) + fading * (1.0, 0.0, 0.0)).astype(np.float32)
    tinted, _ = clean_plate(stained, hole & ~other, choices=(Choice(hole, "smooth"),))
    assert psnr(tinted, gradient(), hole & ~other) < 25


def test_a_hole_walled_in_takes_the_nearest_usable_colour():
    logs = np.full((40, 40, 3), -1.0)
    hole = np.zeros((40, 40), dtype=bool)
    hole[15:25, 15:25] = True
    usable = np.zeros((40, 40), dtype=bool)
    usable[:5] = True
    assert np.allclose(smooth_fill(logs, hole, usable)[hole], -1.0, atol=1e-6)


def test_a_hole_as_large_as_the_photo_is_refused():
    with pytest.raises(ValueError, match="no pixel"):
        clean_plate(gradient(), np.ones(SIZE, dtype=bool))


def test_a_hole_walled_in_by_other_things_is_filled_from_beyond_them():
    photo = np.full((240, 240, 3), 0.4, np.float32)
    hole, forbidden = np.zeros((240, 240), bool), np.zeros((240, 240), bool)
    forbidden[60:180, 60:180] = True
    photo[forbidden] = (0.9, 0.1, 0.1)
    hole[118:122, 118:122] = True
    plate, _ = clean_plate(photo, hole, forbidden=forbidden & ~hole)
    np.testing.assert_allclose(plate[hole], 0.4, atol=0.05)


def test_a_large_smooth_photo_comes_back_with_its_grain():
    rng = np.random.default_rng(2)
    v, u = np.mgrid[:200, :1960]
    linear = np.repeat((0.2 + 0.0001 * u + 0.0005 * v)[..., None], 3, -1)
    clear = to_srgb(linear).astype(np.float32)
    photo = to_srgb(linear * np.exp(0.03 * rng.normal(size=(200, 1960, 1)))).astype(np.float32)
    hole = (v - 100) ** 2 + (u - 900) ** 2 < 40**2
    broken = photo.copy()
    broken[hole] = (1.0, 0.0, 0.0)
    plate, lines = clean_plate(broken, hole)
    assert lines[0].surface == "smooth"
    assert np.array_equal(plate[~hole], photo[~hole])
    assert (plate - clear)[hole].mean() == pytest.approx(0, abs=2e-3)
    assert (plate - clear)[hole].std() == pytest.approx((photo - clear)[hole].std(), rel=0.15)


def test_a_large_pattern_is_continued_to_the_pixel():
    v, u = np.mgrid[:200, :1960]
    pattern = 0.3 + 0.25 * np.sign(np.sin((u + 0.5) / 31 * 2 * np.pi) * np.sin((v + 0.5) / 27 * 2 * np.pi))
    photo = to_srgb(np.repeat(pattern[..., None], 3, axis=-1)).astype(np.float32)
    hole = (v - 100) ** 2 + (u - 900) ** 2 < 36**2
    broken = photo.copy()
    broken[hole] = 0.0
    plate, lines = clean_plate(broken, hole)
    assert lines[0].surface == "texture"
    du, dv = lines[0].source
    assert du % 31 == 0 and dv % 27 == 0  # an odd period: no offset of the shrunk copy is right
    assert psnr(plate, photo, hole) > 30


def test_grain_is_borrowed_from_one_paint_whatever_its_shade():
    rng = np.random.default_rng(1)
    v, u = np.mgrid[: SIZE[0], : SIZE[1]]
    shade = np.where(u > 110, -0.7, 0.0)[..., None]
    logs = np.log([0.4, 0.15, 0.06]) + shade + 0.1 * rng.normal(size=(*SIZE, 3))
    tape = np.abs(v - 15) < 8
    logs[tape] += np.log([0.8, 0.8, 0.8]) - np.log([0.4, 0.15, 0.06])
    # blocks of tape with dark holes: detail of the size of grain, which its own strength does not tell from it
    logs[tape & (u % 8 < 4)] -= 1.5
    clean = np.ones(SIZE, dtype=bool)
    free = np.zeros(SIZE, dtype=bool)
    free[: SIZE[0] - 16, : SIZE[1] - 16] = True
    chosen = free & _one_colour(gaussian_filter(logs, (2.5, 2.5, 0)), clean, 16, free)
    assert chosen.sum() > 0.3 * free.sum()
    assert not chosen[:23].any()  # a patch from there would hold a piece of the tape
    assert chosen[40:, 95:110].any()  # the border of a shade is no border of the paint


def test_texture_is_taken_from_about_as_far_away():
    """Ground in perspective, whose stones grow towards the camera: above and below the hole they have another size."""
    rng = np.random.default_rng(0)
    rows, cols = 160, 400
    v = np.arange(rows)[:, None] + 0.5
    depth = np.broadcast_to(1 / (v + 20) * 200, (rows, cols))
    fine = rng.normal(size=(rows, cols))
    stones = np.zeros((rows, cols))
    for row in range(rows):
        sigma = 40 / depth[row, 0] / 12  # 4 times as large at the lower border as at the upper one
        strip = gaussian_filter(fine[max(row - 20, 0) : row + 21], sigma)
        stones[row] = strip[min(row, 20)] * sigma
    photo = to_srgb(np.repeat(0.3 * np.exp(0.8 * stones)[..., None], 3, axis=-1)).astype(np.float32)
    hole = np.hypot(np.arange(cols) + 0.5 - 200, v - 80) < 26
    choice = (Choice(np.ones_like(hole), "texture"),)
    _, lines = clean_plate(photo, hole, choices=choice, depth=depth)
    dv = lines[0].source[1]
    assert abs(np.log((80 + dv + 20) / (80 + 20))) < 0.2, lines[0].source


def test_a_line_that_breaks_off_costs_more_than_the_same_error_everywhere():
    truth = np.full((60, 60, 3), np.log(0.2))
    ring = np.ones((60, 60), dtype=bool)
    everywhere, broken = truth + 0.1, truth.copy()
    broken[20:23] += 2.0  # 5 % of the pixels, twenty times as much
    assert _score(broken, truth, ring) > 2 * _score(everywhere, truth, ring)


def test_two_holes_in_one_named_surface_are_filled_at_once_and_told_apart():
    photo = gradient(0.005)
    left, right = disc(9, (60, 60)), disc(9, (60, 100))
    broken = photo.copy()
    broken[left | right] = (1.0, 0.0, 0.0)
    everywhere = np.ones(SIZE, dtype=bool)
    plate, lines = clean_plate(broken, left | right, choices=(Choice(everywhere, "smooth"),))
    assert [line.surface for line in lines] == ["smooth", "smooth"]
    assert np.array_equal(plate[~(left | right)], broken[~(left | right)])
    assert psnr(plate, photo, left) > 40 and psnr(plate, photo, right) > 40  # grain of 0.5 % alone is 50 dB
    apart, lines = clean_plate(broken, left | right, choices=(Choice(left, "smooth"), Choice(right, "smooth")))
    assert len(lines) == 2 and psnr(apart, plate, left | right) > 40
