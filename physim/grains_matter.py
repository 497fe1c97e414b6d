"""From a material to what the kernels know of it: moduli, strengths and steps in cell units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from physim_kernels.grains import Matter

from physim.grains_domain import COURANT, STIFF
from physim.materials import Grains

PACKING = 0.5
"""Slope of the cap of loose grains over their bulk modulus: first loading is 1 + 1 / this times as soft as unloading,
so that a fall does not bounce. Soils have 5 to 10 (Bowles 1996: compression over recompression index)."""


@dataclass(frozen=True)
class Stiffness:
    """Elastic moduli as they are computed [Pa]."""

    bulk: float
    shear: float
    constrained: float
    """K + 4/3 G: what pressure waves feel."""
    stands_in: bool
    """Whether the material's own are larger."""


def stiffness(material: Grains, pressure: float, stiff: float = STIFF) -> Stiffness:
    """Moduli for a largest ``pressure`` [Pa]: the material's, or softer ones that still nobody sees give."""
    e, nu = float(material.modulus), float(material.poisson)  # type: ignore[arg-type]
    own = e * (1 - nu) / ((1 + nu) * (1 - 2 * nu))
    used = min(own, stiff * pressure)
    share = used / own
    return Stiffness(share * e / (3 * (1 - 2 * nu)), share * e / (2 * (1 + nu)), used, used < own)


def matter(material: Grains, moduli: Stiffness, cell: float, volume: float) -> Matter:
    """In cell units, of particles of ``volume`` [cells]."""
    e, nu, rho = float(material.modulus), float(material.poisson), float(material.density)  # type: ignore[arg-type]
    own = e / (3 * (1 - 2 * nu))
    mu = float(np.tan(np.radians(float(material.friction_angle))))  # type: ignore[arg-type]
    m, unit = Matter(), 1.0 / (rho * cell * cell)
    m.bulk, m.shear = moduli.bulk * unit, moduli.shear * unit
    m.friction, m.cohesion = mu, float(material.cohesion) * unit  # type: ignore[arg-type]
    if material.crush:
        m.crush, m.tension = own * material.crush * unit, own * float(material.tear or 0.0) * unit
        m.pack, m.hardening = 0.0, float(material.hardening or 0.0)
    else:
        m.crush, m.hardening, m.pack = 0.0, 0.0, PACKING * m.bulk
        m.tension = 0.5 * m.cohesion / max(mu, 0.1)
    m.volume = volume
    return m


def longest_step(moduli: Stiffness, density: float, speed: float, cell: float) -> float:
    """[s]"""
    return COURANT * cell / (float(np.sqrt(moduli.constrained / density)) + speed)
