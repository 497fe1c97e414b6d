"""The comparison's smoke and liquid as plain data, so that every engine is given the same. SI units, Y up, numpy only.

Smoke is a hot ball of gas in a closed box of 1 m: inviscid, without diffusion, lifted by ``LIFT`` times its content T.
Then the energy ``sum(u^2) / 2 - LIFT sum(T y)`` is constant, which judges every scheme. The liquid is Martin and
Moyce's column between two slippery walls, inviscid, scaled to 1 m.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

LIFT = 3.0
"""Upward acceleration of gas with T = 1 [m/s^2]."""
GRAVITY = 9.81
FPS = 60
"""Frames per second of the liquid."""


@dataclass(frozen=True)
class SmokeScene:
    """``cells``^3 of gas in a closed box of 1 m with slippery walls."""

    name: str
    cells: int
    dt: float = 1 / 40
    """[s]"""
    steps: int = 40
    ball: bool = False
    """Whether a solid ball moves through it."""
    centre: tuple[float, float, float] = (0.5, 0.25, 0.5)
    radius: float = 0.15
    """Of the hot gas [m]."""
    ball_radius: float = 0.12
    ball_start: tuple[float, float, float] = (0.22, 0.55, 0.46)
    ball_velocity: tuple[float, float, float] = (0.5, 0.0, 0.0)

    def heat(self) -> np.ndarray:
        """T at the start (n, n, n): 1 inside the ball of gas, with an edge two coarse cells wide."""
        x = (np.arange(self.cells) + 0.5) / self.cells
        away = [(x - c) ** 2 for c in self.centre]
        r = np.sqrt(away[0][:, None, None] + away[1][None, :, None] + away[2][None, None, :])
        return (0.5 - 0.5 * np.tanh((r - self.radius) / 0.03)).astype(np.float32)

    def ball_at(self, time: float) -> np.ndarray:
        """Centre of the solid ball [m]."""
        return np.array(self.ball_start) + time * np.array(self.ball_velocity)


@dataclass(frozen=True)
class VortexScene:
    """Taylor-Green vortices in a periodic plane of 2 pi: a steady flow without viscosity."""

    name: str
    cells: int = 64
    dt: float = 0.05
    steps: int = 100

    def faces(self) -> tuple[np.ndarray, np.ndarray]:
        """Velocity at the lower faces of the cells across both axes, (n, n) each."""
        h = 2 * np.pi / self.cells
        face, centre = np.arange(self.cells) * h, (np.arange(self.cells) + 0.5) * h
        u = np.sin(face)[:, None] * np.cos(centre)[None, :]
        v = -np.cos(centre)[:, None] * np.sin(face)[None, :]
        return u.astype(np.float32), v.astype(np.float32)


@dataclass(frozen=True)
class DamScene:
    """A column of 1 m width and 2 m height falls apart between walls ``deep`` cells apart; 8 particles per cell."""

    name: str
    per_side: int
    """Cells along the column's width."""
    deep: int
    seconds: float = 1.0
    length: float = 6.0
    """Of the tank [m]."""
    height: float = 2.4

    @property
    def cell(self) -> float:
        return 1.0 / self.per_side

    @property
    def size(self) -> tuple[float, float, float]:
        """Of the tank [m]."""
        return self.length, self.height, self.deep * self.cell

    @property
    def frames(self) -> int:
        return round(self.seconds * FPS)

    @property
    def particle_volume(self) -> float:
        return self.cell**3 / 8

    def particles(self) -> np.ndarray:
        """A lattice of two per cell and axis, (N, 3) float32 [m]."""
        h = self.cell / 2
        axes = [(np.arange(2 * n) + 0.5) * h for n in (self.per_side, 2 * self.per_side, self.deep)]
        return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3).astype(np.float32)


FluidScene = SmokeScene | VortexScene | DamScene


@dataclass
class Result:
    """What a run gives back; arrays are None where they do not apply."""

    engine: str
    settings: str
    scene: str
    step_cpu: np.ndarray
    """CPU time of every step (smoke) or frame (liquid), the least of all repeats [s]."""
    seconds: float = 1.0
    """Of the motion that was run [s]."""
    bytes_per_step: float = 0.0
    """What the passes of one step read and write at least, each array once per pass; 0: not counted."""
    u: np.ndarray | None = None
    """Velocity at the end on all faces across x, y, z (n+1 along the own axis) [m/s]; of vortices (n, n)."""
    v: np.ndarray | None = None
    w: np.ndarray | None = None
    heat: np.ndarray | None = None
    """T at the end (n, n, n)."""
    density: np.ndarray | None = None
    """What is seen, at the end (n, n, n); of engines that carry one quantity the same as ``heat``."""
    position: np.ndarray | None = None
    """(T + 1, N, 3) float32 [m], NaN for particles that are no longer there."""
    velocity: np.ndarray | None = None
    """The same [m/s]."""
    notes: list[str] = field(default_factory=list)


SCENES: dict[str, FluidScene] = {
    scene.name: scene
    for scene in (
        VortexScene("vortices"),
        *(SmokeScene(f"plume{n}", n) for n in (32, 64, 96)),
        *(SmokeScene(f"ball{n}", n, ball=True) for n in (32, 64, 96)),
        DamScene("dam3k", 8, 3, seconds=0.5),
        DamScene("dam50k", 25, 5),
        DamScene("dam200k", 40, 8),
    )
}
