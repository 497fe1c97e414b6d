"""The noise of crystals, sixteen gradients side by side, against Warp's own."""

import numpy as np
import warp as wp
from physim_kernels.texture import noise_pair, noise_pairs

wp.set_module_options({"enable_backward": False})


@wp.kernel
def both_kernel(
    point: wp.array(dtype=wp.vec3),
    # outputs
    pair_out: wp.array(dtype=wp.vec2),
    single_out: wp.array(dtype=wp.vec2),
    pairs_out: wp.array(dtype=wp.vec4),
):
    i = wp.tid()
    state = wp.rand_init(7)
    p = point[i]
    pair_out[i] = noise_pair(state, p)
    pairs_out[i] = noise_pairs(wp.rand_init(3), 0.5 * p, state, p)
    single_out[i] = wp.vec2(wp.noise(state, p), wp.noise(state, p + wp.vec3(17.0, 3.0, 5.0)))


def test_two_noises_at_once_are_those_of_warp_also_below_zero_and_on_whole_numbers():
    device = wp.get_device()
    points = np.random.default_rng(0).normal(0, 20, (4000, 3)).astype(np.float32)
    points[:50] = np.round(points[:50])
    count = len(points)
    pair, single = (wp.zeros(count, dtype=wp.vec2, device=device) for _ in range(2))
    pairs = wp.zeros(count, dtype=wp.vec4, device=device)
    place = wp.array(points, dtype=wp.vec3, device=device)
    wp.launch(both_kernel, dim=count, inputs=[place], outputs=[pair, single, pairs], device=device)
    # The same sums in the same order; a GPU may fuse products and sums, an ulp of 1.
    np.testing.assert_allclose(pair.numpy(), single.numpy(), atol=0 if device.is_cpu else 1e-6)
    np.testing.assert_array_equal(pairs.numpy()[:, 2:], pair.numpy())
    assert np.abs(pairs.numpy()[:, :2] - pair.numpy()).mean() > 0.1
    assert single.numpy().std() > 0.1
