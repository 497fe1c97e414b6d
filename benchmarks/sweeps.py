"""How fast sweeps are, and that killing them costs nothing: ``python -m benchmarks.sweeps WHAT``.

``rate``: runs per second of one core of a scene of ten bodies and 2 s, warmed up, beside a plain loop over Newton
(``--newton PYTHON``, an interpreter that has it). ``workers``: 64 runs with one worker and with two. ``kill``: a sweep
killed with SIGKILL at 20 random moments, continued, and its table compared. ``storage``: what a run costs in a local
folder and through a local server that speaks S3. ``segments``: a clip in one piece and in five, by two workers.

Times are CPU times, which other work on the machine changes little; wall times are said to be such.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import physim
from physim.store import Folder
from physim.sweep import physics, sweep
from physim.sweep_job import Job, jobs_of

RESTITUTION = "things.b1.rigid.restitution"


def scene(bodies: int = 10, seconds: float = 2.0) -> physim.Shot:
    """Balls and boxes that fall on a table and on each other."""
    things = []
    for i in range(bodies):
        row, column = divmod(i, 5)
        things.append({
            "name": f"b{i}",
            "shape": {"sphere": 0.03} if i % 2 else {"box": [0.05, 0.05, 0.05]},
            "at": [0.12 * (column - 2), 0.1 + 0.08 * row + 0.02 * (i % 3), -0.6 - 0.05 * (row % 2)],
            "rigid": {},
        })  # fmt: skip
    return physim.Shot(
        photo="skimage:coffee.png",
        hints={"camera": {"pitch": 40, "height": 0.5, "fov": 40}},
        things=things,
        settle=False,
        seconds=seconds,
        fps=24,
    )


def plan_of(count: int) -> list[dict[str, float]]:
    return [{RESTITUTION: round(0.1 + 0.8 * i / count, 4)} for i in range(count)]


def jobs(count: int, folder: str, **of_scene: Any) -> list[Job]:
    shot = scene(**of_scene)
    _, made = jobs_of({"shot": shot}, plan_of(count), Folder.of(folder), (), physics, False)
    return list(made.values())


def timed(work: Callable[[], Any]) -> float:
    """CPU time of this process [s]."""
    before = time.process_time()
    work()
    return time.process_time() - before


# -- rate -----------------------------------------------------------------------------------------------------------


def rate(newton: str | None) -> dict[str, float]:
    """Ours and Newton's in turns, so that what else the machine does meets both."""
    with tempfile.TemporaryDirectory() as folder:
        all_jobs = jobs(60, folder)
        times = [timed(lambda job=job: physics(job)) for job in all_jobs[:30]]
        theirs = _newton(newton) if newton else {}
        times += [timed(lambda job=job: physics(job)) for job in all_jobs[30:]]
    warm = sorted(times[5:])
    found = {
        "first run [s]": times[0],
        "runs per second of a core, median": 1 / warm[len(warm) // 2],
        "runs per second of a core, all warm runs": len(warm) / sum(warm),
    }
    return found | theirs


def _newton(python: str) -> dict[str, float]:
    script = Path(__file__).with_name("sweeps_newton.py")
    bodies = json.dumps(scene().to_dict()["things"])
    out = subprocess.run([python, str(script)], input=bodies, capture_output=True, text=True, check=True).stdout
    return json.loads(out.splitlines()[-1])


# -- workers --------------------------------------------------------------------------------------------------------


def workers(count: int, bodies: int, seconds: float) -> dict[str, float]:
    """The same sweep by one worker and by two, each in a new process."""
    found: dict[str, float] = {}
    tables = []
    for number in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "benchmarks.sweeps", "_one", folder, str(count), str(bodies), str(seconds)]
            begin = time.perf_counter()
            out = subprocess.run([*command, str(number)], check=True, capture_output=True, text=True).stdout
            found[f"wall, {number} [s]"] = time.perf_counter() - begin
            spent = json.loads(out.splitlines()[-1])
            found[f"CPU of the first process, {number} [s]"] = spent["self"]
            found[f"CPU of its workers, {number} [s]"] = spent["children"]
            tables.append((Path(folder) / "table.csv").read_bytes())
    assert tables[0] == tables[1], "the tables differ"
    alone = found["CPU of the first process, 1 [s]"] + found["CPU of its workers, 1 [s]"]
    path = found["CPU of the first process, 2 [s]"] + found["CPU of its workers, 2 [s]"] / 2
    found["faster, by CPU time on the longest way"] = alone / path
    found["faster, by the clock"] = found["wall, 1 [s]"] / found["wall, 2 [s]"]
    return found


