"""One scene of fluids in one engine, in a process of its own: its CPU time is its own, and its failure stops nothing.

    python -m benchmarks.fluids_one SCENE ENGINE --output FILE [--device cpu] [--repeats 3]

ENGINE is ``physim``, ``numpy``, ``phiflow``, ``taichi`` or ``newton``. Writes the result with its states as ``.npz``.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import traceback
from pathlib import Path

import numpy as np

from benchmarks.fluids_scenes import SCENES, Result

MODULES = {
    "physim": ("fluids_ours", ""),
    "numpy": ("fluids_numpy", ""),
    "phiflow": ("fluids_phiflow", "jax"),
    "taichi": ("fluids_taichi", ""),
    "newton": ("fluids_newton", ""),
}
"""Engine, its module here, and the argument that it takes besides the scene."""


def save(result: Result, path: Path) -> None:
    arrays = {k: v for k, v in vars(result).items() if isinstance(v, np.ndarray)}
    words = {k: v for k, v in vars(result).items() if not isinstance(v, np.ndarray)}
    np.savez(path, words=json.dumps(words), **arrays)


def load(path: Path) -> Result:
    with np.load(path) as file:
        words = json.loads(str(file["words"]))
        return Result(**{**words, **{k: file[k] for k in file.files if k != "words"}})


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", choices=SCENES)
    parser.add_argument("engine", choices=MODULES)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--limit", type=float, default=60.0, help="begin no further repeat after this CPU time [s]")
    arguments = parser.parse_args(argv)
    name, argument = MODULES[arguments.engine]
    try:
        engine = importlib.import_module(f"benchmarks.{name}")
        argument = arguments.device if arguments.engine == "physim" else argument
        result = engine.run(SCENES[arguments.scene], argument, arguments.repeats, arguments.limit)
    except Exception as error:
        traceback.print_exc()
        print(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}", file=sys.stderr)
        return 1
    save(result, arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
