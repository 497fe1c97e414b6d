"""How good depth is without any network, in a table: ``python -m benchmarks.depth_table [--write] [NAME...]``.

Each method's inverse depth is brought to the truth's by least squares over factor and shift, as is usual for relative
depth (Ranftl et al., Towards robust monocular depth estimation, TPAMI 2022), and cut at the farthest true depth, at
most 80 m; sky does not count. AbsRel is the mean of abs(z - true) / true, delta the part of the pixels with
max(z / true, true / z) < 1.25. The ground is compared in metres, nothing aligned.

The automatic row knows nothing, not even the lens. Users of the other rows have EXIF's lens and are simulated from the
truth: horizon off by 1 degree (sd) in pitch and in roll, height by 5 %, clicks by 10 %, each wall of the box by 8 %.
Their clicks are spread over what is neither ground nor sky, each as far as possible from all others, wherever that is;
their ground is the outline of its largest piece, drawn to 3 pixels.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.optimize import minimize

from benchmarks.depth_render import DepthScene
from benchmarks.depth_scenes import MOTORCYCLE, names, scene
from benchmarks.marked import put_between
from physim.camera import Camera
from physim.camera_guess import guessed_camera
from physim.depth import geometric
from physim.outline import outline
from physim.room import Room, room_depth
from physim.shot import Hints
from physim.view import camera_from, plane_depth

FARTHEST = 80.0
METHODS = ("constant", "ramp", "automatic", "ground + 12 clicks", "box + 32 clicks")
PAGE = Path(__file__).parents[1] / "docs" / "depth.md"
MARKS = ("<!-- depth table: python -m benchmarks.depth_table --write -->\n", "<!-- end of depth table -->")


def error(depth: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """(AbsRel, delta) after the alignment above; both maps (h, w), the truth not finite where it does not count."""
    counts = np.isfinite(truth) & (truth < FARTHEST)
    true = truth[counts]
    inverse = 1 / np.clip(depth[counts], 1e-3, None)
    if np.ptp(inverse) < 1e-9:
        aligned = np.full(len(true), np.mean(1 / true))
    else:
        columns = np.stack([inverse, np.ones(len(true))], axis=1)
        aligned = columns @ np.linalg.lstsq(columns, 1 / true, rcond=None)[0]
    z = 1 / np.maximum(aligned, 1 / true.max())
    return float(np.mean(np.abs(z - true) / true)), float(np.mean(np.maximum(z / true, true / z) < 1.25))


def row(case: DepthScene, methods: tuple[str, ...] = METHODS) -> dict[str, tuple[float, float]]:
    """(AbsRel, delta) of each method on one scene."""
    size = case.depth.shape
    user = User(case, np.random.default_rng(sum(case.name.encode())))
    drawings = {
        "constant": lambda: np.ones(size),
        "ramp": lambda: 1 / np.broadcast_to(np.arange(1.0, size[0] + 1)[:, None], size),
        "automatic": lambda: _estimate(case, Hints()),
        "ground + 12 clicks": lambda: _estimate(
            case, Hints(camera=user.camera, ground=user.outline(), clicks=user.clicks(12))
        ),
        "box + 32 clicks": lambda: _estimate(case, Hints(camera=user.camera, room=user.room(), clicks=user.clicks(32))),
    }
    return {name: error(drawings[name](), case.depth) for name in methods}


def ground_error(case: DepthScene, *, pitch_sd: float, draws: int = 12) -> tuple[float, float]:
    """Mean AbsRel of the ground's metres and mean tilt [degrees], with horizon and height given by so many users."""
    seen = case.ground & np.isfinite(case.depth) & (case.depth < FARTHEST)
    errors = []
    for seed in range(draws):
        hint = User(case, np.random.default_rng(seed), pitch_sd=pitch_sd).camera
        camera, _ = camera_from(Hints(camera=hint).camera, case.depth.shape)
        metres = plane_depth(camera, 0.0, far=1e4)[seen]
        up = camera.camera_from_world[:3, 1] @ case.camera.camera_from_world[:3, 1]
        errors.append((np.mean(np.abs(metres / case.depth[seen] - 1)), np.degrees(np.arccos(min(up, 1.0)))))
    absrel, tilt = np.mean(errors, axis=0)
    return float(absrel), float(tilt)


def _estimate(case: DepthScene, hints: Hints) -> np.ndarray:
    camera, _ = guessed_camera(hints, case.image)
    return geometric(case.image, camera, hints, camera.size).depth


