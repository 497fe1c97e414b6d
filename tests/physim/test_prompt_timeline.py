"""Clauses about what changes in the course of a shot, and what they become in it."""

import pytest

import physim


def read(text):
    prompt = physim.read_prompt(text, "skimage:coffee.png")
    return prompt.shot, prompt.clauses


def keys(value):
    return [(key.at, key.value) for key in value.keys]


@pytest.mark.parametrize(
    ("text", "at", "elevation"),
    [
        ("Lighting: sunset falls.", 3.0, 0.0),
        ("Temporal detail: day turns to dusk over 4 seconds.", 4.0, -4.0),
        ("The sun sets. 6 seconds.", 6.0, 0.0),
        ("Lighting: the light turns to golden hour within 2 s.", 2.0, 8.0),
    ],
)
def test_a_sun_that_goes_down_becomes_keys_of_its_elevation(text, at, elevation):
    shot, clauses = read(text)
    assert keys(shot.light.elevation) == [(at, elevation)]
    assert clauses[0].status == "partly"  # what the photo shows of its light stays
    assert "shadows and lamps that are in the photo stay" in clauses[0].note


def test_a_change_that_begins_later_leaves_the_photos_light_until_then():
    shot, _ = read("Night falls at 1 s.")
    assert (shot.light.start, keys(shot.light.elevation)) == (1.0, [(3.0, -6.0)])


def test_light_of_one_moment_stays_a_light_of_one_moment():
    shot, _ = read("Lighting: golden hour sunset from the left.")
    assert shot.light is None
    assert shot.hints.light is not None


def test_what_the_weather_or_the_season_is_to_become_is_refused():
    for text in ("Lighting: the light turns to winter evening.", "Lighting: summer becomes winter."):
        shot, clauses = read(text)
        assert shot.light is None
        assert clauses[0].status == "cannot"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Gravity fades.", [(0.0, -9.81), (3.0, 0.0)]),
        ("[00:02] Gravity fades over 2 seconds. 6 seconds.", [(2.0, -9.81), (4.0, 0.0)]),
        (
            "Physics: gravity switches off at 1.5 s; gravity returns at 2.5 s.",
            [(1.5, -9.81), (1.51, 0.0), (2.5, 0.0), (2.51, -9.81)],
        ),
        ("Physics: gravity doubles within 1 s.", [(0.0, -9.81), (1.0, -19.62)]),
        ("Physics: gravity reverses at 1 s.", [(1.0, -9.81), (1.01, 9.81)]),
    ],
)
def test_gravity_that_changes_becomes_keys(text, expected):
    shot, clauses = read(text)
    given = [number for at, value in keys(shot.gravity) for number in (at, value[1])]
    assert given == pytest.approx([number for pair in expected for number in pair])
    assert clauses[0].status == "done"


def test_another_gravity_from_the_first_frame_on_is_a_plain_vector():
    for text, strength in (("Physics: moon gravity.", 1.6226), ("gravity of 3 m/s2", 3.0), ("weightless", 0.0)):
        shot, _ = read(text)
        assert shot.gravity == (0.0, pytest.approx(-strength, abs=1e-3), 0.0)


def test_gravity_said_beside_what_happens_in_it_leaves_the_thing_there():
    shot, clauses = read("A rubber ball drops in zero gravity.")
    assert shot.gravity == (0.0, 0.0, 0.0)
    assert [thing.name for thing in shot.things] == ["ball"]
    assert clauses[0].status == "done"


def test_gravity_without_a_change_is_simulated_anyway():
    shot, clauses = read("Physics: realistic gravity.")
    assert shot.gravity == (0.0, -9.81, 0.0)
    assert clauses[0].note == "simulated anyway"


def test_a_wind_picks_up_and_another_dies_down():
    shot, _ = read("Action: the wind picks up to 8 m/s over 2 seconds.")
    assert keys(shot.forces[0].wind.velocity) == [(0.0, (0.0, 0.0, 0.0)), (2.0, (8.0, 0.0, 0.0))]
    shot, _ = read("Action: a strong wind from the left dies down.")
    assert keys(shot.forces[0].wind.velocity) == [(0.0, (10.0, 0.0, 0.0)), (3.0, (0.0, 0.0, 0.0))]
