import json

import numpy as np
import pytest

import physim
from physim.gas import GasGrid
from physim.gas_state import GasSettings, sides
from physim.solver_smoke import SmokeSolver
from physim.terrain import bake_terrain

CLOSED = (False,) * 6


def box_areas(shape, *, open_sides):
    areas = []
    for axis in range(3):
        area = np.ones([n + (a == axis) for a, n in enumerate(shape)], np.float32)
        for side, index in ((2 * axis, 0), (2 * axis + 1, -1)):
            if not open_sides[side]:
                area[(slice(None),) * axis + (index,)] = 0
        areas.append(area)
    return tuple(areas)


def plain_gas(shape, *, dt, cell=1.0, open_sides=CLOSED, **more):
    more.setdefault("gravity", (0.0, 0.0, 0.0))
    settings = GasSettings(shape, (0.0, 0.0, 0.0), cell, dt, sides=sides(*open_sides), **more)
    return GasGrid(settings, box_areas(shape, open_sides=open_sides), device="cpu")


def taylor_green(cells, thickness=4):
    """One quarter of the 2 pi periodic vortex array: a steady solution of the Euler equations in a free-slip box."""
    faces, centres = np.arange(cells + 1) * np.pi / cells, (np.arange(cells) + 0.5) * np.pi / cells
    u = np.sin(faces)[:, None, None] * np.cos(centres)[None, :, None] * np.ones(thickness)
    v = -np.cos(centres)[:, None, None] * np.sin(faces)[None, :, None] * np.ones(thickness)
    return u, v, np.zeros((cells, cells, thickness + 1))


def energy(gas):
    return sum(float((x.numpy().astype(np.float64) ** 2).sum()) for x in gas.state.u)


@pytest.mark.parametrize(("dt", "most"), [(0.05, 0.006), (0.2, 0.003)])
def test_taylor_green_vortex_keeps_its_energy(dt, most):
    # 32 cells per half wave = 64 per period; plain splitting loses 11 % here, advection-reflection was measured at
    # 0.40 % (dt 0.05) and 0.11 % (dt 0.2) with collocated paths a little more
    gas = plain_gas((32, 32, 4), dt=dt, cell=np.pi / 32, density_substeps=1)
    gas.set_velocity(taylor_green(32))
    start = energy(gas)
    for _ in range(round(5 / dt)):
        gas.frame()
    assert 0 <= 1 - energy(gas) / start < most


def test_velocity_is_free_of_divergence_around_an_obstacle():
    shape, rng = (24, 16, 20), np.random.default_rng(0)
    areas = list(box_areas(shape, open_sides=(True,) * 6))
    for axis, area in enumerate(areas):
        block = tuple(slice(6, 11 + (a == axis)) for a in range(3))
        area[block] = 0
    settings = GasSettings(shape, (0.0, 0.0, 0.0), 1.0, 0.5, sides=sides(*(True,) * 6), gravity=(0.0, 0.0, 0.0))
    gas = GasGrid(settings, tuple(areas), device="cpu")
    gas.set_velocity(tuple(rng.normal(size=a.shape) for a in areas))
    for _ in range(3):
        gas.frame()
    # four iterations leave 1e-4 of the residual
    assert gas.divergence() < 1e-3 * np.abs(gas.velocity).max()
    assert np.abs(gas.state.u[0].numpy()[6:12, 6:11, 6:11]).max() == 0


def test_density_in_a_closed_box_keeps_its_mass_and_range():
    gas = plain_gas((32, 32, 4), dt=0.1, cell=np.pi / 32, density_substeps=3)
    gas.set_velocity(taylor_green(32))
    q = np.zeros((38, 38, 10), np.float32)
    q[8:18, 20:28, 3:-3] = 1.0
    gas.state.q.assign(q)
    for _ in range(60):
        gas.frame()
    density = gas.density.astype(np.float64)
    assert density.sum() == pytest.approx(10 * 8 * 4, rel=1e-5)
    # unlike the limiter, what the projection leaves of divergence may pass the range by its own size
    assert density.min() > -1e-4 and density.max() < 1 + 1e-3


def ultimate5(q, courant, steps):
    """Leonard's scheme for one axis and constant positive velocity, written down cell by cell."""
    q = np.pad(q, 6)
    for _ in range(steps):
        flux = np.zeros_like(q)
        for k in range(3, len(q) - 3):
            z, centre, down, down2, up, up2 = courant, q[k], q[k + 1], q[k + 2], q[k - 1], q[k - 2]
            f = (down + centre) / 2 - z / 2 * (down - centre) - (1 - z * z) / 6 * (down - 2 * centre + up)
            f += (1 - z * z) * (z - 2) / 24 * (down2 - 3 * down + 3 * centre - up)
            f += (1 - z * z) * (4 - z * z) / 120 * (down2 - 4 * down + 6 * centre - 4 * up + up2)
            if (down - centre) * (centre - up) <= 0:
                f = centre
            else:
                reach = up + (centre - up) / z
                reach = min(down, reach) if down > centre else max(down, reach)
                f = np.clip(f, min(centre, reach), max(centre, reach))
            flux[k] = f
        q[4:-3] -= courant * (flux[4:-3] - flux[3:-4])
    return q[6:-6]


