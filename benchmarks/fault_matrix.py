"""Which metric sees which fault: correct and faulty videos of three scenes before the judge.

    python -m benchmarks.fault_matrix [--scenes rigid cloth smoke] [--results DIR] [--page docs/judging.md]

Faults of the physics are simulated (half gravity, double gravity, none, no bounce); the others are done to the pictures
of the true clip. Every clip gets noise of its own and is encoded. Exit code 1 if a fault is not flagged, or if a
correct clip is. The second table is what correct clips, at several noise levels and qualities, use of the way from
floor to limit: the margins of ``i2v/metrics/limits.py`` come from there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import affine_transform, shift

import physim
from benchmarks.marked import put_between
from i2v.metrics.judge import judge, perturbed
from i2v.metrics.limits import RULES
from i2v.metrics.report import number
from physim.conditions import Conditions

HERE = Path(__file__).parent / "faults"
SCENES = ("rigid", "cloth", "smoke")
SIZE = (212, 318)
SHOWN = (
    "flow-error", "warping-error", "mask-iou", "path-error", "missing", "gravity", "restitution", "gmsd", "flicker",
    "background", "intruder", "drift", "area", "colour", "identity", "iq-original", "iq-verified",
)  # fmt: skip
"""Columns of the table."""


def simulated(scene: str, *, gravity: float = 1.0, stop: bool = False) -> Conditions:
    """A scene as it should be, or with another gravity (a factor), or with impacts that stop things."""
    shot = physim.Shot.load(HERE / f"{scene}.yaml")
    if stop:
        data = shot.to_dict()
        for thing in data["things"]:
            thing["rigid"]["restitution"] = 0.0
        shot = physim.Shot.model_validate(data)
    world = physim.reconstruct(shot)
    world.gravity = world.gravity * gravity
    return physim.render(physim.simulate(world, seconds=shot.seconds, fps=24), size=SIZE)


def levels(conditions: Conditions) -> np.ndarray:
    """The composite (T, H, W, 3) uint8."""
    return np.rint(conditions.coarse * 255).astype(np.uint8)


def layers(conditions: Conditions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames, the empty scene (H, W, 3), and where a frame differs from it (T, H, W)."""
    frames = levels(conditions)
    plate = np.rint(conditions.image * 255).astype(np.uint8)
    there = np.abs(frames.astype(np.int16) - plate).max(axis=-1) > 2
    return frames, plate, there


def moved_layer(conditions: Conditions, move: Callable[[np.ndarray, int, np.ndarray], np.ndarray]) -> np.ndarray:
    """The clip with its things moved within each frame: ``move(picture or mask, t, centre)``, about their centre."""
    frames, plate, there = layers(conditions)
    out = np.empty_like(frames)
    for t, frame in enumerate(frames):
        v, u = np.nonzero(there[t])
        centre = np.array([v.mean(), u.mean()]) if len(v) else np.zeros(2)
        share = np.clip(move(there[t].astype(np.float32), t, centre), 0, 1)[..., None]
        picture = np.stack([move(frame[..., c].astype(np.float32), t, centre) for c in range(3)], axis=-1)
        out[t] = np.clip(np.rint(plate + share * (picture - plate)), 0, 255)
    return out


def jitter(conditions: Conditions) -> np.ndarray:
    """Things shake by 2.5 pixels."""
    steps = np.random.default_rng(5).normal(0, 2.5, (conditions.frame_count, 2))
    return moved_layer(conditions, lambda f, t, _: shift(f, steps[t], order=1, mode="nearest"))


def morph(conditions: Conditions) -> np.ndarray:
    """Things grow and shrink by 35 %."""

    def move(picture: np.ndarray, t: int, centre: np.ndarray) -> np.ndarray:
        scale = 1 / (1 + 0.35 * np.sin(2 * np.pi * t / 16))
        return affine_transform(picture, [scale, scale], offset=centre * (1 - scale), order=1, mode="nearest")

    return moved_layer(conditions, move)


