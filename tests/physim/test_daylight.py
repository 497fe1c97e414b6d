"""The sun over a photo: laws of the air against published values, and what becomes of a picture."""

import numpy as np
import pytest
from compose_scenes import make_trajectory, speckled, still

from physim import srgb
from physim.compositor import Compositor
from physim.daylight import Daylight, air_mass, skylight, sunlight
from physim.over_time import OverTime
from physim.relight import sky_matte
from physim.scene import Light
from physim.shapes import Box

NOON = Light(direction=(0.3, 0.8, 0.3), colour=(0.6, 0.6, 0.6), ambient=(0.2, 0.2, 0.25), shadow_floor=0.25)
EVENING = OverTime((2.0, 4.0), (5.0, -4.0))


def test_air_masses_are_those_of_the_table():
    """Kasten and Young 1989, table II."""
    for elevation, mass in ((90, 1.0), (30, 1.9939), (10, 5.5841), (5, 10.3057), (0, 37.9196)):
        assert air_mass(elevation) == pytest.approx(mass, rel=2e-3)


def test_the_lower_the_sun_the_redder_and_the_fainter_its_light():
    colours = np.array([sunlight(e) for e in (60, 40, 20, 10, 5)])
    assert np.all(np.diff(colours, axis=0) < 0)
    assert np.all(np.diff(colours[:, 0] / colours[:, 2]) > 0)
    assert not sunlight(-1).any()
    assert np.all(np.diff([skylight(e) @ srgb.LUMA for e in (-6, -3, 0, 2, 5, 20)]) > 0)


def test_illuminance_on_level_ground_is_that_of_handbooks():
    """Full daylight 100 to 130 klx at a high sun, 400 lx at sunset, 3.4 lx at the end of civil twilight."""

    def lux(e):
        return 128e3 * float((sunlight(e) * np.sin(np.radians(max(e, 0))) + skylight(e)) @ srgb.LUMA)

    assert 90e3 < lux(60) < 130e3
    assert lux(0) == pytest.approx(400, rel=0.01)
    assert lux(-6) == pytest.approx(3.4, rel=0.01)


def test_the_light_of_the_first_frame_is_the_photos_and_changes_without_a_jump():
    for direction in ((0.3, 0.8, 0.3), (0.9, 0.01, 0.1), (0.0, 1.0, 0.0)):
        photo = Light(direction=direction)
        day = Daylight(photo, elevation=EVENING, turn=OverTime((4.0,), (50.0,)))
        first = day.at(0.0)
        np.testing.assert_array_equal(first.gain, np.ones(3))
        np.testing.assert_allclose(first.light.direction, photo.direction, atol=1e-12)
        assert (first.light.colour, first.light.ambient) == (photo.colour, photo.ambient)
        soon = day.at(1e-5)
        np.testing.assert_allclose(soon.gain, 1.0, atol=1e-3)
        np.testing.assert_allclose(soon.light.direction, photo.direction, atol=0.06 if direction[1] < 0.05 else 1e-3)
        assert soon.light.shadow_floor == pytest.approx(photo.shadow_floor, abs=1e-3)


def test_the_sun_goes_round_clockwise_as_seen_from_above():
    """With the world's y up and z towards the camera: from away (north) to the right (east)."""
    day = Daylight(Light(direction=(0.0, 1.0, -1.0)), turn=OverTime((1.0,), (90.0,)))
    np.testing.assert_allclose(day.at(1.0).light.direction, np.array([1.0, 1.0, 0.0]) / np.sqrt(2), atol=1e-12)


def test_shadows_grow_soft_and_vanish_as_the_sun_sets():
    day = Daylight(NOON, elevation=EVENING)
    floors = [day.at(t).light.shadow_floor for t in (0.0, 1.0, 2.0, 4.0)]
    assert np.all(np.diff(floors) > 0)
    assert floors[-1] == 1.0


def test_a_camera_that_adapts_wholly_keeps_the_brightness_and_not_the_colour():
    for time in (1.0, 3.0):
        kept = Daylight(NOON, elevation=EVENING, adapts=1.0).at(time)
        assert float(kept.gain @ srgb.LUMA) == pytest.approx(1.0, abs=0.02)
        dark = Daylight(NOON, elevation=EVENING, adapts=0.0).at(time)
        assert dark.exposure == 1.0
        np.testing.assert_allclose(dark.gain / dark.gain[0], kept.gain / kept.gain[0])


