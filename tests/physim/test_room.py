"""The box of a room from one rectangle, against rooms whose measures are known."""

import numpy as np
import pytest

from benchmarks.depth_render import Block, Look, World, render
from physim.camera import Camera
from physim.depth import geometric
from physim.room import room_depth, room_of
from physim.shot import Hints

SIZE = (120, 180)
WIDTH, HEIGHT, LENGTH = 3.6, 2.7, 6.0
BACK = 4.5


def scene(yaw=0.0, pitch=6.0, roll=0.0):
    """A room seen from inside, its back wall 4.5 m ahead along its own axis; and where that wall's corners appear."""
    camera = Camera.looking(SIZE, fov_deg=70, pitch_deg=pitch, roll_deg=roll, height=1.4)
    turn = np.radians(yaw)
    ahead, right = np.array([-np.sin(turn), 0, -np.cos(turn)]), np.array([np.cos(turn), 0, -np.sin(turn)])
    middle = (BACK - LENGTH / 2) * ahead + 0.3 * right
    look = Look((0.5, 0.5, 0.5))
    world = World([Block(tuple(middle), (WIDTH, HEIGHT, LENGTH), look, yaw, True, (look, look))], camera, None)
    corners = np.array([BACK * ahead + (0.3 + s * WIDTH / 2) * right + (0, y, 0) for y in (0, HEIGHT) for s in (-1, 1)])
    return render("room", world, 0), camera.project(corners)[0], camera.project(camera.position + 1e7 * ahead)[0]


def drawn(corners):
    (u0, u1), v1, v0 = corners[:2, 0], corners[:2, 1].mean(), corners[2:, 1].mean()
    return float(u0), float(v0), float(u1), float(v1)


def test_a_level_camera_gets_the_room_to_the_micrometre():
    case, corners, _ = scene(pitch=0.0)
    room = room_of(case.camera, drawn(corners))
    assert (room.back, room.left, room.right, room.ceiling) == pytest.approx((4.5, -1.5, 2.1, 2.7), abs=1e-6)
    assert np.allclose(room_depth(case.camera, room), case.depth, rtol=1e-9)


def test_a_turned_room_needs_its_vanishing_point():
    case, corners, far = scene(yaw=9.0)
    with_point = room_depth(case.camera, room_of(case.camera, drawn(corners), tuple(far)))
    without = room_depth(case.camera, room_of(case.camera, drawn(corners)))
    # a turned wall is no rectangle, and a rectangle is all that is drawn
    assert np.mean(np.abs(with_point / case.depth - 1)) < 0.03
    assert np.mean(np.abs(without / case.depth - 1)) > 0.06


def test_the_hint_is_in_pixels_of_the_photo_whatever_the_grid():
    case, corners, _ = scene()
    hints = Hints(camera={"height": 1.4}, room={"back": drawn(corners)})
    small = case.camera.resized((60, 90))
    result = geometric(case.image[::2, ::2], small, hints, SIZE)
    truth = case.depth[::2, ::2]
    assert np.mean(np.abs(result.depth / truth - 1)) < 0.02


def test_things_outside_the_outlined_floor_stand_on_it():
    case, corners, _ = scene(pitch=0.0)
    picture = case.image.copy()
    picture[60:110, 80:100] = (0.9, 0.1, 0.1)
    floor = [[0, 120], [0, 100], [80, 100], [80, 110], [100, 110], [100, 100], [180, 100], [180, 120]]
    hints = Hints(camera={"height": 1.4}, room={"back": drawn(corners)}, ground=floor)
    depth = geometric(picture, case.camera, hints, SIZE).depth
    assert depth[103, 90] == pytest.approx(case.depth[110, 90], rel=0.02)
    assert depth[103, 90] < 0.93 * case.depth[103, 90]


@pytest.mark.parametrize(
    ("back", "word"),
    [
        ((60, 20, 60, 90), "u0 < u1"),
        ((60, 20, 120, 30), "horizon"),
        ((100, 20, 160, 90), "is not in"),
        ((60, 75, 120, 90), "is not in"),
    ],
)
def test_what_is_no_room_is_refused(back, word):
    camera = Camera.looking(SIZE, fov_deg=70, pitch_deg=0, height=1.4)
    with pytest.raises(ValueError, match=word):
        room_of(camera, back)
    assert Hints(room={"back": [60, 20, 120, 90]}).wall is None
    with pytest.raises(ValueError, match="not both"):
        Hints(room={"back": [60, 20, 120, 90]}, wall=3)
