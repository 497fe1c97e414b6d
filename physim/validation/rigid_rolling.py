"""Cases of rolling: bodies down an incline, a ball that slides into rolling, balls on a pushed board, a fall in air."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from physim.materials import Rigid
from physim.scene import Scene
from physim.shapes import Box, Plane, Sphere
from physim.validation import measure
from physim.validation.case import Case, Quantity, Row
from physim.validation.parts import Incline, ground, push, round_body, solid, substep_of, vector
from physim.validation.registry import runner
from physim.validation.settings import Settings, body


@runner("rolling_incline")
def rolling(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Acceleration of balls, cylinders, shells and hoops; no slip where the grip suffices."""
    by_angle: dict[float, list[Row]] = {}
    for row in case.rows():
        by_angle.setdefault(row["theta_deg"], []).append(row)
    radius = case.get("R")
    for theta, rows in by_angle.items():
        plane = Incline(theta, case.gravity, 1.0)
        for k, row in enumerate(rows):
            shape = round_body(str(row["shape"]), radius, row["k"])
            q = _lying(plane)
            place = plane.place(0.0, 4 * radius * k, radius)
            plane.scene.add(
                shape, solid(row.get("mu", case.get("mu")) ** 2, mass=1.0), name=f"{k}", position=place, orientation=q
            )
        slowest = min(row["accel_m_s2"] for row in rows)
        trajectory = settings.simulate(plane.scene, min(max(np.sqrt(2.0 / slowest), 0.5), 4.0))
        for k, row in enumerate(rows):
            track = body(trajectory, f"{k}")
            t = measure.times(track)
            late = t > 0.2 * t[-1]
            way = (track.dense_position - track.dense_position[0]) @ plane.downhill
            speed = track.dense_velocity @ plane.downhill
            turning = -track.dense_angular_velocity @ plane.across * radius
            label = f"{row['shape']}, slope {theta:g} deg, mu {row.get('mu', case.get('mu')):g}"
            got = measure.acceleration(t[late], way[late])
            yield case.relative(f"acceleration [m/s^2], {label}", row["accel_m_s2"], got, case.limits("accel_rel"))
            if str(row.get("regime", "roll")) == "roll":
                slip = float(np.max(np.abs(speed - turning)[late] / speed[late]))
                yield case.absolute(f"slip over speed [-], {label}", 0.0, slip, case.limits("no_slip"))
            else:
                got = measure.slope(t[late], turning[late])
                name = f"radius x angular acceleration [m/s^2], {label}"
                yield case.relative(name, row["R_alpha_m_s2"], got, case.limits("accel_rel"))


def _lying(plane: Incline) -> tuple[float, float, float, float]:
    """Orientation of a body whose y axis, that of a cylinder, lies across the slope."""
    from scipy.spatial.transform import Rotation

    q = Rotation.from_matrix(np.stack([plane.downhill, plane.across, -plane.normal], axis=1)).as_quat()
    return float(q[0]), float(q[1]), float(q[2]), float(q[3])


@runner("sliding_to_rolling")
def bowling(case: Case, settings: Settings) -> Iterator[Quantity]:
    """When and where a thrown ball stops slipping, and its speed then."""
    v0, mu, radius = case.get("v0"), case.get("mu"), case.get("R")
    expected = case.expected
    scene = Scene(gravity=(0.0, -case.gravity, 0.0))
    scene.add(Plane(), ground(1.0))
    scene.add(Sphere(radius), solid(mu**2), name="ball", position=(0, radius, 0), velocity=(v0, 0, 0))
    track = body(settings.simulate(scene, 1.5 * expected["t_roll"]), "ball")
    t, speed = measure.times(track), track.dense_velocity[:, 0]
    slip = speed + radius * track.dense_angular_velocity[:, 2]
    sliding = (slip < 0.9 * v0) & (slip > 0.1 * v0)
    rate, start = np.polyfit(t[sliding], slip[sliding], 1)
    at = -start / rate
    rolls = t > 1.1 * at
    limits = case.limits("rel")
    yield case.relative("time until it rolls [s]", expected["t_roll"], float(at), limits)
    got = float(np.mean(speed[rolls]))
    yield case.relative("speed of rolling [m/s]", expected["v_roll"], got, limits)
    way = track.dense_position[:, 0]
    # the way is a parabola while it slides; read it at the fitted instant
    got = float(np.polyval(np.polyfit(t[sliding], way[sliding], 2), at))
    yield case.relative("way until it rolls [m]", expected["x_roll"], got, limits)


