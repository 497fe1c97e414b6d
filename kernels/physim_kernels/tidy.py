"""Slots of pairs brought into the order in which they are solved, so that the passes read memory from front to back.

Slots come from a stack as pairs open and close, and after a while a walk over the pairs jumps all over the arrays: with
thousands of bodies most of its time is waiting for memory. Once a frame, if it has come to that, all that belongs to a
slot moves to the slot with the number of its place in the last order of the contacts; pairs that do not touch follow.
"""

import warp as wp

from physim_kernels.broad_data import Broad
from physim_kernels.rigid_data import Pairs


@wp.struct
class Seats:
    untidy: wp.array(dtype=int)  # [0]: 1 if slots are to move
    seat: wp.array(dtype=int)  # per slot: where it goes, -1 before that is known, -2 if it is not in use
    source: wp.array(dtype=int)  # per slot: which one comes there


@wp.kernel
def judge_kernel(pairs: Pairs, seats: Seats):
    """Whether more than one in eight slots lies before the one that is solved before it, and then who goes where.

    One thread. Slots of the last order may be free by now, or belong to other pairs, which does no harm.
    """
    seats.untidy[0] = 0
    solved = pairs.colour_start[pairs.colour_start.shape[0] - 1]
    breaks = int(0)
    for place in range(1, solved):
        if pairs.order[place] < pairs.order[place - 1]:
            breaks += 1
    if 8 * breaks <= solved:
        return
    seats.untidy[0] = 1
    total = pairs.live_count[0]
    for pair in range(seats.seat.shape[0]):
        seats.seat[pair] = -2
    for row in range(total):
        seats.seat[pairs.live[row]] = -1
    next = int(0)
    for place in range(solved + total):
        pair = pairs.order[wp.min(place, solved - 1)]
        if place >= solved:
            pair = pairs.live[place - solved]
        if seats.seat[pair] == -1:
            seats.seat[pair] = next
            seats.source[next] = pair
            next += 1


@wp.kernel
def take_ints_kernel(
    pairs: Pairs, seats: Seats, data: wp.array(dtype=int), words: int, threads: int,
    scratch: wp.array(dtype=int),
):  # fmt: skip
    """Copy the slots to scratch in the order of their seats, ``words`` rows of ``data`` each."""
    row = int(wp.tid())
    total = wp.where(seats.untidy[0] == 1, pairs.live_count[0], 0)
    while row < total:
        for k in range(words):
            scratch[row * words + k] = data[seats.source[row] * words + k]
        row += threads


@wp.kernel
def take_quads_kernel(
    pairs: Pairs, seats: Seats, data: wp.array(dtype=wp.vec4i), words: int, threads: int,
    scratch: wp.array(dtype=wp.vec4i),
):  # fmt: skip
    row = int(wp.tid())
    total = wp.where(seats.untidy[0] == 1, pairs.live_count[0], 0)
    while row < total:
        for k in range(words):
            scratch[row * words + k] = data[seats.source[row] * words + k]
        row += threads


@wp.kernel
def put_ints_kernel(
    pairs: Pairs, seats: Seats, scratch: wp.array(dtype=int), words: int, threads: int,
    data: wp.array(dtype=int),
):  # fmt: skip
    row = int(wp.tid())
    total = wp.where(seats.untidy[0] == 1, pairs.live_count[0] * words, 0)
    while row < total:
        data[row] = scratch[row]
        row += threads


@wp.kernel
def put_quads_kernel(
    pairs: Pairs, seats: Seats, scratch: wp.array(dtype=wp.vec4i), words: int, threads: int,
    data: wp.array(dtype=wp.vec4i),
):  # fmt: skip
    row = int(wp.tid())
    total = wp.where(seats.untidy[0] == 1, pairs.live_count[0] * words, 0)
    while row < total:
        data[row] = scratch[row]
        row += threads


@wp.kernel
def renumber_kernel(pairs: Pairs, seats: Seats, threads: int):
    """The list of pairs in use, by their new slots."""
    row = int(wp.tid())
    total = wp.where(seats.untidy[0] == 1, pairs.live_count[0], 0)
    while row < total:
        pairs.live[row] = seats.seat[pairs.live[row]]
        row += threads


@wp.kernel
def relink_kernel(pairs: Pairs, broad: Broad, seats: Seats, capacity: int, threads: int):
    """Lists of the owners, and the stack of free slots."""
    if seats.untidy[0] == 0:
        return
    total = pairs.live_count[0]
    row = int(wp.tid())
    if row == 0:
        broad.free_count[0] = capacity - total
    while row < capacity:
        if row < total:
            pair = pairs.live[row]
            owner = pairs.owner[pair]
            following = int(-1)
            if row + 1 < total:
                if pairs.owner[pairs.live[row + 1]] == owner:
                    following = pairs.live[row + 1]
            pairs.following[pair] = following
            if row == 0 or pairs.owner[pairs.live[wp.max(row - 1, 0)]] != owner:
                pairs.head[owner] = pair
        else:
            pairs.count[row] = 0
            broad.free[capacity - 1 - row] = row
        row += threads


def tidy(pairs: Pairs, broad: Broad, columns, seats: Seats, *, scratch_ints, scratch_quads, device):
    """Bring all slots into the order of ``pairs.order``, if they are far from it.

    ``columns``: Arrays with one or more rows per slot, as (array of int or vec4i, rows per slot).
    """
    capacity = pairs.live.shape[0]
    threads = 1 if device.is_cpu else min(capacity, 8192)
    wp.launch(judge_kernel, dim=1, inputs=[pairs, seats], device=device)
    for data, words in columns:
        quads = data.dtype is wp.vec4i
        scratch = scratch_quads if quads else scratch_ints
        take, put = (take_quads_kernel, put_quads_kernel) if quads else (take_ints_kernel, put_ints_kernel)
        wp.launch(take, dim=threads, inputs=[pairs, seats, data, words, threads, scratch], device=device)
        wp.launch(put, dim=threads, inputs=[pairs, seats, scratch, words, threads, data], device=device)
    wp.launch(renumber_kernel, dim=threads, inputs=[pairs, seats, threads], device=device)
    wp.launch(relink_kernel, dim=threads, inputs=[pairs, broad, seats, capacity, threads], device=device)
