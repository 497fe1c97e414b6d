"""What the search for near colliders works with: their places, the grids, who owns whom, and the stack of slots.

See ``broad.py`` for the search and ``pair_slots.py`` for the slots. Only a struct and ``wp.func``.
"""

import warp as wp

LEVELS = wp.constant(20)
"""Grids; the last takes everything that is larger."""
INCOMING = wp.constant(64)
"""Most partners that one collider owns at a time."""


@wp.struct
class Broad:
    moving_total: int  # colliders of bodies that contacts move; they come first
    collider_total: int
    cell: float  # edge of the finest cells [m]
    hash_mask: int  # buckets of the hash table - 1, all ones in binary
    centre: wp.array(dtype=wp.vec3)  # [m], world
    reach: wp.array(dtype=float)  # bounding radius and half of the margin [m]
    lower: wp.array(dtype=wp.vec3)  # box with half of the margin [m], world
    upper: wp.array(dtype=wp.vec3)
    level: wp.array(dtype=int)  # -1: without bounds
    key: wp.array(dtype=wp.int64)  # of the cell
    bucket: wp.array(dtype=int)
    level_count: wp.array(dtype=int)
    bucket_start: wp.array(dtype=int)  # first row in sorted; LEVELS buckets of whole grids, the hash table, the end
    bucket_fill: wp.array(dtype=int)  # members, then the end while they are filled in
    sorted: wp.array(dtype=int)  # colliders by bucket
    sorted_ball: wp.array(dtype=wp.vec4)  # their centres and reaches
    boundless: wp.array(dtype=int)  # planes and fields
    boundless_total: int
    field_top: wp.array(dtype=float)  # highest point of a field, per collider [m]
    excluded: wp.array(dtype=wp.int64)  # pairs of bodies that pass through each other, see ``excluded_key``; sorted
    excluded_total: int
    incoming: wp.array(dtype=int)  # partners of the collider that owns them, INCOMING rows each
    incoming_count: wp.array(dtype=int)
    fresh: wp.array(dtype=int)  # of them without a slot yet; the slots they need
    slots: wp.array(dtype=int)
    kept: wp.array(dtype=int)  # slots in use that stay
    dropped: wp.array(dtype=int)  # first of the list of slots to give back, -1
    live_at: wp.array(dtype=int)  # first row in pairs.live
    slot_at: wp.array(dtype=int)  # first row from the top of the stack
    free: wp.array(dtype=int)  # stack of slots
    free_count: wp.array(dtype=int)  # [0]
    lost: wp.array(dtype=int)  # [0] pairs that found no room, [1] a collider they belong to


@wp.func
def lose(broad: Broad, collider: int):
    """Note that a pair of this collider found no room."""
    wp.atomic_add(broad.lost, 0, 1)
    wp.atomic_max(broad.lost, 1, collider)
