"""The comparison's scenes in Newton: every solver that runs them, one captured frame, replayed.

Settings are those of Newton's own examples for such scenes (``examples/basic``, ``examples/cloth``), as substeps per
1/60 s frame and iterations; where these fail on a scene, better ones are taken, and both are said in ``SETTINGS``.
"""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import warp as wp

from benchmarks.solids_scenes import FPS, ClothScene, Result, SolidScene, turn_y_up, turn_z_up, y_up, z_up


@dataclass(frozen=True)
class Settings:
    """Of one solver for one kind of scene."""

    substeps: int
    options: dict[str, Any] = field(default_factory=dict)
    """Of the solver's constructor."""
    contact: tuple[float, float] | None = None
    """Stiffness and damping of contacts per mass of a body [1/s^2, 1/s], for the solvers that have such."""
    collide_every: int = 1
    """Substeps per collision pass."""

    def __str__(self) -> str:
        words = [f"{self.substeps} substeps"]
        words += [f"{k} {v}" for k, v in self.options.items()]
        words += [f"ke {self.contact[0]:g} and kd {self.contact[1]:g} per kg"] if self.contact else []
        return ", ".join(words)


SOLID = {
    "xpbd": Settings(4, {"iterations": 8}),
    "xpbd-fine": Settings(16, {"iterations": 8}),
    "mujoco-warp": Settings(8),
    "steel": Settings(4),
    "kamino": Settings(6),
    "vbd": Settings(8, {"iterations": 5}, (1e5, 5e2)),
    "semi-implicit": Settings(64, {}, (1e5, 3e2)),
    "featherstone": Settings(64, {}, (1e5, 3e2)),
}
"""Newton's example of basic shapes runs XPBD and VBD at 500 Hz with 5 iterations, VBD with this contact stiffness for
bodies of a ton. The default stiffness of 2.5 kN/m lets the penalty solvers sink into the ground, hence this one."""

GAP = 0.02
"""Distance from which contacts are made [m]. Newton's default of 0.1 m is twice the radius of the poured spheres and
fills its buffers with pairs that never touch."""

CLOTH = {
    "vbd": Settings(6, {"iterations": 5, "particle_enable_self_contact": False}),
    "xpbd": Settings(16, {"iterations": 4}),
    "semi-implicit": Settings(256),
    "style3d": Settings(2),
}
"""Of Newton's example of a hanging cloth, with more substeps. XPBD has triangles and no springs: with springs of this
stiffness (or of a fiftieth of it) the sheet explodes. The semi-implicit solver is unstable with 64 substeps."""


def solvers(scene: SolidScene | ClothScene) -> dict[str, Settings]:
    return CLOTH if isinstance(scene, ClothScene) else SOLID


def run(scene: SolidScene | ClothScene, solver: str, device: str, repeats: int, limit: float) -> Result:
    """Simulate ``scene``; repeats stop when ``limit`` seconds of CPU time are used."""
    wp.config.quiet = True
    settings = solvers(scene)[solver]
    with wp.ScopedDevice(device):
        begin = time.process_time()
        run_ = (_ClothRun if isinstance(scene, ClothScene) else _SolidRun)(scene, solver, settings)
        setup = time.process_time() - begin
        times, states = _measure(run_, round(scene.seconds * FPS), repeats, limit)
    result = Result(f"newton {solver}", str(settings), scene.name, times, setup, notes=run_.notes)
    columns = [np.stack(c) for c in zip(*states, strict=True)]
    result.position = y_up(columns[0])
    if len(columns) == 4:
        result.orientation = turn_y_up(columns[1])
        result.velocity, result.angular_velocity = y_up(columns[2]), y_up(columns[3])
    return result


def _measure(run_: _Run, frames: int, repeats: int, limit: float) -> tuple[np.ndarray, list[tuple[np.ndarray, ...]]]:
    """Least CPU time of every frame over the repeats, and the states of the first run."""
    best = np.full(frames, np.inf)
    states = [run_.read()]
    used = 0.0
    for repeat in range(repeats):
        if repeat:
            run_.reset()
        gc.collect()
        for t in range(frames):
            begin = time.process_time()
            run_.frame()
            wp.synchronize_device()
            spent = time.process_time() - begin
            best[t] = min(best[t], spent)
            used += spent
            if repeat == 0:
                states.append(run_.read())
                if not np.isfinite(states[-1][0]).all():
                    run_.notes.append(f"not finite after {(t + 1) / FPS:.2f} s")
                    return best[: t + 1], states
                if used > 3 * limit:
                    run_.notes.append(f"stopped after {(t + 1) / FPS:.2f} s: {used:.0f} s of CPU time")
                    return best[: t + 1], states
        if used > limit:
            break
    return best, states


