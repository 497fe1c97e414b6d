import numpy as np
import pytest

import physim
from physim.trajectory import CONTACT_DTYPE


def smoky_scene(**smoke) -> physim.Scene:
    scene = physim.Scene(seed=1)
    scene.add(physim.Plane())
    scene.add(physim.Emitter((0, 0.05, 0), radius=0.05), physim.Smoke("steam", resolution=16, **smoke), name="steam")
    return scene


def test_smoke_alone_runs_from_scene_to_trajectory():
    calls = []
    trajectory = physim.simulate(
        smoky_scene(), seconds=0.5, fps=12, device="cpu", progress=lambda stage, part: calls.append((stage, part))
    )
    track = trajectory["steam"]
    assert trajectory.frame_count == 6 and calls == [("simulate", k / 6) for k in range(7)]
    assert track.density.shape == (7, *track.density.shape[1:]) and track.velocity.shape == (*track.density.shape, 3)
    assert track.density.dtype == track.temperature.dtype == track.velocity.dtype == np.float16
    assert track.density[0].max() == 0 and track.density[-1].max() > 0.05
    assert trajectory.contacts.dtype == CONTACT_DTYPE and len(trajectory.contacts) == 0
    assert "smoke_divergence [-]" in trajectory.report.values
    assert set(trajectory.timings) >= {"terrain", "build smoke", "smoke", "collect"}


def test_bodies_and_smoke_run_together_and_the_body_parts_the_smoke():
    scene = smoky_scene(domain=((-0.12, 0.0, -0.12), (0.12, 0.24, 0.12)))
    cup = [[0, 0], [0.1, 0], [0.1, 0.06], [0.08, 0.06], [0.08, 0.015], [0, 0.015]]
    scene.add(physim.Mesh.revolved(np.array(cup)), name="dish")
    scene.add(physim.Box((0.06, 0.06, 0.06)), physim.Rigid("sugar"), name="sugar", position=(0, 0.2, 0))
    trajectory = physim.simulate(scene, seconds=0.5, fps=24, device="cpu")
    assert set(trajectory) == {"sugar", "steam"}
    position = trajectory["sugar"].dense_position[-1]
    assert position[1] < 0.1  # it fell into the dish
    track = trajectory["steam"]
    middle = tuple(((position - track.origin) / track.cell).astype(int))
    assert track.density[-1][middle] == 0.0
    assert track.density[-1].max() > 0.05
    assert {"smoke_mass_error [-]", "deepest_penetration [m]"} <= set(trajectory.report.values)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seconds": 0}, "seconds is 0, expected"),
        ({"seconds": float("nan")}, "seconds is nan"),
        ({"fps": -1}, "fps is -1, expected"),
        ({"samples_per_frame": 0}, "samples_per_frame is 0, expected at least 1"),
    ],
)
def test_numbers_out_of_range_are_refused_with_what_was_expected(arguments, message):
    with pytest.raises(ValueError, match=message):
        physim.simulate(smoky_scene(), **arguments)


def test_a_scene_in_which_nothing_moves_is_a_trajectory_without_tracks():
    scene = physim.Scene()
    scene.add(physim.Plane())
    trajectory = physim.simulate(scene, seconds=0.5, fps=10)
    assert trajectory.frame_count == 5 and len(trajectory) == 0 and len(trajectory.contacts) == 0
