"""How well things of a photo become solids: ``python -m benchmarks.lifting [--write] [NUMBER...]``.

The scenes of :mod:`benchmarks.lifting_scenes` go through camera, geometric depth and lifting as a shot would, with the
true outline of what is seen of each thing and the true horizon, lens and camera height; nothing else is said:
``lift: auto``. Outlines are compared through the camera, all solids drawn into one depth buffer. With ``--blind`` the
camera is guessed too, and places are compared in camera heights, in the camera's own frame.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.lifting_scenes import COUNT, Known, LiftingScene, scene
from benchmarks.marked import put_between
from physim.camera import Camera
from physim.camera_guess import guessed_camera
from physim.lifted import is_closed
from physim.photo_things import lift_things
from physim.reconstruct import depth_layers
from physim.scene import Scene
from physim.shapes import Plane, Triangles
from physim.shot import CameraHint, Hints, RigidSpec, Select, Shot, Thing
from physim.zbuffer import depth_of, placed

PAGE = Path(__file__).parents[1] / "docs" / "lifting.md"
MARKS = ("<!-- lifting table: python -m benchmarks.lifting --write -->\n", "<!-- end of lifting table -->")
WHOLE = 0.02
"""A thing of which others hide less counts as seen as a whole."""


@dataclass(frozen=True)
class Row:
    """One thing, lifted."""

    number: int
    truth: Known
    made: str
    """Kind of the solid, and how it was found."""
    closed: bool
    overlap: float
    """Intersection over union of the drawn solid with what is seen of the thing [-]."""
    volume: float
    """Over the true one [-]."""
    place: float
    """Distance between the centres of mass over that from the camera [-]."""
    size: float
    """Largest error of the extents along the world's axes, over the largest true one [-]."""
    stands_on: str
    seconds: float
    """Of processor time."""


def rows(case: LiftingScene, number: int, *, hints: bool = True) -> list[Row]:
    """Lift the things of a scene, with or without what is known of the camera."""
    things = [
        Thing(name=t.name, select=Select(box=(0, 0, 1, 1)), rigid=RigidSpec()) for t in case.things
    ]  # the outlines are given below
    known = Hints(camera=CameraHint(**case.hints)) if hints else Hints()
    shot = Shot(photo="none.png", hints=known, things=things)
    camera, report = guessed_camera(known, case.picture.image)
    covered = {t.name: t.mask.astype(np.float32) for t in case.things}
    layers, _ = depth_layers(shot, case.picture.image, camera, covered, None, "geometric", report)
    world = Scene()
    world.add(Plane(), name="ground")
    start = time.process_time()
    lift_things(world, shot, layers, covered, report)
    seconds = (time.process_time() - start) / len(case.things)
    return _compared(world, case, number, camera, report, seconds)


def _compared(
    world: Scene, case: LiftingScene, number: int, camera: Camera, report: dict[str, str], seconds: float
) -> list[Row]:
    meshes = [_mesh(world, t.name) for t in case.things]
    depth = np.stack([depth_of(mesh, camera) for mesh in meshes])
    front = np.where(np.isfinite(depth.min(0)), depth.argmin(0), -1)
    scale = case.hints["height"] / float(camera.position[1])
    found = []
    for k, (truth, mesh) in enumerate(zip(case.things, meshes, strict=True)):
        entity = world[truth.name]
        drawn = front == k
        away = float(np.linalg.norm(truth.centre - case.picture.camera.position))
        gap = (np.array(entity.position) - camera.position) * scale
        turn = case.picture.camera.world_from_camera[:3, :3] @ camera.world_from_camera[:3, :3].T
        gap = gap if scale == 1 else turn @ gap  # without hints in the camera's own frame
        place = np.linalg.norm(gap - (truth.centre - case.picture.camera.position)) / away
        size = np.abs(np.ptp(mesh.vertices, axis=0) * scale - truth.extent).max() / truth.extent.max()
        line = report[f"{truth.name}.solid"]
        found.append(
            Row(
                number, truth, line.split(",")[0], is_closed(entity.shape.triangles),
                float((drawn & truth.mask).sum() / (drawn | truth.mask).sum()),
                entity.shape.volume * scale**3 / truth.volume,
                float(place), float(size), _support(report.get(f"{truth.name}.stands", "")), seconds,
            )
        )  # fmt: skip
    return found


def _mesh(world: Scene, name: str) -> Triangles:
    entity = world[name]
    return placed(entity.shape.triangles, entity.position, entity.orientation)  # type: ignore[union-attr]


def _support(line: str) -> str:
    return line.removeprefix("on ").split(",")[0].split(";")[0]


def line(row: Row) -> str:
    """For the terminal."""
    return (
        f"{row.number:2d} {row.truth.name:9s} {row.made:34s} {'closed' if row.closed else 'OPEN':6s} "
        f"IoU {row.overlap:.3f} vol {row.volume:5.2f} place {row.place:.3f} size {row.size:.3f} "
        f"hidden {row.truth.hidden:.2f} on {row.stands_on:8s} {row.seconds:.2f} s"
    )


def table(found: list[Row]) -> str:
    """The page's table: one line for each kind of thing, wholly seen or not."""
    groups = {
        kind: [r for r in found if r.truth.kind == kind and r.truth.hidden < WHOLE]
        for kind in ("box", "ball", "upright", "lying", "pawn", "L")
    }
    groups["partly hidden"] = [r for r in found if r.truth.hidden >= WHOLE]
    groups["**all**"] = found
    lines = [
        "| thing | number | closed | right support | solid | outline IoU, median (worst) | volume over true, median "
        "(range) | within 15 % | place, median (worst) | within 3 % | size |",
        "|---" * 11 + "|",
    ]
    for name, some in groups.items():
        if not some:
            continue
        over, volume, place, size = (
            np.array([getattr(r, f) for r in some]) for f in ("overlap", "volume", "place", "size")
        )
        kinds: dict[str, int] = {}
        for r in some:
            kinds[r.made] = kinds.get(r.made, 0) + 1
        made = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items(), key=lambda kv: -kv[1]))
        lines.append(
            f"| {name} | {len(some)} | {np.mean([r.closed for r in some]):.0%} | "
            f"{np.mean([r.stands_on == r.truth.stands_on for r in some]):.0%} | {made if name != '**all**' else ''} | "
            f"{np.median(over):.3f} ({over.min():.3f}) | {np.median(volume):.2f} ({volume.min():.2f} to "
            f"{volume.max():.2f}) | {np.mean(np.abs(volume - 1) <= 0.15):.0%} | {np.median(place):.3f} "
            f"({place.max():.3f}) | {np.mean(place <= 0.03):.0%} | {np.median(size):.3f} |"
        )
    return "\n".join(lines) + "\n"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("numbers", nargs="*", type=int, help="scenes; default: all")
    parser.add_argument("--blind", action="store_true", help="without hints of the camera")
    parser.add_argument("--write", action="store_true", help="put the table into docs/lifting.md")
    args = parser.parse_args(argv)
    found: list[Row] = []
    for number in args.numbers or range(COUNT):
        some = rows(scene(number), number, hints=not args.blind)
        found += some
        print("\n".join(line(r) for r in some), flush=True)
    text = table(found)
    print(text)
    if args.write:
        put_between(PAGE, MARKS, text)


if __name__ == "__main__":
    main()
