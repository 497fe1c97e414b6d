"""Where a photo does not tell from where its light comes, shadows are soft and weak: a wrong hard one is seen."""

import numpy as np
import pytest

from physim.camera import Camera
from physim.light import UNKNOWN_ANGLE, UNKNOWN_FLOOR, light_of
from physim.scene import Light
from physim.shot import Hints

CAMERA = Camera.looking((60, 80), fov_deg=50, pitch_deg=30, height=1.4)
PLAIN = np.full((60, 80, 3), 0.4, dtype=np.float32)


def light(**hint):
    return light_of(PLAIN, CAMERA, Hints(light=hint), lambda pixel, what: np.zeros(3))[0]


def test_a_direction_that_nothing_tells_gives_the_softness_and_the_weak_shadows_of_an_overcast_sky():
    guessed = light()
    assert guessed.source == "default"
    assert (guessed.half_angle, guessed.shadow_floor) == (UNKNOWN_ANGLE, UNKNOWN_FLOOR)
    # a shadow of something 1 m high is blurred over more than its own length under such a light
    assert np.tan(guessed.half_angle) > 0.5
    assert guessed.shadow_floor > 0.5


def test_a_direction_that_is_known_keeps_the_hard_shadows_of_the_sun():
    known = light(direction=(0.3, 0.8, 0.2))
    assert known.source != "default"
    assert (known.half_angle, known.shadow_floor) == (Light().half_angle, Light().shadow_floor)
    assert known.half_angle < UNKNOWN_ANGLE / 4
    assert known.shadow_floor < UNKNOWN_FLOOR


@pytest.mark.parametrize("said", [{"softness": 2.0}, {"floor": 0.1}])
def test_what_the_user_says_of_shadows_counts_though_the_direction_is_not_known(said):
    guessed = light(**said)
    wanted = (np.radians(said.get("softness", np.degrees(UNKNOWN_ANGLE))), said.get("floor", UNKNOWN_FLOOR))
    assert (guessed.half_angle, guessed.shadow_floor) == pytest.approx(wanted)
