"""What the laws say about cloth: its energy, its momentum, how far it is stretched."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from physim import cloth_piece, cloth_plate

if TYPE_CHECKING:
    from physim.solver_cloth import ClothSolver


def strains(p: cloth_piece.Piece, x: np.ndarray) -> np.ndarray:
    """Stretch along warp and weft, and shear, of each triangle (M, 3) at the vertices ``x`` (N, 3)."""
    rest = p.rest[p.faces]
    inverse = np.linalg.inv(np.stack([rest[:, 1] - rest[:, 0], rest[:, 2] - rest[:, 0]], axis=-1))
    x = np.asarray(x, dtype=np.float64)[p.faces]
    w = np.einsum("mka,mkb->mba", np.stack([x[:, 1] - x[:, 0], x[:, 2] - x[:, 0]], axis=1), inverse)
    wu, wv = w[:, 0], w[:, 1]
    return np.stack([np.linalg.norm(wu, axis=1) - 1, np.linalg.norm(wv, axis=1) - 1, (wu * wv).sum(1)], axis=1)


def energy(p: cloth_piece.Piece, x: np.ndarray, v: np.ndarray, gravity: np.ndarray) -> float:
    """Kinetic, of weight, of the membrane and of bending (about a rest that does not turn) [J]."""
    x, v = np.asarray(x, dtype=np.float64), np.asarray(v, dtype=np.float64)
    moving = 0.5 * (p.mass[:, None] * v**2).sum() - (p.mass[:, None] * x).sum(axis=0) @ gravity
    e, q = strains(p, x), p.moduli
    law = q[0] * e[:, 0] ** 2 + q[1] * e[:, 1] ** 2 + 2 * q[2] * e[:, 0] * e[:, 1] + q[3] * e[:, 2] ** 2
    bent = 0.5 * (x * (p.plate[:, : len(x)] @ x)).sum()
    return float(moving + 0.5 * (cloth_plate.areas(p.rest, p.faces) * law).sum() + bent)


def report(solver: ClothSolver) -> dict[str, float]:
    """``cloth_energy`` at the start and now; ``cloth_largest_stretch`` of any triangle now, along warp or weft;
    ``cloth_step`` of the solver. ``cloth_softening``, if any, is the stiffest modulus used over the real one, see
    :func:`physim.cloth_piece.afford`. ``cloth_momentum_error`` is there only where momentum is conserved: nothing
    held, nothing touched, no air. ``cloth_water`` is the liquid in their pores.
    """
    pieces, start = solver.whole.pieces, solver.whole.vertex_start
    first, last = solver.history[0], solver.history[-1]
    scene = solver.scene
    energies = [
        sum(energy(p, s[0][k][a:b], s[1][k][a:b], g) for p, a, b in zip(pieces, start, start[1:], strict=False))
        for s, k, g in ((first, 0, scene.gravity), (last, -1, scene.gravity_at(solver.time)))
    ]
    stretch = max(strains(p, last[0][-1][a:b])[:, :2].max() for p, a, b in zip(pieces, start, start[1:], strict=False))
    values = {
        "cloth_energy_start [J]": energies[0],
        "cloth_energy_end [J]": energies[1],
        "cloth_largest_stretch [-]": float(stretch),
        "cloth_step [s]": solver.step,
    }
    softer = [p.moduli.max() / replace(p, stiffest=np.inf).moduli.max() for p in pieces]
    if min(softer) < 1:
        values["cloth_softening [-]"] = float(min(softer))
    if solver.waters:
        values["cloth_water [kg]"] = sum(water.held for water in solver.waters)
    if solver.is_closed:
        values["cloth_momentum_error [-]"] = _momentum_error(solver)
    return values


def _momentum_error(solver: ClothSolver) -> float:
    """Momentum that nothing accounts for, over the largest sum of the vertices' momenta [-]."""
    mass = np.concatenate([p.mass for p in solver.whole.pieces])[:, None]
    first, last = solver.history[0][1][0].astype(np.float64), solver.history[-1][1][-1].astype(np.float64)
    given = solver.time * mass.sum() * solver.scene.mean_gravity(0.0, solver.time)
    for push in solver.scene.impulses():
        if push.on in solver.names and push.at < solver.time:
            given = given + np.array(push.newton_seconds)
    scale = max((mass * np.abs(first)).sum(), (mass * np.abs(last)).sum(), 1e-30)
    return float(np.linalg.norm((mass * (last - first)).sum(axis=0) - given) / scale)
