"""Dominoes on a garage floor: the wave that runs through a row of falling blocks has a steady speed of its own.

Each block leans on the next and the whole train pushes the first that still stands. The speed depends on height,
thickness, gap and the friction between faces alone; the push that started the row is forgotten after a few blocks.
Law: J. M. J. van Leeuwen, The domino effect, Am. J. Phys. 78 (2010) 721: blocks turn about their feet, hit without
rebound and keep leaning, so that one angle says how the whole train lies.

    python -m examples.dominoes --output out/dominoes.mp4
"""

from __future__ import annotations

import numpy as np

from examples.runner import Measure, run_example
from i2v.animate import RunSummary

MEASURED = slice(18, 34)
"""Blocks over which the speed is taken: after the start is forgotten, before the end of the row is felt."""


def wave_speed(
    height: float, thickness: float, gap: float, friction: float = 0.0, *, gravity: float = 9.81, blocks: int = 26
) -> float:
    """Speed of the wave through a long row [m/s], by van Leeuwen's train of leaning blocks.

    The angle of the head block says all others' by ``(s + d) cos a_front - h sin(a - a_front) = d``. Forces between
    faces have the ratio of levers ``(b - mu d) / (h (cos D + mu sin D))``, which weights the torques and angular
    momenta of the train into one equation of motion; each impact passes the weighted angular momentum on.

    Args:
        height: Of a block [m].
        thickness: [m]
        gap: Free distance between blocks [m].
        friction: Coefficient between faces [-]; feet do not slip.
        gravity: [m/s^2]
        blocks: Number of impacts computed; the last few are averaged.
    """
    h, d, pitch, inertia = height, thickness, gap + thickness, (height**2 + thickness**2) / 3
    contact = np.arcsin(gap / h)
    step = 0.01 * np.sqrt(h / gravity)

    def train(head: float, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Angles from the head backwards [rad], their rates per rate of the head, and weights."""
        angle, rate, weight = [head], [1.0], [1.0]
        for _ in range(count - 1):
            front = angle[-1]
            lean = np.arcsin((pitch * np.cos(front) - d) / h)
            lever = h * np.cos(lean) - pitch * np.sin(front)
            angle.append(front + lean)
            rate.append(rate[-1] * lever / (h * np.cos(lean)))
            weight.append(
                weight[-1] * (lever - friction * d) / (h * (np.cos(lean) + friction * np.sin(lean)))
            )  # fmt: skip
        return np.array(angle), np.array(rate), np.array(weight)

    def acceleration(head: float, omega: float, count: int) -> float:
        angle, rate, weight = train(head, count)
        bend = (train(head + 1e-5, count)[1] - train(head - 1e-5, count)[1]) / 2e-5
        torque = gravity / 2 * (h * np.sin(angle) - d * np.cos(angle))
        return float(((weight @ torque) / inertia - (weight @ bend) * omega**2) / (weight @ rate))

    omega, times = float(np.sqrt(gravity / h)), []
    for count in range(1, blocks + 1):
        head = time = 0.0
        while True:  # midpoint rule up to the impact
            half = omega + 0.5 * step * acceleration(head, omega, count)
            change = acceleration(head + 0.5 * step * omega, half, count)
            after = head + step * half
            if after >= contact:
                part = (contact - head) / (after - head)
                time, omega = time + part * step, omega + part * step * change
                break
            head, omega, time = after, omega + step * change, time + step
        times.append(time)
        before = omega * train(contact, count)[1]
        _, rate, weight = train(0.0, count + 1)
        omega = float((weight[1:] @ before) / (weight @ rate))
    return pitch / float(np.mean(times[-6:]))


def measured_speed(summary: RunSummary) -> float:
    """Pitch of the row over the mean time between impacts of one block on the next [m/s]."""
    trajectory = summary.trajectory
    assert trajectory is not None
    names = [name for name in trajectory.bodies if name.startswith("block")]
    contacts = trajectory.contacts
    first = []
    for a, b in zip(names[MEASURED][:-1], names[MEASURED][1:], strict=True):
        pair = ((contacts["body_a"] == a) & (contacts["body_b"] == b)) | (
            (contacts["body_a"] == b) & (contacts["body_b"] == a)
        )
        if not pair.any():
            raise AssertionError(f"{a} has not reached {b} after {trajectory.seconds:g} s: give the wave more time.")
        first.append(contacts["time"][pair].min())
    pitch = trajectory[names[1]].position[0, 0] - trajectory[names[0]].position[0, 0]
    return float(pitch / np.mean(np.diff(first)))


def check(summary: RunSummary) -> list[Measure]:
    """What must be true of the result, and what was measured; the test suite runs it."""
    trajectory = summary.trajectory
    assert trajectory is not None
    blocks = [entity for entity in trajectory.scene.bodies if entity.name.startswith("block")]
    thickness, height, _ = blocks[0].shape.size  # type: ignore[union-attr]
    gap = blocks[1].position[0] - blocks[0].position[0] - thickness
    law = wave_speed(height, thickness, gap, blocks[0].material.friction)  # type: ignore[union-attr]
    got = measured_speed(summary)
    assert abs(got / law - 1) < 0.05, "the wave keeps to its law"
    if trajectory.seconds >= 2:
        tops = [trajectory[e.name].orientation[-1] for e in blocks[:-1]]
        assert all(abs(2 * np.arctan2(q[2], q[3])) > 0.5 for q in tops), "all but the last lie on the next"
    return [Measure("speed of the wave [m/s]", got, law, "van Leeuwen")]


def main(argv: list[str] | None = None) -> None:
    run_example(__doc__, "dominoes", check, argv)


if __name__ == "__main__":
    main()
