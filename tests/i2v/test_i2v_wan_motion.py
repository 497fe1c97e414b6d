"""Motion for Wan: tracks and copies against plain loops, noise against its distribution, rays against projection."""

import numpy as np
import pytest
from test_i2v_noise_warp import FAIL_RATE, failures

from i2v.models.wan.motion import Tracks, camera_rays, depth_video, follow, latent_noise, moved_latents


def random_tracks(seed=0, frames=9, count=60, size=(40, 48)):
    rng = np.random.default_rng(seed)
    position = rng.uniform(-8, (size[1] + 8, size[0] + 8), (frames, count, 2)).astype(np.float32)
    return Tracks(position, rng.random((frames, count)) < 0.7, rng.integers(1, 5, (frames, count)).astype(np.float32))


def copied_slowly(latents, tracks, space, time):
    made = latents.copy()
    for k in range(1, len(latents)):
        nearest = {}
        for n in range(tracks.position.shape[1]):
            cells = []
            for frame in (0, time * k):
                u, v = (int(np.floor(x / space)) for x in tracks.position[frame, n])
                there = 0 <= u < latents.shape[2] and 0 <= v < latents.shape[1] and tracks.visible[frame, n]
                cells.append((v, u) if there else None)
            if None in cells:
                continue
            z = tracks.depth[time * k, n]
            if cells[1] not in nearest or z < nearest[cells[1]]:
                nearest[cells[1]] = z
                made[(k, *cells[1])] = latents[(0, *cells[0])]
    return made


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_latents_are_copied_along_tracks_exactly_as_a_plain_loop_does_it(seed):
    latents = np.random.default_rng(9).standard_normal((3, 5, 6, 4)).astype(np.float32)
    tracks = random_tracks(seed)
    made = moved_latents(latents, tracks)
    assert np.array_equal(made, copied_slowly(latents, tracks, 8, 4))
    assert np.array_equal(made[0], latents[0])
    assert not np.array_equal(made[1:], latents[1:])


def test_the_nearest_of_two_that_arrive_wins():
    latents = np.zeros((2, 1, 3, 1))
    latents[0, 0, :, 0] = 1, 2, 3
    position = np.array([[[4, 4], [20, 4]]] * 4 + [[[12, 4], [12, 4]]], np.float32)
    for depth, winner in (((1, 2), 1), ((2, 1), 3), ((1, 1), 1)):
        tracks = Tracks(position, np.ones((5, 2), bool), np.broadcast_to(np.float32(depth), (5, 2)))
        assert moved_latents(latents, tracks)[1, 0, 1, 0] == winner


def test_points_follow_the_flow_until_they_are_hidden_or_leave():
    flow = np.zeros((5, 16, 32, 2), np.float32)
    flow[..., 0] = 2
    occlusion = np.zeros((5, 16, 32))
    occlusion[1, 8:, :] = 1  # the lower half is covered after the second frame
    tracks = follow(flow, occlusion, np.ones((5, 16, 32)), spacing=8)
    assert np.array_equal(tracks.position[0, :2], [[4, 4], [12, 4]])
    seen = tracks.visible.reshape(5, 2, 4)
    assert seen[:2].all()
    assert not seen[2:, 1].any()
    assert list(seen[4, 0]) == [True, True, True, False]  # 28 + 8 lies outside
    kept = tracks.position.reshape(5, 2, 4, 2)[:, 0, :3, 0]
    assert np.allclose(kept - kept[0], 2 * np.arange(5)[:, None])


