"""Photo: a picture file as numbers. Refuses what cannot be used before it takes memory.

Read: anything Pillow reads (PNG, JPEG, WebP, TIFF, ...), 8 or 16 bits, grey or colour. What comes out is upright (EXIF
orientation applied), sRGB (an embedded ICC profile is converted), opaque (alpha is laid on white, as a browser does).
Colour of more than 8 bits a channel is read with 8, as far as Pillow goes; 16-bit grey is kept.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageFile, ImageOps

MIN_SIDE = 16
"""Shortest side of a usable photo [pixels]."""
MAX_PIXELS = 64_000_000
"""Largest photo: as float32 it takes 768 MB [pixels]."""
DEFAULT_FOV = 60.0
"""Horizontal field of view when nothing is known [degrees]."""

_SKIMAGE = "skimage:"
_EXIF_POINTER = 0x8769
_ORIENTATION = 0x0112
_TRANSPOSED = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_LENSES = 4.0, 4000.0
"""Focal lengths on 35 mm film that are believed [mm]: fisheyes see 150 degrees, telescopes half a degree."""
_TAGS = {"make": 0x010F, "model": 0x0110}
_LENS_TAGS = {"focal_length_mm": 0x920A, "focal_length_35mm": 0xA405, "taken": 0x9003}


class PhotoError(ValueError):
    """A picture file that cannot be used: what it is, what is needed, what to do."""


@dataclass(frozen=True)
class Photo:
    """A photo, upright, in memory."""

    image: np.ndarray
    """(H, W, 3) float32 sRGB in [0, 1]."""
    focal_35mm: float | None = None
    """Focal length on 35 mm film [mm], from EXIF."""
    path: Path | None = None
    """The file it was read from."""
    exif: dict[str, Any] = field(default_factory=dict)
    """Of the camera: make, model, taken, focal_length_mm, focal_length_35mm; what the file has of them."""

    def __post_init__(self) -> None:
        image = np.ascontiguousarray(self.image, dtype=np.float32)
        if image.ndim != 3 or image.shape[2] != 3:
            raise PhotoError(f"photo.image has shape {image.shape}, expected (height, width, 3).")
        _check_size(self.path or "photo.image", image.shape[0], image.shape[1])
        if not np.isfinite(image).all() or image.min() < 0 or image.max() > 1:
            raise PhotoError("photo.image must be sRGB in [0, 1]; divide 8-bit values by 255.")
        object.__setattr__(self, "image", image)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) [pixels]."""
        return self.image.shape[0], self.image.shape[1]

    def focal_guess(self) -> tuple[float, str]:
        """Focal length [pixels] and where it comes from: 'exif' or 'default'.

        EXIF gives the focal length f35 of the lens that would see the same on a 36 mm wide film, so
        f = f35 / 36 x longer side. Makers who match the diagonal instead differ by 4 % for a 4:3 sensor.
        Without EXIF the horizontal field of view is taken as 60 degrees.
        """
        if self.focal_35mm is not None:
            return self.focal_35mm / 36.0 * max(self.size), "exif"
        return 0.5 * self.size[1] / float(np.tan(np.radians(DEFAULT_FOV) / 2)), "default"

    @classmethod
    def load(cls, path: str | os.PathLike) -> Photo:
        """Read a picture file.

        Args:
            path: The file; ``skimage:coffee.png`` is one that the scikit-image package carries.

        Raises:
            PhotoError: Missing, no picture, damaged, shorter than 16 pixels a side or larger than 64 megapixels.
        """
        where = locate(path)
        with opened(where) as image:
            _check_header(where, image)
            frames = getattr(image, "n_frames", 1)
            if frames > 1 and image.format != "MPO":  # MPO: a JPEG of a camera, with extra views
                warnings.warn(f"{where} holds {frames} frames; the first one is used.", stacklevel=2)
            image = decoded(where, image)
            exif = _exif(image)
            pixels = _to_srgb(where, ImageOps.exif_transpose(image))
        focal = exif.get("focal_length_35mm")
        return cls(pixels, float(focal) if focal else None, where, exif)


def locate(path: str | os.PathLike) -> Path:
    """The file that a shot's ``photo`` names: a path, or ``skimage:NAME`` in the installed scikit-image package."""
    text = os.fspath(path)
    if not text.startswith(_SKIMAGE):
        return Path(text)
    package = importlib.util.find_spec("skimage")
    if package is None or package.origin is None:
        raise PhotoError(
            f'{text} is a photo of the scikit-image package, which is not installed: pip install "physim[examples]"'
        )
    folder = Path(package.origin).parent / "data"
    found = folder / text.removeprefix(_SKIMAGE)
    if found.parent != folder or not found.is_file():
        known = sorted(f.name for f in folder.iterdir() if f.suffix in (".png", ".jpg", ".jpeg"))
        raise PhotoError(f"{text}: scikit-image carries no such photo. It has: {', '.join(known)}.")
    return found


def picture_size(path: str | os.PathLike) -> tuple[int, int]:
    """(height, width) of a picture after EXIF orientation, from its header alone.

    Raises:
        PhotoError: As :meth:`Photo.load`, except for damage after the header.
    """
    where = locate(path)
    with opened(where) as image:
        return _check_header(where, image)


