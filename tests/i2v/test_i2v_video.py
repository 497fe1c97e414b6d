"""Video out: right colours, same bytes every time, whole files or none."""

import os
import signal
import subprocess
import sys

import av
import numpy as np
import pytest

from i2v.media import video
from i2v.media.video import VideoError, VideoWriter, check_output

SIZE = (64, 96)


def frames(count=6, size=SIZE, seed=0):
    """A smooth moving picture, float32."""
    v, u = np.mgrid[: size[0], : size[1]].astype(np.float32)
    for i in range(count):
        yield np.stack(
            [0.5 + 0.4 * np.sin(u / 9 + i + seed), 0.5 + 0.4 * np.cos(v / 7 - i), 0.2 + 0.6 * u / size[1]], axis=-1
        ).astype(np.float32)


def write(path, pictures=None, size=SIZE, fps=24.0, **options):
    with VideoWriter(path, size, fps, **options) as writer:
        for picture in frames() if pictures is None else pictures:
            writer.write(picture)
    return path


def decoded(path):
    """(T, H, W, 3) uint8; PyAV converts with the matrix that the file names."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def left_in(folder):
    return sorted(f.name for f in folder.iterdir())


def test_what_is_written_is_read_back(tmp_path):
    got = decoded(write(tmp_path / "a.mp4", crf=10))
    expected = np.stack(list(frames()))
    assert got.shape == expected.shape
    assert np.sqrt(np.mean((got / 255 - expected) ** 2)) < 0.02  # 34 dB: 4:2:0 colour costs more than crf 10
    assert left_in(tmp_path) == ["a.mp4"]


@pytest.mark.parametrize("colour", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.2, 0.6, 0.9), (1, 1, 1), (0, 0, 0)])
def test_flat_colours_keep_their_value_by_the_matrix_of_bt709(tmp_path, colour):
    """ITU-R BT.709-6: Y = 0.2126 R + 0.7152 G + 0.0722 B, in 16..235; players trust the tag, so both must agree."""
    path = write(tmp_path / "a.mp4", [np.broadcast_to(np.float32(colour), (*SIZE, 3))] * 3, crf=1)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        luma = frame.to_ndarray(format="gray" if frame.format.name == "gray" else "yuv420p")[: SIZE[0], : SIZE[1]]
        context = container.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (1, 1, 1, 1)
    expected = 16 + 219 * np.dot((0.2126, 0.7152, 0.0722), colour)
    assert abs(float(luma.mean()) - expected) < 1.0  # one level of 8-bit luma
    assert np.abs(decoded(path)[0] / 255 - colour).max() < 0.02  # five levels: limited-range chroma, then back


def test_the_same_frames_give_the_same_bytes(tmp_path):
    first = write(tmp_path / "a.mp4", metadata={"comment": "same"}).read_bytes()
    assert write(tmp_path / "b.mp4", metadata={"comment": "same"}).read_bytes() == first
    assert write(tmp_path / "c.mp4", frames(seed=1), metadata={"comment": "same"}).read_bytes() != first


def test_sizes_that_are_no_multiple_of_16_stay_as_they_are(tmp_path):
    path = write(tmp_path / "a.mp4", frames(size=(54, 98)), size=(54, 98))
    assert decoded(path).shape[1:3] == (54, 98)


def test_bytes_and_floats_are_the_same_picture(tmp_path):
    whole = [np.rint(f * 255).astype(np.uint8) for f in frames()]
    floats = [f.astype(np.float32) / 255 for f in whole]
    assert write(tmp_path / "a.mp4", whole).read_bytes() == write(tmp_path / "b.mp4", floats).read_bytes()


@pytest.mark.parametrize(
    ("fps", "expected"), [(24, 24), (23.976, 24000 / 1001), (30000 / 1001, 30000 / 1001), (12.5, 12.5)]
)
def test_the_frame_rate_is_kept(tmp_path, fps, expected):
    with av.open(str(write(tmp_path / "a.mp4", fps=fps))) as container:
        assert float(container.streams.video[0].average_rate) == pytest.approx(expected, rel=1e-4)


def test_metadata_travels_in_the_file_whatever_it_contains(tmp_path):
    text = 'photo: "é=1;\\ #x"\nthings: []\n' + "long " * 50_000
    with av.open(str(write(tmp_path / "a.mp4", metadata={"comment": text}))) as container:
        assert container.metadata["comment"] == text


def test_the_index_stands_before_the_pictures(tmp_path):
    data = write(tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # a player can begin before it has the whole file


def test_an_error_in_between_leaves_nothing_and_keeps_the_old_file(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"the old one")
    with pytest.raises(RuntimeError, match="boom"), VideoWriter(tmp_path / "a.mp4", SIZE, 24) as writer:
        writer.write(next(frames()))
        raise RuntimeError("boom")
    assert (tmp_path / "a.mp4").read_bytes() == b"the old one"
    assert left_in(tmp_path) == ["a.mp4"]


def test_no_frames_are_no_video(tmp_path):
    with pytest.raises(VideoError, match="no frames"):
        write(tmp_path / "a.mp4", [])
    assert left_in(tmp_path) == []


FULL_DISK = """
import resource, sys
import numpy as np
from i2v.media import video
from i2v.media.video import VideoError, VideoWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
noise = np.random.default_rng(0).integers(0, 255, (256, 256, 3), np.uint8)
try:
    with VideoWriter(sys.argv[1], (256, 256), 24, crf=1) as writer:
        for i in range(200):
            writer.write(np.roll(noise, 7 * i, axis=1))
