"""What the rigid solver writes down about contacts: impacts, and what pressed on what at every sample.

Rows are kept small, with numbers for bodies, and get their names when someone asks: a pile of a thousand bodies has
twenty thousand rows a frame.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import warp as wp
from physim_kernels import contact_state, impact_blow

from physim.rigid_arrays import Piece
from physim.trajectory import CONTACT_DTYPE, CONTACT_STATE_DTYPE

_BODIES = [("time", "f8"), ("a", "i4"), ("b", "i4"), ("point", "f4", (3,)), ("normal", "f4", (3,))]
_IMPACT = np.dtype([*_BODIES, ("impulse", "f4"), ("tangential", "f4"), ("speed", "f4")])
_STATE = np.dtype([*_BODIES, ("impulse", "f4"), ("rates", "f4", (3,))])


class ContactLog:
    """Device arrays that a frame writes to, and what was read from them so far.

    Args:
        everything: All bodies, by number.
        count: How many of them move.
        slots: Slots for pairs.
        substep: [s]
        substeps: Per sample.
        samples: Per frame.
    """

    def __init__(
        self, everything: list[Piece], count: int, slots: int, *, substep: float, substeps: int, samples: int,
        device: wp.Device,
    ):  # fmt: skip
        self._everything = everything
        self._substep, self._substeps, self._samples = substep, substeps, samples
        self.events = impact_blow.Events()
        columns = {
            "a b substep pair": int, "fraction impulse tangential speed": float,
            "point normal linear about_a about_b": wp.vec3,
        }  # fmt: skip
        _fill(self.events, columns, 1024 + 64 * count, device)
        self.loads, self.states = contact_state.Loads(), contact_state.States()
        columns = {"a b": int, "impulse": float, "point normal rates": wp.vec3}
        _fill(self.loads, {**columns, "mean_a mean_b": int, "mean": float}, max(slots, 1), device)
        _fill(self.states, {**columns, "sample": int}, samples * (64 + 8 * count), device)
        for struct in (self.events, self.states):
            struct.count = wp.zeros(1, dtype=int, device=device)
        self._events_now = Table(self.events, _IMPACT, ("a", "b", "point", "normal", "impulse", "tangential", "speed"))
        self._states_now = Table(self.states, _STATE, ("a", "b", "point", "normal", "impulse", "rates"))
        self._event_time = (host(self.events.substep), host(self.events.fraction))
        self._state_time = host(self.states.sample)
        self._impact_rows: list[np.ndarray] = []
        self._state_rows: list[np.ndarray] = []
        self.lost_events = self.lost_states = 0
        """Rows that found no room."""

    def read(self, frame: int) -> None:
        """Take over what the frame of this number, from 0, has left, and make room for the next one."""
        first = frame * self._samples * self._substeps
        rows, lost = self._events_now.take()
        if len(rows):
            substep, fraction = (column()[: len(rows)] for column in self._event_time)
            rows["time"] = (first + substep + fraction.astype(np.float64)) * self._substep
            self._impact_rows.append(rows[rows["impulse"] > 0])  # joints may have taken all of one
        self.lost_events += lost
        rows, lost = self._states_now.take()
        if len(rows):
            sample = frame * self._samples + self._state_time()[: len(rows)] + 1
            rows["time"] = sample * (self._substep * self._substeps)
            self._state_rows.append(rows)
        self.lost_states += lost

    @property
    def event_count(self) -> int:
        return sum(len(rows) for rows in self._impact_rows)

    def contacts(self) -> np.ndarray:
        """Impacts so far, ``CONTACT_DTYPE``, in order of time."""
        rows = np.concatenate([np.zeros(0, _IMPACT), *self._impact_rows])
        out = self._named(rows, CONTACT_DTYPE)
        out["impulse"], out["tangential_impulse"] = rows["impulse"], rows["tangential"]
        out["approach_speed"] = rows["speed"]
        return _sorted(out)

    def contact_states(self) -> np.ndarray:
        """What pressed on what at every sample so far, ``CONTACT_STATE_DTYPE``, in order of time."""
        rows = np.concatenate([np.zeros(0, _STATE), *self._state_rows])
        out = self._named(rows, CONTACT_STATE_DTYPE)
        out["force"] = rows["impulse"] / (self._substep * self._substeps)
        out["slip"], out["roll"], out["spin"] = rows["rates"].T
        return _sorted(out)

    def _named(self, rows: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """Rows of ``dtype`` with time, place, names and materials."""
        out = np.zeros(len(rows), dtype)
        names = np.array([piece.name for piece in self._everything] or [""])
        presets = np.array([piece.material.preset for piece in self._everything] or [""])
        for side in ("a", "b"):
            out[f"body_{side}"], out[f"material_{side}"] = names[rows[side]], presets[rows[side]]
        for name in ("time", "point", "normal"):
            out[name] = rows[name]
        return out


def _sorted(log: np.ndarray) -> np.ndarray:
    return log[np.lexsort((log["body_b"], log["body_a"], log["time"]))]


def host(array: wp.array) -> Callable[[], np.ndarray]:
    """How to read an array again and again: on a CPU the same view of its memory each time."""
    if array.device.is_cpu:
        view = array.numpy()
        return lambda: view
    return array.numpy


class Table:
    """A Warp struct of columns and the count of their rows, read once a frame.

    Args:
        struct: It has an array ``count`` and the columns.
        dtype: Of the rows.
        names: Columns to read.
    """

    def __init__(self, struct, dtype: np.dtype, names: tuple[str, ...]):
        self._struct, self._dtype, self._room = struct, dtype, struct.a.shape[0]
        self._count = host(struct.count)
        self._columns = [(name, host(getattr(struct, name))) for name in names]

    def take(self) -> tuple[np.ndarray, int]:
        """The rows of a frame, and how many found no room; empties the list."""
        found = int(self._count()[0])
        rows = np.zeros(min(found, self._room), self._dtype)
        if found:
            for name, column in self._columns:
                rows[name] = column()[: len(rows)]
            self._struct.count.zero_()
        return rows, max(0, found - self._room)


def _fill(struct, columns: dict[str, type], rows: int, device: wp.Device) -> None:
    """Zeroed arrays of ``rows`` rows for the fields named, by type."""
    for names, dtype in columns.items():
        for name in names.split():
            setattr(struct, name, wp.zeros(rows, dtype=dtype, device=device))
