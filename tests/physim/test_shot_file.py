"""Shot files: round trips, paths, and a report that names every mistake at once."""

import json
import re
import time
from pathlib import Path

import pytest
from PIL import Image

from physim.shot import OutputSpec, Shot
from physim.shot_check import check, output_size
from physim.shot_file import SUFFIXES, Problem, ShotError, load, save, text_for, validate
from physim.shot_path import revised

COFFEE = """
photo: skimage:coffee.png
hints:
  camera: {circle: {ellipse: [275.5, 223.6, 201.5, 166.1, 8.9], diameter: 0.125}, fov: 30}
things:
  - {name: cup, select: {polygon: [[173, 105], [176, 135], [380, 300]]}, rigid: {material: ceramic}}
  - {name: sugar, shape: {box: [0.016, 0.016, 0.016]}, at: [0.0, 0.35, 0.0], rigid: {material: sugar}}
  - {name: steam, emit: {pixel: [290, 130], radius: 0.03, rate: 0.4}, smoke: {material: steam, temperature: 340}}
forces:
  - {wind: {velocity: [0.4, 0, 0], gust: 0.3}}
  - {impulse: {on: cup, at: 0.5, newton_seconds: [0.02, 0, 0]}}
camera: [{move: dolly, metres: 0.05, from: 0, to: 3, ease: in_out}]
seconds: 1e0
seed: 7
output: {width: 1200}
"""


def written(folder: Path, text: str, name: str = "shot.yaml") -> Path:
    (folder / name).write_text(text)
    return folder / name


def mistakes(folder: Path, text: str, name: str = "shot.yaml") -> list[Problem]:
    with pytest.raises(ShotError) as caught:
        load(written(folder, text, name))
    for problem in caught.value.problems:
        assert str(problem) in str(caught.value)
    return caught.value.problems


def only(folder: Path, text: str) -> Problem:
    found = mistakes(folder, text)
    assert len(found) == 1, found
    return found[0]


def test_the_shot_of_the_design_is_read(tmp_path):
    shot = load(written(tmp_path, COFFEE))
    assert [thing.name for thing in shot.things] == ["cup", "sugar", "steam"]
    assert shot.forces[1].impulse.on == "cup"  # `on` is a name here, not YAML 1.1's "true"
    assert shot.seconds == 1.0 and shot.seed == 7 and shot.camera[0].end == 3


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_saved_is_read_back_the_same(tmp_path, suffix):
    shot = load(written(tmp_path, COFFEE))
    path = save(shot, tmp_path / f"again{suffix}")
    assert load(path) == shot
    assert [f.name for f in tmp_path.iterdir() if "part" in f.name] == []


def test_defaults_are_written_out():
    text = text_for(Shot(photo="skimage:coffee.png"), "shot.yaml", note="made by hand\ntoday")
    assert text.startswith("# made by hand\n# today\n")
    assert "num_inference_steps: 1" in text and "motion_blur: 0.5" in text and "null" not in text


