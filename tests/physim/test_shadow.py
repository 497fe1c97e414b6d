"""Shadows on a photographed plane, seen in pixels, against the geometry of light and ball."""

import numpy as np
import pytest
import warp as wp
from compose_scenes import make_trajectory
from physim_kernels import occlusion

from physim.backdrop_view import lens_of
from physim.camera import Camera
from physim.scene import Light
from physim.shadow import (
    ShadowCaster,
    ground_below,
    light_already_there,
    light_frame,
    receiver,
    shadow_region,
)
from physim.shapes import Box, Mesh, Sphere
from physim.view import plane_depth

SIZE = (90, 120)


@pytest.fixture
def camera():
    return Camera.looking(SIZE, fov_deg=50, pitch_deg=60, height=1.0)


def caster_of(shape, position, light):
    trajectory = make_trajectory({"thing": (shape, position)}, light=light)
    return ShadowCaster(trajectory, device="cpu")


def darkening(caster, camera, lit=1.0):
    """(H, W) factor on the plane y = 0, everything asked."""
    depth = plane_depth(camera, 0.0, far=100.0)
    surface = receiver(camera, wp.array(depth.astype(np.float32), device="cpu"), lens_of(camera, SIZE))
    casters, where = caster.casters(["thing"], 0.0), np.arange(depth.size)
    factor = caster.factor(surface, where, np.full(depth.size, lit), casters, 1)
    return factor.reshape(SIZE), camera.unproject(camera.pixel_grid(), depth), casters


def test_shadow_of_a_ball_lies_where_the_light_throws_it(camera):
    direction, radius, height = np.array([0.5, 0.8, -0.3]), 0.05, 0.25
    direction /= np.linalg.norm(direction)
    centre = np.array([0.05, height, -0.6])
    caster = caster_of(Sphere(radius), centre, Light(direction=tuple(direction), half_angle=0.01))
    factor, points, _ = darkening(caster, camera)
    dark = factor < 0.5
    middle = points[dark].mean(axis=0)
    expected = centre - direction * height / direction[1]
    pixel = 2 * 1.0 / camera.focal
    np.testing.assert_allclose(middle, expected, atol=pixel)
    # a cylinder of light cut by the plane: an ellipse of semi-axes R and R / cos
    side = np.cross(direction, (0, 1, 0)) / np.linalg.norm(np.cross(direction, (0, 1, 0)))
    across = (points[dark] - middle) @ side
    along = (points[dark] - middle) @ np.cross(side, (0, 1, 0))
    assert across.max() == pytest.approx(radius, abs=pixel)
    assert along.max() == pytest.approx(radius / direction[1], abs=1.5 * pixel)


def test_full_shadow_leaves_the_floor_and_old_shade_is_not_darkened_twice(camera):
    light = Light(direction=(0, 1, 0), half_angle=0.01, shadow_floor=0.1)
    caster = caster_of(Box((0.1, 0.02, 0.1)), (0.0, 0.6, -0.6), light)
    lit, _, _ = darkening(caster, camera, lit=1.0)
    assert lit.min() == pytest.approx(0.1, abs=0.01)  # far above, it hides next to no sky
    shaded, _, _ = darkening(caster, camera, lit=0.0)
    assert shaded.min() > 0.95


def test_region_holds_every_pixel_that_is_darkened(camera):
    for centre in [(0.0, 0.05, -0.6), (0.3, 0.4, -0.8), (-0.5, 0.2, -0.3)]:
        light = Light(direction=(0.6, 0.6, -0.4), half_angle=0.1)
        caster = caster_of(Box((0.08, 0.1, 0.06)), centre, light)
        factor, _, casters = darkening(caster, camera)
        where = shadow_region(caster, camera, plane_depth(camera, 0.0, far=100.0), casters.ball.numpy())
        inside = np.zeros(SIZE, bool).ravel()
        inside[where] = True
        assert inside.reshape(SIZE)[factor < 0.999].all()
        assert inside.mean() < 0.7


