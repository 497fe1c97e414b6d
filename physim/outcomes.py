"""What is measured in a run of a sweep: numbers with their unit in the name."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from physim.trajectory import BodyTrack, Trajectory

Outcome = Callable[[Trajectory], float | Mapping[str, float]]
"""Measures one run: a number, which is named after the function, or several with names."""
REST = 1e-2
"""Speed of the fastest point under which a body counts as at rest [m/s]."""


def measured(trajectory: Trajectory, also: Sequence[str | Outcome] = ()) -> dict[str, float]:
    """All that is known of a run; what has no value, such as the time to rest of what never rests, is NaN.

    Of every body: ``distance`` between its first and its last place, ``path`` along which it went, ``end_x``,
    ``end_y``, ``end_z``, ``top`` and ``peak_speed`` of its centre, ``peak_energy`` (kinetic; these at samples),
    ``peak_impulse`` and ``impact_speed`` of its contacts (exact), ``time_to_rest``. Of cloth: ``reach`` of the vertex
    that moved furthest. Of liquids: ``volume`` and ``height`` at the end. Of all: ``impacts``, ``energy_lost``.

    Args:
        trajectory: The run.
        also: Own measures: functions, or "module:function".

    Raises:
        ValueError: A measure that cannot be found or does not give numbers.
    """
    values: dict[str, float] = {}
    for name, body in trajectory.bodies.items():
        values |= {f"{name}.{key}": value for key, value in _body(trajectory, name, body).items()}
    for name, cloth in (trajectory.cloths | trajectory.softs).items():
        moved = np.linalg.norm(cloth.position - cloth.position[:1], axis=-1)
        values[f"{name}.reach [m]"] = float(moved.max())
    for name, liquid in trajectory.liquids.items():
        last = len(liquid.position) - 1
        heights = liquid.position[last, :, 1]
        there = heights[np.isfinite(heights)]
        values[f"{name}.volume [m^3]"] = liquid.volume(last)
        values[f"{name}.height [m]"] = float(there.max()) if len(there) else math.nan
    values["impacts [-]"] = float(len(trajectory.contacts))
    report = trajectory.report.values
    if "energy_start [J]" in report:
        values["energy_lost [J]"] = report["energy_start [J]"] - report["energy_end [J]"]
    for outcome in also:
        values |= _own(outcome, trajectory)
    return values


def found(outcome: str | Outcome) -> Outcome:
    """The function itself, or that of "module:function".

    Raises:
        ValueError: There is none.
    """
    if callable(outcome):
        return outcome
    module, _, name = outcome.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"the measure {outcome!r} cannot be found ({error}), expected module:function.") from None
    if not callable(function):
        raise ValueError(f"the measure {outcome!r} is a {type(function).__name__}, expected a function.")
    return function


def _body(trajectory: Trajectory, name: str, body: BodyTrack) -> dict[str, float]:
    place, speed = body.dense_position, np.linalg.norm(body.dense_velocity, axis=1)
    turn = np.linalg.norm(body.dense_angular_velocity, axis=1)
    entity = trajectory.scene[name]
    radius = entity.shape.bounding_radius  # type: ignore[union-attr]
    steps = np.linalg.norm(np.diff(place, axis=0), axis=1)
    events = trajectory.contacts
    own = events[(events["body_a"] == name) | (events["body_b"] == name)]
    return {
        "distance [m]": float(np.linalg.norm(place[-1] - place[0])),
        "path [m]": float(steps.sum()),
        "end_x [m]": float(place[-1, 0]),
        "end_y [m]": float(place[-1, 1]),
        "end_z [m]": float(place[-1, 2]),
        "top [m]": float(place[:, 1].max()),
        "peak_speed [m/s]": float(speed.max()),
        "peak_energy [J]": float(_kinetic(trajectory, name, body).max()),
        "peak_impulse [N s]": float(own["impulse"].max(initial=0.0)),
        "impact_speed [m/s]": float(own["approach_speed"].max(initial=0.0)),
        "time_to_rest [s]": _time_to_rest(speed + turn * radius, trajectory.seconds),
    }


def _kinetic(trajectory: Trajectory, name: str, body: BodyTrack) -> np.ndarray:
    """Kinetic energy at every sample [J]; of a kinematic body, which has no mass, 0."""
    entity = trajectory.scene[name]
    if not entity.is_body:
        return np.zeros(1)
    spin = _in_own_frame(body.dense_orientation, body.dense_angular_velocity)
    linear = 0.5 * entity.mass * (body.dense_velocity**2).sum(axis=1)
    return linear + 0.5 * np.einsum("ti,ij,tj->t", spin, entity.inertia, spin)


def _in_own_frame(q: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Vectors v (T, 3) of the world in the frames that q (T, 4) xyzw turn into it."""
    t = 2.0 * np.cross(-q[:, :3], v)
    return v + q[:, 3:] * t + np.cross(-q[:, :3], t)


def _time_to_rest(speed: np.ndarray, seconds: float) -> float:
    """From when on the speed stays below ``REST`` [s]; NaN if it does not."""
    fast = np.flatnonzero(speed >= REST)
    if not len(fast):
        return 0.0
    return math.nan if fast[-1] == len(speed) - 1 else float((fast[-1] + 1) / (len(speed) - 1) * seconds)


def _own(outcome: str | Outcome, trajectory: Trajectory) -> dict[str, float]:
    function = found(outcome)
    value = function(trajectory)
    name = getattr(function, "__name__", type(function).__name__)
    values = dict(value) if isinstance(value, Mapping) else {name: value}
    try:
        return {str(key): float(number) for key, number in values.items()}
    except (TypeError, ValueError):
        raise ValueError(f"the measure {name} gave {value!r}, expected a number or names with numbers.") from None