def test_paths_start_at_the_folder_of_the_file_and_move_with_it(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    Image.new("RGB", (64, 48)).save(tmp_path / "a" / "photo.png")
    Image.new("L", (64, 48), 255).save(tmp_path / "a" / "mask.png")
    text = "photo: photo.png\nthings: [{name: a, select: {mask: mask.png}, rigid: {}}]\n"
    shot = load(written(tmp_path / "a", text))
    assert shot.photo == tmp_path / "a" / "photo.png" and shot.things[0].select.mask.is_file()
    moved = save(shot, tmp_path / "a" / "b" / "shot.json")
    assert json.loads(moved.read_text())["photo"] == "../photo.png"
    assert load(moved).photo.samefile(shot.photo)


def test_every_mistake_is_reported_at_once_with_its_line(tmp_path):
    text = COFFEE.replace("seed: 7", "sed: 7").replace("material: ceramic", "masss: 3, friction: -1")
    text = (
        text.replace("on: cup", "on: cub").replace("move: dolly", "move: doly").replace("pixel: [290", "pixel: [2900")
    )
    found = {p.field: p for p in mistakes(tmp_path, text)}
    lines = text.splitlines()
    for field, fragment, sentence in (
        ("sed", "sed:", "Did you mean `seed`?"),
        ("things[0].rigid.masss", "masss", "Did you mean `mass`?"),
        ("things[0].rigid.friction", "masss", "given -1, expected at least 0"),
        ("forces[1].impulse.on", "cub", "Did you mean `cup`?"),
        ("camera[0].move", "doly", "Did you mean `dolly`?"),
        ("things[2].emit.pixel", "2900", "outside the photo"),
    ):
        problem = found.pop(field)
        assert fragment in lines[problem.line - 1]
        assert sentence in problem.text
        assert str(problem).startswith(f"{tmp_path / 'shot.yaml'}:{problem.line}  {field}: ")
    assert not found


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ("seconds: 0", "seconds", r"given 0, expected more than 0 \(length of the video \[s\]\)\."),
        ("seconds: long", "seconds", "given 'long', expected a number"),
        ("seconds: .nan", "seconds", "given nan, expected"),
        ("seconds: .inf", "seconds", "given inf, expected"),
        ("seconds: 0.01", "seconds", "which is no frame"),
        ("seconds: 600\nfps: 240", "seconds", "144000 frames, expected at most 36000"),
        ("seed: 1.5", "seed", "given 1.5, expected"),
        ("schema_version: 2", "schema_version", "given 2, expected 1"),
        ("output: {width: 1201, chroma: '420'}", "output.width", "expected an even number: 1200 or 1202"),
        ("output: {width: 1200, height: 1200}", "output", "squeezed by 33%.*width 1200 goes with height 800"),
        ("output: {width: 99999}", "output.width", "expected at most 8192"),
        ("output: {audio: {codec: mp3}}", "output.audio.codec", "expected aac, flac or pcm"),
        ("output: {fps: 12}", "output.fps", "given 12, expected at least the shot's `fps`, 24"),
        ("output: {watermark: {key: a.key}}", "output.watermark.key", "a.key: no such file"),
        ("prompt: a cup falls", "prompt", "does not read prompts in a shot file yet.*--write-shot"),
        ("things: {name: a}", "things", "expected a list"),
        ("things: [{name: a, rigid: {}, at: [0, 0, 0]}]", r"things\[0\]", "give exactly one of select, shape, emit"),
        ("things: [{name: a, emit: {at: [0, 0, 0]}, smoke: {material: steem}}]", ".*material", "Did you mean `steam`?"),
        (
            "things: [{name: a, shape: {sphere: 1}, at: [0, 0], rigid: {}}]",
            r"things\[0\].at",
            "given 2 values, expected 3",
        ),
        (
            "things: [{name: a, shape: {sphere: -1}, at: [0, 0, 0], rigid: {}}]",
            ".*sphere",
            "given -1, expected more than 0",
        ),
        ("things: [{name: a, shape: {sphere: 1}, at: [0, 0, 0], rigid: {mass: -1}}]", ".*mass", "expected more than 0"),
        (
            "things: [{name: a, shape: {sphere: 1}, at: [0, 0, 0], cloth: {}}]",
            r"things\[0\]",
            "takes the shape `sheet`",
        ),
        ("things: [{name: a, shape: {sheet: [1, 1]}, at: [0, 0, 0], rigid: {}}]", r"things\[0\]", "takes `cloth`"),
        (
            "things: [{name: a, select: {box: [9, 9, 80, 90]}, cloth: {}}]",
            r"things\[0\]",
            "takes `lift: {kind: sheet}`",
        ),
        (
            "things: [{name: a, shape: {sheet: [1, 1]}, at: [0, 0, 0], cloth: {material: coton}}]",
            ".*cloth.material",
            "Did you mean `cotton`?",
        ),
        (
            "things: [{name: a, shape: {sheet: [1, 1]}, at: [0, 0, 0], cloth: {pin: [{where: top, to: pole}]}}]",
            r".*pin\[0\].to",
            "expected the name of a rigid or static thing: there is none",
        ),
        (
            "things: [{name: a, shape: {sheet: [1, 1]}, at: [0, 0, 0], cloth: {pin: [{region: {box: [0, 0, 9, 9]}}]}}]",
            ".*region",
            "expected `where`",
        ),
        ("things: [{name: a, emit: {at: [0, 1, 0]}, rigid: {}}]", r"things\[0\]", "takes `smoke` or `liquid`"),
        ("things: [{name: a, emit: {at: [0, 1, 0]}, liquid: {}}]", ".*emit.velocity", "flows through its disc"),
        (
            "things: [{name: a, shape: {sphere: 1}, at: [0, 0, 0], liquid: {domain: [[0, 0, 0], [1, -1, 1]]}}]",
            ".*liquid.domain",
            "lower corner first",
        ),
        (
            "things: [{name: a, shape: {sphere: 1}, at: [0, 0, 0], liquid: {material: watre}}]",
            ".*liquid.material",
            "Did you mean `water`?",
        ),
        (
            "things: [{name: a, shape: {sphere: 1}, at: [0, 0, 0], rigid: {}, inside: a}]",
            r"things\[0\]",
            "only a `liquid` is `inside`",
        ),
        (
            "things: [{name: a, shape: {sphere: 1}, at: [0, 0, 0], liquid: {}, inside: cup}]",
            ".*inside",
            "expected the name of a solid thing: there is none",
        ),
        (
            "things: [{name: a, shape: {sphere: 1}, at: [0, 0, 0], liquid: {}, inside: b}, "
            "{name: b, shape: {sphere: 2}, at: [0, 0, 0], static: {}}]",
            ".*inside",
            "comes later in `things`",
        ),
        (
            "things: [{name: b, shape: {sphere: 2}, at: [0, 0, 0], static: {}}, "
            "{name: a, select: {box: [9, 9, 80, 90]}, liquid: {}, inside: b}]",
            ".*inside",
            "is not in the photo",
        ),
        ("things: [{name: a, shape: {mesh: no.obj}, at: [0, 0, 0], rigid: {}}]", ".*mesh", "no such file"),
        ("things: [{name: a, select: {mask: no.png}, rigid: {}}]", ".*mask", "no such file"),
        (
            "things: [{name: a, select: {box: [700, 10, 800, 90]}, rigid: {}}]",
            ".*box",
            "outside the photo of 600 x 400",
        ),
        ("things: [{name: a, select: {box: [90, 10, 80, 90]}, rigid: {}}]", ".*box", "u0 < u1"),
        ("things: [{name: a, select: {click: [610, 20]}, rigid: {}}]", ".*click", "outside the photo"),
        (
            "things: [{name: a, select: {strokes: {inside: [[[10, 10], [20, 500]]]}}, rigid: {}}]",
            r".*strokes.inside\[0\]\[1\]",
            "outside the photo",
        ),
        ("hints: {plate: [{region: {click: [9, 9]}, surface: smooth}]}", ".*region", "as it stands"),
        (
            "things: [{name: a, select: {ellipse: [610, 10, 50, 9, 0]}, rigid: {}}]",
            ".*ellipse",
            "more than half outside",
        ),
        (
            "things: [{name: a, select: {polygon: [[1, 1], [2, 2]]}, rigid: {}}]",
            ".*polygon",
            "given 2 values, expected at",
        ),
        ("camera: [{move: pan, metres: 1}]", r"camera\[0\]", "takes `degrees`"),
        ("camera: [{move: pan, degrees: 1, from: 2, to: 1}]", r"camera\[0\]", "expected it to end later"),
        ("forces: [{impulse: {on: ghost, newton_seconds: [1, 0, 0]}}]", ".*on", "there is none"),
        ("hints: {light: {direction: [0, 0, 0]}}", "hints.light.direction", "a vector towards the light"),
    ],
)
def test_each_mistake_is_explained(tmp_path, change, field, sentence):
    problem = only(tmp_path, f"photo: skimage:coffee.png\n{change}\n")
    assert re.fullmatch(field, problem.field)
    assert re.search(sentence, problem.text), problem.text
    assert problem.line == 2


