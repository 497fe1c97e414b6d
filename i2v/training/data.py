"""Training clips: shards of conditions with their truth → random crops with noise that follows the motion.

A shard is an ``.npz`` with the arrays of :class:`physim.Conditions` for N clips (first axis) and ``truth``, the same
frames rendered cleanly. ``uint8`` arrays other than ``ids`` are fractions of 255, ``float16`` arrays are values.
Packed shards hold differences from frame to frame, see :mod:`physim.dataset_shards`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from i2v.diffusion.bridge import RESIDUAL_GAIN, noise_scale
from i2v.diffusion.noise_warp import blend_noise, transport_noise
from i2v.maps import (
    CHANNELS,
    LIQUID_CHANNELS,
    Signals,
    depth_scale,
    edges,
    encode,
    gate_seen,
    trust,
    unknown,
    ways,
)

NOISE_FIELDS = 6
"""White fields kept per clip and kind; a sample uses four random orthonormal mixtures of them."""

DIMMEST = 0.5
"""Clips are seen in light of other colours: each channel times a factor from this to 1."""
TONE = CHANNELS.index("smoke light")
CANDIDATES = 6
"""Windows looked at before one is taken."""
AT_ZERO = 0.25
"""Share of samples at time 0, where the network has to be the regressor that one step relies on."""

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
    motion: np.ndarray
    """(T, H, W, 6) float16, see :func:`i2v.maps.ways`."""
    edge: np.ndarray
    """(T, H, W) float16"""
    subject: int | None = None
    """Number of the entity that the loss counts on; ``None``: everything."""

    def about(self, subject: int | None) -> TrainingClip:
        """The same clip, to learn this entity from."""
        return replace(self, subject=subject)

    def weight(self, signals: Signals, gate_map: np.ndarray) -> np.ndarray:
        """Of the squared error (T, H, W), in a window."""
        found = gate_map * trust(signals)
        return found if self.subject is None else found * (signals.ids == self.subject)

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


def load_clips(
    folder: str | os.PathLike, *, seed: int = 0, with_edges: bool = False, noisy: bool = True, processes: int = 1
) -> list[TrainingClip]:
    """All clips of all ``*.npz`` shards of a folder, with their noise.

    Args:
        folder: Of the shards.
        seed: Of the noise.
        with_edges: Whether outlines are to be painted, too.
        noisy: Whether noise is wanted; without, it is zero and costs nothing.
        processes: That prepare shards side by side; the result does not depend on it.

    Raises:
        FileNotFoundError: The folder holds no shards.
    """
    paths = sorted(Path(folder).glob("*.npz"))
    if not paths:
        raise FileNotFoundError(f"no .npz shards in {folder}; write some with `python -m physim.dataset`.")
    work = [(path, [seed, number], with_edges, noisy) for number, path in enumerate(paths)]
    if processes == 1:
        return [clip for item in work for clip in _load_shard(item)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return [clip for clips in pool.map(_load_shard, work) for clip in clips]


def _load_shard(work: tuple[Path, list[int], bool, bool]) -> list[TrainingClip]:
    path, seed, with_edges, noisy = work
    with np.load(path, allow_pickle=False) as data:
        shard = _unpacked({name: data[name] for name in data.files})
    return [
        prepared({n: v[i] for n, v in shard.items()}, np.random.default_rng([*seed, i]), with_edges, noisy)
        for i in range(len(shard["coarse"]))
    ]


def _unpacked(shard: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of a plain shard, summed up if they are differences."""
    if "truth~coarse" not in shard:
        return shard
    out = {"image": shard["image"]}
    for name, value in shard.items():
        if name.endswith("~t"):
            bits = np.cumsum(value, axis=1, dtype=value.dtype)
            out[name.removesuffix("~t")] = bits.view(np.float16) if bits.dtype == np.uint16 else bits
    change = np.cumsum(shard["truth~coarse"], axis=1, dtype=np.uint8)
    return {**out, "truth": out["coarse"] + change}


def prepared(
    arrays: dict[str, np.ndarray], rng: np.random.Generator, with_edges: bool = False, noisy: bool = True
) -> TrainingClip:
    """One clip of a shard with gate, noise and ways."""
    signals = _signals({name: _decode(name, value) for name, value in arrays.items()})
    none = np.broadcast_to(np.float16(0), (*signals.hole.shape, NOISE_FIELDS))  # one zero: no memory
    noise = [none, none]
    if noisy:
        noise[0] = transport_noise(signals.flow, signals.occlusion, channels=NOISE_FIELDS, rng=rng).astype(np.float16)
    if noisy and signals.smoke[..., 0].any():
        noise[1] = transport_noise(signals.smoke_flow, None, channels=NOISE_FIELDS, rng=rng).astype(np.float16)
    seen = gate_seen(signals, with_edges=with_edges).astype(np.float16)
    motion, edge = ways(signals).astype(np.float16), edges(signals).astype(np.float16)
    return TrainingClip(arrays, seen, depth_scale(signals), noise[0], noise[1], motion, edge)


def sample_batch(
    clips: Sequence[TrainingClip],
    rng: np.random.Generator,
    *,
    batch: int,
    side: int,
    frames: int,
    at_zero: float = AT_ZERO,
) -> Batch:
    """Random windows: ``maps, liquid, edge, motion, residual, noise, scale, weight, time``; batch axis first."""
    samples = [_sample(*_pick(clips, rng, side, frames), rng, at_zero) for _ in range(batch)]
    return {name: np.stack([s[name] for s in samples]) for name in samples[0]}


def _sample(
    clip: TrainingClip, where: tuple[slice, slice, slice], rng: np.random.Generator, at_zero: float = AT_ZERO
) -> Batch:
    signals, truth = clip.window(*where)
    gate_map = clip.gate[where].astype(np.float32)
    mixture = np.linalg.qr(rng.standard_normal((NOISE_FIELDS, NOISE_FIELDS)))[0][:, :4].astype(np.float32)
    surface, smoky = (n[where].astype(np.float32) @ mixture for n in (clip.surface_noise, clip.smoke_noise))
    noise = blend_noise(surface, smoky, signals.smoke[..., 0], rng=rng)
    maps, liquid = encode(signals, gate_map, clip.depth_scale)
    residual = RESIDUAL_GAIN * (truth - signals.coarse)
    colours, gain = rng.permutation(3), rng.uniform(DIMMEST, 1, 3).astype(np.float32)
    noise, residual = noise[..., colours], gain * residual[..., colours]
    maps[..., :3] = gain * (1 + maps[..., colours]) - 1
    maps[..., TONE] *= gain.mean()
    time = 0.0 if rng.random() < at_zero else float(rng.random())
    result = {
        "maps": maps,
        "liquid": liquid,
        "residual": residual.astype(np.float32),
        "noise": noise,
        "scale": noise_scale(unknown(signals))[..., None],
        "weight": clip.weight(signals, gate_map),
        "edge": clip.edge[where].astype(np.float32)[..., None],
        "motion": clip.motion[where].astype(np.float32),
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
    flipped["motion"] = flipped["motion"] * np.array([-1, 1, 1, -1, 1, 1], np.float32)
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
    work = np.array([clip.gate[window].mean(dtype=np.float32) for clip, window in found]) + 0.005
    return found[rng.choice(CANDIDATES, p=work / work.sum())]
