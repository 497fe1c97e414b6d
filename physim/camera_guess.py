"""The camera of a photo from all that is known: hints first, then EXIF, measured depth, straight edges, defaults.

What the user says is never overruled. Each number's line in the report says where it comes from.
"""

from __future__ import annotations

import numpy as np

from physim.ball_pose import USABLE, ball_pose, height_over
from physim.camera import Camera
from physim.depth import resampled
from physim.depth_regions import sky_of
from physim.depth_result import DepthResult
from physim.ground_fit import ground_plane
from physim.recall import remembered
from physim.segment import polygon_coverage
from physim.shot import BallHint, CameraHint, Hints, KnownLength
from physim.vanishing import seen_frame
from physim.view import Guess, camera_from, on_plane

INDOOR_PITCH = 12.0
"""Photos taken by hand indoors look down by 11 to 15 degrees [degrees]."""
LENGTHS_APART = 0.1
"""Heights of the camera by several known lengths, or by hint and length, may differ by this part."""
_LEAST_SKY = 0.02
_SKY_GRID = 320


@remembered
def guessed_camera(
    hints: Hints,
    image: np.ndarray,
    *,
    exif_focal: float | None = None,
    given: DepthResult | None = None,
) -> tuple[Camera, dict[str, str]]:
    """The camera of a photo, and one line of report per number.

    Pitch and roll that no hint gives come from the ground plane in metric (or scaled) depth, else from straight edges.
    The height comes from a known length, else from clicks on the outlined ground, else from the ground plane in
    metric depth.

    Args:
        hints: What the user said.
        image: The photo (H, W, 3) float32 sRGB.
        exif_focal: Focal length that the photo's EXIF data gives [pixels].
        given: Depth from a file or a network, if there is one.

    Raises:
        ValueError: Known lengths that no camera so held can see.
    """
    rows, cols = image.shape[:2]
    lens = None if given is None or given.intrinsics is None else given.intrinsics[0, 0] * cols / given.size[1]
    said = hints.camera

    def camera(guesses: dict[str, Guess]) -> tuple[Camera, dict[str, str]]:
        return camera_from(said, (rows, cols), exif_focal=exif_focal, depth_focal=lens, guesses=guesses)

    guesses: dict[str, Guess] = {}
    plane = None
    focal = camera(guesses)[0].focal
    guesses |= _tilt_from_balls(said, camera({})[0])
    tilt_free = said.circle is None and said.pitch is None and said.horizon is None and "pitch" not in guesses
    height_free = said.circle is None and said.height is None and not said.balls
    if given is not None and given.kind in ("metric", "scale") and (tilt_free or height_free):
        region = None
        if hints.ground is not None:
            region = polygon_coverage(np.array(hints.ground) * given.size[1] / cols, given.size) >= 0.5
        plane = ground_plane(given, focal * given.size[1] / cols, region)
    if plane is not None and tilt_free:
        where = f"plane in the depth, {100 * plane.share:.0f} % of it"
        guesses |= {"pitch": Guess(plane.pitch, where), "roll": Guess(plane.roll, where)}
    elif tilt_free and hints.ground is None:
        frame = seen_frame(image, focal)
        if frame is not None:
            where = f"straight edges, {100 * frame.share:.0f} % of them"
            guesses |= {"pitch": Guess(frame.pitch, where), "roll": Guess(frame.roll, where)}
        elif not _shows_sky(image):
            guesses["pitch"] = Guess(INDOOR_PITCH, "default where no sky is seen")
    if said.balls:
        guesses["height"] = _height_from_balls(said.balls, camera(guesses)[0])
    elif height_free and hints.lengths:
        guesses["height"] = _height_from_lengths(hints.lengths, camera(guesses)[0])
    elif height_free:
        clicked = _height_from_clicks(hints, camera(guesses)[0])
        if clicked is not None:
            guesses["height"] = clicked
        elif plane is not None and given is not None and given.kind == "metric":
            guesses["height"] = Guess(plane.height, f"plane in the depth, to {1000 * plane.rms:.2g} mm")
    chosen, report = camera(guesses)
    return chosen, report | _lengths_checked(hints.lengths, chosen, given=not height_free)


def _tilt_from_balls(said: CameraHint, camera: Camera) -> dict[str, Guess]:
    """Pitch and roll, where balls on the ground tell them well enough."""
    if not said.balls:
        return {}
    known = said.pitch is not None or said.horizon is not None
    pitch = float(np.degrees(np.arcsin(-camera.world_from_camera[1, 2]))) if known else None
    roll = said.roll if "roll" in said.model_fields_set else None
    pose = ball_pose(said.balls, camera.intrinsics, pitch=pitch, roll=roll)
    if pose.roll_error > USABLE and roll is None:
        pose = ball_pose(said.balls, camera.intrinsics, pitch=pitch, roll=0.0)
    tilt = {"pitch": (pose.pitch, pose.pitch_error), "roll": (pose.roll, pose.roll_error)}
    return {
        name: Guess(value, f"{len(said.balls)} balls, to {error:.1g} degrees")
        for name, (value, error) in tilt.items()
        if error < USABLE
    }


