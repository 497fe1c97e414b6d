"""Strokes become pushes, winds, sources and pins; winds come and go on a timeline."""

import json

import numpy as np
import pytest

import physim
from physim.brush import Stroke, brushed, read_strokes
from physim.forces import Wind
from physim.shot_file import ShotError

SHOT = physim.Shot(
    photo="skimage:coffee.png",
    things=[
        {"name": "ball", "shape": {"sphere": 0.02}, "at": [0, 0.2, -0.3], "rigid": {"material": "rubber"}},
        {"name": "flag", "select": {"box": [50, 50, 150, 120]}, "lift": {"kind": "sheet"}, "cloth": {}},
    ],
)


def test_a_wind_blows_only_between_its_times_and_without_a_jump():
    wind = Wind((4.0, 0.0, -2.0), start=1.0, end=3.0, rise=0.5)
    times = np.linspace(0, 4, 801)
    speed = np.array([wind.velocity_at(t)[0] for t in times])
    assert np.all(speed[(times <= 1) | (times >= 3)] == 0)
    assert np.all(speed[(times >= 1.5) & (times <= 2.5)] == 4)
    assert wind.velocity_at(1.25) == pytest.approx([2, 0, -1])  # 3 s^2 - 2 s^3 at the middle of the rise
    assert np.abs(np.diff(speed)).max() <= 4 * 1.5 / 0.5 * 0.005 * 1.001  # its steepest slope is 3/2 of the mean one
    steady = Wind((4.0, 0.0, 0.0), gust=0.3, seed=2)
    late = Wind((4.0, 0.0, 0.0), gust=0.3, seed=2, start=1.0)
    assert steady.lasting and not late.lasting
    assert np.array_equal(late.velocity_at(2.0), steady.velocity_at(2.0))
    assert np.array_equal(Wind((4.0, 0.0, 0.0)).velocity_at(0.0), [4, 0, 0])
    with pytest.raises(ValueError, match="start < end"):
        Wind((1, 0, 0), start=2, end=1)


def test_a_ball_drifts_only_once_the_wind_has_come():
    scene = physim.Scene()
    scene.add(physim.Sphere(0.1), physim.Rigid("cork", mass=0.01), name="ball", position=(0, 50, 0))
    scene.add(Wind((10.0, 0.0, 0.0), start=0.25))
    drift = physim.simulate(scene, seconds=0.75, fps=24)["ball"].position[:, 0]
    assert np.all(drift[:7] == 0)  # frame 6 is at 0.25 s
    assert np.all(np.diff(drift[7:]) > 0) and drift[-1] > 0.05


def test_strokes_become_forces_sources_and_pins():
    strokes = [
        Stroke(points=[(100, 100), (200, 100)], makes="push", on="ball", strength=0.2, at=0.5),
        Stroke(points=[(100, 200), (100, 100)], makes="wind", strength=3, at=1, lasts=0.5),
        Stroke(points=[(300, 200), (330, 160)], makes="smoke", material="steam", strength=0.5),
        Stroke(points=[(50, 50), (50, 120)], makes="pin", on="flag", width=10),
    ]
    shot = brushed(SHOT, strokes)
    assert shot.forces[0].impulse.newton_seconds == (0.2, 0, 0) and shot.forces[0].impulse.at == 0.5
    assert shot.forces[1].wind.velocity == (0, 3, 0)  # up in the picture
    assert (shot.forces[1].wind.start, shot.forces[1].wind.end) == (1, 1.5)
    source = shot.things[2]
    assert source.emit.pixel == (300, 200) and source.smoke.material == "steam"
    assert source.emit.velocity == pytest.approx((0.3, 0.4, 0))
    assert shot.things[1].cloth.pin[0].region.box == (45, 45, 55, 125)
    assert SHOT.forces == []  # as it was


def test_a_file_of_strokes_is_read_and_every_mistake_is_said_at_once(tmp_path):
    path = tmp_path / "strokes.json"
    path.write_text(json.dumps([{"points": [[1, 2], [30, 2]], "makes": "wind"}]))
    assert read_strokes(path)[0].vector.tolist() == [1, 0, 0]
    path.write_text(json.dumps([{"points": [], "makes": "wind"}, {"points": [[1, 2]], "makes": "blow"},
                                {"points": [[1, 2]], "makes": "push", "on": "a"}]))  # fmt: skip
    with pytest.raises(ShotError) as caught:
        read_strokes(path)
    told = str(caught.value)
    assert "[0].points" in told and "[1].makes" in told and "needs a direction" in told
    for text in ("{}", "[[[", "nothing"):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"strokes\.json"):
            read_strokes(path)
    with pytest.raises(ShotError, match="rigid thing"):
        brushed(SHOT, [Stroke(points=[(1, 1), (9, 1)], makes="push", on="flag")])
    with pytest.raises(ValueError, match="no cloth"):
        brushed(SHOT, [Stroke(points=[(1, 1), (9, 1)], makes="pin", on="ball")])
    with pytest.raises(ShotError, match="outside"):
        brushed(SHOT, [Stroke(points=[(5000, 1), (9, 1)], makes="smoke")])
