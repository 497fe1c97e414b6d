"""What particles spread into closed cells goes back to the open ones beside them.

A particle near a wall gives a part of its volume to the cell behind it, where nothing asks how full that is. If the
cells in front alone had to be full, liquid that leaves a void along the wall would look as full as liquid that does
not: under a flat bottom half a cell of it can be empty. Folded back, the volume of all open cells adds up.
"""

import warp as wp

from physim_kernels.free_surface import piece

wp.set_module_options({"enable_backward": False})

ASIDE = wp.constant(1.0 / 6.0)
"""Share of a cell beside over that of one in front: the tent's over a cell's neighbour and over itself."""


@wp.func
def weight(a: int, b: int, c: int):
    """Of the neighbour at the offset (a, b, c)."""
    w = float(1.0) / ASIDE
    if a != 0:
        w *= ASIDE
    if b != 0:
        w *= ASIDE
    if c != 0:
        w *= ASIDE
    return w


@wp.kernel
def fold_kernel(
    # inputs
    open: wp.array3d(dtype=float), raw: wp.array3d(dtype=float), reach: wp.array2d(dtype=wp.vec2i), chunk: int,
    # in and out: ``raw`` at first
    folded: wp.array3d(dtype=float),
):  # fmt: skip
    """Share what closed cells hold among the open ones of their 26 neighbours, as these hold of it themselves."""
    i, j, piece_of_row = wp.tid()
    s = piece(reach, i, j, piece_of_row, chunk, 0)
    for k in range(s[0], s[1]):
        if open[i, j, k] <= 0.0 and raw[i, j, k] > 0.0:
            total = float(0.0)
            for turn in range(2):
                for a in range(-1, 2):
                    for b in range(-1, 2):
                        for c in range(-1, 2):
                            x, y, z = i + a, j + b, k + c
                            if x >= 0 and y >= 0 and z >= 0 and x < open.shape[0] and y < open.shape[1]:
                                if z < open.shape[2]:
                                    if open[x, y, z] > 0.0:
                                        w = weight(a, b, c) * raw[x, y, z]
                                        if turn == 0:
                                            total += w
                                        elif total > 0.0:
                                            wp.atomic_add(folded, x, y, z, raw[i, j, k] * w / total)


@wp.func
def held_by_open(open: wp.array3d(dtype=float), raw: wp.array3d(dtype=float), i: int, j: int, k: int):
    """What the open neighbours of a cell hold themselves, weighted."""
    total = float(0.0)
    for a in range(-1, 2):
        for b in range(-1, 2):
            for c in range(-1, 2):
                x, y, z = i + a, j + b, k + c
                if x >= 0 and y >= 0 and z >= 0 and x < open.shape[0] and y < open.shape[1] and z < open.shape[2]:
                    if open[x, y, z] > 0.0:
                        total += weight(a, b, c) * raw[x, y, z]
    return total


@wp.kernel
def fold_gather_kernel(
    # inputs
    open: wp.array3d(dtype=float), raw: wp.array3d(dtype=float), reach: wp.array2d(dtype=wp.vec2i), chunk: int,
    # in and out: ``raw`` at first
    folded: wp.array3d(dtype=float),
):  # fmt: skip
    """As :func:`fold_kernel`, asked from the open cells: sums in one order, so that threads in any give the same bits.

    More work, for each closed cell is asked by all of its neighbours: for devices with many threads.
    """
    i, j, piece_of_row = wp.tid()
    s = piece(reach, i, j, piece_of_row, chunk, 0)
    for k in range(s[0], s[1]):
        if open[i, j, k] > 0.0 and raw[i, j, k] > 0.0:
            gained = float(0.0)
            for a in range(-1, 2):
                for b in range(-1, 2):
                    for c in range(-1, 2):
                        x, y, z = i + a, j + b, k + c
                        if x >= 0 and y >= 0 and z >= 0 and x < open.shape[0] and y < open.shape[1]:
                            if z < open.shape[2]:
                                if open[x, y, z] <= 0.0 and raw[x, y, z] > 0.0:
                                    share = weight(a, b, c) * raw[i, j, k] / held_by_open(open, raw, x, y, z)
                                    gained += raw[x, y, z] * share
            folded[i, j, k] = raw[i, j, k] + gained
