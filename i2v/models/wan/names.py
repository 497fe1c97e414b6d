"""Names of published Wan weights: what `diffusers` and `transformers` call things is canonical.

Every file's names are brought to the canonical ones; every parameter of ours knows its canonical name, or, being a
stack of equal layers, one name per layer. Layouts follow from the shapes: PyTorch keeps (out, in, ...), we keep
(..., in, out).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

Rules = tuple[tuple[str, str], ...]

_LEAVES = {"kernel": "weight", "scale": "weight", "embedding": "weight"}


@dataclass(frozen=True)
class Part:
    """One of ``of`` equal stretches of an array's first axis."""

    name: str
    number: int = 0
    of: int = 1


@dataclass(frozen=True)
class Names:
    """How the files of one network name things."""

    title: str
    ours: Rules
    """Pattern → replacement, from our dotted path to the canonical name; applied in order, wherever found."""
    stack: str | None = None
    """First part of our path under which parameters have a leading axis over layers."""
    layer: str = ""
    """What that part is called canonically, with {} for the layer's number."""
    other: tuple[tuple[str, Rules], ...] = ()
    """Other ways: a pattern that some name of such a file matches, and rules to the canonical names."""
    unused: tuple[str, ...] = ()
    """Canonical names that play no part; {layers} is the number of layers of ours."""
    joined: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Canonical names that some files keep as one array, along the output: joined name → parts, as regex templates."""

    def of(self, path: str, layers: int) -> list[str]:
        """Canonical name of our parameter ``path``; as many as ``layers`` for a stacked one."""
        module, leaf = path.rsplit(".", 1) if "." in path else ("", path)
        name = f"{module}.{_LEAVES.get(leaf, leaf)}" if module else leaf
        if self.stack is not None and name.startswith(self.stack + "."):
            rest = self._canonical(name[len(self.stack) + 1 :])
            return [f"{self.layer.format(i)}.{rest}" for i in range(layers)]
        return [self._canonical(name)]

    def _canonical(self, name: str) -> str:
        return translated(name, self.ours)

    def canonical(self, names: Iterable[str]) -> dict[str, Part]:
        """Where each canonical name is found, for all names of a file."""
        names = list(names)
        rules = next((rules for mark, rules in self.other if any(re.search(mark, name) for name in names)), ())
        found = {}
        for name in names:
            known = translated(name, rules)
            pattern = next((pattern for pattern in self.joined if re.match(pattern, known)), None)
            parts = self.joined[pattern] if pattern else ()
            for number, part in enumerate(parts):
                assert pattern is not None
                found[re.sub(pattern, part, known)] = Part(name, number, len(parts))
            if not parts:
                found[known] = Part(name)
        return found

    def idle(self, name: str, layers: int) -> bool:
        """Whether a canonical name plays no part."""
        return any(re.fullmatch(pattern.replace("{layers}", str(layers)), name) for pattern in self.unused)


def translated(name: str, rules: Rules) -> str:
    """``name`` with every rule applied in turn."""
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


_PREFIX = (r"^(model\.diffusion_model|diffusion_model|model|module)\.", "")
_ORIGINAL_TRANSFORMER: Rules = (
    _PREFIX,
    (r"^time_embedding\.0\.", "condition_embedder.time_embedder.linear_1."),
    (r"^time_embedding\.2\.", "condition_embedder.time_embedder.linear_2."),
    (r"^text_embedding\.0\.", "condition_embedder.text_embedder.linear_1."),
    (r"^text_embedding\.2\.", "condition_embedder.text_embedder.linear_2."),
    (r"^time_projection\.1\.", "condition_embedder.time_proj."),
    (r"^img_emb\.proj\.0\.", "condition_embedder.image_embedder.norm1."),
    (r"^img_emb\.proj\.1\.", "condition_embedder.image_embedder.ff.net.0.proj."),
    (r"^img_emb\.proj\.3\.", "condition_embedder.image_embedder.ff.net.2."),
    (r"^img_emb\.proj\.4\.", "condition_embedder.image_embedder.norm2."),
    (r"^img_emb\.emb_pos$", "condition_embedder.image_embedder.pos_embed"),
    (r"^head\.head\.", "proj_out."),
    (r"(^|\.)(head\.)?modulation$", r"\1scale_shift_table"),
    (r"\.ffn\.0\.", ".ffn.net.0.proj."),
    (r"\.ffn\.2\.", ".ffn.net.2."),
    # the order in which norms are called is norm1, norm3, norm2 there: 2 and 3 change places
    (r"^(blocks\.\d+)\.norm2\.", r"\1.norm_moved."),
    (r"^(blocks\.\d+)\.norm3\.", r"\1.norm2."),
    (r"^(blocks\.\d+)\.norm_moved\.", r"\1.norm3."),
    (r"\.self_attn\.", ".attn1."),
    (r"\.cross_attn\.", ".attn2."),
    (r"\.(attn[12])\.([qkv])\.", r".\1.to_\2."),
    (r"\.(attn[12])\.o\.", r".\1.to_out.0."),
    (r"\.attn2\.([kv])_img\.", r".attn2.add_\1_proj."),
    (r"\.attn2\.norm_k_img\.", ".attn2.norm_added_k."),
)
TRANSFORMER = Names(
    "a Wan transformer",
    ours=(
        (r"(^|\.)(ff|ffn)\.up\.", r"\1\2.net.0.proj."),
        (r"(^|\.)(ff|ffn)\.down\.", r"\1\2.net.2."),
        (r"(^|\.)to_out\.", r"\1to_out.0."),
    ),
    stack="blocks",
    layer="blocks.{}",
    other=((r"(self_attn\.q|time_embedding\.0)\.", _ORIGINAL_TRANSFORMER),),
    unused=(r"blocks\.\d+\.attn\d\.norm_added_q\.weight",),
)
"""Keys of the control variants (control_adapter, ref_conv) are the authors' in every file."""

