"""MoGe-2: points in metres, normals, where anything is, and the lens, of one picture.

Wang et al., MoGe-2: Accurate Monocular Geometry with Metric Scale and Sharp Details, 2025; code microsoft/MoGe (MIT,
its DINOv2 part Apache-2.0; see the model's card for its weights). DINOv2 under a shared neck and a head each for
points, normals and mask; a last head turns the class token into metres. Points are known up to a shift along z; shift
and focal length follow from projecting them back on the pixels they belong to.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from i2v.models.conv_stack import ConvStack, StackConfig
from i2v.models.dinov2 import PATCH, DinoConfig, DinoV2, normalised
from i2v.models.published import Naming, dino_names, fill, read
from i2v.models.resampling import linear, smoothed, triangle

LEVELS = 5
MOST_SIDE = 1024
"""Longer side of what comes out, at most [pixels]: it is smooth between, and later laid on a smaller grid."""
_FIT_GRID = 64
_FOCAL_RANGE = (0.2, 20.0)
"""Of a lens one meets, in half diagonals: 157 to 6 degrees across the diagonal. Beyond it the points fit no camera."""
_USUAL_FOV = 60.0
"""Horizontal [degrees], where they fit none."""
_BACKBONES = {
    "dinov2_vits14": DinoConfig.small,
    "dinov2_vitb14": DinoConfig.base,
    "dinov2_vitl14": DinoConfig.large,
}
_REMAPS = ("linear", "sinh", "exp", "sinh_exp")
_HEADS = ("points_head", "normal_head", "mask_head")


@dataclass(frozen=True)
class MoGeConfig:
    backbone: DinoConfig
    taken: tuple[int, ...]
    """Blocks whose tokens are used, from 1."""
    width: int
    """Channels of the sum of their projections."""
    neck: StackConfig
    heads: dict[str, StackConfig] = field(hash=False)
    """Of 'points_head', 'normal_head', 'mask_head' those there are."""
    scale: tuple[int, ...] | None
    """Widths of the layers that give metres."""
    remap: str = "exp"
    """How raw output becomes points: 'linear', 'sinh', 'exp' (x = x' e^z', z = e^z') or 'sinh_exp'."""
    tokens: tuple[int, int] = (1200, 3600)
    """Least and most patches."""

    @classmethod
    def from_checkpoint(cls, given: dict[str, Any], *, backbone: DinoConfig | None = None) -> MoGeConfig:
        """From the ``model_config`` that a checkpoint carries.

        Args:
            given: As in the checkpoint.
            backbone: Instead of the one it names.

        Raises:
            NotImplementedError: Something in it that no published MoGe-2 has.
            KeyError: Something it must say is missing.
        """
        encoder = given["encoder"]
        if backbone is None:
            name = encoder["backbone"]
            if name not in _BACKBONES:
                raise NotImplementedError(f"MoGe on {name!r}; known: {', '.join(_BACKBONES)}.")
            backbone = _BACKBONES[name](position_offset=0.1)
        layers = encoder["intermediate_layers"]
        last = range(backbone.depth - layers, backbone.depth) if isinstance(layers, int) else layers
        remap = given.get("remap_output", "linear")
        if remap not in _REMAPS:
            raise NotImplementedError(f"MoGe with remap_output {remap!r}; known: {', '.join(_REMAPS)}.")
        return cls(
            backbone,
            tuple(i + 1 for i in last),
            encoder["dim_out"],
            StackConfig.from_checkpoint(given["neck"]),
            {name: StackConfig.from_checkpoint(given[name]) for name in _HEADS if given.get(name)},
            tuple(given["scale_head"]["dims"]) if given.get("scale_head") else None,
            remap,
            tuple(given.get("num_tokens_range", (1200, 3600))),
        )


class MoGe(nnx.Module):
    """Picture to raw points, normals, mask and scale."""

    def __init__(self, config: MoGeConfig, *, rngs: nnx.Rngs) -> None:
        self.config = config
        self.backbone = DinoV2(config.backbone, rngs=rngs)
        self.project = nnx.List(
            [nnx.Conv(config.backbone.width, config.width, (1, 1), rngs=rngs) for _ in config.taken]
        )
        self.neck = ConvStack(config.neck, rngs=rngs)
        self.heads = nnx.Dict({name: ConvStack(stack, rngs=rngs) for name, stack in config.heads.items()})
        dims = config.scale or ()
        self.scale = nnx.List([nnx.Linear(a, b, rngs=rngs) for a, b in pairwise(dims)])

    def __call__(self, image: jax.Array, size: tuple[int, int]) -> dict[str, jax.Array]:
        """What the network says on a grid of ``size`` (height, width).

        Args:
            image: (b, 14 ph, 14 pw, 3) normalised.
            size: Of the photo, or smaller with its aspect.

        Returns:
            'points' (b, *size, 3) up to a shift along z and a scale, 'normal' (b, *size, 3) unit, 'mask' (b, *size) in
            [0, 1], 'metric_scale' (b,); those that the checkpoint has.
        """
        rows, cols = image.shape[1] // PATCH, image.shape[2] // PATCH
        tokens = self.backbone(image, self.config.taken)
        x = sum(project(token) for project, (token, _) in zip(self.project, tokens, strict=True))
        aspect = size[1] / size[0]
        levels = []
        for i in range(LEVELS):
            plane = jnp.asarray(view_plane(rows << i, cols << i, aspect))
            plane = jnp.broadcast_to(plane, (image.shape[0], *plane.shape))
            levels.append(plane if i else jnp.concatenate([x, plane], axis=-1))
        levels = self.neck(levels)
        raw = {name.removesuffix("_head"): linear(head(levels)[-1], size) for name, head in self.heads.items()}
        found = {}
        if "points" in raw:
            found["points"] = remapped(raw["points"], self.config.remap)
        if "normal" in raw:
            length = jnp.linalg.norm(raw["normal"], axis=-1, keepdims=True)
            found["normal"] = raw["normal"] / jnp.maximum(length, 1e-12)
        if "mask" in raw:
            found["mask"] = jax.nn.sigmoid(raw["mask"][..., 0])
        if self.config.scale is not None:
            y = tokens[-1][1]
            for i, layer in enumerate(self.scale):
                y = layer(y) if i == 0 else layer(jax.nn.relu(y))
            found["metric_scale"] = jnp.exp(y[:, 0])
        return found


def view_plane(rows: int, cols: int, aspect: float) -> np.ndarray:
    """Pixel centres (rows, cols, 2) float32 about the middle, in units of half the diagonal of the picture."""
    diagonal = np.sqrt(1 + aspect**2)
    u = aspect / diagonal * (cols - 1) / cols
    v = 1 / diagonal * (rows - 1) / rows
    across, down = np.linspace(-u, u, cols, dtype=np.float32), np.linspace(-v, v, rows, dtype=np.float32)
    return np.stack(np.meshgrid(across, down), axis=-1)


def remapped(points: jax.Array, remap: str) -> jax.Array:
    """Raw output to points."""
    xy, z = points[..., :2], points[..., 2:]
    if remap == "sinh":
        return jnp.sinh(points)
    if remap == "exp":
        return jnp.concatenate([xy * jnp.exp(z), jnp.exp(z)], axis=-1)
    if remap == "sinh_exp":
        return jnp.concatenate([jnp.sinh(xy), jnp.exp(z)], axis=-1)
    return points


def focal_and_shift(
    points: np.ndarray, mask: np.ndarray | None, aspect: float, focal: float | None = None
) -> tuple[float, float]:
    """Focal length and shift with which the points project on their own pixels.

    Minimises ``|f (x, y) / (z + s) - (u, v)|^2`` over s, f being the best for each s, on 64 x 64 of the points.

    Args:
        points: (h, w, 3), z up to a shift.
        mask: (h, w) bool: where they mean anything.
        aspect: Width over height of the picture.
        focal: In units of half the diagonal, if it is known; then only the shift is sought.

    Returns:
        (focal in units of half the diagonal, shift in units of the points).
    """
    from scipy.optimize import least_squares

    rows, cols = points.shape[:2]
    v = np.arange(_FIT_GRID) * rows // _FIT_GRID
    u = np.arange(_FIT_GRID) * cols // _FIT_GRID
    where = np.ix_(v, u)
    use = np.ones((_FIT_GRID, _FIT_GRID), dtype=bool) if mask is None else mask[where]
    sample = points[where][use].astype(np.float64)
    pixel = view_plane(rows, cols, aspect)[where][use].astype(np.float64)
    if len(sample) < 2:
        return (1.0 if focal is None else focal), 0.0

    def projected(shift: float) -> tuple[np.ndarray, float]:
        flat = sample[:, :2] / (sample[:, 2] + shift)[:, None]
        return flat, float((flat * pixel).sum() / np.square(flat).sum()) if focal is None else focal

    def residual(shift: np.ndarray) -> np.ndarray:
        flat, best = projected(float(shift[0]))
        return (best * flat - pixel).ravel()

    shift = float(least_squares(residual, x0=[0.0], method="lm", ftol=1e-6).x[0])
    return projected(shift)[1], shift


# ---- the published checkpoint ----------------------------------------------------------------------------------------


def _stack_names(ours: str, theirs: str) -> tuple[tuple[str, str], ...]:
    return (
        (ours + r"\.enter\.(\d+)", theirs + r".input_blocks.\1"),
        (ours + r"\.leave\.(\d+)", theirs + r".output_blocks.\1"),
        (ours + r"\.resample\.(\d+)\.(?:enlarge|first\.conv)", theirs + r".resamplers.\1.0"),
        (ours + r"\.resample\.(\d+)\.conv\.conv", theirs + r".resamplers.\1.LAST"),
        (ours + r"\.blocks\.(\d+)\.(\d+)\.norm1", theirs + r".res_blocks.\1.\2.layers.0"),
        (ours + r"\.blocks\.(\d+)\.(\d+)\.conv1\.conv", theirs + r".res_blocks.\1.\2.layers.2"),
        (ours + r"\.blocks\.(\d+)\.(\d+)\.norm2", theirs + r".res_blocks.\1.\2.layers.3"),
        (ours + r"\.blocks\.(\d+)\.(\d+)\.conv2\.conv", theirs + r".res_blocks.\1.\2.layers.5"),
    )


@dataclass(frozen=True)
class _MoGeNaming(Naming):
    """The last convolution of a resampler stands third after a pixel shuffle, else second."""

    shuffled: tuple[str, ...] = ()

    def names(self, path: str) -> list[str]:
        found = super().names(path)
        return [
            name.replace("LAST", "2" if name.split(".LAST")[0] in self.shuffled else "1") if ".LAST" in name else name
            for name in found
        ]


def naming(config: MoGeConfig) -> Naming:
    """Names in the checkpoint of a network of this configuration."""
    stacks = {"neck": config.neck, **config.heads}
    shuffled = tuple(
        f"{name}.resamplers.{i}"
        for name, stack in stacks.items()
        for i, kind in enumerate(stack.resamplers)
        if kind == "pixel_shuffle"
    )
    table = (
        *dino_names("encoder.backbone"),
        (r"project\.(\d+)", r"encoder.output_projections.\1"),
        *_stack_names("neck", "neck"),
        *(line for name in _HEADS for line in _stack_names(rf"heads\.{name}", name)),
        *((rf"scale\.{i}", f"scale_head.{2 * i}") for i in range(8)),
    )
    return _MoGeNaming(
        "MoGe-2",
        "encoder.backbone.cls_token",
        table,
        unused=(r"encoder\.backbone\.mask_token", r"encoder\.image_(mean|std)"),
        shuffled=shuffled,
    )


def load_moge(path: str | os.PathLike, *, backbone: DinoConfig | None = None) -> MoGe:
    """The network with published weights: ``python -m i2v.models.convert model.pt FILE.safetensors`` makes the file.

    Args:
        path: The converted file; its header holds the checkpoint's configuration.
        backbone: Instead of the one the configuration names.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Another format, no configuration, weights of another network.
        NotImplementedError: A configuration that no published MoGe-2 has.
    """
    path = Path(path)
    weights, metadata = read(path)
    try:
        given = json.loads(metadata["model_config"])
        config = MoGeConfig.from_checkpoint(given, backbone=backbone)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} does not say what network it is of ({type(error).__name__}: {error}), expected a model_config in "
            f"its header. Make it from the published model.pt: python -m i2v.models.convert model.pt {path.name}"
        ) from None
    if "points_head" not in config.heads:
        raise ValueError(f"{path} has no points_head, without which there is no depth.")
    return fill(lambda: MoGe(config, rngs=nnx.Rngs(0)), weights, naming(config), origin=str(path))  # type: ignore[return-value]


