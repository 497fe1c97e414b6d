"""Gas between walls that hold it: the driven channel and the cavity under a moving lid."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from physim.gas_state import PERIODIC, Side
from physim.validation.case import Case, Quantity
from physim.validation.registry import runner
from physim.validation.settings import Settings
from physim.validation.smoke_grid import centres, gas_grid, run

STICKY = Side("no-slip")


@runner("poiseuille")
def poiseuille(case: Case, settings: Settings) -> Iterator[Quantity]:
    """A channel from rest: the parabola it reaches, and how fast."""
    height, nu, push = case.get("H"), case.get("nu"), case.get("G")
    n = 64
    tau = float(case.expected["tau"])
    gas = gas_grid(
        settings, (1, n, 8), (STICKY, STICKY, PERIODIC, PERIODIC), cell=height / n, dt=tau / 100, steps=5,
        viscosity=nu, force=(0.0, 0.0, push),
    )  # fmt: skip
    t, middle = [], []
    for now in run(gas, 9 * tau):
        t.append(now)
        middle.append(float(gas.velocity[0, n // 2 - 1 : n // 2 + 1, 4, 2].mean()))
    profile = gas.velocity[0, :, 4, 2].astype(np.float64)
    # between the two middle cells the parabola is higher than their mean by (h / H)^2
    top = float(middle[-1]) / (1 - 1 / n**2)
    limits = case.limits("rel")
    yield case.relative("speed in the middle [m/s]", float(case.expected["u_max"]), top, limits)
    yield case.relative("mean speed [m/s]", float(case.expected["u_mean"]), float(profile.mean()), limits)
    times, left = np.array(t), 1 - np.array(middle) / middle[-1]
    part = (times > tau) & (times < 4 * tau)
    slope = np.polyfit(times[part], np.log(left[part]), 1)[0]
    yield case.relative("time constant of the start [s]", tau, float(-1 / slope), limits)


@runner("lid_cavity")
def lid_cavity(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Velocities along the centre lines once nothing changes any more; 128 x 128 cells."""
    n = int(case.tolerance.get("rms_vs_own", {}).get("grid", "128^2").split("^")[0])
    lid = Side("no-slip", velocity=(0.0, 0.0, 1.0))
    for reynolds in case.params["Re"]:
        gas = gas_grid(
            settings, (1, n, n), (STICKY, lid, STICKY, STICKY), cell=1 / n, dt=1.5 / n, steps=40,
            viscosity=1 / reynolds,
        )  # fmt: skip
        last = gas.velocity
        for now in run(gas, 100.0):
            here = gas.velocity
            if now and float(np.abs(here - last).max()) < 1e-4:
                break
            last = here
        v, w = (gas.state.u[axis].numpy()[0].astype(np.float64) for axis in (1, 2))
        at = np.concatenate([[0.0], centres(n, 1 / n), [1.0]])
        lines = {
            f"Re{reynolds}_u_vs_y": ("y", "u_own_richardson", np.concatenate([[0.0], w[:, n // 2], [1.0]])),
            f"Re{reynolds}_v_vs_x": ("x", "v_own_richardson", np.concatenate([[0.0], v[n // 2], [0.0]])),
        }
        for table, (place, wanted, line) in lines.items():
            rows = case.tables[table]
            nodes = np.array([round(r[place] * 128) / 128 for r in rows])
            off = _cubic(nodes, at, line) - np.array([r[wanted] for r in rows])
            rms, most = float(np.sqrt((off**2).mean())), float(np.abs(off).max())
            name = f"Re {reynolds}, {wanted[0]} along {place}"
            yield case.judge(f"{name}: rms off [-]", 0.0, rms, rms, case.limits("rms_vs_own"))
            yield case.judge(f"{name}: most off [-]", 0.0, most, most, case.limits("max_abs"))
        stream = np.concatenate([np.zeros((1, n + 1)), np.cumsum(w, 0) / n])
        lowest = float(case.expected[f"Re{reynolds}"]["psi_min"])
        yield case.relative(
            f"Re {reynolds}: lowest stream function [-]", lowest, float(stream.min()), case.limits(None)
        )


def _cubic(at: np.ndarray, x: np.ndarray, f: np.ndarray) -> np.ndarray:
    """Values between samples by a cubic spline."""
    from scipy.interpolate import CubicSpline

    return CubicSpline(x, f)(at)