def colour_drift(conditions: Conditions) -> np.ndarray:
    """Things slowly change their hue."""
    frames, _, there = layers(conditions)
    share = np.linspace(0, 1, len(frames))[:, None, None, None]
    turned = (1 - share) * frames + share * np.roll(frames, 1, axis=-1)
    return np.where(there[..., None], np.rint(turned).astype(np.uint8), frames)


def flicker(conditions: Conditions) -> np.ndarray:
    """Brightness of the whole picture jumps by 8 %."""
    gain = 1 + 0.08 * np.random.default_rng(6).choice([-1.0, 1.0], (conditions.frame_count, 1, 1, 1))
    return np.clip(np.rint(levels(conditions) * gain), 0, 255).astype(np.uint8)


def vanish(conditions: Conditions) -> np.ndarray:
    """Things are gone from the middle on."""
    frames, plate, _ = layers(conditions)
    frames[len(frames) // 2 :] = plate
    return frames


def added(conditions: Conditions) -> np.ndarray:
    """A disc appears where nothing is, and stays."""
    frames, _, there = layers(conditions)
    rows, cols = frames.shape[1:3]
    radius = 0.05 * rows
    v, u = np.mgrid[:rows, :cols]
    spots = [
        (0.2 * rows, 0.85 * cols),
        (0.85 * rows, 0.85 * cols),
        (0.85 * rows, 0.12 * cols),
        (0.5 * rows, 0.9 * cols),
    ]
    counts = [there[:, (v - y) ** 2 + (u - x) ** 2 < (2 * radius) ** 2].sum() for y, x in spots]
    y, x = spots[int(np.argmin(counts))]
    frames[len(frames) // 3 :, (v - y) ** 2 + (u - x) ** 2 < radius**2] = (90, 140, 60)
    return frames


def background_drift(conditions: Conditions) -> np.ndarray:
    """The whole picture creeps by 0.02 pixels a frame."""
    frames = levels(conditions)
    return np.stack(
        [
            np.clip(np.rint(shift(f.astype(np.float32), (0.0, 0.02 * t, 0.0), order=3, mode="nearest")), 0, 255)
            for t, f in enumerate(frames)
        ]
    ).astype(np.uint8)


def stopped(conditions: Conditions) -> np.ndarray:
    """All motion ends after a third."""
    frames = levels(conditions)
    frames[len(frames) // 3 :] = frames[len(frames) // 3]
    return frames


FAULTS: dict[str, Callable[[str, Conditions], np.ndarray]] = {
    "half_gravity": lambda scene, _: levels(simulated(scene, gravity=0.5)),
    "double_gravity": lambda scene, _: levels(simulated(scene, gravity=2.0)),
    "no_gravity": lambda scene, _: levels(simulated(scene, gravity=1e-6)),
    "stops_dead": lambda scene, c: levels(simulated(scene, stop=True)) if scene == "rigid" else stopped(c),
    "static": lambda _, c: np.repeat(levels(c)[:1], c.frame_count, axis=0),
    "reversed": lambda _, c: levels(c)[::-1].copy(),
    "two_frames_late": lambda _, c: levels(c)[np.maximum(np.arange(c.frame_count) - 2, 0)],
    "jitter": lambda _, c: jitter(c),
    "size_morph": lambda _, c: morph(c),
    "colour_drift": lambda _, c: colour_drift(c),
    "flicker_8_percent": lambda _, c: flicker(c),
    "vanishes": lambda _, c: vanish(c),
    "added_object": lambda _, c: added(c),
    "background_drift": lambda _, c: background_drift(c),
}
"""Fault → video of the scene with it, from the true clip."""
CORRECT = ((1.0, 18, 11), (2.0, 23, 12), (4.0, 23, 13), (4.0, 28, 14), (6.0, 23, 15))
"""Noise [levels], quality and seed of the correct clips."""


def main(argv: list[str] | None = None) -> int:
    """Judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", nargs="+", default=SCENES, choices=SCENES)
    parser.add_argument(
        "--faults", nargs="*", default=list(FAULTS), choices=list(FAULTS), help="none: correct clips only"
    )
    parser.add_argument("--results", type=Path, metavar="DIR", help="keep the reports here, and use those kept before")
    parser.add_argument("--page", type=Path, metavar="MD", help="put the tables between the marks of this page")
    args = parser.parse_args(argv)
    found = {scene: _judged(scene, args.faults, args.results) for scene in args.scenes}
    faults = [line for scene, reports in found.items() for line in _table(scene, reports)]
    limits = _limits(found)
    print("\n".join([*faults, "", *limits]))
    if args.page is not None:
        put_between(args.page, ("<!-- faults -->", "<!-- /faults -->"), "\n".join(faults))
        put_between(args.page, ("<!-- limits -->", "<!-- /limits -->"), "\n".join(limits))
    wrong = [
        f"{scene} {name}"
        for scene, reports in found.items()
        for name, report in reports.items()
        if report["passed"] != name.startswith("correct")
    ]
    print(f"wrongly judged: {', '.join(wrong) or 'none'}", file=sys.stderr)
    return 1 if wrong else 0


def _judged(scene: str, faults: list[str], results: Path | None) -> dict[str, dict[str, Any]]:
    """Reports as plain data, by clip."""
    kept = None if results is None else results / f"{scene}.json"
    if kept is not None and kept.exists():
        return json.loads(kept.read_text())
    conditions = simulated(scene)
    reports = {}
    for noise, crf, seed in CORRECT:
        clip = perturbed(levels(conditions), noise, 24, seed=seed, crf=crf)
        reports[f"correct, noise {noise:g}, crf {crf}"] = judge(clip, conditions=conditions, fps=24)
    for k, name in enumerate(faults):
        clip = perturbed(FAULTS[name](scene, conditions), 2.0, 24, seed=100 + k)
        reports[name] = judge(clip, conditions=conditions, fps=24)
        print(f"{scene} {name}: {', '.join(reports[name].faults) or 'NOT SEEN'}", file=sys.stderr, flush=True)
    found = {name: report.to_dict() | {"series": {}} for name, report in reports.items()}
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(found))
    return found


def _table(scene: str, reports: dict[str, dict[str, Any]]) -> list[str]:
    """A row per clip; what is beyond its limit is bold."""
    first = next(iter(reports.values()))
    known = {m["name"].partition(":")[0] for m in first["metrics"] if m["value"] is not None}
    columns = [c for c in SHOWN if c in known]
    heads = [f"{c} [{RULES[c].unit}]" if RULES[c].unit else c for c in columns]
    lines = ["", f"### {scene}", "", f"| clip | flagged by | {' | '.join(heads)} |", "|---" * (len(columns) + 2) + "|"]
    for name, report in reports.items():
        cells = []
        for column in columns:
            rows = [m for m in report["metrics"] if m["name"].partition(":")[0] == column]
            cells.append(
                " ".join(f"**{number(m['value'])}**" if m["verdict"] == "fail" else number(m["value"]) for m in rows)
            )
        lines.append(f"| {name.replace('_', ' ')} | {len(report['faults']) or 'none'} | {' | '.join(cells)} |")
    return lines


def _limits(found: dict[str, dict[str, dict[str, Any]]]) -> list[str]:
    """Factor and margin of each metric, and how much of the way from floor to limit the worst correct clip went."""
    heads = " | ".join(f"{scene}: floor, worst share" for scene in found)
    lines = [f"| metric | factor | margin | {heads} |", "|---" * (len(found) + 3) + "|"]
    for name, rule in RULES.items():
        if rule.factor == float("inf"):
            continue
        cells = []
        for reports in found.values():
            rows = [
                m
                for clip, report in reports.items()
                if clip.startswith("correct")
                for m in report["metrics"]
                if m["name"].partition(":")[0] == name and m["limit"] is not None and m["value"] is not None
            ]
            shares = [(m["value"] - m["floor"]) / (m["limit"] - m["floor"]) for m in rows]
            cells.append(f"{number(float(np.median([m['floor'] for m in rows])))}, {max(shares):.2f}" if rows else "")
        lines.append(f"| {name} | {rule.factor:g} | {rule.margin:g} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    sys.exit(main())
