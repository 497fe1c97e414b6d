"""Optical flow through the command: within five hundredths of a pixel, and by the numbers of its files."""

import json
import shutil
from pathlib import Path

from physim import cli
from physim.validation.run import default_cases

FLOW = default_cases() / "flow"


def run(capsys, folder: Path, only: str) -> tuple[int, dict[str, float]]:
    code = cli.main(["validate", "--cases", str(folder), "--json", "--only", only])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return code, {row["quantity"]: row["error"] for row in rows}


def test_flow_of_camera_moves_and_of_a_falling_ball_ends_where_the_closed_forms_say(capsys):
    code, errors = run(capsys, FLOW, "analytic_flow")
    assert code == 0 and sum("not judged" not in name for name in errors) == 7
    assert max(error for name, error in errors.items() if "not judged" not in name) <= 0.05
    code, errors = run(capsys, FLOW, "object_flow_truth")
    assert code == 0 and max(errors.values()) <= 0.05


def test_flow_forth_and_back_cancels_to_five_hundredths_of_a_pixel(capsys):
    code, errors = run(capsys, FLOW, "forward_backward")
    assert code == 0 and len(errors) == 5
    assert max(error for name, error in errors.items() if "px" in name) <= 0.05


def test_a_wrong_row_of_the_table_fails(capsys, tmp_path):
    for file in FLOW.glob("analytic_flow*"):
        shutil.copy(file, tmp_path)
    table = tmp_path / "analytic_flow__samples.csv"
    text = table.read_text()
    assert "zoom_1p05,600,340,14,8" in text
    table.write_text(text.replace("zoom_1p05,600,340,14,8", "zoom_1p05,600,340,14.1,8"))
    code, errors = run(capsys, tmp_path, "analytic_flow")
    assert code != 0 and 0.09 < errors["zoom_1p05: farthest end point [px]"] < 0.11
