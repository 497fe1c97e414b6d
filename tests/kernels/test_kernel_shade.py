"""Sampling, mirroring and averaging of the shading kernels, against hand-written truths."""

import numpy as np
import pytest
import warp as wp
from physim_kernels import resample as sampling
from physim_kernels import shade, texture


@wp.kernel
def fold_kernel(n: wp.array(dtype=wp.vec3), axis: wp.vec3, limit: float, out: wp.array(dtype=wp.vec3)):
    i = wp.tid()
    out[i] = shade.folded(n[i], axis, limit)


@wp.kernel
def rounded_kernel(p: wp.array(dtype=wp.vec3), half: wp.vec3, flat: wp.vec3, out: wp.array(dtype=wp.vec4)):
    i = wp.tid()
    out[i] = texture.rounded(1, half, p[i], flat)


def resample(image, uv):
    rows, cols = image.shape[:2]
    texels = wp.array(image.reshape(-1, 4), dtype=wp.vec4, device="cpu")
    uv = np.ascontiguousarray(uv, np.float32)
    out = wp.empty(uv.shape[:2], dtype=wp.vec4, device="cpu")
    sampling.resample(
        texels, wp.vec2i(cols, rows), wp.array(uv, dtype=wp.vec2, device="cpu"), wp.vec2(1.0, 1.0), out=out
    )
    return out.numpy()


def grid(rows, cols):
    u, v = np.meshgrid(np.arange(cols) + 0.5, np.arange(rows) + 0.5)
    return np.stack([u, v], axis=-1)


def test_sampling_at_pixel_centres_returns_the_pixels():
    image = np.random.default_rng(0).random((7, 9, 4)).astype(np.float32)
    np.testing.assert_array_equal(resample(image, grid(7, 9)), image)


def test_sampling_reproduces_a_straight_ramp_between_pixels():
    u, v = np.meshgrid(np.arange(12.0), np.arange(10.0))
    image = np.stack([u, v, u + v, np.ones_like(u)], axis=-1).astype(np.float32)
    at = grid(10, 12)[2:-3, 2:-3] + (0.3, 0.6)
    expected = np.stack([at[..., 0] - 0.5, at[..., 1] - 0.5, at.sum(-1) - 1, np.ones(at.shape[:2])], axis=-1)
    np.testing.assert_allclose(resample(image, at), expected, atol=1e-5)


def test_sampling_never_leaves_the_range_of_its_neighbours():
    image = np.zeros((8, 8, 4), np.float32)
    image[:, 4:] = 1.0
    fine = resample(image, grid(8, 8)[:, :-1] + np.array([0.35, 0.2]))
    assert fine.min() >= 0.0 and fine.max() <= 1.0


def test_directions_fold_back_like_a_triangle_wave():
    limit, angles = 1.0, np.array([0.2, 0.9, 1.3, 1.9, 2.4])
    n = np.stack([np.sin(angles), 0 * angles, np.cos(angles)], axis=1).astype(np.float32)
    out = wp.zeros(5, dtype=wp.vec3, device="cpu")
    wp.launch(fold_kernel, 5, [wp.array(n, dtype=wp.vec3, device="cpu"), wp.vec3(0, 0, 1), limit], [out], device="cpu")
    folded = np.arccos(np.clip(out.numpy()[:, 2], -1, 1))
    np.testing.assert_allclose(folded, [0.2, 0.9, 0.7, 0.1, 0.4], atol=1e-5)


def test_a_rounded_box_is_flat_in_the_middle_and_turns_45_degrees_at_the_edge():
    points = np.array([[0.5, 0.0, 0.0], [0.5, 0.5, 0.0], [0.5, 0.4, 0.1]], np.float32)
    out = wp.zeros(3, dtype=wp.vec4, device="cpu")
    inputs = [wp.array(points, dtype=wp.vec3, device="cpu"), wp.vec3(0.5, 0.5, 0.5), wp.vec3(1.0, 0.0, 0.0)]
    wp.launch(rounded_kernel, 3, inputs, [out], device="cpu")
    np.testing.assert_allclose(out.numpy()[0, :3], (1, 0, 0), atol=1e-6)
    np.testing.assert_allclose(out.numpy()[1, :3], (np.sqrt(0.5), np.sqrt(0.5), 0), atol=1e-6)
    np.testing.assert_allclose(out.numpy()[2, :3], (1, 0, 0), atol=1e-6)  # 9 % of the side is rounded, no more


def test_exposure_of_a_moving_box_is_the_analytic_trapezoid():
    # An opaque bar 8 pixels wide crosses 16 pixels while the shutter is open: a trapezoid of height 8 / 16.
    width, way, instants, k = 8, 16, 64, 4
    layer = wp.zeros((1, 40), dtype=wp.vec4, device="cpu")
    made = wp.zeros((1, 40), dtype=wp.float32, device="cpu")
    behind = wp.zeros((1, 40), dtype=wp.float32, device="cpu")
    near = wp.full((1, 40), np.inf, dtype=wp.float32, device="cpu")
    x = (np.arange(40 * k) + 0.5) / k
    for s in (np.arange(instants) + 0.5) / instants:
        inside = (x >= 5 + s * way) & (x < 5 + s * way + width)
        samples = np.tile(np.where(inside[:, None], [[0.2, 0.4, 0.6, 1.0]], 0.0), (k, 1, 1)).astype(np.float32)
        cover = np.tile(inside.astype(np.float32), (k, 1))
        shade.gather(
            wp.array(samples, dtype=wp.vec4, device="cpu"), wp.array(cover, device="cpu"),
            wp.array(0.5 * cover, device="cpu"), wp.full((k, 40 * k), 2.0, dtype=wp.float32, device="cpu"),
            supersample=k, corner=(0, 0), weight=1 / instants,
            layer=layer, made_out=made, behind_out=behind, near_out=near,
        )  # fmt: skip
    centre = np.arange(40) + 0.5

    def covered(t):  # integral of the bar's cover of a point, clipped to the open shutter
        return np.clip((t - 5) / way, 0, 1) - np.clip((t - 5 - width) / way, 0, 1)

    exact = np.mean([covered(centre + d) for d in (np.arange(64) + 0.5) / 64 - 0.5], axis=0)
    np.testing.assert_allclose(layer.numpy()[0, :, 3], exact, atol=2 / instants / k)
    # premultiplied: colour over cover is the bar's own wherever there is any
    alpha = layer.numpy()[0, :, 3]
    seen = alpha > 1e-3
    np.testing.assert_allclose(
        layer.numpy()[0, seen, :3] / alpha[seen, None], [[0.2, 0.4, 0.6]] * seen.sum(), rtol=1e-4
    )
    np.testing.assert_allclose(made.numpy()[0], alpha, atol=1e-6)
    np.testing.assert_allclose(behind.numpy()[0], 0.5 * alpha, atol=1e-6)
    assert near.numpy()[0, seen].max() == pytest.approx(2.0)
