"""Light and sky hidden by solids, against geometry that can be written down."""

import numpy as np
import pytest
import warp as wp
from physim_kernels import occlusion

from physim.scene import Light, Scene
from physim.shadow import ShadowCaster
from physim.shapes import Box, Cylinder, Plane, Sphere
from physim.trajectory import BodyTrack, ConservationReport, Trajectory


def still(shape, position, orientation=(0, 0, 0, 1), *, light=None) -> ShadowCaster:
    scene = Scene()
    scene.add(Plane())
    from physim.materials import Rigid

    scene.add(shape, Rigid("wood"), name="body", position=position)
    scene.light = light or Light(direction=(0, 1, 0), half_angle=0.1)
    track = BodyTrack(
        1, 24.0, np.tile(np.array(position, float), (2, 1)), np.tile(np.array(orientation, float), (2, 1)),
        np.zeros((2, 3)), np.zeros((2, 3)),
    )  # fmt: skip
    empty = Trajectory(scene, 24.0, 1 / 24, {"body": track}, {}, np.zeros(0), ConservationReport())
    return ShadowCaster(empty, device="cpu")


def hidden(caster, points, normals=None):
    points = np.atleast_2d(np.asarray(points, np.float32))
    normals = np.broadcast_to(np.float32([0, 1, 0]) if normals is None else normals, points.shape).copy()
    sun = wp.zeros(len(points), dtype=wp.float32, device="cpu")
    sky = wp.zeros(len(points), dtype=wp.float32, device="cpu")
    occlusion.hidden(
        wp.array(points, dtype=wp.vec3, device="cpu"), wp.array(normals, dtype=wp.vec3, device="cpu"),
        caster.casters(["body"], 0.0), caster.sun, sun_out=sun, sky_out=sky,
    )  # fmt: skip
    return sun.numpy(), sky.numpy()


def cone(direction, half_angle, count=40000):
    """Directions that fill the disc of radius tan(half_angle) evenly (Vogel's spiral)."""
    from physim.shadow import light_frame

    frame = light_frame(np.array(direction))
    k = np.arange(count)
    r, turn = np.tan(half_angle) * np.sqrt((k + 0.5) / count), k * np.pi * (3 - 5**0.5)
    return np.stack([r * np.cos(turn), r * np.sin(turn), np.ones(count)], axis=1) @ frame


def test_umbra_and_penumbra_of_a_ball_end_where_tangents_say():
    radius, height, angle = 0.05, 0.3, 0.1
    caster = still(Sphere(radius), (0, height, 0), light=Light(direction=(0, 1, 0), half_angle=angle))
    x = np.linspace(0, 0.2, 2001)
    sun, _ = hidden(caster, np.stack([x, 0 * x, 0 * x], axis=1))
    # Full shadow where the angle to the centre plus the light's radius is within asin(R / d), none beyond the sum.
    away, seen = np.arctan2(x, height), np.arcsin(radius / np.hypot(x, height))
    tangent = np.tan(angle)  # the kernel measures the light in tan, 0.3 % more than the angle at 0.1 rad
    assert x[sun > 0.99999].max() == pytest.approx(x[away + tangent < seen].max(), abs=2e-4)
    assert x[sun > 1e-6].max() == pytest.approx(x[away - tangent < seen].max(), abs=2e-4)
    assert np.all(np.diff(sun) <= 1e-6)


