"""A table of a page of documentation, between two marks of its own."""

from __future__ import annotations

from pathlib import Path


def put_between(page: Path, marks: tuple[str, str], text: str) -> None:
    """Replace what stands between two marks of a page; all else stays."""
    old = page.read_text(encoding="utf-8")
    head, rest = old.split(marks[0])
    page.write_text(head + marks[0] + "\n" + text + "\n" + marks[1] + rest.split(marks[1])[1], encoding="utf-8")
