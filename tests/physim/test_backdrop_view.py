import numpy as np
import pytest
from view_scenes import linear, photo_scene

from physim.backdrop_view import BackdropView
from physim.camera import Camera
from physim.camera_path import CameraPath
from physim.scene import Backdrop

# Pinhole flow in closed form: rows of analytic_flow__samples.csv (f = 554.256 px, 640 x 360; x, y, u, v). Points on the
# horizon are left out: there the ground of the table ends in a step of depth, which a smooth sheet does not have.
SAMPLES = {
    ("dolly", 0.2, "wall"): [
        (64, 48, -13.4736842, -6.94736842),
        (320, 180, 0, 0),
        (500, 60, 9.47368421, -6.31578947),
        (100, 300, -11.5789474, 6.31578947),
        (600, 340, 14.7368421, 8.42105263),
    ],
    ("truck", 0.1, "ground"): [(64, 48, -1.108512, 0), (100, 300, -8, 0), (600, 340, -10.6666667, 0)],
    ("pan", np.radians(1), "ground"): [
        (64, 48, -11.8338923, -1.09312442),
        (320, 180, -9.67457447, 0),
        (100, 300, -11.2769567, 0.855616951),
        (600, 340, -12.0374627, -1.37438497),
    ],
    ("orbit", np.radians(2), "ground"): [
        (64, 48, 21.5987814, 2.02231698),
        (500, 60, 20.0658043, -1.44450815),
        (100, 300, 11.1487955, -1.60953472),
        (600, 340, 9.4255644, 2.89477354),
    ],
}
TOLERANCE = 0.005
"""[px] "good" of the table; what is left is the reading of flow between four pixel centres."""


def at_corner(flow: np.ndarray, x: int, y: int) -> np.ndarray:
    """Flow at the common corner of four pixels."""
    return flow[y - 1 : y + 1, x - 1 : x + 1].mean(axis=(0, 1))


@pytest.mark.parametrize("move, amount, ground", SAMPLES)
def test_flow_of_camera_moves_equals_the_published_closed_form(move, amount, ground):
    size = (360, 640)
    camera = Camera.looking(size, fov_deg=60, height=1.5)
    y = np.arange(size[0]) + 0.5
    below = np.maximum(y - 180, 1e-6)
    profile = np.where(y > 185, camera.focal * 1.5 / below, 50.0) if ground == "ground" else np.full(360, 4.0)
    depth = np.repeat(profile[:, None], size[1], axis=1).astype(np.float32)
    blank = np.zeros(size, np.float32)
    backdrop = Backdrop(np.zeros((*size, 3), np.float32), np.zeros((*size, 3), np.float32), blank, depth, blank)
    view = BackdropView(backdrop, CameraPath(camera, (linear(move, amount, distance=4.0),)), size)
    flow = view.flow(0.0, 1.0)
    for x, y, u, v in SAMPLES[move, amount, ground]:
        assert at_corner(flow, x, y) == pytest.approx((u, v), abs=TOLERANCE)


@pytest.mark.parametrize("size", [(120, 160), (60, 80), (90, 120)])
def test_still_camera_sees_the_pixel_grid_to_the_bit(size):
    scene = photo_scene((120, 160))
    view = BackdropView(scene.backdrop, scene.camera, size)
    scale = np.array([160 / size[1], 120 / size[0]])
    expected = (scene.camera.start.resized(size).pixel_grid() * scale).astype(np.float32)
    np.testing.assert_array_equal(view.at(0.7).source_uv, expected)
    assert not view.flow(0.3, 0.9).any()


def test_moving_camera_begins_with_the_photo_to_the_bit():
    scene = photo_scene(moves=[linear("dolly", 0.3)])
    view = BackdropView(scene.backdrop, scene.camera, (120, 160))
    np.testing.assert_array_equal(view.at(0.0).source_uv, scene.camera.start.pixel_grid().astype(np.float32))


