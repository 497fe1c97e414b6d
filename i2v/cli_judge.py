"""The command ``i2v judge``: does a video obey the physics it was made from?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any


def add_commands(commands: Any) -> list[argparse.ArgumentParser]:
    """Add the command to ``i2v``'s; returns its parser."""
    judge = commands.add_parser("judge", help="measure whether a video moves, looks and holds still as it should")
    judge.add_argument("video", type=Path, help="any video file")
    judge.add_argument("--conditions", type=Path, metavar="NPZ", help="what was simulated (Conditions.save)")
    judge.add_argument("--reference", type=Path, metavar="VIDEO", help="a film of the same event, still camera")
    judge.add_argument(
        "--second-take", type=Path, metavar="VIDEO", help="a second film of it: the scale of the Physics-IQ score"
    )
    judge.add_argument("--shot", type=Path, help="a shot file, simulated now, instead of --conditions")
    judge.add_argument("--plots", type=Path, metavar="FILE", help="write plots to this .png or .html")
    judge.add_argument("--json", action="store_true", help="everything, as JSON")
    judge.set_defaults(run=_judge)
    return [judge]


def _judge(arguments: argparse.Namespace) -> int:
    """Exit code 1: something is beyond its limit."""
    from i2v.metrics.judge import judge

    report = judge(
        arguments.video,
        conditions=arguments.conditions,
        reference=arguments.reference,
        second_take=arguments.second_take,
        shot=arguments.shot,
        plots=arguments.plots,
    )
    print(report.to_json() if arguments.json else report.table())
    if arguments.plots is not None:
        print(f"plots: {arguments.plots}", file=sys.stderr)
    return 0 if report.passed else 1
