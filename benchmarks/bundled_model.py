"""Is the bundled model worth having? Held-out families of scenes, per region, against everything simpler.

    python -m physim.dataset --out data/held --minutes 5 --purpose held-out
    python -m physim.dataset --out data/tuning --minutes 3 --purpose calibration
    python -m benchmarks.bundled_model --data data/held --tuning data/tuning

Opponents: the renderer with everything it can compute (`model: none`), the same without the shadows that it draws, the
photo standing still, per-frame inpainting of the holes (Telea 2004), and two layers of noise without any weights, still
or carried by the exact motion, each in the setting that came out best on the tuning clips, region by region.
Ablations show the model a shot without motion, heights, density or shadow.
Printed are all rows, also those in which the model loses, then which promises hold and what gates follow from them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.model_scores import REGIONS, TEXTURED, VIEWS, ClipScore, Table, regions, score, textures
from benchmarks.model_value import change_along_motion
from i2v.diffusion.noise_warp import blend_noise, correlate
from i2v.maps import Signals
from i2v.models.bundled import BUNDLED_WEIGHTS, BundledModel
from i2v.training.calibrate import whole
from i2v.training.data import NOISE_FIELDS, TrainingClip, load_clips

Painter = Callable[[TrainingClip, Signals, dict[str, np.ndarray], int], np.ndarray]
"""(clip, its signals, its regions, seed) → video (T, H, W, 3)."""
SETTINGS = tuple((a, b) for b in (1, 3) for a in (0.01, 0.02, 0.035, 0.055))
"""Of the noise layers: amplitude [sRGB] and number of binomial blurs."""
NONE = "none"
ABLATIONS = ("motion", "height", "density", "shadow")


def noise_layer(clip: TrainingClip, signals: Signals, seed: int, blurs: int, *, moving: bool) -> np.ndarray:
    """Blurred, mostly grey noise of unit variance (T, H, W, 3), carried by the true motion or standing still."""
    rng = np.random.default_rng([seed, 7])
    mixture = np.linalg.qr(rng.standard_normal((NOISE_FIELDS, NOISE_FIELDS)))[0][:, :4].astype(np.float32)
    surface, smoky = (n.astype(np.float32) @ mixture for n in (clip.surface_noise, clip.smoke_noise))
    if moving:
        noise = blend_noise(surface, smoky, signals.smoke[..., 0], rng=rng)
    else:
        still = np.broadcast_to(surface[:1], surface.shape)
        noise = blend_noise(still, still, np.zeros_like(signals.hole), rng=rng)
    for _ in range(blurs - 1):
        noise = correlate(noise)
    return noise / noise.std()


def with_noise(settings: dict[str, tuple[float, int]], *, moving: bool) -> Painter:
    """The renderer's picture with a layer of noise in each textured region, in the region's own setting."""

    def paint(clip: TrainingClip, signals: Signals, masks: dict[str, np.ndarray], seed: int) -> np.ndarray:
        video = signals.coarse.copy()
        for region, (amplitude, blurs) in settings.items():
            layer = amplitude * noise_layer(clip, signals, seed, blurs, moving=moving)
            video[masks[region]] += layer[masks[region]]
        return np.clip(video, 0, 1)

    return paint


def tuned(clips: Sequence[TrainingClip], *, moving: bool) -> dict[str, tuple[float, int]]:
    """The setting of each region with the least Fréchet distance, in parts of the bare picture's, over all views."""
    painters = {s: with_noise(dict.fromkeys(TEXTURED, s), moving=moving) for s in SETTINGS}
    bare = {"bare": lambda clip, signals, masks, seed: signals.coarse}
    tables = measured(clips, {**bare, **painters}, seeds=1, texture_only=True)  # type: ignore[dict-item]

    def cost(setting: tuple[float, int], region: str) -> float:
        ratios = [tables[setting].value(v, region) / tables["bare"].value(v, region) for v in VIEWS]  # type: ignore[index]
        return float(np.sum(ratios))

    best = {}
    for region in TEXTURED:
        costs = {s: cost(s, region) for s in SETTINGS}
        known = {s: c for s, c in costs.items() if np.isfinite(c)}
        best[region] = min(known, key=known.__getitem__) if known else SETTINGS[1]
    return best


def inpainted(clip: TrainingClip, signals: Signals, masks: dict[str, np.ndarray], seed: int) -> np.ndarray:
    """Holes filled anew in every frame."""
    import cv2

    video = signals.coarse.copy()
    for t, mask in enumerate(masks["hole"]):
        if mask.any():
            frame = np.round(255 * video[t]).astype(np.uint8)
            filled = cv2.inpaint(frame, mask.astype(np.uint8), 3, cv2.INPAINT_TELEA)
            video[t][mask] = filled[mask].astype(np.float32) / 255
    return video