# ---- use -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Geometry:
    """What MoGe-2 knows of a photo, on its own grid (h, w)."""

    depth: np.ndarray
    """z (h, w) float32 [m] if ``metric``, else up to a factor."""
    valid: np.ndarray
    """(h, w) bool: something is there, not sky."""
    mask: np.ndarray
    """(h, w) float32 in [0, 1]: how sure that is."""
    normals: np.ndarray | None
    """(h, w, 3) float32, camera frame"""
    intrinsics: np.ndarray | None
    """K (3, 3) [pixels of this grid]; ``None``: the points fit no camera, and depth is that of a usual one"""
    metric: bool


def token_grid(rows: int, cols: int, tokens: int) -> tuple[int, int]:
    """(rows, columns) of about ``tokens`` patches with the aspect of a picture."""
    aspect = cols / rows
    return max(1, round((tokens / aspect) ** 0.5)), max(1, round((tokens * aspect) ** 0.5))


@partial(jax.jit, static_argnums=(0, 3))
def _run(graph, state, images, size):
    return nnx.merge(graph, state)(normalised(images), size)


def run(network: MoGe, image: np.ndarray, *, tokens: int, size: tuple[int, int]) -> dict[str, np.ndarray]:
    """Raw answer of the network to a photo (H, W, 3) sRGB in [0, 1] on a grid of ``size``; see :class:`MoGe`."""
    rows, cols = token_grid(image.shape[0], image.shape[1], tokens)
    seen = smoothed(np.asarray(image, np.float32), (PATCH * rows, PATCH * cols), triangle, 1.0)
    with jax.default_matmul_precision("highest"):
        found = _run(*nnx.split(network), seen[None], size)
    return {name: np.asarray(value)[0] for name, value in found.items()}