def test_a_blob_in_uniform_wind_is_carried_as_the_reference_scheme_does():
    gas = plain_gas((48, 8, 8), dt=0.5, open_sides=(True,) * 6, density_substeps=2, sponge=1e-3)
    gas.set_velocity(tuple(np.full(a.shape, 0.8 * (k == 0)) for k, a in enumerate(gas.state.u)))
    gas.state.wind.assign(np.array([[0.8, 0, 0]], np.float32))
    x = np.arange(48) + 0.5
    profile = np.exp(-(((x - 12) / 3) ** 2))
    q = np.zeros((54, 14, 14), np.float32)
    q[3:-3, 3:-3, 3:-3] = profile[:, None, None]
    gas.state.q.assign(q)
    for _ in range(50):
        gas.frame()
    density = gas.density[:, 4, 4].astype(np.float64)
    np.testing.assert_allclose(density, ultimate5(profile, 0.2, 100), atol=1e-5)
    assert (density * x).sum() / density.sum() == pytest.approx(32.0, abs=0.01)


@pytest.mark.parametrize(("form", "factor"), [("sphere", 2 / 3), ("cylinder", 1 / 2)])
def test_a_hot_blob_starts_with_the_acceleration_of_its_added_mass(form, factor):
    # Boussinesq: g' / (1 + C), C = 1/2 for a sphere, 1 for a cylinder
    cells, radius, depth = 64, 5.0, 64 if form == "sphere" else 4
    shape = (cells, cells, depth)
    gas = plain_gas(shape, dt=0.01, gravity=(0.0, -9.81, 0.0), ambient_temperature=300.0, iterations=6)
    x, y, z = np.meshgrid(*(np.arange(n) + 0.5 for n in shape), indexing="ij")
    r = np.hypot(x - cells / 2, y - cells / 2)
    if form == "sphere":
        r = np.hypot(r, z - depth / 2)
    share = np.clip(radius + 0.5 - r, 0, 1)
    gas.state.temperature.assign((3.0 * share).astype(np.float32))
    gas.frame()
    reduced = 9.81 * 3.0 / 303.0
    # the acceleration inside is uniform; look away from the rim, which the grid blurs
    upward = gas.velocity[..., 1][r < radius / 2].mean() / 0.01
    # the walls at 6 radii slow it by about the squared (cylinder) or cubed (sphere) ratio of sizes
    assert upward == pytest.approx(factor * reduced, rel=0.05)


def steam_scene(*, wind=0.0, flicker=0.3, **smoke):
    scene = physim.Scene(seed=4)
    scene.add(physim.Plane())
    smoke.setdefault("resolution", 24)
    emitter = physim.Emitter((0.0, 0.05, 0.0), radius=0.04, rate=4.0, flicker=flicker)
    scene.add(emitter, physim.Smoke("steam", **smoke), name="steam")
    if wind:
        scene.add(physim.Wind((wind, 0.0, 0.0)))
    return scene


def run(scene, frames=10, poses=None, **more):
    solver = SmokeSolver(scene, fps=24, seconds=frames / 24, device="cpu", **more)
    for frame in range(frames):
        solver.frame(poses(frame + 1) if poses else None)
    return solver


def centroid(track, frame=-1):
    density = track.density[frame].astype(np.float64)
    centres = [track.origin[a] + (np.arange(n) + 0.5) * track.cell for a, n in enumerate(density.shape)]
    grids = np.meshgrid(*centres, indexing="ij")
    return np.array([(g * density).sum() for g in grids]) / density.sum()


def test_hot_smoke_rises():
    still = centroid(run(steam_scene(flicker=0.0), 12).tracks()["steam"])
    assert still[1] > 0.06 and abs(still[0]) < 1e-3


def test_smoke_as_warm_as_the_air_goes_with_the_wind():
    scene = physim.Scene()
    scene.add(physim.Plane())
    dust = physim.Smoke("dust", dissipation=0.0, resolution=32)
    scene.add(physim.Emitter((0.0, 0.06, 0.0), radius=0.03, rate=4.0, flicker=0.0), dust, name="dust")
    scene.add(physim.Wind((0.3, 0.0, 0.0)))
    # emitted evenly over half a second, it is a quarter of a second old on average
    assert centroid(run(scene, 12).tracks()["dust"]) == pytest.approx([0.075, 0.06, 0.0], abs=5e-4)


