"""Executors by their names, as the command line and ``sweep(executor="ray")`` say them."""

from __future__ import annotations

from typing import Any

from physim.executor import Executor, Local, Needs, Serial
from physim.store import Folder

NAMES = ("local", "ray", "slurm")
RAY_URL = "ray://"


def executor_of(
    executor: Executor | str | None,
    folder: Folder,
    *,
    workers: int | None = None,
    timeout: float | None = None,
    retries: int = 1,
    needs: Needs | None = None,
) -> Executor:
    """The executor that is meant.

    Args:
        executor: One, or 'local', 'ray' (this machine, or the cluster that RAY_ADDRESS names), 'ray://HOST:PORT',
            'slurm'; ``None`` is 'local'.
        folder: Where what the jobs make is to lie; Slurm's own files go into it too.
        workers: How many jobs at a time; ``None``: as many as fit.
        timeout: Time after which a job is given up [s].
        retries: How often a job is begun again whose process died or took too long.
        needs: What one job asks of a machine.

    Raises:
        ValueError: An unknown name; what :class:`Local`, :class:`~physim.executor_ray.Ray` and
            :class:`~physim.executor_slurm.Slurm` refuse.
    """
    if executor is not None and not isinstance(executor, str):
        return executor
    if executor in (None, "local"):
        alone = workers == 1 and timeout is None and needs is None
        if not alone and folder.place.startswith("memory://"):
            raise ValueError(f"{folder} lies in the memory of this process, which no other one sees: workers=1.")
        return Serial() if alone else Local(workers, timeout=timeout, retries=retries, needs=needs)
    if executor == "ray" or executor.startswith(RAY_URL):
        from physim.executor_ray import Ray

        address = None if executor == "ray" else executor
        return Ray(address, needs or Needs(), timeout, retries, workers=workers)
    if executor == "slurm":
        from physim.executor_slurm import Slurm

        if folder.local is None:
            raise ValueError(
                f"Slurm keeps its own files in a folder that all nodes see, which {folder} is not: "
                "executor=physim.Slurm(logs=FOLDER)."
            )
        more: dict[str, Any] = {} if needs is None else {"needs": needs}
        more |= {} if workers is None else {"at_once": workers}
        return Slurm(folder.local / "slurm", timeout=timeout, retries=retries, **more)
    raise ValueError(f"executor is {executor!r}, expected one of {', '.join(NAMES)}, or {RAY_URL}HOST:PORT.")
