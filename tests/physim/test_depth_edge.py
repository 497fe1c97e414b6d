"""Bodies behind an edge of the photo, and their own outlines: soft, straight, in the right place."""

from dataclasses import replace

import numpy as np
import pytest
from compose_scenes import make_trajectory, still

from physim import srgb
from physim.camera import Camera
from physim.camera_path import CameraMove
from physim.compositor import Compositor
from physim.depth_edge import DepthEdges
from physim.scene import Light
from physim.shapes import Box
from physim.view import plane_depth

SIZE = (60, 90)
NEAR, FAR = np.array([0.55, 0.10, 0.05]), np.array([0.05, 0.12, 0.25])
EDGE = 40


def covered(edge, slope=0.0):
    """Part of each pixel left of the line u = edge + slope (v - middle), (H, W)."""
    fine = 8
    v, u = np.meshgrid(*((np.arange(n * fine) + 0.5) / fine for n in SIZE), indexing="ij")
    inside = u < edge + slope * (v - SIZE[0] / 2)
    return inside.reshape(SIZE[0], fine, SIZE[1], fine).mean(axis=(1, 3))


def photo_of(cover, near=NEAR, far=FAR):
    return srgb.to_srgb(cover[..., None] * near + (1 - cover[..., None]) * far).astype(np.float32)


def hard_depth(cover, near=0.5, far=1.0):
    return np.where(cover >= 0.5, near, far).astype(np.float32)


@pytest.mark.parametrize("part", [0.05, 0.3, 0.5, 0.75, 0.95])
def test_the_photo_tells_how_much_of_an_edge_pixel_the_nearer_thing_covers(part):
    truth = covered(EDGE + part)
    edges = DepthEdges.find(photo_of(truth), hard_depth(truth))
    np.testing.assert_allclose(edges.cover, truth, atol=0.1)


@pytest.mark.parametrize("off", [-1, 1])
def test_the_photo_corrects_an_outline_drawn_a_pixel_beside_it(off):
    truth, drawn = covered(EDGE + 0.3), covered(EDGE + 0.3 + off) >= 0.5
    edges = DepthEdges.find(photo_of(truth), hard_depth(drawn))
    error = np.abs(edges.cover - truth).sum(axis=1)
    assert error.max() < 0.6 * np.abs(drawn - truth).sum(axis=1).min()


def test_without_contrast_the_stairs_of_the_outline_are_smoothed():
    truth = covered(EDGE, slope=0.2)
    edges = DepthEdges.find(np.full((*SIZE, 3), 0.5, np.float32), hard_depth(truth))
    inner = slice(8, -8)
    assert np.abs(edges.cover - truth)[inner].max() < 0.3  # the hard test is up to 0.5 off
    place = edges.cover[inner].sum(axis=1)
    np.testing.assert_allclose(place, EDGE + 0.2 * (np.arange(8, SIZE[0] - 8) + 0.5 - SIZE[0] / 2), atol=0.3)


def test_the_colour_of_the_nearer_side_holds_nothing_of_the_farther_one():
    truth = covered(EDGE + 0.4)
    edges = DepthEdges.find(photo_of(truth), hard_depth(truth))
    at = edges.band & (edges.cover > 0.01)
    np.testing.assert_allclose(edges.colour[at], np.broadcast_to(NEAR, (*SIZE, 3))[at], atol=0.02)


def test_a_slanted_plane_has_no_edges():
    camera = Camera.looking(SIZE, fov_deg=50, pitch_deg=40, height=1.0)
    depth = plane_depth(camera, 0.0, far=100.0).astype(np.float32)
    assert DepthEdges.find(np.full((*SIZE, 3), 0.5, np.float32), depth) is None


def test_edges_on_a_coarser_grid_lie_where_those_on_the_fine_one_do(monkeypatch):
    truth = covered(EDGE, slope=0.2)
    fine = DepthEdges.find(photo_of(truth), hard_depth(truth))
    monkeypatch.setattr("physim.depth_edge.COLUMNS", 30)
    coarse = DepthEdges.find(photo_of(truth), hard_depth(truth))
    place = [each.cover[10:-10].sum(axis=1) for each in (fine, coarse)]
    np.testing.assert_allclose(place[0], place[1], atol=0.5)


def scene(*, wall, part=0.3, moves=()):
    """A dark box 0.7 m away, half of it behind a near wall that ends at pixel EDGE + part, or before a far one."""
    truth = covered(EDGE + part)
    camera = Camera.looking(SIZE, fov_deg=50, pitch_deg=60, height=1.0)
    place = camera.unproject(np.array([EDGE, 30.0]), 0.7)
    trajectory = make_trajectory(
        {"box": (Box((0.12, 0.12, 0.12)), still(tuple(place)))}, photo=photo_of(truth), camera=camera, moves=moves,
        box={"colour": (0.9, 0.9, 0.9)}, frames=8,
    )  # fmt: skip
    depth = hard_depth(truth) if wall else np.full(SIZE, 1.0, np.float32)
    trajectory.scene.backdrop = replace(trajectory.scene.backdrop, depth=depth)
    return trajectory, truth


