"""Depth Anything V2: inverse depth of one picture, up to factor and shift. Small, Base and Large.

Yang et al., Depth Anything V2, NeurIPS 2024: DINOv2 under a dense prediction transformer (Ranftl, Bochkovskiy and
Koltun, Vision Transformers for Dense Prediction, ICCV 2021). The weights of Small are published under Apache-2.0, those
of Base and Large under CC-BY-NC-4.0. The metric variants are the same network with a sigmoid at the end.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import jax
import numpy as np
from flax import nnx

from i2v.models.dinov2 import PATCH, DinoConfig, DinoV2, normalised, to_multiple
from i2v.models.enlarge import Enlarge
from i2v.models.published import Naming, dino_names, fill, naming_of, read, settings_beside
from i2v.models.resampling import linear, smooth_cubic, smoothed

SIDE = 518
"""Shorter side of the picture the network sees [pixels]."""


@dataclass(frozen=True)
class DepthAnythingConfig:
    backbone: DinoConfig = field(default_factory=DinoConfig)
    taken: tuple[int, ...] = (3, 6, 9, 12)
    """Blocks whose tokens are used, from 1."""
    neck: tuple[int, ...] = (48, 96, 192, 384)
    """Channels of the four levels, finest first."""
    fusion: int = 64
    """Channels while levels are joined."""
    head: int = 32
    max_depth: float | None = None
    """Of a metric variant [m]: 20 for rooms, 80 for streets. ``None``: relative."""

    @classmethod
    def small(cls) -> DepthAnythingConfig:
        return cls()

    @classmethod
    def base(cls) -> DepthAnythingConfig:
        return cls(DinoConfig.base(), neck=(96, 192, 384, 768), fusion=128)

    @classmethod
    def large(cls) -> DepthAnythingConfig:
        return cls(DinoConfig.large(), (5, 12, 18, 24), neck=(256, 512, 1024, 1024), fusion=256)


def _conv(channels: int, made: int, side: int, rngs: nnx.Rngs, *, stride: int = 1, bias: bool = True) -> nnx.Conv:
    return nnx.Conv(channels, made, (side, side), stride, padding=side // 2, use_bias=bias, rngs=rngs)


class Residual(nnx.Module):
    """x + conv(relu(conv(relu(x))))."""

    def __init__(self, channels: int, *, rngs: nnx.Rngs) -> None:
        self.conv1 = _conv(channels, channels, 3, rngs)
        self.conv2 = _conv(channels, channels, 3, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return x + self.conv2(jax.nn.relu(self.conv1(jax.nn.relu(x))))


class Fusion(nnx.Module):
    """Join what comes from the coarser level with this one, refine, enlarge."""

    def __init__(self, channels: int, *, deepest: bool, rngs: nnx.Rngs) -> None:
        if not deepest:  # the deepest joins nothing; its file has these weights all the same
            self.skip = Residual(channels, rngs=rngs)
        self.refine = Residual(channels, rngs=rngs)
        self.out = _conv(channels, channels, 1, rngs)

    def __call__(self, x: jax.Array, level: jax.Array | None, size: tuple[int, int]) -> jax.Array:
        if level is not None:
            x = x + self.skip(level)
        return self.out(linear(self.refine(x), size, align_corners=True))


class DepthAnything(nnx.Module):
    """Picture to inverse depth (relative; larger is nearer) or depth in metres (metric variants)."""

    def __init__(self, config: DepthAnythingConfig, *, rngs: nnx.Rngs) -> None:
        self.config = config
        width, neck, fusion = config.backbone.width, config.neck, config.fusion
        self.backbone = DinoV2(config.backbone, rngs=rngs)
        self.project = nnx.List([_conv(width, made, 1, rngs) for made in neck])
        self.enlarge4 = Enlarge(neck[0], neck[0], 4, rngs=rngs)
        self.enlarge2 = Enlarge(neck[1], neck[1], 2, rngs=rngs)
        self.shrink = _conv(neck[3], neck[3], 3, rngs, stride=2)
        self.lateral = nnx.List([_conv(made, fusion, 3, rngs, bias=False) for made in neck])
        self.fuse = nnx.List([Fusion(fusion, deepest=i == 0, rngs=rngs) for i in range(4)])
        self.head1 = _conv(fusion, fusion // 2, 3, rngs)
        self.head2 = _conv(fusion // 2, config.head, 3, rngs)
        self.head3 = _conv(config.head, 1, 1, rngs)

    def __call__(self, image: jax.Array) -> jax.Array:
        """(b, H, W, 3) normalised, sides multiples of 14 → (b, H, W)."""
        rows, cols = image.shape[1] // PATCH, image.shape[2] // PATCH
        tokens = self.backbone(image, self.config.taken)
        maps = [project(x) for project, (x, _) in zip(self.project, tokens, strict=True)]
        maps = [self.enlarge4(maps[0]), self.enlarge2(maps[1]), maps[2], self.shrink(maps[3])]
        levels = [lateral(x) for lateral, x in zip(self.lateral, maps, strict=True)][::-1]  # deepest first
        x = levels[0]
        for i, fuse in enumerate(self.fuse):
            last = i == len(self.fuse) - 1
            size = (2 * x.shape[1], 2 * x.shape[2]) if last else levels[i + 1].shape[1:3]
            x = fuse(x, levels[i] if i else None, size)
        x = linear(self.head1(x), (PATCH * rows, PATCH * cols), align_corners=True)
        x = self.head3(jax.nn.relu(self.head2(x)))[..., 0]
        return jax.nn.relu(x) if self.config.max_depth is None else jax.nn.sigmoid(x) * self.config.max_depth


# ---- names in the published files ------------------------------------------------------------------------------------

_LAYER = r"backbone.encoder.layer.\1"
_FUSION = r"neck.fusion_stage.layers.\1"
TRANSFORMERS = Naming(
    "Depth Anything V2 as written by `transformers`",
    "backbone.embeddings.cls_token",
    (
        (r"backbone\.cls_token", "backbone.embeddings.cls_token"),
        (r"backbone\.pos_embed", "backbone.embeddings.position_embeddings"),
        (r"backbone\.patch_embed", "backbone.embeddings.patch_embeddings.projection"),
        (r"backbone\.norm", "backbone.layernorm"),
        (r"backbone\.blocks\.(\d+)\.(norm1|norm2)", _LAYER + r".\2"),
        (
            r"backbone\.blocks\.(\d+)\.qkv",
            "|".join(f"{_LAYER}.attention.attention.{part}" for part in ("query", "key", "value")),
        ),
        (r"backbone\.blocks\.(\d+)\.proj", _LAYER + ".attention.output.dense"),
        (r"backbone\.blocks\.(\d+)\.scale(\d)", _LAYER + r".layer_scale\2.lambda1"),
        (r"backbone\.blocks\.(\d+)\.(fc1|fc2)", _LAYER + r".mlp.\2"),
        (r"project\.(\d)", r"neck.reassemble_stage.layers.\1.projection"),
        (r"enlarge4", "neck.reassemble_stage.layers.0.resize"),
        (r"enlarge2", "neck.reassemble_stage.layers.1.resize"),
        (r"shrink", "neck.reassemble_stage.layers.3.resize"),
        (r"lateral\.(\d)", r"neck.convs.\1"),
        (r"fuse\.(\d)\.skip\.conv(\d)", _FUSION + r".residual_layer1.convolution\2"),
        (r"fuse\.(\d)\.refine\.conv(\d)", _FUSION + r".residual_layer2.convolution\2"),
        (r"fuse\.(\d)\.out", _FUSION + ".projection"),
        (r"head(\d)", r"head.conv\1"),
    ),
    unused=(
        r"backbone\.embeddings\.mask_token",
        r"neck\.fusion_stage\.layers\.0\.residual_layer1\.convolution[12]\.(weight|bias)",
    ),
)
ORIGINAL = Naming(
    "Depth Anything V2 as its authors published it",
    "pretrained.cls_token",
    (
        *dino_names("pretrained"),
        (r"project\.(\d)", r"depth_head.projects.\1"),
        (r"enlarge4", "depth_head.resize_layers.0"),
        (r"enlarge2", "depth_head.resize_layers.1"),
        (r"shrink", "depth_head.resize_layers.3"),
        *((rf"lateral\.{i}", f"depth_head.scratch.layer{i + 1}_rn") for i in range(4)),
        *(
            (rf"fuse\.{i}\.skip\.conv(\d)", rf"depth_head.scratch.refinenet{4 - i}.resConfUnit1.conv\1")
            for i in range(4)
        ),
        *(
            (rf"fuse\.{i}\.refine\.conv(\d)", rf"depth_head.scratch.refinenet{4 - i}.resConfUnit2.conv\1")
            for i in range(4)
        ),
        *((rf"fuse\.{i}\.out", f"depth_head.scratch.refinenet{4 - i}.out_conv") for i in range(4)),
        (r"head1", "depth_head.scratch.output_conv1"),
        (r"head2", "depth_head.scratch.output_conv2.0"),
        (r"head3", "depth_head.scratch.output_conv2.2"),
    ),
    unused=(
        r"pretrained\.mask_token",
        r"depth_head\.scratch\.refinenet4\.resConfUnit1\.conv[12]\.(weight|bias)",
    ),
)
_PRESETS = {384: DepthAnythingConfig.small, 768: DepthAnythingConfig.base, 1024: DepthAnythingConfig.large}


def load_depth_anything(
    path: str | os.PathLike, *, max_depth: float | None = None, config: DepthAnythingConfig | None = None
) -> DepthAnything:
    """The network with published weights; which size it is, the file tells.

    Args:
        path: A ``.safetensors`` file, named as by `transformers` or by the authors.
        max_depth: Of a metric variant [m]; default: what a ``config.json`` beside the file says.
        config: For sizes other than Small, Base and Large.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Another format, or weights of another network.
    """
    path = Path(path)
    weights, _ = read(path)
    naming = naming_of(weights, (TRANSFORMERS, ORIGINAL), str(path))
    if config is None:
        width = weights[naming.mark].shape[-1]
        if width not in _PRESETS:
            raise ValueError(f"{path} has tokens {width} wide, expected one of {', '.join(map(str, _PRESETS))}.")
        config = _PRESETS[width]()
    if naming is ORIGINAL:  # each file as its own code runs it
        config = replace(config, backbone=replace(config.backbone, position_offset=0.1))
    beside = settings_beside(path)
    if max_depth is None and beside.get("depth_estimation_type") == "metric":
        max_depth = float(beside.get("max_depth") or 1.0)
    if max_depth is not None:
        config = replace(config, max_depth=max_depth)
    return fill(lambda: DepthAnything(config, rngs=nnx.Rngs(0)), weights, naming, origin=str(path))  # type: ignore[return-value]


def seen_size(rows: int, cols: int, side: int = SIDE) -> tuple[int, int]:
    """(height, width) at which the network sees a picture: ``side`` on the shorter one, multiples of 14."""
    scale = side / min(rows, cols)
    return to_multiple(rows * scale, least=side // PATCH * PATCH), to_multiple(
        cols * scale, least=side // PATCH * PATCH
    )


def prepare(image: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Photo (H, W, 3) sRGB to (h, w, 3) at :func:`seen_size`, bicubic with smoothing as Pillow's, both in [0, 1]."""
    size = seen_size(image.shape[0], image.shape[1], side)
    return np.clip(smoothed(np.asarray(image, np.float32), size, smooth_cubic, 2.0), 0.0, 1.0)


@partial(jax.jit, static_argnums=0)
def _run(graph, state, images):
    return nnx.merge(graph, state)(normalised(images))


def run(network: DepthAnything, images: np.ndarray) -> np.ndarray:
    """The network on pictures (b, H, W, 3) sRGB in [0, 1], sides multiples of 14 → (b, H, W) float32."""
    with jax.default_matmul_precision("highest"):
        return np.asarray(_run(*nnx.split(network), images))


def predict(network: DepthAnything, image: np.ndarray, *, side: int = SIDE) -> np.ndarray:
    """Inverse depth (or metres) of a photo (H, W, 3) sRGB in [0, 1], on the network's grid :func:`seen_size`."""
    return run(network, prepare(image, side)[None])[0]
