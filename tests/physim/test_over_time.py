"""Values that change with time: the curves themselves, and that every solver feels them."""

import numpy as np
import pytest

import physim
from physim.over_time import EASES, OverTime
from physim.shot_file import ShotError

FADING = OverTime((0.0, 0.5), ((0.0, -9.81, 0.0), (2.0, 1.0, 0.0)))


def fallen(keys, time):
    """Closed form of what falls from rest while gravity is linear up to the last key (3,)."""
    first, last = np.array(keys.values)
    rate = (last - first) / keys.times[-1]
    return time**2 / 2 * first + time**3 / 6 * rate


@pytest.mark.parametrize("ease", [*EASES, "smooth"])
def test_the_integral_of_a_curve_is_the_area_below_it(ease):
    curve = OverTime((0.5, 1.0, 3.0), ((1.0, 0.0), (4.0, -2.0), (2.0, 5.0)), ease)
    for start, end in ((0.0, 0.4), (0.2, 0.9), (0.6, 2.2), (0.0, 4.0)):
        times = start + (np.arange(4000) + 0.5) / 4000 * (end - start)
        area = np.mean([curve.at(t) for t in times], axis=0)  # the midpoint rule, second order; jumps: first
        np.testing.assert_allclose(curve.mean(start, end), area, atol=2e-3)


def test_a_curve_is_at_its_keys_and_stays_before_and_after_them():
    for ease in (*EASES, "smooth"):
        curve = OverTime((1.0, 2.0), (3.0, 5.0), ease)
        assert [float(curve.at(t)) for t in (0.0, 1.0, 2.0, 9.0)] == [3.0, 3.0, 5.0, 5.0]
        assert curve.most == 5.0


@pytest.mark.parametrize(
    ("times", "values", "ease", "says"),
    [
        ((1.0, 1.0), (0.0, 1.0), "linear", "rising"),
        ((), (), "linear", "at least one"),
        ((0.0, 1.0), (0.0, (1.0, 2.0)), "linear", "one vector for each"),
        ((0.0,), (np.nan,), "linear", "finite"),
        ((0.0,), (1.0,), "bouncy", "one of linear"),
    ],
)
def test_curves_that_cannot_be_are_refused_with_what_was_expected(times, values, ease, says):
    with pytest.raises(ValueError, match=says):
        OverTime(times, values, ease)


def test_a_ball_in_gravity_that_changes_linearly_follows_the_closed_form_and_keeps_the_books():
    scene = physim.Scene(gravity=FADING)
    scene.add(physim.Sphere(radius=0.05), physim.Rigid("steel", drag_coefficient=0.0), name="ball", position=(0, 5, 0))
    track = physim.simulate(scene, seconds=0.5, fps=48)
    for frame in (6, 12, 23):
        expected = np.array([0, 5, 0]) + fallen(FADING, frame / 48)
        # piecewise constant in substeps of 1/960 s: rate h^2 t / 12
        np.testing.assert_allclose(track["ball"].position[frame], expected, atol=2e-6)
    report = track.report.values
    assert report["momentum_error [-]"] < 1e-9
    moved = report["energy_end [J]"] - report["energy_start [J]"] - report["work_of_gravity_change [J]"]
    # masses are kept in single precision
    assert abs(moved) < 1e-6 * abs(report["energy_start [J]"])


def test_gravity_that_is_switched_off_lets_a_thrown_ball_fly_straight_on():
    keys = OverTime((0.0, 0.25), ((0.0, -9.81, 0.0), (0.0, 0.0, 0.0)), "at_once")
    scene = physim.Scene(gravity=keys)
    scene.add(
        physim.Sphere(radius=0.05), physim.Rigid("steel", drag_coefficient=0.0), name="ball", position=(0, 5, 0),
        velocity=(1, 0, 0),
    )  # fmt: skip
    velocity = physim.simulate(scene, seconds=0.5, fps=48)["ball"].velocity
    np.testing.assert_allclose(velocity[13:], np.tile([1.0, -9.81 * 0.25, 0.0], (11, 1)), atol=1e-9)


