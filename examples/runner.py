"""What the photo examples share: options, the run, and the summary that is printed."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import i2v
from i2v.animate import RunSummary
from i2v.cli import print_summary, show_progress
from physim.shot import Shot

HERE = Path(__file__).parent


def build_parser(doc: str, name: str) -> argparse.ArgumentParser:
    """Options of an example; the defaults make the real thing."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--output", type=Path, default=Path("out") / f"{name}.mp4", help="the video (default: %(default)s)"
    )
    parser.add_argument("--seconds", type=float, help="length of the video, instead of the shot's")
    parser.add_argument("--model", help="'bundled', or 'none' for the plain composite")
    parser.add_argument("--preview", action="store_true", help="small and without the network")
    return parser


def run_example(doc: str, name: str, check: Callable[[RunSummary], None], argv: list[str] | None) -> RunSummary:
    """Make the video of ``examples/<name>.yaml``, print its path and summary, and check what must be true of it."""
    args = build_parser(doc, name).parse_args(argv)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    shot = Shot.load(HERE / f"{name}.yaml")
    if args.seconds:
        shot = shot.model_copy(update={"seconds": args.seconds})
    with show_progress() as progress:
        if args.preview:
            summary = i2v.preview(shot, args.output, progress=progress)
        else:
            summary = i2v.animate(shot, args.output, model=args.model, progress=progress)
    assert isinstance(summary, RunSummary)
    print_summary(summary)
    check(summary)
    print(summary.path)
    return summary
