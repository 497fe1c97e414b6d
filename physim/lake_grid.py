"""The grid of a lake: arrays of the shallow water, and tables of the filter that gives short waves their speed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import warp as wp
from physim_kernels.shallow import RIM

from physim.lake import Lake
from physim.shapes import HeightField

LAND = 1e3
"""How far the ground rises above the level outside of an outline [m]."""
DEPTH_RATIO = 3.0
"""Between neighbouring reference depths of the filter."""
MOST_DEPTHS = 3
SHORTEST = 8
"""Length of the shortest wave that is worth its own speed [cells]."""
SPEED_ERROR = 0.03
"""Error of the shallow water's speed from which waves are dispersive."""
ABSORBER = 12
"""Width of the calm along an open side [cells]."""


@dataclass
class LakeField:
    """State of one lake on the device, in flat arrays with a rim; see :mod:`physim_kernels.shallow`."""

    rows: int
    columns: int
    cell: float
    edge: tuple[wp.array, wp.array]
    arrays: dict[str, wp.array] = field(default_factory=dict)

    @property
    def width(self) -> int:
        return self.columns + 2 * RIM

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["arrays"][name]
        except KeyError:
            raise AttributeError(name) from None

    def read(self, name: str) -> np.ndarray:
        """Cells of an array (rows, columns), without the rim."""
        full = self.arrays[name].numpy().reshape(self.rows + 2 * RIM, self.width)
        return full[RIM:-RIM, RIM:-RIM].copy()

    def faces(self, name: str, axis: int) -> np.ndarray:
        """Faces of an array across ``axis`` (0: along x), one more than cells."""
        full = self.arrays[name].numpy().reshape(self.rows + 2 * RIM, self.width)
        r, c = self.rows + RIM + axis, self.columns + RIM + 1 - axis
        return full[RIM:r, RIM:c].copy()


def padded(values: np.ndarray, *, periodic: bool) -> np.ndarray:
    """Cells (rows, columns) with their rim, flat."""
    return np.pad(values, RIM, mode="wrap" if periodic else "edge").ravel()


def bed_of(lake: Lake, position: tuple[float, float, float]) -> np.ndarray:
    """Height of the ground at the cells (rows, columns) relative to the level [m]."""
    rows, columns = lake.shape
    x, z = cell_centres(lake, position)
    if isinstance(lake.bed, HeightField):
        bed = lake.bed.height_at(*np.meshgrid(x, z)).astype(np.float64) - position[1]
    else:
        bed = np.full((rows, columns), -float(lake.depth))
    if lake.outline is not None:
        bed = np.where(inside(lake.outline, *np.meshgrid(x - position[0], z - position[2])), bed, LAND)
    return bed


