"""Does the judge flag what the bundled model may do? Finished clips of four examples, painted in full, each judged.

    python -m benchmarks.judge_painted [NAME ...] [--output out/painted]

Rigid things (coins), cloth (flag), smoke (rocket), and both with falling things (coffee); their cameras are held still,
or half of the metrics would have nothing to say. Prints how much of the way from floor to limit each clip went, and
writes each report as JSON. Exit code 1 if anything is flagged.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import physim
from i2v import animate
from i2v.metrics.limits import RULES
from physim.shot_path import revised

HERE = Path(__file__).parent.parent / "examples"
NAMES = ("coins", "flag", "rocket", "coffee")
CHANGES = {"seconds": 2.5, "camera": [], "generate.model": "bundled", "generate.strength": 1.0}


def report_of(name: str, out: Path) -> dict:
    """Make, judge, and write the report of one example."""
    summary = animate(
        revised(physim.Shot.load(HERE / f"{name}.yaml"), CHANGES), out / f"{name}.mp4", judge=out / f"{name}.png"
    )
    data = summary.judged.to_dict()
    (out / f"{name}.json").write_text(json.dumps(data))
    return data


def table(reports: dict[str, dict]) -> str:
    """Markdown: share of the way from floor to limit, by metric and clip; what has no limit is left out."""
    lines = ["| metric | " + " | ".join(reports) + " |", "|---" * (len(reports) + 1) + "|"]
    found = {n: {m["name"].partition(":")[0]: m for m in r["metrics"]} for n, r in reports.items()}
    for metric in RULES:
        rows = [found[n].get(metric) for n in reports]
        if any(m and m.get("limit") is not None for m in rows):
            lines.append(f"| {metric} | " + " | ".join(_cell(m) for m in rows) + " |")
    return "\n".join(lines)


def _cell(metric: dict | None) -> str:
    if metric is None or metric.get("limit") is None or metric.get("value") is None:
        return ""
    share = (metric["value"] - metric["floor"]) / (metric["limit"] - metric["floor"])
    return f"**{share:.2f}**" if metric["verdict"] == "fail" else f"{share:.2f}"


def main(argv: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(NAMES)}; default: all")
    parser.add_argument("--output", type=Path, default=Path("out/painted"), help="folder (default: %(default)s)")
    args = parser.parse_args(argv)
    args.output.mkdir(parents=True, exist_ok=True)
    reports = {name: report_of(name, args.output) for name in args.names or NAMES}
    print(table(reports))
    return 0 if all(report["passed"] for report in reports.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
