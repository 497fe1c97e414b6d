"""Filmed experiments: the same start, made by us, against what the camera saw.

    python -m benchmarks.filmed --clips DIR [NAME ...] [--output out/filmed] [--side 640] [--model none]

From frame 0, its masks and the known parameters alone (``benchmarks/filmed/*.yaml``, a few lines each, nothing but
physics in them) the whole pipeline makes the video of each experiment. Film and video are then read by the same tracker
(:mod:`i2v.metrics.pixel_track`) and compared. Films are not ours to pass on: they lie in a folder of their own, each
with ``clip.*``, ``frame0.png`` and ``mask0_*.png``. Prints a table, writes ``filmed.json`` and a contact sheet of each.
What comes out and what misses: ``docs/filmed.md``.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from i2v import animate
from i2v.metrics.physics_iq import compare
from i2v.metrics.pixel_track import Track, track_object
from physim.shot import Shot
from physim.shot_file import validate
from physim.shot_path import revised
from physim.shot_text import parse

SHOTS = Path(__file__).parent / "filmed"


@dataclass(frozen=True)
class Experiment:
    """What of a film is compared, and how well its own track is known."""

    name: str
    masks: dict[str, str]
    """Thing → mask file of frame 0."""
    frames: tuple[int, ...]
    """Frame numbers of the film, one for each of ours."""
    noise: float | None
    """Of the film's track: rms about the law it obeys [pixels of the film]; None where nothing moves on a path."""
    known: bool
    """Whether all parameters are known."""
    blue: bool = False
    """Follow only what of the thing is bluer than red, in our video, and take the film's own table for its path: the
    globe's other half has the colours of the wall, whose shadows mislead a tracker by up to three pixels."""


EXPERIMENTS = {
    e.name: e
    for e in (
        Experiment("ball_toss_ruler", {"ball": "mask0_ball.png"}, tuple(range(11, 30)), 1.0, True),
        Experiment("falling_ball_lab", {"ball": "mask0_ball.png"}, tuple(range(44)), 1.91, True),
        Experiment("pendulum_globe_062m", {"ball": "mask0_ball.png"}, tuple(range(60, 258)), 1.01, True, True),
        Experiment("bounce_room_green", {"ball": "mask0_ball.png"}, tuple(range(64, 164)), 1.84, False),
        Experiment("pendulum_room_corner", {"ball": "mask0_ball.png"}, tuple(range(8, 98)), 2.0, False),
        Experiment(
            "two_softballs_topview", {"pink": "mask0_pink.png", "green": "mask0_green.png"},
            (46, 48, 50, 52, 53, 55, 57), 2.0, False,
        ),
        Experiment("flag_wind_a", {"flag": "mask0_flag.png"}, tuple(range(125)), None, False),
        Experiment("liquid_drop_splash", {"drop": "mask0_drop.png"}, tuple(range(182)), None, False),
    )
}  # fmt: skip


def load_shot(name: str, clips: Path) -> Shot:
    """A shot of ``benchmarks/filmed``; its photo and masks lie in ``clips``."""
    path = SHOTS / f"{name}.yaml"
    data, _, _ = parse(path.read_text(encoding="utf-8"), ".yaml")
    data["photo"] = (clips / data["photo"]).resolve()
    for thing in data["things"]:
        select = thing.get("select") or {}
        if "mask" in select:
            select["mask"] = (clips / select["mask"]).resolve()
    return validate(Shot.model_validate(data), path.name)


def read_video(path: Path, frames: tuple[int, ...] | None = None, width: int | None = None) -> np.ndarray:
    """Frames (T, H, W, 3) uint8 by their number, made smaller by averaging if a width is given.

    Raises:
        ValueError: It cannot be read, or ends too early.
    """
    import cv2

    source, found, number = cv2.VideoCapture(str(path)), [], 0
    wanted = None if frames is None else set(frames)
    while wanted is None or number <= max(wanted):
        good, frame = source.read()
        if not good:
            break
        if wanted is None or number in wanted:
            if width is not None and width < frame.shape[1]:
                rows = round(frame.shape[0] * width / frame.shape[1])
                frame = cv2.resize(frame, (width, rows), interpolation=cv2.INTER_AREA)
            found.append(frame[..., ::-1])
        number += 1
    if not found or (wanted is not None and len(found) < len(wanted)):
        raise ValueError(f"{path} gave {len(found)} of {'all' if wanted is None else len(wanted)} frames.")
    return np.stack(found)


def mask_at(path: Path, size: tuple[int, int]) -> np.ndarray:
    """(h, w) bool."""
    picture = Image.open(path).convert("L").resize((size[1], size[0]), Image.Resampling.BOX)
    return np.asarray(picture) >= 128


def film_of(clips: Path, name: str) -> Path:
    found = sorted((clips / name).glob("clip.*"))
    if not found:
        raise FileNotFoundError(f"{clips / name} holds no clip.*; give the folder of the films with --clips.")
    return found[0]


