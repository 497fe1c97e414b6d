"""What particles spread into closed cells counts in the open ones beside them, and nothing of it is lost."""

import numpy as np
import warp as wp
from physim_kernels import liquid_fold


def fold(open_: np.ndarray, raw: np.ndarray, kernel=liquid_fold.fold_kernel) -> np.ndarray:
    """``raw`` with what closed cells hold shared among their open neighbours, on the CPU by whole rows."""
    shape = raw.shape
    fields = [wp.array(a.astype(np.float32), dtype=float, device="cpu") for a in (open_, raw, raw)]
    reach = wp.full(shape[:2], wp.vec2i(0, shape[2]), dtype=wp.vec2i, device="cpu")
    wp.launch(kernel, dim=(*shape[:2], 1), inputs=[*fields[:2], reach, shape[2], fields[2]], device="cpu")
    return fields[2].numpy()


def test_open_cells_together_hold_all_that_was_spread_into_closed_ones_beside_them():
    rng = np.random.default_rng(1)
    open_ = (rng.random((9, 8, 7)) < 0.7) * rng.random((9, 8, 7))
    raw = rng.random((9, 8, 7)) + 0.1
    folded = fold(open_, raw)
    # with 70 % of cells open none is without an open neighbour; sums of 500 floats
    assert abs(folded[open_ > 0].sum() / raw.sum() - 1) < 1e-5
    np.testing.assert_array_equal(folded[open_ <= 0], raw[open_ <= 0].astype(np.float32))


def test_behind_a_flat_wall_all_goes_back_through_it():
    raw = np.ones((6, 6, 6))
    raw[:, 4:] = np.array([0.3, 0.0])[:, None]
    open_ = np.where(np.arange(6) < 4, 1.0, 0.0)[None, :, None] * np.ones((6, 6, 6))
    folded = fold(open_, raw)
    # the outermost rows have fewer neighbours to share with
    np.testing.assert_allclose(folded[2:-2, 3, 2:-2], 1.3, rtol=1e-6)
    np.testing.assert_allclose(folded[:, :3], 1.0)


def test_an_empty_cell_behind_a_thin_wall_gets_nothing_of_the_liquid_before_it():
    raw, open_ = np.zeros((5, 5, 5)), np.ones((5, 5, 5))
    raw[:2], raw[2], open_[2] = 0.9, 0.1, 0.0
    folded = fold(open_, raw)
    assert (folded[3:] == 0).all()
    assert abs(folded[:2].sum() - raw.sum()) < 1e-4


def test_asked_from_the_open_cells_each_of_which_writes_itself_alone_it_is_the_same():
    rng = np.random.default_rng(2)
    open_ = (rng.random((7, 9, 8)) < 0.6) * 1.0
    raw = rng.random((7, 9, 8)) * (rng.random((7, 9, 8)) < 0.8)
    gathered = fold(open_, raw, liquid_fold.fold_gather_kernel)
    np.testing.assert_allclose(gathered, fold(open_, raw), rtol=2e-6)  # sums of up to 26 floats in another order