@pytest.mark.parametrize("part", [0.2, 0.6, 0.9])
def test_a_body_shows_beside_a_wall_by_the_part_of_the_pixel_the_wall_leaves_free(part):
    trajectory, cover = scene(wall=True, part=part)
    cut = srgb.to_linear(Compositor(trajectory, motion_blur=0, device="cpu").frame(0))
    whole = srgb.to_linear(Compositor(scene(wall=False, part=part)[0], motion_blur=0, device="cpu").frame(0))
    rows, cols = slice(27, 33), slice(EDGE - 4, EDGE + 6)
    body = np.broadcast_to(whole[rows, EDGE + 6 : EDGE + 7], whole[rows, cols].shape)
    measured = ((cut[rows, cols] - body) @ (NEAR - body[0, 0])) / ((NEAR - body[0, 0]) @ (NEAR - body[0, 0]))
    np.testing.assert_allclose(measured, cover[rows, cols], atol=0.1)


def test_behind_a_wall_the_photo_stays_to_the_bit():
    trajectory, _ = scene(wall=True)
    frame = Compositor(trajectory, motion_blur=0, device="cpu").frame(0)
    np.testing.assert_array_equal(frame[:, : EDGE - 8], trajectory.scene.backdrop.photo[:, : EDGE - 8])


def test_the_cut_moves_smoothly_with_the_camera():
    moves = (CameraMove("truck", 0.02, 0.0, 8 / 24, "linear"),)
    compositor = Compositor(scene(wall=True, moves=moves)[0], motion_blur=0, device="cpu")
    # Blue is 0.05 on the wall and 0.89 on the box: over a row that starts in the wall it counts the box's pixels.
    blue = [srgb.to_linear(compositor.frame(k))[28:32, EDGE - 10 : EDGE + 2, 2].mean(axis=0) for k in range(8)]
    place = [float(np.clip((each - 0.05) / (each.max() - 0.05), 0, 1).sum()) for each in blue]
    step = np.diff(place)
    assert np.abs(step).mean() > 0.1
    assert np.abs(np.diff(step)).max() < 0.25  # a depth test per pixel stands still or jumps by a whole one


def box_layer(texture="plain"):
    size = (120, 160)
    camera = Camera.looking(size, fov_deg=30, pitch_deg=40, height=0.3)
    place = camera.unproject(np.array([80.0, 60.0]), 0.25)
    turn = (0.0, np.sin(0.35), 0.0, np.cos(0.35))
    shape = Box((0.03, 0.03, 0.03))
    trajectory = make_trajectory(
        {"box": (shape, lambda t: (tuple(place), turn))}, photo=np.full((*size, 3), 0.3, np.float32), camera=camera,
        light=Light(direction=(0.5, 0.6, -0.7)), moves=(CameraMove("dolly", 1e-4, 0.0, 1.0),),
        box={"texture": texture, "colour": (0.9, 0.9, 0.9)},
    )  # fmt: skip
    composer = Compositor(trajectory, motion_blur=0.5, device="cpu")._composer
    frame = composer._view.at(0.0)
    layer = composer._layers(composer.exposure(0.0, frame.camera), frame)[0]
    c, s = np.cos(0.7), np.sin(0.7)
    corners = 0.015 * np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    corners = corners @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T + place
    return layer, camera.project(corners)[0]


def crossings(corners, v):
    """Where the convex outline of projected corners crosses the row through v."""
    found = []
    for a in corners:
        for b in corners:
            if a[1] < v <= b[1]:
                found.append(a[0] + (v - a[1]) / (b[1] - a[1]) * (b[0] - a[0]))
    return min(found), max(found)


def test_the_outline_of_a_box_is_where_its_corners_project_to():
    layer, corners = box_layer()
    v0, v1, u0, _ = layer.window
    for v in range(int(corners[:, 1].min()) + 8, int(corners[:, 1].max()) - 8):
        row = layer.colour[v - v0, :, 3]
        middle = len(row) // 2
        low, high = crossings(corners, v + 0.5)
        assert u0 + middle - row[:middle].sum() == pytest.approx(low, abs=0.3)
        assert u0 + middle + row[middle:].sum() == pytest.approx(high, abs=0.3)
    assert v1 > v0


def test_crystals_do_not_nibble_at_the_outline_of_a_sugar_cube():
    layer, corners = box_layer("sugar")
    plain, _ = box_layer()
    v0 = layer.window[0]
    rough = []
    for v in range(int(corners[:, 1].min()) + 14, int(corners[:, 1].max()) - 14):
        last = np.flatnonzero(layer.colour[v - v0, :, 3] > 0.99)[-1]
        rough.append(layer.colour[v - v0, last, 1] / plain.colour[v - v0, last, 1])
    assert np.std(rough) < 0.05  # where crystals count in full up to the outline: 0.09
