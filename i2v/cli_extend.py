"""Command line: ``i2v extend``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from i2v.terminal import print_summary, show_progress


def add_commands(commands: Any) -> list[argparse.ArgumentParser]:
    """Add the command; returns its parser."""
    extend = commands.add_parser("extend", help="continue a clip from its last state")
    extend.add_argument("video", type=Path, help="a video made by i2v animate, or its shot file")
    extend.add_argument("--seconds", type=float, required=True, help="how much longer")
    extend.add_argument(
        "--then", type=Path, metavar="FILE",
        help="what happens in the new part: camera moves and impulses as in a shot file, from its beginning on",
    )  # fmt: skip
    extend.add_argument("-o", "--output", type=Path, help="the longer video (default: the name with .longer.mp4)")
    extend.add_argument("--quiet", action="store_true", help="no progress")
    extend.set_defaults(run=_extend)
    return [extend]


def _extend(arguments: argparse.Namespace) -> int:
    from i2v.animate import animate
    from i2v.extend import longer, shot_of
    from physim.shot_file import TextError, parse

    then = None
    if arguments.then is not None:
        try:
            then, _, _ = parse(arguments.then.read_text(encoding="utf-8"), arguments.then.suffix.lower())
        except (TextError, UnicodeDecodeError) as error:
            raise ValueError(f"{arguments.then} cannot be read: {str(error).splitlines()[0]}") from None
        if not isinstance(then, dict):
            raise ValueError(f"{arguments.then} holds no fields, expected `camera` and `forces`.")
    shot = longer(shot_of(arguments.video), arguments.seconds, then)
    stem = arguments.video.name.removesuffix(".shot.resolved.yaml").rsplit(".", 1)[0]
    output = arguments.output or Path(f"{stem}.longer.mp4")
    with show_progress(arguments.quiet) as progress:
        summary: Any = animate(shot, output, progress=progress)
    if not arguments.quiet:
        print_summary(summary)
    print(summary.path)
    return 0