class _Run:
    """A model, its solver, and one frame of it as a graph."""

    def __init__(self, scene: Any, solver: str, settings: Settings) -> None:
        import newton

        self.scene, self.settings, self.notes = scene, settings, []
        self.name = solver
        builder = newton.ModelBuilder()
        if solver == "mujoco-warp":
            newton.solvers.SolverMuJoCo.register_custom_attributes(builder)
        if solver == "kamino":
            newton.solvers.SolverKamino.register_custom_attributes(builder)
        if solver == "style3d":
            newton.solvers.SolverStyle3D.register_custom_attributes(builder)
        self.build(newton, builder)
        if solver == "vbd":
            builder.color(include_bending=True)
        self.model = builder.finalize()
        self.tune(newton)
        self.solver = self.make_solver(newton)
        self.states = [self.model.state(), self.model.state()]
        self.start = [self.model.state(), self.model.state()]
        self.control = self.model.control()
        self.pipeline = newton.CollisionPipeline(self.model)
        self.contacts = self.pipeline.contacts()
        newton.eval_fk(self.model, self.model.joint_q, self.model.joint_qd, self.states[0])
        self._copy(self.states, self.start)
        self.capture()

    def build(self, newton: Any, builder: Any) -> None:
        raise NotImplementedError

    def tune(self, newton: Any) -> None:
        """Numbers that belong to the finished model."""

    def push(self, state: Any) -> None:
        """Outer forces of one substep."""

    def make_solver(self, newton: Any) -> Any:
        s, options = newton.solvers, self.settings.options
        if self.name == "kamino":
            config = s.SolverKamino.Config.from_model(
                self.model, dynamics_solver="dvi", sparse_dynamics=True, sparse_jacobian=True
            )
            config.dynamics.cull_speculative_contacts = False
            config.dvi.max_alternating_iterations = 8
            return s.SolverKamino(self.model, config=config)
        if self.name == "style3d":
            return s.SolverStyle3D(self.model, config=s.SolverStyle3D.Config(iterations=10))
        if self.name == "mujoco-warp":
            return s.SolverMuJoCo(self.model, njmax=20000, nconmax=5000, **options)
        kinds = {"xpbd": s.SolverXPBD, "vbd": s.SolverVBD, "steel": getattr(s, "SolverSteel", None)}
        kinds |= {"semi-implicit": s.SolverSemiImplicit, "featherstone": s.SolverFeatherstone}
        if self.name == "steel":
            options = {"free_body_constraint_max": 20000, **options}
        return kinds[self.name.removesuffix("-fine")](self.model, **options)

    def simulate(self) -> None:
        dt = 1.0 / (FPS * self.settings.substeps)
        for k in range(self.settings.substeps):
            self.states[0].clear_forces()
            self.push(self.states[0])
            if k % self.settings.collide_every == 0:
                self.pipeline.collide(self.states[0], self.contacts)
            self.solver.step(self.states[0], self.states[1], self.control, self.contacts, dt)
            self.states.reverse()
        # substeps are even, so the graph begins and ends in the same state

    def capture(self) -> None:
        self.simulate()  # compiles and loads
        self.reset()
        self.graph = None
        try:
            with wp.ScopedCapture() as capture:
                self.simulate()
            self.graph = capture.graph
        except Exception as error:
            self.notes.append(f"not captured: {str(error).splitlines()[0][:100]}")
        self.reset()

    def frame(self) -> None:
        if self.graph is None:
            self.simulate()
        else:
            wp.capture_launch(self.graph)

    @staticmethod
    def _copy(source: list[Any], target: list[Any]) -> None:
        for a, b in zip(source, target, strict=True):
            for name in ("body_q", "body_qd", "joint_q", "joint_qd", "particle_q", "particle_qd"):
                if getattr(a, name, None) is not None:
                    wp.copy(getattr(b, name), getattr(a, name))

    def reset(self) -> None:
        self._copy(self.start, self.states)

    def read(self) -> tuple[np.ndarray, ...]:
        raise NotImplementedError


class _SolidRun(_Run):
    def build(self, newton: Any, builder: Any) -> None:
        scene: SolidScene = self.scene
        config = newton.ModelBuilder.ShapeConfig(
            mu=scene.friction, restitution=0.0, mu_torsional=0.0, mu_rolling=0.0, gap=GAP
        )
        if self.settings.contact:
            mass = float(np.median([thing.mass for thing in scene.things]))
            config.ke, config.kd = (value * mass for value in self.settings.contact)
        if scene.terrain is None:
            builder.add_ground_plane(cfg=config)
        else:
            rows, columns = scene.terrain.heights.shape
            half = 0.5 * scene.terrain.cell * (rows - 1)
            # rows run along -y of the Z-up world
            grid = newton.Heightfield(
                data=np.ascontiguousarray(scene.terrain.heights[::-1]), nrow=rows, ncol=columns, hx=half, hy=half
            )
            builder.add_shape_heightfield(heightfield=grid, cfg=config)
        for centre, size in scene.walls:
            half = np.abs(z_up(size)) / 2
            builder.add_shape_box(
                -1, xform=wp.transform(z_up(centre), wp.quat_identity()), hx=half[0], hy=half[1], hz=half[2], cfg=config
            )
        for thing in scene.things:
            place = wp.transform(wp.vec3(*z_up(thing.position)), wp.quat(*turn_z_up(thing.orientation)))
            body = builder.add_body(xform=place)
            own = config.copy()
            own.density = thing.mass / thing.volume
            if thing.kind == "box":
                half = np.abs(z_up(thing.size)) / 2
                builder.add_shape_box(body, hx=half[0], hy=half[1], hz=half[2], cfg=own)
            elif thing.kind == "sphere":
                builder.add_shape_sphere(body, radius=float(thing.size[0]), cfg=own)
            else:
                builder.add_shape_convex_hull(body, mesh=_hull_mesh(newton, thing.size), cfg=own)

    def read(self) -> tuple[np.ndarray, ...]:
        pose, twist = self.states[0].body_q.numpy(), self.states[0].body_qd.numpy()
        return pose[:, :3].copy(), pose[:, 3:].copy(), twist[:, :3].copy(), twist[:, 3:].copy()


