"""What a reader copies from the README and the pages: each block of code is run, or held against what it names.

Shot files are validated, command lines parsed by the real parsers, Python compiled, its names looked up and its calls
bound to the signatures. Blocks that need neither films nor weights nor minutes are executed.
"""

import argparse
import ast
import builtins
import importlib
import inspect
import io
import re
import shlex
import sys
import tomllib
from contextlib import redirect_stderr, suppress
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import yaml

import i2v
import physim
from physim.shot_file import load

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "i2v"))
PAGES = [ROOT / "README.md", *(p for p in sorted((ROOT / "docs").rglob("*.md")) if p.parent.name != "api")]
BLOCK = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.M | re.S)
INLINE = re.compile(r"(?<!`)`((?:i2v|physim|python -m) [^`]+)`(?!`)")
GIVEN = {"conditions", "scene", "shot", "plan", "times", "pixels", "points", "text", "wan", "clips", "others", "folder"}
"""Names that a page speaks of before it uses them."""
MODULES = {"physim": physim, "i2v": i2v, "np": np}
"""What every page takes for imported."""


def blocks(*languages):
    """(page and number, language, source) of the blocks in these languages."""
    for page in PAGES:
        for k, (language, source) in enumerate(BLOCK.findall(page.read_text(encoding="utf-8"))):
            if language in languages:
                yield pytest.param(page, source, id=f"{page.stem}-{k}")


# --- shot files


REST = """
photo: coffee.png
things:
  - {name: cup, shape: {cylinder: [0.04, 0.09]}, at: [0, 0, -1], rigid: {material: ceramic}}
  - {name: flag, select: {box: [400, 20, 560, 120]}, cloth: {material: cotton}, lift: {kind: sheet}}
"""
"""What a block that shows a part of a shot leaves out."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with the files that shots of the pages name."""
    skimage = pytest.importorskip("skimage.data")
    import imageio.v3 as iio

    from i2v.cli import main
    from i2v.media.sound_file import write_wav

    folder = tmp_path_factory.mktemp("desk")
    iio.imwrite(folder / "coffee.png", skimage.coffee())
    iio.imwrite(folder / "lawn.png", skimage.camera())
    write_wav(folder / "my_cup.wav", np.zeros((4800, 1)), 48_000)
    assert main(["cert", "make-test", str(folder / "keys")]) == 0
    (folder / "keys" / "studio.key").write_text("0123456789abcdef" * 4)
    return folder


@pytest.mark.parametrize(("page", "source"), list(blocks("yaml")))
def test_a_shot_file_is_one(page, source, desk):
    told = yaml.safe_load(source.replace("[...]", "[]"))
    if isinstance(told, list):  # strokes over the photo
        from physim.brush import brushed, read_strokes

        (desk / "strokes.yaml").write_text(source)
        (desk / "rest.yaml").write_text(REST)
        brushed(load(desk / "rest.yaml"), read_strokes(desk / "strokes.yaml"))
        return
    if "photo" not in told and "things" in told:  # some more things
        photo, _, things = REST.partition("things:\n")
        source = photo + source.replace("\nthings:\n", f"\nthings:\n{things}")
    elif "photo" not in told or not told["things"]:
        source = re.sub(r"^(?:photo|things): .*$", "", source, flags=re.M) + REST
    path = desk / f"{page.stem}.yaml"
    path.write_text(source)
    load(path)


# --- command lines


def commands(source: str):
    """The commands of a block: a line each, or more where a quote goes on; comments and prompts taken off."""
    waiting = ""
    for line in source.replace("\\\n", " ").splitlines():
        waiting = f"{waiting}\n{line}" if waiting else line.removeprefix("$ ")
        try:
            words = shlex.split(waiting, comments=True)
        except ValueError:
            continue
        waiting = ""
        if words:
            yield words
    assert not waiting, f"a quote is never closed: {waiting!r}"


def parsed(parser: argparse.ArgumentParser, words: list[str]) -> None:
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            parser.parse_args(words)
    except SystemExit as wrong:
        assert not wrong.code, f"{parser.prog} does not take: {shlex.join(words)}\n{said.getvalue()}"


