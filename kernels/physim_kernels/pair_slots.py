"""The slots that contacts of pairs live in.

A pair keeps its slot while its two colliders stay near, and at least to the end of the frame; slots are handed out from
a stack. Each collider has a list of the slots of the pairs that it owns, sorted by partner, which ``broad.py`` found.
Since lists are sorted, neither the order of threads nor the numbers of slots reach the result.
"""

import warp as wp

from physim_kernels.broad_data import INCOMING, LEVELS, Broad, lose
from physim_kernels.rigid_data import (
    FIELD,
    FIELD_PAIRS,
    HULL,
    MESH,
    MESH_PAIRS,
    PLANE,
    PLANE_PAIRS,
    Bodies,
    Geometry,
    Pairs,
    nobody_stirs,
)

NONE = wp.constant(2147483647)


@wp.func
def pair_count(g: Geometry, owner: int, partner: int):
    """Slots that a pair of ``owner`` with this partner takes."""
    if g.kind[partner] == PLANE:
        return wp.where(g.kind[owner] == HULL and g.vertex_count[owner] > 4, int(PLANE_PAIRS), 1)
    if g.kind[partner] == MESH:
        return int(MESH_PAIRS)
    return wp.where(g.kind[partner] == FIELD, int(FIELD_PAIRS), 1)


@wp.kernel
def match_kernel(g: Geometry, bodies: Bodies, pairs: Pairs, broad: Broad, may_drop: int):
    """Compare the partners that are near with those in the list: which need slots, which give theirs back."""
    i = wp.tid()
    if nobody_stirs(bodies):
        return
    first = i * INCOMING
    count = wp.min(broad.incoming_count[i], INCOMING)
    broad.incoming_count[i] = 0
    for k in range(1, count):  # insertion sort
        value = broad.incoming[first + k]
        at = int(k)
        while at > 0 and broad.incoming[first + at - 1] > value:
            broad.incoming[first + at] = broad.incoming[first + at - 1]
            at -= 1
        broad.incoming[first + at] = value
    k = int(0)
    pair = int(pairs.head[i])
    before = int(-1)
    fresh = int(0)
    slots = int(0)
    kept = int(0)
    dropped = int(-1)
    while k < count or pair >= 0:
        partner = int(NONE)
        if k < count:
            partner = broad.incoming[first + k]
        old = int(NONE)
        if pair >= 0:
            old = pairs.partner[pair]
        if partner < old:
            broad.incoming[first + fresh] = partner
            fresh += 1
            slots += pair_count(g, i, partner)
            k += 1
        else:
            seen = partner == old
            if seen:
                k += 1
            while pair >= 0 and pairs.partner[wp.max(pair, 0)] == old:
                following = pairs.following[pair]
                if seen or may_drop == 0:
                    kept += 1
                    before = pair
                else:
                    if before < 0:
                        pairs.head[i] = following
                    else:
                        pairs.following[before] = following
                    pairs.count[pair] = 0
                    pairs.following[pair] = dropped
                    dropped = pair
                pair = following
    broad.fresh[i] = fresh
    broad.slots[i] = slots
    broad.kept[i] = kept
    broad.dropped[i] = dropped


@wp.kernel
def tally_kernel(bodies: Bodies, pairs: Pairs, broad: Broad):
    """Take slots back, and share out those that are free; one thread."""
    if nobody_stirs(bodies):
        return
    free = broad.free_count[0]
    for i in range(broad.moving_total):
        pair = broad.dropped[i]
        while pair >= 0:
            broad.free[free] = pair
            free += 1
            pair = pairs.following[pair]
    live = int(0)
    for i in range(broad.moving_total):
        if broad.slots[i] > free:
            lose(broad, i)
            broad.fresh[i] = 0
            broad.slots[i] = 0
        free -= broad.slots[i]
        broad.slot_at[i] = free
        broad.live_at[i] = live
        live += broad.kept[i] + broad.slots[i]
    broad.free_count[0] = free
    pairs.live_count[0] = live
    for level in range(LEVELS):
        broad.level_count[level] = 0


@wp.func
def open_pair(
    g: Geometry, pairs: Pairs, pair: int, owner: int, partner: int, side: int, moving_total: int, gravity: float,
):  # fmt: skip
    """A slot for two colliders: who they are, and what their materials make of it.

    The higher kind comes first; of one kind the one that stands, or else the lower number.
    """
    a = int(wp.min(owner, partner))
    b = int(wp.max(owner, partner))
    if g.kind[b] > g.kind[a] or (g.kind[b] == g.kind[a] and b >= moving_total):
        a = b
        b = wp.min(owner, partner)
    pairs.a[pair] = g.body[a]
    pairs.b[pair] = g.body[b]
    pairs.collider_a[pair] = a
    pairs.collider_b[pair] = b
    pairs.owner[pair] = owner
    pairs.partner[pair] = partner
    pairs.side[pair] = side
    pairs.count[pair] = 0
    size = wp.max(g.bound[a], g.bound[b])
    if g.bound[a] > 0.0 and g.bound[b] > 0.0:
        size = wp.min(g.bound[a], g.bound[b])
    pairs.size[pair] = size
    pairs.push[pair] = wp.where(gravity > 0.0, 0.5 * wp.sqrt(gravity * size), 1.0)
    pairs.friction[pair] = wp.sqrt(g.friction[a] * g.friction[b])
    pairs.static_friction[pair] = wp.sqrt(g.static_friction[a] * g.static_friction[b])
    pairs.restitution[pair] = wp.max(g.restitution[a], g.restitution[b])
    pairs.rolling[pair] = g.rolling[a] + g.rolling[b]
    pairs.spinning[pair] = g.spinning[a] + g.spinning[b]


@wp.kernel
def open_kernel(g: Geometry, bodies: Bodies, pairs: Pairs, broad: Broad, gravity: float):
    """Give slots to the partners without one, and list all slots in use."""
    i = wp.tid()
    if nobody_stirs(bodies):
        return
    row = int(broad.live_at[i])
    slot = int(broad.slot_at[i])
    k = int(0)
    fresh = broad.fresh[i]
    pair = int(pairs.head[i])
    before = int(-1)
    while k < fresh or pair >= 0:
        partner = int(NONE)
        if k < fresh:
            partner = broad.incoming[i * INCOMING + k]
        if pair < 0 or partner < pairs.partner[wp.max(pair, 0)]:
            for side in range(pair_count(g, i, partner)):
                new = broad.free[slot]
                slot += 1
                open_pair(g, pairs, new, i, partner, side, broad.moving_total, gravity)
                pairs.following[new] = pair
                if before < 0:
                    pairs.head[i] = new
                else:
                    pairs.following[before] = new
                before = new
                pairs.live[row] = new
                row += 1
            k += 1
        else:
            pairs.live[row] = pair
            row += 1
            before = pair
            pair = pairs.following[pair]


def keep_slots(g: Geometry, bodies: Bodies, pairs: Pairs, broad: Broad, *, gravity, may_drop, device):
    """Slots for the partners that were found, and ``pairs.live``, the list of all slots in use.

    ``may_drop``: Whether pairs that are apart give their slots back.
    """
    moving = int(broad.moving_total)
    wp.launch(match_kernel, dim=moving, inputs=[g, bodies, pairs, broad, int(may_drop)], device=device)
    wp.launch(tally_kernel, dim=1, inputs=[bodies, pairs, broad], device=device)
    wp.launch(open_kernel, dim=moving, inputs=[g, bodies, pairs, broad, gravity], device=device)