_RESIDUAL = (
    (r"\.residual\.0\.", ".norm1."),
    (r"\.residual\.2\.", ".conv1."),
    (r"\.residual\.3\.", ".norm2."),
    (r"\.residual\.6\.", ".conv2."),
    (r"\.shortcut\.", ".conv_shortcut."),
)
_VAE_ENDS: Rules = (
    (r"^(model|module|vae)\.", ""),
    (r"^conv1\.", "quant_conv."),
    (r"^conv2\.", "post_quant_conv."),
    (r"^(encoder|decoder)\.conv1\.", r"\1.conv_in."),
    (r"^(encoder|decoder)\.head\.0\.", r"\1.norm_out."),
    (r"^(encoder|decoder)\.head\.2\.", r"\1.conv_out."),
    (r"\.middle\.0\.", ".mid_block.resnets.0."),
    (r"\.middle\.1\.", ".mid_block.attentions.0."),
    (r"\.middle\.2\.", ".mid_block.resnets.1."),
    *_RESIDUAL,
)
# 2.1 counts residual layers and changes of size in one flat list, three and one to a level in the decoder
_ORIGINAL_VAE_21: Rules = (
    *_VAE_ENDS,
    (r"^encoder\.downsamples\.", "encoder.down_blocks."),
    *(
        (
            rf"^decoder\.upsamples\.{4 * level + part}\.",
            f"decoder.up_blocks.{level}." + (f"resnets.{part}." if part < 3 else "upsamplers.0."),
        )
        for level in range(4)
        for part in range(4)
    ),
)
# 2.2 has levels, each with a list of its own; the change of size stands last in it
_ORIGINAL_VAE_22: Rules = (
    *_VAE_ENDS,
    (
        r"^encoder\.downsamples\.(\d)\.downsamples\.(\d)\.(resample|time_conv)\b",
        r"encoder.down_blocks.\1.downsampler.\3",
    ),
    (r"^decoder\.upsamples\.(\d)\.upsamples\.(\d)\.(resample|time_conv)\b", r"decoder.up_blocks.\1.upsampler.\3"),
    (r"^encoder\.downsamples\.(\d)\.downsamples\.(\d)\.", r"encoder.down_blocks.\1.resnets.\2."),
    (r"^decoder\.upsamples\.(\d)\.upsamples\.(\d)\.", r"decoder.up_blocks.\1.resnets.\2."),
)
_VAE_OTHER = (
    (r"encoder\.downsamples\.\d\.downsamples\.", _ORIGINAL_VAE_22),
    (r"encoder\.downsamples\.", _ORIGINAL_VAE_21),
)
VAE_21 = Names(
    "the autoencoder of Wan 2.1",
    ours=((r"\.resample\.", ".resample.1."), (r"\.upsampler\.", ".upsamplers.0.")),
    other=_VAE_OTHER,
)
VAE_22 = Names("the autoencoder of Wan 2.2", ours=((r"\.resample\.", ".resample.1."),), other=_VAE_OTHER)

