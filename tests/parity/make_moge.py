"""Write the golden files of MoGe-2 with the reference implementation: PyTorch and a checkout of microsoft/MoGe.

    python tests/parity/make_moge.py CHECKOUT tests/data/parity/moge.npz

A tiny network with weights drawn wide enough that every part of it matters (float16 values, exact in both frameworks).
Its neck is built as the published ones are; one head uses what else the code allows: norms, other ways to enlarge.
"""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np

PUBLISHED = ["conv_transpose", "conv_transpose", "conv_transpose", "bilinear"]
LEVELS = [16, 12, 8, 6, 4]
CASES = {"wide": ((24, 36), 24), "upright": ((36, 24), 24), "square": ((20, 20), 25)}


def _stack(dim_in: list, dim_res: list, dim_out: Any, blocks: list, resamplers: list, **more: Any) -> dict[str, Any]:
    plain = {"res_block_in_norm": "none", "res_block_hidden_norm": "none"}
    named = {"dim_in": dim_in, "dim_res_blocks": dim_res, "dim_out": dim_out, "num_res_blocks": blocks}
    return {**named, "resamplers": resamplers, **plain, **more}


def _last(channels: int) -> list:
    return [None, None, None, None, channels]


TINY = {
    "encoder": {"backbone": "dinov2_tiny", "intermediate_layers": [0, 1, 3], "dim_out": 14},
    "neck": _stack([16, 2, 2, 2, 2], LEVELS, None, [0, 1, 1, 0, 0], PUBLISHED),
    "points_head": _stack(LEVELS, LEVELS, _last(3), [0, 1, 0, 1, 0], PUBLISHED),
    "normal_head": _stack(LEVELS, LEVELS, _last(3), [0, 0, 1, 0, 0], PUBLISHED, activation="silu"),
    "mask_head": _stack(
        LEVELS,
        [32, 6, 6, 4, 4],
        _last(1),
        [1, 0, 0, 0, 0],
        ["pixel_shuffle", "nearest", "bilinear", "conv_transpose"],
        res_block_in_norm="layer_norm",
        res_block_hidden_norm="group_norm",
        activation="leaky_relu",
    ),
    "scale_head": {"dims": [24, 24, 1]},
    "remap_output": "exp",
    "num_tokens_range": [16, 36],
}
_SMALL = [384, 192, 96, 48, 24]
_HEAD = [0, 1, 1, 1, 0]
SMALL = {
    "encoder": {"backbone": "dinov2_vits14", "intermediate_layers": [2, 5, 8, 11], "dim_out": 384},
    "neck": _stack([386, 2, 2, 2, 2], _SMALL, None, [0, 2, 2, 2, 0], PUBLISHED),
    "points_head": _stack(_SMALL, _SMALL, _last(3), _HEAD, PUBLISHED),
    "normal_head": _stack(_SMALL, _SMALL, _last(3), _HEAD, PUBLISHED),
    "mask_head": _stack(_SMALL, _SMALL, _last(1), _HEAD, PUBLISHED),
    "scale_head": {"dims": [384, 384, 384, 1]},
    "remap_output": "exp",
    "num_tokens_range": [1200, 3600],
}
"""Built as the published one for ViT-L is (configs/train/v2.json), with the channels of a ViT-S."""


def reference(checkout: str | Path, config: dict[str, Any]):
    """The reference network of a configuration. What its code imports and `forward` does not use is stood in for."""
    for name in ("utils3d", "cv2"):
        sys.modules.setdefault(name, types.ModuleType(name))
    if str(checkout) not in sys.path:
        sys.path.append(str(checkout))
    from moge.model.dinov2.hub import backbones
    from moge.model.dinov2.models.vision_transformer import DinoVisionTransformer
    from moge.model.v2 import MoGeModel

    backbones.dinov2_tiny = lambda pretrained: DinoVisionTransformer(
        img_size=70, patch_size=14, embed_dim=24, depth=4, num_heads=3, mlp_ratio=4, init_values=1.0, block_chunks=0
    )
    return MoGeModel(**config).eval()


