"""Mesh files: the one place that calls trimesh."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from physim.shapes import Triangles


def read_mesh(path: str | os.PathLike, *, name: str = "mesh") -> Triangles:
    """A closed triangle mesh from any file trimesh reads (OBJ, PLY, STL, GLB, ...), faces outward, metres, Y up.

    Args:
        path: Of the file; several meshes in it are joined.
        name: Of the thing, for messages.

    Raises:
        ValueError: No such file, not a mesh, not closed.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{name}: there is no mesh file {str(path)!r}. Paths are relative to the shot file's folder.")
    import trimesh

    try:
        loaded = trimesh.load(path, force="mesh")
    except Exception as error:  # trimesh's readers raise whatever their format's parser does
        raise ValueError(f"{name}: {path.name!r} is not a mesh that can be read: {error}.") from None
    if not isinstance(loaded, trimesh.Trimesh) or len(loaded.faces) == 0:
        raise ValueError(f"{name}: {path.name!r} holds no triangles.")
    loaded.merge_vertices()
    if not loaded.is_watertight:
        raise ValueError(f"{name}: mesh {path.name!r} is not closed; a body needs an inside. Repair it first.")
    if loaded.volume < 0:
        loaded.invert()
    return Triangles(np.asarray(loaded.vertices, dtype=np.float64), np.asarray(loaded.faces, dtype=np.int32))
