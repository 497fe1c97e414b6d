"""From the joints of a scene to the arrays of the joint solver: anchors in body frames, rows, islands, their order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp
from physim_kernels import joint_data as data

from physim.joints import BallJoint, DistanceJoint, FixedJoint, HingeJoint, Joint, Spring, String
from physim.rigid_arrays import Piece, quaternion_of, quaternion_product
from physim.terrain import rotation_matrix

TREE, LOOP = 1e-10, 1e-6
"""Relative compliance of joints: where they close loops, several may say the same, and it decides who carries what."""
STRETCHED = 0.01
"""Largest part by which a rod or string may be longer at the start than it says; it is corrected within a substep."""
_AT_REST = np.array([0.0, 0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Tie:
    """One joint as the solver sees it. ``a`` is -1 for the world."""

    joint: Joint
    kind: int
    a: int
    b: int
    anchor_a: np.ndarray
    """In the principal frame of a (3,) [m]."""
    anchor_b: np.ndarray
    frame_a: np.ndarray
    """Quaternion, body from joint; x is the axis of a hinge."""
    frame_b: np.ndarray
    length: float
    rows: tuple[tuple[int, int], ...]
    """(role, component) of each."""


def ties(joints: list[Joint], everything: list[Piece]) -> list[Tie]:
    """The joints of a scene; bodies are numbered as in ``everything``.

    Raises:
        ValueError: A rod or string whose ends do not stand as far apart as its length says.
    """
    number = {piece.name: i for i, piece in enumerate(everything)}
    return [_tie(joint, everything, number) for joint in joints]


def _tie(joint: Joint, everything: list[Piece], number: dict[str, int]) -> Tie:
    b = number[joint.body]
    a = -1 if joint.other is None else number[joint.other]
    x_a, q_a = (np.zeros(3), _AT_REST) if a < 0 else (everything[a].position, everything[a].orientation)
    x_b, q_b = everything[b].position, everything[b].orientation
    if isinstance(joint, FixedJoint):
        at = to = x_b if a < 0 else 0.5 * (x_a + x_b)
    else:
        at = np.asarray(joint.at, dtype=np.float64)
        to = np.asarray(joint.to, dtype=np.float64) if isinstance(joint, DistanceJoint | Spring) else at
    frame = _frame_along(joint.axis) if isinstance(joint, HingeJoint) else _AT_REST
    kind, rows = _rows(joint)
    return Tie(
        joint, kind, a, b,
        anchor_a=rotation_matrix(q_a).T @ (to - x_a), anchor_b=rotation_matrix(q_b).T @ (at - x_b),
        frame_a=quaternion_product(_inverse(q_a), frame), frame_b=quaternion_product(_inverse(q_b), frame),
        length=_length(joint, float(np.linalg.norm(at - to))), rows=rows,
    )  # fmt: skip


def _rows(joint: Joint) -> tuple[int, tuple[tuple[int, int], ...]]:
    point = tuple((data.PLAIN, k) for k in range(3))
    if isinstance(joint, BallJoint):
        return data.BALL, point
    if isinstance(joint, HingeJoint):
        rows = (*point, (data.PLAIN, 3), (data.PLAIN, 4))
        rows += ((data.LIMIT, 5),) if joint.limits is not None else ()
        rows += ((data.FRICTION, 6),) if joint.friction > 0 else ()
        return data.HINGE, rows
    if isinstance(joint, FixedJoint):
        return data.FIXED, (*point, *((data.PLAIN, k) for k in range(3, 6)))
    if isinstance(joint, Spring):
        return (data.SPRING_POINT, point) if joint.length == 0 else (data.SPRING, point[:1])
    return (data.STRING if isinstance(joint, String) else data.DISTANCE), point[:1]


def _length(joint: Joint, apart: float) -> float:
    length = getattr(joint, "length", None)
    if length is None:
        length = apart
    label = f"{type(joint).__name__} of {joint.body!r}"
    if isinstance(joint, DistanceJoint):
        if length < 1e-6:
            raise ValueError(f"{label}: its ends are {apart:g} m apart, expected more. Use a BallJoint.")
        too_long = apart > (1 + STRETCHED) * length
        if too_long or (not isinstance(joint, String) and apart < (1 - STRETCHED) * length):
            raise ValueError(
                f"{label}: its ends are {apart:.4g} m apart and its length is {length:.4g} m, expected the same. "
                "Move the ends, or leave the length out."
            )
    elif isinstance(joint, Spring) and joint.length is None and apart < 1e-6:
        raise ValueError(f"{label}: its ends are at one point and it has no length, expected one; 0 is allowed.")
    return length


def _inverse(q: np.ndarray) -> np.ndarray:
    return q * np.array([-1.0, -1.0, -1.0, 1.0])


def _frame_along(axis) -> np.ndarray:
    """Quaternion that turns X to ``axis``."""
    x = np.asarray(axis, dtype=np.float64)
    x = x / np.linalg.norm(x)
    y = np.cross(x, np.eye(3)[np.argmin(np.abs(x))])
    y /= np.linalg.norm(y)
    return quaternion_of(np.stack([x, y, np.cross(x, y)], axis=1))


def apart(everything: list[Tie]) -> set[tuple[int, int]]:
    """Pairs of bodies (lower number first) that do not collide, since a joint ties them."""
    return {(min(t.a, t.b), max(t.a, t.b)) for t in everything if t.a >= 0 and not t.joint.collide}


# ---- islands ---------------------------------------------------------------------------------------------------------


def islands(everything: list[Tie], moving: int) -> list[list[int]]:
    """Joints that move together, each island in an order that keeps the envelope of its matrix small.

    The order is that of Cuthill and McKee, reversed, on the graph whose edges are moving bodies that two joints share.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components, reverse_cuthill_mckee

    count = len(everything)
    i, k = [], []
    for n, tie in enumerate(everything):
        for m in range(n):
            if _shared(tie, everything[m], moving):
                i += [n, m]
                k += [m, n]
    graph = coo_matrix((np.ones(len(i)), (i, k)), shape=(count, count)).tocsr()
    groups, label = connected_components(graph, directed=False)
    order = reverse_cuthill_mckee(graph, symmetric_mode=True)
    return [[int(n) for n in order if label[n] == group] for group in range(groups)]


