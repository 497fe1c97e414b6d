"""Modes of a gas grid against closed forms: periodic, viscous, driven, streaming, heavy, in the plane."""

import numpy as np
import pytest

from physim.gas import GasGrid, open_areas
from physim.gas_diffusion import stage_count, stages
from physim.gas_state import OPEN, PERIODIC, WALL, GasSettings, Side

STILL = dict(origin=(0.0, 0.0, 0.0), gravity=(0.0, 0.0, 0.0), sponge=0.0)
STICKY = Side("no-slip")


def plane(cells, *, sides, dt, cell, **more):
    """A gas in the plane of y and z."""
    settings = GasSettings((1, *cells), cell=cell, dt=dt, sides=(WALL, WALL, *sides), **{**STILL, **more})
    return GasGrid(settings, device="cpu")


def vortices(n):
    """Taylor-Green array on (0, 2 pi)^2: y and z velocity on the faces."""
    face, centre = np.arange(n + 1) * 2 * np.pi / n, (np.arange(n) + 0.5) * 2 * np.pi / n
    v = (np.sin(face)[:, None] * np.cos(centre))[None]
    return np.zeros((2, n, n)), v, (-np.cos(centre)[:, None] * np.sin(face))[None]


@pytest.mark.parametrize("viscosity", [0.0, 0.02])
def test_periodic_vortices_decay_as_the_exact_solution(viscosity):
    n, dt = 64, 0.05
    gas = plane((n, n), sides=(PERIODIC,) * 4, dt=dt, cell=2 * np.pi / n, viscosity=viscosity, carries_density=False)
    start = vortices(n)
    gas.set_velocity(start)
    for _ in range(100):
        gas.frame()
    kept = np.exp(-2 * viscosity * 5.0)
    # energy: 0.45 % lost to interpolation where nothing else is; the velocity is right to half of it
    for got, wanted in zip(gas.state.u[1:], start[1:], strict=True):
        assert np.abs(got.numpy() - kept * wanted).max() < 0.01
    np.testing.assert_allclose(gas.state.u[1].numpy()[:, 0], gas.state.u[1].numpy()[:, -1], atol=1e-6)


def test_a_driven_channel_reaches_the_parabola_of_poiseuille():
    n, viscosity, push = 32, 0.1, 0.8
    gas = plane(
        (n, 8), sides=(STICKY, STICKY, PERIODIC, PERIODIC), dt=0.05, cell=1 / n, viscosity=viscosity,
        force=(0.0, 0.0, push), carries_density=False, carries_temperature=False,
    )  # fmt: skip
    for _ in range(160):
        gas.frame()
    y = (np.arange(n) + 0.5) / n
    wanted = push / (2 * viscosity) * y * (1 - y)
    # the parabola with walls at half a cell is exact but for h^2 / 4 of its curvature at the walls
    np.testing.assert_allclose(gas.velocity[0, :, 4, 2], wanted, atol=0.003)


def test_between_a_moving_and_a_still_wall_shear_is_even():
    n = 16
    lid = Side("no-slip", velocity=(0.0, 0.0, 1.0))
    gas = plane((n, 4), sides=(STICKY, lid, PERIODIC, PERIODIC), dt=0.1, cell=1 / n, viscosity=0.2)
    for _ in range(100):
        gas.frame()
    np.testing.assert_allclose(gas.velocity[0, :, 2, 2], (np.arange(n) + 0.5) / n, atol=2e-4)


