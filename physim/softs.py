"""Elastic solids: moduli by name, with their sources.

``youngs_modulus`` is that of slow loads. ``damping`` is the largest loss factor (loss modulus over storage modulus) and
``relaxation`` the time about which it is found.

Sources:
    G   Gibson, Ashby, "Cellular solids", 2nd ed. 1997: open cells E = E_s (rho / rho_s)^2, polyurethane E_s 45 MPa,
        rho_s 1200 kg/m^3 (table 3.1), Poisson's ratio about 1/3 (chapter 5); cellulose of a wet sponge like its foam.
    R   Treloar, "The physics of rubber elasticity", 3rd ed. 1975, and Gent, "Engineering with rubber", 2001: vulcanised
        gum E 1 to 2 MPa, loss factor 0.03 to 0.1. Its true Poisson's ratio, 0.4999, changes nothing that is seen over
        0.495, and its waves of pressure would take ten times the steps.
    H   Hall, Bilgen, Insana, Krouskop, "Phantom materials for elastography", IEEE Trans. UFFC 44 (1997) 1355: gels of
        gelatine, E some kPa to 50 kPa by concentration; a dessert is at the lower end.
    K   Krouskop et al., "Elastic moduli of breast and prostate tissues under compression", Ultrasonic Imaging 20 (1998)
        260: fat and soft tissue about 20 kPa. Density of tissue: Duck, "Physical properties of tissue", 1990.
    P   Phan-Thien, Safari-Ardi, "Linear viscoelastic properties of flour-water doughs", J. Non-Newtonian Fluid Mech. 74
        (1998) 137: storage modulus about 10 kPa at 1 Hz, loss factor 0.3 to 0.5.
    T   typical, no measurement behind it: losses of foam 0.2 to 0.4, of gels 0.1; yield of dough at some per cent of
        its modulus; friction. Set your own where it matters.
"""

from __future__ import annotations

from typing import Any

SOFTS: dict[str, dict[str, Any]] = {
    # upholstery, 30 kg/m^3: G; damping T
    "foam": dict(youngs_modulus=2.8e4, poisson=0.3, density=30.0, damping=0.25, relaxation=0.03, friction=0.6),
    # R
    "rubber": dict(youngs_modulus=1.5e6, poisson=0.495, density=950.0, damping=0.06, relaxation=0.01, friction=0.85),
    # H; damping T
    "gelatine": dict(youngs_modulus=5.0e3, poisson=0.49, density=1030.0, damping=0.1, relaxation=0.02, friction=0.2),
    # moist cellulose: G, damping T
    "sponge": dict(youngs_modulus=3.0e4, poisson=0.3, density=80.0, damping=0.35, relaxation=0.03, friction=0.7),
    # K; damping T
    "flesh": dict(youngs_modulus=2.0e4, poisson=0.49, density=1000.0, damping=0.3, relaxation=0.03, friction=0.5),
    # P; yield T
    "dough": dict(
        youngs_modulus=2.5e4, poisson=0.48, density=1200.0, damping=0.4, relaxation=0.15, friction=0.6,
        yield_stress=1200.0,
    ),
}  # fmt: skip