def check_command(words: list[str]) -> bool:
    """Whether it is a command of ours; it is then held against what takes it."""
    from i2v.cli import _parser as i2v_parser
    from physim.cli import _parser as physim_parser

    if words[0] in ("i2v", "physim"):
        parsed((i2v_parser if words[0] == "i2v" else physim_parser)(), words[1:])
    elif words[0] == "python" and len(words) > 2 and words[1] == "-m":
        check_script(module_file(words[2]), words[3:])
    elif words[0] == "python" and words[1].endswith(".py"):
        check_script(ROOT / words[1], words[2:])
    elif words[0] == "make":
        targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M))
        assert set(words[1:]) <= targets, f"make has no target {words[1:]}"
    elif words[:2] == ["pip", "install"]:
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        asked = set(re.findall(r"\[([\w,]+)\]", " ".join(words))) or {""}
        assert {name for one in asked for name in one.split(",")} <= {*extras, ""}, f"no such extra: {words}"
    else:
        return False
    return True


def module_file(name: str) -> Path:
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__main__.py"


def check_script(path: Path, words: list[str]) -> None:
    assert path.exists(), f"no {path}"
    text = path.read_text()
    for sibling in path.parent.glob("*.py"):  # options that several scripts share
        if re.search(rf"^ *(?:from|import) .*\b{sibling.stem}\b", text, re.M):
            text += sibling.read_text()
    for option in (w.strip("[]").partition("=")[0] for w in words):
        if option.startswith("--"):
            field = option[2:].replace("-", "_")  # of a dataclass, where the options are made from one
            there = f'"{option}"' in text or re.search(rf"^    {field}: ", text, re.M)
            assert there, f"{path.name} has no option {option}"


@pytest.mark.parametrize(("page", "source"), list(blocks("", "bash", "console")))
def test_a_command_is_taken_by_what_it_names(page, source):
    if source.startswith("error: "):
        return  # what was answered
    for words in commands(source):
        check_command(words)


def test_commands_in_the_text_are_taken_too():
    wrong = []
    for page in PAGES:
        prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        for line in INLINE.findall(prose):
            if re.search(r"\.\.\.|…|\n", line) or len(line.split()) < 3:
                continue
            with suppress(ValueError):
                try:
                    check_command(shlex.split(line))
                except AssertionError as error:
                    if "arguments are required" in str(error):
                        continue  # the text speaks of an option
                    wrong.append(f"{page.name}: `{line}`: {error}")
    assert not wrong, "\n".join(wrong)


# --- Python


def names_of(tree: ast.AST) -> tuple[set[str], set[str]]:
    """Names that a block reads and those that it makes."""
    read, made = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (made if isinstance(node.ctx, ast.Store) else read).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            made.add(node.name)
        elif isinstance(node, ast.arg):
            made.add(node.arg)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            made |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ExceptHandler) and node.name:
            made.add(node.name)
    return read, made


def imported(tree: ast.AST) -> dict[str, object]:
    found: dict[str, object] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.partition(".")[0]] = importlib.import_module(alias.name)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                found[alias.asname or alias.name] = getattr(importlib.import_module(node.module), alias.name)
    return found


def looked_up(node: ast.expr, known: dict[str, object]) -> object:
    """What a dotted name stands for, if it begins at a module or at something imported; else ``None``."""
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Attribute):
        base = looked_up(node.value, known)
        if isinstance(base, ModuleType | type):
            assert hasattr(base, node.attr), f"{base.__name__} has no {node.attr!r}"
            return getattr(base, node.attr)
    return None


