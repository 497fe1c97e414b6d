"""Links of the README and of the pages lead to files and headings that are there. No network."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+(?:\([^()]*\))?[^()\s]*)\)")
NAMED = re.compile(
    r"(?<![\w/.])((?:docs|physim|i2v|kernels|examples|benchmarks|tests)/[\w./-]*\.(?:py|md|json|yaml|html|png))"
)


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^(```+|:::+).*?^\1`*\s*$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


@cache
def anchors(page: Path) -> set[str]:
    """Names by which code hosts and the site know the headings of a page."""
    names: dict[str, int] = {}
    found = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", prose(page), re.M):
        text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        found.add(name if name not in names else f"{name}-{names[name]}")
        names[name] = names.get(name, 0) + 1
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    wrong = []
    for link in LINK.findall(prose(page)):
        place, _, anchor = unquote(link).partition("#")
        if "://" in place or place.startswith("mailto:"):
            continue
        target = (page.parent / place).resolve() if place else page
        if not target.exists() or not target.is_relative_to(ROOT):
            wrong.append(f"{link}: no such file")
        elif anchor and (target.suffix != ".md" or anchor not in anchors(target)):
            wrong.append(f"{link}: no such heading")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "page", [p for p in PAGES if p.name != "CHANGELOG.md"], ids=lambda page: str(page.relative_to(ROOT))
)
def test_every_file_that_is_named_is_there(page):
    missing = {name for name in NAMED.findall(prose(page)) if not (ROOT / name).exists()}
    assert not missing, f"{page.name} names {', '.join(sorted(missing))}"


def test_every_page_is_in_the_table_of_contents_of_the_site():
    listed = set()
    for page in PAGES:
        for body in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
            for line in body.splitlines():
                if line and not line.startswith(":"):
                    listed |= {p.resolve() for p in page.parent.glob(f"{line}.md")}
    docs = {p for p in PAGES if p.is_relative_to(ROOT / "docs")} - {ROOT / "docs" / "index.md"}
    assert not docs - listed, f"in no toctree: {sorted(str(p.relative_to(ROOT)) for p in docs - listed)}"


def test_a_link_to_nowhere_would_be_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# One two: three\n\n[a](b.md) [c](#one-two-three)\n\n```\n[d](e.md)\n```\n")
    assert LINK.findall(prose(page)) == ["b.md", "#one-two-three"] and anchors(page) == {"one-two-three"}
