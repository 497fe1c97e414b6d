"""Light of a round lamp on a surface over which it sets."""

import numpy as np
import pytest
import warp as wp
from physim_kernels.shade import lit_by_disc


@wp.kernel
def lit_kernel(cosine: wp.array(dtype=float), sine: float, out: wp.array(dtype=float)):
    i = wp.tid()
    out[i] = lit_by_disc(cosine[i], sine)


def by_disc(cosine, sine: float) -> np.ndarray:
    cosine = wp.array(np.asarray(cosine, np.float32), dtype=float, device="cpu")
    out = wp.empty_like(cosine)
    wp.launch(lit_kernel, dim=out.shape, inputs=[cosine, sine], outputs=[out], device="cpu")
    return out.numpy()


def by_rays(cosine: float, radius: float) -> float:
    """Mean of max(0, n . l) over a cone of directions, over that of a surface that faces it; all rays, no formula."""
    k = np.arange(200_000) + 0.5
    up = 1 - k / len(k) * (1 - np.cos(radius))
    turn = np.pi * (1 + np.sqrt(5)) * k
    away = np.sqrt(1 - up**2)
    normal = np.array([np.sqrt(max(1 - cosine**2, 0)), cosine])
    return float(np.maximum(normal[0] * away * np.cos(turn) + normal[1] * up, 0).mean() / up.mean())


@pytest.mark.parametrize("degrees", [0.3, 3.5, 20.0, 40.0])
def test_light_of_a_disc_that_sets_is_that_of_its_rays(degrees):
    radius = np.radians(degrees)
    cosine = np.linspace(-1, 1, 41)
    truth = [by_rays(float(c), radius) for c in cosine]
    # the disc is taken for flat: right to the square of its radius
    assert np.abs(by_disc(cosine, float(np.sin(radius))) - truth).max() < 1e-3 + 0.06 * np.sin(radius) ** 2


def test_the_edge_of_shade_has_no_step_and_no_kink_and_is_as_wide_as_the_light():
    sine = float(np.sin(np.radians(20.0)))
    cosine = np.linspace(-0.6, 0.6, 2401)
    light = by_disc(cosine, sine).astype(float)
    slope = np.diff(light) / np.diff(cosine)
    assert (np.diff(light) >= -1e-6).all() and np.abs(np.diff(slope)).max() < 0.01
    assert light[cosine <= -sine].max() < 1e-6 and light[np.searchsorted(cosine, -sine + 0.02)] > 0
    np.testing.assert_allclose(light[cosine >= sine], cosine[cosine >= sine], atol=1e-6)
