"""The same smoke and liquid as one would write them with NumPy and SciPy, without tricks.

Smoke: staggered grid, semi-Lagrangian MacCormack of second order limited to the eight values around, buoyancy,
projection by a discrete cosine transform; with a ball in it by conjugate gradients that the transform preconditions.
Liquid: FLIP with a tenth of PIC, conjugate gradients in the cells that hold particles. Single precision, one thread.
"""

from __future__ import annotations

import time

import numpy as np
from scipy.fft import dctn, idctn, rfftfreq
from scipy.ndimage import distance_transform_edt, map_coordinates
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import cg

from benchmarks.fluids_scenes import FPS, GRAVITY, LIFT, DamScene, FluidScene, Result, SmokeScene, VortexScene

HALF = 0.5
TOLERANCE = 1e-4
"""Of conjugate gradients, residual over right-hand side."""


def run(scene: FluidScene, solver: str, device: str, repeats: int, limit: float) -> Result:
    """Simulate ``scene``; repeats stop when ``limit`` seconds of CPU time are used."""
    engine = {SmokeScene: Smoke, VortexScene: Vortices, DamScene: Flip}[type(scene)]
    count = scene.frames if isinstance(scene, DamScene) else scene.steps
    best, used, state = np.full(count, np.inf), 0.0, None
    for _ in range(repeats):
        state = engine(scene)  # type: ignore[arg-type]
        for step in range(count):
            begin = time.process_time()
            state.step()
            spent = time.process_time() - begin
            best[step] = min(best[step], spent)
            used += spent
            state.keep()
        if used > limit:
            break
    assert state is not None
    seconds = scene.seconds if isinstance(scene, DamScene) else scene.steps * scene.dt
    result = Result("numpy/scipy", engine.settings, scene.name, best, seconds)
    state.write(result)
    return result


def _sample(f: np.ndarray, at: list[np.ndarray], mode: str) -> np.ndarray:
    return map_coordinates(f, at, order=1, mode=mode, output=np.float32)


