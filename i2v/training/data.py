"""Training clips: shards of conditions with their truth → random crops with noise that follows the motion.

A shard is an ``.npz`` with the arrays of :class:`physim.Conditions` for N clips (first axis) and ``truth``, the same
frames rendered cleanly. ``uint8`` arrays other than ``ids`` are fractions of 255, ``float16`` arrays are values.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from i2v.diffusion.bridge import RESIDUAL_GAIN, noise_scale
from i2v.diffusion.noise_warp import blend_noise, transport_noise
from i2v.maps import CHANNELS, EVERYWHERE, LIQUID_CHANNELS, Signals, depth_scale, encode, gate, trust, unknown

NOISE_FIELDS = 6
"""White fields kept per clip and kind; a sample uses four random orthonormal mixtures of them."""

CANDIDATES = 6
"""Windows looked at before one is taken."""

Batch = dict[str, np.ndarray]


@dataclass(frozen=True)
class TrainingClip:
    """One clip in memory, in the compact types of its shard."""

    arrays: dict[str, np.ndarray]
    gate: np.ndarray
    depth_scale: float
    surface_noise: np.ndarray
    """(T, H, W, NOISE_FIELDS) float16"""
    smoke_noise: np.ndarray

    def window(self, frames: slice, rows: slice, cols: slice) -> tuple[Signals, np.ndarray]:
        """Signals and truth of a window, as float32."""
        cut = {name: _decode(name, value[frames, rows, cols]) for name, value in self.arrays.items() if name != "image"}
        return _signals({**cut, "image": cut["coarse"][0]}), cut["truth"]


def _decode(name: str, value: np.ndarray) -> np.ndarray:
    if value.dtype == np.uint8 and name != "ids":
        return value.astype(np.float32) / 255
    return value if name == "ids" else value.astype(np.float32)


def _signals(arrays: dict[str, np.ndarray]) -> Signals:
    liquid = arrays.get("liquid")
    if liquid is None:
        liquid = np.zeros((*arrays["hole"].shape, 4), np.float32)
    return Signals(**{k: v for k, v in arrays.items() if k not in ("truth", "liquid")}, liquid=liquid)


def load_clips(folder: str | os.PathLike, *, seed: int = 0) -> list[TrainingClip]:
    """All clips of all ``*.npz`` shards of a folder, with their noise.

    Raises:
        FileNotFoundError: The folder holds no shards.
    """
    paths = sorted(Path(folder).glob("*.npz"))
    if not paths:
        raise FileNotFoundError(f"no .npz shards in {folder}; write some with `python -m physim.dataset`.")
    clips: list[TrainingClip] = []
    for path in paths:
        with np.load(path, allow_pickle=False) as data:
            shard = {name: data[name] for name in data.files}
        clips += [
            _prepare({name: value[i] for name, value in shard.items()}, np.random.default_rng([seed, len(clips) + i]))
            for i in range(len(shard["coarse"]))
        ]
    return clips


def _prepare(arrays: dict[str, np.ndarray], rng: np.random.Generator) -> TrainingClip:
    signals = _signals({name: _decode(name, value) for name, value in arrays.items()})
    noise = [
        transport_noise(flow, occlusion, channels=NOISE_FIELDS, rng=rng).astype(np.float16)
        for flow, occlusion in ((signals.flow, signals.occlusion), (signals.smoke_flow, None))
    ]
    return TrainingClip(arrays, gate(signals, EVERYWHERE), depth_scale(signals), noise[0], noise[1])


def sample_batch(
    clips: Sequence[TrainingClip], rng: np.random.Generator, *, batch: int, side: int, frames: int
) -> Batch:
    """Random windows: ``maps, liquid, residual, noise, scale, weight, time``, each with a leading batch axis."""
    samples = [_sample(*_pick(clips, rng, side, frames), rng) for _ in range(batch)]
    return {name: np.stack([s[name] for s in samples]) for name in samples[0]}


def _sample(clip: TrainingClip, where: tuple[slice, slice, slice], rng: np.random.Generator) -> Batch:
    signals, truth = clip.window(*where)
    gate_map = clip.gate[where]
    mixture = np.linalg.qr(rng.standard_normal((NOISE_FIELDS, NOISE_FIELDS)))[0][:, :4].astype(np.float32)
    surface, smoky = (n[where].astype(np.float32) @ mixture for n in (clip.surface_noise, clip.smoke_noise))
    noise = blend_noise(surface, smoky, signals.smoke[..., 0], rng=rng)
    maps, liquid = encode(signals, gate_map, clip.depth_scale)
    residual = RESIDUAL_GAIN * (truth - signals.coarse)
    colours = rng.permutation(3)
    maps[..., :3], residual, noise = maps[..., colours], residual[..., colours], noise[..., colours]
    # A quarter at time 0, where the network has to be the regressor that one step relies on.
    time = 0.0 if rng.random() < 0.25 else float(rng.random())
    result = {
        "maps": maps,
        "liquid": liquid,
        "residual": residual.astype(np.float32),
        "noise": noise,
        "scale": noise_scale(unknown(signals))[..., None],
        "weight": gate_map * trust(signals),
    }
    if rng.random() < 0.5:
        result = _mirror(result)
    return {**result, "time": np.float32(time)}


def _mirror(sample: Batch) -> Batch:
    """Left and right exchanged; horizontal motion changes its sign."""
    flipped = {name: np.ascontiguousarray(value[:, :, ::-1]) for name, value in sample.items()}
    for name, channels in (("maps", CHANNELS), ("liquid", LIQUID_CHANNELS)):
        sign = np.array([-1 if c.endswith("right") else 1 for c in channels], np.float32)
        flipped[name] = flipped[name] * sign
    return flipped


def _pick(
    clips: Sequence[TrainingClip], rng: np.random.Generator, side: int, frames: int
) -> tuple[TrainingClip, tuple[slice, slice, slice]]:
    """One of ``CANDIDATES`` random windows, with a chance in proportion to how much there is to do in it."""
    found = []
    for _ in range(CANDIDATES):
        clip = clips[int(rng.integers(len(clips)))]
        shape = clip.gate.shape
        if shape[0] < frames or min(shape[1:]) < side:
            raise ValueError(
                f"clips are {shape} (frames, height, width), expected at least {(frames, side, side)}; use a smaller "
                f"crop or render larger clips."
            )
        t, v, u = (int(rng.integers(have - want + 1)) for have, want in zip(shape, (frames, side, side), strict=True))
        found.append((clip, (slice(t, t + frames), slice(v, v + side), slice(u, u + side))))
    work = np.array([clip.gate[window].mean() for clip, window in found]) + 0.005
    return found[rng.choice(CANDIDATES, p=work / work.sum())]
