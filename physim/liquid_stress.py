"""Which stresses of a liquid are computed on a grid: viscosity, surface tension, friction on walls."""

from __future__ import annotations

from typing import Any

import numpy as np

from physim.liquid_tension import matters
from physim.materials import Liquid

CLINGS = 0.02
"""Liquids at least this viscous [Pa s] stick to walls: oil, honey. Of thinner ones the boundary layer is far below a
cell; they slide and feel skin friction."""
SKIN = 0.015
"""Skin friction coefficient c_f of those [-]: what dam breaks over smooth floors need, 0.01 to 0.02."""


def kinematic_tension(
    material: Liquid, size: tuple[float, float, float], gravity: np.ndarray, cell: float, dt: float
) -> float:
    """Surface tension over density [m^3/s^2], 0 where it is not worth computing (``liquid_tension.matters``).

    Args:
        material: What it is.
        size: Of the box [m].
        gravity: (3,) [m/s^2].
        cell: [m]
        dt: Step that the flow asks for [s].
    """
    assert material.surface_tension is not None and material.density is not None
    tension = material.surface_tension / material.density
    worth = matters(max(size), tension, float(np.linalg.norm(gravity)), cell, dt)
    return tension if worth else 0.0


def stress_settings(material: Liquid) -> dict[str, Any]:
    """Fields of ``LiquidSettings`` for viscosity and walls."""
    assert material.viscosity is not None and material.density is not None
    cling = material.viscosity >= CLINGS
    friction = 0.0 if cling or material.viscosity == 0.0 else SKIN
    return dict(viscosity=material.viscosity / material.density, cling=cling, friction=friction)
