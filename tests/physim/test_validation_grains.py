"""Grain validation cases through the command: ours pass, an altered one follows its own numbers."""

import json

import pytest

from physim import cli
from physim.validation.run import default_cases

GRAINS = default_cases() / "grains"


def run(capsys, folder, *only: str) -> tuple[int, list[dict]]:
    code = cli.main(["validate", "--cases", str(folder), "--json", "--only", *only])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_silo_of_other_walls_and_grains_follows_janssen(tmp_path, capsys):
    data = json.loads((GRAINS / "janssen.json").read_text())
    data["params"] |= {"density": 900, "wall_friction": 0.3, "g": 3.7}
    (tmp_path / "janssen.json").write_text(json.dumps(data))
    code, rows = run(capsys, tmp_path, "janssen")
    assert {row["verdict"] for row in rows} <= {"good", "pass"} and code == 0
    data["expected"]["K"] = 0.7
    (tmp_path / "janssen.json").write_text(json.dumps(data))
    code, _ = run(capsys, tmp_path, "janssen")
    assert code != 0


@pytest.mark.slow
@pytest.mark.parametrize("case_id", ["angle_of_repose", "janssen", "slot_flow"])
def test_our_own_case_passes_through_the_command(case_id, capsys):
    code, rows = run(capsys, GRAINS, case_id)
    assert code == 0
    assert {row["verdict"] for row in rows} <= {"good", "pass"}
