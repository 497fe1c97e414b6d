"""What another thing hides of a thing: found where geometry says, painted as it would have been."""

import numpy as np
import pytest

from physim.camera import Camera
from physim.layers import Layers
from physim.materials import Rigid
from physim.matte import cut_out
from physim.scene import Scene
from physim.shapes import Sphere
from physim.srgb import to_srgb
from physim.uncovered import closed, hidden_part, uncovered
from physim.view import plane_depth
from physim.zbuffer import depth_of, placed

SIZE = (120, 160)


def two_balls():
    """A ball half hidden by a nearer one, both on the ground, and their outlines in the photo."""
    camera = Camera.looking(SIZE, fov_deg=40, pitch_deg=20, height=0.5)
    scene = Scene()
    layers = Layers(camera, plane_depth(camera, 0.0, far=100.0), camera)
    masks, depths = {}, {}
    for name, place in (("far", (0.0, 0.1, -1.5)), ("near", (0.09, 0.1, -1.2))):
        scene.add(Sphere(0.1), Rigid("wood"), name=name, position=place)
        mesh = placed(Sphere(0.1).triangles, place)
        depths[name] = depth_of(mesh, camera)
        masks[name] = np.isfinite(depths[name])
        layers.add(mesh, masks[name], scene.number_of(name), moves=True)
    return scene, layers, masks, depths


@pytest.mark.parametrize("drawn", ["whole", "what is seen"])
def test_what_a_nearer_ball_hides_is_found_whether_or_not_the_outline_holds_it(drawn):
    scene, layers, masks, depths = two_balls()
    truth = masks["far"] & masks["near"] & (depths["near"] < depths["far"])
    assert truth.sum() > 150
    mask = masks["far"] if drawn == "whole" else masks["far"] & ~masks["near"]
    hidden = hidden_part(scene, "far", mask, {**masks, "far": mask}, layers)
    assert (hidden ^ truth).sum() < 0.05 * truth.sum()  # a pixel along the border, where centres decide
    assert not hidden_part(scene, "near", masks["near"], masks, layers).any()


def test_the_hidden_side_of_a_symmetric_thing_comes_back_with_its_own_light():
    v, u = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    mask = np.hypot(u - 80, v - 60) < 40
    rings = 0.3 + 0.12 * np.sign(np.sin(np.hypot(u - 80, v - 60) / 3))
    light = np.exp(0.008 * (u - 80))  # from the right: the mirror image alone would be too dark
    thing = to_srgb((rings * light)[..., None] * np.array([1.0, 0.7, 0.4])).astype(np.float32)
    hidden = mask & (u > 98)
    photo = np.where(hidden[..., None], np.float32([0.1, 0.8, 0.2]), thing).astype(np.float32)
    painted = uncovered(photo, mask, hidden)
    inside = hidden & (np.hypot(u - 80, v - 60) < 36)  # the outline's last pixels are soft in a photo and lend nothing
    error = np.sqrt(((painted - thing)[inside] ** 2).mean())
    assert error < 0.05  # the green thing is 0.4 away; mirrored without its light, the ball is 0.09 off
    assert np.array_equal(painted[~mask], photo[~mask])
    assert np.array_equal(uncovered(photo, mask, np.zeros_like(mask)), photo)


def test_the_edge_beneath_what_hides_a_thing_is_its_own_outline():
    v, u = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    mask = np.hypot(u - 80, v - 60) < 40
    hidden = mask & (u > 98)
    photo = np.full((*SIZE, 3), 0.3, np.float32)
    photo[mask] = 0.8
    photo[hidden | (u > 98)] = (0.1, 0.8, 0.2)  # what hides it goes on beyond the outline
    ground = np.full((*SIZE, 3), 0.3, np.float32)
    cutout = cut_out(uncovered(photo, mask, hidden), mask, ground, shadow=False, hidden=hidden)
    i, j = cutout.corner
    alpha = cutout.alpha[
        np.ix_(np.arange(SIZE[0] - j) < cutout.alpha.shape[0], np.arange(SIZE[1] - i) < cutout.alpha.shape[1])
    ]
    there = mask[j : j + alpha.shape[0], i : i + alpha.shape[1]]
    assert np.abs(alpha - there).sum() < 0.6 * 2 * np.pi * 40  # half a pixel of softness along the outline
    assert alpha[~there].max() < 0.6 and alpha[there].min() > 0.4


def test_a_slit_between_what_is_seen_and_what_is_hidden_is_closed_and_nothing_else_is_added():
    v, u = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    disc = np.hypot(u - 80, v - 60) < 40
    seen, hidden = disc & (u < 95), disc & (u > 99)
    found = closed(seen, hidden)
    slit = disc & ~seen & ~hidden
    assert (slit & ~found).sum() < 0.05 * slit.sum()  # but for its mouths, where the outline itself is
    assert (found & ~disc).sum() < 0.02 * disc.sum()
    assert not closed(disc, np.zeros_like(disc)).any()
