"""How the photo was taken: field of view, pitch, roll and height from whatever is known.

Each number is taken from the best source there is (the user, a circle, the horizon, EXIF, a default), and the report
says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from physim.camera import Camera
from physim.shot import CameraHint, CircleHint

DEFAULT_FOV = 60.0
"""Horizontal [degrees]: a phone's main camera."""
DEFAULT_PITCH = 5.0
"""Hand-held photos look down a little [degrees]."""
DEFAULT_HEIGHT = 1.5
"""[m]: eyes of a standing person."""


@dataclass(frozen=True)
class Guess:
    """A number of the camera that was found in the photo or its depth, for where the user says nothing."""

    value: float
    source: str
    """For the report."""


@dataclass(frozen=True)
class CirclePose:
    """A circle in the camera frame (OpenCV)."""

    normal: np.ndarray
    """Unit vector of its plane towards the camera (3,)."""
    centre: np.ndarray
    """(3,) [m]"""

    @property
    def pitch_deg(self) -> float:
        """Angle of the view below the circle's plane [degrees], if that plane is horizontal."""
        return float(np.degrees(np.arcsin(np.clip(-self.normal[2], -1, 1))))

    @property
    def roll_deg(self) -> float:
        """[degrees], positive for a camera turned clockwise."""
        return float(np.degrees(np.arctan2(-self.normal[0], -self.normal[1])))

    @property
    def distance(self) -> float:
        """From the camera to the circle's plane, along its normal [m]."""
        return float(-self.centre @ self.normal)


def conic_of(ellipse: tuple[float, ...]) -> np.ndarray:
    """Symmetric (3, 3) matrix C with (u, v, 1) C (u, v, 1)^T = 0 on the ellipse, negative inside."""
    u, v, a, b, degrees = ellipse
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    to_unit = np.array([[cos / a, sin / a, 0], [-sin / b, cos / b, 0], [0, 0, 1]]) @ np.array(
        [[1, 0, -u], [0, 1, -v], [0, 0, 1.0]]
    )
    return to_unit.T @ np.diag([1.0, 1.0, -1.0]) @ to_unit


def circle_poses(ellipse: tuple[float, ...], radius: float, intrinsics: np.ndarray) -> tuple[CirclePose, CirclePose]:
    """The two circles of ``radius`` whose picture is the given ellipse.

    The cone through the ellipse, ``Q = K^T C K`` with eigenvalues l1 >= l2 > 0 > l3, is cut in circles by two families
    of planes, with normals ``+-sqrt((l1 - l2) / (l1 - l3)) e1 + sqrt((l2 - l3) / (l1 - l3)) e3`` (Chen, Wu and
    Wada, Camera calibration with two arbitrary coplanar circles, ECCV 2004). The centre of the circle is the pole of
    its plane, ``Q^-1 n``, and the radius gives the scale.

    Args:
        ellipse: [centre u, centre v, semi-axis u, semi-axis v, angle in degrees] [pixels].
        radius: Of the circle [m].
        intrinsics: K (3, 3) [pixels].

    Raises:
        ValueError: A semi-axis or a radius that is not positive.
    """
    if min(ellipse[2:4]) <= 0 or radius <= 0:
        raise ValueError(f"circle of radius {radius} m seen as ellipse {list(ellipse)}: expected positive lengths.")
    if not 1e-3 <= ellipse[3] / ellipse[2] <= 1e3 or np.abs(ellipse).max() > 1e5:
        raise ValueError(
            f"hints.camera.circle: ellipse {list(ellipse)} is a line, or far beyond any photo, and tells nothing of "
            f"the camera. Take a circle that is seen open, outlined in pixels of the photo."
        )
    cone = intrinsics.T @ conic_of(ellipse) @ intrinsics
    values, vectors = np.linalg.eigh(cone)
    (l3, l2, l1), (e3, e1) = values, (vectors[:, 0], vectors[:, 2])
    along, across = np.sqrt(max((l2 - l3) / (l1 - l3), 0)), np.sqrt(max((l1 - l2) / (l1 - l3), 0))
    poses = []
    for sign in (1.0, -1.0):
        normal = along * e3 + sign * across * e1
        centre = np.linalg.solve(cone, normal)
        centre *= np.sign(centre[2])  # in front of the camera
        normal *= -np.sign(normal @ centre)  # towards the camera
        side = np.cross(normal, e3 if abs(normal @ e3) < 0.9 else e1)
        side /= np.linalg.norm(side)
        seen = np.sqrt(-(centre @ cone @ centre) / (side @ cone @ side))  # radius at this scale of the centre
        poses.append(CirclePose(normal, centre * (radius / seen)))
    return poses[0], poses[1]


