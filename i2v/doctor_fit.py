"""What fits into the memory there is: videos, networks, grids, particles, bodies, cloth; from what one of each takes.

The figures per unit are slopes of the largest resident memory over the size, measured by ``python -m
benchmarks.footprint`` (simulation) and ``python -m benchmarks.composition`` (frames); those of Wan are the bytes of
its published arrays (``docs/models.md``). All are rounded up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

BASE_BYTES = 1.0e9
"""Interpreter, Warp, JAX, compiled kernels and network; measured 0.7 GB."""
MODEL_BYTES = 550
"""Per pixel and frame at model resolution: conditions, maps, noise, network; measured 280 to 530 [bytes]."""
VIDEO_BYTES = 200
"""Per pixel of one frame at video resolution, whatever the length; measured at 3840 x 2560 [bytes]."""
SHARE = 0.8
"""Part of the free memory that one thing may take; what a solver refuses is beyond the same (``physim.memory``)."""
WAN_MARGIN = 1.25
"""Memory of a run of Wan over that of its arrays: activations of 81 frames of 832 x 480; estimated, not measured."""


@dataclass(frozen=True)
class Unit:
    """What one of them takes."""

    name: str
    state: float
    """While it is simulated [bytes]."""
    kept: float
    """Of what is kept of it for each frame [bytes]."""
    cost: float
    """CPU time of a frame of 1/24 s on one core [s]."""

    def most(self, memory: float, frames: int = 72) -> float:
        """How many fit in ``memory`` [bytes] if so many frames are kept."""
        return max(0.0, SHARE * memory - BASE_BYTES) / (self.state + frames * self.kept)


UNITS = (
    Unit("cells of a gas", 300, 22, 0.4e-6),
    Unit("particles of a liquid", 380, 22, 1.4e-6),
    Unit("bodies", 36_000, 4_000, 21e-6),
    Unit("vertices of cloth", 12_000, 390, 11e-6),
)
"""``python -m benchmarks.footprint``; solvers of a GPU hold the same arrays in the GPU's memory."""


def longest_shot(
    memory: float, model_size: tuple[int, int] = (214, 320), video_size: tuple[int, int] = (2160, 3840)
) -> int:
    """How many frames fit in ``memory`` [bytes] at sizes (height, width); an estimate, on the safe side."""
    left = memory - BASE_BYTES - VIDEO_BYTES * video_size[0] * video_size[1]
    return max(0, int(left / (MODEL_BYTES * model_size[0] * model_size[1])))


def wan_fits(memory: float, sizes: dict[str, float]) -> tuple[list[str], list[str]]:
    """Names of variants that fit in ``memory`` [bytes], and of those that do not; ``sizes`` of their arrays [GB]."""
    fits = [name for name, size in sizes.items() if WAN_MARGIN * 1e9 * size <= memory]
    return fits, [name for name in sizes if name not in fits]


def simulations(memory: float, *, timed: bool = True) -> Iterator[str]:
    """What fits of each kind, in words, for three seconds at 24 frames a second.

    Args:
        memory: What there is [bytes].
        timed: Whether to say how long a frame takes too, which was measured on one core.
    """
    gas, *others = UNITS
    side = int(gas.most(memory) ** (1 / 3))
    yield f"a gas of {side} x {side} x {side} cells{_time(gas, side**3) if timed else ''}"
    for unit in others:
        count = unit.most(memory)
        yield f"{_rounded(count)} {unit.name}{_time(unit, count) if timed else ''}"


def _rounded(count: float) -> str:
    """Two digits, downwards: "1.2 million"."""
    if count >= 1e6:
        return f"{int(count / 1e5) / 10:g} million"
    step = 10 ** max(len(str(int(count))) - 2, 0)
    return f"{int(count // step * step):,}"


def _time(unit: Unit, count: float) -> str:
    seconds = unit.cost * count
    return f", {seconds:.0f} s a frame" if seconds >= 2 else f", {seconds:.1f} s a frame"
