"""Rows that a scalar cannot reach are left out of its advection, and nothing else."""

import numpy as np
import warp as wp
from physim_kernels import advect, advect_some


def roomy(values):
    """A padded array with readable samples around it."""
    flat = wp.zeros(values.size + 2 * advect.SLACK, dtype=float, device="cpu")
    inner = flat[advect.SLACK : advect.SLACK + values.size].reshape(values.shape)
    inner.assign(values.astype(np.float32))
    return inner


def test_rows_that_are_left_out_hold_nothing():
    # a warm spot near a wall, carried by up to three cells to all sides: the same to the last bit as row by row
    rng = np.random.default_rng(2)
    shape, spot = (20, 22, 24), np.zeros((20, 22, 24), np.float32)
    spot[:3, 15:19, 5:9] = rng.uniform(1.0, 5.0, (3, 4, 4))
    way = [wp.array(rng.uniform(-3.0, 3.0, shape).astype(np.float32), device="cpu") for _ in range(3)]
    padded, limits = roomy(np.pad(spot, advect.GHOST, mode="edge")), (wp.vec3(-0.5), wp.vec3(0.5))
    whole, some = wp.zeros(shape, dtype=float, device="cpu"), wp.full(shape, 7.0, dtype=float, device="cpu")
    inputs = [padded, *way, -1, *limits, 0]
    wp.launch(advect.cubic_rows_kernel, dim=shape[:2], inputs=inputs, outputs=[whole], device="cpu")
    rows = wp.zeros(shape[:2], dtype=int, device="cpu")
    wp.launch(advect_some.occupied_kernel, dim=shape[:2], inputs=[wp.array(spot)], outputs=[rows], device="cpu")
    np.testing.assert_array_equal(rows.numpy(), (spot != 0).any(axis=2))
    inputs = [padded, rows, *way, *limits]
    wp.launch(advect_some.cubic_some_rows_kernel, dim=shape[:2], inputs=inputs, outputs=[some], device="cpu")
    np.testing.assert_array_equal(some.numpy(), whole.numpy())
    assert 0 < np.count_nonzero(whole.numpy().any(axis=2)) < 0.8 * shape[0] * shape[1]
