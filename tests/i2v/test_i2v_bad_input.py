"""What users get wrong: each ends with exit code 2, one clear block without a traceback, and nothing on disk."""

import io
import json
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from i2v.cli import main

THING = "{name: ball, shape: {sphere: 0.05}, at: [0, 1, 0], rigid: {material: rubber}}"


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """An empty folder to work in, and beside it one for the inputs."""
    work, inputs = tmp_path / "work", tmp_path / "inputs"
    work.mkdir()
    inputs.mkdir()
    monkeypatch.chdir(work)
    Image.fromarray(np.full((48, 64, 3), 128, np.uint8)).save(inputs / "photo.png")
    return inputs


def refused(desk, capsys, text, *options, name="shot.yaml"):
    """Run ``i2v animate`` and ``i2v preview`` on a shot; returns what was said."""
    (desk / name).write_text(text)
    said = []
    for command in (["animate", *options], ["preview"]):
        assert main([*command, str(desk / name)]) == 2
        told = capsys.readouterr()
        assert told.out == "" and "Traceback" not in told.err
        begun, _, error = told.err.partition("error: ")
        assert error and all(line.endswith(" ...") for line in begun.splitlines())  # stages, then one block
        said.append(error)
    assert list((desk.parent / "work").iterdir()) == []
    return said[0]


def png_header(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def jpeg():
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(file, "JPEG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("text.png", b"dear diary, this is no picture\n", "text.png is not a picture that can be read: it is text"),
        ("tiny.png", png_header(1, 1), "tiny.png is 1 x 1 pixels, expected at least 16 on each side"),
        ("huge.png", png_header(20_000, 20_000), "huge.png is 400 megapixels, expected at most 64"),
        ("empty.jpg", b"", "empty.jpg is not a picture that can be read: the file is empty"),
        ("missing.png", None, "missing.png: no such file"),
    ],
    ids=["text", "1x1", "20000x20000", "empty", "missing"],
)
def test_photos_that_are_none(desk, capsys, name, content, sentence):
    if content is not None:
        (desk / name).write_bytes(content)
    assert sentence in refused(desk, capsys, f"photo: {name}\n")


def test_a_truncated_jpeg(desk, capsys):
    (desk / "cut.jpg").write_bytes(jpeg()[:-2000])
    assert "cut.jpg is damaged or cut off" in refused(desk, capsys, "photo: cut.jpg\n", "--model", "none")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("second: 3", "shot.yaml:2  second: given an unknown field `second`"),
        ("seconds: 0", "shot.yaml:2  seconds: given 0, expected more than 0"),
        ("seconds: 10000", "shot.yaml:2  seconds: given 10000, expected at most 600"),
        (
            f"things: [{THING.replace('material: rubber', 'mass: -1')}]",
            "things[0].rigid.mass: given -1, expected more than 0",
        ),
        ("things: [{name: a, select: {box: [90, 90, 99, 99]}, rigid: {}}]", "outside the photo of 64 x 48 pixels"),
        ("things: [{name: a, select: {mask: mask.png}, rigid: {}}]", "is 64 x 40 pixels, expected 64 x 48"),
        (f"things: [{THING.replace('rubber', 'ruber')}]", "Did you mean `rubber`?"),
        (
            f"things: [{THING.replace('rigid: {material: rubber}', 'liquid: {material: watr}')}]",
            "Did you mean `water`?",
        ),
        ("output: {audio: {codec: mp3}}", "expected aac, flac or pcm"),
        ("output: {width: 641, chroma: '420'}", "expected an even number: 640 or 642"),
        ("output: {width: 640, height: 640}", "width 640 goes with height 480"),
    ],
    ids=lambda value: value[:24],
)
def test_shots_with_a_mistake(desk, capsys, line, sentence):
    Image.new("L", (64, 40), 255).save(desk / "mask.png")
    assert sentence in refused(desk, capsys, f"photo: photo.png\n{line}\n")


def test_ten_thousand_bodies(desk, capsys):
    bodies = [{"name": f"b{i}", "shape": {"sphere": 0.01}, "at": [0, i, 0], "rigid": {}} for i in range(10_000)]
    text = json.dumps({"photo": "photo.png", "things": bodies})
    assert "given 10000 things, expected at most 1000" in refused(desk, capsys, text, name="shot.json")


def test_many_mistakes_are_one_block(desk, capsys):
    said = refused(desk, capsys, "photo: none.png\nfsp: 3\nseconds: -1\n")
    assert "the shot has 3 mistakes:" in said
    assert [line.split("  ")[1].split(":")[0] for line in said.splitlines()[1:]] == ["photo", "fsp", "seconds"]


def test_no_shot_file_at_all(desk, capsys):
    assert main(["animate", str(desk / "nothing.yaml")]) == 2
    assert "no such file, expected a shot file" in capsys.readouterr().err


def test_a_model_nobody_knows(desk, capsys):
    (desk / "shot.yaml").write_text("photo: photo.png\n")
    assert main(["animate", str(desk / "shot.yaml"), "--model", "bundeld"]) == 2
    assert "Did you mean 'bundled'?" in capsys.readouterr().err


@pytest.mark.parametrize("output", ["a.avi", "a", ".", "/proc/none/a.mp4", "/dev/null/a.mp4"])
def test_places_where_no_video_can_be(desk, capsys, output):
    (desk / "shot.yaml").write_text("photo: photo.png\n")
    assert main(["animate", str(desk / "shot.yaml"), "-o", output]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_options_are_checked_like_the_file(desk, capsys):
    (desk / "shot.yaml").write_text("photo: photo.png\n")
    assert main(["animate", str(desk / "shot.yaml"), "--seconds", "0", "--seed", "-3"]) == 2
    said = capsys.readouterr().err
    assert "seconds: given 0, expected more than 0" in said and "seed: given -3, expected at least 0" in said


FULL_DISK = """
import importlib, resource, sys
from types import SimpleNamespace
import numpy as np
run = importlib.import_module("i2v.run")
noise = np.random.default_rng(0).random((48, 64, 3), np.float32)
class Frames:
    frame_count, fps = 400, 24
    def __iter__(self):
        return (np.roll(noise, 5 * i, axis=0) for i in range(400))
trajectory = SimpleNamespace(frame_count=400, bodies={}, contacts=[], report=SimpleNamespace(values={}))
run.physim = SimpleNamespace(
    reconstruct=lambda shot, **_: None,
    simulate=lambda scene, **_: trajectory,
    Compositor=lambda trajectory, **_: Frames(),
)
from i2v.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
sys.exit(main(["animate", sys.argv[1], "--model", "none", "--quiet"]))
"""


def test_a_full_disk(desk):
    """The file may not grow beyond 50 kB, which ffmpeg meets as it meets a full disk: in the middle of writing."""
    (desk / "shot.yaml").write_text("photo: photo.png\noutput: {quality: 1}\n")
    result = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(desk / "shot.yaml")], capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 2 and result.stdout == ""
    assert result.stderr.startswith("error: shot.mp4 could not be written") and "GB free" in result.stderr
    assert "Traceback" not in result.stderr
    assert list((desk.parent / "work").iterdir()) == []
