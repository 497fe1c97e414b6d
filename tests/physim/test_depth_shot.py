"""From a shot file with a depth file to a scene: the true places of a rendered scene come back, whatever the format."""

import numpy as np
import pytest
import yaml
from PIL import Image

from benchmarks.depth_render import Ball, Block, Look, World, render
from physim import reconstruct
from physim.camera import Camera
from physim.depth_result import DepthResult
from physim.shot import Shot

SIZE = (120, 160)
SPOT = (0.5, 0.0, -2.6)


@pytest.fixture(scope="module")
def case():
    """A yard with a crate, a ball and a wall."""
    things = [
        Block((-0.6, 0, -3.4), (0.8, 0.9, 0.7), Look((0.5, 0.3, 0.2), "planks")),
        Ball((0.9, 0.4, -3.8), 0.4, Look((0.2, 0.3, 0.6))),
        Block((0, 0, -8), (40, 9, 2), Look((0.5, 0.45, 0.4), "brick", 2.0)),
    ]
    camera = Camera.looking(SIZE, fov_deg=55, pitch_deg=13, roll_deg=-2, height=1.4)
    return render("yard", World(things, camera, Look((0.3, 0.3, 0.3), "gravel")), 3)


def _exr(path, values):
    openexr = pytest.importorskip("OpenEXR")
    header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    with openexr.File(header, {"Z": values.astype(np.float32)}) as file:
        file.write(str(path))


def _millimetres(path, values):
    Image.fromarray(np.round(values * 1000).astype(np.uint16)).save(path)


def _sixteen_bits(path, values):
    Image.fromarray(np.round(60000 * values / values.max()).astype(np.uint16)).save(path)


def written(folder, case, name, save, values, hint, camera):
    """The shot file of the case with this depth file, and a ball set down at a pixel."""
    Image.fromarray((case.image * 255).round().astype(np.uint8)).save(folder / "yard.png")
    save(folder / name, values)
    u, v = case.camera.project(np.array(SPOT))[0]
    ball = {
        "name": "marble",
        "shape": {"sphere": 0.05},
        "at_pixel": [float(u), float(v)],
        "rigid": {"material": "steel"},
    }
    shot = {"photo": "yard.png", "hints": {"camera": camera, "depth": {"file": name, **hint}}, "things": [ball]}
    (folder / "yard.yaml").write_text(yaml.safe_dump(shot))
    return folder / "yard.yaml"


METRIC = [("depth.npy", np.save, 2e-3), ("depth.png", _millimetres, 2e-3), ("depth.exr", _exr, 2e-3)]


@pytest.mark.parametrize(("name", "save", "tolerance"), METRIC)
def test_metres_give_the_scene_and_the_camera(tmp_path, case, name, save, tolerance):
    """Nothing but the lens is told: the ground in the depth says how the camera was held."""
    path = written(tmp_path, case, name, save, case.depth, {"kind": "metric"}, {"fov": 55})
    scene = reconstruct(path)
    assert np.allclose(scene.backdrop.depth, case.depth, rtol=tolerance)
    assert np.allclose(scene.camera.start.world_from_camera, case.camera.world_from_camera, atol=2e-3)
    assert scene["marble"].position == pytest.approx((0.5, 0.05, -2.6), abs=5e-3)
    report = scene.backdrop.report
    assert "plane in the depth" in report["camera.height"]
    assert report["camera.fov"].endswith("(user)")
    assert report["depth.ground"].startswith("metric; it puts the ground at 1.00")


RELATIVE = [
    ("disparity.npy", np.save, "disparity", lambda z: 37.0 / z, 1e-3),
    ("disparity.png", _sixteen_bits, "disparity", lambda z: 1 / z, 2e-3),
    ("relative.png", _sixteen_bits, "relative", lambda z: 1 / z - 0.06, 5e-3),
    ("relative.exr", _exr, "relative", lambda z: 5 / z - 0.4, 5e-3),
    ("affine.npy", np.save, "affine", lambda z: 0.2 * z + 3, 5e-3),
]


@pytest.mark.parametrize(("name", "save", "kind", "numbers", "tolerance"), RELATIVE)
def test_relative_depth_gives_the_scene_with_height_and_tilt(tmp_path, case, name, save, kind, numbers, tolerance):
    """Feet of things agree with the ground roughly and pull a little; 16 bits of a far wall's 1 / z are coarse."""
    told = {"fov": 55, "pitch": 13, "roll": -2, "height": 1.4}
    path = written(tmp_path, case, name, save, numbers(case.depth), {"kind": kind}, told)
    scene = reconstruct(path)
    assert np.abs(scene.backdrop.depth / case.depth - 1).max() < tolerance
    assert scene["marble"].position == pytest.approx((0.5, 0.05, -2.6), abs=0.02)
    assert "of it agrees" in scene.backdrop.report["depth.ground"]


def test_disparity_alone_gives_the_tilt_and_one_length_the_metres(tmp_path, case):
    path = written(tmp_path, case, "d.npy", np.save, 11 / case.depth, {"kind": "disparity"}, {"fov": 55})
    shot = Shot.load(path)
    line = [tuple(float(x) for x in case.camera.project(np.array(p))[0]) for p in ((0.2, 0, -2.5), (1.0, 0, -2.9))]
    lengths = [{"line": line, "metres": float(np.hypot(0.8, 0.4))}]
    hints = type(shot.hints).model_validate({**shot.hints.model_dump(exclude_unset=True), "lengths": lengths})
    scene = reconstruct(shot.model_copy(update={"hints": hints}))
    assert np.abs(scene.backdrop.depth / case.depth - 1).max() < 5e-3
    assert "known length" in scene.backdrop.report["camera.height"]


def test_a_click_bends_the_depth_of_a_file(tmp_path, case):
    """A network that puts the ball too far away: one click brings it back, and the ground and the crate stay."""
    ball = (
        np.linalg.norm(case.camera.unproject(case.camera.pixel_grid(), case.depth) - (0.9, 0.4, -3.8), axis=-1) < 0.41
    )
    wrong = np.where(ball, case.depth * 1.3, case.depth)
    told = {"fov": 55, "pitch": 13, "roll": -2, "height": 1.4}
    shot = Shot.load(written(tmp_path, case, "d.npy", np.save, wrong, {}, told))
    v, u = (int(x) for x in np.argwhere(ball).mean(0))
    click = {"pixel": (u + 0.5, v + 0.5), "depth": float(case.depth[v, u])}
    hints = type(shot.hints).model_validate({**shot.hints.model_dump(exclude_unset=True), "clicks": [click]})
    bent = reconstruct(shot.model_copy(update={"hints": hints})).backdrop.depth
    assert bent[v, u] == pytest.approx(case.depth[v, u], rel=1e-5)
    assert np.mean(np.abs(bent[ball] / case.depth[ball] - 1)) < 0.05
    assert np.mean(np.abs(bent[~ball] / case.depth[~ball] - 1)) < 0.02


def test_a_backend_in_metres_sets_the_camera(tmp_path, case):
    shot = Shot.load(written(tmp_path, case, "d.npy", np.save, case.depth, {}, {}))

    def network(image):
        return DepthResult(case.depth, intrinsics=case.camera.intrinsics)

    scene = reconstruct(shot, depth=network)
    assert np.allclose(scene.camera.start.world_from_camera, case.camera.world_from_camera, atol=1e-3)
    assert scene.camera.start.focal == pytest.approx(case.camera.focal)
    assert "(depth)" in scene.backdrop.report["camera.fov"]
