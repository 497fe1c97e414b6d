"""Fields of a shot by path: ``things.ball.rigid.restitution``, ``forces.wind.velocity.0``.

An entry of a list is named by its number, by its ``name``, by its ``move``, or by the one field it is about.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from physim.shot import Shot
from physim.shot_errors import explain
from physim.shot_file import Problem, ShotError, field_name, validate
from physim.shot_text import Route

_UNIT = re.compile(r"\[([^\]]+)\]")


def route_of(shot: Shot, path: str) -> Route:
    """Where in ``shot.to_dict()`` a path leads: ``("things", 1, "rigid", "restitution")``.

    Raises:
        ValueError: There is no such field; the message names the nearest ones.
    """
    here: Any = shot.to_dict()
    route: Route = ()
    for part in _parts(path):
        known = _known(here)
        if part not in known:
            raise ValueError(_missing(path, route, part, known, here))
        for key in known[part]:
            here = here[key]
        route = (*route, *known[part])
    return route


def unit_of(shot: Shot, route: Route) -> str | None:
    """SI unit of a field as its description has it; ``None`` where there is none."""
    holder: Any = shot
    description = ""
    for part in route:
        if isinstance(holder, BaseModel):
            names = {f.alias or n: n for n, f in type(holder).model_fields.items()}
            name = names[str(part)]
            description = type(holder).model_fields[name].description or ""
            holder = getattr(holder, name)
        elif isinstance(holder, list | tuple | dict):
            holder = holder[part]  # type: ignore[call-overload, index]
    units = set(_UNIT.findall(description))
    return units.pop() if len(units) == 1 else None


def revised(shot: Shot, changes: Mapping[str, Any], name: str = "options") -> Shot:
    """A copy with other values, for example ``{"seconds": 2, "things.ball.rigid.mass": 0.1}``; checked like a file.

    Raises:
        ValueError: No such field.
        ShotError: Every value that cannot be.
    """
    data = shot.to_dict()
    for path, value in changes.items():
        *holders, last = route_of(shot, path)
        place: Any = data
        for key in holders:
            place = place[key]
        place[last] = value
    try:
        return validate(Shot.model_validate(data), name)
    except ValidationError as error:
        problems = [Problem(name, 0, field_name(f.route), f.text) for f in explain(error)]
        raise ShotError(problems) from None


def _parts(path: str) -> list[str]:
    parts = [p for p in re.split(r"[.\[\]]+", path.strip()) if p]
    if not parts:
        raise ValueError(f"{path!r} names no field, expected one such as things.ball.rigid.restitution.")
    return parts


def _known(here: Any) -> dict[str, Route]:
    """What the next part of a path may be, and where it leads."""
    if isinstance(here, dict):
        return {str(key): (key,) for key in here}
    if not isinstance(here, list | tuple):
        return {}
    entries = [(i, entry) for i, entry in enumerate(here) if isinstance(entry, dict)]
    known = _only_once([(key, (i, key)) for i, entry in entries for key in entry if _about(entry) == key])
    for label in ("move", "name"):
        known |= _only_once([(entry[label], (i,)) for i, entry in entries if label in entry])
    return known | {str(i): (i,) for i in range(len(here))}


def _about(entry: dict[str, Any]) -> str | None:
    """The one field that a nameless entry has, such as the ``wind`` of a force."""
    given = [key for key, value in entry.items() if value is not None]
    return given[0] if len(given) == 1 and isinstance(entry[given[0]], dict) else None


def _only_once(pairs: list[tuple[Any, Route]]) -> dict[str, Route]:
    names = [name for name, _ in pairs]
    return {name: route for name, route in pairs if isinstance(name, str) and names.count(name) == 1}


def _missing(path: str, route: Route, part: str, known: dict[str, Route], here: Any) -> str:
    place = field_name(route) or "the shot"
    if here is None:
        return f"{path}: {place} is not given in this shot, so it has no {part!r}."
    if not known:
        return f"{path}: {place} is a single value, so it has no {part!r}."
    names = [name for name in known if not name.isdigit()] or list(known)
    near = difflib.get_close_matches(part, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else f" There are: {', '.join(names[:20])}."
    return f"{path}: {place} has no {part!r}.{hint}"
