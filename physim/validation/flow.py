"""Cases of optical flow: camera moves before surfaces of known depth, a falling ball, and flow forth and back.

The flow is what :func:`physim.render` tells a video model: of the photographed surface from the camera's move, of
bodies from the motion of their points.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from physim.camera import Camera
from physim.camera_path import CameraMove, CameraPath
from physim.materials import Rigid
from physim.scene import Backdrop, Scene
from physim.shapes import Plane, Sphere
from physim.validation.case import Case, Limits, Quantity
from physim.validation.registry import runner
from physim.validation.settings import Settings
from physim.view import plane_depth

WALL = 4.0
"""Distance of the plane before which the picture is shifted, turned and approached [m]."""
FPS = 24.0
STEP = 40
"""Rows about a step of the table's depth: a smooth sheet bends there, by intent."""


def _moves(field: str, focal: float) -> list[tuple[str, float]]:
    """The camera's moves for a field of the table, in one frame; a shift of the picture is a truck and a pedestal."""
    return {
        "translate_3p5_m2": [("truck", -3.5 * WALL / focal), ("pedestal", -2 * WALL / focal)],
        "rotate_3deg": [("roll", -np.radians(3))],
        "zoom_1p05": [("zoom", np.log(1.05))],
        "dolly_in_0p2m_plane4": [("dolly", 0.2)],
        "truck_0p1m_ground_h1p5": [("truck", 0.1)],
        "pan_1deg": [("pan", np.radians(1))],
        "orbit_2deg_d4_ground1p5": [("orbit", np.radians(2))],
    }[field]


def _photographed(camera: Camera, depth: np.ndarray, moves: list[tuple[str, float]], seconds: float) -> Scene:
    """A photo of a surface of known depth, seen by a camera that moves evenly."""
    scene = Scene(gravity=(0.0, -9.81, 0.0))
    blank = np.full((*camera.size, 3), 0.5, np.float32)
    none = np.zeros(camera.size, np.float32)
    scene.backdrop = Backdrop(blank, blank, none, depth.astype(np.float32), none.astype(np.uint16))
    scene.camera = CameraPath(camera, tuple(CameraMove(m, a, 0.0, seconds, "linear", WALL) for m, a in moves))
    return scene


def _ground(camera: Camera) -> np.ndarray:
    """The table's depth (h, w) [m]: ground below the horizon, a wall above it."""
    v = np.arange(camera.size[0]) + 0.5 - camera.principal_point[1]
    rows = np.where(v > 5, camera.focal * camera.position[1] / np.maximum(v, 1e-6), 50.0)
    return np.repeat(rows[:, None], camera.size[1], axis=1)


