"""The whole river on the coffee photo: time, memory, and physics read back from the finished pixels.

    python -m benchmarks.end_to_end [--output out/benchmark]

Prints, for the machine it runs on: wall time and peak memory of `i2v animate` and `i2v preview`; whether two runs give
the same bytes; PSNR of frame 0 against the photo outside added things, with the model and without; g measured in the
finished video; stillness of what neither physics nor camera moves; where the cube came to rest.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import physim
from benchmarks.contact_sheet import read_video
from benchmarks.pixels import measured_gravity, psnr, stillness, thing_masks, to_code, without
from physim.photo import Photo
from physim.shot import Shot

SHOT = Path(__file__).parent.parent / "examples" / "coffee.yaml"
ADDED = "sugar"


def run(*arguments: str) -> float:
    """Wall seconds of one `i2v` command in a process of its own."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "i2v.cli", *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def still_camera(shot: Shot) -> Shot:
    return shot.model_copy(update={"camera": []})


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("out/benchmark"))
    out = parser.parse_args(argv).output
    out.mkdir(parents=True, exist_ok=True)

    def show(what: str, value: str, wanted: str = "") -> None:
        print(f"{what:<64} {value:>18}   {wanted}", flush=True)

    report = out / "report.json"
    seconds = [run("animate", str(SHOT), "-o", str(out / f"{n}.mp4"), "--report", str(report)) for n in "ab"]
    stages = json.loads(report.read_text())
    show("i2v animate, first / second run [s]", f"{seconds[0]:.1f} / {seconds[1]:.1f}", "< 120")
    for stage, spent in stages["stages"].items():
        show(f"  {stage} [s]", f"{spent:.1f}")
    show("peak memory [GiB]", f"{stages['peak_memory'] / 2**30:.2f}", "< 6")
    show("i2v preview [s]", f"{run('preview', str(SHOT), '-o', str(out / 'preview.mp4')):.1f}", "< 20")
    digests = [hashlib.sha256((out / f"{n}.mp4").read_bytes()).hexdigest() for n in "ab"]
    show("same shot, same seed: same bytes", str(digests[0] == digests[1]), "True")

    shot = Shot.load(SHOT)
    photo = to_code(Photo.load(shot.photo).image)
    trajectory = physim.simulate(physim.reconstruct(shot), seconds=shot.seconds, fps=shot.fps)
    plain = out / "none.mp4"
    run("animate", str(SHOT), "-o", str(plain), "--model", "none")
    frames = {"bundled": read_video(out / "a.mp4"), "none": read_video(plain)}
    empty = np.stack([to_code(f) for f in physim.Compositor(_alone(shot), shot_size(photo))])
    masks = thing_masks(frames["none"], empty)
    for model, video in frames.items():
        show(f"frame 0 against the photo, {model} [dB]", f"{psnr(video[0], photo, ~_grown(masks[0])):.1f}", ">= 35")

    g, seen = measured_gravity(out / "a.mp4", shot, trajectory, ADDED)
    show(f"g in the finished video, {seen} frames of fall [m/s^2]", f"{g:.2f} ({100 * (g / 9.81 - 1):+.1f} %)", "5 %")
    track = trajectory[ADDED]
    show("cube: speed at the end [m/s]", f"{np.linalg.norm(track.velocity[-1]):.1e}")
    show("deepest penetration [m]", f"{trajectory.report.values['deepest_penetration [m]']:.1e}")
    show("bundled against none, mean difference [code values]", f"{_difference(frames):.2f}")

    fixed = out / "fixed.yaml"
    still_camera(shot).save(fixed)
    run("animate", str(fixed), "-o", str(out / "fixed.mp4"))
    video = read_video(out / "fixed.mp4")
    conditions = physim.render(physim.simulate(physim.reconstruct(still_camera(shot)), seconds=shot.seconds))
    quiet = _untouched(conditions, video.shape[1:3])
    show(
        f"stillness, {100 * quiet.mean():.0f} % of the picture [code values]", f"{stillness(video, quiet):.3f}", "<= 1"
    )


def shot_size(photo: np.ndarray) -> tuple[int, int]:
    return photo.shape[0], photo.shape[1]


def _alone(shot: Shot) -> physim.Trajectory:
    """The shot without the added thing and the smoke: camera and photo only."""
    bare = without(without(shot, ADDED), "steam")
    return physim.simulate(physim.reconstruct(bare), seconds=shot.seconds, fps=shot.fps)


def _grown(mask: np.ndarray) -> np.ndarray:
    """The thing with its shadow's reach and the codec's ringing."""
    from scipy.ndimage import binary_dilation

    return binary_dilation(mask, iterations=24)


def _difference(frames: dict[str, np.ndarray]) -> float:
    a, b = (frames[n].astype(np.int16) for n in ("bundled", "none"))
    return float(np.abs(a - b).mean())


def _untouched(conditions: physim.Conditions, size: tuple[int, int]) -> np.ndarray:
    """Pixels of the full frame over which nothing simulated ever passes, (H, W) bool."""
    from scipy.ndimage import binary_dilation, zoom

    touched = (conditions.shadow < 0.995) | (conditions.smoke[..., 0] > 0.004) | (conditions.hole > 0)
    touched |= np.isnan(conditions.source_uv[..., 0]) | (np.abs(conditions.flow).max(-1) > 0)
    any_frame = binary_dilation(touched.any(0), iterations=3)
    scale = (size[0] / any_frame.shape[0], size[1] / any_frame.shape[1])
    return ~(zoom(any_frame.astype(np.float32), scale, order=1) > 0)


if __name__ == "__main__":
    main()
