"""Where in the picture the subject is: what a narrow frame must follow."""

from __future__ import annotations

import numpy as np

from physim.trajectory import Trajectory

LOOK = 0.25
"""Standard deviation of the time over which motion draws the eye [s]."""


def subject_path(trajectory: Trajectory, times: np.ndarray, name: str | None = None) -> np.ndarray:
    """Place of the subject in the whole picture at ``times`` [s], (T, 2) as parts of its width and height.

    Without a ``name`` it is everything that moves, each by how fast it moves then; the middle where nothing does.

    Args:
        trajectory: A simulated scene with a camera.
        times: (T,) [s].
        name: Of a body, a cloth or a liquid.

    Raises:
        ValueError: The scene has no camera, or nothing of that name moved.
    """
    camera = trajectory.scene.camera
    if camera is None:
        raise ValueError("the scene has no camera, so there is no picture to frame.")
    places = _places(trajectory, times, name)
    if not places:
        return np.full((len(times), 2), 0.5)
    views = [camera.at(float(t)) for t in times]
    size = np.array(views[0].size[::-1])
    seen = np.stack([[v.project(p)[0] / size for v, p in zip(views, place, strict=True)] for place in places])
    return np.einsum("pt,ptc->tc", _attention(seen, times), seen)


def _attention(seen: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Weights (P, T) of the things seen at (P, T, 2): what moves now, and a little all that ever does."""
    from scipy.ndimage import gaussian_filter1d

    if len(times) < 2:
        return np.full(seen.shape[:2], 1 / len(seen))
    speed = np.linalg.norm(np.gradient(seen, times, axis=1), axis=-1)
    now = gaussian_filter1d(speed, LOOK / (times[1] - times[0]), axis=1, mode="nearest")
    weight = now + 0.02 * speed.mean(axis=1, keepdims=True) + 1e-9
    return weight / weight.sum(axis=0)


def _places(trajectory: Trajectory, times: np.ndarray, name: str | None) -> list[np.ndarray]:
    """Paths (T, 3) [m] of what is followed."""
    found = {}
    for each, track in trajectory.bodies.items():
        found[each] = np.stack([track.at(float(t))[0] for t in times])
    for each, cloth in (trajectory.cloths | trajectory.softs).items():
        found[each] = np.stack([cloth.at(float(t)).mean(axis=0) for t in times])
    for each, liquid in trajectory.liquids.items():
        frames = np.clip(np.rint(times * trajectory.fps).astype(int), 0, len(liquid.position) - 1)
        found[each] = np.stack([np.nanmean(liquid.position[f], axis=0) for f in frames])
    if name is None:
        return [path for path in found.values() if np.isfinite(path).all() and np.ptp(path, axis=0).max() > 1e-3]
    if name not in found:
        raise ValueError(
            f"nothing named {name!r} moved that could be followed; there are: {', '.join(found) or 'none'}."
        )
    return [found[name]]