def _limits(f: np.ndarray, at: list[np.ndarray], wrap: bool) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest of the values around each point."""
    low, high = None, None
    sides = []
    for axis, x in enumerate(at):
        n = f.shape[axis]
        first = np.floor(x).astype(np.int32)
        pair = (first, first + 1)
        sides.append([p % n if wrap else np.clip(p, 0, n - 1) for p in pair])
    for corner in np.ndindex(*(2,) * f.ndim):
        value = f[tuple(sides[axis][c] for axis, c in enumerate(corner))]
        low = value if low is None else np.minimum(low, value)
        high = value if high is None else np.maximum(high, value)
    assert low is not None and high is not None
    return low, high


def maccormack(f: np.ndarray, way: list[np.ndarray], grid: list[np.ndarray], wrap: bool) -> np.ndarray:
    """Carry ``f`` along ``way`` [cells]; ``grid`` are the indices of its points."""
    mode = "grid-wrap" if wrap else "nearest"
    back = [x - d for x, d in zip(grid, way, strict=True)]
    ahead = [x + d for x, d in zip(grid, way, strict=True)]
    first = _sample(f, back, mode)
    corrected = first + HALF * (f - _sample(first, ahead, mode))
    return np.clip(corrected, *_limits(f, back, wrap))


class Smoke:
    """Three velocities on their faces and one scalar."""

    settings = "MacCormack, one split step, DCT; with a ball CG to 1e-4, DCT as preconditioner"

    def __init__(self, scene: SmokeScene):
        self.scene, n = scene, scene.cells
        self.t = scene.heat()
        self.u = [np.zeros([n + (a == axis) for a in range(3)], np.float32) for axis in range(3)]
        # velocity of solids there, and whether a face is open
        self.solid = [np.zeros_like(a) for a in self.u]
        self.open = [np.ones_like(a) for a in self.u]
        self.time = 0.0
        self._index = [[i.astype(np.float32) for i in np.indices(a.shape, dtype=np.int32)] for a in (*self.u, self.t)]
        k = np.arange(n)
        own = 2 - 2 * np.cos(np.pi * k / n)
        self.eigen = (own[:, None, None] + own[:, None] + own).astype(np.float32)
        self.eigen[0, 0, 0] = 1.0
        self._close()

    def step(self) -> None:
        s, h = self.scene, 1.0 / self.scene.cells
        self.time += s.dt
        if s.ball:
            self._place()
        self._carry(s.dt / h)
        rise = self.t[:, 1:] + self.t[:, :-1]
        self.u[1][:, 1:-1] += (s.dt * LIFT * HALF) * rise
        self._project()

    def _close(self) -> None:
        for axis, area in enumerate(self.open):
            np.moveaxis(area, axis, 0)[[0, -1]] = 0.0

    def _place(self) -> None:
        """Faces whose middle is in the ball are solid and have its velocity."""
        s, h = self.scene, 1.0 / self.scene.cells
        centre = s.ball_at(self.time)
        for axis, (area, solid) in enumerate(zip(self.open, self.solid, strict=True)):
            x = [(np.arange(m) + (0.0 if a == axis else HALF)) * h - centre[a] for a, m in enumerate(area.shape)]
            inside = x[0][:, None, None] ** 2 + x[1][:, None] ** 2 + x[2] ** 2 < s.ball_radius**2
            area[...] = ~inside
            solid[...] = inside * s.ball_velocity[axis]
        self._close()

    def _carry(self, scale: float) -> None:
        """All along the velocity of this step, midpoint rule."""
        carried = []
        for number, f in enumerate((*self.u, self.t)):
            grid = self._index[number]
            place = [x - (HALF if number == a else 0.0) for a, x in enumerate(grid)]  # in cell centres' indices
            way = self._velocity(place, scale)
            middle = [x - HALF * d for x, d in zip(place, way, strict=True)]
            way = self._velocity(middle, scale)
            carried.append(maccormack(f, way, grid, wrap=False))
        *self.u, self.t = carried

    def _velocity(self, place: list[np.ndarray], scale: float) -> list[np.ndarray]:
        """[cells per step] at points in cell centres' indices."""
        return [
            scale * _sample(f, [x + (HALF if a == axis else 0.0) for a, x in enumerate(place)], "nearest")
            for axis, f in enumerate(self.u)
        ]

    def _divergence(self) -> np.ndarray:
        fluxes = [np.where(o > 0, u, w) for o, u, w in zip(self.open, self.u, self.solid, strict=True)]
        self.u = fluxes
        return sum(np.diff(f, axis=axis) for axis, f in enumerate(fluxes))  # type: ignore[return-value]

    def _project(self) -> None:
        rhs = -self._divergence()
        p = self._conjugate(rhs) if self.scene.ball else self._direct(rhs)
        for axis, u in enumerate(self.u):
            inner = tuple(slice(1, -1) if a == axis else slice(None) for a in range(3))
            u[inner] -= np.diff(p, axis=axis) * self.open[axis][inner]

    def _direct(self, rhs: np.ndarray) -> np.ndarray:
        spectrum = dctn(rhs, norm="ortho") / self.eigen
        spectrum[0, 0, 0] = 0.0
        return idctn(spectrum, norm="ortho")

    def _apply(self, p: np.ndarray) -> np.ndarray:
        out = np.zeros_like(p)
        for axis, area in enumerate(self.open):
            inner = tuple(slice(1, -1) if a == axis else slice(None) for a in range(3))
            flux = np.zeros_like(area)
            flux[inner] = np.diff(p, axis=axis) * area[inner]
            out -= np.diff(flux, axis=axis)
        return out

    def _conjugate(self, rhs: np.ndarray) -> np.ndarray:
        fluid = sum(np.take(o, range(i, i + self.scene.cells), a) for a, o in enumerate(self.open) for i in (0, 1)) > 0
        rhs = np.where(fluid, rhs - rhs[fluid].mean(), 0.0).astype(np.float32)
        p, r = np.zeros_like(rhs), rhs.copy()
        z = self._direct(r)
        d, rho = z.copy(), float(np.vdot(r, z))
        goal = TOLERANCE * float(np.abs(rhs).max())
        for _ in range(100):
            q = self._apply(d)
            alpha = rho / float(np.vdot(d, q))
            p += alpha * d
            r -= alpha * q
            if float(np.abs(r).max()) < goal:
                break
            z = self._direct(np.where(fluid, r, 0.0))
            rho, before = float(np.vdot(r, z)), rho
            d = z + (rho / before) * d
        return p

    def keep(self) -> None:
        """Nothing: the end is judged."""

    def write(self, result: Result) -> None:
        result.u, result.v, result.w = self.u
        result.heat = result.density = self.t


