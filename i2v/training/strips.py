"""What a run looks like: rows of input, painted and true frames of a few clips, as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from i2v.models.bundled import BundledModel
from i2v.training.calibrate import whole
from i2v.training.data import TrainingClip


def strip(model: BundledModel, clips: Sequence[TrainingClip], *, enlarged: int = 2) -> np.ndarray:
    """One row per clip: input, one step, truth, and what the model changed (grey: nothing). uint8 (H, W, 3).

    Args:
        model: As it is now.
        clips: To look at; of each the frame in which most is painted.
        enlarged: Size of a pixel.
    """
    rows = []
    for number, clip in enumerate(clips):
        signals, truth = whole(clip)
        frame = int(np.argmax(clip.gate.sum((1, 2), dtype=np.float32)))
        residual = model(signals, seed=number, num_inference_steps=1)[frame]
        coarse = signals.coarse[frame]
        panels = [coarse, coarse + residual, truth[frame], 0.5 + 2 * residual]
        rows.append(np.concatenate([np.clip(panel, 0, 1) for panel in panels], axis=1))
    picture = np.round(255 * np.concatenate(rows, axis=0)).astype(np.uint8)
    return picture.repeat(enlarged, 0).repeat(enlarged, 1)


def write_strip(path: Path, model: BundledModel, clips: Sequence[TrainingClip]) -> None:
    """Write it as PNG, making the folder."""
    import imageio.v3 as iio

    path.parent.mkdir(parents=True, exist_ok=True)
    iio.imwrite(path, strip(model, clips))
