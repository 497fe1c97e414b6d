"""The command ``i2v train``: reads shards or photos, trains, shows how it goes, calibrates and writes the weights."""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

from i2v.training.config import TrainConfig

LOOKED_AT = 8
"""Clips of the calibration set for strips and validation."""
NETWORKS = ("flow", "shift", "none", "both", "unet")
DEFAULTS = {field.name: field.default for field in fields(TrainConfig)}
OWN_SHOTS = 64
"""Clips made of the photos of a subject."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Everything a run can be told."""
    parser.add_argument(
        "--data",
        type=Path,
        help="folder of .npz shards (python -m physim.dataset); with --subject: what may not change",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the run; an unfinished one is continued")
    parser.add_argument(
        "--subject", type=Path, metavar="PHOTOS",
        help="folder of 15 to 30 photos or clips of one thing, with alpha or NAME.mask.png: learn its looks (--rank)",
    )  # fmt: skip
    parser.add_argument(
        "--rank", type=int, help="train an adapter of this rank, the weights stay (default with --subject: 16)"
    )
    parser.add_argument(
        "--calibration", type=Path, help="shards with other photos: for the strength of each region and for the strips"
    )
    parser.add_argument("--minutes", type=float, help="length of the run (default: 30)")
    parser.add_argument("--steps", type=int, help="length of the run in steps, instead of minutes")
    parser.add_argument(
        "--stop-after", type=float, metavar="SECONDS", help="save and stop then; the same command goes on with the run"
    )
    parser.add_argument(
        "--network", choices=NETWORKS, default="flow",
        help="how frames meet: along the flow, by temporal shift, not at all, by both; unet: that of version 1. "
        "Adapters are for the network they start from",
    )  # fmt: skip
    parser.add_argument("--widths", type=int, nargs="+", default=[64, 128, 192], help="channels of each level")
    parser.add_argument("--objective", choices=("bridge", "regression", "flow"), default=DEFAULTS["objective"])
    parser.add_argument("--batch", type=int, default=DEFAULTS["batch"], help="crops per step")
    parser.add_argument("--side", type=int, default=DEFAULTS["side"], help="of the crops in pixels")
    parser.add_argument("--frames", type=int, default=DEFAULTS["frames"], help="of the crops")
    parser.add_argument("--rate", type=float, default=DEFAULTS["learning_rate"], help="highest learning rate")
    parser.add_argument("--ema", type=float, default=DEFAULTS["ema"], help="memory of the average of the weights")
    parser.add_argument(
        "--along", type=float, default=DEFAULTS["along_weight"], help="weight of the error of changes along the motion"
    )
    parser.add_argument(
        "--prior-share", type=float, default=DEFAULTS["prior_share"], help="with --subject: share of crops from --data"
    )
    parser.add_argument(
        "--at-zero", type=float, default=DEFAULTS["at_zero"], help="share of samples for the first step, of bridges"
    )
    parser.add_argument("--seed", type=int, default=DEFAULTS["seed"])
    parser.add_argument("--save-every", type=int, default=DEFAULTS["save_every"], help="steps between checkpoints")
    parser.add_argument("--strip-every", type=int, default=1000, help="steps between pictures of how it looks")
    parser.add_argument("--validate-every", type=int, default=1000, help="steps between rows of validation.csv")
    parser.add_argument(
        "--start", type=Path, help="weights to begin from instead of random ones; of an adapter: instead of the bundled"
    )
    parser.add_argument("--processes", type=int, default=1, help="that read the shards")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def main(argv: list[str] | None = None) -> None:
    """``python -m i2v.training.train``."""
    parser = argparse.ArgumentParser(prog="i2v train", description=__doc__)
    add_arguments(parser)
    run(parser.parse_args(argv))


def run(arguments: argparse.Namespace) -> Path:
    """Train; returns the file of the weights, or of the adapter.

    Raises:
        ValueError: Neither shards nor a subject.
        FileNotFoundError: None of either where they should be.
    """
    import jax

    from i2v.models.bundled import BUNDLED_WEIGHTS
    from i2v.training.calibrate import best_strength
    from i2v.training.data import load_clips
    from i2v.training.train import Trainer

    if arguments.data is None and arguments.subject is None:
        raise ValueError("give --data, shards to learn from, or --subject, photos of one thing.")
    config = configured(arguments, gpu=jax.default_backend() != "cpu")
    noisy = config.objective != "regression"
    options: dict[str, Any] = {"with_edges": config.with_edges, "noisy": noisy}
    shards = []
    if arguments.data is not None:
        shards = load_clips(arguments.data, seed=arguments.seed, processes=arguments.processes, **options)
    clips, prior = (shards, []) if arguments.subject is None else (_of_subject(arguments, config, options), shards)
    seen = load_clips(arguments.calibration, **{**options, "noisy": False}) if arguments.calibration else []
    start = BUNDLED_WEIGHTS if config.rank is not None and arguments.start is None else arguments.start
    trainer = Trainer(config, clips, arguments.out, start=start, prior=prior)
    watch = _Watch(arguments, trainer, seen[:: max(1, len(seen) // LOOKED_AT)][:LOOKED_AT], noisy)
    with watch:
        trainer.run(on_step=watch, seconds=arguments.stop_after, look_every=1 if not config.resident else 20)
    if config.rank is not None:
        from i2v.models.lora_files import save_adapter

        return save_adapter(arguments.out / "adapter.safetensors", trainer.adapter())
    strength = best_strength(trainer.network(), seen, noisy=noisy) if seen else None
    return trainer.export(arguments.out / "model.safetensors", strength=strength, data=arguments.data.name)


def _of_subject(arguments: argparse.Namespace, config: TrainConfig, options: dict[str, Any]) -> list:
    from i2v.subject import read_subject
    from i2v.training.subject import bundled_clips, subject_shots

    side = config.side + config.side // 2  # so that there are crops to choose from
    shots = subject_shots(
        read_subject(arguments.subject), count=OWN_SHOTS, size=(side, side), frames=config.frames, seed=config.seed
    )
    return bundled_clips(shots, seed=config.seed, **options)


def configured(arguments: argparse.Namespace, *, gpu: bool) -> TrainConfig:
    """The configuration that is asked for; on a GPU in half precision, with the clips in its memory."""
    from i2v.models.aligned import AlignedConfig
    from i2v.models.bundled import BundledModel
    from i2v.models.unet import UNetConfig

    widths, objective = tuple(arguments.widths), arguments.objective
    rank = 16 if arguments.subject is not None and arguments.rank is None else arguments.rank
    network: UNetConfig = UNetConfig(widths=widths)
    if rank is not None:
        begun = BundledModel.load(arguments.start) if arguments.start is not None else BundledModel.load()
        network, objective = begun.config, objective if begun.noisy else "regression"
    elif arguments.network != "unet":
        network = AlignedConfig(widths=widths, mixing=arguments.network)
    minutes = arguments.minutes if arguments.minutes or arguments.steps else 30.0
    return TrainConfig(
        network=network,
        objective=objective,
        rank=rank,
        steps=arguments.steps,
        minutes=None if arguments.steps else minutes,
        batch=arguments.batch,
        side=arguments.side,
        frames=arguments.frames,
        learning_rate=arguments.rate,
        ema=arguments.ema,
        along_weight=arguments.along,
        prior_share=arguments.prior_share,
        at_zero=arguments.at_zero,
        save_every=arguments.save_every,
        half=gpu,
        resident=gpu,
        seed=arguments.seed,
    )


class _Watch:
    """Shows loss and curve, writes ``loss.csv``, ``validation.csv`` and the strips."""

    def __init__(self, arguments: argparse.Namespace, trainer: Any, clips: list, noisy: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = [TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()]
        self._bar = Progress(*columns, console=Console(file=sys.stderr), disable=arguments.quiet)
        self._task = self._bar.add_task("training", total=1.0)
        self._every = {self._look: arguments.strip_every, self._validate: arguments.validate_every}
        self._trainer, self._clips, self._noisy = trainer, clips, noisy
        self._model: Any = None
        self._recent: list[float] = []
        self._curve: list[float] = []
        self._last = trainer.step

    def __enter__(self) -> _Watch:
        self._file = open(self._trainer.folder / "loss.csv", "a", newline="", encoding="utf-8")
        self._rows = csv.writer(self._file)
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        self._file.close()

    def __call__(self, step: int, loss: float, progress: float) -> None:
        self._recent.append(loss)
        if len(self._recent) >= 50:
            mean = sum(self._recent) / len(self._recent)
            self._rows.writerow([step, f"{self._trainer.seconds:.1f}", f"{mean:.6f}"])
            self._file.flush()
            self._curve.append(mean)
            self._recent.clear()
        mean = self._curve[-1] if self._curve else loss
        said = f"step {step}  loss {mean:.4f}  {sparkline(self._curve)}"
        self._bar.update(self._task, completed=progress, description=said)
        for task, every in self._every.items():
            if self._clips and step // every > self._last // every:
                task(step)
        self._last = step

    def _look(self, step: int) -> None:
        from i2v.training.strips import write_strip

        write_strip(self._trainer.folder / "strips" / f"step_{step:07d}.png", self._now(), self._clips)

    def _validate(self, step: int) -> None:
        from i2v.training.validate import gains, write_row

        found = gains(self._now(), self._clips)
        write_row(self._trainer.folder / "validation.csv", step, self._trainer.seconds, found)

    def _now(self) -> Any:
        """The model with the weights of this moment, all gates open."""
        from i2v.maps import EDGES_TOO
        from i2v.models.bundled import BundledModel

        network = self._trainer.network()
        if self._model is None:  # compiled once
            self._model = BundledModel(network, EDGES_TOO, noisy=self._noisy)
        return self._model.with_weights(network)


def sparkline(values: list[float], width: int = 24) -> str:
    """A curve in one line of text, its logarithm from lowest to highest."""
    if len(values) < 2:
        return ""
    import numpy as np

    picked = np.log([np.mean(part) for part in np.array_split(values, min(width, len(values)))])
    low, high = picked.min(), max(picked.max(), picked.min() + 1e-9)
    return "".join("▁▂▃▄▅▆▇█"[int(7.999 * (x - low) / (high - low))] for x in picked)
