"""What a gas grid is made of: settings that stay, arrays that change, sources and bodies written before each frame."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import physim_kernels  # noqa: F401  before the first use of Warp: its settings
import warp as wp
from physim_kernels import advect

Field = tuple[wp.array, wp.array, wp.array]
"""One array per face direction: (nx+1, ny, nz), (nx, ny+1, nz), (nx, ny, nz+1)."""

Areas = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Open area [-] of the faces across x, y, z; shapes as in ``Field``."""

Cells = tuple[wp.array, wp.array, wp.array]
"""A vector per cell: one array (nx, ny, nz) per component."""


SIDES = ("slip", "no-slip", "open", "inflow", "outflow", "periodic")


@dataclass(frozen=True)
class Side:
    """What is beyond one side of the box.

    ``slip`` and ``no-slip`` are walls; ``open`` is still or windy air at the pressure of the surroundings; ``inflow``
    brings gas at a given velocity; ``outflow`` lets out what arrives and as much as enters elsewhere; ``periodic``
    (both of a pair) is the other end of the box.
    """

    kind: str = "slip"
    velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Of a no-slip wall in its own plane, or of the gas that flows in; of an outflow the mean with which it leaves
    [m/s]."""
    profile: np.ndarray | None = field(default=None, compare=False)
    """Factor on the inflow's velocity per face of the side, in order of the two remaining axes [-]."""
    density: float = 0.0
    """Of what flows in [-]."""

    def __post_init__(self) -> None:
        if self.kind not in SIDES:
            raise ValueError(f"side is {self.kind!r}, expected one of {', '.join(SIDES)}.")

    @property
    def is_closed(self) -> bool:
        """Whether the flow through it is given, and not found by the pressure."""
        return self.kind in ("slip", "no-slip", "inflow", "outflow")


WALL, OPEN, PERIODIC = Side("slip"), Side("open"), Side("periodic")
Sides = tuple[Side, Side, Side, Side, Side, Side]
"""-x, +x, -y, +y, -z, +z."""


def sides(*is_open: bool) -> Sides:
    """Open sides and free-slip walls, in the order of ``Sides``."""
    return tuple(OPEN if o else WALL for o in is_open)  # type: ignore[return-value]


