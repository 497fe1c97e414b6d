"""Work that liquids and lakes do on rigid bodies: what lifts a body is no gain of energy. Kernels: ``work``."""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels import work as kernels

from physim.partner import Partner


class WorkLedger:
    """Adds up on the device what some partners of the rigid solver do.

    Args:
        count: Bodies.
        samples: Per frame.
        device: Warp device.
    """

    def __init__(self, count: int, samples: int, device: wp.Device):
        self._device = device
        self._partners: list[Partner] = []
        self._work = wp.zeros(max(count, 1), dtype=wp.float64, device=device)
        self._out = wp.zeros(samples, dtype=wp.float64, device=device)
        self._done = [np.zeros(1)]

    def add(self, partner: Partner) -> None:
        """Look at this one's pushes."""
        self._partners.append(partner)

    def __bool__(self) -> bool:
        return bool(self._partners)

    def weigh(self, partner: Partner, bodies, *, after: bool) -> None:  # type: ignore[no-untyped-def]
        """Kinetic energy before or after a push, if it is one to look at."""
        if partner in self._partners:
            inputs = [bodies, 1.0 if after else -1.0, self._work]
            wp.launch(kernels.weigh_kernel, dim=self._work.shape, inputs=inputs, device=self._device)

    def record(self, row: int) -> None:
        """Keep the work up to sample ``row`` of the frame."""
        if self:
            wp.launch(kernels.record_kernel, dim=1, inputs=[self._work, row], outputs=[self._out], device=self._device)

    def read(self) -> None:
        """At the end of a frame."""
        self._done.append(self._out.numpy().copy())

    def done(self) -> np.ndarray:
        """Work on all bodies up to each sample, the initial one first [J]."""
        return np.concatenate(self._done)
