"""What the picture costs: 4K frames of a clip of any length, buffers of a frame, the fill of a hole, a scene.

``python -m benchmarks.composition --write docs/benchmarks.md`` makes its part of the page of benchmarks. Costs are CPU
time, the least of the repeats; a clip runs in a process of its own, so that its peak of memory is its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import warp as wp

import physim
from physim.shot_file import load
from physim.shot_path import revised

TITLE = "# The picture at 4K"
BEFORE = "## Growth and first use"
PIXELS = 3840 * 2160
VIEW = (288, 512)
SHOTS = ("coins", "coffee", "flag")

wp.set_module_options({"enable_backward": False})


@wp.kernel
def ray_kernel(
    mesh: wp.uint64, focal: float, rows: int, cols: int,
    # outputs
    depth: wp.array2d(dtype=wp.float32), face: wp.array2d(dtype=wp.int32), normal: wp.array2d(dtype=wp.vec3),
):  # fmt: skip
    v, u = wp.tid()
    ray = wp.vec3((float(u) + 0.5 - 0.5 * float(cols)) / focal, (float(v) + 0.5 - 0.5 * float(rows)) / focal, 1.0)
    length = wp.length(ray)
    hit = wp.mesh_query_ray(mesh, wp.vec3(0.0, 0.0, 0.0), ray / length, 1.0e6)
    depth[v, u] = wp.inf
    face[v, u] = -1
    if hit.result:
        depth[v, u] = hit.t / length
        face[v, u] = hit.face
        normal[v, u] = hit.normal


def least(work, repeats: int) -> float:
    """Least CPU time of this process for ``work()`` [s]; the first call is not counted."""
    work()
    costs = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        costs.append(time.process_time() - start)
    return min(costs)


def size_for(photo: tuple[int, ...], pixels: int = PIXELS) -> tuple[int, int]:
    """(height, width), even, of about ``pixels`` in the photo's aspect."""
    width = 2 * round((pixels * photo[1] / photo[0]) ** 0.5 / 2)
    return 2 * round(width * photo[0] / photo[1] / 2), width


def clip(name: str, seconds: float, fps: float, pixels: int) -> dict:
    """Stream a clip, keeping no frame: its cost and this process's largest memory."""
    scene = physim.reconstruct(revised(load(Path("examples") / f"{name}.yaml"), {"seconds": seconds}))
    trajectory = physim.simulate(scene, seconds=seconds, fps=24)
    photo = scene.backdrop.photo.shape
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    compositor = physim.Compositor(trajectory, size_for(photo, pixels), fps=fps)
    frames = iter(compositor)
    total, count = float(next(frames).sum()), 1  # tables and kernels are loaded with the first frame
    start, wall = time.process_time(), time.perf_counter()
    for frame in frames:
        total += float(frame[::64, ::64].sum())  # as whoever encodes it: a frame is looked at and let go
        count += 1
    cpu = (time.process_time() - start) / max(count - 1, 1)
    wall = (time.perf_counter() - wall) / max(count - 1, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"size": compositor.size, "photo": photo[:2], "frames": count, "cpu": cpu, "wall": wall, "before": before,
            "peak": peak}  # fmt: skip


def apart(name: str, seconds: float, fps: float, pixels: int) -> dict:
    """:func:`clip` in a process of its own."""
    call = f"b.clip({name!r}, {seconds}, {fps}, {pixels})"
    code = f"import json, benchmarks.composition as b; print('RESULT', json.dumps({call}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines:
        raise RuntimeError(f"the clip {name} failed: {done.stderr[-2000:]}")
    return json.loads(lines[-1].removeprefix("RESULT "))


def sphere_mesh(rings: int, sectors: int) -> tuple[np.ndarray, np.ndarray]:
    """Closed sphere of radius 1: (V, 3) and (2 sectors (rings - 1), 3), counter-clockwise from outside."""
    polar, turn = np.arange(1, rings) * np.pi / rings, np.arange(sectors) * 2 * np.pi / sectors
    ring = np.stack(
        np.broadcast_arrays(
            np.sin(polar)[:, None] * np.cos(turn), np.cos(polar)[:, None], -np.sin(polar)[:, None] * np.sin(turn)
        ),
        -1,
    )
    vertices = np.concatenate([[[0, 1, 0]], ring.reshape(-1, 3), [[0, -1, 0]]])
    i, j = np.meshgrid(np.arange(rings - 2), np.arange(sectors), indexing="ij")
    a, b = 1 + i * sectors + j, 1 + i * sectors + (j + 1) % sectors
    c, d = a + sectors, b + sectors
    quads = np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)]).reshape(-1, 3)
    k = np.arange(sectors)
    top = np.stack([0 * k, 1 + k, 1 + (k + 1) % sectors], -1)
    last, first = len(vertices) - 1, 1 + (rings - 2) * sectors
    bottom = np.stack([0 * k + last, first + (k + 1) % sectors, first + k], -1)
    return vertices, np.concatenate([top, quads, bottom])


