"""Bring a backend's depth to metres with the ground plane, and lay it on the grid to work on.

On the ground the distance is known from the camera's height and pitch. That fixes the unknowns of depth that is known
up to a factor (``z = a x``), up to factor and shift (``z = a x + b``), or, as most networks give it, as inverse depth
up to both (``1 / z = a x + b``; a wrong ``b`` would bend the ground). What the hints call ground carries things that
stand in front of it, so the fit is by consensus (Fischler and Bolles, Random sample consensus, CACM 1981), not by
least squares over everything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physim.camera import Camera
from physim.depth_grid import regridded
from physim.depth_result import FAR, DepthResult

AGREES = 0.04
"""Ground agrees with the fit within this fraction of its depth [-]. In inverse depth, where a network errs by about the
same everywhere, the farther half is given the tolerance of the median."""
_LEAST_PIXELS = 100
_LEAST_SHARE = 0.05
_BETTER_THAN_FLAT = 1.5
_TRIALS = 300
_MOST_SAMPLES = 20_000


@dataclass(frozen=True)
class GroundFit:
    """How a backend's numbers become metres."""

    factor: float
    shift: float
    kind: str
    """Of the depth that was fitted; see :class:`DepthResult`."""
    share: float
    """Fraction of the ground that agrees with it."""
    ratio: float
    """Median of fitted over ground depth: 1 but for metric depth, which is taken as it is."""

    def metres(self, values: np.ndarray) -> np.ndarray:
        """Depth z [m] from the backend's numbers, at most ``FAR``."""
        if self.kind == "affine_inverse":
            return 1 / np.maximum(self.factor * values + self.shift, 1 / FAR)
        return np.minimum(self.factor * values + self.shift, FAR)

    @property
    def line(self) -> str:
        """For the report."""
        if self.kind == "metric":
            return f"metric; it puts the ground at {self.ratio:.2f} of the depth that the camera's height gives"
        return f"{self.kind}, brought to metres on the ground; {100 * self.share:.0f} % of it agrees to {AGREES:.0%}"


def fit_to_ground(result: DepthResult, ground_depth: np.ndarray, ground: np.ndarray) -> GroundFit:
    """Find factor and shift of a backend's depth from the ground.

    Args:
        result: From the backend, on its own grid.
        ground_depth: (h, w) depth of the ground plane [m], on any grid of the same view.
        ground: (h, w) bool: where the ground may be seen; things may stand before it.

    Raises:
        ValueError: Too little ground, too flat a picture of it, or too little of it agrees.
    """
    values, truth = _pairs(result, ground_depth, ground)
    if result.kind == "metric":
        ratio = float(np.median(values / truth)) if len(values) else float("nan")
        share = float(np.mean(np.abs(values / truth - 1) < AGREES)) if len(values) else 0.0
        return GroundFit(1.0, 0.0, "metric", share, ratio)
    if len(values) < _LEAST_PIXELS:
        raise ValueError(
            f"depth of kind {result.kind!r} needs visible ground to find its scale; only {len(values)} pixels of "
            f"ground are known. Give hints.ground and hints.camera, or metric depth."
        )
    target = 1 / truth if result.kind == "affine_inverse" else truth
    tolerance = AGREES * (np.maximum(target, np.median(target)) if result.kind == "affine_inverse" else target)
    factor, shift, share = _consensus(values, target, tolerance, with_shift=result.kind != "scale")
    flat = _most_within(target, tolerance)
    if share < max(_LEAST_SHARE, _BETTER_THAN_FLAT * flat if result.kind != "scale" else 0.0):
        raise ValueError(
            f"depth of kind {result.kind!r} does not fit the ground: no factor and shift make more than "
            f"{100 * share:.0f} % of it agree to {AGREES:.0%}. Outline what is ground in hints.ground, look at "
            f"hints.camera, or at the kind: 'affine_inverse' grows towards the camera, 'affine' away from it."
        )
    return GroundFit(factor, shift, result.kind, share, 1.0)


