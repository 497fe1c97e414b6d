"""Still layers of the photo as obstacles of smoke."""

from dataclasses import replace

import numpy as np
import pytest
from view_scenes import photo_scene

from physim.materials import Smoke
from physim.scene import Cutout, StillLayer
from physim.shapes import Emitter, Plane
from physim.smoke_domain import SmokeDomain
from physim.smoke_still import half_depth, still_cover
from physim.solver_smoke import SmokeSolver

SIZE = (120, 160)
CELL = 0.05
DOMAIN = SmokeDomain((-0.8, 0.0, -2.8), CELL, (32, 32, 32), (True,) * 6)


def scene_with(alpha, depth=2.0):
    """A level camera 0.8 m high; the layer's alpha covers the whole picture."""
    scene = photo_scene(SIZE, pitch_deg=0.0, height=0.8, wall=6.0)
    alpha = np.asarray(alpha, np.float32)
    layer = StillLayer("tower", Cutout(np.zeros((*SIZE, 3), np.float32), alpha, (0, 0)), depth)
    scene.backdrop = replace(scene.backdrop, stills=(layer,))
    return scene


def bar(first, last):
    alpha = np.zeros(SIZE)
    alpha[:, first:last] = 1
    return alpha


def centres():
    x, y, z = (DOMAIN.origin[a] + (np.arange(32) + 0.5) * CELL for a in range(3))
    return x[:, None, None], y[None, :, None], z[None, None, :]


def test_a_bar_becomes_a_square_post_at_its_depth():
    # 24 pixels at 2 m with a focal length of 138.6 pixels are 0.346 m.
    scene = scene_with(bar(68, 92))
    cover = still_cover(scene, DOMAIN, centres())
    width = 24 * 2.0 / scene.camera.start.focal
    middle = cover[:, 16]
    assert cover.max() == 1
    assert middle.sum() * CELL**2 == pytest.approx(width**2, rel=0.12)  # a cell is a seventh of it
    assert middle.sum(0) @ centres()[2].ravel() / middle.sum() == pytest.approx(-2.0, abs=CELL)


def test_a_lattice_closes_only_what_it_covers():
    alpha = np.zeros(SIZE)
    alpha[:, 60:100:3] = 1  # every third column
    cover = still_cover(scene_with(alpha), DOMAIN, centres())
    # a cell sees three pixels, one of which is closed
    assert cover[13:19, 10:20, 15:17] == pytest.approx(1 / 3, abs=1e-3)


def test_two_posts_of_one_layer_have_each_its_own_thickness():
    alpha = bar(20, 30) + bar(100, 130)
    half = half_depth(alpha, bridge=3, least=2.0)
    assert (half[:, 25] == 5).all() and (half[:, 115] == 15).all() and (half[:, 60] == 1).all()


def test_without_layers_nothing_is_covered():
    assert not still_cover(photo_scene(SIZE), DOMAIN, centres()).any()


def exhaust(scene):
    """Density (x, y, z) and divergence after a jet along +x has met what stands at x = 0."""
    scene.add(Plane(), name="ground")
    low, high = np.array(DOMAIN.origin), np.array(DOMAIN.origin) + 32 * CELL
    material = Smoke("exhaust", domain=(tuple(low), tuple(high)), resolution=32)
    emitter = Emitter((-0.5, 0.5, -2.0), 0.15, 4.0, (4.0, 0.0, 0.0), flicker=0.0)
    scene.add(emitter, material, name="exhaust")
    solver = SmokeSolver(scene, fps=24, seconds=0.6)
    for _ in range(14):
        solver.frame()
    (track,) = solver.tracks().values()
    return track.density[-1].astype(float), solver.report()["smoke_divergence [-]"]


def test_smoke_flows_around_a_post_of_the_photo_and_not_into_it():
    scene = scene_with(bar(68, 92))
    density, divergence = exhaust(scene)
    free, _ = exhaust(photo_scene(SIZE, pitch_deg=0.0, height=0.8, wall=6.0))
    x, _, z = (np.broadcast_to(c, density.shape) for c in centres())
    inside = still_cover(scene, DOMAIN, centres()) == 1
    assert inside.sum() > 300
    assert density[inside].sum() < 1e-3 * density.sum() < 0.1 * free[inside].sum()
    beside = (np.abs(x) < 0.17) & (np.abs(z + 2.0) > 0.25)
    assert density[beside].sum() > 2 * free[beside].sum()
    behind = (x > 0.2) & (np.abs(z + 2.0) < 0.15)
    assert density[behind].sum() < 0.5 * free[behind].sum()
    assert divergence < 1e-2