def test_a_puff_spreads_and_travels_as_diffusion_and_wind_say():
    n, spread, start = 64, 0.001, 0.05
    gas = plane((n, n), sides=(PERIODIC,) * 4, dt=0.02, cell=1 / n, diffusion=spread, density_substeps=3)
    y, z = np.meshgrid(*((np.arange(n) + 0.5) / n for _ in range(2)), indexing="ij")
    gas.set_density(np.exp(-((y - 0.5) ** 2 + (z - 0.5) ** 2) / (2 * start**2))[None])
    gas.set_velocity((np.zeros((2, n, n)), np.full((1, n + 1, n), 0.5), np.full((1, n, n + 1), 1.0)))
    mass = gas.density.sum(dtype=np.float64)
    for _ in range(50):
        gas.frame()
    q = gas.density[0].astype(np.float64)
    assert q.sum() == pytest.approx(mass, rel=1e-6)
    # after one second it went half the box up and once around
    wide = np.sqrt((q * (((y - 0.0 + 0.5) % 1 - 0.5) ** 2)).sum() / q.sum())
    assert wide == pytest.approx(np.sqrt(start**2 + 2 * spread), rel=0.01)
    assert q.max() == pytest.approx(start**2 / (start**2 + 2 * spread), rel=0.03)


def test_temperature_spreads_through_open_faces_only():
    n = 24
    areas = list(open_areas((1, n, n)))
    areas[2] = areas[2].copy()
    areas[2][:, :, n // 2] = 0.0  # a wall in the middle
    settings = GasSettings((1, n, n), cell=1 / n, dt=0.05, sides=(WALL,) * 6, diffusion=0.05, **STILL)
    gas = GasGrid(settings, tuple(areas), device="cpu")
    warm = np.zeros((1, n, n))
    warm[:, :, : n // 2] = 10.0
    gas.set_temperature(warm)
    for _ in range(40):
        gas.frame()
    np.testing.assert_allclose(gas.temperature, warm, atol=1e-3)


def test_what_enters_a_channel_leaves_it():
    shape = (24, 48)
    inlet, outlet = Side("inflow", velocity=(0, 0, 1.0), density=0.5), Side("outflow", velocity=(0, 0, 1.0))
    areas = list(open_areas((1, *shape)))
    areas[1] = areas[1].copy()
    areas[2] = areas[2].copy()
    areas[1][:, 10:15, 12:16] = 0.0
    areas[2][:, 10:14, 12:17] = 0.0
    settings = GasSettings(
        (1, *shape),
        cell=1 / 24,
        dt=0.02,
        sides=(WALL,) * 4 + (inlet, outlet),
        density_substeps=2,
        iterations=8,
        **STILL,
    )
    gas = GasGrid(settings, tuple(areas), device="cpu")
    gas.set_velocity((np.zeros((2, *shape)), np.zeros((1, 25, 48)), np.ones((1, 24, 49))))
    for _ in range(180):
        gas.frame()
    w = gas.state.u[2].numpy()[0]
    np.testing.assert_allclose(w.sum(0), 24.0, rtol=2e-5)
    assert gas.divergence() < 1e-5 * np.abs(gas.velocity).max()
    # the stream is even again along the walls; what flows in has come past the block by then
    assert gas.density[0, 2, :].min() == pytest.approx(0.5, abs=1e-3)


def test_a_plane_and_a_thin_box_give_the_same():
    n = 32
    results = []
    for depth in (1, 4):
        settings = GasSettings(
            (depth, n, n), cell=1 / n, dt=0.03, sides=(WALL,) * 6, **{**STILL, "gravity": (0, -9.81, 0)}
        )
        gas = GasGrid(settings, device="cpu")
        y, z = np.meshgrid(*((np.arange(n) + 0.5) / n for _ in range(2)), indexing="ij")
        gas.set_temperature(50.0 * np.exp(-(((y - 0.3) ** 2 + (z - 0.5) ** 2) / 0.02))[None])
        for _ in range(20):
            gas.frame()
        results.append(gas.velocity[0])
    assert np.abs(results[0]).max() > 0.1
    np.testing.assert_allclose(results[0], results[1], atol=2e-4)


@pytest.mark.parametrize(("heaviness", "added"), [(0.5, 1.0), (3.0, 1.0)])
def test_a_disc_of_other_density_starts_with_its_added_mass(heaviness, added):
    """a = g (1 - r) / (r + C), C = 1 for a cylinder; r = density over that of the air."""
    n, radius, dt = 128, 8.0, 0.01
    gas = plane((n, n), sides=(WALL,) * 4, dt=dt, cell=1.0, heaviness=heaviness, iterations=10, gravity=(0, -9.81, 0))
    y, z = np.meshgrid(*(np.arange(n) + 0.5 - n / 2 for _ in range(2)), indexing="ij")
    r = np.hypot(y, z)
    gas.set_density(np.clip(radius + 0.5 - r, 0, 1)[None])
    gas.set_velocity(tuple(np.zeros_like(a) for a in open_areas((1, n, n))))
    gas.frame()
    got = gas.velocity[0][..., 1][r < radius / 2].mean() / dt
    assert got == pytest.approx(9.81 * (1 - heaviness) / (heaviness + added), rel=0.03)


def test_the_stages_of_diffusion_are_of_second_order():
    """For y' = -y the stages reproduce exp(-z) up to z^2, whatever their number."""

    def factor(z, count):
        base, before, last = 1.0, 1.0, 1.0
        for mu, nu, mt, gt in stages(count):
            before, last = last, mu * last + nu * before + (1 - mu - nu) * base - mt * z * last - gt * z * base
        return last

    for count in (3, 5, 9):
        errors = [abs(factor(z, count) - np.exp(-z)) for z in (0.02, 0.01)]
        assert np.log2(errors[0] / errors[1]) == pytest.approx(3.0, abs=0.1)
        assert abs(factor((count**2 + count - 2) / 2, count)) <= 1.0  # the end of its range
    assert stage_count(1e-4, 3) == 3 and stage_count(10.0, 3) % 2 == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (dict(shape=(2, 8, 8)), "at least 4 along each axis, or 1 along x"),
        (dict(sides=(WALL, WALL, PERIODIC, WALL, WALL, WALL)), "one side across y is periodic"),
        (dict(viscosity=-1.0), "gas viscosity is -1.0, expected at least 0"),
        (dict(heaviness=0.0), "gas heaviness is 0.0, expected more than 0"),
    ],
)
def test_impossible_settings_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        GasSettings(**{**dict(shape=(8, 8, 8), cell=1.0, dt=0.1, **STILL), **change})
    with pytest.raises(ValueError, match="expected one of slip, no-slip"):
        Side("sticky")


