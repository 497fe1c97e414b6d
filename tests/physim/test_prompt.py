"""Prompts: a corpus with expected shots, the two professional examples, units, and what is said of what cannot be."""

from pathlib import Path

import pytest
import yaml

from physim import read_prompt
from physim.prompt_words import Text, inflected
from physim.shot_file import ShotError, load, save

PHOTO = "skimage:coffee.png"
CORPUS = yaml.safe_load((Path(__file__).parents[1] / "data" / "prompts" / "corpus.yaml").read_text())
WATCH = (
    "Reference: [Image_01]. Camera: Slow orbital pan 180-degrees. Action: Ocean waves crash against the rock, "
    "generating realistic sea spray and mist. Physics: Water droplets interact with the watch glass, "
    "beaded and rolling off the surface. "
    "Lighting: Golden hour sunset, light reflecting off the moving water. 4K, 60fps, cinematic realism."
)
CHARACTER = (
    "Reference: [Character_Photo]. Action: The character turns to the camera and sighs. Audio: A soft breath mixed "
    "with distant city noise. SFX: The sound of a leather jacket moving. 4K, High Temporal Coherence."
)


def field(data, path):
    for key in path.split("."):
        if not isinstance(data, list):
            data = data[key]
        else:
            data = data[int(key)] if key.isdigit() else next(item for item in data if item["name"] == key)
    return data


def agrees(wanted, given):
    if wanted in ("> 0", "< 0"):
        return given > 0 if wanted == "> 0" else given < 0
    return given == (wanted if isinstance(wanted, str) or wanted == [] else pytest.approx(wanted, rel=1e-3, abs=1e-3))


def wrong(case):
    """Clauses of a prompt that are not as expected."""
    prompt = read_prompt(case["p"], PHOTO, select=case.get("select"))
    data = prompt.shot.to_dict()
    for fragment, status, fields in case["c"]:
        right = any(fragment.lower() in c.text.lower() and c.status == status for c in prompt.clauses)
        try:
            right = right and all(agrees(wanted, field(data, path)) for path, wanted in fields.items())
        except (KeyError, IndexError, StopIteration, TypeError):
            right = False
        if not right:
            yield fragment, [str(c) for c in prompt.clauses]


@pytest.mark.parametrize("held_out", [False, True])
def test_nine_of_ten_clauses_of_the_corpus_become_what_was_expected(held_out):
    cases = [case for case in CORPUS if case.get("held_out", False) == held_out]
    assert len(cases) == (30 if held_out else 70)
    missed = [(case["p"], *miss) for case in cases for miss in wrong(case)]
    total = sum(len(case["c"]) for case in cases)
    assert len(missed) <= 0.1 * total, missed


def test_the_corpus_can_find_a_wrong_clause():
    case = {"p": "Camera: pan right 10 degrees.", "c": [["pan right", "done", {"camera.0.degrees": 11}]]}
    assert len(list(wrong(case))) == 1
    assert len(list(wrong(case | {"c": [["pan right", "cannot", {}]]}))) == 1


@pytest.mark.parametrize("text", [WATCH, CHARACTER])
def test_the_echo_of_the_professional_examples_names_every_clause(text, tmp_path):
    prompt = read_prompt(text, PHOTO)
    echo = prompt.echo()
    said = text.replace(":", ".").replace(",", ".").split(".")
    for part in said:
        part = part.strip()
        if part and part not in ("Reference", "Camera", "Action", "Physics", "Lighting", "Audio", "SFX"):
            assert part in echo, part
    assert not any(clause.status == "ignored" for clause in prompt.clauses)
    assert load(save(prompt.shot, tmp_path / "a.yaml")) == prompt.shot


def test_what_a_living_being_does_is_said_and_not_faked():
    prompt = read_prompt(CHARACTER, PHOTO)
    assert prompt.shot.things == [] and prompt.shot.forces == []
    assert [c.status for c in prompt.clauses] == ["done", "cannot", "cannot", "cannot", "done", "done"]
    assert "nothing is faked" in prompt.echo()


def test_the_sea_is_simulated_once_it_is_said_where_it_is():
    places = {"ocean": {"box": [0, 200, 600, 400]}, "watch glass": (300, 100)}
    prompt = read_prompt(WATCH, PHOTO, select=places)
    water = next(thing for thing in prompt.shot.things if thing.name == "water")
    assert water.liquid.material == "sea" and water.select.box == (0, 200, 600, 400)
    assert any(force.wind for force in prompt.shot.forces)
    drops = next(thing for thing in prompt.shot.things if thing.name == "droplets")
    assert drops.at_pixel == (300, 100) and drops.liquid.material == "water"
    assert not any(clause.status == "needs" for clause in prompt.clauses)


