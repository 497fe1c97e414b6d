"""What sharpening leaves about a thing is taken back, and nothing else is taken for it."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from physim.halo import without_halo
from physim.matte import cut_out
from physim.srgb import to_linear, to_srgb

SIZE = (240, 320)
V, U = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
AWAY = np.hypot(U - 160, V - 120)
MASK = AWAY < 40
NONE = np.zeros(SIZE, dtype=bool)


def ground(seed=1):
    """Blotches of many sizes (H, W, 3) sRGB: as in any photo, what is beside a thing is not even."""
    rng = np.random.default_rng(seed)
    logs = sum(s * gaussian_filter(rng.normal(size=(*SIZE, 3)), (s, s, 0)) for s in (1.5, 6.0, 15.0))
    return to_srgb(0.3 * np.exp(0.2 * logs)).astype(np.float32)


def with_thing(plain, gain=None):
    """A dark thing, and light (H, W) that its surroundings are multiplied by."""
    photo = plain if gain is None else to_srgb(to_linear(plain) * gain[..., None]).astype(np.float32)
    return np.where(MASK[..., None], np.float32(0.1), photo)


def test_a_pale_rim_is_taken_back_though_the_ground_is_uneven():
    halo = 1 + 0.3 * np.clip(1 - (AWAY - 40) / 13, 0, 1)
    plain = ground()
    found = without_halo(with_thing(plain, halo), MASK, NONE)
    near = (AWAY > 43) & (AWAY < 51)

    def error(picture):
        return np.abs(np.log(to_linear(picture) / to_linear(plain)).mean(-1)[near].mean())

    assert error(found) < 0.3 * error(with_thing(plain, halo))  # medians of unlike ground, and a rim that ends softly


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_without_a_rim_the_photo_stays_to_the_bit(seed):
    photo = with_thing(ground(seed))
    assert without_halo(photo, MASK, NONE) is photo


def test_shade_that_goes_on_is_no_rim():
    photo = with_thing(ground(), np.exp(-AWAY / 30))
    assert without_halo(photo, MASK, NONE) is photo


def test_a_dark_rim_is_a_shadow_and_is_left_to_what_finds_those():
    photo = with_thing(ground(), 1 - 0.3 * np.clip(1 - (AWAY - 40) / 13, 0, 1))
    assert without_halo(photo, MASK, NONE) is photo


def test_other_things_stay_as_they_are():
    halo = 1 + 0.3 * np.clip(1 - (AWAY - 40) / 13, 0, 1)
    other = np.hypot(U - 220, V - 120) < 15
    photo = with_thing(ground(), halo)
    found = without_halo(photo, MASK, other)
    assert np.array_equal(found[other], photo[other])
    assert not np.array_equal(found, photo)


def test_a_small_thing_tells_nothing():
    photo = with_thing(ground())
    assert without_halo(photo, AWAY < 8, NONE) is photo


def test_a_thing_takes_its_rim_along():
    """So that the picture with it is the photo, and the place without it has no rim."""
    halo = 1 + 0.3 * np.clip(1 - (AWAY - 40) / 13, 0, 1)
    photo, plate = with_thing(ground(), halo), ground()
    there = (AWAY >= 40) & (AWAY < 53)
    cutout = cut_out(photo, MASK, plate, reach=13, halo=there)
    assert cutout.shadow is not None
    u, v = cutout.corner
    near = (AWAY > 44) & (AWAY < 50)
    carried = cutout.shadow[near[v : v + cutout.shadow.shape[0], u : u + cutout.shadow.shape[1]]]
    assert carried.mean() == pytest.approx(halo[near].mean(), rel=0.02)  # blurred over a pixel of uneven ground
    assert cut_out(photo, MASK, plate, reach=13).shadow.max() <= 1.1 + 1e-6  # where the plate is a guess
