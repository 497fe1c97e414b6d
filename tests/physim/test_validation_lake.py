"""The dam break of shallow water through the command: passes, and follows the numbers of its file."""

import json
import shutil
from pathlib import Path

from physim import cli
from physim.validation.run import default_cases

LIQUID = default_cases() / "liquid"


def run(capsys, folder: Path) -> tuple[int, list[dict]]:
    code = cli.main(["validate", "--cases", str(folder), "--json", "--only", "ritter"])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_ritter_is_met_within_the_goals(capsys):
    code, rows = run(capsys, LIQUID)
    assert code == 0
    errors = {row["quantity"].split(" [")[0]: row["error"] for row in rows}
    assert errors["depth at the dam"] < 0.03 and errors["discharge at the dam"] < 0.05
    assert errors["profile, largest error over the depth"] < 0.02
    assert errors["volume lost"] < 1e-5  # of states kept in single precision


def test_a_wrong_expectation_fails(capsys, tmp_path):
    data = json.loads((LIQUID / "ritter.json").read_text())
    data["expected"]["h_at_dam"] *= 1.2
    (tmp_path / "ritter.json").write_text(json.dumps(data))
    shutil.copy(LIQUID / "ritter__profile.csv", tmp_path)
    code, _ = run(capsys, tmp_path)
    assert code != 0
