"""The camera goes round a motorcycle whose depth was measured: near and far shift against each other as that says.

Between two pictures that a camera takes a step aside, a point at the distance z shifts by f x / z pixels, f the focal
length: the law by which the depth was measured in the first place. The shifts are read from the first and the last
frame of the finished video, by matching patches of its pixels, and held against those of the points at their measured
distance.

    python -m examples.orbit --output out/orbit.mp4
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from examples.runner import HERE, Measure, run_example
from i2v.animate import RunSummary
from i2v.metrics.video_in import read_video

PLACES = {"the tank": (385, 215), "the front wheel": (560, 330), "the wall": (130, 90)}
"""(u, v) of patches with a pattern, in the photo of 741 x 500 pixels."""
PATCH, REACH = 14, 40
"""Half the side of a patch; how far it is looked for [pixels of the photo]."""


def matched(first: np.ndarray, last: np.ndarray, place: np.ndarray, patch: int, reach: int) -> np.ndarray:
    """Where the patch around a pixel (u, v) of the first frame is in the last, by correlation, to a fraction."""
    u, v = np.round(place).astype(int)
    part = first[v - patch : v + patch + 1, u - patch : u + patch + 1]
    part = (part - part.mean()) / part.std()
    scores = np.full((2 * reach + 1, 2 * reach + 1), -1.0)
    for dv in range(-reach, reach + 1):
        for du in range(-reach, reach + 1):
            top, left = v + dv - patch, u + du - patch
            if top < 0 or left < 0 or top + len(part) > len(last) or left + len(part) > last.shape[1]:
                continue
            other = last[top : top + len(part), left : left + len(part)]
            scores[dv + reach, du + reach] = (part * (other - other.mean())).mean() / (other.std() + 1e-6)
    at = np.array(np.unravel_index(scores.argmax(), scores.shape))
    fine = [_peak(scores, at, axis) for axis in (1, 0)]
    return np.array([u, v]) + at[::-1] - reach + fine


def _peak(scores: np.ndarray, at: np.ndarray, axis: int) -> float:
    """Of a parabola through the best and its neighbours along ``axis``, less the best."""
    step = np.eye(2, dtype=int)[axis]
    if (at - step).min() < 0 or (at + step >= scores.shape).any():
        return 0.0
    low, best, high = (float(scores[tuple(at + k * step)]) for k in (-1, 0, 1))
    return 0.5 * (low - high) / (low - 2 * best + high)


def check(summary: RunSummary) -> list[Measure]:
    """What must be true of the result, and what was measured; the test suite runs it."""
    trajectory = summary.trajectory
    assert trajectory is not None and trajectory.scene.camera is not None
    path = trajectory.scene.camera
    depth = np.asarray(Image.open(HERE / "masks" / "motorcycle_depth.png")) / 1000.0
    frames = read_video(summary.path).frames
    grey = [frames[k].astype(np.float64).mean(axis=2) for k in (0, -1)]
    scale = grey[0].shape[1] / depth.shape[1]
    seconds = (len(frames) - 1) / summary.fps
    start, end = path.at(0.0), path.at(seconds)
    photo = np.array(start.size[::-1])
    measures, shifts = [], []
    for name, (u, v) in PLACES.items():
        near = depth[v - 4 : v + 5, u - 4 : u + 5]
        pixel = np.array([[u, v]]) / np.array(depth.shape[::-1]) * photo
        law = (end.project(start.unproject(pixel, np.array([np.median(near)])))[0][0] - pixel[0]) / photo[0] * 741
        place = np.array([u, v]) * scale
        found = matched(*grey, place, round(PATCH * scale), round(REACH * scale))
        got = (found - np.round(place).astype(int)) / scale
        shifts.append((got, law))
        source = f"f x / z, z = {np.median(near):.2f} m"
        measures.append(Measure(f"{name} shifts by [pixels]", float(got[0]), float(law[0]), source))
    got, law = (np.array([pair[k][0] for pair in shifts]) for k in (0, 1))
    assert np.abs(got - law).max() < max(1.5, 0.12 * np.ptp(law)), f"found {got}, law {law}"
    return measures


def main(argv: list[str] | None = None) -> None:
    run_example(__doc__, "orbit", check, argv)


if __name__ == "__main__":
    main()
