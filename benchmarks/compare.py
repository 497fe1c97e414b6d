"""Videos of one scene by different makers, scored alike: how near each is to a film of it, and how steady.

    python -m benchmarks.compare DIR --reference FILM --mask MASK [--also ours.mp4] [--frames 44] [--output out/compare]

``DIR`` holds the videos, ``FILM`` is the real one, ``MASK`` the thing in the first frame (several masks: several
things). All are brought to one size and read by the same tracker; the first row is the film, the second a copy of its
first frame, which shows what standing still scores. Prints a table and writes ``compare.md``, ``compare.json`` and a
contact sheet. Without ``--reference`` only what needs no film is scored: how steady things and background are.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.filmed import mask_at, overlap, path_error, physics_iq, read_video, spatial_overlap
from i2v.metrics.pixel_physics import gravity
from i2v.metrics.pixel_track import Track, track_object

SUFFIXES = (".mp4", ".webm", ".mov", ".avi", ".mkv", ".gif")
METRICS = {
    "path": ("path error, rms [px]", "motion", min),
    "missing": ("frames in which the thing is missing", "motion", min),
    "gravity": ("acceleration down / the film's", "motion", 1.0),
    "st_iou": ("spatiotemporal IoU of the thing", "motion", max),
    "s_iou": ("spatial IoU", "motion", max),
    "ws_iou": ("weighted spatial IoU", "motion", max),
    "iq_st": ("Physics-IQ spatiotemporal IoU", "motion", max),
    "iq_s": ("Physics-IQ spatial IoU", "motion", max),
    "iq_ws": ("Physics-IQ weighted spatial IoU", "motion", max),
    "mse": ("mean squared error, 1e-4", "picture", min),
    "area": ("area of the thing, std / mean", "steadiness", "film"),
    "colour": ("its colour, distance from frame 0 in CIELAB", "steadiness", "film"),
    "background": ("background, mean change from frame 0 [codes]", "steadiness", "film"),
    "drift": ("background, worst shift, in steps of 0.1 px", "steadiness", "film"),
    "flicker": ("background, std of brightness [codes]", "steadiness", "film"),
}
"""Key → what it is, what it measures, and what is good: the least, the most, a value, or nearest to the film's."""


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB (D65) of sRGB colours (..., 3) in [0, 1]."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x = linear @ matrix.T / np.array([0.9505, 1.0, 1.089])
    f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16 / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def shift_of(first: np.ndarray, now: np.ndarray) -> float:
    """How far a picture (h, w) has moved, by phase correlation with a parabola at its peak [pixels]."""
    window = np.outer(np.hanning(first.shape[0]), np.hanning(first.shape[1]))
    spectra = [np.fft.rfft2((x - x.mean()) * window) for x in (first, now)]
    cross = spectra[0] * np.conj(spectra[1])
    peak = np.fft.irfft2(cross / np.maximum(np.abs(cross), 1e-9), s=first.shape)
    v, u = np.unravel_index(int(peak.argmax()), peak.shape)

    def refined(line: np.ndarray, at: int) -> float:
        a, b, c = line[at - 1], line[at], line[(at + 1) % len(line)]
        offset = 0.5 * (a - c) / (a - 2 * b + c) if a - 2 * b + c else 0.0
        return (at + offset + len(line) / 2) % len(line) - len(line) / 2

    return float(np.hypot(refined(peak[:, u], int(v)), refined(peak[v], int(u))))


def steadiness(video: np.ndarray, tracks: list[Track]) -> dict[str, float]:
    """Of things and background, from the video alone."""
    areas, colours = [], []
    for track in tracks:
        whole = track.present & ~track.cut
        if whole.sum() >= 2:
            areas.append(track.area[whole].std() / track.area[whole].mean())
            assert track.masks is not None
            seen = [lab(video[t][track.masks[t]].mean(axis=0) / 255) for t in np.flatnonzero(whole)]
            colours.append(np.linalg.norm(np.array(seen) - seen[0], axis=1).mean())
    moved = np.any([track.masks.any(axis=0) for track in tracks if track.masks is not None], axis=0)
    grey = video.astype(np.float32) @ np.float32([0.299, 0.587, 0.114])
    still = ~moved
    levels = grey[:, still].mean(axis=1)
    shifts = [shift_of(grey[0], grey[t]) for t in range(1, len(grey), 4)]
    return {
        "area": float(np.mean(areas)) if areas else float("nan"),
        "colour": float(np.mean(colours)) if colours else float("nan"),
        "background": float(np.abs(grey[1:, still] - grey[0, still]).mean()),
        "drift": 0.1 * round(10 * max(shifts, default=0.0)),  # what is less is noise
        "flicker": float(levels.std()),
    }