def _one(folder: str, count: str, bodies: str, seconds: str, number: str) -> None:
    table = sweep(scene(int(bodies), float(seconds)), plan_of(int(count)), folder, workers=int(number))
    assert not table.failed
    used = {name: resource.getrusage(getattr(resource, f"RUSAGE_{name.upper()}")) for name in ("self", "children")}
    print(json.dumps({name: use.ru_utime + use.ru_stime for name, use in used.items()}))


# -- kill -----------------------------------------------------------------------------------------------------------


def kill(times: int, count: int, seed: int = 0) -> dict[str, float]:
    """Each time a new sweep, in a process forked from this one, which has everything loaded."""
    with tempfile.TemporaryDirectory() as folder:
        shot, plan = scene(bodies=4, seconds=0.5), plan_of(count)
        sweep(shot, plan[:3], f"{folder}/warm")
        begin = time.perf_counter()
        _forked(lambda: sweep(shot, plan, f"{folder}/whole"), None)
        whole = time.perf_counter() - begin
        expected = Path(folder, "whole", "table.csv").read_bytes()
        generator, done, halves = random.Random(seed), [], 0
        for i in range(times):
            place, killed = f"{folder}/{i}", False
            while not killed:  # one that was done before its time is no kill
                shutil.rmtree(place, ignore_errors=True)
                killed = _forked(lambda place=place: sweep(shot, plan, place), generator.uniform(0, whole))
            done.append(len(list(Path(place).glob("runs/*/result.json"))))
            halves += any(Path(place).rglob("*.part"))
            _forked(lambda place=place: sweep(shot, plan, place), None)
            assert Path(place, "table.csv").read_bytes() == expected, f"table {i} differs"
    print("runs done when killed:", *done)
    return {"killed": times, "equal tables": times, "with a half-written file": halves, "whole sweep, wall [s]": whole}


