"""Registry: which function runs which case."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from physim.validation.case import Case, Quantity
from physim.validation.settings import Settings

Runner = Callable[[Case, Settings], Iterator[Quantity]]
RUNNERS: dict[str, Runner] = {}
MODULES = (
    "physim.validation.flow",
    "physim.validation.rigid_impact",
    "physim.validation.rigid_friction",
    "physim.validation.rigid_rolling",
    "physim.validation.rigid_spin",
    "physim.validation.rigid_stack",
    "physim.validation.rigid_swing",
    "physim.validation.cloth_bend",
    "physim.validation.cloth_hang",
    "physim.validation.cloth_modes",
    "physim.validation.cloth_touch",
    "physim.validation.liquid_float",
    "physim.validation.liquid_impact",
    "physim.validation.liquid_lake",
    "physim.validation.liquid_rest",
    "physim.validation.liquid_sink",
    "physim.validation.liquid_waves",
    "physim.validation.liquid_flow",
    "physim.validation.liquid_drop",
    "physim.validation.grains_heap",
    "physim.validation.grains_silo",
    "physim.validation.soft_rod",
    "physim.validation.soft_beam",
    "physim.validation.soft_contact",
    "physim.validation.smoke_buoyant",
    "physim.validation.smoke_plume",
    "physim.validation.smoke_transport",
    "physim.validation.smoke_vortex",
    "physim.validation.smoke_wake",
    "physim.validation.smoke_walls",
)
"""Where the runners are."""


def runner(case_id: str) -> Callable[[Runner], Runner]:
    """Register a function as the runner of a case."""

    def register(function: Runner) -> Runner:
        RUNNERS[case_id] = function
        return function

    return register


def runners() -> dict[str, Runner]:
    """All runners by case id."""
    from importlib import import_module

    for module in MODULES:
        import_module(module)
    return RUNNERS
