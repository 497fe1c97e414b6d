"""The house: who may import whom, no cycles, light imports, and what the wheel carries."""

import ast
import functools
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = {"physim": ROOT / "physim", "i2v": ROOT / "i2v", "physim_kernels": ROOT / "kernels" / "physim_kernels"}
STANDARD = set(sys.stdlib_module_names)

NUMERIC = {"numpy", "scipy"}
ALLOWED = {
    "physim_kernels": {"warp", "physim_kernels"},
    "physim": NUMERIC
    | {"physim", "physim_kernels", "warp", "trimesh", "PIL", "imageio", "pydantic", "yaml", "rich", "pebble"},
    "i2v": NUMERIC
    | {
        "i2v",
        "physim",
        "jax",
        "flax",
        "optax",
        "orbax",
        "imageio",
        "imageio_ffmpeg",
        "PIL",
        "safetensors",
        "rich",
        "tyro",
        "yaml",
    },
}
OPTIONAL = {
    "physim.decompose": {"coacd"},
    "physim.executor_ray": {"ray"},
    "physim.executor_slurm": {"submitit"},
    "physim.store": {"fsspec"},
    "physim.sweep_table": {"pyarrow"},
    "physim.viewer": {"viser"},
    "i2v.metrics.flow": {"cv2"},
    "i2v.media.certificate": {"cryptography"},
    "i2v.media.credentials": {"c2pa"},
}
"""Libraries of extras: imported in one place each, within the function that needs them."""
BORDER = {
    "physim.conditions",
    "physim.audible",
    "physim.progress",
    "physim.shot",
    "physim.shot_file",
    "physim._lazy",
    "physim",
}
"""All that `i2v` may see of `physim`, except in its composition root."""
COMPOSITION_ROOT = {"i2v.animate", "i2v.places", "i2v.run"}


def module_name(package: str, path: Path) -> str:
    parts = [package, *path.relative_to(PACKAGES[package]).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(p, f): f for p, folder in PACKAGES.items() for f in sorted(folder.rglob("*.py"))}


@functools.cache
def imports(path: Path, module: str, *, top_level_only: bool) -> frozenset[str]:
    """Names of imported modules; ``from a import b`` counts as a.b where that is a module of ours."""

    def walk(node: ast.AST):
        for child in ast.iter_child_nodes(node):
            if top_level_only and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            yield child
            yield from walk(child)

    found = set()
    for node in walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the full name"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in MODULES else str(node.module))
    return frozenset(found - {module})


@pytest.mark.parametrize("module", sorted(MODULES))
def test_each_module_imports_only_what_its_floor_may(module):
    package = module.split(".")[0]
    for name in imports(MODULES[module], module, top_level_only=False):
        top = name.split(".")[0]
        assert top in ALLOWED[package] | STANDARD | {"__future__"} | OPTIONAL.get(module, set()), (
            f"{module} imports {name}, not allowed in {package}"
        )
        if package == "i2v" and top == "physim" and module not in COMPOSITION_ROOT:
            assert name in BORDER, f"{module} imports {name}; of physim, i2v may see only {sorted(BORDER)}"


def test_there_are_no_import_cycles():
    graph = {m: imports(f, m, top_level_only=True) & MODULES.keys() for m, f in MODULES.items()}
    done: set[str] = set()

    def visit(module: str, trail: list[str]) -> None:
        assert module not in trail, "import cycle: " + " → ".join([*trail[trail.index(module) :], module])
        if module in done:
            return
        for other in sorted(graph[module]):
            visit(other, [*trail, module])
        done.add(module)

    for module in sorted(graph):
        visit(module, [])


def test_importing_the_packages_loads_neither_warp_nor_jax():
    code = "import sys, physim, i2v; print({'warp', 'jax', 'trimesh', 'scipy'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


def test_the_conditions_border_loads_neither_warp_nor_jax():
    code = "import sys, physim.conditions, physim.shot; print({'warp', 'jax', 'trimesh', 'scipy'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


@pytest.mark.parametrize("package", ["physim", "i2v"])
def test_every_exported_name_exists_and_is_no_module(package):
    code = (
        f"import importlib, types, {package} as p\n"
        "names = p._EXPORTS\n"
        "for module in set(names.values()): importlib.import_module(module)\n"
        "for name in names: assert not isinstance(getattr(p, name), types.ModuleType), name\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_the_wheel_has_exactly_three_top_level_packages(tmp_path):
    code = f"import hatchling.build as b; b.build_wheel({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {n.split("/")[0] for n in names if ".dist-info" not in n.split("/")[0]}
    assert tops == {"physim", "i2v", "physim_kernels"}
    for package in tops:
        assert f"{package}/py.typed" in names
    assert any(n.startswith("i2v/models/") and n.endswith(".safetensors") for n in names), "the bundled weights"
    assert any(n.startswith("physim/validation/cases/rigid/") for n in names), "the validation cases"


@pytest.mark.parametrize("module", sorted(m for m in MODULES if m.startswith("physim.")))
def test_who_uses_warp_has_its_settings(module):
    """`physim_kernels` tells Warp to keep stdout free; importing it after Warp's first use would be too late."""
    anywhere = imports(MODULES[module], module, top_level_only=False)
    if "warp" not in anywhere:
        return
    todo, seen, reached = [module], {module}, set()
    while todo:
        found = imports(MODULES[here := todo.pop()], here, top_level_only=here != module)
        reached |= {name.split(".")[0] for name in found}
        todo += sorted(new := {n for n in found if n.startswith("physim.") and n in MODULES} - seen)
        seen |= new
    assert "physim_kernels" in reached, f"{module}: import physim_kernels where warp is imported"
