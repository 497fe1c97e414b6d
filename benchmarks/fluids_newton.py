"""The comparison's dam break in Newton: its implicit MPM with the settings of its own example of a water dam break."""

from __future__ import annotations

import numpy as np
import warp as wp

from benchmarks.fluids_repeat import repeat
from benchmarks.fluids_scenes import FPS, GRAVITY, DamScene, Result

SUBSTEPS, ITERATIONS, STRICT = 2, 50, 1e-3
"""Of ``newton/examples/mpm/example_mpm_water_dam_break.py``."""


@wp.kernel(enable_backward=False)
def keep_inside_kernel(
    x: wp.array(dtype=wp.vec3), v: wp.array(dtype=wp.vec3), low: wp.vec3, high: wp.vec3
):  # what the example does after every step
    p = wp.tid()
    place, speed = x[p], v[p]
    for a in range(3):
        if place[a] < low[a]:
            place[a] = low[a]
            speed[a] = wp.max(speed[a], 0.0)
        if place[a] > high[a]:
            place[a] = high[a]
            speed[a] = wp.min(speed[a], 0.0)
    x[p] = place
    v[p] = speed


def run(scene: DamScene, solver: str, device: str, repeats: int, limit: float) -> Result:
    """Simulate ``scene``; repeats stop when ``limit`` seconds of CPU time are used."""
    wp.config.quiet = True
    words = f"{SUBSTEPS} steps per frame, {ITERATIONS} iterations to {STRICT:g}"
    with wp.ScopedDevice("cpu"):
        _Tank(scene).frame()  # compiles
        return repeat(
            lambda: _Tank(scene), scene, name="newton implicit MPM", words=words, repeats=repeats, limit=limit
        )


class _Tank:
    def __init__(self, scene: DamScene):
        import newton

        self.scene = scene
        builder = newton.ModelBuilder(up_axis=newton.Axis.Y, gravity=(0.0, -GRAVITY, 0.0))
        newton.solvers.SolverImplicitMPM.register_custom_attributes(builder)
        start, cell = scene.particles(), scene.cell
        count = len(start)
        builder.add_particles(
            pos=[wp.vec3(*p) for p in start.tolist()], vel=[wp.vec3(0.0)] * count,
            mass=[1000.0 * scene.particle_volume] * count, radius=[cell / 4] * count,
        )  # fmt: skip
        slick = newton.ModelBuilder.ShapeConfig(density=0.0, mu=0.0)
        long, _, deep = scene.size
        walls = ((0.0, 1.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0), (-1.0, 0.0, 0.0, long))
        for plane in (*walls, (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, -1.0, deep)):
            builder.add_shape_plane(plane=plane, body=-1, cfg=slick)
        self.model = builder.finalize()
        self.model.mpm.friction.fill_(0.0)
        self.model.mpm.tensile_yield_ratio.fill_(1.0)
        self.model.mpm.viscosity.fill_(0.0)
        config = newton.solvers.SolverImplicitMPM.Config()
        config.voxel_size, config.max_iterations, config.tolerance = cell, ITERATIONS, STRICT
        config.warmstart_mode, config.strain_basis = "particles", "P0"
        config.collider_basis, config.velocity_basis = "pic", "Q1"
        self.solver = newton.solvers.SolverImplicitMPM(self.model, config=config)
        self.states = [self.model.state(), self.model.state()]
        self.states[0].mpm.particle_Jp.fill_(1.0)
        self.low = wp.vec3(0.0, 0.0, 0.0)
        self.high = wp.vec3(*(float(s) for s in scene.size))

    def frame(self) -> None:
        dt = 1 / FPS / SUBSTEPS
        for _ in range(SUBSTEPS):
            now, then = self.states
            self.solver.step(now, then, None, None, dt)
            self.solver.project_outside(then, then, dt)
            inputs = [then.particle_q, then.particle_qd, self.low, self.high]
            wp.launch(keep_inside_kernel, dim=then.particle_count, inputs=inputs)
            self.states.reverse()
        wp.synchronize_device()

    def state(self) -> tuple[np.ndarray, np.ndarray]:
        state = self.states[0]
        return state.particle_q.numpy().copy(), state.particle_qd.numpy().copy()
