"""Cloth validation cases that take seconds, through the command; and a clamped strip, whose directions meet nothing."""

import json

import numpy as np
import pytest

import physim
from physim import cli
from physim.pins import Pin
from physim.scene import Scene
from physim.validation.strips import Strip, fabric


@pytest.mark.parametrize("case_id", ["string_frequency"])
def test_our_own_case_passes_through_the_command(case_id, capsys):
    assert cli.main(["validate", "--only", case_id, "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {r["verdict"] for r in rows} <= {"goal", "good", "pass"}


@pytest.mark.parametrize("cells", [(20, 2), (16, 3)])
def test_strip_with_a_clamped_edge_runs_and_leaves_it_level(cells):
    strip = Strip(0.3, 0.03, cells)
    start = np.stack([strip.rest[:, 0], 0 * strip.rest[:, 0], -strip.rest[:, 1]], axis=1)
    scene = Scene()
    cloth = fabric(0.3, 1000.0, 1e-3, damping=1e-2)
    scene.add(strip.pattern(start), cloth, name="strip", pin=Pin(strip.end(0.0), clamp=True))
    x = physim.simulate(scene, seconds=0.3, fps=60).cloths["strip"].dense_position[-1].astype(float)
    near, tip = strip.along(x, 0.015), strip.along(x, 0.3)
    assert tip[1] < -0.02
    assert abs(near[1]) < 0.03 * abs(tip[1])  # grows like s^2 from a clamp; from a hinge it would be 0.05