def test_without_flicker_the_plume_is_mirror_symmetric():
    track = run(steam_scene(flicker=0.0), 12).tracks()["steam"]
    density = track.density[-1].astype(np.float64)
    # rounding only: red-black order and float32 sums differ between the two sides
    assert np.abs(density - density[::-1]).max() < 5e-3 * density.max()
    assert np.abs(density - density[:, :, ::-1]).max() < 5e-3 * density.max()


def test_flicker_breaks_the_symmetry_and_the_seed_decides_how():
    first, again = (run(steam_scene(), 8).tracks()["steam"] for _ in range(2))
    for name in ("density", "temperature", "velocity"):
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()
    density = first.density[-1].astype(np.float64)
    assert np.abs(density - density[::-1]).max() > 0.05 * density.max()
    other = steam_scene()
    other.seed = 5
    assert run(other, 8).tracks()["steam"].density[-1].tobytes() != first.density[-1].tobytes()


def test_smoke_does_not_pass_a_static_wall():
    scene = steam_scene(wind=0.5, domain=((-0.1, 0.0, -0.1), (0.3, 0.2, 0.1)), resolution=32)
    scene.add(physim.Box((0.03, 1.0, 1.0)), physim.Static(), position=(0.115, 0.0, 0.0))
    track = run(scene, 12).tracks()["steam"]
    x = track.origin[0] + (np.arange(track.density.shape[1]) + 0.5) * track.cell
    density = track.density.astype(np.float64)
    assert density[:, x < 0.1].max() > 0.1
    assert density[:, x > 0.115].max() == 0.0


def test_smoke_inside_a_cup_stays_outside_its_walls():
    scene = steam_scene(domain=((-0.1, 0.0, -0.1), (0.1, 0.2, 0.1)), resolution=32)
    profile = [[0, 0], [0.075, 0], [0.075, 0.1], [0.06, 0.1], [0.06, 0.02], [0, 0.02]]
    scene.add(physim.Mesh.revolved(np.array(profile)))
    terrain = bake_terrain(scene)
    track = run(scene, 6, terrain=terrain).tracks()["steam"]
    x, y, z = np.meshgrid(
        *(track.origin[a] + (np.arange(n) + 0.5) * track.cell for a, n in enumerate(track.density.shape[1:])),
        indexing="ij",
    )
    outside = (np.hypot(x, z) > 0.0675) & (y < 0.08)
    assert track.density.max() > 0.1
    assert track.density[:, outside].max() == 0.0


def falling(height):
    def poses(frame):
        return (
            np.array([[0.0, height(frame / 24), 0.0]]),
            np.array([[0, 0, 0, 1.0]]),
            np.zeros((1, 3)),
            np.zeros((1, 3)),
        )

    return poses


@pytest.mark.parametrize(
    "shape",
    [physim.Sphere(0.035), physim.Box((0.06,) * 3), physim.Cylinder(0.035, 0.06), physim.Capsule(0.03, 0.02)],
)
def test_no_smoke_is_inside_a_moving_body_and_none_is_lost_to_it(shape):
    scene = steam_scene(domain=((-0.12, 0.0, -0.12), (0.12, 0.24, 0.12)), resolution=32, dissipation=0.0)
    scene.add(shape, physim.Rigid(), position=(0.0, 0.2, 0.0), name="body")
    solver = run(scene, 10, falling(lambda t: 0.2 - 0.3 * t))
    gas = solver.grids["steam"]
    track = solver.tracks()["steam"]
    middle = np.array([0.0, 0.2 - 0.3 * 9.75 / 24, 0.0])  # the last step's pose, in the middle of the last half frame
    x, y, z = np.meshgrid(
        *(track.origin[a] + (np.arange(n) + 0.5) * track.cell for a, n in enumerate(track.density.shape[1:])),
        indexing="ij",
    )
    from physim.terrain import shape_distance

    distance = shape_distance(shape, np.stack([x, y, z], -1) - middle)
    assert gas.settings.steps in (1, 2, 3)
    assert track.density[-1][distance < -1.2 * track.cell].max() == 0.0
    assert track.density[-1].max() > 0.05
    assert np.isfinite(track.velocity.astype(float)).all()
    report = solver.report()
    assert report["smoke_mass_error [-]"] < 1e-4
    assert report["smoke_divergence [-]"] < 1e-2


