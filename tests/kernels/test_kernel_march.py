import numpy as np
import pytest
import warp as wp
from physim_kernels import march as kernels
from physim_kernels import smoke_ray


@wp.kernel
def read_kernel(field: wp.array3d(dtype=wp.float32), at: wp.array(dtype=wp.vec3), out: wp.array2d(dtype=wp.float32)):
    i = wp.tid()
    out[i, 0] = smoke_ray.trilinear(field, at[i])
    out[i, 1] = smoke_ray.periodic(field, at[i])


@pytest.fixture
def device():
    return wp.get_device("cpu")


def test_trilinear_reading_is_exact_for_a_linear_field_and_clamped_outside(device):
    x = np.stack(np.meshgrid(np.arange(8), np.arange(8), np.arange(8), indexing="ij"), -1)
    field = wp.array((x @ (1.0, 2.0, -3.0)).astype(np.float32), dtype=wp.float32, device=device)
    at = np.random.default_rng(0).uniform(-3, 10, (200, 3)).astype(np.float32)
    out = wp.zeros((200, 2), dtype=wp.float32, device=device)
    wp.launch(read_kernel, dim=200, inputs=[field, wp.array(at, dtype=wp.vec3, device=device)], outputs=[out])
    np.testing.assert_allclose(out.numpy()[:, 0], at.clip(0, 7) @ (1.0, 2.0, -3.0), atol=2e-4)


def test_periodic_reading_repeats_after_each_side(device):
    field = wp.array(np.random.default_rng(1).random((8, 8, 8)), dtype=wp.float32, device=device)
    at = np.random.default_rng(2).uniform(0, 8, (100, 3)).astype(np.float32)
    both = np.concatenate([at, at + np.float32([8, -16, 24])])
    out = wp.zeros((200, 2), dtype=wp.float32, device=device)
    wp.launch(read_kernel, dim=200, inputs=[field, wp.array(both, dtype=wp.vec3, device=device)], outputs=[out])
    np.testing.assert_allclose(out.numpy()[:100, 1], out.numpy()[100:, 1], atol=1e-4)


