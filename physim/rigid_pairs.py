"""Arrays of the rigid solver that hold what touches: slots for pairs, contacts, and the search for them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import warp as wp
from physim_kernels import broad_data, order
from physim_kernels import rigid_data as data

from physim.rigid_arrays import Piece, to_array

PAIRS_PER_COLLIDER = 14
"""Slots per moving collider: spheres of one size have at most 12 neighbours, and each pair is owned by one of two."""


def slot_capacity(everything: list[Piece], moving_count: int) -> int:
    """How many pairs there is room for: all of them in a small scene, else in proportion to the colliders."""
    moving = [c for p in everything[:moving_count] for c in p.colliders]
    static = [c for p in everything[moving_count:] for c in p.colliders]
    copies = sum(
        {data.PLANE: data.PLANE_PAIRS, data.FIELD: data.FIELD_PAIRS, data.MESH: data.MESH_PAIRS}.get(c.kind, 1)
        for c in static
    )
    total = len(moving) * (len(moving) - 1) // 2 + len(moving) * copies
    return max(1, min(total, len(moving) * (PAIRS_PER_COLLIDER + min(copies, 8)) + 64))


def pairs(everything: list[Piece], moving_count: int, device: wp.Device) -> data.Pairs:
    """Empty slots."""
    out = data.Pairs()
    capacity = slot_capacity(everything, moving_count)
    moving = sum(len(p.colliders) for p in everything[:moving_count])
    for name in "a b collider_a collider_b owner partner side following live count order colour".split():
        setattr(out, name, wp.zeros(capacity, dtype=int, device=device))
    for name in "friction static_friction rolling spinning restitution size push sag deepest".split():
        setattr(out, name, wp.zeros(capacity, dtype=float, device=device))
    out.head = wp.full(max(moving, 1), -1, dtype=int, device=device)
    out.live_count = wp.zeros(1, dtype=int, device=device)
    out.colour_mask = wp.zeros(len(everything), dtype=int, device=device)
    out.colour_start = wp.zeros(order.COLOURS + 1, dtype=int, device=device)
    out.hits = wp.zeros(1, dtype=int, device=device)
    out.looked = wp.zeros(1, dtype=int, device=device)
    return out


def search(
    everything: list[Piece], moving_count: int, capacity: int, excluded: Iterable[tuple[int, int]], device: wp.Device
) -> broad_data.Broad:
    """State of the search; ``excluded`` are pairs of body numbers that pass through each other."""
    shapes = [c for p in everything for c in p.colliders]
    total = len(shapes)
    moving = sum(len(p.colliders) for p in everything[:moving_count])
    out = broad_data.Broad()
    out.moving_total, out.collider_total = moving, total
    bounds = [c.bound for c in shapes[:moving]]
    out.cell = 2.16 * min(bounds, default=1.0)
    size = 1 << max(6, (2 * total - 1).bit_length())
    out.hash_mask = size - 1
    for name in ("centre", "lower", "upper"):
        setattr(out, name, wp.zeros(max(total, 1), dtype=wp.vec3, device=device))
    out.reach = wp.zeros(max(total, 1), dtype=float, device=device)
    boundless = [i for i, c in enumerate(shapes) if c.kind in (data.PLANE, data.FIELD)]
    out.level = to_array([-1 if c.kind in (data.PLANE, data.FIELD) else 0 for c in shapes], int, device)
    out.boundless, out.boundless_total = to_array(boundless, int, device), len(boundless)
    tops = [0.0 if c.field is None else float(c.field.heights.max()) for c in shapes]
    out.field_top = to_array(tops, float, device)
    out.key = wp.zeros(max(total, 1), dtype=wp.int64, device=device)
    for name in ("bucket", "sorted"):
        setattr(out, name, wp.zeros(max(total, 1), dtype=int, device=device))
    out.level_count = wp.zeros(broad_data.LEVELS, dtype=int, device=device)
    out.sorted_ball = wp.zeros(max(total, 1), dtype=wp.vec4, device=device)
    for name in ("bucket_start", "bucket_fill"):
        setattr(out, name, wp.zeros(broad_data.LEVELS + size + 1, dtype=int, device=device))
    keys = np.array(sorted({min(pair) * 2**31 + max(pair) for pair in excluded}), dtype=np.int64)
    out.excluded, out.excluded_total = to_array(keys, wp.int64, device), len(keys)
    out.incoming = wp.zeros(max(moving, 1) * broad_data.INCOMING, dtype=int, device=device)
    for name in ("incoming_count", "fresh", "slots", "kept", "dropped", "live_at", "slot_at"):
        setattr(out, name, wp.zeros(max(moving, 1), dtype=int, device=device))
    out.free = to_array(np.arange(capacity)[::-1].copy(), int, device)
    out.free_count = to_array([capacity], int, device)
    out.lost = to_array([0, -1], int, device)
    return out


def contacts(pair_total: int, device: wp.Device) -> data.Contacts:
    """Four empty contacts per pair."""
    c = data.Contacts()
    c.slots = max(pair_total, 1)
    for name, dtype in (("spot", data.Spot), ("row", data.Row), ("grip", data.Grip), ("heir", data.Grip)):
        setattr(c, name, wp.zeros(4 * c.slots, dtype=dtype, device=device))
    return c


def candidates(threads: int, stride: int, device: wp.Device) -> data.Candidates:
    """Scratch of the collision pass."""
    c = data.Candidates()
    c.stride = stride
    for name, dtype in (("kind", int), ("radius_a", float), ("radius_b", float), ("separation", float)):
        setattr(c, name, wp.zeros(threads * stride, dtype=dtype, device=device))
    for name in ("point_a", "point_b", "normal_a"):
        setattr(c, name, wp.zeros(threads * stride, dtype=wp.vec3, device=device))
    c.polygon = wp.zeros(2 * threads * stride, dtype=wp.vec3, device=device)
    return c
