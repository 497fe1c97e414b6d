"""One scene in one engine, in a process of its own: its CPU time is its own, and its failure stops nothing else.

    python -m benchmarks.one SUBJECT SCENE ENGINE --output FILE [--device cpu] [--repeats 3]

SUBJECT is ``solids`` or ``fluids``; ENGINE is the name of a package, ``physim`` or a peer's, and after a colon one of
its solvers where there are several. Writes the result with its states as ``.npz``.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np

SUBJECTS = ("solids", "fluids")


def scenes(subject: str) -> dict[str, Any]:
    """Of one subject, by name."""
    return importlib.import_module(f"benchmarks.{subject}_scenes").SCENES


def scene_of(subject: str, name: str) -> Any:
    """The scene as plain data."""
    scene = scenes(subject)[name]
    return scene() if callable(scene) else scene


def save(result: Any, path: Path) -> None:
    """Arrays as they are, the rest as text."""
    arrays = {k: v for k, v in vars(result).items() if isinstance(v, np.ndarray)}
    words = {k: v for k, v in vars(result).items() if not isinstance(v, np.ndarray)}
    np.savez(path, words=json.dumps(words), **arrays)


def load(subject: str, path: Path) -> Any:
    """What ``save`` wrote, the ``Result`` of its subject."""
    result = importlib.import_module(f"benchmarks.{subject}_scenes").Result
    with np.load(path) as file:
        words = json.loads(str(file["words"]))
        return result(**{**words, **{k: file[k] for k in file.files if k != "words"}})


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("subject", choices=SUBJECTS)
    parser.add_argument("scene")
    parser.add_argument("engine")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--limit", type=float, default=60.0, help="begin no further repeat after this CPU time [s]")
    arguments = parser.parse_args(argv)
    if arguments.scene not in scenes(arguments.subject):
        parser.error(f"scene is {arguments.scene!r}, expected one of {', '.join(scenes(arguments.subject))}")
    package, _, solver = arguments.engine.partition(":")
    module = f"benchmarks.{arguments.subject}_{'ours' if package == 'physim' else package}"
    try:
        scene = scene_of(arguments.subject, arguments.scene)
        run = importlib.import_module(module).run
        result = run(scene, solver, arguments.device, arguments.repeats, arguments.limit)
    except Exception as error:
        traceback.print_exc()
        print(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}", file=sys.stderr)
        return 1
    save(result, arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
