"""Odd files and odd numbers: what cameras, editors, phones, segmenters and slips of the pen really hand to a shot.

:data:`FILES` are photos as files, :data:`MASKS` selections as files, :data:`DEPTHS` depth as files, :data:`NUMBERS`
shots whose numbers are huge, tiny, outside of the picture or none. Each value makes the fields of one shot in a folder.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from odd_inputs import _BALL, _BOX, COLS, ROWS, scene_picture
from PIL import Image, ImageCms

Make = Callable[[Path], dict]


def _saved(name: str, image: Image.Image, **options) -> Make:
    def make(folder: Path) -> dict:
        image.save(folder / name, **options)
        return {"photo": str(folder / name)}

    return make


def _bytes(name: str, content: bytes | Callable[[], bytes]) -> Make:
    def make(folder: Path) -> dict:
        (folder / name).write_bytes(content() if callable(content) else content)
        return {"photo": str(folder / name)}

    return make


def _picture(mode: str = "RGB") -> Image.Image:
    return Image.fromarray(scene_picture()).convert(mode)


def _encoded(form: str, image: Image.Image | None = None, **options) -> bytes:
    stream = io.BytesIO()
    (image or _picture()).save(stream, form, **options)
    return stream.getvalue()


def _frames(form: str) -> Callable[[], bytes]:
    def encode() -> bytes:
        frames = [Image.fromarray(np.roll(scene_picture(), 4 * k, axis=1)) for k in range(3)]
        return _encoded(form, frames[0], save_all=True, append_images=frames[1:])

    return encode


def _png(rows: int, cols: int, *, bits: int = 8, colour: int = 2, data: bytes | None = None) -> bytes:
    """A PNG written by hand: kinds that Pillow does not write."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", cols, rows, bits, colour, 0, 0, 0)
    body = b"" if data is None else chunk(b"IDAT", zlib.compress(data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body + chunk(b"IEND", b"")


def _deep_colour() -> bytes:
    wide = scene_picture().astype(">u2") * 257
    return _png(ROWS, COLS, bits=16, data=b"".join(b"\0" + row.tobytes() for row in wide))


def _exif(**tags) -> Callable[[], bytes]:
    """A JPEG with lens tags: 0x920A, 0xA405, orientation."""

    def encode() -> bytes:
        image = _picture()
        exif = image.getexif()
        lens = exif.get_ifd(0x8769)
        for name, value in tags.items():
            {"orientation": exif, "film": lens, "focal": lens}[name][
                {"orientation": 0x0112, "film": 0xA405, "focal": 0x920A}[name]
            ] = value
        return _encoded("JPEG", image, exif=exif)

    return encode


def _profile(space: str) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()  # type: ignore[arg-type]


def _p3() -> bytes:
    """A profile of other primaries than sRGB's: LittleCMS makes no such, so the colorants of its sRGB are exchanged."""
    profile = bytearray(_profile("sRGB"))
    places = {}
    for k in range(struct.unpack(">I", profile[128:132])[0]):
        tag, at, size = struct.unpack(">4sII", profile[132 + 12 * k : 144 + 12 * k])
        places[tag] = at, size
    colorants = {  # Display P3, adapted to D50 (SMPTE EG 432-1)
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
    }
    for tag, xyz in colorants.items():
        at = places[tag][0]
        profile[at + 8 : at + 20] = struct.pack(">3i", *(round(65536 * x) for x in xyz))
    at, size = places[b"desc"]
    words = "Display P3".encode("utf-16-be").ljust(size - 28, b"\0")[: size - 28]
    profile[at : at + size] = b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", 20, 28) + words
    return bytes(profile)


def _heic(**options) -> Callable[[], bytes]:
    def encode() -> bytes:
        if importlib.util.find_spec("pillow_heif") is None:  # then there is one more refusal
            return b"\0\0\0\x18ftypheic" + bytes(64)
        importlib.import_module("pillow_heif").register_heif_opener()
        image = _picture(options.get("mode", "RGB"))
        exif = image.getexif()
        if "orientation" in options:
            image = image.transpose(Image.Transpose.ROTATE_90)
            exif[0x0112] = options["orientation"]
        return _encoded("HEIF", image, quality=95, exif=exif.tobytes())  # turned by the box that readers obey

    return encode


def _see_through_palette() -> bytes:
    return _encoded("PNG", _picture("P"), transparency=3)


def _pipe(folder: Path) -> dict:
    os.mkfifo(folder / "pipe.png")
    return {"photo": str(folder / "pipe.png")}


def _folder(folder: Path) -> dict:
    (folder / "folder.png").mkdir()
    return {"photo": str(folder / "folder.png")}


def _loop(folder: Path) -> dict:
    (folder / "loop.png").symlink_to(folder / "loop.png")
    return {"photo": str(folder / "loop.png")}


def _cut(form: str, part: float) -> Callable[[], bytes]:
    def encode() -> bytes:
        whole = _encoded(form)
        return whole[: int(part * len(whole))]

    return encode


def _spoilt(form: str) -> Callable[[], bytes]:
    def encode() -> bytes:
        whole = bytearray(_encoded(form))
        whole[len(whole) // 2 : len(whole) // 2 + 40] = bytes(40)
        return bytes(whole)

    return encode


FILES: dict[str, Make] = {
    "HEIC": _bytes("phone.heic", _heic()),
    "HEIC of a phone held upright": _bytes("upright.heic", _heic(orientation=6)),
    "HEIC with alpha": _bytes("alpha.heic", _heic(mode="RGBA")),
    "HEIC cut off": _bytes("cut.heic", lambda: _heic()()[:600]),
    "HEIC named JPEG": _bytes("phone.jpg", _heic()),
    "AVIF": _bytes("a.avif", lambda: _encoded("AVIF")),
    "JPEG 2000": _bytes("a.jp2", lambda: _encoded("JPEG2000")),
    "WebP": _bytes("a.webp", lambda: _encoded("WEBP", lossless=True)),
    "moving GIF": _bytes("moving.gif", _frames("GIF")),
    "moving WebP": _bytes("moving.webp", _frames("WEBP")),
    "moving PNG": _bytes("moving.png", _frames("PNG")),
    "pages of a TIFF": _bytes("pages.tif", _frames("TIFF")),
    "two views in one JPEG": _bytes("views.mpo", _frames("MPO")),
    "palette with transparency": _bytes("p.png", _see_through_palette),
    "colour with transparent colour": _bytes("t.png", lambda: _encoded("PNG", transparency=(140, 110, 80))),
    "grey with alpha": _saved("la.png", _picture("LA")),
    "wholly transparent": _saved("clear.png", Image.new("RGBA", (COLS, ROWS), (9, 9, 9, 0))),
    "one bit": _saved("one.png", _picture("1")),
    "16 bits, colour": _bytes("deep.png", _deep_colour),
    "16 bits, grey TIFF": _saved("deep.tif", Image.fromarray(scene_picture()[..., 1].astype(np.uint16) * 257)),
    "32 bits, grey TIFF": _saved("i.tif", Image.fromarray(scene_picture()[..., 1].astype(np.int32) * 257)),
    "floating point with NaN": _saved("nan.tif", Image.fromarray(np.full((ROWS, COLS), np.nan, np.float32))),
    "CMYK JPEG": _saved("cmyk.jpg", _picture("CMYK")),
    "YCbCr TIFF": _saved("ycc.tif", _picture("YCbCr"), compression="jpeg"),
    "LAB TIFF": _saved("lab.tif", _picture("LAB")),
    "HSV turned to TGA": _bytes("a.tga", lambda: _encoded("TGA")),
    "BMP": _bytes("a.bmp", lambda: _encoded("BMP")),
    "Windows icon": _bytes("a.ico", lambda: _encoded("ICO", sizes=[(64, 64)])),
    "progressive JPEG": _bytes("slow.jpg", lambda: _encoded("JPEG", progressive=True)),
    "JPEG with a tail": _bytes("tail.jpg", lambda: _encoded("JPEG") + b"GPS" * 999),
    "PNG named JPEG": _bytes("png.jpg", lambda: _encoded("PNG")),
    "without suffix": _bytes("photo", lambda: _encoded("PNG")),
    "a name of spaces and signs": _bytes("ein Foto – 1 (é)%20.png", lambda: _encoded("PNG")),
    "Display P3": _bytes("p3.png", lambda: _encoded("PNG", icc_profile=_p3())),
    "profile that is none": _bytes("icc.png", lambda: _encoded("PNG", icc_profile=b"no profile at all" * 9)),
    "profile of colour on grey": _bytes("grey.png", lambda: _encoded("PNG", _picture("L"), icc_profile=_p3())),
    "profile of colour on CMYK": _bytes("c.jpg", lambda: _encoded("JPEG", _picture("CMYK"), icc_profile=_p3())),
    "sRGB profile": _bytes("srgb.png", lambda: _encoded("PNG", icc_profile=_profile("sRGB"))),
    "LAB profile": _bytes("lab.png", lambda: _encoded("PNG", icc_profile=_profile("LAB"))),
    **{f"EXIF orientation {k}": _bytes(f"turn{k}.jpg", _exif(orientation=k)) for k in (0, 2, 3, 4, 5, 7, 8, 99)},
    "EXIF focal length of a kilometre": _bytes("far.jpg", _exif(film=65535)),
    "EXIF focal length of 1 mm": _bytes("near.jpg", _exif(film=1)),
    "EXIF focal length of 0/0": _bytes("zero.jpg", _exif(focal=float("nan"))),
    "EXIF cut off": _bytes("exif.jpg", lambda: _exif(orientation=6)()[:20] + bytes(30) + _exif(orientation=6)()[50:]),
    "one pixel": _saved("1.png", Image.new("RGB", (1, 1))),
    "one row": _saved("row.png", Image.new("RGB", (500, 1))),
    "one column": _saved("column.png", Image.new("RGB", (1, 500))),
    "20000 x 10": _saved("strip.png", Image.new("L", (20000, 10))),
    "3000 x 16": _saved("band.png", Image.fromarray(np.resize(scene_picture(), (16, 3000, 3)))),
    "16 x 900": _saved("pole.png", Image.fromarray(np.resize(scene_picture(), (900, 16, 3)))),
    "16 x 16": _saved("least.png", _picture().resize((16, 16))),
    "a bomb": _bytes("bomb.png", _png(65000, 65000)),
    "100 megapixels": _bytes("huge.png", _png(10000, 10000, data=b"")),
    "no data": _bytes("empty.png", _png(ROWS, COLS)),
    "no bytes": _bytes("none.jpg", b""),
    "words": _bytes("words.png", b"photo of a cup\n"),
    "a page of the web": _bytes("page.jpg", b"<!DOCTYPE html><html><body>404</body></html>"),
    "SVG": _bytes("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
    "zeros": _bytes("zeros.jpg", bytes(4096)),
    "half a JPEG": _bytes("half.jpg", _cut("JPEG", 0.5)),
    "a JPEG without its end": _bytes("end.jpg", _cut("JPEG", 0.995)),
    "half a PNG": _bytes("half.png", _cut("PNG", 0.5)),
    "half a WebP": _bytes("half.webp", _cut("WEBP", 0.5)),
    "half a TIFF": _bytes("half.tif", _cut("TIFF", 0.5)),
    "half a GIF": _bytes("half.gif", _cut("GIF", 0.5)),
    "a PNG with a hole": _bytes("hole.png", _spoilt("PNG")),
    "a JPEG with a hole": _bytes("hole.jpg", _spoilt("JPEG")),
    "a folder": _folder,
    "a pipe": _pipe,
    "a link to itself": _loop,
    "no file": lambda folder: {"photo": str(folder / "none.png")},
    "no name": lambda folder: {"photo": ""},
    "a name of 5000 letters": lambda folder: {"photo": 5000 * "a" + ".png"},
    "a name with a zero": lambda folder: {"photo": "a\0.png"},
}  # fmt: skip
"""Photos as files, by what is odd about them."""


def _with_mask(name: str, content: bytes | Callable[[], bytes], **select) -> Make:
    def make(folder: Path) -> dict:
        _picture().save(folder / "photo.png")
        (folder / name).write_bytes(content() if callable(content) else content)
        chosen = {"ids": str(folder / name), **select} if "id" in select else {"mask": str(folder / name), **select}
        return {
            "photo": str(folder / "photo.png"),
            "things": [{"name": "thing", "select": chosen, "rigid": {"material": "wood"}}],
        }

    return make


def _grey(values: np.ndarray, form: str = "PNG", **options) -> Callable[[], bytes]:
    return lambda: _encoded(form, Image.fromarray(values), **options)


def _davis(ids: np.ndarray) -> Callable[[], bytes]:
    """Numbers of things under colours, as SAM 2 and DAVIS write them."""
    image = Image.fromarray(ids.astype(np.uint8)).convert("P")
    image.putdata(ids.astype(np.uint8).ravel().tolist())
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])
    return lambda: _encoded("PNG", image)


def _rgba(alpha: int | None) -> Callable[[], bytes]:
    grey = (255 * _BOX).astype(np.uint8)
    opaque = np.full_like(grey, alpha) if alpha is not None else grey
    return lambda: _encoded("PNG", Image.fromarray(np.stack([grey, grey, grey, opaque], axis=-1)))


def _npy(array: np.ndarray) -> Callable[[], bytes]:
    def encode() -> bytes:
        stream = io.BytesIO()
        np.save(stream, array, allow_pickle=True)
        return stream.getvalue()

    return encode


def runs(mask: np.ndarray) -> dict:
    """COCO's uncompressed run lengths of a mask (H, W): down the columns, zeros first."""
    flat = np.concatenate([[0], mask.ravel(order="F").astype(int), [2]])
    ends = np.flatnonzero(np.diff(flat[1:])) + 1
    first = [0] if flat[1] == 1 else []
    return {"size": list(mask.shape), "counts": first + np.diff(np.concatenate([[0], ends])).tolist()}


def _json(value) -> Callable[[], bytes]:
    return lambda: json.dumps(value).encode()


_IDS = _BOX.astype(np.uint8) + 2 * _BALL.astype(np.uint8)
_SAM = [{"segmentation": runs(_BOX), "area": int(_BOX.sum())}, {"segmentation": runs(_BALL), "area": int(_BALL.sum())}]
_OBJECTS = {"annotations": [{"id": 7, "segmentation": runs(_BOX)}, {"id": 9, "segmentation": runs(_BALL)}]}

MASKS: dict[str, Make] = {
    "zeros and ones": _with_mask("m.png", _grey(_BOX.astype(np.uint8))),
    "zeros and ones, 16 bits": _with_mask("m.png", _grey(_BOX.astype(np.uint16))),
    "one thing under a palette": _with_mask("m.png", _davis(_BOX)),
    "two things under a palette": _with_mask("m.png", _davis(_IDS)),
    "numbers under a palette": _with_mask("i.png", _davis(_IDS), id=2),
    "a number that is not there": _with_mask("i.png", _davis(_IDS), id=3),
    "numbers in colour": _with_mask("i.png", lambda: _encoded("PNG", _picture()), id=2),
    "numbers of 16 bits": _with_mask("i.png", _grey(_IDS.astype(np.uint16) * 1000), id=2000),
    "numbers of 70000": _with_mask("i.png", _grey(_IDS), id=70000),
    "grey with full alpha": _with_mask("m.png", _rgba(255)),
    "grey with no alpha": _with_mask("m.png", _rgba(0)),
    "grey in its alpha": _with_mask("m.png", _rgba(None)),
    "a JPEG": _with_mask("m.jpg", _grey((255 * _BOX).astype(np.uint8), "JPEG")),
    "one bit": _with_mask("m.png", lambda: _encoded("PNG", Image.fromarray(_BOX))),
    "floating point": _with_mask("m.tif", _grey(_BOX.astype(np.float32), "TIFF")),
    "floating point with NaN": _with_mask("m.tif", _grey(np.where(_BOX, np.nan, 0).astype(np.float32), "TIFF")),
    "cut off": _with_mask("m.png", lambda: _grey((255 * _BOX).astype(np.uint8))()[:90]),
    "no bytes": _with_mask("m.png", b""),
    "words": _with_mask("m.png", b"a mask"),
    "another size": _with_mask("m.png", _grey((255 * _BOX[::2, ::2]).astype(np.uint8))),
    "a moving GIF": _with_mask("m.gif", _frames("GIF")),
    "an array": _with_mask("m.npy", _npy(_BOX)),
    "an array of floats": _with_mask("m.npy", _npy(np.where(_BOX, 3.5, -3.5))),
    "an array with NaN": _with_mask("m.npy", _npy(np.where(_BOX, np.nan, 0.0))),
    "an array of three sides": _with_mask("m.npy", _npy(np.stack([_BOX, _BALL]))),
    "the second of an array": _with_mask("m.npy", _npy(np.stack([_BOX, _BALL])), id=2),
    "an array of objects": _with_mask("m.npy", _npy(np.array([{"a": 1}], dtype=object))),
    "an array of another size": _with_mask("m.npy", _npy(_BOX.T)),
    "run lengths": _with_mask("m.json", _json(runs(_BOX))),
    "run lengths of SAM, which one": _with_mask("m.json", _json(_SAM)),
    "run lengths of SAM, the second": _with_mask("m.json", _json(_SAM), id=2),
    "run lengths by COCO's number": _with_mask("m.json", _json(_OBJECTS), id=9),
    "run lengths, a number that is not there": _with_mask("m.json", _json(_OBJECTS), id=1),
    "run lengths of another size": _with_mask("m.json", _json(runs(_BOX[:40]))),
    "run lengths that are too short": _with_mask("m.json", _json({"size": [ROWS, COLS], "counts": [1, 2, 3]})),
    "run lengths that are negative": _with_mask("m.json", _json({"size": [ROWS, COLS], "counts": [-5, 6149]})),
    "run lengths that are no text": _with_mask("m.json", _json({"size": [ROWS, COLS], "counts": "\u00e9\n"})),
    "run lengths of 1e30": _with_mask("m.json", _json({"size": [1e30, 1e30], "counts": [1e30]})),
    "run lengths as a polygon": _with_mask(
        "m.json", _json({"segmentation": [[15, 28, 35, 28, 35, 48, 15, 48]], "height": ROWS, "width": COLS})
    ),
    "JSON of something else": _with_mask("m.json", _json({"name": "cup"})),
    "JSON that is empty": _with_mask("m.json", b"[]"),
    "JSON that is broken": _with_mask("m.json", b'{"size": ['),
}  # fmt: skip
"""Selections as files, by what is odd about them."""


def _with_depth(name: str, content, **hint) -> Make:
    def make(folder: Path) -> dict:
        _picture().save(folder / "photo.png")
        data = content() if callable(content) else content
        (folder / name).write_bytes(data)
        return {"photo": str(folder / "photo.png"), "hints": {"depth": {"file": str(folder / name), **hint}}}

    return make


def _floor(**changes) -> np.ndarray:
    """Depth of a floor and a wall behind it [m]."""
    rows = np.arange(ROWS)[:, None] + 0.5
    depth = np.broadcast_to(np.minimum(60.0 / np.maximum(rows - 20, 1), 9.0), (ROWS, COLS)).copy()
    for value, part in changes.values():
        depth[part] = value
    return depth


DEPTHS: dict[str, Make] = {
    "metres": _with_depth("d.npy", _npy(_floor())),
    "NaN in it": _with_depth("d.npy", _npy(_floor(a=(np.nan, _BOX)))),
    "infinite in it": _with_depth("d.npy", _npy(_floor(a=(np.inf, _BOX), b=(-np.inf, _BALL)))),
    "zeros in it": _with_depth("d.npy", _npy(_floor(a=(0.0, _BOX)))),
    "negative in it": _with_depth("d.npy", _npy(_floor(a=(-3.0, _BOX)))),
    "1e30 in it": _with_depth("d.npy", _npy(_floor(a=(1e30, _BOX), b=(1e-30, _BALL)))),
    "all NaN": _with_depth("d.npy", _npy(np.full((ROWS, COLS), np.nan))),
    "all zero": _with_depth("d.npy", _npy(np.zeros((ROWS, COLS)))),
    "all one metre": _with_depth("d.npy", _npy(np.ones((ROWS, COLS)))),
    "one pixel known": _with_depth("d.npy", _npy(np.where(np.arange(ROWS * COLS).reshape(ROWS, COLS) == 5000, 3, 0.0))),
    "turned": _with_depth("d.npy", _npy(_floor().T)),
    "one pixel": _with_depth("d.npy", _npy(np.ones((1, 1)))),
    "none": _with_depth("d.npy", _npy(np.ones((0, COLS)))),
    "complex": _with_depth("d.npy", _npy(_floor() * 1j)),
    "true and false": _with_depth("d.npy", _npy(_BOX)),
    "words": _with_depth("d.npy", _npy(np.array([["near"]]))),
    "colour": _with_depth("d.npy", _npy(np.repeat(_floor()[..., None], 3, axis=2))),
    "objects": _with_depth("d.npy", _npy(np.array([{"a": 1}], dtype=object))),
    "16 bits": _with_depth("d.png", _grey((1000 * _floor()).astype(np.uint16))),
    "8 bits": _with_depth("d.png", _grey((20 * _floor()).astype(np.uint8))),
    "relative, upside down": _with_depth("d.npy", _npy(_floor()), kind="relative"),
    "relative, constant": _with_depth("d.npy", _npy(np.ones((ROWS, COLS))), kind="relative"),
    "relative, noise": _with_depth("d.npy", _npy(np.random.default_rng(3).random((ROWS, COLS))), kind="relative"),
    "disparity": _with_depth("d.npy", _npy(1 / _floor()), kind="disparity"),
    "cut off": _with_depth("d.npy", lambda: _npy(_floor())()[:500]),
    "no bytes": _with_depth("d.npz", b""),
    "unit of 1e300": _with_depth("d.npy", _npy(_floor()), unit=1e300),
}  # fmt: skip
"""Depth as files, by what is odd about it."""


def _shot(hints: dict | None = None, things: list | None = None, **fields) -> Make:
    def make(folder: Path) -> dict:
        _picture().save(folder / "photo.png")
        return {"photo": str(folder / "photo.png"), "hints": hints or {}, "things": things or [], **fields}

    return make


def _thing(**fields) -> list:
    return [{"name": "thing", "rigid": {"material": "wood"}, **fields}]


def _selected(**select) -> list:
    return _thing(select=select)


_AROUND = {"box": [15, 28, 35, 48]}
_BIG = 1e30

NUMBERS: dict[str, Make] = {
    "a height of 1e30": _shot({"camera": {"height": _BIG}}, _selected(**_AROUND)),
    "a height of 1e-30": _shot({"camera": {"height": 1e-30}}, _selected(**_AROUND)),
    "a horizon at 1e30": _shot({"camera": {"horizon": _BIG}}, _selected(**_AROUND)),
    "a horizon at -1e30": _shot({"camera": {"horizon": -_BIG}}, _selected(**_AROUND)),
    "a lens of 1.001 degrees": _shot({"camera": {"fov": 1.001}}, _selected(**_AROUND)),
    "on its head": _shot({"camera": {"roll": 180}}, _selected(**_AROUND)),
    "on its side": _shot({"camera": {"roll": 90}}, _selected(**_AROUND)),
    "a pitch that is no number": _shot({"camera": {"pitch": float("nan")}}),
    "an infinite height": _shot({"camera": {"height": float("inf")}}),
    "a pitch of words": _shot({"camera": {"pitch": "steep"}}),
    "a wall at 1e30": _shot({"wall": _BIG}, _selected(**_AROUND)),
    "a wall at 1e-30": _shot({"wall": 1e-30}, _selected(**_AROUND)),
    "a click at 1e30 m": _shot({"clicks": [{"pixel": [40, 50], "depth": _BIG}]}, _selected(**_AROUND)),
    "a click at 1e-30 m": _shot({"clicks": [{"pixel": [40, 50], "depth": 1e-30}]}, _selected(**_AROUND)),
    "a click outside": _shot({"clicks": [{"pixel": [400, 50], "depth": 3}]}),
    "a click at 1e30 pixels": _shot({"clicks": [{"pixel": [_BIG, 50], "depth": 3}]}),
    "a click on the border": _shot({"clicks": [{"pixel": [96, 64], "depth": 3}]}),
    "300 clicks": _shot({"clicks": [{"pixel": [k % 96, 30 + k % 30], "depth": 1 + k} for k in range(300)]}),
    "a length of 1e30": _shot({"lengths": [{"line": [[20, 60], [60, 60]], "metres": _BIG}]}),
    "a length of no pixels": _shot({"lengths": [{"line": [[20, 60], [20, 60]], "metres": 1}]}),
    "a length above the horizon": _shot({"lengths": [{"line": [[20, 2], [60, 2]], "metres": 1}]}),
    "a ball of 1e30": _shot({"camera": {"balls": [{"ellipse": [65, 42, 9, 9, 0], "diameter": _BIG}]}}),
    "a ball that is a needle": _shot({"camera": {"balls": [{"ellipse": [65, 42, 40, 0.01, 0], "diameter": 1}]}}),
    "a ball of no size": _shot({"camera": {"balls": [{"ellipse": [65, 42, 0, 0, 0], "diameter": 1}]}}),
    "a circle of 1e30 pixels": _shot({"camera": {"circle": {"ellipse": [65, 42, _BIG, _BIG, 0], "diameter": 1}}}),
    "a circle seen from its edge": _shot({"camera": {"circle": {"ellipse": [65, 42, 9, 1e-9, 0], "diameter": 1}}}),
    "ground of 1e9 pixels": _shot({"ground": [[-1e9, 30], [1e9, 30], [1e9, 1e9], [-1e9, 1e9]]}),
    "ground without area": _shot({"ground": [[5, 60], [50, 60], [90, 60]]}),
    "a room without a wall": _shot({"room": {"back": [40, 20, 40, 20]}}),
    "a room turned round": _shot({"room": {"back": [70, 50, 20, 10]}}),
    "a room beyond the photo": _shot({"room": {"back": [-1e6, -1e6, 1e6, 1e6]}}),
    "a surface above the camera": _shot({"surfaces": [{"name": "t", "region": _AROUND, "height": _BIG}]}),
    "a surface in the earth": _shot({"surfaces": [{"name": "t", "region": _AROUND, "height": -_BIG}]}),
    "light without direction": _shot({"light": {"direction": [0, 0, 0]}}),
    "light of 1e30": _shot({"light": {"direction": [_BIG, _BIG, 0]}}),
    "a shadow of no length": _shot({"light": {"shadow": {"shadow_of": [65, 33], "tip": [65, 33]}}}),
    "a shadow outside": _shot({"light": {"shadow": {"shadow_of": [65, 33], "tip": [1e6, 1e6]}}}),
    "white outside": _shot({"white": {"light": [-5, 3], "shade": [5, 3000]}}),
    "a box outside": _shot(things=_selected(box=[200, 200, 300, 300])),
    "a box of 1e18": _shot(things=_selected(box=[-1e18, -1e18, 1e18, 1e18])),
    "a box round the lower half": _shot(things=_selected(box=[-50, 40, 500, 500])),
    "a polygon of 1e12": _shot(things=_selected(polygon=[[0, 0], [1e12, 5], [3, 1e12]])),
    "a polygon of no numbers": _shot(things=_selected(polygon=[[0, 0], [float("nan"), 5], [3, 9]])),
    "an ellipse of 1e12": _shot(things=_selected(ellipse=[50, 40, 1e12, 1e12, 0])),
    "an ellipse of 1e-12": _shot(things=_selected(ellipse=[50, 40, 1e-12, 1e-12, 0])),
    "a click on a thing outside": _shot(things=_selected(click=[500, 40])),
    "a stroke outside": _shot(things=_selected(strokes={"inside": [[[500, 40]]]})),
    "strokes that contradict": _shot(things=_selected(strokes={"inside": [[[65, 42]]], "outside": [[[65, 42]]]})),
    "a lift of 1e30 m": _shot(things=_thing(select=_AROUND, lift={"depth": _BIG})),
    "a lift of 1e-30 m": _shot(things=_thing(select=_AROUND, lift={"depth": 1e-30})),
    "a card of 1e30 m": _shot(things=_thing(select=_AROUND, lift={"kind": "card", "thickness": _BIG})),
    "an extruded height of 1e30": _shot(things=_thing(select=_AROUND, lift={"kind": "extrude", "height": _BIG})),
    "a mass of 1e30": _shot(things=[{"name": "t", "select": _AROUND, "rigid": {"material": "wood", "mass": _BIG}}]),
    "a mass of 1e-30": _shot(things=[{"name": "t", "select": _AROUND, "rigid": {"material": "wood", "mass": 1e-30}}]),
    "a speed of 1e30": _shot(things=_thing(select=_AROUND, velocity=[_BIG, 0, 0])),
    "a speed that is no number": _shot(things=_thing(select=_AROUND, velocity=[float("nan"), 0, 0])),
    "a ball at 1e30": _shot(things=_thing(shape={"sphere": 0.1}, at=[_BIG, 1, 0])),
    "a ball of 1e30 m": _shot(things=_thing(shape={"sphere": _BIG}, at=[0, 1, -3])),
    "a ball of 1e-30 m": _shot(things=_thing(shape={"sphere": 1e-30}, at=[0, 1, -3])),
    "a ball behind the camera": _shot(things=_thing(shape={"sphere": 0.1}, at=[0, 1, 30])),
    "a ball in the earth": _shot(things=_thing(shape={"sphere": 0.1}, at=[0, -50, -3])),
    "one name twice": _shot(things=_selected(**_AROUND) + _selected(ellipse=[65, 42, 9, 9, 0])),
    "a name of nothing": _shot(things=[{"name": "", "select": _AROUND, "rigid": {"material": "wood"}}]),
    "a thing of nothing": _shot(things=[{"name": "thing"}]),
    "a material of nothing": _shot(things=[{"name": "thing", "select": _AROUND, "rigid": {"material": "woood"}}]),
    "seconds of 1e30": _shot(seconds=_BIG),
    "no seconds": _shot(seconds=0),
    "1e30 frames a second": _shot(fps=_BIG),
    "a seed of 1e30": _shot(seed=int(_BIG)),
    "a seed of -1": _shot(seed=-1),
    "a dolly of 1e30": _shot(camera=[{"move": "dolly", "metres": _BIG, "from": 0, "to": 1}]),
    "a pan that is no number": _shot(camera=[{"move": "pan", "degrees": float("nan"), "from": 0, "to": 1}]),
    "wind of 1e30": _shot(forces=[{"wind": {"velocity": [_BIG, 0, 0]}}]),
    "a push on nobody": _shot(forces=[{"impulse": {"on": "nobody", "at": 0.1, "newton_seconds": [1, 0, 0]}}]),
    "a field of nothing": _shot(thinks=[]),
}  # fmt: skip
"""Shots whose numbers are odd, by what is odd about them."""

GROUPS = {"photo": FILES, "mask": MASKS, "depth": DEPTHS, "number": NUMBERS}


def cases() -> list[tuple[str, Make]]:
    """All of them, with their words."""
    return [(f"{group}: {what}", make) for group, some in GROUPS.items() for what, make in some.items()]