@pytest.mark.parametrize("moves", [[("dolly", 0.25)], [("orbit", 0.1), ("pedestal", 0.1)], [("roll", 1.2)]])
def test_moved_view_of_the_ground_meets_the_plane_where_rays_do(moves):
    scene = photo_scene(moves=[linear(*m) for m in moves], pitch_deg=60.0)
    view = BackdropView(scene.backdrop, scene.camera, (120, 160))
    frame = view.at(1.0)
    rays = frame.camera.rays(frame.camera.pixel_grid())
    hit = frame.camera.position - rays * (frame.camera.position[1] / rays[..., 1])[..., None]
    pixels, _ = scene.camera.start.project(hit)
    depth = frame.camera.project(hit)[1]
    inside = ((pixels > 1) & (pixels < (159, 119))).all(axis=-1)
    # Beyond the photo the depth is continued, not known. Inside, the inverse depth of a plane is linear in the pixel,
    # which neither the blur nor bilinear reading changes.
    assert inside.mean() > 0.6
    np.testing.assert_allclose(frame.source_uv[inside], pixels[inside], atol=0.005)
    np.testing.assert_allclose(frame.depth[inside], depth[inside], rtol=1e-4)


def test_flow_there_and_back_cancels():
    scene = photo_scene(moves=[linear("orbit", 0.05, distance=1.5), linear("dolly", 0.05)])
    view = BackdropView(scene.backdrop, scene.camera, (120, 160))
    forward, backward = view.flow(0.4, 0.5), view.flow(0.5, 0.4)
    v, u = np.mgrid[10:110, 10:150]
    end = np.stack([u, v], -1) + forward[10:110, 10:150]
    i = np.round(end).astype(int)
    # Read at the nearest pixel: what is left is how much the flow differs over half a pixel.
    error = np.abs(forward[10:110, 10:150] + backward[i[..., 1], i[..., 0]]).max()
    assert error < 0.05


def test_background_depth_is_reported_with_the_point_that_is_seen():
    scene = photo_scene(moves=[linear("dolly", 0.25)], wall=2.0)
    view = BackdropView(scene.backdrop, scene.camera, (120, 160))
    np.testing.assert_allclose(view.at(1.0).depth, 1.75, rtol=1e-5)
    np.testing.assert_allclose(view.motion(0.0, 1.0)[1], 1.75, rtol=1e-5)


def test_preview_and_master_see_the_same_geometry():
    scene = photo_scene((240, 320), moves=[linear("orbit", 0.06, distance=1.5)])
    scene.backdrop.depth[100:140, 150:200] *= 0.7  # something stands there
    small = BackdropView(scene.backdrop, scene.camera, (80, 107 - 107 % 2)).at(1.0)
    large = BackdropView(scene.backdrop, scene.camera, (240, 318)).at(1.0)
    # Each small pixel's centre is the centre of a block of 3 x 3 large ones.
    np.testing.assert_allclose(small.source_uv, large.source_uv[1::3, 1::3], atol=0.01)


def test_depth_keeps_the_edges_of_the_photo_while_the_camera_moves():
    scene = photo_scene(moves=[linear("truck", 0.05)], wall=4.0)
    scene.backdrop.depth[:, 80:] = 2.0
    frame = BackdropView(scene.backdrop, scene.camera, (120, 160)).at(1.0)
    u = frame.source_uv[..., 0]
    np.testing.assert_allclose(frame.depth[u < 79.4], 4.0, rtol=1e-5)
    np.testing.assert_allclose(frame.depth[u > 80.6], 2.0, rtol=1e-5)


def test_a_zoom_spreads_everything_from_the_optical_axis_whatever_its_depth():
    scene = photo_scene(moves=[linear("zoom", float(np.log(1.5)))])
    view = BackdropView(scene.backdrop, scene.camera, (120, 160))
    pixels = scene.camera.start.pixel_grid()
    np.testing.assert_allclose(view.flow(0.0, 1.0), 0.5 * (pixels - (80, 60)), atol=1e-4)
    np.testing.assert_allclose(view.at(1.0).source_uv, (pixels - (80, 60)) / 1.5 + (80, 60), atol=2e-3)