def test_an_outflow_beside_an_open_side_is_refused():
    settings = GasSettings((8, 8, 8), cell=1.0, dt=0.1, sides=(WALL, WALL, WALL, OPEN, WALL, Side("outflow")), **STILL)
    with pytest.raises(ValueError, match="an outflow and an open side"):
        GasGrid(settings, device="cpu")


def test_rows_of_clear_air_may_be_left_out():
    # a blob in a swirl of random, divergence-free velocity: the same to the last bit as with every row computed
    rng = np.random.default_rng(5)
    blob = np.zeros((24, 24, 24))
    blob[10:14, 4:9, 10:14] = rng.uniform(0.2, 1.0, (4, 5, 4))
    found = []
    for everywhere in (False, True):
        settings = GasSettings((24, 24, 24), (0.0, 0.0, 0.0), 0.1, 0.1, density_substeps=2)
        gas = GasGrid(settings, device="cpu")
        gas.set_density(blob)
        rng = np.random.default_rng(6)
        gas.set_velocity(tuple(rng.uniform(-1.0, 1.0, a.shape) for a in open_areas(settings.shape)))
        if everywhere:
            gas._density._everywhere = True
            gas._density._rows_near.fill_(1)
        gas.carry_density(tuple(u.numpy() for u in gas.state.u), 3)
        found.append(gas.density)
    np.testing.assert_array_equal(found[0], found[1])
    assert 0 < (found[0] > 0).sum() < 24**3
