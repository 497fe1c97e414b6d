"""Vortices that live by the equations alone: what a scheme adds or takes away shows in their speed and energy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from physim.gas_state import PERIODIC, WALL
from physim.validation import measure
from physim.validation.case import Case, Quantity
from physim.validation.registry import runner
from physim.validation.settings import Settings
from physim.validation.smoke_grid import (
    centres,
    edges,
    energy,
    gas_grid,
    plane_flow,
    plane_vorticity,
    run,
    still,
)  # fmt: skip


@runner("taylor_green_2d")
def taylor_green(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Decay of a periodic array of vortices, with the file's viscosity and with none."""
    nu, k, end = case.get("nu"), case.get("k"), case.get("T")
    for viscosity, n in ((nu, int(case.get("N"))), (0.0, 64)):
        size = 2 * np.pi / k
        cell = size / n
        gas = gas_grid(settings, (1, n, n), (PERIODIC,) * 4, cell=cell, dt=0.05, viscosity=viscosity)
        x = edges(n, cell)
        start = plane_flow(np.sin(k * x)[:, None] * np.sin(k * x) / k, cell)
        gas.set_velocity(start)
        first, worst = energy(gas), 0.0
        times = {round(t, 6): f for t, f in case.expected.get("times", [])} if viscosity else {}
        for t in run(gas, end):
            worst = max(worst, gas.divergence() / float(np.abs(gas.state.u[1].numpy()).max()))
            wanted = times.get(round(t, 6))
            if wanted is not None and 0 < t < end - 1e-6:
                limits = case.limits("KE_factor_rel")
                yield case.relative(f"energy left after {t:g} s [-]", wanted, energy(gas) / first, limits)
        left = energy(gas) / first
        if viscosity:
            wanted = float(case.expected["KE_factor_at_T"])
            yield case.relative(f"energy left after {end:g} s [-]", wanted, left, case.limits("KE_factor_rel"))
            exact = start[1] * float(case.expected["velocity_factor_at_T"])
            off = float(np.sqrt(((gas.state.u[1].numpy() - exact) ** 2).sum() / (exact**2).sum()))
            yield case.judge("velocity off, of its size [-]", 0.0, off, off, case.limits("L2_velocity_rel"))
        else:
            yield case.judge("energy lost without viscosity [-]", 0.0, 1 - left, 1 - left, case.limits("inviscid"))
        yield case.judge(
            f"divergence x cell over largest speed [-], viscosity {viscosity:g}",
            0.0, worst, worst, case.limits("divergence"),
        )  # fmt: skip


