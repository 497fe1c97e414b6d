"""What the laws say about elastic solids: energy, momentum, volume, how far cells are squeezed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from physim.solver_soft import SoftSolver


def energies(solver: SoftSolver) -> np.ndarray:
    """Kinetic, elastic and of weight at every sample, of each solid (S, solids) [J]; gravity that of the time."""
    sums = np.concatenate([h[2] for h in solver.history])
    felt = solver.rigid.weight.felt()[: len(sums)]
    return sums[..., 0] + sums[..., 1] - np.einsum("ska,sa->sk", sums[..., 8:11], felt)


def report(solver: SoftSolver) -> dict[str, float]:
    """``soft_energy`` at the start and now; ``soft_volume_change``: the largest of any solid at any time, over its own;
    ``soft_least_volume``: of any cell at any time, over its own, 0 or less is turned inside out; ``soft_step`` of the
    solver. ``soft_momentum_error`` is there only where momentum is conserved: nothing held, no static thing, no air.
    """
    energy = energies(solver).sum(axis=1)
    volume = np.concatenate([h[2][..., 11] for h in solver.history])
    values = {
        "soft_energy_start [J]": float(energy[0]),
        "soft_energy_end [J]": float(energy[-1]),
        "soft_volume_change [-]": float(np.abs(volume / volume[0] - 1).max()),
        "soft_least_volume [-]": float(min(h[3].min() for h in solver.history)),
        "soft_deepest_penetration [m]": float(solver.touches.deepest.numpy()[0]),
        "soft_step [s]": solver.step,
    }
    if is_closed(solver):
        values["soft_momentum_error [-]"] = momentum_error(solver)
    return values


def is_closed(solver: SoftSolver) -> bool:
    """Nothing outside but gravity and impulses acts on the solids and the bodies they touch."""
    rigid = solver.rigid
    others = solver.scene.cloths or solver.scene.liquids or solver.scene.smokes or solver.scene.lakes
    return not (solver.pins.count or len(rigid.pieces) > len(rigid.body_names) or rigid.outer.has_air or others)


def momentum_error(solver: SoftSolver) -> float:
    """Momentum of solids and bodies that nothing accounts for, over the largest sum of their momenta [-]."""
    scene, time = solver.scene, solver.time
    sums = np.concatenate([h[2] for h in solver.history])
    parts = [sums[:, i, 2:5] for i in range(len(solver.pieces))]
    total = float(solver.nodes.mass.numpy().sum(dtype=np.float64))
    for name, track in solver.rigid.tracks().items():
        parts.append(scene[name].mass * track.dense_velocity)
        total += scene[name].mass
    change = sum(p[-1] - p[0] for p in parts)
    given = time * total * scene.mean_gravity(0.0, time)
    for push in scene.impulses():
        if push.at < time:
            given = given + np.array(push.newton_seconds)
    for force in scene.pushes():
        given = given + np.asarray(force.impulse(0.0, time))
    scale = max(max(float(np.linalg.norm(p[k], axis=-1)) for p in parts for k in (0, -1)), float(np.linalg.norm(given)))
    return float(np.linalg.norm(change - given) / max(scale, 1e-30))
