"""The command ``i2v fit``: which physical parameters make a shot move as a clip shows it?"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

EXAMPLES = """examples:
  i2v fit shot.yaml film.mp4 --range things.ball.rigid.restitution=0.2:0.95 -o fitted.yaml
  i2v fit shot.yaml film.mp4 --range things.ball.velocity.0=-2:2 --range things.ball.rigid.friction=0.05:0.9"""


def add_commands(commands: Any) -> list[argparse.ArgumentParser]:
    """Add the command to ``i2v``'s; returns its parser."""
    fit = commands.add_parser(
        "fit", help="find the physical parameters with which a shot moves as a clip shows it",
        epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    fit.add_argument("shot", type=Path, help="shot file: .yaml, .json or .toml; its photo is the clip's first frame")
    fit.add_argument("video", type=Path, help="a film of the experiment, or a video of it; the camera stands still")
    fit.add_argument(
        "--range", action="append", default=[], metavar="PATH=LOW:HIGH", dest="ranges",
        help="a field and where its value lies; numbers may have units",
    )  # fmt: skip
    fit.add_argument(
        "--thing", action="append", metavar="NAME", dest="things", help="follow it (default: all that move)"
    )
    fit.add_argument("--starts", type=int, default=24, help="runs that look for the neighbourhood (default: 24)")
    fit.add_argument("--seed", type=int, default=0, help="of the starts (default: 0)")
    fit.add_argument("-o", "--output", type=Path, help="write the shot with the values found to this file")
    fit.add_argument("--json", action="store_true", help="values and errors as JSON")
    fit.add_argument("--quiet", action="store_true", help="no progress")
    fit.set_defaults(run=_fit)
    return [fit]


def _fit(arguments: argparse.Namespace) -> int:
    """Prints the values found."""
    from i2v.fit import fit, save_fitted

    with _told(arguments.quiet) as on_run:
        found = fit(
            arguments.shot, arguments.video, *arguments.ranges, things=arguments.things, starts=arguments.starts,
            seed=arguments.seed, on_run=on_run,
        )  # fmt: skip
    if arguments.json:
        figures = asdict(found)
        del figures["shot"]
        print(json.dumps(figures, indent=2))
    else:
        print(found)
    if arguments.output is not None:
        print(f"shot: {save_fitted(found, arguments.output)}", file=sys.stderr)
    return 0


@contextmanager
def _told(quiet: bool) -> Iterator[Callable[[int, float], None]]:
    """Runs so far and what they leave unexplained; on a terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("looking at the clip") as status:
        if quiet or not console.is_terminal:
            status.stop()
        yield lambda runs, rms: status.update(f"{runs} runs, rms residual {rms:.3g} standard deviations")
