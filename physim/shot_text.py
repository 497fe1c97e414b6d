"""Text to plain data, with the line of every field: YAML 1.2, JSON and TOML.

YAML is read by the rules of version 1.2 (core schema), so ``on``, ``yes`` and ``1e-3`` mean what they look like; PyYAML
alone would read them as true, true and a word.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from typing import Any

import yaml

Route = tuple[str | int, ...]
"""Where a value is: keys and positions from the top, for example ``("things", 0, "rigid", "mass")``."""


@dataclass(frozen=True)
class Finding:
    """A mistake and the route to its field."""

    route: Route
    text: str


MAX_VALUES = 200_000
"""More values than this is no shot file (or a bomb of aliases)."""


class TextError(Exception):
    """The text has no structure to look at. ``line`` counts from 1; 0 is unknown."""

    def __init__(self, text: str, line: int = 0) -> None:
        super().__init__(text)
        self.line = line


class _Yaml12(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # libyaml is 8 times as fast
    yaml_implicit_resolvers: dict = {}  # noqa: RUF012  (the base class keeps it there)


_NUMBER = r"(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", rf"[-+]?{_NUMBER}|[-+]?\.(?:inf|Inf)|\.(?:nan|NaN)", "-+0123456789."),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", "<"),
):
    _Yaml12.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), list(_first))


def _integer(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node)
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


_Yaml12.add_constructor("tag:yaml.org,2002:int", _integer)
_Yaml12.add_constructor("tag:yaml.org,2002:float", lambda loader, node: _floating(loader.construct_scalar(node)))


def _floating(text: str) -> float:
    return float(
        text.replace(".inf", "inf").replace(".Inf", "inf").replace(".INF", "inf").lower().replace(".nan", "nan")
    )


def parse(text: str, suffix: str) -> tuple[Any, dict[Route, int], list[tuple[Route, int]]]:
    """Read ``text`` in the format of ``suffix``.

    Returns:
        The data; the line of every field; and the fields given more than once, each with its second line.

    Raises:
        TextError: The text breaks the rules of its format.
    """
    if suffix == ".toml":
        return _toml(text)
    if suffix == ".json":
        return _json(text)
    return _yaml(text)


def _yaml(text: str, *, marks_only: bool = False) -> tuple[Any, dict[Route, int], list[tuple[Route, int]]]:
    loader = _Yaml12(text)
    try:
        node = loader.get_single_node()
        lines, twice = _lines(node)
        data = None if node is None or marks_only else loader.construct_document(node)
        return data, lines, twice
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(str(part) for part in (error.context, error.problem) if part)
        line = mark.line + 1 if mark else 0
        tabbed = "\t" in "".join(text.splitlines()[line - 1 : line])
        hint = " There is a tab in this line; YAML is indented with spaces." if tabbed else ""
        raise TextError(f"this is not YAML: {problem}.{hint}", line) from None
    except (yaml.YAMLError, ValueError) as error:
        raise TextError(f"this is not YAML: {error}.") from None
    finally:
        loader.dispose()


def _json(text: str) -> tuple[Any, dict[Route, int], list[tuple[Route, int]]]:
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise TextError(f"this is not JSON: {error.msg}.", error.lineno) from None
    try:  # JSON is YAML but for tabs between values; without marks the report has no line numbers
        _, lines, twice = _yaml(text.replace("\t", " "), marks_only=True)
    except TextError:
        lines, twice = {}, []
    return data, lines, twice


def _toml(text: str) -> tuple[Any, dict[Route, int], list[tuple[Route, int]]]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        raise TextError(f"this is not TOML: {error}.", int(found.group(1)) if found else 0) from None
    return data, _searched_lines(data, text.splitlines()), []


def _lines(root: yaml.Node | None) -> tuple[dict[Route, int], list[tuple[Route, int]]]:
    lines: dict[Route, int] = {}
    twice: list[tuple[Route, int]] = []

    def walk(node: yaml.Node, route: Route, above: tuple[int, ...]) -> None:
        if id(node) in above or len(lines) > MAX_VALUES:
            what = "an alias that contains itself" if id(node) in above else f"more than {MAX_VALUES:,} values"
            raise TextError(f"expected a shot file, found {what}.", node.start_mark.line + 1)
        lines.setdefault(route, node.start_mark.line + 1)
        above = (*above, id(node))
        if isinstance(node, yaml.MappingNode):
            seen = set()
            for key, value in node.value:
                here = (*route, str(key.value))
                if here in seen:
                    twice.append((here, key.start_mark.line + 1))
                seen.add(here)
                lines[here] = key.start_mark.line + 1
                walk(value, here, above)
        elif isinstance(node, yaml.SequenceNode):
            for i, value in enumerate(node.value):
                walk(value, (*route, i), above)

    if root is not None:
        walk(root, (), ())
    return lines, twice


def _searched_lines(data: Any, text: list[str]) -> dict[Route, int]:
    """TOML keeps no marks: each key is looked for below the line of what holds it. Good, not certain."""
    lines: dict[Route, int] = {(): 1}

    def find(key: str, start: int) -> int:
        pattern = re.compile(rf"(?:^|[\s{{,.\[\"']){re.escape(key)}[\"']?\s*(?:=|\]|\.)")
        for number in range(start, len(text) + 1):
            if pattern.search(text[number - 1].split("#")[0]):
                return number
        return start

    def walk(value: Any, route: Route, start: int) -> int:
        """Returns the last line that was found inside."""
        last = start
        if isinstance(value, dict):
            for key, inner in value.items():
                lines[(*route, key)] = line = find(key, start)
                last = max(last, walk(inner, (*route, key), line))
        elif isinstance(value, list) and any(isinstance(v, dict) for v in value):
            tables = [n for n, line in enumerate(text, 1) if line.strip().startswith(f"[[{route[-1]}]]")]
            for i, inner in enumerate(value):
                line = tables[i] if len(route) == 1 and i < len(tables) else last
                lines[(*route, i)] = line
                last = max(last, walk(inner, (*route, i), line))
        return last

    walk(data, (), 1)
    return lines
