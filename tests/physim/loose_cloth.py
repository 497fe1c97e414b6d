"""A cloth without any fabric: loose vertices that fall and touch, to see contact by itself."""

import numpy as np
import warp as wp

from physim.cloth_contact import ClothContact
from physim.solver_rigid import RigidSolver


@wp.kernel
def kick_kernel(v: wp.array(dtype=wp.vec3), dt: float, gravity: wp.vec3):
    i = wp.tid()
    v[i] = v[i] + dt * gravity


@wp.kernel
def drift_kernel(x: wp.array(dtype=wp.vec3), v: wp.array(dtype=wp.vec3), dt: float):
    i = wp.tid()
    x[i] = x[i] + dt * v[i]


class LooseCloth:
    """Partner of a rigid solver: vertices under gravity, ``steps`` steps of theirs in each substep of the solver."""

    def __init__(self, solver: RigidSolver, x, mass, faces, rest, *, v=None, half=2e-4, friction=0.4, steps=4):
        device, count = solver.device, len(x)
        self.solver, self.steps, self.count = solver, steps, count
        self.gravity = wp.vec3(*solver.scene.gravity)
        self.x = wp.array(np.asarray(x), dtype=wp.vec3, device=device)
        self.v = wp.array(np.zeros((count, 3)) if v is None else np.asarray(v), dtype=wp.vec3, device=device)
        self.inv_mass = wp.array(1.0 / np.broadcast_to(mass, count), dtype=float, device=device)
        self.contact = ClothContact(
            x=self.x, v=self.v, inv_mass=self.inv_mass, faces=faces, rest=rest, itself=False,
            half=np.full(count, half), friction=np.full(count, friction), geometry=solver.geometry,
            bodies=solver.bodies, device=device,
        )  # fmt: skip
        solver.couple(self)

    def load_kernels(self):
        self.contact.load_kernels()
        wp.load_module(__name__, device=self.solver.device)

    def begin_frame(self, first_substep):
        pass

    def launch_search(self, k):
        stride = self.solver._stride
        if k % stride == 0:
            self.contact.launch_search(self.solver.substep * stride, 9.81)

    def launch_substep(self, k):
        h = self.solver.substep
        dt, device = h / self.steps, self.solver.device
        self.contact.launch_begin(h)
        for j in range(self.steps):
            wp.launch(kick_kernel, self.count, [self.v, dt, self.gravity], device=device)
            self.contact.launch_step(j, dt, h)
            wp.launch(drift_kernel, self.count, [self.x, self.v, dt], device=device)
        self.contact.launch_end(h)

    def launch_record(self, row):
        pass

    def end_frame(self):
        pass
