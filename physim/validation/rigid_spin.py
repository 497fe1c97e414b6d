"""Cases of free and pivoted rotation: the tennis racket, the symmetric top, the heavy top."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from physim.joints import BallJoint
from physim.scene import Scene
from physim.trajectory import BodyTrack
from physim.validation import measure
from physim.validation.case import Case, Limits, Quantity
from physim.validation.parts import box_of_inertia, solid, vector
from physim.validation.registry import runner
from physim.validation.settings import Settings, body


def _free_top(inertia: tuple[float, float, float], spin: np.ndarray, settings: Settings, seconds: float) -> BodyTrack:
    """A body that nothing acts on, its principal axes along the world's at the start."""
    scene = Scene(gravity=(0.0, 0.0, 0.0))
    shape = box_of_inertia(inertia, 1.0)
    scene.add(shape, solid(mass=1.0), name="top", angular_velocity=vector(spin))
    return body(settings.simulate(scene, seconds), "top")


@runner("dzhanibekov")
def tennis_racket(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Momentum and energy kept, time between flips, attitude against the table."""
    inertia, start = np.array(case.params["I"], dtype=float), np.array(case.params["w0"], dtype=float)
    table = case.rows()
    end = float(table[-1]["t"])
    seconds = max(end, 1.35 * float(case.expected["flip_period_s"])) + 2 / settings.fps
    track = _free_top((inertia[0], inertia[1], inertia[2]), start, settings, seconds)
    t = measure.times(track)
    spin = measure.in_body(track, track.dense_angular_velocity)
    momentum = measure.in_world(track, spin * inertia)
    until = t <= max(end, 10.0)
    expected = float(case.expected["L"])
    drift = float(np.linalg.norm(momentum - momentum[0], axis=1)[until].max() / expected)
    got = float(np.linalg.norm(momentum[until][-1]))
    yield case.judge("angular momentum [kg m^2/s]", expected, got, drift, case.limits("L_drift_rel"))
    energy = 0.5 * (spin**2 * inertia).sum(1)
    expected = float(case.expected["E"])
    worst = float(energy[until][np.argmax(np.abs(energy[until] - energy[0]))])
    yield case.relative("energy [J], farthest", expected, worst, case.limits("E_drift_rel"))
    axis = int(np.argmax(np.abs(start)))
    flips, _ = measure.crossings(t, spin[:, axis])
    interval = float(np.mean(np.diff(flips))) if len(flips) > 1 else None
    name = "time between flips [s]"
    yield case.relative(name, case.expected["flip_interval_s"], interval, case.limits("flip_interval_rel"))
    yield case.absolute(
        f"attitude [deg] away from the table at {end:g} s",
        0.0,
        _away(track, table[-1]),
        case.limits("quat_angle_err_deg_at_T"),
    )


def _away(track: BodyTrack, row: dict[str, float]) -> float:
    """Angle [deg] between the attitude at a row's time and the row's quaternion, which is (w, x, y, z)."""
    expected = np.array([row["qx"], row["qy"], row["qz"], row["qw"]])
    _, q = track.at(row["t"])
    cosine = min(abs(float(q @ expected)) / float(np.linalg.norm(expected)), 1.0)
    return float(np.degrees(2 * np.arccos(cosine)))


@runner("symmetric_top_free")
def symmetric_top(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Precession seen from the body and from outside, and the angle of the axis to the angular momentum."""
    across, along = case.get("I1"), case.get("I3")
    expected, limits = case.expected, case.limits("rel")
    slowest = min(abs(expected["body_precession_rad_s"]), abs(expected["space_precession_rad_s"]))
    seconds = float(np.clip(4 * 2 * np.pi / max(slowest, 1e-3), 1.0, 20.0))
    spin = np.array([case.get("wp"), 0.0, case.get("w3")])
    track = _free_top((across, across, along), spin, settings, seconds)
    t = measure.times(track)
    seen = measure.in_body(track, track.dense_angular_velocity)
    rate = measure.slope(t, np.unwrap(np.arctan2(seen[:, 1], seen[:, 0])))
    yield case.relative("precession in the body [rad/s]", expected["body_precession_rad_s"], abs(rate), limits)
    momentum = np.array([across, across, along]) * spin
    pole = momentum / np.linalg.norm(momentum)
    axis = measure.in_world(track, np.array([0.0, 0.0, 1.0]))
    side = np.cross(pole, axis[0])
    side /= np.linalg.norm(side)
    azimuth = np.unwrap(np.arctan2(axis @ side, axis @ np.cross(side, pole)))
    rate = abs(measure.slope(t, azimuth))
    yield case.relative("precession in space [rad/s]", expected["space_precession_rad_s"], rate, limits)
    angle = np.degrees(np.arctan2(np.linalg.norm(np.cross(axis, pole), axis=1), axis @ pole))
    half = expected["nutation_half_angle_deg"]
    farthest = float(angle[np.argmax(np.abs(angle - half))])
    yield case.relative("angle of the axis to the momentum [deg], farthest", half, farthest, limits)


@runner("heavy_top")
def heavy_top(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Steady precession of a spinning top on a pivot, and how much it nods."""
    mass, arm, tilt = case.get("m"), case.get("l"), np.radians(case.get("theta_deg"))
    about_pivot, axial, w3 = case.get("I1_pivot"), case.get("I3"), case.get("w3")
    across = about_pivot - mass * arm**2
    slow = float(case.expected["Om_slow"])
    axis = np.array([np.sin(tilt), np.cos(tilt), 0.0])
    spin = slow * np.array([0.0, 1.0, 0.0]) + (w3 - slow * np.cos(tilt)) * axis
    scene = Scene(gravity=(0.0, -case.gravity, 0.0))
    # the body's z is its axis; at the start it leans towards +x
    lean = (float(np.sin(tilt / 2)), 0.0, 0.0, float(np.cos(tilt / 2)))
    quaternion = _turn_z_to(axis) if np.sin(tilt) > 0 else lean
    scene.add(
        box_of_inertia((across, across, axial), mass), solid(mass=mass), name="top", position=vector(arm * axis),
        orientation=quaternion, velocity=vector(np.cross(spin, arm * axis)), angular_velocity=vector(spin),
    )  # fmt: skip
    scene.add(BallJoint("top", at=(0.0, 0.0, 0.0)))
    track = body(settings.simulate(scene, float(case.expected["period_slow_s"])), "top")
    t = measure.times(track)
    pointing = measure.in_world(track, np.array([0.0, 0.0, 1.0]))
    azimuth = np.unwrap(np.arctan2(-pointing[:, 2], pointing[:, 0]))
    yield case.relative("precession [rad/s]", slow, measure.slope(t, azimuth), case.limits("precession_rel"))
    angle = np.degrees(np.arccos(np.clip(pointing[:, 1], -1, 1)))
    nod = float(np.max(np.abs(angle - case.get("theta_deg"))))
    yield case.absolute("nutation [deg]", 0.0, nod, case.limits("nutation_deg"))
    loose = float(np.max(np.abs(np.linalg.norm(track.dense_position, axis=1) - arm)) / arm)
    yield case.judge("distance to the pivot [m], farthest", arm, arm * (1 + loose), loose, Limits())


def _turn_z_to(axis: np.ndarray) -> tuple[float, float, float, float]:
    from scipy.spatial.transform import Rotation

    x = np.cross([0.0, 1.0, 0.0], axis)
    x /= np.linalg.norm(x)
    q = Rotation.from_matrix(np.stack([x, np.cross(axis, x), axis], axis=1)).as_quat()
    return float(q[0]), float(q[1]), float(q[2]), float(q[3])
