"""How fast Wan is with made-up weights, since time does not depend on values; on a GPU, full size.

    python -m benchmarks.wan                                    # the tiny one, on any machine
    python -m benchmarks.wan --variant wan2.1-t2v-1.3b          # 480 x 832 x 81, bfloat16: one GPU
    python -m benchmarks.wan --variant wan2.1-i2v-14b --torch   # beside diffusers in the same run

Prints compile time, one evaluation, four steps and decoding, and peak memory. Goals on an H200: an evaluation of 1.3B
in at most 1 s, four steps and decoding in at most 8 s.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from i2v.diffusion.flow_matching import euler_schedule
from i2v.diffusion.flow_sampler import sample_flow
from i2v.models.wan.config import VARIANTS, WanConfig
from i2v.models.wan.pipeline import Told, as_model, latent_size
from i2v.models.wan.transformer import WanTransformer
from i2v.models.wan.vae import VaeConfig, WanVae

TINY = WanConfig(2, 4, 64, 512, text_dim=64, text_tokens=32)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", choices=["tiny", *VARIANTS], default="tiny")
    parser.add_argument("--frames", type=int)
    parser.add_argument("--height", type=int)
    parser.add_argument("--width", type=int)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--attention", default="auto")
    parser.add_argument("--torch", action="store_true", help="time diffusers as well (needs a GPU build of torch)")
    return parser


def made_up(build: Callable[[], nnx.Module]) -> nnx.Module:
    """A module with small equal parameters, without drawing any."""
    graph, state = nnx.split(nnx.eval_shape(build))
    filled = []
    for path, variable in nnx.to_flat_state(state):
        leaf = variable.get_value()
        made = jnp.full(leaf.shape, 0.01, leaf.dtype) if isinstance(variable, nnx.Param) else leaf
        filled.append((path, variable.replace(made)))
    return nnx.merge(graph, nnx.from_flat_state(filled))


def timed(call: Callable[[], object], repeats: int) -> tuple[float, float]:
    """(first call, best of the others) [s]."""
    spent = []
    for _ in range(repeats + 1):
        begin = time.perf_counter()
        jax.block_until_ready(call())
        spent.append(time.perf_counter() - begin)
    return spent[0], min(spent[1:])


def peak() -> str:
    stats = jax.devices()[0].memory_stats() or {}
    return f"{stats['peak_bytes_in_use'] / 2**30:.1f} GiB" if "peak_bytes_in_use" in stats else "not told"


def run(args: argparse.Namespace) -> dict[str, float]:
    config = TINY if args.variant == "tiny" else VARIANTS[args.variant]
    dtype = jnp.float32 if jax.default_backend() == "cpu" else jnp.bfloat16
    second = config.out_channels == 48
    vae_config = VaeConfig.wan22() if second else VaeConfig.wan21()
    if args.variant == "tiny":
        vae_config = replace(vae_config, base=8, decoder_base=8)
    usual = (5, 32, 48) if args.variant == "tiny" else (121, 704, 1280) if second else (81, 480, 832)
    given = (args.frames, args.height, args.width)
    frames, height, width = (asked or own for asked, own in zip(given, usual, strict=True))
    size = latent_size(vae_config, frames, height, width)
    network = made_up(lambda: WanTransformer(config, attention=args.attention, dtype=dtype, rngs=nnx.Rngs(0)))
    model = as_model(network)  # type: ignore[arg-type]
    told = conditions(config, size, height, width, dtype)
    x = jax.random.normal(jax.random.key(1), (1, *size, config.out_channels))
    found = {}
    found["compile"], found["evaluation"] = timed(lambda: model(x, 500.0, told), args.repeats)
    schedule = euler_schedule(4)
    found["four steps"] = timed(lambda: sample_flow(lambda x, t, i: model(x, t, told), x, schedule), 1)[1]
    graph, state = nnx.split(made_up(lambda: WanVae(vae_config, dtype=dtype, rngs=nnx.Rngs(0))))
    decode = jax.jit(lambda state, z: nnx.merge(graph, state).decode(z, chunk=1))
    found["decoding"] = timed(lambda: decode(state, x), 1)[1]
    if args.torch:
        found["diffusers, evaluation"] = torch_evaluation(config, size, args.repeats)
    print(f"{args.variant}, {frames} frames of {height} x {width}, {jax.devices()[0].device_kind}, peak {peak()}")
    for name, seconds in found.items():
        print(f"  {name:24s} {seconds:9.3f} s")
    return found


def conditions(config: WanConfig, size: tuple[int, int, int], height: int, width: int, dtype) -> Told:
    """Zeros of the right sizes."""
    beside = config.in_channels - config.out_channels
    return Told(
        jnp.zeros((1, config.text_tokens, config.text_dim), dtype),
        None if config.image_dim is None else jnp.zeros((1, 257, config.image_dim), dtype),
        jnp.zeros((1, *size, beside), dtype) if beside else None,
        camera=None
        if config.camera_channels is None
        else jnp.zeros((1, size[0], height, width, config.camera_channels), dtype),
        reference=None
        if config.reference_channels is None
        else jnp.zeros((1, *size[1:], config.reference_channels), dtype),
    )


def torch_evaluation(config: WanConfig, size: tuple[int, int, int], repeats: int) -> float:
    """The same evaluation by diffusers in bfloat16 on the same GPU [s]."""
    import torch
    from diffusers import WanTransformer3DModel

    with torch.device("cuda"):
        network = WanTransformer3DModel(
            num_attention_heads=config.heads,
            attention_head_dim=config.head_dim,
            in_channels=config.in_channels,
            out_channels=config.out_channels,
            text_dim=config.text_dim,
            ffn_dim=config.ffn,
            num_layers=config.layers,
            image_dim=config.image_dim,
            added_kv_proj_dim=None if config.image_dim is None else config.width,
        ).to(torch.bfloat16)
        x = torch.zeros(1, config.in_channels, *size, dtype=torch.bfloat16)
        text = torch.zeros(1, 512, config.text_dim, dtype=torch.bfloat16)
        looks = None if config.image_dim is None else torch.zeros(1, 257, config.image_dim, dtype=torch.bfloat16)
        moment = torch.tensor([500])
    spent = []
    with torch.no_grad():
        for _ in range(repeats + 1):
            torch.cuda.synchronize()
            begin = time.perf_counter()
            network(x, moment, text, looks)
            torch.cuda.synchronize()
            spent.append(time.perf_counter() - begin)
    return min(spent[1:])


def main(argv: list[str] | None = None) -> dict[str, float]:
    return run(build_parser().parse_args(argv))


if __name__ == "__main__":
    assert np.isfinite(list(main().values())).all()
