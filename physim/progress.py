"""Progress: one way in which everything long tells how far it is.

Whatever takes ``progress`` calls it with the name of a stage and the share of that stage that is done. The parts of a
work that run one after the other, or side by side, have names of their own; within one the share never falls.
"""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Any function of (stage, fraction)."""

    def __call__(self, stage: str, fraction: float, /) -> None:
        """Be told.

        Args:
            stage: Short name of what is being done: "reconstruct", "simulate", "runs".
            fraction: Of this stage, 0 as it begins, 1 as it ends, never falling in between.

        An exception raised in here ends the work and reaches who asked for it; what is on disk is whole.
        """
        ...


def untold(stage: str, fraction: float, /) -> None:
    """Where nobody asked."""