@pytest.mark.parametrize(
    ("said", "kind", "value"),
    [
        ("30 cm", "length", 0.3), ("8 inches", "length", 0.2032), ("half a metre", "length", 0.5),
        ("36 km/h", "speed", 10.0), ("10 mph", "speed", 4.4704), ("ten degrees", "angle", 10.0), ("45°", "angle", 45.0),
        ("180-degrees", "angle", 180.0), ("200 g", "mass", 0.2), ("1.5x", "factor", 1.5), ("300 ms", "time", 0.3),
    ],
)  # fmt: skip
def test_units_become_si(said, kind, value):
    assert Text(f"about {said} or so").quantity(kind) == pytest.approx(value)


def test_verbs_are_known_in_their_forms():
    assert inflected("drop") == ("drops", "dropped", "dropping")
    assert inflected("bounce") == ("bounces", "bounced", "bouncing")
    assert inflected("splash") == ("splashes", "splashed", "splashing")
    assert inflected("carry") == ("carries", "carried", "carrying")


def test_words_that_nothing_was_made_of_are_named():
    (clause,) = read_prompt("Action: a ball drops melodiously.", PHOTO).clauses
    assert clause.status == "done" and clause.unused == ("melodiously",)


def test_a_language_model_is_asked_only_for_what_was_not_understood_and_its_answer_is_checked():
    asked = []

    def interpret(text, shot):
        asked.append(text)
        return shot | {"camera": [{"move": "pan", "degrees": 3}]}

    text = "Camera: tilt up 2 degrees. Action: flurbs wobble."
    prompt = read_prompt(text, PHOTO, interpret=interpret)
    assert asked == ["flurbs wobble"]
    assert prompt.shot.camera[0].degrees == 3 and prompt.clauses[1].status == "done"

    bad = read_prompt(text, PHOTO, interpret=lambda text, shot: {"camera": "sideways"})
    assert bad.shot.camera[0].move == "tilt" and bad.clauses[1].status == "ignored"
    assert "no shot" in bad.clauses[1].note
    assert read_prompt(text, PHOTO, interpret=lambda *_: None).clauses[1].status == "ignored"


def test_bad_prompts_are_said_in_words():
    with pytest.raises(ValueError, match="empty"):
        read_prompt("  ", PHOTO)
    with pytest.raises(ValueError, match="at most"):
        read_prompt("a" * 30_000, PHOTO)
    with pytest.raises(ShotError, match=r"camera\[0\]\.factor: given 100") as caught:
        read_prompt("Camera: zoom in 100x. Action: a ball falls. Physics: restitution 3.", PHOTO)
    assert len(caught.value.problems) == 2
    with pytest.raises(ValueError, match="expected a pixel"):
        read_prompt("Action: the cup tips over", PHOTO, select={"cup": 5})
    with pytest.raises(ValueError, match=r"things\[0\]"):
        read_prompt("Action: the cup tips over", PHOTO, select={"cup": (5000, 5)})


ODD = ["....", "Action:", "[00:01]", "12 34 cm cm", "\x00\x1b[2J", "Camera: pan right 1e999 degrees", "a " * 5000]


@pytest.mark.parametrize("text", [*ODD, "🙂 ball falls 🙂", "Physics: restitution 0.5.", "Camera: zoom in 0x"])
def test_any_text_is_read_or_refused_in_words(text):
    try:
        assert read_prompt(text, PHOTO).clauses is not None
    except ValueError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("text", "releases"),
    [
        ("Action: [00:01.5] two dice drop. [00:02] a ball drops.", {"die": 1.5, "die_2": 1.5, "ball": 2.0}),
        ("Action: a ball drops. [00:02] a ball drops.", {"ball": 0.0, "ball_2": 2.0}),
        ("Action: a marble is thrown to the right at 0.5 s.", {"marble": 0.5}),
    ],
)
def test_things_are_let_go_at_the_time_that_is_said(text, releases):
    prompt = read_prompt(text, "skimage:coffee.png")
    assert {thing.name: thing.release for thing in prompt.shot.things} == releases
    assert {clause.status for clause in prompt.clauses} == {"done"}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Action: [00:05] a ball drops.", 6.0),
        ("Action: [00:02] a ball drops.", 3.0),
        ("Action: [00:05] a ball drops. 4 seconds.", 4.0),
        ("Action: [00:04] smoke rises.", 5.0),
    ],
)
def test_the_video_is_long_enough_for_what_is_to_begin_in_it_unless_its_length_is_said(text, seconds):
    assert read_prompt(text, "skimage:coffee.png").shot.seconds == seconds


def test_a_cloth_that_cannot_wait_says_so():
    (clause,) = read_prompt("Action: [00:02] a silk scarf falls.", "skimage:coffee.png").clauses
    assert clause.status == "partly" and "cannot be let go at 2 s" in clause.note