class Vortices:
    """Two velocities on their faces in a periodic plane."""

    settings = "MacCormack, one split step, FFT"

    def __init__(self, scene: VortexScene):
        self.scene = scene
        self.u = list(scene.faces())
        n = scene.cells
        self.grid = [i.astype(np.float32) for i in np.indices((n, n))]
        k = 2 - 2 * np.cos(2 * np.pi * np.fft.fftfreq(n))
        half = 2 - 2 * np.cos(2 * np.pi * rfftfreq(n))
        self.eigen = k[:, None] + half
        self.eigen[0, 0] = 1.0

    def step(self) -> None:
        scale = self.scene.dt * self.scene.cells / (2 * np.pi)
        carried = []
        for number, f in enumerate(self.u):
            way = self._velocity(number, self.grid, scale)
            middle = [x - HALF * d for x, d in zip(self.grid, way, strict=True)]
            carried.append(maccormack(f, self._velocity(number, middle, scale), self.grid, wrap=True))
        self.u = carried
        rhs = sum(np.roll(f, -1, axis) - f for axis, f in enumerate(self.u))
        spectrum = -np.fft.rfft2(rhs) / self.eigen
        spectrum[0, 0] = 0.0
        p = np.fft.irfft2(spectrum, rhs.shape)
        self.u = [(f - (p - np.roll(p, 1, axis))).astype(np.float32) for axis, f in enumerate(self.u)]

    def _velocity(self, number: int, at: list[np.ndarray], scale: float) -> list[np.ndarray]:
        """At points in indices of component ``number``."""
        place = [x - (HALF if a == number else 0.0) for a, x in enumerate(at)]
        return [
            scale * _sample(f, [x + (HALF if a == axis else 0.0) for a, x in enumerate(place)], "grid-wrap")
            for axis, f in enumerate(self.u)
        ]

    def keep(self) -> None:
        """Nothing: the end is judged."""

    def write(self, result: Result) -> None:
        result.u, result.v = self.u


