"""Who does the runs of a sweep: one function, many jobs, here or on many machines. Jobs and answers are plain data."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any, Protocol

Work = Callable[[Any], Any]
"""A function of a module, so that another process can find it by name."""


@dataclass(frozen=True)
class Failure:
    """A job that gave no answer."""

    text: str
    """What went wrong, as the error said it."""
    tries: int
    """How often it was begun."""


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
                yield number, Failure(_said(error), 1)


class Local:
    """Processes of this machine.

    Args:
        workers: Processes; default: one per core.
        timeout: Time a job may take before its process is stopped [s]; ``None``: any.
        retries: How often a job is begun again whose process died or took too long. An error that the job itself
            raises is final: it would be raised again.

    Raises:
        ValueError: A number that cannot be.
        ImportError: Pebble is not installed.
    """

    def __init__(self, workers: int | None = None, *, timeout: float | None = None, retries: int = 1) -> None:
        cores = os.process_cpu_count() if hasattr(os, "process_cpu_count") else len(os.sched_getaffinity(0))
        self.workers = cores or 1 if workers is None else workers
        self.timeout, self.retries = timeout, retries
        if self.workers < 1 or retries < 0 or (timeout is not None and not timeout > 0):
            raise ValueError(
                f"given workers={workers}, retries={retries}, timeout={timeout}; expected at least one worker, no "
                "negative retries and a timeout above 0 s."
            )

    def run(self, work: Work, jobs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
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
            for number in range(len(jobs)):
                begin(number)
            while running:
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    number = running.pop(future)
                    answer = self._answer(future, tries[number])
                    if answer is None:
                        begin(number)
                    else:
                        yield number, answer
        finally:
            pool.stop() if running else pool.close()
            pool.join()

    def _answer(self, future: Future, tries: int) -> Any:
        """What a job gave; ``None``: it is to be begun again."""
        from pebble import ProcessExpired

        try:
            return future.result()
        except TimeoutError:
            text = f"it took longer than {self.timeout:g} s"
        except ProcessExpired as error:
            text = f"its process died with exit code {error.exitcode}"
        except Exception as error:
            return Failure(_said(error), tries)
        return Failure(text, tries) if tries > self.retries else None


def _begin(parent: int) -> None:
    """A worker ends with the process that started it, also where that was killed."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
