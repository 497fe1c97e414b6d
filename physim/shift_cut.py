"""Which shift each pixel of a hole takes: energies of pairs of pixels, minimised by expansion moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physim.membrane import fill

BAD = 6.0
"""Cost of a pair of pixels of which one piece shows nothing usable: as much as black beside white."""
RIM = 0.6
"""How much the rim within a few pixels counts, beside the pixels that touch."""
EXPECTED = 0.7
"""Weight of the strength of detail that the rim lets expect, beside that of neighbouring pieces."""
SEAM = 1.5
"""Weight of what two pieces differ by along their border, beside what a piece costs alone: fewer, larger pieces."""
SWEEPS = 2
FAR = 0.3
"""Logarithm of two depths over each other that costs ``WRONG_DEPTH``."""
WRONG_DEPTH = 0.1
NEAR = 0.05
"""Cost of a shift by as much as the hole is wide: what is near is more alike in light, focus and size."""
_UNITS = 1000
"""Integers to one unit of cost, for the flow."""


@dataclass(frozen=True)
class Costs:
    """Of the labels of N pixels, K shifts."""

    alone: np.ndarray
    """(K, N) float: infinite where the shift leads to nothing usable."""
    shown: np.ndarray
    """(K, N, C) float32: what the shift shows at the pixel; not a number where that is nothing."""
    pairs: np.ndarray
    """(M, 2) int: neighbouring pixels."""

    @classmethod
    def of(cls, feature, hole, usable, shifts: np.ndarray, far: np.ndarray | None = None) -> Costs:
        """Costs of shifts (K, 2) of a feature map (h, w, C) over the pixels of a hole, in row order."""
        from scipy.ndimage import gaussian_filter

        rows, cols = hole.shape
        margin = int(np.abs(shifts).max())
        border = [(margin, margin), (margin, margin), (0, 0)]
        seen = np.where(usable[..., None], feature, np.nan).astype(np.float32)
        wide = np.pad(seen, border, constant_values=np.nan)
        depth = None if far is None else np.pad(far, margin, mode="edge")
        v, u = np.nonzero(hole)
        shown = np.empty((len(shifts), len(v), feature.shape[-1]), np.float32)
        alone = np.empty((len(shifts), len(v)))
        near = gaussian_filter(usable * 1.0, 2.0)
        expected = fill(feature[..., -1], usable, domain=usable | hole, tolerance=1e-4)[v, u]
        for k, (dv, du) in enumerate(shifts):
            moved = wide[margin + dv : margin + dv + rows, margin + du : margin + du + cols]
            shown[k] = moved[v, u]
            # how badly the rim agrees with the piece going on under it, felt within a few pixels
            error = np.abs(moved - feature).sum(-1)
            error = np.where(usable, np.where(np.isfinite(error), np.minimum(error, BAD), BAD), 0.0)
            felt = gaussian_filter(error, 2.0) / np.maximum(near, 1e-3) * np.minimum(4 * near, 1)
            touching = _touching(error, usable)
            alone[k] = (RIM * felt + touching)[v, u]
            alone[k] += EXPECTED * np.abs(shown[k, :, -1] - expected)
            alone[k] += NEAR * float(np.hypot(dv, du)) / np.sqrt(len(v))
            if depth is not None:
                moved_depth = depth[margin + dv : margin + dv + rows, margin + du : margin + du + cols]
                alone[k] += WRONG_DEPTH * ((moved_depth - far)[v, u] / FAR) ** 2
        alone[~np.isfinite(shown).all(-1)] = np.inf
        number = np.full(hole.shape, -1)
        number[v, u] = np.arange(len(v))
        across = np.stack([number[:, :-1].ravel(), number[:, 1:].ravel()], axis=1)
        down = np.stack([number[:-1].ravel(), number[1:].ravel()], axis=1)
        pairs = np.concatenate([across, down])
        return cls(alone, shown, pairs[(pairs >= 0).all(1)])

    def between(self, pixels: np.ndarray, a: np.ndarray | int, b: np.ndarray | int) -> np.ndarray:
        """How differently two shifts show pixels (M,), summed over the channels (M,)."""
        difference = np.abs(self.shown[a, pixels] - self.shown[b, pixels]).sum(-1)
        return SEAM * np.where(np.isfinite(difference), np.minimum(difference, BAD), BAD)


def _touching(error: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Sum of the errors of the usable pixels beside each (h, w)."""
    padded = np.pad(np.where(usable, error, 0.0), 1)
    return padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]


