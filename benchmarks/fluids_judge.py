"""What is wrong with a run of smoke or liquid: the same arithmetic for every engine."""

from __future__ import annotations

import numpy as np

from benchmarks.fluids_scenes import FPS, GRAVITY, LIFT, DamScene, FluidScene, Result, SmokeScene, VortexScene

# Martin and Moyce 1952, n^2 = 2, a = 2.25 in: T = t sqrt(2 g / a), Z = front / a, to where the tank here ends
FRONT = np.array(
    [
        [0.832, 1.217], [1.219, 1.474], [1.997, 2.292], [2.547, 2.995], [3.345, 4.134], [4.034, 4.944], [4.418, 5.881],
    ]
)  # fmt: skip
LATE = 1.0
"""T from which the front is judged: before it the experiment still opens its gate."""


def judge(scene: FluidScene, result: Result) -> dict[str, float]:
    """Errors by name, the one that ranks first."""
    if isinstance(scene, DamScene):
        return _dam(scene, result)
    if isinstance(scene, VortexScene):
        assert result.u is not None and result.v is not None
        start = sum(float((a.astype(np.float64) ** 2).sum()) for a in scene.faces())
        end = sum(float((a.astype(np.float64) ** 2).sum()) for a in (result.u, result.v))
        return {"energy lost [%]": 100 * (1 - end / start)}
    return _smoke(scene, result)


def _smoke(scene: SmokeScene, result: Result) -> dict[str, float]:
    u, v, w, heat, density = (
        np.asarray(a, np.float64) for a in (result.u, result.v, result.w, result.heat, result.density)
    )
    n, h = scene.cells, 1.0 / scene.cells
    start = scene.heat().astype(np.float64)
    y = (np.arange(n) + 0.5)[None, :, None] * h
    kinetic = sum(float((a**2).sum()) for a in (u, v, w)) / 2
    released = LIFT * float((heat * y).sum() - (start * y).sum())
    fastest = max(float(np.abs(a).max()) for a in (u, v, w))
    inside = _inside_ball(scene, result)
    divergence = (np.diff(u, axis=0) + np.diff(v, axis=1) + np.diff(w, axis=2))[~_near_ball(scene, result)]
    found = {}
    if not scene.ball:  # the ball does work on the gas
        found["energy lost [% of what was released]"] = 100 * (1 - kinetic / released)
    found["divergence x cell / speed [-]"] = float(np.abs(divergence).max()) / fastest
    found["mass error [%]"] = 100 * abs(float(density.sum() / start.sum()) - 1)
    found["out of 0..1 [-]"] = max(float(density.max()) - 1, -float(density.min()), 0.0)
    if scene.ball:
        found["smoke in the ball [%]"] = 100 * float(density[inside].sum() / start.sum())
    return found


def _distance(scene: SmokeScene, result: Result) -> np.ndarray:
    """Of the cells' centres from the ball's surface at the end of the last step [m]."""
    n = scene.cells
    x = (np.arange(n) + 0.5) / n
    c = scene.ball_at(result.seconds)
    r2 = (x - c[0])[:, None, None] ** 2 + (x - c[1])[None, :, None] ** 2 + (x - c[2])[None, None, :] ** 2
    return np.sqrt(r2) - scene.ball_radius


def _inside_ball(scene: SmokeScene, result: Result) -> np.ndarray:
    """Cells wholly in the ball, where it is at the end and was a step before."""
    reach = 1.0 / scene.cells + scene.dt * float(np.linalg.norm(scene.ball_velocity))
    return _distance(scene, result) < -reach


def _near_ball(scene: SmokeScene, result: Result) -> np.ndarray:
    """Cells that the ball cuts or may have cut: schemes differ in what they call the velocity there."""
    if not scene.ball:
        return np.zeros((scene.cells,) * 3, bool)
    reach = 1.8 / scene.cells + scene.dt * float(np.linalg.norm(scene.ball_velocity))
    return _distance(scene, result) < reach


def front(scene: DamScene, x: np.ndarray) -> float:
    """Where the last slice of the tank that is wet over half a cell of height begins to thin out [m]."""
    x = x[np.isfinite(x[:, 0])]
    counts, _ = np.histogram(x[:, 0], np.arange(0.0, scene.length + scene.cell, scene.cell))
    wet = counts * scene.particle_volume / (scene.deep * scene.cell**3)
    found = np.flatnonzero(wet >= 0.5)
    if not len(found):
        return 0.0
    last = int(found[-1])
    after = wet[last + 1] if last + 1 < len(wet) else 0.0
    return float((last + 0.5 + (wet[last] - 0.5) / max(wet[last] - after, 1e-9)) * scene.cell)


def squeezed(scene: DamScene, x: np.ndarray) -> float:
    """Part of the liquid that is more than its room holds, in blocks of about 2.5 cells [-]."""
    x = x[np.isfinite(x).all(1)]
    parts = max(1, round(scene.deep / 2.5))
    block = scene.deep * scene.cell / parts
    edges = [np.arange(0.0, s + block * 1.001, block) for s in scene.size]
    counts, _ = np.histogramdd(x, edges)
    volume = counts * scene.particle_volume
    return float(np.maximum(volume - block**3, 0.0).sum() / (len(x) * scene.particle_volume))


def _dam(scene: DamScene, result: Result) -> dict[str, float]:
    x, v = result.position, result.velocity
    assert x is not None and v is not None
    unit = np.sqrt(1.0 / (2 * GRAVITY))
    time = np.arange(len(x)) / FPS / unit
    z = np.array([front(scene, frame) for frame in x])
    points = FRONT[(FRONT[:, 0] > LATE) & (FRONT[:, 0] <= time[-1])]
    found: dict[str, float] = {}
    if len(points):
        off = np.interp(points[:, 0], time, z) / points[:, 1] - 1
        found["front, rms against Martin and Moyce [%]"] = 100 * float(np.sqrt((off**2).mean()))
        found["front, mean [%]"] = 100 * float(off.mean())
    there = np.isfinite(x[-1, :, 0])
    found["liquid lost [%]"] = 100 * (1 - float(there.mean()))
    # a lattice has whole layers in a block or not: the start's own figure is no squeezing
    found["liquid squeezed [%]"] = 100 * max(0.0, squeezed(scene, x[-1]) - squeezed(scene, x[0]))
    energy = [_energy(x[k], v[k]) for k in (0, -1)]
    found["energy lost [%]"] = 100 * (1 - energy[1] / energy[0])
    return found


def _energy(x: np.ndarray, v: np.ndarray) -> float:
    there = np.isfinite(x[:, 0])
    return float(((v[there].astype(np.float64) ** 2).sum(1) / 2 + GRAVITY * x[there, 1]).sum())
