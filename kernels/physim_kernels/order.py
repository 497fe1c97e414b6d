"""The order in which pairs are solved: greedy colours, so that no two pairs of one colour share a moving body.

On a CPU one launch walks the whole list, which is Gauss-Seidel; on a GPU each colour is a launch of its own and the
last colour, which takes what did not fit, is walked by one thread. The arithmetic and its order are the same. Pairs
of which no one is awake are left out.
"""

import warp as wp

from physim_kernels.rigid_data import Bodies, Pairs, is_awake, nobody_stirs

COLOURS = 16


@wp.kernel
def order_kernel(pairs: Pairs, bodies: Bodies, body_total: int, colours: int, always: int):
    if always == 0 and pairs.looked[0] == 0:
        return
    pairs.looked[0] = 0
    total = wp.where(nobody_stirs(bodies), 0, pairs.live_count[0])
    for i in range(wp.where(total > 0, body_total, 0)):
        pairs.colour_mask[i] = 0
    for k in range(colours + 1):
        pairs.colour_start[k] = 0
    for place in range(total):
        p = pairs.live[place]
        if pairs.count[p] > 0 and (is_awake(bodies, pairs.a[p]) or is_awake(bodies, pairs.b[p])):
            a = pairs.a[p]
            b = pairs.b[p]
            taken = int(0)
            if bodies.inv_mass[a] > 0.0:
                taken = pairs.colour_mask[a]
            if bodies.inv_mass[b] > 0.0:
                taken = taken | pairs.colour_mask[b]
            colour = int(0)
            while colour < colours - 1 and (taken >> colour) & 1 == 1:
                colour += 1
            pairs.colour_mask[a] = pairs.colour_mask[a] | (1 << colour)
            pairs.colour_mask[b] = pairs.colour_mask[b] | (1 << colour)
            pairs.colour[p] = colour
            pairs.colour_start[colour + 1] = pairs.colour_start[colour + 1] + 1
    for k in range(colours):
        pairs.colour_start[k + 1] = pairs.colour_start[k + 1] + pairs.colour_start[k]
    for place in range(total):
        p = pairs.live[place]
        if pairs.count[p] > 0 and (is_awake(bodies, pairs.a[p]) or is_awake(bodies, pairs.b[p])):
            k = pairs.colour[p]
            pairs.order[pairs.colour_start[k]] = p
            pairs.colour_start[k] = pairs.colour_start[k] + 1
    k = int(colours)
    while k > 0:  # the fill moved every start to its end
        pairs.colour_start[k] = pairs.colour_start[k - 1]
        k -= 1
    pairs.colour_start[0] = 0


def order(pairs: Pairs, bodies: Bodies, *, device, always=True):
    """Sort the pairs that touch by colour into ``pairs.order``; ``pairs.colour_start`` gets COLOURS + 1 bounds.

    Unless ``always``, the order stays where ``pairs.looked`` says that no contact was searched since the last time.
    """
    wp.launch(
        order_kernel, dim=1, device=device,
        inputs=[pairs, bodies, bodies.x.shape[0], COLOURS, int(always)],
    )  # fmt: skip