class User:
    """Someone who knows the scene and draws with an unsteady hand."""

    def __init__(self, case: DepthScene, rng: np.random.Generator, *, pitch_sd: float = 1.0) -> None:
        self.case, self.rng = case, rng
        down = -case.camera.camera_from_world[:3, 1]
        pitch = np.degrees(np.arcsin(down[2])) + rng.normal(0, pitch_sd)
        fov = np.degrees(2 * np.arctan(0.5 * case.camera.size[1] / case.camera.focal))
        row = (case.camera.principal_point[1] - case.camera.focal * np.tan(np.radians(pitch))) / case.camera.size[0]
        self.camera = {
            "fov": float(fov),
            "horizon": float(row),
            "roll": float(np.degrees(np.arctan2(down[0], down[1])) + rng.normal(0, pitch_sd)),
            "height": float(case.camera.position[1] * (1 + 0.05 * rng.choice([-1, 1]))),
        }

    def outline(self) -> list[tuple[float, float]]:
        return [(float(u), float(v)) for u, v in outline(self.case.ground, tolerance=3.0)]

    def clicks(self, count: int) -> list[dict]:
        truth = self.case.depth
        free = np.isfinite(truth) & ~self.case.ground
        inner = distance_transform_edt(np.pad(free, 1))[1:-1, 1:-1] > 4
        pixels = np.argwhere(inner)
        chosen = [pixels[self.rng.integers(len(pixels))]]
        gap = np.full(len(pixels), np.inf)
        while len(chosen) < count:
            gap = np.minimum(gap, np.linalg.norm(pixels - chosen[-1], axis=1))
            chosen.append(pixels[gap.argmax()])
        noise = np.exp(0.1 * self.rng.standard_normal(count))
        return [
            {"pixel": (u + 0.5, v + 0.5), "depth": float(truth[v, u] * n)}
            for (v, u), n in zip(chosen, noise, strict=True)
        ]

    def room(self) -> dict:
        """The box that fits the true depth best, each of its walls off by 8 %."""
        camera, truth = self.case.camera.resized((64, 96)), self.case.depth
        rows, cols = truth.shape
        small = truth[((np.arange(64) + 0.5) * rows / 64).astype(int)][
            :, ((np.arange(96) + 0.5) * cols / 96).astype(int)
        ]
        counts = np.isfinite(small) & (small < FARTHEST)
        scale = float(np.median(small[counts]))

        def misfit(x: np.ndarray) -> float:
            z = room_depth(camera, _box(camera, x))[counts]
            return float(np.mean(np.minimum(np.abs(np.log(z / small[counts])), 0.7)))

        height = np.log(2 * camera.position[1])
        starts = (
            [0.0, np.log(side), np.log(side), np.log(far), height]
            for side in (scale / 3, scale)
            for far in (scale, 3 * scale)
        )
        fits = [minimize(misfit, x, method="Nelder-Mead", options={"maxiter": 250, "fatol": 1e-4}) for x in starts]
        best = min(fits, key=lambda fit: fit.fun).x
        best[1:] += 0.08 * self.rng.standard_normal(4)
        drawing, _ = camera_from(Hints(camera=self.camera).camera, (rows, cols))  # the box is laid over their horizon
        room = _box(drawing, best)
        right = np.cross(room.ahead, (0, 1, 0))
        far = drawing.position * (1, 0, 1) + room.back * room.ahead
        ends = [[far + side * right + (0, y, 0) for side in (room.left, room.right)] for y in (room.ceiling, 0)]
        pixels, _ = drawing.project(np.array(ends))
        vanishing, _ = drawing.project(drawing.position + 1e6 * room.ahead)
        (u0, u1), (v0, v1) = pixels[..., 0].mean(0), pixels[..., 1].mean(1)
        return {
            "back": (float(u0), float(v0), float(u1), float(v1)),
            "vanishing": (float(vanishing[0]), float(vanishing[1])),
        }


def _box(camera: Camera, x: np.ndarray) -> Room:
    """From (yaw [rad], logarithms of left, right, back, ceiling [m])."""
    left, right, back, ceiling = (float(v) for v in np.exp(np.clip(x[1:], -3, 7)))
    yaw, height = float(np.clip(x[0], -0.4, 0.4)), float(camera.position[1])
    ahead = np.array([np.sin(yaw), 0, -np.cos(yaw)])
    # all four corners of the back wall stay ahead of the camera, so that they can be drawn
    down = camera.world_from_camera[:3, 2]
    widest, highest = 1.2 * back, height + 0.36 * back / max(0.3, -down[1] / np.hypot(down[0], down[2]))
    top = max(min(ceiling, highest), 1.1 * height)
    return Room(ahead, back, -min(left, widest), min(right, widest), top)


def table(cases: list[DepthScene]) -> str:
    """The page's table: every rendered scene's kind, the mean of them, and the photo."""
    rows = {case.name: row(case) for case in cases}
    lines = ["| scenes | " + " | ".join(METHODS) + " |", "|---" * (1 + len(METHODS)) + "|"]
    rendered = [name for name in rows if name != MOTORCYCLE]
    groups = {
        kind: [n for n in rendered if n.startswith(kind)]
        for kind in dict.fromkeys(n.rsplit("_", 1)[0] for n in rendered)
    }
    groups[f"**mean of {len(rendered)}**"] = rendered
    if MOTORCYCLE in rows:
        groups["photo *motorcycle*, measured"] = [MOTORCYCLE]
    for title, members in groups.items():
        means = [np.mean([rows[n][m] for n in members], axis=0) for m in METHODS]
        lines.append(f"| {title} | " + " | ".join(f"{a:.3f} / {d:.2f}" for a, d in means) + " |")
    whole = {m: np.mean([rows[n][m][0] for n in rendered]) for m in METHODS} if rendered else {}
    if whole:
        lines.append(
            "| AbsRel over that of the ramp | " + " | ".join(f"{whole[m] / whole['ramp']:.2f}" for m in METHODS) + " |"
        )
    lines += ["", "| ground in metres, horizon and height given | AbsRel | tilt [degrees] |", "|---|---|---|"]
    for what, sd in (("off by 0.5 degrees, height by 5 %", 0.5), ("off by 1 degree, height by 5 %", 1.0)):
        errors = [ground_error(case, pitch_sd=sd) for case in cases]
        mean, worst = np.mean(errors, axis=0), np.max(errors, axis=0)
        lines.append(
            f"| {what}: mean (worst scene) | {mean[0]:.3f} ({worst[0]:.3f}) | {mean[1]:.2f} ({worst[1]:.2f}) |"
        )
    return "\n".join(lines) + "\n"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="scenes; default: all, and the photo")
    parser.add_argument("--write", action="store_true", help="put the table into docs/depth.md")
    args = parser.parse_args(argv)
    text = table([scene(name) for name in args.names or [*names(), MOTORCYCLE]])
    print(text)
    if args.write:
        put_between(PAGE, MARKS, text)


if __name__ == "__main__":
    main()
