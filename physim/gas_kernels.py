"""The kernel modules of a gas, to be loaded before its launches are captured."""

from __future__ import annotations

from physim_kernels import (
    advect,
    advect_some,
    compartment,
    gas_balance,
    gas_body,
    ghost,
    grid,
    hand_over,
    obstacle,
    pressure,
    pressure_sweep,
    smoke,
    spectral,
    transport,
    viscous,
)

MODULES = (
    advect, advect_some, compartment, gas_balance, gas_body, ghost, grid, hand_over, obstacle, pressure, pressure_sweep,
    smoke, spectral, transport, viscous,
)  # fmt: skip
