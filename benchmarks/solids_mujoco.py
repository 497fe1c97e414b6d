"""The comparison's scenes in MuJoCo (C): one model, ``mj_step`` at its default rate of about 500 Hz.

``mujoco`` is as it comes: Newton solver, pyramidal cones, soft contacts with its default impedance. ``mujoco:slow`` is
the same at 240 Hz. Cloth is a flexcomp grid with its two-dimensional elasticity and thin-shell bending.
"""

from __future__ import annotations

import gc
import time

import mujoco
import numpy as np

from benchmarks.solids_scenes import FPS, ClothScene, Result, SolidScene, turn_y_up, turn_z_up, y_up, z_up

SUBSTEPS = {"": 8, "slow": 4}


def run(scene: SolidScene | ClothScene, solver: str, device: str, repeats: int, limit: float) -> Result:
    """Simulate ``scene``; repeats stop when ``limit`` seconds of CPU time are used."""
    substeps = SUBSTEPS[solver]
    begin = time.process_time()
    model = _cloth(scene, substeps) if isinstance(scene, ClothScene) else _solids(scene, substeps)
    setup = time.process_time() - begin
    frames = round(scene.seconds * FPS)
    best, used = np.full(frames, np.inf), 0.0
    states = []
    notes: list[str] = []
    for repeat in range(repeats):
        data = mujoco.MjData(model)
        mujoco.mj_forward(model, data)
        gc.collect()
        if repeat == 0:
            states.append(_read(scene, model, data))
        for t in range(frames):
            begin = time.process_time()
            mujoco.mj_step(model, data, nstep=substeps)
            spent = time.process_time() - begin
            best[t] = min(best[t], spent)
            used += spent
            if repeat == 0:
                states.append(_read(scene, model, data))
                if used > 3 * limit:
                    notes.append(f"stopped after {(t + 1) / FPS:.2f} s: {used:.0f} s of CPU time")
                    best = best[: t + 1]
                    break
        if used > limit:
            break
    name = f"mujoco{' ' * bool(solver)}{solver}"
    result = Result(name, f"{substeps} substeps, defaults", scene.name, best, setup, notes=notes)
    if any(w.number for w in data.warning):
        result.notes.append("its own warnings: " + ", ".join(str(w.number) for w in data.warning if w.number))
    columns = [np.stack(c) for c in zip(*states, strict=True)]
    result.position = y_up(columns[0])
    if len(columns) == 4:
        result.orientation = turn_y_up(columns[1])
        result.velocity, result.angular_velocity = y_up(columns[2]), y_up(columns[3])
    return result


def _read(scene: SolidScene | ClothScene, model: mujoco.MjModel, data: mujoco.MjData) -> tuple[np.ndarray, ...]:
    if isinstance(scene, ClothScene):
        return (data.flexvert_xpos.reshape(-1, 3).copy(),)
    count = len(scene.things)
    state = data.qpos.reshape(count, 7)
    rate = data.qvel.reshape(count, 6)
    turn = np.stack([data.xmat[1 + k].reshape(3, 3) for k in range(count)])
    spin = np.einsum("nij,nj->ni", turn, rate[:, 3:])  # MuJoCo's free joint spins in the body frame
    return state[:, :3].copy(), np.roll(state[:, 3:], -1, axis=1), rate[:, :3].copy(), spin


def _words(values: np.ndarray) -> str:
    return " ".join(f"{float(v):.9g}" for v in np.ravel(values))


def _solids(scene: SolidScene, substeps: int) -> mujoco.MjModel:
    assets, bodies = [], []
    friction = f'friction="{scene.friction} 0 0"'
    if scene.terrain is None:
        bodies.append(f'<geom type="plane" size="50 50 1" {friction}/>')
    else:
        rows, columns = scene.terrain.heights.shape
        half = 0.5 * scene.terrain.cell * (rows - 1)
        low, high = float(scene.terrain.heights.min()), float(scene.terrain.heights.max())
        assets.append(
            f'<hfield name="field" nrow="{rows}" ncol="{columns}" size="{half:.9g} {half:.9g} {high - low:.9g} 1"/>'
        )
        bodies.append(f'<geom type="hfield" hfield="field" pos="0 0 {low:.9g}" {friction}/>')
    for centre, size in scene.walls:
        half_size = _words(np.abs(z_up(size)) / 2)
        bodies.append(f'<geom type="box" pos="{_words(z_up(centre))}" size="{half_size}" {friction}/>')
    for k, thing in enumerate(scene.things):
        q = np.roll(turn_z_up(np.array(thing.orientation)), 1)
        if thing.kind == "box":
            geom = f'type="box" size="{_words(np.abs(z_up(thing.size)) / 2)}"'
        elif thing.kind == "sphere":
            geom = f'type="sphere" size="{_words(thing.size)}"'
        else:
            assets.append(f'<mesh name="hull{k}" vertex="{_words(z_up(thing.size))}"/>')
            geom = f'type="mesh" mesh="hull{k}"'
        bodies.append(
            f'<body pos="{_words(z_up(thing.position))}" quat="{_words(q)}"><freejoint/>'
            f'<geom {geom} mass="{thing.mass:.9g}" {friction}/></body>'
        )
    model = mujoco.MjModel.from_xml_string(_document(substeps, assets, bodies))
    if scene.terrain is not None:
        heights = scene.terrain.heights[::-1]  # its rows run along +y, ours along +z, which is -y of the Z-up world
        model.hfield_data[:] = ((heights - low) / (high - low)).reshape(-1)
    return model


def _cloth(scene: ClothScene, substeps: int) -> mujoco.MjModel:
    """The sheet as a flexcomp; its own air resistance model stands in for the wind's pressure."""
    n = scene.sheet.cells[0] + 1
    spacing = scene.sheet.size[0] / scene.sheet.cells[0]
    mass = scene.areal_density * np.prod(scene.sheet.size)
    thick = 1e-3
    ball = f'<geom type="sphere" size="{scene.radius}" pos="{_words(z_up(np.array(scene.centre)))}"/>'
    sheet = (
        f'<flexcomp name="sheet" type="grid" dim="2" count="{n} {n} 1" spacing="{spacing} {spacing} {spacing}" '
        f'pos="0 0 {scene.height}" radius="{0.25 * spacing}" mass="{mass}">'
        f'<contact selfcollide="none" friction="{scene.friction} 0 0"/>'
        f'<elasticity young="{scene.stretch / thick}" poisson="0.1" thickness="{thick}" damping="1e-3"/></flexcomp>'
    )
    wind = f'density="1.204" wind="{_words(z_up(np.array(scene.wind)))}" integrator="implicitfast" solver="CG"'
    return mujoco.MjModel.from_xml_string(
        _document(substeps, [], [ball, '<geom type="plane" size="9 9 1"/>', sheet], wind)
    )


def _document(substeps: int, assets: list[str], bodies: list[str], option: str = "") -> str:
    return (
        f'<mujoco><option timestep="{1 / (FPS * substeps):.12g}" gravity="0 0 -9.81" {option}/>'
        f'<size memory="400M"/><asset>{"".join(assets)}</asset><worldbody>{"".join(bodies)}</worldbody></mujoco>'
    )
