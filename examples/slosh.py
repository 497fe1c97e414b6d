"""A cup and its saucer are pushed over the table: the coffee that the photo shows sloshes, and steams.

The lowest wave of a round basin of radius R and depth h swings with w^2 = (g k + s k^3 / density) tanh(k h), where
k R = 1.841 is the first zero of J1' (H. Lamb, Hydrodynamics, article 257) and s the surface tension. The cup is no
cylinder: h is the coffee's volume over the area of its surface. Before the push it rests.

    python -m examples.slosh --output out/slosh.mp4
"""

from __future__ import annotations

import numpy as np

from examples.runner import Measure, run_example
from i2v.animate import RunSummary

ZERO = 1.8412
"""First zero of the derivative of Bessel's function J1."""


def frequency(summary: RunSummary) -> float:
    """Of the lowest wave in the cup [1/s], by the law."""
    assert summary.trajectory is not None
    coffee = summary.trajectory.scene["coffee"]
    corners = coffee.shape.triangles.vertices  # type: ignore[union-attr]
    radius = 0.5 * float(np.ptp(corners[:, 0]))
    depth = coffee.shape.volume / (np.pi * radius**2)  # type: ignore[union-attr]
    k, liquid = ZERO / radius, coffee.material
    stiff = 9.81 * k + liquid.surface_tension * k**3 / liquid.density  # type: ignore[union-attr,operator]
    return float(np.sqrt(stiff * np.tanh(k * depth)) / (2 * np.pi))


def measured(summary: RunSummary) -> tuple[float, float]:
    """Frequency [1/s] and first amplitude [m] of the way of the coffee's centre in the cup after the push."""
    from scipy.optimize import curve_fit

    trajectory = summary.trajectory
    assert trajectory is not None
    cup = trajectory["cup"].position[:, 0]
    way = np.nanmean(trajectory.liquids["coffee"].position[..., 0].astype(np.float64), axis=1)[: len(cup)] - cup
    t = np.arange(len(cup)) / trajectory.fps
    after = t > trajectory.scene["cup"].material.motion.times[-1]  # type: ignore[union-attr]
    t, way = t[after] - t[after][0], way[after] - way[0]

    def swing(t, f, loss, a, b, mean):
        return mean + np.exp(-loss * t) * (a * np.cos(2 * np.pi * f * t) + b * np.sin(2 * np.pi * f * t))

    size = float(np.ptp(way)) / 2
    best, _ = curve_fit(swing, t, way, (frequency(summary), 1.0, size, size, 0.0), maxfev=20000)
    return float(best[0]), float(np.hypot(best[2], best[3]))


def check(summary: RunSummary) -> list[Measure]:
    """What must be true of the result, and what was measured; the test suite runs it."""
    law, (got, size) = frequency(summary), measured(summary)
    assert abs(got / law - 1) < 0.1, "it swings at the pitch of its basin"
    report = summary.conservation
    assert report["liquid_volume_end [m^3]"] > 0.99 * report["liquid_volume_start [m^3]"], "none is spilt"
    return [
        Measure("the coffee swings per second", got, law, "Lamb"),
        Measure("its centre by [mm]", 1000 * size),
    ]


def main(argv: list[str] | None = None) -> None:
    run_example(__doc__, "slosh", check, argv)


if __name__ == "__main__":
    main()
