"""Two hundred odd photos and shots through ``reconstruct``: a scene or one clear refusal for each, with its words.

    python -m benchmarks.odd_inputs [--count 200]

Exit code 1 if anything crashed, or was refused without saying what.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "physim"))


def main(argv: list[str] | None = None) -> int:
    """Run and print one line per input."""
    from test_odd_inputs import check_refusal, check_scene, outcome

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    count = parser.parse_args(argv).count
    logging.disable(logging.CRITICAL)
    verdicts: Counter[str] = Counter()
    for number in range(count):
        what = f"input {number}"
        with tempfile.TemporaryDirectory() as folder:
            try:
                what, result = outcome(number, Path(folder))
                if isinstance(result, ValueError):
                    check_refusal(what, result)
                    verdict, words = "refused", str(result).replace("\n", " ")
                else:
                    check_scene(what, result)
                    verdict, words = "scene", ", ".join(entity.name for entity in result)
            except Exception as error:
                verdict, words = "FAILED", f"{type(error).__name__}: {error}"
        verdicts[verdict] += 1
        print(f"{number:3d} {verdict:8} {what}: {words}")
    print(", ".join(f"{n} {verdict}" for verdict, n in verdicts.items()))
    return 1 if verdicts["FAILED"] else 0


if __name__ == "__main__":
    sys.exit(main())