def test_a_bouncing_ball_gains_no_energy_from_contacts_while_gravity_fades():
    scene = physim.Scene(gravity=FADING.map(lambda g: np.asarray(g) * [0, 1, 0]))
    scene.add(physim.Plane())
    scene.add(physim.Sphere(radius=0.05), physim.Rigid("rubber"), name="ball", position=(0, 0.3, 0))
    report = physim.simulate(scene, seconds=0.5, fps=24).report.values
    assert report["contact_events [-]"] >= 1
    assert report["energy_gain [J]"] < 1e-4 * report["energy_start [J]"]


def test_a_ball_in_a_wind_that_rises_gains_the_momentum_of_its_drag():
    """Against Runge and Kutta's integration of m dv/dt = rho/2 C A |w - v| (w - v)."""
    from scipy.integrate import solve_ivp

    from physim.rigid_arrays import AIR_DENSITY

    wind = OverTime((0.0, 0.4), ((0.0, 0.0, 0.0), (12.0, 0.0, 3.0)), "in_out")
    scene = physim.Scene(gravity=(0, 0, 0))
    ball = physim.Rigid("cork", drag_coefficient=0.47)
    scene.add(physim.Sphere(radius=0.05), ball, name="ball", position=(0, 5, 0))
    scene.add(physim.Wind(wind))
    got = physim.simulate(scene, seconds=0.5, fps=48)["ball"].velocity[-1]
    k = 0.5 * AIR_DENSITY * 0.47 * np.pi * 0.05**2 / scene["ball"].mass

    def change(time, v):
        past = wind.at(time) - v
        return k * np.linalg.norm(past) * past

    expected = solve_ivp(change, (0, 23 / 48), np.zeros(3), rtol=1e-9, atol=1e-9).y[:, -1]
    assert np.linalg.norm(expected) > 0.3
    np.testing.assert_allclose(got, expected, rtol=3e-3, atol=1e-4)  # the wind of a substep is that of its beginning


def test_a_push_that_grows_gives_its_integral_and_stirs_what_sleeps():
    """From rest on ice: m v = integral of F, from 0 to 2 N within 0.2 s and steady to 0.3 s, from 0.6 s on."""
    push = OverTime((0.6, 0.8), ((0.0, 0.0, 0.0), (2.0, 0.0, 0.0)))
    scene = physim.Scene(gravity=(0, 0, 0))
    scene.add(physim.Sphere(radius=0.05), physim.Rigid("wood", drag_coefficient=0), name="ball", position=(0, 5, 0))
    scene.add(physim.Push("ball", push, start=0.6, end=0.9))
    track = physim.simulate(scene, seconds=1, fps=24)
    given = 0.5 * 2 * 0.2 + 2 * 0.1
    assert track["ball"].velocity[-1][0] == pytest.approx(given / scene["ball"].mass, rel=1e-6)
    assert not track["ball"].velocity[:14].any()
    assert track.report.values["momentum_error [-]"] < 1e-6


def test_a_push_beside_the_middle_turns_a_body():
    """Torque of 0.02 N m for 0.1 s on the moment 2/5 m r^2."""
    scene = physim.Scene(gravity=(0, 0, 0))
    ball = physim.Rigid("wood", drag_coefficient=0)
    scene.add(physim.Sphere(radius=0.05), ball, name="ball", position=(0, 5, 0))
    scene.add(physim.Push("ball", (0.5, 0, 0), end=0.1, point=(0, 0.04, 0)))
    spin = physim.simulate(scene, seconds=0.25, fps=24)["ball"].angular_velocity[-1]
    assert spin[2] == pytest.approx(-0.02 * 0.1 / (0.4 * scene["ball"].mass * 0.05**2), rel=1e-4)


def test_a_push_on_no_body_is_refused():
    scene = physim.Scene()
    scene.add(physim.Sphere(radius=0.05), physim.Rigid("wood"), name="ball", position=(0, 5, 0))
    scene.add(physim.Push("bal", (1, 0, 0)))
    with pytest.raises(ValueError, match="a push acts on 'bal', expected a rigid body: ball"):
        physim.simulate(scene, seconds=0.1)