def make(experiment: Experiment, clips: Path, out: Path, side: int, model: str) -> Path:
    """Our video of an experiment, at most ``side`` pixels on the longer side."""
    shot = load_shot(experiment.name, clips)
    with Image.open(shot.photo) as photo:
        cols, rows = photo.size
    scale = min(1.0, side / max(rows, cols))
    size = {"output.width": 2 * round(cols * scale / 2), "output.height": 2 * round(rows * scale / 2)}
    target = out / f"{experiment.name}.mp4"
    animate(revised(shot, size | {"generate.model": model, "output.quality": 14}), target)
    return target


# ---- scores ----------------------------------------------------------------------------------------------------------


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Spatiotemporal IoU of masks (T, H, W): mean over frames; 1 where both are empty."""
    both, either = (one & other).sum(axis=(1, 2)), (one | other).sum(axis=(1, 2))
    return float(np.where(either > 0, both / np.maximum(either, 1), 1.0).mean())


def spatial_overlap(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """IoU of where it ever was, and weighted by how long."""
    a, b = one.mean(axis=0), other.mean(axis=0)
    plain = ((a > 0) & (b > 0)).sum() / max(((a > 0) | (b > 0)).sum(), 1)
    return float(plain), float(np.minimum(a, b).sum() / max(np.maximum(a, b).sum(), 1e-9))


def activity(video: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """Mean absolute change of grey from frame to frame (T - 1,) [codes]."""
    grey = video.astype(np.float32) @ np.float32([0.299, 0.587, 0.114])
    change = np.abs(np.diff(grey, axis=0))
    return change.mean(axis=(1, 2)) if mask is None else change[:, mask].mean(axis=1)


def tabled(clips: Path, experiment: Experiment, tracks: list[Track], unit: float) -> Track:
    """The film's track as its makers measured it, put on ours in frame 0: they follow a slightly different part."""
    lines = (clips / experiment.name / "trajectory.csv").read_text().split()[1:]
    places = {int(row[0]): (float(row[2]), float(row[3])) for row in (line.split(",") for line in lines)}
    path = np.array([places[frame] for frame in experiment.frames]) / unit
    path += tracks[1].position[0] - path[0]
    return replace(tracks[0], position=path)


def path_error(film: Track, ours: Track, unit: float) -> dict[str, float]:
    """Of our track against the film's [pixels of the film]; frames in which the film's thing is cut do not count."""
    seen = film.present & ~film.cut
    off = np.linalg.norm(ours.position - film.position, axis=1)[seen] * unit
    lost = ~np.isfinite(off)
    return {
        "rms": float(np.sqrt(np.mean(off[~lost] ** 2))) if (~lost).any() else float("nan"),
        "worst": float(off[~lost].max()) if (~lost).any() else float("nan"),
        "missing": int(lost.sum()),
        "frames": int(seen.sum()),
    }


def spectrum(track: np.ndarray, fps: float) -> tuple[float, float]:
    """Standard deviation [pixels] and mean frequency [Hz] of a signal (T,)."""
    off = track - track.mean()
    power = np.abs(np.fft.rfft(off * np.hanning(len(off)))) ** 2
    at = np.fft.rfftfreq(len(off), 1 / fps)
    return float(off.std()), float((power * at)[1:].sum() / max(power[1:].sum(), 1e-12))


def physics_iq(film: np.ndarray, ours: np.ndarray) -> dict[str, float]:
    """IoU of what moves, as Physics-IQ has it: per frame, ever, weighted by how long."""
    found = compare(film, ours)
    return {
        "iq_st": float(found.spatiotemporal_iou.mean()),
        "iq_s": float(found.spatial_iou),
        "iq_ws": float(found.weighted_spatial_iou),
    }


def edge_of(video: np.ndarray, share: float, lines: tuple[int, ...]) -> np.ndarray:
    """Row (T, lines) of the upper edge of what is redder than blue, in some columns of a flag [pixels]."""
    codes = video.astype(np.int16)
    red = (codes[..., 0] - codes[..., 2] > 50) & (codes[..., 0] - codes[..., 1] > 40)
    rows = np.arange(video.shape[1])[None, :, None]
    first = np.where(red, rows, video.shape[1]).min(axis=1)
    columns = [round(line * share) for line in lines]
    return first[:, columns].astype(np.float64)


