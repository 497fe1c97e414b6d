"""A lake of a photo: where it lies, and how its picture moves."""

import imageio.v3 as iio
import numpy as np
import pytest
import warp as wp
from physim_kernels import lake_light as kernels
from scipy.ndimage import distance_transform_edt, gaussian_filter, label

import physim
from physim.compositor import Compositor
from physim.lake_photo import clipped
from physim.lake_view import LakeView
from physim.shot import Shot

SHORE = 90
"""Row of the shore line in a photo of 160 x 200, horizon at row 72."""


def photo(path, *, mirror: bool = True) -> str:
    """Hills over a lake that mirrors them, or over water of noise."""
    rng = np.random.default_rng(0)
    picture = np.clip(0.55 + 0.2 * gaussian_filter(rng.standard_normal((160, 200, 3)), (3, 5, 0)) * 8, 0.05, 1)
    picture[SHORE:] = 0.6 * picture[np.maximum(2 * 72 - np.arange(SHORE, 160), 0)] if mirror else picture[SHORE:]
    iio.imwrite(path, (picture * 255).astype(np.uint8))
    return str(path)


def shot(path, **more) -> Shot:
    things = [
        dict(name="lake", select=dict(polygon=[[0, SHORE], [200, SHORE], [200, 160], [0, 160]]),
             liquid=dict(material="water", depth=3.0, fetch=200.0))
    ]  # fmt: skip
    given = dict(
        photo=path, hints={"camera": {"horizon": 0.45, "height": 2.0, "fov": 60}}, seconds=1, things=things,
        forces=[dict(wind=dict(velocity=[2.0, 0, 1.0]))],
    )  # fmt: skip
    return Shot(**{**given, **more})


@pytest.fixture(scope="module")
def windy(tmp_path_factory):
    scene = physim.reconstruct(shot(photo(tmp_path_factory.mktemp("lake") / "lake.png")))
    return physim.simulate(scene, seconds=1, fps=24)


def test_without_waves_every_frame_is_the_photo_to_the_bit(tmp_path):
    scene = physim.reconstruct(shot(photo(tmp_path / "still.png"), forces=[]))
    frames = Compositor(physim.simulate(scene, seconds=0.5, fps=8))
    for frame in frames:
        np.testing.assert_array_equal(frame, scene.backdrop.photo)


def test_the_first_frame_is_the_photo_and_only_water_moves_after_it(windy):
    frames, still = Compositor(windy), windy.scene.backdrop.photo
    np.testing.assert_array_equal(frames.frame(0), still)
    later = frames.frame(20)
    np.testing.assert_array_equal(later[:SHORE], still[:SHORE])
    assert np.abs(later[SHORE + 20 :] - still[SHORE + 20 :]).mean() > 0.02
    assert not np.array_equal(frames.frame(21), later)


def test_the_motion_ends_softly_at_the_shore(windy):
    """No seam: the first row of water moves little, and change grows row by row."""
    shift = np.abs(LakeView(windy, (160, 200)).at(0.9).shift_a).max(axis=-1)
    assert shift[:SHORE].max() == 0
    assert shift[SHORE].max() < 1.0
    rows = np.arange(160)[:, None]
    assert (shift <= np.maximum(rows - SHORE + 1, 0)).all()  # what is seen comes from the lake itself
    assert shift[SHORE + 30 :].mean() > 1.0


def test_a_mirror_is_told_from_rough_water(windy, tmp_path):
    rough = physim.simulate(physim.reconstruct(shot(photo(tmp_path / "rough.png", mirror=False))), seconds=0.1, fps=20)
    size = (160, 200)
    assert LakeView(windy, size)._ones[0].mirror > 0.8
    assert LakeView(rough, size)._ones[0].mirror < 0.2