def aligned(
    result: DepthResult, camera: Camera, prior: DepthResult, ground: np.ndarray, fit: GroundFit | None = None
) -> DepthResult:
    """A backend's depth in metres on the camera's grid; the prior where the backend knows nothing.

    Args:
        result: From the backend.
        camera: On the grid to work on.
        prior: Geometric depth on that grid.
        ground: (h, w) bool: where the prior is the ground.
        fit: From :func:`fit_to_ground`, if it is at hand.

    Raises:
        ValueError: As :func:`fit_to_ground`.
    """
    fit = fit or fit_to_ground(result, prior.depth, ground)
    with np.errstate(over="ignore", invalid="ignore"):
        metres = fit.metres(result.depth)
    metric = DepthResult(metres, result.valid, result.confidence, "metric", result.normals, result.intrinsics)
    given = regridded(metric, camera.size)
    normals = prior.normals
    if given.normals is not None:
        spare = np.zeros_like(given.normals) if prior.normals is None else prior.normals
        normals = np.where(given.valid[..., None], given.normals, spare)
    elif normals is not None:
        normals = np.where(given.valid[..., None], 0.0, normals)  # the prior's belong to the prior's surfaces
    return DepthResult(
        np.where(given.valid, np.clip(given.depth, 1e-3, FAR), prior.depth),
        confidence=np.where(given.valid, given.confidence, prior.confidence),
        normals=normals,
        intrinsics=camera.intrinsics,
    )


def _pairs(result: DepthResult, ground_depth: np.ndarray, ground: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The backend's numbers and the ground's depth at the same places, at most ``_MOST_SAMPLES`` of them."""
    v, u = np.nonzero(ground & (ground_depth < 0.5 * FAR))
    keep = slice(None, None, max(1, len(v) // _MOST_SAMPLES))
    v, u = v[keep], u[keep]
    rows = ((v + 0.5) * result.size[0] / ground.shape[0]).astype(int)
    cols = ((u + 0.5) * result.size[1] / ground.shape[1]).astype(int)
    trusted = result.valid[rows, cols]
    return _between_samples(result.depth, rows, cols, v, u, ground.shape)[trusted], ground_depth[v, u][trusted]


def _between_samples(
    values: np.ndarray, rows: np.ndarray, cols: np.ndarray, v: np.ndarray, u: np.ndarray, size: tuple[int, ...]
) -> np.ndarray:
    """The nearest sample plus its slope times the way to it: exact to first order on a smooth ground."""
    dv = (v + 0.5) * values.shape[0] / size[0] - 0.5 - rows
    du = (u + 0.5) * values.shape[1] / size[1] - 0.5 - cols
    with np.errstate(invalid="ignore"):  # beside a sample that is infinite
        slope_v, slope_u = (_central(values, axis)[rows, cols] for axis in (0, 1))
        extra = slope_v * dv + slope_u * du
    return values[rows, cols] + np.where(np.isfinite(extra), extra, 0.0)


def _central(values: np.ndarray, axis: int) -> np.ndarray:
    """Of the two one-sided differences the smaller in size, 0 at the ends: no slope across an edge."""
    step = np.diff(values, axis=axis)
    none = np.zeros_like(np.take(values, [0], axis=axis))
    ahead, behind = np.concatenate([step, none], axis=axis), np.concatenate([none, step], axis=axis)
    return np.where(np.abs(ahead) < np.abs(behind), ahead, behind)


def _most_within(y: np.ndarray, tolerance: np.ndarray) -> float:
    """Share of the values that agree with the best constant: what depth without any shape would reach."""
    order = np.sort(y)
    width = 2 * float(np.median(tolerance))
    return float((np.searchsorted(order, order + width, side="right") - np.arange(len(order))).max() / len(order))


def _consensus(x: np.ndarray, y: np.ndarray, tolerance: np.ndarray, *, with_shift: bool) -> tuple[float, float, float]:
    """``y ~ a x + b`` with a > 0 for as many as possible: (a, b, share that agrees). The same for the same input."""
    rng = np.random.default_rng(0)
    best, best_count = (0.0, 0.0), -1
    for i, k in rng.integers(0, len(x), (_TRIALS, 2)):
        if not with_shift:
            a, b = (y[i] / x[i], 0.0) if x[i] > 0 else (0.0, 0.0)
        elif (x[i] - x[k]) * (y[i] - y[k]) > 0:
            a = (y[i] - y[k]) / (x[i] - x[k])
            b = y[i] - a * x[i]
        else:
            continue
        count = int(np.count_nonzero(np.abs(a * x + b - y) < tolerance))
        if a > 0 and count > best_count:
            best, best_count = (float(a), float(b)), count
    a, b = best
    for part in (1.0, 0.5, 0.5):  # least squares over those that agree, closer each time: feet of things agree roughly
        inside = np.abs(a * x + b - y) < part * tolerance
        if inside.sum() < 2:
            break
        columns = [x[inside], np.ones(inside.sum())] if with_shift else [x[inside]]
        solution, *_ = np.linalg.lstsq(np.stack(columns, axis=1), y[inside], rcond=None)
        a, b = float(solution[0]), float(solution[1]) if with_shift else 0.0
    share = float(np.mean(np.abs(a * x + b - y) < tolerance)) if a > 0 else 0.0
    return a, b, share
