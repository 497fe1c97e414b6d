"""Sequences of pictures, read back by other programs; and frames of another aspect within the picture."""

import struct
import zlib

import av
import numpy as np
import pytest
from PIL import Image

from i2v.media.exr import write_exr
from i2v.media.hdr import linear_to_extended
from i2v.media.master import Frame
from i2v.media.png import write_png
from i2v.media.reframe import frame_path, framed
from i2v.media.sequence import SequenceWriter, check_sequence
from i2v.media.video import VideoError

SIZE = (37, 53)


def picture(size=SIZE):
    v, u = np.mgrid[: size[0], : size[1]].astype(np.float32)
    return np.stack([u / size[1], v / size[0], 0.2 + 0 * u], axis=-1)


def known(size=SIZE):
    v, u = np.mgrid[: size[0], : size[1]].astype(np.float32)
    return {
        "depth": 1 + u, "flow": np.stack([u - 20.25, v - 10.5], axis=-1), "ids": (u > 20).astype(np.uint16) * 3,
        "density": np.clip(v / size[0], 0, 1),
    }  # fmt: skip


def read_exr(path):
    """Channels of a file by the format's own description: an independent, slow reader. Also its text attributes."""
    data = path.read_bytes()
    assert struct.unpack("<II", data[:8]) == (20000630, 2)
    at, attributes = 8, {}
    while data[at]:
        name_end = data.index(b"\0", at)
        kind_end = data.index(b"\0", name_end + 1)
        (size,) = struct.unpack("<i", data[kind_end + 1 : kind_end + 5])
        attributes[data[at:name_end].decode()] = data[kind_end + 5 : kind_end + 5 + size]
        at = kind_end + 5 + size
    listed, names, p = attributes["channels"], [], 0
    while listed[p]:
        end = listed.index(b"\0", p)
        names.append((listed[p:end].decode(), ("<u4", "<f2", "<f4")[struct.unpack("<i", listed[end + 1 : end + 5])[0]]))
        p = end + 17
    _, _, right, bottom = struct.unpack("<4i", attributes["dataWindow"])
    rows, cols = bottom + 1, right + 1
    planes = {n: np.zeros((rows, cols), k) for n, k in names}
    line = sum(np.dtype(k).itemsize for _, k in names) * cols
    for block in range(-(-rows // 16)):
        (start,) = struct.unpack("<Q", data[at + 1 + 8 * block : at + 9 + 8 * block])
        first, size = struct.unpack("<ii", data[start : start + 8])
        raw, want = data[start + 8 : start + 8 + size], line * min(16, rows - first)
        if size < want:
            d = np.frombuffer(zlib.decompress(raw), np.uint8).astype(np.int64)
            d[1:] -= 128
            d = (np.cumsum(d) & 255).astype(np.uint8)
            out, half = np.zeros(want, np.uint8), (want + 1) // 2
            out[0::2], out[1::2] = d[:half], d[half:]
            raw = out.tobytes()
        p = 0
        for row in range(first, min(first + 16, rows)):
            for n, k in names:
                planes[n][row] = np.frombuffer(raw, k, cols, p)
                p += np.dtype(k).itemsize * cols
    return planes, attributes


def test_exr_frames_hold_every_channel_to_the_bit(tmp_path):
    with SequenceWriter(tmp_path / "cup", SIZE, 25, kind="exr", metadata={"comment": "the shot: é"}) as writer:
        writer.write(picture(), known())
    (file,) = (tmp_path / "cup").iterdir()
    assert file.name == "cup.0000.exr"
    planes, attributes = read_exr(file)
    truth = known()
    assert np.array_equal(planes["depth.Z"], truth["depth"])
    assert np.array_equal(np.stack([planes["flow.u"], planes["flow.v"]], -1), truth["flow"])
    assert np.array_equal(planes["id.X"], truth["ids"])
    assert planes["density.A"] == pytest.approx(truth["density"], abs=5e-4)
    x = picture()[..., 0]
    linear = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    assert planes["R"] == pytest.approx(linear, rel=1e-3, abs=1e-4)  # half precision
    assert attributes["comments"].decode() == "the shot: é"
    assert struct.unpack("<iI", attributes["framesPerSecond"]) == (25, 1)


def test_another_program_sees_the_same_colours(tmp_path):
    """FFmpeg's decoder of EXR, float RGB planes."""
    rng = np.random.default_rng(0)
    noise = rng.random((40, 61), dtype=np.float32)  # does not get smaller by ZIP
    path = write_exr(tmp_path / "a.exr", {"R": noise, "G": 2 * noise, "B": np.zeros_like(noise)})
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    assert (frame.height, frame.width) == (40, 61)
    got = frame.to_ndarray() if frame.format.name == "gbrpf32le" else frame.reformat(format="gbrpf32le").to_ndarray()
    assert got[..., 0] == pytest.approx(noise, abs=1e-6) and got[..., 1] == pytest.approx(2 * noise, abs=1e-6)


def test_light_beyond_white_stays_in_exr(tmp_path):
    bright = np.full((*SIZE, 3), float(linear_to_extended(np.float32(3.5))), np.float32)
    with SequenceWriter(tmp_path / "a", SIZE, 24, kind="exr") as writer:
        writer.write(bright)
    planes, _ = read_exr(tmp_path / "a" / "a.0000.exr")
    assert planes["G"] == pytest.approx(3.5, rel=2e-3)


def test_png_frames_have_sixteen_bits_and_their_signals_beside(tmp_path):
    with SequenceWriter(tmp_path / "cup", SIZE, 24, kind="png", metadata={"comment": "the shot"}) as writer:
        writer.write(picture(), known())
        writer.write(picture(), known())
    names = sorted(f.name for f in (tmp_path / "cup").iterdir())
    assert names[:2] == ["cup.0000.png", "cup.0001.png"] and "cup.flow.0001.png" in names and len(names) == 10
    with av.open(str(tmp_path / "cup" / "cup.0000.png")) as container:
        frame = next(container.decode(video=0))
        assert frame.format.name == "rgb48be"
        got = frame.to_ndarray(format="rgb48le").astype(np.float64) / 65535
    assert got == pytest.approx(picture(), abs=1e-4)
    assert Image.open(tmp_path / "cup" / "cup.0000.png").text["comment"] == "the shot"
    depth = np.asarray(Image.open(tmp_path / "cup" / "cup.depth.0000.png")).astype(np.float64) / 256
    assert depth == pytest.approx(known()["depth"], abs=1 / 256)
    with av.open(str(tmp_path / "cup" / "cup.flow.0000.png")) as container:
        flow = next(container.decode(video=0)).to_ndarray(format="rgb48le").astype(np.float64)
    assert (flow[..., :2] - 2**15) / 64 == pytest.approx(known()["flow"], abs=1 / 64)


def test_a_broken_sequence_leaves_nothing_and_keeps_the_old_one(tmp_path):
    with SequenceWriter(tmp_path / "a", SIZE, 24, kind="png") as writer:
        writer.write(picture())
    with pytest.raises(RuntimeError), SequenceWriter(tmp_path / "a", SIZE, 24, kind="png") as writer:
        writer.write(picture())
        raise RuntimeError
    assert [f.name for f in tmp_path.iterdir()] == ["a"]
    with SequenceWriter(tmp_path / "a", SIZE, 24, kind="exr") as writer:
        writer.write(picture())
    assert [f.name for f in (tmp_path / "a").iterdir()] == ["a.0000.exr"]


def test_names_and_values_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(ValueError, match="expected a name without a suffix"):
        check_sequence(tmp_path / "a.mp4", "exr")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("keep")
    with pytest.raises(VideoError, match="is no sequence of pictures"):
        check_sequence(tmp_path / "mine", "exr")
    with pytest.raises(VideoError, match="no frames"), SequenceWriter(tmp_path / "b", SIZE, 24):
        pass
    with SequenceWriter(tmp_path / "b", SIZE, 24) as writer:
        writer.write(picture())
        with pytest.raises(ValueError, match="not finite"):
            writer.write(picture() * np.nan)
        with pytest.raises(ValueError, match="signal 'depth'"):
            writer.write(picture(), {"depth": np.zeros((2, 2))})
    with pytest.raises(ValueError, match="expected uint16"):
        write_png(tmp_path / "a.png", np.zeros((4, 4)))
    with pytest.raises(ValueError, match="expected one"):
        write_exr(tmp_path / "a.exr", {"R": np.zeros((2, 2), np.float32), "G": np.zeros((3, 2), np.float32)})


WHOLE, TALL = (200, 400), (200, 112)


def test_the_frame_follows_its_subject_and_stays_in_the_picture():
    across = np.linspace(0, 1, 120)
    path = frame_path(np.stack([across, 0 * across + 0.5], 1), WHOLE, TALL, 24.0)
    assert path[:, 0].min() >= 0 and path[:, 0].max() <= 400 - 112 and not path[:, 1].any()
    middle = slice(40, 80)
    assert path[middle, 0] + 56 == pytest.approx(across[middle] * 400, abs=3)  # smoothing keeps a line
    assert np.all(np.diff(path[:, 0]) >= -1e-9)


def test_a_subject_that_trembles_does_not_shake_the_frame():
    rng = np.random.default_rng(0)
    path = frame_path(0.5 + 0.005 * rng.uniform(-1, 1, (60, 2)), WHOLE, TALL, 24.0)
    assert not np.ptp(path, axis=0).any() and np.array_equal(path, np.rint(path))


def test_whole_pixels_are_copied_and_lines_survive_between_them():
    image = picture((40, 60))
    assert np.array_equal(framed(image, np.array([7.0, 3.0]), (20, 30)), image[3:23, 7:37])
    got = framed(image, np.array([7.25, 3.5]), (20, 30))
    assert got[..., 0] == pytest.approx(image[3:23, 7:37, 0] + 0.25 / 60, abs=1e-6)
    assert got[..., 1] == pytest.approx(image[3:23, 7:37, 1] + 0.5 / 40, abs=1e-6)


def test_flow_is_that_within_the_moving_frame():
    part = Frame((20, 30), np.array([[0.0, 0.0], [4.0, 1.0]]))
    cut = part.signals(known(), 0)
    assert cut["flow"] == pytest.approx(known()["flow"][:20, :30] - (4.0, 1.0))
    assert np.array_equal(cut["ids"], known()["ids"][:20, :30])
    last = part.signals(known(), 1)
    assert last["flow"] == pytest.approx(known()["flow"][1:21, 4:34])


def test_a_frame_larger_than_the_picture_is_refused():
    with pytest.raises(ValueError, match="expected at most 400 x 200"):
        frame_path(np.full((3, 2), 0.5), WHOLE, (300, 100), 24)