def test_a_cloth_falls_as_gravity_lets_it():
    scene = physim.Scene(gravity=FADING)
    still = physim.Cloth("cotton", drag_coefficient=0, skin_friction=0)
    scene.add(physim.Sheet(size=(0.2, 0.2), cells=(8, 8)), still, name="cloth", position=(0, 3, 0))
    track = physim.simulate(scene, seconds=0.5, fps=24)
    middle = track["cloth"].position.mean(axis=1)
    expected = fallen(FADING, 11 / 24)
    # symplectic steps of 0.15 ms: half a step too far, g h t / 2
    np.testing.assert_allclose(middle[11] - middle[0], expected, atol=5e-4)
    assert track.report.values["cloth_momentum_error [-]"] < 1e-5


def test_a_drop_of_water_falls_as_gravity_lets_it():
    keys = OverTime((0.0, 0.2), ((0.0, -9.81, 0.0), (0.0, 0.0, 0.0)))
    scene = physim.Scene(gravity=keys)
    water = physim.Liquid("water", resolution=16, domain=((-0.1, -0.2, -0.1), (0.1, 0.4, 0.1)))
    scene.add(physim.Sphere(radius=0.05), water, name="drop", position=(0, 0.3, 0))
    track = physim.simulate(scene, seconds=0.25, fps=24)
    speed = np.nanmean(np.asarray(track["drop"].velocity[5], np.float64), axis=0)
    assert speed[1] == pytest.approx(-9.81 * 0.2 / 2, rel=0.01)  # velocities are kept in half precision


def test_smoke_in_gravity_with_two_equal_keys_is_that_in_gravity_without_keys():
    def density(gravity):
        scene = physim.Scene(gravity=gravity)
        box = ((-0.2, 0.0, -0.2), (0.2, 0.4, 0.2))
        scene.add(physim.Emitter(centre=(0, 0.1, 0), radius=0.05), physim.Smoke("steam", domain=box, resolution=16))
        return next(iter(physim.simulate(scene, seconds=0.5, fps=12).smokes.values())).density

    plain = density((0.0, -9.81, 0.0))
    keyed = density(OverTime((0.0, 1.0), ((0.0, -9.81, 0.0), (0.0, -9.81, 0.0))))
    np.testing.assert_array_equal(plain, keyed)
    height = np.arange(plain.shape[2])

    def middle(d):
        return (d[-1].sum(axis=(0, 2)) @ height) / d[-1].sum()

    assert middle(density(OverTime((0.0, 0.1), ((0.0, -9.81, 0.0), (0.0, 0.0, 0.0))))) < middle(plain) - 0.5


def test_a_source_of_smoke_gives_off_the_integral_of_its_rate():
    def mass(rate):
        scene = physim.Scene(gravity=(0, 0, 0))
        box = ((-0.4, 0.0, -0.4), (0.4, 0.8, 0.4))
        smoke = physim.Smoke("dust", domain=box, resolution=16, temperature=293.15, dissipation=0.0)
        scene.add(physim.Emitter(centre=(0, 0.4, 0), radius=0.1, rate=rate, flicker=0.0), smoke)
        return float(next(iter(physim.simulate(scene, seconds=0.5, fps=12).smokes.values())).density[-1].sum())

    # a ramp from 0 to 2 has the mean 1
    assert mass(OverTime((0.0, 0.5), (0.0, 2.0))) == pytest.approx(mass(1.0), rel=0.01)


def test_a_jet_that_grows_pours_the_integral_of_its_flow():
    box = ((-0.1, 0.0, -0.1), (0.1, 0.4, 0.1))
    scene = physim.Scene()
    jet = OverTime((0.0, 0.4), ((0.0, 0.0, 0.0), (0.0, -1.0, 0.0)))
    water = physim.Liquid("water", resolution=16, domain=box)
    scene.add(physim.Emitter(centre=(0, 0.3, 0), radius=0.03, velocity=jet), water, name="jet")
    report = physim.simulate(scene, seconds=0.4, fps=30).report.values
    expected = np.pi * 0.03**2 * 0.5 * 0.4
    # whole layers of particles enter
    assert report["liquid_volume_emitted [m^3]"] == pytest.approx(expected, rel=0.06)


def shot_file(tmp_path, text):
    path = tmp_path / "shot.yaml"
    path.write_text("photo: skimage:coffee.png\n" + text)
    return path


