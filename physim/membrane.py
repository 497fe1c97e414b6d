"""Fill unknown pixels from known ones: a membrane, or diffusion that respects the edges of a picture.

The host side of :mod:`physim_kernels.diffuse`: it eliminates the known pixels, builds the levels and iterates until the
residual has fallen. Used for depth, for clean plates and for light ratios.
"""

from __future__ import annotations

import threading

import numpy as np
import warp as wp
from physim_kernels import diffuse

_CHUNK = 6
"""Iterations between two looks at the residual."""
KEPT = 1 << 18
"""The latest system is kept if it has at most so many pixels, as that of a hole has: its launches are recorded."""


def edge_weights(image: np.ndarray, *, beta: float = 40.0, floor: float = 5e-3) -> tuple[np.ndarray, np.ndarray]:
    """Weights that let values flow inside a surface and not across its border.

    ``w = exp(-beta dE / 100) + floor`` with dE the CIE Lab distance of the two pixels. A floor below 1e-3 leaves flat
    islands without any tie: constants leak.

    Args:
        image: (H, W, 3) float32 sRGB in [0, 1].
        beta: How sharply a difference in colour cuts.
        floor: What remains across the strongest edge.

    Returns:
        (weight_u, weight_v), each (H, W) float64; the last column (row) is not used.
    """
    colours = lab(image)
    weight_u, weight_v = np.zeros(colours.shape[:2]), np.zeros(colours.shape[:2])
    weight_u[:, :-1] = np.exp(-beta * np.linalg.norm(np.diff(colours, axis=1), axis=-1) / 100) + floor
    weight_v[:-1] = np.exp(-beta * np.linalg.norm(np.diff(colours, axis=0), axis=-1) / 100) + floor
    return weight_u, weight_v


def lab(image: np.ndarray) -> np.ndarray:
    """CIE 1976 L*a*b*, D65, of sRGB (CIE 15:2004)."""
    from physim.srgb import to_linear

    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_linear(image).astype(np.float64) @ matrix.T / (0.9505, 1.0, 1.089)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def fill(
    values: np.ndarray,
    known: np.ndarray,
    *,
    weights: tuple[np.ndarray, np.ndarray] | None = None,
    screen: np.ndarray | float = 0.0,
    domain: np.ndarray | None = None,
    tolerance: float = 1e-7,
    max_iterations: int = 240,
    device: str | None = None,
) -> np.ndarray:
    """Solve for the unknown pixels: smooth, weighted, tied to the known ones and (screened) to their own values.

    Args:
        values: (H, W) or (H, W, C). Read where ``known``, and elsewhere as the target of ``screen``.
        known: (H, W) bool: pixels that keep their value.
        weights: (weight_u, weight_v) from :func:`edge_weights`; ``None``: 1 everywhere (a membrane).
        screen: (H, W) or a number, at least 0: how strongly an unknown pixel is held at its value.
        domain: (H, W) bool: pixels outside take no part (zero flux across their border) and keep their value.
        tolerance: Largest allowed residual norm over that of the right-hand side.
        max_iterations: Limit; the solver takes 10 to 40 on ordinary pictures.
        device: Warp device; ``None``: Warp's default.

    Returns:
        Same shape as ``values``, float64. Unknown pixels that nothing ties to a known one keep their value.

    Raises:
        ValueError: Shapes that do not match, values that are not finite, nothing known at all.
    """
    values = np.asarray(values, dtype=np.float64)
    known = np.asarray(known, dtype=bool)
    if values.shape[:2] != known.shape:
        raise ValueError(f"known has shape {known.shape}, expected {values.shape[:2]} to match values.")
    screen = np.broadcast_to(np.asarray(screen, dtype=np.float64), known.shape)
    domain = np.ones_like(known) if domain is None else np.asarray(domain, dtype=bool)
    unknown = _tied(~known & domain, known & domain, screen)
    if not unknown.any() and (known & domain).any():
        return values.copy()
    if not unknown.any():
        raise ValueError("nothing is known: a membrane needs at least one known pixel or a screen greater than 0.")
    if not np.isfinite(values[known & domain]).all():
        raise ValueError("values are not finite at a known pixel; clip them (a logarithm of zero?) before filling.")
    result = values.copy()
    v0, v1, u0, u1 = _bounds(unknown)
    crop = np.s_[v0:v1, u0:u1]
    pair = (np.ones(known.shape), np.ones(known.shape)) if weights is None else weights
    system = _system((pair[0][crop], pair[1][crop]), unknown[crop], (known & domain)[crop], screen[crop], device)
    flat = result[crop].reshape(*known[crop].shape, -1)
    for channel in range(flat.shape[-1]):
        flat[..., channel] = system.solve(flat[..., channel], tolerance, max_iterations)
    result[crop] = flat.reshape(result[crop].shape)
    return result


def _tied(unknown: np.ndarray, known: np.ndarray, screen: np.ndarray) -> np.ndarray:
    """The unknown pixels whose island touches a known one or is held by a screen; else the system is singular."""
    from scipy.ndimage import binary_dilation, label

    labels, count = label(unknown)
    held = (binary_dilation(known) | (screen > 0)) & unknown
    anchored = np.zeros(count + 1, dtype=bool)
    anchored[np.unique(labels[held])] = True
    anchored[0] = False
    return anchored[labels]


