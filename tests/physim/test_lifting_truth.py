"""Lifting against rendered scenes whose solids are known, and what rests in a photo stays at rest."""

import numpy as np
import pytest
from PIL import Image
from scipy.spatial import ConvexHull

from benchmarks.lifting import rows
from benchmarks.lifting_scenes import scene
from physim.camera import Camera
from physim.lift import lift
from physim.lift_turned import turned, turned_pieces
from physim.lifted import is_closed
from physim.materials import Rigid
from physim.outline import without_pinches
from physim.reconstruct import reconstruct
from physim.scene import Scene
from physim.settle import bring_to_rest, settled
from physim.shapes import Box, Cylinder, Mesh, Plane, Sphere
from physim.shot import Lift, Shot
from physim.simulate import simulate
from physim.view import on_plane
from physim.zbuffer import depth_of, placed

SIZE = (240, 320)


@pytest.mark.parametrize("number", [2, 3])
def test_solids_come_back_with_their_outline_place_volume_and_support(number):
    """A stack, things before each other, and a pawn: bounds of docs/lifting.md, nothing said but the camera."""
    for row in rows(scene(number), number):
        assert row.closed, row
        assert row.overlap >= 0.95, row
        assert row.volume == pytest.approx(1.0, abs=0.15), row
        assert row.place <= 0.03, row
        assert row.stands_on == row.truth.stands_on, row


def test_a_ball_half_hidden_by_another_thing_is_a_whole_ball():
    camera = Camera.looking(SIZE, fov_deg=45, pitch_deg=25, height=1.2)
    x, _, z = on_plane(camera, np.array([170.0, 130.0]), 0.0)
    seen = np.isfinite(depth_of(placed(Sphere(0.2).triangles, (x, 0.2, z)), camera))
    free = np.zeros(SIZE, dtype=bool)
    free[:, :165] = True  # a wall before its left part
    found = lift(seen & ~free, camera, Lift(), support=0.0, free=free)
    assert isinstance(found.shape, Sphere)
    assert found.shape.radius == pytest.approx(0.2, rel=0.02)
    assert np.allclose(found.position, (x, 0.2, z), atol=0.01)


def test_a_turned_body_has_the_profile_that_was_turned():
    """A vase with a neck, its half width at several heights; its flat top is seen from above and may gain a dome."""
    camera = Camera.looking(SIZE, fov_deg=30, pitch_deg=12, height=0.5)
    x, _, z = on_plane(camera, np.array([160.0, 180.0]), 0.0)
    profile = np.array([(0, 0), (0.06, 0), (0.1, 0.1), (0.04, 0.22), (0.05, 0.3), (0, 0.3)])
    vase = Mesh.revolved(profile).triangles
    mask = np.isfinite(depth_of(placed(vase, (x, 0.0, z)), camera))
    foot = on_plane(camera, np.array([160.0, float(np.flatnonzero(mask.any(1))[-1] + 1)]), 0.0)
    found = turned(mask, camera, foot, 0.0)
    assert found is not None
    mesh, pieces = found
    assert is_closed(mesh)
    assert len(pieces) > 1  # it has a neck
    assert sum(ConvexHull(piece).volume for piece in pieces) == pytest.approx(mesh.mass_properties()[0], rel=0.06)
    radius = np.hypot(mesh.vertices[:, 0] - x, mesh.vertices[:, 2] - z)
    for y in (0.05, 0.1, 0.16, 0.22, 0.28):
        near = np.abs(mesh.vertices[:, 1] - y) < 0.006
        true = np.interp(y, profile[1:-1, 1], profile[1:-1, 0])
        assert radius[near].max() == pytest.approx(true, abs=0.008)  # a pixel is 2.5 mm there


