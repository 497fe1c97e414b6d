"""Work side by side: the order is kept, a worker is never used twice at once, errors and early ends are clean."""

import threading
import time

import pytest

from physim.ordered import in_order


class Worker:
    def __init__(self) -> None:
        self.busy = threading.Lock()
        self.done: list[int] = []

    def __call__(self, index: int) -> int:
        assert self.busy.acquire(blocking=False), "two calls at once"
        try:
            time.sleep(0.002 * (index % 3))  # later pieces finish before earlier ones
            self.done.append(index)
            return index * index
        finally:
            self.busy.release()


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_in_order_from_workers_that_are_never_shared(workers):
    team = [Worker() for _ in range(workers)]
    assert list(in_order(team, 20)) == [i * i for i in range(20)]
    assert sorted(i for worker in team for i in worker.done) == list(range(20))


def test_little_is_made_ahead_of_the_reader():
    team = [Worker(), Worker()]
    results = in_order(team, 1000)
    next(results)
    time.sleep(0.05)
    assert sum(len(worker.done) for worker in team) <= 4
    results.close()
    assert sum(len(worker.done) for worker in team) <= 6


def test_an_error_reaches_the_reader():
    def fails(index: int) -> int:
        if index == 3:
            raise ValueError("frame 3")
        return index

    results = in_order([fails, fails], 10)
    with pytest.raises(ValueError, match="frame 3"):
        list(results)
