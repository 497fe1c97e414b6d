"""How far a run has come: gain over the plain composite per region, on clips that it does not train on."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from i2v.models.bundled import BundledModel
from i2v.training.calibrate import kinds, whole
from i2v.training.data import TrainingClip

REGIONS = ("hole", "smoke", "shade", "liquid", "edge")
HEADER = ("step", "seconds", *REGIONS, "all")


def gains(model: BundledModel, clips: Sequence[TrainingClip]) -> dict[str, float]:
    """PSNR of one step over that of the composite [dB], all clips together; NaN where a region does not occur."""
    error = {name: np.zeros(2) for name in (*REGIONS, "all")}
    for number, clip in enumerate(clips):
        signals, truth = whole(clip)
        before = ((signals.coarse - truth) ** 2).mean(-1)
        painted = np.clip(signals.coarse + model(signals, seed=number, num_inference_steps=1), 0, 1)
        after = ((painted - truth) ** 2).mean(-1)
        masks = kinds(signals)
        for name, mask in {**masks, "all": np.any(list(masks.values()), axis=0)}.items():
            error[name] += (before[mask].sum(), after[mask].sum())
    return {name: float(10 * np.log10(a / b)) if b > 0 else float("nan") for name, (a, b) in error.items()}


def write_row(path: Path, step: int, seconds: float, found: dict[str, float]) -> None:
    """Add a row to ``validation.csv``."""
    new = not path.exists()
    with open(path, "a", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        if new:
            rows.writerow(HEADER)
        rows.writerow([step, f"{seconds:.0f}", *(f"{found[name]:+.3f}" for name in HEADER[2:])])