def scores(
    video: np.ndarray, masks: list[np.ndarray], fps: float, film: np.ndarray | None, truth: list[Track], unit: float
) -> tuple[dict[str, float], list[Track]]:
    """All figures of one video (T, h, w, 3) uint8."""
    tracks = [track_object(video, mask, fps=fps, keep_masks=True) for mask in masks]
    result = steadiness(video, tracks)
    if film is None:
        return result, tracks
    truth = truth or tracks
    errors = [path_error(a, b, unit) for a, b in zip(truth, tracks, strict=True)]
    result["path"] = float(np.mean([e["rms"] for e in errors]))
    result["missing"] = float(sum(e["missing"] for e in errors))
    falls = []
    for a, b in zip(truth, tracks, strict=True):
        try:
            falls.append(gravity(b.times, b.whole).value / gravity(a.times, a.whole).value)
        except ValueError:
            falls.append(float("nan"))
    result["gravity"] = float(np.mean(falls))
    both = [np.logical_or.reduce([t.masks for t in found]) for found in (truth, tracks)]
    count = min(map(len, both))
    result["st_iou"] = overlap(both[0][:count], both[1][:count])
    result["s_iou"], result["ws_iou"] = spatial_overlap(both[0][:count], both[1][:count])
    result["mse"] = float((((film[:count].astype(np.float32) - video[:count]) / 255) ** 2).mean()) * 1e4
    return result | physics_iq(film[:count], video[:count]), tracks


def nearest(rows: dict[str, dict[str, float]], key: str, film: str | None) -> str | None:
    """Whose figure is the best; the film itself and the copy of frame 0 do not compete."""
    best = METRICS[key][2]
    values = {n: r[key] for n, r in rows.items() if key in r and np.isfinite(r[key]) and n not in (film, "frame 0")}
    if not values:
        return None
    if best in (min, max):
        return best(values, key=lambda n: values[n])
    aim = rows[film][key] if best == "film" and film else 0.0 if best == "film" else best
    return min(values, key=lambda n: max(values[n] - aim, 0.0) if best == "film" else abs(values[n] - aim))


def table(rows: dict[str, dict[str, float]], film: str | None) -> str:
    """Markdown; the best of each line is bold."""
    names = list(rows)
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for key, (what, _, _) in METRICS.items():
        if not any(key in row for row in rows.values()):
            continue
        best = nearest(rows, key, film)
        cells = []
        for name in names:
            value = rows[name].get(key, float("nan"))
            text = "–" if not np.isfinite(value) else f"{value:.3g}"
            cells.append(f"**{text}**" if name == best else text)
        lines.append(f"| {what} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def contact(videos: dict[str, np.ndarray], columns: int = 7, width: int = 220) -> Image.Image:
    """One row of frames for each video, at the same times."""
    first = next(iter(videos.values()))
    height = round(width * first.shape[1] / first.shape[2])
    made = Image.new("RGB", (columns * width, len(videos) * height))
    times = np.linspace(0, min(map(len, videos.values())) - 1, columns).round().astype(int)
    for row, video in enumerate(videos.values()):
        for k, t in enumerate(times):
            picture = Image.fromarray(np.ascontiguousarray(video[t])).resize((width, height))
            made.paste(picture, (k * width, row * height))
    return made


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the videos")
    parser.add_argument("--reference", type=Path, help="the film")
    parser.add_argument("--mask", type=Path, action="append", required=True, help="thing in the first frame")
    parser.add_argument("--also", type=Path, action="append", default=[], help="another video, named by its file")
    parser.add_argument("--start", type=int, default=0, help="first frame of the film (default: %(default)s)")
    parser.add_argument("--frames", type=int, help="how many are compared; default: all of the shortest")
    parser.add_argument("--width", type=int, default=640, help="at which they are compared (default: %(default)s)")
    parser.add_argument("--fps", type=float, default=30.0, help="of all of them (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("out/compare"), help="folder (default: %(default)s)")
    args = parser.parse_args(argv)
    files = [*args.also, *sorted(p for p in args.folder.iterdir() if p.suffix.lower() in SUFFIXES)]
    if not files:
        parser.error(f"{args.folder} holds no video ({', '.join(SUFFIXES)}).")
    videos: dict[str, np.ndarray] = {}
    unit = 1.0
    if args.reference:
        with_size = read_video(args.reference, (args.start,))
        unit = max(1.0, with_size.shape[2] / args.width)
        film = read_video(args.reference, width=args.width)[args.start :]
        videos["film"] = film
        videos["frame 0"] = np.broadcast_to(film[:1], film.shape)
    size = next(iter(videos.values())).shape[1:3] if videos else None
    for file in files:
        videos[file.stem] = sized(read_video(file, width=args.width), size)
        size = videos[file.stem].shape[1:3] if size is None else size
    count = min([len(v) for v in videos.values()] + ([args.frames] if args.frames else []))
    videos = {name: video[:count] for name, video in videos.items()}
    masks = [mask_at(path, next(iter(videos.values())).shape[1:3]) for path in args.mask]
    rows: dict[str, dict[str, float]] = {}
    truth: list[Track] = []
    for name, video in videos.items():
        rows[name], tracks = scores(video, masks, args.fps, videos.get("film"), truth, unit)
        truth = truth or tracks
    args.output.mkdir(parents=True, exist_ok=True)
    text = table(rows, "film" if args.reference else None)
    (args.output / "compare.md").write_text(text + "\n", encoding="utf-8")
    (args.output / "compare.json").write_text(json.dumps(rows, indent=1))
    contact(videos).save(args.output / "compare.png")
    print(text)


def sized(video: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """Frames at (height, width)."""
    if size is None or video.shape[1:3] == size:
        return video
    import cv2

    return np.stack([cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA) for frame in video])


if __name__ == "__main__":
    main()
