"""All that belongs to the slots of pairs, for moving it, see ``physim_kernels/tidy.py``."""

from __future__ import annotations

import warp as wp
from physim_kernels import contact_state, tidy
from physim_kernels import rigid_data as data
from physim_kernels.broad_data import Broad

_STAY = {"following", "head", "live", "live_count", "deepest", "order", "colour", "colour_start", "colour_mask", "hits"}
"""Columns of the pairs that do not belong to one pair, or are made anew."""


class Slots:
    """The columns of pairs and contacts as plain words, four bytes or sixteen each."""

    def __init__(
        self, pairs: data.Pairs, contacts: data.Contacts, loads: contact_state.Loads, broad: Broad, device: wp.Device
    ):
        self._pairs, self._broad, self._device = pairs, broad, device
        self._held = (pairs, contacts, loads)
        slots = pairs.live.shape[0]
        self._columns = [_words(*column, slots) for column in _columns(pairs, contacts, loads)]
        self._seats = tidy.Seats()
        self._seats.untidy = wp.zeros(1, dtype=int, device=device)
        self._seats.seat = wp.zeros(slots, dtype=int, device=device)
        self._seats.source = wp.zeros(slots, dtype=int, device=device)
        widest = {kind: [w for c, w in self._columns if c.dtype is kind] for kind in (wp.int32, wp.vec4i)}
        self._ints = wp.zeros(slots * max(widest[wp.int32], default=1), dtype=wp.int32, device=device)
        self._quads = wp.zeros(slots * max(widest[wp.vec4i], default=1), dtype=wp.vec4i, device=device)

    def launch(self) -> None:
        """Once a frame, when the list of pairs is new and nothing else refers to slots."""
        tidy.tidy(
            self._pairs, self._broad, self._columns, self._seats,
            scratch_ints=self._ints, scratch_quads=self._quads, device=self._device,
        )  # fmt: skip


def _columns(pairs: data.Pairs, contacts: data.Contacts, loads: contact_state.Loads) -> list[tuple[wp.array, int]]:
    """Arrays and the first of their rows that go with the slots: rows of contact k of all pairs lie together."""
    slots = pairs.live.shape[0]
    found = [(getattr(pairs, name), 0) for name in _fields(pairs) if name not in _STAY]
    found += [(getattr(contacts, name), k * slots) for name in ("spot", "row", "grip") for k in range(4)]
    found += [(getattr(loads, name), 0) for name in _fields(loads)]
    return [(column, first) for column, first in found if column.shape[0] >= slots]


def _fields(struct) -> list[str]:
    """Names of a Warp struct's members."""
    return list(struct._cls.vars)


def _words(column: wp.array, first: int, slots: int) -> tuple[wp.array, int]:
    """The same memory as rows of int or of vec4i, and how many of them belong to a slot."""
    size = wp.types.type_size_in_bytes(column.dtype)
    kind, width = (wp.vec4i, 16) if size % 16 == 0 else (wp.int32, 4)
    place, shape = column.ptr + first * size, slots * size // width
    return wp.array(ptr=place, dtype=kind, shape=shape, device=column.device, copy=False), size // width