class Flip:
    """Particles, faces, and a matrix of the wet cells in every step."""

    settings = "FLIP 0.9, 3 steps per frame, CG to 1e-4, p = 0 in dry cells"
    steps = 3

    def __init__(self, scene: DamScene):
        self.scene, self.h = scene, scene.cell
        self.shape = tuple(round(s / scene.cell) for s in scene.size)
        self.x = scene.particles() / scene.cell
        self.v = np.zeros_like(self.x)
        self.frames = [(scene.particles(), self.v.copy())]

    def step(self) -> None:
        for _ in range(self.steps):
            self._step(1 / FPS / self.steps)

    def _weights(self, axis: int, x: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Flat index and weight of the eight faces around each particle."""
        size = np.array([n + (a == axis) for a, n in enumerate(self.shape)])
        place = x - np.array([0.0 if a == axis else HALF for a in range(3)], np.float32)
        low = np.floor(place).astype(np.int64)
        part = place - low
        found = []
        for corner in np.ndindex(2, 2, 2):
            at = np.clip(low + corner, 0, size - 1)
            weight = np.prod(np.where(corner, part, 1 - part), axis=1)
            found.append((np.ravel_multi_index(tuple(at.T), tuple(size)), weight))
        return found

    def _step(self, dt: float) -> None:
        faces, before, weights = [], [], []
        for axis in range(3):
            size = [n + (a == axis) for a, n in enumerate(self.shape)]
            total, mass = np.zeros(int(np.prod(size))), np.zeros(int(np.prod(size)))
            own = self._weights(axis, self.x)
            for index, weight in own:
                total += np.bincount(index, weight * self.v[:, axis], len(total))
                mass += np.bincount(index, weight, len(mass))
            u = np.where(mass > 1e-6, total / np.maximum(mass, 1e-6), np.nan).reshape(size)
            faces.append(u)
            before.append(np.nan_to_num(u))
            weights.append(own)
        faces[1] -= dt * GRAVITY / self.h
        for axis, u in enumerate(faces):
            np.moveaxis(u, axis, 0)[[0, -1]] = 0.0
        self._project(faces)
        for axis, (u, old, own) in enumerate(zip(faces, before, weights, strict=True)):
            u[...] = self._extend(u)
            change = sum(w * (u - old).ravel()[i] for i, w in own)
            plain = sum(w * u.ravel()[i] for i, w in own)
            self.v[:, axis] = 0.9 * (self.v[:, axis] + change) + 0.1 * plain
        self._move(faces, dt)

    def _project(self, faces: list[np.ndarray]) -> None:
        cells = np.floor(self.x).astype(np.int64)
        wet = np.zeros(self.shape, bool)
        wet[tuple(np.clip(cells, 0, np.array(self.shape) - 1).T)] = True
        number = np.full(self.shape, -1)
        number[wet] = np.arange(wet.sum())
        flow = [np.nan_to_num(u) for u in faces]
        rhs = -sum(np.diff(u, axis=axis) for axis, u in enumerate(flow))[wet]  # type: ignore[index]
        diagonal = np.full(self.shape, 6.0)
        rows, columns = [], []
        for axis in range(3):
            a, b = (np.moveaxis(number, axis, 0)[s] for s in (slice(None, -1), slice(1, None)))
            both = (a >= 0) & (b >= 0)
            rows += [a[both], b[both]]
            columns += [b[both], a[both]]
            np.moveaxis(diagonal, axis, 0)[0] -= 1.0
            np.moveaxis(diagonal, axis, 0)[-1] -= 1.0
        count = len(rhs)
        i, j = np.concatenate([*rows, np.arange(count)]), np.concatenate([*columns, np.arange(count)])
        values = np.concatenate([np.full(len(i) - count, -1.0), diagonal[wet]])
        matrix = csr_matrix((values, (i, j)), (count, count))
        jacobi = csr_matrix((1 / diagonal[wet], (np.arange(count), np.arange(count))), (count, count))
        solution, _ = cg(matrix, rhs, rtol=TOLERANCE, M=jacobi, maxiter=1000)
        p = np.zeros(self.shape)
        p[wet] = solution
        for axis, u in enumerate(faces):
            inner = tuple(slice(1, -1) if a == axis else slice(None) for a in range(3))
            near = np.moveaxis(wet, axis, 0)
            touches = np.moveaxis(near[1:] | near[:-1], 0, axis)
            values = np.nan_to_num(u[inner]) - np.diff(p, axis=axis)
            u[inner] = np.where(touches, values, np.nan)

    @staticmethod
    def _extend(u: np.ndarray) -> np.ndarray:
        """Faces beyond the liquid have the velocity of the nearest one in it."""
        nearest = distance_transform_edt(np.isnan(u), return_distances=False, return_indices=True)
        return u[tuple(nearest)]

    def _move(self, faces: list[np.ndarray], dt: float) -> None:
        def velocity(x: np.ndarray) -> np.ndarray:
            parts = []
            for axis, u in enumerate(faces):
                at = [x[:, a] - (0.0 if a == axis else HALF) for a in range(3)]
                parts.append(map_coordinates(u, at, order=1, mode="nearest"))
            return np.stack(parts, 1)

        middle = self.x + HALF * dt * velocity(self.x)
        self.x = (self.x + dt * velocity(middle)).astype(np.float32)
        self.x = np.clip(self.x, 1e-3, np.array(self.shape, np.float32) - 1e-3)

    def keep(self) -> None:
        self.frames.append(((self.x * self.h).astype(np.float32), (self.v * self.h).astype(np.float32)))

    def write(self, result: Result) -> None:
        result.position, result.velocity = (np.stack(c) for c in zip(*self.frames, strict=True))
