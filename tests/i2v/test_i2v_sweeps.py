"""Sweeps from the command line, those that end in videos, and the page that shows them."""

import json
import re
import shutil
import subprocess

import pytest

import i2v
import physim
from i2v.cli import main
from i2v.sweep_page import save_page
from physim.sweep_table import Run, Table

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


@pytest.fixture
def shot(tmp_path):
    made = physim.Shot(
        photo="skimage:coffee.png",
        hints={"camera": {"pitch": 40, "height": 0.4, "fov": 40}},
        things=[{"name": "ball", "shape": {"sphere": 0.02}, "at": [0, 0.12, -0.5], "rigid": {}}],
        output={"width": 72, "height": 48},
        settle=False,
        seconds=0.25,
        fps=12,
    )
    return made.save(tmp_path / "shot.json")


def page_data(folder):
    html = (folder / "index.html").read_text()
    return json.loads(re.search(r'type="application/json">(.*?)</script>', html, re.S)[1])


def test_the_command_prints_its_runs_then_makes_them(shot, tmp_path, capsys):
    command = ["sweep", str(shot), "--set", "things.ball.rigid.restitution=0.2:0.8:3", "-o", str(tmp_path / "out")]
    assert main([*command, "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"things.ball.rigid.restitution={value}" for value in (0.2, 0.5, 0.8)]
    assert main([*command, "--workers", "1"]) == 0
    told = capsys.readouterr()
    assert told.out.strip().endswith("table.csv") and "3 of 3 runs" in told.err
    data = page_data(tmp_path / "out")
    assert [run["values"]["things.ball.rigid.restitution"] for run in data["runs"]] == [0.2, 0.5, 0.8]
    first = data["runs"][0]["tracks"]["ball"]
    assert first[0] == [0, 120, -500] and len(first) == 3  # millimetres, a point per frame


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--set", "things.bal.rigid.mass=1,2"], "Did you mean 'ball'"), ([], "one or more different fields"),
     (["--set", "seconds=1,2", "--level", "film"], "expected one of physics, preview, video"),
     (["--set", "seconds=1,-2"], r"run 1  seconds: given -2"), (["--list", "nothing.csv"], "nothing.csv"),
     (["--set", "seed=1,2", "--executor", "cloud"], "expected one of local, ray, slurm"),
     (["--set", "seed=1,2", "--gpus", "64"], "but this machine has"),
     (["--set", "seed=1,2", "--webhook", "nowhere"], "expected http"),
     (["--set", "seed=1,2", "--executor", "ray", "--retries", "-1"], "no negative retries")],
)  # fmt: skip
def test_a_wrong_sweep_is_said_in_words(shot, tmp_path, capsys, options, words):
    assert main(["sweep", str(shot), *options, "-o", str(tmp_path / "out"), "--quiet", "--workers", "1"]) == 2
    assert re.search(words, capsys.readouterr().err)


def test_several_shots_are_run_as_they_are_and_may_lie_in_storage(shot, capsys):
    fsspec = pytest.importorskip("fsspec")
    fsspec.filesystem("memory").pipe_file("/shots/second.json", shot.read_bytes())
    command = ["sweep", str(shot), "memory://shots/second.json", "-o", "memory://shots/out", "--workers", "1"]
    assert main([*command, "--price", "3600"]) == 0
    told = capsys.readouterr()
    assert told.out == "memory://shots/out/table.csv\n" and "runs 1 of 1" in told.err and "cost" in told.err
    table = fsspec.filesystem("memory").cat_file("/shots/out/table.csv").decode().splitlines()
    assert [line.split(",")[1] for line in table] == ["shot", "shot", "second"]
    assert table[1].split(",")[2:] == table[2].split(",")[2:]  # one run: both are the same shot


def test_a_failed_run_makes_the_exit_code_1(shot, tmp_path, capsys):
    command = ["sweep", str(shot), "--set", "seed=1,2", "-o", str(tmp_path / "out"), "--quiet", "--workers", "1"]
    assert main([*command, "--measure", f"{__name__}:odd_seeds_only"]) == 1
    assert "no even seeds" in capsys.readouterr().err


def odd_seeds_only(trajectory):
    if trajectory.scene.seed % 2 == 0:
        raise ValueError("no even seeds")
    return 1.0


def test_runs_of_videos_leave_them_beside_their_results(shot, tmp_path):
    plan = physim.plan(physim.Shot.load(shot), "things.ball.rigid.restitution=0.2,0.8")
    table = i2v.sweep(shot, plan, tmp_path / "out", level="preview")
    assert not table.failed
    for run in page_data(tmp_path / "out")["runs"]:
        assert (tmp_path / "out" / run["video"]).stat().st_size > 500
    again = i2v.sweep(shot, plan, tmp_path / "out", level="physics")
    assert {run.key for run in again} & {run.key for run in table} == set()  # another level is another run
    for one, other in zip(again, table, strict=True):
        assert one.outcomes == other.outcomes


@pytest.mark.skipif(CHROMIUM is None, reason="no browser")
def test_the_page_runs_in_a_browser_and_text_in_it_stays_text(tmp_path):
    ugly = "</script><b id=hurt>"
    runs = [Run(f"k{i}", {"a.b": i, "c": ugly}, {"height [m]": i * 0.5}) for i in range(3)]
    save_page(Table((*runs, Run("k3", {"a.b": 3, "c": "x"}, {}, error="it broke"))), physim.Folder.of(tmp_path))
    dump = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", "--dump-dom",
         (tmp_path / "index.html").as_uri()], capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip
    assert 'data-ready="yes"' in dump and dump.count("data-key=") == 4
    assert "it broke" in dump and "1 failed" in dump and "<b id=" not in dump
