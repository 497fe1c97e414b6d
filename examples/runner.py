"""What the photo examples share: options, the run, and the summary that is printed."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import i2v
from i2v.animate import RunSummary
from i2v.cli import print_summary, show_progress
from physim.shot import Shot

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Measure:
    """What a law of physics says about a run, and what the run says."""

    what: str
    """With its unit: "free fall of the sugar [m/s^2]"."""
    got: float
    expected: float | None = None
    """``None``: nothing foretells it."""
    source: str = ""
    """Of the law: "g", "v^2 / (2 mu g)"."""

    def __str__(self) -> str:
        law = "" if self.expected is None else f", law {self.expected:.4g}"
        return f"{self.what}: {self.got:.4g}{law}{f' ({self.source})' if self.source else ''}"


def build_parser(doc: str, name: str) -> argparse.ArgumentParser:
    """Options of an example; the defaults make the real thing."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--output", type=Path, default=Path("out") / f"{name}.mp4", help="the video (default: %(default)s)"
    )
    parser.add_argument("--seconds", type=float, help="length of the video, instead of the shot's")
    parser.add_argument("--model", help="'bundled', or 'none' for the plain composite")
    parser.add_argument("--preview", action="store_true", help="small and without the network")
    parser.add_argument("--side", type=int, default=480, help="longer side of a preview in pixels (default: 480)")
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="write what was done and measured to this JSON file"
    )
    return parser


def run_example(
    doc: str,
    name: str,
    check: Callable[[RunSummary], Sequence[Measure]],
    argv: list[str] | None,
) -> RunSummary:
    """Make the video of ``examples/<name>.yaml``, check what must be true of it, and print what was measured.

    The path of the video goes to stdout, all else to stderr.
    """
    args = build_parser(doc, name).parse_args(argv)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    shot = Shot.load(HERE / f"{name}.yaml")
    if args.seconds:
        shot = shot.model_copy(update={"seconds": args.seconds})
    with show_progress() as progress:
        if args.preview:
            summary = i2v.preview(shot, args.output, size=args.side, progress=progress)
        else:
            summary = i2v.animate(shot, args.output, model=args.model, progress=progress)
    assert isinstance(summary, RunSummary)
    print_summary(summary)
    measures = check(summary)
    for measure in measures:
        print(measure, file=sys.stderr)
    if args.report is not None:
        _save_report(args.report, summary, measures)
    print(summary.path)
    return summary


def _save_report(path: Path, summary: RunSummary, measures: Sequence[Measure]) -> None:
    data = json.loads(summary.to_json()) | {"measured": [asdict(measure) for measure in measures]}
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(data, indent=2, ensure_ascii=False), encoding="utf-8")
    os.replace(part, path)
