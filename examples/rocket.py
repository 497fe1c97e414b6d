"""Exhaust rolls from the launch pad between the towers: smoke on the scale of a hundred metres, in the wind.

The gas is hot, so it rises: the height of its centre grows while the wind carries it along +x. Thin towers in front of
it stay in front of it.

    python -m examples.rocket --output out/rocket.mp4
"""

from __future__ import annotations

import numpy as np

from examples.runner import run_example
from i2v.animate import RunSummary


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


def check(summary: RunSummary) -> None:
    """What must be true of the result; the test suite runs it."""
    centre = centre_of_smoke(summary)
    assert centre[-1, 1] > centre[0, 1], "hot gas rises"
    assert summary.conservation["smoke_divergence [-]"] < 1e-2


def main(argv: list[str] | None = None) -> None:
    run_example(__doc__, "rocket", check, argv)


if __name__ == "__main__":
    main()