def buffers(repeats: int) -> list[tuple[str, float, str]]:
    """All buffers of 100,000 triangles at 512 x 288 against rays: name, CPU [s], remark."""
    from physim.body_view import BodyView
    from physim.camera import Camera
    from physim.camera_path import CameraPath
    from physim.materials import Rigid
    from physim.scene import Scene
    from physim.shapes import Mesh, Triangles
    from physim.trajectory import BodyTrack, ConservationReport, Trajectory

    vertices, faces = sphere_mesh(101, 100)
    scene, bodies, placed = Scene(seed=0), {}, []
    centres = [(-1.2, 0.0, -5.0), (1.2, 0.1, -5.2), (0.0, 0.4, -6.0), (-0.4, -0.4, -4.2), (0.6, -0.5, -4.5)]
    for number, centre in enumerate(centres):
        name = f"ball {number}"
        scene.add(Mesh(Triangles(vertices * 0.6, faces.astype(np.int32))), Rigid("wood"), name=name, position=centre)
        samples = np.array([np.add(centre, (0.01 * k, 0, 0)) for k in range(9)])
        turn, rest = np.tile([0.0, 0.0, 0.0, 1.0], (9, 1)), np.zeros((9, 3))
        bodies[name] = BodyTrack(8, 24.0, samples, turn, rest, rest)
        placed.append(vertices * 0.6 + centre)
    scene.camera = CameraPath(Camera.looking(VIEW, fov_deg=45, pitch_deg=0, height=1e-6))
    view = BodyView(Trajectory(scene, 24.0, 1 / 24, bodies, {}, np.zeros(0), ConservationReport()), VIEW)
    count = len(centres) * len(faces)
    seen: list = []

    def ours() -> None:
        frame = view.at(0.0)
        seen[:] = [frame, view.motion(frame, 1 / 24)]

    rows = [("physim", least(ours, repeats), f"{count:,} triangles; depth, ids, point, normal, place, flow")]
    camera = scene.camera.start
    corners = np.concatenate(placed) @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3]
    index = np.concatenate([faces + k * len(vertices) for k in range(len(centres))]).astype(np.int32)
    mesh = wp.Mesh(wp.array(corners, dtype=wp.vec3), wp.array(index.ravel(), dtype=wp.int32))
    outputs = [wp.empty(VIEW, dtype=kind) for kind in (wp.float32, wp.int32, wp.vec3)]
    inputs = [mesh.id, float(camera.focal), *VIEW]
    rows.append(("Warp's ray queries", least(lambda: wp.launch(ray_kernel, VIEW, inputs, outputs), repeats),
                 "depth, face, normal; its tree is made before"))  # fmt: skip
    v0, v1, u0, u1 = seen[0].window
    ray = outputs[0].numpy()[v0:v1, u0:u1]
    both = np.isfinite(seen[0].depth) & np.isfinite(ray)
    off = np.abs(seen[0].depth[both] - ray[both])
    rows[1] = (*rows[1][:2], f"{rows[1][2]}; depths agree to {np.percentile(off, 99) * 1e3:.2g} mm")
    return rows + _embree(corners, index, camera.focal, repeats)


def _embree(corners: np.ndarray, index: np.ndarray, focal: float, repeats: int) -> list[tuple[str, float, str]]:
    try:
        from embreex import rtcore_scene
        from embreex.mesh_construction import TriangleMesh
    except ImportError:
        return []
    world = rtcore_scene.EmbreeScene()
    TriangleMesh(world, corners.astype(np.float32)[index])
    v, u = np.mgrid[: VIEW[0], : VIEW[1]] + 0.5
    ray = np.stack([(u - VIEW[1] / 2) / focal, (v - VIEW[0] / 2) / focal, np.ones(VIEW)], -1).reshape(-1, 3)
    ray = np.ascontiguousarray(ray / np.linalg.norm(ray, axis=1, keepdims=True), np.float32)
    start = np.zeros_like(ray)
    cost = least(lambda: world.run(start, ray, output=1), repeats)
    return [("embree", cost, "through embreex: face, barycentrics and distance; its tree is made before")]


