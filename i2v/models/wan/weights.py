"""Wan weights from a folder: what is there is found, its sizes are read from the arrays, and it is loaded in place.

Folders as `diffusers` writes them (transformer/, vae/, text_encoder/, tokenizer/, image_encoder/) and as the authors
publish them are known. Nothing is fetched.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import jax
import jax.numpy as jnp
from flax import nnx

from i2v.models.published import settings_beside
from i2v.models.wan import names as naming
from i2v.models.wan.attention import Implementation
from i2v.models.wan.clip import ClipConfig, ClipImageEncoder
from i2v.models.wan.config import VARIANTS, WanConfig
from i2v.models.wan.files import TensorFiles, open_tensors
from i2v.models.wan.fill import Placement, fill, shapes_of
from i2v.models.wan.names import Names
from i2v.models.wan.transformer import WanTransformer
from i2v.models.wan.umt5 import Umt5Config, Umt5Encoder
from i2v.models.wan.vae import MEAN_21, MEAN_22, STD_21, STD_22, VaeConfig, WanVae

DOWNLOADS: dict[str, tuple[str, float]] = {
    "wan2.1-t2v-1.3b": ("Wan-AI/Wan2.1-T2V-1.3B-Diffusers", 15),
    "wan2.1-t2v-14b": ("Wan-AI/Wan2.1-T2V-14B-Diffusers", 41),
    "wan2.1-i2v-14b": ("Wan-AI/Wan2.1-I2V-14B-480P-Diffusers", 46),
    "wan2.1-flf2v-14b": ("Wan-AI/Wan2.1-FLF2V-14B-720P-diffusers", 46),
    "wan2.1-fun-1.3b-inp": ("alibaba-pai/Wan2.1-Fun-V1.1-1.3B-InP", 16),
    "wan2.1-fun-14b-inp": ("alibaba-pai/Wan2.1-Fun-V1.1-14B-InP", 46),
    "wan2.1-fun-1.3b-control": ("alibaba-pai/Wan2.1-Fun-V1.1-1.3B-Control", 16),
    "wan2.1-fun-14b-control": ("alibaba-pai/Wan2.1-Fun-V1.1-14B-Control", 46),
    "wan2.1-fun-1.3b-camera": ("alibaba-pai/Wan2.1-Fun-V1.1-1.3B-Control-Camera", 16),
    "wan2.1-fun-14b-camera": ("alibaba-pai/Wan2.1-Fun-V1.1-14B-Control-Camera", 46),
    "wan2.2-ti2v-5b": ("Wan-AI/Wan2.2-TI2V-5B-Diffusers", 23),
    "wan2.2-t2v-a14b": ("Wan-AI/Wan2.2-T2V-A14B-Diffusers", 69),
    "wan2.2-i2v-a14b": ("Wan-AI/Wan2.2-I2V-A14B-Diffusers", 69),
}
"""Repository on the Hugging Face hub, and how much its arrays are in bfloat16 [GB]; some are published as float32."""
ENVIRONMENT = "I2V_WEIGHTS"
"""Folder that holds a folder per variant."""


@dataclass(frozen=True)
class Parts:
    """Where the parts of a model lie; ``None``: not there."""

    transformer: Path
    second: Path | None
    """The expert for little noise, in A14B."""
    vae: Path | None
    text: Path | None
    tokenizer: Path | None
    image: Path | None


def find_weights(model: str, weights: str | os.PathLike | None = None) -> Path:
    """The folder of a variant: as given, or ``$I2V_WEIGHTS/<model>``.

    Raises:
        ValueError: Unknown variant.
        FileNotFoundError: Not there; what to download, where to put it and how big it is.
    """
    if model not in VARIANTS:
        raise ValueError(f"model is {model!r}, expected one of {', '.join(VARIANTS)}.")
    base = os.environ.get(ENVIRONMENT)
    folder = Path(weights) if weights is not None else Path(base) / model if base else None
    if folder is not None and folder.exists():
        return folder
    repository, size = DOWNLOADS[model]
    place = folder or Path("weights") / model
    looked = f"{folder} does not exist" if folder else f"neither weights nor ${ENVIRONMENT} is set"
    raise FileNotFoundError(
        f"no weights of {model}: {looked}. Download the Hugging Face repository {repository} ({size:g} GB in bfloat16, "
        f"up to twice that as published) with `hf download {repository} --local-dir {place}`, and pass "
        f"weights={str(place)!r}."
    )


def find_parts(folder: str | os.PathLike) -> Parts:
    """The parts in a folder of either layout.

    Raises:
        FileNotFoundError: No transformer in it.
    """
    folder = Path(folder)

    def first(*candidates: str) -> Path | None:
        found = (path for pattern in candidates for path in sorted(folder.glob(pattern)))
        return next(found, None)

    transformer = first("transformer", "high_noise_model", "high_noise*.safetensors")
    second = first("transformer_2", "low_noise_model", "low_noise*.safetensors")
    if transformer is None and (any(folder.glob("diffusion_pytorch_model*")) or folder.suffix == ".safetensors"):
        transformer = folder
    if transformer is None:
        there = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) if folder.is_dir() else "nothing"
        raise FileNotFoundError(
            f"{folder} holds no Wan transformer: expected transformer/ or diffusion_pytorch_model*.safetensors, "
            f"found {there or 'nothing'}. Is it the folder above or below?"
        )
    return Parts(
        transformer,
        second,
        first("vae", "*VAE*.safetensors", "*vae*.safetensors", "*VAE*.pth"),
        first("text_encoder", "*umt5*.safetensors", "*t5*.pth"),
        first("tokenizer", "google/umt5-xxl", "umt5-xxl"),
        first("image_encoder", "*clip*.safetensors", "*clip*.pth"),
    )


def load_transformer(
    path: str | os.PathLike,
    *,
    dtype=jnp.bfloat16,
    attention: Implementation = "auto",
    remat: bool = False,
    placement: Placement | None = None,
    cache: str | os.PathLike | None = None,
) -> WanTransformer:
    """A Wan transformer of any variant and size; which one, its arrays tell.

    Args:
        path: A `.safetensors` file or a folder of them.
        dtype: What weights are cast to.
        attention: See :func:`i2v.models.wan.attention.attend`.
        remat: See :class:`WanTransformer`.
        placement: Where each parameter goes; default: the first device.
        cache: Folder in which the converted weights are kept for the next time.

    Raises:
        FileNotFoundError: Nothing there, or a part of several is missing.
        ValueError: Pickles, half a file, or arrays that fit no Wan transformer, with every difference.
        MemoryError: They do not fit where they should go.
    """
    files = open_tensors(path)
    config = transformer_config(files, _settings(path))

    def build() -> WanTransformer:
        return WanTransformer(config, attention=attention, dtype=dtype, remat=remat, rngs=nnx.Rngs(0))

    return _loaded(build, files, naming.TRANSFORMER, placement, cache)  # type: ignore[return-value]


def load_vae(path: str | os.PathLike, *, dtype=jnp.float32, placement: Placement | None = None) -> WanVae:
    """The autoencoder of Wan 2.1 or 2.2; arguments and errors as :func:`load_transformer`."""
    files = open_tensors(path)
    config = vae_config(files, _settings(path))
    table = naming.VAE_22 if config.shortcuts else naming.VAE_21
    return _loaded(lambda: WanVae(config, dtype=dtype, rngs=nnx.Rngs(0)), files, table, placement)  # type: ignore


def load_text_encoder(path: str | os.PathLike, *, dtype=jnp.bfloat16, placement: Placement | None = None):
    """UMT5; arguments and errors as :func:`load_transformer`."""
    files = open_tensors(path)
    shape = _canonical(files, naming.UMT5)
    layer = "encoder.block.0.layer."
    config = Umt5Config(
        shape("shared.weight")[0],
        _count(files, naming.UMT5, "encoder.block."),
        shape("shared.weight")[1],
        heads := shape(f"{layer}0.SelfAttention.relative_attention_bias.weight")[1],
        shape(f"{layer}0.SelfAttention.q.weight")[0] // heads,
        shape(f"{layer}1.DenseReluDense.wi_0.weight")[0],
        shape(f"{layer}0.SelfAttention.relative_attention_bias.weight")[0],
    )
    return _loaded(lambda: Umt5Encoder(config, dtype=dtype, rngs=nnx.Rngs(0)), files, naming.UMT5, placement)


def load_image_encoder(path: str | os.PathLike, *, dtype=jnp.float32, placement: Placement | None = None):
    """CLIP; arguments and errors as :func:`load_transformer`."""
    files = open_tensors(path)
    shape = _canonical(files, naming.CLIP)
    width, _, patch, _ = shape("embeddings.patch_embedding.weight")
    side = math.isqrt(math.prod(shape("embeddings.position_embedding.weight")) // width - 1) * patch
    config = ClipConfig(
        _count(files, naming.CLIP, "encoder.layers."),
        width,
        int(_settings(path).get("num_attention_heads", width // 80)),
        shape("encoder.layers.0.mlp.fc1.weight")[0],
        side,
        patch,
    )
    return _loaded(lambda: ClipImageEncoder(config, dtype=dtype, rngs=nnx.Rngs(0)), files, naming.CLIP, placement)


def transformer_config(files: TensorFiles, settings: dict | None = None) -> WanConfig:
    """Sizes of a transformer from the shapes of its arrays; the size of a head (128) from ``settings``, if told.

    Raises:
        ValueError: The arrays are not those of a Wan transformer.
    """
    shape = _canonical(files, naming.TRANSFORMER)
    settings = settings or {}
    width, given, *patch = shape("patch_embedding.weight")
    heads = int(settings.get("num_attention_heads") or settings.get("num_heads") or width // 128)
    embed = "condition_embedder"
    config = WanConfig(
        layers=_count(files, naming.TRANSFORMER, "blocks."),
        heads=heads,
        head_dim=width // heads,
        ffn=shape("blocks.0.ffn.net.0.proj.weight")[0],
        in_channels=given,
        out_channels=shape("proj_out.weight")[0] // math.prod(patch),
        text_dim=shape(f"{embed}.text_embedder.linear_1.weight")[1],
        freq_dim=shape(f"{embed}.time_embedder.linear_1.weight")[1],
        patch=(patch[0], patch[1], patch[2]),
    )
    there = naming.TRANSFORMER.canonical(files.entries)
    for field, name, axis, parts in (
        ("image_dim", f"{embed}.image_embedder.norm1.weight", 0, 1),
        ("image_positions", f"{embed}.image_embedder.pos_embed", 1, 1),
        ("camera_channels", "control_adapter.conv.weight", 1, 64),
        ("reference_channels", "ref_conv.weight", 1, 1),
    ):
        if name in there:
            config = replace(config, **{field: shape(name)[axis] // parts})  # type: ignore[arg-type]
    return config


def vae_config(files: TensorFiles, settings: dict | None = None) -> VaeConfig:
    """Sizes of an autoencoder from the shapes of its arrays; means and deviations from ``settings``, if told.

    Raises:
        ValueError: The arrays are not those of an autoencoder of Wan.
    """
    shape = _canonical(files, naming.VAE_21)
    base, given = shape("encoder.conv_in.weight")[:2]
    widest, latent = shape("decoder.conv_in.weight")[:2]
    there = naming.VAE_21.canonical(files.entries)
    shortcuts = "encoder.down_blocks.0.resnets.0.conv1.weight" in there
    decoded = {name.split(".")[4] for name in there if name.startswith("decoder.up_blocks.0.resnets.")}
    mean, std = {16: (MEAN_21, STD_21), 48: (MEAN_22, STD_22)}.get(latent, ((0.0,) * latent, (1.0,) * latent))
    settings = settings or {}
    return VaeConfig(
        base,
        widest // 4,
        latent,
        residuals=len(decoded) - 1,
        shortcuts=shortcuts,
        fold=math.isqrt(given // 3),
        mean=tuple(settings.get("latents_mean", mean)),
        std=tuple(settings.get("latents_std", std)),
    )


def _settings(path: str | os.PathLike) -> dict:
    path = Path(path)
    return settings_beside(path / "model.safetensors" if path.is_dir() else path)


def _canonical(files: TensorFiles, names: Names) -> Callable[[str], tuple[int, ...]]:
    there = names.canonical(files.entries)

    def shape(name: str) -> tuple[int, ...]:
        if name not in there:
            some = ", ".join(sorted(files.entries)[:3])
            raise ValueError(f"{files.origin} is not {names.title}: it has no {name}, but {some}, ...")
        return files.shape(there[name].name)

    return shape


def _count(files: TensorFiles, names: Names, prefix: str) -> int:
    found = names.canonical(files.entries)
    return len({name[len(prefix) :].split(".")[0] for name in found if name.startswith(prefix)})


def _loaded(
    build: Callable[[], nnx.Module],
    files: TensorFiles,
    names: Names,
    placement: Placement | None,
    cache: str | os.PathLike | None = None,
) -> nnx.Module:
    shapes = shapes_of(build)
    if placement is None:
        check_room(sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in shapes.values()), files.origin)
    if cache is None:
        return fill(build, files, names, placement=placement)
    return _through_cache(build, files, names, placement, Path(cache), shapes)


def check_room(size: int, what: str) -> None:
    """Whether ``size`` bytes fit on the first device, as far as it tells.

    Raises:
        MemoryError: They do not.
    """
    device = jax.devices()[0]
    stats = device.memory_stats() or {}
    if "bytes_limit" in stats:
        free = stats["bytes_limit"] - stats.get("bytes_in_use", 0)
    else:
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES") + _reclaimable()
    if size > free:
        raise MemoryError(
            f"{what} needs {size / 1e9:.1f} GB on {device}, {free / 1e9:.1f} GB are free. Load it as bfloat16, spread "
            f"it over several devices (placement=), or take a smaller variant."
        )


def _reclaimable() -> int:
    """What the system keeps of files and would give back [bytes]."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 0
    told = dict(line.split(":", 1) for line in lines)
    return 1024 * int(told.get("Cached", "0").split()[0])


