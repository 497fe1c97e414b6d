"""Grains in the picture: the surface goes with the matter beneath it, and is whole whatever single grains do."""

import numpy as np
import pytest

import physim
from physim.grains_view import grain_skins
from physim.shot import Shot


def run_of(move) -> physim.Trajectory:  # type: ignore[no-untyped-def]
    """A box of grains whose particles were put elsewhere in its last frame."""
    scene = physim.Scene()
    scene.add(physim.Plane(), physim.Static("wood"))
    scene.add(physim.Box((0.1, 0.05, 0.1)), physim.Grains(resolution=16), name="sand", position=(0, 0.025, 0))
    run = physim.simulate(scene, seconds=1 / 12, fps=12, device="cpu")
    run.grains["sand"].position[-1] = move(run.grains["sand"].position[0])
    return run


def test_a_surface_is_carried_and_turned_as_its_grains_are():
    turn = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    skin = grain_skins(run_of(lambda x: x + np.float32([0.3, 0.1, -0.2])))["sand"]
    went = skin.dense_position[-1] - skin.dense_position[0]
    np.testing.assert_allclose(went, np.broadcast_to([0.3, 0.1, -0.2], went.shape), atol=1e-6)
    skin = grain_skins(run_of(lambda x: x @ turn.astype(np.float32)))["sand"]
    first, last = skin.dense_position[0].astype(float), skin.dense_position[-1].astype(float)
    assert np.linalg.norm(last - first @ turn, axis=1).max() < 0.02, "less than a cell and a half, at corners"


def test_grains_that_fly_off_do_not_tear_it():
    def some_fly(x: np.ndarray) -> np.ndarray:
        x = x.copy()
        x[::40] = np.nan
        return x

    skin = grain_skins(run_of(some_fly))["sand"]
    assert np.isfinite(skin.dense_position).all()
    assert np.abs(skin.dense_position[-1] - skin.dense_position[0]).max() < 1e-6
    edges = np.sort(np.concatenate([skin.faces[:, [0, 1]], skin.faces[:, [1, 2]], skin.faces[:, [2, 0]]]), axis=1)
    _, count = np.unique(edges, axis=0, return_counts=True)
    assert (count == 2).all(), "it is closed"


def test_a_shot_says_what_the_grains_are():
    thing = {"name": "heap", "select": {"box": [10, 10, 50, 50]}, "grains": {"material": "wet sand", "cohesion": 900}}
    shot = Shot.model_validate({"photo": "p.png", "things": [thing]})
    assert shot.things[0].grains is not None and shot.things[0].grains.cohesion == 900
    thing["emit"] = {"pixel": [5, 5], "radius": 0.01}
    with pytest.raises(ValueError, match="exactly one of select"):
        Shot.model_validate({"photo": "p.png", "things": [thing]})
