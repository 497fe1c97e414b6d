"""Sweeps: which values, which runs, what is kept, and that nothing is lost."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import physim
from physim import sweep_plan
from physim.executor import Failure, Local, Serial
from physim.shot_path import revised, route_of, unit_of
from physim.sweep import sweep
from physim.sweep_plan import Axis, Span, grid, latin_hypercube, parsed
from physim.units import quantity

GRAVITY = 9.81


@pytest.fixture
def shot():
    return physim.Shot(
        photo="skimage:coffee.png",
        hints={"camera": {"pitch": 40, "height": 0.4, "fov": 40}},
        things=[
            {"name": "ball", "shape": {"sphere": 0.02}, "at": [0, 0.12, -0.5], "rigid": {"drag_coefficient": 0}},
            {"name": "box", "shape": {"box": [0.03, 0.03, 0.03]}, "at": [0.1, 0.05, -0.5], "rigid": {}},
        ],
        forces=[{"wind": {"velocity": [0.5, 0, 0]}}],
        camera=[{"move": "dolly", "metres": 0.01}],
        settle=False,
        seconds=0.5,
    )


def lowest(trajectory):
    return trajectory["ball"].dense_position[:, 1].min()


def broken(trajectory):
    if trajectory.scene["ball"].material.restitution > 0.85:
        raise RuntimeError("too lively")
    return 1.0


# -- units and paths ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [("0.5", "m", 0.5), ("5cm", "m", 0.05), ("36 km/h", "m/s", 10), ("20 °C", "K", 293.15), ("50%", "-", 0.5),
     ("-1e-3", None, -1e-3), ("30 deg", "degrees", 30), ("2 kPa", "Pa", 2000), (".5 N s", "N s", 0.5)],
)  # fmt: skip
def test_a_quantity_comes_out_in_si(text, unit, value):
    assert quantity(text, unit) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "unit", "words"),
    [("5 kg", "m", r"is in kg, expected a number in \[m\]"), ("5 metre", "m", "unknown unit"), ("m", "m", "no number"),
     ("5 cm", None, "without a unit"), ("", "m", "no number"), ("5 pixel", "pixels", "Did you mean 'pixels'")],
)  # fmt: skip
def test_a_wrong_unit_is_said(text, unit, words):
    with pytest.raises(ValueError, match=words):
        quantity(text, unit)


def test_a_path_finds_things_by_name_forces_by_kind_and_moves_by_move(shot):
    assert route_of(shot, "things.box.rigid.friction") == ("things", 1, "rigid", "friction")
    assert route_of(shot, "things[0].at[1]") == ("things", 0, "at", 1)
    assert route_of(shot, "forces.wind.velocity.0") == ("forces", 0, "wind", "velocity", 0)
    assert route_of(shot, "camera.dolly.metres") == ("camera", 0, "metres")
    assert unit_of(shot, route_of(shot, "things.ball.velocity.1")) == "m/s"
    assert unit_of(shot, route_of(shot, "things.ball.rigid.restitution")) == "-"


@pytest.mark.parametrize(
    ("path", "words"),
    [("things.bal.rigid.mass", "Did you mean 'ball'"), ("things.ball.rigid.restituton", "Did you mean 'restitution'"),
     ("things.ball.smoke.cooling", "is not given in this shot"), ("seconds.0", "is a single value"), ("", "no field"),
     ("things.ball.at.3", "There are: 0, 1, 2")],
)  # fmt: skip
def test_a_wrong_path_names_what_is_there(shot, path, words):
    with pytest.raises(ValueError, match=words):
        route_of(shot, path)


def test_a_revised_shot_differs_in_these_fields_alone(shot):
    other = revised(shot, {"things.ball.rigid.restitution": 0.7, "forces.wind.velocity.0": 2})
    data, expected = other.to_dict(), shot.to_dict()
    expected["things"][0]["rigid"]["restitution"] = 0.7
    expected["forces"][0]["wind"]["velocity"][0] = 2.0
    assert data == expected


# -- plans ----------------------------------------------------------------------------------------------------------


def test_a_grid_has_every_combination_and_its_ends(shot):
    plan = grid(parsed("things.ball.at.1=10cm:20cm:3", shot), parsed("seed=1,2", shot))
    assert [tuple(row.values()) for row in plan] == [(h, s) for h in (0.1, 0.15, 0.2) for s in (1, 2)]
    assert grid(parsed("things.ball.rigid.restitution=0.1:0.9:9", shot))[2]["things.ball.rigid.restitution"] == 0.3
    words = grid(parsed("things.ball.rigid.material=wood,steel", shot))
    assert [row["things.ball.rigid.material"] for row in words] == ["wood", "steel"]
    powers = grid(parsed("things.ball.rigid.density=log:10:1000:3", shot))
    assert [row["things.ball.rigid.density"] for row in powers] == pytest.approx([10, 100, 1000])


def test_a_latin_hypercube_has_one_draw_in_every_part_of_every_range():
    plan = latin_hypercube(40, Span("a", -1, 3), Span("b", 1, 1e4, log=True), Axis("c", (1, 2, 3, 4)), seed=3)
    a = (np.array([row["a"] for row in plan]) + 1) / 4
    b = np.log10([row["b"] for row in plan]) / 4
    for share in (a, b):
        assert np.array_equal(np.sort((share * 40).astype(int)), np.arange(40))
    assert np.array_equal(np.bincount([row["c"] for row in plan])[1:], [10] * 4)
    assert plan == latin_hypercube(40, Span("a", -1, 3), Span("b", 1, 1e4, log=True), Axis("c", (1, 2, 3, 4)), seed=3)
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.5


def test_random_draws_fill_the_range_evenly():
    plan = sweep_plan.draws(4000, Span("a", 0, 2), seed=1)
    counts = np.histogram([row["a"] for row in plan], 10, (0, 2))[0]
    assert abs(counts - 400).max() < 4.5 * np.sqrt(400 * 0.9)  # binomial, 4.5 sigma


def test_a_list_is_read_with_its_units(shot, tmp_path):
    (tmp_path / "runs.csv").write_text("things.ball.at.1,things.ball.rigid.material\n5cm,wood\n0.1,steel\n")
    rows = sweep_plan.listed(tmp_path / "runs.csv", shot)
    assert rows == [
        {"things.ball.at.1": 0.05, "things.ball.rigid.material": "wood"},
        {"things.ball.at.1": 0.1, "things.ball.rigid.material": "steel"},
    ]
    (tmp_path / "runs.json").write_text(json.dumps(rows))
    assert sweep_plan.listed(tmp_path / "runs.json", shot) == rows


@pytest.mark.parametrize(
    ("text", "words"),
    [("seed", "gives no values"), ("seed=1:2:3:4", "low:high"), ("seconds=3:1:4", "lower and a higher"),
     ("seconds=1:2:1", "at least 2"), ("seconds=1:2:x", "no count"), ("seconds=5 kg,1", "in kg"),
     ("seconds=log:0:1:3", "above 0")],
)  # fmt: skip
def test_what_is_no_axis_is_said(shot, text, words):
    with pytest.raises(ValueError, match=words):
        parsed(text, shot)


def test_a_grid_of_a_range_without_a_count_or_of_one_field_twice_is_refused(shot):
    with pytest.raises(ValueError, match="how many values"):
        grid(parsed("seconds=1:2", shot))
    with pytest.raises(ValueError, match="given twice: seed"):
        grid(Axis("seed", (1,)), Axis("seed", (2,)))
    with pytest.raises(ValueError, match="expected 1 to"):
        grid(*(Axis(f"x{i}", tuple(range(100))) for i in range(5)))


# -- runs -----------------------------------------------------------------------------------------------------------


def plan_of(shot, values="0.2,0.5,0.8"):
    return grid(parsed(f"things.ball.rigid.restitution={values}", shot))


def test_what_is_measured_is_what_the_law_says(shot, tmp_path):
    table = sweep(shot, plan_of(shot), tmp_path, outcomes=[f"{__name__}:lowest"])
    fall = 0.12 - 0.02
    speed = np.sqrt(2 * GRAVITY * fall)
    assert table.column("ball.impact_speed [m/s]") == pytest.approx(speed, rel=2e-3)
    sample = GRAVITY / 24 / 8
    assert np.all(table.column("ball.peak_speed [m/s]") <= speed * 1.001)
    assert np.all(table.column("ball.peak_speed [m/s]") >= speed - sample)
    mass = 4 / 3 * np.pi * 0.02**3 * physim.Rigid("wood").density
    assert table.column("ball.peak_energy [J]") == pytest.approx(mass * GRAVITY * fall, rel=2.1 * sample / speed)
    blow = mass * speed * (1 + np.array([0.5, 0.8]))  # of two restitutions the larger holds
    assert table.column("ball.peak_impulse [N s]")[1:] == pytest.approx(blow, rel=2e-3)
    assert np.all(table.column("lowest") < 0.02 + speed / 24 / 8) and np.all(table.column("lowest") > 0.0199)
    assert table.column("box.time_to_rest [s]") == pytest.approx(np.sqrt(2 * 0.035 / GRAVITY), abs=0.15)


def test_what_is_there_is_not_run_again_and_the_table_stays_as_it_is(shot, tmp_path):
    sweep(shot, plan_of(shot), tmp_path)
    before = (tmp_path / "table.csv").read_bytes()
    stamps = {file: file.stat().st_mtime_ns for file in tmp_path.glob("runs/*/result.json")}
    told = []
    sweep(shot, plan_of(shot), tmp_path, progress=lambda stage, part: told.append((stage, part)))
    assert told == [("runs", 1.0)] and len(stamps) == 3
    assert stamps == {file: file.stat().st_mtime_ns for file in tmp_path.glob("runs/*/result.json")}
    assert (tmp_path / "table.csv").read_bytes() == before
    more = sweep(shot, plan_of(shot, "0.5,0.8,0.9"), tmp_path)
    assert len(list(tmp_path.glob("runs/*"))) == 4 and not more.failed


def test_one_failing_run_is_reported_and_does_not_stop_the_rest(shot, tmp_path):
    table = sweep(shot, plan_of(shot, "0.5,0.9,0.8"), tmp_path, outcomes=[f"{__name__}:broken"])
    assert [bool(run.error) for run in table] == [False, True, False]
    assert table[1].error == "RuntimeError: too lively"
    assert np.isnan(table.column("broken")[1])
    assert len(list(tmp_path.glob("runs/*/error.txt"))) == 1


def test_a_wrong_value_is_said_before_anything_runs(shot, tmp_path):
    with pytest.raises(ValueError, match=r"run 1  things\[0\].rigid.restitution: given 1.5"):
        sweep(shot, plan_of(shot, "0.5,1.5"), tmp_path)
    with pytest.raises(ValueError, match="expected module:function"):
        sweep(shot, plan_of(shot), tmp_path, outcomes=["nowhere:nothing"])
    assert not list(tmp_path.iterdir())


def test_rows_that_come_to_the_same_shot_are_one_run(shot, tmp_path):
    table = sweep(shot, [{"seconds": 0.5}, {}, {"seconds": 0.25}], tmp_path)
    assert table[0].key == table[1].key != table[2].key
    assert len(list(tmp_path.glob("runs/*"))) == 2


def test_scenes_without_a_picture_move_as_those_with_one(shot):
    bare = physim.simulate(physim.reconstruct(shot, picture=False), seconds=0.2)
    full = physim.simulate(physim.reconstruct(shot), seconds=0.2)
    assert all(np.array_equal(bare[n].dense_position, full[n].dense_position) for n in ("ball", "box"))


def test_the_table_is_written_in_every_format(shot, tmp_path):
    table = sweep(shot, plan_of(shot, "0.2,0.5"), tmp_path / "runs", outcomes=[f"{__name__}:lowest"])
    rows = json.loads(table.save(tmp_path / "t.json").read_text())
    assert [row["things.ball.rigid.restitution"] for row in rows] == [0.2, 0.5]
    assert rows[0]["lowest"] == table[0].outcomes["lowest"]
    with pytest.raises(ValueError, match=r"ends in \.csv"):
        table.save(tmp_path / "t.xlsx")
    with pytest.raises(KeyError, match="expected one of: key"):
        table.column("nothing")
    parquet = pytest.importorskip("pyarrow.parquet")
    read = parquet.read_table(table.save(tmp_path / "t.parquet"))
    assert read.column("lowest").to_pylist() == list(table.column("lowest"))


def test_runs_lie_in_any_storage_that_has_a_url(shot, tmp_path):
    fsspec = pytest.importorskip("fsspec")
    there = sweep(shot, plan_of(shot, "0.2,0.9"), "memory://sweeps/a", outcomes=[f"{__name__}:broken"])
    here = sweep(shot, plan_of(shot, "0.2,0.9"), tmp_path, outcomes=[f"{__name__}:broken"])
    files = fsspec.filesystem("memory")
    assert files.cat_file("/sweeps/a/table.csv") == (tmp_path / "table.csv").read_bytes()
    assert bool(there[1].error) and there[0].outcomes == here[0].outcomes
    done = files.info(f"/sweeps/a/runs/{there[0].key}/result.json")["created"]
    sweep(shot, plan_of(shot, "0.2,0.9"), "memory://sweeps/a", outcomes=[f"{__name__}:broken"])
    assert files.info(f"/sweeps/a/runs/{there[0].key}/result.json")["created"] == done
    with pytest.raises(ValueError, match="nothingfs"):
        sweep(shot, plan_of(shot), "nothingfs://bucket")


# -- executors ------------------------------------------------------------------------------------------------------


def squared(number):
    if number == 3:
        raise ValueError("three is no number")
    if number == 4:
        os._exit(7)
    if number == 5:
        time.sleep(60)
    return number * number if number else None


def test_processes_give_every_job_its_answer_and_say_what_failed():
    answers = dict(Local(2, timeout=3.0, retries=1).run(squared, [1, 2, 3, 4, 5, 6, 0]))
    assert {n: a for n, a in answers.items() if not isinstance(a, Failure)} == {0: 1, 1: 4, 5: 36, 6: None}
    assert answers[2] == Failure("ValueError: three is no number", 1)
    assert answers[3] == Failure("its process died with exit code 7", 2)
    assert answers[4] == Failure("it took longer than 3 s", 2)
    assert answers[6] is None  # is an answer, too
    assert dict(Serial().run(squared, [1, 3])) == {0: 1, 1: Failure("ValueError: three is no number", 1)}


def test_numbers_of_workers_that_cannot_be_are_refused():
    for wrong in ({"workers": 0}, {"timeout": 0.0}, {"retries": -1}):
        with pytest.raises(ValueError, match="at least one worker"):
            Local(**wrong)


SCRIPT = """
import sys, physim
from physim.sweep import sweep
if __name__ == "__main__":
    shot = physim.Shot.load(sys.argv[1])
    sweep(shot, [{"things.ball.rigid.restitution": i / 20} for i in range(20)], sys.argv[2], workers=int(sys.argv[3]))
"""


@pytest.mark.slow
def test_a_sweep_that_is_killed_goes_on_where_it_was_and_ends_the_same(shot, tmp_path):
    script, file = tmp_path / "go.py", shot.save(tmp_path / "shot.json")
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(file)]
    whole = sweep(shot, [{"things.ball.rigid.restitution": i / 20} for i in range(20)], tmp_path / "whole")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    quiet = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    for wanted in (1, 9):
        run = subprocess.Popen([*command, str(tmp_path / "cut"), "2"], **quiet)
        while len(list((tmp_path / "cut").glob("runs/*/result.json"))) < wanted and run.poll() is None:
            time.sleep(0.01)
        run.send_signal(signal.SIGKILL)
        run.wait()
    assert len(list((tmp_path / "cut").glob("runs/*/result.json"))) < 20
    subprocess.run([*command, str(tmp_path / "cut"), "1"], check=True, **quiet)
    assert (tmp_path / "cut" / "table.csv").read_bytes() == (tmp_path / "whole" / "table.csv").read_bytes()
    assert len(whole) == 20 and not whole.failed
