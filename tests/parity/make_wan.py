"""Write the golden files of Wan with the reference implementations (diffusers, transformers). Needs the extra `parity`.

    python tests/parity/make_wan.py tests/data/parity [pipeline tokenizer schedulers transformer vae21 ...]
    python tests/parity/make_wan.py tests/data/parity original WAN2.1 WAN2.2    # checkouts of the authors' code

Tiny networks, every parameter drawn (8 bits and a power of two per array, exact in both frameworks): as initialised,
norms are 1 and biases 0, and a wrong layout passes. Head size 16 splits into 8, 4 and 4 channels, so a wrong split of
the axes shows.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

TINY = {
    "num_attention_heads": 2,
    "attention_head_dim": 16,
    "text_dim": 24,
    "freq_dim": 32,
    "ffn_dim": 40,
    "num_layers": 2,
    "cross_attn_norm": True,
    "qk_norm": "rms_norm_across_heads",
    "rope_max_seq_len": 32,
}


def redraw(network, seed: int, *, gain: float = 1.0) -> None:
    """Weights with which every part moves the output."""
    rng = np.random.default_rng(seed)
    for name, parameter in network.named_parameters():
        shape = tuple(parameter.shape)
        fan_in = int(np.prod(shape[1:])) or 1
        plain = ("relative_attention_bias", "position_embedding", "shared", "scale_shift_table", "class_embedding")
        if "norm" in name and (name.endswith("weight") or "gamma" in name):
            drawn = rng.uniform(0.6, 1.4, shape)
        elif name.endswith("bias") or any(part in name for part in plain):
            drawn = 0.3 * rng.standard_normal(shape)
        else:
            # wide before a GELU: its two forms differ by 1e-3 around 2 and by nothing around 0
            wide = 3 * gain if "image_embedder" in name else gain
            drawn = wide / np.sqrt(fan_in) * rng.standard_normal(shape)
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(np.float32(np.round(drawn / step(drawn)) * step(drawn))))


def step(values: np.ndarray) -> float:
    """The power of two in which values fit into 8 bits."""
    return float(2.0 ** np.ceil(np.log2(max(np.abs(values).max(), 1e-9) / 127)))


def half(rng: np.random.Generator, shape, scale: float = 1.0) -> np.ndarray:
    return (scale * rng.standard_normal(shape)).astype(np.float16)


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(array, np.float32))


def first(array: np.ndarray) -> torch.Tensor:
    """(b, t, h, w, c) → (b, c, t, h, w)."""
    return tensor(np.moveaxis(array, -1, 1).copy())


def last(value: torch.Tensor) -> np.ndarray:
    return np.moveaxis(value.numpy(), 1, -1)


def weights(network, prefix: str) -> dict[str, np.ndarray]:
    return packed({name: value.numpy() for name, value in network.state_dict().items()}, prefix)


def packed(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """All arrays as one of 8-bit numbers, and what they are called: name, shape, step."""
    arrays = {name: value for name, value in arrays.items() if value.dtype == np.float32}
    codes = [np.round(value / step(value)).astype(np.int8).ravel() for value in arrays.values()]
    told = [(name, value.shape, step(value)) for name, value in arrays.items()]
    for value, code in zip(arrays.values(), codes, strict=True):
        assert np.array_equal(code.reshape(value.shape) * np.float32(step(value)), value)
    return {
        f"{prefix}/codes": np.concatenate(codes),
        f"{prefix}/told": np.frombuffer(json.dumps(told).encode(), np.uint8),
    }


def transformer() -> dict[str, np.ndarray]:
    from diffusers import WanTransformer3DModel

    rng = np.random.default_rng(1)
    out: dict[str, np.ndarray] = {}
    plain = WanTransformer3DModel(in_channels=4, out_channels=4, **TINY).eval()
    redraw(plain, 2)
    out |= weights(plain, "plain")
    text = half(rng, (2, 12, 24))
    text[0, 7:], text[1, 4:] = 0, 0
    latents = half(rng, (2, 3, 4, 6, 4))
    out |= {"text": text, "latents": latents, "timestep": np.float32([937.0, 62.5])}
    frames = np.float32([[0, 500, 500], [0, 250, 250]])
    out["frames"] = frames
    with torch.no_grad():
        call = {"encoder_hidden_states": tensor(text), "return_dict": False}
        out["t2v"] = last(plain(first(latents), torch.tensor(out["timestep"]), **call)[0])
        tokens = torch.from_numpy(np.repeat(frames, 6, axis=1))
        out["ti2v"] = last(plain(first(latents), tokens, **call)[0])

    image = WanTransformer3DModel(in_channels=9, out_channels=4, image_dim=20, added_kv_proj_dim=32, **TINY).eval()
    redraw(image, 3)
    out |= weights(image, "image")
    out["long_text"] = half(rng, (1, 512, 24))
    out["long_text"][:, 9:] = 0
    out["looks"], out["latents9"] = half(rng, (1, 3, 20)), half(rng, (1, 2, 4, 6, 9))
    with torch.no_grad():
        out["i2v"] = last(
            image(
                first(out["latents9"]),
                torch.tensor([700.0]),
                encoder_hidden_states=tensor(out["long_text"]),
                encoder_hidden_states_image=tensor(out["looks"]),
                return_dict=False,
            )[0]
        )
    return out | controlled(rng)


def controlled(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Camera adapter and reference picture, which the authors' code adds to the patch embedding: hooks do it here.

    The adapter is pixel-unshuffle by 8, a strided convolution and one residual block.
    """
    from diffusers import WanTransformer3DModel

    network = WanTransformer3DModel(in_channels=4, out_channels=4, **TINY).eval()
    network.control_adapter = torch.nn.Module()
    network.control_adapter.conv = torch.nn.Conv2d(64, 32, 2, 2)
    block = torch.nn.Module()
    block.conv1, block.conv2 = (torch.nn.Conv2d(32, 32, 3, padding=1) for _ in range(2))
    network.control_adapter.residual_blocks = torch.nn.Sequential(block)
    network.ref_conv = torch.nn.Conv2d(4, 32, 2, 2)
    redraw(network, 4)
    text, latents = half(rng, (1, 5, 24)), half(rng, (1, 2, 4, 6, 4))
    rays, picture = half(rng, (1, 2, 32, 48, 1)), half(rng, (1, 4, 6, 4))

    def hook(_, __, embedded):
        x = torch.nn.functional.pixel_unshuffle(first(rays)[0].transpose(0, 1), 8)
        x = network.control_adapter.conv(x)
        x = x + block.conv2(torch.relu(block.conv1(x)))
        embedded = embedded.clone()
        embedded[:, :, 1:] += x.transpose(0, 1)[None]
        embedded[:, :, 0] = network.ref_conv(tensor(np.moveaxis(picture, -1, 1)))
        return embedded

    network.patch_embedding.register_forward_hook(hook)
    padded = torch.cat([torch.zeros(1, 4, 1, 4, 6), first(latents)], dim=2)
    with torch.no_grad():
        found = network(padded, torch.tensor([400.0]), encoder_hidden_states=tensor(text), return_dict=False)[0]
    out = weights(network, "control")
    return out | {
        "control_text": text,
        "control_latents": latents,
        "rays": rays,
        "picture": picture,
        "controlled": last(found[:, :, 1:]),
    }


