"""Shot files: YAML, TOML or JSON in and out, and a report of every mistake at once.

Each mistake is one line: file and line, the field, what was given, what was expected, the nearest valid name. A wrong
field does not hide the others: what can be judged without it still is.
"""

from __future__ import annotations

import copy
import difflib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from physim.shot import Shot
from physim.shot_check import check
from physim.shot_errors import explain
from physim.shot_over_time import plain_route
from physim.shot_text import Finding, Route, TextError, parse
from physim.storyboard import expanded

SUFFIXES = (".yaml", ".yml", ".json", ".toml")
MAX_BYTES = 16_000_000


@dataclass(frozen=True)
class Problem:
    """One mistake in a shot."""

    file: str
    line: int
    """From 1; 0 where there is no file or no line."""
    field: str
    """For example ``things[1].rigid.mass``; empty for the whole."""
    text: str
    """Given, expected, and the nearest valid name."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}  {self.field}: {self.text}" if self.field else f"{place}  {self.text}"


class ShotError(ValueError):
    """Every mistake of one shot; ``problems`` holds them in order of lines."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems, key=lambda p: p.line)
        count = len(problems)
        head = f"the shot has {count} mistakes:\n" if count > 1 else ""
        super().__init__(head + "\n".join(str(p) for p in self.problems))


def load(path: str | os.PathLike) -> Shot:
    """Read a shot file or a storyboard (:mod:`physim.storyboard`); relative paths in it are taken from its folder.

    Raises:
        ShotError: Every mistake, also those between fields and in the files that it names.
    """
    path = Path(path)
    try:
        data, lines, twice = parse(_text(path), path.suffix.lower())
    except TextError as error:
        raise ShotError([Problem(str(path), error.line, "", str(error))]) from None
    if not isinstance(data, dict):
        given = "nothing" if data is None else type(data).__name__
        text = f"given {given}, expected fields: photo, things, ... See docs/shot.schema.json."
        raise ShotError([Problem(str(path), lines.get((), 0), "", text)])

    findings = [Finding(route, f"given a second time on line {line}, expected once.") for route, line in twice]
    if "shots" in data:
        data, wrong = expanded(data, lines)
        if wrong:
            raise ShotError([_problem(path, lines, finding) for finding in [*findings, *wrong]])
    try:
        shot = Shot.model_validate(data)
    except ValidationError as error:
        findings += explain(error)
        shot = _valid_parts(data, {finding.route for finding in findings})
    judged = with_paths(shot, lambda p: _below(path.parent, p))
    known = {finding.route for finding in findings}
    findings += [finding for finding in check(judged) if finding.route not in known]
    if findings:
        raise ShotError([_problem(path, lines, finding) for finding in findings])
    return judged


def validate(shot: Shot, name: str = "shot") -> Shot:
    """The checks of ``load`` that look beyond one field, for a shot made in Python; returns it.

    Raises:
        ShotError: Every mistake.
    """
    findings = check(shot)
    if findings:
        raise ShotError([_problem(Path(name), {}, finding) for finding in findings])
    return shot


def save(shot: Shot, path: str | os.PathLike, *, note: str = "") -> Path:
    """Write ``shot``, defaults included, in the format of the suffix; paths in it become relative to its folder.

    Atomic: written beside, then renamed. ``note`` goes on top as comment lines (JSON has none).
    """
    path = Path(path)
    text = text_for(shot, path, note=note)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path


