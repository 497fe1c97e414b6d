"""Modes of a body and how loud they are: frequencies, decay, shapes at any point, and the sound power they give off.

A mode of frequency w moves the surface by ``phi(x) q(t)``. It sounds as a sphere of the same surface would whose
normal velocity has the same parts of order 0, 1 and the rest as order 2: to order n the power at unit velocity is that
of rho c S times the radiation efficiency s_n(ka) of a sphere,

    s_0 = x^2 / (1 + x^2),  s_1 = x^4 / (4 + x^4),  s_2 = x^6 / (81 + 9 x^2 - 2 x^4 + x^6),   x = k a,  S = 4 pi a^2.

Source: Junger, Feit, Sound, Structures, and Their Interaction, 2nd ed. (1986), section 6.8; free bodies: modes of unit
modal mass. What a mode radiates it loses: that is part of its decay.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from physim.elastic import Elastic
from physim.finite_cells import Grid, Vibration, vibration
from physim.shapes import Triangles

AIR_DENSITY = 1.204
"""[kg/m^3], 20 °C."""
SOUND_SPEED = 343.2
"""In air of 20 °C [m/s]."""
HIGHEST = 16_000.0
"""Modes above this are not computed on [Hz]."""
VERSION = 3
"""Of what is kept on disk."""
MOST_KEPT = 64
"""Forms whose modes are kept in memory; all are on disk."""
_KEPT: dict[str, Vibration] = {}


@dataclass(frozen=True)
class Modes:
    """What a body of one material does when it is struck."""

    vibration: Vibration | None
    """``None``: it has no modes that are heard."""
    mass: float
    """[kg]"""
    frequency: np.ndarray
    """(M,) [Hz], ascending."""
    decay: np.ndarray
    """(M,) [1/s]: material and radiation."""
    loudness: np.ndarray
    """(M,) pressure at one metre per modal velocity [Pa m / (m/s sqrt(kg))]."""
    radius: float
    """Of the sphere of the same surface [m]."""

    def at(self, point: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """How strongly a unit impulse along ``direction`` at ``point`` drives each mode (M,) [1/sqrt(kg)].

        Point [m] and direction are in the frame of the body's mesh.
        """
        if self.vibration is None:
            return np.zeros(0)
        return self.vibration.at(np.atleast_2d(point))[0].T @ direction / np.sqrt(self.mass)


def modes(
    mesh: Triangles, elastic: Elastic, *, mass: float, density: float, cells: int = 160, count: int = 40
) -> Modes:
    """Modes of a free body below 16 kHz.

    Args:
        mesh: Closed, faces outward [m].
        elastic: Its material.
        mass: [kg].
        density: Of the material [kg/m^3]; where mass and volume say another one, the pitch is that of the material.
        cells: See :func:`physim.finite_cells.vibration`.
        count: At most so many.
    """
    found = _vibration(mesh, elastic.poisson, cells, count)
    omega = np.sqrt(found.eigenvalues * elastic.young / density) / found.grid.length
    heard = omega < 2 * np.pi * HIGHEST
    omega, shapes = omega[heard], found.modes[:, :, : int(heard.sum())]
    found = Vibration(found.grid, found.cells, found.nodes, found.eigenvalues[heard], shapes, found.volume)
    square, parts, radius = _surface(mesh, found)
    x = omega * radius / SOUND_SPEED
    efficiency = np.stack([x**2 / (1 + x**2), x**4 / (4 + x**4), x**6 / (81 + 9 * x**2 - 2 * x**4 + x**6)], axis=1)
    radiated = AIR_DENSITY * SOUND_SPEED * square / mass * np.sum(parts * efficiency, axis=1)
    decay = 0.5 * (elastic.alpha + elastic.beta * omega**2 + radiated)
    loudness = np.sqrt(AIR_DENSITY * SOUND_SPEED * radiated / (4 * np.pi))
    kept = decay < omega  # more than critically damped ones do not sound
    if not kept.all():
        shapes = found.modes[:, :, kept]
        found = Vibration(found.grid, found.cells, found.nodes, found.eigenvalues[kept], shapes, found.volume)
    return Modes(found, mass, omega[kept] / (2 * np.pi), decay[kept], loudness[kept], radius)


def no_modes(mesh: Triangles, mass: float) -> Modes:
    """Of a body whose mesh cannot be computed on: its acceleration alone is heard."""
    size = float(np.linalg.norm(np.ptp(mesh.vertices, axis=0))) / 4
    return Modes(None, mass, np.zeros(0), np.zeros(0), np.zeros(0), max(size, 1e-4))


def _surface(mesh: Triangles, found: Vibration) -> tuple[np.ndarray, np.ndarray, float]:
    """Integral of the squared normal motion (M,) [m^2] for mass 1, its parts of order 0, 1, 2 (M, 3), the radius."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    normal = 0.5 * np.cross(b - a, c - a)
    area = np.linalg.norm(normal, axis=1)
    middle = (a + b + c) / 3
    total = float(area.sum())
    keep = area > 1e-9 * total
    step = max(1, int(keep.sum()) // 2000)  # of fine meshes every so many: faces are listed ring by ring
    chosen = np.flatnonzero(keep)[::step]
    area, normal, middle = area[chosen], normal[chosen], middle[chosen]
    normal /= area[:, None]
    weight = area * total / area.sum()
    motion = np.einsum("pcm,pc->pm", found.at(middle), normal)
    square = weight @ motion**2
    outward = middle - weight @ middle / total
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-12)
    mean = (weight @ motion) ** 2 / total
    first = 3 * np.sum(np.einsum("p,pa,pm->am", weight, outward, motion) ** 2, axis=0) / total
    zero = np.clip(mean / np.maximum(square, 1e-30), 0, 1)
    one = np.clip(first / np.maximum(square, 1e-30), 0, 1 - zero)
    return square, np.stack([zero, one, 1 - zero - one], axis=1), float(np.sqrt(total / (4 * np.pi)))