UMT5 = Names(
    "the UMT5 text encoder",
    ours=(
        (r"^norm1\.", "layer.0.layer_norm."),
        (r"^([qkvo])\.", r"layer.0.SelfAttention.\1."),
        (r"^bias$", "layer.0.SelfAttention.relative_attention_bias.weight"),
        (r"^norm2\.", "layer.1.layer_norm."),
        (r"^gate\.", "layer.1.DenseReluDense.wi_0."),
        (r"^up\.", "layer.1.DenseReluDense.wi_1."),
        (r"^down\.", "layer.1.DenseReluDense.wo."),
        (r"^norm\.", "encoder.final_layer_norm."),
    ),
    stack="layers",
    layer="encoder.block.{}",
    other=(
        (
            r"^blocks\.\d+\.ffn\.gate\.0\.",
            (
                (r"^token_embedding\.", "shared."),
                (r"^norm\.", "encoder.final_layer_norm."),
                (r"^blocks\.(\d+)\.norm1\.", r"encoder.block.\1.layer.0.layer_norm."),
                (r"^blocks\.(\d+)\.norm2\.", r"encoder.block.\1.layer.1.layer_norm."),
                (r"^blocks\.(\d+)\.attn\.", r"encoder.block.\1.layer.0.SelfAttention."),
                (
                    r"^blocks\.(\d+)\.pos_embedding\.embedding\.",
                    r"encoder.block.\1.layer.0.SelfAttention.relative_attention_bias.",
                ),
                (r"^blocks\.(\d+)\.ffn\.gate\.0\.", r"encoder.block.\1.layer.1.DenseReluDense.wi_0."),
                (r"^blocks\.(\d+)\.ffn\.fc1\.", r"encoder.block.\1.layer.1.DenseReluDense.wi_1."),
                (r"^blocks\.(\d+)\.ffn\.fc2\.", r"encoder.block.\1.layer.1.DenseReluDense.wo."),
            ),
        ),
    ),
    unused=(r"encoder\.embed_tokens\.weight", r"decoder\..*", r"lm_head\..*", r"spiece_model"),
)
"""`encoder.embed_tokens` is `shared` once more."""

CLIP = Names(
    "the CLIP image encoder",
    ours=(
        (r"^class_embedding$", "embeddings.class_embedding"),
        (r"^(patch|position)_embedding\.", r"embeddings.\1_embedding."),
        (r"^pre_norm\.", "pre_layrnorm."),
        (r"^norm([12])\.", r"layer_norm\1."),
        (r"^([qkv]|out)\.", r"self_attn.\1_proj."),
        (r"^fc([12])\.", r"mlp.fc\1."),
    ),
    stack="layers",
    layer="encoder.layers.{}",
    other=(
        (r"^vision_model\.", ((r"^vision_model\.", ""),)),
        (
            r"^visual\.transformer\.",
            (
                (r"^visual\.cls_embedding$", "embeddings.class_embedding"),
                (r"^visual\.pos_embedding$", "embeddings.position_embedding.weight"),
                (r"^visual\.patch_embedding\.", "embeddings.patch_embedding."),
                (r"^visual\.pre_norm\.", "pre_layrnorm."),
                (r"^visual\.post_norm\.", "post_layernorm."),
                (r"^visual\.transformer\.(\d+)\.norm([12])\.", r"encoder.layers.\1.layer_norm\2."),
                (r"^visual\.transformer\.(\d+)\.attn\.to_qkv\.", r"encoder.layers.\1.self_attn.qkv_proj."),
                (r"^visual\.transformer\.(\d+)\.attn\.proj\.", r"encoder.layers.\1.self_attn.out_proj."),
                (r"^visual\.transformer\.(\d+)\.mlp\.0\.", r"encoder.layers.\1.mlp.fc1."),
                (r"^visual\.transformer\.(\d+)\.mlp\.2\.", r"encoder.layers.\1.mlp.fc2."),
            ),
        ),
    ),
    unused=(
        r"encoder\.layers\.{layers}\..*",
        r"post_layernorm\..*",
        r"visual_projection\..*",
        r"(embeddings\.)?position_ids",
        r"visual\.head.*",
        r"textual\..*",
        r"log_scale",
        r"text_model\..*",
        r"text_projection\..*",
        r"logit_scale",
    ),
    joined={r"(encoder\.layers\.\d+\.self_attn)\.qkv_proj\.": (r"\1.q_proj.", r"\1.k_proj.", r"\1.v_proj.")},
)
"""The last layer is not run, so its weights are idle."""