def check_calls(tree: ast.AST, known: dict[str, object]) -> int:
    """Bind every call of something known to its signature; how many there were."""
    count = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            looked_up(node, known)
        if not isinstance(node, ast.Call):
            continue
        what = looked_up(node.func, known)
        starred = any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords)
        if not callable(what) or starred:
            continue
        try:
            inspect.signature(what).bind(*node.args, **{k.arg: k.value for k in node.keywords})
        except TypeError as error:
            raise AssertionError(f"{ast.unparse(node)}: {error}") from error
        count += 1
    return count


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_python_names_what_there_is(page):
    """The blocks of a page from top to bottom; later ones may use what earlier ones made."""
    made, known = set(GIVEN), dict(MODULES)
    for language, source in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language != "python":
            continue
        tree = ast.parse(source)
        read, new = names_of(tree)
        made |= new
        known |= imported(tree)
        check_calls(tree, known)
        unknown = read - made - set(MODULES) - set(dir(builtins))
        assert not unknown, f"{page.name} uses {', '.join(sorted(unknown))}, which nothing has made:\n{source}"


def test_a_wrong_name_or_keyword_would_be_found():
    for source in ("physim.recontruct(shot)", "i2v.generate(conditions, modle='none')", "physim.Sphere()"):
        with pytest.raises(AssertionError):
            check_calls(ast.parse(source), MODULES)
    assert check_calls(ast.parse("i2v.generate(conditions, model='none')"), MODULES) == 1
    with pytest.raises(AssertionError, match="does not take"), suppress(SystemExit):
        check_command(["i2v", "animate", "a.yaml", "--moodel", "none"])
    with pytest.raises(AssertionError, match="no option"):
        check_command(["python", "-m", "benchmarks.filmed", "--clipss", "DIR"])


# --- Python that is run


def run(page: str, k: int, **given):
    """Execute block ``k`` of the Python of a page; its names."""
    text = (ROOT / page).read_text(encoding="utf-8")
    source = [s for language, s in BLOCK.findall(text) if language == "python"][k]
    names = {"physim": physim, "i2v": i2v, **given}
    exec(compile(source, f"{page}, block {k}", "exec"), names)
    return names


def test_a_ball_without_a_photo_bounces():
    height = run("README.md", 1)["height"]
    low = height[:150].argmin()  # the first bounce
    # 1 m of fall takes sqrt(2 / 9.81) s; it comes back to the square of 0.8 of its height, less drag
    assert abs(low / 240 - np.sqrt(2 / 9.81)) < 2 / 240
    assert 0.60 < height[low:].max() - 0.05 < 0.65


def test_a_model_of_the_page_is_one(monkeypatch):
    from toy_conditions import toy_conditions

    from i2v.models import registry

    monkeypatch.setattr(registry, "_loaders", dict(registry._loaders))
    toy = toy_conditions(frames=3, height=32, width=48)
    clip = run("docs/plugging-in-a-model.md", 0, conditions=toy)["clip"]
    assert np.abs(clip.frames - toy.coarse).max() > 0.01 and np.array_equal(clip.frames[0], toy.coarse[0])


def test_two_solvers_are_coupled_as_the_page_says():
    scene = physim.Scene()
    scene.add(physim.Plane())
    scene.add(physim.Sphere(0.05), physim.Rigid("rubber"), name="ball", position=(0, 0.3, 0))
    scene.add(physim.Sheet(size=(0.2, 0.2), cells=(4, 4)), physim.Cloth("cotton"), position=(0, 0.5, 0))
    names = run("docs/adding-a-solver.md", 1, scene=scene)
    fallen = 0.3 - names["rigid"].tracks()["ball"].position[:, 1]
    assert fallen[0] == 0 and names["cloth"].tracks()


def test_a_prompt_of_the_page_becomes_a_shot(monkeypatch, tmp_path):
    skimage = pytest.importorskip("skimage.data")
    import imageio.v3 as iio

    monkeypatch.chdir(tmp_path)
    iio.imwrite("coffee.png", skimage.coffee())
    made = []
    monkeypatch.setitem(i2v.__dict__, "animate", lambda shot, output: made.append((shot, output)))
    block = next(s for language, s in BLOCK.findall((ROOT / "docs/prompts.md").read_text()) if language == "bash")
    words = next(commands(block))
    run("docs/prompts.md", 0, text=words[words.index("--prompt") + 1])
    shot, output = made[0]
    assert output == "coffee.mp4" and {"cube", "steam"} <= {thing.name for thing in shot.things}
