"""The particles of a liquid: their arrays, the sources they enter at, their order. Kernels: ``particle_set``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import warp as wp
from physim_kernels import particle_set as kernels

NOZZLE = 2.0
"""Length over which a source holds the velocity of its liquid [cells]."""


@dataclass(frozen=True)
class LiquidSource:
    """A disc that liquid flows through, at right angles to its velocity; cell units."""

    centre: tuple[float, float, float]
    """Where it enters; the flow is free from ``NOZZLE`` cells further on [cells]."""
    velocity: tuple[float, float, float]
    """[cells/s]; none flows at 0."""
    radius: float
    """[cells]"""
    start: float = 0.0
    end: float = float("inf")
    """[s]"""

    def count(self, seconds: float, particle_volume: float) -> int:
        """At most so many particles enter within the first ``seconds``."""
        open_time = max(0.0, min(seconds, self.end) - self.start)
        volume = np.pi * self.radius**2 * float(np.linalg.norm(self.velocity)) * open_time
        return int(np.ceil(volume / particle_volume)) + self.points(particle_volume)

    def points(self, particle_volume: float) -> int:
        """Particles in one layer."""
        return max(1, round(np.pi * self.radius**2 / particle_volume ** (2 / 3)))


class ParticleSet:
    """Particles at the front of arrays of fixed size.

    Args:
        shape: Cells of the grid.
        positions: (N, 3) [cells].
        velocities: (N, 3) [cells/s].
        capacity: Most that may ever be there, those that left included; N if not given.
        particle_volume: [cells]
        sources: What lets more of them in.
        device: Warp device.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        positions: np.ndarray,
        velocities: np.ndarray | None,
        *,
        capacity: int | None,
        particle_volume: float,
        sources: Sequence[LiquidSource],
        device,
    ):
        positions = np.asarray(positions, np.float32).reshape(-1, 3)
        count = len(positions)
        size = max(1, count if capacity is None else capacity)
        if size < count:
            raise ValueError(
                f"capacity is {size}, expected at least the {count} particles that are there at the start."
            )
        self.device, self._shape, self._particle_volume = device, wp.vec3i(*shape), particle_volume
        start = np.zeros_like(positions) if velocities is None else np.asarray(velocities, np.float32)
        more = ((0, size - count), (0, 0))
        self.x = wp.array(np.pad(positions, more, constant_values=kernels.GONE), dtype=wp.vec3, device=device)
        self.v = wp.array(np.pad(start, more), dtype=wp.vec3, device=device)
        self.c = wp.zeros(size, dtype=wp.mat33, device=device)
        self.number = wp.array(np.arange(size, dtype=np.int32), dtype=int, device=device)
        """Public number of each particle."""
        self.count = wp.array([count], dtype=int, device=device)
        self.given = wp.array([count], dtype=int, device=device)
        self._spare = [wp.zeros_like(a) for a in (self.x, self.number)]
        nothing = wp.vec3(np.nan, np.nan, np.nan)
        self._recorded = [wp.full(size, nothing, dtype=wp.vec3, device=device) for _ in "xv"]
        self.listed, self._place = (wp.zeros(size, dtype=int, device=device) for _ in range(2))
        """``listed``: room for a list of particles, between two orderings."""
        cells = int(np.prod(shape))
        # one more than cells: the counting sort of a CPU keeps where the last ends
        self._sizes, self._ends = (wp.zeros(cells + 1, dtype=int, device=device) for _ in range(2))
        self._kept = wp.zeros(1, dtype=int, device=device)
        self._sources: wp.array | None = None
        if sources:
            self._travel = wp.zeros(len(sources), dtype=float, device=device)
            self._layers = wp.zeros(len(sources), dtype=int, device=device)
            self._time = wp.zeros(1, dtype=wp.float64, device=device)
            self.set_sources(sources)

    def set_sources(self, sources: Sequence[LiquidSource]) -> None:
        """Other places, velocities or times of the same number of sources, from the next frame on."""
        structs = []
        for source in sources:
            struct = kernels.Source()
            struct.centre, struct.velocity = wp.vec3(*source.centre), wp.vec3(*source.velocity)
            struct.radius, struct.points = source.radius, source.points(self._particle_volume)
            struct.spacing = struct.points * self._particle_volume / (np.pi * source.radius**2)
            struct.start, struct.end = source.start, min(source.end, 1e30)
            structs.append(struct)
        fresh = wp.array(structs, dtype=kernels.Source, device=self.device)
        if self._sources is None:
            self._sources = fresh
        else:
            wp.copy(self._sources, fresh)

    def emit(self, dt: float) -> None:
        """Let in what flows through the sources within ``dt`` [s]."""
        if self._sources is not None:
            outputs = [self._travel, self._layers, self.x, self.v, self.c, self.number, self.count, self.given]
            self._launch(kernels.emit_kernel, (1,), [self._sources, self._shape, dt, self._time], outputs)
            inputs = [self._sources, self._time, NOZZLE, self.x, self.count]
            self._launch(kernels.hold_kernel, self.x.shape, inputs, [self.v, self.c])

    def order(self) -> None:
        """Sort places and numbers by cell and drop those that have left; velocities are then not theirs any more."""
        arrays = [self.x, self.number]
        if self.device.is_cpu:
            outputs = [self.listed, self._sizes, self._place, self._kept]
            self._launch(kernels.order_serial_kernel, (1,), [self.x, self._shape, self.count], outputs)
        else:
            self._sizes.zero_()
            outputs = [self.listed, self._sizes]
            self._launch(kernels.count_kernel, self.x.shape, [self.x, self._shape, self.count], outputs)
            wp.utils.array_scan(self._sizes, self._ends, inclusive=True)
            outputs = [self._sizes, self._place, self._kept]
            self._launch(kernels.place_kernel, self.x.shape, [self.listed, self._ends, self.count], outputs)
        self._launch(kernels.permute_kernel, self.x.shape, [self._place, self.count, *arrays], self._spare)
        for array, spare in zip(arrays, self._spare, strict=True):
            wp.copy(array, spare)
        wp.copy(self.count, self._kept)

    def snapshot(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions [cells] and velocities [cells/s] by public number, (capacity, 3); NaN where there is none."""
        x, v, _fastest = self.record(np.zeros(3), np.eye(3), np.eye(3))
        return x.numpy().copy(), v.numpy().copy()

    def record(self, origin: np.ndarray, axes: np.ndarray, turn: np.ndarray) -> tuple[wp.array, wp.array, float]:
        """``origin + axes x`` and ``turn v`` by public number (capacity,) float32, NaN where there is none.

        Good until the next record; to be taken between any two orderings. The last is the largest component of a
        velocity [cells/s], 1e38 if anything is not finite.
        """
        position, velocity = self._recorded
        fastest = wp.zeros(1, dtype=float, device=self.device)
        chunk = self.x.shape[0] if self.device.is_cpu else 1
        place = [wp.vec3d(*origin), wp.mat33d(*np.ravel(axes)), wp.mat33(*np.ravel(turn).astype(np.float32))]
        inputs = [self.x, self.v, self.number, self.count, *place, chunk]
        self._launch(kernels.record_kernel, (self.x.shape[0] // chunk,), inputs, [position, velocity, fastest])
        return position, velocity, float(fastest.numpy()[0])

    def halve(self, values: wp.array) -> np.ndarray:
        """Vectors (N,) in half precision (N, 3); NumPy takes far longer where many are close to zero."""
        half = wp.empty(values.shape, dtype=wp.vec3h, device=self.device)
        chunk = values.shape[0] if self.device.is_cpu else 1
        self._launch(kernels.halve_kernel, (values.shape[0] // chunk,), [values, chunk], [half])
        return half.numpy()

    def _launch(self, kernel, dim, inputs: list, outputs: list) -> None:
        wp.launch(kernel, dim=dim, inputs=inputs, outputs=outputs, device=self.device)
