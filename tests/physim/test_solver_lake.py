"""Lakes: bores, waves of every length, shores, rivers, and what falls in."""

import numpy as np
import pytest

import physim
from physim.lake import Lake
from physim.lake_grid import frequency, inside
from physim.materials import Liquid, Rigid
from physim.scene import Scene
from physim.shapes import Box, Emitter, HeightField, Sphere
from physim.solver_lake import LakeSolver

G = 9.81
SIDES = ("-x", "+x", "-z", "+z")


def solver(lake: Lake, fps: float = 24.0, material: Liquid | None = None) -> LakeSolver:
    scene = Scene()
    scene.add(lake, material or Liquid("water"), name="lake")
    return LakeSolver(scene, fps=fps)


def beach(cells: int = 64) -> HeightField:
    """A bowl with ripples in its bed that rises above the water all around, and an island."""
    x = np.linspace(-5, 5, cells + 1)
    xx, zz = np.meshgrid(x, x)
    island = 2.0 * np.exp(-((xx - 1) ** 2 + zz**2))
    return HeightField(-1.5 + 0.08 * (xx**2 + zz**2) + 0.2 * np.sin(3 * xx) + island, (-5.0, -5.0), 10 / cells)


@pytest.mark.parametrize("dispersive", [False, True])
def test_a_lake_over_a_beach_rests(dispersive):
    still = solver(Lake(size=(10, 10), bed=beach(), cells=80, dispersive=dispersive))
    water = still.waters[0]
    assert 0.2 < (water.depth > 0).mean() < 0.9  # there is shore
    for _ in range(24):
        still.frame()
    wave = np.sqrt(G * water.depth.max())
    assert np.abs(water.velocity()).max() < 1e-12 * wave
    assert np.nanmax(np.abs(water.eta())) < 1e-12
    assert water.volume() == pytest.approx(water.depth.sum() * water.lake.cell**2, rel=1e-14)


def ritter(t: float, x: np.ndarray, depth: float) -> np.ndarray:
    """Depth after a dam at x = 0 has gone (Ritter 1892)."""
    c = np.sqrt(G * depth)
    fan = np.clip(2 * c - x / t, 0, None) ** 2 / (9 * G)
    return np.where(x < -c * t, depth, np.where(x < 2 * c * t, fan, 0.0))


