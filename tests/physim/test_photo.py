"""Photos in: orientation, colour, depth of colour, lens, and everything that is refused."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile

import physim
from physim.photo import Photo, PhotoError, locate, picture_size

ONE_LEVEL = 1 / 255 + 1e-6  # 8-bit files are exact to half a level; colour conversion rounds once more


def gradient(height=24, width=40):
    u = np.linspace(0, 255, width, dtype=np.uint8)[None, :, None]
    v = np.linspace(0, 255, height, dtype=np.uint8)[:, None, None]
    return np.concatenate(np.broadcast_arrays(u, v, np.uint8(60)), axis=2).copy()


def png_header(width, height):
    """A PNG that promises width x height pixels and holds none: 60 bytes."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_pixels_of_a_png_are_the_same_numbers(tmp_path):
    Image.fromarray(gradient()).save(tmp_path / "a.png")
    photo = physim.Photo.load(tmp_path / "a.png")
    assert photo.size == (24, 40) and photo.image.dtype == np.float32
    np.testing.assert_allclose(photo.image * 255, gradient(), atol=1e-4)  # float32 rounding


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_comes_out_upright(tmp_path, orientation):
    """EXIF 2.3 table 6: how the stored rows and columns map to the upright picture."""
    upright = gradient()
    undo = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(undo(upright))).save(tmp_path / "a.png", exif=exif)
    photo = Photo.load(tmp_path / "a.png")
    assert picture_size(tmp_path / "a.png") == photo.size == (24, 40)
    np.testing.assert_allclose(photo.image * 255, upright, atol=1e-4)


def test_focal_length_of_exif_gives_pixels(tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8769)[0xA405] = 27
    Image.fromarray(gradient()).save(tmp_path / "a.jpg", exif=exif)
    photo = Photo.load(tmp_path / "a.jpg")
    assert photo.focal_35mm == 27 and photo.exif["make"] == "Maker"
    assert photo.focal_guess() == (pytest.approx(27 / 36 * 40), "exif")


def test_without_exif_the_view_is_sixty_degrees_wide():
    focal, source = Photo(np.zeros((20, 40, 3))).focal_guess()
    assert source == "default" and np.degrees(2 * np.arctan(20 / focal)) == pytest.approx(60)


