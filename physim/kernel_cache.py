"""Compiled kernels: make them ahead, several at a time, find them, throw them away.

Warp compiles a module of kernels when it is first loaded and keeps the result in a folder, under a hash of the source;
writing there is atomic, so that several processes may compile at the same time. Loading releases Python's lock while
LLVM works, so threads are enough to use the cores.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import shutil
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import physim_kernels
import warp as wp

from physim.progress import Progress


@dataclass(frozen=True)
class Warmed:
    """What :func:`warm` did."""

    folder: Path
    device: str
    compiled: tuple[str, ...]
    """Modules that were compiled; the others were there."""
    total: int
    """Modules in all."""
    seconds: float
    """Wall time of loading them [s]."""


def load_kernels(
    modules: Iterable[ModuleType],
    device: wp.Device | str | None = None,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Load modules of kernels, and compile those that are not in the cache, ``workers`` at a time.

    A solver does this before its capture, which cannot compile.

    Args:
        modules: Of ``physim_kernels``; the slow ones first, so that none is left alone at the end.
        device: Warp device; ``None`` is Warp's default.
        workers: Threads; ``None``: as many as there are cores, at most 8.
        progress: Called in this thread with ('kernels', fraction of the modules loaded) as each one is.

    Raises:
        RuntimeError: One does not compile; the message says which one.
        OSError: The folder of the cache cannot be written.
    """
    todo = list(dict.fromkeys(modules))
    target = wp.get_device(device)
    with ThreadPoolExecutor(max_workers=workers or min(os.cpu_count() or 1, 8)) as pool:
        jobs = {pool.submit(_load, module, target): module for module in todo}
        for done, job in enumerate(as_completed(jobs), start=1):
            job.result()
            if progress:
                progress("kernels", done / len(todo))


def _load(module: ModuleType, device: wp.Device) -> None:
    try:
        wp.load_module(module, device=device)
    except OSError:
        raise
    except Exception as error:
        raise RuntimeError(
            f"the kernels of {module.__name__} do not compile on {device.alias}: {error}\n"
            f"If a compile was cut short, `physim cache clear` and try again; the cache is {folder()}."
        ) from error


def all_modules() -> list[ModuleType]:
    """Every module of ``physim_kernels`` that has kernels, those with the most source first.

    What has functions only is compiled into the modules that use it.
    """
    names = [f"physim_kernels.{m.name}" for m in pkgutil.iter_modules(physim_kernels.__path__)]
    modules = [importlib.import_module(name) for name in names]
    return sorted((m for m in modules if wp.get_module(m.__name__).kernels), key=_source_size, reverse=True)


def _source_size(module: ModuleType) -> int:
    """Bytes of source of a module and of all the modules of ours that it uses: what its compile time grows with."""
    seen: dict[str, int] = {}

    def visit(m: ModuleType) -> None:
        if m.__name__ not in seen:
            seen[m.__name__] = Path(str(m.__file__)).stat().st_size
            for value in vars(m).values():
                if isinstance(value, ModuleType) and value.__name__.startswith("physim_kernels."):
                    visit(value)

    visit(module)
    return sum(seen.values())


def folder() -> Path:
    """Where compiled kernels are kept: Warp's own folder, or ``$PHYSIM_CACHE/warp``; it exists.

    Raises:
        OSError: It cannot be made or may not be written.
    """
    try:
        wp.init()
        place = Path(str(wp.config.kernel_cache_dir))
        if not os.access(place, os.W_OK):
            raise PermissionError(f"{place} may not be written")
    except OSError as error:
        raise OSError(f"no kernel cache: {error}; set PHYSIM_CACHE to a folder that may be written.") from error
    return place


def warm(device: str | None = None, *, workers: int | None = None, progress: Progress | None = None) -> Warmed:
    """Compile all kernels of this library that are not in the cache.

    Args:
        device: Warp device; ``None`` is Warp's default.
        workers: Modules at a time; ``None``: as many as there are cores, at most 8.
        progress: Called with ('kernels', fraction of the modules loaded) as each one is.

    Raises:
        ValueError: There is no such device.
        OSError: The folder of the cache cannot be written.
        RuntimeError: A module does not compile.
    """
    place = folder()
    try:
        target = wp.get_device(device)
    except (ValueError, RuntimeError) as error:
        known = ", ".join(d.alias for d in wp.get_devices())
        raise ValueError(f"device is {device!r}, expected one of: {known}.") from error
    before = _objects(place)
    begin = time.perf_counter()
    modules = all_modules()
    load_kernels(modules, target, workers=workers, progress=progress)
    new = {path.parent.name.removeprefix("wp_physim_kernels.").rpartition("_")[0] for path in _objects(place) - before}
    return Warmed(place, str(target.alias), tuple(sorted(new)), len(modules), time.perf_counter() - begin)


def clear() -> int:
    """Throw away this library's compiled kernels, of all versions and devices; returns the bytes that were freed."""
    freed = size()
    for path in _folders(folder()):
        shutil.rmtree(path)
    return freed


def compiled(device: str | None = None) -> tuple[int, int]:
    """How many modules are in the cache as their source is now, for ``device``, and how many there are."""
    place, target = folder(), wp.get_device(device)
    suffixes = {".o"} if target.is_cpu else {".ptx", ".cubin"}
    modules = all_modules()
    names = [wp.get_module(m.__name__).get_module_identifier(block_dim=1 if target.is_cpu else None) for m in modules]
    there = [any(f.suffix in suffixes for f in (place / name).glob("*")) for name in names]
    return sum(there), len(there)


def size() -> int:
    """Of this library's compiled kernels [bytes]."""
    return sum(f.stat().st_size for path in _folders(folder()) for f in path.rglob("*") if f.is_file())


def _folders(place: Path) -> list[Path]:
    return sorted(place.glob("wp_physim_kernels.*")) if place.is_dir() else []


def _objects(place: Path) -> set[Path]:
    """Binaries of all modules: one per source, device and block size."""
    return {f for path in _folders(place) for f in path.iterdir() if f.suffix in {".o", ".ptx", ".cubin"}}
