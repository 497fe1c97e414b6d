"""Fabrics: moduli by name, with their sources.

Units: KES-F bending B [gf cm^2/cm] x 9.81e-5 = [N m]; KES-F shear G [gf/(cm deg)] x 56.2 = [N/m]; mass per area of
cloth by weight [oz/yd^2] x 0.0339 and of silk [momme] x 0.00434 = [kg/m^2].

Sources:
    W   Wang, O'Brien, Ramamoorthi, "Data-driven elastic models for cloth", SIGGRAPH 2011: density and bending of the
        measured samples as in the material files of the Berkeley Garment Library. Their first bending value is used
        for warp and weft alike.
    D   KES-F figures of six denims, "Regenerated cellulose-based denim fabric for tropical regions", J. Textiles 2016,
        4614168, table 5: B 0.14 to 0.23 gf cm^2/cm, G 1.5 to 3.4 gf/(cm deg), thickness 0.8 to 1.2 mm.
    K   typical: the middle of what KES-F charts of woven apparel span, B 0.02 to 0.2 gf cm^2/cm, G 0.5 to 3 gf/(cm
        deg), such as those that Breen, House, Wozny, "Predicting the drape of woven cloth", SIGGRAPH 1994, used.
    E   from Young's modulus of paper, typically 5 GPa along and 2.5 GPa across the machine, and a thickness of 0.1 mm:
        stretch E t, bending E t^3 / 12.
    M   density of the fibre: Morton, Hearle, "Physical properties of textile fibres", 4th ed. 2008, chapter 5; all
        fibre_density.
    T   typical, no measurement behind it: stretch of a woven sheet beyond its crimp, friction of dry textiles 0.2 to
        0.6, loss that stops a swinging cloth in some seconds. Set your own where it matters.
"""

from __future__ import annotations

from typing import Any

FABRICS: dict[str, dict[str, Any]] = {
    # shirting, 150 g/m^2 T; bending, shear K; the rest T
    "cotton": dict(
        areal_density=0.15, stretch=(2000.0, 1500.0), shear=60.0, poisson=0.1, bending=(8.0e-6, 5.0e-6),
        thickness=4.0e-4, friction=0.4, damping=0.002, fibre_density=1550.0,
    ),
    # habotai of 14 momme; bending and shear at the lower end of K; the rest T
    "silk": dict(
        areal_density=0.061, stretch=(1500.0, 1200.0), shear=30.0, poisson=0.1, bending=(3.0e-6, 2.0e-6),
        thickness=1.5e-4, friction=0.25, damping=0.002, fibre_density=1340.0,
    ),
    # 11 oz: density and bending W (11oz-black-denim), shear and thickness D, the rest T
    "denim": dict(
        areal_density=0.324, stretch=(4000.0, 3000.0), shear=110.0, poisson=0.1, bending=(6.4e-5, 6.4e-5),
        thickness=9.0e-4, friction=0.5, damping=0.003, fibre_density=1550.0,
    ),
    # worsted suiting, 200 g/m^2 T; bending, shear K; the rest T
    "wool": dict(
        areal_density=0.2, stretch=(1500.0, 1000.0), shear=40.0, poisson=0.1, bending=(1.0e-5, 7.0e-6),
        thickness=6.0e-4, friction=0.45, damping=0.004, fibre_density=1310.0,
    ),
    # 12 oz duck; all moduli T
    "canvas": dict(
        areal_density=0.407, stretch=(8000.0, 8000.0), shear=300.0, poisson=0.1, bending=(1.5e-4, 1.5e-4),
        thickness=7.0e-4, friction=0.5, damping=0.002, fibre_density=1550.0,
    ),
    # office paper, 80 g/m^2 by its grade; stretch and bending E; friction, loss T
    "paper": dict(
        areal_density=0.08, stretch=(5.0e5, 2.5e5), shear=1.3e5, poisson=0.25, bending=(4.2e-4, 2.1e-4),
        thickness=1.0e-4, friction=0.4, damping=0.0005, fibre_density=1500.0,
    ),
    # flag cloth of 200 denier yarn, about 120 g/m^2 T; bending, shear K; the rest T
    "flag nylon": dict(
        areal_density=0.12, stretch=(3000.0, 2500.0), shear=50.0, poisson=0.1, bending=(6.0e-6, 5.0e-6),
        thickness=2.0e-4, friction=0.3, damping=0.001, fibre_density=1140.0,
    ),
    # T-shirt knit: density and bending W (gray-interlock); a knit stretches easily T; the rest T
    "jersey": dict(
        areal_density=0.187, stretch=(70.0, 70.0), shear=30.0, poisson=0.3, bending=(2.3e-5, 2.3e-5),
        thickness=8.0e-4, friction=0.45, damping=0.004, fibre_density=1550.0,
    ),
    # polyester tablecloth: density and bending W (white-dots-on-blk); shear K; the rest T
    "tablecloth": dict(
        areal_density=0.128, stretch=(2500.0, 2000.0), shear=60.0, poisson=0.1, bending=(5.2e-5, 5.2e-5),
        thickness=3.5e-4, friction=0.35, damping=0.002, fibre_density=1390.0,
    ),
}  # fmt: skip
