"""The comparison's dam break in taichi: MLS-MPM after Hu et al. 2018 and its 88-line example, in 3-D, one thread.

The liquid is weakly compressible: pressure rho c^2 (1 - J), c five times the speed of the fall, steps at Courant 0.5
of c, as in the example. Walls let slide.
"""

from __future__ import annotations

import numpy as np
import taichi as ti

from benchmarks.fluids_repeat import repeat
from benchmarks.fluids_scenes import FPS, GRAVITY, DamScene, Result

MARGIN = 3
"""Cells beyond the walls, for the quadratic kernel."""


@ti.data_oriented
class Liquid:
    """Particles and grid of the scene in taichi's fields."""

    def __init__(self, scene: DamScene) -> None:
        self.start = scene.particles()
        count, self.dx, self.inverse = len(self.start), scene.cell, 1 / scene.cell
        self.sound = 5 * np.sqrt(2 * GRAVITY * 2.0)
        self.steps = int(np.ceil(self.sound / (0.5 * self.dx) / FPS))
        """Per frame."""
        self.dt = 1 / FPS / self.steps
        self.stiffness = float(self.sound**2)  # per density, as masses here are volumes
        self.volume = scene.particle_volume
        self.shape = tuple(round(s / self.dx) + 2 * MARGIN + 1 for s in scene.size)
        self.x, self.v = ti.Vector.field(3, float, count), ti.Vector.field(3, float, count)
        self.c, self.j = ti.Matrix.field(3, 3, float, count), ti.field(float, count)
        self.grid_v, self.grid_m = ti.Vector.field(3, float, self.shape), ti.field(float, self.shape)

    def reset(self) -> None:
        self.x.from_numpy(self.start)
        self.v.fill(0)
        self.c.fill(0)
        self.j.fill(1)

    def state(self) -> tuple[np.ndarray, np.ndarray]:
        return self.x.to_numpy(), self.v.to_numpy()

    def frame(self) -> None:
        for _ in range(self.steps):
            self.substep()
        ti.sync()

    @ti.kernel
    def substep(self):
        for cell in ti.grouped(self.grid_m):
            self.grid_v[cell] = ti.Vector.zero(float, 3)
            self.grid_m[cell] = 0.0
        for p in self.x:
            self.to_grid(p)
        for cell in ti.grouped(self.grid_m):
            self.on_grid(cell)
        for p in self.x:
            self.to_particle(p)

    @ti.func
    def kernel(self, p):
        """First node around a particle, where it lies from there, and weights along the axes."""
        place = self.x[p] * self.inverse + MARGIN
        base = (place - 0.5).cast(int)
        fx = place - base
        w = ti.Matrix.cols([0.5 * (1.5 - fx) ** 2, 0.75 - (fx - 1) ** 2, 0.5 * (fx - 0.5) ** 2])
        return base, fx, w

    @ti.func
    def to_grid(self, p):
        base, fx, w = self.kernel(p)
        stress = -self.dt * 4 * self.inverse**2 * self.volume * self.stiffness * (self.j[p] - 1)
        affine = ti.Matrix.identity(float, 3) * stress + self.volume * self.c[p]
        for offset in ti.static(ti.ndrange(3, 3, 3)):
            o = ti.Vector(offset)
            weight = w[0, offset[0]] * w[1, offset[1]] * w[2, offset[2]]
            self.grid_v[base + o] += weight * (self.volume * self.v[p] + affine @ ((o - fx) * self.dx))
            self.grid_m[base + o] += weight * self.volume

    @ti.func
    def on_grid(self, cell):
        if self.grid_m[cell] > 0:
            self.grid_v[cell] /= self.grid_m[cell]
            self.grid_v[cell][1] -= self.dt * GRAVITY
            for a in ti.static(range(3)):
                if cell[a] <= MARGIN and self.grid_v[cell][a] < 0:
                    self.grid_v[cell][a] = 0
                if ti.static(a != 1):
                    if cell[a] >= self.shape[a] - 1 - MARGIN and self.grid_v[cell][a] > 0:
                        self.grid_v[cell][a] = 0

    @ti.func
    def to_particle(self, p):
        base, fx, w = self.kernel(p)
        new_v, new_c = ti.Vector.zero(float, 3), ti.Matrix.zero(float, 3, 3)
        for offset in ti.static(ti.ndrange(3, 3, 3)):
            o = ti.Vector(offset)
            weight = w[0, offset[0]] * w[1, offset[1]] * w[2, offset[2]]
            g = self.grid_v[base + o]
            new_v += weight * g
            new_c += 4 * weight * self.inverse * g.outer_product(o - fx)
        self.v[p], self.c[p] = new_v, new_c
        self.x[p] = self.x[p] + self.dt * new_v
        self.x[p][1] = ti.min(self.x[p][1], (self.shape[1] - 2 * MARGIN) * self.dx)
        self.j[p] *= 1 + self.dt * new_c.trace()


def run(scene: DamScene, solver: str, device: str, repeats: int, limit: float) -> Result:
    """Simulate ``scene``; repeats stop when ``limit`` seconds of CPU time are used."""
    ti.init(arch=ti.cpu, cpu_max_num_threads=1, default_fp=ti.f32, log_level=ti.ERROR)
    liquid = Liquid(scene)
    liquid.reset()
    liquid.substep()  # compiles

    def make() -> Liquid:
        liquid.reset()
        return liquid

    words = f"MLS-MPM, {liquid.steps} steps per frame, speed of sound {liquid.sound:.0f} m/s"
    return repeat(make, scene, name="taichi MLS-MPM", words=words, repeats=repeats, limit=limit)
