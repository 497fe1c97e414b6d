"""Decomposition through a stand-in for the library: what comes back, with which mass, and how it moves."""

import sys
from types import ModuleType

import numpy as np
import pytest
from rigid_cases import rigid, run, smooth

from physim.decompose import decompose
from physim.scene import Scene
from physim.shapes import Box, Mesh, Plane, Sphere, Triangles


def joined(*boxes: tuple[tuple[float, float, float], tuple[float, float, float]]) -> Triangles:
    """Boxes (size, centre) side by side as one mesh; closed, though not welded."""
    vertices, faces, count = [], [], 0
    for size, centre in boxes:
        mesh = Box(size).triangles
        vertices.append(mesh.vertices + centre)
        faces.append(mesh.faces + count)
        count += len(mesh.vertices)
    return Triangles(np.concatenate(vertices), np.concatenate(faces))


TABLE = (((0.4, 0.04, 0.4), (0, 0.2, 0)), ((0.04, 0.18, 0.4), (-0.18, 0.09, 0)), ((0.04, 0.18, 0.4), (0.18, 0.09, 0)))
"""A board on two walls: its hull is a solid block."""


@pytest.fixture
def coacd(monkeypatch):
    """The interface of the library as far as it is used; the pieces are the boxes themselves, 10 % too large."""
    fake, asked = ModuleType("coacd"), {}

    def run_coacd(mesh, **options):
        asked.update(options, vertices=len(mesh[0]))
        pieces = [(Box(tuple(1.1 * np.array(s))).triangles.vertices + c, None) for s, c in TABLE]
        return [*pieces, (np.zeros((5, 3)), None)]

    fake.Mesh = lambda vertices, faces: (vertices, faces)
    fake.run_coacd = run_coacd
    monkeypatch.setitem(sys.modules, "coacd", fake)
    return asked


def test_pieces_have_the_mass_of_the_mesh_and_flat_ones_are_left_out(coacd):
    mesh = Mesh(joined(*TABLE))
    compound = decompose(mesh, concavity=0.1, count=7, seed=3)
    assert len(compound.parts) == 3
    assert compound.volume == pytest.approx(mesh.volume, rel=1e-9)
    assert compound.offset == pytest.approx(mesh.triangles.mass_properties()[1], abs=1e-9)
    assert (coacd["threshold"], coacd["max_convex_hull"], coacd["seed"], coacd["vertices"]) == (0.1, 7, 3, 24)


def test_a_ball_rolls_under_a_table_that_is_made_of_pieces(coacd):
    """The table stands over the ball's way; its convex hull would be hit."""
    compound = decompose(Mesh(joined(*TABLE)))
    scene = Scene()
    scene.add(Plane(), smooth(friction=0.5))
    lift = (0.0, compound.offset[1] + 0.009, 0.0)
    scene.add(compound, rigid(friction=0.5), name="table", position=lift)
    scene.add(Sphere(0.05), rigid(friction=0.5), name="ball", position=(0, 0.05, -0.5), velocity=(0, 0, 1.4))
    solver = run(scene, 1.0)
    position, _, velocity, _ = solver.poses()
    assert position[1, 2] > 0.3 and abs(position[1, 0]) < 1e-3
    assert position[0] == pytest.approx(lift, abs=1e-3) and np.abs(velocity[0]).max() < 1e-3


def test_without_the_library_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "coacd", None)
    with pytest.raises(ImportError, match="pip install coacd"):
        decompose(Mesh(joined(*TABLE)))


@pytest.mark.parametrize(("options", "name"), [({"concavity": 2.0}, "concavity is 2.0"), ({"count": 0}, "count is 0")])
def test_arguments_out_of_range_are_refused(options, name):
    with pytest.raises(ValueError, match=name):
        decompose(Mesh(joined(*TABLE)), **options)
