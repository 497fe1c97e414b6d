"""Balls of known size that lie on the ground: where they are seen says how the camera was held, and how high."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from physim.camera import Camera
from physim.shot import BallHint
from physim.view import conic_of

DRAWN = 1.0
"""Outlines are drawn by hand to so many pixels."""
_BEGIN = (10.0, 40.0, 70.0)
"""Pitches from which the search begins [degrees]."""
USABLE = 4.0
"""Pitch and roll are taken from balls that tell them to better than this [degrees]."""


@dataclass(frozen=True)
class BallPose:
    """How a camera is held over the plane that balls lie on [degrees]."""

    pitch: float
    roll: float
    pitch_error: float
    """Standard deviation, for outlines drawn to a pixel; ``inf`` where the balls do not tell."""
    roll_error: float


def ball_centre(ellipse: tuple[float, ...], diameter: float, intrinsics: np.ndarray) -> np.ndarray:
    """Centre (3,) [m] in the camera frame (OpenCV) of a ball seen with this outline.

    The rays that graze a ball of radius R at distance d are a circular cone round the line to its centre, of half-angle
    ``asin(R / d)``. Of the cone through the ellipse, ``Q = K^T C K`` with eigenvalues l1 ~ l2 > 0 > l3, the axis is the
    eigenvector of l3 and ``tan^2`` of the half-angle ``-l3 / l``, with the mean of both where it was not drawn round.

    Args:
        ellipse: [centre u, centre v, semi-axis u, semi-axis v, angle in degrees] [pixels].
        diameter: [m]
        intrinsics: K (3, 3) [pixels].

    Raises:
        ValueError: Lengths that are not positive, or an outline that no ball before the camera has.
    """
    if min(ellipse[2:4]) <= 0 or diameter <= 0:
        raise ValueError(
            f"hints.camera.balls: {diameter} m seen as ellipse {list(ellipse)}: expected positive lengths."
        )
    values, vectors = np.linalg.eigh(intrinsics.T @ conic_of(ellipse) @ intrinsics)
    l3, l2, l1 = values
    tangent = np.sqrt(-l3 / np.sqrt(l1 * l2))
    axis = vectors[:, 0] * np.sign(vectors[2, 0])
    if not np.isfinite(tangent) or axis[2] <= 0:
        raise ValueError(f"hints.camera.balls: no ball before the camera is seen as ellipse {list(ellipse)}.")
    return axis * (0.5 * diameter * np.sqrt(1 + tangent**2) / tangent)


def ball_pose(
    balls: Sequence[BallHint], intrinsics: np.ndarray, *, pitch: float | None = None, roll: float | None = None
) -> BallPose:
    """The camera's pitch and roll for which all balls touch one plane.

    Least squares of ``n . c + height - R`` over the balls' centres c and radii R, with the plane's upward normal
    ``n = (-sin(roll) cos(pitch), -cos(roll) cos(pitch), -sin(pitch))``, each over what a pixel
    of its outline does to it.

    Args:
        balls: At least one.
        intrinsics: K (3, 3) [pixels].
        pitch: [degrees] if it is known; with a single ball it must be.
        roll: [degrees] if it is known; with two balls it is taken as zero.

    Raises:
        ValueError: An outline that no ball before the camera has, see :func:`ball_centre`.
    """
    from scipy.optimize import least_squares

    centres, radii, seen = _balls(balls, intrinsics)
    free = [pitch is None and len(balls) >= 2, roll is None and len(balls) >= 3]
    held = np.radians([20.0 if pitch is None else pitch, 0.0 if roll is None else roll])

    def angles(values: np.ndarray) -> np.ndarray:
        both = held.copy()
        both[free] = values[:-1]
        return both

    def misfit(values: np.ndarray) -> np.ndarray:
        normal = _up(*angles(values))
        return (centres @ normal + values[-1] - radii) / _errors(centres, seen, normal, intrinsics[0, 0])

    scale = np.append(np.full(sum(free), 0.1), np.median(np.linalg.norm(centres, axis=1)))
    fits = []
    for begin in np.radians(_BEGIN):  # a plane has two sides: some of them end below the balls, with the camera
        first = np.where([free[0], False], [begin, 0.0], held)
        start = np.append(first[free], np.median(radii - centres @ _up(*first)))
        fits.append(least_squares(misfit, start, x_scale=scale))
    found = min(fits, key=lambda fit: fit.cost + (1e9 if fit.x[-1] < 0 else 0.0))
    spread = np.full(3, np.inf)
    information = found.jac.T @ found.jac
    if np.linalg.cond(information) < 1e12:
        spread[[*free, True]] = np.sqrt(np.diag(np.linalg.inv(information)))
    p, r = np.degrees(angles(found.x))
    wide = np.degrees(spread[:2])
    return BallPose(float(p), float(r), float(wide[0]), float(wide[1]))


def height_over(balls: Sequence[BallHint], camera: Camera) -> tuple[float, float]:
    """Height of a camera held like this one over the ground that the balls lie on, and its standard deviation [m]."""
    centres, radii, seen = _balls(balls, camera.intrinsics)
    up = camera.world_from_camera[1, :3]
    weights = _errors(centres, seen, up, camera.focal) ** -2
    return float(np.average(radii - centres @ up, weights=weights)), float(weights.sum() ** -0.5)


def _balls(balls: Sequence[BallHint], intrinsics: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centres (n, 3) in the camera frame [m], radii [m], and radii as seen [pixels]."""
    centres = np.array([ball_centre(ball.ellipse, ball.diameter, intrinsics) for ball in balls])
    radii = np.array([0.5 * ball.diameter for ball in balls])
    return centres, radii, np.array([np.sqrt(ball.ellipse[2] * ball.ellipse[3]) for ball in balls])


def _errors(centres: np.ndarray, seen: np.ndarray, up: np.ndarray, focal: float) -> np.ndarray:
    """What a pixel of a drawn outline does to a ball's height [m]: it moves along its ray and beside."""
    return DRAWN * np.hypot(centres @ up / seen, np.linalg.norm(centres, axis=1) / focal)


def _up(pitch: float, roll: float) -> np.ndarray:
    """The world's up in the frame of a camera so held [radians]."""
    return np.array([-np.sin(roll) * np.cos(pitch), -np.cos(roll) * np.cos(pitch), -np.sin(pitch)])
