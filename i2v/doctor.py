"""What this machine has, what is compiled, what will fit, and what to do about what is missing."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from i2v.doctor_fit import longest_shot, simulations, wan_fits

NEEDED = ("physim", "warp-lang", "jax", "flax", "numpy", "scipy", "trimesh", "pydantic", "Pillow", "imageio-ffmpeg")
OPTIONAL = {
    "scikit-image": ("examples", "example photos"),
    "opencv-python-headless": ("vision", "tracking in films"),
    "pillow-heif": ("formats", "HEIC photos"),
    "OpenEXR": ("formats", "EXR sequences"),
    "c2pa-python": ("credentials", "signed videos"),
    "fsspec": ("cluster", "storage by URL"),
    "ray": ("cluster", "sweeps on a cluster"),
}
"""Package → (extra, what it is for)."""
CONTAINER = Path("/sys/fs/cgroup")
"""What a container may use."""


@dataclass(frozen=True)
class Line:
    """One thing looked at."""

    topic: str
    text: str
    ok: bool = True
    """False: the library does not work without it."""
    advice: str = ""
    """What to do about it, if there is something."""


def examine(folder: Path | None = None) -> list[Line]:
    """Look at everything; ``folder`` is where videos would be written (default: here)."""
    warp, trouble = _warp_told()
    gpu = next((d["memory"] for d in warp.get("devices", ()) if d["memory"]), None)
    return [
        Line("system", f"{platform.platform()}, Python {platform.python_version()}"),
        *_packages(),
        *(_simulation(warp) if warp else [Line("simulation", trouble, ok=False, advice="pip install warp-lang")]),
        *_network(gpu is not None),
        *_memory(gpu),
        _disk(folder or Path.cwd()),
        _ffmpeg(),
        _photos(),
    ]


def _packages() -> Iterator[Line]:
    found = []
    for name in NEEDED:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            yield Line("packages", f"{name} is missing", ok=False, advice="pip install physim")
    yield Line("packages", ", ".join(found))
    there, gone = [], []
    for name, (extra, use) in OPTIONAL.items():
        try:
            there.append(f"{name} {version(name)} ({use})")
        except PackageNotFoundError:
            gone.append(Line("optional", f"no {name} ({use})", advice=f'pip install "physim[{extra}]"'))
    if there:
        yield Line("optional", ", ".join(there))
    yield from gone


def _warp_told() -> tuple[dict[str, Any], str]:
    """Asked in a process of its own: this half does not load Warp, and a broken driver cannot stop the report."""
    try:
        command = [sys.executable, "-m", "physim.cli", "devices", "--json"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        return json.loads(result.stdout.splitlines()[-1]), ""
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        return {}, f"Warp does not start: {error}"


def _simulation(told: dict[str, Any]) -> Iterator[Line]:
    for device in told["devices"]:
        memory = f", {device['memory'] / 2**30:.1f} GiB" if device["memory"] else ""
        yield Line("simulation", f"Warp on {device['alias']} ({device['name']}){memory}")
    if all(device["memory"] is None for device in told["devices"]):
        yield Line(
            "simulation", "no GPU: all of it runs on the CPU, one kernel on one core",
            advice="an NVIDIA GPU is used once its driver is installed (nvidia-smi lists it); nothing else is needed",
        )  # fmt: skip
    kernels = told["kernels"]
    text = f"{kernels['compiled']} of {kernels['total']} modules of kernels compiled for {told['default']}"
    whole = kernels["compiled"] >= kernels["total"]
    yield Line(
        "cache", f"{text}, {kernels['bytes'] / 1e6:.0f} MB in {kernels['folder']}",
        advice="" if whole else "i2v cache warm compiles the others now; else each compiles when it is first used",
    )  # fmt: skip


def _network(gpu: bool) -> Iterator[Line]:
    try:
        import jax

        devices = jax.devices()
    except Exception as error:  # a plug-in may fail in any way; the report has to say so and go on
        yield Line("network", f"JAX does not start: {error}", ok=False, advice="pip install --force-reinstall jax")
        return
    slow = gpu and all(device.platform == "cpu" for device in devices)
    for device in devices:
        yield Line("network", f"JAX on {device.platform} ({device.device_kind})")
    if slow:
        yield Line("network", "JAX does not use the GPU that Warp sees", advice='pip install "physim[cuda]"')
    cache = jax.config.jax_compilation_cache_dir
    if cache:
        yield Line("cache", f"programs of JAX: {_folder_size(Path(cache))}")
    else:
        yield Line("cache", "programs of JAX are compiled in every process",
                   advice="JAX_COMPILATION_CACHE_DIR=FOLDER keeps them")  # fmt: skip


def _memory(gpu: float | None) -> Iterator[Line]:
    cores = os.cpu_count() or 1
    try:
        free, total = available_memory()
    except (AttributeError, OSError, ValueError):  # no sysconf on Windows
        yield Line("memory", f"unknown on this system, {cores} cores")
        return
    yield Line("memory", f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free, {cores} cores")
    frames = longest_shot(free)
    if frames >= 24:
        length = f"about {frames:,} frames ({frames / 24:.0f} s at 24 frames a second)"
        yield Line("will fit", f"{length} of 4K with the bundled model at 320 pixels")
    else:
        yield Line("will fit", "less than a second of 4K", advice="a smaller output.width, or shorter shots")
    where = "3 s on the GPU" if gpu else "3 s on one core"
    for text in simulations(gpu or free, timed=gpu is None):
        yield Line("will fit", f"{where}: {text}")
    yield from _published(gpu or free)


def _published(memory: float) -> Iterator[Line]:
    """Wan: what is there, what would fit."""
    from i2v.models.wan.weights import DOWNLOADS, ENVIRONMENT, find_weights

    there = []
    for name in DOWNLOADS:
        try:
            there.append(f"{name} in {find_weights(name)}")
        except FileNotFoundError:
            continue
    fits, not_fits = wan_fits(memory, {name: size for name, (_, size) in DOWNLOADS.items()})
    if fits:
        yield Line("will fit", f"of the Wan models: {', '.join(fits)}")
    if not_fits:
        least = min(DOWNLOADS[name][1] for name in not_fits)
        more = f"{len(not_fits)} of the Wan models ask for more than there is, {least:g} GB and up"
        advice = "" if fits else "a GPU of 24 GB holds the 1.3B models; the bundled one needs none"
        yield Line("will not", more, advice=advice)
    advice = "" if there else f"docs/models.md: which, where from; {ENVIRONMENT} names their folder"
    yield Line("weights", "; ".join(there) or "none of Wan's", advice=advice)


def available_memory() -> tuple[int, int]:
    """Free (reclaimable caches counted as free) and installed memory [bytes]; of a container what it may use.

    Raises:
        AttributeError: A system without ``sysconf``.
        OSError: It does not say.
        ValueError: It does not know the name.
    """
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    free = total // 2  # not all systems say; half is a safe guess
    table = Path("/proc/meminfo")
    if table.exists():
        for line in table.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                free = int(line.split()[1]) * 1024
    limit, used = (_number(CONTAINER / name) for name in ("memory.max", "memory.current"))
    if limit is not None and limit < total:
        total, free = limit, min(free, max(0, limit - (used or 0)))
    return free, total


def _number(path: Path) -> int | None:
    """What a file says; ``None``: nothing, or "max"."""
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _disk(folder: Path) -> Line:
    free = shutil.disk_usage(folder).free
    writable = os.access(folder, os.W_OK)
    text = f"{free / 1e9:.1f} GB free in {folder}" + ("" if writable else ", which may not be written")
    ok = writable and free > 1e8
    return Line("disk", text, ok=ok, advice="" if ok else "-o FILE writes elsewhere")


def _ffmpeg() -> Line:
    again = "pip install --force-reinstall imageio-ffmpeg, or IMAGEIO_FFMPEG_EXE=the program"
    try:
        import imageio_ffmpeg

        program = imageio_ffmpeg.get_ffmpeg_exe()
        result = subprocess.run([program, "-hide_banner", "-encoders"], capture_output=True, text=True, timeout=60)
        encoder = "libx264" in result.stdout
        text = f"ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}, {'' if encoder else 'no '}H.264"
        return Line("video", text, ok=encoder, advice="" if encoder else again)
    except (ImportError, OSError, RuntimeError, subprocess.SubprocessError) as error:
        return Line("video", f"ffmpeg does not start: {error}", ok=False, advice=again)


def _photos() -> Line:
    package = find_spec("skimage")
    if package is None or package.origin is None:
        return Line("photos", "no example photos", advice='pip install "physim[examples]"')
    there = (Path(package.origin).parent / "data" / "coffee.png").is_file()
    return Line("photos", "skimage:coffee.png is there" if there else "scikit-image has no coffee.png")


def _folder_size(folder: Path) -> str:
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) if folder.is_dir() else 0
    return f"{folder}, {size / 1e6:.0f} MB"
