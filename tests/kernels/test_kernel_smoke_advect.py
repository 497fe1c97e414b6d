import numpy as np
import pytest
import warp as wp
from physim_kernels import advect, grid

SHAPE = (14, 11, 27)
WALLS = dict(low=wp.vec3(-0.5, -0.5, -0.5), high=wp.vec3(0.5, 0.5, 0.5), periodic=0)
AROUND = dict(low=wp.vec3(-0.5, -0.5, 0.0), high=wp.vec3(0.5, 0.5, 1.0), periodic=4)


def array(values):
    return wp.array(np.ascontiguousarray(values, dtype=np.float32), dtype=float, device="cpu")


def padded(values, mode="edge"):
    """With two ghosts on each side (none along x where flat), in the middle of readable memory."""
    values = np.asarray(values, dtype=np.float32)
    width = ((0, 0) if values.shape[0] == 1 else (2, 2), (2, 2), (2, 2))
    full = np.pad(values, width, mode=mode)
    room = np.full(full.size + 2 * advect.SLACK, np.nan, np.float32)  # what is only read along must not matter
    room[advect.SLACK : -advect.SLACK] = full.ravel()
    return wp.array(room, dtype=float, device="cpu")[advect.SLACK : -advect.SLACK].reshape(full.shape)


def smooth(shape, rng, scale):
    """A smooth random field with values up to about ``scale``."""
    x = np.meshgrid(*(np.linspace(0, 1, n) for n in shape), indexing="ij")
    waves = [(rng.normal(size=3) * 4, rng.uniform(0, 6)) for _ in range(5)]
    return scale / 3 * sum(np.sin(sum(k * c for k, c in zip(wave, x, strict=True)) + p) for wave, p in waves)


def plain(kernel, dim, inputs, outputs):
    wp.launch(kernel, dim=dim, inputs=inputs, outputs=outputs, device="cpu")


@pytest.mark.parametrize("kind", ["smooth", "still", "wild"])
@pytest.mark.parametrize("axis", [-1, 0, 1, 2])
@pytest.mark.parametrize("shape", [SHAPE, (1, 11, 27), (9, 8, 5)], ids=["box", "plane", "short"])
def test_rows_and_plain_kernel_interpolate_alike(axis, kind, shape):
    if shape[0] == 1 and axis == 0:
        pytest.skip("no gas moves across a plane")
    rng = np.random.default_rng(axis + 5)
    size = tuple(n + (a == axis) for a, n in enumerate(shape))
    f = padded(rng.normal(size=size))
    scale = {"smooth": 2.5, "still": 0.0, "wild": 20.0}[kind]
    d = [array(smooth(shape, rng, scale)) for _ in range(3)]
    for sides in (WALLS, AROUND):
        sides = dict(sides)
        if axis >= 0:
            low, high = list(sides["low"]), list(sides["high"])
            low[axis] = high[axis] = 0.0
            sides |= dict(low=wp.vec3(*low), high=wp.vec3(*high))
        rows, cells = (wp.zeros(size, dtype=float, device="cpu") for _ in range(2))
        advect.cubic(f, d, axis=axis, out=rows, **sides)
        plain(advect.cubic_kernel, size, [f, *d, axis, *sides.values()], [cells])
        # the same arithmetic in another order: float32 rounding of 64 products
        np.testing.assert_allclose(rows.numpy(), cells.numpy(), atol=3e-5)


@pytest.mark.parametrize("scale", [0.0, 1.5, 30.0])
@pytest.mark.parametrize("shape", [SHAPE, (1, 11, 27), (9, 8, 5)], ids=["box", "plane", "short"])
@pytest.mark.parametrize("sides", [WALLS, AROUND], ids=["walls", "around"])
def test_rows_and_plain_kernel_trace_the_same_paths(scale, shape, sides):
    rng = np.random.default_rng(1)
    values = [smooth(shape, rng, scale) for _ in range(3)]
    c = [padded(v) for v in values]
    if sides is AROUND:
        for ghosted in c:
            full = ghosted.numpy()
            full[..., :2], full[..., -2:] = full[..., -4:-2].copy(), full[..., 2:4].copy()
            ghosted.assign(full)
    rows, cells = ([wp.zeros(shape, dtype=float, device="cpu") for _ in range(3)] for _ in range(2))
    advect.path(c, dt=0.7, out=rows, **sides)
    plain(advect.path_kernel, shape, [*c, 0.7, *sides.values()], cells)
    for a, b in zip(rows, cells, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=2e-5 * max(scale, 1.0))