def _vibration(mesh: Triangles, poisson: float, cells: int, count: int) -> Vibration:
    """From memory, from disk, or computed; the same form in any size is computed once."""
    size = float(np.ptp(mesh.vertices, axis=0).max())
    form = np.round(mesh.vertices / size, 5) + 0.0
    text = f"{VERSION} {poisson:.4f} {cells} {count}".encode()
    key = hashlib.sha256(text + form.tobytes() + np.ascontiguousarray(mesh.faces).tobytes()).hexdigest()[:32]
    if key not in _KEPT:
        found = _from_disk(key) or _computed(Triangles(form, mesh.faces), poisson, cells, count, key)
        while len(_KEPT) >= MOST_KEPT:
            _KEPT.pop(next(iter(_KEPT)))  # the one that was met first
        _KEPT[key] = found
    found = _KEPT[key]
    grid = found.grid
    scaled = type(grid)(grid.axes, grid.length * size, grid.origin, grid.cell, grid.counts, grid.inside, grid.samples)
    return Vibration(scaled, found.cells, found.nodes, found.eigenvalues, found.modes, found.volume)


def _computed(mesh: Triangles, poisson: float, cells: int, count: int, key: str) -> Vibration:
    found = vibration(mesh, poisson=poisson, cells=cells, count=count)
    folder = _folder()
    part = folder / f"{key}.{os.getpid()}.part.npz"
    grid = found.grid
    try:
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            part, axes=grid.axes, length=grid.length, origin=grid.origin, cell=grid.cell, counts=grid.counts,
            inside=np.packbits(grid.inside, axis=-1), samples=grid.samples, cells=found.cells, nodes=found.nodes,
            eigenvalues=found.eigenvalues, modes=found.modes, volume=found.volume,
        )  # fmt: skip
        os.replace(part, folder / f"{key}.npz")
    except OSError:  # a cache that cannot be written is no reason to fail
        part.unlink(missing_ok=True)
    return found


def _from_disk(key: str) -> Vibration | None:
    """What an earlier run found; ``None`` if there is nothing, or nothing that can be read."""
    try:
        with np.load(_folder() / f"{key}.npz", allow_pickle=False) as kept:
            samples = int(kept["samples"])
            inside = np.unpackbits(kept["inside"], axis=-1, count=samples**3).astype(bool)
            a, b, c = (int(n) for n in kept["counts"])
            grid = Grid(kept["axes"], float(kept["length"]), kept["origin"], kept["cell"], (a, b, c), inside, samples)
            return Vibration(
                grid, kept["cells"], kept["nodes"], kept["eigenvalues"], kept["modes"], float(kept["volume"])
            )
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def _folder() -> Path:
    """Where modes are kept: ``PHYSIM_CACHE``, or the user's cache folder."""
    root = os.environ.get("PHYSIM_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "physim"
    )
    return Path(root) / "modes"