except VideoError as error:
    sys.exit(f"VideoError: {error}")
"""


def test_a_full_disk_stops_with_a_reason_and_leaves_nothing(tmp_path):
    """Files may not grow beyond 100 kB in this process: ffmpeg's writing fails as it does on a full disk."""
    result = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "a.mp4")], capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 1 and "VideoError" in result.stderr, result.stderr
    assert "could not be written" in result.stderr and "GB free" in result.stderr
    assert left_in(tmp_path) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full is Linux's")
def test_the_message_of_a_full_device_is_passed_on(tmp_path, monkeypatch):
    command = video._command
    monkeypatch.setattr(video, "_command", lambda *args: [*command(*args)[:-1], "/dev/full"])
    with pytest.raises(VideoError, match="No space left on device"):
        write(tmp_path / "a.mp4", frames(40, (256, 256)), size=(256, 256), crf=1)
    assert left_in(tmp_path) == []


def test_ffmpeg_that_dies_is_reported(tmp_path):
    with pytest.raises(VideoError, match="SIGKILL"), VideoWriter(tmp_path / "a.mp4", (256, 256), 24) as writer:
        os.kill(writer._process.pid, signal.SIGKILL)
        for frame in frames(200, (256, 256)):
            writer.write(frame)
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("size", "message"),
    [((63, 96), "96 x 62 or 96 x 64"), ((64, 97), "96 x 64 or 98 x 64"), ((0, 96), "at least 2 x 2")],
)
def test_odd_sizes_are_refused_with_the_even_neighbours_where_colour_is_to_be_coarse(tmp_path, size, message):
    with pytest.raises(ValueError, match=message):
        VideoWriter(tmp_path / "a.mp4", size, 24, chroma="420")
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (np.zeros((64, 95, 3), np.float32), r"frame 0 has shape \(64, 95, 3\), expected \(64, 96, 3\)"),
        (np.full((64, 96, 3), np.nan, np.float32), "frame 0 has values that are not finite"),
        (np.zeros((64, 96, 3), np.int32), "expected float sRGB"),
    ],
)
def test_frames_that_are_no_pictures_are_refused(tmp_path, frame, message):
    with pytest.raises(ValueError, match=message):
        write(tmp_path / "a.mp4", [frame])
    assert left_in(tmp_path) == []


def test_places_that_cannot_hold_a_video_are_refused_before_the_work(tmp_path):
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"ends in \.mp4"):
        check_output(tmp_path / "a.avi")
    with pytest.raises(VideoError, match="is a folder"):
        check_output(tmp_path / "folder.mp4")
    with pytest.raises(VideoError, match="is no folder"):
        check_output(tmp_path / "file" / "a.mp4")
    assert check_output(tmp_path / "new" / "a.mp4") == tmp_path / "new" / "a.mp4"
    assert not (tmp_path / "new").exists()  # asking makes nothing


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_4k_is_streamed_not_held(tmp_path):
    """24 frames of 3840 x 2160 are 600 MB as bytes; the writer must hold one of them."""
    code = (
        "import sys, numpy as np\n"
        "from i2v.media.video import VideoWriter\n"
        "frame = np.tile(np.linspace(0, 255, 3840).astype(np.uint8)[None, :, None], (2160, 1, 3))\n"
        "with VideoWriter(sys.argv[1], (2160, 3840), 24) as writer:\n"
        "    for i in range(24): writer.write(np.roll(frame, i, axis=1))\n"
        "print(next(l for l in open('/proc/self/status') if l.startswith('VmHWM')).split()[1])\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.mp4")], capture_output=True, text=True, check=True
    )
    kib = int(out.stdout)  # not ru_maxrss: it begins with what the process that started this one had
    assert kib < 400_000
    assert decoded(tmp_path / "a.mp4").shape[0] == 24
