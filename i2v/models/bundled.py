"""The model that comes with the library: small, trained on our own simulations, paints only what physics touches."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from copy import copy
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from i2v import weights as weight_file
from i2v.diffusion.bridge import RESIDUAL_GAIN, noise_scale
from i2v.diffusion.noise_warp import scene_noise
from i2v.diffusion.sampler import StepEnd, sample
from i2v.maps import Signals, Strength, depth_scale, edges, encode, gate, gate_seen, unknown, ways
from i2v.models.aligned import AlignedConfig, AlignedUNet
from i2v.models.lora import Adapter, attach, merge
from i2v.models.lora_files import load_adapter
from i2v.models.unet import ResidualUNet, UNetConfig
from physim.conditions import Conditions

BUNDLED_WEIGHTS = Path(__file__).with_name("bundled_v1.safetensors")
SHUT = {"hole": 0.0, "shade": 0.0}
"""Gates of the shipped weights that ``benchmarks/bundled_model.py`` shuts. On held-out families of scenes holes gained
PSNR, but their texture and their change along the motion came out further from the truth than those of the plain fill,
and shades lost. A shot opens them with ``generate: {regions: {hole: 1}}``."""
MARGIN = 32
"""Pixels around the gate that the network sees."""
PIXELS_PER_CALL = 6_000_000
"""Frames x pixels of one network call; more memory beyond (about 250 bytes per pixel)."""
FRAMES_PER_ENCODING = 8
"""Frames whose condition maps are held as float32 at once."""


NETWORKS: dict[str, tuple[type[UNetConfig], type[ResidualUNet]]] = {
    "unet": (UNetConfig, ResidualUNet),
    "aligned": (AlignedConfig, AlignedUNet),
}
"""Kinds of networks by the name that weights files carry."""


def kind_of(config: UNetConfig) -> str:
    """Name of the network that a configuration is for."""
    return "aligned" if isinstance(config, AlignedConfig) else "unet"


def build(config: UNetConfig, *, seed: int = 0) -> ResidualUNet:
    """The untrained network of a configuration."""
    return NETWORKS[kind_of(config)][1](config, rngs=nnx.Rngs(seed))


class BundledModel:
    """Residual model: network, noise and sampler.

    Args:
        network: The trained network.
        strength: How much of its residual to use.
        noisy: Whether it was trained to start from noise; without, it is a regressor and any number of steps is one.
    """

    def __init__(self, network: ResidualUNet, strength: Strength | None = None, *, noisy: bool = True) -> None:
        self._network = network
        self.config = network.config
        self.strength = strength or Strength()
        self.noisy = noisy
        self._with_edges = isinstance(network.config, AlignedConfig)
        graph, self._parameters = nnx.split(network, nnx.Param)
        self._context = jax.jit(lambda p, *known: nnx.merge(graph, p).context(*known))
        self._predict = jax.jit(lambda p, x, time, context, valid: nnx.merge(graph, p)(x, time, context, valid))

    @classmethod
    def load(cls, path: str | os.PathLike = BUNDLED_WEIGHTS) -> BundledModel:
        """From a weights file that :func:`save_model` wrote.

        Raises:
            FileNotFoundError: No such file.
            ValueError: The file is damaged or does not fit.
        """
        flat, metadata = weight_file.load(path)
        if "config" not in metadata:
            raise ValueError(f"{path} holds no network configuration; expected a file written by i2v.training.")
        settings = json.loads(metadata["config"])
        form = NETWORKS[metadata.get("network", "unet")][0]
        network = build(form(**{**settings, "widths": tuple(settings["widths"])}))
        weight_file.assign(network, flat, origin=str(path))
        noisy = metadata.get("objective", "bridge") != "regression"
        return cls(network, Strength(**json.loads(metadata.get("strength", "{}"))), noisy=noisy)

    def with_strength(self, **regions: float) -> BundledModel:
        """The same model with other strengths for these regions.

        Raises:
            ValueError: A region that is not known, or a strength outside [0, 1].
        """
        known = vars(self.strength)
        for name, value in regions.items():
            if name not in known:
                raise ValueError(f"regions has {name!r}, expected some of {', '.join(known)}.")
            if not 0 <= value <= 1:
                raise ValueError(f"regions.{name} is {value}, expected 0 (closed) to 1 (open).")
        other = copy(self)
        other.strength = replace(self.strength, **regions)
        return other

    def with_adapters(self, adapters: Sequence[tuple[str | os.PathLike | Adapter, float]]) -> BundledModel:
        """The same model with adapters, each with its weight, made part of the weights: they cost nothing.

        Args:
            adapters: Files that ``i2v train --rank`` wrote, or adapters; none takes off what was put on.

        Raises:
            FileNotFoundError: No such file.
            ValueError: An adapter of another network.
        """
        network = nnx.clone(self._network)
        read = [(a if isinstance(a, Adapter) else load_adapter(a, network), weight) for a, weight in adapters]
        attach(network, read)
        merge(network)
        other = self.with_weights(network)
        other._network = self._network
        return other

    def with_weights(self, network: ResidualUNet) -> BundledModel:
        """The same compiled functions with the weights of another network of this configuration."""
        other = copy(self)
        other._network, other._parameters = network, nnx.state(network, nnx.Param)
        return other

    def __call__(
        self,
        conditions: Conditions | Signals,
        *,
        seed: int = 0,
        num_inference_steps: int = 1,
        guidance_scale: float = 1.0,
        callback_on_step_end: StepEnd | None = None,
    ) -> np.ndarray:
        """Paint; see :func:`i2v.generate.generate_residual`.

        Raises:
            NotImplementedError: ``guidance_scale`` is not 1.
        """
        if guidance_scale != 1.0:
            raise NotImplementedError(
                f"guidance_scale is {guidance_scale}, expected 1: the bundled model is trained without dropping its "
                f"conditions, so there is no unconditional answer to steer away from."
            )
        signals = Signals.of(conditions)
        gate_map = gate_seen(signals, with_edges=self._with_edges)
        result = np.zeros_like(signals.coarse)
        window = _window(gate_map, self.config.multiple)
        if window is None:
            return result
        rows, cols = window
        scale = depth_scale(signals)
        inside, seen = signals.crop(rows, cols), gate_map[:, rows, cols]
        r = self._sample(inside, seen, scale, seed, num_inference_steps, callback_on_step_end)
        result[:, rows, cols] = gate(signals, self.strength)[:, rows, cols, None] * r / RESIDUAL_GAIN
        return result

    def _sample(
        self,
        signals: Signals,
        gate_map: np.ndarray,
        scale: float,
        seed: int,
        steps: int,
        callback: StepEnd | None,
    ) -> np.ndarray:
        rows, cols = gate_map.shape[1:]
        pad = [(0, -rows % self.config.multiple), (0, -cols % self.config.multiple)]
        start = np.pad(self._start(signals, seed), [(0, 0), *pad, (0, 0)])
        context = self._encode(signals, gate_map, scale, pad)
        likely = self._denoise(start, 0.0, context=context)

        def denoise(x: np.ndarray, time: float) -> jax.Array:
            return self._denoise(x, time, context=context) if time > 0 and self.noisy else likely

        x = sample(denoise, start, num_inference_steps=steps, callback_on_step_end=callback)
        if not self.noisy:
            return np.asarray(likely)[:, :rows, :cols]
        return np.asarray(likely + luminance(x - likely))[:, :rows, :cols]

    def _start(self, signals: Signals, seed: int) -> np.ndarray:
        """x_0 (T, H, W, 3)."""
        if not self.noisy:
            return np.zeros_like(signals.coarse)
        rng = np.random.default_rng(seed)
        noise = scene_noise(signals.flow, signals.occlusion, signals.smoke_flow, signals.smoke[..., 0], rng=rng)
        return noise_scale(unknown(signals))[..., None] * noise

    def _encode(self, signals: Signals, gate_map: np.ndarray, scale: float, pad: list) -> Any:
        """Network context of all frames (T, ...) each, a few frames of maps at a time."""
        parts = []
        motion = ways(signals) if self._with_edges else None
        for begin in range(0, len(gate_map), FRAMES_PER_ENCODING):
            run = slice(begin, begin + FRAMES_PER_ENCODING)
            maps, liquid = encode(signals[run], gate_map[run], scale)
            fill = FRAMES_PER_ENCODING - len(maps)  # one compiled shape for all runs
            full = [(0, fill), *pad, (0, 0)]
            known = [np.pad(value, full, mode="edge")[None] for value in (maps, liquid)]
            if motion is not None:
                known.append(np.pad(edges(signals[run])[..., None], full, mode="edge")[None])
                known.append(np.pad(motion[run], full)[None])  # nothing is seen beyond the border
            context = self._context(self._parameters, *known)
            parts.append(jax.tree.map(lambda value, keep=FRAMES_PER_ENCODING - fill: value[0, :keep], context))
        return jax.tree.map(lambda *values: jnp.concatenate(values), *parts)

    def _denoise(self, x: np.ndarray, time: float, *, context: Any) -> jax.Array:
        """Prediction for all frames, in chunks that overlap by the network's reach, so that no seam can exist."""
        frames = len(x)
        reach = self.config.reach
        fits = max(PIXELS_PER_CALL // (x.shape[1] * x.shape[2]), 2 * reach + 8)
        now = jnp.full(1, time, jnp.float32)
        if frames <= fits:
            whole = jax.tree.map(lambda value: value[None], context)
            return self._predict(self._parameters, jnp.asarray(x)[None], now, whole, jnp.ones((1, frames)))[0]
        inner, parts = fits - 2 * reach, []
        for begin in range(0, frames, inner):
            wanted = np.arange(begin - reach, begin + inner + reach)
            valid = jnp.asarray((wanted >= 0) & (wanted < frames), jnp.float32)
            taken = np.clip(wanted, 0, frames - 1)
            part = jax.tree.map(lambda value, taken=taken: value[taken][None], context)
            r = self._predict(self._parameters, jnp.asarray(x)[taken][None], now, part, valid[None])
            parts.append(r[0, reach : reach + min(inner, frames - begin)])
        return jnp.concatenate(parts)


def luminance(x: jax.Array) -> jax.Array:
    """Grey part of (..., 3), Rec. 709 weights. Detail that is guessed is guessed in luminance only: sampled colour
    was measured to add error and no likeness (and looks like coloured grain), so colour is that of one step.
    """
    return x @ jnp.array([[0.2126], [0.7152], [0.0722]])


def _window(gate_map: np.ndarray, multiple: int) -> tuple[slice, slice] | None:
    """Rows and columns the network has to look at: what is gated in any frame, plus a margin. ``None``: nothing."""
    any_frame = np.max(gate_map, axis=0) > 0
    if not any_frame.any():
        return None
    slices = []
    for axis in (1, 0):
        hit = np.flatnonzero(any_frame.any(axis))
        begin = max(hit[0] - MARGIN, 0) // multiple * multiple
        slices.append(slice(begin, min(hit[-1] + 1 + MARGIN, any_frame.shape[1 - axis])))
    return slices[0], slices[1]


def save_model(
    path: str | os.PathLike, network: ResidualUNet, *, strength: Strength | None = None, about: dict[str, str]
) -> Path:
    """Write the network as one safetensors file that :meth:`BundledModel.load` reads.

    Args:
        path: Where to.
        network: The trained network.
        strength: How much of its residual to use, see :func:`i2v.training.calibrate.best_strength`.
        about: Where it comes from, plain strings.
    """
    metadata = {
        **about,
        "network": kind_of(network.config),
        "config": json.dumps(asdict(network.config)),
        "strength": json.dumps(asdict(strength or Strength())),
    }
    return weight_file.save(path, weight_file.flatten(network), metadata=metadata)


@cache
def bundled_model() -> BundledModel:
    """The shipped model with the gates that its benchmark leaves open, loaded once."""
    return BundledModel.load().with_strength(**SHUT)
