"""From a shot to files, for real and small: sound in time, narrow frames, other kinds of output."""

import av
import numpy as np
import pytest
from PIL import Image

from i2v.animate import animate
from i2v.media import soundtrack
from i2v.media.sound_file import read_wav
from physim.shot import OutputSpec, Shot
from physim.shot_check import output_size, whole_size
from physim.shot_file import ShotError, validate

HEIGHT = 0.2
THINGS = [
    {"name": "ball", "shape": {"sphere": 0.05}, "at": [0, HEIGHT + 0.05, -1.2], "rigid": {"material": "steel"}},
    {
        "name": "slider", "shape": {"box": [0.1, 0.1, 0.1]}, "at": [-0.3, 0.05, -1.5], "velocity": [1.5, 0, 0],
        "rigid": {"material": "wood", "friction": 0},
    },
]  # fmt: skip


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Runs a shot of a grey photo of 96 x 64 in which a ball falls and a box slides to the right."""
    monkeypatch.setenv("PHYSIM_CACHE", str(tmp_path / "cache"))
    v, u = np.mgrid[:64, :96]
    Image.fromarray(np.stack([100 + u, 90 + v, 120 + 0 * u], -1).astype(np.uint8)).save(tmp_path / "photo.png")

    def run(name, **output):
        shot = Shot(
            photo=tmp_path / "photo.png", things=THINGS, seconds=0.5, fps=24, generate={"model": "none"},
            hints={"camera": {"pitch": 15, "height": 0.5, "fov": 60}}, output={"ledger": False, **output},
        )  # fmt: skip
        return animate(shot, None if name is None else tmp_path / name)

    return run


def test_a_clip_that_is_not_written_has_its_sound(make):
    clip = make(None, audio=True)
    assert clip.audio.shape == (24_000, 2) and np.abs(clip.audio).max() > 0.1


def test_audio_true_is_enough_and_the_blow_is_heard_when_it_happens(make):
    summary = make("a.mp4", audio={"tone": 0, "stems": True})
    with av.open(str(summary.path)) as container:
        frames = list(container.decode(audio=0))
        assert container.streams.video[0].frames == 12
    samples = np.concatenate([f.to_ndarray() for f in frames], axis=1)
    blows, rate = read_wav(summary.path.with_name("a.blows.wav"))
    level = np.abs(blows).max(axis=1)
    assert np.argmax(level > 0.05 * level.max()) / rate == pytest.approx(np.sqrt(2 * HEIGHT / 9.81), abs=1e-3)
    early, late = (np.abs(samples[:, a:b]).max() for a, b in ((0, 9000), (9600, 14_400)))
    assert late > 20 * early  # the slide before it is much softer
    assert "sound" in summary.stages


def test_a_video_whose_sound_fails_is_there_and_says_so(make, monkeypatch):
    def breaks(*_, **__):
        raise MemoryError("no room for modes")

    monkeypatch.setattr(soundtrack, "synthesize", breaks)
    with pytest.warns(UserWarning, match=r"a\.mp4 is silent: its sound could not be made .no room for modes"):
        summary = make("a.mp4", audio=True)
    with av.open(str(summary.path)) as container:
        assert not container.streams.audio and container.streams.video[0].frames == 12


def test_a_square_frame_follows_the_box_and_is_a_sequence_with_exact_signals(make, tmp_path):
    summary = make("seq", preset="png", aspect="1:1", follow="slider", audio=True)
    assert summary.size == (64, 64)
    names = {f.name for f in summary.path.iterdir()}
    assert {"seq.0011.png", "seq.id.0011.png", "seq.flow.0000.png", "seq.depth.0005.png", "sound.wav"} <= names
    assert summary.resolved_shot.exists() and not list(tmp_path.glob("*.part"))
    centres = []
    for i in (0, 6, 11):
        ids = np.asarray(Image.open(summary.path / f"seq.id.{i:04d}.png"))
        mine = np.argwhere(ids == np.bincount(ids[ids > 0]).argmax())
        centres.append(mine[:, 1].mean())
    assert np.all(np.abs(np.array(centres) - 32) < 26)  # in an unmoved middle it would have left on the right


def test_a_shot_says_what_does_not_go_together(tmp_path):
    Image.new("RGB", (96, 64), "grey").save(tmp_path / "photo.png")

    def refused(**output):
        with pytest.raises(ShotError) as error:
            validate(Shot(photo=tmp_path / "photo.png", things=THINGS, output=output))
        return str(error.value)

    assert "expected a WAV file that is there" in refused(
        audio={"recordings": [{"material": "glass", "file": tmp_path / "no.wav"}]}
    )
    assert "Did you mean `glass`?" in refused(audio={"recordings": [{"material": "glas", "file": tmp_path / "n.wav"}]})
    assert "Did you mean `ball`?" in refused(aspect="9:16", follow="bal")
    assert "only a frame of another `aspect`" in refused(follow="ball")
    assert "expected height 114" in refused(aspect="9:16", width=64, height=64)
    assert "cannot be signed" in refused(preset="exr", credentials="test")
    assert "expected an even number" in refused(width=95, height=64, chroma="420")
    validate(Shot(photo=tmp_path / "photo.png", output={"width": 147, "chroma": "444"}))
    validate(Shot(photo=tmp_path / "photo.png", output={"width": 147}))


@pytest.mark.parametrize(
    ("output", "size", "whole"),
    [
        ({}, (332, 500), (332, 500)),
        ({"chroma": "444"}, (333, 500), (333, 500)),
        ({"preset": "exr", "width": 251}, (167, 251), (167, 251)),
        ({"aspect": "9:16"}, (332, 186), (332, 498)),
        ({"aspect": "1:1", "width": 1080}, (1080, 1080), (1080, 1622)),
        ({"aspect": "16:9"}, (282, 500), (333, 500)),
        ({"aspect": "9:16", "height": 1920}, (1920, 1080), (1920, 2883)),
    ],
)
def test_sizes_follow_from_photo_aspect_and_kind(output, size, whole):
    """Of a photo of 500 x 333; nothing but rounding to even sides changes its shape."""
    spec = OutputSpec.model_validate(output)
    assert (output_size(spec, (333, 500)), whole_size(spec, (333, 500))) == (size, whole)
