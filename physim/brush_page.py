"""The motion brush on a page: strokes drawn on the photo become the lines that :mod:`physim.brush` reads.

A piece of HTML that needs neither a server nor a network: what was drawn is copied or downloaded, and given to
``i2v animate --strokes``.
"""

from __future__ import annotations

import base64
import io
import json
from importlib.resources import files
from typing import Any

import numpy as np

from physim.brush import USUAL
from physim.liquids import LIQUIDS
from physim.materials import SMOKES
from physim.scene import Scene

MARK = "/*DATA*/"
LARGEST = 1600
"""Longer side of the photo in the page [pixels]; places are in pixels of the photo itself."""


def brush(scene: Scene) -> str:
    """The piece of HTML for a scene made from a photo; nothing for one that was not."""
    if scene.backdrop is None:
        return ""
    template = files("physim").joinpath("pages/brush.html").read_text(encoding="utf-8")
    data = json.dumps(_data(scene), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return template.replace(MARK, data)


def with_brush(html: str, scene: Scene) -> str:
    """A whole page with the brush at its end."""
    piece = brush(scene)
    at = html.rfind("</body>")
    return html + piece if at < 0 else html[:at] + piece + html[at:]


def _data(scene: Scene) -> dict[str, Any]:
    assert scene.backdrop is not None
    photo = scene.backdrop.photo
    return {
        "photo": _picture(photo),
        "size": [int(photo.shape[0]), int(photo.shape[1])],
        "rigid": [body.name for body in scene.bodies],
        "cloth": [cloth.name for cloth in scene.cloths if cloth.cutout is not None],
        "materials": {"smoke": sorted(SMOKES), "liquid": sorted(LIQUIDS)},
        "usual": USUAL,
    }


def _picture(photo: np.ndarray) -> str:
    """The photo as a data URL."""
    from PIL import Image

    picture = Image.fromarray(np.round(255 * np.clip(photo, 0, 1)).astype(np.uint8))
    picture.thumbnail((LARGEST, LARGEST))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()
