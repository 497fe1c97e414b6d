"""The picture of liquids: surfaces of known form, light by closed forms, motion by projection."""

from dataclasses import replace

import numpy as np
import pytest
import warp as wp
from physim_kernels import liquid_shade

from physim.camera import Camera
from physim.camera_path import CameraMove, CameraPath
from physim.compositor import Compositor
from physim.foam_view import STRENGTH, foam_cover
from physim.liquid_paint import LiquidPainter, _evened
from physim.liquid_surface import LiquidSurface
from physim.liquid_view import LiquidView
from physim.materials import Liquid
from physim.render import render
from physim.scene import Backdrop, Cutout, Light, Scene
from physim.shapes import Box, Plane
from physim.trajectory import CONTACT_DTYPE, FOAM_DTYPE, LiquidTrack, Trajectory

H = 0.02
"""Cell [m]."""
SIZE = (48, 64)


def jittered(low, high, inside, seed=0):
    """Particles (N, 3) [m], eight per cell, shaken, where ``inside`` holds."""
    axes = [np.arange(low[a], high[a], H / 2) + H / 4 for a in range(3)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    points = points + np.random.default_rng(seed).uniform(-0.2, 0.2, points.shape) * H
    return points[inside(points)]


def track_of(*places, fps=24.0):
    velocity = np.gradient(np.stack(places), axis=0) * fps
    return LiquidTrack("water", H, (H / 2) ** 3, np.stack(places).astype(np.float32), velocity.astype(np.float16))


def scene_with(track, camera=None, moves=(), ground=True):
    scene = Scene()
    if ground:
        scene.add(Plane(), name="ground")
    scene.add(Box((0.1, 0.1, 0.1)), Liquid(), name="water", position=(0.0, 0.5, 0.0))
    camera = camera or Camera.looking(SIZE, fov_deg=50, pitch_deg=35, height=0.9)
    scene.camera = CameraPath(camera, moves)
    rays = camera.rays(camera.pixel_grid())
    height = -camera.position[1] / np.minimum(rays[..., 1], -1e-3)
    depth = np.minimum(height * (rays @ camera.world_from_camera[:3, 2]), 1e3).astype(np.float32)
    photo = np.random.default_rng(3).random((*SIZE, 3)).astype(np.float32)
    empty = np.zeros(SIZE, np.float32)
    scene.backdrop = Backdrop(photo, photo.copy(), empty, depth, empty.astype(np.uint16))
    seconds = (len(track.position) - 1) / 24
    contacts = np.zeros(0, CONTACT_DTYPE)
    return Trajectory(scene, 24.0, seconds, {}, {}, contacts, None, liquids={"water": track})  # type: ignore[arg-type]


def ball(radius, centre=(0.0, 0.0, 0.0), seed=0):
    low, high = np.full(3, -radius - H), np.full(3, radius + H)
    return jittered(low, high, lambda p: (p**2).sum(1) < radius**2, seed) + centre


def test_a_ball_of_particles_has_the_volume_and_the_area_of_a_ball():
    places = ball(12 * H)
    mesh = LiquidSurface(track_of(places, places)).at(0.0)
    assert mesh.volume == pytest.approx(len(places) * (H / 2) ** 3, rel=0.02)
    assert mesh.area == pytest.approx(4 * np.pi * (12 * H) ** 2, rel=0.02)


def test_the_surface_is_closed_and_looks_outwards():
    places = ball(6 * H)
    mesh = LiquidSurface(track_of(places, places)).at(0.0)
    edges = mesh.faces.numpy().reshape(-1, 3)
    pairs = np.concatenate([edges[:, [0, 1]], edges[:, [1, 2]], edges[:, [2, 0]]])
    forth, back = {tuple(p) for p in pairs}, {tuple(p[::-1]) for p in pairs}
    assert len(forth) == len(pairs) and forth == back  # every edge once in each direction
    outwards = mesh.vertices.numpy() / np.linalg.norm(mesh.vertices.numpy(), axis=1, keepdims=True)
    assert (mesh.normals.numpy() * outwards).sum(1).min() > 0.97


def test_the_same_particles_give_the_same_mesh_to_the_bit():
    places = ball(5 * H)
    a, b = (LiquidSurface(track_of(places, places)).at(0.0) for _ in range(2))
    assert np.array_equal(a.vertices.numpy(), b.vertices.numpy()) and np.array_equal(a.faces.numpy(), b.faces.numpy())


def pool(depth=8, wide=24):
    places = jittered((0, 0, 0), (wide * H, depth * H, wide * H), lambda p: p[:, 1] < 1e9)
    places[:, 1] = depth * H - np.abs(depth * H - places[:, 1])  # what was shaken out of it comes back
    return np.abs(places)


def test_a_flat_pool_is_flat_and_where_it_ends():
    places = pool()
    mesh = LiquidSurface(track_of(places, places)).at(0.0)
    v, n = mesh.vertices.numpy() / H, mesh.normals.numpy()
    top = (v[:, 1] > 6) & (np.abs(v[:, 0] - 12) < 9) & (np.abs(v[:, 2] - 12) < 9)
    assert v[top, 1].mean() == pytest.approx(8, abs=0.05)
    assert v[top, 1].std() < 0.05
    assert np.degrees(np.arccos(np.minimum(n[top, 1], 1))).mean() < 2.0


def test_a_pool_goes_on_into_the_ground_without_a_gap():
    places = pool()
    trajectory = scene_with(track_of(places, places))
    mesh = LiquidSurface(trajectory.liquids["water"], trajectory.scene).at(0.0)
    v, n = mesh.vertices.numpy() / H, mesh.normals.numpy()
    middle = (np.abs(v[:, 2] - 12) < 6) & (v[:, 0] < 6)
    foot = middle & (np.abs(v[:, 1]) < 0.4)
    assert v[middle, 1].min() < -0.5  # it does not end at the ground
    assert np.abs(n[foot, 1]).mean() < 0.15  # and meets it upright


def test_lone_particles_are_drops_of_their_own_volume():
    places = np.array([[0.0, 0.3, 0.0], [0.0, 0.3 + 20 * H, 0.0]])
    mesh = LiquidSurface(track_of(places, places)).at(0.0)
    assert mesh.faces.shape[0] == 0
    near = np.linalg.norm(mesh.drops[:, None, :3] - places, axis=-1).argmin(axis=1)
    for k, place in enumerate(places):  # each is a few drops about the particle, with its volume and its centre
        own = mesh.drops[near == k].astype(np.float64)
        volume = 4 / 3 * np.pi * own[:, 3] ** 3
        assert volume.sum() == pytest.approx((H / 2) ** 3, rel=1e-5)
        assert np.allclose(volume @ own[:, :3] / volume.sum(), place, atol=1e-6)


def test_between_frames_a_steady_flow_is_carried_exactly():
    places = ball(3 * H)
    step = np.array([0.03, -0.02, 0.01])
    surface = LiquidSurface(track_of(places, places + step, places + 2 * step))
    then, _ = surface.particles(0.5 / 24)
    assert np.allclose(then, places + 0.5 * step, atol=1e-6)


def test_thickness_of_a_slab_seen_aslant_is_its_depth_over_the_cosine():
    places = pool(depth=6, wide=30) - [15 * H, 0, 15 * H]
    camera = Camera.looking(SIZE, fov_deg=20, pitch_deg=50, height=0.9)
    back = np.array([0.0, 0.0, 0.9 / np.tan(np.radians(50))])
    pose = camera.world_from_camera.copy()
    pose[:3, 3] += back
    camera = replace(camera, world_from_camera=pose)
    trajectory = scene_with(track_of(places, places), camera)
    view = LiquidView(trajectory, "water", SIZE)
    frame = view.at(0.0, camera, trajectory.scene.backdrop.depth)
    v, u = SIZE[0] // 2, SIZE[1] // 2
    ray = camera.rays(np.array([u + 0.5, v + 0.5]))
    found = frame.thickness[v - frame.window[0] - 3 : v - frame.window[0] + 4, u - frame.window[2]]
    assert found.mean() == pytest.approx(6 * H / -ray[1], rel=0.03)  # half of it the place of the surface, 0.1 cell


@wp.kernel
def light_kernel(
    cosine: wp.array(dtype=float), index: float, k: float, s: float, part: wp.array(dtype=float),
    turned: wp.array(dtype=wp.vec3), layer: wp.array(dtype=wp.vec2),
):  # fmt: skip
    i = wp.tid()
    c = cosine[i]
    part[i] = liquid_shade.fresnel(c, index)
    d = wp.vec3(wp.sqrt(1.0 - c * c), -c, 0.0)
    turned[i] = liquid_shade.bent(d, wp.vec3(0.0, 1.0, 0.0), 1.0 / index)
    layer[i] = liquid_shade.layer_of(k, s, c)


def light(cosine, index=1.333, k=0.0, s=0.0):
    n = len(cosine)
    out = [wp.zeros(n, dtype=t) for t in (float, wp.vec3, wp.vec2)]
    x = wp.array(np.asarray(cosine, np.float32), dtype=float)
    wp.launch(light_kernel, dim=n, inputs=[x, index, k, s], outputs=out)
    return [o.numpy() for o in out]


@wp.kernel
def beyond_kernel(depth: wp.array2d(dtype=float), at: wp.array(dtype=wp.vec2), out: wp.array(dtype=float)):
    i = wp.tid()
    out[i] = liquid_shade.depth_at(depth, at[i])


def test_beyond_the_border_of_the_picture_a_plane_goes_on():
    # 1 / z of a plane is linear in the pixel; a ray that leaves below the picture meets the floor where it is
    v, u = np.mgrid[:40, :60] + 0.5
    inverse = 0.2 + 0.004 * v + 0.001 * u
    at = np.array([[30.5, 20.5], [30.5, 47.5], [59.5 + 8, 10.5], [-6.5, 45.5], [0.5, -3.5]], np.float32)
    out = wp.zeros(len(at), dtype=float)
    depth = wp.array((1 / inverse).astype(np.float32), dtype=float)
    wp.launch(beyond_kernel, dim=len(at), inputs=[depth, wp.array(at, dtype=wp.vec2), out])
    assert np.allclose(1 / out.numpy(), 0.2 + 0.004 * at[:, 1] + 0.001 * at[:, 0], rtol=1e-5)


def test_head_on_the_surface_reflects_what_fresnel_says_and_at_grazing_all():
    part = light([1.0, 0.0], 1.333)[0]
    assert part[0] == pytest.approx(((1.333 - 1) / (1.333 + 1)) ** 2, rel=1e-4)
    assert part[1] == pytest.approx(1.0, abs=1e-5)


def test_at_brewsters_angle_only_one_polarisation_is_reflected():
    angle = np.arctan(1.5)
    inside = np.arcsin(np.sin(angle) / 1.5)
    expected = 0.5 * (np.sin(angle - inside) / np.sin(angle + inside)) ** 2
    assert light([np.cos(angle)], 1.5)[0][0] == pytest.approx(expected, rel=1e-4)


def test_rays_bend_by_snells_law():
    angle = np.radians([5.0, 30.0, 60.0, 85.0])
    turned = light(np.cos(angle), 1.333)[1]
    assert np.allclose(turned[:, 0], np.sin(angle) / 1.333, atol=1e-5)
    assert np.allclose(np.linalg.norm(turned, axis=1), 1, atol=1e-5)


def test_layers_follow_kubelka_and_munk():
    length = np.array([0.001, 0.01, 0.5], np.float32)
    clear = light(length, k=8.0)[2]
    assert np.allclose(clear[:, 1], np.exp(-8.0 * length), rtol=1e-4) and not clear[:, 0].any()
    white = light(length, k=1e-6, s=300.0)[2]
    assert np.allclose(white[:, 0], 300 * length / (1 + 300 * length), atol=2e-3)  # nothing is lost
    assert np.allclose(white.sum(1), 1, atol=2e-3)
    deep = light([1.0], k=50.0, s=400.0)[2][0]
    ratio = 50.0 / 400.0
    assert deep[0] == pytest.approx(1 + ratio - np.sqrt(ratio**2 + 2 * ratio), rel=1e-3)


def test_flow_of_what_moves_as_a_whole_is_its_projection():
    places = ball(5 * H, (0.0, 0.35, -0.9))
    step = np.array([0.05, 0.02, -0.04])
    moves = (CameraMove("truck", 0.05, 0.0, 0.1, "linear"),)
    trajectory = scene_with(track_of(places, places + step, places + 2 * step), moves=moves)
    view = LiquidView(trajectory, "water", SIZE)
    frame = view.at(0.0, None, trajectory.scene.backdrop.depth)
    flow = view.motion(frame, 1 / 24).flow
    there = np.isfinite(frame.depth)
    assert there.sum() > 40
    v0, _, u0, _ = frame.window
    v, u = np.nonzero(there)
    pixels = np.stack([u + u0, v + v0], axis=-1) + 0.5
    points = frame.camera.unproject(pixels, frame.depth[there])
    other = trajectory.scene.camera.at(1 / 24, SIZE)
    expected = other.project(points + step)[0] - frame.camera.project(points)[0]
    assert np.abs(flow[there] - expected).max() < 2e-3


def test_light_under_an_absorbing_layer_fades_with_the_way_through_it():
    places = pool(depth=4, wide=30) + [-15 * H, 0, -1.25 - 15 * H]
    trajectory = scene_with(track_of(places, places))
    scene = trajectory.scene
    scene.light = Light(direction=(0.0, 1.0, 0.0), half_angle=0.02)
    wine = replace(scene["water"].material, refractive_index=1.0, absorption=(5.0, 20.0, 0.0))
    scene.entities["water"] = replace(scene["water"], material=wine)
    painter = LiquidPainter(trajectory, SIZE, np.full((*SIZE, 3), 0.5, np.float32))
    camera = scene.camera.start
    factor = painter.lights()[0](0.0, camera, scene.backdrop.depth)
    pixel, _ = camera.project(np.array([0.0, 0.0, -1.25]))
    found = factor[int(pixel[1]) - 1 : int(pixel[1]) + 2, int(pixel[0]) - 2 : int(pixel[0]) + 3].mean(axis=(0, 1))
    way = 4 * H
    assert found == pytest.approx(np.exp(-np.array([5.0, 20.0, 0.0]) * way), rel=0.1)  # the surface's place


def test_clear_water_sends_no_more_light_on_than_falls_on_it():
    places = ball(6 * H, (0.0, 0.3, -1.2))
    trajectory = scene_with(track_of(places, places))
    painter = LiquidPainter(trajectory, SIZE, np.full((*SIZE, 3), 0.5, np.float32))
    factor = painter.lights()[0](0.0, trajectory.scene.camera.start, trajectory.scene.backdrop.depth)
    assert factor.max() > 1.2 and factor.min() < 0.5  # a ball is a lens: dark around, bright in the middle
    assert (factor - 1).sum() < 0.02 * np.abs(factor - 1).sum()


def of_photo(*tracks_of):
    """A flat pool that the photo shows, so far as it reaches."""
    trajectory = scene_with(track_of(*tracks_of))
    scene = trajectory.scene
    frame = LiquidView(trajectory, "water", SIZE).at(0.0, None, scene.backdrop.depth)
    alpha = np.zeros(SIZE, np.float32)
    v0, v1, u0, u1 = frame.window
    alpha[v0:v1, u0:u1] = np.isfinite(frame.depth)
    plate = scene.backdrop.photo.copy()
    plate[alpha > 0] = 0.0
    scene.backdrop = replace(scene.backdrop, plate=plate)
    scene.entities["water"] = replace(scene["water"], cutout=Cutout(scene.backdrop.photo, alpha, (0, 0)))
    return trajectory, alpha > 0


def test_liquid_of_the_photo_is_the_photo_while_it_rests():
    places = pool(depth=4, wide=20) + [-10 * H, 0, -1.3 - 10 * H]
    trajectory, _ = of_photo(places, places, places)
    compositor = Compositor(trajectory, SIZE)
    for index in range(2):
        assert np.array_equal(compositor.frame(index), trajectory.scene.backdrop.photo)


def test_liquid_of_the_photo_takes_its_pixels_along():
    places = pool(depth=4, wide=20) + [-10 * H, 0, -1.3 - 10 * H]
    step = np.array([0.06, 0.0, 0.02])
    trajectory, was = of_photo(places, places + step, places + 2 * step)
    conditions = render(trajectory, SIZE)
    now = conditions.liquid[1, ..., 3] > 0
    v, u = np.nonzero(now)
    camera = trajectory.scene.camera.start
    pixels = np.stack([u, v], axis=-1) + 0.5
    then, _ = camera.project(camera.unproject(pixels, conditions.depth[1][now]) - step)
    assert np.abs(conditions.source_uv[1][now] - then).max() < 0.05
    left = was & ~now
    assert left.any() and conditions.coarse[1][left].mean() < 0.5 * conditions.image[left].mean()  # bare plate


def test_foam_covers_what_its_discs_cover():
    foam = np.zeros(2, FOAM_DTYPE)
    camera = Camera.looking((200, 200), fov_deg=50, pitch_deg=0, height=1.0)
    foam["position"] = [(0.0, 1.0, -2.0), (0.5, 1.0, -2.0)]
    foam["radius"], foam["kind"] = (0.15, 0.0005), (1, 0)
    track = replace(track_of(np.zeros((1, 3)), np.zeros((1, 3))), foam=(foam, foam))
    open_view = np.full((200, 200), 10.0, np.float32)
    cover = foam_cover(track, 24.0, 0.0, camera, (200, 200), 0.0, open_view, open_view)
    pixels = camera.focal / 2.0
    assert cover[:, :130].sum() == pytest.approx(np.pi * (0.15 * pixels) ** 2 * (1 - np.exp(-STRENGTH[1])), rel=0.05)
    tiny = STRENGTH[0] * np.pi * (0.0005 * pixels) ** 2
    assert cover[:, 130:].sum() == pytest.approx(tiny, rel=0.3)  # its disc is made of few pixels
    hidden = foam_cover(track, 24.0, 0.0, camera, (200, 200), 0.0, open_view * 0.1, open_view * 0.1)
    assert hidden is None


def test_nothing_changes_where_no_liquid_is_and_every_signal_of_it_is_written():
    places = ball(5 * H, (0.1, 0.1, -1.1))
    trajectory = scene_with(track_of(places, places + [0.0, -0.01, 0.0], places))
    conditions = render(trajectory, SIZE)
    liquid = conditions.liquid[0]
    seen = liquid[..., 3] > 0
    assert seen.sum() > 30
    assert np.allclose(np.linalg.norm(liquid[seen][:, :3], axis=1), 1, atol=1e-4)
    number = trajectory.scene.number_of("water")
    assert (conditions.ids[0][seen] == number).all() and (conditions.ids[0][~seen] != number).all()
    assert (conditions.depth[0][seen] < trajectory.scene.backdrop.depth[seen]).all()
    changed = (conditions.coarse[0] != conditions.image).any(-1)
    far = np.zeros(SIZE, bool)
    far[:, :10] = True
    assert changed[seen].mean() > 0.95 and not changed[far].any()


def test_clear_liquid_of_the_index_of_air_cannot_be_seen():
    places = ball(5 * H, (0.1, 0.1, -1.1))
    trajectory = scene_with(track_of(places, places, places))
    water = trajectory.scene["water"]
    clear = replace(water.material, refractive_index=1.0, absorption=(0.0, 0.0, 0.0))
    trajectory.scene.entities["water"] = replace(water, material=clear)
    v, u = np.mgrid[: SIZE[0], : SIZE[1]] / max(SIZE)
    photo = np.stack([0.2 + 0.5 * u, 0.7 - 0.4 * v, 0.3 + 0.2 * (u + v)], axis=-1).astype(np.float32)
    trajectory.scene.backdrop = replace(trajectory.scene.backdrop, photo=photo, plate=photo)
    picture = Compositor(trajectory, SIZE).frame(0)
    assert (picture != photo).any()  # it was drawn
    assert np.abs(picture - photo).max() < 2e-3


def test_a_photographed_surface_takes_its_colours_along_as_a_whole_and_not_cell_by_cell():
    v, u = np.indices((60, 80))
    there = ((v - 30) / 25) ** 2 + ((u - 40) / 35) ** 2 < 1
    swing = np.stack([np.full(there.shape, 3.0), 0.02 * (u - 40.0)], axis=-1)
    mixing = np.random.default_rng(0).normal(0, 2.0, swing.shape)
    evened = _evened((swing * there[..., None]).astype(np.float32), there)
    assert np.allclose(evened[there][:, 0], 3.0, atol=1e-4)  # a shift is kept, also at the rim
    assert np.abs(evened[there][:, 1] - swing[there][:, 1]).mean() < 0.15  # a turn nearly so
    rough = _evened((mixing * there[..., None]).astype(np.float32), there)
    assert np.abs(rough[there]).max() < 0.5
