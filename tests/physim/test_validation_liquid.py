"""Liquid validation cases through the command: ours pass, an altered one follows its own numbers."""

import json

import numpy as np
import pytest

import physim
from physim import cli
from physim.validation.run import default_cases

LIQUID = default_cases() / "liquid"
CASES = (
    "sloshing", "wave_dispersion", "dam_break_front", "droplet_oscillation", "jet_ballistic", "torricelli",
    "terminal_velocity", "rotating_bucket", "worthington_impact",
)  # fmt: skip


def run(capsys, folder, *only: str) -> tuple[int, list[dict]]:
    code = cli.main(["validate", "--cases", str(folder), "--json", "--only", *only])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_water_at_rest_follows_another_depth_density_and_gravity(tmp_path, capsys):
    data = json.loads((LIQUID / "hydrostatic.json").read_text())
    depth, rho, g = 0.08, 1420.0, 3.7
    data["params"] = {"H": depth, "rho": rho, "g": g}
    points = [[y, rho * g * (depth - y)] for y in (0.0, 0.02, 0.06)]
    data["expected"] = {
        "p_bottom": rho * g * depth, "wall_force_per_width": rho * g * depth**2 / 2, "points": points
    }  # fmt: skip
    (tmp_path / "hydrostatic.json").write_text(json.dumps(data))
    code, rows = run(capsys, tmp_path, "hydrostatic")
    assert code == 0
    assert {row["verdict"] for row in rows} == {"good"}


@pytest.mark.slow
@pytest.mark.parametrize("case_id", CASES)
def test_our_own_case_passes_through_the_command(case_id, capsys):
    code, rows = run(capsys, LIQUID, case_id)
    assert code == 0
    assert {row["verdict"] for row in rows} <= {"good", "pass"}


def test_what_leaves_a_box_with_solids_in_it_does_not_come_back():
    """Particles that have left lie far outside; walls must not pull them in again."""
    scene = physim.Scene()
    water = physim.Liquid("water", resolution=24, domain=((0, 0, 0), (0.6, 0.3, 0.1)), walls=("-x", "-z", "+z"))
    scene.add(physim.Box((0.2, 0.2, 0.1)), water, name="water", position=(0.1, 0.15, 0.05))
    scene.add(physim.Box((0.4, 0.05, 0.2)), physim.Static(), position=(0.2, 0.025, 0.05))
    track = physim.simulate(scene, seconds=0.6, fps=30, device="cpu")["water"]
    x = track.position
    there = np.isfinite(x[..., 0])
    assert 0.05 < 1 - there[-1].mean() < 1.0, "some has left over the edge"
    assert (there[1:] <= there[:-1]).all(), "nothing comes back"
    inside = x[there]
    assert (inside > -0.01).all() and (inside < (0.61, 0.31, 0.11)).all()