def pair(daylight=None, things=()):
    photo = speckled((60, 80))
    trajectory = make_trajectory(dict(things), photo=photo, light=NOON)
    trajectory.scene.daylight = daylight
    return photo, trajectory


def test_the_photo_takes_the_factor_and_the_first_frame_stays_the_photo():
    photo, trajectory = pair(Daylight(NOON, elevation=EVENING))
    compositor = Compositor(trajectory)
    np.testing.assert_array_equal(compositor.frame_at(0.0), photo)
    later = srgb.to_linear(compositor.frame_at(3.0))
    gain = trajectory.scene.daylight.at(3.0).gain
    np.testing.assert_allclose(later, np.clip(srgb.to_linear(photo) * gain, 0, 1), atol=2e-4)
    np.testing.assert_array_equal(compositor.frame_at(0.0), photo)
    assert trajectory.scene.light == NOON  # others who read the scene see its own


def test_frames_of_a_setting_sun_are_the_same_in_any_order():
    """Two compositors share the work, each in its own order."""
    things = {"box": (Box((0.2, 0.2, 0.2)), still((0.0, 0.1, -0.6)))}
    _, trajectory = pair(Daylight(NOON, elevation=EVENING, turn=OverTime((4.0,), (90.0,))), things)
    times = (0.0, 1.0, 2.0)
    there = [Compositor(trajectory).frame_at(t) for t in times]
    compositor = Compositor(trajectory)
    back = [compositor.frame_at(t) for t in reversed(times)][::-1]
    for a, b in zip(there, back, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_shadow_of_an_added_thing_goes_round_with_the_sun():
    things = {"box": (Box((0.2, 0.2, 0.2)), still((0.0, 0.1, -0.6)))}
    _, trajectory = pair(Daylight(NOON, turn=OverTime((0.1,), (180.0,))), things)
    compositor = Compositor(trajectory)
    camera = trajectory.scene.camera.at(0.0, (60, 80))
    sides = []
    for index in (0, 3):
        dark = 1 - compositor.shadow(index)
        u = np.arange(80) + 0.5
        sides.append((dark * (u - camera.project(np.array([0.0, 0.0, -0.6]))[0][0])).sum() / dark.sum())
    # light from the right throws to the left
    assert sides[0] < -1
    assert sides[1] > 1


def test_a_sky_that_the_photo_shows_does_not_burn_out():
    free = Daylight(NOON, elevation=EVENING, adapts=1.0)
    held = Daylight(NOON, elevation=EVENING, adapts=1.0, holds_sky=True)
    for time in (0.0, 0.5, 1.0, 2.0, 3.0):
        assert float(held.at(time).sky_gain @ srgb.LUMA) <= 1.0 + 1e-12
    assert float(free.at(2.0).sky_gain @ srgb.LUMA) > 1.5
    np.testing.assert_array_equal(held.at(0.0).gain, np.ones(3))


def test_sky_is_told_from_what_stands_before_it_by_the_edges_of_the_picture():
    """A bright sky over dark land, a mast as dark as the land, and a coarse depth that is off and misses the mast.

    Where there is only sky about it, the mast is taken for sky.
    """
    picture = np.full((96, 120, 3), 0.8, np.float32)
    picture[60:] = 0.2
    picture[10:60, 58:60] = 0.2
    depth = np.where(np.arange(48)[:, None] < 29, 1e4, 30.0) * np.ones((1, 60))  # its border is 2 rows too high
    matte = sky_matte(picture, depth, depth)
    assert matte[:40, :50].min() > 0.9
    assert matte[70:].max() < 0.1
    assert matte[59, 10:50].min() > 2 * matte[60, 10:50].max()  # the edge is where the picture has it
    assert matte[59, 58] < 0.5 * matte[59, 30]
    nearer = depth.copy()
    nearer[8:16, 8:16] = 5.0
    assert sky_matte(picture, depth, nearer)[20:28, 20:28].max() < 0.1
    assert sky_matte(picture, np.full((48, 60), 30.0), depth) is None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"adapts": 2.0}, "expected 0 to 1"),
        ({"elevation": OverTime((1.0,), (-20.0,))}, "expected -6 to 90 degrees"),
        ({"tint": OverTime((1.0,), (0.5,))}, "expected three factors"),
    ],
)
def test_light_that_cannot_be_is_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        Daylight(NOON, **arguments)