def parts(repeats: int) -> list[tuple[str, float, str]]:
    """Other parts of a picture: name, CPU [s], remark."""
    from physim.membrane import fill

    rng = np.random.default_rng(0)
    known = np.ones(VIEW, bool)
    known[60:230, 120:400] = False
    values = np.cumsum(np.cumsum(rng.normal(size=(*VIEW, 3)), axis=0), axis=1).astype(np.float32)
    rows = [("Poisson fill of 170 × 280 at 512 × 288, 3 channels", least(lambda: fill(values, known), repeats), "")]
    for name in SHOTS:
        shot = load(Path("examples") / f"{name}.yaml")
        rows.append((f"scene of {name}", least(lambda: physim.reconstruct(shot), 1), "no network"))  # noqa: B023
    return rows


def page(
    clips: list[tuple[str, dict]], streams: list[tuple[str, float, dict]], timed: list[tuple[str, float, str]]
) -> str:
    """The part of the page of benchmarks."""
    load_now = os.getloadavg()[0]
    lines = [
        TITLE, "",
        "`python -m benchmarks.composition --write docs/benchmarks.md` makes this part. Frames have as many pixels as",
        "3840 × 2160 in the aspect of their photo; each clip is streamed, with nothing kept, in a process of its own.",
        "CPU is per frame over both threads; what two free cores give is 2 / CPU. What was measured beside other",
        f"programs is the last column (load {load_now:.0f} on {os.cpu_count()} cores).", "",
        f"Machine: {platform.processor() or platform.machine()}, Python {platform.python_version()}.", "",
        "| shot | photo | frame | frames | CPU s / frame | fps of two free cores | peak memory [GiB] | fps here |",
        "|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name, c in clips:
        lines.append(
            f"| {name} | {c['photo'][1]} × {c['photo'][0]} | {c['size'][1]} × {c['size'][0]} | {c['frames']} "
            f"| {c['cpu']:.2f} | {2 / c['cpu']:.1f} | {c['peak']:.2f} | {1 / c['wall']:.1f} |"
        )
    lines += ["", "Memory against length, at 60 frames per second:", ""]
    lines += ["| shot | seconds | frames | before composing [GiB] | peak [GiB] |", "|---|---|---|---|---|"]
    for name, seconds, c in streams:
        lines.append(f"| {name} | {seconds:g} | {c['frames']} | {c['before']:.2f} | {c['peak']:.2f} |")
    lines += ["", "| part | CPU [ms] | remark |", "|---|---|---|"]
    lines += [f"| {name} | {1e3 * cost:.1f} | {remark} |" for name, cost, remark in timed]
    return "\n".join(lines) + "\n"


def write(path: Path, text: str) -> None:
    """Put the part before what is said of growth, in place of an older one."""
    old = path.read_text(encoding="utf-8")
    tail = old[old.index(BEFORE) :] if BEFORE in old else ""
    head = old.removesuffix(tail).split(TITLE)[0].rstrip()
    path.write_text(f"{head}\n\n{text}\n{tail}", encoding="utf-8")


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shots", nargs="*", default=SHOTS)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of the clips that are timed")
    parser.add_argument("--stream", type=float, nargs="*", default=(1.0, 3.0), help="lengths of which memory is asked")
    parser.add_argument("--stream-shot", default="coins")
    parser.add_argument("--at-8k", action="store_true", help="frames of 7680 × 4320 pixels instead")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--write", type=Path)
    args = parser.parse_args()
    pixels = PIXELS * (4 if args.at_8k else 1)
    clips = [(name, apart(name, args.seconds, 24, pixels)) for name in args.shots]
    streams = [(args.stream_shot, length, apart(args.stream_shot, length, 60, pixels)) for length in args.stream]
    text = page(clips, streams, buffers(args.repeats) + parts(min(args.repeats, 3)))
    print(text)
    if args.write:
        write(args.write, text)


if __name__ == "__main__":
    main()
