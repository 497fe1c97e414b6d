"""Lake: a body of water so large that it is seen from outside, as a surface over a bed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physim.shapes import Emitter, HeightField

SIDES = ("-x", "+x", "-z", "+z")
"""Of the rectangle a lake lies in, by the direction in which they are."""


@dataclass(frozen=True)
class Lake:
    """A lake, a pool, a piece of river or sea: water over a bed, still at the height of its entity's position.

    It takes a ``Liquid`` material. Horizontal, in world axes; of its entity's position x and z are the centre of the
    rectangle, y is the level; an orientation is not looked at.
    """

    size: tuple[float, float] = (10.0, 10.0)
    """Extent along x and z [m]; of an ``outline`` it is taken from there."""
    depth: float = 2.0
    """Of the water where no ``bed`` says otherwise [m]."""
    bed: HeightField | None = None
    """Ground under the water, in world coordinates like any height field; what rises above the level is shore."""
    outline: np.ndarray | None = None
    """Closed shore line (N, 2) of (x, z) about the entity's position [m]; ``None``: the whole rectangle."""
    cells: int = 128
    """Along the longer side."""
    open: tuple[str, ...] = ()
    """Sides of the rectangle where water and waves leave; the others are walls."""
    inflow: tuple[tuple[str, float], ...] = ()
    """Sides where water enters, and how much [m^3/s]: a river's upper end."""
    inlets: tuple[Emitter, ...] = ()
    """What pours into it: ``pi radius^2 |velocity|`` [m^3/s] falls freely from each, in world coordinates."""
    current: tuple[float, float] = (0.0, 0.0)
    """Velocity along x and z that the water has to begin with [m/s]."""
    drag: float = 0.003
    """Friction of the bed: stress over density and squared speed [-]."""
    fetch: float | None = None
    """How far the scene's wind has blown over water before it comes here [m]; makes ripples and waves. ``None``: the
    size of the lake."""
    wind_waves: bool = True
    """Whether the scene's wind covers the water with waves."""
    dispersive: bool | None = None
    """Whether short waves run slower than long ones, as they do on deep water; ``None``: where the water is deep enough
    for the grid to show it."""
    periodic: bool = False
    """The rectangle repeats itself, without sides: for waves in the open."""
    surface: np.ndarray | None = None
    """Height of the surface over the level at the start (rows, columns) [m], row along z; ``None``: level. Where it
    lies under the bed there is no water."""

    def __post_init__(self) -> None:
        if self.outline is not None:
            outline = np.asarray(self.outline, dtype=np.float64)
            if outline.ndim != 2 or outline.shape[1] != 2 or len(outline) < 3 or not np.isfinite(outline).all():
                raise ValueError(f"Lake.outline has shape {outline.shape}, expected at least three finite (x, z) [m].")
            reach = 2 * np.abs(outline).max(axis=0)
            object.__setattr__(self, "outline", outline)
            object.__setattr__(self, "size", (float(reach[0]), float(reach[1])))
        for name, values in (("size", self.size), ("depth", (self.depth,))):
            if not all(np.isfinite(v) and v > 0 for v in values):
                raise ValueError(f"Lake.{name} is {getattr(self, name)}, expected lengths greater than 0 [m].")
        if not 4 <= self.cells <= 2048:
            raise ValueError(f"Lake.cells is {self.cells}, expected 4 to 2048 along the longer side.")
        for side in (*self.open, *(s for s, _ in self.inflow)):
            if side not in SIDES:
                raise ValueError(f"Lake has a side {side!r}, expected one of {', '.join(SIDES)}.")
        both = sorted(set(self.open) & {s for s, _ in self.inflow})
        if both or (self.periodic and (self.open or self.inflow)):
            what = f"side {both[0]!r} is open and an inflow" if both else "a periodic lake has no sides"
            raise ValueError(f"Lake: {what}; give each side once, and none with periodic=True.")
        if self.drag < 0 or (self.fetch is not None and self.fetch <= 0):
            raise ValueError(f"Lake.drag {self.drag}, fetch {self.fetch}: expected drag >= 0 and fetch > 0.")
        if self.surface is not None and np.shape(self.surface) != self.shape:
            raise ValueError(f"Lake.surface has shape {np.shape(self.surface)}, expected (rows, columns) {self.shape}.")

    @property
    def cell(self) -> float:
        """Edge of a cell of the grid [m]."""
        return max(self.size) / self.cells

    @property
    def shape(self) -> tuple[int, int]:
        """(rows along z, columns along x) of the grid."""
        x, z = (max(1, round(s / self.cell)) for s in self.size)
        return z, x

    @property
    def bounding_radius(self) -> float:
        """About its position [m]."""
        return float(np.hypot(*self.size) / 2)
