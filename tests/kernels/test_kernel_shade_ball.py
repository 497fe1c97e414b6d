"""The side of a ball that the photo never showed: mirror images that neither stretch nor tear."""

import numpy as np
import warp as wp
from physim_kernels import shade


@wp.kernel
def fold_kernel(n: wp.array(dtype=wp.vec3), axis: wp.vec3, out: wp.array(dtype=wp.vec3)):
    i = wp.tid()
    out[i] = shade.in_octant(n[i], axis)


def fold(directions, axis):
    given = wp.array(directions.astype(np.float32), dtype=wp.vec3, device="cpu")
    out = wp.zeros(len(directions), dtype=wp.vec3, device="cpu")
    wp.launch(fold_kernel, dim=len(directions), inputs=[given, wp.vec3(*axis)], outputs=[out], device="cpu")
    return out.numpy().astype(np.float64)


def unit(values):
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


def test_the_back_of_a_ball_is_taken_from_near_the_axis_and_keeps_all_lengths():
    rng = np.random.default_rng(0)
    for axis in unit(rng.normal(size=(5, 3))):
        n = unit(rng.normal(size=(4000, 3)))
        near = unit(n + 1e-3 * rng.normal(size=n.shape))
        a, b = fold(n, axis), fold(near, axis)
        np.testing.assert_allclose(np.linalg.norm(a, axis=1), 1, atol=1e-5)
        angle = np.degrees(np.arccos(np.clip(a @ axis, -1, 1)))
        assert angle.max() < 54.74 + 0.1  # the corner of an octant: acos(1 / sqrt 3)
        before, after = np.linalg.norm(n - near, axis=1), np.linalg.norm(a - b, axis=1)
        assert (after < before + 1e-5).all()  # nowhere torn
        assert np.median(np.abs(after / before - 1)) < 1e-2  # and, except across a mirror, as long as it was


def test_what_lies_about_the_axis_is_its_own_image():
    axis = np.array([0.0, 0.0, 1.0])
    n = unit(np.random.default_rng(1).normal(size=(2000, 3)))
    n = n[n[:, 2] > np.cos(np.radians(35))]  # the circle inside the octant
    np.testing.assert_allclose(fold(n, axis), n, atol=1e-5)
