"""Photos and shots that people really have, or make by mistake: every kind of picture with every kind of selection."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

ROWS, COLS = 64, 96


def scene_picture() -> np.ndarray:
    """(ROWS, COLS, 3) uint8: sky, a floor with planks, a box and a ball on it."""
    v, u = np.mgrid[:ROWS, :COLS]
    picture = np.where((v < 24)[..., None], [150, 180, 220], [140, 110, 80]).astype(float)
    picture[v >= 24] *= (0.9 + 0.1 * np.cos(u * 40.0 / np.maximum(v - 10.0, 1.0)))[v >= 24][:, None]
    picture[(v > 28) & (v < 48) & (u > 15) & (u < 35)] = [190, 60, 50]
    picture[(v - 42) ** 2 + (u - 65) ** 2 < 81] = [50, 120, 60]
    picture += np.random.default_rng(0).normal(0, 3, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _as(mode: str):
    def save(folder: Path) -> Path:
        path = folder / f"{mode.replace(';', '')}.{'tif' if mode in ('CMYK', 'F') else 'png'}"
        image = Image.fromarray(scene_picture())
        if mode == "I;16":
            image = Image.fromarray(np.asarray(image.convert("L"), dtype=np.uint16) * 257)
        else:
            image = image.convert(mode)
        image.save(path)
        return path

    return save


def _rotated(folder: Path) -> Path:
    image = Image.fromarray(np.rot90(scene_picture()).copy())
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter for viewing: what a phone held upright writes
    image.save(folder / "rotated.jpg", exif=exif, quality=95)
    return folder / "rotated.jpg"


def _flat(value: int):
    def save(folder: Path) -> Path:
        Image.new("RGB", (COLS, ROWS), (value,) * 3).save(folder / f"flat{value}.png")
        return folder / f"flat{value}.png"

    return save


def _noise(folder: Path) -> Path:
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (ROWS, COLS, 3), dtype=np.uint8)).save(
        folder / "noise.png"
    )
    return folder / "noise.png"


def _heic(folder: Path) -> Path:
    (folder / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(64))
    return folder / "phone.heic"


def _cut(folder: Path) -> Path:
    whole = _rotated(folder).read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    return folder / "cut.jpg"


PHOTOS = {
    "colour": _as("RGB"), "grey": _as("L"), "alpha": _as("RGBA"), "CMYK": _as("CMYK"), "16 bit": _as("I;16"),
    "palette": _as("P"), "bilevel": _as("1"), "grey and alpha": _as("LA"), "EXIF-rotated": _rotated, "black": _flat(0),
    "white": _flat(255), "noise": _noise, "HEIC": _heic, "cut off": _cut, "floating point": _as("F"),
}  # fmt: skip


def _mask(name: str, painted: np.ndarray):
    def save(folder: Path) -> dict:
        Image.fromarray((255 * painted).astype(np.uint8)).save(folder / f"{name}.png")
        return {"mask": str(folder / f"{name}.png")}

    return save


def _drawn(**select):
    return lambda folder: select


_V, _U = np.mgrid[:ROWS, :COLS]
_BOX = (_V > 28) & (_V < 48) & (_U > 15) & (_U < 35)
_BALL = (_V - 42) ** 2 + (_U - 65) ** 2 < 81
_PIXEL = (_V == 40) & (_U == 50)
_SKY = (_V > 4) & (_V < 12) & (_U > 40) & (_U < 60)
CLOTH = {"cloth": {"material": "cotton"}, "lift": {"kind": "sheet"}}
RIGID = {"rigid": {"material": "wood"}}

SELECTIONS: dict[str, list[tuple]] = {
    "nothing": [],
    "the box": [(_mask("box", _BOX), RIGID)],
    "an empty mask": [(_mask("empty", _BOX & ~_BOX), RIGID)],
    "everything": [(_mask("all", _BOX | ~_BOX), RIGID)],
    "one pixel": [(_mask("pixel", _PIXEL), RIGID)],
    "two that overlap": [(_mask("a", _BOX), RIGID), (_mask("b", np.roll(_BOX, 8, axis=1)), RIGID)],
    "the same twice": [(_mask("c", _BALL), RIGID), (_mask("d", _BALL), RIGID)],
    "one within another": [(_mask("e", _BALL), RIGID), (_mask("f", (_V - 42) ** 2 + (_U - 65) ** 2 < 16), RIGID)],
    "in the sky": [(_mask("sky", _SKY), RIGID)],
    "a line": [(_mask("line", (_V == 40) & (_U > 10) & (_U < 80)), RIGID)],
    "two pieces": [(_mask("pieces", _BOX | _BALL), RIGID)],
    "at the border": [(_mask("border", (_V > 50) & (_U < 20)), RIGID)],
    "a frame": [(_mask("frame", (_V < 3) | (_V > 60) | (_U < 3) | (_U > 92)), RIGID)],
    "a mask of another size": [(_mask("small", _BOX[::2, ::2]), RIGID)],
    "a crossed polygon": [(_drawn(polygon=[[15, 28], [35, 48], [35, 28], [15, 48]]), RIGID)],
    "a polygon without area": [(_drawn(polygon=[[15, 28], [25, 28], [35, 28]]), RIGID)],
    "an ellipse half outside": [(_drawn(ellipse=[94, 40, 20, 10, 0]), RIGID)],
    "a click": [(_drawn(click=[65, 42]), RIGID)],
    "a click in the sky": [(_drawn(click=[50, 8]), RIGID)],
    "a box that snaps": [(_drawn(box=[54, 30, 76, 54], snap=True), RIGID)],
    "cloth of a pixel": [(_mask("thread", _PIXEL), CLOTH)],
    "cloth of everything": [(_mask("cover", _BOX | ~_BOX), CLOTH)],
    "a lake of everything": [(_mask("flood", _BOX | ~_BOX), {"liquid": {"material": "water"}})],
    "a lake in the sky": [(_mask("cloud", _SKY), {"liquid": {"material": "water"}})],
    "standing": [(_mask("wall", _BOX), {"static": {}})],
}

HINTS: dict[str, dict] = {
    "no hints": {},
    "looking up": {"camera": {"pitch": -60}},
    "looking down": {"camera": {"pitch": 90, "height": 2.0}},
    "two pitches": {"camera": {"pitch": 10, "horizon": 0.9}},
    "the horizon below": {"camera": {"horizon": 3.0}},
    "a circle and a height": {"camera": {"circle": {"ellipse": [65, 48, 9, 4, 0], "diameter": 0.3}, "height": 9.0}},
    "a lens of 169 degrees": {"camera": {"fov": 169}},
    "a wall before the ground": {"wall": 0.2},
    "clicks that disagree": {
        "clicks": [{"pixel": [40, 50], "depth": 0.1}, {"pixel": [41, 50], "depth": 50}, {"pixel": [40, 51], "depth": 3}]
    },
    "ground in the sky": {"ground": [[5, 2], [90, 2], [90, 15], [5, 15]]},
    "light from below": {"light": {"direction": [0, -1, 0]}},
    "white that is black": {"white": {"light": [25, 38], "shade": [25, 38]}},
}


def draw(number: int, folder: Path) -> tuple[str, dict]:
    """Shot ``number``: what is odd about it, in words, and its fields. Every selection comes with every hint in 300."""
    names = [list(kind) for kind in (SELECTIONS, HINTS, PHOTOS)]
    chosen = names[0][number % len(SELECTIONS)], names[1][number // len(SELECTIONS) % len(HINTS)]
    photo = names[2][(number + 3 * (number // len(SELECTIONS))) % len(PHOTOS)]
    things = [
        {"name": f"thing{i}", "select": select(folder), **what}
        for i, (select, what) in enumerate(SELECTIONS[chosen[0]])
    ]
    shot = {"photo": str(PHOTOS[photo](folder)), "things": things, "hints": HINTS[chosen[1]], "seconds": 0.1}
    return f"{photo}, {chosen[0]}, {chosen[1]}", shot