def _height_from_balls(balls: list[BallHint], camera: Camera) -> Guess:
    """Height at which balls lie on the ground, for a camera held like this one."""
    height, error = height_over(balls, camera)
    if height <= 0:
        raise ValueError(
            f"hints.camera.balls: their ground would be {-height:.3g} m above the camera as it is held. Look at their "
            f"outlines and diameters, or give `pitch`."
        )
    what = "a ball" if len(balls) == 1 else f"{len(balls)} balls"
    return Guess(height, f"{what}, to {1000 * error:.2g} mm")


def _lengths_checked(lengths: list[KnownLength], camera: Camera, *, given: bool) -> dict[str, str]:
    """Lines of the report on known lengths: what they say beside a height that is given, and where they differ."""
    if not lengths:
        return {}
    heights = _heights(lengths, camera)
    lowest, highest, middle = min(heights), max(heights), float(np.median(heights))
    lines = {}
    if given:
        who = _called(heights)
        lines["camera.lengths"] = f"{who} would put the camera {middle:.3g} m high; the height given counts"
        if abs(middle / camera.position[1] - 1) > LENGTHS_APART:
            lines["doubt.lengths"] = f"hints.camera gives {camera.position[1]:.3g} m, and " + lines["camera.lengths"]
    if highest / lowest - 1 > LENGTHS_APART:
        lines["doubt.lengths"] = (
            f"hints.lengths would put the camera from {lowest:.3g} to {highest:.3g} m high; the middle of it counts "
            f"where no height is given. Look at their ends, and at hints.camera.pitch."
        )
    return lines


def _shows_sky(image: np.ndarray) -> bool:
    """Whether the upper part of a photo has sky in it."""
    rows, cols = image.shape[:2]
    small = resampled(image, (max(16, round(_SKY_GRID * rows / cols)), _SKY_GRID)) if cols > _SKY_GRID else image
    above = np.broadcast_to(np.arange(len(small))[:, None] < 0.45 * len(small), small.shape[:2])
    return float(sky_of(small, above).mean()) > _LEAST_SKY


def _height_from_lengths(lengths: list[KnownLength], camera: Camera) -> Guess:
    """Camera height at which the lengths are as known; all of the scene grows with it."""
    heights = _heights(lengths, camera)
    return Guess(float(np.median(heights)), _called(heights))


def _heights(lengths: list[KnownLength], camera: Camera) -> list[float]:
    """Of the camera, by each of the lengths [m]."""
    heights = []
    for number, known in enumerate(lengths):
        seen = _length_seen(known, camera)
        if not (np.isfinite(seen) and seen > 0):
            raise ValueError(
                f"hints.lengths[{number}] from {list(known.line[0])} to {list(known.line[1])} does not lie on the "
                f"ground below the horizon. Give two points of the ground, or `upright: true` and the foot first; "
                f"or look at hints.camera.pitch."
            )
        heights.append(known.metres / seen * float(camera.position[1]))
    return heights


def _called(heights: list[float]) -> str:
    spread = f", which agree to {100 * (max(heights) / min(heights) - 1):.0f} %" if len(heights) > 1 else ""
    return ("a known length" if len(heights) == 1 else f"{len(heights)} known lengths") + spread


def _length_seen(known: KnownLength, camera: Camera) -> float:
    """Length [m] of a line on the ground, or upright from it, as this camera sees it; NaN where it cannot."""
    start, end = (np.array(pixel, dtype=np.float64) for pixel in known.line)
    foot = on_plane(camera, start, 0.0)
    if not known.upright:
        return float(np.linalg.norm(on_plane(camera, end, 0.0) - foot))
    ray = camera.rays(end)
    flat = ray * (1, 0, 1)
    distance = (foot - camera.position) @ flat / max(float(flat @ flat), 1e-12)  # nearest to the line above the foot
    return float(camera.position[1] + distance * ray[1])


def _height_from_clicks(hints: Hints, camera: Camera) -> Guess | None:
    """Camera height at which the ground is as far as the clicks on it say, if any lie inside its outline."""
    if hints.ground is None or not hints.clicks:
        return None
    inside = polygon_coverage(np.array(hints.ground), camera.size) >= 0.5
    heights = []
    for click in hints.clicks:
        u, v = click.pixel
        if not (0 <= u < camera.size[1] and 0 <= v < camera.size[0] and inside[int(v), int(u)]):
            continue
        point = camera.unproject(np.array(click.pixel, dtype=np.float64), click.depth)
        drop = camera.position[1] - point[1]
        if drop > 0:
            heights.append(float(drop))
    if not heights:
        return None
    return Guess(float(np.median(heights)), f"{len(heights)} click{'s' if len(heights) > 1 else ''} on the ground")
