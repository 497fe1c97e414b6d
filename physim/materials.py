"""Materials: presets by name, with their sources, and SI overrides.

A material says what matter is, never how a solver treats it: no contact stiffness, no iteration counts.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from physim.fabrics import FABRICS
from physim.grains import GRAINS
from physim.liquids import LIQUIDS
from physim.motion import Motion
from physim.softs import SOFTS

# Densities: CRC Handbook of Chemistry and Physics, 97th ed., and engineeringtoolbox.com tables.
# Friction: dry coefficients against themselves or wood, Engineering Toolbox "Friction coefficients"; CRC ch. 15.
# Restitution: Cross, R., Am. J. Phys. 67 (1999) 222 and 78 (2010) 716 (balls); Goldsmith, Impact (1960) for the rest.
SOLIDS: dict[str, dict[str, float]] = {
    "aluminium": dict(density=2700, friction=0.45, restitution=0.55),
    "brass": dict(density=8500, friction=0.35, restitution=0.5),
    "cardboard": dict(density=690, friction=0.45, restitution=0.25),
    "ceramic": dict(density=2400, friction=0.4, restitution=0.5),
    "concrete": dict(density=2400, friction=0.65, restitution=0.3),
    "copper": dict(density=8960, friction=0.4, restitution=0.35),
    "cork": dict(density=240, friction=0.45, restitution=0.55),
    "felt": dict(density=180, friction=0.5, restitution=0.1),
    "glass": dict(density=2500, friction=0.4, restitution=0.65),
    "gold": dict(density=19300, friction=0.4, restitution=0.2),
    "ice": dict(density=917, friction=0.05, restitution=0.3),
    "iron": dict(density=7870, friction=0.45, restitution=0.5),
    "ivory": dict(density=1850, friction=0.2, restitution=0.9),
    "leather": dict(density=860, friction=0.5, restitution=0.2),
    "marble": dict(density=2700, friction=0.4, restitution=0.6),
    "oak": dict(density=750, friction=0.45, restitution=0.45),
    "paper": dict(density=800, friction=0.4, restitution=0.15),
    "pine": dict(density=510, friction=0.4, restitution=0.45),
    "plastic": dict(density=1050, friction=0.35, restitution=0.6),
    "porcelain": dict(density=2400, friction=0.35, restitution=0.55),
    "rubber": dict(density=1100, friction=0.85, restitution=0.8),
    "silver": dict(density=10490, friction=0.35, restitution=0.4),
    "steel": dict(density=7850, friction=0.4, restitution=0.6),
    "stone": dict(density=2600, friction=0.6, restitution=0.4),
    "sugar": dict(density=1050, friction=0.5, restitution=0.35),
    "wood": dict(density=650, friction=0.45, restitution=0.45),
}

# "temperature" [K] of the source, "extinction" [m^2/g-like, here 1/m at density 1], "albedo" single scattering.
# Steam: water droplets scatter without absorbing. Smoke: soot absorbs (Mulholland & Croarkin 2000, 8.7 m^2/g).
# Fire: soot in a luminous flame, albedo 0.2 (Bohren, Huffman 1983), which glows as long as it is hot; a turbulent
# diffusion flame is 1200 to 1800 K hot and loses a third of its heat by radiation (Drysdale, Fire Dynamics, 2011).
SMOKES: dict[str, dict[str, Any]] = {
    "steam": dict(temperature=340.0, extinction=60.0, albedo=(0.99, 0.99, 0.99), dissipation=0.9, cooling=1.2),
    "smoke": dict(temperature=450.0, extinction=60.0, albedo=(0.55, 0.55, 0.56), dissipation=0.05, cooling=0.5),
    "fire": dict(temperature=1700.0, extinction=40.0, albedo=(0.2, 0.2, 0.2), dissipation=1.5, cooling=1.6),
    "exhaust": dict(temperature=600.0, extinction=0.12, albedo=(0.97, 0.96, 0.95), dissipation=0.02, cooling=0.08),
    "dust": dict(temperature=293.15, extinction=20.0, albedo=(0.75, 0.65, 0.5), dissipation=0.1, cooling=0.0),
    "fog": dict(temperature=285.0, extinction=8.0, albedo=(0.98, 0.98, 0.98), dissipation=0.0, cooling=0.0),
}


def _preset(kind: str, table: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    if name not in table:
        near = difflib.get_close_matches(name, table, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"unknown {kind} material {name!r}.{hint} Known: {', '.join(sorted(table))}.")
    return table[name]


def _fill(material: Any, kind: str, table: dict[str, dict[str, Any]]) -> None:
    values = _preset(kind, table, material.preset)
    for spec in fields(material):
        if spec.name in values and getattr(material, spec.name) is None:
            object.__setattr__(material, spec.name, values[spec.name])


def _at_least(material: Any, name: str, low: float, high: float = float("inf")) -> None:
    value = getattr(material, name)
    if not low <= value <= high:
        bound = f"at least {low:g}" if high == float("inf") else f"between {low:g} and {high:g}"
        raise ValueError(f"{type(material).__name__}({material.preset!r}).{name} is {value:g}, expected {bound}.")


def _friction_above(material: Any) -> None:
    """Static friction defaults to the kinetic one and is never below it; the resistances are not negative."""
    if material.static_friction is None:
        object.__setattr__(material, "static_friction", material.friction)
    _at_least(material, "static_friction", material.friction)
    _at_least(material, "rolling_resistance", 0)
    _at_least(material, "spinning_resistance", 0)


@dataclass(frozen=True)
class Rigid:
    """A body that moves and keeps its form."""

    preset: str = "wood"
    """Name in ``SOLIDS``: gives what is ``None``."""
    density: float | None = None
    """[kg/m^3]"""
    friction: float | None = None
    """Coulomb coefficient [-]; a pair uses the geometric mean."""
    restitution: float | None = None
    """Normal restitution [-], 0 to 1; a pair uses the larger one."""
    mass: float | None = None
    """[kg]; overrides density x volume."""
    drag_coefficient: float = 0.5
    """Quadratic air drag, on the area of the bounding sphere's disc or of the shape facing the wind [-]."""
    static_friction: float | None = None
    """Coulomb coefficient of a contact that does not slip [-], at least ``friction``; ``None``: equal to it. A pair
    uses the geometric mean."""
    rolling_resistance: float = 0.0
    """Coefficient c of rolling resistance [-]: a rolling round body of radius R is braked by the torque c R N. A pair
    uses the sum."""
    spinning_resistance: float = 0.0
    """Lever arm of the friction against turning about the normal [m]: its torque is at most friction x arm x N. A pair
    uses the sum."""

    def __post_init__(self) -> None:
        _fill(self, "solid", SOLIDS)
        _at_least(self, "density", 1e-3)
        _at_least(self, "friction", 0)
        _friction_above(self)
        _at_least(self, "restitution", 0, 1)
        _at_least(self, "drag_coefficient", 0)
        if self.mass is not None:
            _at_least(self, "mass", 1e-9)


