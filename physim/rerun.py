"""Running many scenes of one structure: the launches captured for the first serve the others.

Recording the launches of a frame costs more than a small scene's whole run. A second scene with as many bodies, of the
same kinds, the same clock and the same gravity is made of the same launches on arrays of the same sizes; only what the
arrays hold differs. So a solver that has run is kept, and what a fresh solver of the next scene starts from is copied
into its arrays. The result is that of the fresh solver, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import physim_kernels  # noqa: F401  (it sets Warp up before Warp is imported)
import warp as wp

from physim.scene import Scene
from physim.solver_rigid import RigidSolver

KEPT = 8
"""Solvers kept at most, the latest first: a sweep over speeds or sizes has a few clocks."""
PYTHON_SIDE = frozenset(
    {"scene", "body_names", "_moving", "_static", "_ties", "_pieces", "_everything", "_excluded", "_partners"}
    | {
        "_history",
        "_frame_count",
        "_impact_rows",
        "_state_rows",
        "_felt",
        "_blows",
        "lost_events",
        "lost_states",
        "_done",
    }
)
"""What a solver keeps for its own reading: launches do not see it, and it is taken from the fresh one."""
OWN = frozenset({"_graphs", "serves_again"})
"""What a used solver keeps: the recorded launches."""


Copies = list[Callable[[], None]]


class Bench:
    """Solvers to use again, for :func:`physim.simulate`. One thread at a time; made where it is used."""

    def __init__(self) -> None:
        self._kept: list[RigidSolver] = []
        self.reused = 0
        """Scenes that went through the launches of another one."""

    def rigid(self, scene: Scene, **settings: Any) -> RigidSolver:
        """A solver for ``scene`` at its start, new or used; arguments as :class:`RigidSolver`. What an earlier call
        gave must no longer be in use.
        """
        fresh = RigidSolver(scene, **settings)
        if (
            scene.kinematics or fresh._meshes or scene.gravity_keys or scene.pushes()
        ):  # their arrays hold addresses, or change
            return fresh
        for i, old in enumerate(self._kept):
            if takes_over(old, fresh):
                self._kept.insert(0, self._kept.pop(i))
                old.serves_again = True
                self.reused += 1
                return old
        self._kept = [fresh, *self._kept[: KEPT - 1]]
        return fresh


def takes_over(old: RigidSolver, fresh: RigidSolver) -> bool:
    """Bring ``old`` to the state of ``fresh``, if their launches are the same; else leave it as it is."""
    copies: Copies = []
    if _kinds(old) != _kinds(fresh) or not _alike(old, fresh, copies):
        return False
    for copy in copies:
        copy()
    return True


def _kinds(solver: RigidSolver) -> list[int]:
    """Of all colliders: they decide which launches there are."""
    return [c.kind for piece in solver.pieces for c in piece.colliders]


def _alike(old: Any, fresh: Any, copies: Copies) -> bool:
    """Whether what launches see of two values is of one structure; what makes ``old`` equal goes to ``copies``."""
    if type(old) is not type(fresh):
        return False
    if isinstance(old, wp.array):
        if old.shape != fresh.shape or old.dtype != fresh.dtype:
            return False
        copies.append(lambda: wp.copy(old, fresh))
        return True
    if isinstance(old, dict):
        return old.keys() == fresh.keys() and all(_alike(old[key], fresh[key], copies) for key in old)
    if isinstance(old, tuple | list):
        return len(old) == len(fresh) and all(_alike(a, b, copies) for a, b in zip(old, fresh, strict=True))
    names = _attributes(old)
    if names is not None:
        return all(_attribute(old, fresh, name, copies) for name in names)
    if callable(old):  # reads an array of its own side
        return True
    return bool(np.array_equal(old, fresh)) if isinstance(old, np.ndarray) else bool(old == fresh)


def _attribute(old: Any, fresh: Any, name: str, copies: Copies) -> bool:
    """As :func:`_alike` for one attribute; what only Python sees is taken from ``fresh``."""
    there, here = getattr(old, name), getattr(fresh, name)
    if name in OWN:
        return True
    if name in PYTHON_SIDE:
        copies.append(lambda: setattr(old, name, here))
        return True
    return _alike(there, here, copies)


def _attributes(value: Any) -> list[str] | None:
    """Names of what an object of ours or a Warp struct holds; ``None`` for plain values."""
    if hasattr(value, "_cls"):  # a Warp struct
        return list(value._cls.vars)
    if is_dataclass(value) and not isinstance(value, type):
        return [f.name for f in fields(value)]
    return list(vars(value)) if type(value).__module__.startswith("physim") and hasattr(value, "__dict__") else None
