"""What the tests of the rigid solver share: materials without air, and a run of a scene."""

from physim.materials import Rigid, Static
from physim.scene import Scene
from physim.solver_rigid import RigidSolver

G = 9.81


def rigid(**values) -> Rigid:
    """A material without air, so that closed forms of mechanics hold."""
    return Rigid(**{"drag_coefficient": 0.0, "restitution": 0.0, "friction": 0.0, **values})


def smooth(**values) -> Static:
    return Static(**{"restitution": 0.0, "friction": 0.0, **values})


def run(scene: Scene, seconds: float, fps: float = 60.0, **kwargs) -> RigidSolver:
    solver = RigidSolver(scene, fps=fps, device="cpu", **kwargs)
    for _ in range(round(seconds * fps)):
        solver.frame()
    return solver
