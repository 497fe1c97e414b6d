"""Parts of the cases of elastic solids: the material of a case, blocks that come to rest, ends of a rod."""

from __future__ import annotations

import numpy as np

from physim.materials import Soft
from physim.pins import Pin
from physim.scene import Scene
from physim.shapes import Box
from physim.trajectory import SoftTrack, Trajectory
from physim.validation.case import Case
from physim.validation.settings import Settings

SMOOTH = dict(friction=0.0, drag_coefficient=0.0)


def matter(case: Case, *, rate: float | None = None, cell: float, modulus: float | None = None) -> Soft:
    """The material of a case; without loss, or with much of it for motions of ``rate`` [rad/s]."""
    lossy = dict(damping=0.0) if rate is None else dict(damping=0.6, relaxation=1.3 / rate)
    return Soft(
        "rubber", youngs_modulus=modulus or case.get("E"), poisson=case.get("poisson"), density=case.get("rho"),
        cell=cell, **SMOOTH, **lossy,
    )  # fmt: skip


def block(case: Case, size: tuple[float, float, float], soft: Soft, pin: str | Pin | tuple = ()) -> Scene:
    """A scene with one block, the ``solid``, at the origin."""
    scene = Scene(gravity=(0.0, -case.gravity, 0.0))
    scene.add(Box(size), soft, name="solid", pin=pin)
    return scene


def solid(trajectory: Trajectory) -> SoftTrack:
    """The track of the block."""
    return trajectory.softs["solid"]


def end(track: SoftTrack, axis: int, sign: int) -> np.ndarray:
    """Mean displacement (S, 3) [m] of the face of a block at this end, at the dense samples."""
    at = sign * track.rest[:, axis]
    face = at > at.max() - 1e-6
    return track.dense_position[:, face].astype(float).mean(axis=1) - track.rest[face].mean(axis=0)


def rested(scene: Scene, settings: Settings, seconds: float, axis: int, sign: int) -> tuple[np.ndarray, SoftTrack]:
    """Displacement of an end after ``seconds``, mean of the last tenth, and the track."""
    track = solid(settings.simulate(scene, seconds))
    moved = end(track, axis, sign)
    return moved[-max(2, len(moved) // 10) :].mean(axis=0), track


def energy_drift(trajectory: Trajectory, scale: float) -> float:
    """Energy at the end less that at the start, over ``scale`` [J]."""
    values = trajectory.report.values
    return abs(values["soft_energy_end [J]"] - values["soft_energy_start [J]"]) / scale
