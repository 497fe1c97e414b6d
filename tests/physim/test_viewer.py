"""The page: what is on it, that it plays what was simulated, and that a browser shows it without any network."""

import base64
import re
import shutil
import subprocess

import numpy as np
import pytest
from compose_scenes import make_trajectory, speckled
from PIL import Image

from physim.shapes import Sphere
from physim.viewer import CLIFF, colours_of, outlined, page, save_page, surface

pytest.importorskip("viser")
SIZE = (90, 120)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


def falling(time):
    return (0.05, 0.3 - 0.5 * time, -0.6), (0.0, 0.0, 0.0, 1.0)


def falling_ball():
    return make_trajectory(
        {"ball": (Sphere(0.08), falling)},
        photo=speckled(SIZE), ball={"colour": (0.9, 0.02, 0.02)},
    )  # fmt: skip


def messages(html: str) -> tuple[float, list]:
    """Length [s] and (time, message) of what the page plays."""
    import msgspec
    import zstandard

    data = base64.b64decode(re.search(r'__VISER_EMBED_DATA__="([^"]+)"', html)[1])
    inner = zstandard.ZstdDecompressor().decompressobj().decompress(data[8:])
    length = int.from_bytes(inner[:8], "little")
    recorded = msgspec.msgpack.decode(inner[8 : 8 + length])
    return recorded["durationSeconds"], recorded["messages"]


def test_the_page_plays_the_simulated_poses_at_their_times():
    trajectory = falling_ball()
    seconds, played = messages(page(trajectory))
    assert seconds == pytest.approx(trajectory.seconds)
    ball = [(t, m) for t, m in played if m.get("name") == "/things/ball" and "position" in m]
    places = {round(t, 6): m["position"] for t, m in ball if "Position" in m["type"]}
    assert len(places) == trajectory.frame_count - 1 or len(places) == trajectory.frame_count
    for time, place in places.items():
        np.testing.assert_allclose(place, trajectory.bodies["ball"].at(time)[0], atol=1e-6)


def test_the_page_shows_ground_gravity_camera_and_photo():
    names = {message.get("name") for _, message in messages(page(falling_ball()))[1]}
    assert {"/ground", "/gravity", "/camera/photo", "/photo", "/things/ball"} <= names


def test_the_page_needs_no_network():
    html = page(falling_ball())
    assert not re.search(r"""<(?:script|link|img|iframe)[^>]+(?:src|href)=["'](?:https?:)?//""", html)


def test_the_surface_lies_where_the_depth_says_and_is_cut_at_cliffs():
    trajectory = falling_ball()
    scene = trajectory.scene
    camera = scene.camera.start
    depth = np.full(SIZE, 2.0, np.float32)
    depth[:, SIZE[1] // 2 :] = 3.0
    object.__setattr__(scene.backdrop, "depth", depth)
    vertices, faces, colours = surface(scene.backdrop, camera, 10.0)
    z = camera.project(vertices)[1]
    assert set(np.round(z, 6)) == {2.0, 3.0}
    assert (z[faces].max(axis=1) < CLIFF * z[faces].min(axis=1)).all()
    assert 0 < len(faces) < 2 * (SIZE[0] - 1) * (SIZE[1] - 1)
    assert colours.shape == (len(vertices), 3)
    normal = np.cross(vertices[faces[:, 1]] - vertices[faces[:, 0]], vertices[faces[:, 2]] - vertices[faces[:, 0]])
    towards = camera.position - vertices[faces[:, 0]]
    assert (np.sum(normal * towards, axis=1) > 0).all()  # seen from the camera's side


def test_what_is_beyond_reach_is_left_out():
    scene = falling_ball().scene
    assert len(surface(scene.backdrop, scene.camera.start, 1e-3)[1]) == 0


def test_things_of_the_photo_are_outlined_in_it():
    backdrop = falling_ball().scene.backdrop
    ids = np.zeros(SIZE, np.uint16)
    ids[20:60, 30:80] = 3
    object.__setattr__(backdrop, "ids", ids)
    plain = np.round(255 * backdrop.photo).astype(np.uint8)
    changed = (outlined(backdrop, SIZE[1]) != plain).any(axis=-1)
    np.testing.assert_array_equal(changed, ids > 0)


def test_an_added_thing_has_its_own_colour():
    trajectory = falling_ball()
    colours = colours_of(trajectory.scene["ball"], np.zeros((4, 3)), trajectory.scene.camera.start)
    np.testing.assert_array_equal(colours, np.tile(np.round(255 * np.array([0.9, 0.02, 0.02]) ** (1 / 2.2)), (4, 1)))


def test_a_page_is_html_in_a_folder_that_exists(tmp_path):
    with pytest.raises(ValueError, match="ends in"):
        save_page(falling_ball(), tmp_path / "a.mp4")
    with pytest.raises(ValueError, match="does not exist"):
        save_page(falling_ball(), tmp_path / "none" / "a.html")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_shows_the_ball_on_the_photo(tmp_path):
    path = save_page(falling_ball(), tmp_path / "a.html")
    picture = tmp_path / "a.png"
    command = [
        CHROMIUM, "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader", "--window-size=480,360", "--virtual-time-budget=8000",
        f"--screenshot={picture}", f"--user-data-dir={tmp_path / 'profile'}", "--proxy-server=127.0.0.1:9",
        path.as_uri(),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    pixels = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    red = (pixels[..., 0] > 1.8 * pixels[..., 1]) & (pixels[..., 0] > 1.8 * pixels[..., 2]) & (pixels[..., 0] > 70)
    assert red.sum() > 100, "the red ball is not seen"
    assert pixels.std(axis=(0, 1)).min() > 10, "the page is empty"
