"""Liquids that cling rest too: walls must not shear what only the pressure holds up."""

import numpy as np
import pytest
from liquid_tanks import lattice, tank


@pytest.mark.parametrize("cling", [True, False])
def test_honey_in_a_tank_stays_at_rest(cling):
    """At nu dt / h^2 = 10: weight alone before the stress would keep it going round at 0.3 g dt for ever.

    Half a thousandth of g dt is what four iterations of the viscous solve leave.
    """
    shape, dt = (12, 14, 12), 1 / 60
    honey = tank(
        shape, lattice((0, 0, 0), (12, 10, 12)), cell=0.01, dt=dt, viscosity=6e-2, cling=cling, steps=10,
        friction=0.0 if cling else 0.015,
    )  # fmt: skip
    honey.frame()
    _, v = honey.snapshot()
    assert np.sqrt((v**2).sum(1).mean()) * 0.01 < 5e-4 * 9.81 * dt