def test_a_mask_must_have_the_size_of_the_photo(tmp_path):
    Image.new("L", (600, 401), 255).save(tmp_path / "mask.png")
    problem = only(tmp_path, "photo: skimage:coffee.png\nthings: [{name: a, select: {mask: mask.png}, rigid: {}}]")
    assert "600 x 401 pixels, expected 600 x 400" in problem.text


def test_ten_thousand_bodies_are_too_many(tmp_path):
    bodies = [{"name": f"b{i}", "shape": {"sphere": 0.01}, "at": [0, i, 0], "rigid": {}} for i in range(10_000)]
    start = time.perf_counter()
    (problem,) = mistakes(tmp_path, json.dumps({"photo": "skimage:coffee.png", "things": bodies}), "shot.json")
    assert "given 10000 things, expected at most 1000" in problem.text
    assert time.perf_counter() - start < 30  # a limit that takes minutes to report is none


def test_one_name_for_two_things_is_refused(tmp_path):
    thing = "{name: a, shape: {sphere: 1}, at: [0, 0, 0], rigid: {}}"
    assert "given twice: a" in only(tmp_path, f"photo: skimage:coffee.png\nthings: [{thing}, {thing}]").text


def test_a_missing_photo_does_not_hide_other_mistakes(tmp_path):
    found = mistakes(tmp_path, "photo: nothing.png\nthings: [{name: a, rigid: {material: woood}}]\nfps: 0")
    assert {p.field for p in found} >= {"photo", "things[0]", "fps"}
    assert "no such file" in found[0].text


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.yaml", "photo: [1, 2\nfps: 3", "this is not YAML"),
        ("a.yaml", "photo:\n\tx: 1", "this is not YAML.*indented with spaces"),
        ("a.yaml", "just words", "given str, expected fields"),
        ("a.yaml", "", "given nothing, expected fields"),
        ("a.yaml", "a: &a [*a]", "an alias that contains itself"),
        ("a.yaml", "photo: !!python/object/apply:os.system [ls]", "this is not YAML"),
        ("a.json", '{"photo": }', "this is not JSON"),
        ("a.toml", "photo = ", "this is not TOML"),
        ("a.txt", "photo: a.png", "expected one of .yaml"),
    ],
)
def test_text_without_structure_is_refused(tmp_path, name, text, sentence):
    (problem,) = mistakes(tmp_path, text, name)
    assert re.search(sentence, problem.text), problem.text


