"""Runs on a Ray cluster, or on Ray of this machine. Needs the extra ``cluster``."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from physim.executor import AGAIN, Failure, Needs, Work, gigabytes, said

AHEAD = 1000
"""Jobs that Ray has been told of and that are not done: enough for its autoscaler to see that nodes are wanted."""
LOOK = 1.0
"""Between two looks for runs that take too long [s]."""


@dataclass(frozen=True)
class Ray:
    """Does jobs as Ray tasks. Outputs must lie where every node finds them: a shared folder or a URL.

    A worker process of Ray does many jobs, so compiled kernels and recorded launches serve all of them.

    Raises:
        ImportError: Ray is not installed.
        ValueError: A number that cannot be; and, when it runs, a cluster no node of which can ever do a job: said at
            once, where Ray itself would wait for ever.
    """

    address: str | None = None
    """Of a running cluster, 'auto' or 'ray://host:10001'; ``None``: what RAY_ADDRESS says, or else this machine."""
    needs: Needs = field(default_factory=Needs)
    """What one job asks of a node."""
    timeout: float | None = None
    """Time after which a job is given up [s], counted from where it begins."""
    retries: int = 1
    """How often a job is begun again whose worker died or took too long."""
    scaled: bool = False
    """The cluster's autoscaler may add nodes that have what is asked for: it is not refused for lack of them."""
    workers: int | None = None
    """Cores of this machine that Ray may use, where no cluster is named; ``None``: all."""

    def __post_init__(self) -> None:
        if self.retries < 0 or (self.timeout is not None and not self.timeout > 0):
            raise ValueError(
                f"given retries={self.retries}, timeout={self.timeout}; expected no negative retries and a timeout "
                "above 0 s."
            )

    def run(self, work: Work, jobs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """As :meth:`physim.executor.Executor.run`."""
        ray = _ray()
        mine = not ray.is_initialized()
        if mine:
            address = self.address or os.environ.get("RAY_ADDRESS")
            alone = {} if address else {"include_dashboard": False, "num_cpus": self.workers}
            ray.init(address=address, log_to_driver=False, logging_level="warning", **alone)
        try:
            self._check(ray)
            yield from _Tasks(self, ray, work, jobs).results()
        finally:
            if mine:
                ray.shutdown()

    def _check(self, ray: Any) -> None:
        """Whether any node can ever do a job."""
        names = {"CPU": self.needs.cpus, "GPU": self.needs.gpus, "memory": self.needs.memory}
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if self.scaled or any(self.needs.within(*(node.get(name, 0.0) for name in names)) for node in nodes):
            return
        cpus, gpus, memory = (max((node.get(name, 0.0) for node in nodes), default=0.0) for name in names)
        raise ValueError(
            f"a run asks for {self.needs}, but no node of the cluster has that; the most of each is {cpus:g} CPU, "
            f"{gpus:g} GPU, {gigabytes(memory) or '0 GB'}. Ask for less, or say scaled=True if its autoscaler adds "
            "such nodes."
        )


class _Tasks:
    """The tasks of one call."""

    def __init__(self, settings: Ray, ray: Any, work: Work, jobs: Sequence[Any]) -> None:
        self.settings, self.ray, self.work, self.jobs = settings, ray, work, jobs
        needs = settings.needs
        self.task = ray.remote(_begun).options(
            num_cpus=needs.cpus, num_gpus=needs.gpus, memory=int(needs.memory) or None, max_retries=0
        )
        self.clock = ray.remote(_Clock).options(num_cpus=0).remote() if settings.timeout is not None else None
        self.tries = [0] * len(jobs)
        self.running: dict[Any, int] = {}
        self.late: set[Any] = set()

    def results(self) -> Iterator[tuple[int, Any]]:
        fresh = iter(range(len(self.jobs)))
        for number in itertools.islice(fresh, AHEAD):
            self._begin(number)
        try:
            while self.running:
                done, _ = self.ray.wait(list(self.running), timeout=None if self.clock is None else LOOK)
                self._stop_late()
                for reference in done:
                    number = self.running.pop(reference)
                    answer = self._answer(reference, self.tries[number])
                    if answer is AGAIN:
                        self._begin(number)
                        continue
                    following = next(fresh, None)
                    if following is not None:
                        self._begin(following)
                    yield number, answer
        finally:  # also when whoever reads stops early, on a cluster that goes on
            for reference in self.running:
                self.ray.cancel(reference, force=True)
            if self.clock is not None:
                self.ray.kill(self.clock)

    def _begin(self, number: int) -> None:
        self.tries[number] += 1
        reference = self.task.remote(self.work, self.jobs[number], self.clock, (number, self.tries[number]))
        self.running[reference] = number

    def _stop_late(self) -> None:
        """What runs for longer than it may."""
        if self.clock is None or self.settings.timeout is None:
            return
        begun, now = self.ray.get(self.clock.times.remote())
        for reference, number in self.running.items():
            since = begun.get((number, self.tries[number]), now)
            if reference not in self.late and now - since > self.settings.timeout:
                self.late.add(reference)
                self.ray.cancel(reference, force=True)

    def _answer(self, reference: Any, tries: int) -> Any:
        """What a job gave; ``AGAIN``: it is to be begun again."""
        errors = self.ray.exceptions
        try:
            return self.ray.get(reference)
        except errors.RayTaskError as error:
            return Failure(said(error.cause), tries)
        except (
            errors.TaskCancelledError, errors.WorkerCrashedError, errors.NodeDiedError, errors.OutOfMemoryError
        ) as died:  # fmt: skip
            late = reference in self.late
            text = f"it took longer than {self.settings.timeout:g} s" if late else f"its worker died: {_name(died)}"
        except errors.RayError as error:  # such as a module that a node does not have
            return Failure(said(error), tries)
        finally:
            self.late.discard(reference)
        return Failure(text, tries) if tries > self.settings.retries else AGAIN


class _Clock:
    """When every job began, by the clock of one node."""

    def __init__(self) -> None:
        self._begun: dict[tuple[int, int], float] = {}

    def begin(self, job: tuple[int, int]) -> None:
        self._begun[job] = time.monotonic()

    def end(self, job: tuple[int, int]) -> None:
        self._begun.pop(job, None)

    def times(self) -> tuple[dict[tuple[int, int], float], float]:
        return self._begun, time.monotonic()


def _begun(work: Work, job: Any, clock: Any, which: tuple[int, int]) -> Any:
    if clock is None:
        return work(job)
    clock.begin.remote(which)
    try:
        return work(job)
    finally:
        clock.end.remote(which)


def _name(error: BaseException) -> str:
    return type(error).__name__


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ImportError('runs on Ray need Ray: pip install "physim[cluster]".') from error
    return ray
