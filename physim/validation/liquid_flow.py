"""Liquid in flow: a dam that breaks, a tank that empties, a jet."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import physim
from physim.liquid_particles import NOZZLE, LiquidSource
from physim.liquid_stress import SKIN
from physim.materials import Liquid, Static
from physim.scene import Scene
from physim.shapes import Box, Emitter
from physim.validation.case import Case, Limits, Quantity
from physim.validation.liquid_tank import SLAB, Tank, fill
from physim.validation.registry import runner
from physim.validation.settings import Settings

WATER_TENSION = 0.0728
"""Of the dam's water [N/m]: the tongue is as thin as a capillary length."""
NARROW = (4.0, 6.0)
"""Where the jet of a slot has narrowed, from the wall on [slots]: nearer it is thicker and under pressure."""


def particles(track, frame: int) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[no-untyped-def]
    """Positions and velocities of those that are there."""
    x, v = track.position[frame], track.velocity[frame].astype(np.float64)
    there = np.isfinite(x[:, 0])
    return x[there].astype(np.float64), v[there]


@runner("dam_break_front")
def dam_break_front(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Front over time against both tables, after the release; slope of the first one's late half; volume."""
    a, height, g = case.get("a"), case.get("height"), case.gravity
    rows = case.rows()
    table = np.array([(row["T"], row["Z"]) for row in rows])
    unit = np.sqrt(a / (2 * g))
    per_side = 20
    cell = a / per_side
    long = int(np.ceil((table[:, 1].max() + 2) * per_side))
    deep = SLAB * cell
    every = 0.05 * unit
    tank = Tank(
        (long, round(height / cell) + 6, SLAB), cell, fill((0, 0, 0), (a, height, deep), cell), every=every,
        dt=0.75 * cell / np.sqrt(2 * g * height) / settings.refinement, gravity=(0.0, -g, 0.0), friction=SKIN, mirror=2,
        tension=WATER_TENSION / case.get("rho"), device=settings.device,
    )  # fmt: skip
    tank.grid.look()
    t, z = [], []
    start = len(tank.particles()[0])
    while tank.time < table[:, 0].max() * unit + every:
        t.append(tank.time / unit)
        z.append(front(tank.grid.phi.numpy()) * cell / a)
        tank.advance()
    left = len(tank.particles()[0])
    limits = case.limits("Z_rel_for_T_gt_1")
    tables = {"front": table}
    for name, other in case.tables.items():
        if other and "t_sqrt_g_over_a" in other[0]:
            tables[name] = np.array([(np.sqrt(2) * row["t_sqrt_g_over_a"], row["Z"]) for row in other])
    for name, points in tables.items():
        late = points[points[:, 0] > 1.0]
        error = np.interp(late[:, 0], t, z) / late[:, 1] - 1
        rms = float(np.sqrt((error**2).mean()))
        worst = int(np.argmax(np.abs(error)))
        yield case.judge(f"front, rms of T > 1, {name} [-]", 0.0, rms, rms, limits)
        when, where = late[worst]
        found = float(np.interp(when, t, z))
        yield case.relative(f"front at T = {when:.3g}, farthest off, {name} [-]", float(where), found, Limits())
    slope = float(case.expected["late_slope_dZ_dT"])
    late = table[len(table) // 2 :, 0]
    found = float(np.polyfit(late, np.interp(late, t, z), 1)[0])
    yield case.relative("late slope dZ/dT [-]", slope, found, case.limits("late_slope_rel"))
    volume = a * height * deep
    yield case.relative("volume [m^3]", volume, volume * left / start, case.limits("volume_loss_rel"))


def front(phi: np.ndarray) -> float:
    """Where the surface meets the lowest cells, which liquid then fills by half [cells].

    Not of columns of particles: with a depth of half a cell in the first one that holds any, a front that is upright
    would lie half a cell too far.
    """
    row = phi[:, 0].mean(-1)
    last = int(np.flatnonzero(row[:-1] < 0)[-1])
    return float(last + 0.5 + row[last] / (row[last] - row[last + 1]))


@runner("torricelli")
def torricelli(case: Case, settings: Settings) -> Iterator[Quantity]:
    """A slot in the side of a tank. Speed where the jet has narrowed, over sqrt(2 g head / (1 - (Ao/At)^2)) of the head
    above it at that time; where it lands if it leaves at the height that the case asks for.
    """
    head, g = case.get("h"), case.gravity
    ratio = case.get("A_hole") / case.get("A_tank")
    slot = 0.04 * head
    cell = slot / 6
    wide, high, thick = 0.3 * head, 1.04 * head, 3 * cell
    low = 9 * cell  # of the slot
    along = wide + thick + 8 * slot
    deep = SLAB * cell
    scene = Scene(gravity=(0.0, -g, 0.0))
    top = low + slot + head
    water = Liquid(
        "water", viscosity=0.0, surface_tension=0.0, resolution=int(np.ceil(max(along, high + low) / cell)),
        domain=((0, 0, 0), (along, high + low, deep)), walls=("-x", "-z", "+z"),
    )  # fmt: skip
    floor = low - 3 * cell
    for bottom, end in ((-cell, low), (low + slot, high + low + cell)):
        centre = (wide + thick / 2, (bottom + end) / 2, deep / 2)
        scene.add(Box((thick, end - bottom, 2 * deep)), Static(), position=centre)
    scene.add(Box((2 * wide, floor + cell, 2 * deep)), Static(), position=(0.0, (floor - cell) / 2, deep / 2))
    size = (wide, top - floor, deep)
    scene.add(Box(size), water, name="water", position=(wide / 2, (top + floor) / 2, deep / 2))
    fps, seconds = 60, 0.5
    run = physim.simulate(scene, seconds=seconds, fps=fps, refinement=settings.refinement, device=settings.device)
    track = run.liquids["water"]
    found = []
    for frame in range(fps // 4, len(track.position)):
        x, v = particles(track, frame)
        level = floor + (x[:, 0] < wide).sum() * track.particle_volume / (wide * deep)
        jet = (x[:, 0] > wide + thick + NARROW[0] * slot) & (x[:, 0] < wide + thick + NARROW[1] * slot)
        if jet.sum() > 20:
            total = (v[jet] ** 2).sum(1) / 2 + g * x[jet, 1]  # Bernoulli, from the surface to the jet
            found.append(np.sqrt(2 * (total.mean() - g * (low + slot / 2))) / np.sqrt(2 * g * (level - low - slot / 2)))
    speed = float(np.mean(found)) if found else None
    expected = float(case.expected["v"])
    exact = np.sqrt(2 * g * head)
    got = None if speed is None else speed * float(exact / np.sqrt(1 - ratio**2))
    yield case.relative("speed of the jet [m/s]", expected, got, case.limits("v_rel"))
    key = next((k for k in case.expected if k.startswith("jet_range_y")), None)
    if key and speed is not None:
        height = float(key.removeprefix("jet_range_y0")) / 10
        reach = speed * exact * np.sqrt(2 * height / g)
        yield case.relative(f"reach from {height:g} m [m]", float(case.expected[key]), reach, case.limits("range_rel"))


@runner("jet_ballistic")
def jet_ballistic(case: Case, settings: Settings) -> Iterator[Quantity]:
    """A jet at an angle: where it comes down to the height of its nozzle, its apex; force of a jet on a plate."""
    speed, angle, d0, g = case.get("v"), np.radians(case.get("theta_deg")), case.get("d0"), case.gravity
    reach, apex = float(case.expected["range"]), float(case.expected["apex"])
    cell = d0 / 4
    way = np.array([np.cos(angle), np.sin(angle), 0.0])
    centre = np.array([2 * d0, 3 * d0, 0.0])
    exit_ = centre + NOZZLE * cell * way
    far, high = exit_[0] + 1.15 * reach, exit_[1] + 1.4 * apex
    water = Liquid(
        "water", surface_tension=0.0, viscosity=0.0, resolution=int(np.ceil(far / cell)),
        domain=((0, 0, -2 * d0), (far, high, 2 * d0)), walls=(),
    )  # fmt: skip
    scene = Scene(gravity=(0.0, -g, 0.0))
    scene.add(Emitter(tuple(centre), radius=d0 / 2, velocity=tuple(speed * way)), water, name="jet")
    flight = 2 * speed * np.sin(angle) / g
    run = physim.simulate(
        scene, seconds=1.25 * flight + 0.05, fps=60, refinement=settings.refinement, device=settings.device
    )
    x, _ = particles(run.liquids["jet"], -1)
    x = x - exit_
    x = x[x[:, 0] > 0]
    bins = np.round(x[:, 0] / d0).astype(int)
    places = np.unique(bins)
    path = np.array([x[bins == n][:, :2].mean(0) for n in places if (bins == n).sum() > 3])
    a, b, c = np.polyfit(path[:, 0], path[:, 1], 2)
    landing = float((-b - np.sqrt(b * b - 4 * a * c)) / (2 * a))
    yield case.relative("range [m]", reach, landing, case.limits("range_rel"))
    yield case.relative("apex [m]", apex, float(c - b * b / (4 * a)), case.limits("range_rel"))
    expected = float(case.expected["plate_force"])
    yield case.relative(
        "force on a plate [N]", expected, plate_force(d0, speed, settings), case.limits("plate_force_rel")
    )


def plate_force(d0: float, speed: float, settings: Settings, rho: float = 1000.0) -> float:
    """Of a jet straight on the floor of a box with open sides [N]: pressure over its area, mean of a while."""
    cell = d0 / 8
    shape = (72, 24, 72)
    source = LiquidSource((36.0, 22.0, 36.0), (0.0, -speed / cell, 0.0), 4.0)
    every, seconds = 1 / 240, 12 * d0 / speed
    sides = [(0, 0), (0, -1), (2, 0), (2, -1), (1, -1)]
    tank = Tank(
        shape, cell, np.zeros((0, 3)), dt=cell / speed / settings.refinement, every=every, gravity=(0.0, 0.0, 0.0),
        open_sides=sides, sources=[source], capacity=source.count(seconds + 2 * every, 0.125), device=settings.device,
    )  # fmt: skip
    found = []
    while tank.time < seconds:
        tank.advance()
        field = tank.grid.pressure_field()
        # at the floor, half a cell below the centres
        found.append(rho * cell**2 * float((1.5 * field[:, 0] - 0.5 * field[:, 1]).sum()))
    return float(np.mean(found[len(found) // 2 :]))