def _check_header(where: Path, image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    _check_size(where, height, width)
    at_the_end = image.format == "PNG" and "exif" not in image.info  # asking for it would decode the whole picture
    if not at_the_end and image.getexif().get(_ORIENTATION) in _TRANSPOSED:
        return width, height
    return height, width


def _check_size(where: str | Path, height: int, width: int) -> None:
    if min(height, width) < MIN_SIDE:
        raise PhotoError(
            f"{where} is {width} x {height} pixels, expected at least {MIN_SIDE} on each side. Take a larger picture."
        )
    if height * width > MAX_PIXELS:
        raise PhotoError(
            f"{where} is {width} x {height} = {height * width / 1e6:.0f} megapixels, expected at most "
            f"{MAX_PIXELS / 1e6:.0f}. Make it smaller first; a 4K video needs no more than 10."
        )


@contextmanager
def opened(where: Path) -> Iterator[Image.Image]:
    """A picture file opened for reading its header; every reason not to becomes a :class:`PhotoError`."""
    if not _exists(where):
        raise PhotoError(f"{where}: no such file. Relative paths in a shot file start at the folder of the shot file.")
    if not where.is_file():  # a pipe would be waited for
        kind = "a folder" if where.is_dir() else "no ordinary file"
        raise PhotoError(f"{where} is {kind}, expected a picture file.")
    if _is_heif(where):
        _register_heif(where)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # we judge the size ourselves
            image = Image.open(where)
    except Image.DecompressionBombError as error:
        count = re.search(r"\d+", str(error))
        size = f"{int(count.group()) / 1e6:.0f} megapixels" if count else "far too large"
        raise PhotoError(
            f"{where} is {size}, expected at most {MAX_PIXELS / 1e6:.0f}. Make it smaller first."
        ) from None
    except PermissionError:
        raise PhotoError(f"{where} may not be read: no permission.") from None
    except (OSError, ValueError, SyntaxError) as error:
        raise PhotoError(f"{where} is not a picture that can be read: {_reason(where, error)}.") from None
    with image:
        yield image


def _exists(where: Path) -> bool:
    try:
        return where.exists()
    except (OSError, ValueError):  # a name that no file can have, links that go round
        return False


def _is_heif(where: Path) -> bool:
    """By content: what phones write arrives under any name."""
    if where.suffix.lower() in (".heic", ".heif"):
        return True
    try:
        with open(where, "rb") as file:
            head = file.read(12)
    except OSError:
        return False
    return head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS


def _reason(where: Path, error: Exception) -> str:
    with open(where, "rb") as file:
        start = file.read(64)
    if not start:
        return "the file is empty"
    if start.isascii() and "".join(start.decode().split()).isprintable():
        return f"it is text that begins {start.decode()[:24]!r}"
    return "its content is of no known picture format" if "cannot identify" in str(error) else str(error).rstrip(".")


def _register_heif(where: Path) -> None:
    if importlib.util.find_spec("pillow_heif") is None:
        raise PhotoError(f'{where} is HEIF; reading it needs pip install "physim[formats]", or convert it to JPEG.')
    importlib.import_module("pillow_heif").register_heif_opener()


def decoded(where: Path, image: Image.Image) -> Image.Image:
    """Decode all of it or nothing: other libraries may have told Pillow to accept half a picture."""
    lenient, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    try:
        image.load()
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise PhotoError(f"{where} is damaged or cut off ({error}). Copy or download it again.") from None
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = lenient
    return image


def _exif(image: Image.Image) -> dict[str, Any]:
    tags = image.getexif()
    lens = tags.get_ifd(_EXIF_POINTER)
    found = {name: tags.get(tag) for name, tag in _TAGS.items()} | {n: lens.get(t) for n, t in _LENS_TAGS.items()}
    plain = {n: _number(v) if n.startswith("focal") else _words(v) for n, v in found.items() if v is not None}
    film = _number(found["focal_length_35mm"])
    if film is not None and not _LENSES[0] <= film <= _LENSES[1]:
        plain["focal_length_35mm"] = None
    return {n: v for n, v in plain.items() if v}  # 0 and "" mean unknown


def _words(value: Any) -> str:
    return value.strip("\0 ") if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    """EXIF rationals may be 0/0 or nonsense; only a positive number says something."""
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if np.isfinite(number) and number > 0 else None


def _to_srgb(where: Path, image: Image.Image) -> np.ndarray:
    if image.mode in ("I", "I;16", "I;16B", "I;16L", "I;16N"):
        grey = np.asarray(image, dtype=np.float32) / 65535.0
        return np.repeat(np.clip(grey, 0, 1)[..., None], 3, axis=2)
    if image.mode == "F":
        raise PhotoError(f"{where} holds floating-point values of unknown white. Save it as 8- or 16-bit sRGB.")
    profile = image.info.get("icc_profile")
    alpha = None
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        alpha = np.asarray(image.getchannel("A"), dtype=np.float32)[..., None] / 255.0
        if not alpha.any():
            raise PhotoError(f"{where} is transparent all over: there is nothing to see. Save it without alpha.")
        image = image.convert("RGB")
    if image.mode not in ("RGB", "L", "CMYK"):
        image = image.convert("RGB")
    if profile:
        image = _from_profile(image, profile)
    pixels = np.array(image.convert("RGB"), dtype=np.float32)
    pixels *= 1 / 255.0  # in place: a large photo is held once
    return np.minimum(pixels, 1.0, out=pixels) if alpha is None else np.clip(pixels * alpha + (1.0 - alpha), 0, 1)


def _from_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """Colours of the embedded profile as sRGB; a profile that cannot be used is ignored, as other viewers do."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return image
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, source, target, outputMode="RGB") or image
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
