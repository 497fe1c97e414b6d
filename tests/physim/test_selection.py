"""Borders found in pictures whose truth is known: discs, a ring and a hand-drawn cup."""

import numpy as np
import pytest
from pydantic import ValidationError

from physim.grab import Seeds, grab
from physim.segment import coverage, ellipse_coverage
from physim.selection import find
from physim.shot import Select, Strokes

SIZE = (120, 160)
DISC = (70.0, 55.0, 30.0, 22.0, 20.0)


def overlap(a, b):
    return (a & b).sum() / (a | b).sum()


def scene(seed=0, contrast=0.25):
    """A disc with two colours on mottled ground, seen through a lens, with grain; and another disc of its colours."""
    rng = np.random.default_rng(seed)
    from scipy.ndimage import gaussian_filter

    mottle = gaussian_filter(rng.normal(size=SIZE), 4) * 2
    ground = np.stack([0.45 + 0.1 * mottle, 0.4 + 0.1 * mottle, 0.35 + 0.05 * mottle], axis=-1)
    thing = np.stack([0.45 + contrast + 0.05 * mottle, 0.4 + 0 * mottle, 0.3 + 0 * mottle], axis=-1)
    thing[:55] *= 0.7  # its upper part lies in shadow
    inside = ellipse_coverage(DISC, SIZE, blur=0.8)[..., None]
    other = ellipse_coverage((135.0, 30.0, 14.0, 14.0, 0.0), SIZE, blur=0.8)[..., None]
    image = ground * (1 - inside) * (1 - other) + thing * (inside + other)
    return np.clip(image + rng.normal(scale=0.01, size=image.shape), 0, 1).astype(np.float32)


TRUTH = ellipse_coverage(DISC, SIZE) > 0.5


@pytest.mark.parametrize(
    "select",
    [
        Select(box=(32, 25, 110, 88), snap=True),
        Select(polygon=[(44, 40), (75, 30), (100, 55), (95, 78), (60, 80), (40, 60)], snap=True),
        Select(strokes=Strokes(inside=[[(50, 45), (90, 65)]], outside=[[(20, 20), (20, 100), (120, 100)]])),
        Select(click=(70, 60), strokes=Strokes(inside=[[(70, 40)]])),
    ],
    ids=["box", "rough outline", "strokes", "clicks"],
)
def test_a_thing_is_found_to_its_border_and_its_twin_is_left_alone(select):
    found = find(select, scene(), name="disc") > 0.5
    assert overlap(found, TRUTH) > 0.95  # one pixel all round is 0.92
    assert not found[20:40, 125:145].any()


def test_snapping_improves_a_rough_outline():
    rough = Select(ellipse=(72.0, 53.0, 32.0, 20.0, 12.0))
    before = overlap(coverage(rough, SIZE) > 0.5, TRUTH)
    after = overlap(find(rough.model_copy(update={"snap": True}), scene()) > 0.5, TRUTH)
    assert before < 0.9 < 0.955 < after


def test_a_region_that_is_not_searched_stays_as_it_stands():
    select = Select(ellipse=DISC)
    np.testing.assert_array_equal(find(select, scene()), coverage(select, SIZE))


def test_the_border_turns_with_the_picture():
    image = scene()
    upright = find(Select(box=(32, 25, 110, 88), snap=True), image)
    mirrored = find(Select(box=(160 - 110, 25, 160 - 32, 88), snap=True), np.ascontiguousarray(image[:, ::-1]))
    assert overlap(upright > 0.5, mirrored[:, ::-1] > 0.5) > 0.99


def test_the_same_marks_give_the_same_bytes():
    select = Select(click=(70, 60))
    assert find(select, scene()).tobytes() == find(select, scene()).tobytes()


def test_holes_belong_to_the_thing_and_loose_pieces_do_not():
    image = np.full((*SIZE, 3), 0.3, np.float32)
    ring = (ellipse_coverage((80, 60, 40, 40, 0), SIZE) > 0.5) & (ellipse_coverage((80, 60, 15, 15, 0), SIZE) < 0.5)
    image[ring] = (0.8, 0.7, 0.2)
    image[5:12, 5:12] = (0.8, 0.7, 0.2)
    found = find(Select(strokes=Strokes(inside=[[(80, 30)]])), image) > 0.5
    assert found[60, 80] and not found[8, 8]
    assert overlap(found, ellipse_coverage((80, 60, 40, 40, 0), SIZE) > 0.5) > 0.97


@pytest.mark.parametrize(
    ("select", "words"),
    [
        (Select(click=(500, 20)), "outside the photo"),
        (Select(strokes=Strokes(inside=[[(10, 10)]], outside=[[(12, 10)]])), "both as the thing and as not the thing"),
        (Select(box=(300, 300, 400, 400), snap=True), "selects no pixel"),
    ],
)
def test_marks_that_cannot_be_are_refused_by_name(select, words):
    with pytest.raises(ValueError, match=words) as caught:
        find(select, scene(), name="cup")
    assert "cup" in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"snap": True},
        {"box": (0, 0, 5, 5), "ellipse": DISC},
        {"strokes": {"outside": [[(1, 1)]]}},
        {"strokes": {}},
    ],
)
def test_a_selection_says_what_it_starts_from(fields):
    with pytest.raises(ValidationError, match=r"give|needs|only say"):
        Select(**fields)


def test_seeds_that_say_nothing_of_the_outside_are_refused():
    inside = np.zeros(SIZE, bool)
    with pytest.raises(ValueError, match="lie outside"):
        grab(scene(), Seeds(inside, inside, inside))
