"""A cube of sugar falls onto the saucer while the coffee steams: photo, rigid bodies, smoke, moving camera.

The cube falls freely until it touches porcelain: height y0 + v0 t - g t^2 / 2. Then it bounces, loses energy in every
impact and comes to rest on the dish. A second cube is tossed onto the table.

    python -m examples.coffee --output out/coffee.mp4
"""

from __future__ import annotations

import numpy as np

from examples.runner import Measure, run_example
from i2v.animate import RunSummary


def check(summary: RunSummary) -> list[Measure]:
    """What must be true of the result, and what was measured; the test suite runs it."""
    trajectory = summary.trajectory
    assert trajectory is not None
    track, impacts = trajectory["sugar"], trajectory.contacts
    first = impacts["time"][(impacts["body_a"] == "sugar") | (impacts["body_b"] == "sugar")].min()
    falling = trajectory.times < first
    t, y = trajectory.times[falling], track.position[falling, 1]
    assert np.allclose(y, y[0] + track.velocity[0, 1] * t - 9.81 * t**2 / 2, atol=1e-4), "free fall, less a little drag"
    end = summary.conservation["energy_end [J]"]
    assert summary.conservation["energy_gain [J]"] <= 1e-4 * summary.conservation["energy_start [J]"]
    assert summary.conservation["deepest_penetration [m]"] < 1e-3
    if trajectory.seconds >= 2:
        assert np.linalg.norm(track.velocity[-1]) < 0.02, "at rest"
    return [
        Measure("sugar falls with [m/s²]", float(-2 * np.polyfit(t, y, 2)[0]), 9.81, "g, less a little drag"),
        Measure("energy of the sugar left [part]", end / summary.conservation["energy_start [J]"]),
    ]


def main(argv: list[str] | None = None) -> None:
    run_example(__doc__, "coffee", check, argv)


if __name__ == "__main__":
    main()
