"""What a simulation knows of motion, as files that other projects' video models read.

- Wan-Move: tracks of points and where they are seen, two ``.npy`` beside the picture.
- ATI: tracks of points in one ``.pth``.
- Go-with-the-Flow: noise that moves with the picture, beside the coarse video.

Each of these works only with the weights its authors trained for it. What is written was read off their loaders
(``wan/wan_move.py``, ``wan/utils/motion.py``, ``cut_and_drag_inference.py``); points are those of
:func:`i2v.models.wan.motion.follow`. A model has a fixed number of frames: the whole clip is spread over them, and
:attr:`Exported.fps` says at which rate the result has to be shown to run at the speed of life.

Sources: Chu et al., Wan-Move (2025); Wang et al., ATI (2025); Burgert et al., Go-with-the-Flow (CVPR 2025).
"""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from i2v.media.video import VideoWriter
from i2v.models.wan.motion import Tracks, follow, latent_noise
from physim.conditions import Conditions

WAN_AREA = 480 * 832
"""Pixels of the pictures that Wan-Move and ATI were trained on."""
WAN_FRAMES = 81
"""Frames of Wan-Move's videos."""
ATI_FRAMES = 121
"""Samples of a track in ATI's files; 81 of them are used."""
ATI_UNIT = 8
"""ATI's files count in eighths of a pixel."""
COG_FRAMES, COG_SIZE, COG_CHANNELS = 49, (480, 720), 16
"""Frames, (height, width), latent channels of CogVideoX, whose adapter Go-with-the-Flow is; latents are an eighth."""
ASPECT = 0.02
"""What two aspects may differ by, relative."""


@dataclass(frozen=True)
class Exported:
    """Files for another project's video model."""

    files: dict[str, Path]
    """What each is → where it lies."""
    size: tuple[int, int]
    """(height, width) of the pictures, in whose pixels tracks are [pixels]."""
    fps: float
    """Rate at which the model's video runs at the speed of life [1/s]."""


def export_wan_move(
    conditions: Conditions,
    folder: str | os.PathLike,
    *,
    image: np.ndarray | None = None,
    spacing: int = 4,
) -> Exported:
    """Write ``image.png``, ``tracks.npy`` and ``visibility.npy`` for Wan-Move's ``generate.py``.

    They are what its options ``--image``, ``--track`` and ``--track_visibility`` take: (81, N, 2) float32 [pixels],
    order (u, v), and (81, N) bool.

    Args:
        conditions: The rendered shot, two frames or more.
        folder: Where to, made if it is not there.
        image: The photo (h, w, 3) float32 sRGB in [0, 1], if it is to be finer than ``conditions.image``.
        spacing: Between points [pixels of the conditions]; a latent cell is 8 pixels of the exported picture.

    Returns:
        Where the files are.

    Raises:
        ValueError: Fewer than two frames, or a photo of another aspect.
    """
    size = _wan_size(conditions.size)
    target = _folder(conditions, folder)
    tracks = _spread(_scaled(_followed(conditions, spacing), conditions.size, size), WAN_FRAMES)
    files = {"image": _picture(target / "image.png", conditions, image, size)}
    for name, array in (("tracks", tracks.position), ("visibility", tracks.visible)):
        files[name] = target / f"{name}.npy"
        np.save(files[name], array)
    return Exported(files, size, _rate(conditions, WAN_FRAMES))


def export_ati(
    conditions: Conditions,
    folder: str | os.PathLike,
    *,
    image: np.ndarray | None = None,
    spacing: int = 16,
) -> Exported:
    """Write ``image.png`` and ``tracks.pth`` for ATI.

    The file holds what ``torch.load`` gives as bytes: an ``.npz`` whose ``array`` is (N, 121, 1, 3) float32, for every
    point and sample u, v and whether it is seen, all in eighths: a pixel is 8, seen is 8. ATI uses the first sample and
    then two of three.

    Args:
        conditions: The rendered shot, two frames or more.
        folder: Where to, made if it is not there.
        image: The photo (h, w, 3) float32 sRGB in [0, 1], if it is to be finer than ``conditions.image``.
        spacing: Between points [pixels of the conditions]. ATI was trained with few points.

    Returns:
        Where the files are. Its ``fps`` counts the 81 frames of the video.

    Raises:
        ValueError: Fewer than two frames, or a photo of another aspect.
    """
    size = _wan_size(conditions.size)
    target = _folder(conditions, folder)
    tracks = _spread(_scaled(_followed(conditions, spacing), conditions.size, size), ATI_FRAMES)
    rows = np.concatenate([tracks.position, tracks.visible[..., None]], axis=-1) * ATI_UNIT
    packed = io.BytesIO()
    np.savez_compressed(packed, array=rows.transpose(1, 0, 2)[:, :, None].astype(np.float32))
    files = {"image": _picture(target / "image.png", conditions, image, size), "tracks": target / "tracks.pth"}
    _write_pth(files["tracks"], packed.getvalue())
    return Exported(files, size, _rate(conditions, WAN_FRAMES))


