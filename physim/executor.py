"""Who does the runs of a sweep: one function, many jobs, here or on many machines. Jobs and answers are plain data."""

from __future__ import annotations

import itertools
import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any, Protocol

from physim.ordered import cores

Work = Callable[[Any], Any]
"""A function of a module, so that another process can find it by name."""
AGAIN = object()
"""In place of an answer: the job is to be begun again. ``None`` is an answer."""
AHEAD = 4
"""Jobs of one worker that wait in its queue: what is looked at after each answer must not grow with the sweep."""


@dataclass(frozen=True)
class Failure:
    """A job that gave no answer."""

    text: str
    """What went wrong, as the error said it."""
    tries: int
    """How often it was begun."""


@dataclass(frozen=True)
class Needs:
    """What one job asks of a machine. It is looked at before the first one begins."""

    cpus: float = 1.0
    """Cores."""
    gpus: float = 0.0
    """Graphics processors; a part of one where several jobs share it."""
    memory: float = 0.0
    """[bytes]; 0: not looked at."""

    def __post_init__(self) -> None:
        numbers = (self.cpus, self.gpus, self.memory)
        if not all(math.isfinite(number) and number >= 0 for number in numbers) or self.cpus == 0:
            raise ValueError(
                f"given cpus={self.cpus}, gpus={self.gpus}, memory={self.memory}; expected cores above 0, and nothing "
                "negative."
            )

    def __str__(self) -> str:
        """Such as "1 CPU, 2 GPU, 4 GB"."""
        asked = [f"{self.cpus:g} CPU", f"{self.gpus:g} GPU" if self.gpus else "", gigabytes(self.memory)]
        return ", ".join(filter(None, asked))

    def within(self, cpus: float, gpus: float, memory: float) -> bool:
        """Whether a machine with so many ``cpus`` and ``gpus`` and so much ``memory`` [bytes] can do such a job."""
        return self.cpus <= cpus and self.gpus <= gpus and self.memory <= memory


class Executor(Protocol):
    """Does jobs; a job that fails does not stop the others."""

    def run(self, work: Work, jobs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Yield (number of the job, its answer or :class:`Failure`), each as soon as it is there.

        ``work`` must be a function at the top of a module. When the iterator is closed early, what runs is stopped.
        """
        ...


class Serial:
    """In this process, one after the other: nothing is started, and an interrupt stops at once."""

    def run(self, work: Work, jobs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        for number, job in enumerate(jobs):
            try:
                yield number, work(job)
            except Exception as error:  # one failing run must not stop the rest
                yield number, Failure(said(error), 1)


class Local:
    """Processes of this machine.

    Args:
        workers: Processes; default: as many as have the cores, and the GPUs, that each of them needs.
        timeout: Time a job may take before its process is stopped [s]; ``None``: any.
        retries: How often a job is begun again whose process died or took too long. An error that the job itself
            raises is final: it would be raised again.
        needs: What one job asks of this machine.

    Raises:
        ValueError: A number that cannot be; a machine that does not have what is asked for.
        ImportError: Pebble is not installed.
    """

    def __init__(
        self, workers: int | None = None, *, timeout: float | None = None, retries: int = 1, needs: Needs | None = None
    ) -> None:
        if (workers is not None and workers < 1) or retries < 0 or (timeout is not None and not timeout > 0):
            raise ValueError(
                f"given workers={workers}, retries={retries}, timeout={timeout}; expected at least one worker, no "
                "negative retries and a timeout above 0 s."
            )
        self.timeout, self.retries, self.needs = timeout, retries, needs or Needs()
        here = (cores(), graphics_processors() if self.needs.gpus else 0, free_memory())
        if not self.needs.within(*here):
            raise ValueError(
                f"a run asks for {self.needs}, but this machine has {here[0]} CPU, {here[1]} GPU, "
                f"{gigabytes(here[2])} free."
            )
        fit = [here[0] / self.needs.cpus]
        fit += [here[1] / self.needs.gpus] if self.needs.gpus else []
        fit += [here[2] / self.needs.memory] if self.needs.memory else []
        self.workers = int(min(fit)) if workers is None else workers
        if self.workers > 1 and self.needs.memory * self.workers > here[2]:
            raise ValueError(
                f"{self.workers} runs at once of {gigabytes(self.needs.memory)} each were asked for, but "
                f"{gigabytes(here[2])} is free: expected at most {max(int(here[2] / self.needs.memory), 1)} workers."
            )

    def run(self, work: Work, jobs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """As :meth:`physim.executor.Executor.run`."""
        import multiprocessing

        from pebble import ProcessPool

        pool = ProcessPool(
            max_workers=min(self.workers, max(len(jobs), 1)), initializer=_begin, initargs=(os.getpid(),),
            context=multiprocessing.get_context("spawn"),
        )  # fmt: skip
        tries = [0] * len(jobs)
        running: dict[Future, int] = {}

        def begin(number: int) -> None:
            tries[number] += 1
            running[pool.schedule(work, args=(jobs[number],), timeout=self.timeout)] = number

        try:
            fresh = iter(range(len(jobs)))
            for number in itertools.islice(fresh, AHEAD * self.workers):
                begin(number)
            while running:
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    number = running.pop(future)
                    answer = self._answer(future, tries[number])
                    if answer is AGAIN:
                        begin(number)
                        continue
                    following = next(fresh, None)
                    if following is not None:
                        begin(following)
                    yield number, answer
        finally:
            pool.stop() if running else pool.close()
            pool.join()

    def _answer(self, future: Future, tries: int) -> Any:
        """What a job gave; ``AGAIN``: it is to be begun again."""
        from pebble import ProcessExpired

        try:
            return future.result()
        except TimeoutError:
            text = f"it took longer than {self.timeout:g} s"
        except ProcessExpired as error:
            text = f"its process died with exit code {error.exitcode}"
        except Exception as error:
            return Failure(said(error), tries)
        return Failure(text, tries) if tries > self.retries else AGAIN


def graphics_processors() -> int:
    """CUDA devices that this process may use."""
    import physim_kernels  # noqa: F401  before the first use of Warp: its settings
    import warp as wp

    return int(wp.get_cuda_device_count())


def free_memory() -> float:
    """Memory that is free, or held by what can be dropped [bytes]; endless where the system does not say."""
    try:
        with open("/proc/meminfo") as file:
            lines = dict(line.split(":", 1) for line in file)
        free = float(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError):
        return math.inf
    try:
        with open("/sys/fs/cgroup/memory.max") as file:  # of a container
            return min(free, float(file.read()))
    except (OSError, ValueError):
        return free


def gigabytes(amount: float) -> str:
    """Such as "4 GB"; empty for nothing."""
    return f"{amount / 1e9:.3g} GB" if amount else ""


def _begin(parent: int) -> None:
    """A worker ends with the process that started it, also where that was killed."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def said(error: BaseException) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {error}"
