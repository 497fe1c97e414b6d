"""How much of a trained network's residual to use, measured on clips it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from i2v.maps import Signals, Strength, shade, smoothstep
from i2v.models.bundled import BundledModel
from i2v.models.unet import ResidualUNet
from i2v.training.data import TrainingClip


def whole(clip: TrainingClip) -> tuple[Signals, np.ndarray]:
    """Signals and truth of all frames, as the model is given them."""
    signals, truth = clip.window(*(slice(0, n) for n in clip.gate.shape))
    image = clip.arrays["image"].astype(np.float32) / 255
    return Signals(**{**vars(signals), "image": image}), truth


def best_strength(network: ResidualUNet, clips: Sequence[TrainingClip]) -> Strength:
    """Factor per region that brings one-step predictions nearest to the truth, in [0, 1].

    For predictions p of a truth d this is sum(p d) / sum(p p), below 1 where the network claims more than it knows.
    Regions that do not occur get 1, liquid 0.
    """
    model = BundledModel(network, Strength(liquid=0.0))
    products = {name: np.zeros(2) for name in ("hole", "smoke", "shade")}
    for number, clip in enumerate(clips):
        signals, truth = whole(clip)
        predicted = model(signals, seed=number, num_inference_steps=1)
        missing = truth - signals.coarse
        hole = signals.hole > 0.5
        smoke = ~hole & (smoothstep(0.01, 0.15, signals.smoke[..., 0]) > 0.5)
        masks = {"hole": hole, "smoke": smoke, "shade": ~hole & ~smoke & (shade(signals) > 0.5)}
        for name, mask in masks.items():
            p, d = predicted[mask], missing[mask]
            products[name] += (float((p * d).sum()), float((p * p).sum()))
    best = {name: float(np.clip(pd / pp, 0, 1)) if pp > 0 else 1.0 for name, (pd, pp) in products.items()}
    return Strength(**best)
