"""Odd photos and shots through ``reconstruct``: a scene or one clear refusal for each, with its words.

    python -m benchmarks.odd_inputs [--count 200]

Two hundred shots of every kind of picture with every kind of selection and hint, and then every odd file and odd number
of ``tests/physim/odd_files.py``. Exit code 1 if anything crashed, was refused without saying what, or wrote a storm of
warnings.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "physim"))


def shots(count: int) -> Iterator[Callable[[Path], tuple[str, object]]]:
    """Each builds its shot in a folder, reconstructs and checks it: what it was, and what came out."""
    import odd_files
    import test_odd_files
    import test_odd_inputs

    def drawn(number: int, folder: Path) -> tuple[str, object]:
        what, result = test_odd_inputs.outcome(number, folder)
        if isinstance(result, ValueError):
            test_odd_inputs.check_refusal(what, result)
        else:
            test_odd_inputs.check_scene(what, result)
        return what, result

    def listed(what: str, make: Callable[[Path], dict], folder: Path) -> tuple[str, object]:
        result, said = test_odd_files.outcome(make, folder)
        test_odd_files.check(what, result, said)
        return what, result

    for number in range(count):
        yield lambda folder, number=number: drawn(number, folder)  # type: ignore[misc]
    for what, make in odd_files.cases():
        yield lambda folder, what=what, make=make: listed(what, make, folder)  # type: ignore[misc]


def main(argv: list[str] | None = None) -> int:
    """Run and print one line per input."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    count = parser.parse_args(argv).count
    logging.getLogger("physim").propagate = False
    verdicts: Counter[str] = Counter()
    for number, run in enumerate(shots(count)):
        with tempfile.TemporaryDirectory() as folder:
            what = f"input {number}"
            try:
                what, result = run(Path(folder))
                verdict = "refused" if isinstance(result, ValueError) else "scene"
                words = str(result).replace("\n", " ") if verdict == "refused" else ", ".join(e.name for e in result)  # type: ignore[attr-defined]
            except Exception as error:
                verdict, words = "FAILED", f"{type(error).__name__}: {error}"
        verdicts[verdict] += 1
        print(f"{number:3d} {verdict:8} {what}: {words}")
    print(", ".join(f"{n} {verdict}" for verdict, n in verdicts.items()))
    return 1 if verdicts["FAILED"] else 0


if __name__ == "__main__":
    sys.exit(main())
