"""Steps that many runs have in common are done once: where one is asked again for what it has done, it is remembered.

A step is a pure function of plain data, arrays and frozen types. Nothing is remembered outside of ``remembering``.
"""

from __future__ import annotations

import copy
import functools
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from os import PathLike, fspath
from typing import Any, ParamSpec, TypeVar

import numpy as np
from pydantic import BaseModel

P = ParamSpec("P")
R = TypeVar("R")


class Steps:
    """What steps gave, by what went into them.

    Args:
        kept: Answers kept at most, the latest asked for.
    """

    def __init__(self, kept: int = 256) -> None:
        self._kept = kept
        self._answers: OrderedDict[bytes, Any] = OrderedDict()
        self.recalled = 0
        """How often a step was not done again."""

    def of(self, step: Callable[..., R], args: tuple, kwargs: dict[str, Any]) -> R:
        """The answer of ``step``, of its own each time: who changes it harms nobody."""
        name = f"{step.__module__}.{step.__qualname__}".encode()
        try:
            key = hashlib.sha256(name + b"\0" + _digest((args, kwargs))).digest()
        except TypeError:  # what cannot be compared, such as a callable
            return step(*args, **kwargs)
        if key in self._answers:
            self.recalled += 1
            self._answers.move_to_end(key)
        else:
            self._answers[key] = step(*args, **kwargs)
            while len(self._answers) > self._kept:
                self._answers.popitem(last=False)
        return copy.deepcopy(self._answers[key])


_active: ContextVar[Steps | None] = ContextVar("steps", default=None)


@contextmanager
def remembering(steps: Steps) -> Iterator[None]:
    """Within, steps are looked up in ``steps`` first."""
    token = _active.set(steps)
    try:
        yield
    finally:
        _active.reset(token)


def remembered(step: Callable[P, R]) -> Callable[P, R]:
    """Make a pure function a step."""

    @functools.wraps(step)
    def either(*args: P.args, **kwargs: P.kwargs) -> R:
        steps = _active.get()
        return step(*args, **kwargs) if steps is None else steps.of(step, args, dict(kwargs))

    return either


def _digest(value: Any) -> bytes:
    """Of all that a value holds.

    Raises:
        TypeError: It holds something whose contents cannot be told.
    """
    kind = type(value).__name__.encode() + b":"
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise TypeError("an array of objects")
        head = f"{value.dtype.str}{value.shape}".encode()
        return _hash(kind, head, np.ascontiguousarray(value).data.cast("B") if value.size else b"")
    if isinstance(value, BaseModel):
        return _hash(kind, value.model_dump_json().encode())
    if is_dataclass(value) and not isinstance(value, type):
        return _hash(kind, *(_digest(getattr(value, f.name)) for f in fields(value)))
    if isinstance(value, Mapping):
        return _hash(kind, *(_digest(key) + _digest(entry) for key, entry in value.items()))
    if isinstance(value, tuple | list):
        return _hash(kind, *(_digest(entry) for entry in value))
    if value is None or isinstance(value, bool | int | float | str | bytes | np.generic | PathLike):
        return _hash(kind, (fspath(value) if isinstance(value, PathLike) else repr(value)).encode())
    raise TypeError(f"a {type(value).__name__}")


def _hash(*parts: Any) -> bytes:
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.digest()