def predict(
    network: MoGe, image: np.ndarray, *, focal: float | None = None, tokens: int | None = None, side: int = MOST_SIDE
) -> Geometry:
    """Depth, normals, mask and lens of a photo.

    Args:
        network: From :func:`load_moge`.
        image: (H, W, 3) sRGB in [0, 1].
        focal: Focal length of the photo [pixels], if it is known; else it is found.
        tokens: Patches to see it with; default: the most the network was trained with.
        side: Longer side of the answer, at most [pixels].
    """
    rows, cols = image.shape[:2]
    scale = min(1.0, side / max(rows, cols))
    size = (max(1, round(rows * scale)), max(1, round(cols * scale)))
    found = run(network, image, tokens=tokens or network.config.tokens[1], size=size)
    mask = found.get("mask", np.ones(size, np.float32))
    half = 0.5 * float(np.hypot(*size))
    known = None if focal is None else focal * size[1] / cols / half
    focal_found, shift = focal_and_shift(found["points"], mask > 0.5, size[1] / size[0], known)
    plausible = _FOCAL_RANGE[0] < focal_found < _FOCAL_RANGE[1]
    if not plausible and known is None:
        usual = 0.5 * size[1] / float(np.tan(np.radians(_USUAL_FOV) / 2)) / half
        _, shift = focal_and_shift(found["points"], mask > 0.5, size[1] / size[0], usual)
    metres = float(found["metric_scale"]) if "metric_scale" in found else 1.0
    depth = (found["points"][..., 2] + shift) * metres
    lens = np.array([[focal_found * half, 0, size[1] / 2], [0, focal_found * half, size[0] / 2], [0, 0, 1.0]])
    valid = (mask > 0.5) & (depth > 0)
    intrinsics = lens if plausible else None
    return Geometry(depth.astype(np.float32), valid, mask, found.get("normal"), intrinsics, "metric_scale" in found)
