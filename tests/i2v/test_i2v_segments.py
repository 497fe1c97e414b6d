"""A clip made in segments is the clip made whole, byte for byte; an interrupted one goes on; mistakes are said."""

import numpy as np
import pytest

import i2v
import physim
from i2v import segments
from i2v.cli import main
from i2v.media.master import Master
from i2v.segments import _packed, _unpacked
from physim.photo import locate
from physim.shot_path import revised


@pytest.fixture
def shot():
    return physim.Shot(
        photo="skimage:coffee.png",
        hints={"camera": {"pitch": 40, "height": 0.4, "fov": 40}},
        things=[
            {"name": "ball", "shape": {"sphere": 0.03}, "at": [0, 0.1, -0.5], "rigid": {}, "velocity": [0.3, 0, 0]}
        ],
        camera=[{"move": "dolly", "metres": 0.02, "to": 0.3}],
        generate={"model": "none"},
        output={"width": 192, "height": 128},
        settle=False,
        seconds=0.6,
        fps=12,
    )


def test_segments_by_two_workers_are_the_file_made_whole(shot, tmp_path, capsys):
    shot = revised(shot, {"output.fps": 18.0})
    whole = i2v.animate(shot, tmp_path / "whole" / "clip.mp4")
    file = shot.save(tmp_path / "shot.json")
    command = ["animate", str(file), "-o", str(tmp_path / "parts" / "clip.mp4"), "--quiet"]
    assert main([*command, "--segments", "5", "--workers", "2"]) == 0
    assert (tmp_path / "parts" / "clip.mp4").read_bytes() == whole.path.read_bytes()
    names = {path.name for path in (tmp_path / "parts").iterdir()}
    assert "clip.shot.resolved.yaml" in names and not any("segments" in name for name in names)


@pytest.mark.parametrize(
    "changes",
    [{"output.preset": "hevc10", "output.watermark": True}, {"output.preset": "hdr10"},
     {"output.aspect": "1:1", "output.follow": "ball", "output.height": 128, "output.width": None}],
    ids=["ten bits and a mark", "brighter than white", "a frame that follows"],
)  # fmt: skip
def test_every_kind_of_video_is_the_same_in_segments(shot, tmp_path, changes):
    shot = revised(shot, {"seconds": 0.35, **changes})
    whole = i2v.animate(shot, tmp_path / "a" / "clip.mp4")
    parts = i2v.animate(shot, tmp_path / "b" / "clip.mp4", segments=3, workers=1)
    assert parts.path.read_bytes() == whole.path.read_bytes()
    assert (parts.size, parts.frame_count, parts.conservation) == (whole.size, whole.frame_count, whole.conservation)


def test_what_the_model_adds_is_the_same_in_any_part(shot):
    trajectory = physim.simulate(physim.reconstruct(shot), seconds=0.5, fps=12)
    residual = 0.1 * np.random.default_rng(0).standard_normal((6, 12, 18, 3)).astype(np.float32)
    master = Master(physim.Compositor(trajectory, size=(64, 96), fps=30), residual, 12.0, cuts=[3])
    frames = list(master)
    assert len(frames) == 15 and not np.array_equal(frames[7], frames[8])
    for first, end, threads in ((0, 4, 1), (4, 11, 2), (11, 15, 1), (7, 7, 1)):
        part = list(master.frames(first, end, threads=threads))
        assert len(part) == end - first
        assert all(np.array_equal(a, b) for a, b in zip(part, frames[first:end], strict=True))
    with pytest.raises(IndexError, match="frames 3 to 16 of 15"):
        list(master.frames(3, 16))


def test_a_frame_is_the_same_whichever_was_made_before_it(shot):
    """Also where things come to rest, whose shadows are remembered."""
    things = [{"name": "box", "shape": {"box": [0.04] * 3}, "at": [0, 0.03, -0.5], "rigid": {}}]
    things.append({"name": "ball", "shape": {"sphere": 0.02}, "at": [0.1, 0.06, -0.5], "rigid": {}})
    shot = revised(shot, {"things": things, "camera": []})
    trajectory = physim.simulate(physim.reconstruct(shot), seconds=1.25, fps=12)
    onwards, backwards = (physim.Compositor(trajectory, size=(64, 96)) for _ in range(2))
    first = [onwards.frame(i) for i in range(15)]
    last = [backwards.frame(i) for i in reversed(range(15))][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(first, last, strict=True))


