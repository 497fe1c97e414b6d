"""Coins on a tray seen from above, three of them pushed: gravity points into the picture, friction stops all.

A coin pushed with impulse J starts at v = J / m and, hitting nothing, would slide v^2 / (2 mu g). Collisions only pass
momentum on: the energy of all coins together never grows after the last push.

    python -m examples.coins --output out/coins.mp4
"""

from __future__ import annotations

import numpy as np

from examples.runner import Measure, run_example
from i2v.animate import RunSummary


def kinetic_energy(summary: RunSummary) -> np.ndarray:
    """Of all coins' translation (T,) [J]."""
    trajectory = summary.trajectory
    assert trajectory is not None
    bodies = trajectory.bodies.items()
    return sum(0.5 * trajectory.scene[name].mass * np.sum(track.velocity**2, axis=1) for name, track in bodies)


def check(summary: RunSummary) -> list[Measure]:
    """What must be true of the result, and what was measured; the test suite runs it."""
    trajectory = summary.trajectory
    assert trajectory is not None
    assert len(trajectory.bodies) == 24
    for name, track in trajectory.bodies.items():
        heights = track.position[:, 1] - track.position[0, 1]
        assert np.abs(heights).max() < 2e-3, f"{name} neither sinks into the tray nor hops off it"
    pushes = [impulse.at for impulse in trajectory.scene.impulses()]
    energy = kinetic_energy(summary)
    after = trajectory.times > max(pushes)
    if after.sum() > 4:
        assert np.all(np.diff(energy[after]) <= 1e-6), "no energy comes from nowhere"
        assert energy[-1] < 0.05 * energy.max()
    return [
        Measure("energy left at the end [J]", float(energy[-1]), 0.0, "friction"),
        Measure("energy of all coins at most [J]", float(energy.max())),
    ]


def main(argv: list[str] | None = None) -> None:
    run_example(__doc__, "coins", check, argv)


if __name__ == "__main__":
    main()
