"""A ball falls into a tub of water, throws up a crown, bobs, and floats as deep as Archimedes says.

It falls freely first. Once at rest it displaces water of its own weight: of a ball of radius r the part below the
surface is a cap of depth d and volume pi d^2 (3 r - d) / 3, so d solves d^2 (3 r - d) = 4 r^3 density / (water's).

    python -m examples.ball_into_water --output out/ball_into_water.mp4
"""

from __future__ import annotations

import numpy as np

from examples.runner import Measure, run_example
from i2v.animate import RunSummary

SETTLED = 3.5
"""From then on the ball's mean depth counts [s]."""
INSIDE = 0.48
"""Edge of the tub's bottom [m]."""
BOTTOM = 0.02
"""Height of its inside [m]."""


def draught(radius: float, ratio: float) -> float:
    """Depth of the lowest point of a floating ball [m], by Archimedes; ``ratio`` of the densities below 1."""
    roots = np.roots([-1.0, 3 * radius, 0.0, -4 * radius**3 * ratio])
    return float(next(r.real for r in roots if abs(r.imag) < 1e-9 and 0 < r.real < 2 * radius))


def check(summary: RunSummary) -> list[Measure]:
    """What must be true of the result, and what was measured; the test suite runs it."""
    trajectory = summary.trajectory
    assert trajectory is not None
    scene, track, water = trajectory.scene, trajectory["ball"], trajectory.liquids["water"]
    radius, density = scene["ball"].shape.radius, scene["ball"].material.density  # type: ignore[union-attr]
    ratio = density / scene["water"].material.density  # type: ignore[union-attr]
    t, y = trajectory.times, track.position[:, 1]
    surface = BOTTOM + water.volume(0) / INSIDE**2
    free = y - radius > surface + 0.02
    free &= np.cumsum(~free) == 0
    assert np.allclose(y[free], y[0] - 9.81 * t[free] ** 2 / 2, atol=2e-3), "free fall, less a little drag"
    crown = float(np.nanmax(water.position[..., 1]) - surface)
    depth = draught(radius, ratio)
    cap = np.pi * depth**2 * (3 * radius - depth) / 3
    late = t >= SETTLED
    raised = BOTTOM + (water.volume(len(t) - 1) + cap) / INSIDE**2
    found = float(raised - (y[late].mean() - radius)) if late.any() else np.nan
    assert crown > 0.5 * radius, "water is thrown up"
    assert y.min() - radius > BOTTOM - 1e-3, "the ball stays in the tub"
    measures = [
        Measure("crown above the water [mm]", 1000 * crown),
        Measure("the ball dives [mm]", 1000 * float(surface - y.min() + radius)),
    ]
    if late.any():
        assert abs(found / depth - 1) < 0.05, "the ball floats as deep as Archimedes says"
        measures.append(Measure("and floats deep [mm]", 1000 * found, 1000 * depth, "Archimedes"))
    return measures


def main(argv: list[str] | None = None) -> None:
    run_example(__doc__, "ball_into_water", check, argv)


if __name__ == "__main__":
    main()