def score(experiment: Experiment, film: np.ndarray, ours: np.ndarray, fps: float, clips: Path, unit: float) -> dict:
    """All figures of one experiment; frames of the same size (T, H, W, 3), ``unit`` film pixels per pixel."""
    count = min(len(film), len(ours))
    film, ours = film[:count], ours[:count]
    result: dict = {"frames": count}
    area: list[list[np.ndarray]] = [[], []]
    if experiment.noise is not None:
        for thing, file in experiment.masks.items():
            mask = mask_at(clips / experiment.name / file, film.shape[1:3])
            if experiment.blue:
                mask &= film[0, ..., 2] > film[0, ..., 0].astype(int)
            tracks = [track_object(video, mask, fps=fps, keep_masks=True) for video in (film, ours)]
            measured = tabled(clips, experiment, tracks, unit) if experiment.blue else tracks[0]
            error = path_error(measured, tracks[1], unit)
            result[thing] = error | {"noise": experiment.noise, "in_noise": error["rms"] / experiment.noise}
            for kept, track in zip(area, tracks, strict=True):
                kept.append(track.masks)
        both = [np.logical_or.reduce(masks) for masks in area]
        result["st_iou"] = overlap(*both)
        result["s_iou"], result["ws_iou"] = spatial_overlap(*both)
    if experiment.name.startswith("flag"):
        lines = (120, 160, 200, 235)
        edges = [edge_of(video, 1 / unit, lines) * unit for video in (film, ours)]
        for k, line in enumerate(lines):
            (a, fa), (b, fb) = (spectrum(edge[:, k], fps) for edge in edges)
            result[f"edge_{line}"] = {"film_std": a, "std": b, "film_hz": fa, "hz": fb}
    one, other = activity(film), activity(ours)
    result["activity"] = {
        "film": float(one.mean()),
        "ours": float(other.mean()),
        "ratio": float(other.mean() / one.mean()),
    }
    if experiment.noise is None:
        place = mask_at(clips / experiment.name / next(iter(experiment.masks.values())), film.shape[1:3])
        result["activity"]["ratio_there"] = float(activity(ours, place).mean() / activity(film, place).mean())
        curves = [np.convolve(curve, np.full(9, 1 / 9), "valid") for curve in (one, other)]
        result["activity"]["curve"] = float(np.corrcoef(*curves)[0, 1])
    result["mse"] = float((((film.astype(np.float32) - ours) / 255) ** 2).mean())
    return result | physics_iq(film, ours)


def sheet(film: np.ndarray, ours: np.ndarray, columns: int = 6, width: int = 240) -> Image.Image:
    """Film above, ours below."""
    chosen = np.linspace(0, min(len(film), len(ours)) - 1, columns).round().astype(int)
    height = round(width * film.shape[1] / film.shape[2])
    made = Image.new("RGB", (columns * width, 2 * height))
    for row, video in enumerate((film, ours)):
        for k, t in enumerate(chosen):
            made.paste(
                Image.fromarray(np.ascontiguousarray(video[t])).resize((width, height)), (k * width, row * height)
            )
    return made


def run(name: str, clips: Path, out: Path, *, side: int = 640, model: str = "none", again: bool = True) -> dict:
    """Make, read back, compare one experiment."""
    experiment = EXPERIMENTS[name]
    video = out / f"{name}.mp4"
    if again or not video.exists():
        make(experiment, clips, out, side, model)
    ours = read_video(video)
    film = read_video(film_of(clips, name), experiment.frames)
    unit = film.shape[2] / ours.shape[2]
    if unit != 1:
        import cv2

        film = np.stack([cv2.resize(f, ours.shape[2:0:-1], interpolation=cv2.INTER_AREA) for f in film])
    fps = load_shot(name, clips).fps
    sheet(film, ours).save(out / f"{name}.png")
    return score(experiment, film, ours, fps, clips, unit)


def table(results: dict[str, dict]) -> str:
    """Markdown."""
    head = [
        "experiment",
        "frames",
        "path error rms [px]",
        "in units of its noise",
        "worst [px]",
        "missing",
        "ST-IoU",
        "S-IoU",
    ]
    head += ["WS-IoU", "MSE", "activity, ours / film"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name, r in results.items():
        things = [r[t] for t in EXPERIMENTS[name].masks if t in r]

        def cell(key: str, form: str, found: list = things) -> str:
            return ", ".join(format(t[key], form) for t in found) or "–"

        row = [
            name,
            str(r["frames"]),
            cell("rms", ".2f"),
            cell("in_noise", ".2f"),
            cell("worst", ".1f"),
            cell("missing", "d"),
        ]
        row += [f"{r[k]:.3f}" if k in r else "–" for k in ("st_iou", "s_iou", "ws_iou")]
        row += [f"{r['mse']:.5f}", f"{r['activity']['ratio']:.2f}"]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="of experiments; default: all with a shot")
    parser.add_argument("--clips", type=Path, required=True, help="folder of the films")
    parser.add_argument("--output", type=Path, default=Path("out/filmed"), help="folder (default: %(default)s)")
    parser.add_argument("--side", type=int, default=640, help="longer side of our videos (default: %(default)s)")
    parser.add_argument("--model", default="none", help="that paints (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="score the videos that are there already")
    args = parser.parse_args(argv)
    args.output.mkdir(parents=True, exist_ok=True)
    kept = args.output / "filmed.json"
    results = json.loads(kept.read_text()) if kept.exists() else {}
    for name in args.names or [n for n in EXPERIMENTS if (SHOTS / f"{n}.yaml").exists()]:
        results[name] = run(name, args.clips, args.output, side=args.side, model=args.model, again=not args.keep)
        kept.write_text(json.dumps(results, indent=1))
        print(name, json.dumps(results[name]))
    print(table({n: results[n] for n in EXPERIMENTS if n in results}))


if __name__ == "__main__":
    main()
