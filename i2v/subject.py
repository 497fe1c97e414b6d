"""Photos and clips of one subject: what its looks are learnt from and judged against.

A folder holds pictures and videos. Where the subject is in a picture, its alpha says, or a file NAME.mask.png beside it
(white: the subject; it may be given for a video, too, and then holds for all of its frames); else it is everywhere.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
CLIPS = (".mp4", ".mov", ".mkv", ".webm", ".gif")
MASK = ".mask"


@dataclass(frozen=True)
class View:
    """A picture or clip of a subject."""

    name: str
    frames: np.ndarray
    """(T, H, W, 3) float32 sRGB in [0, 1]; a picture has one."""
    mask: np.ndarray
    """(H, W) bool: where the subject is."""


def read_subject(folder: str | os.PathLike, *, longest: int = 512) -> list[View]:
    """All pictures and clips of a folder, in order of their names.

    Args:
        folder: Of the files.
        longest: Side to which larger ones are reduced [pixels].

    Raises:
        FileNotFoundError: No such folder, or nothing in it.
        ValueError: A mask of another size than its picture, or one that shows nothing.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder, expected one with photos or clips of the subject.")
    kinds = (*PICTURES, *CLIPS)
    files = sorted(f for f in folder.iterdir() if f.suffix.lower() in kinds and Path(f.stem).suffix != MASK)
    if not files:
        raise FileNotFoundError(
            f"{folder} holds no photo or clip ({', '.join(kinds)}); put 15 to 30 of the subject there."
        )
    return [_view(file, longest) for file in files]


def _view(file: Path, longest: int) -> View:
    from PIL import Image, ImageOps

    beside = file.with_name(f"{file.stem}{MASK}.png")
    if file.suffix.lower() in CLIPS:
        from i2v.metrics.video_in import read_video

        frames, alpha = np.asarray(read_video(file, longest=longest).frames, np.float32) / 255, None
    else:
        picture = ImageOps.exif_transpose(Image.open(file)).convert("RGBA")
        picture.thumbnail((longest, longest), Image.Resampling.BOX)
        whole = np.asarray(picture, np.float32) / 255
        frames, alpha = whole[None, ..., :3], whole[..., 3]
    rows, cols = frames.shape[1:3]
    if beside.is_file():
        given = Image.open(beside).convert("L")
        if abs(given.width / given.height - cols / rows) > 0.02 * cols / rows:
            raise ValueError(f"{beside.name} is {given.size}, expected the shape of {file.name}, {(cols, rows)}.")
        alpha = np.asarray(given.resize((cols, rows), Image.Resampling.BOX), np.float32) / 255
    mask = np.ones((rows, cols), bool) if alpha is None else alpha > 0.5
    if not mask.any():
        raise ValueError(f"the mask of {file} shows nothing, expected white where the subject is.")
    return View(file.name, frames, mask)
