"""The i2v command: quick help, results on stdout, progress on stderr, clean ends."""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from i2v.animate import RunSummary
from i2v.cli import main
from i2v.doctor import Line, examine
from i2v.doctor_fit import UNITS, longest_shot, wan_fits

root = importlib.import_module("i2v.animate")


def summary(output):
    return RunSummary(
        Path(output), Path("a.shot.resolved.yaml"), (400, 600), 72, 24.0, "none", {"simulate": 1.5}, 2, 7,
        {"energy_gain [J]": 1e-9}, {"fov": "default"}, 1 << 30,
    )  # fmt: skip


@pytest.mark.parametrize("arguments", [["--help"], ["animate", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments):
    code = (
        "import sys, i2v.cli\n"
        f"try: i2v.cli.main({arguments!r})\n"
        "except SystemExit as end: code = end.code\n"
        "heavy = {'warp', 'jax', 'numpy', 'scipy', 'pydantic', 'rich'} & set(sys.modules)\n"
        "print(heavy, file=sys.stderr); sys.exit(code)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0 and result.stderr.strip() == "set()"
    assert "i2v" in result.stdout


def test_stdout_is_the_path_and_nothing_else(monkeypatch, capsys):
    seen = {}

    def animate(shot, output, **options):
        seen.update(options, shot=shot, output=output)
        options["progress"]("simulate", 0.0)
        return summary(output)

    monkeypatch.setattr(root, "animate", animate)
    monkeypatch.setitem(sys.modules, "i2v.animate", root)
    assert main(["animate", "some/coffee.yaml", "--seed", "4", "--seconds", "1.5", "--model", "none"]) == 0
    told = capsys.readouterr()
    assert told.out == "coffee.mp4\n"
    assert "simulate ..." in told.err and "600 x 400" in told.err and "energy_gain" in told.err
    assert (seen["seed"], seen["seconds"], seen["model"], seen["output"]) == (4, 1.5, "none", Path("coffee.mp4"))


def test_quiet_says_only_the_path(monkeypatch, capsys):
    monkeypatch.setattr(root, "preview", lambda shot, output, **_: summary(output))
    assert main(["preview", "coffee.yaml", "-o", "b.mp4", "--quiet"]) == 0
    assert capsys.readouterr() == ("b.mp4\n", "")


def test_a_wrong_option_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["animate", "a.yaml", "--sed", "3", "--no-such"])
    assert caught.value.code == 2 and "usage" in capsys.readouterr().err


SLOW_COMPOSE = """
import sys, time, importlib
from types import SimpleNamespace
import numpy as np
run = importlib.import_module("i2v.run")

def frame(i):
    if i == 2:
        print("composing", flush=True)
    time.sleep(0.05 if i < 3 else 0.2)
    return np.zeros((400, 600, 3), np.float32)

class Frames:
    frame_count, fps = 1000, 10
    def __iter__(self):
        return map(frame, range(1000))

trajectory = SimpleNamespace(frame_count=1000, bodies={}, contacts=[], report=SimpleNamespace(values={}))
run.physim = SimpleNamespace(
    reconstruct=lambda shot, **_: None,
    simulate=lambda scene, **_: trajectory,
    Compositor=lambda trajectory, **_: Frames(),
)
from i2v.cli import main
sys.exit(main(["animate", sys.argv[1], "-o", sys.argv[2], "--model", "none", "--quiet"]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_with_130_and_leaves_nothing(tmp_path, number):
    (tmp_path / "a.yaml").write_text("photo: skimage:coffee.png\nseconds: 100\nfps: 10\n")
    out = tmp_path / "out"
    out.mkdir()
    command = [sys.executable, "-c", SLOW_COMPOSE, str(tmp_path / "a.yaml"), str(out / "a.mp4")]
    # a test run in the background has interrupts switched off, and children inherit that
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heard
    ) as process:
        assert process.stdout.readline() == "composing\n"
        assert [f.name for f in out.iterdir()] == ["a.part.mp4"]
        os.kill(process.pid, number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "nothing was left behind" in err
    time.sleep(0.1)  # a child that survived would write again
    assert list(out.iterdir()) == []


def test_the_doctor_looks_at_everything_and_says_what_fits(tmp_path, capsys):
    lines = examine(tmp_path)
    topics = {line.topic for line in lines}
    looked_at = {"system", "packages", "simulation", "cache", "network", "memory", "will fit", "weights", "disk"}
    assert looked_at | {"video", "photos"} <= topics
    assert all(line.ok for line in lines), [line for line in lines if not line.ok]
    fits = " ".join(line.text for line in lines if line.topic.startswith("will"))
    assert all(word in fits for word in ("4K", "a gas of", "particles", "bodies", "cloth", "Wan"))


def test_the_doctor_ends_with_1_when_something_is_missing(monkeypatch, capsys):
    import i2v.doctor

    found = [Line("video", "ffmpeg does not start", ok=False, advice="install it again")]
    monkeypatch.setattr(i2v.doctor, "examine", lambda: found)
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "! video" in said and "-> install it again" in said
    assert main(["doctor", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == [vars(found[0])]


def test_for_whatever_is_missing_the_doctor_says_what_to_do(monkeypatch):
    import i2v.doctor as doctor

    def gone(name):
        raise doctor.PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "version", gone)
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    lines = [*doctor._packages(), doctor._photos()]
    assert sum(not line.ok for line in lines) == len(doctor.NEEDED)
    assert all("pip install" in line.advice for line in lines if line.text != "")
    cpu = [{"alias": "cpu", "name": "CPU", "memory": None}]
    part = {"devices": cpu, "default": "cpu",
            "kernels": {"folder": "/k", "bytes": 1e6, "compiled": 3, "total": 91}}  # fmt: skip
    told = {line.text.partition(":")[0]: line.advice for line in doctor._simulation(part)}
    assert "driver" in told["no GPU"]
    assert any("i2v cache warm" in advice for advice in told.values())
    whole = part | {"kernels": part["kernels"] | {"compiled": 91}}
    assert not any("cache warm" in line.advice for line in doctor._simulation(whole))


def test_a_container_has_what_it_may_use(tmp_path, monkeypatch):
    import i2v.doctor as doctor

    free, total = doctor.available_memory()
    (tmp_path / "memory.max").write_text("3000000\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    monkeypatch.setattr(doctor, "CONTAINER", tmp_path)
    assert doctor.available_memory() == (2_000_000, 3_000_000)
    (tmp_path / "memory.max").write_text("max\n")
    assert doctor.available_memory()[1] >= total > free > 0


def test_what_fits_grows_with_memory_and_wan_needs_what_its_arrays_take():
    sizes = {"small": 16, "large": 46}
    assert wan_fits(24e9, sizes) == (["small"], ["large"]) and wan_fits(1e9, sizes)[0] == []
    for unit in UNITS:
        assert 0 == unit.most(1e9) < unit.most(4e9) < unit.most(8e9)
        assert unit.most(8e9, frames=720) < unit.most(8e9, frames=24)


def test_more_memory_allows_longer_shots_and_larger_sizes_shorter_ones():
    assert longest_shot(1e9) == 0
    assert longest_shot(16e9) > longest_shot(8e9) > longest_shot(8e9, (480, 832)) > 0
    assert longest_shot(8e9, video_size=(400, 600)) > longest_shot(8e9)


def test_a_preview_named_html_is_a_page_and_open_shows_it(tmp_path, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(root, "preview_page", lambda shot, output, **_: Path(output))
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert main(["preview", "coffee.yaml", "-o", str(tmp_path / "a.html"), "--quiet"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "a.html")
    assert not opened
    monkeypatch.chdir(tmp_path)
    assert main(["preview", "coffee.yaml", "--open", "--quiet"]) == 0
    assert opened == [(tmp_path / "coffee.preview.html").as_uri()]
