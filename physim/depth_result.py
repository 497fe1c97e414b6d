"""What every source of depth gives: one type, checked where it is made, and how a source is asked.

A source ("backend") is a callable from the photo to a :class:`DepthResult`, on a grid of its own choice with the
photo's aspect. Whether it computes planes, reads a file or runs a network is its own affair. NumPy only.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

FAR = 1e4
"""Depth of the sky [m]: finite, so that nothing downstream meets an infinity."""
KINDS = ("metric", "scale", "affine", "affine_inverse")
GEOMETRIC = "geometric"
"""The backend that needs neither file nor network: planes and hints."""
_ASPECT_SLACK = 0.02


@dataclass(frozen=True)
class DepthResult:
    """Depth of a photo on a grid (h, w), from any source. Camera frame: +x right, +y down, +z forward."""

    depth: np.ndarray
    """(h, w) float64: z [m] for kind 'metric'; see ``kind`` for the others. Where not ``valid``: anything."""
    valid: np.ndarray = None  # type: ignore[assignment]
    """(h, w) bool; never where depth is not finite or, for 'metric' and 'scale', not positive. Default: all others."""
    confidence: np.ndarray = None  # type: ignore[assignment]
    """(h, w) float32 in [0, 1], 0 where not valid. Default: 0.8."""
    kind: str = "metric"
    """'metric'; 'scale': z up to a factor; 'affine': z = a x + b; 'affine_inverse': 1 / z = a x + b. With a > 0."""
    normals: np.ndarray | None = None
    """(h, w, 3) float32 unit normals of the surface in the camera frame, towards the camera; 0 where unknown."""
    intrinsics: np.ndarray | None = None
    """K (3, 3) [pixels of this grid], if the source knows the lens."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"depth.kind is {self.kind!r}, expected one of {', '.join(KINDS)}.")
        depth = _numbers("depth", self.depth, np.float64)
        if depth.ndim != 2 or not depth.size:
            raise ValueError(f"depth has shape {depth.shape}, expected (height, width) with at least one pixel.")
        usable = np.isfinite(depth)
        if self.kind in ("metric", "scale"):
            usable &= depth > 0
        if self.valid is not None:
            usable &= _fitting("valid", np.asarray(self.valid), depth.shape).astype(bool)
        if not usable.any():
            raise ValueError("depth has no valid pixel: nothing finite and positive where `valid` is true.")
        object.__setattr__(self, "depth", depth)
        object.__setattr__(self, "valid", usable)
        object.__setattr__(self, "confidence", _confidence(self.confidence, usable))
        object.__setattr__(self, "normals", None if self.normals is None else _normals(self.normals, usable))
        object.__setattr__(self, "intrinsics", None if self.intrinsics is None else _intrinsics(self.intrinsics))

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the grid."""
        return self.depth.shape[0], self.depth.shape[1]

    @property
    def fov_deg(self) -> float | None:
        """Horizontal field of view [degrees], if the source knows the lens."""
        if self.intrinsics is None:
            return None
        return float(np.degrees(2 * np.arctan(0.5 * self.size[1] / self.intrinsics[0, 0])))


DepthBackend = Callable[..., DepthResult]
"""``backend(image)`` or ``backend(image, focal=...)``: from the photo (H, W, 3) float32 sRGB in [0, 1] to its depth.

