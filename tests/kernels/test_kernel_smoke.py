import numpy as np
import pytest
import warp as wp
from physim_kernels import smoke

SHAPE = (12, 10, 14)


def array(values):
    return wp.array(np.ascontiguousarray(values, dtype=np.float32), dtype=float, device="cpu")


def zeros(shape=SHAPE):
    return wp.zeros(shape, dtype=float, device="cpu")


def coordinates():
    return np.meshgrid(*(np.arange(n, dtype=float) for n in SHAPE), indexing="ij")


def curl(c, chunk):
    out = [zeros() for _ in range(4)]
    dim = (*SHAPE[:2], -(-SHAPE[2] // chunk))
    wp.launch(smoke.curl_kernel, dim=dim, inputs=[*map(array, c), chunk], outputs=out, device="cpu")
    return [a.numpy() for a in out]


@pytest.mark.parametrize("chunk", [14, 1])
def test_curl_of_a_rigid_rotation_is_twice_its_spin_everywhere(chunk):
    x, y, z = coordinates()
    spin = np.array([0.3, -0.2, 0.5])
    c = np.cross(spin, np.stack([x, y, z], -1))
    *components, length = curl(np.moveaxis(c, -1, 0), chunk)
    for k in range(3):
        np.testing.assert_allclose(components[k], 2 * spin[k], atol=1e-5)
    np.testing.assert_allclose(length, 2 * np.linalg.norm(spin), atol=1e-5)


def acceleration(c, temperature, *, strength, chunk=14):
    fields = [array(a) for a in curl(c, 14)]
    out, down = [zeros() for _ in range(3)], wp.array([[0.0, -9.81, 0.0]], dtype=wp.vec3, device="cpu")
    inputs = [*fields, array(temperature), strength, 10.0, 0.5, 300.0, down, 0, chunk]
    dim = (*SHAPE[:2], -(-SHAPE[2] // chunk))
    wp.launch(smoke.acceleration_kernel, dim=dim, inputs=inputs, outputs=out, device="cpu")
    return np.stack([a.numpy() for a in out], -1)


def test_buoyancy_is_that_of_an_ideal_gas_and_never_more_than_gravity():
    excess = np.zeros(SHAPE)
    excess[2], excess[3], excess[4] = 3.0, 300.0, 1e6
    a = acceleration(np.zeros((3, *SHAPE)), excess, strength=0.3)
    np.testing.assert_allclose(a[2, ..., 1], 9.81 * 3 / 303, rtol=1e-5)
    np.testing.assert_allclose(a[3, ..., 1], 9.81 / 2, rtol=1e-5)
    np.testing.assert_allclose(a[4, ..., 1], 9.81, rtol=1e-3)
    assert np.all(a[..., [0, 2]] == 0) and np.all(a[0] == 0)


@pytest.mark.parametrize("chunk", [14, 1])
def test_confinement_pushes_a_vortex_round_and_not_inwards(chunk):
    x, y, _ = coordinates()
    dx, dy = x - 5.5, y - 4.5
    swirl = np.exp(-(dx**2 + dy**2) / 8)
    c = np.stack([-dy * swirl, dx * swirl, 0 * swirl])
    a = acceleration(c, np.zeros(SHAPE), strength=0.3, chunk=chunk)
    r = np.hypot(dx, dy)
    ring = (r > 0.5) & (r < 2.5)
    along = (-dy * a[..., 0] + dx * a[..., 1]) / np.maximum(r, 1e-9)
    across = (dx * a[..., 0] + dy * a[..., 1]) / np.maximum(r, 1e-9)
    assert np.all(along[ring] > 0)
    assert np.abs(across[ring]).max() < 0.25 * along[ring].max()
    assert np.abs(a[..., 2]).max() == 0


def test_a_source_adds_its_rate_and_brings_gas_to_its_temperature():
    q, temperature = zeros(tuple(n + 6 for n in SHAPE)), zeros()
    ball = wp.array(np.array([[[6.0, 5.0, 7.0, 4.0]]], np.float32), dtype=wp.vec4, device="cpu")
    state = wp.array(np.array([[[2.0, 50.0, 1.0, 0.0]]], np.float32), dtype=wp.vec4, device="cpu")
    area = [array(np.ones(tuple(n + (a == axis) for a, n in enumerate(SHAPE)))) for axis in range(3)]
    inputs = [ball, state, 0, 0.1, 0.5, 0.0, *area, SHAPE[2]]
    wp.launch(smoke.source_kernel, dim=(12, 10, 1), inputs=inputs, outputs=[q, temperature], device="cpu")
    density = q.numpy()[3:-3, 3:-3, 3:-3].astype(np.float64)
    # integral of (1 - r^2)^2 over a ball of radius 4: 4 pi (1/3 - 2/5 + 1/7) 4^3, sampled at cell centres
    assert density.sum() == pytest.approx(0.2 * 4 * np.pi * (1 / 3 - 2 / 5 + 1 / 7) * 64, rel=0.01)
    x, y, z = coordinates()
    outside = np.sqrt((x - 5.5) ** 2 + (y - 4.5) ** 2 + (z - 6.5) ** 2) >= 4
    assert density[outside].max() == 0.0
    # the middle lies on a corner of cells: profile (1 - 0.75 / 16)^2, half of the way to 50 K
    assert temperature.numpy().max() == pytest.approx(0.5 * 50 * (1 - 0.75 / 16) ** 2, rel=1e-5)


def test_the_rim_follows_the_wind_and_the_middle_the_gust():
    u = zeros((13, 10, 14))
    wind = wp.array(np.array([[2.0, 0, 0]], np.float32), dtype=wp.vec3, device="cpu")
    gust = wp.array(np.array([[5.0, 0, 0]], np.float32), dtype=wp.vec3, device="cpu")
    inputs = [zeros(), 0, 0.1, 0.0, wind, gust, 0, 0.5, 3.0, 0b110011, 14]
    wp.launch(smoke.force_kernel, dim=(13, 10, 1), inputs=inputs, outputs=[u], device="cpu")
    result = u.numpy()
    assert result[6, 5, 7] == pytest.approx(0.5)  # gust x dt
    assert result[0, 5, 7] == pytest.approx(0.5 + 0.5 * (2.0 - 0.5))  # at the side: half of the way to the wind
    assert np.all(np.diff(result[:4, 5, 7]) < 0)
