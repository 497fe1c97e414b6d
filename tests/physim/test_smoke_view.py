from dataclasses import replace

import numpy as np
import pytest
from view_scenes import linear, photo_scene, trajectory

from physim import blackbody
from physim.materials import Smoke
from physim.scene import Light
from physim.shapes import Emitter
from physim.smoke_state import detail_noise, fade
from physim.smoke_view import SmokeView
from physim.trajectory import SmokeTrack

SIZE = (60, 80)
CELL = 0.05
COUNT = 16
ORIGIN = np.array([-0.4, 0.6, -2.4])
"""The box lies 2 m before a level camera 1 m high and is 0.8 m wide."""
WHITE = Light(direction=(0, 1, 0), colour=(0.7, 0.7, 0.7), ambient=(0.3, 0.3, 0.3))
DARK = Light(direction=(0, 1, 0), colour=(0.0, 0.0, 0.0), ambient=(0.0, 0.0, 0.0))


def smoke_scene(density, velocity=(0, 0, 0), *, extinction=2.0, frames=2, moves=(), albedo=(1.0, 1.0, 1.0)):
    """One grid of 16^3 cells; ``density`` (T + 1, 16, 16, 16) or one number."""
    scene = photo_scene(SIZE, moves, pitch_deg=0.0, wall=4.0)
    scene.add(Emitter((0, 1, -2)), Smoke("steam", extinction=extinction, albedo=albedo), name="steam")
    shape = (frames + 1, COUNT, COUNT, COUNT)
    values = np.broadcast_to(np.asarray(density, np.float16), shape)
    motion = np.broadcast_to(np.asarray(velocity, np.float16), (*shape, 3))
    smoke = SmokeTrack("steam", ORIGIN, CELL, values, np.zeros(shape, np.float16), motion)
    return trajectory(scene, smokes={"steam": smoke}, frames=frames)


def ball(centre, radius=0.15):
    """Density (16, 16, 16) of a soft ball at ``centre`` [m] from the box's corner."""
    x = (np.stack(np.meshgrid(*[np.arange(COUNT)] * 3, indexing="ij"), -1) + 0.5) * CELL
    return np.exp(-(((x - centre) ** 2).sum(-1)) / (2 * (radius / 2) ** 2)) * (
        ((x - centre) ** 2).sum(-1) < (1.5 * radius) ** 2
    )


def far(value=10.0):
    return np.full(SIZE, value, np.float32)


def box_length(view, camera):
    """Length of each pixel's ray inside the box [m], in closed form."""
    rays = camera.rays(camera.pixel_grid())
    with np.errstate(divide="ignore"):
        a = (ORIGIN - camera.position) / rays
        b = (ORIGIN + COUNT * CELL - camera.position) / rays
    near = np.minimum(a, b).max(axis=-1).clip(0)
    return (np.maximum(a, b).min(axis=-1) - near).clip(0)


def test_uniform_smoke_lets_through_what_beer_and_lambert_say():
    view = SmokeView(smoke_scene(0.5), SIZE, detail=0)
    frame = view.at(0.0, None, far(), WHITE)
    length = box_length(view, view.scene.camera.at(0.0))
    assert length.max() > 0.8
    np.testing.assert_allclose(frame.transmittance, np.exp(-2.0 * 0.5 * length), atol=2e-5)


def test_surface_inside_the_smoke_cuts_its_path():
    view = SmokeView(smoke_scene(0.5), SIZE, detail=0)
    frame = view.at(0.0, None, far(1.8), WHITE)  # the box begins at z = 1.6
    camera = view.scene.camera.at(0.0)
    centre = frame.transmittance[30, 40]
    slant = 1 / (camera.rays(camera.pixel_grid()) @ camera.world_from_camera[:3, 2])[30, 40]
    assert centre == pytest.approx(np.exp(-2.0 * 0.5 * 0.2 * slant), abs=2e-5)


def test_smoke_behind_a_nearer_surface_is_not_seen():
    view = SmokeView(smoke_scene(1.0), SIZE)
    frame = view.at(0.0, None, far(1.5), WHITE)
    assert (frame.transmittance == 1).all()
    assert not frame.scattered.any() and not frame.flow.any()