def test_the_shot_file_takes_keys_and_writes_them_back(tmp_path):
    text = """
gravity: {keys: [{at: 0, value: [0, -9.81, 0]}, {at: 2, value: [0, 0, 0]}], ease: in_out}
forces: [{wind: {velocity: {keys: [{at: 1, value: [0, 0, 0]}, {at: 2, value: [3, 0, 0]}]}}}]
things:
  - name: steam
    smoke: {material: steam}
    emit: {pixel: [290, 130], rate: {keys: [{at: 0, value: 0}, {at: 1, value: 2}]}}
light: {elevation: {keys: [{at: 3, value: 1}]}, turn: {keys: [{at: 3, value: 40}]}}
"""
    shot = physim.Shot.load(shot_file(tmp_path, text))
    assert physim.Shot(**shot.to_dict()) == shot
    for name in ("again.toml", "again.json"):
        assert physim.Shot.load(shot.save(tmp_path / name)).gravity == shot.gravity


def test_mistakes_in_keys_are_all_named_with_their_line(tmp_path):
    text = """gravity: {keys: [{at: 0, value: [0, 0]}, {at: 1, value: [0, 0, x]}], eas: in}
forces:
  - {wind: {velocity: {keys: [{at: 2, value: [0, 0, 0]}, {at: 1, value: [0, 1, 0]}]}}}
  - {wind: {velocity: [1, 2]}}
light: {elevation: {keys: [{at: 0, value: 1}]}}
"""
    with pytest.raises(ShotError) as error:
        physim.Shot.load(shot_file(tmp_path, text))
    said = str(error.value)
    assert ":2  gravity.keys[0].value: given 2 values, expected 3" in said
    assert ":2  gravity.keys[1].value[2]: given 'x', expected a number" in said
    assert "Did you mean `ease`?" in said
    assert ":4  forces[0].wind.velocity: `at` of the keys must grow; given: 2, 1." in said
    assert ":5  forces[1].wind.velocity: given 2 values, expected 3" in said
    assert ":6  light: the light of the first frame is the photo's" in said


def test_a_push_is_read_checked_and_moved_with_its_shot_of_a_storyboard(tmp_path):
    thing = "things: [{name: ball, shape: {sphere: 0.02}, at: [0, 0.1, -0.5], rigid: {}}]\n"
    text = "forces: [{push: {on: bal, newtons: [1, 0, 0], from: 2, to: 1}}, {push: {on: bal, newtons: [1, 0, 0]}}]"
    with pytest.raises(ShotError) as error:
        physim.Shot.load(shot_file(tmp_path, thing + text))
    said = str(error.value)
    assert "forces[0].push: acts from 2 s to 1 s, expected `to` later than `from`" in said
    assert "forces[1].push.on" in said and "Did you mean `ball`?" in said
    text = """shots:
  - {seconds: 2}
  - seconds: 1
    forces: [{push: {on: ball, newtons: {keys: [{at: 0, value: [0, 0, 0]}, {at: 1, value: [1, 0, 0]}]}, to: 0.5}}]
"""
    push = physim.Shot.load(shot_file(tmp_path, thing + text)).forces[0].push
    assert ([key.at for key in push.newtons.keys], push.start, push.end) == ([2.0, 3.0], 2.0, 2.5)


def test_a_lake_refuses_gravity_that_changes(tmp_path):
    text = """gravity: {keys: [{at: 0, value: [0, -9.81, 0]}, {at: 2, value: [0, 0, 0]}]}
things: [{name: sea, select: {box: [0, 200, 600, 400]}, liquid: {material: water}}]
"""
    with pytest.raises(ShotError, match="'sea' is a lake, whose waves need a constant gravity"):
        physim.Shot.load(shot_file(tmp_path, text))


def test_times_in_a_later_shot_of_a_storyboard_count_from_its_cut(tmp_path):
    text = """shots:
  - {seconds: 2}
  - {seconds: 1, forces: [{wind: {velocity: {keys: [{at: 0.5, value: [0, 0, 0]}, {at: 1, value: [3, 0, 0]}]}}}]}
"""
    shot = physim.Shot.load(shot_file(tmp_path, text))
    assert [key.at for key in shot.forces[0].wind.velocity.keys] == [2.5, 3.0]
