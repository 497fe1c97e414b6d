"""Every kind of video, read back by another program: what it is, what it says it is, and how it fails."""

import os
import signal
import subprocess
import sys
import time

import av
import numpy as np
import pytest

from i2v.media import presets, video
from i2v.media.hdr import extended_to_linear, linear_to_extended, pq
from i2v.media.presets import PRESETS
from i2v.media.video import VideoError, VideoWriter, check_output

SIZE = (64, 96)
KINDS = [
    ("web", ".mp4", None, "h264", "yuv420p", (1, 1, 1)),
    ("web", ".mp4", "444", "h264", "yuv444p", (1, 1, 1)),
    ("hevc10", ".mp4", None, "hevc", "yuv420p10le", (1, 1, 1)),
    ("av1", ".mp4", None, "av1", "yuv420p10le", (1, 1, 1)),
    ("prores", ".mov", None, "prores", "yuv422p10le", (1, 1, 1)),
    ("hdr10", ".mp4", None, "hevc", "yuv420p10le", (9, 16, 9)),
]


def frames(count=6, size=SIZE):
    v, u = np.mgrid[: size[0], : size[1]].astype(np.float32)
    for i in range(count):
        yield np.stack([0.2 + 0.6 * u / size[1], 0.2 + 0.6 * v / size[0], 0 * u + 0.1 * i], axis=-1)


def write(path, pictures=None, size=SIZE, fps=25.0, **options):
    with VideoWriter(path, size, fps, **options) as writer:
        for picture in frames(size=size) if pictures is None else pictures:
            writer.write(picture)
    return path


@pytest.mark.parametrize(("preset", "suffix", "chroma", "codec", "pixels", "tags"), KINDS)
def test_every_preset_is_read_back_as_what_it_is(tmp_path, preset, suffix, chroma, codec, pixels, tags):
    path = write(tmp_path / f"a{suffix}", preset=preset, chroma=chroma, crf=8, metadata={"comment": "the shot"})
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        decoded = [f for f in container.decode(video=0)]
        assert codec in (context.name, context.codec.canonical_name)
        assert (context.height, context.width, context.pix_fmt) == (*SIZE, pixels)
        assert (context.color_primaries, context.color_trc, context.colorspace) == tags
        assert context.color_range == 1
        assert stream.average_rate == 25 and len(decoded) == 6
        assert float(stream.duration * stream.time_base) == pytest.approx(6 / 25)
        assert container.metadata["comment"] == "the shot"
    if preset != "hdr10":
        got = decoded[-1].to_ndarray(format="rgb24") / 255
        assert np.sqrt(np.mean((got - list(frames())[-1]) ** 2)) < 0.02
    assert [f.name for f in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(("preset", "suffix"), [("web", ".mp4"), ("hevc10", ".mp4"), ("prores", ".mov")])
def test_odd_sizes_are_kept_to_the_pixel_with_full_colour(tmp_path, preset, suffix):
    path = write(tmp_path / f"a{suffix}", size=(63, 95), preset=preset, chroma="444")
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).to_ndarray(format="rgb24").shape == (63, 95, 3)


@pytest.mark.parametrize(
    ("preset", "suffix", "pixels"),
    [
        ("web", ".mp4", "yuv444p"), ("hevc10", ".mov", "yuv444p10le"), ("hdr10", ".mp4", "yuv444p10le"),
        ("av1", ".mp4", "yuv420p10le"), ("prores", ".mov", "yuv422p10le"),
    ],
)  # fmt: skip
def test_odd_sizes_are_written_to_the_pixel_by_every_preset(tmp_path, preset, suffix, pixels):
    path = write(tmp_path / f"a{suffix}", size=(75, 101), preset=preset)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frame = next(container.decode(stream))
        assert (frame.height, frame.width, frame.format.name) == (75, 101, pixels)
        assert (stream.codec_context.height, stream.codec_context.width) == (75, 101)
        last = frame.to_ndarray(format="rgb24")
    if preset != "hdr10":  # the last row and column are those of the picture
        expected = next(frames(size=(75, 101)))
        assert np.abs(last[-1] / 255 - expected[-1]).mean() < 0.05
        assert np.abs(last[:, -1] / 255 - expected[:, -1]).mean() < 0.05