@dataclass(frozen=True)
class Static:
    """A thing that does not move: things collide with it."""

    preset: str = "wood"
    """Name in ``SOLIDS``: gives what is ``None``."""
    friction: float | None = None
    """As of :class:`Rigid`."""
    restitution: float | None = None
    """As of :class:`Rigid`."""
    static_friction: float | None = None
    """As of :class:`Rigid`."""
    rolling_resistance: float = 0.0
    """As of :class:`Rigid`."""
    spinning_resistance: float = 0.0
    """As of :class:`Rigid`."""

    def __post_init__(self) -> None:
        _fill(self, "solid", SOLIDS)
        _at_least(self, "friction", 0)
        _friction_above(self)
        _at_least(self, "restitution", 0, 1)


@dataclass(frozen=True)
class Kinematic(Static):
    """A thing that moves as it is told: it pushes others and nothing pushes it."""

    motion: Motion | None = None
    """Its path; ``None``: it keeps the velocity and angular velocity it was added with."""


@dataclass(frozen=True)
class Smoke:
    """A gas with something visible in it."""

    preset: str = "smoke"
    """Name in ``SMOKES``: gives what is ``None``."""
    temperature: float | None = None
    """Of the source [K]; drives buoyancy against ``ambient_temperature``."""
    ambient_temperature: float = 293.15
    """[K]"""
    extinction: float | None = None
    """Extinction coefficient at density 1 [1/m]."""
    albedo: tuple[float, float, float] | None = None
    """Single-scattering albedo per colour channel, linear [-]."""
    dissipation: float | None = None
    """Rate at which the visible density fades [1/s]."""
    cooling: float | None = None
    """Rate at which the excess temperature fades [1/s]."""
    glow: float = 4.0
    """Luminance of a black body of 1800 K in the picture, photo white at 1: how long the photo is exposed. What is
    hotter than 800 K and absorbs light glows."""
    fill: float = 0.0
    """Density in the whole box at the start, and outside of it all the time: fog that lies everywhere [-]."""
    vorticity_confinement: float = 0.3
    """Strength of the confinement that gives back small eddies [-]."""
    resolution: int = 64
    """Cells along the longest side of the simulated box."""
    domain: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None
    """Lower and upper corner of the simulated box [m]. ``None``: chosen from emitters, wind, duration and view."""

    def __post_init__(self) -> None:
        _fill(self, "smoke", SMOKES)
        _at_least(self, "temperature", 1, 5e4)  # kept in half precision
        _at_least(self, "ambient_temperature", 1)
        _at_least(self, "extinction", 0)
        _at_least(self, "dissipation", 0)
        _at_least(self, "fill", 0)
        _at_least(self, "cooling", 0)
        _at_least(self, "glow", 0)
        _at_least(self, "vorticity_confinement", 0, 10)
        assert self.albedo is not None
        if np.shape(self.albedo) != (3,) or not all(0 <= a <= 1 for a in self.albedo):
            raise ValueError(f"Smoke({self.preset!r}).albedo is {self.albedo}, expected three numbers from 0 to 1.")
        _at_least(self, "resolution", 8, 512)


