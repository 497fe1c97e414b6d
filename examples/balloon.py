"""A balloon sinks into fog. What lifts it, what brakes it and what it takes along are the same air.

A ball of mass m and volume V in still air of density r: ``(m + r V / 2) v' = (m - r V) g - r / 2 Cd A v^2``, the
weight less the lift of Archimedes, drag, and the air that moves with it, half of what it displaces (Stokes, 1843). It
ends at ``v = sqrt(2 (m - r V) g / (r Cd A))``.

    python -m examples.balloon --output out/balloon.mp4
"""

from __future__ import annotations

import numpy as np

from examples.runner import Measure, run_example
from i2v.animate import RunSummary
from physim.rigid_arrays import AIR_DENSITY


def sinking(mass: float, radius: float, drag: float, times: np.ndarray) -> np.ndarray:
    """How far it has sunk at ``times`` [s] after it was let go [m]: the equation has a closed solution."""
    volume, area = 4 / 3 * np.pi * radius**3, np.pi * radius**2
    inertia, weight = mass + AIR_DENSITY * volume / 2, (mass - AIR_DENSITY * volume) * 9.81
    last = np.sqrt(2 * weight / (AIR_DENSITY * drag * area))
    scale = inertia * last / weight
    return last * scale * np.log(np.cosh(times / scale))


def check(summary: RunSummary) -> list[Measure]:
    """What must be true of the result, and what was measured; the test suite runs it."""
    trajectory = summary.trajectory
    assert trajectory is not None
    entity, track = trajectory.scene["balloon"], trajectory["balloon"]
    radius, drag = entity.shape.radius, entity.material.drag_coefficient  # type: ignore[union-attr]
    since = trajectory.times - entity.release
    sunk = track.position[0, 1] - track.position[:, 1]
    law = sinking(entity.mass, radius, drag, np.maximum(since, 0))
    (fog,) = trajectory.smokes.values()
    lost = float(summary.conservation["smoke_mass_error [-]"])
    measures = [Measure("smoke lost in the books [-]", lost, 0.0, "mass")]
    there = (since > 0) & (track.position[0, 1] - law > 1.2)
    if there.sum() > 6:
        off = float(np.abs(sunk - law)[there].max() / law[there].max())
        assert off < 0.05, "lift, drag and the air it takes along"
        after, got, said = (float(values[there][-1]) for values in (since, sunk, law))
        measures.append(Measure(f"sunk after {after:.2f} s [m]", got, said, "drag and lift"))
    if since[-1] > 2:
        inside = [fog.density[k][_cell(fog, track.position[k])] for k in np.flatnonzero(since > 1.2)]
        assert max(map(float, inside)) < 0.05, "there is no fog inside of it"
    return measures


def _cell(fog, place: np.ndarray) -> tuple[int, ...]:
    index = ((place - fog.origin) / fog.cell).astype(int)
    return tuple(np.clip(index, 0, np.array(fog.density.shape[1:]) - 1))


def main(argv: list[str] | None = None) -> None:
    run_example(__doc__, "balloon", check, argv)


if __name__ == "__main__":
    main()
