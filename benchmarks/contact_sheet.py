"""Eight frames of a video side by side, for looking at: ``python benchmarks/contact_sheet.py VIDEO... [-o DIR]``.

Frames are evenly spaced from the first to the last, in reading order, at most 400 pixels wide each. With
``--difference`` the sheet shows how much each of them differs from the next frame, four times as strong, about grey:
flicker and popping show where nothing moves.
"""

import argparse
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from PIL import Image


def read_video(path: Path) -> np.ndarray:
    """All frames, (T, H, W, 3) uint8."""
    reader = imageio_ffmpeg.read_frames(str(path))
    meta = next(reader)
    width, height = meta["size"]
    return np.stack([np.frombuffer(f, np.uint8).reshape(height, width, 3) for f in reader])


def contact_sheet(
    frames: np.ndarray, *, count: int = 8, columns: int = 4, width: int = 400, difference: bool = False
) -> Image.Image:
    """A sheet of ``count`` evenly spaced frames of (T, H, W, 3) uint8, or of their differences to the next."""
    picks = np.linspace(0, len(frames) - 1, count).round().astype(int)
    height, full = frames.shape[1:3]
    width = min(width, full)
    if difference:
        picks = np.minimum(picks, len(frames) - 2)
        change = frames[picks + 1].astype(np.int16) - frames[picks]
        frames, picks = np.clip(128 + 4 * change, 0, 255).astype(np.uint8), np.arange(count)
    size = (width, round(width * height / full))
    sheet = Image.new("RGB", (columns * size[0], -(-count // columns) * size[1]))
    for slot, index in enumerate(picks):
        frame = Image.fromarray(frames[index]).resize(size, Image.Resampling.LANCZOS)
        sheet.paste(frame, (slot % columns * size[0], slot // columns * size[1]))
    return sheet


def save_small(sheet: Image.Image, target: Path, limit: int = 400_000) -> None:
    """Write a sheet as PNG of at most ``limit`` bytes: 256 colours of its own, and as large as fits."""
    # most of the colours by how much there is of them, the last by how far they are from all others: a red ball
    common = sheet.quantize(224, method=Image.Quantize.MEDIANCUT).getpalette() or []
    rare = sheet.quantize(32, method=Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette((common[: 3 * 224] + rare[: 3 * 32])[: 3 * 256])
    for scale in np.arange(1.0, 0.2, -0.1):
        size = (round(sheet.width * scale), round(sheet.height * scale))
        small = sheet if scale == 1 else sheet.resize(size, Image.Resampling.LANCZOS)
        small.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(target, optimize=True)
        if target.stat().st_size <= limit:
            return


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/gallery"))
    parser.add_argument("--difference", action="store_true", help="how much each frame differs from the next")
    args = parser.parse_args(argv)
    args.output.mkdir(parents=True, exist_ok=True)
    for video in args.videos:
        target = args.output / f"{video.stem}.png"
        save_small(contact_sheet(read_video(video), difference=args.difference), target)
        print(target)


if __name__ == "__main__":
    main()