@dataclass(frozen=True)
class Cloth:
    """A fabric, by measured moduli. Directions: warp is x of the cloth's own plane, weft is y."""

    preset: str = "cotton"
    """Name in ``FABRICS``: gives what is ``None``."""
    areal_density: float | None = None
    """[kg/m^2]"""
    stretch: tuple[float, float] | None = None
    """Membrane stiffness along warp and weft, force per width per strain of a strip that may narrow [N/m]."""
    shear: float | None = None
    """In-plane shear stiffness, force per width per shear angle [N/m]."""
    poisson: float | None = None
    """Membrane coupling of warp and weft strain [-], geometric mean of the two ratios; also that of bending."""
    bending: tuple[float, float] | None = None
    """Flexural rigidity per width of a narrow strip, warp and weft [N m]: B = D (1 - poisson^2) of the plate. Twist
    follows from their geometric mean and ``poisson``."""
    thickness: float | None = None
    """Distance that faces keep from each other and from bodies, times two [m]."""
    friction: float | None = None
    """Coulomb coefficient [-]; with a body the geometric mean, with itself this."""
    damping: float | None = None
    """Loss: stress per strain rate over stress per strain, stretch and bending alike [s]."""
    drag_coefficient: float = 1.0
    """Normal force coefficient of a panel in the wind [-]: p = rho/2 Cn (u . n)^2."""
    skin_friction: float = 0.02
    """Tangential force coefficient of a panel in the wind and in liquids [-]."""
    fibre_density: float | None = None
    """Of the fibres alone [kg/m^3]: what the fabric has pores for, and whether it sinks once they are full."""
    absorbency: float | None = None
    """Mass of water that the soaked fabric holds over its dry mass [-]. ``None``: what fills its pores (Hsieh,
    "Liquid transport in fabric structures", Textile Res. J. 65, 1995), see :meth:`water_capacity`."""

    def water_capacity(self, density: float = 998.2) -> float:
        """Liquid of this density [kg/m^3] that the fabric holds when soaked [kg/m^2].

        Its pores are what fibres of ``areal_density / fibre_density`` leave of ``thickness``.
        """
        if self.absorbency is not None:
            return self.absorbency * self.areal_density  # type: ignore[operator]
        return max(0.0, self.thickness - self.areal_density / self.fibre_density) * density  # type: ignore[operator]

    def __post_init__(self) -> None:
        _fill(self, "fabric", FABRICS)
        _at_least(self, "fibre_density", 1)
        if self.absorbency is not None:
            _at_least(self, "absorbency", 0)
        for name in ("areal_density", "thickness"):
            _at_least(self, name, 1e-7)
        for name in ("stretch", "bending"):
            value = getattr(self, name)
            if np.shape(value) != (2,) or not np.isfinite(value).all() or min(value) < 0:
                raise ValueError(f"Cloth({self.preset!r}).{name} is {value}, expected two numbers, warp and weft.")
        for name in ("shear", "friction", "damping", "drag_coefficient", "skin_friction"):
            _at_least(self, name, 0)
        _at_least(self, "poisson", 0, 0.5)