def circle_pose(hint: CircleHint, intrinsics: np.ndarray, *, roll_deg: float = 0.0) -> CirclePose:
    """Of the two solutions the one that fits a camera with this roll and looks down on the circle."""
    poses = circle_poses(hint.ellipse, hint.diameter / 2, intrinsics)

    def misfit(pose: CirclePose) -> float:
        turn = (pose.roll_deg - roll_deg + 180) % 360 - 180
        return abs(turn) + (360 if pose.pitch_deg < 0 else 0)

    return min(poses, key=misfit)


def camera_from(
    hint: CameraHint,
    size: tuple[int, int],
    *,
    exif_focal: float | None = None,
    depth_focal: float | None = None,
    guesses: Mapping[str, Guess] | None = None,
) -> tuple[Camera, dict[str, str]]:
    """The camera of a photo from hints, EXIF, guesses and defaults.

    Args:
        hint: What the user said.
        size: (height, width) of the photo [pixels].
        exif_focal: Focal length that the photo's EXIF data gives [pixels].
        depth_focal: Focal length that the source of depth gives [pixels]; EXIF and the user know better.
        guesses: Of 'pitch', 'roll' [degrees] and 'height' [m] what was found elsewhere, instead of the defaults.

    Returns:
        The camera, and one line of report per number.
    """
    rows, cols = size
    report: dict[str, str] = {}
    source = "default"
    if hint.fov is not None:
        fov, source = hint.fov, "user"
    elif exif_focal:
        fov, source = float(np.degrees(2 * np.arctan(0.5 * cols / exif_focal))), "exif"
    elif depth_focal:
        fov, source = float(np.degrees(2 * np.arctan(0.5 * cols / depth_focal))), "depth"
    else:
        fov = DEFAULT_FOV
    report["camera.fov"] = f"{fov:.1f} degrees ({source})"
    focal = 0.5 * cols / np.tan(np.radians(fov) / 2)
    found = {"pitch": Guess(DEFAULT_PITCH, "default"), "height": Guess(DEFAULT_HEIGHT, "default"), **(guesses or {})}
    pitch, pitch_from = found["pitch"].value, found["pitch"].source
    height, height_from = found["height"].value, found["height"].source
    roll, roll_from = hint.roll, "user" if "roll" in hint.model_fields_set else "default"
    if roll_from == "default" and "roll" in found:
        roll, roll_from = found["roll"].value, found["roll"].source
    if hint.circle is not None:
        intrinsics = np.array([[focal, 0, cols / 2], [0, focal, rows / 2], [0, 0, 1.0]])
        pose = circle_pose(hint.circle, intrinsics, roll_deg=hint.roll)
        pitch, roll, pitch_from, roll_from = pose.pitch_deg, pose.roll_deg, "circle", "circle"
        height, height_from = pose.distance + hint.circle.height, "circle"
    elif hint.horizon is not None:
        pitch, pitch_from = float(np.degrees(np.arctan((rows / 2 - hint.horizon * rows) / focal))), "horizon"
    if hint.pitch is not None:
        pitch, pitch_from = hint.pitch, "user"
    if hint.height is not None:
        height, height_from = hint.height, "user"
    report["camera.pitch"] = f"{pitch:.1f} degrees below the horizontal ({pitch_from})"
    report["camera.roll"] = f"{roll:.1f} degrees ({roll_from})"
    report["camera.height"] = f"{height:.3g} m above the ground ({height_from})"
    camera = Camera.looking(size, fov_deg=fov, pitch_deg=pitch, roll_deg=roll, height=height, source=source)
    return camera, report


def plane_depth(camera: Camera, height: float, *, far: float) -> np.ndarray:
    """Depth z of the horizontal plane y = ``height`` at each pixel [m]; ``far`` where the ray does not reach it."""
    directions = camera.unproject(camera.pixel_grid(), 1.0) - camera.position  # z = 1 in the camera
    drop = height - camera.position[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = drop / directions[..., 1]
    return np.where(np.isfinite(depth) & (depth > 0) & (depth < far), depth, far)


def on_plane(camera: Camera, pixels: np.ndarray, height: float) -> np.ndarray:
    """Where rays through ``pixels`` (..., 2) meet y = ``height``, (..., 3) [m]; NaN where they do not."""
    directions = camera.unproject(pixels, 1.0) - camera.position
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = (height - camera.position[1]) / directions[..., 1]
    return camera.position + np.where(depth > 0, depth, np.nan)[..., None] * directions
