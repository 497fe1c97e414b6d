"""Holes filled from pieces of the picture: lines go on, what is out of focus stays so, costs are those of the cut."""

import itertools

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from physim.clean_plate import clean_plate
from physim.shift_cut import Costs, energy, labelled
from physim.shift_fill import _one_thing, shift_fill
from physim.srgb import to_linear, to_srgb

SIZE = (110, 170)
V, U = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
HOLE = np.hypot((U - 85) / 24, (V - 54) / 19) < 1


def road(slope=0.19, seed=3):
    """A wall, a bright slanting kerb and a road of stones, finer and sharper towards the camera (H, W, 3) linear."""
    rng = np.random.default_rng(seed)
    line = V - 40 - slope * (U - 85)
    stones = sum(
        np.clip((V - 40) / 70, 0, 1)[..., None] ** k * gaussian_filter(rng.normal(size=(*SIZE, 1)), (s, s, 0)) * s
        for k, s in ((0, 2.5), (1, 1.2), (2, 0.6))
    )
    kerb = 1 / (1 + np.exp(-line / 1.0)) - 1 / (1 + np.exp(-(line - 7) / 1.0))
    ground = 1 / (1 + np.exp(-(line - 7) / 1.0))
    light = 0.30 * (1 - kerb - ground) + 0.55 * kerb
    return light[..., None] * [1.0, 1.0, 0.95] + (ground[..., None] * 0.14 * np.exp(0.25 * stones)) * [0.9, 1.0, 1.1]


def logs(linear):
    return np.log(linear + 0.004)


@pytest.mark.parametrize("slope", [0.19, -0.3])
def test_a_slanting_kerb_goes_on_through_the_hole_to_a_pixel(slope):
    truth = road(slope)
    broken = np.where(HOLE[..., None], 0.9, truth)
    made = shift_fill(logs(broken), HOLE, ~HOLE)
    assert made is not None
    filled = np.exp(made[0]) - 0.004
    assert np.array_equal(made[0][~HOLE], logs(broken)[~HOLE])

    def middle(picture):  # of the kerb, in the columns where the hole hides it [pixels]
        kerb = np.clip(gaussian_filter(picture.mean(-1), 0.7) - 0.36, 0, None) * (np.abs(V - 43 - slope * (U - 85)) < 9)
        return (kerb * V).sum(0) / kerb.sum(0)

    hidden = (HOLE & (np.abs(V - 43.5 - slope * (U - 85)) < 3)).sum(0) >= 6
    assert hidden.sum() > 20
    assert np.abs(middle(filled) - middle(truth))[hidden].max() < 0.5  # 0.2 with other stones


def test_the_road_below_the_kerb_keeps_its_grain_row_by_row():
    """Stones are sharper near by: a piece from another distance would be seen, however well its colour fits."""
    truth = road()
    made = shift_fill(logs(np.where(HOLE[..., None], 0.9, truth)), HOLE, ~HOLE)
    assert made is not None

    def detail(picture, where):
        fine = logs(picture).mean(-1)
        return (fine - gaussian_filter(fine, 1.5))[where].std()

    filled = np.exp(made[0]) - 0.004
    for low, high in ((56, 62), (62, 68), (68, 74)):
        band = HOLE & (low <= V) & (high > V)
        assert detail(filled, band) == pytest.approx(detail(truth, band), rel=0.35)


def test_behind_a_hole_before_blurred_things_there_are_things_and_no_ghost():
    """Posts out of focus before a bright wall: a membrane leaves their mean, 0.10 of sRGB from the truth."""
    posts = gaussian_filter((np.abs((U % 34) - 17) < 7) * 1.0, 3.0)
    linear = (0.75 - 0.55 * posts)[..., None] * [1.0, 0.9, 0.8]
    photo = to_srgb(linear).astype(np.float32)
    hole = np.hypot((U - 80) / 26, (V - 55) / 34) < 1
    broken = photo.copy()
    broken[hole] = (0.1, 0.05, 0.0)
    plate, lines = clean_plate(broken, hole)
    assert lines[0].surface == "texture"
    assert np.abs(plate - photo)[hole].mean() < 0.01
    assert np.abs(to_linear(plate) - linear)[hole].max() < 0.1


def test_what_is_not_usable_is_never_shown():
    photo = road()
    thing = np.hypot(U - 130, V - 60) < 12
    photo[thing] = (0.9, 0.0, 0.0)
    made = shift_fill(logs(photo), HOLE, ~HOLE & ~thing)
    assert made is not None
    shown = made[1].shift[made[1].label[HOLE]] + np.argwhere(HOLE)
    inside = ((shown >= 0) & (shown < SIZE)).all(1)
    v, u = np.clip(shown, 0, np.array(SIZE) - 1).T
    assert inside.mean() > 0.98  # shifts are right to a shrunk pixel, and are brought to the pixel afterwards
    assert (thing | HOLE)[v, u].mean() < 0.02
    assert (np.exp(made[0][HOLE])[:, 0] < 0.75).all()


def test_expansion_moves_find_the_least_cost_of_few_pixels():
    """Against every labelling of six pixels in a row with three labels; fewer than a tenth of the starts end above."""
    rng = np.random.default_rng(0)
    worse = 0
    for _ in range(20):
        shown = rng.normal(size=(3, 6, 2)).astype(np.float32) * 0.5
        costs = Costs(rng.uniform(size=(3, 6)), shown, np.stack([np.arange(5), np.arange(1, 6)], axis=1))
        found = labelled(costs)
        assert found is not None
        best = min(energy(costs, np.array(one)) for one in itertools.product(range(3), repeat=6))
        assert energy(costs, found) <= 1.05 * best + 2e-3
        worse += energy(costs, found) > best + 2e-3  # costs are cut in thousandths
    assert worse <= 2


def test_a_pixel_that_no_shift_serves_makes_no_labelling():
    costs = Costs(np.full((2, 3), np.inf), np.zeros((2, 3, 1), np.float32), np.array([[0, 1], [1, 2]]))
    assert labelled(costs) is None


def test_pieces_are_brought_to_one_light_and_not_to_one_hue():
    shade = np.array([[-0.9, -0.8, -0.7]])
    sky_over_orange = np.array([[0.1, 0.7, 2.2]])
    assert _one_thing(shade) > 0.9
    assert _one_thing(sky_over_orange) < 0.1
    assert _one_thing(-sky_over_orange) == _one_thing(sky_over_orange)