@runner("simbenchmark_rolling")
def pushed_board(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Speeds of a board pushed along a diagonal and of the balls that roll on it."""
    count, force, seconds = int(case.get("N")), case.get("F"), 1.0
    turn = np.radians(case.get("dir_deg"))
    along = np.array([np.cos(turn), 0.0, np.sin(turn)])
    scene = _board(case, count)
    step = substep_of(scene, settings)
    push(scene, "board", vector(force * along), seconds, step)
    trajectory = settings.simulate(scene, seconds)
    board = body(trajectory, "board")
    balls = [body(trajectory, f"ball{k}") for k in range(count)]
    sample = min(round(seconds / measure.times(board)[1]), len(board.dense_velocity) - 1)
    scale = measure.times(board)[sample]
    limits = case.limits("velocity_rel")
    got = float(board.dense_velocity[sample] @ along) / scale
    yield case.relative("speed of the board after 1 s [m/s]", case.expected["v_box_after_1s"], got, limits)
    speeds = np.array([b.dense_velocity[sample] @ along for b in balls]) / scale
    name = "speed of the balls after 1 s [m/s], "
    yield case.relative(name + "mean", case.expected["v_ball_after_1s"], float(speeds.mean()), limits)
    worst = float(speeds[np.argmax(np.abs(speeds - case.expected["v_ball_after_1s"]))])
    yield case.relative(name + "farthest from it", case.expected["v_ball_after_1s"], worst, limits)
    across = np.array([-along[2], 0.0, along[0]])
    aside = float(board.dense_velocity[sample] @ across / max(abs(board.dense_velocity[sample] @ along), 1e-12))
    yield case.absolute("speed of the board aside over along [-]", 0.0, aside, limits)
    radius = _ball_radius()
    slip = [
        np.linalg.norm(
            b.dense_velocity[sample]
            + np.cross(b.dense_angular_velocity[sample], (0, -radius, 0))
            - board.dense_velocity[sample]
        )
        for b in balls
    ]
    holds = bool(max(slip) < 0.01 * np.linalg.norm(board.dense_velocity[sample]))
    yield case.truth("balls roll without slip", bool(case.expected.get("no_slip_ok", True)), holds)


def _ball_radius() -> float:
    return 0.1


def _board(case: Case, count: int) -> Scene:
    """Frictions as pairs: `mu_box_ground` below, `mu_ball_box` above, nothing else touches."""
    scene = Scene(gravity=(0.0, -case.gravity, 0.0))
    below, above = case.get("mu_box_ground"), case.get("mu_ball_box")
    side, radius, pitch, height = int(np.ceil(np.sqrt(count))), _ball_radius(), 0.5, 0.2
    reach = case.get("F") / case.get("M")  # more than twice the way of the board under the balls in 1 s
    width = pitch * side + 2 * min(reach, 10.0)
    scene.add(Plane(), ground(below**2))
    board = solid(1.0, mass=case.get("M"))
    scene.add(Box((width, height, width)), board, name="board", position=(0, height / 2, 0))
    for k in range(count):
        x, z = (pitch * (i - (side - 1) / 2) for i in (k % side, k // side))
        ball = solid(above**2, mass=case.get("m"))
        scene.add(Sphere(radius), ball, name=f"ball{k}", position=(x, height + radius, z))
    return scene


@runner("drag_fall")
def drag(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Time and speed at the end of a fall through air, and the speed that it tends to."""
    from physim.rigid_arrays import AIR_DENSITY

    expected, height, limits = case.expected, case.get("H"), case.limits("rel")
    # the air of the library has one density; the product with the coefficient is what counts
    coefficient = case.get("Cd") * case.get("rho", AIR_DENSITY) / AIR_DENSITY
    material = Rigid("rubber", mass=case.get("m"), drag_coefficient=coefficient)
    scene = Scene(gravity=(0.0, -case.gravity, 0.0))
    scene.add(Sphere(case.get("R")), material, name="ball")
    long = 5.0 * expected["terminal_speed"] / case.gravity  # tanh(5) is 1 to 1e-4
    track = body(settings.simulate(scene, max(long, 1.2 * expected["time_to_H"])), "ball")
    t, fallen, speed = measure.times(track), -track.dense_position[:, 1], -track.dense_velocity[:, 1]
    at, _ = measure.crossings(t, fallen - height, speed)
    first = float(at[0]) if len(at) else None
    yield case.relative(f"time to fall {height:g} m [s]", expected["time_to_H"], first, limits)
    got = None if first is None else float(np.interp(first, t, speed))
    yield case.relative(f"speed after {height:g} m [m/s]", expected["speed_at_H"], got, limits)
    yield case.relative("terminal speed [m/s]", expected["terminal_speed"], float(speed[-1]), limits)
