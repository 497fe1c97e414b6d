"""Rigid validation cases through the command: ours pass, altered ones follow their own numbers, wrong ones fail."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from physim import cli
from physim.validation.run import default_cases

RIGID = default_cases() / "rigid"


def run(capsys, folder: Path, *only: str) -> tuple[int, list[dict]]:
    code = cli.main(["validate", "--cases", str(folder), "--json", *(["--only", *only] if only else [])])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def altered(folder: Path, case_id: str, rows: list[dict] | None = None, **blocks) -> Path:
    """A copy of a case with other parameters, expected values, tolerances or table rows."""
    data = json.loads((RIGID / f"{case_id}.json").read_text())
    for name, block in blocks.items():
        data[name] = {**data[name], **block} if isinstance(block, dict) else block
    for name in data.get("tables", []):
        if rows is None:
            shutil.copy(RIGID / name, folder / name)
            continue
        with open(folder / name, "w", newline="") as file:
            file.write("# altered\n")
            table = csv.DictWriter(file, rows[0])
            table.writeheader()
            table.writerows(rows)
    (folder / f"{case_id}.json").write_text(json.dumps(data))
    return folder


def worst(rows: list[dict], words: str = "") -> float:
    found = [r["error"] for r in rows if words in r["quantity"]]
    assert found
    return max(found)


FAST = (
    "bounce_restitution", "collision_1d", "newtons_cradle", "sliding_to_rolling", "dzhanibekov", "symmetric_top_free",
    "drag_fall",
)  # fmt: skip


@pytest.mark.parametrize("case_id", FAST)
def test_our_own_case_passes_through_the_command(case_id, capsys):
    code, rows = run(capsys, default_cases(), case_id)
    assert code == 0
    assert {r["verdict"] for r in rows} <= {"goal", "good", "pass"}
    assert {r["id"] for r in rows} == {case_id}


def test_bounces_follow_another_gravity_height_radius_and_restitution(tmp_path, capsys):
    g, height, rows = 3.7, 0.4, []
    for e in (0.6, 0.35):
        for n in (1, 2, 3):
            t = np.sqrt(2 * height / g) * (1 + 2 * sum(e**k for k in range(1, n)))
            speed = e**n * np.sqrt(2 * g * height)
            apex = e ** (2 * n) * height
            rows.append(dict(e=e, impact_no=n, t_impact_s=t, rebound_apex_m=apex, t_apex_s=t + speed / g))
    altered(tmp_path, "bounce_restitution", rows, params=dict(g=g, H=height, R=0.2, e=[0.6, 0.35]))
    code, lines = run(capsys, tmp_path)
    assert code == 0
    assert worst(lines, "impact") < 1e-4


def test_a_wrong_expectation_fails_and_the_exit_code_says_so(tmp_path, capsys):
    altered(tmp_path, "sliding_to_rolling", params=dict(mu=0.4))  # the expected values still mean 0.2
    code, lines = run(capsys, tmp_path)
    assert code == 1
    assert {r["quantity"].split(" [")[0]: r["verdict"] for r in lines} == {
        "time until it rolls": "fail", "speed of rolling": "goal", "way until it rolls": "fail",
    }  # fmt: skip


def test_a_tolerance_that_nothing_keeps_fails(tmp_path, capsys):
    altered(tmp_path, "sliding_to_rolling", tolerance=dict(rel=dict(pass_=1e-12, good=1e-13)))
    assert run(capsys, tmp_path)[0] == 1


def test_collisions_follow_other_masses_speeds_and_restitutions(tmp_path, capsys):
    rows = []
    for m1, m2, v1, v2, e in ((3.0, 0.5, 4.0, 1.0, 1.0), (0.2, 7.0, -1.0, -3.0, 0.25)):
        total, closing = m1 + m2, v1 - v2
        centre = (m1 * v1 + m2 * v2) / total
        u1, u2 = centre - e * m2 * closing / total, centre + e * m1 * closing / total
        kinetic = [0.5 * (m1 * a * a + m2 * b * b) for a, b in ((v1, v2), (u1, u2))]
        before = dict(m1=m1, m2=m2, v1=v1, v2=v2, e=e, momentum=m1 * v1 + m2 * v2, KE_before=kinetic[0])
        rows.append({**before, "u1": u1, "u2": u2, "KE_after": kinetic[1]})
    altered(tmp_path, "collision_1d", rows)
    code, lines = run(capsys, tmp_path)
    assert code == 0 and len(lines) == 2 * 3 + 1


def test_incline_follows_other_slopes_and_coefficients(tmp_path, capsys):
    g, rows = 1.62, []
    for mu in (0.2, 0.9):
        critical = np.degrees(np.arctan(mu))
        for theta in (8.0, 25.0):
            angle = np.radians(theta)
            a = max(g * (np.sin(angle) - mu * np.cos(angle)), 0.0)
            state = "slide" if a else "stick"
            rows.append(
                dict(
                    mu=mu,
                    theta_deg=theta,
                    theta_crit_deg=critical,
                    state=state,
                    accel_m_s2=a,
                    distance_after_1s_m=a / 2,
                )
            )
    stopping = [dict(mu=0.4, v0=1.0, distance_m=1 / (2 * 0.4 * g), time_s=1 / (0.4 * g))]
    altered(tmp_path, "incline_block", rows, params=dict(g=g, mu=[0.2, 0.9], theta_deg=[8, 25], stopping=stopping))
    code, lines = run(capsys, tmp_path)
    assert code == 0
    assert worst(lines, "acceleration") < 5e-3
    assert worst(lines, "lets go") < 0.25


def test_free_top_follows_another_inertia_and_spin(tmp_path, capsys):
    from scipy.integrate import solve_ivp
    from scipy.special import ellipk

    inertia, start = np.array([0.4, 0.9, 1.1]), np.array([0.0, 8.0, 0.05])
    momentum, energy = np.linalg.norm(inertia * start), 0.5 * (inertia * start**2).sum()
    # Landau & Lifshitz, Mechanics, section 37: here L^2 > 2 E I2, since the tilt is towards the largest moment
    i1, i2, i3 = inertia
    square = momentum**2
    k2 = (i2 - i1) * (2 * energy * i3 - square) / ((i3 - i2) * (square - 2 * energy * i1))
    period = 4 * ellipk(k2) * np.sqrt(i1 * i2 * i3 / ((i3 - i2) * (square - 2 * energy * i1)))

    def rate(t, y):
        w, (x, yy, z, s) = y[:3], y[3:]
        turn = 0.5 * np.array([s * w[0] + yy * w[2] - z * w[1], s * w[1] + z * w[0] - x * w[2], s * w[2] + x * w[1] - yy * w[0], -x * w[0] - yy * w[1] - z * w[2]])  # fmt: skip  # noqa: E501
        return np.concatenate([-np.cross(w, inertia * w) / inertia, turn])

    at = np.linspace(0, 4, 41)
    y = solve_ivp(rate, (0, 4), [*start, 0, 0, 0, 1], rtol=1e-11, atol=1e-12, t_eval=at).y.T
    rows = [
        dict(t=t, wx=w[0], wy=w[1], wz=w[2], qw=w[6], qx=w[3], qy=w[4], qz=w[5]) for t, w in zip(at, y, strict=True)
    ]
    expected = dict(flip_period_s=period, flip_interval_s=period / 2, E=energy, L=momentum)
    altered(tmp_path, "dzhanibekov", rows, params=dict(I=list(inertia), w0=list(start)), expected=expected)
    code, lines = run(capsys, tmp_path)
    assert code == 0
    assert worst(lines, "flips") < 2e-3 and worst(lines, "attitude") < 1.0


def test_impossible_inertia_fails_with_a_reason_and_other_cases_run(tmp_path, capsys):
    altered(tmp_path, "dzhanibekov", params=dict(I=[1.0, 1.0, 3.0]))
    altered(tmp_path, "newtons_cradle", params=dict(n=3), expected=dict(final_speeds=[0, 0, 1]))
    code = cli.main(["validate", "--cases", str(tmp_path), "--json"])
    out = capsys.readouterr()
    lines = [json.loads(line) for line in out.out.splitlines()]
    assert code == 1 and "expected positive moments, none above the sum" in out.err
    assert [(r["quantity"], r["got"], r["verdict"]) for r in lines if r["id"] == "dzhanibekov"] == [
        ("run", None, "fail")
    ]
    assert {r["verdict"] for r in lines if r["id"] == "newtons_cradle"} == {"good"}


def test_same_answer_at_other_frame_rates_and_substeps(capsys):
    speeds = []
    for options in ([], ["--fps", "24"], ["--refinement", "2"]):
        assert cli.main(["validate", "--only", "sliding_to_rolling", "--json", *options]) == 0
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        speeds.append([r["got"] for r in lines])
    assert np.ptp(speeds, axis=0) == pytest.approx(0, abs=2e-3)