def _hull_mesh(newton: Any, points: np.ndarray) -> Any:
    from physim.shapes import Hull

    triangles = Hull(points).triangles
    return newton.Mesh(z_up(triangles.vertices).astype(np.float32), triangles.faces.reshape(-1).astype(np.int32))


@wp.kernel(enable_backward=False)
def wind_kernel(
    x: wp.array(dtype=wp.vec3),
    v: wp.array(dtype=wp.vec3),
    faces: wp.array2d(dtype=int),
    wind: wp.vec3,
    normal_drag: float,
    skin: float,
    f: wp.array(dtype=wp.vec3),
):
    """Pressure rho/2 (u . n)^2 and skin friction on every triangle, a third of the force to each corner."""
    t = wp.tid()
    i, j, k = faces[t, 0], faces[t, 1], faces[t, 2]
    area2 = wp.cross(x[j] - x[i], x[k] - x[i])
    length = wp.length(area2) + 1.0e-12
    n = area2 / length
    u = wind - (v[i] + v[j] + v[k]) / 3.0
    along = wp.dot(u, n)
    slip = u - along * n
    force = (0.5 * length * 0.5 * 1.204 / 3.0) * (
        normal_drag * wp.abs(along) * along * n + skin * wp.length(slip) * slip
    )
    wp.atomic_add(f, i, force)
    wp.atomic_add(f, j, force)
    wp.atomic_add(f, k, force)


class _ClothRun(_Run):
    def build(self, newton: Any, builder: Any) -> None:
        scene: ClothScene = self.scene
        config = newton.ModelBuilder.ShapeConfig(mu=scene.friction, ke=1e5, kd=1e-3 * 1e5)
        builder.add_ground_plane(cfg=config)
        place = wp.transform(wp.vec3(*z_up(np.array(scene.centre))), wp.quat_identity())
        builder.add_shape_sphere(-1, xform=place, radius=scene.radius, cfg=config)
        rest, faces = scene.sheet.rest, scene.sheet.faces
        vertices = [wp.vec3(float(x), float(y), 0.0) for x, y in rest]
        edge = scene.sheet.size[0] / scene.sheet.cells[0]
        mass = scene.areal_density * np.prod(scene.sheet.size) / len(rest)
        # 0.25 edge lengths: thick enough that no face between vertices reaches the ball's surface
        common = dict(
            pos=wp.vec3(0.0, 0.0, scene.height), rot=wp.quat_identity(), vel=wp.vec3(0.0, 0.0, 0.0),
            density=float(mass * len(rest) / np.prod(scene.sheet.size)), particle_radius=0.25 * edge,
        )  # fmt: skip
        flat = faces.reshape(-1).tolist()
        if self.name == "style3d":
            from newton.solvers import style3d

            style3d.add_cloth_mesh(
                builder, vertices=vertices, indices=flat, scale=1.0,
                tri_aniso_ke=wp.vec3(scene.stretch, scene.stretch, scene.shear),
                edge_aniso_ke=wp.vec3(scene.bending, scene.bending, scene.bending), **common,
            )  # fmt: skip
            return
        builder.add_cloth_mesh(
            vertices=vertices, indices=flat, scale=1.0, tri_ke=0.5 * scene.stretch, tri_ka=0.5 * scene.stretch,
            tri_kd=0.0 if self.name == "vbd" else 1.0, edge_ke=3.0 * scene.bending, edge_kd=0.0,
            **common,
        )  # fmt: skip

    def tune(self, newton: Any) -> None:
        self.model.soft_contact_ke = 1.0e4 if self.name != "semi-implicit" else 1.0e3
        self.model.soft_contact_kd = 1.0e-4 if self.name == "vbd" else 1.0
        self.model.soft_contact_mu = self.scene.friction
        self.faces = wp.array(self.scene.sheet.faces, dtype=int, ndim=2)
        self.wind = wp.vec3(*z_up(np.array(self.scene.wind)))

    def push(self, state: Any) -> None:
        wp.launch(
            wind_kernel,
            dim=self.faces.shape[0],
            inputs=[state.particle_q, state.particle_qd, self.faces, self.wind, 1.0, 0.02],
            outputs=[state.particle_f],
        )

    def read(self) -> tuple[np.ndarray, ...]:
        return (self.states[0].particle_q.numpy().copy(),)