def test_a_waist_divides_a_turned_body_and_a_belly_does_not():
    height = np.linspace(0, 1, 61)
    barrel = np.stack([0.3 + 0.2 * np.sin(np.pi * height), height], axis=1)
    spool = np.stack([0.5 - 0.3 * np.sin(np.pi * height), height], axis=1)
    assert len(turned_pieces(barrel)) == 1
    pieces = turned_pieces(spool, most=4)
    assert 2 <= len(pieces) <= 4
    # Between rings a turned body is cones; what the hulls add to it is at most the slack all around.
    true = np.pi / 3 * np.sum(
        np.diff(spool[:, 1]) * (spool[1:, 0] ** 2 + spool[1:, 0] * spool[:-1, 0] + spool[:-1, 0] ** 2)
    )  # fmt: skip
    held = sum(ConvexHull(piece).volume for piece in pieces)
    whole = ConvexHull(np.concatenate(pieces)).volume
    assert true * 0.99 < held < 1.1 * true < 0.8 * whole
    lows, highs = zip(*((piece[:, 1].min(), piece[:, 1].max()) for piece in pieces), strict=True)
    assert lows[1:] == highs[:-1] and (lows[0], highs[-1]) == (0.0, 1.0)


def test_an_outline_that_touches_itself_becomes_a_closed_solid():
    mask = np.zeros(SIZE, dtype=bool)
    mask[100:140, 100:140] = mask[140:170, 140:190] = True  # two blocks that meet at a corner
    mask[120, 120] = False
    clean = without_pinches(mask)
    a, b, c, d = clean[:-1, :-1], clean[:-1, 1:], clean[1:, :-1], clean[1:, 1:]
    assert not ((a & d & ~b & ~c) | (b & c & ~a & ~d)).any()
    camera = Camera.looking(SIZE, fov_deg=45, pitch_deg=25, height=1.2)
    found = lift(mask, camera, Lift(kind="extrude"), support=0.0)
    assert is_closed(found.shape.triangles)
    assert found.shape.volume > 0
    drawn = np.isfinite(depth_of(placed(found.shape.triangles, found.position), camera))
    assert (drawn & clean).sum() / (drawn | clean).sum() > 0.95


def test_an_extruded_outline_is_not_thin_where_it_faces_the_camera():
    """Half as deep as the smaller of its width and height, whichever way it is turned in the world."""
    camera = Camera.looking(SIZE, fov_deg=45, pitch_deg=10, height=1.2)
    mask = np.zeros(SIZE, dtype=bool)
    mask[100:170, 140:180] = mask[150:170, 140:220] = True
    found = lift(mask, camera, Lift(), support=0.0)
    extent = np.ptp(found.shape.triangles.vertices, axis=0)
    assert found.how == "extruded outline"
    assert extent[2] == pytest.approx(0.5 * min(extent[:2]), rel=0.2)


def standing():
    scene = Scene()
    scene.add(Plane(), name="ground")
    scene.add(Box((0.2, 0.2, 0.2)), Rigid(), name="box", position=(0, 0.1, 0))
    scene.add(Sphere(0.1), Rigid(), name="ball", position=(1, 0.1, 0), velocity=(3.0, 0, 0))
    return scene


def test_what_stands_well_stays_and_velocities_do_not_count():
    drifts = settled(standing())
    assert set(drifts) == {"box", "ball"}
    assert all(drift.part < 1e-3 for drift in drifts.values())


def test_what_cannot_stand_is_named_and_left_where_it_is():
    scene = standing()
    turn = (0.0, 0.0, float(np.sin(0.2)), float(np.cos(0.2)))
    scene.add(Box((0.1, 0.4, 0.1)), Rigid(), name="leaning", position=(2, 0.21, 0), orientation=turn)
    lines, bad = bring_to_rest(scene, ["box", "leaning"])
    assert set(bad) == {"leaning"}
    assert bad["leaning"].degrees > 30
    assert scene["leaning"].position == (2.0, 0.21, 0.0)
    assert "leaning.settle" in lines
    assert "box.settle" not in lines


def test_what_hangs_a_hair_above_the_ground_is_put_on_it():
    scene = standing()
    scene.add(Cylinder(0.1, 0.2), Rigid(), name="cup", position=(2, 0.1015, 0))
    lines, bad = bring_to_rest(scene, ["cup"])
    assert not bad
    assert lines["cup.settle"].startswith("nudged to rest, by 1.5 mm")
    assert scene["cup"].position[1] == pytest.approx(0.1, abs=2e-4)
    assert settled(scene, ["cup"])["cup"].part < 1e-3


