"""Mesh files."""

import numpy as np
import pytest
import trimesh

from physim.mesh import read_mesh


def test_a_closed_mesh_keeps_its_volume_and_turns_outward(tmp_path):
    box = trimesh.creation.box(extents=(0.1, 0.2, 0.3))
    box.invert()
    box.export(tmp_path / "box.obj")
    volume, centroid, _ = read_mesh(tmp_path / "box.obj").mass_properties()
    assert volume == pytest.approx(0.006)
    assert np.allclose(centroid, 0, atol=1e-9)


def test_an_open_a_missing_and_a_broken_file_are_named(tmp_path):
    box = trimesh.creation.box()
    box.update_faces(np.arange(10))
    box.export(tmp_path / "open.ply")
    (tmp_path / "junk.obj").write_text("hello")
    for file, why in (("open.ply", "not closed"), ("none.stl", "no mesh file"), ("junk.obj", "junk")):
        with pytest.raises(ValueError, match=f"vase.*{why}"):
            read_mesh(tmp_path / file, name="vase")
