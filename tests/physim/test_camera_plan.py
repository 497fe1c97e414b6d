"""A shot's camera path: what its words mean, and how far along it the photo reaches."""

import numpy as np
import pytest

from physim.camera import Camera
from physim.camera_path import CameraMove, CameraPath, Handheld
from physim.camera_plan import OUTSIDE, PARALLAX, demand, limited, outside, path_from, relative_motion
from physim.shot import MoveSpec

SIZE = (60, 80)


def test_degrees_become_radians_and_an_open_end_is_the_end_of_the_shot():
    camera = Camera.looking(SIZE, pitch_deg=10)
    moves = [MoveSpec(move="orbit", degrees=90), MoveSpec(**{"move": "dolly", "metres": 0.1, "from": 1, "to": 2})]
    path = path_from(moves, camera, seconds=4.0, orbit_distance=2.5)
    assert path.moves[0] == CameraMove("orbit", np.pi / 2, 0.0, 4.0, "in_out", 2.5)
    assert path.moves[1].end == 2.0


def test_a_factor_is_reached_at_the_end_of_a_zoom_and_the_half_of_it_in_ratio_halfway():
    path = path_from([MoveSpec(move="zoom", factor=4)], Camera.looking(SIZE), seconds=2.0, orbit_distance=1)
    assert path.at(2.0).focal == pytest.approx(4 * path.start.focal)
    assert path.at(1.0).focal == pytest.approx(2 * path.start.focal)


def test_keys_are_where_the_shot_says_and_the_camera_rests_after_the_last():
    keys = [{"at": 1.0, "dolly": 0.2, "pan": 5}, {"at": 3.0, "truck": -0.1, "zoom": 1.5}]
    path = path_from([MoveSpec(move="keys", keys=keys)], Camera.looking(SIZE, height=0), seconds=4, orbit_distance=1)
    np.testing.assert_allclose(path.at(1.0).position, (0, 0, -0.2), atol=1e-12)
    assert path.at(1.0).world_from_camera[0, 2] == pytest.approx(np.sin(np.radians(5)))
    np.testing.assert_allclose(path.at(3.0).position, (-0.1, 0, 0), atol=1e-12)
    assert path.at(3.5).focal == pytest.approx(1.5 * path.start.focal)


def test_a_hand_sways_by_the_seed_of_the_shot():
    moves = [MoveSpec(move="handheld", degrees=0.3)]
    first, again, other = (
        path_from(moves, Camera.looking(SIZE), seconds=2, orbit_distance=1, seed=s).moves[0] for s in (1, 1, 2)
    )
    assert first == again == Handheld(0.3, 0.0, 0.0, None, 1)
    assert not np.allclose(first.transform(1.5), other.transform(1.5))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"move": "zoom", "degrees": 3}, "zoom takes `factor`"),
        ({"move": "pan", "metres": 3}, "pan takes `degrees`, not `metres`"),
        ({"move": "handheld"}, "handheld takes `degrees` and `metres`, not nothing"),
        ({"move": "keys", "keys": [{"at": 2}, {"at": 1}]}, "must grow; given: 2, 1"),
        ({"move": "keys", "keys": [{"at": 2}], "to": 1}, "keys bring their own times"),
    ],
)
def test_a_move_says_what_it_takes(words, said):
    with pytest.raises(ValueError, match=said):
        MoveSpec(**words)


def test_relative_motion_of_two_depths_under_a_truck():
    camera = Camera.looking(SIZE, fov_deg=60)
    depth = np.full(SIZE, 2.0)
    depth[:, :30] = 1.0
    path = CameraPath(camera, (CameraMove("truck", 0.05, 0.0, 1.0),))
    expected = 0.05 * camera.focal * (1 / 1.0 - 1 / 2.0)  # shift of near against far
    assert relative_motion(path, depth, seconds=1.0) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("move", ["pan", "tilt", "roll", "zoom"])
def test_turning_and_zooming_have_no_parallax(move):
    depth = np.random.default_rng(0).uniform(0.5, 5, SIZE)
    path = CameraPath(Camera.looking(SIZE), (CameraMove(move, 0.2),))
    assert relative_motion(path, depth, seconds=1.0) < 1e-4  # of infinity stood in for by 1e6 m


def test_a_truck_before_a_wall_shows_a_strip_beyond_the_photo():
    camera = Camera.looking((600, 800), fov_deg=60)
    path = CameraPath(camera, (CameraMove("truck", 0.1, 0, 1),))
    strip = 0.1 / 2.0 * camera.focal / 800
    assert outside(path, np.full((120, 160), 2.0), seconds=1.0) == pytest.approx(strip, abs=2e-3)


def test_zooming_out_by_a_tenth_shows_what_geometry_says():
    path = CameraPath(Camera.looking((600, 800)), (CameraMove("zoom", float(np.log(0.9))),))
    assert outside(path, np.full((120, 160), 2.0), seconds=1.0) == pytest.approx(1 - 0.81, abs=4e-3)


def test_zooming_in_and_coming_closer_show_nothing_new():
    for move, amount in (("zoom", 0.3), ("dolly", 0.3)):
        path = CameraPath(Camera.looking((600, 800)), (CameraMove(move, amount),))
        assert outside(path, np.full((120, 160), 2.0), seconds=1.0) == 0


def test_a_path_is_shortened_as_a_whole_to_what_the_photo_shows():
    camera = Camera.looking((600, 800), fov_deg=60)
    depth = np.full((120, 160), 2.0)
    path = CameraPath(camera, (CameraMove("truck", 0.5, 0, 1), CameraMove("pan", 0.2, 0, 1)))
    shorter, asked, part = limited(path, depth, seconds=1.0)
    assert asked.excess is not None
    assert "beyond" in asked.excess
    assert 0 < part < 1
    assert [m.amount for m in shorter.moves] == pytest.approx([0.5 * part, 0.2 * part])
    left = demand(shorter, depth, seconds=1.0)
    assert left.outside <= OUTSIDE
    assert demand(path.scaled(1.2 * part), depth, seconds=1.0).outside > OUTSIDE  # no more is taken than has to be


def test_a_sideways_move_is_bound_by_its_parallax_where_near_stands_before_far():
    depth = np.full((120, 160), 20.0)
    depth[40:80, 60:100] = 0.5
    path = CameraPath(Camera.looking((600, 800)), (CameraMove("truck", 0.1),))
    shorter, asked, _ = limited(path, depth, seconds=1.0)
    assert asked.excess is not None
    assert "against each other" in asked.excess
    assert 0.9 * PARALLAX < demand(shorter, depth, seconds=1.0).parallax <= PARALLAX


def test_what_the_photo_can_show_is_left_alone():
    path = CameraPath(Camera.looking((600, 800)), (CameraMove("dolly", 0.05), Handheld(0.1)))
    same, asked, part = limited(path, np.full((120, 160), 2.0), seconds=1.0)
    assert same is path
    assert part == 1
    assert asked.excess is None
