"""What the bundled model is worth: held-out clips, per region, against no model and against plain advected noise.

    python benchmarks/model_value.py --scenes 12            # simulates the clips first (about 5 s per scene and core)
    python benchmarks/model_value.py --data DIR             # shards of `python -m physim.dataset --purpose held-out`

Printed per method and region: PSNR [dB]; error of the change along the true motion, mean absolute, in 1/255; Fréchet
distance of 8 x 8 luminance patches (x 1000, lower is nearer to the texture of the truth). Then the gain in PSNR over
the coarse picture with its 95 % interval over clips. Rows in which the model loses are printed like all others.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import map_coordinates

from i2v.diffusion.noise_warp import scene_noise
from i2v.maps import Signals, Strength, gate, unknown
from i2v.models.bundled import BUNDLED_WEIGHTS, BundledModel
from i2v.training.calibrate import whole
from i2v.training.data import TrainingClip, load_clips

REGIONS = ("all", "hole", "smoke", "shade", "rest")
NOISE_AMPLITUDE = 0.03
"""Of the control, sRGB; tuned on training clips in earlier experiments, not here."""
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
PATCH = 8


def regions(signals: Signals) -> dict[str, np.ndarray]:
    """Disjoint masks (T, H, W) bool, and all."""
    hole = (signals.hole > 0.5) & (signals.ids == 0)
    smoke = (signals.smoke[..., 0] > 0.1) & ~hole
    shade = (signals.shadow < 0.95) & ~hole & ~smoke
    everything = np.ones_like(hole)
    return {"all": everything, "hole": hole, "smoke": smoke, "shade": shade, "rest": ~(hole | smoke | shade)}


def advected_noise(signals: Signals, seed: int) -> np.ndarray:
    """The control: texture without a model, carried by the same motion, in the same places."""
    rng = np.random.default_rng(seed)
    opacity = signals.smoke[..., 0]
    noise = scene_noise(signals.flow, signals.occlusion, signals.smoke_flow, opacity, rng=rng)
    where = unknown(signals) * (gate(signals, Strength()) > 0)
    return NOISE_AMPLITUDE * where[..., None] * noise


def change_along_motion(video: np.ndarray, signals: Signals) -> np.ndarray:
    """Each frame minus the frame before, fetched along the motion of what is seen, (T - 1, H, W, 3)."""
    rows, cols = video.shape[1:3]
    v, u = np.mgrid[:rows, :cols].astype(np.float32)
    share = signals.smoke[..., :1]
    motion = (1 - share) * signals.flow_backward - share * signals.smoke_flow
    result = np.empty((len(video) - 1, *video.shape[1:]), np.float32)
    for t in range(1, len(video)):
        at = [v + motion[t, ..., 1], u + motion[t, ..., 0]]
        for c in range(3):
            result[t - 1, ..., c] = video[t, ..., c] - map_coordinates(
                video[t - 1, ..., c], at, order=1, mode="nearest"
            )
    return result


def patches(video: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Luminance patches (n, 64) that lie in the mask by nine tenths; their mean is kept out of it."""
    view = np.lib.stride_tricks.sliding_window_view(video @ LUMA, (PATCH, PATCH), (1, 2))[:, ::2, ::2]
    inside = np.lib.stride_tricks.sliding_window_view(mask, (PATCH, PATCH), (1, 2))[:, ::2, ::2].mean((-1, -2)) > 0.9
    found = view[inside].reshape(-1, PATCH * PATCH)
    return found - found.mean(1, keepdims=True)


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Fréchet distance of two sets of vectors taken as Gaussians (Dowson and Landau, 1982)."""
    if min(len(a), len(b)) < 200:
        return float("nan")
    ca, cb = np.cov(a.T), np.cov(b.T)
    values, vectors = np.linalg.eigh(ca)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ cb @ root), 0, None)).sum()
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(ca) + np.trace(cb) - 2 * cross)


@dataclass
class Score:
    """Sums of one method over clips."""

    square: dict[str, list[tuple[float, int]]]
    motion: dict[str, list[tuple[float, int]]]
    texture: dict[str, list[np.ndarray]]

    @classmethod
    def empty(cls) -> Score:
        return cls(*({r: [] for r in REGIONS} for _ in range(3)))

    def add(self, video: np.ndarray, truth: np.ndarray, signals: Signals, masks: dict[str, np.ndarray]) -> None:
        error = ((video - truth) ** 2).mean(-1)
        moving = np.abs(change_along_motion(video, signals) - change_along_motion(truth, signals)).mean(-1)
        for name, mask in masks.items():
            self.square[name].append((float(error[mask].sum()), int(mask.sum())))
            self.motion[name].append((float(moving[mask[1:]].sum()), int(mask[1:].sum())))
            if name in ("hole", "smoke"):
                self.texture[name].append(patches(video, mask))

    def psnr(self, region: str, clips: np.ndarray | None = None) -> float:
        total, count = np.array(self.square[region])[slice(None) if clips is None else clips].sum(0)
        return float(-10 * np.log10(total / count)) if count and total > 0 else float("nan")

    def motion_error(self, region: str) -> float:
        total, count = np.array(self.motion[region]).sum(0)
        return float(255 * total / count) if count else float("nan")

    def distance(self, region: str, truth: Score) -> float:
        return 1000 * frechet(np.concatenate(self.texture[region]), np.concatenate(truth.texture[region]))


def measure(clips: list[TrainingClip], methods: dict[str, Callable[[Signals, int], np.ndarray]]) -> dict[str, Score]:
    """Scores of each method, and of the truth itself under 'truth'."""
    scores = {name: Score.empty() for name in (*methods, "truth")}
    for number, clip in enumerate(clips):
        signals, truth = whole(clip)
        masks = regions(signals)
        for name, residual in methods.items():
            video = np.clip(signals.coarse + residual(signals, number), 0, 1)
            scores[name].add(video, truth, signals, masks)
        scores["truth"].add(truth, truth, signals, masks)
    return scores


def table(scores: dict[str, Score]) -> str:
    """Markdown."""
    methods = [name for name in scores if name != "truth"]
    head = [f"{r} [dB]" for r in REGIONS] + [f"motion {r}" for r in REGIONS[:3]] + ["FD hole", "FD smoke"]
    lines = ["| method | " + " | ".join(head) + " |", "|---" * (len(head) + 1) + "|"]
    for name in methods:
        s = scores[name]
        cells = [f"{s.psnr(r):.2f}" for r in REGIONS] + [f"{s.motion_error(r):.2f}" for r in REGIONS[:3]]
        cells += [f"{s.distance(r, scores['truth']):.2f}" for r in ("hole", "smoke")]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", "| gain over coarse [dB], 95 % interval | " + " | ".join(REGIONS) + " |", "|---" * 6 + "|"]
    for name in methods[1:]:
        cells = [interval(scores[name], scores["coarse"], r) for r in REGIONS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def interval(score: Score, base: Score, region: str) -> str:
    """Gain in PSNR and its bootstrap interval over clips."""
    rng, count = np.random.default_rng(0), len(score.square[region])
    draws = [rng.integers(count, size=count) for _ in range(400)]
    gains = [score.psnr(region, d) - base.psnr(region, d) for d in draws]
    low, high = np.nanpercentile(gains, [2.5, 97.5])
    return f"{score.psnr(region) - base.psnr(region):+.2f} [{low:+.2f}, {high:+.2f}]"


@dataclass
class Arguments:
    """Measure the bundled model on held-out clips."""

    data: Path | None = None
    """Folder of held-out shards; simulated now if left out."""
    scenes: int = 12
    """Scenes to simulate if there is no data."""
    weights: Path = BUNDLED_WEIGHTS
    """Weights file."""
    steps: tuple[int, ...] = (1, 2, 4)
    """Sampler steps to try."""


def run(arguments: Arguments) -> dict[str, Score]:
    model = BundledModel.load(arguments.weights)
    methods: dict[str, Callable[[Signals, int], np.ndarray]] = {"coarse": lambda s, k: np.zeros_like(s.coarse)}
    for n in arguments.steps:
        plural = "s" if n > 1 else ""
        methods[f"model, {n} step{plural}"] = lambda s, k, n=n: model(s, seed=k, num_inference_steps=n)
    methods["control: advected noise"] = advected_noise
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.data
        if folder is None:
            from physim.dataset import HELD_OUT_PHOTOS, shipped_photos, write_dataset

            folder = Path(scratch)
            write_dataset(folder, shipped_photos(HELD_OUT_PHOTOS), first_seed=1_000_000, scenes=arguments.scenes)
        return measure(load_clips(folder), methods)


def main() -> None:
    import tyro

    print(table(run(tyro.cli(Arguments))))


if __name__ == "__main__":
    main()