def test_paths_in_a_rotating_flow_are_of_third_order():
    n = 24
    x, y = np.meshgrid(np.arange(n) - 11.5, np.arange(n) - 11.5, indexing="ij")
    c = [padded(np.repeat(a[..., None], 8, 2)) for a in (-y, x, 0 * x)]
    errors = []
    for dt in (0.2, 0.1, 0.05):
        d = [wp.zeros((n, n, 8), dtype=float, device="cpu") for _ in range(3)]
        advect.path(c, dt=dt, out=d, **WALLS)
        # where the point at (x, y) was dt ago: turned back by dt
        exact = x - (np.cos(dt) * x + np.sin(dt) * y)
        inner = np.s_[6:-6, 6:-6]
        errors.append(np.abs(d[0].numpy()[..., 4] - exact)[inner].max())
    order = np.log2(errors[0] / errors[1])
    # one step of a third-order method errs by dt^4
    assert order == pytest.approx(4.0, abs=0.2)


def test_cubics_are_reproduced_exactly_where_the_limits_allow():
    shape = (12, 12, 16)
    x, y, z = np.meshgrid(*(np.arange(n, dtype=float) for n in shape), indexing="ij")

    def cubic(x, y, z):
        return (x / 8) ** 3 + (y / 8) ** 2 + z / 16 + x * y * z / 2000  # increasing in every coordinate: never clamped

    d = [array(np.full(shape, v)) for v in (0.4, -0.7, 1.3)]
    out = wp.zeros(shape, dtype=float, device="cpu")
    advect.cubic(padded(cubic(x, y, z)), d, axis=-1, out=out, **WALLS)
    inner = np.s_[2:-2, 2:-2, 3:-2]
    np.testing.assert_allclose(out.numpy()[inner], cubic(x - 0.4, y + 0.7, z - 1.3)[inner], atol=1e-5)


def test_around_a_period_a_wave_comes_in_again_at_the_other_end():
    n, shift = 24, 9.25
    z = np.arange(n)
    wave = np.sin(2 * np.pi * z / n) * np.ones((6, 6, 1))
    d = [array(np.full(wave.shape, v)) for v in (0.0, 0.0, shift + 2 * n)]
    out = wp.zeros(wave.shape, dtype=float, device="cpu")
    f = padded(wave)
    full = f.numpy()
    full[..., :2], full[..., -2:] = full[..., -4:-2].copy(), full[..., 2:4].copy()
    f.assign(full)
    advect.cubic(f, d, axis=-1, out=out, **AROUND)
    # cubic interpolation errs by (2 pi / n)^4 / 40, the limits cut the tops by about (pi / n)^2 / 2
    np.testing.assert_allclose(out.numpy()[3, 3], np.sin(2 * np.pi * (z - shift) / n), atol=0.01)


def test_no_new_extremes_appear():
    rng = np.random.default_rng(3)
    f = (rng.random(SHAPE) > 0.5).astype(float)
    out = wp.zeros(SHAPE, dtype=float, device="cpu")
    advect.cubic(padded(f), [array(smooth(SHAPE, rng, 3.0)) for _ in range(3)], axis=-1, out=out, **WALLS)
    assert out.numpy().min() >= 0.0 and out.numpy().max() <= 1.0


@pytest.mark.parametrize("sides", [WALLS, AROUND], ids=["walls", "around"])
def test_a_displacement_that_is_not_a_number_does_not_reach_outside_memory(sides):
    d = [array(np.full(SHAPE, np.nan)) for _ in range(3)]
    out = wp.zeros(SHAPE, dtype=float, device="cpu")
    advect.cubic(padded(np.ones(SHAPE)), d, axis=-1, out=out, **sides)
    assert out.numpy().max() <= 1.0


def test_projection_and_divergence_are_adjoint():
    """Sum of p times convergence(u) equals sum of u times the difference of p that projection takes off."""
    shape, rng = (6, 5, 9), np.random.default_rng(2)
    sizes = [tuple(n + (a == axis) for a, n in enumerate(shape)) for axis in range(3)]
    area = []
    for axis, size in enumerate(sizes):
        a = rng.uniform(0.1, 1, size)
        a[(slice(None),) * axis + ([0, -1],)] = 0  # inside only: open sides count double in the gradient
        area.append(a)
    u = [rng.normal(size=size) for size in sizes]
    solid = [array(np.zeros(size)) for size in sizes]
    p = np.pad(rng.normal(size=shape), 1)
    rhs = wp.zeros(p.shape, dtype=float, device="cpu")
    inputs = [*map(array, u), *map(array, area), *solid, shape[2]]
    wp.launch(grid.convergence_kernel, dim=(6, 5, 1), inputs=inputs, outputs=[rhs], device="cpu")
    work = 0.0
    for axis in range(3):
        taken = array(np.zeros(sizes[axis]))
        inputs = [array(p), array(area[axis]), array(area[axis]), solid[axis], taken, axis, 2.0, sizes[axis][2]]
        wp.launch(grid.project_kernel, dim=(*sizes[axis][:2], 1), inputs=inputs, outputs=[taken], device="cpu")
        work += (taken.numpy() * u[axis] * area[axis]).sum()
    # -difference of p on faces against -divergence in cells: opposite signs
    assert (rhs.numpy() * p).sum() == pytest.approx(-work, rel=1e-4)