@dataclass(frozen=True)
class Soft:
    """An elastic solid, by its moduli: it gives way under load and takes its form again, unless it yields."""

    preset: str = "foam"
    """Name in ``SOFTS``: gives what is ``None``."""
    youngs_modulus: float | None = None
    """Of slow, small loads [Pa]."""
    poisson: float | None = None
    """Poisson's ratio [-], -0.9 to 0.499."""
    density: float | None = None
    """[kg/m^3]"""
    damping: float | None = None
    """Largest loss factor [-]: what a cycle of load loses over 2 pi times what it stores; 0: none is lost."""
    relaxation: float | None = None
    """Time in which the part of the stress that damps fades [s]; the loss is largest for cycles of about 2 pi times
    that."""
    yield_stress: float | None = None
    """Von Mises stress above which it flows and keeps its new form [Pa]; ``None``, also in the preset: never."""
    friction: float | None = None
    """Coulomb coefficient [-]; with a body the geometric mean of both."""
    drag_coefficient: float = 1.0
    """Force of the wind over that of its pressure on the surface that faces it [-]."""
    cell: float | None = None
    """Largest edge of the cells that it is computed on [m]; ``None``: a twentieth of its longest side, and a third of
    its shortest, where that is not more than some ten thousand cells."""

    def __post_init__(self) -> None:
        _fill(self, "soft", SOFTS)
        _at_least(self, "density", 1e-3)
        _at_least(self, "youngs_modulus", 1e-3)
        assert self.poisson is not None and self.youngs_modulus is not None
        if not -0.9 <= self.poisson <= 0.499:
            raise ValueError(
                f"Soft({self.preset!r}).poisson is {self.poisson:g}, expected between -0.9 and 0.499: at 0.5 nothing "
                "yields to pressure and its waves are infinitely fast; 0.495 keeps the volume to some parts in a "
                "thousand."
            )
        for name in ("damping", "friction", "drag_coefficient"):
            _at_least(self, name, 0)
        _at_least(self, "damping", 0, 2)
        _at_least(self, "relaxation", 1e-4)
        if self.yield_stress is not None:
            _at_least(self, "yield_stress", 1e-6)
        if self.cell is not None:
            _at_least(self, "cell", 1e-6)


WALLS = ("-x", "+x", "-y", "+y", "-z", "+z")
"""Sides of a box, by the direction in which they lie."""


@dataclass(frozen=True)
class Liquid:
    """A liquid of constant density with a free surface."""

    preset: str = "water"
    """Name in ``LIQUIDS``: gives what is ``None``."""
    density: float | None = None
    """[kg/m^3]"""
    viscosity: float | None = None
    """Dynamic [Pa s]."""
    surface_tension: float | None = None
    """Against air [N/m]."""
    refractive_index: float | None = None
    """[-]"""
    absorption: tuple[float, float, float] | None = None
    """Absorption coefficient per colour channel, linear [1/m]."""
    scattering: tuple[float, float, float] | None = None
    """Reduced scattering coefficient per colour channel, linear [1/m]: what makes milk white."""
    roughness: float | None = None
    """Root of the mean square of the slope of what is too small to be computed, such as froth: how soft the light is
    that the surface mirrors [-]."""
    temperature: float | None = None
    """[K]: how much steam it gives off to an ``Emitter`` of smoke that is ``on`` it. Other properties do not follow."""
    resolution: int = 64
    """Cells along the longest side of the simulated box."""
    domain: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None
    """Lower and upper corner of the simulated box [m]. ``None``: chosen from the liquid, the things around it and the
    duration, open on all sides."""
    walls: tuple[str, ...] = ("-x", "+x", "-y", "-z", "+z")
    """Sides of a given ``domain`` that are walls, so that it is a tank; at the others the liquid leaves."""

    def __post_init__(self) -> None:
        _fill(self, "liquid", LIQUIDS)
        if self.temperature is None:
            object.__setattr__(self, "temperature", 293.15)
        _at_least(self, "temperature", 1, 1e4)
        _at_least(self, "density", 1)
        _at_least(self, "viscosity", 0)
        _at_least(self, "surface_tension", 0)
        _at_least(self, "refractive_index", 1, 3)
        _at_least(self, "roughness", 0, 1)
        for name in ("absorption", "scattering"):
            value = getattr(self, name)
            if np.shape(value) != (3,) or not np.isfinite(value).all() or min(value) < 0:
                raise ValueError(
                    f"Liquid({self.preset!r}).{name} is {value}, expected three numbers [1/m], red, green, blue."
                )
        _at_least(self, "resolution", 8, 512)
        wrong = [side for side in self.walls if side not in WALLS]
        if wrong:
            raise ValueError(f"Liquid({self.preset!r}).walls has {wrong[0]!r}, expected some of {', '.join(WALLS)}.")


