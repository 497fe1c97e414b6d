"""Forces that act on a scene from outside: wind, impulses and pushes."""

from dataclasses import dataclass

import numpy as np

from physim.over_time import OverTime, mean_of, value_at


@dataclass(frozen=True)
class Wind:
    """Air moving over the whole scene. Drags bodies, carries smoke."""

    velocity: tuple[float, float, float] | OverTime
    """Mean wind velocity [m/s], world frame; it may change with time."""
    gust: float = 0.0
    """Standard deviation of the speed relative to its mean [-], 0 to 1. Gusts are seeded and smooth in time."""
    seed: int = 0
    """Of the gusts."""
    start: float = 0.0
    """When it begins [s]."""
    end: float = float("inf")
    """When it has died down [s]."""
    rise: float = 0.25
    """How long it takes to come up after ``start`` and to die down before ``end`` [s]; not at 0 and infinity."""

    def __post_init__(self) -> None:
        if not (0 <= self.start < self.end and 0 <= self.rise < float("inf")):
            raise ValueError(
                f"Wind blows from {self.start} to {self.end} and rises in {self.rise} s, expected 0 <= start < end and "
                "a rise of at least 0 s."
            )
        first = value_at(self.velocity, 0.0)
        if np.shape(first) != (3,) or not np.all(np.isfinite(first)):
            raise ValueError(f"Wind.velocity is {self.velocity}, expected three finite numbers [m/s].")
        if not 0.0 <= self.gust <= 1.0:
            raise ValueError(f"Wind.gust is {self.gust}, expected 0 to 1.")

    def velocity_at(self, time: float) -> np.ndarray:
        """Wind velocity at ``time`` [s], shape (3,) [m/s]: the mean times 1 + gust x a smooth seeded signal.

        The signal is a sum of eight sines between 0.2 and 2 Hz with seeded phases, amplitudes proportional to
        f^(-5/6) (the square root of Kolmogorov's f^(-5/3) spectrum), scaled to unit variance.
        """
        mean = value_at(self.velocity, time) * self._share(time)
        if self.gust == 0.0:
            return mean
        rng = np.random.default_rng(self.seed)
        frequency = np.geomspace(0.2, 2.0, 8)
        phase = rng.uniform(0.0, 2.0 * np.pi, frequency.size)
        amplitude = frequency ** (-5.0 / 6.0)
        amplitude *= np.sqrt(2.0 / np.sum(amplitude**2))
        signal = float(np.sum(amplitude * np.sin(2.0 * np.pi * frequency * time + phase)))
        return mean * (1.0 + self.gust * signal)

    @property
    def lasting(self) -> bool:
        """Whether it blows all the time, as hard and from the same side."""
        if isinstance(self.velocity, OverTime) and len(self.velocity.times) > 1:
            return False
        return self.start == 0.0 and self.end == float("inf")

    def _share(self, time: float) -> float:
        """How much of it blows: up and down by 3 s^2 - 2 s^3, so that its rate of change has no jump."""
        share = 1.0
        for begun, bounded in ((time - self.start, self.start > 0.0), (self.end - time, self.end < float("inf"))):
            if bounded:
                s = min(max(begun / self.rise, 0.0), 1.0) if self.rise > 0 else float(begun >= 0)
                share *= s * s * (3.0 - 2.0 * s)
        return share


@dataclass(frozen=True)
class Impulse:
    """A push at one instant: momentum given to one body."""

    on: str
    """Name of the body."""
    newton_seconds: tuple[float, float, float]
    """Linear impulse [N s], world frame."""
    at: float = 0.0
    """Time of the push [s]."""
    point: tuple[float, float, float] | None = None
    """Where it is applied [m], relative to the centre of mass, world axes. ``None``: at the centre of mass."""


@dataclass(frozen=True)
class Push:
    """A force on one body while it lasts; it may change with time."""

    on: str
    """Name of the body."""
    newtons: tuple[float, float, float] | OverTime
    """[N], world frame."""
    start: float = 0.0
    """[s]"""
    end: float = float("inf")
    """[s]"""
    point: tuple[float, float, float] | None = None
    """Where it acts [m], relative to the centre of mass, world axes. ``None``: at the centre of mass."""

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError(f"Push acts from {self.start} to {self.end} s, expected 0 <= start < end.")
        first = value_at(self.newtons, 0.0)
        if np.shape(first) != (3,) or not np.all(np.isfinite(first)):
            raise ValueError(f"Push.newtons is {self.newtons}, expected three finite numbers [N].")

    def impulse(self, start: float, end: float) -> np.ndarray:
        """What it gives from ``start`` to ``end`` [s], exact, (3,) [N s]."""
        a, b = max(start, self.start), min(end, self.end)
        return (b - a) * mean_of(self.newtons, a, b) if b > a else np.zeros(3)


Force = Wind | Impulse | Push
