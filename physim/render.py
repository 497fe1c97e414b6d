"""Trajectory → Conditions: what every pixel shows in every frame, where it comes from and where it goes. Exactly.

Motion is that of the material point a pixel shows, projected by the camera of the other frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np
from scipy.ndimage import map_coordinates

from physim.backdrop_view import lens_of
from physim.compositor import Compositor
from physim.conditions import Conditions
from physim.ordered import in_order
from physim.plate import resize
from physim.progress import Progress
from physim.scene import Scene
from physim.smoke_view import SmokeView
from physim.surfaces import Surface, Surfaces
from physim.trajectory import Trajectory

LONG_SIDE = 320
"""Of the picture the model works on, by default [pixels]."""
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
"""Of linear light, Rec. 709."""
CHANGED = (0.01, 0.03)
"""Differences [sRGB] from which a pixel begins to count, and counts, as another than the photo's."""


def model_size(photo_size: tuple[int, int], long_side: int = LONG_SIDE) -> tuple[int, int]:
    """(height, width), both divisible by 4, of nearly the photo's aspect and nearly ``long_side`` long.

    The aspect counts most: one per cent of it is worth ten of the length.
    """
    ratio = min(photo_size) / max(photo_size)
    low, high = max(4, long_side * 7 // 8 // 4 * 4), long_side * 9 // 8
    best, least = (4, 4), np.inf
    for longer in range(low, high + 1, 4):
        shorter = max(4, round(longer * ratio / 4) * 4)
        cost = 10 * abs(shorter / longer / ratio - 1) + abs(longer / long_side - 1)
        if cost < least:
            best, least = (shorter, longer), cost
    return best if photo_size[1] >= photo_size[0] else best[::-1]


@dataclass
class _Film:
    """Frames of every signal, gathered one by one."""

    frames: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def add(self, **signals: np.ndarray) -> None:
        for name, value in signals.items():
            self.frames.setdefault(name, []).append(value)

    def stacked(self) -> dict[str, np.ndarray]:
        return {name: np.stack(values) for name, values in self.frames.items()}


def render(
    trajectory: Trajectory,
    size: tuple[int, int] | None = None,
    *,
    progress: Progress | None = None,
) -> Conditions:
    """Everything a video model needs to know about a simulated shot.

    Args:
        trajectory: What :func:`physim.simulate` returned, of a scene made from a photo.
        size: (height, width) of the picture [pixels], of the photo's aspect; default: about 320 along the longer side.
        progress: Called with ('render', fraction of the frames done); see :mod:`physim.progress`.

    Raises:
        ValueError: The scene has no photo or no camera, or ``size`` changes the photo's aspect by more than 2 %.
    """
    scene = trajectory.scene
    if scene.camera is None or scene.backdrop is None:
        missing = "camera" if scene.camera is None else "photo"
        raise ValueError(
            f"the scene has no {missing}, so there is no picture to render. Make it with physim.reconstruct(shot), or "
            f"set scene.camera (a CameraPath) and scene.backdrop (a Backdrop)."
        )
    size = model_size(scene.backdrop.photo.shape[:2]) if size is None else (int(size[0]), int(size[1]))
    surfaces, compositor = Surfaces(trajectory, size), Compositor(trajectory, size)
    smoke, image = SmokeView(trajectory, size), resize(scene.backdrop.photo, size)
    count, film = trajectory.frame_count, _Film()
    pictures = in_order([partial(_picture, member) for member in compositor.team()], count)
    before, here = None, surfaces.at(0.0)
    for index, (coarse, shadow) in enumerate(pictures):
        after = surfaces.at((index + 1) / trajectory.fps)
        _add_motion(film, surfaces, before, here, after)
        film.add(depth=here.depth, ids=here.ids, coarse=coarse, shadow=shadow, liquid=here.liquid + surfaces.lake(here))
        _add_source(film, here, scene.backdrop.photo.shape[:2], image, coarse)
        seen = smoke.at(here.time, here.camera, here.depth, scene.light)
        film.add(smoke=np.stack([1 - seen.transmittance, seen.scattered @ LUMINANCE], -1), smoke_flow=seen.flow)
        _add_camera(film, here, scene)
        before, here = here, after
        if progress is not None:
            progress("render", (index + 1) / count)
    return Conditions(
        image=image,
        **film.stacked(),  # type: ignore[arg-type]
        fps=trajectory.fps,
        events=trajectory.contacts,
        meta=_meta(scene, trajectory),
    )


def _picture(compositor: Compositor, index: int) -> tuple[np.ndarray, np.ndarray]:
    return compositor.frame(index), compositor.shadow(index)


def _add_motion(film: _Film, surfaces: Surfaces, before: Surface | None, here: Surface, after: Surface) -> None:
    flow, hidden = surfaces.motion(here, after)
    film.add(flow=flow, occlusion=hidden)
    if before is None:  # nothing was before the photo
        film.add(flow_backward=np.zeros_like(flow), disocclusion=np.zeros_like(hidden))
    else:
        flow, hidden = surfaces.motion(here, before)
        film.add(flow_backward=flow, disocclusion=hidden)


def _add_source(film: _Film, here: Surface, photo_size: tuple[int, int], image: np.ndarray, coarse: np.ndarray) -> None:
    """``source_uv`` in pixels of ``image``, and ``hole`` where the picture really shows what was filled in.

    Where nothing has changed the composite is the photo itself, also around the hole of a thing that has not left yet.
    """
    rows, cols = image.shape[:2]
    place = here.source_uv * np.array([cols / photo_size[1], rows / photo_size[0]], dtype=np.float32)
    hole = here.hole.copy()
    doubtful = (hole > 0) & ((place > 0) & (place < (cols, rows))).all(axis=-1)
    if doubtful.any():
        at = place[doubtful].T[::-1] - 0.5
        photo = np.stack([map_coordinates(image[..., k], at, order=1, mode="nearest") for k in range(3)], axis=-1)
        change = np.abs(photo - coarse[doubtful]).max(axis=-1)
        hole[doubtful] *= np.clip((change - CHANGED[0]) / (CHANGED[1] - CHANGED[0]), 0, 1)
    place[hole > 0.5] = np.nan
    film.add(source_uv=place, hole=hole)


def _add_camera(film: _Film, here: Surface, scene: Scene) -> None:
    assert scene.backdrop is not None
    fu, fv, cu, cv = lens_of(here.camera, scene.backdrop.photo.shape[:2])
    film.add(
        intrinsics=np.array([[fu, 0, cu], [0, fv, cv], [0, 0, 1]]), world_from_camera=here.camera.world_from_camera
    )


def _meta(scene: Scene, trajectory: Trajectory) -> dict:
    names = {str(scene.number_of(entity.name)): entity.name for entity in scene}
    return {"names": names, "fps": trajectory.fps, "seconds": trajectory.seconds, "seed": scene.seed}
