"""The comparison's column of sand in taichi: MLS-MPM as its 88-line example, sand after Klar et al. 2016, one thread.

Sand is elastic in the logarithms of its principal stretches (Hencky), and these are returned to the cone of
Drucker-Prager by their singular values, as in Klar et al., ACM TOG 35, 2016 and taichi_elements. Moduli, steps, grid,
particles and friction are those of our run.
"""

from __future__ import annotations

import time

import numpy as np
import taichi as ti

from benchmarks.grains_column import FPS, GRAVITY, Column, Result


@ti.data_oriented
class Sand:
    """Particles and grid in taichi's fields; masses are volumes, stresses are over the density."""

    def __init__(self, column: Column, start: np.ndarray, volume: float, mu: float, lam: float, steps: int) -> None:
        self.start, count = start.astype(np.float32), len(start)
        self.dx, self.inverse = column.cell, 1 / column.cell
        self.dt, self.steps, self.volume = 1 / FPS / steps, steps, volume
        self.mu, self.lam = mu, lam
        tangent = np.tan(np.radians(column.friction_angle))
        self.alpha = float(np.sqrt(2.0) * tangent * (lam + 2 * mu / 3) / (2 * mu))
        """|dev log F| <= alpha * (-tr log F): |dev tau| = sqrt(2) tan(phi) p, the cone that a plane shear meets."""
        self.rough = float(np.sqrt(tangent * column.ground))
        self.origin = np.array(column.low) - column.pad * self.dx
        self.shape = column.shape
        self.floor = column.pad
        self.x, self.v = ti.Vector.field(3, float, count), ti.Vector.field(3, float, count)
        self.c, self.f = ti.Matrix.field(3, 3, float, count), ti.Matrix.field(3, 3, float, count)
        self.gap = ti.field(float, count)
        self.grid_v, self.grid_m = ti.Vector.field(3, float, self.shape), ti.field(float, self.shape)
        self.x.from_numpy(((self.start - self.origin) * self.inverse).astype(np.float32))
        self.f.from_numpy(np.tile(np.eye(3, dtype=np.float32), (count, 1, 1)))

    def places(self) -> np.ndarray:
        """(N, 3) [m]"""
        return self.x.to_numpy() * self.dx + self.origin

    def frame(self) -> None:
        """Advance by one frame."""
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
        """First node around a particle (in cells), where it lies from there, and weights along the axes."""
        base = (self.x[p] - 0.5).cast(int)
        fx = self.x[p] - base
        w = ti.Matrix.cols([0.5 * (1.5 - fx) ** 2, 0.75 - (fx - 1) ** 2, 0.5 * (fx - 0.5) ** 2])
        return base, fx, w

    @ti.func
    def to_grid(self, p):
        self.f[p] = (ti.Matrix.identity(float, 3) + self.dt * self.c[p]) @ self.f[p]
        u, sig, vt = ti.svd(self.f[p])
        e = ti.Vector([ti.log(ti.max(sig[d, d], 0.05)) for d in ti.static(range(3))])
        total = e.sum() + self.gap[p]
        dev = e - e.sum() / 3
        size = dev.norm()
        if total >= 0:  # apart: no stress, the gap is kept
            self.gap[p] = total
            e = ti.Vector.zero(float, 3)
        else:
            self.gap[p] = 0.0
            most = -self.alpha * total
            keep = ti.min(1.0, most / ti.max(size, 1e-12))
            e = dev * keep + total / 3
        diag = ti.Matrix.zero(float, 3, 3)
        tau = ti.Matrix.zero(float, 3, 3)
        for d in ti.static(range(3)):
            diag[d, d] = ti.exp(e[d])
            tau[d, d] = 2 * self.mu * e[d] + self.lam * e.sum()
        self.f[p] = u @ diag @ vt.transpose()
        affine = -self.dt * 4 * self.inverse**2 * (u @ tau @ u.transpose()) + self.c[p]
        base, fx, w = self.kernel(p)
        for offset in ti.static(ti.ndrange(3, 3, 3)):
            o = ti.Vector(offset)
            weight = w[0, offset[0]] * w[1, offset[1]] * w[2, offset[2]]
            self.grid_v[base + o] += weight * (self.v[p] + affine @ ((o - fx) * self.dx))
            self.grid_m[base + o] += weight

    @ti.func
    def on_grid(self, cell):
        if self.grid_m[cell] > 0:
            v = self.grid_v[cell] / self.grid_m[cell]
            v[1] -= self.dt * GRAVITY
            if cell[1] <= self.floor and v[1] < 0:
                slip = ti.Vector([v[0], 0.0, v[2]])
                size = slip.norm()
                v = slip * ti.max(0.0, 1 + self.rough * v[1] / ti.max(size, 1e-12))
            self.grid_v[cell] = v

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
        self.x[p] += self.dt * self.inverse * new_v


def run(column: Column, start: np.ndarray, volume: float, mu: float, lam: float, steps: int) -> Result:
    """Simulate the column; CPU time of all its frames."""
    ti.init(arch=ti.cpu, cpu_max_num_threads=1, default_fp=ti.f32, log_level=ti.ERROR)
    sand = Sand(column, start, volume, mu, lam, steps)
    sand.substep()  # compiles
    begin = time.process_time()
    for _ in range(column.frames):
        sand.frame()
    spent = time.process_time() - begin
    return Result("taichi MLS-MPM", sand.places(), spent / (column.frames / FPS), steps * FPS)
