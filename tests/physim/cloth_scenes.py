"""Scenes of cloth whose answers are known."""

import numpy as np

import physim
from physim.solver_cloth import ClothSolver
from physim.solver_rigid import RigidSolver

NO_AIR = dict(drag_coefficient=0.0, skin_friction=0.0)


def fabric(stretch=100.0, bending=0.0, density=0.2, **values):
    """Isotropic, without loss and air unless said."""
    rest = {"poisson": 0.0, "damping": 0.0, "shear": stretch / 2, **NO_AIR, **values}
    return physim.Cloth(
        "cotton", areal_density=density, stretch=(stretch, stretch), bending=(bending, bending), **rest
    )  # fmt: skip


def solver(scene, *, fps=24.0, refinement=1.0, plain=False, samples=8):
    """A cloth solver and the rigid solver that keeps its clock."""
    rigid = RigidSolver(scene, fps=fps, device="cpu", refinement=refinement, samples_per_frame=samples)
    cloth = ClothSolver(scene, rigid)
    rigid.couple(cloth)
    cloth.plain = plain
    return rigid, cloth


def irregular(length, width, cells, seed=3):
    """A strip whose inner points are moved at random by up to 0.3 of a cell, in Delaunay's triangles."""
    from scipy.spatial import Delaunay

    sheet = physim.Sheet((length, width), cells)
    cell = np.array([length / cells[0], width / cells[1]])
    rest = sheet.rest.copy()
    move = np.random.default_rng(seed).uniform(-0.3, 0.3, rest.shape) * cell
    move[np.abs(np.abs(rest[:, 0]) - length / 2) < 1e-9, 0] = 0
    move[np.abs(np.abs(rest[:, 1]) - width / 2) < 1e-9, 1] = 0
    rest += move
    faces = Delaunay(rest / cell).simplices
    p = rest[faces]
    a, b = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
    area = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    faces = np.where((area < 0)[:, None], faces[:, ::-1], faces)[np.abs(area) > 1e-3 * cell.prod()]
    return physim.Pattern(rest, faces)
