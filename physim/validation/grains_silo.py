"""Silos: how fast grains run out of a slot, and what presses on a floor that walls relieve."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from physim.materials import Grains, Kinematic, Static
from physim.motion import Motion
from physim.over_time import OverTime
from physim.scene import Scene
from physim.shapes import Box
from physim.validation.case import Case, Limits, Quantity
from physim.validation.grains_parts import ROUGH, SLAB
from physim.validation.registry import runner
from physim.validation.settings import Settings

RATE = 20.0
"""Frames per second."""
BELOW = 5
"""Cells under the floor, where what has run out is lost."""


def slot(width: float, half: int, high: int, cell: float, phi: float) -> Scene:
    """Half of a silo above a slot of ``width`` cells, as wide as two cells; its middle is x = 0."""
    corners = (0.0, -BELOW * cell, 0.0), (half * cell, (high + 2) * cell, SLAB * cell)
    sand = Grains(
        "dry sand", friction_angle=phi, domain=corners, resolution=max(half, high + 2 + BELOW),
        walls=("-x", "+x", "-z", "+z"),
    )  # fmt: skip
    scene, far = Scene(), 40 * cell
    at = (width * cell / 2 + far / 2, -1.5 * cell, 0.0)
    scene.add(Box((far, 3 * cell, far)), Static("wood", friction=ROUGH), name="floor", position=at)
    size = (half * cell, high * cell, SLAB * cell)
    scene.add(Box(size), sand, name="sand", position=tuple(s / 2 for s in size))  # type: ignore[arg-type]
    return scene


@runner("slot_flow")
def slot_flow(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Exponent of the flow over the slot less what is lost at its edges, the three found together as Beverloo did."""
    cell, half, high = case.get("cell"), int(case.get("half_width_cells")), int(case.get("height_cells"))
    widths = np.array([float(w) for w in case.params["widths_cells"]])
    flows = []
    for width in widths:
        scene = slot(width, half, high, cell, case.get("friction_angle"))
        track = replace(settings, fps=RATE).simulate(scene, 0.25).grains["sand"]
        below = [(~(x[:, 1] > -cell)).sum() for x in track.position]  # what has left is nowhere
        times = np.arange(len(below)) / RATE
        steady = slice(2, 5)
        out = np.polyfit(times[steady], below[steady], 1)[0] * track.particle_volume
        flows.append(2 * out / (SLAB * cell))
    exponent, lost, factor = fitted(widths * cell, np.array(flows))
    yield case.relative(
        "exponent of the flow [-]", float(case.expected["exponent"]), exponent, case.limits("exponent_rel")
    )
    scaled = factor / np.sqrt(case.gravity)
    yield case.relative("C in Q = C sqrt(g) (D - k)^n [-]", float(case.expected["C"]), scaled, Limits())
    yield case.judge("k, lost at both edges [cells]", None, lost / cell, 0.0, Limits())


def fitted(width: np.ndarray, flow: np.ndarray) -> tuple[float, float, float]:
    """n, k [m] and A of Q = A (D - k)^n, by least squares of the logarithms."""
    from scipy.optimize import minimize_scalar

    def line(k: float) -> np.ndarray:
        return np.polyfit(np.log(width - k), np.log(flow), 1)

    def miss(k: float) -> float:
        n, c = line(k)
        return float(((n * np.log(width - k) + c - np.log(flow)) ** 2).sum())

    k = float(minimize_scalar(miss, bounds=(0.0, 0.9 * float(width.min())), method="bounded").x)
    n, _ = line(k)
    factor = float(np.exp(np.mean(np.log(flow) - 1.5 * np.log(width - k))))
    return float(n), k, factor


@runner("janssen")
def janssen(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Vertical pressure over depth between two walls, after the floor has given way a little."""
    from physim.solver_grains import GrainsSolver
    from physim.solver_rigid import RigidSolver

    g, mu, rho, half = case.gravity, case.get("wall_friction"), case.get("density"), int(case.get("half_width_cells"))
    cell, slender, seconds, fps = case.get("cell"), case.get("slenderness"), 0.4, 100.0
    wide = 2 * half * cell
    scene = silo(half, slender, cell, case.get("friction_angle"), mu, rho, g, seconds)
    rigid = RigidSolver(scene, fps=fps, device=settings.device, refinement=settings.refinement)
    solver = GrainsSolver(scene, rigid, seconds=seconds)
    rigid.couple(solver, works=True)
    solver.load_kernels()
    kind = solver.grains["sand"]
    bins = int(slender * half)
    depth, down, across, count = (np.zeros(bins) for _ in range(4))
    for frame in range(round(seconds * fps)):
        rigid.frame()
        if frame < 0.7 * seconds * fps:
            continue
        x, p = kind.stress()
        z = np.sort(x[:, 1])[-8] + cell / 4 - x[:, 1]
        at = np.clip((z / (2 * cell)).astype(int), 0, bins - 1)
        for total, value in ((depth, z), (down, p[:, 1]), (across, p[:, 0]), (count, np.ones(len(z)))):
            total += np.bincount(at, value, bins)
    use = (count > 0) & (np.arange(bins) > 0) & (np.arange(bins) < bins - 2)  # the top and the floor are seen in part
    depth, down, across = (v[use] / count[use] for v in (depth, down, across))
    ratio = float(across.sum() / down.sum())
    law = rho * g * wide / (2 * mu * ratio) * (1 - np.exp(-2 * mu * ratio * depth / wide))
    scale = rho * g * wide / (2 * mu * ratio)
    rms = float(np.sqrt(((down - law) ** 2).mean()) / scale)
    yield case.judge("pressure over depth, rms over its limit [-]", 0.0, rms, rms, case.limits("profile_rel"))
    last = slice(-len(down) // 4, None)
    yield case.relative(
        "pressure in the lowest quarter [Pa]", float(law[last].mean()), float(down[last].mean()),
        case.limits("pressure_rel"),
    )  # fmt: skip
    yield case.relative(
        "K, horizontal over vertical pressure [-]", float(case.expected["K"]), ratio, case.limits("K_rel")
    )


def silo(half: int, slender: float, cell: float, phi: float, mu: float, rho: float, g: float, seconds: float) -> Scene:
    """Half of a slab of grains between walls; weight comes on slowly, then the floor sinks by a cell and a half."""
    wide, high = 2 * half * cell, round(slender * 2 * half)
    corners = (0.0, -4 * cell, 0.0), ((half + 2) * cell, (high + 2) * cell, SLAB * cell)
    sand = Grains(
        "dry sand", friction_angle=phi, density=rho, wall_friction=mu, domain=corners, resolution=high + 6,
        walls=("-x", "-z", "+z"),
    )  # fmt: skip
    scene = Scene(gravity=OverTime((0.0, 0.3 * seconds), ((0, -0.01 * g, 0), (0, -g, 0))))
    sink = Motion((0.0, 0.35 * seconds, seconds), ((0, 0, 0), (0, 0, 0), (0, -1.5 * cell, 0)))
    scene.add(
        Box((4 * wide, 10 * cell, 4 * wide)), Kinematic("wood", motion=sink), name="floor", position=(0, -5 * cell, 0)
    )
    tall, thick = high * cell, 20 * cell
    scene.add(Box((thick, 2 * tall, 4 * wide)), Static("wood"), name="wall", position=(wide / 2 + thick / 2, tall, 0))
    size = (wide / 2, tall, SLAB * cell)
    scene.add(Box(size), sand, name="sand", position=tuple(s / 2 for s in size))  # type: ignore[arg-type]
    return scene
