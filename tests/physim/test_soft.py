"""Elastic solids against closed forms, conservation laws and what must never happen."""

import numpy as np
import pytest

import physim
from physim import Motion, Pin, Soft
from physim.soft_cells import lay
from physim.softs import SOFTS

G = 9.81
PLAIN = dict(youngs_modulus=2e4, poisson=0.3, density=500.0, damping=0.0, friction=0.0)


def block(size=(0.2, 0.1, 0.1), cell=0.05, *, gravity=0.0, pin=(), velocity=(0, 0, 0), spin=(0, 0, 0), **values):
    scene = physim.Scene(gravity=(0, -gravity, 0))
    soft = Soft("rubber", cell=cell, **{**PLAIN, **values})
    scene.add(physim.Box(size), soft, name="block", pin=pin, velocity=velocity, angular_velocity=spin)
    return scene


def test_a_bar_pulled_out_slowly_pulls_back_with_its_modulus():
    path = Motion([0.0, 0.4, 0.6], [(0.0, 0, 0), (0.002, 0, 0), (0.002, 0, 0)])
    scene = block(pin=(Pin("left"), Pin("right", motion=path)), poisson=0.0, damping=0.5, relaxation=0.01)
    track = physim.simulate(scene, seconds=0.6, fps=30).softs["block"]
    force = 2e4 * 0.01 * 0.01  # modulus, strain, section
    np.testing.assert_allclose(track.dense_pull[-20:, :, 0].mean(axis=0), [force, -force], rtol=0.02)


def test_thrown_and_spinning_it_keeps_momentum_spin_and_energy():
    scene = block(velocity=(1, 2, 0.5), spin=(3, 9, 5), density=200.0)
    from physim.soft_report import energies
    from physim.solver_rigid import RigidSolver
    from physim.solver_soft import SoftSolver

    rigid = RigidSolver(scene, fps=30, device="cpu")
    solver = SoftSolver(scene, rigid)
    rigid.couple(solver)
    for _ in range(15):
        rigid.frame()
    sums = np.concatenate([h[2] for h in solver.history])[:, 0]
    assert np.abs(sums[:, 2:5] - sums[0, 2:5]).max() < 1e-5 * np.linalg.norm(sums[0, 2:5])
    centre = sums[:, 8:11] / 0.4
    spin = sums[:, 5:8] - np.cross(centre, sums[:, 2:5])
    assert np.abs(spin - spin[0]).max() < 2e-3 * np.linalg.norm(spin[0])
    energy = energies(solver)[:, 0]
    inner = energy[0] - 0.5 * 0.4 * (1 + 4 + 0.25)
    assert np.ptp(energy) < 0.03 * inner
    np.testing.assert_allclose(centre[-1], np.array([1, 2, 0.5]) * 0.5, atol=1e-5)


def test_struck_and_left_alone_for_thirty_seconds_it_never_has_more_energy():
    scene = block((0.1, 0.1, 0.1), density=1000.0, spin=(6, 0, 3))
    scene.add(physim.Impulse("block", (0.0, 0.5, 0.0), at=0.1))
    path = [(0.01 * np.sin(18 * t), 0.0, 0.01 * np.cos(18 * t) - 0.01) for t in np.arange(0, 30, 0.02)]
    shaken = block((0.1, 0.1, 0.1), density=1000.0, pin=Pin("bottom", motion=Motion(np.arange(0, 30, 0.02), path)),
                   damping=0.05, relaxation=0.05)  # fmt: skip
    free = physim.simulate(scene, seconds=30, fps=4, samples_per_frame=1)
    speed = np.linalg.norm(free.softs["block"].dense_velocity, axis=-1).max(axis=1)
    assert speed[-20:].max() < 1.2 * speed[4:24].max()
    values = free.report.values
    given = 0.5 * 0.5**2 / 1.0
    assert values["soft_energy_end [J]"] < 1.02 * (values["soft_energy_start [J]"] + given)
    forced = physim.simulate(shaken, seconds=30, fps=20, samples_per_frame=1).softs["block"]
    swing = np.ptp(forced.dense_position[:, :, 0], axis=1)
    assert swing[-200:].max() < 1.05 * swing[200:400].max()


