"""Command line: ``i2v simulate``, for who has a video model of his own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from i2v.terminal import show_progress

FORMATS = ("wan-move", "ati", "go-with-the-flow")
"""Of other projects, see :mod:`i2v.export`."""


def add_commands(commands: Any) -> list[argparse.ArgumentParser]:
    """Add the command; returns its parser."""
    simulate = commands.add_parser("simulate", help="write what a shot simulates to: flow, depth, ids, coarse picture")
    simulate.add_argument("shot", type=Path, help="shot file: .yaml, .json or .toml")
    simulate.add_argument(
        "-o", "--output", type=Path,
        help="the arrays (docs/conventions.md), or, with --for, a folder (default: the shot's name, with .npz or not)",
    )  # fmt: skip
    simulate.add_argument("--size", type=int, help="longer side of the arrays in pixels, instead of the shot's")
    simulate.add_argument("--seconds", type=float, help="length, instead of the shot's")
    simulate.add_argument("--for", choices=FORMATS, dest="format", help="as files that another video model reads")
    simulate.add_argument("--quiet", action="store_true", help="no progress")
    simulate.set_defaults(run=_simulate)
    return [simulate]


def _simulate(arguments: argparse.Namespace) -> int:
    from i2v import export
    from i2v.animate import conditions_of

    stem = arguments.shot.stem
    output = arguments.output or Path(stem if arguments.format else f"{stem}.npz")
    if not arguments.format and output.suffix.lower() != ".npz":
        raise ValueError(f"--output is {output}, expected a name that ends in .npz, or a folder and --for.")
    with show_progress(arguments.quiet) as progress:
        conditions = conditions_of(
            arguments.shot, size=arguments.size, seconds=arguments.seconds, progress=progress
        )  # fmt: skip
    if not arguments.format:
        output.parent.mkdir(parents=True, exist_ok=True)
        print(conditions.save(output))
        return 0
    write: dict[str, Callable[..., export.Exported]] = {
        "wan-move": export.export_wan_move,
        "ati": export.export_ati,
        "go-with-the-flow": export.export_go_with_the_flow,
    }
    made = write[arguments.format](conditions, output)
    if not arguments.quiet:
        print(f"at {made.fps:g} frames per second its video runs at the speed of life", file=sys.stderr)
    for path in made.files.values():
        print(path)
    return 0
