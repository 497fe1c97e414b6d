"""Physics read back from our own finished videos: what went in against what the pixels say.

    python -m benchmarks.read_back [--output out/read_back] [--width 480] [--model none] [NAME ...]

Three shots over a made-up photo, a ball that falls, one that bounces and one that swings, go through the whole pipeline
to an MP4 of H.264; that is decoded and the ball is tracked. Gravity should come back within 1 %, restitution within
0.02 and the period within 0.5 %.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.filmed import read_video
from i2v import animate
from i2v.metrics.pixel_physics import gravity, pendulum, restitution
from i2v.metrics.pixel_track import Track, track_object
from physim.shot import Shot

FOV = 40.0
"""Horizontal field of view [degrees]."""
AWAY = 3.0
"""Distance of the ball from the camera [m]."""
RADIUS = 0.09
HEIGHT = 0.7
"""Of the camera above the ground [m]."""
RESTITUTION = 0.7
LENGTH = 0.9
"""Of the pendulum [m]."""


@dataclass(frozen=True)
class Reading:
    """One quantity."""

    name: str
    expected: float
    read: float
    sigma: float
    allowed: float
    """Relative, but absolute for restitution."""

    @property
    def off(self) -> float:
        absolute = abs(self.read - self.expected)
        return absolute if self.name.startswith("restitution") else absolute / self.expected

    @property
    def good(self) -> bool:
        return self.off <= self.allowed


def backdrop(path: Path, width: int) -> Path:
    """A made-up photo: a wall with soft stripes above a floor, with grain."""
    rows = round(width * 3 / 4 / 2) * 2
    v, u = np.mgrid[:rows, :width] / width
    wall = 0.55 + 0.08 * np.sin(23 * u) * np.cos(17 * v)
    picture = np.where(v > 0.62, 0.38 + 0.05 * np.sin(60 * u + 90 * v), wall)
    grain = np.random.default_rng(1).normal(0, 0.008, (rows, width, 1))
    colours = picture[..., None] * np.array([0.95, 1.0, 1.03]) + grain
    Image.fromarray((np.clip(colours, 0, 1) * 255).round().astype(np.uint8)).save(path)
    return path


def shot_of(kind: str, photo: Path) -> Shot:
    """A ball that falls, bounces or swings."""
    start = {"fall": (-0.5, 1.3, -AWAY), "bounce": (-0.2, 1.1, -AWAY), "swing": (0.35, 0.6, -AWAY)}[kind]
    ball = {
        "name": "ball",
        "shape": {"sphere": RADIUS},
        "at": start,
        "rigid": {"material": "rubber", "density": 3000, "restitution": RESTITUTION},
        "colour": (0.7, 0.12, 0.03),
    }
    joints = []
    if kind == "fall":
        ball["velocity"] = (0.9, 0.6, 0.0)
    if kind == "swing":
        pivot = (0.0, 0.6 + float(np.sqrt(LENGTH**2 - start[0] ** 2)), -AWAY)
        joints = [{"distance": {"body": "ball", "to": pivot}}]
    seconds = {"fall": 0.5, "bounce": 1.3, "swing": 2.4}[kind]
    return Shot(
        photo=photo,
        hints={"camera": {"fov": FOV, "pitch": 0, "height": HEIGHT}, "wall": 5.0},
        things=[ball],
        joints=joints,
        seconds=seconds,
        fps=30,
    )


def track_of(video: Path, shot: Shot) -> tuple[Track, float]:
    """The ball in the finished video, and pixels per metre at its distance."""
    frames = read_video(video)
    rows, cols = frames.shape[1:3]
    focal = 0.5 * cols / np.tan(np.radians(FOV / 2))
    scale = focal / AWAY
    x, y, _ = shot.things[0].at or (0.0, 0.0, 0.0)
    v, u = np.mgrid[:rows, :cols] + 0.5
    centre = cols / 2 + scale * x, rows / 2 + scale * (HEIGHT - y)
    mask = (u - centre[0]) ** 2 + (v - centre[1]) ** 2 < (scale * RADIUS) ** 2
    return track_object(frames, mask, fps=shot.fps), scale


def readings(kind: str, track: Track, scale: float) -> list[Reading]:
    """What the pixels say."""
    if kind == "fall":
        fit = gravity(track.times, track.whole, scale=scale)
        return [Reading("gravity [m/s^2]", 9.81, fit.value, fit.sigma, 0.01)]
    if kind == "bounce":
        found = restitution(track.times, -track.whole[:, 1] / scale)
        fit = gravity(track.times, track.whole, scale=scale)
        bounces = [Reading(f"restitution {i}", RESTITUTION, b.value, b.sigma, 0.02) for i, b in enumerate(found, 1)]
        return [Reading("gravity [m/s^2]", 9.81, fit.value, fit.sigma, 0.01), *bounces]
    swing = pendulum(track.times, track.whole / scale, length=LENGTH)
    expected = (
        2 * np.pi * float(np.sqrt(LENGTH / 9.81))
    )  # the rod ends in the ball's centre, which does not turn with it
    return [Reading("period of small swings [s]", expected, swing.small_period, swing.period_sigma, 0.005)]


def run(kind: str, out: Path, width: int = 480, model: str = "none") -> list[Reading]:
    """Make the video of one shot and read it."""
    out.mkdir(parents=True, exist_ok=True)
    shot = shot_of(kind, backdrop(out / f"backdrop_{width}.png", width))
    shot = Shot(**(shot.to_dict() | {"generate": {"model": model}}))
    video = out / f"{kind}.mp4"
    animate(shot, video)
    return readings(kind, *track_of(video, shot))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[[], "fall", "bounce", "swing"], help="of shots; default: all")
    parser.add_argument("--output", type=Path, default=Path("out/read_back"), help="folder (default: %(default)s)")
    parser.add_argument("--width", type=int, default=480, help="of the videos (default: %(default)s)")
    parser.add_argument("--model", default="none", help="that paints (default: %(default)s)")
    args = parser.parse_args(argv)
    print("| shot | quantity | in | read back | its error bar | off | allowed |\n|---|---|---|---|---|---|---|")
    for kind in args.names or ("fall", "bounce", "swing"):
        for r in run(kind, args.output, args.width, args.model):
            cells = [kind, r.name, *(f"{x:.4f}" for x in (r.expected, r.read, r.sigma, r.off)), f"{r.allowed:g}"]
            print("| " + " | ".join(cells) + (" |" if r.good else " **missed** |"))


if __name__ == "__main__":
    main()