def cell_centres(lake: Lake, position: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """World x (columns,) and z (rows,) of the cells [m]."""
    rows, columns = lake.shape
    x = position[0] + (np.arange(columns) + 0.5 - columns / 2) * lake.cell
    return x, position[2] + (np.arange(rows) + 0.5 - rows / 2) * lake.cell


def inside(polygon: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Whether points lie in a closed polygon (N, 2): the number of edges to their right is odd."""
    odd = np.zeros(np.shape(x), dtype=bool)
    for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if ay != by:
            odd ^= ((ay > y) != (by > y)) & (x < ax + (y - ay) / (by - ay) * (bx - ax))
    return odd


def _edge_cells(rows: int, columns: int, *, periodic: bool) -> tuple[np.ndarray, np.ndarray]:
    """Where the rim is filled from: the cell opposite, or the nearest one."""
    k, i = np.meshgrid(np.arange(rows + 2 * RIM), np.arange(columns + 2 * RIM), indexing="ij")
    if periodic:
        a, b = (k - RIM) % rows + RIM, (i - RIM) % columns + RIM
    else:
        a, b = np.clip(k, RIM, rows + RIM - 1), np.clip(i, RIM, columns + RIM - 1)
    outside = (a != k) | (b != i)
    width = columns + 2 * RIM
    return (a * width + b)[outside].astype(np.int32), (k * width + i)[outside].astype(np.int32)


def make_field(lake: Lake, bed: np.ndarray, surface: np.ndarray, device) -> LakeField:
    """Arrays of a lake at the start; ``bed`` and ``surface`` (rows, columns) relative to the level [m]."""
    rows, columns = bed.shape
    edge = tuple(wp.array(a, dtype=int, device=device) for a in _edge_cells(rows, columns, periodic=lake.periodic))
    f = LakeField(rows, columns, lake.cell, edge)  # type: ignore[arg-type]
    h = np.maximum(surface - bed, 0)
    size = (rows + 2 * RIM) * (columns + 2 * RIM)
    open_x, open_z = _open_faces(lake, rows, columns)
    wet = (h > 0).astype(np.float64)
    values = {
        "bed": padded(bed, periodic=lake.periodic), "h": padded(h, periodic=lake.periodic),
        "eta": padded(bed + h, periodic=lake.periodic), "open_x": open_x.ravel(), "open_z": open_z.ravel(),
        "u": open_x.ravel() * padded(wet, periodic=lake.periodic) * lake.current[0],
        "w": open_z.ravel() * padded(wet, periodic=lake.periodic) * lake.current[1],
        "calm": padded(_calm(lake, rows, columns), periodic=lake.periodic),
    }  # fmt: skip
    names = ("u_new", "w_new", "qx", "qz", "px", "pz")
    f.arrays |= {n: wp.array(v, dtype=wp.float64, device=device) for n, v in values.items()}
    f.arrays |= {n: wp.zeros(size, dtype=wp.float64, device=device) for n in names}
    f.arrays["share"] = wp.full(size, 1.0, dtype=wp.float64, device=device)
    return f


def _open_faces(lake: Lake, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """1 for faces that water may pass, (rows + 4, columns + 4) for the faces before the cells along x and z."""
    full = np.zeros((2, rows + 2 * RIM, columns + 2 * RIM))
    x, z = full
    if lake.periodic:
        full[:] = 1
        return x, z
    r, c = slice(RIM, RIM + rows), slice(RIM, RIM + columns)
    x[r, RIM + 1 : RIM + columns] = 1
    z[RIM + 1 : RIM + rows, c] = 1
    first, last = RIM, {"x": RIM + columns, "z": RIM + rows}
    for side in (*lake.open, *(s for s, _ in lake.inflow)):
        at = first if side[0] == "-" else last[side[1]]
        if side[1] == "x":
            x[r, at] = 1
        else:
            z[at, c] = 1
    return x, z


def _calm(lake: Lake, rows: int, columns: int) -> np.ndarray:
    """Rate at which waves die along open sides (rows, columns) [1/s]: gently rising, so that nothing comes back."""
    calm = np.zeros((rows, columns))
    long = max(1.0, min(ABSORBER, min(rows, columns) / 4)) if min(rows, columns) > 4 else 1.0
    speed = np.sqrt(9.81 * min(lake.depth, long * lake.cell))
    for side in lake.open:
        count = columns if side[1] == "x" else rows
        way = np.arange(count) + 0.5 if side[0] == "-" else count - np.arange(count) - 0.5
        rate = 6 * speed / (long * lake.cell) * np.clip(1 - way / long, 0, 1) ** 2
        calm = np.maximum(calm, rate[None, :] if side[1] == "x" else rate[:, None])
    return calm


def frequency(k: np.ndarray, depth: float, gravity: float, tension: float) -> np.ndarray:
    """Angular frequency [rad/s] of waves of wave number ``k`` [rad/m]; ``tension`` over density [m^3/s^2]."""
    return np.sqrt((gravity * k + tension * k**3) * np.tanh(np.minimum(k * depth, 50.0)))


def is_dispersive(lake: Lake, depth: float) -> bool:
    """Whether waves of ``SHORTEST`` cells run noticeably slower than in shallow water, or what the lake says."""
    if lake.dispersive is not None:
        return lake.dispersive
    kh = 2 * np.pi / (SHORTEST * lake.cell) * depth
    return bool(1 - np.sqrt(np.tanh(kh) / kh) > SPEED_ERROR) if depth > 0 else False


def response(size: tuple[int, int], cell: float, dt: float, depth: float, gravity: float, tension: float) -> np.ndarray:
    """The filter T (rows, columns) in the order of ``numpy.fft``: exact on this grid and for this time step."""
    kz, kx = (2 * np.pi * np.fft.fftfreq(n, cell) for n in size)
    kx, kz = np.meshgrid(kx, kz)
    difference = (2 / cell * np.sin(kx * cell / 2)) ** 2 + (2 / cell * np.sin(kz * cell / 2)) ** 2
    w = frequency(np.hypot(kx, kz), depth, gravity, tension)
    with np.errstate(invalid="ignore", divide="ignore"):
        table = (2 / dt * np.sin(w * dt / 2)) ** 2 / (gravity * depth * difference)
    table[0, 0] = 1.0
    return table


def bit_reversed(n: int) -> np.ndarray:
    """Numbers 0..n-1, n a power of two, in the order in which the transform leaves them."""
    order = np.zeros(1, dtype=int)
    while len(order) < n:
        order = np.concatenate([2 * order, 2 * order + 1])
    return order


@dataclass
class Basin:
    """What the filter needs; see :func:`physim_kernels.waves.disperse`."""

    upright: tuple[wp.array, wp.array]
    lying: tuple[wp.array, wp.array]
    turns: tuple[tuple[wp.array, wp.array], tuple[wp.array, wp.array]]
    tables: list[wp.array]
    shares: list[tuple[wp.array, wp.array]]
    out: tuple[wp.array, wp.array]
    mirrored: tuple[int, int]
    """1 where waves are thrown back by walls at both ends, along x and z."""


def transform_size(lake: Lake) -> tuple[tuple[int, int], tuple[int, int]]:
    """(rows, columns) of the transform, powers of two, and whether images of the water stand behind its walls.

    A rectangle between walls with a power of two of cells is mirrored, which is exact. Any other gets some room,
    through which short waves at one side hardly see the other.
    """

    def fit(n: int, axis: str) -> tuple[int, int]:
        if lake.periodic:
            return n, 0
        walls = lake.outline is None and not any(side[1] == axis for side in (*lake.open, *(s for s, _ in lake.inflow)))
        if walls and n & (n - 1) == 0:
            return 2 * n, 1
        return 1 << int(np.ceil(np.log2(n + min(16, n)))), 0

    (rows, mirror_z), (columns, mirror_x) = fit(lake.shape[0], "z"), fit(lake.shape[1], "x")
    return (rows, columns), (mirror_x, mirror_z)


def reference_depths(depth: np.ndarray) -> np.ndarray:
    """Depths for which the filter is made, falling: one for a flat bed, up to three over relief."""
    wet = depth[depth > 0]
    deepest, shallow = float(wet.max()), float(np.percentile(wet, 2))
    count = int(np.clip(1 + np.ceil(np.log(deepest / max(shallow, 1e-9)) / np.log(DEPTH_RATIO) - 0.1), 1, MOST_DEPTHS))
    return deepest / DEPTH_RATIO ** np.arange(count)


def _shares(depth: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Weights (references, ...) whose squares add up to 1: linear in the logarithm of the depth between two of them."""
    place = np.log(references[0] / np.maximum(depth, 1e-9)) / np.log(DEPTH_RATIO)
    numbers = np.arange(len(references)).reshape(-1, *[1] * depth.ndim)
    return np.sqrt(np.clip(1 - np.abs(np.clip(place, 0, len(references) - 1) - numbers), 0, 1))


def make_basin(
    lake: Lake, f: LakeField, depth: np.ndarray, *, dt: float, gravity: float, tension: float, device
) -> Basin:
    """Tables for a lake whose water at rest is ``depth`` (rows, columns) deep."""
    periodic = lake.periodic
    if periodic and any(n & (n - 1) for n in (f.rows, f.columns)):
        raise ValueError(
            f"a periodic, dispersive lake of {f.rows} x {f.columns} cells cannot be transformed, expected "
            f"powers of two along both sides. Choose cells and size so."
        )
    size, mirrored = transform_size(lake)
    references = reference_depths(depth)
    tables = []
    for reference in references:
        table = response(size, f.cell, dt, float(reference), gravity, tension)
        table = table[bit_reversed(size[0])][:, bit_reversed(size[1])].T
        tables.append(wp.array(np.ascontiguousarray(table, np.float32), dtype=float, device=device))
    full = padded(depth, periodic=periodic).reshape(f.rows + 2 * RIM, f.width)
    shares = []
    on_x, on_z = (_shares(np.maximum(full, np.roll(full, 1, axis)), references) for axis in (1, 0))
    for sx, sz in zip(on_x, on_z, strict=True):
        shares.append(tuple(wp.array(s.ravel().astype(np.float32), dtype=float, device=device) for s in (sx, sz)))

    def turn(n: int):
        angle = 2 * np.pi * np.arange(max(n // 2, 1)) / n
        return tuple(wp.array(a.astype(np.float32), dtype=float, device=device) for a in (np.cos(angle), np.sin(angle)))

    def pair(shape, dtype=float):
        return tuple(wp.zeros(shape, dtype=dtype, device=device) for _ in range(2))

    return Basin(
        pair(size), pair(size[::-1]), (turn(size[0]), turn(size[1])), tables, shares,  # type: ignore[arg-type]
        pair(f.px.shape, wp.float64), mirrored,  # type: ignore[arg-type]
    )  # fmt: skip
