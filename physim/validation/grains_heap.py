"""Heaps: the slope that grains rest at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from physim.validation.case import Case, Quantity
from physim.validation.grains_parts import ledge, slope
from physim.validation.registry import runner
from physim.validation.settings import Settings

FRAMES = 10.0
"""Per second: nothing of the result is in between."""


@runner("angle_of_repose")
def angle_of_repose(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Slope of what stays on a ledge when the rest has run over its edge; then with other cells and steps."""
    slow, limits = replace(settings, fps=FRAMES), case.limits("angle_deg")
    length, seconds, cells = case.get("length"), case.get("seconds"), int(case.get("cells"))

    def found(phi: float, per_length: int, refinement: float) -> float:
        scene = ledge(phi, length=length, per_length=per_length)
        run = replace(slow, refinement=settings.refinement * refinement).simulate(scene, seconds)
        return slope(run.grains["sand"], -1, length)

    angles = [float(a) for a in case.params["friction_angles"]]
    first = {}
    for phi in angles:
        first[phi] = found(phi, cells, 1.0)
        yield case.absolute(f"slope at a friction angle of {phi:g} [degrees]", phi, first[phi], limits)
    phi = angles[len(angles) // 2]
    same = case.limits("change_deg")
    for what, per_length, refinement in (("cells of two thirds", cells * 3 // 2, 1.0), ("half the step", cells, 2.0)):
        yield case.absolute(
            f"slope at {phi:g}, with {what} [degrees]", first[phi], found(phi, per_length, refinement), same
        )
