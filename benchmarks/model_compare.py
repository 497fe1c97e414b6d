"""Networks and objectives at equal compute: each is trained for the same time, then measured on held-out scenes.

    python -m benchmarks.model_compare --data data/train --held data/held --seconds 600

On a CPU the time is that of this process, so that other programs do not count; on a GPU it is the clock's. One step is
asked of all. Besides PSNR per region there is the error of the change along the true motion, which is what following
the flow should lower: 'shift' is the twin of 'flow' that was trained the same way without it.
"""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from benchmarks.bundled_model import NONE, measured, painted
from benchmarks.model_scores import Table
from i2v.maps import Strength
from i2v.models.aligned import AlignedConfig
from i2v.models.bundled import BundledModel
from i2v.models.unet import UNetConfig
from i2v.training.calibrate import best_strength
from i2v.training.config import TrainConfig
from i2v.training.data import load_clips
from i2v.training.train import Trainer

SHOWN = ("all", "hole", "smoke", "water", "shade", "edge")


class Budgeted(Trainer):
    """A run that ends, and cools its rate, by seconds of compute after the first step, which compiles."""

    budget = 60.0
    _from: float | None = None

    def progress(self, step: int) -> float:
        """Used share of the budget."""
        if step < 1:
            return 0.0
        now = time.process_time() if jax.default_backend() == "cpu" else time.monotonic()
        self._from = now if self._from is None else self._from
        return (now - self._from) / self.budget


@dataclass
class Arguments:
    """Compare networks and objectives."""

    data: Path
    """Shards to train on."""
    held: Path
    """Shards to measure on."""
    calibration: Path | None = None
    """Shards for the strengths; without, all of what a network paints is used."""
    variants: tuple[str, ...] = ("flow bridge", "shift bridge", "none bridge", "flow regression", "flow flow")
    """Network (flow, shift, none, both, unet) and objective (bridge, regression, flow)."""
    seconds: float = 600.0
    """Of compute per run."""
    seeds: int = 1
    """Runs of each, from different random weights."""
    widths: tuple[int, ...] = (64, 128, 192)
    batch: int = 4
    side: int = 64
    frames: int = 8
    rate: float = 1.5e-3
    clips: int | None = None
    """Held-out clips to measure on, at most."""
    output: Path | None = None
    """JSON of all numbers; finished runs in it are not made again."""


def trained(arguments: Arguments, variant: str, seed: int, folder: Path) -> tuple[BundledModel, dict[str, float]]:
    """One run."""
    network, objective = variant.split()
    aligned = network != "unet"
    config = (
        AlignedConfig(widths=arguments.widths, mixing=network)  # type: ignore[arg-type]
        if aligned
        else UNetConfig(widths=arguments.widths)
    )
    gpu, noisy = jax.default_backend() != "cpu", objective != "regression"
    settings = TrainConfig(
        network=config, objective=objective, steps=10**9, batch=arguments.batch, side=arguments.side,  # type: ignore[arg-type]
        frames=arguments.frames, learning_rate=arguments.rate, half=gpu, resident=gpu, save_every=10**9, seed=seed,
    )  # fmt: skip
    trainer = Budgeted(settings, load_clips(arguments.data, with_edges=aligned, noisy=noisy), folder)
    trainer.budget = arguments.seconds
    losses: list[float] = []
    trainer.run(on_step=lambda step, value, progress: losses.append(value), look_every=20 if gpu else 1)
    strength = Strength(liquid=1.0, edge=float(aligned))
    if arguments.calibration is not None:
        seen = load_clips(arguments.calibration, with_edges=aligned, noisy=False)
        strength = best_strength(trainer.network(), seen, noisy=noisy)
    about = {"steps": float(trainer.step), "loss": float(np.mean(losses[-len(losses) // 5 :]))}
    return BundledModel(trainer.network(), strength, noisy=noisy), about


def numbers(table: Table, none: Table) -> dict[str, float]:
    """What is shown of a run."""
    found = {f"psnr {r}": table.value("psnr", r) - none.value("psnr", r) for r in SHOWN}
    return found | {f"motion {r}": table.value("motion", r) for r in SHOWN}


def run(arguments: Arguments) -> dict[str, dict[str, float]]:
    """Numbers per run; each is written as soon as it is known."""
    output = arguments.output
    found = json.loads(output.read_text()) if output is not None and output.exists() else {}
    held = load_clips(arguments.held, noisy=False)
    if arguments.clips is not None:
        held = [held[k] for k in np.unique(np.linspace(0, len(held) - 1, arguments.clips).astype(int))]
    none = measured(held, {NONE: lambda clip, signals, masks, seed: signals.coarse}, seeds=1)[NONE]
    found.setdefault(NONE, {**numbers(none, none), "steps": 0.0, "loss": float("nan")})
    for seed in range(arguments.seeds):
        for variant in arguments.variants:
            name = variant if arguments.seeds == 1 else f"{variant} {seed}"
            if name in found:
                continue
            with tempfile.TemporaryDirectory() as folder:
                model, about = trained(arguments, variant, seed, Path(folder))
            table = measured(held, {"model": painted(model)}, seeds=1)["model"]
            found[name] = {**numbers(table, none), **about}
            if output is not None:
                output.write_text(json.dumps(found, indent=1))
    return found


def report(found: dict[str, dict[str, float]]) -> str:
    """Markdown."""
    head = ["steps", "loss"] + [f"{r} [dB]" for r in SHOWN] + [f"motion {r}" for r in SHOWN]
    lines = ["| network, objective | " + " | ".join(head) + " |", "|---" * (len(head) + 1) + "|"]
    for name, row in found.items():
        cells = [f"{row['steps']:.0f}", f"{row['loss']:.4f}"]
        cells += [f"{row[f'psnr {r}']:+.2f}" for r in SHOWN] + [f"{row[f'motion {r}']:.2f}" for r in SHOWN]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    import tyro

    print(report(run(tyro.cli(Arguments))))


if __name__ == "__main__":
    main()
