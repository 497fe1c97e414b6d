"""What this machine has and what will fit: versions, devices, memory, disk, ffmpeg, caches, example photos."""

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

NEEDED = ("physim", "warp-lang", "jax", "flax", "numpy", "scipy", "trimesh", "pydantic", "Pillow", "imageio-ffmpeg")
OPTIONAL = {"scikit-image": "example photos", "opencv-python-headless": "vision", "pillow-heif": "HEIC photos"}

BASE_BYTES = 1.0e9
"""Interpreter, Warp, JAX, compiled kernels and network; measured 0.7 GB."""
MODEL_BYTES = 550
"""Per pixel and frame at model resolution: conditions, maps, noise, network; measured 280 to 530 [bytes]."""
VIDEO_BYTES = 200
"""Per pixel of one frame at video resolution, whatever the length; measured at 3840 x 2560 [bytes]."""


@dataclass(frozen=True)
class Line:
    """One thing looked at."""

    topic: str
    text: str
    ok: bool = True
    """False: the library does not work without it."""


def examine(folder: Path | None = None) -> list[Line]:
    """Look at everything; ``folder`` is where videos would be written (default: here)."""
    return [
        Line("system", f"{platform.platform()}, Python {platform.python_version()}"),
        *_packages(),
        *_warp(),
        *_jax(),
        *_memory(),
        _disk(folder or Path.cwd()),
        _ffmpeg(),
        _photos(),
    ]


def longest_shot(
    memory: float, model_size: tuple[int, int] = (214, 320), video_size: tuple[int, int] = (2160, 3840)
) -> int:
    """How many frames fit in ``memory`` [bytes] at sizes (height, width); an estimate, on the safe side."""
    left = memory - BASE_BYTES - VIDEO_BYTES * video_size[0] * video_size[1]
    return max(0, int(left / (MODEL_BYTES * model_size[0] * model_size[1])))


def _packages() -> Iterator[Line]:
    found = []
    for name in NEEDED:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            yield Line("packages", f"{name} is missing: pip install physim", ok=False)
    yield Line("packages", ", ".join(found))
    for name, use in OPTIONAL.items():
        try:
            yield Line("optional", f"{name} {version(name)} ({use})")
        except PackageNotFoundError:
            yield Line("optional", f"{name} is not installed ({use})")


def _warp() -> Iterator[Line]:
    """Asked in a process of its own: this half does not load Warp, and a broken driver cannot stop the report."""
    try:
        command = [sys.executable, "-m", "physim.cli", "devices", "--json"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        told = json.loads(result.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        yield Line("simulation", f"Warp does not start: {error}", ok=False)
        return
    for device in told["devices"]:
        memory = f", {device['memory'] / 2**30:.1f} GiB" if device["memory"] else ""
        yield Line("simulation", f"Warp on {device['alias']} ({device['name']}){memory}")
    yield Line("caches", f"Warp kernels: {_folder_size(Path(told['kernel_cache']))}")


def _jax() -> Iterator[Line]:
    try:
        import jax

        for device in jax.devices():
            yield Line("network", f"JAX on {device.platform} ({device.device_kind})")
        cache = jax.config.jax_compilation_cache_dir
        yield Line("caches", f"JAX programs: {_folder_size(Path(cache)) if cache else 'in memory only'}")
    except Exception as error:  # a plug-in may fail in any way; the report has to say so and go on
        yield Line("network", f"JAX does not start: {error}", ok=False)


def _memory() -> Iterator[Line]:
    cores = os.cpu_count() or 1
    try:
        free, total = available_memory()
    except (AttributeError, OSError, ValueError):  # no sysconf on Windows
        yield Line("memory", f"unknown on this system, {cores} cores")
        return
    yield Line("memory", f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free, {cores} cores")
    frames = longest_shot(free)
    fits = f"about {frames:,} frames ({frames / 24:.0f} s at 24 fps) of 4K video with the bundled model at 320 pixels"
    yield Line("will fit", fits if frames >= 24 else "less than a second of 4K; a smaller output.width needs less")


def available_memory() -> tuple[int, int]:
    """Free (reclaimable caches counted as free) and installed memory [bytes]."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    table = Path("/proc/meminfo")
    if table.exists():
        for line in table.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024, total
    return total // 2, total  # other systems do not say; half is a safe guess


def _disk(folder: Path) -> Line:
    free = shutil.disk_usage(folder).free
    writable = os.access(folder, os.W_OK)
    text = f"{free / 1e9:.1f} GB free in {folder}" + ("" if writable else ", which may not be written")
    return Line("disk", text, ok=writable and free > 1e8)


def _ffmpeg() -> Line:
    try:
        import imageio_ffmpeg

        program = imageio_ffmpeg.get_ffmpeg_exe()
        result = subprocess.run([program, "-hide_banner", "-encoders"], capture_output=True, text=True, timeout=60)
        encoder = "libx264" in result.stdout
        return Line(
            "video", f"ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}, {'' if encoder else 'no '}H.264", ok=encoder
        )
    except (ImportError, OSError, RuntimeError, subprocess.SubprocessError) as error:
        return Line("video", f"ffmpeg does not start: {error}", ok=False)


def _photos() -> Line:
    package = find_spec("skimage")
    if package is None or package.origin is None:
        return Line("photos", 'no example photos: pip install "physim[examples]"')
    there = (Path(package.origin).parent / "data" / "coffee.png").is_file()
    return Line("photos", "skimage:coffee.png is there" if there else "scikit-image has no coffee.png")


def _folder_size(folder: Path) -> str:
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) if folder.is_dir() else 0
    return f"{folder}, {size / 1e6:.0f} MB"
