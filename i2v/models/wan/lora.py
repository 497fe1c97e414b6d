"""Adapters of Wan: which layers they change, and what files call them (:mod:`i2v.models.lora`).

Files of `diffusers` (`peft`) have the canonical names, those of ComfyUI the authors'.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from i2v.models import lora_files
from i2v.models.lora import Adapter
from i2v.models.lora_files import AdapterNames
from i2v.models.wan.names import TRANSFORMER, translated
from i2v.models.wan.transformer import WanTransformer

TARGETS = tuple(f"blocks.{part}.{layer}" for part in ("attn1", "attn2") for layer in ("to_q", "to_k", "to_v", "to_out"))
"""Layers that adapters usually change, as published ones do."""
_ORIGINAL = next(rules for _, rules in TRANSFORMER.other)


def _modules(path: str, layers: int) -> list[str]:
    return [name.removesuffix(".weight") for name in TRANSFORMER.of(f"{path}.kernel", layers)]


def _canonical(module: str) -> str:
    return translated(f"{module}.", _ORIGINAL).removesuffix(".")


def _authors_name(module: str) -> str:
    for ours, theirs in (
        (r"\.attn1\.", ".self_attn."),
        (r"\.attn2\.add_([kv])_proj", r".cross_attn.\1_img"),
        (r"\.attn2\.", ".cross_attn."),
        (r"\.to_out\.0$", ".o"),
        (r"\.to_([qkv])$", r".\1"),
        (r"^condition_embedder\.time_embedder\.linear_1$", "time_embedding.0"),
        (r"^condition_embedder\.time_embedder\.linear_2$", "time_embedding.2"),
        (r"^condition_embedder\.text_embedder\.linear_1$", "text_embedding.0"),
        (r"^condition_embedder\.text_embedder\.linear_2$", "text_embedding.2"),
        (r"^condition_embedder\.time_proj$", "time_projection.1"),
        (r"^condition_embedder\.image_embedder\.ff\.net\.0\.proj$", "img_emb.proj.1"),
        (r"^condition_embedder\.image_embedder\.ff\.net\.2$", "img_emb.proj.3"),
        (r"^proj_out$", "head.head"),
        (r"\.ffn\.net\.0\.proj$", ".ffn.0"),
        (r"\.ffn\.net\.2$", ".ffn.2"),
    ):
        module = re.sub(ours, theirs, module)
    return module


NAMES = AdapterNames(_modules, "blocks", _canonical, _authors_name, "transformer.")


def save_adapter(path: str | os.PathLike, adapter: Adapter, *, layout: str = "peft") -> Path:
    """Write an adapter; see :func:`i2v.models.lora_files.save_adapter`."""
    return lora_files.save_adapter(path, adapter, layout=layout, names=NAMES)


def load_adapter(path: str | os.PathLike, network: WanTransformer) -> Adapter:
    """Read an adapter; see :func:`i2v.models.lora_files.load_adapter`."""
    return lora_files.load_adapter(path, network, names=NAMES)
