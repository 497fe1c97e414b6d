"""`i2v cache`: kernels compiled ahead, found, removed; results on stdout, progress on stderr."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest


def cache(*arguments, folder, check=True):
    """Run `i2v cache ...` with its kernels in ``folder``."""
    command = [sys.executable, "-m", "i2v.cli", "cache", *arguments]
    result = subprocess.run(
        command, env={**os.environ, "PHYSIM_CACHE": str(folder)}, capture_output=True, text=True, timeout=600
    )
    assert not check or result.returncode == 0, result.stderr
    return result


@pytest.fixture(scope="module")
def warmed(tmp_path_factory):
    """A folder that was empty, and what two runs that filled it at the same time said."""
    folder = tmp_path_factory.mktemp("kernels")
    command = [sys.executable, "-m", "i2v.cli", "cache", "warm", "--device", "cpu"]
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    environment = {**os.environ, "PHYSIM_CACHE": str(folder)}
    both = [subprocess.Popen(command, env=environment, **pipes) for _ in range(2)]
    return folder, [(*run.communicate(timeout=900), run.returncode) for run in both]


@pytest.mark.slow  # compiles every kernel there is
def test_two_runs_at_once_fill_an_empty_folder(warmed):
    folder, runs = warmed
    for out, err, code in runs:
        assert code == 0, err
        assert "modules" in out and "compile" not in err.lower()
        assert err.splitlines()[-1] == "kernels 100%"
    objects = list(folder.rglob("wp_physim_kernels.*/*.o"))
    assert len(objects) >= 20 and all(path.stat().st_size > 0 for path in objects)


@pytest.mark.slow  # needs the compiled kernels
def test_a_warm_cache_is_found_at_once_and_used(warmed):
    folder, _ = warmed
    begin = time.process_time(), sum(os.times()[2:4])
    again = cache("warm", "--device", "cpu", "--quiet", folder=folder)
    spent = time.process_time() - begin[0] + sum(os.times()[2:4]) - begin[1]
    assert again.stdout.startswith("all ") and "kernels" not in again.stderr, "quiet shows no progress"
    assert spent < 6.0, "2 s on an idle machine, of which most is starting Python twice"
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.o")}
    code = (
        "import physim; s = physim.Scene(); s.add(physim.Plane(), physim.Static('steel'))\n"
        "s.add(physim.Sphere(0.1), physim.Rigid('rubber'), position=(0, 1, 0))\n"
        "physim.simulate(s, seconds=0.1, device='cpu')"
    )
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "PHYSIM_CACHE": str(folder)}, check=True)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.o")} == before, "nothing was compiled anew"


@pytest.mark.slow  # needs the compiled kernels
def test_clear_removes_ours_and_nothing_else(warmed):
    folder, _ = warmed
    place = Path(cache("where", folder=folder).stdout.strip())
    assert place.is_relative_to(folder) and place.is_dir()
    foreign = place / "wp_somebody_else_0123456"
    foreign.mkdir()
    assert "MB of compiled kernels removed" in cache("clear", folder=folder).stdout
    assert [path.name for path in place.iterdir()] == [foreign.name]
    assert cache("clear", folder=folder).stdout.startswith("0.0 MB")


def test_where_is_one_line_on_stdout(tmp_path):
    result = cache("where", folder=tmp_path)
    assert result.stdout.strip().startswith(str(tmp_path)) and len(result.stdout.splitlines()) == 1
    assert "Traceback" not in result.stderr


def test_an_unknown_device_is_named_with_those_there_are(tmp_path):
    result = cache("warm", "--device", "cuda:99", folder=tmp_path, check=False)
    assert result.returncode == 2 and result.stdout == ""
    assert "cuda:99" in result.stderr and "cpu" in result.stderr and "Traceback" not in result.stderr


def test_a_folder_that_may_not_be_written_says_what_to_do(tmp_path):
    (tmp_path / "warp").write_text("a file where the folder should be")
    result = cache("warm", "--device", "cpu", folder=tmp_path, check=False)
    assert result.returncode == 2 and "PHYSIM_CACHE" in result.stderr and "Traceback" not in result.stderr
