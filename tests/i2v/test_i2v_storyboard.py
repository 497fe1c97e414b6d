"""Several shots of one scene in one file: the world goes on, the picture cuts, and there is one file of it."""

import importlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import skimage.data
from imageio_ffmpeg import count_frames_and_secs
from PIL import Image

import physim
from i2v.cli import main
from i2v.extend import longer
from i2v.media.master import Master
from i2v.verify import verify
from physim.camera import Camera
from physim.camera_plan import limited, path_from
from physim.conditions import Conditions
from physim.shot_camera import MoveSpec
from physim.shot_file import ShotError, load

root = importlib.import_module("i2v.animate")
run = importlib.import_module("i2v.run")
SCENE = """photo: photo.png
fps: 24
hints: {camera: {fov: 30, pitch: 56.5, height: 0.312}}
things:
  - {name: ball, shape: {sphere: 0.02}, at: [0.05, 0.12, -0.3], rigid: {material: rubber}, velocity: [0.3, 0, 0]}
settle: false
generate: {model: none}
output: {width: 120, height: 80, motion_blur: 0.5}
"""
BOARD = (
    SCENE
    + """shots:
  - {seconds: 0.125, camera: [{move: zoom, factor: 1.2}]}
  - seconds: 0.125
  - seconds: 0.125
    camera:
      - {move: zoom, factor: 1.5, ease: at_once}
      - {move: pan, degrees: 1, from: 0.05}
    forces:
      - impulse: {on: ball, newton_seconds: [0, 0.01, 0], at: 0.04}
"""
)


@pytest.fixture
def board(tmp_path):
    Image.open(Path(skimage.data.data_dir) / "coffee.png").convert("RGB").resize((120, 80)).save(tmp_path / "photo.png")
    (tmp_path / "board.yaml").write_text(BOARD)
    return tmp_path / "board.yaml"


def test_a_storyboard_is_one_shot_with_cuts(board):
    shot = load(board)
    assert shot.seconds == 0.375 and shot.cuts == [0.125, 0.25]
    assert [(move.move, move.start, move.end) for move in shot.camera] == [
        ("zoom", 0, None), ("zoom", 0.25, None), ("pan", 0.3, None)
    ]  # fmt: skip
    assert shot.forces[0].impulse.at == pytest.approx(0.29)
    again = shot.save(board.with_name("plain.yaml"))
    assert load(again) == shot and "shots" not in again.read_text()


def frames_of(shot):
    return [np.asarray(frame).copy() for frame in root.animate(shot)]


def test_each_shot_begins_from_the_last_state_of_the_one_before(board):
    """Against one run without cuts: without moves within the rounding of a moving camera's, else the same."""
    shot = load(board)
    cut, plain = frames_of(shot), frames_of(shot.model_copy(update={"cuts": [], "camera": []}))
    assert len(cut) == len(plain) == 9
    off = [np.abs(a - b).max() for a, b in zip(cut, plain, strict=True)]
    assert [each < 1e-4 for each in off] == [True, False, False, True, True, True, False, False, False]
    close = shot.model_copy(update={"cuts": [], "camera": shot.camera[1:]})
    assert all(np.array_equal(a, b) for a, b in zip(cut[6:], frames_of(close)[6:], strict=True))


def test_the_joined_file_has_one_signature_and_one_shot(board, tmp_path, monkeypatch):
    board.write_text(BOARD.replace("motion_blur: 0.5", "credentials: test"))
    monkeypatch.chdir(tmp_path)
    assert main(["animate", "board.yaml", "--quiet"]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "board.ledger.json", "board.mp4", "board.shot.resolved.yaml", "board.yaml", "photo.png"
    ]  # fmt: skip
    assert verify(tmp_path / "board.mp4").credentials.state == "valid, unknown signer"
    frames, seconds = count_frames_and_secs(str(tmp_path / "board.mp4"))
    assert frames == 9 and seconds == pytest.approx(0.375, abs=0.03)
    assert load(tmp_path / "board.shot.resolved.yaml").cuts == [0.125, 0.25]


def test_one_sound_goes_through_all_cuts(board, monkeypatch):
    """It is made once, for the whole length."""
    asked = []
    monkeypatch.setattr(run.physim, "listen", lambda trajectory, **_: trajectory)
    monkeypatch.setattr(
        run,
        "synthesize",
        lambda heard, mix, seconds: asked.append((heard.seconds, seconds)) or SimpleNamespace(samples=1),
    )
    stage = run.Run(physim.shot_path.revised(load(board), {"output.audio": {}}), None)
    stage.trajectory = SimpleNamespace(seconds=0.375)
    assert stage.samples(9) == 1 and asked == [(0.375, 0.375)]


