import numpy as np
import pytest
import warp as wp
from physim_kernels import ghost

INSIDE = np.arange(1.0, 6.0)


def along(axis, mode, *, on_face, value=0.0):
    """Ghosts of a row 1 2 3 4 5 along one axis: (two before, two behind)."""
    shape = [3, 3, 3]
    shape[axis] = 5
    middle = INSIDE.reshape([-1 if a == axis else 1 for a in range(3)]) * np.ones(shape)
    f = wp.array(np.pad(middle, 2).astype(np.float32), dtype=float, device="cpu")
    numbers = [2, int(on_face), mode, mode, value, value]
    if axis == 2:
        wp.launch(ghost.ghost_ends_kernel, dim=f.shape[:2], inputs=numbers, outputs=[f], device="cpu")
    else:
        dim = (4, f.shape[1 - axis], 1)
        inputs = [axis, *numbers, f.shape[2]]
        wp.launch(ghost.ghost_rows_kernel, dim=dim, inputs=inputs, outputs=[f], device="cpu")
    row = np.moveaxis(f.numpy(), axis, 0)[:, 3, 3]
    np.testing.assert_array_equal(row[2:-2], INSIDE)
    return [*row[:2], *row[-2:]]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(
    ("mode", "cells", "faces"),
    [
        (ghost.COPY, [1, 1, 5, 5], [1, 1, 5, 5]),
        (ghost.EVEN, [2, 1, 5, 4], [3, 2, 4, 3]),
        (ghost.ODD, [0, 1, -3, -2], [-1, 0, -2, -1]),  # w = 1: 2 - mirror
        (ghost.CONSTANT, [1, 1, 1, 1], [1, 1, 1, 1]),
        (ghost.WRAP, [4, 5, 1, 2], [3, 4, 2, 3]),  # faces: first and last are the same face
        (ghost.LINEAR, [-1, 0, 6, 7], [-1, 0, 6, 7]),
    ],
    ids=["copy", "even", "odd", "constant", "wrap", "linear"],
)
def test_ghosts_are_what_the_rule_says(axis, mode, cells, faces):
    assert along(axis, mode, on_face=False, value=1.0) == cells
    assert along(axis, mode, on_face=True, value=1.0) == faces