def test_a_bomb_of_aliases_is_refused_in_time(tmp_path):
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    text += "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9))
    assert "more than 200,000 values" in only(tmp_path, text).text


def test_a_field_given_twice_is_refused(tmp_path):
    problem = only(tmp_path, "photo: skimage:coffee.png\nfps: 24\nseed: 1\nfps: 25\n")
    assert problem.field == "fps" and "second time on line 4" in problem.text


def test_bytes_folders_and_missing_files_are_refused(tmp_path):
    (tmp_path / "photo.yaml").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(ShotError, match="no UTF-8 text"):
        load(tmp_path / "photo.yaml")
    with pytest.raises(ShotError, match=r"no such file.*Did you mean photo\.yaml\?"):
        load(tmp_path / "foto.yaml")
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(ShotError, match="is a folder"):
        load(tmp_path / "folder.yaml")


def test_lines_are_found_in_json_and_toml(tmp_path):
    data = '{\n\t"photo": "skimage:coffee.png",\n\t"things": [\n\t\t{"name": "a", "still": 3, "at": 1}\n\t]\n}'
    assert {p.line for p in mistakes(tmp_path, data, "a.json")} == {4}
    text = 'photo = "skimage:coffee.png"\nseconds = 2\n[[things]]\nname = "a"\nat = [0, 0, 0]\nshape.sphere = 1\n'
    text += 'rigid.material = "woood"\n[[forces]]\n[forces.wind]\nvelocity = [0, 0, 1]\ngust = 7\n'
    assert [p.line for p in mistakes(tmp_path, text, "a.toml")] == [7, 11]


