"""Files for other projects' models, against motion whose answer is known: shape, type, unit, place and time."""

import io
import pickle
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from toy_conditions import toy_conditions

from i2v.export import ATI_FRAMES, COG_FRAMES, WAN_AREA, export_ati, export_go_with_the_flow, export_wan_move
from i2v.metrics.video_in import as_footage

SPEED = np.array([1.5, -0.5], np.float32)
"""Of the whole picture [pixels/frame]."""


@pytest.fixture(scope="module")
def drifting():
    """Eleven frames of 60 x 90 pixels, in which everything moves alike."""
    toy = toy_conditions(frames=11, height=60, width=90)
    flow = np.broadcast_to(SPEED, toy.flow.shape).copy()
    return replace(toy, flow=flow, occlusion=np.zeros_like(toy.occlusion))


def bytes_of_pth(path):
    """What ``torch.load`` gives, without torch."""
    with zipfile.ZipFile(path) as archive:
        return pickle.loads(archive.read("archive/data.pkl"))


def test_points_for_wan_move_are_where_the_flow_takes_them_in_pixels_of_the_exported_picture(drifting, tmp_path):
    made = export_wan_move(drifting, tmp_path / "new" / "folder", spacing=10)
    tracks, seen = np.load(made.files["tracks"]), np.load(made.files["visibility"])
    rows, cols = made.size
    assert tracks.shape == (81, 54, 2) and tracks.dtype == np.float32 and seen.shape == (81, 54) and seen.dtype == bool
    assert Image.open(made.files["image"]).size == (cols, rows)
    # 81 samples of 10 intervals: an eighth of a frame from one to the next, and the picture is larger than the grid
    step = SPEED / 8 * (cols / 90, rows / 60)
    both = seen[:-1] & seen[1:]
    np.testing.assert_allclose((tracks[1:] - tracks[:-1])[both], np.tile(step, (both.sum(), 1)), atol=1e-3)
    np.testing.assert_allclose(tracks[0, 0], (5 * cols / 90, 5 * rows / 60), rtol=1e-5)


def test_a_point_that_leaves_the_picture_is_no_longer_seen(drifting, tmp_path):
    made = export_wan_move(drifting, tmp_path, spacing=10)
    tracks, seen = np.load(made.files["tracks"]), np.load(made.files["visibility"])
    # the point at (85, 5) of 90 x 60 is at (88, 4), then (89.5, 3.5), then outside
    last = int(np.flatnonzero(seen[:, 8]).max())
    assert np.allclose(tracks[0, 8] * np.array([90, 60]) / made.size[::-1], (85, 5), atol=1e-3) and last == 3 * 8
    assert seen[0].all() and not seen[-1].all()


@pytest.mark.parametrize(("height", "width"), [(60, 90), (60, 104), (104, 60), (24, 200)])
def test_the_picture_has_a_size_that_wan_does_not_change(height, width, tmp_path):
    made = export_wan_move(toy_conditions(frames=2, height=height, width=width), tmp_path)
    rows, cols = made.size
    aspect = rows / cols  # what Wan makes of a picture: sides of about its area, cut down to multiples of 16
    assert made.size == tuple(16 * int(np.sqrt(area) // 16) for area in (WAN_AREA * aspect, WAN_AREA / aspect))
    assert 0.9 * WAN_AREA < rows * cols <= WAN_AREA
    # each side lies within 16 pixels of where the aspect would have it
    assert abs(np.log(aspect * width / height)) < 16 / min(made.size)


def test_ati_gets_eighths_of_a_pixel_and_one_hundred_and_twenty_one_samples(drifting, tmp_path):
    moved, fine = (
        export_wan_move(drifting, tmp_path / "a", spacing=20),
        export_ati(drifting, tmp_path / "b", spacing=20),
    )
    array = np.load(io.BytesIO(bytes_of_pth(fine.files["tracks"])))["array"]
    tracks, seen = np.load(moved.files["tracks"]), np.load(moved.files["visibility"])
    assert array.shape == (12, ATI_FRAMES, 1, 3) and array.dtype == np.float32
    # first and last samples are of the same times
    np.testing.assert_allclose(array[:, [0, -1], 0, :2] / 8, tracks[[0, -1]].transpose(1, 0, 2), atol=1e-3)
    assert np.array_equal(array[:, 0, 0, 2], 8.0 * seen[0]) and set(np.unique(array[..., 2])) <= {0.0, 8.0}
    # ATI shows every sample, the later two of each three: 1 + 80 frames
    assert 1 + len(np.repeat(np.arange(1, ATI_FRAMES), 2)[1::3]) == 81
    assert fine.fps == pytest.approx(drifting.fps * 80 / 10)


def test_noise_for_go_with_the_flow_is_white_in_a_frame_and_follows_the_motion(drifting, tmp_path):
    cell = replace(drifting, flow=np.broadcast_to(np.float32([1, 0]), drifting.flow.shape).copy())
    made = export_go_with_the_flow(cell, tmp_path, seed=3)
    noise = np.load(made.files["noise"])
    assert noise.shape == (COG_FRAMES, 60, 90, 16) and noise.dtype == np.float32
    assert abs(noise[24].std() - 1) < 0.01 and abs(noise[24].mean()) < 0.01  # 86,400 values: 4 deviations
    assert np.array_equal(noise[-1][:, 20:], noise[0][:, 10:-10])  # ten frames, a latent pixel per frame
    assert np.array_equal(np.load(export_go_with_the_flow(cell, tmp_path, seed=3).files["noise"]), noise)


def test_the_video_for_go_with_the_flow_is_the_coarse_composite(drifting, tmp_path):
    made = export_go_with_the_flow(drifting, tmp_path)
    frames = as_footage(made.files["video"], size=(480, 720)).frames
    assert frames.shape == (COG_FRAMES, 480, 720, 3)
    small = frames[0].reshape(60, 8, 90, 8, 3).mean((1, 3)) / 255
    assert np.abs(small - drifting.coarse[0]).mean() < 0.02  # coded, and resampled once
    assert made.fps == pytest.approx(drifting.fps * 48 / 10)


def test_what_cannot_be_exported_is_said_with_what_to_do(drifting, tmp_path):
    with pytest.raises(ValueError, match="expected two or more: nothing moves"):
        export_wan_move(drifting.part(0, 1), tmp_path)
    with pytest.raises(ValueError, match=r"90 x 30 pixels, expected the aspect of 90 x 60; crop the"):
        export_ati(drifting, tmp_path, image=np.zeros((30, 90, 3), np.float32))
    with pytest.raises(ValueError, match="expected the aspect of 720 x 480"):
        export_go_with_the_flow(toy_conditions(frames=2, height=32, width=80), tmp_path)
