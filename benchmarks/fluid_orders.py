"""Orders of convergence of the gas: advection, projection and splitting, on three grids and at three steps.

Each against an exact solution: a smooth blob of temperature carried once around a periodic box; the divergence-free
part of a field whose parts are known; Taylor-Green vortices that travel with a mean wind, without viscosity.

    python -m benchmarks.fluid_orders --write docs
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from benchmarks.plot import Panel, Series, draw
from physim.gas_state import PERIODIC, WALL
from physim.validation.settings import Settings
from physim.validation.smoke_grid import centres, edges, gas_grid, plane_flow, run

GRIDS = (32, 64, 128)
STEPS = (0.2, 0.1, 0.05)
SPEED = np.array([0.7, 1.0])
"""Of the wind along y and z [m/s]."""


def blob(x: np.ndarray) -> np.ndarray:
    """A smooth periodic bump in each coordinate, the same at every distance of 1."""
    return np.exp(6 * (np.cos(2 * np.pi * x) - 1))


def advection(n: int, courant: float = 0.7, seconds: float = 1.0) -> float:
    """Root mean square of the error of a blob of temperature after ``seconds`` in an even wind."""
    dt = seconds / round(seconds / (courant / n))
    gas = gas_grid(
        Settings(), (1, n, n), (PERIODIC,) * 4, cell=1 / n, dt=dt, carries_temperature=True, ambient_temperature=300.0
    )
    x = centres(n, 1 / n)
    gas.set_temperature((blob(x)[:, None] * blob(x))[None])
    gas.set_velocity((np.zeros((2, n, n)), np.full((1, n + 1, n), SPEED[0]), np.full((1, n, n + 1), SPEED[1])))
    now = list(run(gas, seconds))[-1]
    exact = blob(x - SPEED[0] * now)[:, None] * blob(x - SPEED[1] * now)
    return float(np.sqrt(((gas.temperature[0] - exact) ** 2).mean()))


def projection(n: int) -> float:
    """Error of the divergence-free part of a sum of vortices and the gradient of a potential, between walls."""
    gas = gas_grid(Settings(), (1, n, n), (WALL,) * 4, cell=1 / n, dt=1.0)
    corner, middle = edges(n, 1 / n), centres(n, 1 / n)
    # the vortices as the grid has them, the gradient as it is at the faces' middles
    stream = np.sin(np.pi * corner)[:, None] ** 2 * np.sin(2 * np.pi * corner) ** 2
    vortices = plane_flow(stream, 1 / n)
    v = -np.pi * np.sin(np.pi * corner)[:, None] * np.cos(2 * np.pi * middle)
    w = -2 * np.pi * np.cos(np.pi * middle)[:, None] * np.sin(2 * np.pi * corner)
    for target, a, b in zip(gas.state.u[1:], vortices[1:], (v, w), strict=True):
        target.assign((a + b[None]).astype(np.float32))
    gas.project()
    off = [u.numpy() - a for u, a in zip(gas.state.u[1:], vortices[1:], strict=True)]
    return float(np.sqrt(np.mean([(o**2).mean() for o in off])))


def travelling(n: int, dt: float, seconds: float = 2.0) -> float:
    """Error of Taylor-Green vortices (0, 2 pi)^2 that travel with the wind: advection, reflection and projection."""
    cell = 2 * np.pi / n
    gas = gas_grid(Settings(), (1, n, n), (PERIODIC,) * 4, cell=cell, dt=dt)
    corner = edges(n, cell)

    def flow(now: float):
        y, z = corner - SPEED[0] * now, corner - SPEED[1] * now
        u, v, w = plane_flow(np.sin(y)[:, None] * np.sin(z), cell)
        return u, v + SPEED[0], w + SPEED[1]

    gas.set_velocity(flow(0.0))
    now = list(run(gas, seconds))[-1]
    off = [u.numpy() - a for u, a in zip(gas.state.u[1:], flow(now)[1:], strict=True)]
    return float(np.sqrt(np.mean([(o**2).mean() for o in off])))


def order(x: list[float], errors: list[float]) -> float:
    """Slope of the logarithms."""
    return float(np.polyfit(np.log(x), np.log(errors), 1)[0])


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, default=Path("out"), help="folder of the plot fluid_orders.png")
    arguments = parser.parse_args(argv)
    arguments.write.mkdir(parents=True, exist_ok=True)
    cells = [1 / n for n in GRIDS]
    space = Panel("Finer grids", "cell / size of the box", "root mean square error")
    kinds = (
        ("advection", [advection(n) for n in GRIDS], "#c0392b"),
        ("projection", [projection(n) for n in GRIDS], "#2c6fbb"),
        ("all, dt by the cell", [travelling(n, 6.4 / n) for n in GRIDS], "#2e8b57"),
    )
    for name, errors, colour in kinds:
        print(f"{name:<22} {'  '.join(f'{e:.2e}' for e in errors)}   order {order(cells, errors):.2f}")
        label = f"{name}: order {order(cells, errors):.2f}"
        space.series.append(Series(cells, errors, label, colour=colour, line=True))
    steps = [2 * s for s in STEPS]
    errors = [travelling(256, s) for s in steps]
    print(f"{'splitting':<22} {'  '.join(f'{e:.2e}' for e in errors)}   order {order(steps, errors):.2f}")
    time = Panel("Shorter steps, 256 x 256", "step [s]", "root mean square error")
    label = f"splitting: order {order(steps, errors):.2f}"
    time.series.append(Series(steps, errors, label, colour="#8e44ad", line=True))
    for panel, x, base in ((space, cells, kinds[1][1]), (time, steps, errors)):
        second = [0.6 * base[0] * (s / x[0]) ** 2 for s in x]
        panel.series.append(Series(x, second, "order 2", colour="#999999", line=True, dashed=True, marks=False))
    draw([space, time]).save(arguments.write / "fluid_orders.png", optimize=True)
    print(arguments.write / "fluid_orders.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
