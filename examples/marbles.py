"""A steel ball breaks a rack of marbles, in 4K: the picture has as many pixels, and keeps its grain.

What the balls give each other they do not lose. Friction with the table may take its coefficient times what presses
on it: the weight, and in each impact what of it goes down, as the steel ball's centre is higher and the balls rub on
each other. The momentum of all of them together changes by no more over the break. The marble that is dropped falls
freely. No film of a model is stretched here: the frames are the table's own pixels, moved by the camera.

    python -m examples.marbles --output out/marbles.mp4
"""

from __future__ import annotations

import numpy as np

from examples.runner import Measure, run_example
from i2v.animate import RunSummary


def check(summary: RunSummary) -> list[Measure]:
    """What must be true of the result, and what was measured; the test suite runs it."""
    trajectory = summary.trajectory
    assert trajectory is not None
    scene, tracks = trajectory.scene, trajectory.bodies
    step = 1 / (trajectory.fps * tracks["steel"].samples_per_frame)
    rack = [name for name in tracks if name != "dropped"]
    masses = {name: scene[name].mass for name in tracks}
    flat = sum(masses[name] * tracks[name].dense_velocity[:, [0, 2]] for name in rack)
    contacts = trajectory.contacts
    among = contacts[np.isin(contacts["body_a"], rack) & np.isin(contacts["body_b"], rack)]
    measures = []
    if len(among):
        before = int(among["time"].min() / step)
        after = min(before + 3, len(flat) - 1)
        change = float(np.linalg.norm(flat[after] - flat[before]))
        now = among[among["time"] <= after * step]
        down = np.sum(np.abs(now["normal"][:, 1]) * now["impulse"] + now["tangential_impulse"])
        friction = max(scene[name].material.friction for name in rack)  # type: ignore[union-attr]
        most = friction * float(9.81 * sum(masses[name] for name in rack) * (after - before) * step + down)
        given = np.diff(tracks["steel"].dense_velocity[[before, after]][:, [0, 2]], axis=0)
        passed = masses["steel"] * np.linalg.norm(given)
        assert change < most, "what one loses the others get, less what friction takes"
        assert passed > 10 * change, "and much was passed on"
        measures = [
            Measure("momentum that the steel ball passes on [mN s]", 1e3 * float(passed)),
            Measure("momentum that is lost in it [mN s]", 1e3 * change, 0.0, f"friction takes up to {1e3 * most:.2f}"),
        ]
    drop = tracks["dropped"].dense_position[:, 1]
    times = np.arange(len(drop)) * step
    low = contacts["time"][(contacts["body_a"] == "dropped") | (contacts["body_b"] == "dropped")]
    free = times < (low.min() if len(low) else np.inf)
    gravity = -2 * float(np.polyfit(times[free], drop[free], 2)[0])
    assert abs(gravity / 9.81 - 1) < 0.01, "free fall"
    return [*measures, Measure("the dropped one falls with [m/s²]", gravity, 9.81, "g")]


def main(argv: list[str] | None = None) -> None:
    run_example(__doc__, "marbles", check, argv)


if __name__ == "__main__":
    main()