def test_thin_cloud_of_pure_scatterers_sends_a_fixed_share_of_what_it_takes():
    # Weak light paths: q = 1 everywhere, so scattered = (1 - T) x (0.45 P + 0.25) x light + ambient.
    view = SmokeView(smoke_scene(1.0, extinction=1e-3), SIZE, detail=0)
    frame = view.at(0.0, None, far(), WHITE)
    taken = 1 - frame.transmittance
    camera = view.scene.camera.at(0.0)
    cosine = -camera.rays(camera.pixel_grid())[..., 1]
    phase = (1 - 0.04) / (1 + 0.04 - 0.4 * cosine) ** 1.5
    expected = taken * ((0.45 * phase + 0.25) * 0.7 + 0.3)
    some = taken > 1e-5
    np.testing.assert_allclose(frame.scattered[..., 0][some], expected[some], rtol=0.01)


def test_side_towards_the_light_is_brighter():
    view = SmokeView(smoke_scene(ball((0.4, 0.4, 0.4)), extinction=40.0), SIZE, detail=0)
    frame = view.at(0.0, None, far(), WHITE)
    luminance = frame.scattered.mean(axis=-1)
    assert luminance[24, 40] > 1.3 * luminance[36, 40]


def test_flow_is_the_projected_velocity():
    view = SmokeView(smoke_scene(ball((0.4, 0.4, 0.4)), (0.6, 0.3, 0.0), extinction=40.0), SIZE, detail=0)
    frame = view.at(0.0, None, far(), WHITE)
    camera = view.scene.camera.at(0.0)
    v, u = 30, 40
    start = camera.unproject(np.array([u + 0.5, v + 0.5]), frame.depth[v, u])
    truth = camera.project(start + np.array([0.6, 0.3, 0]) / 24)[0] - (u + 0.5, v + 0.5)
    assert frame.flow[v, u] == pytest.approx(truth, abs=0.01)  # velocities are stored with 11 bits


def test_flow_of_still_smoke_is_the_camera_s():
    view = SmokeView(smoke_scene(ball((0.4, 0.4, 0.4)), moves=[linear("truck", 0.24)]), SIZE, detail=0)
    frame = view.at(0.0, None, far(), WHITE)
    focal = view.scene.camera.start.focal
    assert frame.flow[30, 40] == pytest.approx((-focal * 0.01 / frame.depth[30, 40], 0), abs=2e-3)


def test_between_frames_smoke_is_where_its_velocity_carries_it():
    # 0.1 m per frame, two cells: a cross-fade would leave two half balls; carried, the middle frame is one whole ball.
    frames = np.stack([ball((0.3 + 0.1 * t, 0.4, 0.4)) for t in range(3)])
    moving = SmokeView(smoke_scene(frames, (2.4, 0, 0)), SIZE, detail=0).at(0.5 / 24, None, far(), WHITE)
    still = SmokeView(smoke_scene(ball((0.35, 0.4, 0.4))), SIZE, detail=0).at(0.0, None, far(), WHITE)
    np.testing.assert_allclose(moving.transmittance, still.transmittance, atol=0.02)


def test_detail_changes_edges_and_keeps_the_amount():
    # One small ball meets few waves of the noise, so the amount is kept in the mean of several seeds.
    shot = smoke_scene(ball((0.4, 0.4, 0.4)), extinction=10.0)
    bare = 1 - SmokeView(shot, SIZE, detail=0).at(0.0, None, far(), WHITE).transmittance
    amounts = []
    for seed in range(12):
        shot.scene.seed = seed
        fine = 1 - SmokeView(shot, SIZE, detail=1).at(0.0, None, far(), WHITE).transmittance
        assert np.abs(bare - fine).max() > 0.02
        amounts.append(fine.sum())
    assert np.mean(amounts) == pytest.approx(bare.sum(), rel=0.15)


def test_a_view_shows_the_same_whatever_it_was_asked_before():
    rng = np.random.default_rng(5)
    velocity = rng.normal(0, 0.3, (9, COUNT, COUNT, COUNT, 3))
    shot = smoke_scene(ball((0.4, 0.4, 0.4)), velocity, extinction=10.0, frames=8)
    times = [0.3, 0.05, 0.21, 0.3, 0.0, 0.33]
    one = SmokeView(shot, SIZE)
    for time in times:
        fresh = SmokeView(shot, SIZE).at(time, None, far(), WHITE).transmittance
        np.testing.assert_array_equal(one.at(time, None, far(), WHITE).transmittance, fresh)