def test_the_rotation_between_two_poses_is_the_spin_that_leads_there():
    from scipy.spatial.transform import Rotation

    from physim.smoke_obstacle import rotation_between

    rng = np.random.default_rng(0)
    first, turn = Rotation.random(20, rng=rng), Rotation.from_rotvec(rng.uniform(-1, 1, (20, 3)))
    found = rotation_between(first.as_quat(), (turn * first).as_quat(canonical=True))
    np.testing.assert_allclose(np.cos(np.linalg.norm(found, axis=-1)), np.cos(turn.magnitude()), atol=1e-12)
    same = np.linalg.norm(found, axis=-1) < np.pi  # the other sign of a quaternion turns the long way round
    np.testing.assert_allclose(found[same], turn.as_rotvec()[same], atol=1e-12)
    assert same.sum() > 5


def test_a_hull_is_the_same_obstacle_as_its_box():
    tracks = []
    points = 0.03 * np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    for shape in (physim.Box((0.06,) * 3), physim.Hull(points)):
        scene = steam_scene(domain=((-0.12, 0.0, -0.12), (0.12, 0.24, 0.12)))
        scene.add(shape, physim.Rigid(), position=(0.0, 0.15, 0.0))
        tracks.append(run(scene, 6).tracks()["steam"].density[-1].astype(float))
    # outside its corners the hull's distance is a lower bound, so single faces there differ
    assert np.abs(tracks[0] - tracks[1]).max() < 0.1 * tracks[0].max()


def test_smoke_is_the_same_at_every_scale():
    """Lengths x 100, times x 10 (Froude): with gravity alone the picture is the same."""
    small = physim.Scene(seed=2)
    small.add(
        physim.Emitter((0, 0.1, 0), 0.04, rate=4.0), physim.Smoke("dust", temperature=350.0, resolution=24), name="s"
    )
    large = physim.Scene(seed=2)
    large.add(
        physim.Emitter((0, 10.0, 0), 4.0, rate=0.4), physim.Smoke("dust", temperature=350.0, resolution=24), name="s"
    )
    runs = []
    for scene, fps in ((small, 24.0), (large, 2.4)):
        for e in scene.smokes:  # dust fades by the clock: not part of the comparison
            object.__setattr__(e.material, "dissipation", 0.0)
        solver = SmokeSolver(scene, fps=fps, seconds=10 / fps, device="cpu")
        for _ in range(10):
            solver.frame()
        runs.append(solver.tracks()["s"].density[-1].astype(float))
    assert runs[0].shape == runs[1].shape
    assert np.abs(runs[0] - runs[1]).max() < 0.02 * runs[0].max()


def test_emitters_of_one_material_share_a_grid_and_others_do_not():
    scene = steam_scene()
    scene.add(physim.Emitter((0.05, 0.05, 0.0), 0.03), physim.Smoke("steam", resolution=24), name="more")
    scene.add(physim.Emitter((0.3, 0.05, 0.0), 0.03), physim.Smoke("dust", resolution=16), name="dust")
    solver = SmokeSolver(scene, fps=24, seconds=0.25, device="cpu")
    assert list(solver.grids) == ["steam", "dust"]
    assert all(n % 8 == 0 for n in solver.grids["steam"].domain.shape)


def test_a_blow_up_says_what_and_when():
    scene = steam_scene()
    solver = SmokeSolver(scene, fps=24, seconds=0.25, device="cpu")
    solver.frame()
    u = solver.grids["steam"].grid.state.u[1]
    broken = u.numpy()
    broken[5, 5, 5] = np.nan
    u.assign(broken)
    with pytest.raises(FloatingPointError, match=r"smoke 'steam' is no longer finite at 0.0833 s \(frame 2\)"):
        solver.frame()


def test_bad_times_and_domains_are_refused():
    with pytest.raises(ValueError, match="fps is 0, expected"):
        SmokeSolver(steam_scene(), fps=0, seconds=1, device="cpu")
    with pytest.raises(ValueError, match=r"domain is .* expected a lower and an upper corner"):
        SmokeSolver(steam_scene(domain=((0, 0, 0), (1, 0, 1))), fps=24, seconds=1, device="cpu")


def test_an_emitter_without_air_around_it_is_refused_by_name():
    buried = physim.Scene()
    buried.add(physim.Plane())
    buried.add(physim.Emitter((0, -0.5, 0), 0.03), physim.Smoke("smoke", resolution=16), name="ember")
    outside = steam_scene(domain=((1, 0, 1), (2, 1, 2)))
    for scene, name in ((buried, "ember"), (outside, "steam")):
        with pytest.raises(ValueError, match=f"emitter '{name}' at .* expected air around it"):
            SmokeSolver(scene, fps=24, seconds=1, device="cpu")


def test_the_report_is_plain_numbers():
    report = run(steam_scene(), 3).report()
    assert json.loads(json.dumps(report)) == report
    assert report["smoke_mass_error [-]"] < 1e-5
