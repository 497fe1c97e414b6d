"""Gravity over time for the solvers: tables of one frame, and the work that its change does. Kernels: ``work``."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import warp as wp
from physim_kernels import work as kernels

from physim.scene import Scene


class Weight:
    """What gravity is in each substep of a frame: its mean over that, so that momentum is exact.

    Where there are liquids, whose steps are longer, it is the same in all substeps of a frame. A change of gravity
    lifts or lowers the potential energy of what it finds, -m x (g' - g): no error of a solver, so it adds up here.

    Args:
        scene: What there is.
        count: Moving bodies.
        substeps: Per frame.
        samples: Per frame.
        h: Substep [s].
        device: Warp device.
    """

    def __init__(self, scene: Scene, count: int, *, substeps: int, samples: int, h: float, device: wp.Device):
        self.scene, self._count, self._h, self._device = scene, count, h, device
        self.changes = scene.gravity_keys is not None
        """Whether it does."""
        self._each = substeps // samples
        self.table = wp.zeros(substeps, dtype=wp.vec3d, device=device)
        """In each substep of the frame [m/s^2]."""
        self.frame = wp.zeros(1, dtype=wp.vec3, device=device)
        """Its mean over the frame."""
        self.now = np.zeros(3)
        """The same."""
        self.substeps = np.zeros((substeps, 3))
        """The same as ``table``."""
        self._before = wp.zeros(1, dtype=wp.vec3d, device=device)
        self._work = wp.zeros(max(count, 1), dtype=wp.float64, device=device)
        self._out = wp.zeros(samples, dtype=wp.float64, device=device)
        self._done = [np.zeros(1)]
        self._felt = [np.zeros((1, 3))]
        self._fill(0)
        self._felt[0][:] = self.substeps[0]
        self._before.assign(self.substeps[:1])

    def _fill(self, first: int) -> None:
        edges = (first + np.arange(len(self.substeps) + 1)) * self._h
        self.now = self.scene.mean_gravity(edges[0], edges[-1])
        if self.changes and not self.scene.liquids:
            self.substeps = np.array([self.scene.mean_gravity(*pair) for pair in pairwise(edges)])
        else:
            self.substeps = np.tile(self.now, (len(edges) - 1, 1))
        self.table.assign(self.substeps)
        self.frame.assign(self.now.astype(np.float32)[None])

    def begin_frame(self, first: int) -> None:
        """Before the frame that begins with substep ``first``."""
        if self.changes:
            if first > 0:
                self._before.assign(self.substeps[-1:])
            self._fill(first)
        self._felt.append(self.substeps[self._each - 1 :: self._each].copy())

    def launch(self, bodies, k: int) -> None:  # type: ignore[no-untyped-def]
        """Before substep ``k`` moves anything: what the change of gravity does to where bodies are."""
        if self.changes and self._count:
            inputs = [bodies, self.table, self._before, k, self._work]
            wp.launch(kernels.change_kernel, dim=self._count, inputs=inputs, device=self._device)

    def record(self, row: int) -> None:
        """Keep the work up to sample ``row`` of the frame."""
        if self.changes:
            wp.launch(kernels.record_kernel, dim=1, inputs=[self._work, row], outputs=[self._out], device=self._device)

    def read(self) -> None:
        """At the end of a frame."""
        self._done.append(self._out.numpy().copy())

    def done(self) -> np.ndarray:
        """Work on all bodies up to each sample, the initial one first [J]."""
        return np.concatenate(self._done)

    def felt(self) -> np.ndarray:
        """Gravity at each sample, the initial one first (S, 3) [m/s^2]."""
        return np.concatenate(self._felt)