def test_two_that_collide_keep_their_momentum_and_part_again():
    scene = block((0.1, 0.1, 0.1), density=200.0)
    ball = physim.Rigid("rubber", mass=0.1, drag_coefficient=0.0)
    scene.add(physim.Sphere(0.04), ball, name="ball", position=(-0.12, 0.01, 0), velocity=(2, 0, 0))
    run = physim.simulate(scene, seconds=0.25, fps=60)
    assert run.report.values["soft_momentum_error [-]"] < 1e-4
    assert run["ball"].velocity[-1, 0] < 0.5
    assert run.softs["block"].velocity[-1].mean(axis=0)[0] > 0.5
    assert run.report.values["soft_least_volume [-]"] > 0


def test_a_ball_that_rests_presses_with_its_weight_and_the_ground_bears_both():
    scene = block((0.16, 0.08, 0.16), 0.02, gravity=G, density=60.0, damping=0.6, relaxation=0.02)
    scene.entities.clear()
    scene.add(physim.Plane())
    soft = Soft("foam", cell=0.02, density=60.0, damping=0.6)
    scene.add(physim.Box((0.16, 0.08, 0.16)), soft, name="block", position=(0, 0.04, 0))
    scene.add(physim.Sphere(0.03), physim.Rigid("steel", mass=0.5), name="ball", position=(0, 0.11, 0))
    run = physim.simulate(scene, seconds=1.5, fps=24)
    forces = {n: f[-96:, 1].mean() for n, f in run.softs["block"].dense_force.items()}
    weight = 60 * 0.16 * 0.08 * 0.16 * G
    assert forces.pop("ball") == pytest.approx(-0.5 * G, rel=0.02)
    assert list(forces.values()) == pytest.approx([0.5 * G + weight], rel=0.02)
    assert 0.09 < run["ball"].position[-1, 1] < 0.109  # it lies in a hollow


def test_a_hundredfold_weight_turns_no_cell_inside_out():
    scene = physim.Scene()
    scene.add(physim.Plane())
    foam = Soft("foam", density=30.0, cell=0.025)
    scene.add(physim.Box((0.1, 0.1, 0.1)), foam, name="block", position=(0, 0.05, 0))
    scene.add(physim.Box((0.12, 0.03, 0.12)), physim.Rigid("steel", mass=3.0), name="weight", position=(0, 0.12, 0))
    run = physim.simulate(scene, seconds=1.0, fps=24)
    assert run.report.values["soft_least_volume [-]"] > 0
    assert 0.015 < run["weight"].position[-1, 1] < 0.109
    assert run.softs["block"].position[-1, :, 1].min() > -0.002


JELLY = Soft("gelatine", cell=0.0125, poisson=0.499)


def test_a_jelly_that_falls_keeps_its_volume():
    scene = physim.Scene()
    scene.add(physim.Plane())
    scene.add(physim.Cylinder(0.04, 0.05), JELLY, name="jelly", position=(0, 0.05, 0))
    run = physim.simulate(scene, seconds=0.2, fps=24)
    assert run.report.values["soft_volume_change [-]"] < 0.01
    assert run.softs["jelly"].dense_volume[0] == pytest.approx(np.pi * 0.04**2 * 0.05, rel=0.01)
    assert run.softs["jelly"].position[-1, :, 1].min() > -1e-3