def opponents(tuning: Sequence[TrainingClip]) -> dict[str, Painter]:
    """Everything without weights."""
    settings = {moving: tuned(tuning, moving=moving) for moving in (False, True)}
    return {
        NONE: lambda clip, signals, masks, seed: signals.coarse,
        "photo, standing still": lambda clip, signals, masks, seed: np.broadcast_to(
            signals.image, signals.coarse.shape
        ),
        "no shadows drawn": lambda clip, signals, masks, seed: np.clip(
            signals.coarse / np.maximum(signals.shadow, 0.05)[..., None] ** (1 / 2.2), 0, 1
        ),
        "inpainted per frame": inpainted,
        f"still noise {_said(settings[False])}": with_noise(settings[False], moving=False),
        f"carried noise {_said(settings[True])}": with_noise(settings[True], moving=True),
    }


def _said(settings: dict[str, tuple[float, int]]) -> str:
    return ", ".join(f"{r} {a:g}/{b}" for r, (a, b) in settings.items())


def painted(model: BundledModel, steps: int = 1, without: str | None = None) -> Painter:
    """The model, shown all or all but one of the signals."""

    def paint(clip: TrainingClip, signals: Signals, masks: dict[str, np.ndarray], seed: int) -> np.ndarray:
        told = signals if without is None else blinded(signals, without)
        return np.clip(signals.coarse + model(told, seed=seed, num_inference_steps=steps), 0, 1)

    return paint


def blinded(signals: Signals, without: str) -> Signals:
    """The signals with one of them taken away, in a way that leaves the gates where they were."""
    if without == "motion":
        nothing = np.zeros_like(signals.flow)
        return replace(signals, flow=nothing, flow_backward=nothing, smoke_flow=nothing)
    if without == "height":
        flat = signals.liquid.copy()
        flat[..., :2] = 0
        return replace(signals, liquid=flat)
    if without == "density":
        even = signals.smoke.copy()
        even[..., 0] = np.where(even[..., 0] > 0.05, 0.3, even[..., 0])
        return replace(signals, smoke=even)
    return replace(signals, shadow=np.where(signals.shadow < 0.97, 0.7, 1.0).astype(np.float32))


def measured(
    clips: Sequence[TrainingClip], painters: dict, *, seeds: int, texture_only: bool = False, progress=None
) -> dict:
    """Tables of all painters. Those that do not depend on a seed are asked once."""
    kept: dict = {name: [[] for _ in range(seeds)] for name in painters}
    truths = []
    for number, clip in enumerate(clips):
        signals, truth = whole(clip)
        masks = regions(signals)
        truths.append(textures(truth, change_along_motion(truth, signals), masks))
        for name, paint in painters.items():
            for seed in range(seeds):
                if seed and not _random(name):
                    kept[name][seed].append(kept[name][0][-1])
                    continue
                video = np.asarray(paint(clip, signals, masks, seed), np.float32)
                if texture_only:
                    along = change_along_motion(video, signals)
                    found = ClipScore({}, textures(video, along, masks), np.zeros(2))
                else:
                    found = score(video, truth, signals, masks)
                kept[name][seed].append(found)
        if progress is not None:
            progress(number + 1)
    return {name: Table(scores, truths) for name, scores in kept.items()}


def _random(name: object) -> bool:
    return isinstance(name, tuple) or "noise" in str(name) or str(name).startswith("model, ")