def test_a_tilted_mirror_shows_what_a_flat_one_shows_elsewhere(windy):
    """The surface as one inclined plane: the place is that of the ray mirrored twice, computed here by hand."""
    view, device = LakeView(windy, (160, 200)), wp.get_device("cpu")
    one, slope = view._ones[0], 0.02
    bands = kernels.Bands()
    bands.count, bands.shift = 0, wp.vec2()
    bands.now = bands.first = wp.zeros((1, 1), dtype=wp.vec3, device=device)
    bands.frame = wp.zeros(1, dtype=wp.vec4, device=device)
    patch, cells, cell = kernels.Patch(), 400, 0.1
    x = (np.arange(cells) - cells / 2) * cell
    patch.eta = wp.array(np.tile(slope * x, (cells, 1)).astype(np.float32), dtype=float, device=device)
    patch.origin, patch.cell = wp.vec2(-20.0, -22.0), cell
    out = tuple(wp.zeros((160, 200), dtype=kind, device=device) for kind in (wp.vec2, wp.vec2, float, wp.vec3))
    kernels.lake(
        *(wp.full((160, 200), value, dtype=float, device=device) for value in (1e6, 0.0)), bands, patch, one._eye,
        current=wp.vec2(0.0, 0.0), period=1.0, time=0.0, mirror=1.0, index=1.333, out=out,
    )  # fmt: skip
    camera = view._camera
    at = np.array([110.5, 140.5])
    ray = camera.unproject(at, 1.0) - camera.position
    ray /= np.linalg.norm(ray)
    normal = np.array([-slope, 1, 0]) / np.hypot(slope, 1)
    mirrored = ray - 2 * (ray @ normal) * normal
    seen, _ = camera.project(camera.position + mirrored * [1, -1, 1])
    got = out[0].numpy()[140, 110]
    np.testing.assert_allclose(got, seen - at, rtol=1e-3, atol=0.01)
    np.testing.assert_allclose(out[3].numpy()[140, 110], normal, atol=1e-5)


def test_what_floats_goes_round_with_the_drops_of_a_wave(windy):
    """Airy's orbits (Lamb, Hydrodynamics, art. 229): a wave a cos(k x) carries things by (-a sin k x, a cos k x).

    The picture of a place shows what lay where its drop came from; the lens is worked out by hand.
    """
    view, device, length, height = LakeView(windy, (160, 200)), wp.get_device("cpu"), 3.0, 0.02
    bands = kernels.Bands()
    bands.count, bands.shift = 1, wp.vec2()
    k, sides = 2 * np.pi / length, 128
    x = np.tile(np.arange(sides) / sides * 8 * length, (sides, 1))
    tile = np.stack([height * np.cos(k * x), -height * k * np.sin(k * x), 0 * x], axis=-1).astype(np.float32)
    bands.now = wp.array(tile.reshape(1, -1, 3), dtype=wp.vec3, device=device)
    bands.first = wp.zeros((1, sides * sides), dtype=wp.vec3, device=device)
    longest = length / 0.75  # of an octave with this wave in its middle
    bands.frame = wp.array([(1.0, 0.0, sides / (8 * length), longest / 4)], dtype=wp.vec4, device=device)
    patch = kernels.Patch()
    patch.eta, patch.origin, patch.cell = wp.zeros((4, 4), dtype=float, device=device), wp.vec2(1e3, 1e3), 0.1
    out = tuple(wp.zeros((160, 200), dtype=kind, device=device) for kind in (wp.vec2, wp.vec2, float, wp.vec3))
    everywhere = (wp.full((160, 200), value, dtype=float, device=device) for value in (1e6, 1.0))
    kernels.lake(
        *everywhere, bands, patch, view._ones[0]._eye, current=wp.vec2(0.0, 0.0), period=1.0, time=0.0, mirror=1.0,
        index=1.333, out=out,
    )  # fmt: skip
    camera, got = view._camera, out[0].numpy()
    for v, u in ((150, 40), (152, 100), (155, 170)):
        at = np.array([u + 0.5, v + 0.5])
        ray = camera.unproject(at, 1.0) - camera.position
        place = camera.position - ray * camera.position[1] / ray[1]
        way = np.array([-height * np.sin(k * place[0]), height * np.cos(k * place[0]), 0])
        np.testing.assert_allclose(got[v, u], at - camera.project(place + way)[0], rtol=0.02, atol=0.02)
    assert np.abs(out[2].numpy()).max() == 0  # and it does not glitter