def test_detail_is_carried_through_a_wind_that_changes_and_does_not_boil():
    # Even smoke in a wind that grows each frame: the detail moves by what the gas moves between two frames.
    wind = np.linspace(0, 1.2, 9)[:, None, None, None, None] * np.array([1.0, 0, 0])
    shot = smoke_scene(0.4, np.broadcast_to(wind, (9, COUNT, COUNT, COUNT, 3)), extinction=6.0, frames=8)
    view = SmokeView(shot, SIZE)
    grid = view._grids[0]
    view.at(6 / 24, None, far(), WHITE)
    assert grid.period > 6  # the first moment is frame 0
    moved = grid.volume.drift_a.numpy()[8, 8, 8, 0]
    steps = (wind[:-1] + wind[1:])[:6, 0, 0, 0, 0] / 2 / 24
    assert moved == pytest.approx(steps.sum(), rel=2e-3)


def test_detail_drifts_with_the_smoke():
    # Who travels with a uniform wind sees the same pattern; what still changes is one noise fading into the other.
    wind = smoke_scene(0.5, (0.6, 0, 0), extinction=4.0, frames=24)
    along = smoke_scene(0.5, (0.6, 0, 0), extinction=4.0, frames=24, moves=[linear("truck", 0.6)])
    size, inner = (120, 160), (slice(45, 75), slice(65, 95))
    surface = np.full(size, 10, np.float32)
    still, riding = SmokeView(wind, size), SmokeView(along, size)

    def change(view, camera_time):
        camera = view.scene.camera.at
        a = view.at(0.25, camera(camera_time, size), surface, WHITE)
        b = view.at(0.25 + 1 / 48, camera(camera_time + 1 / 48, size), surface, WHITE)
        return np.abs(a.transmittance - b.transmittance)[inner].mean()

    assert change(riding, 0.0) < 0.6 * change(still, 0.0)


