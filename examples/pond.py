"""A ball falls into a pond that the wind moves: a region of a picture, given by a mask, becomes water.

Nothing runs faster over water of depth h than sqrt(g h): beyond that from where the ball went in, the surface is still
as the wind has it. Once it has come to rest the ball floats as deep as Archimedes says: the part of it below the
surface is a cap of depth d and volume pi d^2 (3 r - d) / 3, so d solves d^2 (3 r - d) = 4 r^3 density / (water's).

    python -m examples.pond --output out/pond.mp4
"""

from __future__ import annotations

import numpy as np

from examples.ball_into_water import draught
from examples.runner import Measure, run_example
from i2v.animate import RunSummary

SETTLED = 2.5
"""From then on the ball's mean depth counts [s]."""


def check(summary: RunSummary) -> list[Measure]:
    """What must be true of the result, and what was measured; the test suite runs it."""
    trajectory = summary.trajectory
    assert trajectory is not None
    scene, track, lake = trajectory.scene, trajectory["ball"], trajectory.lakes["pond"]
    t, radius = trajectory.times, scene["ball"].shape.bounding_radius  # type: ignore[union-attr]
    low = track.position[:, 1] - radius
    falls = low > 0.1
    falls &= np.cumsum(~falls) == 0
    start = track.position[0, 1]
    assert np.allclose(track.position[falls, 1], start - 9.81 * t[falls] ** 2 / 2, atol=5e-3), "free fall"
    touched = float(t[np.argmax(low < 0)]) - 1 / trajectory.fps if (low < 0).any() else np.inf
    rows, columns = lake.bed.shape
    x = lake.origin[0] + (np.arange(columns) + 0.5) * lake.cell
    z = lake.origin[1] + (np.arange(rows) + 0.5) * lake.cell
    away = np.hypot(x - track.position[0, 0], z[:, None] - track.position[0, 2])
    height, ahead = 0.0, 0.0
    for frame, time in enumerate(t):
        change = np.abs(np.nan_to_num(lake.eta[frame] - lake.eta[0]))
        height = max(height, float(change.max()))
        if time > touched:
            reach = np.sqrt(9.81 * scene["pond"].shape.depth) * (time - touched) + 2 * radius  # type: ignore[union-attr]
            ahead = max(ahead, float(change[away > reach].max(initial=0.0)))
    measures = [
        Measure("rings of the ball, up to [mm]", 1000 * height),
        Measure("farther than √(g h) t from it [mm]", 1000 * ahead, 0.0, "nothing is faster"),
    ]
    if np.isfinite(touched) and t[-1] > touched + 0.5:
        assert height > 0.005, "the ball makes waves"
        assert ahead < 0.02 * height, "nothing runs faster than sqrt(g h)"
    late = t >= SETTLED
    if late.sum() > 12:
        ratio = scene["ball"].material.density / scene["pond"].material.density  # type: ignore[union-attr]
        deep, law = float(-low[late].mean()), draught(radius, ratio)
        assert abs(deep / law - 1) < 0.25, "it floats as Archimedes says, on waves"
        measures.append(Measure("the ball floats deep [mm]", 1000 * deep, 1000 * law, "Archimedes"))
    return measures


def main(argv: list[str] | None = None) -> None:
    run_example(__doc__, "pond", check, argv)


if __name__ == "__main__":
    main()