A parameter named ``focal`` is given the focal length of the photo [pixels], or ``None`` where it is not known.
"""


def ask(backend: DepthBackend, image: np.ndarray, focal: float | None = None) -> DepthResult:
    """Call a backend and check that what comes back belongs to the photo.

    Args:
        backend: See :data:`DepthBackend`.
        image: (H, W, 3) float32 sRGB in [0, 1].
        focal: Of the photo [pixels], where EXIF or the user gives it.

    Raises:
        TypeError: It returned something else.
        ValueError: The result has another aspect than the photo.
    """
    result = backend(image, focal=focal) if _takes_focal(backend) else backend(image)
    if not isinstance(result, DepthResult):
        raise TypeError(
            f"the depth backend {backend_name(backend)} returned {type(result).__name__}, expected "
            f"physim.depth.DepthResult; wrap the array: DepthResult(depth, kind='metric')."
        )
    check_aspect(result, (image.shape[0], image.shape[1]), backend_name(backend))
    return result


def check_aspect(result: DepthResult, photo: tuple[int, int], name: str) -> None:
    """Refuse depth of another aspect than the photo (height, width): it is of another picture, or turned.

    Raises:
        ValueError: The aspects differ by more than 2 % and more than rounding to whole pixels explains.
    """
    (rows, cols), (high, wide) = result.size, photo
    scale = cols / wide
    if abs(rows - high * scale) > max(1.0, _ASPECT_SLACK * rows, scale):
        turned = " It looks turned by 90 degrees." if abs(cols / rows * wide / high - 1) < _ASPECT_SLACK else ""
        raise ValueError(
            f"depth from {name} is {cols} x {rows} pixels, the photo {wide} x {high}: another aspect.{turned} Give the "
            f"depth of this photo, upright and not cropped."
        )


def backend_name(backend: Any) -> str:
    """What to call a backend in reports."""
    return str(getattr(backend, "__name__", type(backend).__name__))


def _takes_focal(backend: DepthBackend) -> bool:
    try:
        parameters = inspect.signature(backend).parameters
    except (TypeError, ValueError):  # a builtin without a signature
        return False
    return "focal" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def _numbers(name: str, values: Any, dtype: type) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"depth.{name} holds {array.dtype}, expected real numbers.")
    return np.asarray(array, dtype=dtype)


def _fitting(name: str, array: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    if array.shape != size:
        raise ValueError(f"depth.{name} has shape {array.shape}, expected {size} to match depth.")
    return array


def _confidence(given: np.ndarray | None, valid: np.ndarray) -> np.ndarray:
    if given is None:
        return np.where(valid, 0.8, 0.0).astype(np.float32)
    confidence = _fitting("confidence", _numbers("confidence", given, np.float32), valid.shape)
    inside = confidence[valid]
    if not (np.isfinite(inside).all() and inside.min() >= 0 and inside.max() <= 1):
        raise ValueError(f"depth.confidence reaches from {inside.min():g} to {inside.max():g}, expected 0 to 1.")
    return np.where(valid, confidence, 0.0).astype(np.float32)


def _normals(given: np.ndarray, valid: np.ndarray) -> np.ndarray:
    normals = _fitting("normals", _numbers("normals", given, np.float32), (*valid.shape, 3))
    length = np.linalg.norm(normals, axis=-1)
    known = valid & np.isfinite(length) & (length > 1e-6)
    if known.any() and np.abs(length[known] - 1).max() > 0.02:
        raise ValueError(
            f"depth.normals have lengths from {length[known].min():.3g} to {length[known].max():.3g}, expected unit "
            f"vectors, or 0 where unknown."
        )
    if known.any() and np.median(normals[known][:, 2]) > 0.1:
        raise ValueError("depth.normals point away from the camera (z > 0), expected towards it; turn them round.")
    return np.where(known[..., None], normals / np.where(known, length, 1.0)[..., None], 0.0).astype(np.float32)


def _intrinsics(given: np.ndarray) -> np.ndarray:
    matrix = _fitting("intrinsics", _numbers("intrinsics", given, np.float64), (3, 3))
    plausible = np.isfinite(matrix).all() and matrix[0, 0] > 0 and matrix[1, 1] > 0
    if not plausible or not np.allclose(matrix[[0, 1, 2, 2, 2], [1, 0, 0, 1, 2]], [0, 0, 0, 0, 1], atol=1e-6):
        raise ValueError(
            f"depth.intrinsics is {matrix.tolist()}, expected [[f, 0, u], [0, f, v], [0, 0, 1]] in pixels, f > 0."
        )
    return matrix