def test_foam_on_a_sea_beneath_a_smooth_sky_is_carried_in_one_piece(tmp_path):
    """Dots on the water are as many after a second of wind as before, and no smaller: a mirror would shred them."""
    rows, columns = np.mgrid[:160, :200]
    rng = np.random.default_rng(5)
    picture = np.full((160, 200, 3), 0.55) + 0.01 * rng.standard_normal((160, 200, 1))
    picture[:SHORE] += 0.1 * gaussian_filter(rng.standard_normal((SHORE, 200, 1)), (12, 12, 0)) * 12
    dots = (np.hypot((rows - 95) % 11 - 5, columns % 13 - 6) < 3.2) & (rows >= 95) & (rows < 150)
    picture[SHORE:] *= 0.4
    picture[dots] = 0.9
    iio.imwrite(tmp_path / "foam.png", (np.clip(picture, 0, 1) * 255).astype(np.uint8))
    scene = physim.reconstruct(shot(str(tmp_path / "foam.png"), forces=[dict(wind=dict(velocity=[4.0, 0, 5.0]))]))
    later = Compositor(physim.simulate(scene, seconds=1, fps=24)).frame(23)
    assert np.abs(later[SHORE:] - scene.backdrop.photo[SHORE:]).mean() > 0.002, "it moves"
    before, after = (label(p[SHORE:].mean(axis=-1) > 0.5) for p in (scene.backdrop.photo, later))
    sizes = np.bincount(after[0].ravel())[1:]
    assert abs(int((sizes >= 5).sum()) - before[1]) <= 0.05 * before[1]
    assert (sizes < 5).sum() <= 0.05 * before[1], "crumbs"


def test_conditions_tell_normal_depth_and_motion(windy):
    conditions = physim.render(windy, (80, 100))
    lake = conditions.ids[10] == windy.scene.number_of("lake")
    assert lake[50:].all() and not lake[:44].any()
    normal = conditions.liquid[10][lake][:, :3] @ windy.scene.camera.start.world_from_camera[:3, :3].T
    np.testing.assert_allclose(np.linalg.norm(normal, axis=-1), 1, atol=0.05)
    assert normal[:, 1].min() > 0.7 and normal[:, 0].std() > 1e-3
    np.testing.assert_allclose(np.median(conditions.liquid[10][lake][:, 3]), 3.0)
    # the flow is the motion of the places that are shown: with u = p + s, to first order
    grid = np.stack(np.meshgrid(np.arange(100) + 0.5, np.arange(80) + 0.5), axis=-1)
    change = (conditions.source_uv[11] - grid) - (conditions.source_uv[10] - grid)
    there = lake & np.isfinite(change).all(axis=-1) & np.isfinite(conditions.source_uv[11]).all(axis=-1)
    np.testing.assert_allclose(conditions.flow[10][there], -change[there], atol=1e-3)


def test_a_stream_carries_the_picture_at_its_speed(tmp_path):
    things = shot("x").to_dict()["things"]
    things[0]["liquid"] |= {"stream": [0.5, 0.0]}
    scene = physim.reconstruct(shot(photo(tmp_path / "river.png"), forces=[], things=things))
    trajectory = physim.simulate(scene, seconds=0.5, fps=24)
    view = LakeView(trajectory, (160, 200))
    picture = view.at(0.1)
    depth = 2.0 / (-(view._camera.unproject(np.array([100.5, 140.5]), 1.0) - view._camera.position)[1])
    expected = -0.5 * 0.1 * view._camera.focal / depth
    assert picture.shift_a[140, 100, 0] == pytest.approx(expected, rel=0.3)  # held back near shores
    assert picture.share_b == pytest.approx(2 * 0.1 / 1.6)