def test_a_shot_made_in_python_is_checked_the_same_way():
    shot = Shot(photo="skimage:coffee.png", forces=[{"impulse": {"on": "cup", "newton_seconds": (1, 0, 0)}}])
    with pytest.raises(ShotError, match=r"shot  forces\[0\]\.impulse\.on: given 'cup'"):
        validate(shot)
    assert validate(Shot(photo="skimage:coffee.png")).seconds == 3


@pytest.mark.parametrize(
    ("output", "photo", "expected"),
    [
        ({}, (400, 600), (400, 600)),
        ({}, (401, 601), (400, 600)),  # to the even neighbour, 0.2 % of aspect
        ({}, (4000, 6000), (2560, 3840)),  # nobody asked for 24 megapixels of video
        ({}, (17, 17), (16, 16)),
        ({}, (17, 33), (34, 66)),  # 16 x 32 would squeeze by 3 %
        ({"width": 3840}, (400, 600), (2560, 3840)),
        ({"height": 200}, (400, 600), (200, 300)),
        ({"width": 6000, "height": 4000}, (4000, 6000), (4000, 6000)),
    ],
)
def test_the_size_of_the_video_is_even_and_keeps_the_shape(output, photo, expected):
    size = output_size(OutputSpec(**output), photo)
    assert size == expected
    assert abs(size[1] * photo[0] / (size[0] * photo[1]) - 1) < 0.01


def test_the_checks_of_a_good_shot_find_nothing(tmp_path):
    assert check(load(written(tmp_path, COFFEE))) == []


def test_values_from_the_command_line_are_checked_like_those_of_a_file():
    shot = Shot(photo="skimage:coffee.png")
    other = revised(shot, {"seconds": 2, "generate.model": "none"})
    assert (other.seconds, other.generate.model, other.photo) == (2, "none", shot.photo)
    with pytest.raises(ShotError, match=r"options  seconds: given 0, expected more than 0") as caught:
        revised(shot, {"seconds": 0, "seed": -1})
    assert len(caught.value.problems) == 2


def test_the_name_of_the_ground_is_taken(tmp_path):
    text = "photo: skimage:coffee.png\nthings: [{name: ground, shape: {sphere: 1}, at: [0, 0, 0], rigid: {}}]"
    assert "the name of the ground plane" in only(tmp_path, text).text


def test_save_leaves_nothing_behind_when_it_fails(tmp_path, monkeypatch):
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("no")))
    with pytest.raises(OSError):
        save(Shot(photo="skimage:coffee.png"), tmp_path / "shot.yaml")
    assert list(tmp_path.iterdir()) == []


def test_every_field_of_a_shot_says_what_it_is():
    from physim import shot as module

    models = [m for m in vars(module).values() if isinstance(m, type) and issubclass(m, module.Model)]
    silent = [f"{m.__name__}.{name}" for m in models for name, f in m.model_fields.items() if not f.description]
    assert silent == []


def test_depth_of_a_shot_is_one_thing_and_its_files_exist(tmp_path):
    photo = f"photo: {PHOTO}\n" if "PHOTO" in globals() else "photo: skimage:coffee.png\n"
    for hint, word in [
        ("{file: d.npy, model: moge, weights: w.safetensors}", "not both"),
        ("{kind: relative}", "belong to a `file`"),
        ("{model: moge}", "go together"),
        ("{file: d.npy, kind: relative, unit: 0.5}", "found on the ground"),
        ("{file: d.npy}", "no such file"),
        ("{model: midas, weights: w}", "midas"),
    ]:
        (tmp_path / "s.yaml").write_text(photo + f"hints: {{depth: {hint}}}\n")
        with pytest.raises(ShotError, match=word):
            load(tmp_path / "s.yaml")