@pytest.mark.parametrize("fps", [24, 25, 30, 50, 60])
def test_rates_are_those_that_were_asked_for(tmp_path, fps):
    with av.open(str(write(tmp_path / "a.mp4", fps=fps, preset="av1"))) as container:
        assert container.streams.video[0].average_rate == fps


def test_ten_bits_hold_more_than_eight(tmp_path):
    """A ramp over a tenth of the range: 8 bits have 22 levels of luma there, 10 bits 88."""
    ramp = np.broadcast_to(np.linspace(0.4, 0.5, 256, dtype=np.float32)[None, :, None], (64, 256, 3))
    levels = {}
    for preset in ("web", "hevc10"):
        with av.open(str(write(tmp_path / f"{preset}.mp4", [ramp], (64, 256), preset=preset, crf=0))) as container:
            frame = next(container.decode(video=0))
            plane = np.frombuffer(frame.planes[0], np.uint8 if preset == "web" else np.uint16)
            levels[preset] = len(np.unique(plane.reshape(64, -1)[:, :256]))
    assert levels["hevc10"] > 2.5 * levels["web"]


def test_white_of_hdr_is_203_candelas_and_a_highlight_is_brighter(tmp_path):
    """BT.2100: 203 cd/m^2 is a PQ signal of 0.5807; three times the light of photo white is 609 cd/m^2, 0.698."""
    assert float(pq(203.0)) == pytest.approx(0.5807, abs=5e-4)
    assert float(pq(10_000.0)) == pytest.approx(1.0)
    bright = float(linear_to_extended(np.float32(3.0)))
    for value, signal_ in ((1.0, 0.5807), (bright, float(pq(609.0)))):
        path = write(tmp_path / "a.mp4", [np.full((*SIZE, 3), value, np.float32)] * 3, preset="hdr10", crf=0)
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
            assert {d.type.name for d in frame.side_data} >= {"MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"}
            luma = np.frombuffer(frame.planes[0], np.uint16).reshape(SIZE[0], -1)[:, : SIZE[1]].mean()
        assert (luma - 64) / 876 == pytest.approx(signal_, abs=1.5e-3)  # one level of ten bits


def test_the_curve_of_srgb_goes_on_above_white_and_back():
    x = np.linspace(0, 8, 100, dtype=np.float32)
    assert extended_to_linear(linear_to_extended(x)) == pytest.approx(x, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.mp4", dict(preset="prores"), r"ends in \.mov \(preset prores\)"),
        ("a.mp4", dict(preset="vhs"), "expected one of web, hevc10, av1, prores, hdr10"),
        ("a.mp4", dict(chroma="422", preset="av1"), "the preset 'av1' has 420"),
        ("a.mp4", dict(audio="a.wav", audio_codec="pcm"), "expected aac or flac in a .mp4 file"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, name, options, message):
    with pytest.raises(ValueError, match=message):
        VideoWriter(tmp_path / name, SIZE, 24, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_encoder_is_named_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(video, "encoders", lambda: frozenset({"libx264"}))
    monkeypatch.setattr(presets, "encoders", lambda: frozenset({"libx264"}))
    with pytest.raises(VideoError, match=r"no encoder libsvtav1, which the preset 'av1' needs; .* presets web"):
        check_output(tmp_path / "a.mp4", "av1")
    assert check_output(tmp_path / "a.mp4", "web")


def test_the_encoders_are_those_that_ffmpeg_lists():
    assert {p.encoder for p in PRESETS.values()} <= presets.encoders()


def test_a_sound_file_that_is_none_fails_with_ffmpegs_words(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"rubbish")
    with pytest.raises(VideoError, match="could not be written"):
        write(tmp_path / "a.mp4", (f for f in frames(400)), audio=tmp_path / "a.wav")
    assert [f.name for f in tmp_path.iterdir()] == ["a.wav"]


KILLED = """
import sys, numpy as np
from i2v.media.video import VideoWriter
with VideoWriter(sys.argv[1], (64, 96), 24) as writer:
    print("begun", flush=True)
    while True: writer.write(np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_kill_9_leaves_no_file_under_the_final_name(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "a.mp4")], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"begun\n"
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(0.5)  # ffmpeg sees the end of its input
    assert not (tmp_path / "a.mp4").exists()
