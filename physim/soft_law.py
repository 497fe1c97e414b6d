"""From what matter is to what a step of it needs: moduli of the two branches, and the longest stable step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from physim.materials import Soft

SAFETY = 0.5
"""Step over the largest stable one at rest; what is left is for cells that are squeezed, and so stiffer."""
DENSIFIED = 4.0
"""Stiffness of matter whose pores are shut, over what it was."""


@dataclass(frozen=True)
class Law:
    """Moduli [Pa]; see ``physim_kernels/soft.py``."""

    shear: float
    bulk: float
    dense: float
    plate: float
    poisson: float
    shear_2: float
    plate_2: float
    relaxation: float
    yield_stress: float

    @property
    def stiffest(self) -> float:
        """Modulus of waves of pressure, at once [Pa]."""
        return self.bulk + self.shear + 4 / 3 * self.shear_2


def law(material: Soft) -> Law:
    """Of a material.

    What damps is a second branch of shear that fades: moduli 1 and 1 + g have the loss factor g / (2 sqrt(1 + g)) at
    most. What yields carries all its shear in a branch that does, and does not fade.
    """
    e, nu, d = material.youngs_modulus, material.poisson, material.damping
    assert e is not None and nu is not None and d is not None and material.relaxation is not None
    shear, plate = e / (2 * (1 + nu)), e / (1 - nu**2)
    lame = e * nu / ((1 + nu) * (1 - 2 * nu))
    dense = DENSIFIED * (lame + 2 * shear)
    if material.yield_stress is not None:
        little = 1e-3
        kept = little * shear
        bulk = lame + 2 / 3 * shear + kept / 3
        return Law(
            kept, bulk, dense, little * plate, nu, (1 - little) * shear, (1 - little) * plate, math.inf,
            material.yield_stress,
        )  # fmt: skip
    g = 2 * d * (d + math.sqrt(1 + d * d))
    return Law(shear, lame + shear, dense, plate, nu, g * shear, g * plate, material.relaxation, 0.0)


def longest_step(material: Soft, side: np.ndarray) -> float:
    """Longest stable step [s] of a free cell at rest, by Gershgorin: 2 / w of its stiffest motion."""
    made = law(material)
    shear = made.shear + made.shear_2
    lame = made.bulk - made.shear - 2 / 3 * made.shear_2
    inverse = 1 / np.square(side)
    stiff = max(lame, 0.0) * inverse.sum() + 2 * shear * inverse.max()
    stiff = max(stiff, 2 * (made.plate + made.plate_2) * inverse.max() * 2 / 3)
    assert material.density is not None
    return 2 / math.sqrt(4 * stiff / material.density)