def report(tables: dict[str, Table]) -> str:
    """All rows, in markdown."""
    lines = []
    everywhere = ("all", *REGIONS)
    for metric, names, digits, title in (
        ("psnr", everywhere, 2, "PSNR [dB]"),
        ("ssim", everywhere, 3, "SSIM"),
        ("motion", everywhere, 2, "error of the change along the true motion [1/255]"),
    ):
        lines += ["", f"| {title} | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
        for name, table in tables.items():
            lines.append(f"| {name} | " + " | ".join(f"{table.value(metric, r):.{digits}f}" for r in names) + " |")
    head = [f"{r}: {v}" for r in TEXTURED for v in VIEWS]
    lines += ["", "| Fréchet distance x 1000 | " + " | ".join(head) + " | flow error [px] |"]
    lines += ["|---" * (len(head) + 2) + "|"]
    for name, table in tables.items():
        cells = [f"{table.value(v, r):.1f}" for r in TEXTURED for v in VIEWS] + [f"{table.value('flow', 'all'):.3f}"]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", "| gain over none [dB], 95 % interval over clips | " + " | ".join(everywhere) + " |"]
    lines += ["|---" * (len(everywhere) + 1) + "|"]
    for name, table in tables.items():
        if name != NONE:
            lines.append(f"| {name} | " + " | ".join(_gain(table, tables[NONE], "psnr", r) for r in everywhere) + " |")
    return "\n".join(lines)


def _gain(table: Table, base: Table, metric: str, region: str) -> str:
    value, low, high = table.gain(base, metric, region)
    return f"{value:+.2f} [{low:+.2f}, {high:+.2f}]"


def verdict(tables: dict[str, Table], model: str) -> list[str]:
    """What was promised, and whether it holds."""
    mine, none = tables[model], tables[NONE]
    lines = []
    for region in TEXTURED:
        gained = mine.gain(none, "psnr", region)
        nearer = mine.gain(none, "frames", region)
        better = (gained[1] > 0 and nearer[2] < 0.05 * none.value("frames", region)) or (
            nearer[2] < 0 and gained[0] > -0.1
        )
        said = f"{gained[0]:+.2f} dB [{gained[1]:+.2f}, {gained[2]:+.2f}], texture {nearer[0]:+.1f}"
        lines.append(f"{_mark(better)} {region}: better than none ({said} [{nearer[1]:+.1f}, {nearer[2]:+.1f}])")
        for name, table in tables.items():
            if "noise" in name:
                ahead = [mine.value(v, region) < table.value(v, region) for v in VIEWS]
                lines.append(
                    f"{_mark(all(ahead))} {region}: nearer than {name.split(' noise')[0]} noise, {sum(ahead)} of 3"
                )
    change = mine.gain(none, "motion", "all")
    said = f"{change[0]:+.3f} [{change[1]:+.3f}, {change[2]:+.3f}]"
    lines.append(f"{_mark(change[2] < 0)} all: less error along the motion ({said})")
    for region in REGIONS:
        lost = mine.gain(none, "psnr", region)[0]
        lines.append(f"{_mark(not lost < -0.1)} {region}: not worse by more than 0.1 dB ({lost:+.2f})")
    flow = mine.value("flow", "all") - none.value("flow", "all")
    lines.append(f"{_mark(flow < 0.005)} things move as simulated, flow error {flow:+.4f} px")
    for what, region in zip(ABLATIONS, ("smoke", "water", "smoke", "shade"), strict=True):
        name = f"model without {what}"
        if name in tables:
            cost = mine.value("psnr", region) - tables[name].value("psnr", region)
            lines.append(f"{_mark(cost > 0.5)} without {what} {region} loses more than 0.5 dB ({cost:+.2f})")
    return lines


def _mark(holds: bool) -> str:
    return "holds:  " if holds else "FAILS:  "


def gates(tables: dict[str, Table], model: str) -> dict[str, bool]:
    """Which gates should be open: where the model gains and moves no worse."""
    mine, none, opened = tables[model], tables[NONE], {}
    for region, name in (
        ("hole", "hole"),
        ("smoke", "smoke"),
        ("water", "liquid"),
        ("shade", "shade"),
        ("edge", "edge"),
    ):
        gained, moved = mine.gain(none, "psnr", region), mine.gain(none, "motion", region)
        opened[name] = bool(gained[1] > 0.01 and moved[0] < 0.03 * none.value("motion", region))
    return opened


@dataclass
class Arguments:
    """Measure the bundled model on held-out scenes."""

    data: Path
    """Shards of `python -m physim.dataset --purpose held-out`."""
    tuning: Path
    """Shards of `--purpose calibration`: for the settings of the noise layers."""
    weights: Path = BUNDLED_WEIGHTS
    """Weights file."""
    shut: tuple[str, ...] = ()
    """Regions whose gates are shut, such as hole and shade for the shipped weights as they are used by default."""
    against: Path | None = None
    """A second weights file, for one more row."""
    seeds: int = 3
    steps: tuple[int, ...] = (1, 4)
    """Sampler steps to try; the first is the default setting."""
    clips: int | None = None
    """At most so many, evenly taken."""
    tables: Path | None = None
    """Write all numbers to this JSON file."""


def run(arguments: Arguments, progress=None) -> tuple[dict[str, Table], str]:
    """Tables, and the name of the default setting's."""
    model = BundledModel.load(arguments.weights)
    if arguments.shut:
        model = model.with_strength(**dict.fromkeys(arguments.shut, 0.0))
    clips = load_clips(arguments.data)
    if arguments.clips is not None:
        clips = [clips[k] for k in np.unique(np.linspace(0, len(clips) - 1, arguments.clips).astype(int))]
    painters = opponents(load_clips(arguments.tuning)[:24])
    default = f"model, {arguments.steps[0]} step"
    painters |= {f"model, {n} step" + "s" * (n > 1): painted(model, n) for n in arguments.steps}
    painters |= {f"model without {what}": painted(model, arguments.steps[0], what) for what in ABLATIONS}
    if arguments.against is not None:
        painters[f"model {arguments.against.stem}"] = painted(BundledModel.load(arguments.against))
    return measured(clips, painters, seeds=arguments.seeds, progress=progress), default


def main() -> None:
    import sys

    import tyro
    from rich.console import Console
    from rich.progress import Progress

    arguments = tyro.cli(Arguments)
    with Progress(console=Console(file=sys.stderr)) as bar:
        task = bar.add_task("clips", total=None)
        tables, default = run(arguments, lambda done: bar.update(task, completed=done))
    print(report(tables))
    print("\n" + "\n".join(verdict(tables, default)))
    print(f"\ngates that the figures open: {gates(tables, default)}")
    if arguments.tables is not None:
        values = {
            name: {f"{m} {r}": t.value(m, r) for m in ("psnr", "ssim", "motion") for r in REGIONS}
            | {f"{v} {r}": t.value(v, r) for v in VIEWS for r in TEXTURED}
            for name, t in tables.items()
        }
        said = {k: str(v) for k, v in asdict(arguments).items()}
        arguments.tables.write_text(json.dumps({"arguments": said, "values": values}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