def test_a_box_hides_the_part_of_the_light_that_rays_find():
    direction, angle, half = (0.3, 0.8, -0.5), 0.15, np.array([0.02, 0.03, 0.04])
    caster = still(Box(tuple(2 * half)), (0, 0.1, 0), light=Light(direction=direction, half_angle=angle))
    rng = np.random.default_rng(0)
    points = np.stack([rng.uniform(-0.15, 0.1, 60), np.zeros(60), rng.uniform(-0.05, 0.18, 60)], axis=1)
    rays = cone(np.array(direction) / np.linalg.norm(direction), angle)
    sun, _ = hidden(caster, points)
    for point, value in zip(points, sun, strict=True):
        origin = point - (0, 0.1, 0)
        low, high = (-half - origin) / rays, (half - origin) / rays
        enter, leave = np.minimum(low, high).max(1), np.maximum(low, high).min(1)
        # Outline taken from the light's centre: within the light's angle a corner may be cut.
        assert value == pytest.approx(np.mean((enter < leave) & (leave > 0)), abs=0.02)
    assert sun.max() > 0.9 and sun.min() == 0


def test_a_standing_cylinder_under_a_light_overhead_hides_its_own_circle():
    caster = still(Cylinder(0.03, 0.02), (0, 0.2, 0), light=Light(direction=(0, 1, 0), half_angle=0.02))
    sun, _ = hidden(caster, [(0, 0, 0), (0.024, 0, 0), (0.036, 0, 0)])
    np.testing.assert_allclose(sun, (1, 1, 0), atol=1e-5)


def test_a_receiver_above_the_body_is_not_shaded():
    caster = still(Box((0.1, 0.1, 0.1)), (0, 0.1, 0))
    sun, _ = hidden(caster, [(0, 0.16, 0), (0, 0.5, 0)])
    np.testing.assert_allclose(sun, 0, atol=1e-6)


def test_ball_on_the_ground_hides_the_sky_as_the_closed_form_says():
    radius = 0.05
    caster = still(Sphere(radius), (0, radius, 0))
    x = np.array([0.02, 0.05, 0.08])
    _, sky = hidden(caster, np.stack([x, 0 * x, 0 * x], axis=1))
    exact = 1 / (1 + (x / radius) ** 2) ** 1.5
    near = np.hypot(x, radius) / (3.5 * radius)
    fade = np.minimum(1, 1.6 * (1 - near**2) ** 2)
    np.testing.assert_allclose(sky, exact * fade, rtol=2e-3)


def test_box_above_the_ground_hides_the_sky_that_rays_find():
    half = np.array([0.05, 0.03, 0.04])
    caster = still(Box(tuple(2 * half)), (0, 0.05, 0))
    rng = np.random.default_rng(1)
    u, turn = rng.random(200000), rng.random(200000) * 2 * np.pi
    rays = np.stack([np.sqrt(u) * np.cos(turn), np.sqrt(1 - u), np.sqrt(u) * np.sin(turn)], axis=1)
    for point in [(0.0, 0.0, 0.0), (0.07, 0.0, 0.0), (0.03, 0.0, 0.06), (0.08, 0.03, 0.0)]:
        origin = np.array(point) - (0, 0.05, 0)
        low, high = (-half - origin) / rays, (half - origin) / rays
        enter, leave = np.minimum(low, high).max(1), np.maximum(low, high).min(1)
        seen = np.mean((enter < leave) & (leave > 0))
        _, sky = hidden(caster, point)
        near = np.linalg.norm(origin) / (3.5 * np.linalg.norm(half))
        fade = min(1, 1.6 * (1 - near**2) ** 2)
        assert sky[0] == pytest.approx(seen * fade, abs=4e-3)  # 200 000 rays: sigma 0.001


def test_ground_inside_a_body_that_has_sunk_a_little_sees_no_sky():
    """No face is turned to it, yet beside it, under the body's edge, the sky is hidden nearly whole: no bright line."""
    caster = still(Box((0.2, 0.1, 0.2)), (0, 0.049, 0))
    _, sky = hidden(caster, [(0, 0, 0), (0.05, 0, -0.09), (0.0999, 0, 0)])
    assert sky == pytest.approx(1.0, abs=1e-6)
    _, beside = hidden(caster, [(0.1001, 0, 0)])
    assert beside == pytest.approx(0.5, abs=0.02)  # a wall as high as the sky hides half of it
