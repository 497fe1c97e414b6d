"""The shadow a thing throws in the photo is found where it is, and nothing else is taken for it."""

import numpy as np
import pytest

from physim.own_shadow import own_shadow
from physim.srgb import to_srgb

SIZE = (120, 160)
V, U = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
MASK = np.hypot(U - 80, V - 50) < 20
NONE = np.zeros(SIZE, dtype=bool)


def picture(light, seed=0):
    """Grainy ground in a light (H, W), and a dark ball on it."""
    grain = np.exp(0.15 * np.random.default_rng(seed).normal(size=SIZE))
    linear = 0.3 * light * grain
    linear[MASK] = 0.05
    return to_srgb(np.repeat(linear[..., None], 3, axis=-1)).astype(np.float32)


def test_a_contact_shadow_is_found_though_nobody_said_where_the_light_is():
    shadow = (np.hypot((U - 80) / 22, (V - 70) / 7) < 1) & (np.hypot(U - 80, V - 50) > 23)  # nearer it is not asked
    found = own_shadow(picture(np.where(shadow, 0.35, 1.0)), MASK, NONE, NONE)
    assert (found & shadow).sum() > 0.75 * shadow.sum()  # all but its border, blurred over 2 pixels
    assert (found & ~shadow & ~MASK).sum() < 0.35 * shadow.sum()
    assert not (found & MASK).any()


def test_where_nothing_is_darkened_nothing_is_found():
    found = own_shadow(picture(np.ones(SIZE)), MASK, NONE, NONE)
    assert found.sum() < 0.02 * MASK.sum()


def test_a_shadow_beside_its_predicted_place_is_taken_whole():
    shadow = (np.hypot(U - 84, V - 82) < 20) & ~MASK
    predicted = np.hypot(U - 80, V - 80) < 20
    found = own_shadow(picture(np.where(shadow, 0.1, 1.0)), MASK, predicted, NONE) | predicted | MASK
    assert (shadow & ~found).sum() < 0.03 * shadow.sum()  # predicted alone leaves a sixth of it


@pytest.mark.parametrize("edge", [80, 95])
def test_ground_that_is_darker_out_there_too_is_no_shadow(edge):
    """A border between two surfaces runs beneath the thing, or the shade of a tree."""
    found = own_shadow(picture(np.where(U > edge, 0.4, 1.0)), MASK, NONE, NONE)
    assert found.sum() < 0.15 * MASK.sum()  # a few pixels along the border, which is nearer to the other side


def test_a_dark_square_and_green_felt_beside_a_thing_are_no_shadow():
    """Wood that is darker is redder, felt is greener: shade is neither."""
    patch = (np.hypot((U - 80) / 22, (V - 70) / 7) < 1) & ~MASK
    for dark in ((0.7, 0.5, 0.3), (0.35, 0.6, 0.35)):
        linear = np.full((*SIZE, 3), 0.3) * np.exp(0.1 * np.random.default_rng(3).normal(size=(*SIZE, 1)))
        linear[patch] *= dark
        linear[MASK] = 0.05
        photo = to_srgb(linear).astype(np.float32)
        assert (own_shadow(photo, MASK, NONE, NONE) & patch).sum() < 0.1 * patch.sum()