VAES = {
    "vae21": {"base_dim": 3, "z_dim": 4, "dim_mult": [1, 2, 4, 4], "num_res_blocks": 1},
    "vae22": {
        "base_dim": 3,
        "decoder_base_dim": 4,
        "z_dim": 4,
        "dim_mult": [1, 2, 4, 4],
        "num_res_blocks": 1,
        "is_residual": True,
        "in_channels": 12,
        "out_channels": 12,
        "patch_size": 2,
        "scale_factor_spatial": 16,
    },
}


def vae(name: str) -> dict[str, np.ndarray]:
    from diffusers import AutoencoderKLWan

    network = AutoencoderKLWan(**VAES[name], temperal_downsample=[False, True, True]).eval()
    network.config.latents_mean, network.config.latents_std = [0.0] * 4, [1.0] * 4
    redraw(network, 5, gain=0.7)
    rng = np.random.default_rng(6)
    video = np.round(255 * rng.random((1, 13, 16, 32, 3))).astype(np.uint8)
    space = 16 if name == "vae22" else 8
    latents = half(rng, (1, 4, 16 // space, (32 if space == 16 else 24) // space, 4))
    with torch.no_grad():
        moments = network.encode(first(video / 127.5 - 1)).latent_dist.parameters
        decoded = network.decode(first(latents), return_dict=False)[0]
        out = weights(network, "weights") | {"video": video, "moments": last(moments), "latents": latents}
        out["decoded"] = last(decoded)
        if name == "vae21":
            network.enable_tiling(32, 32, 24, 24)
            wide = half(rng, (1, 1, 4, 9, 4))
            out |= {"wide": wide, "tiled": last(network.decode(first(wide), return_dict=False)[0])}
    return out


def text() -> dict[str, np.ndarray]:
    from transformers import UMT5Config, UMT5EncoderModel

    config = UMT5Config(
        vocab_size=97, d_model=24, d_kv=6, d_ff=40, num_layers=2, num_heads=3, feed_forward_proj="gated-gelu",
    )  # fmt: skip
    network = UMT5EncoderModel(config).eval()
    redraw(network, 7)
    rng = np.random.default_rng(8)
    tokens = rng.integers(2, 97, (2, 160))
    seen = np.ones((2, 160), bool)
    seen[0, 9:] = False
    with torch.no_grad():
        found = network(torch.from_numpy(tokens), torch.from_numpy(seen).long()).last_hidden_state.numpy()
    return weights(network, "weights") | {"tokens": tokens.astype(np.uint8), "seen": seen, "meanings": found}


def clip() -> dict[str, np.ndarray]:
    from transformers import CLIPVisionConfig, CLIPVisionModel

    config = CLIPVisionConfig(
        hidden_size=24, intermediate_size=40, num_hidden_layers=3, num_attention_heads=3, image_size=42, patch_size=14,
        hidden_act="gelu",
    )  # fmt: skip
    network = CLIPVisionModel(config).eval()
    redraw(network, 9, gain=1.6)
    picture = half(np.random.default_rng(10), (1, 42, 42, 3))
    with torch.no_grad():
        found = network(tensor(np.moveaxis(picture, -1, 1)), output_hidden_states=True).hidden_states[-2].numpy()
    return saved(network, "weights") | {"picture": picture, "tokens": found}


def saved(network, prefix: str) -> dict[str, np.ndarray]:
    """Arrays of the file that `save_pretrained` writes, whose names are not always those of `state_dict()`."""
    from safetensors.numpy import load_file

    with tempfile.TemporaryDirectory() as folder:
        network.save_pretrained(folder)
        arrays = load_file(Path(folder) / "model.safetensors")
    return packed(arrays, prefix)


def names() -> dict[str, np.ndarray]:
    """Names and shapes of the full-size networks, without memory for any."""
    from diffusers import AutoencoderKLWan, WanTransformer3DModel
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection, UMT5Config, UMT5EncoderModel

    full = {"text_dim": 4096, "freq_dim": 256, "cross_attn_norm": True, "qk_norm": "rms_norm_across_heads"}
    small = {"num_attention_heads": 12, "ffn_dim": 8960, "num_layers": 30} | full
    large = {"num_attention_heads": 40, "ffn_dim": 13824, "num_layers": 40} | full
    image = {"in_channels": 36, "image_dim": 1280}
    five = {"num_attention_heads": 24, "ffn_dim": 14336, "num_layers": 30, "in_channels": 48, "out_channels": 48} | full
    with torch.device("meta"):
        networks = {
            "wan2.1-t2v-1.3b": WanTransformer3DModel(**small),
            "wan2.1-fun-1.3b-inp": WanTransformer3DModel(**small, **image, added_kv_proj_dim=1536),
            "wan2.1-t2v-14b": WanTransformer3DModel(**large),
            "wan2.1-i2v-14b": WanTransformer3DModel(**large, **image, added_kv_proj_dim=5120),
            "wan2.1-flf2v-14b": WanTransformer3DModel(
                **large, **image, added_kv_proj_dim=5120, pos_embed_seq_len=514
            ),
            "wan2.2-ti2v-5b": WanTransformer3DModel(**five),
            "wan2.2-i2v-a14b": WanTransformer3DModel(**large, in_channels=36),
            "vae21": AutoencoderKLWan(),
            "vae22": AutoencoderKLWan(
                base_dim=160, decoder_base_dim=256, z_dim=48, is_residual=True, in_channels=12, out_channels=12,
                patch_size=2, scale_factor_spatial=16,
            ),
            "umt5": UMT5EncoderModel(
                UMT5Config(
                    vocab_size=256384, d_model=4096, d_kv=64, d_ff=10240, num_layers=24, num_heads=64,
                    feed_forward_proj="gated-gelu",
                )
            ),
            "clip": CLIPVisionModelWithProjection(
                CLIPVisionConfig(
                    hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=16,
                    patch_size=14, hidden_act="gelu", projection_dim=1024,
                )
            ),
        }  # fmt: skip
    shapes = {key: {k: list(v.shape) for k, v in network.state_dict().items()} for key, network in networks.items()}
    return {"names": np.frombuffer(json.dumps(shapes).encode(), np.uint8)}


def original(first_checkout: str, second_checkout: str) -> dict[str, np.ndarray]:
    """Names and shapes as the authors' own code has them; libraries that it only computes with are stood in for."""
    import importlib
    import types
    from unittest import mock

    import diffusers.models.modeling_utils  # noqa: F401  -- before the stand-ins
    import transformers.modeling_utils  # noqa: F401

    stand_ins = {
        "einops": mock.MagicMock(),
        "torchvision": mock.MagicMock(),
        "torchvision.transforms": mock.MagicMock(),
    }

    def module(checkout: str, name: str):
        package = types.ModuleType("wan_modules")
        package.__path__ = [str(Path(checkout) / "wan" / "modules")]
        for known in [known for known in sys.modules if known.startswith("wan_modules")]:
            del sys.modules[known]
        no_gpu = mock.patch("torch.cuda.current_device", lambda: 0)
        with no_gpu, mock.patch.dict(sys.modules, stand_ins | {"wan_modules": package}):
            return importlib.import_module(f"wan_modules.{name}")

    small = {"dim": 1536, "ffn_dim": 8960, "num_heads": 12, "num_layers": 30}
    large = {"dim": 5120, "ffn_dim": 13824, "num_heads": 40, "num_layers": 40}
    vae_args = {"dim": 96, "z_dim": 16, "dim_mult": [1, 2, 4, 4], "num_res_blocks": 2}
    with torch.device("meta"):
        model = module(first_checkout, "model").WanModel
        networks = {
            "wan2.1-t2v-1.3b": model("t2v", **small),
            "wan2.1-i2v-14b": model("i2v", in_dim=36, **large),
            "wan2.1-flf2v-14b": model("flf2v", in_dim=36, **large),
            "vae21": module(first_checkout, "vae").WanVAE_(**vae_args, temperal_downsample=[False, True, True]),
            "umt5": module(first_checkout, "t5").umt5_xxl(
                encoder_only=True, return_tokenizer=False, dtype=torch.float32, device="meta"
            ),
            "wan2.2-ti2v-5b": module(second_checkout, "model").WanModel(
                "ti2v", in_dim=48, out_dim=48, dim=3072, ffn_dim=14336, num_heads=24, num_layers=30
            ),
            "vae22": module(second_checkout, "vae2_2").WanVAE_(
                **vae_args | {"dim": 160, "z_dim": 48}, dec_dim=256, temperal_downsample=[False, True, True]
            ),
            "clip": module(first_checkout, "clip").VisionTransformer(
                image_size=224, patch_size=14, dim=1280, mlp_ratio=4, out_dim=1024, num_heads=16, num_layers=32,
                pool_type="token", pre_norm=True,
            ),
        }  # fmt: skip
    shapes = {key: {k: list(v.shape) for k, v in network.state_dict().items()} for key, network in networks.items()}
    shapes["clip"] = {f"visual.{k}": v for k, v in shapes["clip"].items()}
    return {"names": np.frombuffer(json.dumps(shapes).encode(), np.uint8)}


def schedulers() -> dict[str, np.ndarray]:
    """Levels, times, and what comes of a made-up velocity."""
    from diffusers import FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler

    start = np.random.default_rng(11).standard_normal((1, 40))
    out: dict[str, np.ndarray] = {"start": start}
    for solver in ("unipc", "euler"):
        for steps, shift in ((8, 5.0), (2, 3.0), (50, 5.0), (1, 1.0)):
            if solver == "unipc":
                scheduler = UniPCMultistepScheduler(
                    prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift, num_train_timesteps=1000
                )
            else:
                scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
            scheduler.set_timesteps(steps)
            x = torch.from_numpy(start)
            for time in scheduler.timesteps:
                x = scheduler.step(torch.tanh(2 * x) + x * float(time) / 2000, time, x, return_dict=False)[0]
            name = f"{solver}/{steps}/{shift:g}"
            out |= {f"{name}/sigmas": scheduler.sigmas.numpy(), f"{name}/timesteps": scheduler.timesteps.numpy()}
            out[f"{name}/end"] = x.numpy()
    return out


def lora() -> dict[str, np.ndarray]:
    """An adapter of rank 3 and alpha 6 on the plain transformer of `transformer`, as `diffusers` writes it."""
    from diffusers import WanTransformer3DModel
    from peft import LoraConfig
    from safetensors import safe_open

    network = WanTransformer3DModel(in_channels=4, out_channels=4, **TINY).eval()
    redraw(network, 2)
    layers = ["to_q", "to_k", "to_v", "to_out.0", "ffn.net.0.proj", "ffn.net.2"]
    network.add_adapter(LoraConfig(r=3, lora_alpha=6, target_modules=layers, init_lora_weights=False))
    rng = np.random.default_rng(14)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "lora" in name:
                drawn = 0.3 * rng.standard_normal(tuple(parameter.shape))
                parameter.copy_(torch.from_numpy(np.float32(np.round(drawn / step(drawn)) * step(drawn))))
        with np.load(Path(__file__).parents[1] / "data" / "parity" / "wan_transformer.npz") as file:
            inputs = {name: file[name] for name in ("latents", "timestep", "text")}
        found = network(
            first(inputs["latents"]),
            torch.tensor(inputs["timestep"]),
            encoder_hidden_states=tensor(inputs["text"]),
            return_dict=False,
        )[0]
    with tempfile.TemporaryDirectory() as folder:
        network.save_lora_adapter(folder)
        (file_name,) = Path(folder).glob("*.safetensors")
        data = file_name.read_bytes()
        with safe_open(file_name, framework="numpy") as file:
            sys.stderr.write(f"{file.metadata()} {list(file.keys())[:2]}\n")
    return {"published": np.frombuffer(data, np.uint8), "adapted": last(found)}


def pipeline() -> dict[str, np.ndarray]:
    """Two steps of image-to-video with guidance, from a picture to a video; the autoencoder is that of `vae21`."""
    from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanImageToVideoPipeline, WanTransformer3DModel

    vae = AutoencoderKLWan(
        **VAES["vae21"], temperal_downsample=[False, True, True], latents_mean=[0.1, -0.2, 0.3, 0.0],
        latents_std=[1.5, 0.5, 1.0, 2.0],
    ).eval()  # fmt: skip
    redraw(vae, 5, gain=0.7)
    network = WanTransformer3DModel(in_channels=12, out_channels=4, image_dim=20, added_kv_proj_dim=32, **TINY).eval()
    redraw(network, 12)
    rng = np.random.default_rng(13)
    out = weights(network, "transformer")
    for name, tokens in (("prompt", 9), ("negative", 5)):
        out[name] = half(rng, (1, 512, 24))
        out[name][:, tokens:] = 0
    out |= {"looks": half(rng, (1, 3, 20)), "noise": half(rng, (1, 3, 4, 4, 4))}
    out["picture"] = np.round(255 * rng.random((1, 32, 32, 3))).astype(np.uint8)
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)
    run = WanImageToVideoPipeline(tokenizer=None, text_encoder=None, vae=vae, scheduler=scheduler, transformer=network)
    run.check_inputs = lambda *_: None  # which wants either a picture or its tokens
    run.set_progress_bar_config(disable=True)
    made = {
        "image": tensor(np.moveaxis(out["picture"] / 255, -1, 1)), "prompt_embeds": tensor(out["prompt"]),
        "negative_prompt_embeds": tensor(out["negative"]), "image_embeds": tensor(out["looks"]), "height": 32,
        "width": 32, "num_frames": 9, "num_inference_steps": 2, "guidance_scale": 5.0,
    }  # fmt: skip
    latents = run(**made, latents=first(out["noise"]), output_type="latent").frames
    video = run(**made, latents=first(out["noise"]), output_type="np").frames
    return out | {"latents": last(latents), "video": np.asarray(video, np.float32)}


TEXTS = [
    "A red ball rolls over the table and falls.",
    "  two   spaces\tand a tab \n",
    "Größe, naïve café, ﬁne ½ ㎏ Ｆｕｌｌ ①",
    "水がこぼれる。物理的に正しい動画",
    "emoji 🙂🙃 and unseen ☃ signs",
    "a\u0301 combining, \u200bzero width, \u00a0no-break",
    "",
    "x",
    "&amp; <b>bold</b> 100%",
    "ｶﾞ ﾊﾟ 한국어 التفاح हिन्दी",
]


def tokenizer() -> dict[str, np.ndarray]:
    """A small unigram model, with bytes for what is unknown, and what SentencePiece makes of texts."""
    import io

    import sentencepiece

    words = (
        "a ball rolls over the red table and falls into water; two cups, a fine cloth in wind. large small café naïve"
    )
    lines = [" ".join(np.random.default_rng(i).permutation(words.split())) for i in range(300)] + [
        "水が 動画 物理 한국"
    ] * 9
    kinds = {"nmt_nfkc": True, "identity": False}
    out: dict[str, np.ndarray] = {}
    for rule, fallback in kinds.items():
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines), model_writer=model, vocab_size=400 if fallback else 120,
            model_type="unigram", byte_fallback=fallback, normalization_rule_name=rule, pad_id=0, eos_id=1,
            unk_id=2, bos_id=-1,
            user_defined_symbols=["<extra_id_0>"], character_coverage=0.99, hard_vocab_limit=False, minloglevel=2,
        )  # fmt: skip
        run = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
        out[f"{rule}/model"] = np.frombuffer(model.getvalue(), np.uint8)
        told = {"texts": TEXTS, "numbers": [run.encode(text) for text in TEXTS]}
        out[f"{rule}/told"] = np.frombuffer(json.dumps(told).encode(), np.uint8)
    return out


PARTS = {
    "lora": lora,
    "pipeline": pipeline,
    "tokenizer": tokenizer,
    "schedulers": schedulers,
    "transformer": transformer,
    "vae21": lambda: vae("vae21"),
    "vae22": lambda: vae("vae22"),
    "text": text,
    "clip": clip,
    "names": names,
}


def main(folder: str, *wanted: str) -> None:
    """Write the files ``wan_PART.npz``."""
    if wanted[:1] == ("original",):
        np.savez_compressed(Path(folder) / "wan_original.npz", **original(*wanted[1:]))
        return
    for name in wanted or PARTS:
        arrays = PARTS[name]()
        target = Path(folder) / f"wan_{name}.npz"
        np.savez_compressed(target, **arrays)
        told = [f"{k} rms {np.sqrt((v**2).mean()):.3g}" for k, v in arrays.items() if v.dtype == np.float32]
        sys.stderr.write(f"{target.name}: {target.stat().st_size:,} bytes; {', '.join(told)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