def redraw(network, seed: int, *, tame: bool = False) -> None:
    """Weights with which every part of the network moves the output; float16 values.

    With ``tame`` the decoder's convolutions are drawn narrower and normals lean towards the camera, as they do. A deep
    decoder drawn as wide as the tiny one carries float32's rounding to 2e-5 of the points and, where a normal is nearly
    0 before it is made a unit vector, to 2e-3 of that: in PyTorch's answer against its own in float64 as much as in
    ours.
    """
    import torch

    rng = np.random.default_rng(seed)
    for name, parameter in network.named_parameters():
        shape = tuple(parameter.shape)
        fan_in = int(np.prod(shape[1:])) or 1
        if name.endswith(("pos_embed", "cls_token", "mask_token")):
            drawn = 0.5 * rng.standard_normal(shape)
        elif name.endswith("gamma"):
            drawn = rng.uniform(0.5, 1.0, shape)
        elif name.endswith("weight") and len(shape) == 1:
            drawn = rng.uniform(0.7, 1.3, shape)
        elif name.endswith("bias"):
            drawn = 0.1 * rng.standard_normal(shape)
        else:
            last = "output_blocks" in name or "scale_head" in name
            gain = 1.6 if "backbone" in name else 0.3 if last else 0.7 if tame else 1.0
            drawn = gain / np.sqrt(fan_in) * rng.standard_normal(shape)
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(drawn.astype(np.float16).astype(np.float32)))
    if tame:
        with torch.no_grad():
            network.normal_head.output_blocks[-1].bias.copy_(torch.tensor([0.0, 0.0, -1.5]))


def picture(rows: int, cols: int, seed: int) -> np.ndarray:
    """Blobs and noise, (rows, cols, 3) float32 in [0, 1], exact in 8 bits."""
    rng = np.random.default_rng(seed)
    v, u = np.mgrid[:rows, :cols]
    waves = [np.sin(u / cols * a + v / rows * b + c) for a, b, c in rng.uniform(2, 9, (3, 3))]
    values = 0.5 + 0.35 * np.stack(waves, -1) + 0.1 * rng.standard_normal((rows, cols, 3))
    return np.round(np.clip(values, 0, 1) * 255).astype(np.float32) / 255


def output(network, image: np.ndarray, tokens: int) -> dict[str, np.ndarray]:
    """What `forward` answers to a picture (H, W, 3)."""
    import torch

    with torch.no_grad():
        found = network(torch.from_numpy(image.transpose(2, 0, 1)[None].copy()), num_tokens=tokens)
    return {name: value[0].numpy() for name, value in found.items()}


def lens(points: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    """The reference's focal length [half diagonals] and shift."""
    import torch
    from moge.utils.geometry_torch import recover_focal_shift

    focal, shift = recover_focal_shift(torch.from_numpy(points.copy()), torch.from_numpy(mask.copy()))
    return float(focal), float(shift)


def scene(rows: int, cols: int) -> np.ndarray:
    """Points of a bumpy wall before a camera of focal 1.3 half diagonals, their z lowered by 0.8."""
    aspect = cols / rows
    u = (np.arange(cols) + 0.5 - cols / 2) / (0.5 * np.hypot(rows, cols))
    v = (np.arange(rows) + 0.5 - rows / 2) / (0.5 * np.hypot(rows, cols))
    u, v = np.meshgrid(u, v)
    z = 2 + 0.5 * np.sin(3 * u + 1) * np.cos(4 * v) * aspect
    return np.stack([u * z / 1.3, v * z / 1.3, z - 0.8], axis=-1).astype(np.float32)


def main(checkout: str, target: str) -> None:
    """Write everything to ``target``."""
    network = reference(checkout, TINY)
    redraw(network, seed=0)
    arrays = {f"weights/{k}": v.numpy().astype(np.float16) for k, v in network.state_dict().items()}
    for name, ((rows, cols), tokens) in CASES.items():
        image = picture(rows, cols, seed=1)
        arrays[f"{name}/image"] = np.round(image * 255).astype(np.uint8)
        for what, value in output(network, image, tokens).items():
            arrays[f"{name}/{what}"] = value
            sys.stderr.write(f"{name} {what}: {value.min():.4f} .. {value.max():.4f}\n")
    points = scene(48, 64)
    arrays["lens"] = np.array(lens(points, points[..., 0] < 0.7))
    arrays["config"] = np.frombuffer(json.dumps(TINY).encode(), np.uint8)
    shapes = {k: list(v.shape) for k, v in reference(checkout, SMALL).state_dict().items()}
    arrays["names"] = np.frombuffer(json.dumps(shapes).encode(), np.uint8)
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(target, **arrays)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
