"""A ball of wool swings on its thread before a cat, as a physical pendulum does.

Of a body with moment of inertia I about its hinge and centre of mass L below it the period is ``2 pi sqrt(I / (m g
L)) (1 + a^2 / 16 + 11 a^4 / 3072)`` for swings of up to the angle a (Huygens, 1673; the series of the complete
elliptic integral). Nothing brakes it here, so no swing is lower than the one before.

    python -m examples.pendulum --output out/pendulum.mp4
"""

from __future__ import annotations

import numpy as np

from examples.runner import Measure, run_example
from i2v.animate import RunSummary

SWEEP = "gravity.1=-1.62,-3.71,-9.81,-24.8"
"""What the gallery's slider moves: on the moon, Mars, the earth and Jupiter [m/s^2]."""
HINGE = np.array([0.0, 0.5, -0.42])
"""Where the thread is held [m]."""
BALL, THREAD = 0.011, (0.0005, 0.2)
"""Radius of the ball; radius and length of the thread, which begins 5 mm above the ball's centre [m]."""
THREAD_DENSITY = 0.3
"""Over that of the ball [-]."""


def period(angle: float, gravity: float = 9.81) -> float:
    """Of a swing up to ``angle`` [rad], from the two pieces [s]."""
    ball, thread = 4 / 3 * np.pi * BALL**3, THREAD_DENSITY * np.pi * THREAD[0] ** 2 * THREAD[1]
    top = 0.005 + THREAD[1]  # of the thread, above the ball's centre
    middle = THREAD[1] / 2  # of the thread, below its top
    inertia = ball * (0.4 * BALL**2 + top**2) + thread * (THREAD[1] ** 2 / 12 + THREAD[0] ** 2 / 4 + middle**2)
    weight = ball * top + thread * middle
    series = 1 + angle**2 / 16 + 11 * angle**4 / 3072
    return float(2 * np.pi * np.sqrt(inertia / (gravity * weight)) * series)


def check(summary: RunSummary) -> list[Measure]:
    """What must be true of the result, and what was measured; the test suite runs it."""
    trajectory = summary.trajectory
    assert trajectory is not None
    track = trajectory["wool"]
    arm = track.dense_position - HINGE
    angle = np.arctan2(arm[:, 0], -arm[:, 1])
    times = np.arange(len(angle)) / (trajectory.fps * track.samples_per_frame)
    down = np.flatnonzero((angle[:-1] > 0) & (angle[1:] <= 0))
    through = times[down] + angle[down] / (angle[down] - angle[down + 1]) * (times[1] - times[0])
    length = np.linalg.norm(arm, axis=1)
    assert np.ptp(length) < 1e-4, "the hinge holds it"
    measures = [Measure("the hinge gives by [mm]", 1e3 * float(np.ptp(length)), 0.0, "it is rigid")]
    if len(through) > 1:
        got, law = float(np.diff(through).mean()), period(float(angle[0]))
        assert abs(got / law - 1) < 0.005, "the period of a physical pendulum"
        measures.append(Measure("period [s]", got, law, "physical pendulum"))
        last = angle[times > through[-1] - got]
        highest = [float(np.degrees(a)) for a in (last.max(), angle[0])]
        measures.append(Measure("swings up to [degrees]", *highest, "no friction"))
        assert abs(last.max() / angle[0] - 1) < 0.01, "nothing brakes it"
    return measures


def main(argv: list[str] | None = None) -> None:
    run_example(__doc__, "pendulum", check, argv)


if __name__ == "__main__":
    main()