def _forked(work: Callable[[], Any], life: float | None) -> bool:
    """Work in a forked process, killed after ``life`` seconds unless ``None``; whether it was killed."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    if life is not None:
        time.sleep(life)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert life is not None or status == 0
    return os.WIFSIGNALED(status)


def kill_command(times: int, count: int, seed: int = 1) -> dict[str, float]:
    """The command itself, with two workers: one sweep, killed again and again until it is done."""
    with tempfile.TemporaryDirectory() as folder:
        file = scene(bodies=4, seconds=0.5).save(Path(folder, "shot.yaml"))
        Path(folder, "runs.json").write_text(json.dumps(plan_of(count)))
        command = [sys.executable, "-m", "i2v.cli", "sweep", str(file), "--list", f"{folder}/runs.json", "--quiet"]
        generator, done, life = random.Random(seed), [], 0.0
        for i in range(times + 1):
            place = Path(folder, "cut")
            begin = time.perf_counter()
            process = subprocess.Popen([*command, "-o", str(place), "--workers", "2"], stdout=subprocess.DEVNULL)
            if i < times:
                here = len(list(place.glob("runs/*/result.json")))
                while len(list(place.glob("runs/*/result.json"))) == here and process.poll() is None:
                    time.sleep(0.05)  # until the first run of this process
                life = time.perf_counter() - begin
                time.sleep(generator.uniform(0, 0.1 * life))
                process.kill()
            process.wait()
            done.append(len(list(place.glob("runs/*/result.json"))))
        sweep(file, plan_of(count), f"{folder}/whole")
        assert (place / "table.csv").read_bytes() == Path(folder, "whole", "table.csv").read_bytes()
    print("runs there after each:", *done)
    return {"killed": times, "equal tables": 1}


# -- storage --------------------------------------------------------------------------------------------------------


def storage(count: int) -> dict[str, float]:
    """Everything of a sweep but the runs: CPU time of this process, wall time, per run."""
    from moto.server import ThreadedMotoServer

    os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    import fsspec

    fsspec.filesystem("s3").mkdir("sweeps")
    shot, plan = scene(), plan_of(count)
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        physics(jobs(1, f"{folder}/one")[0])
        finished = next(Path(folder, "one", "runs").iterdir())
        files = {file.name: file.read_bytes() for file in finished.iterdir()}
        found["bytes of a run"] = sum(map(len, files.values()))
        for place in (f"{folder}/here", "s3://sweeps/there"):
            kind = "S3" if "://" in place else "local"
            begin = time.perf_counter()
            table = timed(lambda place=place: sweep(shot, plan, place, executor=_Writing(files)))
            found[f"{kind}: writing and reading, CPU [ms a run]"] = 1000 * table / count
            found[f"{kind}: writing and reading, wall [ms a run]"] = 1000 * (time.perf_counter() - begin) / count
            begin = time.perf_counter()
            sweep(shot, plan, place)
            found[f"{kind}: a finished sweep again, wall [ms a run]"] = 1000 * (time.perf_counter() - begin) / count
    server.stop()
    return found


class _Writing:
    """An executor whose runs are there at once."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def run(self, work: Any, all_jobs: Any) -> Any:
        for number, job in enumerate(all_jobs):
            for name in ("tracks.npz", "shot.json", "result.json"):
                Folder(job.folder).write(name, self.files[name])
            yield number, 0.0


# -- segments -------------------------------------------------------------------------------------------------------


def segments(seconds: float, width: int) -> dict[str, float]:
    """A clip in one piece and in five by two workers: the same bytes?"""
    import i2v
    from i2v.run import RunSummary
    from physim.shot_path import revised

    changes = {"output.width": width, "output.height": width * 2 // 3, "generate.model": "none", "settle": False}
    shot = revised(scene(bodies=6, seconds=seconds), changes)
    shot = revised(shot, {"camera": [{"move": "dolly", "metres": 0.05}]})
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        whole = i2v.animate(shot, f"{folder}/a/clip.mp4")
        middle = time.perf_counter()
        parts = i2v.animate(shot, f"{folder}/b/clip.mp4", segments=5, workers=2)
        end = time.perf_counter()
        assert isinstance(whole, RunSummary) and isinstance(parts, RunSummary)
        same = whole.path.read_bytes() == parts.path.read_bytes()
    print("frames", whole.frame_count, "size", whole.size)
    return {"the same file": same, "whole, wall [s]": middle - begin, "in segments, wall [s]": end - middle}


def main() -> None:
    if sys.argv[1:2] == ["_one"]:
        _one(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("rate", "workers", "kill", "kill-command", "storage", "segments"))
    parser.add_argument("--newton", metavar="PYTHON", help="an interpreter that has Newton")
    parser.add_argument("--count", type=int, help="runs")
    parser.add_argument("--bodies", type=int, default=10)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--width", type=int, default=480)
    parser.add_argument("--times", type=int, default=20, help="kills")
    given = parser.parse_args()
    does: dict[str, Callable[[], dict[str, float]]] = {
        "rate": lambda: rate(given.newton),
        "workers": lambda: workers(given.count or 64, given.bodies, given.seconds or 2.0),
        "kill": lambda: kill(given.times, given.count or 16),
        "kill-command": lambda: kill_command(given.times, given.count or 200),
        "storage": lambda: storage(given.count or 200),
        "segments": lambda: segments(given.seconds or 10.0, given.width),
    }
    for name, value in does[given.what]().items():
        print(f"{name:55} {value:.4g}")


if __name__ == "__main__":
    main()
