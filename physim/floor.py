"""What does not ring but answers: floors, walls, table tops, as plates without end.

A point force f on a thin plate that goes on for ever sends, below the frequency of coincidence and in light air,

    p(r, theta, t) = rho cos(theta) f(t - r/c) / (2 pi m r)

with m the plate's mass per area: the pulse of the blow itself, the louder the lighter the plate. Source: Junger, Feit,
Sound, Structures, and Their Interaction, 2nd ed. (1986), section 8.2 (point-excited plate, low frequency). It is one
oscillator with as much damping as stiffness, flat up to 2 kHz, where the inner losses of a thick plate begin.
"""

from __future__ import annotations

import numpy as np

from physim.audible import Resonator
from physim.materials import SOLIDS
from physim.modal import AIR_DENSITY

THICKNESS = {"glass": 0.01, "steel": 0.003, "iron": 0.005, "aluminium": 0.003, "brass": 0.003, "copper": 0.003,
             "cardboard": 0.005, "paper": 0.005, "plastic": 0.01, "wood": 0.03, "oak": 0.03, "pine": 0.025}  # fmt: skip
"""Of a plate that is a thing's surroundings, by material [m]; estimates. Others are solid ground."""
SOLID = 0.1
"""[m]"""
CUTOFF = 2000.0
"""[Hz]"""


class Floors:
    """Numbers the plates that are struck: one for each thing that strikes one, so that each sounds where it is.

    Args:
        first: Number of the first one.
    """

    def __init__(self, first: int) -> None:
        self._first = first
        self._pairs: dict[tuple[str, str], str] = {}

    def number(self, name: str, material: str, by: str) -> int:
        """Of the plate ``name`` where ``by`` touches it."""
        self._pairs.setdefault((name, by), material)
        return self._first + list(self._pairs).index((name, by))

    def resonators(self, positions: dict[str, np.ndarray]) -> list[Resonator]:
        """All of them; ``positions`` are those of the things that strike."""
        return [plate(f"{name} under {by}", material, positions[by]) for (name, by), material in self._pairs.items()]


def plate(name: str, material: str, position: np.ndarray) -> Resonator:
    """The answer of an endless plate of a material, heard at a middling angle (cos theta of 0.6)."""
    heavy = THICKNESS.get(material, SOLID) * SOLIDS.get(material, SOLIDS["stone"])["density"]
    gain = 0.6 * AIR_DENSITY / (2 * np.pi * heavy)
    rate = 2 * np.pi * CUTOFF
    pole = np.array([-rate + 1j * rate])
    weight = np.array([-2j * rate * gain])  # Im(2 L e^(pt)) has the transfer 2 L^2 / ((s + L)^2 + L^2): 1 at low pitch
    return Resonator(name, material, pole, weight, position, np.zeros(1), SOLID)
