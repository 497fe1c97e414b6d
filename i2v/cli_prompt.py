"""Options of ``i2v animate`` and ``preview`` that take a prompt in place of a shot file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from physim.shot import Shot


def place(text: str) -> Path | str:
    """A path, or a URL as it is."""
    return text if "://" in text else Path(text)


def add_options(command: argparse.ArgumentParser) -> None:
    """``SHOT``, or ``--prompt`` with ``--photo``."""
    command.add_argument("shot", type=place, nargs="?", help="shot file: .yaml, .json or .toml, or its URL")
    command.add_argument(
        "--prompt", metavar="TEXT", help="words instead of a shot file; says what it made of each clause"
    )
    command.add_argument("--photo", metavar="FILE", help="the photo that the prompt is about")
    command.add_argument(
        "--select",
        action="append",
        default=[],
        metavar="NAME=PLACE",
        help="where in the photo a thing of the prompt is: a pixel u,v, or a mask file; may be given several times",
    )
    command.add_argument(
        "--strokes", type=Path, metavar="FILE", help="motion brush: strokes that become pushes, winds, sources and pins"
    )
    command.add_argument("--write-shot", type=Path, metavar="FILE", help="write the prompt's shot file and stop")


def shot_of(arguments: argparse.Namespace) -> tuple[Path | str | Shot | None, str]:
    """What to animate, and the name its video takes; ``None``: it was only to be written.

    Raises:
        ValueError: Neither a shot file nor a prompt with its photo, or both; a prompt or place that cannot be read.
    """
    told = (arguments.photo, *arguments.select, arguments.write_shot)
    if arguments.prompt is None:
        if arguments.shot is None or any(told):
            raise ValueError("give a shot file, or --prompt TEXT with --photo FILE.")
        if arguments.strokes is None:
            return arguments.shot, Path(arguments.shot).stem
        from physim.shot_file import load

        return _brushed(load(arguments.shot), arguments.strokes), Path(arguments.shot).stem
    if arguments.shot is not None or arguments.photo is None:
        raise ValueError("--prompt goes with --photo FILE, and without a shot file.")
    from i2v.animate import read_prompt

    prompt = read_prompt(arguments.prompt, arguments.photo, select=dict(_place(given) for given in arguments.select))
    shot = prompt.shot if arguments.strokes is None else _brushed(prompt.shot, arguments.strokes)
    if not arguments.quiet or arguments.write_shot is not None:
        print(prompt.echo(), file=sys.stderr)
        if not (shot.things or shot.forces or shot.camera):
            print(
                "nothing of it moves anything: the video will be still (docs/prompts.md says what is read)",
                file=sys.stderr,
            )
    if arguments.write_shot is not None:
        note = "\n".join(["From the prompt:", *arguments.prompt.splitlines(), *prompt.echo().splitlines()])
        from physim.shot_file import save

        print(save(shot, arguments.write_shot, note=note))
        return None, ""
    return shot, Path(arguments.photo.removeprefix("skimage:")).stem


def _brushed(shot: Shot, strokes: Path) -> Shot:
    from i2v.animate import brushed, read_strokes

    return brushed(shot, read_strokes(strokes))


def _place(given: str) -> tuple[str, tuple[float, float] | str]:
    name, _, place = given.partition("=")
    if not name or not place:
        raise ValueError(f"--select is {given!r}, expected NAME=U,V or NAME=MASK.png.")
    parts = place.split(",")
    try:
        return name, (float(parts[0]), float(parts[1])) if len(parts) == 2 else place
    except ValueError:
        return name, place