def test_light_frame_is_a_right_handed_rotation_with_z_to_the_light():
    for direction in [(0, 1, 0), (0.3, -0.2, 0.9), (0, 0, 1), (1, 0, 0)]:
        frame = light_frame(np.array(direction))
        np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(frame) == pytest.approx(1)
        np.testing.assert_allclose(frame[2], np.array(direction) / np.linalg.norm(direction))


@wp.kernel
def normal_kernel(surface: occlusion.Receiver, out: wp.array2d(dtype=wp.vec3)):
    v, u = wp.tid()
    out[v, u] = wp.transform_vector(surface.world_from_camera, occlusion.normal_at(surface, v, u))


def test_normals_of_a_photographed_plane_point_up_and_do_not_lean_over_a_step(camera):
    depth = plane_depth(camera, 0.0, far=100.0)
    high = plane_depth(camera, 0.2, far=100.0)
    depth[:, 60:] = high[:, 60:]
    surface = receiver(camera, wp.array(depth.astype(np.float32), device="cpu"), lens_of(camera, SIZE))
    normals = wp.zeros(SIZE, dtype=wp.vec3, device="cpu")
    wp.launch(normal_kernel, SIZE, [surface], [normals], device="cpu")
    # float32 depth: a step between pixels of 1e-2 m is known to 1e-7 / 1e-2
    np.testing.assert_allclose(normals.numpy().reshape(-1, 3), np.tile([0, 1, 0], (SIZE[0] * SIZE[1], 1)), atol=1e-3)


def test_ground_below_a_point_over_a_plane_is_its_foot(camera):
    below, pixel = ground_below(np.array([0.1, 0.3, -0.7]), camera, plane_depth(camera, 0.0, far=100.0))
    np.testing.assert_allclose(below, (0.1, 0.0, -0.7), atol=1e-6)
    np.testing.assert_allclose(pixel, camera.project(np.array([0.1, 0, -0.7]))[0], atol=0.05)


def test_ground_below_a_point_before_the_sky_is_its_foot_too():
    level = Camera.looking(SIZE, fov_deg=50, pitch_deg=0, height=1.5)
    depth = plane_depth(level, 0.0, far=1e4)
    below, _ = ground_below(np.array([0.1, 3.0, -12.0]), level, depth)
    assert below[[0, 2]] == pytest.approx([0.1, -12.0])
    assert below[1] == pytest.approx(0.0, abs=0.15)  # a row of pixels shows as much of the plane there


def test_a_shaded_half_of_an_even_wall_is_found_and_its_lit_half_counts_as_lit():
    wall = np.full((200, 300, 3), 0.5, np.float32)
    wall[:, 150:] *= 0.1
    lit = light_already_there(wall, Light(shadow_floor=0.1))
    assert lit[:, :120].min() > 0.9 and lit[:, 180:].max() < 0.1


def test_dark_paint_of_its_own_colour_counts_as_lit():
    wall = np.full((200, 300, 3), 0.5, np.float32)
    wall[:, 150:] = (0.08, 0.01, 0.01)
    lit = light_already_there(wall, Light(shadow_floor=0.1))
    assert lit[:, 190:].min() > 0.8