@runner("lamb_oseen")
def lamb_oseen(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Profile of a vortex that viscosity widens, in a box of 20 core radii."""
    gamma, nu, core = case.get("Gamma"), case.get("nu"), case.get("rc0")
    rows = case.rows()
    n, size = 256, 20 * core
    cell = size / n
    times = sorted({r["t"] for r in rows})
    end, first = times[-1], next(t for t in times if t > 0)
    dt = first / np.ceil(first / (2 * cell / (gamma / (2 * np.pi * core))))
    gas = gas_grid(settings, (1, n, n), (WALL,) * 4, cell=cell, dt=dt, viscosity=nu)
    y, z = np.meshgrid(*(edges(n, cell, -size / 2) for _ in range(2)), indexing="ij")
    gas.set_velocity(plane_flow(_gaussian_stream(np.hypot(y, z), gamma, core), cell))
    angles = np.arange(32) * np.pi / 16
    for t in run(gas, end):
        here = [r for r in rows if abs(r["t"] - t) < dt / 2 / settings.refinement]
        for r in here:
            at = size / 2 + r["r"] * np.array([np.sin(angles), np.cos(angles)])
            v, w = (_sample(gas.velocity[0, ..., c], at, cell) for c in (1, 2))
            # psi decreases outwards: the flow turns from z to y
            got = float((v * np.cos(angles) - w * np.sin(angles)).mean())
            limits = case.limits("u_theta_rel")
            yield case.relative(f"speed at {r['r']:g} m after {t:g} s [m/s]", r["u_theta"], got, limits)
    wide = np.sqrt(gamma / np.pi / plane_vorticity(gas).max())
    wanted = float(np.sqrt(core**2 + 4 * nu * end))
    yield case.relative(f"core radius after {end:g} s [m]", wanted, float(wide), case.limits("core_growth_rel"))


def _gaussian_stream(r: np.ndarray, gamma: float, core: float) -> np.ndarray:
    """Psi of a Gaussian vortex: -gamma / (4 pi) (ln r^2 + E1(r^2 / core^2)); vorticity is minus its Laplacian."""
    from scipy.special import exp1

    s = np.maximum((r / core) ** 2, 1e-12)
    return -gamma / (4 * np.pi) * (np.log(s) + exp1(s))


def _sample(f: np.ndarray, at: np.ndarray, cell: float) -> np.ndarray:
    """Values of a field in cells at points (2, n) [m] by cubic splines."""
    from scipy.ndimage import map_coordinates

    return map_coordinates(f.astype(np.float64), at / cell - 0.5, order=3)


@runner("lamb_chaplygin")
def lamb_chaplygin(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Speed of the dipole that moves through still gas without change; half of it, over its line of symmetry."""
    from scipy.special import j0, j1

    a, speed, ka = case.get("a"), case.get("U"), case.get("ka")
    per, high, wide, courant = 32, 12, 16, 2.8  # cells per radius, box in radii
    cell = a / per
    shape = (1, per * high, per * wide)
    dt = courant * cell / (2.5 * speed)
    gas = gas_grid(settings, shape, (WALL, WALL, PERIODIC, PERIODIC), cell=cell, dt=dt)
    y = edges(per * high, cell)[:, None]
    z = edges(per * wide, cell, -wide * a / 2)
    y, z = np.broadcast_arrays(y, z)
    r, k = np.hypot(y, z), ka / a
    # in the frame of the gas at rest far away, moving along +z
    inside = -2 * speed * j1(k * r) / (k * j0(ka)) * y / np.maximum(r, 1e-9) + speed * y
    stream = np.where(r < a, inside, speed * a * a * y / np.maximum(r, 1e-9) ** 2)
    gas.set_velocity(plane_flow(stream, cell))
    t, way, start = [], [], 0.0
    for now in run(gas, 4 * a / speed):
        vorticity = plane_vorticity(gas)
        start = start or np.abs(vorticity).max()
        weight = np.where(np.abs(vorticity) > 0.05 * start, vorticity**2, 0.0)
        t.append(now)
        way.append(float((weight * z[1:-1, 1:-1]).sum() / weight.sum()))
    half = len(t) // 8
    got = measure.slope(np.array(t[half:]), np.array(way[half:]))
    yield case.relative("speed [m/s]", float(case.expected["translation_speed"]), abs(got), case.limits("speed_rel"))
    peak = float(np.abs(plane_vorticity(gas)).max())
    yield case.relative("largest vorticity at the end [1/s]", case.expected["max_vorticity"], peak, case.limits(None))


@runner("vortex_pair")
def vortex_pair(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Two vortices of opposite sign travel, two of the same sign turn about each other; cores of a tenth of b."""
    gamma, b = case.get("Gamma"), case.get("b")
    n, core = 512, 0.1 * b
    size = 16 * b
    cell = size / n
    y, z = np.meshgrid(*(edges(n, cell, -size / 2) for _ in range(2)), indexing="ij")
    limits = case.limits("speed_rel")
    for sign in (-1, 1):
        speed = float(case.expected["U_pair"])
        seconds = 1.5 * b / speed if sign < 0 else 0.4 * float(case.expected["T_corot"])
        gas = gas_grid(settings, (1, n, n), (WALL,) * 4, cell=cell, dt=2.5 * cell / (gamma / (2 * np.pi * core)))
        one, other = (_gaussian_stream(np.hypot(y - o, z), gamma, core) for o in (b / 2, -b / 2))
        stream = one + sign * other
        gas.set_velocity(plane_flow(stream, cell))
        t: list[float] = []
        place: list[np.ndarray] = []
        for now in run(gas, seconds):
            vorticity = plane_vorticity(gas)
            t.append(now)
            place.append(_upper(np.maximum(vorticity, 0), y, z, place[-1] if place else np.array([b / 2, 0.0])))
        path = np.array(place)
        if sign < 0:
            yield case.relative("speed of a pair [m/s]", speed, abs(measure.slope(np.array(t), path[:, 1])), limits)
        else:
            angle = np.unwrap(np.arctan2(path[:, 0], path[:, 1]))
            got = abs(measure.slope(np.array(t), angle))
            yield case.relative("turning of two alike [rad/s]", float(case.expected["Omega_corot"]), got, limits)


def _upper(vorticity: np.ndarray, y: np.ndarray, z: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Centre (y, z) of the vorticity nearer to where the vortex was than to the point opposite."""
    y, z = y[1:-1, 1:-1], z[1:-1, 1:-1]
    near = (y - last[0]) ** 2 + (z - last[1]) ** 2 < (y + last[0]) ** 2 + (z + last[1]) ** 2
    w = np.where(near, vorticity, 0.0) ** 2
    return np.array([(w * y).sum(), (w * z).sum()]) / w.sum()


@runner("vortex_ring")
def vortex_ring(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Speed of a thin ring along its axis; a quarter of it between two planes of symmetry, walls at four radii."""
    gamma, radius, core = case.get("Gamma"), case.get("R"), case.get("a")
    cell = core / 2.8
    side, height = (8 * int(np.ceil(m * radius / cell / 8)) for m in (4.0, 5.0))
    shape = (side, height, side)
    dt = 2.0 * cell / (gamma / (2 * np.pi * core))
    gas = gas_grid(settings, shape, (WALL, WALL, PERIODIC, PERIODIC, WALL, WALL), cell=cell, dt=dt)
    gas.set_velocity(_ring_flow(shape, cell, gamma, radius, core, 2.2 * radius))
    expected = float(case.expected["U_gaussian"])
    t, way = [], []
    y = centres(height, cell)
    for now in run(gas, 0.6 * radius / expected):
        u, v = (gas.state.u[a].numpy().astype(np.float64) for a in (0, 1))
        # vorticity across the plane z = 0, on its corners
        curl = ((v[1:, 1:-1, 0] - v[:-1, 1:-1, 0]) - (u[1:-1, 1:, 0] - u[1:-1, :-1, 0])) / cell
        w = np.where(np.abs(curl) > 0.1 * np.abs(curl).max(), curl, 0.0) ** 2
        t.append(now)
        way.append(float((w * (y[:-1] + cell / 2)).sum() / w.sum()))
    skip = len(t) // 4
    got = measure.slope(np.array(t[skip:]), np.array(way[skip:]))
    yield case.relative("speed [m/s]", expected, got, case.limits("speed_rel"))


def _ring_flow(shape: tuple[int, int, int], cell: float, gamma: float, radius: float, core: float, at: float):
    """Velocity of a ring about the y axis at height ``at``: curl of a vector potential that is found by Poisson."""
    from physim.pressure_spectral import line_operator

    # azimuthal vorticity -> its x and z components on the edges are solved for together: in a box of free-slip walls
    # the potential along x lives on edges with p = 0 on walls across y and z and even across x
    faces = still(shape)
    potential = []
    for axis in (0, 2):
        grids = [centres(n, cell) if a == axis else edges(n, cell)[1:-1] for a, n in enumerate(shape)]
        x, y, z = np.meshgrid(*grids, indexing="ij")
        r = np.hypot(x, z)
        strength = gamma / (np.pi * core**2) * np.exp(-((r - radius) ** 2 + (y - at) ** 2) / core**2)
        across = (z if axis == 0 else -x) / np.maximum(r, 1e-9)
        source = strength * across * cell**2
        ends = []
        for a in range(3):
            n = source.shape[a]
            line = line_operator(n, ("slip", "slip"))
            if a != axis:
                line[0, 0] += 1
                line[-1, -1] += 1
            ends.append(np.linalg.eigh(line))
        f = source
        for a, (_, q) in enumerate(ends):
            f = np.moveaxis(np.tensordot(q.T, f, (1, a)), 0, a)
        f = f / sum(e[0].reshape([-1 if b == a else 1 for b in range(3)]) for a, e in enumerate(ends))
        for a, (_, q) in enumerate(ends):
            f = np.moveaxis(np.tensordot(q, f, (1, a)), 0, a)
        pad = [(0, 0) if a == axis else (1, 1) for a in range(3)]
        potential.append(np.pad(f, pad))
    ax, az = potential
    faces[0][:] = np.diff(az, axis=1) / cell
    faces[1][:] = (np.diff(ax, axis=2) - np.diff(az, axis=0)) / cell
    faces[2][:] = -np.diff(ax, axis=1) / cell
    return faces
