"""The watermark: not seen, found again, and not found where it is not. The table is made by benchmarks/watermark.py."""

import imageio_ffmpeg
import numpy as np
import pytest
import skimage
from PIL import Image

from i2v.media.video import VideoWriter
from i2v.media.watermark import PSNR, Marker
from i2v.media.watermark_detect import SCALES, detect
from i2v.media.watermark_pattern import from_bits, id_number, load_key, patterns, tile, to_bits

KEY, NUMBER = b"the studio's key", 0x0123456789AB


@pytest.fixture(scope="module")
def photo():
    path = f"{skimage.data_dir}/coffee.png"
    return np.asarray(Image.open(path).resize((600, 400)))


@pytest.fixture(scope="module")
def marked(photo):
    return Marker(KEY, NUMBER, photo.shape[:2])(photo)


def test_the_patterns_are_orthonormal_and_belong_to_their_key():
    flat = patterns(KEY).reshape(65, -1)
    assert np.allclose(flat @ flat.T, np.eye(65), atol=1e-5)
    other = patterns(b"another key").reshape(65, -1)
    assert np.abs(flat @ other.T).max() < 0.2  # 1/sqrt(900 dimensions of the band) is 0.033; five times that
    assert tile(KEY, NUMBER).std() == pytest.approx(1, abs=1e-3)


def test_numbers_survive_their_bits_and_any_one_or_two_wrong_bits_are_noticed():
    bits = to_bits(NUMBER)
    assert from_bits(bits) == NUMBER
    for i in range(64):
        for j in range(i, 64):
            wrong = bits.copy()
            wrong[[i, j]] *= -1
            assert from_bits(wrong) is None


def test_a_marked_frame_looks_the_same(photo, marked):
    error = np.mean((photo.astype(float) - marked) ** 2)
    assert 10 * np.log10(255**2 / error) >= 42
    light = Marker(KEY, NUMBER, (130, 130))(np.full((130, 130, 3), 0.5, np.float32))
    assert light.dtype == np.float32
    assert -20 * np.log10(np.std(light[..., 0])) == pytest.approx(PSNR, abs=0.05)
    assert np.array_equal(light[..., 0], light[..., 1])  # grey stays grey


def test_it_is_found_after_cropping_scaling_mirroring_and_brightness(marked):
    picture = Image.fromarray(marked)
    cases = {
        "itself": picture,
        "brighter": picture.point(lambda v: min(255, round(v * 1.2))),
        "darker": picture.point(lambda v: round(v * 0.8)),
        "cropped": picture.crop((31, 17, 31 + 540, 17 + 360)),
        "cropped and larger": picture.crop((10, 22, 550, 382)).resize((600, 400)),
        "mirrored": picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    }
    for name, case in cases.items():
        mark = detect([np.asarray(case)], KEY)
        assert (mark.bits == to_bits(NUMBER)).mean() >= 0.99, name
        assert mark.found and mark.id == "0123456789ab", name
        assert mark.mirrored == (name == "mirrored")


def test_it_survives_h264_at_a_low_rate(photo, tmp_path):
    marker = Marker(KEY, NUMBER, photo.shape[:2])
    with VideoWriter(tmp_path / "a.mp4", photo.shape[:2], 24, crf=28) as writer:
        for shift in range(4):
            writer.write(marker(np.roll(photo, shift, axis=1)))
    reader = imageio_ffmpeg.read_frames(str(tmp_path / "a.mp4"))
    next(reader)
    mark = detect([np.frombuffer(frame, np.uint8).reshape(photo.shape) for frame in reader], KEY, scales=(1.0,))
    assert mark.found and (mark.bits == to_bits(NUMBER)).mean() >= 0.99


def test_it_is_not_found_without_a_mark_or_with_another_key(photo, marked):
    few = (0.9, 1.0)  # all scales are looked at for the first, and for 1,000 pictures in benchmarks/watermark.py
    cases = (photo, KEY, SCALES), (marked, b"a wrong key", few), (np.full_like(photo, 128), KEY, few)
    for picture, key, scales in cases:
        mark = detect([picture], key, scales=scales)
        assert not mark.found and mark.id is None and mark.confidence == 0


def test_bad_input_is_said_in_words(tmp_path, photo):
    with pytest.raises(ValueError, match="at least 128 pixels"):
        Marker(KEY, NUMBER, (100, 200))
    with pytest.raises(ValueError, match="shape"):
        Marker(KEY, NUMBER, (200, 200))(photo)
    with pytest.raises(ValueError, match="no frames"):
        detect([], KEY)
    (tmp_path / "short").write_bytes(b"1234")
    with pytest.raises(ValueError, match="4 bytes"):
        load_key(tmp_path / "short")
    with pytest.raises(ValueError, match="no such file"):
        load_key(tmp_path / "none")
    with pytest.raises(ValueError, match="hexadecimal"):
        id_number("xyz")
