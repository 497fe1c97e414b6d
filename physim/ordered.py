"""Independent pieces of work, done side by side and handed out in order. Warp's kernels run without Python's lock."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """Something that several threads need and one of them makes, when it is first asked for."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make, self._lock = make, Lock()
        self._made: list[T] = []

    def get(self) -> T:
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(workers: Sequence[Callable[[int], T]], count: int) -> Iterator[T]:
    """Results for 0, 1, ..., count - 1, in this order.

    Args:
        workers: Functions that give the same result for the same number. Each has one call at a time, so it may own
            buffers. One worker means no threads.
        count: How many results.

    Yields:
        Each result as soon as it and all before it are done; at most one more per worker is made ahead.
    """
    if len(workers) == 1:
        yield from map(workers[0], range(count))
        return
    free: SimpleQueue[Callable[[int], T]] = SimpleQueue()
    for worker in workers:
        free.put(worker)

    def run(index: int) -> T:
        worker = free.get()
        try:
            return worker(index)
        finally:
            free.put(worker)

    waiting: deque[Future[T]] = deque()
    pool = ThreadPoolExecutor(len(workers), thread_name_prefix="frame")
    try:
        for index in range(count):
            waiting.append(pool.submit(run, index))
            if len(waiting) > len(workers):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:  # also when whoever reads stops early
        for future in waiting:
            future.cancel()
        pool.shutdown()
