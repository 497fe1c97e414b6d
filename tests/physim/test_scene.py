"""Scene, materials and forces: what goes together, and errors that help."""

import numpy as np
import pytest

import physim


def test_shape_times_material_gives_mass_and_inertia():
    scene = physim.Scene()
    name = scene.add(physim.Sphere(0.05), physim.Rigid("rubber"))
    assert scene[name].mass == pytest.approx(1100 * 4 / 3 * np.pi * 0.05**3)
    np.testing.assert_allclose(np.diag(scene[name].inertia), 0.4 * scene[name].mass * 0.05**2)


def test_a_given_mass_wins_over_density():
    scene = physim.Scene()
    scene.add(physim.Box((0.1, 0.1, 0.1)), physim.Rigid("oak", mass=3.0), name="box")
    assert scene["box"].mass == 3.0
    assert np.trace(scene["box"].inertia) == pytest.approx(3 * 3.0 * 0.01 / 6)


def test_unknown_materials_and_names_get_the_nearest_one():
    with pytest.raises(ValueError, match="Did you mean 'rubber'"):
        physim.Rigid("ruber")
    scene = physim.Scene()
    scene.add(physim.Sphere(1), physim.Rigid(), name="ball")
    with pytest.raises(KeyError, match="Did you mean 'ball'"):
        scene["bal"]


@pytest.mark.parametrize(
    "shape, material",
    [
        (physim.Emitter(), physim.Rigid()),
        (physim.Sphere(1), physim.Smoke()),
        (physim.Plane(), physim.Rigid()),
        (physim.Sheet((1, 1)), physim.Rigid()),
    ],
)
def test_matter_that_does_not_go_with_a_shape_is_refused(shape, material):
    with pytest.raises(TypeError, match="takes a"):
        physim.Scene().add(shape, material)


def test_names_are_unique_and_poses_finite():
    scene = physim.Scene()
    scene.add(physim.Sphere(1), physim.Rigid(), name="a")
    with pytest.raises(ValueError, match="exists already"):
        scene.add(physim.Sphere(1), physim.Rigid(), name="a")
    with pytest.raises(ValueError, match="three finite numbers"):
        scene.add(physim.Sphere(1), physim.Rigid(), position=(0, float("nan"), 0))


@pytest.mark.parametrize("kwargs", [dict(restitution=1.5), dict(friction=-1), dict(density=0.0), dict(mass=-1.0)])
def test_impossible_materials_are_refused(kwargs):
    with pytest.raises(ValueError, match="expected"):
        physim.Rigid("wood", **kwargs)


def test_gusts_have_the_stated_spread_about_the_mean_and_a_seed():
    wind = physim.Wind((4.0, 0, 0), gust=0.3, seed=5)
    speed = np.array([wind.velocity_at(t)[0] for t in np.linspace(0, 2000, 40001)])
    assert speed.mean() == pytest.approx(4.0, rel=0.01)
    assert speed.std() == pytest.approx(1.2, rel=0.02)
    assert wind.velocity_at(1.3)[0] == physim.Wind((4.0, 0, 0), gust=0.3, seed=5).velocity_at(1.3)[0]
    assert wind.velocity_at(1.3)[0] != physim.Wind((4.0, 0, 0), gust=0.3, seed=6).velocity_at(1.3)[0]
