"""Wan behind the same call as the bundled model: conditions in, residual out. What it can be told depends on weights.

Motion reaches a variant only in the form it was tuned for: Fun-Control gets the depth as a control video, Fun camera
weights get rays; Wan-Move weights want ``motion="tracks"`` and models tuned on carried noise ``motion="noise"``, which
their arrays do not tell. Any variant can start from the coarse render (``strength`` below 1). :attr:`WanPainter.told`
says what is used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from i2v.diffusion.flow_matching import Schedule, unipc_schedule
from i2v.diffusion.flow_sampler import Velocity, sample_flow
from i2v.diffusion.guidance import Model, experts, guided
from i2v.diffusion.hold import first_step, noised
from i2v.diffusion.sampler import StepEnd
from i2v.diffusion.windows import in_windows
from i2v.models.lora import Adapter, attach
from i2v.models.wan import clip
from i2v.models.wan.causal import Blocks, Decoding, Stream
from i2v.models.wan.lora import load_adapter
from i2v.models.wan.motion import DEGRADATION, camera_rays, depth_video, follow, latent_noise, moved_latents
from i2v.models.wan.pipeline import (
    Told,
    as_model,
    decoded,
    encoded,
    first_kept,
    latent_size,
    picture_first,
    told_within,
)
from i2v.models.wan.tokenizer import load_tokenizer
from i2v.models.wan.transformer import WanTransformer
from i2v.models.wan.vae import WanVae
from i2v.models.wan.weights import (
    find_parts,
    find_weights,
    load_image_encoder,
    load_text_encoder,
    load_transformer,
    load_vae,
)
from physim.conditions import Conditions

Motion = Literal["auto", "none", "tracks", "noise", "control", "camera"]
TextEncoder = Callable[[str], jax.Array]
"""Prompt → (1, tokens, channels)."""
ImageEncoder = Callable[[np.ndarray], jax.Array]
"""Picture (H, W, 3) sRGB in [0, 1] → (1, tokens, channels)."""
BOUNDARIES = {"wan2.2-t2v-a14b": 0.875, "wan2.2-i2v-a14b": 0.9}
"""Share of 1000 at which the expert for little noise takes over."""


class WanPainter:
    """A Wan model as :class:`i2v.models.registry.ResidualModel`; see :func:`load_painter`.

    Args:
        transformer: The network, or the expert for much noise.
        vae: Its autoencoder.
        text: Encodes prompts.
        second: The expert for little noise.
        boundary: See :func:`i2v.diffusion.guidance.experts`.
        image: Encodes the photo, for variants with image tokens.
        prompt: What is seen.
        negative_prompt: What is not wanted; used with guidance.
        motion: In which form the motion is told; "auto" takes what the arrays say.
        strength: 1 starts from noise, less from the coarse render noised to that level.
        shift: 3 at 480p, 5 at 720p.
        degradation: Of carried noise.
        window: Latent frames the network sees at once (Wan was trained with 21); a longer clip is made in windows that
            share noise and latents (:mod:`i2v.diffusion.windows`). ``None``: all of them.
        blocks: Paint block after block, each from what came before it (:mod:`i2v.models.wan.causal`), for weights
            trained so; :meth:`stream` gives frames as soon as they are there.

    Raises:
        ValueError: A form of motion that the weights have no input for, no image encoder where one is needed, or
            blocks together with windows or a second expert.
    """

    def __init__(
        self,
        transformer: WanTransformer,
        vae: WanVae,
        text: TextEncoder,
        *,
        second: WanTransformer | None = None,
        boundary: float = 0.9,
        image: ImageEncoder | None = None,
        prompt: str = "",
        negative_prompt: str = "",
        motion: Motion = "auto",
        strength: float = 1.0,
        shift: float = 5.0,
        degradation: float = DEGRADATION,
        window: int | None = None,
        blocks: Blocks | None = None,
    ) -> None:
        self.config, self.vae, self.text, self.image = transformer.config, vae, text, image
        self._networks: tuple[WanTransformer, ...] = (transformer,) if second is None else (transformer, second)
        if blocks is not None and (window is not None or second is not None):
            raise ValueError(
                "blocks are given, and a window or a second expert: streams are of one network as a whole."
            )
        self._boundary, self._window, self.blocks = boundary, window, blocks
        self.prompt, self.negative_prompt = prompt, negative_prompt
        self.strength, self.shift, self.degradation = strength, shift, degradation
        self.motion = self._resolved(motion)
        if self.config.image_dim is not None and image is None:
            raise ValueError("this variant sees the photo through CLIP: give image, the image encoder.")
        self._model = self._asked(self._networks)

    def _asked(self, networks: tuple[WanTransformer, ...]) -> Model:
        """The network, or both experts, or windows of them, as one function."""
        model = as_model(networks[0])
        if len(networks) == 2:
            model = experts(model, as_model(networks[1]), boundary=self._boundary)
        if self._window is not None:
            model = in_windows(model, self._window, self._window // 4, told_within)
        return model

    @property
    def transformer(self) -> WanTransformer:
        """The network, or the expert for much noise: what adapters are trained for."""
        return self._networks[0]

    def with_adapters(self, adapters: Sequence[tuple[str | os.PathLike | Adapter, float]]) -> WanPainter:
        """The same model with adapters, each with its weight, live; with two experts on both.

        Args:
            adapters: Files of `peft` or ComfyUI, or adapters; none takes off what was put on.

        Raises:
            FileNotFoundError: No such file.
            ValueError: An adapter of another network.
        """
        read = [(a if isinstance(a, Adapter) else load_adapter(a, self.transformer), weight) for a, weight in adapters]
        networks = tuple(_shared(network) for network in self._networks)
        for network in networks:
            attach(network, read)
        other = copy(self)
        other._networks, other._model = networks, self._asked(networks)
        return other

    @property
    def _beside(self) -> Literal["nothing", "picture", "control", "start"]:
        """What the network's input has beside the noisy latents."""
        z, given = self.vae.config.latent, self.config.in_channels
        known = {z: "nothing", 2 * z + self.vae.config.time: "picture", 3 * z: "control", 2 * z: "start"}
        if given not in known:
            raise ValueError(f"the network takes {given} channels; with {z} of the latents, {sorted(known)} are known.")
        return known[given]  # type: ignore[return-value]

    def _resolved(self, motion: Motion) -> str:
        own = "control" if self._beside == "control" else "camera" if self.config.camera_channels else "none"
        if motion == "auto":
            return own
        if motion in ("control", "camera") and motion != own:
            raise ValueError(f"motion is {motion!r}, but these weights have no input for it; theirs is {own!r}.")
        if motion == "tracks" and self._beside != "picture":
            raise ValueError("motion is 'tracks', but these weights take no picture beside the latents to copy along.")
        return motion

    @property
    def told(self) -> str:
        """What the model is told of the scene, in words."""
        forms = {
            "none": "not the simulated motion: these weights have no input for it, or are not known to be tuned for it",
            "tracks": "the motion as latents copied along tracks, which only weights tuned for it follow",
            "noise": "the motion as noise carried along, which only weights tuned for it follow",
            "control": "the motion as a control video of the depth",
            "camera": "the camera's way as rays, nothing of what moves",
        }
        start = f", and starts from the coarse render at strength {self.strength:g}" if self.strength < 1 else ""
        return f"It is told the prompt and {forms[self.motion]}{start}."

    def __call__(
        self,
        conditions: Conditions,
        *,
        seed: int,
        num_inference_steps: int,
        guidance_scale: float,
        callback_on_step_end: StepEnd | None,
    ) -> np.ndarray:
        """Residual (T, H, W, 3); a scale of 1 is no guidance. Edges and frames are filled up to what Wan can make."""
        how: dict[str, Any] = {"seed": seed, "num_inference_steps": num_inference_steps}
        how |= {"guidance_scale": guidance_scale, "callback_on_step_end": callback_on_step_end}
        if self.blocks is not None:
            return np.concatenate(list(self.stream(conditions, **how)))
        plan = self._plan(conditions, **how)
        velocity = guided(self._model, plan.told, plan.without, guidance_scale=guidance_scale)
        latents = plan.sample(velocity, plan.start, plan.told)
        frames, rows, cols = conditions.coarse.shape[:3]
        return decoded(self.vae, latents)[0, :frames, :rows, :cols] - conditions.coarse

    def stream(
        self,
        conditions: Conditions,
        *,
        seed: int = 0,
        num_inference_steps: int = 4,
        guidance_scale: float = 1.0,
        callback_on_step_end: StepEnd | None = None,
    ) -> Iterator[np.ndarray]:
        """Residuals (n, H, W, 3) of the next frames, as soon as they are painted; together those of :meth:`__call__`.

        The callback is called for every step of every block.

        Raises:
            ValueError: The painter was made without ``blocks``.
        """
        if self.blocks is None:
            raise ValueError("this painter paints whole clips; make it with blocks=Blocks(3) to paint block by block.")
        plan = self._plan(conditions, seed, num_inference_steps, guidance_scale, callback_on_step_end)
        reference = plan.told.reference is not None
        asked_for = Stream(self.transformer, self.blocks, plan.size, reference=reference)
        sides = [side for side in (plan.told, plan.without) if side is not None]
        kept, decoding, done = [asked_for.begun() for _ in sides], Decoding(self.vae), 0
        frames, rows, cols = conditions.coarse.shape[:3]
        for block, cut in enumerate(asked_for.cuts):
            told = [asked_for.told(side, block) for side in sides]
            pairs = list(zip(told, kept, strict=True))
            velocity = guided(
                asked_for.model(block), pairs[0], pairs[1] if len(pairs) > 1 else None, guidance_scale=guidance_scale
            )
            latents = plan.sample(velocity, plan.start[:, cut], told[0])
            painted = decoding(latents)[0, : frames - done, :rows, :cols]
            yield painted - conditions.coarse[done : done + len(painted)]
            done += len(painted)
            kept = [asked_for.remembered(latents, side, past, block) for side, past in zip(told, kept, strict=True)]

    def _plan(
        self,
        conditions: Conditions,
        seed: int,
        num_inference_steps: int,
        guidance_scale: float,
        callback_on_step_end: StepEnd | None,
    ) -> _Plan:
        whole = filled_up(conditions, self.vae.config.time, 2 * self.vae.config.space)
        size = latent_size(self.vae.config, *whole.coarse.shape[:3])
        start = self._noise(whole, size, seed)
        told, without = self.tell(whole, size)
        schedule = unipc_schedule(num_inference_steps, self.shift)
        begin = first_step(schedule, self.strength)
        if self.strength < 1:
            render = encoded(self.vae, 2 * whole.coarse[None] - 1)
            start = noised(render, start, float(schedule.sigmas[begin]))
        return _Plan(size, start, told, without if guidance_scale != 1 else None, schedule, begin, callback_on_step_end)

    def _noise(self, whole: Conditions, size: tuple[int, int, int], seed: int) -> jax.Array:
        rng, channels = np.random.default_rng(seed), self.vae.config.latent
        if self.motion != "noise":
            return jnp.asarray(rng.standard_normal((1, *size, channels), dtype=np.float32))
        flow, hidden, time = whole.flow, whole.occlusion, self.vae.config.time
        made = latent_noise(flow, hidden, size, channels=channels, rng=rng, degradation=self.degradation, time=time)
        return jnp.asarray(made[None])

    def tell(self, whole: Conditions, size: tuple[int, int, int]) -> tuple[Told, Told]:
        """What the network is told with motion and prompt, and without either.

        Args:
            whole: Of a size and number of frames that Wan can make, see :func:`filled_up`.
            size: (t, h, w) of its latents.
        """
        vae, photo = self.vae, whole.coarse[:1]
        looks = None if self.image is None else self.image(whole.image)
        told = Told(self.text(self.prompt), looks)
        plain = None
        if self._beside == "picture":
            plain = picture_first(vae, photo, len(whole.coarse))
            told = replace(told, beside=self._along(plain, whole) if self.motion == "tracks" else plain)
        elif self._beside in ("control", "start"):
            begun = jnp.zeros((1, *size, vae.config.latent)).at[:, :1].set(encoded(vae, 2 * photo[None] - 1))
            parts = [begun]
            if self._beside == "control":
                parts.insert(0, encoded(vae, 2 * depth_video(whole.depth)[None] - 1))
            plain = jnp.concatenate(parts, axis=-1)
            told = replace(told, beside=plain)
        elif self.config.in_channels == 48:  # TI2V: the picture stands in for the first latent frame
            told = replace(told, first=encoded(vae, 2 * photo[None] - 1))
        if self.config.camera_channels is not None:
            rays = camera_rays(
                whole.intrinsics, whole.world_from_camera, *whole.coarse.shape[1:3], time=vae.config.time
            )
            told = replace(told, camera=jnp.asarray(rays[None]))
        if self.config.reference_channels is not None:
            told = replace(told, reference=jnp.zeros((1, *size[1:], self.config.reference_channels)))
        return told, replace(told, text=self.text(self.negative_prompt), beside=plain)

    def _along(self, beside: jax.Array, whole: Conditions) -> jax.Array:
        mask, space = self.vae.config.time, self.vae.config.space
        tracks = follow(whole.flow, whole.occlusion, whole.depth, spacing=max(space // 2, 1))
        latents = np.asarray(beside[0, ..., mask:])
        moved = moved_latents(latents, tracks, space=space, time=self.vae.config.time)
        return beside.at[0, ..., mask:].set(moved)


@dataclass(frozen=True)
class _Plan:
    """What is to be done for a clip."""

    size: tuple[int, int, int]
    """(t, h, w) of the latents."""
    start: jax.Array
    told: Told
    without: Told | None
    """``None``: no guidance."""
    schedule: Schedule
    begin: int
    callback: StepEnd | None

    def sample(self, velocity: Velocity, start: jax.Array, told: Told) -> jax.Array:
        """Latents of the clip or of a block of it."""
        hold = None if told.first is None else first_kept(told.first)
        return sample_flow(
            velocity, start, self.schedule, hold=hold, begin=self.begin, callback_on_step_end=self.callback
        )


def _shared(network: WanTransformer) -> WanTransformer:
    """The same network as another object: weights are not copied."""
    return nnx.merge(*nnx.split(network))


def filled_up(conditions: Conditions, time: int, side: int) -> Conditions:
    """More frames and pixels, up to 1 + ``time`` n and multiples of ``side``: the last frame stands, edges go on."""
    frames, rows, cols = conditions.coarse.shape[:3]
    later, below, right = -(frames - 1) % time, -rows % side, -cols % side
    if not (later or below or right):
        return conditions
    plane = ((0, below), (0, right))

    def pad(array: np.ndarray, *, still: bool = False) -> np.ndarray:
        rest = ((0, 0),) * (array.ndim - 3)
        wide = np.pad(array, ((0, 0), *plane, *rest), mode="edge")
        if still and later:  # what stands neither moves nor hides
            wide[-1] = 0
        ends = ((0, later), *((0, 0),) * (array.ndim - 1))
        return np.pad(wide, ends) if still else np.pad(wide, ends, mode="edge")

    moving = ("flow", "flow_backward", "smoke_flow", "occlusion", "disocclusion")
    standing = ("source_uv", "hole", "depth", "ids", "coarse", "shadow", "smoke", "liquid")
    changed: dict[str, Any] = {name: pad(getattr(conditions, name), still=True) for name in moving}
    changed |= {name: pad(getattr(conditions, name)) for name in standing}
    changed["image"] = np.pad(conditions.image, (*plane, (0, 0)), mode="edge")
    for name in ("intrinsics", "world_from_camera"):
        changed[name] = np.pad(getattr(conditions, name), ((0, later), (0, 0), (0, 0)), mode="edge")
    return replace(conditions, **changed)


def load_painter(model: str, weights: str | os.PathLike | None = None, *, dtype=jnp.bfloat16, **how) -> WanPainter:
    """A Wan model with published weights, to be given to :func:`i2v.generate`.

    Args:
        model: A variant, such as 'wan2.1-i2v-14b'.
        weights: Its folder; default: ``$I2V_WEIGHTS/<model>``.
        dtype: Of transformer and text encoder.
        how: Further arguments of :class:`WanPainter`: prompt, motion, strength, ...

    Raises:
        FileNotFoundError: Nothing there, or not all of it; what to download and where to put it.
        ValueError: Weights that do not fit.
        MemoryError: Weights that do not fit on the device.
    """
    folder = find_weights(model, weights)
    parts = find_parts(folder)
    needed = {"the autoencoder": parts.vae, "the text encoder": parts.text, "the tokenizer": parts.tokenizer}
    missing = [name for name, path in needed.items() if path is None]
    if missing:
        raise FileNotFoundError(f"{folder} lacks {', '.join(missing)}; download the whole repository.")
    assert parts.vae is not None
    assert parts.text is not None
    assert parts.tokenizer is not None
    tokenizer, encoder = load_tokenizer(parts.tokenizer), load_text_encoder(parts.text, dtype=dtype)
    seen = None if parts.image is None else load_image_encoder(parts.image)
    return WanPainter(
        load_transformer(parts.transformer, dtype=dtype),
        load_vae(parts.vae),
        lambda prompt: encoder(*map(jnp.asarray, tokenizer(prompt))),
        second=None if parts.second is None else load_transformer(parts.second, dtype=dtype),
        boundary=BOUNDARIES.get(model, 0.9),
        image=None if seen is None else lambda photo: seen(jnp.asarray(clip.prepare(photo, seen.config.side)[None])),
        **how,
    )