def _shared(tie: Tie, other: Tie, moving: int) -> list[tuple[int, int]]:
    """(body, sides) of every moving body that both act on; bit 1 of sides: it is ``tie.a``, bit 2: ``other.a``."""
    found = []
    for mine, body in enumerate((tie.b, tie.a)):
        for theirs, same in enumerate((other.b, other.a)):
            if body == same and 0 <= body < moving:
                found.append((body, mine + 2 * theirs))
    return found


def _has_loop(group: list[Tie], moving: int) -> bool:
    """Whether more joints than needed tie the bodies of an island; everything that does not move counts as one."""
    bodies = {body for tie in group for body in (tie.a, tie.b) if 0 <= body < moving}
    held = any(not 0 <= body < moving for tie in group for body in (tie.a, tie.b))
    return len(group) > len(bodies) - (0 if held else 1)


@dataclass(frozen=True)
class JointArrays:
    """What the kernels take, and how many islands there are."""

    joints: data.Joints
    rows: data.Rows
    kept: data.Kept
    islands: int
    order: np.ndarray
    """Place in the arrays of each joint of the scene."""


def arrays(everything: list[Tie], bodies: int, moving: int, h: float, device: wp.Device) -> JointArrays:
    """All joints in the order of their islands; ``h`` is the substep [s]."""
    groups = islands(everything, moving)
    sorted_ties = [everything[n] for group in groups for n in group]
    joints, rows = _joints(sorted_ties, device), data.Rows()
    bounds = np.cumsum([0, *(len(t.rows) for t in sorted_ties)])
    joints.row_start = _int(bounds, device)
    starts = np.cumsum([0, *(len(group) for group in groups)])
    near = [
        [(m, sides) for m in range(starts[g], n) for _, sides in _shared(sorted_ties[n], sorted_ties[m], moving)]
        for g in range(len(groups)) for n in range(starts[g], starts[g + 1])
    ]  # fmt: skip
    joints.near_start = _int(np.cumsum([0, *(len(list_) for list_ in near)]), device)
    joints.near = _int([m for list_ in near for m, _ in list_], device)
    joints.near_sides = _int([sides for list_ in near for _, sides in list_], device)
    members = [
        sorted({b for n in group for b in (everything[n].a, everything[n].b) if 0 <= b < moving}) for group in groups
    ]
    joints.island_start = _int(starts, device)
    joints.island_body_start = _int(np.cumsum([0, *(len(m) for m in members)]), device)
    joints.island_body = _int([b for m in members for b in m], device)
    soft = [LOOP if _has_loop([everything[n] for n in group], moving) else TREE for group in groups]
    island_of = np.full(bodies, -1)
    for number, names in enumerate(members):
        island_of[names] = number
    joints.island_of = _int(island_of, device)
    joints.pressed = wp.zeros(len(groups), dtype=int, device=device)
    joints.struck = wp.zeros(len(groups), dtype=int, device=device)
    joints.step = wp.full(len(groups), h, dtype=wp.float64, device=device)
    joints.compliance = wp.array(soft, dtype=wp.float64, device=device)
    _fill_rows(
        rows, sorted_ties, bounds, [min([m for m, _ in list_], default=n) for n, list_ in enumerate(near)], device
    )
    return JointArrays(
        joints,
        rows,
        _kept(bodies, int(bounds[-1]), device),
        len(groups),
        np.argsort([n for group in groups for n in group]),
    )


