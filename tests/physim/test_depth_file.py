"""Depth from files: every format and kind against the same depth, every mistake named."""

import numpy as np
import pytest
from PIL import Image

import physim.depth_file
from physim.camera import Camera
from physim.depth_file import FILE_KINDS, load_depth
from physim.view import plane_depth

SIZE = (45, 60)
DEPTH = plane_depth(Camera.looking(SIZE, pitch_deg=40, height=1.5), 0.0, far=100.0)


def save_picture(path, values):
    Image.fromarray(values.astype(np.uint16)).save(path)


def test_metres_in_an_array(tmp_path):
    np.save(tmp_path / "d.npy", DEPTH[..., None])  # an axis of length one is no harm
    assert np.array_equal(load_depth(tmp_path / "d.npy").depth, DEPTH)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_millimetres_in_a_picture_of_16_bits(tmp_path, suffix):
    counts = np.round(DEPTH * 1000)
    counts[3, 4] = 0
    save_picture(tmp_path / f"d.{suffix}", counts)
    result = load_depth(tmp_path / f"d.{suffix}")
    assert not result.valid[3, 4]
    assert np.abs(result.depth - DEPTH)[result.valid].max() <= 0.0005 + 1e-12


def test_the_unit_of_whole_numbers_can_be_told(tmp_path):
    save_picture(tmp_path / "kitti.png", DEPTH * 256)
    assert np.abs(load_depth(tmp_path / "kitti.png", unit=1 / 256).depth - DEPTH).max() <= 1 / 256
    np.save(tmp_path / "d.npy", (DEPTH * 1000).astype(np.uint16))
    assert np.abs(load_depth(tmp_path / "d.npy").depth - DEPTH).max() <= 0.001


def test_disparity_becomes_depth_up_to_a_factor(tmp_path):
    disparity = 80 / DEPTH
    disparity[0, 0] = 0
    np.save(tmp_path / "d.npy", disparity)
    result = load_depth(tmp_path / "d.npy", kind="disparity")
    assert result.kind == "scale"
    assert not result.valid[0, 0]
    assert np.ptp((result.depth / DEPTH)[result.valid]) < 1e-12


def test_relative_depth_of_8_bits_is_read_and_believed_less(tmp_path):
    Image.fromarray(np.round(255 / DEPTH / (1 / DEPTH).max()).astype(np.uint8)).save(tmp_path / "d.png")
    result = load_depth(tmp_path / "d.png", kind="relative")
    assert result.kind == "affine_inverse"
    assert result.confidence.max() == pytest.approx(0.5)
    with pytest.raises(ValueError, match="8 bits"):
        load_depth(tmp_path / "d.png")


def test_an_archive_says_all_of_itself(tmp_path):
    lens = np.array([[50.0, 0, 30], [0, 50.0, 22.5], [0, 0, 1]])
    sure = np.full(SIZE, 0.3)
    np.savez(tmp_path / "d.npz", depth=1 / DEPTH, kind="affine_inverse", intrinsics=lens, confidence=sure)
    result = load_depth(tmp_path / "d.npz")
    assert result.kind == "affine_inverse"
    assert np.array_equal(result.intrinsics, lens)
    assert np.allclose(result.confidence, 0.3)
    np.savez(tmp_path / "one.npz", whatever=DEPTH)
    assert np.array_equal(load_depth(tmp_path / "one.npz").depth, DEPTH)


@pytest.mark.parametrize("channel", ["Z", "depth.Z", "Y", "unheard-of"])
def test_exr_is_read_channel_by_channel(tmp_path, channel):
    openexr = pytest.importorskip("OpenEXR", reason="the extra `formats`")
    header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    with openexr.File(header, {channel: openexr.Channel(DEPTH.astype(np.float32))}) as file:
        file.write(str(tmp_path / "d.exr"))
    assert np.allclose(load_depth(tmp_path / "d.exr").depth, DEPTH, rtol=1e-6)


def test_without_the_extra_exr_is_refused_with_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "d.exr").write_bytes(b"v/1\x01")
    monkeypatch.setattr(physim.depth_file.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(NotImplementedError, match=r"physim\[formats\]"):
        load_depth(tmp_path / "d.exr")


def test_every_kind_can_be_asked_for(tmp_path):
    np.save(tmp_path / "d.npy", DEPTH)
    for kind, expected in FILE_KINDS.items():
        assert load_depth(tmp_path / "d.npy", kind=kind).kind == expected


def _write(path, what):
    if isinstance(what, bytes):
        path.write_bytes(what)
    elif isinstance(what, dict):
        np.savez(path, **what)
    elif isinstance(what, Image.Image):
        what.save(path)
    elif what is not None:
        np.save(path, what, allow_pickle=True)


@pytest.mark.parametrize(
    ("name", "what", "word"),
    [
        ("d.npy", b"", "damaged|cannot be read"),
        ("d.npy", b"hello, no array here", "cannot be read"),
        ("d.npy", np.array([{"a": 1}], dtype=object), "cannot be read"),
        ("d.npy", np.ones((4, 5), dtype=complex), "real numbers"),
        ("d.npy", np.ones((4, 5, 3)), "shape"),
        ("d.npy", np.ones(20), "shape"),
        ("d.npy", np.zeros((4, 5)), "no valid pixel"),
        ("d.npy", np.full((4, 5), np.nan), "no valid pixel"),
        ("d.npy", np.ones((0, 5)), "at least one pixel"),
        ("d.npz", b"PK\x03\x04 and then nothing", "damaged"),
        ("d.npz", {"a": np.ones((4, 5)), "b": np.ones((4, 5))}, "named depth"),
        ("d.npz", {"depth": np.ones((4, 5)), "kind": "distance"}, "distance"),
        ("d.npz", {"depth": np.ones((4, 5)), "valid": np.ones((5, 4))}, "valid has shape"),
        ("d.png", b"\x89PNG\r\n\x1a\n", "damaged"),
        ("d.png", Image.new("RGB", (5, 4)), "RGB"),
        ("d.png", Image.new("RGBA", (5, 4)), "RGBA"),
        ("d.jpg", Image.new("L", (5, 4)), "depth is read from"),
        ("d", b"", "depth is read from"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_file(tmp_path, name, what, word):
    path = tmp_path / name
    if name == "d":
        path.write_bytes(what)
    else:
        _write(path, what)
    with pytest.raises(ValueError, match=word) as error:
        load_depth(path)
    assert str(path) in str(error.value)


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such depth file"):
        load_depth(tmp_path / "d.npy")


def test_an_unknown_kind_and_a_useless_unit_are_named(tmp_path):
    np.save(tmp_path / "d.npy", DEPTH)
    with pytest.raises(ValueError, match="disparity"):
        load_depth(tmp_path / "d.npy", kind="distance")
    with pytest.raises(ValueError, match="metres per unit"):
        load_depth(tmp_path / "d.npy", unit=0.0)