def export_go_with_the_flow(conditions: Conditions, folder: str | os.PathLike, *, seed: int = 0) -> Exported:
    """Write ``input.mp4`` and ``noises.npy``, the folder that Go-with-the-Flow's ``cut_and_drag_inference.py`` takes.

    The noise, (49, 60, 90, 16) float32, follows the exact flow and is independent N(0, 1) within each frame; how much
    of it is replaced by fresh noise says that program's option ``--degradation``. The video is the coarse composite.

    Args:
        conditions: The rendered shot, two frames or more, of the aspect 3 : 2.
        folder: Where to, made if it is not there.
        seed: Of the noise.

    Returns:
        Where the files are.

    Raises:
        ValueError: Fewer than two frames, or another aspect than 3 : 2; crop the photo of the shot.
        i2v.media.video.VideoError: The video cannot be written.
    """
    _same_aspect("the conditions", conditions.size, COG_SIZE)
    target = _folder(conditions, folder)
    count, (rows, cols) = conditions.frame_count, COG_SIZE
    noise = latent_noise(
        conditions.flow, conditions.occlusion, (count, rows // 8, cols // 8), channels=COG_CHANNELS,
        rng=np.random.default_rng(seed), degradation=0.0, time=1,
    )  # fmt: skip
    chosen = np.rint(np.linspace(0, count - 1, COG_FRAMES)).astype(int)
    files = {"video": target / "input.mp4", "noise": target / "noises.npy"}
    np.save(files["noise"], noise[chosen])
    fps = _rate(conditions, COG_FRAMES)
    with VideoWriter(files["video"], COG_SIZE, fps) as writer:
        for frame in chosen:
            writer.write(_resized(conditions.coarse[frame], COG_SIZE))
    return Exported(files, COG_SIZE, fps)


def _followed(conditions: Conditions, spacing: int) -> Tracks:
    return follow(conditions.flow, conditions.occlusion, conditions.depth, spacing=spacing)


def _wan_size(given: tuple[int, int]) -> tuple[int, int]:
    """Of the (height, width) that Wan leaves as they are, the one of the nearest aspect.

    Wan brings a picture to about ``WAN_AREA`` pixels and cuts its sides down to multiples of 16.
    """
    side = 16.0 * np.arange(1, 257)
    rows, cols = side[:, None], side[None]
    aspect = rows / cols
    high, wide = (16 * np.floor(np.sqrt(area) / 16) for area in (WAN_AREA * aspect, WAN_AREA / aspect))
    off = np.where((high == rows) & (wide == cols), np.abs(np.log(aspect * given[1] / given[0])), np.inf)
    v, u = np.unravel_index(off.argmin(), off.shape)
    return int(side[v]), int(side[u])


def _scaled(tracks: Tracks, before: tuple[int, int], after: tuple[int, int]) -> Tracks:
    scale = np.array([after[1] / before[1], after[0] / before[0]], dtype=np.float32)
    return Tracks(tracks.position * scale, tracks.visible, tracks.depth)


def _spread(tracks: Tracks, count: int) -> Tracks:
    """Tracks at ``count`` times from the first frame to the last; between two frames a point must be seen in both."""
    at = np.linspace(0, len(tracks.position) - 1, count)
    low = np.minimum(at.astype(int), len(tracks.position) - 2)
    part = (at - low).astype(np.float32)[:, None]
    position = tracks.position[low] * (1 - part[..., None]) + tracks.position[low + 1] * part[..., None]
    seen = (tracks.visible[low] | (part == 1)) & (tracks.visible[low + 1] | (part == 0))
    depth = tracks.depth[low] * (1 - part) + tracks.depth[low + 1] * part
    return Tracks(position, seen, depth)


def _rate(conditions: Conditions, count: int) -> float:
    return conditions.fps * (count - 1) / (conditions.frame_count - 1)


def _folder(conditions: Conditions, folder: str | os.PathLike) -> Path:
    if conditions.frame_count < 2:
        raise ValueError(f"the conditions have {conditions.frame_count} frame, expected two or more: nothing moves.")
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    return target


def _picture(path: Path, conditions: Conditions, image: np.ndarray | None, size: tuple[int, int]) -> Path:
    picture = conditions.image if image is None else np.asarray(image)
    _same_aspect("the image", picture.shape[:2], conditions.size)
    Image.fromarray(np.rint(255 * _resized(picture, size)).astype(np.uint8)).save(path)
    return path


def _same_aspect(what: str, size: tuple[int, ...], wanted: tuple[int, int]) -> None:
    if abs(size[1] / size[0] * wanted[0] / wanted[1] - 1) > ASPECT:
        raise ValueError(
            f"{what} has {size[1]} x {size[0]} pixels, expected the aspect of {wanted[1]} x {wanted[0]}; crop the "
            "photo before it is reconstructed, a squeezed picture is another scene."
        )


def _resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(h, w, 3) in [0, 1] → (height, width, 3) float32 in [0, 1]."""
    channels = [Image.fromarray(np.ascontiguousarray(picture[..., k], dtype=np.float32)) for k in range(3)]
    taps = Image.Resampling.LANCZOS
    return np.clip(np.stack([np.asarray(c.resize(size[::-1], taps)) for c in channels], axis=-1), 0, 1)


def _write_pth(path: Path, content: bytes) -> None:
    """A file from which ``torch.load`` reads these bytes: torch's own container, a zip with one pickle in it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(content, protocol=2))
        archive.writestr("archive/byteorder", "little")
        archive.writestr("archive/version", "3\n")
