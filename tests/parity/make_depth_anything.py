"""Write the golden files of Depth Anything V2 with the reference implementation. Needs the extra `parity`.

    python tests/parity/make_depth_anything.py tests/data/parity/depth_anything.npz

A tiny network with weights drawn wide enough that every part of it matters: as initialised, the output hardly varies
and a wrong GELU passes. Weights are float16 values, exact in both frameworks. The names and shapes of Small, Base and
Large are those of the files that `save_pretrained` writes, which are not those of `state_dict()`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

SIZES = {"square": (70, 70), "upright": (98, 56)}
NAMES = {
    "small": ((384, 6, 12), (3, 6, 9, 12), (48, 96, 192, 384), 64),
    "base": ((768, 12, 12), (3, 6, 9, 12), (96, 192, 384, 768), 128),
    "large": ((1024, 16, 24), (5, 12, 18, 24), (256, 512, 1024, 1024), 256),
    "tiny": ((24, 3, 4), (1, 2, 3, 4), (6, 8, 12, 16), 12),
}


def model(name: str, *, head: int = 32, image_size: int = 518):
    """The reference network of a size."""
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

    (width, heads, depth), taken, neck, fusion = NAMES[name]
    backbone = Dinov2Config(
        hidden_size=width,
        num_attention_heads=heads,
        num_hidden_layers=depth,
        out_indices=list(taken),
        image_size=image_size,
        patch_size=14,
        reshape_hidden_states=False,
        apply_layernorm=True,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        neck_hidden_sizes=list(neck),
        fusion_hidden_size=fusion,
        reassemble_hidden_size=width,
        head_hidden_size=head,
    )
    return DepthAnythingForDepthEstimation(config).eval()


def redraw(network, seed: int) -> None:
    """Weights with which every part of the network moves the output; float16 values."""
    import torch

    rng = np.random.default_rng(seed)
    for name, parameter in network.named_parameters():
        shape = tuple(parameter.shape)
        fan_in = int(np.prod(shape[1:])) or 1
        if "position_embeddings" in name or "cls_token" in name:
            drawn = 0.5 * rng.standard_normal(shape)
        elif "lambda" in name:
            drawn = rng.uniform(0.5, 1.0, shape)
        elif "norm" in name and name.endswith("weight"):
            drawn = rng.uniform(0.7, 1.3, shape)
        elif name.endswith("bias"):
            drawn = 0.1 * rng.standard_normal(shape)
        else:
            # the convolutions of the decoder, one after another, would grow too fast with 1.6
            drawn = (1.6 if "backbone" in name else 1.3) / np.sqrt(fan_in) * rng.standard_normal(shape)
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(drawn.astype(np.float16).astype(np.float32)))
    with torch.no_grad():
        network.head.conv3.bias.fill_(2.0)  # keeps the last relu open


def saved(network) -> dict[str, np.ndarray]:
    """Arrays of the file that `save_pretrained` writes."""
    from safetensors.numpy import load_file

    with tempfile.TemporaryDirectory() as folder:
        network.save_pretrained(folder)
        return load_file(Path(folder) / "model.safetensors")


def picture(rows: int, cols: int, seed: int) -> np.ndarray:
    """Blobs and noise, (rows, cols, 3) float32 in [0, 1], exact in 8 bits."""
    rng = np.random.default_rng(seed)
    v, u = np.mgrid[:rows, :cols]
    waves = [np.sin(u / cols * a + v / rows * b + c) for a, b, c in rng.uniform(2, 9, (3, 3))]
    values = 0.5 + 0.35 * np.stack(waves, -1) + 0.1 * rng.standard_normal((rows, cols, 3))
    return np.round(np.clip(values, 0, 1) * 255).astype(np.float32) / 255


def output(network, image: np.ndarray) -> np.ndarray:
    """What the network answers to a picture (H, W, 3) in [0, 1] of its own size."""
    import torch

    mean, std = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
    values = torch.from_numpy(((image - mean) / std).transpose(2, 0, 1)[None].copy())
    with torch.no_grad():
        return network(pixel_values=values).predicted_depth[0].numpy()


def prepared(image: np.ndarray, side: int) -> np.ndarray:
    """The reference's own preparation of a photo, back in [0, 1]."""
    from transformers import DPTImageProcessor

    processor = DPTImageProcessor(
        size={"height": side, "width": side},
        keep_aspect_ratio=True,
        ensure_multiple_of=14,
        resample=3,
        do_normalize=False,
    )
    values = processor(np.round(image * 255).astype(np.uint8), return_tensors="np")["pixel_values"][0]
    return np.asarray(values, np.float32).transpose(1, 2, 0)


def main(target: str) -> None:
    """Write everything to ``target``."""
    network = model("tiny", head=8, image_size=70)
    redraw(network, seed=0)
    arrays = {f"weights/{name}": value.astype(np.float16) for name, value in saved(network).items()}
    for name, (rows, cols) in SIZES.items():
        image = picture(rows, cols, seed=1)
        arrays[f"{name}/image"] = np.round(image * 255).astype(np.uint8)
        arrays[f"{name}/depth"] = output(network, image)
    photo = picture(48, 64, seed=2)
    arrays["photo"] = np.round(photo * 255).astype(np.uint8)
    arrays["photo/prepared"] = np.round(prepared(photo, 28) * 255).astype(np.uint8)
    names = {size: {k: list(v.shape) for k, v in saved(model(size)).items()} for size in ("small", "base", "large")}
    arrays["names"] = np.frombuffer(json.dumps(names).encode(), np.uint8)
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(target, **arrays)
    for name in SIZES:
        depth = arrays[f"{name}/depth"]
        sys.stderr.write(f"{name}: {depth.min():.4f} .. {depth.max():.4f}\n")


if __name__ == "__main__":
    main(sys.argv[1])
