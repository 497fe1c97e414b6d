"""The same sweep on Ray and through submitit: the same table; crashed, hanging and poisoned runs; refusals."""

import os
import sys
import time
from pathlib import Path

import pytest
import yaml

import physim
from physim.executor import Failure, Needs
from physim.executor_choice import executor_of
from physim.executor_ray import Ray
from physim.executor_slurm import Slurm
from physim.store import Folder
from physim.sweep import sweep

ROOT = Path(__file__).parents[2]
SHOT = physim.Shot(
    photo="skimage:coffee.png",
    hints={"camera": {"pitch": 40, "height": 0.4, "fov": 40}},
    things=[{"name": "ball", "shape": {"sphere": 0.02}, "at": [0, 0.12, -0.5], "rigid": {}}],
    settle=False,
    seconds=0.25,
)
PLAN = [{"things.ball.rigid.restitution": value} for value in (0.2, 0.5, 0.8)]


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The table of an undisturbed sweep in this process, which also compiles what the workers then load."""
    folder = tmp_path_factory.mktemp("here")
    assert not sweep(SHOT, PLAN, folder).failed
    return (folder / "table.csv").read_bytes()


@pytest.fixture
def paths(monkeypatch):
    """A worker has to find the functions of this file."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([os.path.dirname(__file__), *sys.path]))
    monkeypatch.setattr("physim.executor_slurm.POLL", 0.1)


@pytest.fixture(scope="module")
def ray(here):
    ray = pytest.importorskip("ray")
    before = dict(os.environ)
    os.environ["PYTHONPATH"] = os.pathsep.join([os.path.dirname(__file__), *sys.path])
    os.environ["RAY_AUTH_MODE"] = "disabled"
    ray.init(
        num_cpus=2, include_dashboard=False, object_store_memory=80 * 2**20, log_to_driver=False, logging_level="error"
    )
    yield ray
    ray.shutdown()
    os.environ.clear()
    os.environ.update(before)


def odd(job):
    """Squares, but 3 is an error, 4 kills its worker the first time, 5 always, 6 hangs."""
    number, folder = job
    if number == 3:
        raise ValueError("three is no number")
    if number in (4, 5):
        mark = os.path.join(folder, str(number))
        if number == 5 or not os.path.exists(mark):
            open(mark, "w").close()
            os._exit(9)
    if number == 6:
        time.sleep(600)
    return number * number if number else None


@pytest.mark.slow
def test_a_sweep_on_ray_gives_the_table_of_a_sweep_here(ray, here, tmp_path):
    table = sweep(SHOT, PLAN, tmp_path, executor="ray")
    assert not table.failed
    assert (tmp_path / "table.csv").read_bytes() == here


@pytest.mark.slow
def test_on_ray_a_worker_that_dies_is_replaced_and_what_hangs_or_is_poisoned_is_reported(ray, tmp_path):
    jobs = [(number, str(tmp_path)) for number in (1, 3, 4, 5, 6, 7, 0)]
    answers = dict(Ray(retries=1, timeout=1.5).run(odd, jobs))
    assert (answers[0], answers[2], answers[5], answers[6]) == (1, 16, 49, None)
    assert answers[1] == Failure("ValueError: three is no number", 1)
    assert answers[3].tries == 2 and "its worker died" in answers[3].text
    assert answers[4] == Failure("it took longer than 1.5 s", 2)


@pytest.mark.slow
def test_a_cluster_without_the_asked_gpu_or_memory_is_refused_at_once(ray):
    start = time.monotonic()
    with pytest.raises(ValueError, match=r"asks for 1 CPU, 1 GPU, but no node .*the most of each is 2 CPU, 0 GPU"):
        list(Ray(needs=Needs(gpus=1)).run(odd, [(1, "")]))
    with pytest.raises(ValueError, match="asks for 1 CPU, 1e\\+06 GB"):
        list(Ray(needs=Needs(memory=1e15)).run(odd, [(1, "")]))
    assert time.monotonic() - start < 5.0  # at once, and not after a time-out


@pytest.mark.slow
def test_who_stops_reading_stops_the_runs(ray, tmp_path):
    answers = Ray().run(odd, [(1, ""), (6, ""), (6, "")])
    assert next(answers) == (0, 1)
    answers.close()
    assert dict(Ray().run(odd, [(2, ""), (7, "")])) == {0: 4, 1: 49}  # both cores are free again


def test_a_sweep_through_submitit_gives_the_table_of_a_sweep_here(here, paths, tmp_path):
    pytest.importorskip("submitit")
    table = sweep(SHOT, PLAN, tmp_path, executor=Slurm(tmp_path / "logs", at_once=1, cluster="local"))
    assert not table.failed
    assert (tmp_path / "table.csv").read_bytes() == here


def test_a_job_of_slurm_that_kills_its_process_costs_the_others_nothing(paths, tmp_path):
    pytest.importorskip("submitit")
    slurm = Slurm(tmp_path / "logs", at_once=1, cluster="debug", retries=1)
    jobs = [(number, str(tmp_path)) for number in (2, 3, 4, 5, 7)]
    answers = dict(slurm.run(odd, jobs))
    assert (answers[0], answers[2], answers[4]) == (4, 16, 49)
    assert answers[1] == Failure("ValueError: three is no number", 1)
    assert answers[3] == Failure("its process died with exit code 9", 2)


def test_what_slurm_refuses_is_said_in_its_words(tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    for name in ("srun", "sbatch"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho 'Requested node configuration is not available' >&2\nexit 1\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(ValueError, match=r"asks for 1 CPU, 8 GPU(.|\n)*Requested node configuration is not available"):
        list(Slurm(tmp_path / "logs", Needs(gpus=8)).run(odd, [(1, "")]))


def test_the_cluster_file_of_the_documentation_is_one_that_ray_takes():
    util = pytest.importorskip("ray.autoscaler._private.util")
    config = util.prepare_config(yaml.safe_load((ROOT / "docs" / "cluster.yaml").read_text()))
    util.validate_config(config)
    assert config["max_workers"] == config["available_node_types"]["worker"]["max_workers"] == 8


def test_executors_are_known_by_name(tmp_path):
    def named(name, **more):
        settings = {"workers": None, "timeout": None, "retries": 1, "needs": None} | more
        return executor_of(name, Folder.of(tmp_path), **settings)

    assert named("ray://head:10001", timeout=9.0) == Ray("ray://head:10001", timeout=9.0)
    assert named("slurm", workers=16) == Slurm(tmp_path / "slurm", at_once=16)
    assert type(named(None, workers=1)).__name__ == "Serial"
    with pytest.raises(ValueError, match="expected one of local, ray, slurm"):
        named("kubernetes")
    with pytest.raises(ValueError, match="this machine has"):
        named("local", needs=Needs(gpus=64))
    with pytest.raises(ValueError, match="expected at most 1 workers"):
        named("local", workers=2, needs=Needs(memory=0.8 * physim.executor.free_memory()))
