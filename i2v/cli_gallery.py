"""The command ``i2v gallery``: every example, on one page."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any


def add_commands(commands: Any) -> list[argparse.ArgumentParser]:
    """Add the command to ``i2v``'s; returns its parser."""
    gallery = commands.add_parser("gallery", help="run the examples and show them on a page that needs no server")
    gallery.add_argument("names", nargs="*", help="some of them (default: all)")
    gallery.add_argument("-o", "--output", type=Path, default=Path("out/gallery"), help="folder (default: %(default)s)")
    gallery.add_argument("--quick", action="store_true", help="small videos without a network")
    gallery.add_argument("--model", help="instead of the shots': bundled, none (the plain composite), ...")
    gallery.add_argument("--workers", type=int, default=2, help="examples at the same time (default: %(default)s)")
    gallery.add_argument("--examples", type=Path, metavar="DIR", help="where they lie, instead of those of the package")
    gallery.add_argument("--quiet", action="store_true", help="no progress")
    gallery.set_defaults(run=_gallery)
    return [gallery]


def _gallery(arguments: argparse.Namespace) -> int:
    """Prints the path of the page; exit code 1: an example failed."""
    from i2v.gallery import Exhibit, examples, gallery

    total, done = len(examples(arguments.examples, arguments.names)), 0

    def tell(exhibit: Exhibit) -> None:
        nonlocal done
        done += 1
        if not arguments.quiet:
            what = "failed" if exhibit.report is None else "made" if exhibit.fresh else "as before"
            print(f"{done} of {total}: {exhibit.example.name} {what}", file=sys.stderr)

    found = gallery(
        arguments.output, arguments.names, quick=arguments.quick, model=arguments.model, workers=arguments.workers,
        folder=arguments.examples, on_exhibit=tell,
    )  # fmt: skip
    print(arguments.output / "index.html")
    failed = [exhibit for exhibit in found if exhibit.report is None]
    for exhibit in failed:
        print(f"failed: {exhibit.example.name}: {exhibit.error}", file=sys.stderr)
    return 1 if failed else 0
