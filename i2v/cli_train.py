"""Command line: ``i2v train``."""

from __future__ import annotations

import argparse
from typing import Any

from i2v.training.command import add_arguments


def add_commands(commands: Any) -> list[argparse.ArgumentParser]:
    """Add the command; returns its parser."""
    train = commands.add_parser("train", help="train the bundled model on simulated clips")
    add_arguments(train)
    train.set_defaults(run=_train)
    return [train]


def _train(arguments: argparse.Namespace) -> int:
    from i2v.training.command import run

    print(run(arguments))
    return 0