def test_an_interrupted_render_goes_on_with_the_frames_that_are_missing(shot, tmp_path, monkeypatch):
    made, simulated = [], []
    write, simulate = physim.Folder.write, physim.simulate

    def failing(self, name, data):
        if name.startswith("frames/"):
            made.append(name)
            if len(made) == 4:
                raise OSError("no space left on device")
        write(self, name, data)

    monkeypatch.setattr(physim.Folder, "write", failing)
    monkeypatch.setattr(physim, "simulate", lambda *a, **k: simulated.append(1) or simulate(*a, **k))
    with pytest.raises(RuntimeError, match="frames 3 to 6 could not be rendered: OSError: no space left"):
        i2v.animate(shot, tmp_path / "clip.mp4", segments=2, workers=1)
    assert not (tmp_path / "clip.mp4").exists()
    segments._master.cache_clear()  # as in a new process
    parts = i2v.animate(shot, tmp_path / "clip.mp4", segments=2, workers=1)
    assert made[4:] == [f"frames/{n:07d}" for n in range(3, 7)] and len(simulated) == 1
    assert parts.path.read_bytes() == i2v.animate(shot, tmp_path / "whole.mp4").path.read_bytes()
    assert not (tmp_path / "clip.segments").exists()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_frames_are_packed_without_loss(kind):
    generator = np.random.default_rng(0)
    first = generator.integers(0, np.iinfo(kind).max, (6, 10, 3), dtype=kind, endpoint=True)
    second = first.copy()
    second[2:4, 5] = generator.integers(0, 255, (2, 3), dtype=kind)
    alone, after = _packed(first, None), _packed(second, first)
    assert np.array_equal(_unpacked(alone, None), first) and np.array_equal(_unpacked(after, first), second)
    assert len(after) < len(alone) / 2
    assert _unpacked(after, first).dtype == kind


@pytest.mark.parametrize(
    ("given", "words"),
    [({"segments": 0}, "expected 1 to 7"), ({"segments": 8}, "expected 1 to 7"), ({"workers": 2}, "without segments"),
     ({"segments": 2, "preset": "png"}, "expected to be a video file"),
     ({"segments": 2, "executor": "cloud"}, "expected one of local, ray, slurm"),
     ({"segments": 2, "workers": 2, "store": "memory://frames"}, "memory of this process")],
)  # fmt: skip
def test_what_cannot_be_made_in_segments_is_said_before_the_work(shot, tmp_path, given, words, monkeypatch):
    monkeypatch.setattr(physim, "simulate", None)
    target = tmp_path / ("clip" if "preset" in given else "clip.mp4")
    with pytest.raises(ValueError, match=words):
        i2v.animate(shot, target, **given)
    assert not list(tmp_path.iterdir())


def test_a_shot_and_its_video_may_lie_in_storage(shot, tmp_path, capsys):
    files = pytest.importorskip("fsspec").filesystem("memory")
    photo = tmp_path / "photos" / "coffee.png"
    photo.parent.mkdir()
    photo.write_bytes(locate(shot.photo).read_bytes())
    here = revised(shot, {"photo": str(photo), "seconds": 0.2}).save(tmp_path / "shot.yaml")
    for path in (here, photo):
        files.pipe_file(f"/clips/{path.relative_to(tmp_path)}", path.read_bytes())
    url = "memory://clips/shot.yaml"
    for count in (1, 2):  # of entries in the ledger
        assert main(["animate", url, "-o", "memory://clips/clip.mp4", "--quiet"]) == 0
        assert capsys.readouterr().out == "memory://clips/clip.mp4\n"
        assert files.cat_file("/clips/shot.ledger.json").count(b'"versions"') == count
    local = i2v.animate(url, tmp_path / "clip.mp4")
    assert files.cat_file("/clips/clip.mp4") == i2v.animate(here, tmp_path / "clip.mp4").path.read_bytes()
    assert local.path == tmp_path / "clip.mp4"
    names = {name.removeprefix("/clips/") for name in files.find("/clips")}
    assert names == {"shot.yaml", "photos/coffee.png", "clip.mp4", "clip.shot.resolved.yaml", "shot.ledger.json"}
    assert b"photo: photos/coffee.png" in files.cat_file("/clips/clip.shot.resolved.yaml")
