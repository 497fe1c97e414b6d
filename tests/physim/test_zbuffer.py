"""Outlines of convex solids by rows are those of their triangles."""

import numpy as np
import pytest

from physim.camera import Camera
from physim.shapes import Box, Cylinder, Sphere
from physim.zbuffer import convex_drawn, depth_of, placed

TURN = (0.2, 0.5, -0.1, 0.83)


@pytest.mark.parametrize("shape", [Sphere(0.11), Cylinder(0.1, 0.02), Cylinder(0.03, 0.3), Box((0.2, 0.1, 0.05))])
@pytest.mark.parametrize("at", [(0.0, 0.0, 1.0), (0.21, -0.13, 0.7)])  # the second leaves the picture
def test_a_convex_solid_is_drawn_where_its_triangles_are(shape, at):
    camera = Camera(90.0, (40.0, 30.0), (60, 80), np.eye(4))
    mesh = placed(shape.triangles, at, np.array(TURN) / np.linalg.norm(TURN))
    drawn = convex_drawn(mesh, camera)
    assert drawn.any()
    assert np.array_equal(drawn, np.isfinite(depth_of(mesh, camera)))


def test_a_solid_beside_the_picture_is_not_drawn():
    camera = Camera(90.0, (40.0, 30.0), (60, 80), np.eye(4))
    assert not convex_drawn(placed(Sphere(0.1).triangles, (2.0, 0.0, 1.0)), camera).any()
