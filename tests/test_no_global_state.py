"""A library in somebody else's program: nothing is set for the whole process, nothing is remembered without a bound."""

import ast
from pathlib import Path

import numpy as np
import pytest

from physim import modal
from physim.shapes import Box

ROOT = Path(__file__).parent.parent
FILES = [f for p in ("physim", "i2v") for f in sorted((ROOT / p).rglob("*.py"))]
REMEMBERED = {
    "physim/modal.py": {"_KEPT"},  # bounded: MOST_KEPT
    "physim/validation/registry.py": {"RUNNERS"},  # filled once, at import
    "i2v/models/registry.py": {"_loaders"},  # what `register` is for
}
"""Containers of modules that change."""
SETTERS = {
    *(
        "logging.basicConfig",
        "logging.disable",
        "warnings.filterwarnings",
        "np.seterr",
        "np.random.seed",
        "random.seed",
    ),
    *("os.chdir", "jax.config.update", "locale.setlocale", "sys.setrecursionlimit"),
}
"""Calls that change the whole process."""
PROGRAMS = ("cli", "terminal.py")
"""Files that are a program's own, and may."""


def called(node: ast.Call) -> str:
    return ast.unparse(node.func)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_keeps_to_itself(path):
    name, tree = str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))
    faults = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            faults.append(f"line {node.lineno}: global {', '.join(node.names)}")
        elif isinstance(node, ast.Call):
            what = called(node)
            if what in SETTERS and not path.name.startswith(PROGRAMS):
                faults.append(f"line {node.lineno}: {what} changes the whole process")
            if what == "logging.getLogger" and ast.unparse(node) != "logging.getLogger(__name__)":
                faults.append(f"line {node.lineno}: {ast.unparse(node)}, expected logging.getLogger(__name__)")
    for node in tree.body:
        value = getattr(node, "value", None)
        empty = isinstance(value, ast.Dict | ast.List | ast.Set) and not ast.unparse(value).strip("[]{}")
        if isinstance(node, ast.Assign | ast.AnnAssign) and (
            empty or ast.unparse(value or node) in ("set()", "dict()")
        ):
            target = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
            if target not in REMEMBERED.get(name, set()):
                faults.append(f"line {node.lineno}: {target} remembers without a bound")
    assert not faults, f"{name}\n" + "\n".join(faults)


def test_modes_of_forms_are_kept_within_bounds(monkeypatch):
    kept, made = {}, []

    class Grid:
        axes = length = origin = cell = counts = inside = samples = 1.0

        def __init__(self, *_):
            pass

    def computed(mesh, *_):
        made.append(mesh)
        return modal.Vibration(Grid(), *(np.zeros(1) for _ in range(5)))

    for name, value in (("_KEPT", kept), ("MOST_KEPT", 2), ("_from_disk", lambda key: None), ("_computed", computed)):
        monkeypatch.setattr(modal, name, value)
    for k in (1, 2, 3, 3):
        modal._vibration(Box((0.1, 0.1, 0.1 * k)).triangles, 0.3, 10, 5)
    assert len(kept) == 2 and len(made) == 3
