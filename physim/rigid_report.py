"""What rows of rigid states mean: poses in the shapes' own frames, energy, and momentum that nothing accounts for.

A state is (x, q, v, momentum) of the moving bodies at all samples of a frame: centre of mass (S, n, 3) [m], orientation
of the principal frame (S, n, 4) xyzw, velocity (S, n, 3) [m/s] and angular momentum (S, n, 3) [kg m^2/s], all world.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from physim import rigid_arrays
from physim.terrain import rotation_matrix

State = tuple[np.ndarray, ...]


def _inertia(moving: list[rigid_arrays.Piece]) -> np.ndarray:
    return np.array([p.inertia for p in moving]).reshape(-1, 3)


def own_frames(moving: list[rigid_arrays.Piece], state: State) -> State:
    """From the principal frames to the shapes' own: (..., n, 3), (..., n, 4), velocity, angular velocity [rad/s]."""
    x, q, v, momentum = state
    turn = rotation_matrix(q)
    spin = np.einsum("...ij,...j->...i", turn, np.einsum("...ji,...j->...i", turn, momentum) / _inertia(moving))
    back = rigid_arrays.quaternion_of(np.array([p.frame.T for p in moving]).reshape(-1, 3, 3))  # type: ignore[union-attr]
    own = rigid_arrays.quaternion_product(q, np.broadcast_to(back, q.shape))
    centre = np.array([p.centre for p in moving]).reshape(-1, 3)
    origin = x - np.einsum("...ij,...j->...i", rotation_matrix(own), np.broadcast_to(centre, x.shape))
    return origin, own, v, spin


def energy(moving: list[rigid_arrays.Piece], gravity: np.ndarray, state: State) -> np.ndarray:
    """Kinetic and potential energy of all bodies at each sample (S,) [J], with the gravity at each, (S, 3) [m/s^2]."""
    x, q, v, momentum = state
    mass = np.array([p.mass for p in moving])
    body = np.einsum("...ji,...j->...i", rotation_matrix(q), momentum)
    kinetic = 0.5 * mass * (v**2).sum(-1) + 0.5 * (body**2 / _inertia(moving)).sum(-1)
    return (kinetic - mass * np.einsum("snc,sc->sn", x, gravity)).sum(-1)


def momentum_error(
    moving: list[rigid_arrays.Piece],
    history: Sequence[State],
    gravity: np.ndarray,
    time: float,
    blows: Sequence[Sequence[float]],
) -> float:
    """Momentum that nothing accounts for, over the largest sum of the bodies' momenta [-].

    Args:
        moving: The bodies.
        history: Their states so far, frame by frame.
        gravity: Its mean over the run (3,) [m/s^2].
        time: Since the start [s].
        blows: Impulses from outside so far [N s].
    """
    mass = np.array([p.mass for p in moving])[:, None]
    velocity = np.concatenate([state[2] for state in history])
    given = time * mass.sum() * gravity
    for blow in blows:
        given = given + np.array(blow)
    error = (mass * (velocity[-1] - velocity[0])).sum(0) - given
    scale = (mass[:, 0] * np.linalg.norm(velocity, axis=-1)).sum(-1).max()
    return float(np.linalg.norm(error) / max(scale, 1e-30))