def labelled(costs: Costs) -> np.ndarray | None:
    """The labels (N,) of least cost, as far as expansion moves find them; ``None`` if some pixel has none."""
    if not np.isfinite(costs.alone).any(0).all():
        return None
    label = costs.alone.argmin(0)
    for _ in range(SWEEPS):
        before = label.copy()
        for alpha in range(len(costs.alone)):
            label = _expanded(costs, label, alpha)
        if np.array_equal(before, label):
            break
    return label


def energy(costs: Costs, label: np.ndarray) -> float:
    p, q = costs.pairs.T
    total = costs.alone[label, np.arange(len(label))].sum()
    return float(total + (costs.between(p, label[p], label[q]) + costs.between(q, label[p], label[q])).sum())


def _expanded(costs: Costs, label: np.ndarray, alpha: int) -> np.ndarray:
    """The best labelling in which every pixel keeps its label or takes ``alpha``: one minimum cut."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import breadth_first_order, maximum_flow

    free = (label != alpha) & np.isfinite(costs.alone[alpha])
    count = int(free.sum())
    if count == 0:
        return label
    number = np.full(len(label), -1)
    number[free] = np.arange(count)
    keep = costs.alone[label, np.arange(len(label))][free]
    take = costs.alone[alpha][free].copy()
    p, q = costs.pairs[free[costs.pairs].any(1)].T

    def pair(p, q, a, b):
        return costs.between(p, a, b) + costs.between(q, a, b)

    stay, only_q, only_p = pair(p, q, label[p], label[q]), pair(p, q, label[p], alpha), pair(p, q, alpha, label[q])
    both = free[p] & free[q]
    for fixed, moving, cost in ((~free[q], p, only_p), (~free[p], q, only_q)):
        # the neighbour stays as it is: what the pair costs belongs to the one that may change
        np.add.at(keep, number[moving[fixed]], stay[fixed])
        np.add.at(take, number[moving[fixed]], cost[fixed])
    p, q, stay, only_q, only_p = (x[both] for x in (p, q, stay, only_q, only_p))
    i, j = number[p], number[q]
    # E = stay + (only_p - stay) x_p - only_p x_q ... as unary terms and one arc (Kolmogorov, Zabih 2004), x = 1: takes
    np.add.at(keep, i, stay)
    np.add.at(take, i, only_p)
    np.add.at(keep, j, 0.0)
    np.add.at(take, j, -only_p)
    arc = np.maximum(only_q + only_p - stay, 0.0)
    least = np.minimum(keep, take)
    source, sink = count, count + 1
    nodes = np.arange(count)
    # a pixel on the source's side keeps its label: cutting source -> node costs what taking alpha does
    ends = [(np.full(count, source), nodes, take - least), (nodes, np.full(count, sink), keep - least), (i, j, arc)]
    start, stop, value = (np.concatenate([end[k] for end in ends]) for k in range(3))
    capacity = np.minimum(np.round(value * _UNITS), 2e8).astype(np.int32)
    there = capacity > 0
    graph = csr_matrix((capacity[there], (start[there], stop[there])), shape=(count + 2, count + 2), dtype=np.int32)
    flow = maximum_flow(graph, source, sink).flow
    rest = graph - flow
    rest.data[rest.data < 0] = 0
    rest.eliminate_zeros()
    reached = breadth_first_order(rest, source, return_predecessors=False)
    keeps = np.zeros(count + 2, bool)
    keeps[reached] = True
    moved = label.copy()
    where = np.flatnonzero(free)
    moved[where[~keeps[:count]]] = alpha
    return moved
