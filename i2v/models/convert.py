"""A published PyTorch checkpoint, once, to a safetensors file. Needs PyTorch: ``pip install "physim[parity]"``.

    python -m i2v.models.convert depth_anything_v2_vits.pth depth_anything_v2_vits.safetensors
    python -m i2v.models.convert model.pt moge-2-vits-normal.safetensors

Names and values stay as they are. A configuration that the checkpoint carries (MoGe's ``model_config``) goes into the
header. The file is read with ``weights_only``, so that nothing in it is run.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import numpy as np


def convert(source: str | os.PathLike, target: str | os.PathLike) -> Path:
    """Write the arrays of ``source`` (.pt, .pth) to ``target`` (.safetensors), float32 or as they are if whole numbers.

    Raises:
        NotImplementedError: PyTorch is not installed.
        FileNotFoundError: No such file.
        ValueError: No checkpoint, or one without named arrays.
    """
    from safetensors.numpy import save_file

    source, target = Path(source), Path(target)
    if not source.is_file():
        raise FileNotFoundError(f"{source}: no such file.")
    if target.suffix != ".safetensors":
        raise ValueError(f"{target}: expected a name that ends in .safetensors.")
    arrays, metadata = split(_loaded(source), str(source))
    part = target.with_name(target.name + ".part")
    try:
        save_file(arrays, part, metadata)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return target


def split(checkpoint: Any, origin: str) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The named arrays of a checkpoint and what else it says that matters.

    Raises:
        ValueError: It holds no named arrays.
    """
    metadata = {"format": "pt"}
    held = checkpoint
    if isinstance(held, dict):
        if isinstance(held.get("model_config"), dict):
            metadata["model_config"] = json.dumps(held["model_config"])
        for name in ("model", "state_dict"):
            held = held[name] if isinstance(held, dict) and isinstance(held.get(name), dict) else held
    tensors = {k: v for k, v in held.items() if hasattr(v, "detach")} if isinstance(held, dict) else {}
    if not tensors:
        raise ValueError(f"{origin} holds no named arrays, expected a state dict, or one under 'model'.")
    arrays = {}
    for name, tensor in tensors.items():
        tensor = tensor.detach().cpu()
        arrays[name] = np.ascontiguousarray((tensor.float() if tensor.is_floating_point() else tensor).numpy())
    return arrays, metadata


def _loaded(source: Path) -> Any:
    if importlib.util.find_spec("torch") is None:
        raise NotImplementedError(f'{source} is a PyTorch file; reading it needs pip install "physim[parity]".')
    torch = importlib.import_module("torch")
    try:
        return torch.load(source, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle's, zip's and torch's own, whatever the damage
        raise ValueError(f"{source} is no checkpoint that can be read safely: {error}") from None


def main(argv: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m i2v.models.convert", description="PyTorch to safetensors.")
    parser.add_argument("source", type=Path, help=".pt or .pth")
    parser.add_argument("target", type=Path, help=".safetensors")
    arguments = parser.parse_args(argv)
    try:
        convert(arguments.source, arguments.target)
    except (ValueError, OSError, NotImplementedError) as error:
        parser.exit(2, f"error: {error}\n")


if __name__ == "__main__":
    main()
