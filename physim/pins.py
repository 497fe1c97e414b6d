"""Pins: what holds a cloth or an elastic solid, where, and how that moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from physim.motion import Motion

EDGES = ("top", "bottom", "left", "right")
CORNERS = ("top left", "top right", "bottom left", "bottom right")
PLACES = (*EDGES, "corners", "top corners", *CORNERS, "front", "back")


@dataclass(frozen=True)
class Pin:
    """Vertices of a cloth, or a side of an elastic solid, that are held: at rest, along a motion, or to a body that
    they travel with.
    """

    where: str | Sequence[int] | np.ndarray
    """One of ``PLACES`` (for a ``Sheet``: top is +y of its own frame, left is -x), vertex numbers, or a mask (N,). Of
    an elastic solid an edge is a side, as are front (+z) and back; vertices are those of its track."""
    motion: Motion | None = None
    """Of what holds them; ``None``: it rests."""
    to: str | None = None
    """Name of a body they are fixed to, as it stands at time 0. Two-way: the cloth pulls on it."""
    clamp: bool = False
    """Also hold the direction in which the cloth leaves the pin (a clamp instead of a hinge)."""

    def __post_init__(self) -> None:
        if isinstance(self.where, str) and self.where not in PLACES:
            raise ValueError(
                f"Pin.where is {self.where!r}, expected one of {', '.join(PLACES)}, vertex numbers or a mask."
            )
        if self.motion is not None and self.to is not None:
            raise ValueError("a Pin has `motion` or `to`, not both: a body that holds it has its own motion.")
