"""How much of what a network paints to use: measured on clips whose photos it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from i2v.maps import Signals, Strength, edges, shade, smoothstep
from i2v.models.aligned import AlignedConfig
from i2v.models.bundled import BundledModel
from i2v.models.unet import ResidualUNet
from i2v.training.data import TrainingClip

ENOUGH = 2000
"""Pixels of a region without which nothing can be said of it."""


def whole(clip: TrainingClip) -> tuple[Signals, np.ndarray]:
    """Signals and truth of all frames, as the model is given them."""
    signals, truth = clip.window(*(slice(0, n) for n in clip.gate.shape))
    image = clip.arrays["image"].astype(np.float32) / 255
    return Signals(**{**vars(signals), "image": image}), truth


def kinds(signals: Signals) -> dict[str, np.ndarray]:
    """Where each strength rules, (T, H, W) bool; disjoint."""
    wet = signals.liquid[..., 3] > 0
    hole = (signals.hole > 0.5) & ~wet
    smoke = ~hole & ~wet & (smoothstep(0.01, 0.15, signals.smoke[..., 0]) > 0.5)
    edge = ~hole & ~wet & ~smoke & (edges(signals) > 0.5)
    dark = ~hole & ~wet & ~smoke & ~edge & (shade(signals) > 0.5)
    return {"hole": hole, "smoke": smoke, "shade": dark, "liquid": wet, "edge": edge}


def best_strength(network: ResidualUNet, clips: Sequence[TrainingClip], *, noisy: bool = True) -> Strength:
    """Factor per region that brings one-step predictions nearest to the truth, in [0, 1].

    For predictions p of a truth d this is sum(p d) / sum(p p), below 1 where the network claims more than it knows.
    Regions that do not occur get 1; liquid and edges 0 if they do not occur or the network was not trained on them.
    """
    with_edges = isinstance(network.config, AlignedConfig)
    everything = Strength(liquid=1.0, edge=1.0) if with_edges else Strength(liquid=0.0)
    model = BundledModel(network, everything, noisy=noisy)
    products = {name: np.zeros(3) for name in vars(everything)}
    for number, clip in enumerate(clips):
        signals, truth = whole(clip)
        predicted = model(signals, seed=number, num_inference_steps=1)
        missing = truth - signals.coarse
        for name, mask in kinds(signals).items():
            p, d = predicted[mask], missing[mask]
            products[name] += (float((p * d).sum()), float((p * p).sum()), int(mask.sum()))
    best = replace(Strength(), liquid=0.0, edge=0.0)
    for name, (pd, pp, count) in products.items():
        if pp > 0 and (count >= ENOUGH or name in ("hole", "smoke", "shade")):
            best = replace(best, **{name: float(np.clip(pd / pp, 0, 1))})
    return best
