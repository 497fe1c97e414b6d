"""Parameters found from clips: from our own finished videos with grain, and from films, if there are any.

    python -m benchmarks.fit_clips [--clips DIR] [--output out/fit_clips] [NAME ...]

Our own: a ball that bounces and a box that slides over a made-up photo, through the whole pipeline to an MP4; read
back, with grain of four of 255 levels, and fitted from wrong values. Restitution should come back within 0.02, friction
within 0.03, speeds within 2 %. The films (`docs/filmed.md`) give gravity, within 3 %, from the shots of
`benchmarks/filmed` with their scale; where they need a speed, it is fitted with it.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import i2v
from benchmarks.filmed import EXPERIMENTS, film_of, load_shot
from benchmarks.filmed import read_video as read_film
from benchmarks.read_back import backdrop
from i2v.metrics.video_in import read_video
from physim.fit import Fit
from physim.shot import Shot
from physim.shot_path import revised

GRAIN = 4.0
"""Added to our own videos [of 255]."""
WIDTH = 640
"""Films are made smaller to this [pixels]."""


@dataclass(frozen=True)
class Case:
    """What is fitted, and what should come out."""

    name: str
    ranges: tuple[str, ...]
    expected: dict[str, tuple[float, float]]
    """Field path → (value, how far it may be off)."""
    changes: dict[str, Any] = field(default_factory=dict)
    """Of the shot that is given: nothing of the answer may be in it."""


BALL = {
    "name": "it", "colour": (0.7, 0.12, 0.03), "shape": {"sphere": 0.09}, "at": (-0.3, 0.9, -3.0),
    "velocity": (0.5, 0.2, 0.0), "rigid": {"density": 2000, "restitution": 0.73},
}  # fmt: skip
BOX = {
    "name": "it", "colour": (0.7, 0.12, 0.03), "shape": {"box": (0.3, 0.14, 0.2)}, "at": (-0.8, 0.07, -3.0),
    "velocity": (1.7, 0.0, 0.0), "rigid": {"material": "wood", "friction": 0.32},
}  # fmt: skip
OWN = {
    "ball": (
        BALL,
        Case(
            "ball",
            ("things.it.rigid.restitution=0.3:0.95", "things.it.velocity.0=-1:1", "things.it.velocity.1=-1:1"),
            {
                "things.it.rigid.restitution": (0.73, 0.02),
                "things.it.velocity.0": (0.5, 0.01),
                "things.it.velocity.1": (0.2, 0.02 * np.hypot(0.5, 0.2)),
            },
            {"things.it.rigid.restitution": 0.5, "things.it.velocity": (0.0, 0.0, 0.0)},
        ),
    ),
    "box": (
        BOX,
        Case(
            "box",
            ("things.it.rigid.friction=0.05:0.9", "things.it.velocity.0=0.5:3"),
            {"things.it.rigid.friction": (0.32, 0.03), "things.it.velocity.0": (1.7, 0.034)},
            {"things.it.rigid.friction": 0.6, "things.it.velocity": (1.0, 0.0, 0.0)},
        ),
    ),
}
G = {"gravity.1": (-9.81, 0.03 * 9.81)}
FILMED = [
    Case(
        "ball_toss_ruler",
        ("gravity.1=-15:-5", "things.ball.velocity.0=0:3", "things.ball.velocity.1=0:3"),
        G, {"things.ball.velocity": (1.0, 1.0, 0.0)},
    ),
    Case(
        "falling_ball_lab",
        ("gravity.1=-15:-5", "things.ball.velocity.0=-0.5:0.5", "things.ball.velocity.1=-3:0"),
        G, {"things.ball.velocity": (0.0, -1.0, 0.0)},
    ),
    Case(
        "bounce_room_green",
        ("gravity.1=-15:-5", "things.ball.velocity.1=-0.5:0.5", "things.ball.rigid.restitution=0.4:0.95"),
        G, {"things.ball.velocity": (0.0, 0.0, -0.127), "seconds": 1.3},
    ),
]  # fmt: skip


def own(case: Case, thing: dict[str, Any], folder: Path) -> tuple[Shot, np.ndarray]:
    """A shot with wrong values, and a noisy video made with the right ones (T, H, W, 3)."""
    shot = Shot(
        photo=backdrop(folder / "backdrop.png", 320),
        hints={"camera": {"fov": 40, "pitch": 8, "height": 0.7}, "wall": 6.0},
        things=[thing], seconds=1.2, fps=30, settle=False, generate={"model": "none"},
    )  # fmt: skip
    i2v.animate(shot, folder / f"{case.name}.mp4")
    frames = read_video(folder / f"{case.name}.mp4").frames
    noisy = frames + np.random.default_rng(0).normal(0, GRAIN, frames.shape)
    return revised(shot, case.changes), np.clip(noisy, 0, 255).astype(np.uint8)


def filmed(case: Case, clips: Path) -> tuple[Shot, np.ndarray]:
    """The shot of a film whose gravity is not known, and the film from its first frame on (T, H, W, 3)."""
    shot = revised(load_shot(case.name, clips), case.changes)
    count = round(shot.seconds * shot.fps) + 1
    frames = EXPERIMENTS[case.name].frames[:count]
    return shot, read_film(film_of(clips, case.name), frames, width=WIDTH)


def lines(case: Case, found: Fit, seconds: float) -> list[str]:
    """Of the table."""
    rows = []
    for path, value in found.values.items():
        expected, allowed = case.expected.get(path, (np.nan, np.nan))
        off = abs(value - expected)
        known = "| | | |" if np.isnan(off) else f"| {expected:.4g} | {off:.2g} | {allowed:.2g} |"
        note = "" if np.isnan(off) or off <= allowed else " MISSED"
        rows.append(
            f"| {case.name} | `{path}` | {value:.5g} ± {found.errors[path]:.1g}{note} {known} {found.rms:.2g} | "
            f"{found.runs} | {seconds:.0f} |"
        )
    return rows


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [*OWN, *(case.name for case in FILMED)]
    parser.add_argument("names", nargs="*", help=f"of cases: {', '.join(names)}; default: all")
    parser.add_argument("--clips", type=Path, help="folder of the films; without it only our own videos")
    parser.add_argument("--output", type=Path, default=Path("out/fit_clips"), help="folder (default: %(default)s)")
    arguments = parser.parse_args(argv)
    arguments.output.mkdir(parents=True, exist_ok=True)
    chosen = arguments.names or names
    print("| clip | field | found | expected | off | allowed | rms / noise | runs | CPU [s] |")
    print("|---|---|---|---|---|---|---|---|---|")
    jobs = [(case, own(case, thing, arguments.output)) for thing, case in OWN.values() if case.name in chosen]
    if arguments.clips is not None:
        jobs += [(case, filmed(case, arguments.clips)) for case in FILMED if case.name in chosen]
    for case, (shot, frames) in jobs:
        began = time.process_time()
        found = i2v.fit(shot, frames, *case.ranges, fps=shot.fps / shot.output.slow_motion)
        print("\n".join(lines(case, found, time.process_time() - began)), flush=True)


if __name__ == "__main__":
    main()
