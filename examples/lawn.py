"""A ball bounces on a lawn: it falls with g less drag, and comes off with e times the speed of the impact.

Drag of ``r / 2 Cd A v^2`` has a closed solution, with the last speed ``u^2 = 2 m g / (r Cd A)``: from the height h it
arrives with ``v^2 = u^2 (1 - exp(-2 g h / u^2))``, and thrown up with w it comes to ``u^2 / (2 g) log(1 + w^2 /
u^2)``. Between the two lies the impact, w = e v (Newton, 1687).

    python -m examples.lawn --output out/lawn.mp4
"""

from __future__ import annotations

import itertools

import numpy as np

from examples.runner import Measure, run_example
from i2v.animate import RunSummary
from physim.rigid_arrays import AIR_DENSITY

SWEEP = "things.ball.rigid.restitution=0.2,0.4,0.6,0.8,0.95"
"""What the gallery's slider moves."""


def last_speed(summary: RunSummary) -> float:
    """At which drag carries the ball [m/s]."""
    assert summary.trajectory is not None
    ball = summary.trajectory.scene["ball"]
    area = np.pi * ball.shape.radius**2  # type: ignore[union-attr]
    drag = AIR_DENSITY * ball.material.drag_coefficient * area  # type: ignore[union-attr]
    return float(np.sqrt(2 * ball.mass * 9.81 / drag))  # type: ignore[operator]


def check(summary: RunSummary) -> list[Measure]:
    """What must be true of the result, and what was measured; the test suite runs it."""
    trajectory = summary.trajectory
    assert trajectory is not None
    ball, track, u = trajectory.scene["ball"], trajectory["ball"], last_speed(summary)
    radius, e = ball.shape.radius, ball.material.restitution  # type: ignore[union-attr]
    times = np.arange(len(track.dense_position)) / (trajectory.fps * track.samples_per_frame)
    height = track.dense_position[:, 1] - radius
    hits = np.sort(trajectory.contacts["time"])
    hits = hits[np.diff(hits, prepend=-1.0) > 0.05]
    fallen = u**2 / 9.81 * np.log(np.cosh(9.81 * times / u))
    first = times < (hits[0] if len(hits) else np.inf)
    off = np.abs(height[0] - height - fallen)[first].max()
    assert off < 0.005 * fallen[first].max(), "it falls as g and drag say"
    got, law = float((height[0] - height)[first][-1]), float(fallen[first][-1])
    measures = [Measure(f"fallen after {times[first][-1]:.2f} s [m]", got, law, "g and drag")]
    law = float(height[0])
    for number, (begin, end) in enumerate(itertools.pairwise(hits[:4]), start=1):
        if end > times[-1]:
            break
        arrives = u * np.sqrt(1 - np.exp(-2 * 9.81 * law / u**2))
        law = float(u**2 / (2 * 9.81) * np.log(1 + (e * arrives / u) ** 2))
        got = float(height[(times > begin) & (times < end)].max())
        assert abs(got - law) < 0.02 * height[0], "and rises as its restitution says"
        measures.append(Measure(f"height after impact {number} [m]", got, law, "restitution and drag"))
    return measures


def main(argv: list[str] | None = None) -> None:
    run_example(__doc__, "lawn", check, argv)


if __name__ == "__main__":
    main()
