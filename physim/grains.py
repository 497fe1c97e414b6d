"""Grains: what heaps are made of, by name, with the sources.

Sources:
    A   Angles of repose: Glover, "Pocket Ref" (2010), and Beakawi Al-Hashemi, Baghabra Al-Amoudi, "A review on the
        angle of repose of granular materials", Powder Technology 330 (2018).
    B   Bulk densities: Engineering Toolbox, "Dirt and mud - densities", "Bulk density of food products".
    E   Young's moduli of loose soils: Bowles, "Foundation Analysis and Design", 5th ed. (1996), table 2-8.
    R   Cohesion of moist sand: Richefeu, El Youssoufi, Radjai, "Shear strength properties of wet granular materials",
        Phys. Rev. E 73 (2006): some 600 Pa for sand.
    S   Stomakhin et al., "A material point method for snow simulation", ACM TOG 32 (2013): E, Poisson ratio, density,
        critical compression and stretch, hardening. Its strengths are these strains times the bulk modulus.
    P   Potyondy, "Skin friction between various soils and construction materials", Geotechnique 11 (1961).
    T   typical, no measurement behind it. Set your own where it matters.
"""

from __future__ import annotations

from typing import Any

GRAINS: dict[str, dict[str, Any]] = {
    # A, B, E; quartz sand of half a millimetre
    "dry sand": dict(
        density=1600.0, friction_angle=34.0, cohesion=0.0, modulus=15e6, poisson=0.3, diameter=0.5e-3,
        colour=(0.52, 0.40, 0.25),
    ),
    # A, B, R, E
    "wet sand": dict(
        density=1850.0, friction_angle=38.0, cohesion=600.0, modulus=20e6, poisson=0.3, diameter=0.5e-3,
        colour=(0.24, 0.17, 0.10),
    ),
    # S; friction angle: Mellor, "A review of basic snow mechanics" (1975)
    "snow": dict(
        density=400.0, friction_angle=30.0, cohesion=400.0, modulus=1.4e5, poisson=0.2, diameter=0.5e-3,
        crush=0.025, tear=0.0075, hardening=10.0, colour=(0.86, 0.88, 0.92),
    ),
    # A, B; modulus T
    "sugar": dict(
        density=850.0, friction_angle=35.0, cohesion=0.0, modulus=10e6, poisson=0.3, diameter=0.6e-3,
        colour=(0.85, 0.84, 0.80),
    ),
    # A, B; modulus T
    "salt": dict(
        density=1200.0, friction_angle=32.0, cohesion=0.0, modulus=10e6, poisson=0.3, diameter=0.4e-3,
        colour=(0.85, 0.85, 0.85),
    ),
    # loose garden soil, moist: A, B, E; cohesion T
    "soil": dict(
        density=1300.0, friction_angle=36.0, cohesion=800.0, modulus=8e6, poisson=0.3, diameter=1.0e-3,
        colour=(0.09, 0.06, 0.04),
    ),
    # A, B, E
    "gravel": dict(
        density=1650.0, friction_angle=40.0, cohesion=0.0, modulus=60e6, poisson=0.3, diameter=8e-3,
        colour=(0.30, 0.29, 0.27),
    ),
}  # fmt: skip
"""Preset → bulk density [kg/m^3], friction_angle [degrees], cohesion [Pa], modulus [Pa], poisson [-], diameter of a
grain [m], colour (linear reflectance); of snow crush and tear [-] and hardening [-]."""
