"""Arrays of elastic solids on the device."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import warp as wp
from physim_kernels import soft_data, soft_touch
from physim_kernels.soft_pins import Pins

from physim import soft_law
from physim.motion import Motion
from physim.soft_cells import SoftPiece
from physim.solver_rigid import RigidSolver
from physim.terrain import rotation_matrix


def _fill(target: Any, values: dict[str, tuple[Any, Any]], device: wp.Device) -> None:
    for name, (value, dtype) in values.items():
        setattr(target, name, wp.array(np.ascontiguousarray(value), dtype=dtype, device=device))


def _joined(pieces: list[SoftPiece], what) -> np.ndarray:  # type: ignore[no-untyped-def]
    return np.concatenate([what(p) for p in pieces])


def nodes(pieces: list[SoftPiece], held: np.ndarray, device: wp.Device) -> soft_data.Nodes:
    """State of all nodes; the ``held`` ones have no inverse mass."""
    mass = _joined(pieces, lambda p: p.mass)
    inverse = 1 / mass
    inverse[held] = 0
    cells = sum(len(p.lattice.cells) for p in pieces)
    around, first = [], 0
    for p in pieces:
        own = p.lattice.around()
        around.append(np.where(own < 8 * len(p.lattice.cells), own + 8 * first, 8 * cells))
        first += len(p.lattice.cells)
    out = soft_data.Nodes()
    _fill(
        out,
        {
            "x": (_joined(pieces, lambda p: p.start), wp.vec3d),
            "v": (_joined(pieces, lambda p: p.velocity), wp.vec3d),
            "mass": (mass, float),
            "inv_mass": (inverse, float),
            "solid": (np.repeat(np.arange(len(pieces)), [len(p.lattice.rest) for p in pieces]), int),
            "around": (np.concatenate(around).ravel(), int),
            "acc": (np.zeros((len(mass), 3)), wp.vec3),
        },
        device,
    )
    return out


def cells(pieces: list[SoftPiece], device: wp.Device) -> soft_data.Cells:
    """All cells; the memory of what has not been strained."""
    node, first = [], 0
    for p in pieces:
        node.append(p.lattice.nodes + first)
        first += len(p.lattice.rest)
    volume = _joined(pieces, lambda p: p.lattice.volume)
    count = len(volume)
    out = soft_data.Cells()
    _fill(
        out,
        {
            "node": (np.concatenate(node).ravel(), int),
            "solid": (np.repeat(np.arange(len(pieces)), [len(p.lattice.cells) for p in pieces]), int),
            "volume": (volume, float),
            "force": (np.zeros((8 * count + 8, 3)), wp.vec3),
            "memory": (np.zeros((count, 3, 3)), wp.mat33),
            "bent": (np.zeros((count, 3, 3)), wp.mat33),
        },
        device,
    )
    return out


def laws(pieces: list[SoftPiece], step: float, device: wp.Device) -> soft_data.Laws:
    """Moduli per solid, for steps of ``step`` [s]."""
    made = [soft_law.law(p.material) for p in pieces]
    out = soft_data.Laws()
    out.side = wp.array(np.stack([p.lattice.side for p in pieces]), dtype=wp.vec3, device=device)
    for name in ("shear", "bulk", "dense", "plate", "poisson", "shear_2", "plate_2", "yield_stress"):
        setattr(out, name, wp.array([getattr(m, name) for m in made], dtype=float, device=device))
    out.fade = wp.array([-math.expm1(-step / m.relaxation) for m in made], dtype=float, device=device)
    return out


def skin(pieces: list[SoftPiece], inv_mass: np.ndarray, device: wp.Device) -> soft_data.Skin:
    """Points of all surfaces; ``response`` is their own inverse mass."""
    cell, weight, response = [], [], []
    first_cell = first_node = 0
    for p in pieces:
        found, w = p.lattice.place(p.skin.vertices)
        cell.append(found + first_cell)
        weight.append(w)
        response.append((w**2 * inv_mass[first_node + p.lattice.nodes[found]]).sum(axis=1))
        first_cell += len(p.lattice.cells)
        first_node += len(p.lattice.rest)
    points = sum(len(c) for c in cell)
    out = soft_data.Skin()
    friction = np.repeat([p.material.friction for p in pieces], [len(c) for c in cell])
    _fill(
        out,
        {
            "cell": (np.concatenate(cell), int),
            "weight": (np.concatenate(weight).ravel(), float),
            "response": (np.concatenate(response), float),
            "friction": (friction, float),
            "x": (np.zeros((points, 3)), wp.vec3),
            "v": (np.zeros((points, 3)), wp.vec3),
        },
        device,
    )
    return out


def touches(points: int, solids: int, bodies: int, device: wp.Device) -> soft_data.Touches:
    """Room for contacts of all points, and for what presses on each solid from each body."""
    slots, out = int(soft_touch.SLOTS) * points, soft_data.Touches()
    sizes: dict[str, tuple[int, Any]] = {
        "count": (points, int), "list": (points, int), "total": (1, int), "collider": (slots, int),
        "normal": (slots, wp.vec3), "offset": (slots, wp.float64), "arm": (slots, wp.vec3), "friction": (slots, float),
        "pressed": (solids * max(bodies, 1), wp.vec3), "deepest": (1, float),
    }  # fmt: skip
    for name, (size, dtype) in sizes.items():
        setattr(out, name, wp.zeros(size, dtype=dtype, device=device))
    out.bodies = max(bodies, 1)
    return out


def spared(pieces: list[SoftPiece], rigid: RigidSolver, device: wp.Device) -> wp.array:
    """Body that each point does not meet: the one that holds its cell; -1: none."""
    out = []
    for p in pieces:
        holder = np.full(len(p.lattice.rest), -1)
        for held, pin in zip(p.held, p.entity.pins, strict=True):
            holder[held] = -1 if pin.to is None else rigid.number_of(pin.to)
        found, _ = p.lattice.place(p.skin.vertices)
        out.append(holder[p.lattice.nodes[found]].max(axis=1))
    return wp.array(np.concatenate(out), dtype=int, device=device)


def pins(
    pieces: list[SoftPiece], rigid: RigidSolver, node_start: np.ndarray, device: wp.Device
) -> tuple[Pins, list[Motion | None], list[np.ndarray]]:
    """What is held, about the pin's centroid or in the body's frame; and the motions and centroids of the pins."""
    body_q, body_x = rigid.bodies.q.numpy(), rigid.bodies.x.numpy()
    body: list[int] = []
    node, pin, start, first = [], [], [], [0]
    motions: list[Motion | None] = []
    centres: list[np.ndarray] = []
    for p, shift in zip(pieces, node_start, strict=False):
        for held, given in zip(p.held, p.entity.pins, strict=True):
            number = -1 if given.to is None else rigid.number_of(given.to)
            centre, turn = (p.start[held].mean(axis=0) if len(held) else np.zeros(3)), np.eye(3)
            if number >= 0:
                centre, turn = body_x[number], rotation_matrix(body_q[number])
            node += (shift + held).tolist()
            pin += [len(body)] * len(held)
            start += ((p.start[held] - centre) @ turn).tolist()
            body.append(number)
            first.append(len(node))
            motions.append(given.motion)
            centres.append(centre)
    out, size = Pins(), (rigid.substeps + 1) * max(len(body), 1)
    _fill(
        out,
        {
            "node": (np.array(node, int), int),
            "pin": (np.array(pin, int), int),
            "start": (np.array(start).reshape(-1, 3), wp.vec3d),
            "drift": (np.zeros((len(node), 3)), wp.vec3d),
            "body": (np.array(body, int), int),
            "first": (np.array(first), int),
            "centre": (np.zeros((size, 3)), wp.vec3d),
            "turn": (np.tile([0.0, 0.0, 0.0, 1.0], (size, 1)), wp.quatd),
            "pulled": (np.zeros((max(len(body), 1), 3)), wp.vec3),
        },
        device,
    )
    out.count = len(body)
    return out, motions, centres


def tabulate(made: Pins, motions: list[Motion | None], centres: list[np.ndarray], times: np.ndarray) -> None:
    """Where the pins are at these times, the ends of the substeps of a frame."""
    from scipy.spatial.transform import Rotation

    centre = np.zeros((len(times), len(motions), 3))
    turn = np.zeros((len(times), len(motions), 4))
    turn[..., 3] = 1
    for p, (motion, middle) in enumerate(zip(motions, centres, strict=True)):
        centre[:, p] = middle
        if motion is not None:
            offset, spin = motion.at(times)
            centre[:, p] += offset
            turn[:, p] = Rotation.from_rotvec(spin).as_quat()
    made.centre.assign(centre.reshape(-1, 3))
    made.turn.assign(turn.reshape(-1, 4))
