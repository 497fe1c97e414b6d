"""The comparison's dam break in taichi: MLS-MPM after Hu et al. 2018 and its 88-line example, in 3-D, one thread.

The liquid is weakly compressible: pressure rho c^2 (1 - J), c five times the speed of the fall, steps at Courant 0.5
of c, as in the example. Walls let slide.
"""

from __future__ import annotations

import time

import numpy as np
import taichi as ti

from benchmarks.fluids_scenes import FPS, GRAVITY, DamScene, Result

MARGIN = 3
"""Cells beyond the walls, for the quadratic kernel."""


def run(scene: DamScene, kind: str, repeats: int, limit: float) -> Result:
    """Simulate ``scene``; repeats stop when ``limit`` seconds of CPU time are used."""
    ti.init(arch=ti.cpu, cpu_max_num_threads=1, default_fp=ti.f32, log_level=ti.ERROR)
    start = scene.particles()
    count, dx = len(start), scene.cell
    sound = 5 * np.sqrt(2 * GRAVITY * 2.0)
    steps = int(np.ceil(sound / (0.5 * dx) / FPS))
    dt = 1 / FPS / steps
    shape = tuple(round(s / dx) + 2 * MARGIN + 1 for s in scene.size)
    x, v = ti.Vector.field(3, float, count), ti.Vector.field(3, float, count)
    c, j = ti.Matrix.field(3, 3, float, count), ti.field(float, count)
    grid_v, grid_m = ti.Vector.field(3, float, shape), ti.field(float, shape)
    inverse = 1 / dx
    stiffness = float(sound**2)  # per density, as masses here are volumes
    volume = scene.particle_volume

    @ti.kernel
    def substep():
        for cell in ti.grouped(grid_m):
            grid_v[cell] = ti.Vector.zero(float, 3)
            grid_m[cell] = 0.0
        for p in x:
            place = x[p] * inverse + MARGIN
            base = (place - 0.5).cast(int)
            fx = place - base
            w = [0.5 * (1.5 - fx) ** 2, 0.75 - (fx - 1) ** 2, 0.5 * (fx - 0.5) ** 2]
            stress = -dt * 4 * inverse * inverse * volume * stiffness * (j[p] - 1)
            affine = ti.Matrix.identity(float, 3) * stress + volume * c[p]
            for offset in ti.static(ti.ndrange(3, 3, 3)):
                o = ti.Vector(offset)
                away = (o - fx) * dx
                weight = w[offset[0]][0] * w[offset[1]][1] * w[offset[2]][2]
                grid_v[base + o] += weight * (volume * v[p] + affine @ away)
                grid_m[base + o] += weight * volume
        for cell in ti.grouped(grid_m):
            if grid_m[cell] > 0:
                grid_v[cell] /= grid_m[cell]
                grid_v[cell][1] -= dt * GRAVITY
                for a in ti.static(range(3)):
                    if cell[a] <= MARGIN and grid_v[cell][a] < 0:
                        grid_v[cell][a] = 0
                    if ti.static(a != 1):
                        if cell[a] >= grid_v.shape[a] - 1 - MARGIN and grid_v[cell][a] > 0:
                            grid_v[cell][a] = 0
        for p in x:
            place = x[p] * inverse + MARGIN
            base = (place - 0.5).cast(int)
            fx = place - base
            w = [0.5 * (1.5 - fx) ** 2, 0.75 - (fx - 1) ** 2, 0.5 * (fx - 0.5) ** 2]
            new_v, new_c = ti.Vector.zero(float, 3), ti.Matrix.zero(float, 3, 3)
            for offset in ti.static(ti.ndrange(3, 3, 3)):
                o = ti.Vector(offset)
                weight = w[offset[0]][0] * w[offset[1]][1] * w[offset[2]][2]
                g = grid_v[base + o]
                new_v += weight * g
                new_c += 4 * weight * inverse * g.outer_product(o - fx)
            v[p], c[p] = new_v, new_c
            x[p] = x[p] + dt * new_v
            x[p][1] = ti.min(x[p][1], (grid_v.shape[1] - 2 * MARGIN) * dx)
            j[p] *= 1 + dt * new_c.trace()

    def reset() -> None:
        x.from_numpy(start)
        v.fill(0)
        c.fill(0)
        j.fill(1)

    reset()
    substep()  # compiles
    best, used = np.full(scene.frames, np.inf), 0.0
    states: list[tuple[np.ndarray, np.ndarray]] = []
    notes: list[str] = []
    for _ in range(repeats):
        reset()
        first = [(x.to_numpy(), v.to_numpy())]
        for frame in range(scene.frames):
            begin = time.process_time()
            for _substep in range(steps):
                substep()
            ti.sync()
            spent = time.process_time() - begin
            best[frame] = min(best[frame], spent)
            used += spent
            first.append((x.to_numpy(), v.to_numpy()))
            if used > 8 * limit:
                notes.append(f"stopped after {(frame + 1) / FPS:.2f} s: {used:.0f} s of CPU time")
                break
        states = states or first
        if used > limit:
            break
    done = len(states) - 1
    words = f"MLS-MPM, {steps} steps per frame, speed of sound {sound:.0f} m/s"
    result = Result("taichi MLS-MPM", words, scene.name, best[:done], done / FPS, notes=notes)
    result.position, result.velocity = (np.stack(column) for column in zip(*states, strict=True))
    return result