def test_light_hidden_by_a_box_that_reaches_below_the_horizon_of_the_light_is_that_of_rays():
    # A leaning box seen from points beside it at its own foot: its outline dips below the light's horizon twice.
    light = Light(direction=(-0.35, 0.85, 0.4), half_angle=0.21)
    half = np.array([0.009, 0.06, 0.03])
    turn = np.array([[0.3, 0.954, 0.0], [-0.954, 0.3, 0.0], [0.0, 0.0, 1.0]])
    centre = np.array([0.0, np.abs(turn[1]) @ half, -0.6])
    angle = np.arctan2(turn[1, 0], turn[0, 0])
    pose = lambda t: (centre, (0.0, 0.0, np.sin(angle / 2), np.cos(angle / 2)))  # noqa: E731
    caster = ShadowCaster(make_trajectory({"thing": (Box(tuple(2 * half)), pose)}, light=light), device="cpu")
    rng = np.random.default_rng(4)
    points = centre * [1, 0, 1] + rng.uniform(-0.12, 0.12, (4000, 3)) * [1, 0, 1]
    found = wp.zeros(len(points), dtype=wp.float32, device="cpu")
    normal = wp.array(np.tile([0.0, 1.0, 0.0], (len(points), 1)), dtype=wp.vec3, device="cpu")
    occlusion.hidden(
        wp.array(points, dtype=wp.vec3, device="cpu"), normal, caster.casters(["thing"], 0.0), caster.sun,
        sun_out=found, sky_out=wp.zeros_like(found),
    )  # fmt: skip
    k = np.arange(2000) + 0.5
    disc = np.sqrt(k / 2000) * np.tan(0.21)
    local = np.stack([disc * np.cos(2.39996 * k), disc * np.sin(2.39996 * k), np.ones(2000)], axis=1)
    rays = local @ light_frame(np.array(light.direction)) @ turn  # body axes: rows of turn are world from body
    start = (points - centre) @ turn
    with np.errstate(divide="ignore"):
        a, b = ((sign * half - start)[:, None] / rays[None] for sign in (-1, 1))
    enter, leave = np.minimum(a, b).max(axis=-1), np.maximum(a, b).min(axis=-1)
    truth = ((enter < leave) & (leave > 1e-9)).mean(axis=1)
    assert (truth > 0.1).sum() > 30
    # The outline is the one seen from infinity: close to the box it may miss a sliver of it, but it makes up nothing.
    np.testing.assert_allclose(found.numpy()[truth == 0], 0.0, atol=0.01)
    assert np.mean(np.abs(found.numpy() - truth) > 0.02) < 0.02


def test_no_light_comes_through_the_joint_of_two_pieces_of_a_body():
    """A box in one piece and in two, one on top of the other, hide the same light."""
    light = Light(direction=(0.6, 0.7, 0.2), half_angle=0.06)
    whole, half = Box((0.1, 0.4, 0.1)), Box((0.1, 0.2, 0.1)).triangles.vertices
    halves = tuple(half + np.array([0, side * 0.1, 0]) for side in (-1, 1))
    x, z = np.meshgrid(np.linspace(-0.6, 0.1, 71), np.linspace(-0.35, 0.1, 46))
    points = np.stack([x.ravel(), 0 * x.ravel(), z.ravel()], axis=1)
    hidden = []
    for shape in (whole, Mesh(whole.triangles, halves)):
        caster = caster_of(shape, np.array([0.0, 0.25, 0.0]), light)
        casters = caster.casters(["thing"], 0.0)
        found = wp.zeros(len(points), dtype=wp.float32, device="cpu")
        normal = wp.array(np.tile([0.0, 1.0, 0.0], (len(points), 1)), dtype=wp.vec3, device="cpu")
        occlusion.hidden(
            wp.array(points, dtype=wp.vec3, device="cpu"), normal, casters, caster.sun,
            sun_out=found, sky_out=wp.zeros_like(found),
        )  # fmt: skip
        hidden.append(found.numpy())
    one, two = hidden
    assert (one > 0.999).sum() > 100 and (one < 0.001).sum() > 1000
    np.testing.assert_allclose(two[one > 0.999], 1.0, atol=1e-3)
    np.testing.assert_allclose(two[one < 0.001], 0.0, atol=1e-3)
    assert (two - one).min() > -1e-3  # only the half light beside the joint is counted twice
    assert np.mean(two - one > 0.02) < 0.03
    assert caster.neighbours("thing", 0.0) == [] and caster.near(np.array([-0.4, 0, 0]), 0.01, 0.0) == ["thing"]
