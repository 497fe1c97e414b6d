"""Cost of writing video: frames per second and memory of the writer and its encoder, by preset, at 4K.

    python -m benchmarks.video --frames 48
    python -m benchmarks.video --frames 900 --presets web        # the whole quarter of a minute at 60 frames per second

Memory is that of this process and of ffmpeg together, at their highest. It stands still once the encoder has seen as
many frames as it looks ahead, so that a quarter of a minute needs no more than a second does: the table gives it after
half of the frames, and after all.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from i2v.media.presets import PRESETS
from i2v.media.video import VideoWriter


def peak(pid: int | str) -> int:
    """Largest resident memory of a process so far [bytes]."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


def pictures(size: tuple[int, int], count: int):
    """A picture with structure at all scales that pans, sRGB."""
    rng = np.random.default_rng(0)
    wave = np.hypot(*np.meshgrid(np.fft.rfftfreq(size[1] // 4), np.fft.fftfreq(size[0] // 4)))
    spectrum = np.fft.rfft2(rng.standard_normal((size[0] // 4, size[1] // 4))) / np.maximum(wave, 1e-3)
    grey = np.fft.irfft2(spectrum, (size[0] // 4, size[1] // 4))
    grey = np.kron((grey - grey.min()) / np.ptp(grey), np.ones((4, 4)))
    picture = np.stack([grey, grey**0.8, grey**1.2], axis=-1).astype(np.float32)
    for i in range(count):
        yield np.roll(picture, 2 * i, axis=1)


def measured(preset: str, size: tuple[int, int], frames: int, folder: Path) -> tuple[float, float, float, float]:
    """Frames per second, GiB after half of the frames and after all, MB of the file per second of video."""
    path = folder / f"a{PRESETS[preset].suffixes[0]}"
    start = time.perf_counter()
    half = 0.0
    with VideoWriter(path, size, 60, preset=preset) as writer:
        for i, frame in enumerate(pictures(size, frames)):
            writer.write(frame)
            if i == frames // 2:
                half = (peak("self") + peak(writer._process.pid)) / 2**30
        whole = (peak("self") + peak(writer._process.pid)) / 2**30
    spent = time.perf_counter() - start
    return frames / spent, half, whole, path.stat().st_size / 1e6 / (frames / 60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--presets", nargs="+", default=list(PRESETS), choices=list(PRESETS))
    parser.add_argument("--size", type=int, nargs=2, default=(2160, 3840), metavar=("HEIGHT", "WIDTH"))
    arguments = parser.parse_args()
    print("| preset | frames/s | GiB at half | GiB at the end | MB per second of video |\n|---|---|---|---|---|")
    for preset in arguments.presets:
        with tempfile.TemporaryDirectory() as folder:
            rate, half, whole, megabytes = measured(preset, tuple(arguments.size), arguments.frames, Path(folder))
        print(f"| {preset} | {rate:.1f} | {half:.2f} | {whole:.2f} | {megabytes:.1f} |", flush=True)


if __name__ == "__main__":
    main()
