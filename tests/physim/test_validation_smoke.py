"""Smoke validation cases through the command: ours pass, altered ones follow their own numbers, wrong ones fail."""

import json
import shutil
from pathlib import Path

import pytest

from physim import cli
from physim.validation.run import default_cases

SMOKE = default_cases() / "smoke"


def run(capsys, folder: Path, *only: str) -> tuple[int, list[dict]]:
    code = cli.main(["validate", "--cases", str(folder), "--json", *(["--only", *only] if only else [])])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def altered(folder: Path, case_id: str, **blocks) -> Path:
    data = json.loads((SMOKE / f"{case_id}.json").read_text())
    for name, block in blocks.items():
        data[name] = {**data[name], **block}
    for name in data.get("tables", []):
        shutil.copy(SMOKE / name, folder / name)
    (folder / f"{case_id}.json").write_text(json.dumps(data))
    return folder


@pytest.mark.parametrize(
    "case_id",
    ["taylor_green_2d", "zalesak", "projection", "poiseuille", "gaussian_diffusion", "thermal_initial_accel"]
    + [pytest.param(name, marks=pytest.mark.slow) for name in ("lid_cavity", "lamb_chaplygin", "rayleigh_taylor")],
)
def test_our_own_case_passes_through_the_command(case_id, capsys):
    code, rows = run(capsys, default_cases(), case_id)
    assert code == 0
    assert rows and {r["verdict"] for r in rows} <= {"goal", "good", "pass"}


def test_the_goals_for_smoke_are_reached(capsys):
    _, rows = run(capsys, default_cases(), "taylor_green_2d", "zalesak", "projection")
    errors = {r["quantity"]: r["error"] for r in rows}
    assert errors["energy lost without viscosity [-]"] < 0.02
    assert errors["difference after one turn, of its mass [-]"] < 0.20
    assert errors["outside the range 0 to 1 [-]"] < 1e-3
    assert max(e for name, e in errors.items() if name.startswith("divergence")) < 1e-5


def test_a_channel_follows_another_height_push_and_viscosity(tmp_path, capsys):
    height, nu, push = 2.0, 0.5, 3.0
    top = push * height**2 / (8 * nu)
    tau = height**2 / (9.8696044 * nu)
    altered(
        tmp_path, "poiseuille", params=dict(H=height, nu=nu, G=push),
        expected=dict(u_max=top, u_mean=2 / 3 * top, tau=tau),
    )  # fmt: skip
    code, rows = run(capsys, tmp_path)
    assert code == 0
    assert max(r["error"] for r in rows) < 0.003


def test_a_wrong_expectation_fails_and_the_exit_code_says_so(tmp_path, capsys):
    altered(tmp_path, "poiseuille", params=dict(G=1.0))  # the expected values still mean 0.8
    code, rows = run(capsys, tmp_path)
    assert code == 1
    verdicts = {r["quantity"].split(" [")[0]: r["verdict"] for r in rows}
    assert verdicts["speed in the middle"] == "fail" and verdicts["time constant of the start"] == "good"
