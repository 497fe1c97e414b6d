"""Fabrics: measured moduli by name, with their sources."""

from __future__ import annotations

from typing import Any

# First values, order of magnitude: Kawabata KES-F charts as quoted by Breen, House, Wozny, "A particle-based model for
# simulating the draping behavior of woven cloth" (1994), and Wang, O'Brien, Ramamoorthi, "Data-driven elastic models
# for cloth" (2011).
FABRICS: dict[str, dict[str, Any]] = {
    "cotton": dict(
        areal_density=0.15, stretch=(2000.0, 1500.0), shear=60.0, poisson=0.1, bending=(8.0e-6, 5.0e-6),
        thickness=4.0e-4, friction=0.4, damping=0.002,
    ),
}  # fmt: skip
