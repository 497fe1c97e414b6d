"""A napkin is tossed over the coffee cup: it catches on the rim, folds and hangs down to the saucer.

Until it touches anything it flies flat, and falls like a plate broadside on: ``y'' = -g - k y'|y'|`` with
``k = rho Cn / (2 w)``, w its weight per area. Then the porcelain holds it: it does not sink in, its threads hardly
stretch, and it comes to rest with less energy than it had.

    python -m examples.drape --output out/drape.mp4
"""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp

from examples.runner import Measure, run_example
from i2v.animate import RunSummary
from physim.materials import Cloth

AIR = 1.2
"""Density of air [kg/m^3]."""
HEIGHT = 0.074
"""Up to here [m] it flies free: the rim of the cup is at 70 mm."""


def flight(fabric: Cloth, start: float, speed: float, times: np.ndarray) -> np.ndarray:
    """Height of a flat, level sheet at ``times`` [s], from its height [m] and speed upwards [m/s] at 0."""
    assert fabric.areal_density is not None
    k = AIR * fabric.drag_coefficient / (2 * fabric.areal_density)
    solution = solve_ivp(
        lambda _, y: [y[1], -9.81 - k * y[1] * abs(y[1])], (0, times[-1]), [start, speed], t_eval=times, rtol=1e-9
    )
    return solution.y[0]


def check(summary: RunSummary) -> list[Measure]:
    """What must be true of the result, and what was measured; the test suite runs it."""
    trajectory = summary.trajectory
    assert trajectory is not None
    entity, track = trajectory.scene["napkin"], trajectory.cloths["napkin"]
    assert isinstance(entity.material, Cloth)
    times = np.arange(len(track.dense_position)) / (trajectory.fps * track.samples_per_frame)
    law = flight(entity.material, entity.position[1], entity.velocity[1], times)
    landed = np.flatnonzero(law < HEIGHT)
    free = slice(0, int(landed[0]) if len(landed) else len(times))
    height = track.dense_position[free, :, 1].astype(np.float64).mean(axis=1)
    fallen = np.ptp(law[free])
    error = float(np.abs(height - law[free]).max() / fallen)
    assert error < 0.03, "it falls as air and weight say"
    stretch = float(summary.conservation["cloth_largest_stretch [-]"])
    gain = summary.conservation["cloth_energy_end [J]"] - summary.conservation["cloth_energy_start [J]"]
    lowest = float(track.position[:, :, 1].min())
    assert stretch < 0.05 and gain < 0 and lowest > -1e-3
    if trajectory.seconds >= 1.5:
        speed = np.linalg.norm(track.velocity[-1], axis=-1).mean()
        assert speed < 0.05, "it has come to rest"
        assert track.position[-1, :, 1].max() > 0.065, "the rim carries it"
    way, lawful = float(height[-1] - height[0]), float(law[free][-1] - law[0])
    return [
        Measure(f"way of {times[free][-1]:.2f} s through the air [mm]", 1e3 * way, 1e3 * lawful, "weight and drag"),
        Measure("largest stretch [%]", 100 * stretch),
        Measure("energy lost [mJ]", -1e3 * gain),
    ]


def main(argv: list[str] | None = None) -> None:
    run_example(__doc__, "drape", check, argv)


if __name__ == "__main__":
    main()
