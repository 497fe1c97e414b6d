"""What the watermark survives, and how often it is seen where it is not: the table in docs/provenance.md.

Clips of one second from photographs that scikit-image ships, seen by a camera that moves a little, are marked, changed
by ffmpeg, and read again. Unmarked frames are other cuts of all those photographs, each judged alone at every scale.

    python -m benchmarks.watermark                       # the table, about a minute
    python -m benchmarks.watermark --unmarked 1000       # false positives, some minutes
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import skimage
from PIL import Image

from i2v.media.watermark import Marker
from i2v.media.watermark_detect import FOUND, detect
from i2v.media.watermark_pattern import to_bits

KEY, NUMBER = b"a key of the benchmark", 0x00C0FFEE1234
SIZE = (720, 1280)
PHOTOS = ("coffee.png", "rocket.jpg", "astronaut.png", "coins.png")
ALL_PHOTOS = (
    *PHOTOS,
    "chelsea.png",
    "motorcycle_left.png",
    "camera.png",
    "hubble_deep_field.jpg",
    "page.png",
    "moon.png",
)
X264 = ("-c:v", "libx264", "-crf")
CASES: dict[str, tuple[tuple[str, ...], str]] = {
    "H.264 CRF 23": ((*X264, "23"), ""),
    "H.264 CRF 28": ((*X264, "28"), ""),
    "H.264 CRF 33": ((*X264, "33"), ""),
    "AV1 CRF 40": (("-c:v", "libsvtav1", "-crf", "40", "-preset", "8", "-svtav1-params", "lp=2"), ""),
    "half size, CRF 23": ((*X264, "23"), "scale=iw/2:ih/2:flags=bicubic"),
    "quarter size, CRF 23": ((*X264, "23"), "scale=iw/4:ih/4:flags=bicubic"),
    "cropped by 10 %, CRF 23": ((*X264, "23"), "crop=iw*0.9:ih*0.9:40:30"),
    "cropped by 10 %, half size, CRF 28": ((*X264, "28"), "crop=iw*0.9:ih*0.9,scale=640:360:flags=bicubic"),
    "2x speed, CRF 23": ((*X264, "23"), "setpts=PTS/2,fps=24"),
    "brightness +20 %, CRF 23": ((*X264, "23"), "lutrgb=r=val*1.2:g=val*1.2:b=val*1.2"),
    "brightness -20 %, CRF 23": ((*X264, "23"), "lutrgb=r=val*0.8:g=val*0.8:b=val*0.8"),
    "mirrored, CRF 23": ((*X264, "23"), "hflip"),
    "square from the middle, CRF 23": ((*X264, "23"), "crop=ih:ih"),
    "upright from the middle, CRF 23": ((*X264, "23"), "crop=ih*9/16:ih"),
    "grey, CRF 23": ((*X264, "23"), "hue=s=0"),
    "turned by 1 degree, CRF 23": ((*X264, "23"), "rotate=PI/180"),
    "squeezed by 5 %, CRF 23": ((*X264, "23"), "scale=iw*0.95:ih"),
    "strong blur (sigma 4), CRF 23": ((*X264, "23"), "gblur=sigma=4"),
}


def clip(photo: str, count: int = 24) -> list[np.ndarray]:
    """Frames of a camera that drifts and leans in: 0.2 % of the width and of the size per frame."""
    picture = Image.open(Path(skimage.data_dir) / photo).convert("RGB")
    cols, rows = picture.size
    frames = []
    for i in range(count):
        width = min(cols, rows * SIZE[1] / SIZE[0]) * 0.95 * (1 - 0.002 * i)
        height = width * SIZE[0] / SIZE[1]
        u, v = (cols - width) * (0.5 + 0.01 * i), (rows - height) * (0.5 - 0.01 * i)
        box = (u, v, u + width, v + height)
        frames.append(np.asarray(picture.resize(SIZE[::-1], Image.Resampling.BICUBIC, box=box)))
    return frames


def changed(frames: list[np.ndarray], options: tuple[str, ...], change: str, path: Path) -> list[np.ndarray]:
    """Through ffmpeg and back."""
    head = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", f"{SIZE[1]}x{SIZE[0]}", "-framerate", "24"]
    even = ["-vf", ",".join(part for part in (change, "crop=trunc(iw/2)*2:trunc(ih/2)*2") if part)]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", *head, "-i", "pipe:0", *even, *options]
    data = b"".join(frame.tobytes() for frame in frames)
    subprocess.run([*command, "-pix_fmt", "yuv420p", str(path)], input=data, check=True, stderr=subprocess.DEVNULL)
    reader = imageio_ffmpeg.read_frames(str(path))
    cols, rows = next(reader)["size"]
    return [np.frombuffer(frame, np.uint8).reshape(rows, cols, 3) for frame in reader]


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)))


def survival(photos: tuple[str, ...] = PHOTOS, cases: dict[str, tuple[tuple[str, ...], str]] = CASES) -> dict:
    """Case → worst accuracy, lowest correlation, clips found; and the lowest PSNR of a marked frame."""
    table: dict[str, list[tuple[float, float, bool]]] = {name: [] for name in cases}
    worst = np.inf
    with tempfile.TemporaryDirectory() as folder:
        for photo in photos:
            frames = clip(photo)
            marker = Marker(KEY, NUMBER, SIZE)
            marked = [marker(frame) for frame in frames]
            worst = min(worst, *(psnr(a, b) for a, b in zip(frames, marked, strict=True)))
            for name, (options, change) in cases.items():
                mark = detect(changed(marked, options, change, Path(folder) / "a.mp4"), KEY)
                table[name].append((float((mark.bits == to_bits(NUMBER)).mean()), mark.height, mark.found))
    rows = {n: {"accuracy": min(a for a, _, _ in v), "height": min(h for _, h, _ in v),
                "found": sum(f for *_, f in v), "clips": len(v)} for n, v in table.items()}  # fmt: skip
    return {"psnr": worst, "cases": rows}


def unmarked(count: int, seed: int) -> dict:
    """Highest correlation, and how many of some unmarked frames are taken for marked, by this key and by none."""
    rng = np.random.default_rng(seed)
    pictures = [Image.open(Path(skimage.data_dir) / name).convert("RGB") for name in ALL_PHOTOS]
    heights, wrong = [], 0
    for i in range(count):
        picture = pictures[i % len(pictures)]
        width = min(picture.width, picture.height * 16 / 9) * rng.uniform(0.3, 1.0)
        height = width * 9 / 16
        u, v = rng.uniform(0, picture.width - width), rng.uniform(0, picture.height - height)
        cut = picture.resize((640, 360), Image.Resampling.BICUBIC, box=(u, v, u + width, v + height))
        mark = detect([np.asarray(cut)], KEY)
        heights.append(mark.height)
        wrong += mark.found
    return {"frames": count, "false_positives": wrong, "highest": max(heights), "threshold": FOUND}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unmarked", type=int, default=0, metavar="N", help="judge N unmarked frames instead")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--photos", nargs="*", default=PHOTOS)
    arguments = parser.parse_args(argv)
    start = time.process_time()
    if arguments.unmarked:
        print(json.dumps(unmarked(arguments.unmarked, arguments.seed) | {"cpu": time.process_time() - start}))
        return 0
    result = survival(tuple(arguments.photos))
    print(f"lowest PSNR of a marked frame: {result['psnr']:.2f} dB\n")
    print("| change | bits right (worst clip) | lowest correlation [sd] | found |\n|---|---|---|---|")
    for name, row in result["cases"].items():
        print(f"| {name} | {row['accuracy']:.3f} | {row['height']:.1f} | {row['found']} of {row['clips']} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
