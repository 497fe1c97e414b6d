"""Real photographs and what becomes of them: the plain composite, no model, with close looks at what goes wrong first.

    python -m benchmarks.photos tennis toycar --photos DIR [--output out/photos] [--frames 4] [--seconds 1]

The shot files lie in ``benchmarks/photos``; the photographs are not ours to pass on, so they lie elsewhere: ``photo``
of a shot is taken from ``--photos``. Of each shot this makes, in a folder of its name:

* ``NAME.mp4``, ``sheet.png`` (twelve frames) and ``frame_*.png``, some frames at full size;
* ``edge_*.png``: each thing that moves, around its outline, at the start and at later times, three times as large;
* ``contact_*.png``: where it touches what it stands on, likewise;
* ``hole_*.png``: where something stood that is gone, at the end, pixel by pixel, beside the photo.

What is good and what is not is written in ``docs/photos.md``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import physim
from benchmarks.contact_sheet import contact_sheet
from i2v.media.video import VideoWriter
from physim.shot import Shot
from physim.shot_check import output_size
from physim.shot_file import validate
from physim.shot_text import parse
from physim.zbuffer import placed

SHOTS = Path(__file__).parent / "photos"
ZOOM = 3
"""Of edges and contacts."""
LOOKS = 4
"""At each thing, at times evenly spread over the shot."""
Box = tuple[int, int, int, int]
"""First and last row, first and last column."""


def load_shot(name: str, photos: Path) -> Shot:
    """A shot of ``benchmarks/photos``, its photo taken from another folder.

    Raises:
        FileNotFoundError: No such shot or photo.
        ValueError: Every mistake of the shot.
    """
    path = Path(name) if name.endswith(".yaml") else SHOTS / f"{name}.yaml"
    data, _, _ = parse(path.read_text(encoding="utf-8"), ".yaml")
    photo = photos / data["photo"]
    if not photo.is_file():
        raise FileNotFoundError(f"{path.name} is about {data['photo']}, which is not in {photos}; give --photos.")
    return validate(Shot.model_validate(data | {"photo": photo.resolve()}), path.name)


def spread(count: int, looks: int) -> list[int]:
    """Indices of ``looks`` frames, the first and the last among them."""
    return sorted(set(np.linspace(0, count - 1, looks).round().astype(int).tolist()))


def outline_box(points: np.ndarray, camera: physim.Camera) -> Box | None:
    """Of world points (N, 3) in the picture; ``None`` if they are not in it."""
    pixels, depth = camera.project(points)
    if not (depth > 0).all():
        return None
    (u0, v0), (u1, v1) = pixels.min(0), pixels.max(0)
    rows, cols = camera.size
    if u1 <= 0 or v1 <= 0 or u0 >= cols or v0 >= rows:
        return None
    return round(v0), round(v1), round(u0), round(u1)


def grown(box: Box, margin: float, size: tuple[int, int]) -> Box:
    """With a margin, a part of its longer side, within the picture."""
    more = max(12, round(margin * max(box[1] - box[0], box[3] - box[2])))
    return max(box[0] - more, 0), min(box[1] + more, size[0]), max(box[2] - more, 0), min(box[3] + more, size[1])


def crop(frame: np.ndarray, box: Box, zoom: int = 1) -> Image.Image:
    """Pixels as they are, or each as a square."""
    picture = Image.fromarray(frame[box[0] : box[1], box[2] : box[3]])
    return picture.resize((picture.width * zoom, picture.height * zoom), Image.Resampling.NEAREST)


def row(pictures: list[Image.Image]) -> Image.Image:
    """Side by side."""
    sheet = Image.new("RGB", (sum(p.width + 6 for p in pictures), max(p.height for p in pictures)), (255, 0, 255))
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, 0))
        left += picture.width + 6
    return sheet


def moving_points(trajectory: physim.Trajectory, time: float) -> dict[str, np.ndarray]:
    """World vertices (N, 3) of every body and cloth that is somewhere else at the end than at the start."""
    scene, end = trajectory.scene, trajectory.seconds
    points = {}
    for name, track in trajectory.bodies.items():
        mesh = scene[name].shape.triangles
        start, here, last = (placed(mesh, *track.at(t)).vertices for t in (0.0, time, end))
        reach = np.abs(np.stack([placed(mesh, *track.at(t)).vertices for t in (end / 3, end / 2)]) - start).max()
        if max(np.abs(last - start).max(), reach) > 1e-3:
            points[name] = here
    return points | {name: track.at(time) for name, track in trajectory.cloths.items()}


def save_looks(frames: np.ndarray, trajectory: physim.Trajectory, fps: float, out: Path) -> None:
    """Edges and contacts of what moves."""
    camera_path, size = trajectory.scene.camera, frames.shape[1:3]
    assert camera_path is not None
    looks: dict[str, list[tuple[np.ndarray, Box]]] = {}
    for index in spread(len(frames), LOOKS):
        for name, points in moving_points(trajectory, index / fps).items():
            box = outline_box(points, camera_path.at(index / fps, size))
            if box is not None:
                looks.setdefault(name, []).append((frames[index], box))
    for name, seen in looks.items():
        around = [(frame, grown(box, 0.15, size)) for frame, box in seen]
        low = [
            (frame, grown((box[0] + 2 * (box[1] - box[0]) // 3, box[1], *box[2:]), 0.15, size)) for frame, box in seen
        ]
        row([crop(*look, ZOOM) for look in around]).save(out / f"edge_{name}.png")
        row([crop(*look, ZOOM) for look in low]).save(out / f"contact_{name}.png")


def save_holes(frames: np.ndarray, trajectory: physim.Trajectory, out: Path) -> None:
    """Where something was taken away: the photo, the last frame."""
    from scipy.ndimage import find_objects, label

    backdrop = trajectory.scene.backdrop
    assert backdrop is not None
    size = frames.shape[1:3]
    ratio = size[0] / backdrop.hole.shape[0]
    for k, place in enumerate(find_objects(label(backdrop.hole)[0]), start=1):
        v, u = place
        box = grown(tuple(round(x * ratio) for x in (v.start, v.stop, u.start, u.stop)), 0.3, size)  # type: ignore[arg-type]
        if min(v.stop - v.start, u.stop - u.start) >= 6:
            row([crop(frames[0], box), crop(frames[-1], box)]).save(out / f"hole_{k}.png")


def look_at(name: str, shot: Shot, out: Path, *, full: int) -> None:
    """Make one shot and everything that is to be looked at."""
    out.mkdir(parents=True, exist_ok=True)
    scene = physim.reconstruct(shot)
    assert scene.backdrop is not None
    for key, line in scene.backdrop.report.items():
        print(f"  {key}: {line}")
    trajectory = physim.simulate(scene, seconds=shot.seconds, fps=shot.fps)
    size = output_size(shot.output, scene.backdrop.photo.shape[:2])
    made = physim.Compositor(trajectory, size=size, motion_blur=shot.output.motion_blur, fps=shot.output.fps)
    with VideoWriter(out / f"{name}.mp4", size, made.fps, crf=shot.output.quality) as writer:
        codes = []
        for frame in made:
            writer.write(frame)
            codes.append(np.round(np.clip(frame, 0, 1) * 255).astype(np.uint8))
    frames = np.stack(codes)
    contact_sheet(frames, count=12).save(out / "sheet.png")
    for index in spread(len(frames), full):
        Image.fromarray(frames[index]).save(out / f"frame_{index:03d}.png")
    save_looks(frames, trajectory, made.fps, out)
    save_holes(frames, trajectory, out)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", help="of shots in benchmarks/photos, or shot files")
    parser.add_argument("--photos", type=Path, default=SHOTS, help="folder of the photographs (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("out/photos"), help="folder (default: %(default)s)")
    parser.add_argument("--frames", type=int, default=4, help="how many at full size (default: %(default)s)")
    parser.add_argument("--seconds", type=float, help="length, instead of the shot's")
    args = parser.parse_args(argv)
    for name in args.names:
        shot = load_shot(name, args.photos)
        if args.seconds:
            shot = shot.model_copy(update={"seconds": args.seconds})
        print(name)
        look_at(Path(name).stem, shot, args.output / Path(name).stem, full=args.frames)
        print(args.output / Path(name).stem)


if __name__ == "__main__":
    main()