def scene(frames=81, side=128):
    """Zoom, then rotation, with two halves that collide in the middle and leave a gap between them at first."""
    v, u = np.mgrid[:side, :side] + 0.5 - side / 2
    flow = np.empty((frames, side, side, 2), np.float32)
    turn = np.radians(2)
    flow[:30] = np.stack([0.04 * u, 0.04 * v], -1)
    flow[30:55] = np.stack([-np.sin(turn) * v, np.sin(turn) * u], -1)
    flow[55:70] = np.stack([2 * np.sign(u), 0 * v], -1)  # uncovers the middle
    flow[70:] = np.stack([-2 * np.sign(u), 0 * v], -1)  # and closes over it
    occlusion = np.zeros((frames, side, side), np.float32)
    occlusion[70:, :, side // 2 :] = (np.abs(u) < 2)[:, side // 2 :]
    return flow, occlusion


@pytest.mark.parametrize("degradation", [0.0, 0.5])
def test_noise_stays_white_and_normal_through_zoom_rotation_gap_and_collision(degradation):
    rng = np.random.default_rng(3)
    made = latent_noise(*scene(), (21, 64, 64), channels=2, rng=rng, degradation=degradation, finer=1)
    broken = [failures(frame[..., c]) for frame in made for c in range(2)]
    assert np.mean(broken) <= FAIL_RATE


def test_noise_of_latent_cells_is_white_too():
    made = latent_noise(*scene(), (21, 32, 32), channels=4, rng=np.random.default_rng(4), degradation=0)
    assert np.mean([failures(frame[..., c]) for frame in made for c in range(4)]) <= FAIL_RATE


@pytest.mark.parametrize(("degradation", "expected"), [(0.0, 1.0), (0.5, 0.5), (1.0, 0.0)])
def test_noise_follows_rigid_motion_as_far_as_it_is_not_degraded(degradation, expected):
    """2 pixels a frame are one cell a latent frame; a share g of fresh noise leaves (1 - g)^2 / ((1 - g)^2 + g^2)."""
    flow = np.zeros((9, 128, 256, 2), np.float32)
    flow[..., 0] = 2
    rng = np.random.default_rng(5)
    made = latent_noise(flow, np.zeros(flow.shape[:3]), (3, 16, 32), channels=8, rng=rng, degradation=degradation)
    for k in (1, 2):
        stays = np.corrcoef(made[0, :, : 32 - k].ravel(), made[k, :, k:].ravel())[0, 1]
        assert stays == pytest.approx(expected, abs=0.06)
        assert stays >= 0.9 or degradation > 0
        assert abs(np.corrcoef(made[0].ravel(), made[k].ravel())[0, 1]) < 0.06


def test_depth_is_grey_with_the_nearest_white():
    video = depth_video(np.array([[[1.0, 2.0, 4.0]]]))
    assert np.allclose(video[0, 0, :, 0], [1, 1 / 3, 0])
    assert video.shape == (1, 1, 3, 3)
    assert np.isfinite(depth_video(np.ones((2, 2, 2)))).all()


def test_every_point_of_a_ray_is_seen_in_its_pixel():
    intrinsics = np.broadcast_to([[30.0, 0, 12], [0, 30, 8], [0, 0, 1]], (5, 3, 3))
    poses = np.broadcast_to(np.eye(4), (5, 4, 4)).copy()
    angle = np.linspace(0, 0.3, 5)
    poses[:, 0, 0] = poses[:, 2, 2] = np.cos(angle)
    poses[:, 0, 2], poses[:, 2, 0] = np.sin(angle), -np.sin(angle)
    poses[:, :3, 3] = np.outer(np.arange(5), [0.1, 0.02, -0.05])
    start = np.array([[0, 0, 1, 3], [1, 0, 0, 2], [0, 1, 0, 1], [0, 0, 0, 1.0]])
    rays = camera_rays(intrinsics, start @ poses, 16, 24)
    assert rays.shape == (2, 16, 24, 24)
    frames = rays.reshape(2, 16, 24, 6, 4)
    assert np.allclose(frames[0], frames[0][..., :1])  # the first frame, four times
    for t in range(1, 5):
        moment, direction = np.split(frames[1, ..., t - 1].astype(float), 2, axis=-1)
        assert np.allclose(np.linalg.norm(direction, axis=-1), 1, atol=1e-6)
        point = np.cross(direction, moment) + 5 * direction  # d x (o x d) is the foot of the ray
        seen = (np.linalg.inv(poses[t]) @ np.concatenate([point, np.ones_like(point[..., :1])], -1)[..., None])[..., 0]
        pixel = seen[..., :3] @ intrinsics[t].T
        v, u = np.mgrid[:16, :24] + 0.5
        assert np.allclose(pixel[..., :2] / pixel[..., 2:], np.stack([u, v], -1), atol=1e-4)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: moved_latents(np.zeros((4, 2, 2, 1)), random_tracks()), "9 frames, expected 13"),
        (lambda: latent_noise(*scene(5, 8), (3, 2, 2), channels=1, rng=np.random.default_rng()), "expected 9"),
        (
            lambda: latent_noise(*scene(5, 8), (2, 2, 2), channels=1, rng=np.random.default_rng(), degradation=2),
            "degradation is 2",
        ),
        (lambda: camera_rays(np.zeros((4, 3, 3)), np.zeros((4, 4, 4)), 2, 2), r"expected 1 \+ 4 n"),
    ],
)
def test_what_does_not_fit_is_said(call, word):
    with pytest.raises(ValueError, match=word):
        call()
