"""How solids give way and lose vibration: what the sound of a blow depends on besides form and mass."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Elastic:
    """A linear elastic solid with Rayleigh damping: a mode of w [rad/s] decays as exp(-(alpha + beta w^2) t / 2)."""

    young: float
    """[Pa]"""
    poisson: float
    """[-]"""
    alpha: float
    """[1/s]"""
    beta: float
    """[s]"""
    grain: float
    """Distance between the bumps of a surface that slides or rolls [m]."""


# Ceramic, glass, wood, plastic, iron, steel with their damping: Wang, James, "KleinPAT: Optimal Mode Conflation for
# Time-Domain Precomputation of Acoustic Transfer", ACM Trans. Graph. 38 (2019), table 4. Moduli of the others: CRC
# Handbook of Chemistry and Physics, 97th ed., and Ashby, Materials Selection in Mechanical Design, 4th ed. (2011),
# appendix A; their damping is that of the nearest of the measured ones, or from the loss factors of Ashby's chart 10
# at 1 kHz (loss factor = alpha / w + beta w). Grains are estimates from roughness classes (ISO 1302: polished to sawn).
ELASTIC: dict[str, Elastic] = {
    "aluminium": Elastic(69e9, 0.33, 5, 5e-8, 3e-5),
    "brass": Elastic(100e9, 0.34, 5, 1e-7, 3e-5),
    "cardboard": Elastic(2e9, 0.2, 200, 1e-5, 5e-4),
    "ceramic": Elastic(72e9, 0.19, 6, 1e-7, 5e-5),
    "concrete": Elastic(30e9, 0.2, 60, 1e-6, 1e-3),
    "copper": Elastic(120e9, 0.34, 5, 1e-7, 3e-5),
    "cork": Elastic(2e7, 0.05, 500, 1e-4, 1e-3),
    "felt": Elastic(1e6, 0.1, 1000, 1e-3, 1e-3),
    "glass": Elastic(62e9, 0.2, 1, 1e-7, 2e-5),
    "gold": Elastic(79e9, 0.42, 10, 2e-7, 3e-5),
    "ice": Elastic(9e9, 0.33, 30, 5e-7, 2e-4),
    "iron": Elastic(210e9, 0.28, 5, 1e-7, 2e-4),
    "ivory": Elastic(12e9, 0.3, 40, 5e-7, 1e-4),
    "leather": Elastic(5e7, 0.4, 500, 2e-4, 5e-4),
    "marble": Elastic(55e9, 0.25, 15, 2e-7, 2e-4),
    "oak": Elastic(11e9, 0.3, 60, 2e-6, 3e-4),
    "paper": Elastic(3e9, 0.2, 300, 2e-5, 3e-4),
    "pine": Elastic(9e9, 0.3, 60, 2.5e-6, 4e-4),
    "plastic": Elastic(1.4e9, 0.35, 30, 1e-6, 2e-4),
    "porcelain": Elastic(70e9, 0.2, 4, 1e-7, 4e-5),
    "rubber": Elastic(5e6, 0.45, 100, 1e-4, 1e-3),
    "silver": Elastic(83e9, 0.37, 5, 5e-8, 3e-5),
    "steel": Elastic(200e9, 0.29, 5, 3e-8, 3e-5),
    "stone": Elastic(50e9, 0.25, 20, 3e-7, 5e-4),
    "sugar": Elastic(2e9, 0.25, 150, 3e-6, 5e-4),
    "wood": Elastic(11e9, 0.25, 60, 2e-6, 3e-4),
}
"""By the names of ``physim.materials.SOLIDS``."""


def contact_time(mass: float, speed: float, radius: float, a: Elastic, b: Elastic) -> float:
    """How long two bodies touch in a blow [s]: Hertz's 2.87 (m^2 / (R E*^2 v))^(1/5).

    Source: Johnson, Contact Mechanics (1985), eq. 11.24. ``1 / E* = (1 - nu^2) / E`` of both added.

    Args:
        mass: Of the two bodies together, as it acts at the point of contact [kg].
        speed: Of approach [m/s].
        radius: Of curvature at the contact, of both together [m].
        a: One material.
        b: The other one.
    """
    compliance = (1 - a.poisson**2) / a.young + (1 - b.poisson**2) / b.young
    return 2.87 * (mass**2 * compliance**2 / (radius * speed)) ** 0.2