def test_a_clip_with_cuts_can_be_made_longer(board):
    shot = load(board)
    more = longer(shot, 0.5, {"camera": [{"move": "pan", "degrees": 1}]})
    assert more.cuts == shot.cuts
    assert [(move.start, move.end) for move in more.camera] == [
        (0, 0.125), (0.25, 0.375), (0.3, 0.375), (0.375, 0.875)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("shots:", "seconds: 2\nshots:", "seconds: given with `shots`"),
        ("shots:", "cuts: [1]\nshots:", "cuts: given with `shots`"),
        ("  - seconds: 0.125\n  - s", "  - second: 1\n  - s", "board.yaml:11  shots[1].second: given an unknown field"),
        ("factor: 1.5", "faktor: 1.5", "board.yaml:14  shots[2].camera[0].faktor"),
        ("on: ball", "on: bell", "board.yaml:17  forces[0].impulse.on: given 'bell'"),
        (BOARD[len(SCENE) :], "shots: {seconds: 1}\n", "board.yaml:9  shots: expected a list of 1 to 200 shots"),
        ("factor: 1.2", "factor: 1.2, ease: at_once", "the first frame is the photo"),
    ],
)
def test_mistakes_are_named_where_they_are_written(board, old, new, said):
    assert BOARD.count(old) == 1
    board.write_text(BOARD.replace(old, new))
    with pytest.raises(ShotError) as caught:
        load(board)
    assert said in str(caught.value)


@pytest.mark.parametrize("cuts", [[0.0], [3.0], [2.0, 1.0], [1.0, 1.0], [-1.0]])
def test_cuts_lie_within_the_shot_in_order(cuts):
    shot = physim.Shot(photo="skimage:coffee.png", cuts=cuts)
    with pytest.raises(ShotError, match=r"cuts: given .* expected rising times"):
        physim.shot_file.validate(shot)


def test_a_shot_with_cuts_is_not_judged(board, tmp_path):
    with pytest.raises(ValueError, match="without a cut"):
        root.animate(board, tmp_path / "a.mp4", judge=tmp_path / "plots.png")


def moves(*given):
    return [MoveSpec.model_validate(move) for move in given]


CAMERA = Camera(900.0, (450.0, 300.0), (600, 900), np.eye(4))


def test_a_cut_brings_the_camera_back_and_only_its_own_moves_apply():
    given = moves(
        {"move": "pan", "degrees": 10},
        {"move": "dolly", "metres": 1.0, "from": 2},
        {"move": "keys", "keys": [{"at": 3.5, "truck": 0.2}]},
        {"move": "zoom", "factor": 2, "ease": "at_once", "from": 4},
    )
    path = path_from(given, CAMERA, seconds=6.0, orbit_distance=1.0, cuts=[2.0, 4.0])
    assert np.array_equal(path.at(0).view, path.at(2.0).view)
    alone = path_from(moves({"move": "pan", "degrees": 10, "to": 2}), CAMERA, seconds=6.0, orbit_distance=1.0)
    assert np.allclose(path.at(1.99).world_from_camera, alone.at(1.99).world_from_camera)
    assert path.at(3.9).world_from_camera[:3, 3] == pytest.approx(
        [0.2, 0, 0.9927], abs=1e-3
    )  # the dolly ends with its part, at 4 s
    assert path.at(4.0).focal == path.at(6.0).focal == 1800 and np.allclose(path.at(5.0).world_from_camera, np.eye(4))


def test_what_the_photo_cannot_show_is_shortened_in_its_own_part_alone():
    depth = np.full((60, 90), 2.0)
    given = moves({"move": "zoom", "factor": 1.3}, {"move": "pan", "degrees": 60, "from": 2})
    path = path_from(given, CAMERA, seconds=4.0, orbit_distance=1.0, cuts=[2.0])
    shorter, _, part = limited(path, depth, seconds=4.0)
    assert part < 0.2
    assert shorter.at(1.999).focal == pytest.approx(900 * 1.3, rel=1e-4)  # it was not the zoom's fault
    assert path_from(given[:1], CAMERA, seconds=2.0, orbit_distance=1.0).at(2.0).focal == pytest.approx(1170)


def conditions(frames):
    rng = np.random.default_rng(0)
    layout = Conditions._layout(type("C", (), {"coarse": np.zeros((frames, 4, 6, 3))})())
    arrays = {name: rng.random(shape).astype(dtype) for name, (shape, dtype) in layout.items()}
    events = np.zeros(3, physim.conditions.EVENT_DTYPE)
    events["time"] = [0.05, 0.21, 0.39]
    return Conditions(**arrays, fps=10.0, events=events)


def test_a_part_of_the_conditions_has_nothing_before_it():
    whole = conditions(6)
    part = whole.part(2, 4)
    assert part.frame_count == 2 and np.array_equal(part.coarse, whole.coarse[2:4])
    assert not part.flow_backward[0].any() and not part.disocclusion[0].any()
    assert np.array_equal(part.flow_backward[1], whole.flow_backward[3]) and whole.flow_backward[2].any()
    assert part.events["time"] == pytest.approx([0.01, 0.19])
    with pytest.raises(ValueError, match="frames 4 to 7 of 6"):
        whole.part(4, 7)


class Grey:
    frame_count, fps = 8, 20.0

    def __iter__(self):
        return (np.full((2, 2, 3), 0.5, np.float32) for _ in range(8))


def test_what_the_model_adds_does_not_fade_across_a_cut():
    residual = np.repeat(np.float32([0.0, 0.1, 0.3, 0.4]), 12).reshape(4, 2, 2, 3)
    seen = [frame[0, 0, 0] - 0.5 for frame in Master(Grey(), residual, 10.0, cuts=[2])]
    assert seen[:6] == pytest.approx([0, 0.05, 0.1, 0.1, 0.3, 0.35], abs=1e-3)
