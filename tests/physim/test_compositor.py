"""The composite: the photo to the bit where nothing happens, and the right light where something does."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from compose_scenes import FPS, make_trajectory, speckled, still, track
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter

from physim import srgb
from physim.body_view import pose_matrix
from physim.camera import Camera
from physim.camera_path import CameraMove
from physim.compositor import Compositor
from physim.exposure import expose
from physim.looks import edge_blur
from physim.materials import Static
from physim.plate import resize
from physim.scene import Cutout, Light, Scene, StillLayer
from physim.shapes import Box, Cylinder, Sphere
from physim.shown import held, stilled
from physim.surfaces import Surfaces
from physim.trajectory import BodyTrack

SIZE = (90, 120)


@dataclass(frozen=True)
class Moves:
    """Of a trajectory, what is stilled."""

    bodies: dict[str, BodyTrack]


def slide(start, velocity):
    return lambda t: (np.array(start) + t * np.array(velocity), (0.0, 0.0, 0.0, 1.0))


def coin_scene(velocity=(0.0, 0.0, 0.0), *, shadow=None, rest_frames=0):
    """A bright disc of the photo on darker ground, seen from straight above; the plate is plain ground."""
    camera = Camera.looking(SIZE, fov_deg=50, pitch_deg=90, height=1.0)
    radius, centre = 0.09, np.array([0.0, 0.01, 0.0])
    plate = speckled(SIZE, 1)
    pixel, z = camera.project(centre)
    v, u = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    inside = np.hypot(u - pixel[0], v - pixel[1]) < radius * camera.focal / (z - 0.01)
    alpha = inside.astype(np.float32)
    bright = gaussian_filter(np.clip(speckled(SIZE, 2) + 0.2, 0, 1), (0.7, 0.7, 0))  # as sharp as photos are
    ground = plate if shadow is None else srgb.to_srgb(srgb.to_linear(plate) * shadow[..., None])
    photo = np.where(inside[..., None], bright, ground).astype(np.float32)
    cutout = Cutout(bright, alpha, (0, 0), shadow)
    start = rest_frames / FPS

    def path(t):
        return centre + max(t - start, 0) * np.array(velocity), (0.0, 0.0, 0.0, 1.0)

    trajectory = make_trajectory(
        {"coin": (Cylinder(radius, 0.02), path)}, photo=photo, plate=plate, camera=camera, coin={"cutout": cutout},
        light=Light(direction=(0.0, 1.0, 0.1), shadow_floor=0.3),
    )  # fmt: skip
    return trajectory, inside


def test_nothing_moving_gives_back_the_photo_to_the_bit():
    photo = speckled(SIZE)
    for frame in Compositor(make_trajectory({}, photo=photo)):
        np.testing.assert_array_equal(frame, photo)


def test_at_another_size_it_is_the_resized_photo():
    photo = speckled(SIZE)
    for size in [(45, 60), (180, 240)]:
        np.testing.assert_array_equal(Compositor(make_trajectory({}, photo=photo), size).frame(0), resize(photo, size))


def test_an_added_static_thing_looks_like_a_body_at_rest_and_an_invisible_one_like_nothing():
    photo, block, place = speckled(SIZE), Box((0.2, 0.1, 0.1)), (0.1, 0.05, -0.5)
    at_rest = make_trajectory({"block": (block, place)}, photo=photo)
    static, invisible = make_trajectory({}, photo=photo), make_trajectory({}, photo=photo)
    static.scene.add(block, Static("sugar"), name="block", position=place)
    invisible.scene.add(block, Static("sugar"), name="block", position=place, visible=False)
    for a, b, c in zip(Compositor(at_rest), Compositor(static), Compositor(invisible), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(c, photo)
        assert np.abs(a - photo).max() > 0.1
    seen = Surfaces(static, SIZE).at(0.1)
    assert (seen.ids == static.scene.number_of("block")).sum() > 100
    assert np.array_equal(seen.ids, Surfaces(at_rest, SIZE).at(0.1).ids)
    assert not Surfaces(invisible, SIZE).at(0.1).ids.any()


def test_pixels_far_from_a_falling_box_are_the_photo_in_every_frame():
    photo = speckled(SIZE)
    path = slide((0.0, 0.3, -0.6), (0.0, -1.5, 0.0))
    compositor = Compositor(make_trajectory({"box": (Box((0.05, 0.05, 0.05)), path)}, photo=photo))
    frames = list(compositor)
    changed = np.array([np.abs(frame - photo).max(axis=-1) > 0 for frame in frames])
    assert changed.any(axis=(1, 2)).all()
    quiet = ~changed.any(axis=0)
    assert quiet.mean() > 0.4
    for frame in frames:
        np.testing.assert_array_equal(frame[quiet], photo[quiet])
        assert frame.dtype == np.float32 and frame.min() >= 0 and frame.max() <= 1


def test_the_same_time_gives_the_same_bits_whatever_was_drawn_before():
    trajectory = make_trajectory(
        {"box": (Box((0.05, 0.05, 0.05)), slide((0.0, 0.3, -0.6), (0.3, -1.0, 0.0)))}, photo=speckled(SIZE)
    )
    one, other = Compositor(trajectory), Compositor(trajectory)
    list(other)
    for time in (0.0, 0.031, 2 / FPS):
        np.testing.assert_array_equal(one.frame_at(time), other.frame_at(time))
    np.testing.assert_array_equal(one.frame(2), one.frame_at(2 / FPS))
    np.testing.assert_array_equal(one.frame(-1), one.frame(3))


def test_a_frame_given_away_can_be_written_to():
    compositor = Compositor(make_trajectory({}, photo=speckled(SIZE)))
    compositor.frame(0)[:] = 0
    assert compositor.frame(0).min() > 0.2


def test_first_frame_of_a_lifted_thing_is_the_photo_to_the_bit():
    trajectory, _ = coin_scene((0.5, 0.0, 0.0))
    np.testing.assert_array_equal(Compositor(trajectory).frame(0), trajectory.scene.backdrop.photo)


def test_a_lifted_thing_uncovers_the_plate_and_takes_its_pixels_along():
    # 8 pixels per frame: whole pixels, so that hardly anything is resampled
    camera_focal = 0.5 * SIZE[1] / np.tan(np.radians(25))
    speed = 8 * FPS * 0.98 / camera_focal  # the face that is seen lies 2 cm above the ground
    trajectory, inside = coin_scene((speed, 0.0, 0.0))
    frame = Compositor(trajectory, motion_blur=0.0).frame(3)
    scene = trajectory.scene
    moved = np.roll(inside, 24, axis=1)
    core = moved & np.roll(moved, 3, 1) & np.roll(moved, -3, 1) & np.roll(moved, 3, 0) & np.roll(moved, -3, 0)
    error = frame[core] - np.roll(scene.backdrop.photo, 24, axis=1)[core]
    # The drawn form is grown by 2 pixels, which at 129 pixels of focal length is 1.6 % nearer: 0.4 pixels too far here.
    assert np.sqrt(np.mean(error**2)) < 0.025
    far = inside & (np.arange(SIZE[1])[None, :] < 60)
    assert far.sum() > 20
    shadow = Compositor(trajectory, motion_blur=0.0).shadow(3)[far, None] ** np.array([1, 1.04, 1.08])
    uncovered = srgb.to_srgb(srgb.to_linear(scene.backdrop.plate[far]) * shadow)
    np.testing.assert_allclose(frame[far], uncovered, atol=2e-3)


def test_a_thing_that_slides_keeps_its_own_shadow():
    v, u = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    ring = np.where(np.hypot(u - 60, v - 45) < 20, 0.6, 1.0).astype(np.float32)
    trajectory, _ = coin_scene((0.4, 0.0, 0.0), shadow=ring)
    compositor = Compositor(trajectory)
    np.testing.assert_array_equal(compositor.frame(0), trajectory.scene.backdrop.photo)
    shadow = compositor.shadow(0)
    np.testing.assert_allclose(shadow[20:70, 30:90], ring[20:70, 30:90], atol=0.02)
    late = compositor.shadow(3)
    assert np.argmin(late[45, :]) > np.argmin(shadow[45, :])
    assert late.min() == pytest.approx(0.6, abs=0.05)  # no second, synthetic shadow on top of it


def test_a_lifted_thing_that_never_moves_is_left_to_the_photo():
    trajectory, _ = coin_scene()
    compositor = Compositor(trajectory)
    for frame in compositor:
        np.testing.assert_array_equal(frame, trajectory.scene.backdrop.photo)
    np.testing.assert_array_equal(compositor.shadow(0), 1.0)


def test_shadow_of_an_added_ball_lies_away_from_the_light_and_darkens_by_the_floor():
    light = Light(direction=(0.7, 0.7, 0.0), half_angle=0.02, shadow_floor=0.2)
    photo = np.full((*SIZE, 3), 0.6, np.float32)
    trajectory = make_trajectory({"ball": (Sphere(0.04), (0.0, 0.3, -0.6))}, photo=photo, light=light)
    compositor = Compositor(trajectory)
    shadow = compositor.shadow(0)
    camera = trajectory.scene.camera.start
    v, u = np.argwhere(shadow < 0.3).mean(axis=0).round().astype(int)
    expected, _ = camera.project(np.array([-0.3, 0.0, -0.6]))
    assert np.hypot(u + 0.5 - expected[0], v + 0.5 - expected[1]) < 1.5
    assert shadow.min() == pytest.approx(0.2, abs=0.03)
    dark = srgb.to_linear(compositor.frame(0)[v, u]) / srgb.to_linear(photo[v, u])
    np.testing.assert_allclose(dark, shadow[v, u] ** np.array([1, 1.04, 1.08]), rtol=0.01)


def test_a_thing_on_the_ground_is_darkest_where_it_touches():
    light = Light(direction=(0.0, 1.0, 0.0), half_angle=0.5, shadow_floor=0.4)
    trajectory = make_trajectory(
        {"ball": (Sphere(0.05), (0.0, 0.05, -0.6))}, photo=np.full((*SIZE, 3), 0.6, np.float32), light=light
    )
    shadow = Compositor(trajectory).shadow(0)
    u, v = trajectory.scene.camera.start.project(np.array([0.0, 0.0, -0.6]))[0]
    row = shadow[int(v), int(u) :]
    assert row[0] < 0.45 and np.all(np.diff(row) > -1e-4) and row[-1] == 1.0


def test_a_body_behind_the_photographed_surface_is_hidden():
    photo = speckled(SIZE)
    trajectory = make_trajectory({"ball": (Sphere(0.05), (0.0, -0.5, -0.6))}, photo=photo)
    np.testing.assert_array_equal(Compositor(trajectory).frame(0), photo)


def test_a_still_layer_covers_what_passes_behind_it_and_not_what_passes_before():
    photo = speckled(SIZE)
    alpha = np.zeros(SIZE, np.float32)
    alpha[:, 50:70] = 1.0
    for depth, covered in ((0.3, True), (3.0, False)):
        trajectory = make_trajectory({"box": (Box((0.2, 0.1, 0.1)), (0.0, 0.2, -0.5))}, photo=photo)
        from dataclasses import replace

        still_layer = StillLayer("tower", Cutout(photo, alpha, (0, 0)), depth)
        trajectory.scene.backdrop = replace(trajectory.scene.backdrop, stills=(still_layer,))
        compositor = Compositor(trajectory)
        frame, shadow = compositor.frame(0), compositor.shadow(0)
        u, v = trajectory.scene.camera.start.project(np.array([0.0, 0.2, -0.5]))[0]
        here = (slice(int(v) - 3, int(v) + 3), slice(int(u) - 3, int(u) + 3))
        same = np.allclose(frame[here], photo[here] * 1.0, atol=0.02) or (covered and shadow[here].min() < 1)
        assert same == covered


def test_instants_of_an_exposure_are_at_most_two_pixels_apart():
    photo = speckled(SIZE)
    trajectory = make_trajectory({"ball": (Sphere(0.05), slide((0, 0.1, -0.6), (2.0, 0, 0)))}, photo=photo)
    camera = trajectory.scene.camera.start
    shutter = expose(trajectory, camera, 2 / FPS, 0.5)
    places = np.array([camera.project(trajectory.bodies["ball"].at(t)[0])[0] for t in shutter.times])
    assert np.linalg.norm(np.diff(places, axis=0), axis=1).max() <= 2.0
    assert shutter.times.mean() == pytest.approx(2 / FPS)
    assert expose(trajectory, camera, 2 / FPS, 0.0).times.tolist() == [2 / FPS]


def test_a_resting_body_is_the_same_in_all_frames():
    trajectory = make_trajectory(
        {"a": (Box((0.05, 0.05, 0.05)), (-0.3, 0.025, -0.6)), "b": (Sphere(0.03), slide((0.3, 0.5, -0.6), (0, -1, 0)))},
        photo=speckled(SIZE), a={"texture": "sugar"},
    )  # fmt: skip
    frames = [frame[:, :45] for frame in Compositor(trajectory)]
    assert np.abs(frames[0] - trajectory.scene.backdrop.photo[:, :45]).max() > 0.1
    for frame in frames[1:]:
        np.testing.assert_allclose(frame, frames[0], atol=1 / 255)


def test_camera_moves_start_from_the_photo_and_shift_it_as_the_plane_moves():
    v, u = np.mgrid[: SIZE[0], : SIZE[1]]
    photo = np.repeat((0.5 + 0.3 * np.sin(u / 4.0) * np.cos(v / 5.0))[..., None], 3, 2).astype(np.float32)
    camera = Camera.looking(SIZE, fov_deg=50, pitch_deg=90, height=1.0)
    trajectory = make_trajectory(
        {}, photo=photo, camera=camera, moves=(CameraMove("truck", 0.1, 0, 3 / FPS, "linear"),)
    )
    compositor = Compositor(trajectory)
    np.testing.assert_array_equal(compositor.frame(0), photo)
    shift = 0.1 * camera.focal  # of a plane one metre below
    expected = np.repeat((0.5 + 0.3 * np.sin((u + shift) / 4.0) * np.cos(v / 5.0))[..., None], 3, 2)
    np.testing.assert_allclose(compositor.frame(3)[10:-10, 20:-30], expected[10:-10, 20:-30], atol=0.02)


def test_errors_say_what_is_missing():
    trajectory = make_trajectory({"box": (Box((1, 1, 1)), still((0, 1, 0)))})
    with pytest.raises(ValueError, match="no camera"):
        Compositor(trajectory)
    photo = make_trajectory({}, photo=speckled(SIZE))
    with pytest.raises(ValueError, match="motion_blur 2"):
        Compositor(photo, motion_blur=2)
    with pytest.raises(IndexError, match="frame 4 of 4"):
        Compositor(photo).frame(4)
    assert isinstance(photo.scene, Scene)


def ball_scene(turn, *, moves=()):
    """A speckled ball of the photo, lit from the left, that turns by ``turn`` [rad] per frame about the vertical."""
    size = (120, 160)
    camera = Camera.looking(size, fov_deg=40, pitch_deg=15, height=0.5)
    radius, centre = 0.12, np.array([0.0, 0.12, -1.2])
    pixels = camera.pixel_grid()
    rays = camera.rays(pixels)
    to = centre - camera.position
    along = rays @ to
    square = along**2 - to @ to + radius**2
    inside = square > 0
    point = camera.position + rays * (along - np.sqrt(np.maximum(square, 0)))[..., None]
    normal = (point - centre) / radius
    spots = 0.75 + 0.25 * np.sign(np.sin(9 * normal[..., 0]) * np.sin(9 * normal[..., 1] + 1))
    light = 0.08 + 0.7 * np.clip(-normal[..., 0] * 0.8 + normal[..., 2] * 0.6, 0, 1)
    ball = srgb.to_srgb((spots * light)[..., None] * np.array([0.9, 0.8, 0.3]))
    plate = np.full((*size, 3), 0.4, np.float32)
    photo = np.where(inside[..., None], ball, plate).astype(np.float32)
    cutout = Cutout(photo, inside.astype(np.float32), (0, 0))

    def path(t):
        half = 0.5 * turn * t * FPS
        return centre, (0.0, np.sin(half), 0.0, np.cos(half))

    trajectory = make_trajectory(
        {"ball": (Sphere(radius), path)}, photo=photo, plate=plate, camera=camera, moves=moves,
        light=Light(direction=(-0.8, 0.3, 0.6), shadow_floor=0.5), ball={"cutout": cutout},
    )  # fmt: skip
    return trajectory, inside, light


def test_light_stays_while_the_detail_of_a_ball_rolls():
    trajectory, inside, light = ball_scene(0.6)
    compositor = Compositor(trajectory, motion_blur=0.0)
    np.testing.assert_array_equal(compositor.frame(0), trajectory.scene.backdrop.photo)
    first, last = compositor.frame(0), compositor.frame(3)  # 103 degrees: half of what is seen was hidden before
    assert np.isfinite(last).all()
    core = inside & (light > 0.2)
    assert np.abs(last - first)[core].mean() > 0.03
    blurred = [
        (gaussian_filter(f[..., 1] * inside, 6) / gaussian_filter(inside + 1e-6, 6))[inside] for f in (first, last)
    ]
    assert np.corrcoef(*blurred)[0, 1] > 0.95
    assert last[inside].min() > 0.02  # no black holes on the side the photo never showed


def test_outline_of_a_ball_does_not_turn():
    trajectory, inside, _ = ball_scene(0.6)
    frame = Compositor(trajectory, motion_blur=0.0).frame(3)
    yellow = frame[..., 2] < 0.8 * frame[..., 0]
    assert (yellow & ~inside).mean() < 0.002 and (inside & ~yellow).mean() < 0.002


def test_a_moving_camera_starts_from_the_photo_of_lifted_things_too():
    trajectory, _, _ = ball_scene(0.3, moves=(CameraMove("truck", 0.02, 0, 3 / FPS, "linear"),))
    compositor = Compositor(trajectory)
    np.testing.assert_array_equal(compositor.frame(0), trajectory.scene.backdrop.photo)
    assert all(np.isfinite(frame).all() for frame in compositor)


def test_more_frames_are_the_same_world_at_more_instants():
    photo = speckled(SIZE)
    trajectory = make_trajectory({"ball": (Sphere(0.05), slide((0, 0.1, -0.6), (1.0, 0, 0)))}, photo=photo)
    once, twice = Compositor(trajectory, motion_blur=0.25), Compositor(trajectory, motion_blur=0.5, fps=2 * FPS)
    assert twice.frame_count == 2 * once.frame_count
    for index in (0, 2):  # half of half the time is a quarter of the whole
        np.testing.assert_array_equal(twice.frame(2 * index), once.frame(index))
    lit = [np.abs(twice.frame(i) - photo).max(axis=-1) for i in (2, 3, 4)]
    u = [float((d.sum(axis=0) * np.arange(d.shape[1])).sum() / d.sum()) for d in lit]
    assert u[1] == pytest.approx(0.5 * (u[0] + u[2]), abs=0.5)


def test_fewer_frames_than_were_simulated_are_refused():
    with pytest.raises(ValueError, match="at least the 24"):
        Compositor(make_trajectory({}, photo=speckled(SIZE)), fps=12)


def test_what_only_settles_is_left_to_the_photo_until_it_leaves():
    """Forms taken from a photo overlap by a hair: the solver moves them, and nobody may see it."""
    trajectory, _ = coin_scene((0.4, 0.0, 0.0), rest_frames=2)
    coin = trajectory.bodies["coin"]
    settled = coin.dense_position + np.where(np.arange(len(coin.dense_position))[:, None] > 0, [2e-5, -3e-5, 0], 0)
    trajectory = replace(trajectory, bodies={"coin": replace(coin, dense_position=settled)})
    compositor = Compositor(trajectory, motion_blur=0.0)
    for frame in (0, 1, 2):
        np.testing.assert_array_equal(compositor.frame(frame), trajectory.scene.backdrop.photo)
    assert np.abs(compositor.frame(3) - compositor.frame(2)).max() > 0.1
    track = held(trajectory, "coin")
    step = np.linalg.norm(np.diff(track.dense_position, axis=0), axis=1).max()
    assert step < 3 * 0.4 / (FPS * coin.samples_per_frame)  # it catches up, it does not jump
    np.testing.assert_allclose(track.dense_position[-1], settled[-1], atol=1e-12)


def test_a_ball_is_drawn_at_rest_as_the_photo_shows_it_edge_and_all():
    trajectory, inside, _ = ball_scene(0.6)
    photo = trajectory.scene.backdrop.photo
    rest = Compositor(trajectory, motion_blur=0.0)._first  # before the photo's residual is added
    band = maximum_filter(inside, 7) & ~minimum_filter(inside, 7)
    error = np.sqrt(np.mean((rest[band] - photo[band]) ** 2))
    assert error < 0.08  # 0.07 for resampling a hard edge; more if the edge is drawn beyond its place


def test_the_shadow_of_a_thing_that_turns_is_whole_while_one_half_is_carried_and_one_thrown():
    """A vertical light over a disc: carried or thrown, its shadow is the same, and so must be every mixture of them."""
    v, u = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    trajectory, inside = coin_scene(
        (0.4, 0.0, 0.0), shadow=np.where(np.hypot(u - 60, v - 45) < 14, 0.3, 1).astype("f4")
    )
    composer = Compositor(trajectory, motion_blur=0.0)._composer
    frame = composer._view.at(0.0)
    shutter = composer.exposure(0.0, frame.camera)
    below = []
    for turned in (0.0, 0.3, 0.5, 0.7, 1.0):
        composer._turned_by = lambda *_, turned=turned: turned
        below.append(float(np.median(composer._shadow(shutter, frame)[inside])))
    assert below[0] == pytest.approx(0.3, abs=0.01)
    assert max(below) < max(below[0], below[-1]) + 0.02


def test_a_ball_that_has_gone_round_does_not_get_its_own_shadow_back():
    trajectory, _, _ = ball_scene(np.pi / 4)  # back at the start after eight frames
    trajectory = replace(trajectory, seconds=10 / FPS, bodies={"ball": track(_round, 10)})
    composer = Compositor(trajectory)._composer
    eye = composer._start_eye
    assert composer._painter.turned("ball", pose_matrix(*trajectory.bodies["ball"].at(8 / FPS)), eye) < 0.01
    assert composer._turned_by("ball", 8 / FPS, eye) == 1.0
    assert composer._turned_by("ball", 0.0, eye) == 0.0


def _round(t):
    half = 0.5 * np.pi / 4 * t * FPS
    return np.array([0.0, 0.12, -1.2]), (0.0, np.sin(half), 0.0, np.cos(half))


@pytest.mark.parametrize("sigma", [0.0, 0.7, 1.5])
def test_the_softness_of_an_edge_is_read_from_its_alpha(sigma):
    v, u = (np.arange(8 * 120) + 0.5).reshape(1, -1) / 8, (np.arange(8 * 120) + 0.5).reshape(-1, 1) / 8
    fine = (np.hypot(u - 60, v - 60) < 40).astype(float)
    alpha = gaussian_filter(fine, 8 * sigma) if sigma else fine
    alpha = alpha.reshape(120, 8, 120, 8).mean((1, 3))  # a pixel is the mean of what falls on it
    assert edge_blur(alpha) == pytest.approx(sigma, abs=0.15)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("way", [(3, 0, 0), (-3, 0, 0), (0, 0, 3), (0, 0, -6)])
def test_a_ball_that_leaves_the_picture_has_finite_colours_to_the_end(way):
    """The ground beneath it is then beyond the border, where no pixel tells its colour."""
    path = lambda t: (tuple(np.array([0, 0.1, -0.6]) + t * 24 / 4 * np.array(way)), (0.0, 0.0, 0.0, 1.0))  # noqa: E731
    frames = Compositor(make_trajectory({"ball": (Sphere(0.1), path)}, photo=speckled()))
    pictures = [frames.frame(k) for k in range(frames.frame_count)]
    assert all(np.isfinite(p).all() for p in pictures) and not np.array_equal(pictures[0], pictures[-1])


def test_what_trembles_unseen_rests_from_where_it_came_to_rest():
    samples = 41
    fall = np.linspace(1.0, 0.5, 11)
    tremble = 0.5 + 2e-7 * np.sin(np.arange(samples - 11))
    height = np.concatenate([fall, tremble])
    position = np.stack([np.zeros(samples), height, np.zeros(samples)], axis=1)
    turn = np.tile([0.0, 0.0, 0.0, 1.0], (samples, 1))
    trembles = BodyTrack(4, 24.0, position, turn, np.zeros((samples, 3)), np.zeros((samples, 3)))
    creep = replace(trembles, dense_position=np.outer(np.arange(samples), [3e-7, 0, 0]))
    after = stilled(Moves({"ball": trembles, "creeps": creep}))
    held = after.bodies["ball"].dense_position[:, 1]
    np.testing.assert_array_equal(held[:11], height[:11])  # as it falls, to the bit
    assert len(set(held[11:])) == 1 and abs(held[-1] - 0.5) < 1e-6
    np.testing.assert_allclose(after.bodies["creeps"].dense_position, creep.dense_position, atol=1.01e-6)
    assert after.bodies["creeps"].dense_position[-1, 0] > 1e-5, "what creeps still gets there"