def uniform_volume(device, count, density, extinction):
    volume = kernels.Volume()
    volume.density = wp.full((count,) * 3, density, dtype=wp.float32, device=device)
    volume.velocity = wp.zeros((count,) * 3, dtype=wp.vec3, device=device)
    volume.light = wp.zeros((count // 2,) * 3, dtype=wp.vec3, device=device)
    volume.noise = wp.zeros((2, 2, 2), dtype=wp.float32, device=device)
    volume.origin, volume.cell = wp.vec3(0.0, 0.0, 0.0), 1.0 / count
    volume.low, volume.high = wp.vec3(0.0, 0.0, 0.0), wp.vec3(1.0, 1.0, 1.0)
    volume.extinction, volume.detail = extinction, 0.0
    volume.share = wp.vec2(1.0, 0.0)
    return volume


@pytest.mark.parametrize("towards", [(0.0, 1.0, 0.0), (0.6, 0.0, 0.8)])
def test_light_in_a_uniform_box_fades_with_the_way_to_its_border(device, towards):
    volume = uniform_volume(device, 16, 0.5, 3.0)
    pooled = wp.zeros((8, 8, 8), dtype=wp.float32, device=device)
    share = wp.full((8, 8, 8), 0.75, dtype=wp.float32, device=device)
    kernels.light_grid(volume, wp.vec3(*towards), share, pooled=pooled, light_out=volume.light)
    centre = (np.stack(np.meshgrid(*[np.arange(8)] * 3, indexing="ij"), -1) + 0.5) / 8
    with np.errstate(divide="ignore"):
        way = np.where(np.array(towards) > 0, (1 - centre) / np.array(towards), np.inf).min(axis=-1)
    np.testing.assert_allclose(volume.light.numpy()[..., 0], 0.75 * np.exp(-1.5 * way), rtol=1e-4)
    np.testing.assert_allclose(volume.light.numpy()[..., 1], 0.75 * np.exp(-0.45 * way), rtol=1e-4)
    np.testing.assert_allclose(volume.light.numpy()[..., 2], np.exp(-0.45 * way), rtol=1e-4)


def test_halving_the_step_quarters_the_error_of_a_smooth_density(device):
    # The midpoint rule is of second order. A ray along z through d(z) = sin^2(pi z) (1 + z) has
    # the optical depth 3 E / 4.
    count = 256
    z = (np.arange(count) + 0.5) / count
    density = np.broadcast_to(np.sin(np.pi * z) ** 2 * (1 + z), (4, 4, count))
    truth = np.exp(-2.0 * 0.75)
    errors = []
    for stride in (0.23, 0.115):  # of cells as long as the box is wide
        volume = uniform_volume(device, 4, 0.0, 2.0)
        volume.density = wp.array(np.ascontiguousarray(density), dtype=wp.float32, device=device)
        volume.velocity = wp.zeros((4, 4, count), dtype=wp.vec3, device=device)
        volume.light = wp.zeros((2, 2, count // 2), dtype=wp.vec3, device=device)
        volume.cell = 1.0 / count
        volume.low, volume.high = wp.vec3(0.0, 0.0, 0.0), wp.vec3(4.0 / count, 4.0 / count, 1.0)
        view = kernels.View()
        view.position, view.rotation = wp.vec3(2.0 / count, 2.0 / count, -1.0), wp.mat33(np.eye(3))
        view.lens, view.other_from_world, view.dt = wp.vec4(1.0, 1.0, 0.5, 0.5), wp.mat44(np.eye(4)), 1.0
        surface = wp.full((1, 1), 10.0, dtype=wp.float32, device=device)
        out = wp.zeros((1, 1), dtype=wp.vec4, device=device)
        motion = wp.zeros((1, 1), dtype=wp.vec3, device=device)
        towards = wp.vec3(0.0, 1.0, 0.0)
        kernels.march(
            volume, view, towards, surface, stride=stride * count, corner=(0, 0), march_out=out, motion_out=motion
        )
        errors.append(abs(out.numpy()[0, 0, 0] - truth))
    assert errors[1] < errors[0] / 3
    assert errors[1] < 5e-3


def through(device, volume, surfaces):
    """Transmittance of one ray along z from 1 m before the unit box, up to each of some surfaces [m]."""
    count = len(surfaces)
    view = kernels.View()
    view.position, view.rotation = wp.vec3(0.47, 0.53, -1.0), wp.mat33(np.eye(3))
    view.lens, view.other_from_world, view.dt = wp.vec4(1.0e6, 1.0e6, 0.5, 0.5), wp.mat44(np.eye(4)), 1.0
    surface = wp.array(np.float32(surfaces)[None], dtype=wp.float32, device=device)
    out = wp.zeros((1, count), dtype=wp.vec4, device=device)
    motion = wp.zeros((1, count), dtype=wp.vec3, device=device)
    kernels.march(
        volume, view, wp.vec3(0.0, 1.0, 0.0), surface, stride=1.0, corner=(0, 0), march_out=out, motion_out=motion
    )
    return out.numpy()[0, :, 0]


def rough_volume(device, count=16):
    volume = uniform_volume(device, count, 0.0, 6.0)
    values = np.random.default_rng(3).random((count,) * 3)
    volume.density = wp.array(values.astype(np.float32), dtype=wp.float32, device=device)
    return volume


def test_a_little_more_of_the_way_through_rough_smoke_takes_a_little_more_light(device):
    # Steps made to fit the way move all samples when their number changes: jumps of up to a twentieth of the light,
    # which show as edges along the cells. Here no change is larger than the densest smoke makes it, twice over because
    # the sample in the last, shorter step moves as well.
    surfaces = np.linspace(1.02, 1.98, 2000)
    seen = through(device, rough_volume(device), surfaces)
    assert np.abs(np.diff(seen)).max() < 2 * 6.0 * (surfaces[1] - surfaces[0])
    assert seen[0] > 0.9 and seen[-1] < 0.1


def test_what_is_seen_of_smoke_does_not_depend_on_the_box_around_it(device):
    volume = rough_volume(device)
    values = volume.density.numpy()
    values[..., :4] = values[..., 12:] = 0
    volume.density = wp.array(values, dtype=wp.float32, device=device)
    whole = through(device, volume, [5.0])
    volume.low, volume.high = wp.vec3(0.0, 0.0, 3.4 / 16), wp.vec3(1.0, 1.0, 12.6 / 16)
    # the first and the last shell are cut where there is next to nothing
    np.testing.assert_allclose(through(device, volume, [5.0]), whole, rtol=0.03)