def ahead(pieces: list[Piece], device: wp.Device) -> data.Ahead:
    """Poses at the end of a substep: of what stands still, for good."""
    out = data.Ahead()
    out.x = wp.array(np.array([p.position for p in pieces]), dtype=wp.vec3d, device=device)
    out.q = wp.array(np.array([p.orientation for p in pieces]), dtype=wp.quatd, device=device)
    out.v = wp.zeros(len(pieces), dtype=wp.vec3d, device=device)
    out.momentum = wp.zeros(len(pieces), dtype=wp.vec3d, device=device)
    return out


def _kept(bodies: int, rows: int, device: wp.Device) -> data.Kept:
    out = data.Kept()
    for name, dtype in (("x", wp.vec3d), ("q", wp.quatd), ("v", wp.vec3d), ("momentum", wp.vec3d)):
        setattr(out, name, wp.zeros(bodies, dtype=dtype, device=device))
    out.impulse = wp.zeros(rows, dtype=wp.float64, device=device)
    out.state = wp.zeros(rows, dtype=int, device=device)
    return out


def _int(values, device: wp.Device) -> wp.array:
    return wp.array(np.asarray(values if len(values) else [0], dtype=np.int32), dtype=int, device=device)


def _joints(everything: list[Tie], device: wp.Device) -> data.Joints:
    joints, count = data.Joints(), len(everything)
    for name in ("kind", "a", "b"):
        setattr(joints, name, _int([getattr(t, name) for t in everything], device))
    for name, dtype in (
        ("anchor_a", wp.vec3d), ("anchor_b", wp.vec3d), ("frame_a", wp.quatd), ("frame_b", wp.quatd),
    ):  # fmt: skip
        setattr(joints, name, wp.array(np.array([getattr(t, name) for t in everything]), dtype=dtype, device=device))
    limits = [getattr(t.joint, "limits", None) or (0.0, 0.0) for t in everything]
    numbers = {
        "length": [t.length for t in everything],
        "low": [low for low, _ in limits],
        "high": [high for _, high in limits],
        **{name: [getattr(t.joint, name, 0.0) for t in everything] for name in ("stiffness", "damping", "friction")},
    }
    for name, values in numbers.items():
        setattr(joints, name, wp.array(np.array(values), dtype=wp.float64, device=device))
    joints.angle = wp.zeros(count, dtype=wp.float64, device=device)
    joints.error = wp.zeros(count, dtype=wp.float64, device=device)
    joints.load = wp.zeros(count, dtype=wp.vec3d, device=device)
    return joints


def _fill_rows(rows: data.Rows, everything: list[Tie], bounds: np.ndarray, reach: list[int], device: wp.Device) -> None:
    """Rows with bounds and states of time 0; ``reach`` is the first joint that each joint's rows are coupled to."""
    flat = [(n, role, k) for n, t in enumerate(everything) for role, k in t.rows]
    rows.joint = _int([n for n, _, _ in flat], device)
    rows.role = _int([role for _, role, _ in flat], device)
    rows.component = _int([k for _, _, k in flat], device)
    first = np.array([bounds[reach[n]] for n, _, _ in flat])
    width = np.arange(len(flat)) - first
    rows.first = _int(first, device)
    rows.start = _int(np.cumsum([0, *width])[:-1], device)
    rows.factor = wp.zeros(max(int(width.sum()), 1), dtype=wp.float64, device=device)
    low, high = np.full(len(flat), -np.inf), np.full(len(flat), np.inf)
    state = np.full(len(flat), data.FREE)
    for i, (n, role, _) in enumerate(flat):
        limits = getattr(everything[n].joint, "limits", None) or (0.0, 0.0)
        one_sided = role == data.LIMIT and limits[1] > limits[0]  # equal limits hold on both sides
        if everything[n].kind == data.STRING or one_sided:
            high[i], state[i] = 0.0, data.HIGH
    beta = [-1.0 if role == data.FRICTION else 0.0 for _, role, _ in flat]
    for name, values in (("low", low), ("high", high), ("beta", beta)):
        setattr(rows, name, wp.array(np.clip(values, -1e300, 1e300), dtype=wp.float64, device=device))
    rows.state = _int(state, device)
    for name in ("diagonal", "stiff", "value", "alpha", "drift_impulse", "speed_impulse", "residual"):
        setattr(rows, name, wp.zeros(len(flat), dtype=wp.float64, device=device))
    for name in ("linear", "angular_a", "angular_b", "turn_a", "turn_b"):
        setattr(rows, name, wp.zeros(len(flat), dtype=wp.vec3d, device=device))