@dataclass(frozen=True)
class GasSettings:
    """What stays the same for a whole run."""

    shape: tuple[int, int, int]
    """Cells; at least 4 each. A single cell along x is a flow in the plane of y and z."""
    origin: tuple[float, float, float]
    """Lower corner [m]."""
    cell: float
    """Edge of a cell [m]."""
    dt: float
    """Step [s]."""
    steps: int = 1
    """Steps per frame."""
    density_substeps: int = 4
    """Sub-steps of the density transport per step; each carries less than a cell."""
    sides: Sides = (OPEN, OPEN, WALL, OPEN, OPEN, OPEN)
    gravity: tuple[float, float, float] = (0.0, -9.81, 0.0)
    force: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Acceleration of all gas alike, such as a pressure drop along a channel [m/s^2]."""
    viscosity: float = 0.0
    """Kinematic [m^2/s]. Where it is not 0, gas sticks to solids."""
    diffusion: float = 0.0
    """Of density and temperature [m^2/s]."""
    heaviness: float = 1.0
    """Mass of gas of density 1 over that of as much air. Other than 1, its inertia counts (no Boussinesq)."""
    ambient_temperature: float = 293.15
    """[K]"""
    cooling: float = 0.0
    """[1/s]"""
    dissipation: float = 0.0
    """[1/s]"""
    confinement: float = 0.0
    """[-]"""
    speed: float = 1.0
    """A typical speed [m/s]: scale of the confinement, of the layer at open sides, of how fast sources take hold."""
    sponge: float = 4.0
    """Width of the layer at open sides that is pulled to the wind [cells]; 0: none."""
    iterations: int = 4
    """Of the pressure solve around solids."""
    carries_density: bool = True
    carries_temperature: bool = True

    def __post_init__(self) -> None:
        nx, ny, nz = self.shape
        if min(ny, nz) < 4 or nx < 1 or 1 < nx < 4:
            raise ValueError(
                f"gas grid has {self.shape} cells, expected at least 4 along each axis, or 1 along x for a plane flow."
            )
        for axis, name in enumerate("xyz"):
            pair = self.sides[2 * axis : 2 * axis + 2]
            if sum(side.kind == "periodic" for side in pair) == 1:
                raise ValueError(f"one side across {name} is periodic, expected both of a pair or none.")
        for name in ("cell", "dt", "heaviness"):
            if not getattr(self, name) > 0:
                raise ValueError(f"gas {name} is {getattr(self, name)}, expected more than 0.")
        for name in ("viscosity", "diffusion"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"gas {name} is {getattr(self, name)}, expected at least 0 [m^2/s].")

    @property
    def axes(self) -> tuple[int, ...]:
        """Along which gas moves."""
        return (1, 2) if self.shape[0] == 1 else (0, 1, 2)

    @property
    def open_bits(self) -> int:
        """1, 2, 4, ... for open sides in their order."""
        return sum(1 << n for n, side in enumerate(self.sides) if side.kind == "open")

    @property
    def periodic_bits(self) -> int:
        """1, 2, 4 for axes whose ends meet."""
        return sum(1 << axis for axis in self.axes if self.sides[2 * axis].kind == "periodic")


@dataclass(frozen=True)
class Obstacles:
    """Moving bodies as tables on the device; poses are rewritten before each frame."""

    count: int
    tables: list[wp.array]
    """kind, size, reach, plane_start, planes: see ``physim_kernels.obstacle``."""
    poses: list[wp.array]
    """position, orientation, velocity, spin: (steps, count)."""


@dataclass(frozen=True)
class Puffs:
    """Sources of one frame on the device, rewritten before each frame; shapes (steps, count)."""

    count: int
    has_jet: bool
    """Whether any of them has a velocity of its own, and with it brings new volume."""
    ball: wp.array
    """vec4: centre and radius [cells]."""
    state: wp.array
    """vec4: density rate [1/s], excess temperature [K], is on, has a jet."""
    jet: wp.array
    """vec4: velocity [m/s], volume that enters in the middle [cell faces x m/s]."""


@dataclass
class GasState:
    """Everything that changes."""

    u: Field
    """Velocity [m/s], free of divergence."""
    u_old: Field
    """One step earlier."""
    a: Field
    """Before the projection."""
    m: Field
    """In the middle of the step, free of divergence."""
    r: Field
    """``a`` mirrored at ``m``."""
    area: Field
    """Open area of the faces [-]."""
    solid: Field
    """Velocity of the solid part of the faces [m/s]."""
    temperature: wp.array
    """Excess over ambient [K], (nx, ny, nz)."""
    temperature2: wp.array
    along: Cells
    """Velocity at cell centres along which is carried [m/s], with ghosts."""
    padded: Field
    """Faces with ghosts: what is being carried."""
    remainder: Field
    """The same, for what the projection took."""
    padded_cells: wp.array
    weight: Field
    """Open area of the faces over the density there, in units of air."""
    centre: Cells
    """Velocity at cell centres [m/s], later acceleration [m/s^2]."""
    displacement: Cells
    """Way travelled to the cell centres [cells]."""
    curl: Cells
    curl_length: wp.array
    q: wp.array
    """Density [-], padded by three cells."""
    q2: wp.array
    trapped: wp.array
    """Rows with density in closed cells (nx, ny) int."""
    volume: wp.array
    flux: wp.array
    volume_flux: wp.array
    wind: wp.array
    """At every step of the frame [m/s], vec3."""
    gust: wp.array
    """Its rate of change [m/s^2], vec3."""
    gravity: wp.array
    """At every step of the frame [m/s^2], vec3."""
    mass: tuple[wp.array, wp.array]
    """Before and after, sums over planes."""
    outflow: wp.array
    ledger: wp.array
    """Sum of |mass created or lost|, most mass there ever was."""

    @classmethod
    def zeros(cls, settings: GasSettings, device) -> GasState:
        """Still, clear, closed everywhere."""
        nx, ny, nz = shape = settings.shape
        padded = (nx + 6, ny + 6, nz + 6)
        faced = [(nx + 1, ny, nz), (nx, ny + 1, nz), (nx, ny, nz + 1)]

        def zeros(shape, dtype: type = float) -> wp.array:
            return wp.zeros(shape, dtype=dtype, device=device)

        def faces() -> Field:
            return tuple(zeros(n) for n in faced)  # type: ignore[return-value]

        def cells() -> Cells:
            return zeros(shape), zeros(shape), zeros(shape)

        def with_ghosts(shape) -> wp.array:
            return with_room(shape, settings.shape[0] == 1, device)

        def face_ghosts() -> Field:
            return tuple(with_ghosts(n) for n in faced)  # type: ignore[return-value]

        sticky = any(side.kind in ("no-slip", "inflow") for side in settings.sides)
        area = faces()
        state = cls(
            u=faces(), u_old=faces(), a=faces(), m=faces(), r=faces(), area=area, solid=faces(),
            along=(with_ghosts(shape), with_ghosts(shape), with_ghosts(shape)), padded=face_ghosts(),
            remainder=face_ghosts() if sticky else area, padded_cells=with_ghosts(shape),
            weight=faces() if settings.heaviness != 1 else area,
            temperature=zeros(shape), temperature2=zeros(shape),
            centre=cells(), displacement=cells(), curl=cells(), curl_length=zeros(shape),
            q=zeros(padded), q2=zeros(padded), trapped=zeros(shape[:2], int),
            volume=zeros(padded), flux=zeros(padded), volume_flux=zeros(padded),
            wind=zeros(settings.steps, wp.vec3), gust=zeros(settings.steps, wp.vec3),
            gravity=zeros(settings.steps, wp.vec3),
            mass=(zeros(nx, wp.float64), zeros(nx, wp.float64)), outflow=zeros((nx, 3), wp.float64),
            ledger=zeros(2, wp.float64),
        )  # fmt: skip
        state.volume.fill_(1.0)
        state.gravity.fill_(wp.vec3(*settings.gravity))
        return state


def with_room(shape: tuple[int, int, int], flat: bool, device) -> wp.array:
    """A field with ghosts, none along x where ``flat``, in the middle of readable memory (see ``advect.SLACK``)."""
    ghosts = (0 if flat else advect.GHOST, advect.GHOST, advect.GHOST)
    size = tuple(n + 2 * g for n, g in zip(shape, ghosts, strict=True))
    count = int(np.prod(size))
    whole = wp.zeros(count + 2 * advect.SLACK, dtype=float, device=device)
    return whole[advect.SLACK : advect.SLACK + count].reshape(size)