def text_for(shot: Shot, path: str | os.PathLike, *, note: str = "") -> str:
    """What :func:`save` would write to ``path``.

    Raises:
        ValueError: A suffix that is none of .yaml, .yml, .json, .toml.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    data = _without_none(with_paths(shot, lambda p: _relative(p, path.parent)).to_dict())
    if suffix == ".json":
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    head = "".join(f"# {line}\n" for line in note.splitlines())
    if suffix == ".toml":
        return head + "".join(f"{key} = {_toml(value, top=True)}\n" for key, value in data.items())
    if suffix not in SUFFIXES:
        raise ValueError(f"a shot file ends in {', '.join(SUFFIXES)}; given {path.name!r}.")
    return head + yaml.safe_dump(data, sort_keys=False, default_flow_style=None, allow_unicode=True, width=110)


def _text(path: Path) -> str:
    if path.suffix.lower() not in SUFFIXES:
        raise TextError(f"given a file that ends in {path.suffix!r}, expected one of {', '.join(SUFFIXES)}.")
    if not path.is_file():
        folder = path.parent if path.parent.is_dir() else None
        names = [f.name for f in folder.iterdir() if f.suffix.lower() in SUFFIXES] if folder else []
        near = difflib.get_close_matches(path.name, names, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise TextError(f"{'is a folder' if path.is_dir() else 'no such file'}, expected a shot file.{hint}")
    if path.stat().st_size > MAX_BYTES:
        raise TextError(f"given {path.stat().st_size / 1e6:.0f} MB, expected a shot file of at most 16 MB.")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise TextError("given bytes that are no UTF-8 text, expected a shot file.") from None
    except OSError as error:
        raise TextError(f"may not be read: {error.strerror}.") from None


def _valid_parts(data: dict[str, Any], wrong: set[Route]) -> Shot:
    """What is right in a wrong shot, for checking the rest: wrong fields are left out, hopeless entries become None."""
    parts: dict[str, Any] = {}
    for name, field in Shot.model_fields.items():
        adapter: TypeAdapter = TypeAdapter(field.annotation)  # type: ignore[arg-type]
        value = data.get(name)
        if (name,) in wrong:
            parts[name] = None
        elif isinstance(value, list) and name in ("things", "forces", "camera"):
            parts[name] = [entry for item in value for entry in (_pruned(adapter, [item]) or [None])]
        else:
            parts[name] = _pruned(adapter, value) if name in data else field.get_default()
    return Shot.model_construct(**parts)


def _pruned(adapter: TypeAdapter, value: Any) -> Any:
    """``value`` validated without its wrong fields; None if what is left makes no sense."""
    value = copy.deepcopy(value)
    for _ in range(8):  # taking fields out can break a rule between fields, whose holder is then taken out
        try:
            return adapter.validate_python(value)
        except ValidationError as error:
            wrong = [item["loc"][:-1] if item["type"] == "missing" else item["loc"] for item in error.errors()]
            wrong = [plain_route(loc) for loc in wrong]
            if not all(_take_out(value, loc) for loc in wrong):
                return None
    return None


def _take_out(value: Any, route: Route) -> bool:
    """Delete the innermost named field on a route. False if there is none."""
    names = [i for i, part in enumerate(route) if isinstance(part, str)]
    if not names:
        return False
    try:
        for part in route[: names[-1]]:
            value = value[part]
        value.pop(route[names[-1]], None)
    except (KeyError, IndexError, TypeError):
        pass  # taken out with its holder
    return True


def _problem(path: Path, lines: dict[Route, int], finding: Finding) -> Problem:
    route = finding.route
    while route and route not in lines:
        route = route[:-1]
    return Problem(str(path), lines.get(route, 0), field_name(finding.route), finding.text)


def field_name(route: Route) -> str:
    """``("things", 1, "rigid")`` → ``things[1].rigid``"""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in route).removeprefix(".")


def with_paths(value: Any, change: Callable[[Path], Path]) -> Any:
    """A copy of a shot in which every path is changed by ``change``; it is not checked again."""
    if isinstance(value, Path):
        return change(value)
    if isinstance(value, list):
        return [with_paths(v, change) for v in value]
    if isinstance(value, BaseModel):
        return value.model_copy(update={n: with_paths(v, change) for n, v in _items(value)})
    return value


def _items(model: BaseModel) -> Iterator[tuple[str, Any]]:
    for name in type(model).model_fields:
        value = getattr(model, name, None)
        if isinstance(value, Path | list | BaseModel):
            yield name, value


def _below(folder: Path, path: Path) -> Path:
    if str(path).startswith("skimage:"):
        return path
    return folder / path.expanduser()


def _relative(path: Path, folder: Path) -> Path:
    if str(path).startswith("skimage:"):
        return path
    try:
        return Path(os.path.relpath(path, folder))
    except ValueError:  # another drive
        return path.resolve()


def _without_none(data: Any) -> Any:
    """``null`` means "not given" in every field, and TOML has none."""
    if isinstance(data, dict):
        return {k: _without_none(v) for k, v in data.items() if v is not None}
    return [_without_none(v) for v in data] if isinstance(data, list) else data


def _toml(value: Any, *, top: bool = False) -> str:
    """One value; tables inline, lists of tables at the top one to a line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        if top and value and isinstance(value[0], dict):
            return "[\n" + "".join(f"  {_toml(v)},\n" for v in value) + "]"
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    return json.dumps(value)  # strings, numbers and booleans are written alike
