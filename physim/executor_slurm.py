"""Runs as jobs of a Slurm cluster, through submitit. Needs the extra ``cluster``."""

from __future__ import annotations

import functools
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from physim.executor import Failure, Local, Needs, Work, said

POLL = 2.0
"""Between two looks at what is done [s]."""
LONGEST_ARRAY = 1000
"""Tasks of one array at most: Slurm's own limit is 1001 where nobody has raised it."""
ROUNDS = 4
"""Tasks for each place: so many that a slow one does not make all the others wait."""


@dataclass(frozen=True)
class Slurm:
    """Does jobs as one Slurm array, each task of which does many: what starting costs is paid once a task.

    A task runs its share as :class:`physim.executor.Local` does, in a process beside it: a job that kills its process
    or hangs costs the others of its task nothing. Outputs must lie where every node finds them: a shared folder or a
    URL.

    Raises:
        ImportError: submitit is not installed.
        ValueError: A number that cannot be; and, when it runs, what Slurm refuses, in Slurm's words.
    """

    logs: str | os.PathLike
    """Folder for submitit's files, seen by every node."""
    needs: Needs = field(default_factory=lambda: Needs(memory=4e9))
    """What one job asks of a node."""
    at_once: int = 64
    """Jobs that run at the same time."""
    minutes: int = 240
    """Time limit of one task of the array."""
    timeout: float | None = None
    """Time after which one job is given up [s]."""
    retries: int = 1
    """How often a job is begun again whose process died or took too long; and a task whose node died."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """More of submitit's parameters, such as ``slurm_partition``."""
    cluster: str = "slurm"
    """submitit's executor; 'local' and 'debug' go the same way on this machine."""

    def __post_init__(self) -> None:
        if self.at_once < 1 or self.minutes < 1 or self.retries < 0 or not (self.timeout is None or self.timeout > 0):
            raise ValueError(
                f"given at_once={self.at_once}, minutes={self.minutes}, retries={self.retries}, "
                f"timeout={self.timeout}; expected at least 1, at least 1, none negative and above 0 s."
            )

    def run(self, work: Work, jobs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """As :meth:`physim.executor.Executor.run`; the answers of one task come together."""
        if not jobs:
            return
        submitit = _submitit()
        count = min(len(jobs), ROUNDS * self.at_once, LONGEST_ARRAY)
        waiting = self._submit(
            submitit, work, [[(n, jobs[n]) for n in range(i, len(jobs), count)] for i in range(count)]
        )
        try:
            while waiting:
                done = [task for task in waiting if task[0].done()]
                for task in done:
                    waiting.remove(task)
                    answers = self._answers(submitit, *task)
                    if answers is None:
                        waiting += self._submit(submitit, work, [task[1]], task[2] + 1)
                    else:
                        yield from answers
                time.sleep(POLL if waiting and not done else 0.0)
        finally:
            for task in waiting:
                task[0].cancel()

    def _submit(self, submitit: Any, work: Work, shares: list[list[tuple[int, Any]]], tries: int = 1) -> list[Any]:
        """One task for each share of the jobs: [(submitit's job, its share, how often it was begun)]."""
        executor = submitit.AutoExecutor(folder=os.fspath(self.logs), cluster=self.cluster)
        parameters: dict[str, Any] = {"timeout_min": self.minutes, "cpus_per_task": math.ceil(self.needs.cpus)}
        if self.needs.gpus:
            parameters["gpus_per_node"] = math.ceil(self.needs.gpus)
        if self.needs.memory:
            parameters["mem_gb"] = math.ceil(self.needs.memory / 1e9)
        parameters["slurm_array_parallelism"] = self.at_once
        executor.update_parameters(**parameters, **self.options)
        part = functools.partial(_share, work, self.timeout, self.retries)
        try:
            started = executor.map_array(part, shares)
        except submitit.core.utils.FailedJobError as error:
            raise ValueError(f"Slurm refuses a run that asks for {self.needs}: {error}") from error
        return [(job, share, tries) for job, share in zip(started, shares, strict=True)]

    def _answers(self, submitit: Any, job: Any, share: list[tuple[int, Any]], tries: int) -> Any:
        """What a task gave, for each of its jobs; ``None``: it is to be begun again."""
        try:
            return job.result()
        except submitit.core.utils.FailedJobError as error:
            if tries <= self.retries:
                return None
            text = f"its task died: {str(error).strip().splitlines()[-1]}"
        except Exception as error:  # such as a module that a node does not have
            text = said(error)
        return [(number, Failure(text, tries)) for number, _ in share]


def _share(work: Work, timeout: float | None, retries: int, share: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
    """The jobs of one task, on its node, one after the other in a process beside this one."""
    numbers, jobs = [number for number, _ in share], [job for _, job in share]
    return [(numbers[i], answer) for i, answer in Local(1, timeout=timeout, retries=retries).run(work, jobs)]


def _submitit() -> Any:
    try:
        import submitit
    except ImportError as error:
        raise ImportError('runs on Slurm need submitit: pip install "physim[cluster]".') from error
    return submitit
