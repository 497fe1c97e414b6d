"""A glass of water with a lid on it is turned over and shaken: nothing gets out, nothing gets lost."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import physim

RADIUS, HIGH, WALL = 0.035, 0.1, 0.004
SECONDS = 10.0


@pytest.mark.slow
def test_nothing_leaves_a_glass_with_a_lid_that_is_turned_over_and_shaken_for_ten_seconds():
    inner = RADIUS - WALL
    outline = np.array(
        [(0, 0), (RADIUS, 0), (RADIUS, HIGH), (0, HIGH), (0, HIGH - WALL), (inner, HIGH - WALL), (inner, WALL),
         (0, WALL)]
    )  # fmt: skip
    times = np.arange(0, SECONDS + 0.05, 0.05)
    motion = physim.Motion(
        list(times),
        offsets=[tuple(0.02 * np.sin(2 * np.pi * np.array([1.1, 1.7, 0.6]) * t)) for t in times],
        turns=[tuple(1.3 * t * np.array([0.4, 0.5, 0.77])) for t in times],
    )
    scene = physim.Scene()
    scene.add(physim.Mesh.revolved(outline), physim.Kinematic("glass", motion=motion), name="glass")
    deep = 0.05
    scene.add(physim.Cylinder(inner - 0.001, deep), physim.Liquid("water", resolution=28), name="water",
              position=(0, WALL + 0.001 + deep / 2, 0), inside="glass")  # fmt: skip
    run = physim.simulate(scene, seconds=SECONDS, fps=24, device="cpu")
    water, glass = run["water"], run["glass"]
    assert water.volume(-1) == water.volume(0), "not a particle is lost"
    speed, lowest, highest = 0.0, np.inf, -np.inf
    for frame in range(run.frame_count):
        own = Rotation.from_quat(glass.orientation[frame]).inv().apply(water.position[frame] - glass.position[frame])
        assert (np.hypot(own[:, 0], own[:, 2]) < RADIUS).all(), frame
        assert ((own[:, 1] > 0) & (own[:, 1] < HIGH)).all(), frame
        middle = own[:, 1].mean()
        lowest, highest = min(lowest, middle), max(highest, middle)
        speed = max(speed, float(np.abs(water.velocity[frame].astype(float)).max()))
    assert lowest < 0.04 and highest > 0.06, "it has been at the lid"
    assert speed > 0.3
