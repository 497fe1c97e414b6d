"""Measure: numbers read off a track of samples: fits, crossings, periods, events."""

from __future__ import annotations

import numpy as np

from physim.scene import Scene
from physim.trajectory import BodyTrack, ClothTrack, Trajectory


def times(track: BodyTrack | ClothTrack) -> np.ndarray:
    """Instants of the dense samples (S,) [s]."""
    return np.arange(len(track.dense_position)) / (track.fps * track.samples_per_frame)


def acceleration(t: np.ndarray, x: np.ndarray) -> float:
    """Twice the quadratic coefficient of the least squares parabola through x(t)."""
    scale = t[-1] - t[0]
    return float(2 * np.polyfit((t - t[0]) / scale, x, 2)[0] / scale**2)


def slope(t: np.ndarray, x: np.ndarray) -> float:
    """Of the least squares line through x(t)."""
    return float(np.polyfit(t - t[0], x, 1)[0])


def crossings(t: np.ndarray, x: np.ndarray, rate: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Instants where x(t) changes sign, and the sign of dx/dt there.

    Between samples x is the cubic with the given rates (Hermite), or that through the four nearest samples.
    """
    k = np.flatnonzero((x[:-1] != 0) & (np.sign(x[:-1]) * np.sign(x[1:]) <= 0))
    found = np.array([_root(t, x, rate, int(i)) for i in k])
    return found, np.sign(x[k + 1] - x[k])


def _root(t: np.ndarray, x: np.ndarray, rate: np.ndarray | None, i: int) -> float:
    h = t[i + 1] - t[i]
    if rate is not None:
        a, b, da, db = x[i], x[i + 1], h * rate[i], h * rate[i + 1]
        cubic = np.array([2 * a - 2 * b + da + db, 3 * b - 3 * a - 2 * da - db, da, a])
    else:
        low = min(max(i - 1, 0), len(x) - 4)
        cubic = np.polyfit((t[low : low + 4] - t[i]) / h, x[low : low + 4], 3)
    roots = np.roots(cubic)
    real = roots.real[(np.abs(roots.imag) < 1e-7) & (roots.real > -1e-6) & (roots.real < 1 + 1e-6)]
    s = real[0] if len(real) else x[i] / (x[i] - x[i + 1])
    return float(t[i] + h * s)


def period(t: np.ndarray, x: np.ndarray, rate: np.ndarray | None = None, cycles: int | None = None) -> float | None:
    """Mean time between crossings in the same direction, over the first ``cycles`` of them; ``None``: too few."""
    at, sign = crossings(t, x, rate)
    if len(at) == 0:
        return None
    at = at[sign == sign[0]][: None if cycles is None else cycles + 1]
    return float((at[-1] - at[0]) / (len(at) - 1)) if len(at) > 1 else None


def in_body(track: BodyTrack, vectors: np.ndarray) -> np.ndarray:
    """World vectors (S, 3) at the dense samples, in the body's own axes."""
    from scipy.spatial.transform import Rotation

    return Rotation.from_quat(track.dense_orientation).inv().apply(vectors)


def in_world(track: BodyTrack, vector: np.ndarray) -> np.ndarray:
    """A body vector (3,) or (S, 3) at the dense samples, in world axes (S, 3)."""
    from scipy.spatial.transform import Rotation

    return Rotation.from_quat(track.dense_orientation).apply(vector)


def energy(scene: Scene, trajectory: Trajectory) -> np.ndarray:
    """Kinetic and potential energy of all bodies at the dense samples (S,) [J], potential 0 at the origin."""
    total = 0.0
    for name, track in trajectory.bodies.items():
        mass, inertia = scene[name].mass, scene[name].inertia
        spin = in_body(track, track.dense_angular_velocity)
        total = total + 0.5 * mass * (track.dense_velocity**2).sum(1) - mass * track.dense_position @ scene.gravity
        total = total + 0.5 * np.einsum("si,ij,sj->s", spin, inertia, spin)
    return np.asarray(total)


def impacts(trajectory: Trajectory, a: str, b: str) -> np.ndarray:
    """Contact events between two things, in order of time."""
    events = trajectory.contacts
    pair = ((events["body_a"] == a) & (events["body_b"] == b)) | ((events["body_a"] == b) & (events["body_b"] == a))
    return events[pair]


def tipping_point(falls, low: float, high: float, width: float) -> float | None:  # type: ignore[no-untyped-def]
    """Where ``falls(x)`` turns from False to True, bisected to ``width``; ``None`` if it does not within the bounds."""
    if falls(low) or not falls(high):
        return None
    while high - low > width:
        middle = (low + high) / 2
        low, high = (low, middle) if falls(middle) else (middle, high)
    return (low + high) / 2
