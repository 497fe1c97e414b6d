"""A plain loop over Newton, for :mod:`benchmarks.sweeps`: run by an interpreter that has it, bodies on stdin as JSON.

Twice: as one would write it, a model, a solver and a captured frame for each restitution; and as one who knows Newton
would, one model whose restitution is replaced and whose captured frame is replayed. XPBD with 4 substeps of a 60th of a
second and 8 iterations, as in ``benchmarks.solids_newton``, the fastest of its solvers on the CPU.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import newton
import numpy as np
import warp as wp

FPS, SUBSTEPS, SECONDS = 60, 4, 2.0


class Run:
    """A model and its captured frame."""

    def __init__(self, things: list[dict[str, Any]], restitution: float) -> None:
        builder = newton.ModelBuilder()
        config = newton.ModelBuilder.ShapeConfig(mu=0.5, restitution=restitution, gap=0.02, density=700.0)
        builder.add_ground_plane(cfg=config)
        for thing in things:
            x, y, z = thing["at"]
            body = builder.add_body(xform=wp.transform(wp.vec3(x, -z, y), wp.quat_identity()))
            shape = thing["shape"]
            if shape.get("sphere"):
                builder.add_shape_sphere(body, radius=shape["sphere"], cfg=config)
            else:
                builder.add_shape_box(body, hx=0.025, hy=0.025, hz=0.025, cfg=config)
        self.model = builder.finalize()
        self.solver = newton.solvers.SolverXPBD(self.model, iterations=8, enable_restitution=True)
        self.states = [self.model.state(), self.model.state()]
        self.control = self.model.control()
        self.pipeline = newton.CollisionPipeline(self.model)
        self.contacts = self.pipeline.contacts()
        newton.eval_fk(self.model, self.model.joint_q, self.model.joint_qd, self.states[0])
        self.start = [wp.clone(array) for array in (self.states[0].body_q, self.states[0].body_qd)]
        with wp.ScopedCapture() as capture:
            self.frame()
        self.graph = capture.graph

    def frame(self) -> None:
        for _ in range(SUBSTEPS):
            self.states[0].clear_forces()
            self.pipeline.collide(self.states[0], self.contacts)
            self.solver.step(self.states[0], self.states[1], self.control, self.contacts, 1.0 / (FPS * SUBSTEPS))
            self.states.reverse()

    def go(self) -> np.ndarray:
        """Heights of all bodies at every frame (T, N)."""
        wp.copy(self.states[0].body_q, self.start[0])
        wp.copy(self.states[0].body_qd, self.start[1])
        heights = []
        for _ in range(round(SECONDS * FPS)):
            wp.capture_launch(self.graph)
            heights.append(self.states[0].body_q.numpy()[:, 2].copy())
        return np.array(heights)


def main() -> None:
    wp.config.quiet = True
    things = json.load(sys.stdin)
    first = time.process_time()
    Run(things, 0.5).go()
    first = time.process_time() - first
    plain, expert = [], []
    run = Run(things, 0.5)
    for i in range(12):
        restitution = 0.1 + 0.8 * i / 12
        begin = time.process_time()
        heights = Run(things, restitution).go()
        plain.append(time.process_time() - begin)
        assert np.isfinite(heights).all() and heights[-1].max() < 0.3
        begin = time.process_time()
        run.model.shape_material_restitution.fill_(restitution)
        run.go()
        expert.append(time.process_time() - begin)
    print(json.dumps({
        "newton: first run [s]": first,
        "newton: runs per second of a core, a model each": 1 / sorted(plain)[len(plain) // 2],
        "newton: runs per second of a core, one model replayed": 1 / sorted(expert)[len(expert) // 2],
    }))  # fmt: skip


if __name__ == "__main__":
    main()
