"""The notebooks of the documentation run from the first cell to the last, as a reader runs them."""

import linecache
import re
from pathlib import Path

import pytest

NOTEBOOKS = {p.stem: p for p in sorted((Path(__file__).parent.parent / "docs" / "notebooks").glob("*.md"))}
CELL = re.compile(r"^```\{code-cell\} python\n(.*?)^```$", re.M | re.S)
SLOW = {"first_video"}
"""Those that run a network: its compilation takes a while."""


def cells(name: str) -> list[str]:
    return CELL.findall(NOTEBOOKS[name].read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in NOTEBOOKS if n != "index"],
)
def test_a_notebook_runs(name, tmp_path, monkeypatch):
    from i2v.models import registry

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_loaders", dict(registry._loaders))
    names = {"__name__": f"notebook_{name}"}
    for k, source in enumerate(cells(name)):
        place = f"<{name}, cell {k}>"
        linecache.cache[place] = (len(source), None, source.splitlines(True), place)  # Warp reads the source of kernels
        exec(compile(source, place, "exec"), names)


def test_all_of_a_page_is_run():
    """A cell of another kind, or one that is told not to run, would be seen by no test."""
    for name in NOTEBOOKS.keys() - {"index"}:
        text = NOTEBOOKS[name].read_text(encoding="utf-8")
        assert text.count("```{code-cell}") == len(cells(name)) > 2, name
        assert "skip-execution" not in text and "raises-exception" not in text, name
        assert text.startswith("---\nfile_format: mystnb\nkernelspec:\n  name: python3\n"), name
