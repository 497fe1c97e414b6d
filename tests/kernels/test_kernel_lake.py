"""Kernels of shallow water and of the filter for short waves."""

import numpy as np
import pytest
import warp as wp
from physim_kernels import shallow, waves

from physim import lake_grid
from physim.lake import Lake

G = 9.81


def sloped_field(chunked: bool, monkeypatch):
    """A field over a shore with seeded waves and motion; ``chunked``: one cell per thread, as on a GPU."""
    rng = np.random.default_rng(3)
    lake = Lake(size=(3.0, 2.0), depth=0.5, cells=30)
    bed = np.linspace(-0.5, 0.2, 30)[None, :] + 0.05 * rng.standard_normal((20, 30))
    f = lake_grid.make_field(lake, bed, 0.05 * rng.standard_normal((20, 30)), wp.get_device("cpu"))
    for name, open in (("u", "open_x"), ("w", "open_z")):
        f.arrays[name].assign(0.3 * rng.standard_normal(f.u.shape[0]) * f.arrays[open].numpy())
    if chunked:
        monkeypatch.setattr(shallow, "_pieces", lambda f, device, extra: ((f.rows + extra, f.columns + extra), 1))
    return f


def step(f) -> None:
    device = wp.get_device("cpu")
    shallow.slope(f, device=device)
    shallow.momentum(f, dt=0.01, gravity=G, drag=0.003, current=(0.0, 0.0), device=device)
    for name in ("u", "w"):
        shallow.rim(f.edge, f.arrays[name])
    shallow.flux(f, device=device)
    shallow.fill(f, dt=0.01, device=device)
    for name in ("h", "eta", "qx", "qz"):
        shallow.rim(f.edge, f.arrays[name])


def test_single_cells_and_whole_rows_give_the_same(monkeypatch):
    rows = sloped_field(False, monkeypatch)
    for _ in range(5):
        step(rows)
    cells = sloped_field(True, monkeypatch)
    for _ in range(5):
        step(cells)
    for name in ("h", "u", "w", "qx", "qz"):  # to the bit, but for what a compiler may contract
        np.testing.assert_allclose(rows.arrays[name].numpy(), cells.arrays[name].numpy(), rtol=0, atol=1e-13)


def test_a_step_keeps_volume_and_depth_above_zero(monkeypatch):
    f = sloped_field(False, monkeypatch)
    before = f.read("h").sum()
    for _ in range(100):
        step(f)
    assert f.read("h").min() >= 0
    assert f.read("h").sum() == pytest.approx(before, rel=1e-13)


def test_discharge_of_a_smooth_state_is_that_of_a_plain_numpy_step():
    """Away from shores and limiters a step of a linear slope is closed form: du = -g dt s, q = u h."""
    lake = Lake(size=(3.2, 0.8), depth=1.0, cells=32)
    x = (np.arange(32) + 0.5) * 0.1
    surface = np.tile(0.01 * x, (8, 1))
    f = lake_grid.make_field(lake, np.full((8, 32), -1.0), surface, wp.get_device("cpu"))
    step_dt, slope = 0.01, 0.01
    device = wp.get_device("cpu")
    shallow.slope(f, device=device)
    shallow.momentum(f, dt=step_dt, gravity=G, drag=0.0, current=(0.0, 0.0), device=device)
    shallow.flux(f, device=device)
    u, q = f.faces("u", 0)[4, 2:-2], f.faces("qx", 0)[4, 2:-2]
    np.testing.assert_allclose(u, -G * step_dt * slope, rtol=1e-12)
    face = 1.0 + 0.01 * x[1:-2] + 0.01 * 0.05
    np.testing.assert_allclose(q[: len(face)], u[: len(face)] * face, rtol=1e-10)


@pytest.mark.parametrize("size", [(8, 32), (64, 16), (1, 64)])
def test_the_transform_is_that_of_numpy_in_bit_reversed_order(size):
    rng = np.random.default_rng(0)
    field = (rng.standard_normal(size) + 1j * rng.standard_normal(size)).astype(np.complex64)
    pair = tuple(wp.array(np.ascontiguousarray(a), dtype=float, device="cpu") for a in (field.real, field.imag))
    angle = 2 * np.pi * np.arange(max(size[0] // 2, 1)) / size[0]
    turns = tuple(wp.array(a.astype(np.float32), dtype=float, device="cpu") for a in (np.cos(angle), np.sin(angle)))
    waves.transform(pair, turns, forward=True)
    got = pair[0].numpy() + 1j * pair[1].numpy()
    expected = np.fft.fft(field, axis=0)[lake_grid.bit_reversed(size[0])]
    np.testing.assert_allclose(got, expected, atol=2e-6 * np.abs(expected).max())  # float32
    waves.transform(pair, turns, forward=False)
    back = (pair[0].numpy() + 1j * pair[1].numpy()) / size[0]
    np.testing.assert_allclose(back, field, atol=2e-6 * np.abs(field).max())


def test_the_filter_is_the_multiplication_of_the_spectrum():
    rng = np.random.default_rng(1)
    lake = Lake(size=(6.4, 3.2), depth=0.7, cells=64, periodic=True)
    f = lake_grid.make_field(lake, np.full((32, 64), -0.7), np.zeros((32, 64)), wp.get_device("cpu"))
    slopes = rng.standard_normal((2, 32, 64))
    f.px.assign(lake_grid.padded(slopes[0], periodic=True))
    f.pz.assign(lake_grid.padded(slopes[1], periodic=True))
    basin = lake_grid.make_basin(
        lake, f, np.full((32, 64), 0.7), dt=0.01, gravity=G, tension=7e-5, device=wp.get_device("cpu")
    )
    waves.disperse(f, basin)
    table = lake_grid.response((32, 64), 0.1, 0.01, 0.7, G, 7e-5)
    for name, given in (("px", slopes[0]), ("pz", slopes[1])):
        expected = np.fft.ifft2(np.fft.fft2(given) * table).real
        np.testing.assert_allclose(f.read(name), expected, atol=1e-5 * np.abs(given).max())  # float32


def test_the_filter_over_relief_is_symmetric_so_that_no_wave_can_grow():
    rng = np.random.default_rng(2)
    lake = Lake(size=(3.2, 3.2), depth=2.0, cells=32, outline=None, open=("+x", "+z"))
    depth = np.linspace(0.05, 2.0, 32)[None, :].repeat(32, 0)
    f = lake_grid.make_field(lake, -depth, np.zeros((32, 32)), wp.get_device("cpu"))
    basin = lake_grid.make_basin(lake, f, depth, dt=0.01, gravity=G, tension=7e-5, device=wp.get_device("cpu"))
    assert len(basin.tables) == 3

    def filtered(x):
        f.px.assign(lake_grid.padded(x, periodic=False) * f.open_x.numpy())
        f.pz.zero_()
        start = f.px.numpy().copy()
        waves.disperse(f, basin)
        return start, f.px.numpy() * f.open_x.numpy()

    (a, ta), (b, tb) = (filtered(rng.standard_normal((32, 32))) for _ in range(2))
    assert a @ tb == pytest.approx(b @ ta, rel=1e-3, abs=1e-4 * np.sqrt((a @ ta) * (b @ tb)))
    assert a @ ta > 0
