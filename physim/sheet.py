"""Sheets of cloth: the flat rest shape and its triangulation. Pure geometry, SI units."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Sheet:
    """A rectangle of cloth in its own x, y plane, centred; warp along x, weft along y.

    Vertices are numbered row by row from the lower left corner: ``row * (cells[0] + 1) + column``. Each cell is two
    triangles; their diagonals alternate, so that no direction is preferred.
    """

    size: tuple[float, float]
    """Width, height [m]."""
    cells: tuple[int, int] = (64, 64)
    """Along the width, along the height."""

    def __post_init__(self) -> None:
        for name, value in zip(("width", "height"), self.size, strict=True):
            if not np.isfinite(value) or value <= 0:
                raise ValueError(f"Sheet.size.{name} is {value}, expected a length greater than 0 [m].")
        if len(self.cells) != 2 or min(self.cells) < 1:
            raise ValueError(f"Sheet.cells is {self.cells}, expected two numbers of at least 1.")

    @cached_property
    def rest(self) -> np.ndarray:
        """(N, 2) float64 [m], x and y of the sheet's own plane."""
        (width, height), (nx, ny) = self.size, self.cells
        x, y = np.linspace(-width / 2, width / 2, nx + 1), np.linspace(-height / 2, height / 2, ny + 1)
        return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)

    @cached_property
    def faces(self) -> np.ndarray:
        """(M, 3) int32, counter-clockwise seen from +z."""
        nx, ny = self.cells
        i, k = (a.ravel() for a in np.meshgrid(np.arange(nx), np.arange(ny)))
        a = k * (nx + 1) + i
        b, c, d = a + 1, a + nx + 1, a + nx + 2
        even = (i + k) % 2 == 0
        lower = np.where(even[:, None], np.stack([a, b, d], 1), np.stack([a, b, c], 1))
        upper = np.where(even[:, None], np.stack([a, d, c], 1), np.stack([b, d, c], 1))
        return np.stack([lower, upper], axis=1).reshape(-1, 3).astype(np.int32)


@dataclass(frozen=True)
class Pattern:
    """A piece of cloth of any outline: a triangulation of the flat, unstretched fabric in its own x, y plane."""

    rest: np.ndarray
    """(N, 2) [m]; warp along x, weft along y."""
    faces: np.ndarray
    """(M, 3), counter-clockwise seen from +z."""
    start: np.ndarray | None = None
    """(N, 3) [m], own frame: where the vertices are at time 0; ``None``: flat."""

    def __post_init__(self) -> None:
        rest, faces = np.asarray(self.rest, dtype=np.float64), np.asarray(self.faces, dtype=np.int32)
        if rest.ndim != 2 or rest.shape[1] != 2 or not np.isfinite(rest).all():
            raise ValueError(f"Pattern.rest has shape {rest.shape}, expected (N, 2) finite numbers [m].")
        if faces.ndim != 2 or faces.shape[1] != 3 or faces.min(initial=0) < 0 or faces.max(initial=0) >= len(rest):
            raise ValueError(
                f"Pattern.faces has shape {faces.shape}, expected (M, 3) vertex numbers below {len(rest)}."
            )
        a, b, c = (rest[faces[:, k]] for k in range(3))
        area = 0.5 * np.linalg.det(np.stack([b - a, c - a], axis=-1))
        if len(faces) == 0 or area.min() <= 0:
            raise ValueError("Pattern.faces must have area and run counter-clockwise, seen from +z.")
        if self.start is not None:
            start = np.asarray(self.start, dtype=np.float64)
            if start.shape != (len(rest), 3) or not np.isfinite(start).all():
                raise ValueError(
                    f"Pattern.start has shape {start.shape}, expected {(len(rest), 3)} finite numbers [m]."
                )
            object.__setattr__(self, "start", start)
        object.__setattr__(self, "rest", rest)
        object.__setattr__(self, "faces", faces)