@pytest.mark.parametrize("axis", [0, 1])
def test_a_dam_break_is_that_of_ritter(axis):
    cells, length = 400, 20.0
    x = (np.arange(cells) + 0.5) / cells * length - length / 2
    surface = np.where(x < 0, 0.0, -1.0)
    thin = 4 * length / cells
    if axis == 0:
        lake = Lake((length, thin), depth=1.0, cells=cells, surface=np.tile(surface, (4, 1)), drag=0, dispersive=False)
    else:
        tall = np.tile(surface[:, None], (1, 4))
        lake = Lake((thin, length), depth=1.0, cells=cells, surface=tall, drag=0, dispersive=False)
    run = solver(lake)
    for _ in range(24):
        run.frame()
    water = run.waters[0]
    h, u = water.field.read("h"), water.velocity()[..., axis]
    h, u = (h[1], u[1]) if axis == 0 else (h[:, 1], u[:, 1])
    dam = slice(cells // 2 - 1, cells // 2 + 1)
    assert h[dam].mean() == pytest.approx(4 / 9, rel=0.03)
    assert (h * u)[dam].mean() == pytest.approx(8 / 27 * np.sqrt(G), rel=0.05)
    exact = ritter(1.0, x, 1.0)
    assert np.abs(h - exact).max() < 0.02  # of the depth; measured 0.015
    assert np.abs(h - exact).mean() < 0.003
    assert water.volume() == pytest.approx(1.0 * length / 2 * thin, rel=1e-13)


def test_a_bore_moves_at_the_speed_that_momentum_asks_for():
    """Water at speed u meets a wall: the bore runs back so that mass and momentum are conserved (Stoker 1957)."""
    depth, speed, cells = 1.0, -2.0, 400
    lake = Lake((20.0, 0.2), depth=depth, cells=cells, current=(speed, 0.0), drag=0, dispersive=False)
    run = solver(lake, fps=100)
    for _ in range(100):
        run.frame()
    h = run.waters[0].field.read("h")[1]
    # c (h1 - h0) = -u h0 and c u h0 = ... : h1 from (h1 - h0)^2 (h1 + h0) g / 2 = u^2 h0 h1
    roots = np.roots([1, -depth, -(depth**2) - 2 * speed**2 * depth / G, depth**3])
    high = max(r.real for r in roots)
    assert h[5:40].mean() == pytest.approx(high, rel=0.01)
    bore = -speed * depth / (high - depth)
    front = np.flatnonzero(h > (high + depth) / 2).max() * 0.05
    assert front == pytest.approx(bore * 1.0, rel=0.03)


@pytest.mark.parametrize(
    ("length", "depth"),
    [(1.0, 1.0), (1.0, 0.05), (0.1, 5.0), (0.017, 0.1), (0.006, 0.1)],
    ids=["deep", "shallow", "very deep", "slowest", "capillary"],
)
def test_waves_of_every_length_have_the_speed_of_airy(length, depth):
    cells, k = 64, 2 * np.pi / length
    x = (np.arange(cells) + 0.5) * 4 * length / cells
    surface = 1e-4 * length * np.cos(k * x)[None, :]
    material = Liquid("water")
    tension = material.surface_tension / material.density
    period = 2 * np.pi / float(frequency(np.array(k), depth, G, tension))
    lake = Lake((4 * length, 4 * length / cells), depth, cells=cells, surface=surface, drag=0, periodic=True,
                dispersive=True)  # fmt: skip
    run = solver(lake, fps=16 / period)
    swing = []
    for _ in range(161):
        swing.append((run.waters[0].eta()[0] @ np.cos(k * x)) / (surface[0] @ np.cos(k * x)))
        run.frame()
    swing = np.array(swing)
    np.testing.assert_allclose(swing[::16], 1.0, atol=2e-3)  # after whole periods, ten of them
    np.testing.assert_allclose(swing[8::16], -1.0, atol=2e-3)


def test_a_wave_group_moves_at_half_the_speed_of_its_waves_on_deep_water():
    cells, length, size = 256, 1.0, 32.0
    x = (np.arange(cells) + 0.5) * size / cells
    k = 2 * np.pi / length
    envelope = np.exp(-(((x - 8) / 2.5) ** 2))
    lake = Lake((size, size / cells), 10.0, cells=cells, surface=1e-4 * (envelope * np.cos(k * x))[None], drag=0,
                periodic=True, dispersive=True)  # fmt: skip
    run = solver(lake, fps=20)
    # a group that runs to the right: velocity from the surface, mode by mode
    water = run.waters[0]
    modes = 2 * np.pi * np.fft.fftfreq(cells, size / cells)
    w = frequency(np.abs(modes), 10.0, G, water.tension)
    difference = 2 / (size / cells) * np.sin(np.abs(modes) * size / cells / 2)
    share = w / np.maximum(difference * 10.0, 1e-9)
    flow = np.fft.ifft(np.fft.fft(1e-4 * envelope * np.cos(k * x)) * share * np.exp(-0.5j * modes * size / cells)).real
    full = np.pad(np.tile(flow, (1, 1)), 2, mode="wrap").ravel()
    water.field.u.assign(full)
    for _ in range(200):
        run.frame()
    power = water.eta()[0] ** 2
    middle = (power * x).sum() / power.sum()
    assert (middle - 8) / 10.0 == pytest.approx(0.5 * np.sqrt(G / k), rel=0.03)


@pytest.mark.parametrize(("cells", "tolerance"), [(64, 1e-3), (60, 0.2)])
def test_a_standing_wave_between_walls_keeps_its_period(cells, tolerance):
    """First mode of a tank as deep as long: exact where the water is mirrored at its walls. Elsewhere the filter does
    not see them and waves longer than the basin are slow; they are thrown back all the same."""
    x = (np.arange(cells) + 0.5) / cells
    mode = np.cos(np.pi * x)
    lake = Lake((1.0, 4 / cells), 1.0, cells=cells, surface=np.tile(1e-4 * mode, (4, 1)), drag=0, dispersive=True)
    w = float(frequency(np.array(np.pi), 1.0, G, 0.0))
    run = solver(lake, fps=24 * w / (2 * np.pi))
    swing = []
    for _ in range(241):
        swing.append(run.waters[0].eta()[1] @ mode)
        run.frame()
    swing = np.array(swing) / swing[0]
    spectrum = np.abs(np.fft.rfft(swing * np.hanning(241), 65536))
    got = np.fft.rfftfreq(65536, 1 / 24)[spectrum.argmax()]  # in periods
    assert got == pytest.approx(1.0, rel=tolerance)
    assert np.abs(swing[200:]).max() == pytest.approx(1.0, abs=0.1)


def test_open_sides_let_waves_out():
    x = (np.arange(64) + 0.5) * 10 / 64 - 5
    bump = 0.01 * np.exp(-(x[None, :] ** 2 + x[:, None] ** 2) / 0.5)
    run = {}
    for name, sides in (("open", SIDES), ("closed", ())):
        one = solver(Lake((10, 10), 1.0, cells=64, surface=bump, open=sides, drag=0))
        for _ in range(24 * 8):
            one.frame()
        eta = one.waters[0].eta()
        run[name] = np.sqrt(np.mean((eta - eta.mean()) ** 2))
    assert run["open"] < 0.15 * run["closed"]


def test_a_river_carries_what_flows_in_and_its_bed_holds_it():
    """Steady flow down a slope: the depth of Chezy, u = sqrt(g h i / c), and the discharge given at the top."""
    slope, drag, width, amount = 0.01, 0.01, 1.0, 0.5
    x = np.linspace(-20, 20, 161)
    depth = (drag * (amount / width) ** 2 / (G * slope)) ** (1 / 3)
    bed = HeightField(np.tile(-slope * (x - 20), (5, 1)) - depth, (-20.0, -0.5), 0.25)
    surface = np.tile(-slope * (np.linspace(-19.875, 19.875, 160) - 20), (4, 1))
    lake = Lake((40.0, 1.0), bed=bed, cells=160, surface=surface, drag=drag, inflow=(("-x", amount),),
                open=("+x",), current=(amount / width / depth, 0.0), dispersive=False)  # fmt: skip
    run = solver(lake)
    for _ in range(24 * 20):
        run.frame()
    h, u = run.waters[0].field.read("h"), run.waters[0].velocity()[..., 0]
    middle = slice(40, 120)
    np.testing.assert_allclose((h * u)[:, middle].mean(axis=0), amount / width, rtol=0.01)
    np.testing.assert_allclose(h[:, middle].mean(), depth, rtol=0.03)


def test_an_inlet_raises_the_water_by_what_it_pours():
    jet = Emitter((0.3, 1.0, 0.0), radius=0.02, velocity=(0.0, -1.0, 0.0), start=0.2, end=1.0)
    run = solver(Lake((4, 4), 0.5, cells=40, inlets=(jet,)))
    before = run.waters[0].volume()
    for _ in range(48):
        run.frame()
    assert run.waters[0].volume() - before == pytest.approx(np.pi * 0.02**2 * 0.8, rel=1e-9)


def float_in_lake(shape, density, position, *, seconds, velocity=(0.0, 0.0, 0.0), lake=None, spin=(0.0, 0.0, 0.0)):
    scene = Scene()
    scene.add(lake or Lake((4, 4), 1.0, cells=40, open=SIDES), Liquid("water"), name="lake")
    scene.add(shape, Rigid("wood", density=density), name="body", position=position, velocity=velocity,
              angular_velocity=spin)  # fmt: skip
    return physim.simulate(scene, seconds=seconds, fps=24)


@pytest.mark.parametrize("density", [300.0, 600.0, 900.0])
def test_a_box_floats_at_the_depth_of_archimedes(density):
    trajectory = float_in_lake(Box((0.3, 0.15, 0.3)), density, (0.013, 0.05, 0.02), seconds=10)
    y = trajectory["body"].position[-48:, 1]
    assert 0.075 - y.mean() == pytest.approx(0.15 * density / 998.2, rel=0.02)
    assert np.ptp(y) < 0.1 * 0.15


def test_a_ball_dropped_in_floats_makes_a_splash_and_keeps_the_volume():
    trajectory = float_in_lake(Sphere(0.1), 600.0, (0, 0.3, 0), seconds=8)
    draught = 0.1 - trajectory["body"].position[-48:, 1].mean()
    z = np.linspace(0, 0.2, 2001)
    under = np.pi * z**2 * (0.1 - z / 3) * 998.2
    assert draught == pytest.approx(np.interp(600 * 4 / 3 * np.pi * 1e-3, under, z), rel=0.02)
    (splash,) = trajectory.splashes
    assert splash["time"] == pytest.approx(np.sqrt(2 * 0.2 / G), abs=0.02)
    assert splash["body"] == "body" and 0 < splash["energy"] < 600 * 4 / 3 * np.pi * 1e-3 * G * 0.3
    assert trajectory.report.values["lake_volume_error [-]"] < 1e-12


def test_a_heavy_ball_sinks_at_the_speed_of_its_drag():
    trajectory = float_in_lake(
        Sphere(0.05), 1200.0, (0, -0.3, 0), seconds=3, lake=Lake((4, 4), 20.0, cells=40, open=SIDES)
    )
    expected = np.sqrt(8 / 3 * (1200 / 998.2 - 1) * G * 0.05 / 0.5)
    assert -trajectory["body"].velocity[-1, 1] == pytest.approx(expected, rel=0.02)


def test_a_body_that_pushes_through_the_water_gives_it_its_momentum():
    mass, density = 998.2 * 4 / 3 * np.pi * 1e-3, 998.2
    trajectory = float_in_lake(
        Sphere(0.1),
        density,
        (-0.5, -0.5, 0),
        seconds=0.5,
        velocity=(1.0, 0, 0),
        lake=Lake((8, 8), 1.0, cells=80, drag=0),
    )
    lake, v = trajectory.lakes["lake"], trajectory["body"].velocity[:, 0]
    water = [
        density * (np.maximum(e - lake.bed, 0) * u[..., 0].astype(float)).sum() * lake.cell**2
        for e, u in zip(lake.eta, lake.velocity, strict=True)
    ]
    total = 1.5 * mass * v + np.array(water)[: len(v)]  # half of its mass again moves along close to it
    assert v[-1] < 0.8  # it was braked
    np.testing.assert_allclose(total, total[0], rtol=0.02)


def test_the_outline_holds_the_water():
    shore = np.array([[-2, -1], [2, -1.5], [1.5, 1.5], [-1, 2]])
    run = solver(Lake(outline=shore, depth=0.5, cells=64))
    x, z = np.meshgrid(np.linspace(-2, 2, 401), np.linspace(-2, 2, 401))
    area = inside(shore, x, z).mean() * 16
    assert run.waters[0].volume() == pytest.approx(0.5 * area, rel=0.03)


def test_wrong_lakes_are_refused_by_name():
    with pytest.raises(ValueError, match=r"Lake\.size"):
        Lake(size=(0.0, 1.0))
    with pytest.raises(ValueError, match="side 'up'"):
        Lake(open=("up",))
    with pytest.raises(ValueError, match="each side once"):
        Lake(open=("-x",), inflow=(("-x", 1.0),))
    with pytest.raises(ValueError, match="holds no water"):
        solver(Lake((4, 4), bed=HeightField(np.ones((9, 9)), (-2.0, -2.0), 0.5)))
    with pytest.raises(TypeError, match="Liquid"):
        Scene().add(Lake(), Rigid("wood"))
