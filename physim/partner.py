"""Partner: what moves inside the substeps of the rigid solver and pushes on its bodies, such as cloth.

The rigid solver owns the clock and the captured sequence of launches. A partner adds its own launches to each substep:
they read the bodies' poses, and change the single precision velocities ``bodies.v``, ``bodies.w`` of those that have an
inverse mass by the impulses they exchange; the drift that follows adds the change to the double precision state.
"""

from __future__ import annotations

from typing import Protocol


class Partner(Protocol):
    def load_kernels(self) -> None:
        """Compile and load all modules, outside of the capture."""

    def begin_frame(self, first_substep: int) -> None:
        """On the host, before the replay of a frame whose first substep has this number since the start: tables."""

    def launch_search(self, k: int) -> None:
        """At the start of substep ``k`` of the frame, where new contacts are looked for when it is time."""

    def launch_substep(self, k: int) -> None:
        """After the bodies' own contacts of substep ``k`` are solved and before anything moves."""

    def launch_record(self, row: int) -> None:
        """After the last substep of sample ``row`` of the frame: copy the state to the outputs."""

    def end_frame(self) -> None:
        """On the host, after the replay: read back.

        Raises:
            FloatingPointError: The state is no longer finite; the message says which thing and when.
        """
