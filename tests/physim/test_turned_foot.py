"""Turned bodies stand: their foot is flat, whatever a pixel of the outline says, and steep looks are no profiles."""

import numpy as np
import pytest

from physim.camera import Camera
from physim.lift import lift
from physim.lift_turned import turned
from physim.shapes import Mesh
from physim.shot import Lift
from physim.view import on_plane
from physim.zbuffer import depth_of, placed

SIZE = (240, 320)
PAWN = np.array([(0, 0), (0.06, 0), (0.06, 0.02), (0.025, 0.08), (0.02, 0.15), (0.035, 0.18), (0.02, 0.21), (0, 0.22)])


def seen(pitch):
    """A pawn's mask, the camera, and the middle of its foot (x, z)."""
    camera = Camera.looking(SIZE, fov_deg=25, pitch_deg=pitch, height=0.15 + 0.9 * np.tan(np.radians(pitch)))
    x, _, z = on_plane(camera, np.array([160.0, 180.0]), 0.0)
    return np.isfinite(depth_of(placed(Mesh.revolved(PAWN).triangles, (x, 0.0, z)), camera)), camera, (x, z)


@pytest.mark.parametrize("tip", [0, 1, 2])
def test_the_foot_of_a_turned_body_is_as_wide_as_what_stands_on_it(tip):
    """A speck of shadow under the rim must not become a point to stand on (1 pixel of it: 1 cm of radius for 6)."""
    mask, camera, (x, z) = seen(12)
    v, u = np.mgrid[: SIZE[0], : SIZE[1]]
    low = np.flatnonzero(mask.any(1))[-1]
    mask |= (np.abs(u - 160) < 5) & (v <= low + tip) & (v > low - 5)
    found = turned(mask, camera, on_plane(camera, np.array([160.0, low + tip + 1.0]), 0.0), 0.0)
    assert found is not None
    mesh, _ = found
    foot = mesh.vertices[mesh.vertices[:, 1] < 1e-6][:, [0, 2]]
    centre = (foot.min(0) + foot.max(0)) / 2
    assert np.ptp(foot[:, 0]) / 2 == pytest.approx(0.06, rel=0.15)
    assert np.hypot(*(centre - (x, z))) < 0.003 + 0.005 * tip  # a row of the photo is 5 mm of the ground


def test_seen_steeply_an_outline_is_no_profile():
    flat, camera, _ = seen(12)
    assert lift(flat, camera, Lift(), support=0.0).how == "turned body"
    steep, camera, _ = seen(50)
    assert lift(steep, camera, Lift(), support=0.0).how != "turned body"