def test_a_zero_focal_length_means_unknown(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 0
    Image.fromarray(gradient()).save(tmp_path / "a.jpg", exif=exif)
    assert Photo.load(tmp_path / "a.jpg").focal_35mm is None


def test_sixteen_bit_grey_keeps_its_depth(tmp_path):
    grey = np.linspace(0, 65535, 20 * 30).reshape(20, 30).astype(np.uint16)
    Image.fromarray(grey).save(tmp_path / "a.png")
    image = Photo.load(tmp_path / "a.png").image
    np.testing.assert_allclose(image[..., 0] * 65535, grey, atol=0.01)
    assert (image[..., 0] == image[..., 2]).all()


@pytest.mark.parametrize("mode", ["L", "P", "1", "LA", "CMYK", "YCbCr"])
def test_every_ordinary_kind_of_picture_is_read(tmp_path, mode):
    picture = Image.fromarray(gradient()).convert("L").convert(mode)
    path = tmp_path / ("a.tif" if mode in ("CMYK", "YCbCr") else "a.png")
    picture.save(path)
    expected = np.asarray(picture.convert("RGB"), dtype=np.float32)
    np.testing.assert_allclose(Photo.load(path).image * 255, expected, atol=255 * ONE_LEVEL)


def test_alpha_is_laid_on_white(tmp_path):
    rgba = np.zeros((16, 16, 4), np.uint8)
    rgba[:, 8:] = (255, 0, 0, 128)
    Image.fromarray(rgba).save(tmp_path / "a.png")
    image = Photo.load(tmp_path / "a.png").image
    np.testing.assert_allclose(image[0, 0], 1.0)
    np.testing.assert_allclose(image[0, 15], (1, 127 / 255, 127 / 255), atol=1e-6)


def test_an_icc_profile_is_converted_to_srgb(tmp_path):
    """A linear-light profile: 50 % grey in the file is 73.5 % in sRGB (IEC 61966-2-1)."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    linear = _with_linear_curves(lab)
    Image.new("RGB", (16, 16), (128, 128, 128)).save(tmp_path / "a.png", icc_profile=linear)
    value = 128 / 255
    expected = 1.055 * value ** (1 / 2.4) - 0.055
    np.testing.assert_allclose(Photo.load(tmp_path / "a.png").image, expected, atol=2 * ONE_LEVEL)


def _with_linear_curves(profile: bytes) -> bytes:
    """The sRGB profile with its tone curves replaced by the identity and its name changed."""
    count = struct.unpack(">I", profile[128:132])[0]
    data = bytearray(profile.replace("sRGB".encode("utf-16-be"), "LINE".encode("utf-16-be")).replace(b"sRGB", b"LINE"))
    for i in range(count):
        name, offset, _ = struct.unpack(">4sII", profile[132 + 12 * i : 144 + 12 * i])
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            identity = b"para" + bytes(4) + struct.pack(">HHi", 0, 0, 1 << 16)  # function 0: y = x^1
            data[offset : offset + len(identity)] = identity
    return bytes(data)


def test_a_damaged_profile_is_ignored(tmp_path):
    Image.fromarray(gradient()).save(tmp_path / "a.png", icc_profile=b"no profile at all")
    np.testing.assert_allclose(Photo.load(tmp_path / "a.png").image * 255, gradient(), atol=1e-4)


@pytest.mark.parametrize("name", ["coffee.png", "rocket.jpg"])
def test_photos_of_scikit_image_are_found(name):
    photo = Photo.load(f"skimage:{name}")
    assert photo.path == locate(f"skimage:{name}") and photo.path.name == name
    assert photo.size == picture_size(f"skimage:{name}")


def test_an_animation_gives_its_first_frame_and_says_so(tmp_path):
    frames = [Image.new("RGB", (20, 20), c) for c in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with pytest.warns(UserWarning, match="2 frames"):
        image = Photo.load(tmp_path / "a.gif").image
    np.testing.assert_allclose(image[0, 0], (1, 0, 0))


def jpeg(fraction):
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(file, "JPEG")
    return file.getvalue()[: int(fraction * file.tell())]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("text.png", b"this is not a picture at all\n", "it is text that begins 'this is not a picture"),
        ("empty.png", b"", "empty"),
        ("cut.jpg", jpeg(0.5), "damaged or cut off"),
        ("tiny.png", png_header(1, 1), "1 x 1 pixels, expected at least 16"),
        ("huge.png", png_header(20_000, 20_000), "400 megapixels, expected at most 64"),
        ("large.png", png_header(10_000, 10_000), "100 megapixels, expected at most 64"),
        ("hollow.png", png_header(100, 100), "damaged or cut off"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_used_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PhotoError, match=message) as caught:
        Photo.load(tmp_path / name)
    assert name in str(caught.value)


def test_half_a_jpeg_is_refused_even_if_another_library_allows_it(tmp_path, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    (tmp_path / "cut.jpg").write_bytes(jpeg(0.7))
    with pytest.raises(PhotoError, match="cut off"):
        Photo.load(tmp_path / "cut.jpg")
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True  # left as the other library wants it


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(PhotoError, match="no such file"):
        Photo.load(tmp_path / "nothing.png")
    with pytest.raises(PhotoError, match="is a folder"):
        Photo.load(tmp_path)
    with pytest.raises(PhotoError, match=r"no such photo.*coffee\.png"):
        Photo.load("skimage:tea.png")
    with pytest.raises(PhotoError, match="no such photo"):
        Photo.load("skimage:../__init__.py")


def test_arrays_that_are_no_photo_are_refused():
    with pytest.raises(PhotoError, match=r"expected \(height, width, 3\)"):
        Photo(np.zeros((20, 20)))
    with pytest.raises(PhotoError, match="divide 8-bit values"):
        Photo(np.full((20, 20, 3), 200.0))