def test_dough_keeps_a_dent_and_rubber_takes_its_form_again():
    path = Motion([0.0, 0.15, 0.2, 0.35], [(0, 0, 0), (0, -0.03, 0), (0, -0.03, 0), (0, 0.1, 0)])
    left = {}
    for name in ("dough", "gelatine"):
        scene = physim.Scene(gravity=(0, 0, 0))
        soft = Soft(name, cell=0.0125, youngs_modulus=1e4, poisson=0.4)
        scene.add(physim.Box((0.1, 0.05, 0.1)), soft, name="block", pin="bottom")
        scene.add(physim.Sphere(0.04), physim.Kinematic("steel", motion=path), name="thumb", position=(0, 0.066, 0))
        run = physim.simulate(scene, seconds=0.7, fps=24)
        track = run.softs["block"]
        middle = np.argmin(np.linalg.norm(track.rest - (0, 0.025, 0), axis=1))
        left[name] = 0.025 - track.position[-1, middle, 1]
    assert left["dough"] > 0.008
    assert abs(left["gelatine"]) < 0.002


@pytest.mark.parametrize(("slope", "friction", "slides"), [(20, 0.6, False), (30, 0.2, True)])
def test_on_a_slope_it_slides_as_coulomb_says(slope, friction, slides):
    a = np.radians(slope)
    scene = physim.Scene(gravity=(G * np.sin(a), -G * np.cos(a), 0))
    scene.add(physim.Plane(), physim.Static("wood", friction=friction))
    soft = Soft("rubber", cell=0.025, **{**PLAIN, "youngs_modulus": 1e5, "friction": friction, "damping": 0.5})
    scene.add(physim.Box((0.1, 0.05, 0.1)), soft, name="block", position=(0, 0.025, 0))
    x = physim.simulate(scene, seconds=0.5, fps=24).softs["block"].position.mean(axis=1)[:, 0]
    if slides:
        t = (len(x) - 1) / 24
        assert x[-1] == pytest.approx(0.5 * G * (np.sin(a) - friction * np.cos(a)) * t * t, rel=0.05)
    else:
        assert abs(x[-1]) < 0.004


def test_the_same_scene_gives_the_same_bytes():
    def run():
        scene = block((0.1, 0.1, 0.1), gravity=G, pin="top")
        return physim.simulate(scene, seconds=0.2, fps=20).softs["block"].dense_position.tobytes()

    assert run() == run()


def test_cells_hold_the_volume_and_the_centre_of_what_is_laid_into_them():
    scene = physim.Scene()
    ball = scene[scene.add(physim.Sphere(0.1), Soft("foam"))]
    lattice = lay(ball, ball.shape.triangles)
    assert lattice.volume.sum() == pytest.approx(ball.shape.triangles.mass_properties()[0], rel=1e-9)
    middle = (lattice.low + (lattice.cells + 0.5) * lattice.side) * lattice.volume[:, None]
    assert np.abs(middle.sum(axis=0) / lattice.volume.sum()).max() < 1e-3 * 0.1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (dict(poisson=0.5), "poisson is 0.5, expected between -0.9 and 0.499"),
        (dict(poisson=-1.0), "expected between -0.9"),
        (dict(youngs_modulus=-1e4), "youngs_modulus"),
        (dict(youngs_modulus=float("nan")), "youngs_modulus"),
        (dict(density=0.0), "density"),
        (dict(damping=-0.1), "damping"),
        (dict(preset="marble"), "marble"),
    ],
)
def test_impossible_matter_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Soft(**values)


def test_cells_larger_than_the_solid_and_matter_like_steel_are_refused():
    scene = block((0.1, 0.02, 0.1), cell=0.03)
    with pytest.raises(ValueError, match=r"cell is 0.03 m, expected at most its shortest side, 0.02 m"):
        physim.simulate(scene, seconds=0.1)
    scene = block(youngs_modulus=2e11, cell=0.005)
    with pytest.raises(ValueError, match="Make it Rigid"):
        physim.simulate(scene, seconds=0.1)
    with pytest.raises(TypeError, match="soft"):
        physim.Scene().add(physim.Sphere(0.1), physim.Rigid("rubber"), pin="top")


def test_every_preset_is_matter():
    for name in SOFTS:
        soft = Soft(name)
        assert soft.youngs_modulus > 0 and soft.density > 0 and soft.relaxation > 0
