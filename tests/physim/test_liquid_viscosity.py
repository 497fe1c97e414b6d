import numpy as np
import pytest
import warp as wp
from liquid_tanks import wall_areas

from physim.liquid_viscosity import Viscosity


def floats(values):
    return wp.array(np.ascontiguousarray(values, dtype=np.float32), dtype=float, device="cpu")


def channel(cells, *, cling, number, open_sides):
    shape = (80, cells, 4)  # long: its ends are free, and shear there bends
    areas = wall_areas(shape, open_sides)
    zeros = [np.zeros_like(a) for a in areas]
    phi = floats(np.full(shape, -1.0))
    stage = Viscosity(shape, number, cling, wp.get_device("cpu"))
    return stage, [floats(a) for a in areas], [floats(z) for z in zeros], [floats(z) for z in zeros], phi


ENDS = ((0, 0), (0, -1), (2, 0), (2, -1))


def test_flow_between_plates_becomes_a_parabola():
    """Plane Poiseuille, u = a y (H - y) / (2 nu): half-cell walls err by a quarter of a cell in y (H - y)."""
    cells, number, push = 16, 40.0, 0.1
    stage, area, solid, u, phi = channel(cells, cling=True, number=number, open_sides=ENDS)
    for _ in range(25):
        u[0].assign(u[0].numpy() + push)
        stage.diffuse(u, phi, area, solid)
    y = np.arange(cells) + 0.5
    exact = push / number * y * (cells - y) / 2
    np.testing.assert_allclose(u[0].numpy()[40, :, 2], exact, atol=0.01 * exact.max())


@pytest.mark.parametrize("number", [0.3, 30.0])
def test_shear_decays_as_the_implicit_step_says(number):
    """u = cos(pi y / H) between plates that it slides along: each step leaves 1 / (1 + c (2 sin(pi / 2H))^2)."""
    cells = 16
    stage, area, solid, u, phi = channel(cells, cling=False, number=number, open_sides=ENDS)
    start = np.cos(np.pi * (np.arange(cells) + 0.5) / cells)
    u[0].assign(np.broadcast_to(start[None, :, None], u[0].shape))
    stage.diffuse(u, phi, area, solid)
    rate = 1 / (1 + number * (2 * np.sin(np.pi / (2 * cells))) ** 2)
    np.testing.assert_allclose(u[0].numpy()[40, :, 2], rate * start, atol=2e-3)


@pytest.mark.parametrize("number", [0.5, 20.0])
def test_a_spinning_drop_in_the_air_keeps_spinning(number):
    """No stress in rigid motion and none across the surface: any axis, any viscosity."""
    shape = (12, 12, 12)
    areas = wall_areas(shape, [(a, e) for a in range(3) for e in (0, -1)])
    centres = np.stack(np.meshgrid(*(np.arange(n) + 0.5 for n in shape), indexing="ij"), -1)
    phi = floats(np.linalg.norm(centres - 6.0, axis=-1) - 3.7)
    spin, drift = np.array([0.3, -0.8, 0.5]), np.array([0.2, 0.1, -0.4])
    u = []
    for axis in range(3):
        shift = np.full(3, 0.5)
        shift[axis] = 0.0
        at = np.stack(np.meshgrid(*(np.arange(n) for n in areas[axis].shape), indexing="ij"), -1) + shift
        u.append(floats((np.cross(spin, at - 6.0) + drift)[..., axis]))
    before = [a.numpy().copy() for a in u]
    stage = Viscosity(shape, number, False, wp.get_device("cpu"))
    solid = [wp.zeros_like(a) for a in u]
    stage.diffuse(u, phi, [floats(a) for a in areas], solid)
    for got, expected in zip(u, before, strict=True):
        np.testing.assert_allclose(got.numpy(), expected, atol=0.02)