def _through_cache(build, files: TensorFiles, names: Names, placement: Placement | None, cache: Path, shapes):
    """Converted weights kept by Orbax; the folder's name depends on the files and on what they are cast to."""
    import orbax.checkpoint as ocp

    place = placement or (lambda path, shape: jax.sharding.SingleDeviceSharding(jax.devices()[0]))
    folder = cache.absolute() / _fingerprint(files, shapes)
    graph, state = nnx.split(nnx.eval_shape(build))
    flat = [(path, ".".join(map(str, path)), variable) for path, variable in nnx.to_flat_state(state)]
    with ocp.StandardCheckpointer() as keeper:
        if not folder.exists():
            module = fill(build, files, names, placement=placement)
            kept = {".".join(map(str, path)): v.get_value() for path, v in nnx.to_flat_state(nnx.split(module)[1])}
            keeper.save(folder, kept)
            return module
        wanted = {
            dotted: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place(dotted, leaf.shape))
            for _, dotted, variable in flat
            for leaf in (variable.get_value(),)
        }
        found = keeper.restore(folder, wanted)
    return nnx.merge(graph, nnx.from_flat_state([(path, v.replace(found[dotted])) for path, dotted, v in flat]))


def _fingerprint(files: TensorFiles, shapes: dict[str, jax.ShapeDtypeStruct]) -> str:
    stamps = {str(e.path): (e.path.stat().st_size, e.path.stat().st_mtime_ns) for e in files.entries.values()}
    told = [sorted(stamps.items()), sorted((path, leaf.shape, str(leaf.dtype)) for path, leaf in shapes.items())]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:24]