def _bounds(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Rows and columns around a mask with one pixel to spare."""
    rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    height, width = mask.shape
    return max(rows[0] - 1, 0), min(rows[-1] + 2, height), max(cols[0] - 1, 0), min(cols[-1] + 2, width)


_latest = threading.local()


def _system(weights, unknown, known, screen, device) -> _System:
    """The system of the call before, if it is the same: a hole is filled several ways, which differ in values only.

    What is known and touches nothing unknown, and weights elsewhere, are no part of it.
    """
    touching = known & _widened(unknown)
    parts = [*(np.where(unknown | touching, w, 0.0) for w in weights), unknown, touching, np.where(unknown, screen, 0)]
    found = getattr(_latest, "system", None)
    if found is None or _latest.device != device or not all(map(np.array_equal, parts, _latest.parts)):
        found = _System(weights, unknown, touching, screen, device)
        _latest.system = None
        if unknown.size <= KEPT:
            _latest.system, _latest.parts, _latest.device = found, parts, device
    return found


def _widened(mask: np.ndarray) -> np.ndarray:
    """A mask and what is beside it (h, w) bool."""
    out = mask.copy()
    out[1:] |= mask[:-1]
    out[:-1] |= mask[1:]
    out[:, 1:] |= mask[:, :-1]
    out[:, :-1] |= mask[:, 1:]
    return out


class _System:
    """The levels of one matrix, for as many right-hand sides as there are channels."""

    def __init__(self, weights, unknown, known, screen, device) -> None:
        self.device = wp.get_device(device)
        self.unknown, self.known = unknown, known
        inner_u = unknown[:, :-1] & unknown[:, 1:]
        inner_v = unknown[:-1] & unknown[1:]
        weight_u, weight_v = np.zeros(unknown.shape), np.zeros(unknown.shape)
        weight_u[:, :-1] = np.where(inner_u, weights[0][:, :-1], 0)
        weight_v[:-1] = np.where(inner_v, weights[1][:-1], 0)
        self.screen = np.where(unknown, screen, 0)
        # a known neighbour is eliminated: its weight becomes a screen, its value a source
        self.ties = _ties(weights, unknown, known)
        held = np.where(unknown, self.screen + sum(self.ties), 1.0)
        self.levels = [self._level(weight_u, weight_v, held)]
        while max(self.levels[-1][2].shape) > 6:
            rows, cols = (n - 2 for n in self.levels[-1][2].shape)
            empty = np.zeros(((rows + 1) // 2, (cols + 1) // 2))
            self.levels.append(self._level(empty, empty, empty))
            diffuse.coarsen(self.levels[-2][:3], self.levels[-1][:3])
        shape = self.levels[0][2].shape
        self.x, self.p, self.q = (wp.zeros(shape, dtype=wp.float64, device=self.device) for _ in range(3))
        self.rows = wp.zeros(shape[0], dtype=wp.float64, device=self.device)
        self.scalars = wp.zeros(4, dtype=wp.float64, device=self.device)
        self.begin = self.graph = None

    def _level(self, weight_u, weight_v, held):
        padded = [np.pad(a, 1) for a in (weight_u, weight_v, held)]  # the kernels read one pixel beyond
        given = [wp.array(a, dtype=wp.float64, device=self.device) for a in padded]
        return (*given, *(wp.zeros(padded[2].shape, dtype=wp.float64, device=self.device) for _ in range(3)))

    def solve(self, values: np.ndarray, tolerance: float, max_iterations: int) -> np.ndarray:
        safe = np.where(self.known | (self.screen > 0), values, 0.0)
        source = np.where(self.unknown, self.screen * safe, 0.0)
        left, right, above, below = self.ties
        source[:, 1:] += left[:, 1:] * safe[:, :-1]
        source[:, :-1] += right[:, :-1] * safe[:, 1:]
        source[1:] += above[1:] * safe[:-1]
        source[:-1] += below[:-1] * safe[1:]
        size = float(np.linalg.norm(source))
        if size > 0:
            self.x.zero_()
            self.levels[0][3].assign(np.pad(source, 1))
            self.levels[0][4].zero_()
            if self.begin is None:
                with wp.ScopedCapture(device=self.device) as capture:
                    diffuse.start(self.levels, self.p, self.rows, self.scalars)
                self.begin = capture.graph
            wp.capture_launch(self.begin)
            for _ in range(0, max_iterations, _CHUNK):
                self._iterate()
                if np.sqrt(self.scalars.numpy()[3]) <= tolerance * size:
                    break
        solved = self.x.numpy()[1:-1, 1:-1] if size > 0 else np.zeros_like(source)
        return np.where(self.unknown, solved, values)

    def _iterate(self) -> None:
        if self.graph is None:
            with wp.ScopedCapture(device=self.device) as capture:
                diffuse.iteration(self.levels, self.x, self.p, self.q, self.rows, self.scalars)
            self.graph = capture.graph
        for _ in range(_CHUNK):
            wp.capture_launch(self.graph)


def _ties(weights, unknown, known):
    """Weights from unknown pixels to known neighbours: to the left, right, above, below."""
    left, right, above, below = (np.zeros(unknown.shape) for _ in range(4))
    left[:, 1:] = np.where(unknown[:, 1:] & known[:, :-1], weights[0][:, :-1], 0)
    right[:, :-1] = np.where(unknown[:, :-1] & known[:, 1:], weights[0][:, :-1], 0)
    above[1:] = np.where(unknown[1:] & known[:-1], weights[1][:-1], 0)
    below[:-1] = np.where(unknown[:-1] & known[1:], weights[1][:-1], 0)
    return left, right, above, below