def test_coarse_march_agrees_with_the_full_one():
    scene = smoke_scene(ball((0.4, 0.4, 0.4)), (0.6, 0.3, 0.0), extinction=20.0)
    size = (240, 320)
    surface = np.full(size, 10, np.float32)
    surface[:, 170:] = 1.0  # a post before the smoke
    # Without detail, which is finer than the coarse pixels.
    full = SmokeView(scene, size, detail=0, march_pixels=10**6).at(0.0, None, surface, WHITE)
    coarse = SmokeView(scene, size, detail=0, march_pixels=240 * 320 // 9).at(0.0, None, surface, WHITE)
    assert (coarse.transmittance[:, 170:] > 0.999).all()
    assert np.abs(full.transmittance - coarse.transmittance)[:, :168].max() < 0.05
    thick = full.transmittance < 0.5
    assert np.abs(full.flow - coarse.flow)[thick].max() < 0.1


def test_noise_is_even_and_seeded():
    noise = detail_noise(1)
    assert abs(noise.mean()) < 0.02 and 0.9 < noise.std() < 1.0  # clipped at two deviations
    np.testing.assert_array_equal(noise, detail_noise(1))
    assert (noise != detail_noise(2)).any()
    step = np.abs(np.diff(noise, axis=0)).mean()
    assert np.abs(noise[0] - noise[-1]).mean() < 1.2 * step  # it continues over its border


def test_no_smoke_changes_nothing():
    frame = SmokeView(trajectory(photo_scene(SIZE), frames=1), SIZE).at(0.0, None, far(), WHITE)
    assert (frame.transmittance == 1).all() and not frame.scattered.any()
    with pytest.raises(ValueError, match="expected the view's size"):
        SmokeView(smoke_scene(0.5), SIZE).at(0.0, None, np.ones((3, 3)), WHITE)


@pytest.mark.parametrize("first", ["near", "far"])
def test_two_smokes_are_seen_one_through_the_other(first):
    def scene_with(names):
        scene = photo_scene(SIZE, pitch_deg=0.0, wall=4.0)
        smokes = {}
        for name in names:
            scene.add(Emitter((0, 1, -2)), Smoke("steam", extinction=2.0, albedo=(0.9, 0.9, 0.9)), name=name)
            shape = (2, COUNT, COUNT, COUNT)
            origin = ORIGIN + (0, 0, 0.9 if name == "near" else 0)
            motion = np.broadcast_to(np.float16([0.5 if name == "near" else -0.5, 0, 0]), (*shape, 3))
            smokes[name] = SmokeTrack(name, origin, CELL, np.full(shape, 0.5, np.float16), np.zeros(shape), motion)
        return SmokeView(trajectory(scene, smokes=smokes, frames=1), SIZE, detail=0).at(0.0, None, far(), WHITE)

    near, behind = scene_with(["near"]), scene_with(["far"])
    both = scene_with(["near", "far"] if first == "near" else ["far", "near"])
    np.testing.assert_allclose(both.transmittance, near.transmittance * behind.transmittance, atol=1e-5)
    expected = near.scattered + near.transmittance[..., None] * behind.scattered
    np.testing.assert_allclose(both.scattered, expected, atol=1e-5)
    share = 1 - near.transmittance[30, 40], near.transmittance[30, 40] * (1 - behind.transmittance[30, 40])
    flow = (share[0] * near.flow[30, 40] + share[1] * behind.flow[30, 40]) / sum(share)
    assert both.flow[30, 40] == pytest.approx(flow, abs=1e-4)


def hot_scene(kelvin, *, extinction=4.0, albedo=0.2, glow=2.0, open_sides=(False,) * 6):
    scene = smoke_scene(0.5, extinction=extinction, albedo=(albedo,) * 3)
    entity = scene.scene["steam"]
    object.__setattr__(entity, "material", replace(entity.material, glow=glow))
    track = scene.smokes["steam"]
    heat = np.full(track.temperature.shape, kelvin - 293.15, np.float16)
    scene.smokes["steam"] = replace(track, temperature=heat, open_sides=open_sides)
    return scene


def test_an_even_hot_slab_glows_as_its_opacity_and_kirchhoff_say():
    # Radiance of an even slab: (1 - T) x absorption / extinction x that of a black body. Temperatures are kept to 1 K.
    shot = hot_scene(1500.0, albedo=0.0)  # so that nothing of its own light is scattered
    frame = SmokeView(shot, SIZE, detail=0).at(0.0, None, far(), DARK)
    expected = (1 - frame.transmittance[..., None]) * 2.0 * blackbody.glow(np.array(1500.0))
    np.testing.assert_allclose(frame.scattered, expected, rtol=5e-3, atol=1e-4)


def test_smoke_colder_than_the_draper_point_does_not_glow():
    assert not SmokeView(hot_scene(790.0), SIZE).at(0.0, None, far(), DARK).scattered.any()
    assert SmokeView(hot_scene(900.0), SIZE).at(0.0, None, far(), DARK).scattered.any()


def test_soot_before_a_fire_takes_its_light():
    shot = hot_scene(1500.0, extinction=40.0, albedo=0.0)
    track = shot.smokes["steam"]
    heat = track.temperature.copy()
    heat[..., 8:] = 0  # the half next to the camera is cold
    shot.smokes["steam"] = replace(track, temperature=heat)
    assert SmokeView(shot, SIZE, detail=0).at(0.0, None, far(), DARK).scattered.max() < 1e-3


def test_glow_of_a_large_picture_is_that_of_a_small_one():
    shot = hot_scene(1500.0)
    fine = SmokeView(shot, SIZE, detail=0).at(0.0, None, far(), DARK)
    coarse = SmokeView(shot, SIZE, detail=0, march_pixels=SIZE[0] * SIZE[1] // 4).at(0.0, None, far(), DARK)
    np.testing.assert_allclose(coarse.scattered[20:40, 30:50], fine.scattered[20:40, 30:50], rtol=0.02)


def test_smoke_fades_towards_open_sides_and_not_towards_walls():
    shot = smoke_scene(1.0)
    track = shot.smokes["steam"]
    walled = SmokeView(shot, SIZE, detail=0).at(0.0, None, far(), WHITE).transmittance
    shot.smokes["steam"] = track = replace(track, open_sides=(True, True, False, True, True, True))
    share = fade(track)
    assert not share[[0, -1]].any() and not share[:, -1].any() and not share[..., [0, -1]].any()
    assert (share[8, :12, 8] == 1).all() and np.abs(np.diff(share, axis=0)).max() < 0.5
    shot.smokes["steam"] = replace(track, open_sides=(False, False, False, True, False, False))
    faded = SmokeView(shot, SIZE, detail=0).at(0.0, None, far(), WHITE).transmittance
    row = np.flatnonzero((walled < 1).any(axis=1))
    assert faded[row[0] : row[0] + 2].min() > 0.97
    np.testing.assert_allclose(faded[36:], walled[36:], atol=1e-3)  # by the walls it stays, also at the bottom
    assert faded[30, 40] < 0.4  # the middle stays


def test_shadow_of_an_even_slab_is_beer_s_law_less_the_light_that_goes_straight_on():
    # Light from above through 0.8 m of smoke of extinction 1 / m; droplets pass on 0.85 of what they scatter.
    light = Light(direction=(0, 1, 0))
    for albedo, g in ((1.0, 0.85), (0.5, 0.5)):
        view = SmokeView(smoke_scene(0.5, albedo=(albedo,) * 3), SIZE, detail=0)
        camera = view.scene.camera.at(0.0)
        rays = camera.rays(camera.pixel_grid())
        rays = rays / (rays @ camera.world_from_camera[:3, 2])[..., None]
        depth = np.full(SIZE, 30.0, np.float32)
        down = rays[..., 1] < -1e-3
        depth[down] = np.minimum(camera.position[1] / -rays[..., 1][down], 30.0)  # the ground
        point = camera.position + rays * depth[..., None]
        inside = (np.abs(point[..., 0]) < 0.35) & (np.abs(point[..., 2] + 2.0) < 0.35)
        outside = (np.abs(point[..., 0]) > 0.45) | (np.abs(point[..., 2] + 2.0) > 0.45)
        through = view.shadow(0.0, None, depth, light)
        assert inside.sum() > 10
        np.testing.assert_allclose(through[inside], np.exp(-0.8 * (1 - albedo * g)), rtol=2e-3)
        assert (through[outside] == 1).all()


def test_the_sky_has_no_shadow_and_large_pictures_the_same_as_small_ones():
    view = SmokeView(smoke_scene(ball((0.4, 0.4, 0.4)), extinction=20.0), SIZE, detail=0)
    light = Light(direction=(0, 0, 1))
    assert (view.shadow(0.0, None, far(9e3), light) == 1).all()
    small = view.shadow(0.0, None, far(3.9), light)
    large = SmokeView(smoke_scene(ball((0.4, 0.4, 0.4)), extinction=20.0), (480, 640), detail=0)
    big = large.shadow(0.0, None, np.full((480, 640), 3.9, np.float32), light)
    assert small.min() < 0.8
    np.testing.assert_allclose(big.reshape(60, 8, 80, 8).mean((1, 3)), small, atol=0.01)


def test_smoke_of_which_no_flow_is_asked_looks_the_same():
    view = SmokeView(smoke_scene(ball((0.4, 0.4, 0.4)), (0.6, 0.3, 0.0), extinction=40.0), SIZE)
    whole, bare = (view.at(0.01, None, far(), WHITE, flow=flow) for flow in (True, False))
    for part in ("transmittance", "scattered", "depth"):
        np.testing.assert_array_equal(getattr(whole, part), getattr(bare, part))
    assert np.abs(whole.flow).max() > 0.1
    assert not bare.flow.any()


def test_a_large_picture_is_marched_only_as_finely_as_the_smoke_is():
    """Marched pixel by pixel the view is its own reference."""
    scene = smoke_scene(ball(np.array([0.4, 0.4, 0.4]), 0.3))
    size = (480, 640)
    exact = SmokeView(scene, size, march_pixels=size[0] * size[1])
    coarse = SmokeView(scene, size, march_pixels=size[0] * size[1] - 1)
    far_away = np.full(size, 10.0, np.float32)
    a, b = (view.at(0.5, None, far_away, WHITE) for view in (exact, coarse))
    assert coarse._coarse[0] < 0.8 * size[0] and exact._coarse == size
    assert a.transmittance.min() < 0.7
    assert np.abs(a.transmittance - b.transmittance).max() < 0.01
    assert np.abs(a.scattered - b.scattered).max() < 0.01
