"""What a gas grid is made of: settings that stay, arrays that change, sources and bodies written before each frame."""

from __future__ import annotations

from dataclasses import dataclass

import physim_kernels  # noqa: F401  before the first use of Warp: its settings
import warp as wp

Field = tuple[wp.array, wp.array, wp.array]
"""One array per face direction: (nx+1, ny, nz), (nx, ny+1, nz), (nx, ny, nz+1)."""

Cells = tuple[wp.array, wp.array, wp.array]
"""A vector per cell: one array (nx, ny, nz) per component."""


@dataclass(frozen=True)
class GasSettings:
    """What stays the same for a whole run."""

    shape: tuple[int, int, int]
    """Cells; at least 4 each."""
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
    open_sides: tuple[bool, bool, bool, bool, bool, bool] = (True, True, False, True, True, True)
    """-x, +x, -y, +y, -z, +z."""
    gravity: tuple[float, float, float] = (0.0, -9.81, 0.0)
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
    """Width of the layer at open sides that is pulled to the wind [cells]."""
    iterations: int = 4
    """Of the pressure solve."""


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
    centre: Cells
    """Velocity at cell centres [m/s], later acceleration [m/s^2]."""
    displacement: Cells
    """Way travelled to the cell centres [cells]."""
    curl: Cells
    curl_length: wp.array
    q: wp.array
    """Density [-], padded by three cells."""
    q2: wp.array
    volume: wp.array
    flux: wp.array
    volume_flux: wp.array
    wind: wp.array
    """At every step of the frame [m/s], vec3."""
    gust: wp.array
    """Its rate of change [m/s^2], vec3."""
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

        def zeros(shape, dtype: type = float) -> wp.array:
            return wp.zeros(shape, dtype=dtype, device=device)

        def faces() -> Field:
            return zeros((nx + 1, ny, nz)), zeros((nx, ny + 1, nz)), zeros((nx, ny, nz + 1))

        def cells() -> Cells:
            return zeros(shape), zeros(shape), zeros(shape)

        state = cls(
            u=faces(), u_old=faces(), a=faces(), m=faces(), r=faces(), area=faces(), solid=faces(),
            temperature=zeros(shape), temperature2=zeros(shape),
            centre=cells(), displacement=cells(), curl=cells(), curl_length=zeros(shape),
            q=zeros(padded), q2=zeros(padded), volume=zeros(padded), flux=zeros(padded), volume_flux=zeros(padded),
            wind=zeros(settings.steps, wp.vec3), gust=zeros(settings.steps, wp.vec3),
            mass=(zeros(nx, wp.float64), zeros(nx, wp.float64)), outflow=zeros((nx, 3), wp.float64),
            ledger=zeros(2, wp.float64),
        )  # fmt: skip
        state.volume.fill_(1.0)
        return state
