"""A hundred and more hostile inputs before the judge: a report or one clear refusal for each, with its words.

    python -m benchmarks.judge_hostile [NAME ...]

Files of every kind, damaged, turned, too long, too short; frames that are no frames; conditions with NaN. Exit code 1
if anything crashed, hung, or was refused without saying what was expected.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "i2v"))


def main(argv: list[str] | None = None) -> int:
    """Run and print one line per input."""
    from hostile_videos import CASES, check, outcome

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="only these")
    names = parser.parse_args(argv).names or list(CASES)
    verdicts: Counter[str] = Counter()
    for name in names:
        start = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            try:
                result = outcome(name, Path(folder))
                check(result)
                if isinstance(result, ValueError):
                    verdict, words = "refused", str(result).replace(folder, "").replace("\n", " ")
                else:
                    verdict, words = "report", "; ".join(result.notes)
            except Exception as error:
                verdict, words = "FAILED", f"{type(error).__name__}: {error}"
        verdicts[verdict] += 1
        print(f"{verdict:8} {time.process_time() - start:5.1f} s  {name}: {words}", flush=True)
    print(", ".join(f"{n} {verdict}" for verdict, n in verdicts.items()))
    return 1 if verdicts["FAILED"] else 0


if __name__ == "__main__":
    sys.exit(main())