@runner("analytic_flow")
def camera_moves(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Farthest end point of each field from the closed form; points where the table's depth has a step apart."""
    from physim.backdrop_view import BackdropView

    size = (int(case.get("H")), int(case.get("W")))
    fov = float(np.degrees(2 * np.arctan(size[1] / 2 / case.get("f"))))
    camera = Camera.looking(size, fov_deg=fov, height=1.5)
    fields: dict[str, list] = {}
    for row in case.rows():
        fields.setdefault(str(row["field"]), []).append([float(row[k]) for k in "xyuv"])
    for field, rows in fields.items():
        flat = field in ("translate_3p5_m2", "rotate_3deg", "zoom_1p05", "dolly_in_0p2m_plane4")
        depth = np.full(size, WALL) if flat else _ground(camera)
        scene = _photographed(camera, depth, _moves(field, camera.focal), 1.0)
        flow = BackdropView(scene.backdrop, scene.camera, size, settings.device).flow(0.0, 1.0)  # type: ignore[arg-type]
        table = np.array(rows)
        got = np.array([flow[y - 1 : y + 1, x - 1 : x + 1].mean(axis=(0, 1)) for x, y in table[:, :2].astype(int)])
        error = np.linalg.norm(got - table[:, 2:], axis=-1)
        stepped = np.zeros(len(table), bool) if flat else np.abs(table[:, 1] - size[0] / 2) < STEP
        limits = case.limits("abs_px")
        worst = float(error[~stepped].max())
        yield case.judge(f"{field}: farthest end point [px]", 0.0, worst, worst, limits)
        if stepped.any() and field != "pan_1deg":
            worst = float(error[stepped].max())
            yield case.judge(f"{field}: at the step of depth, not judged [px]", 0.0, worst, worst, Limits())


@runner("object_flow_truth")
def falling_ball(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Flow at the foremost point of a simulated ball in free fall, frame by frame."""
    import physim
    from physim.body_view import BodyView

    truth = np.array(case.expected["centre_flow_px"], dtype=float)
    size, radius, away = (360, 640), 0.25, 4.0
    camera = Camera.looking(size, fov_deg=60, height=1.5)
    scene = _photographed(camera, np.full(size, 50.0), [], 1.0)
    scene.add(Sphere(radius), Rigid("steel", drag_coefficient=0.0), name="ball", position=(0.0, 1.5, -away))
    seconds = (len(truth) + 1) / FPS
    trajectory = physim.simulate(
        scene, seconds=seconds, fps=FPS, refinement=settings.refinement, device=settings.device
    )  # fmt: skip
    view = BodyView(trajectory, size, settings.device)
    got = []
    for k in range(len(truth)):
        here = view.at(k / FPS)
        assert here is not None
        low = camera.focal * 0.5 * 9.81 * (k / FPS) ** 2 / (away - radius)
        v, u = int(size[0] / 2 + low) - here.window[0], size[1] // 2 - here.window[2]
        got.append(view.motion(here, (k + 1) / FPS).flow[v, u - 1 : u + 1].mean(axis=0))
    error = np.linalg.norm(np.array(got) - np.stack([0 * truth, truth], axis=-1), axis=-1)
    worst = int(error.argmax())
    name = f"flow of the foremost point [px], farthest (frame {worst})"
    yield case.judge(name, float(truth[worst]), float(got[worst][1]), float(error[worst]), case.limits("abs_px"))


@runner("forward_backward")
def forth_and_back(case: Case, settings: Settings) -> Iterator[Quantity]:
    """A ball rolls over the ground, before a camera at rest and one that trucks and turns."""
    import physim
    from physim.surfaces import Surfaces

    size = (180, 320)
    camera = Camera.looking(size, fov_deg=50, pitch_deg=25, height=1.0)
    depth = np.minimum(plane_depth(camera, 0.0, far=20.0), 20.0)
    for name, moves in (("camera at rest", []), ("moving camera", [("truck", 0.3), ("pan", np.radians(6))])):
        scene = _photographed(camera, depth, moves, 0.5)
        scene.add(Plane())
        scene.add(
            Sphere(0.2), Rigid("wood"), name="ball", position=(-0.4, 0.2, -2.0), velocity=(1.2, 0, 0),
            angular_velocity=(0, 0, -6.0),
        )  # fmt: skip
        trajectory = physim.simulate(scene, seconds=0.5, fps=FPS, device=settings.device)
        surfaces = Surfaces(trajectory, size)
        here, there = surfaces.at(4 / FPS), surfaces.at(5 / FPS)
        flow, hidden = surfaces.motion(here, there)
        back, _ = surfaces.motion(there, here)
        sure, error = _round_trip(flow, back, hidden, here.ids, there.ids)
        yield case.judge(
            f"{name}: mean of what is seen [px]", 0.0, float(error[sure].mean()), float(error[sure].mean()),
            case.limits("mean_px"),
        )  # fmt: skip
        p99 = float(np.quantile(error[sure], 0.99))
        yield case.judge(f"{name}: 99th percentile [px]", 0.0, p99, p99, case.limits("p99_px"))
        if moves:
            continue
        truth = (there.ids > 0) & (here.ids == 0)
        found = (hidden > 0.5) & (here.ids == 0)
        overlap = float((found & truth).sum() / (found | truth).sum())
        low = case.tolerance["occlusion_mask_IoU"]
        limits = Limits(1 - float(low["pass_"]), 1 - float(low["good"]))
        yield case.judge("occluded ground, IoU", 1.0, overlap, 1 - overlap, limits)


def _round_trip(
    flow: np.ndarray, back: np.ndarray, hidden: np.ndarray, ids: np.ndarray, other_ids: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (h, w) that are seen in both frames, with four neighbours of the same thing there, and the way left over.

    Bilinear reading across an outline would mix two motions.
    """
    rows, cols = ids.shape
    v, u = np.mgrid[:rows, :cols].astype(float)
    y, x = v + flow[..., 1], u + flow[..., 0]
    i, j = np.floor(y).astype(int).clip(0, rows - 2), np.floor(x).astype(int).clip(0, cols - 2)
    s, t = (y - i)[..., None], (x - j)[..., None]
    corner = [back[i + a, j + b] for a in (0, 1) for b in (0, 1)]
    read = (1 - s) * ((1 - t) * corner[0] + t * corner[1]) + s * ((1 - t) * corner[2] + t * corner[3])
    sure = (hidden == 0) & (x >= 0) & (x < cols - 1) & (y >= 0) & (y < rows - 1)
    for a in (0, 1):
        for b in (0, 1):
            sure &= other_ids[i + a, j + b] == ids
    return sure, np.linalg.norm(flow + read, axis=-1)
