"""What pydantic found, in our words: given, expected, nearest valid name."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from physim.shot import Shot
from physim.shot_over_time import plain_route
from physim.shot_text import Finding, Route

_COMPARISONS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_KINDS = {
    "float": "a number",
    "int": "a whole number",
    "string": "text",
    "bool": "true or false",
    "path": "a path",
    "list": "a list",
    "tuple": "a list",
    "model": "fields in { }",
    "finite": "a finite number",
}
LATER = {
    ("hints", "camera", "ground"): ("has no clicks for a camera", "Outline `hints.ground`, put `hints.clicks` on it"),
    ("prompt",): (
        "does not read prompts in a shot file",
        "Make one of it: `i2v animate --prompt ... --photo ... --write-shot FILE`",
    ),
}
"""Fields of the design that are still to come: refused by name, never ignored."""


def explain(error: ValidationError) -> list[Finding]:
    """One finding for each mistake pydantic saw in the data of a shot."""
    return [Finding(_route(item), _sentence(item)) for item in _merged(error)]


def _route(item: dict[str, Any]) -> Route:
    return plain_route(tuple(item["loc"]))


def _merged(error: ValidationError) -> list[dict[str, Any]]:
    """A list that is too short is one mistake, not one for each value it lacks."""
    items: dict[Any, dict[str, Any]] = {}
    for found in error.errors(include_url=False):
        item: dict[str, Any] = {**found}
        lacking = item["type"] == "missing" and item["loc"] and isinstance(item["loc"][-1], int)
        if lacking:
            item = {**item, "loc": item["loc"][:-1], "type": "too_few"}
        items.setdefault((item["loc"], item["type"], None if lacking else item["msg"]), item)
    return list(items.values())


def _sentence(item: dict[str, Any]) -> str:
    kind, given, route = item["type"], item["input"], _route(item)
    context = item.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(route)
    field = _field(route)
    about = field.description if field is not None else ""
    about = f" {about}" if about and about.startswith("[") else f" ({about})" if about else ""
    if kind == "missing":
        return f"given nothing, expected a value{about}."
    if kind == "value_error":
        return _dot(str(context["error"]))
    if kind == "too_few":
        return f"given {len(given)} values, expected {_tuple_length(field)}{about}."
    if kind in ("too_long", "too_short"):
        bound = f"at most {context['max_length']}" if kind == "too_long" else f"at least {context['min_length']}"
        return f"given {context['actual_length']} values, expected {bound}{about}."
    if kind == "literal_error":
        options = _options(context["expected"])
        return f"given {_short(given)}, expected {_either(options)}{about}.{did_you_mean(str(given), options)}"
    if kind in _COMPARISONS:
        key, words = _COMPARISONS[kind]
        return f"given {_short(given)}, expected {words} {context[key]:g}{about}."
    if kind == "string_too_short":
        return f"given {_short(given)}, expected at least {context['min_length']} characters{about}."
    if kind == "string_too_long":
        return f"given {len(given)} characters, expected at most {context['max_length']}{about}."
    wanted = _KINDS.get(kind.split("_")[0]) or item["msg"].removeprefix("Input should be ")
    return f"given {_short(given)}, expected {wanted}{about}."


def _unknown(route: Route) -> str:
    name = str(route[-1])
    named = tuple(part for part in route if isinstance(part, str))
    if named in LATER:
        missing, instead = LATER[named]
        return f"this version {missing} yet. {instead or f'Take `{name}` out'}."
    model = _model(route[:-1])
    known = [f.alias or n for n, f in model.model_fields.items()] if model else []
    return f"given an unknown field `{name}`, expected one of: {', '.join(known)}.{did_you_mean(name, known)}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`` Did you mean ...?``, or nothing if no known name is near."""
    names = list(known)
    folded = {k.lower(): k for k in names}
    near = difflib.get_close_matches(name.lower(), folded, n=1)
    return f" Did you mean `{folded[near[0]]}`?" if near else ""


def _field(route: Route) -> FieldInfo | None:
    """The field that a route ends in; positions inside a field belong to it."""
    while route and isinstance(route[-1], int):
        route = route[:-1]
    model = _model(route[:-1]) if route else None
    if model is None:
        return None
    return next((f for n, f in model.model_fields.items() if route[-1] in (n, f.alias)), None)


def _model(route: Route) -> type[BaseModel] | None:
    """The model that holds the fields at a route."""
    model: type[BaseModel] | None = Shot
    for part in route:
        if isinstance(part, int) or model is None:
            continue
        field = next((f for n, f in model.model_fields.items() if part in (n, f.alias)), None)
        model = _inner_model(field.annotation) if field else None
    return model


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for m in map(_inner_model, typing.get_args(annotation)) if m), None)


def _tuple_length(field: FieldInfo | None) -> str:
    """How many values a fixed list takes, for example 3 for a vector."""

    def lengths(annotation: Any) -> list[int]:
        args = typing.get_args(annotation)
        own = [len(args)] if typing.get_origin(annotation) is tuple else []
        return own + [n for a in args for n in lengths(a)]

    found = lengths(field.annotation) if field else []
    return str(found[0] if len(found) == 1 else found[-1]) if found else "more"


def _options(expected: str) -> list[str]:
    return [part.strip("'") for part in expected.replace(" or ", ", ").split(", ")]


def _either(options: list[str]) -> str:
    return options[0] if len(options) == 1 else f"{', '.join(options[:-1])} or {options[-1]}"


def _short(value: Any) -> str:
    text = "nothing" if value is None else f"{value:g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _dot(text: str) -> str:
    return text if text.endswith((".", "?")) else text + "."
