"""Every public name is explained: what it takes, in which units and shapes, and what it raises."""

import builtins
import importlib
import inspect
import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType

import pytest

import i2v
import physim

ROOT = Path(__file__).parent.parent
NAMES = [(m, name) for m in (physim, i2v) for name in m.__all__ if not name.startswith("__")]
IDS = [f"{m.__name__}.{name}" for m, name in NAMES]
SECTION = re.compile(r"^( *)(Args|Attributes|Returns|Raises|Yields|Source|Sources):\n((?:\1 +.*\n?|\n)+)", re.M)


def sections(doc: str) -> dict[str, dict[str, str]]:
    """Section → entry → text, of a Google style docstring."""
    found: dict[str, dict[str, str]] = {}
    for _, title, body in SECTION.findall(inspect.cleandoc(doc) + "\n"):
        entries = re.split(r"^ {4}(?=\S)", body, flags=re.M)[1:]
        found[title] = {e.partition(":")[0].strip(): e.partition(":")[2].strip() for e in entries}
    return found


def parameters(function) -> list[str]:
    return [n for n in inspect.signature(function).parameters if n not in ("self", "cls")]


def methods(owner: type):
    """(name, function) of the public methods that it defines."""
    for name, value in vars(owner).items():
        function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        if not name.startswith("_") and inspect.isfunction(function):
            yield name, function


def resolved(name: str, module: str) -> object:
    """The class that a docstring names, by its full name, from its module, or a built-in one."""
    if "." in name:
        return getattr(importlib.import_module(name.rpartition(".")[0]), name.rpartition(".")[2], None)
    return getattr(builtins, name, None) or getattr(importlib.import_module(module), name, None)


def check_raises(doc: str, where: str, module: str) -> None:
    for named in sections(doc).get("Raises", {}):
        for name in named.split(", "):
            error = resolved(name, module)
            assert inspect.isclass(error) and issubclass(error, BaseException), f"{where} raises {name}: no such error"


@pytest.mark.parametrize(("package", "name"), NAMES, ids=IDS)
def test_a_public_name_says_what_it_is(package: ModuleType, name: str):
    public = getattr(package, name)
    doc = public.__doc__ or ""
    assert doc.strip() and not doc.startswith(f"{name}("), f"{name} has no docstring"  # a dataclass's own is no text
    if inspect.isclass(public):
        for method, function in methods(public):
            assert (function.__doc__ or "").strip(), f"{name}.{method} has no docstring"
        for attribute, value in vars(public).items():
            if isinstance(value, property) and not attribute.startswith("_"):
                assert (value.__doc__ or "").strip(), f"{name}.{attribute} has no docstring"


@pytest.mark.parametrize(("package", "name"), NAMES, ids=IDS)
def test_every_parameter_is_described(package: ModuleType, name: str):
    public = getattr(package, name)
    if inspect.isclass(public):
        made = is_dataclass(public) or getattr(public, "_is_protocol", False)  # by a decorator, by typing
        own_init = "__init__" in vars(public) and not made
        known = sections(f"{public.__doc__}\n\n{public.__init__.__doc__ or ''}" if own_init else public.__doc__ or "")
        wanted = {f"{name}.__init__": (parameters(public.__init__), known)} if own_init else {}
        for method, function in methods(public):
            text = function.__doc__ or ""
            told = sections(text).get("Args", {})
            loose = [p for p in parameters(function) if p not in told and not re.search(rf"\b{p}\b", text)]
            if text.startswith("As :meth:"):
                continue
            assert not loose, f"{name}.{method} does not speak of {', '.join(loose)}"
    else:
        wanted = {name: (parameters(public), sections(public.__doc__ or ""))}
    for where, (names, known) in wanted.items():
        told = known.get("Args", {})
        assert set(names) <= set(told), f"{where} does not describe {', '.join(n for n in names if n not in told)}"
        assert all(told.values()) and set(told) <= set(names), f"{where} describes {sorted(set(told) - set(names))}"


@pytest.mark.parametrize(("package", "name"), NAMES, ids=IDS)
def test_errors_that_are_named_exist(package: ModuleType, name: str):
    public = getattr(package, name)
    check_raises(public.__doc__ or "", name, public.__module__)
    if inspect.isclass(public):
        for method, function in methods(public):
            check_raises(function.__doc__ or "", f"{name}.{method}", public.__module__)


def documented_fields(owner: type) -> set[str]:
    """Fields followed by a docstring, or described under Args, of a class and of what it inherits from."""
    found = set()
    for base in owner.__mro__[:-1]:
        if not base.__module__.startswith(("physim", "i2v")):
            continue
        text = inspect.getsource(base)
        found |= set(re.findall(r'^ {4}(\w+): [^\n]*(?:\n {5,}[^\n]*)*(?:\n {4}\))?\n {4}"""', text, re.M))
        told = sections(base.__doc__ or "")
        found |= told.get("Args", {}).keys() | told.get("Attributes", {}).keys()
    return found


@pytest.mark.parametrize(
    ("package", "name"), [n for n in NAMES if is_dataclass(getattr(*n))], ids=lambda x: getattr(x, "__name__", x)
)
def test_every_field_is_described(package: ModuleType, name: str):
    public = getattr(package, name)
    missing = [f.name for f in fields(public) if not f.name.startswith("_") and f.name not in documented_fields(public)]
    assert not missing, f"{name} does not describe {', '.join(missing)}"


def test_every_public_name_is_in_the_reference():
    for package in (physim, i2v):
        page = (ROOT / "docs" / "api" / f"{package.__name__}.md").read_text(encoding="utf-8")
        there = re.findall(rf"^\.\. auto(?:class|function):: {package.__name__}\.(\w+)$", page, re.M)
        assert sorted(there) == sorted(n for m, n in NAMES if m is package), package.__name__


def test_the_checks_see_what_is_missing():
    doc = "Do.\n\nArgs:\n    a: One.\n    b: Two,\n        x.\n\nRaises:\n    ValueError, physim.no.Error: Never.\n"
    assert set(sections(doc)["Args"]) == {"a", "b"}
    with pytest.raises((AssertionError, ModuleNotFoundError)):
        check_raises(doc, "do", "physim")