@dataclass(frozen=True)
class Grains:
    """A heap of grains: sand, sugar, soil, snow. Its outcome is set by these figures and by nothing of the solver.

    Raises:
        ValueError: A figure that no matter has, such as a Poisson ratio of 0.5 or a negative modulus.
    """

    preset: str = "dry sand"
    """Name in ``GRAINS``: gives what is ``None``."""
    density: float | None = None
    """Bulk density at rest, pores included [kg/m^3]."""
    friction_angle: float | None = None
    """Of internal friction [degrees]: shear stress over normal stress in flow is its tangent, so that slopes without
    cohesion rest at this angle at most."""
    cohesion: float | None = None
    """Shear stress that it bears without being pressed [Pa]."""
    modulus: float | None = None
    """Young's modulus [Pa]. Where it is so stiff that nobody sees it give, a softer one stands in: see
    ``docs/design/0008-grains.md`` for what that changes."""
    poisson: float | None = None
    """Poisson ratio [-], below 0.5."""
    diameter: float | None = None
    """Of a grain [m]: how it looks. The flow is that of a continuum."""
    wall_friction: float | None = None
    """Coulomb coefficient against solids [-]; ``None``: the geometric mean of the tangent of ``friction_angle`` and the
    solid's."""
    crush: float | None = None
    """Elastic compression at which snow begins to pack for good [-]; 0 for what does not pack."""
    tear: float | None = None
    """Elastic stretch at which it begins to come apart [-]; 0: where cohesion and friction say so."""
    hardening: float | None = None
    """Logarithm of the gain of strength per logarithmic volume lost [-]."""
    colour: tuple[float, float, float] | None = None
    """Linear reflectance of what was added to a photo [-]."""
    resolution: int = 64
    """Cells along the longest side of the simulated box."""
    domain: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None
    """Lower and upper corner of the simulated box [m]; beyond it grains are lost. ``None``: chosen from the grains, the
    things around them and the duration."""
    walls: tuple[str, ...] = ()
    """Sides of a given ``domain`` that are smooth walls, such as ``"-z"``."""

    def __post_init__(self) -> None:
        _fill(self, "grains", GRAINS)
        for name in ("crush", "tear", "hardening"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, 0.0)
            _at_least(self, name, 0)
        _at_least(self, "density", 1, 3e4)
        _at_least(self, "friction_angle", 0, 60)
        _at_least(self, "cohesion", 0)
        _at_least(self, "modulus", 1)
        _at_least(self, "poisson", 0, 0.49)
        _at_least(self, "diameter", 1e-6)
        if self.wall_friction is not None:
            _at_least(self, "wall_friction", 0)
        _at_least(self, "resolution", 8, 512)
        colour = self.colour or ()
        if np.shape(colour) != (3,) or not all(0 <= c <= 1 for c in colour):
            raise ValueError(f"Grains({self.preset!r}).colour is {self.colour}, expected three numbers from 0 to 1.")
        if self.hardening and not self.crush:
            raise ValueError(
                f"Grains({self.preset!r}).hardening is {self.hardening:g} while crush is 0: what never packs cannot "
                "harden. Give crush, the compression at which it begins to pack, such as 0.025, or leave hardening out."
            )
        wrong = [side for side in self.walls if side not in WALLS]
        if wrong:
            raise ValueError(f"Grains({self.preset!r}).walls has {wrong[0]!r}, expected some of {', '.join(WALLS)}.")


Material = Rigid | Static | Kinematic | Smoke | Cloth | Liquid | Grains | Soft
