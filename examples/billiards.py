"""Billiards on a garage floor: an oblique collision of equal balls, and what friction makes of it afterwards.

At the impact only the motion along the line of centres is exchanged, so elastic balls part at a right angle and their
momentum adds up to what it was. The struck ball leaves without spin, the other keeps its own: friction with the floor
turns both into rolling, and the paths bend until each moves with 5/7 of its speed plus 2/7 of the speed of its spin.

    python -m examples.billiards --output out/billiards.mp4
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from examples.runner import Measure, run_example
from i2v.animate import RunSummary
from physim.trajectory import Trajectory

PAIR = ("cue", "red")


@dataclass(frozen=True)
class Impact:
    """The first collision of the pair: time [s], velocities [m/s] and angular velocities [rad/s] about it, (2, 3)."""

    time: float
    before: np.ndarray
    after: np.ndarray
    spin_before: np.ndarray
    spin_after: np.ndarray


def first_impact(trajectory: Trajectory) -> Impact:
    """Velocities just before and after, continued to the instant of the impact from two samples on either side."""
    contacts = trajectory.contacts
    hit = np.isin(contacts["body_a"], PAIR) & np.isin(contacts["body_b"], PAIR)
    if not hit.any():
        raise AssertionError(f"the balls have not met after {trajectory.seconds:g} s: give them more time.")
    time = float(contacts["time"][hit].min())
    tracks = [trajectory.bodies[name] for name in PAIR]
    step = 1 / (trajectory.fps * tracks[0].samples_per_frame)
    k = int(np.floor(time / step))

    def continued(values: np.ndarray, near: int, far: int) -> np.ndarray:
        """Linear through two samples: between impacts friction is constant."""
        slope = (values[near] - values[far]) / (near - far)
        return values[near] + slope * (time / step - near)

    before, after, spin_before, spin_after = (
        np.stack([continued(getattr(track, field), near, far) for track in tracks])
        for near, far, field in (
            (k, k - 2, "dense_velocity"), (k + 1, k + 3, "dense_velocity"),
            (k, k - 2, "dense_angular_velocity"), (k + 1, k + 3, "dense_angular_velocity"),
        )
    )  # fmt: skip
    return Impact(time, before, after, spin_before, spin_after)


def angle_between(a: np.ndarray, b: np.ndarray) -> float:
    """[degrees], on the floor."""
    a, b = a[[0, 2]], b[[0, 2]]
    return float(np.degrees(np.arccos(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))))


def rolling_velocity(velocity: np.ndarray, spin: np.ndarray, radius: float) -> np.ndarray:
    """Velocity of a solid ball once it rolls: its angular momentum about the point of contact is kept (2/5 m r^2)."""
    return 5 / 7 * velocity + 2 / 7 * np.cross(spin, [0, radius, 0])


def check(summary: RunSummary) -> list[Measure]:
    """What must be true of the result, and what was measured; the test suite runs it."""
    trajectory = summary.trajectory
    assert trajectory is not None
    impact = first_impact(trajectory)
    opening = angle_between(*impact.after)
    momentum = [velocity.sum(axis=0)[[0, 2]] for velocity in (impact.before, impact.after)]
    lost = float(np.linalg.norm(momentum[1] - momentum[0]) / np.linalg.norm(momentum[0]))
    energy = float((impact.after**2).sum() / (impact.before**2).sum())
    # The little friction between the balls turns their paths by up to mu / 2 of a radian.
    assert abs(opening - 90) < 2.5, "equal elastic balls part at a right angle"
    assert lost < 0.01 and abs(energy - 1) < 0.02
    return [
        Measure("balls part at [degrees]", opening, 90.0, "equal and elastic"),
        Measure("momentum changes by [%]", 100 * lost, 0.0),
        Measure("energy of translation, after over before", energy, 1.0),
        *_check_rolling(trajectory, impact),
    ]


def _check_rolling(trajectory: Trajectory, impact: Impact) -> list[Measure]:
    """Where both balls roll undisturbed, they do so with the velocity that friction must give them."""
    contacts, track, found = trajectory.contacts, trajectory.bodies, []
    step = 1 / (trajectory.fps * track["red"].samples_per_frame)
    for slot, name in enumerate(PAIR):
        radius = float(trajectory.scene[name].shape.radius)  # type: ignore[union-attr]
        balls = [entity.name for entity in trajectory.scene.bodies]
        own = np.isin(contacts["body_a"], balls) & np.isin(contacts["body_b"], balls)
        own &= ((contacts["body_a"] == name) | (contacts["body_b"] == name)) & (contacts["time"] > impact.time + 1e-3)
        end = int(min(contacts["time"][own].min() if own.any() else np.inf, trajectory.seconds) / step) - 2
        law = rolling_velocity(impact.after[slot], impact.spin_after[slot], radius)
        got = track[name].dense_velocity[end]
        slip = got + np.cross(track[name].dense_angular_velocity[end], [0, -radius, 0])
        if np.linalg.norm(slip) > 0.02 * np.linalg.norm(got):
            continue  # still sliding when it meets the next ball, or when the film ends
        error = float(np.linalg.norm(got - law) / np.linalg.norm(law))
        assert error < 0.03, f"{name} rolls as its momentum and spin say"
        speed, lawful = float(np.linalg.norm(got)), float(np.linalg.norm(law))
        found.append(Measure(f"{name} rolls at [m/s]", speed, lawful, "5/7 of its speed, 2/7 of its spin's"))
    return found


def main(argv: list[str] | None = None) -> None:
    run_example(__doc__, "billiards", check, argv)


if __name__ == "__main__":
    main()