def test_what_falls_in_sinks_below_the_ground_plane_and_makes_rings(tmp_path):
    stone = dict(name="stone", shape=dict(sphere=0.12), at=[0.0, 0.5, -5.0], rigid=dict(material="stone"))
    things = [*shot("x").to_dict()["things"], stone]
    scene = physim.reconstruct(shot(photo(tmp_path / "stone.png"), forces=[], things=things))
    assert scene["lake"].shape.cell < 0.12  # computed around the stone
    trajectory = physim.simulate(scene, seconds=1.2, fps=24)
    assert trajectory["stone"].position[-1, 1] < -1.0
    assert trajectory.splashes["body"].tolist() == ["stone"]
    assert np.nanmax(np.abs(trajectory.lakes["lake"].eta[-1])) > 1e-3


def test_a_ball_rolls_over_the_beach_and_not_through_it(tmp_path):
    """Wherever the photo shows land the ground is at y = 0, however close to the water, so that the ball lies on it."""
    ball = dict(name="ball", shape=dict(sphere=0.08), at_pixel=[100, 140], above=0.01, rigid=dict(material="rubber"),
                velocity=[0, 0, -1.0])  # fmt: skip
    sea = dict(name="sea", select=dict(polygon=[[0, 75], [200, 75], [200, 112], [120, 118], [0, 104]]),
               liquid=dict(material="water", depth=0.6, fetch=50.0))  # fmt: skip
    scene = physim.reconstruct(shot(photo(tmp_path / "beach.png"), things=[sea, ball], forces=[]))
    camera, bank = scene.camera.start, scene["sea.bank"].shape
    u, v = np.meshgrid(np.arange(200) + 0.5, np.arange(76, 160) + 0.5)
    ray = camera.unproject(np.stack([u, v], axis=-1), 1.0) - camera.position
    place = camera.position + ray * (-camera.position[1] / ray[..., 1:2])
    under = bank.height_at(place[..., 0], place[..., 2])
    land = scene.backdrop.ids[76:] != scene.number_of("sea")
    there = land.copy()
    there[:8] = there[:, :6] = there[:, -6:] = False  # too far out for the lake, and where the picture ends
    assert there.sum() > 5000 and np.abs(under[there]).max() < 1e-6
    far = distance_transform_edt(~land)
    assert under[far > 12].min() <= -0.6 + 1e-6
    track = physim.simulate(scene, seconds=1.5, fps=24)["ball"].position
    pixels, _ = camera.project(track)
    ashore = np.array([land[int(b) - 76, int(a)] for a, b in pixels + [0, 5]])
    assert ashore.sum() > 5 and np.abs(track[ashore, 1] - 0.08).max() < 0.015


def test_a_polygon_is_clipped_to_a_rectangle():
    triangle = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
    part = clipped(triangle, np.array([1.0, 1.0]), np.array([9.0, 9.0]))
    area = 0.5 * abs(np.sum(part[:, 0] * np.roll(part[:, 1], -1) - part[:, 1] * np.roll(part[:, 0], -1)))
    assert area == pytest.approx(2.0)  # the triangle of x >= 1, y >= 1, x + y <= 4
    assert len(clipped(triangle, np.array([5.0, 5.0]), np.array([6.0, 6.0]))) == 0


def test_a_lake_above_the_camera_or_the_horizon_is_refused(tmp_path):
    path = photo(tmp_path / "wrong.png")
    things = shot("x").to_dict()["things"]
    things[0]["liquid"] |= {"level": 3.0}
    with pytest.raises(ValueError, match=r"lake\.liquid\.level"):
        physim.reconstruct(shot(path, things=things))
    things = shot("x").to_dict()["things"]
    things[0]["select"]["polygon"] = [[0, 10], [200, 10], [200, 40]]
    with pytest.raises(ValueError, match="above the horizon"):
        physim.reconstruct(shot(path, things=things))
