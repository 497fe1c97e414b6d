"""Whether the simulated motion steers Wan: tiny ones, trained from scratch with and without each form of motion.

    python -m benchmarks.wan_steering --steps 500 --clips /tmp/wan_clips

Every network has the same size and sees the same simulated clips equally often; latents have Wan's strides (4 frames,
8 x 8 pixels), and what is told goes through :class:`i2v.models.wan.painter.WanPainter`, as with published weights. On
clips of other scenes the ball is looked for in what was painted: by colour, the wall is grey. Printed are the distance
from where the simulation has it in the last frame, the same over all latent frames, and the correlation of painted with
simulated displacements. The network without motion sees the photo and has to guess where the ball goes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from flax import nnx

from benchmarks.wan_clips import SIDE, load_or_make, turned
from i2v.models.wan.config import WanConfig
from i2v.models.wan.painter import WanPainter
from i2v.models.wan.transformer import WanTransformer
from i2v.models.wan.vae import VaeConfig
from i2v.training.config import WanTrainConfig
from i2v.training.wan import WanTrainer, example_of
from physim.conditions import Conditions

LATENT = 12
GAIN = 3.0
"""Latents have about unit variance."""
CHANNELS = {"none": 2 * LATENT + 4, "tracks": 2 * LATENT + 4, "noise": 2 * LATENT + 4, "control": 3 * LATENT}


class Blocks(nnx.Module):
    """In place of an autoencoder: every fourth frame, four means of 4 x 4 pixels for each 8 x 8."""

    config = VaeConfig(latent=LATENT)

    def encode(self, video, *, chunk):
        b, t, h, w, c = video[:, ::4].shape
        means = video[:, ::4].reshape(b, t, h // 8, 2, 4, w // 8, 2, 4, c).mean((4, 7))
        return GAIN * means.transpose(0, 1, 2, 4, 3, 5, 6).reshape(b, t, h // 8, w // 8, LATENT)

    def decode(self, latents, *, chunk):
        b, t, h, w, _ = latents.shape
        means = latents.reshape(b, t, h, w, 2, 2, 3).transpose(0, 1, 2, 4, 3, 5, 6).reshape(b, t, 2 * h, 2 * w, 3)
        wide = (means / GAIN).repeat(4, axis=2).repeat(4, axis=3)
        return jnp.concatenate([wide[:, :1], wide[:, 1:].repeat(4, axis=1)], axis=1)


def silent(prompt: str) -> jnp.ndarray:
    """There are no prompts here."""
    return jnp.zeros((1, 1, 8))


def painter_of(network: WanTransformer, motion: str, **how) -> WanPainter:
    how = {"motion": motion, "shift": 3.0, "degradation": 0.0} | how
    return WanPainter(network, Blocks(), silent, **how)  # type: ignore[arg-type]


def untrained(motion: str, *, layers: int = 3, heads: int = 4, seed: int = 0) -> WanTransformer:
    config = WanConfig(
        layers, heads, 16, 4 * 16 * heads, CHANNELS[motion], LATENT, text_dim=8, text_tokens=1, freq_dim=64
    )  # fmt: skip
    return WanTransformer(config, attention="xla", rngs=nnx.Rngs(seed))


def trained(motion: str, clips: list[Conditions], config: WanTrainConfig, *, folder: Path, on_step=None) -> WanTrainer:
    """A network that was taught a form of motion on these clips, some of them mirrored."""
    network = untrained(motion, seed=config.seed)
    teacher = painter_of(network, motion)
    examples = [example_of(teacher, turned(clip, bool(n & 1), bool(n & 2))) for n, clip in enumerate(clips)]
    trainer = WanTrainer(network, config, examples, folder)
    trainer.run(on_step=on_step)
    return trainer


def ball(frame: np.ndarray) -> np.ndarray | None:
    """Middle (u, v) of what is coloured [pixels]."""
    colour = np.clip(frame.max(-1) - frame.min(-1) - 0.12, 0, None)
    if colour.sum() < 1.0:
        return None
    v, u = np.mgrid[: frame.shape[0], : frame.shape[1]] + 0.5
    return np.array([(colour * u).sum(), (colour * v).sum()]) / colour.sum()


@dataclass
class Followed:
    """Of one painter over all clips."""

    last: float
    """Mean distance in the last frame [pixels]."""
    all: float
    """Over all latent frames after the first."""
    correlation: float
    lost: float
    """Share of frames without a ball; it counts as standing where it was in the photo."""


def follows(painted: list[np.ndarray], clips: list[Conditions]) -> Followed:
    """How far the ball is from where it should be."""
    distance, moved, lost = [], [], 0
    for video, clip in zip(painted, clips, strict=True):
        begin = middle(clip, 0)
        row = []
        for t in range(4, len(video), 4):
            there, here = middle(clip, t), ball(video[t])
            lost += here is None
            here = begin if here is None else here
            row.append(np.hypot(*(here - there)))
            moved.append(np.stack([here - begin, there - begin]))
        distance.append(row)
    pairs = np.array(moved)  # n (painted, true) 2
    still = np.ptp(pairs[:, 0]) < 1e-9
    correlation = 0.0 if still else float(np.corrcoef(pairs[:, 0].ravel(), pairs[:, 1].ravel())[0, 1])
    table = np.array(distance)
    return Followed(float(table[:, -1].mean()), float(table.mean()), correlation, lost / table.size)


def middle(clip: Conditions, t: int) -> np.ndarray:
    """Of the simulated ball, by the same measure: the lit side draws it to itself."""
    found = ball(clip.coarse[t])
    assert found is not None
    return found


def painted(painter: WanPainter, clips: list[Conditions], *, steps: int = 8, guidance: float = 1.0) -> list[np.ndarray]:
    call = {"num_inference_steps": steps, "guidance_scale": guidance, "callback_on_step_end": None}
    return [clip.coarse + painter(clip, seed=number, **call) for number, clip in enumerate(clips)]


def through_blocks(clip: Conditions) -> np.ndarray:
    """The best that the latents allow."""
    coded = Blocks().encode(jnp.asarray(clip.coarse[None]), chunk=1)
    return np.asarray(Blocks().decode(coded, chunk=1))[0]


def row(name: str, found: Followed, seconds: float | None = None) -> str:
    spent, lost = "" if seconds is None else f"{seconds:.0f} s", f"{100 * found.lost:.0f} %"
    return f"| {name} | {found.last:.2f} | {found.all:.2f} | {found.correlation:.2f} | {lost} | {spent} |"


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, help="folder to keep the simulated clips in")
    parser.add_argument("--out", type=Path, help="folder to keep the networks in")
    parser.add_argument("--scenes", type=int, default=40, help="scenes to train on, six clips each")
    parser.add_argument("--held-out", type=int, default=8, help="scenes to measure on")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--motions", nargs="+", choices=list(CHANNELS), default=list(CHANNELS))
    return parser


def main(argv: list[str] | None = None) -> dict[str, Followed]:
    args = build_parser().parse_args(argv)
    with tempfile.TemporaryDirectory() as scratch:
        folder, out = args.clips or Path(scratch) / "clips", args.out or Path(scratch) / "runs"
        clips = load_or_make(folder / "train", range(args.scenes))
        held = load_or_make(folder / "test", range(1000, 1000 + args.held_out))[::2]
        config = WanTrainConfig(
            steps=args.steps, batch=args.batch, learning_rate=args.rate, warmup=50, ema=0.995, degradation=(0.0, 0.3)
        )
        print(f"{len(clips)} clips of {SIDE} x {SIDE}, {args.steps} steps of {args.batch}; {len(held)} held out")
        print("| told | end point [px] | all [px] | correlation | lost | trained |\n|---|---|---|---|---|---|")
        found = {"stands still": follows([np.repeat(c.coarse[:1], len(c.coarse), 0) for c in held], held)}
        found["the truth"] = follows([through_blocks(c) for c in held], held)
        for name, one in found.items():
            print(row(name, one), flush=True)
        for motion in args.motions:
            begun = time.process_time()
            losses: list[float] = []
            trainer = trained(
                motion, clips, config, folder=out / motion, on_step=lambda k, v, _, to=losses: to.append(v)
            )
            spent = time.process_time() - begun
            painter = painter_of(trainer.network(), motion)
            found[motion] = follows(painted(painter, held), held)
            print(row(motion, found[motion], spent), flush=True)
            print(f"    loss {np.mean(losses[:10]):.3f} to {np.mean(losses[-50:]):.3f}", file=sys.stderr, flush=True)
            if motion == "none":
                start = painter_of(trainer.network(), motion, strength=0.85)
                found["none, from the render"] = follows(painted(start, held), held)
                print(row("none, from the render", found["none, from the render"]), flush=True)
    return found


if __name__ == "__main__":
    main()
