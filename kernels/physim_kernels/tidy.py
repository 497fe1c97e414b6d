"""Slots of pairs brought into the order in which they are walked, so that the passes read memory from front to back.

Slots come from a stack as pairs open and close, and after a while a walk over the pairs jumps all over the arrays: with
thousands of bodies most of its time is waiting for memory. Once a frame, if it has come to that, all that belongs to a
slot moves to the slot with the number of its place in the list.
"""

import warp as wp

from physim_kernels.broad import Broad
from physim_kernels.rigid_data import Pairs


@wp.kernel
def judge_kernel(pairs: Pairs, untidy: wp.array(dtype=int)):
    """Whether more than one in eight slots lies before the one that is walked before it; one thread."""
    total = pairs.live_count[0]
    breaks = int(0)
    for row in range(1, total):
        if pairs.live[row] < pairs.live[row - 1]:
            breaks += 1
    untidy[0] = wp.where(8 * breaks > total, 1, 0)


@wp.kernel
def take_ints_kernel(
    pairs: Pairs, untidy: wp.array(dtype=int), data: wp.array(dtype=int), words: int, threads: int,
    scratch: wp.array(dtype=int),
):  # fmt: skip
    """Copy the slots to scratch in the order of the list, ``words`` rows of ``data`` each."""
    row = int(wp.tid())
    total = wp.where(untidy[0] == 1, pairs.live_count[0], 0)
    while row < total:
        for k in range(words):
            scratch[row * words + k] = data[pairs.live[row] * words + k]
        row += threads


@wp.kernel
def take_quads_kernel(
    pairs: Pairs, untidy: wp.array(dtype=int), data: wp.array(dtype=wp.vec4i), words: int, threads: int,
    scratch: wp.array(dtype=wp.vec4i),
):  # fmt: skip
    row = int(wp.tid())
    total = wp.where(untidy[0] == 1, pairs.live_count[0], 0)
    while row < total:
        for k in range(words):
            scratch[row * words + k] = data[pairs.live[row] * words + k]
        row += threads


@wp.kernel
def put_ints_kernel(
    pairs: Pairs, untidy: wp.array(dtype=int), scratch: wp.array(dtype=int), words: int, threads: int,
    data: wp.array(dtype=int),
):  # fmt: skip
    row = int(wp.tid())
    total = wp.where(untidy[0] == 1, pairs.live_count[0] * words, 0)
    while row < total:
        data[row] = scratch[row]
        row += threads


@wp.kernel
def put_quads_kernel(
    pairs: Pairs, untidy: wp.array(dtype=int), scratch: wp.array(dtype=wp.vec4i), words: int, threads: int,
    data: wp.array(dtype=wp.vec4i),
):  # fmt: skip
    row = int(wp.tid())
    total = wp.where(untidy[0] == 1, pairs.live_count[0] * words, 0)
    while row < total:
        data[row] = scratch[row]
        row += threads


@wp.kernel
def relink_kernel(pairs: Pairs, broad: Broad, untidy: wp.array(dtype=int), capacity: int, threads: int):
    """Lists, and the stack of free slots, for slots that lie in the order of the list."""
    if untidy[0] == 0:
        return
    total = pairs.live_count[0]
    row = int(wp.tid())
    if row == 0:
        broad.free_count[0] = capacity - total
    while row < capacity:
        if row < total:
            owner = pairs.owner[row]
            pairs.live[row] = row
            pairs.following[row] = -1
            if row + 1 < total and pairs.owner[row + 1] == owner:
                pairs.following[row] = row + 1
            if row == 0 or pairs.owner[wp.max(row - 1, 0)] != owner:
                pairs.head[owner] = row
        else:
            pairs.count[row] = 0
            broad.free[capacity - 1 - row] = row
        row += threads


def tidy(pairs: Pairs, broad: Broad, columns, untidy, *, scratch_ints, scratch_quads, device):
    """Bring all slots into the order of ``pairs.live``, if they are far from it.

    ``columns``: Arrays with one or more rows per slot, as (array of int or vec4i, rows per slot). ``untidy``: (1,) int.
    """
    capacity = pairs.live.shape[0]
    threads = 1 if device.is_cpu else min(capacity, 8192)
    wp.launch(judge_kernel, dim=1, inputs=[pairs, untidy], device=device)
    for data, words in columns:
        quads = data.dtype is wp.vec4i
        scratch = scratch_quads if quads else scratch_ints
        take, put = (take_quads_kernel, put_quads_kernel) if quads else (take_ints_kernel, put_ints_kernel)
        wp.launch(take, dim=threads, inputs=[pairs, untidy, data, words, threads, scratch], device=device)
        wp.launch(put, dim=threads, inputs=[pairs, untidy, scratch, words, threads, data], device=device)
    wp.launch(relink_kernel, dim=threads, inputs=[pairs, broad, untidy, capacity, threads], device=device)
