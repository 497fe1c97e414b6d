"""A rocket lifts off between its towers: fire in smoke on the scale of a hundred metres, in the wind.

What is hotter than 800 K glows, and lights the smoke around it, the pad and the towers. The exhaust is hot, so it
rises: the height of its centre grows while the wind carries it along +x; the towers stand in its way. The rocket keeps
to h = a t^2 / 2 with a quarter of the acceleration of gravity.

    python -m examples.rocket --output out/rocket.mp4
"""

from __future__ import annotations

import numpy as np

from examples.runner import Measure, run_example
from i2v.animate import RunSummary
from physim import blackbody

START = 1.2
"""When the rocket is let go [s]."""


def centre_of_smoke(summary: RunSummary) -> np.ndarray:
    """Mean position of the visible gas at the frames where there is some, (N, 3) [m]."""
    trajectory = summary.trajectory
    assert trajectory is not None
    (track,) = trajectory.smokes.values()
    density = track.density.astype(np.float64)
    present = density.sum(axis=(1, 2, 3)) > 0
    axes = [track.origin[k] + (np.arange(density.shape[k + 1]) + 0.5) * track.cell for k in range(3)]
    grids = np.meshgrid(*axes, indexing="ij")
    total = density[present].sum(axis=(1, 2, 3))
    return np.stack([(density[present] * grid).sum(axis=(1, 2, 3)) / total for grid in grids], axis=1)


def check(summary: RunSummary) -> list[Measure]:
    """What must be true of the result, and what was measured; the test suite runs it."""
    centre = centre_of_smoke(summary)
    assert centre[-1, 1] > centre[0, 1], "hot gas rises"
    trajectory = summary.trajectory
    assert trajectory is not None
    t, height = trajectory.times, trajectory["rocket"].position[:, 1]
    flies, measures = t > START, []
    if flies.sum() > 10:
        law = 2.5 * (t[flies] - START) ** 2 / 2
        assert np.allclose(height[flies] - height[0], law, atol=0.05), "it keeps to its acceleration"
        rise = float(2 * np.polyfit(t[flies], height[flies], 2)[0])
        measures.append(Measure("the rocket rises with [m/s²]", rise, 2.5, "given"))
    (track,) = trajectory.smokes.values()
    assert float(track.temperature.max()) + 293 > blackbody.DRAPER, "its flame glows"
    assert summary.conservation["smoke_divergence [-]"] < 1e-2
    hottest = float(track.temperature.max()) + 293
    return [
        *measures,
        Measure("centre of the smoke rises by [m]", float(centre[-1, 1] - centre[0, 1])),
        Measure("and drifts by [m]", float(centre[-1, 0] - centre[0, 0])),
        Measure("hottest [K]", hottest),
    ]


def main(argv: list[str] | None = None) -> None:
    run_example(__doc__, "rocket", check, argv)


if __name__ == "__main__":
    main()