def shot(folder, **lamp):
    """A photo of a lamp that hangs in the middle of the picture."""
    picture = np.full((120, 160, 3), 160, np.uint8)
    v, u = np.mgrid[:120, :160]
    picture[np.hypot(u - 80, v - 60) < 12] = (200, 60, 40)
    Image.fromarray(picture).save(folder / "lamp.png")
    thing = {"name": "lamp", "select": {"ellipse": [80.5, 60.5, 12, 12, 0]}, "rigid": {}, **lamp}
    hints = {"camera": {"fov": 50, "pitch": 0, "height": 1.5}}
    return Shot(photo=folder / "lamp.png", hints=hints, things=[thing])


def test_a_hanging_thing_rests_below_its_pivot_and_swings_as_a_pendulum(tmp_path, caplog):
    scene = reconstruct(shot(tmp_path, lift={"depth": 2.0, "kind": "sphere"}, hang={"pixel": [81, 20]}))
    assert not caplog.records
    assert scene.backdrop.report["lamp.hangs"].startswith("0.")
    body, pivot = scene["lamp"], np.array(scene.joints[0].at)
    assert np.allclose(pivot[[0, 2]], np.array(body.position)[[0, 2]], atol=1e-9)  # plumb
    assert settled(scene)["lamp"].part < 1e-3
    # a compound pendulum of small swings: T = 2 pi sqrt((I + m l^2) / (m g l))
    length = pivot[1] - body.position[1]
    radius = body.shape.radius
    period = 2 * np.pi * np.sqrt((0.4 * radius**2 + length**2) / (9.81 * length))
    pushed = Scene()
    pushed.add(
        body.shape, body.material, name="lamp", position=body.position,
        velocity=(0.1 * length, 0, 0), angular_velocity=(0, 0, 0.1),
    )  # fmt: skip
    pushed.add(scene.joints[0])
    track = simulate(pushed, seconds=2.0, fps=60).bodies["lamp"]
    x = track.dense_position[:, 0] - body.position[0]
    crossings = np.flatnonzero((x[:-1] < 0) & (x[1:] >= 0)) + 1
    times = (crossings - 1 + x[crossings - 1] / (x[crossings - 1] - x[crossings])) / (60 * 8)
    assert times[0] == pytest.approx(period, rel=0.01)


def test_a_thing_in_the_air_that_nothing_holds_is_told_of(tmp_path, caplog):
    floating = shot(tmp_path, lift={"depth": 2.0, "kind": "sphere"})
    scene = reconstruct(floating)
    assert "lamp is not at rest" in caplog.text
    assert "in 0.5 s when nothing happens" in scene.backdrop.report["lamp.settle"]
    caplog.clear()
    quiet = reconstruct(Shot(**{**floating.to_dict(), "settle": False}))
    assert not caplog.records
    assert "lamp.settle" not in quiet.backdrop.report


def test_what_hangs_needs_a_depth_and_a_pivot_above_it(tmp_path):
    with pytest.raises(ValueError, match="stands on nothing"):
        shot(tmp_path, hang={"pixel": [80, 20]})
    with pytest.raises(ValueError, match=r"lamp\.hang\.pixel .* expected a pixel above it"):
        reconstruct(shot(tmp_path, lift={"depth": 2.0, "kind": "sphere"}, hang={"pixel": [80, 100]}))


def test_a_pivot_of_known_depth_lies_on_its_pixel_s_ray_and_the_thing_swings_towards_the_camera(tmp_path):
    lamp = {"lift": {"depth": 2.0, "kind": "sphere"}, "hang": {"pixel": [80, 20], "depth": 2.3}}
    scene = reconstruct(Shot(**{**shot(tmp_path, **lamp).to_dict(), "settle": False}))
    body, pivot = scene["lamp"], np.array(scene.joints[0].at)
    assert pivot[2] == pytest.approx(-2.3, abs=1e-9)  # a level camera looks along -z
    focal = 80 / np.tan(np.radians(25))
    assert np.allclose(pivot[:2], [0, 1.5 + 2.3 * (60 - 20) / focal], atol=1e-6)
    track = simulate(scene, seconds=1.2, fps=30).bodies["lamp"].position
    apart = np.linalg.norm(track - pivot, axis=1)
    assert np.allclose(apart, apart[0], rtol=1e-4) and np.allclose(apart[0], np.linalg.norm(body.position - pivot))
    # it is let go nearer to the camera than its pivot is, by 0.3 m, and comes as far on the other side
    assert track[:, 2].min() == pytest.approx(2 * pivot[2] - track[0, 2], rel=0.01)
