"""Liquids: what flows, and how it looks, by name, with the sources.

Sources:
    C   CRC Handbook of Chemistry and Physics: density, viscosity, surface tension, refractive index at 20 degC.
    P   Pope, Fry, "Absorption spectrum (380-700 nm) of pure water", Applied Optics 36 (1997), at 610, 550, 465 nm.
    F   Fofonoff, Millard, "Algorithms for computation of fundamental properties of seawater", UNESCO 1983, 35 g/kg.
    S   Spector et al., "Surface tension of milk", and Kalman, "Viscosity of milk", as collected in Walstra, Wouters,
        Geurts, "Dairy Science and Technology" (2006).
    H   Yanniotis, Skaltsi, Karaburnioti, "Effect of moisture content on the viscosity of honey", J. Food
        Eng. 72 (2006).
    N   Narasimhan et al., "Acquiring scattering properties of participating media by dilution", SIGGRAPH 2006: order of
        magnitude of absorption and scattering of coffee, wine and milk.
    T   typical, no measurement behind it. Set your own where it matters.
"""

from __future__ import annotations

from typing import Any

LIQUIDS: dict[str, dict[str, Any]] = {
    # C, P
    "water": dict(
        density=998.2, viscosity=1.002e-3, surface_tension=0.0728, refractive_index=1.333,
        absorption=(0.264, 0.0565, 0.0101), scattering=(0.0, 0.0, 0.0), roughness=0.0,
    ),
    # F; colour of a clear sea T
    "sea": dict(
        density=1024.8, viscosity=1.08e-3, surface_tension=0.0736, refractive_index=1.339,
        absorption=(0.35, 0.08, 0.04), scattering=(0.05, 0.06, 0.07), roughness=0.0,
    ),
    # filter coffee at 60 degC: water of that temperature (C); colour N; under crema, whose bubbles roughen it, T
    "coffee": dict(
        temperature=333.15, density=990.0, viscosity=0.55e-3, surface_tension=0.066, refractive_index=1.335,
        absorption=(180.0, 420.0, 900.0), scattering=(10.0, 8.0, 6.0), roughness=0.3,
    ),
    # whole milk: S; colour N
    "milk": dict(
        density=1030.0, viscosity=2.1e-3, surface_tension=0.047, refractive_index=1.346,
        absorption=(0.7, 1.2, 4.0), scattering=(2300.0, 2500.0, 2800.0), roughness=0.0,
    ),
    # red wine, 13 % by volume: C for the mixture; colour N
    "wine": dict(
        density=992.0, viscosity=1.6e-3, surface_tension=0.046, refractive_index=1.344,
        absorption=(60.0, 480.0, 420.0), scattering=(1.0, 1.0, 1.0), roughness=0.0,
    ),
    # olive oil: C; colour T
    "oil": dict(
        density=911.0, viscosity=0.084, surface_tension=0.032, refractive_index=1.467,
        absorption=(8.0, 10.0, 130.0), scattering=(0.5, 0.5, 0.5), roughness=0.0,
    ),
    # H at 17 % moisture; surface tension, colour T
    "honey": dict(
        density=1420.0, viscosity=10.0, surface_tension=0.055, refractive_index=1.49,
        absorption=(20.0, 75.0, 350.0), scattering=(4.0, 4.0, 4.0), roughness=0.0,
    ),
}  # fmt: skip
"""Preset → temperature [K] where it is not 20 degC; density [kg/m^3], viscosity [Pa s], surface_tension [N/m],
refractive_index [-], absorption and reduced scattering coefficient per colour channel, linear [1/m], roughness [-]."""
