import numpy as np
import pytest
import warp as wp
from view_scenes import photo_scene, trajectory

from physim.materials import Rigid, Static
from physim.scene import Light
from physim.shapes import Box, Sphere
from physim.smoke_shade import SmokeShade
from physim.trajectory import BodyTrack

COUNT, SIDE = 24, 0.05
ORIGIN = np.array([-0.6, 0.0, -3.0])


def light_from(direction, half_angle=0.0):
    return Light(direction=tuple(np.array(direction) / np.linalg.norm(direction)), half_angle=half_angle)


def share(scene, light):
    shade = SmokeShade(trajectory(scene, frames=2), wp.get_device("cpu"))
    return shade.at(0.0, light, ORIGIN, SIDE, (COUNT,) * 3).numpy()


def centres():
    grid = np.stack(np.meshgrid(*[np.arange(COUNT) + 0.5] * 3, indexing="ij"), -1)
    return ORIGIN + SIDE * grid


def shelf():
    scene = photo_scene((60, 80), (), pitch_deg=0.0, wall=4.0)
    scene.add(Box((0.6, 0.02, 0.6)), Static("wood"), name="shelf", position=(0, 0.8, -2.4))
    return scene


@pytest.mark.parametrize("towards", [(0, 1, 0), (0.6, 1.0, 0.0), (-0.3, 0.8, 0.5)])
def test_smoke_behind_a_box_seen_from_the_light_is_in_its_shade(towards):
    light = light_from(towards)
    got, x = share(shelf(), light), centres()
    rise = (0.8 - x[..., 1]) / light.direction[1]
    hit = x + rise[..., None] * np.array(light.direction) - (0, 0.8, -2.4)
    inside = 0.3 - np.abs(hit[..., [0, 2]]).max(axis=-1)
    below = x[..., 1] < 0.8 - SIDE
    clear = 0.6 * SIDE + 0.03  # half a block, and the thickness of the shelf seen askew
    np.testing.assert_array_equal(got[below & (inside > clear)], 0.0)
    np.testing.assert_array_equal(got[below & (inside < -clear)], 1.0)
    np.testing.assert_array_equal(got[x[..., 1] > 0.8 + SIDE], 1.0)


def test_a_wide_light_leaves_half_of_itself_under_an_edge():
    got, x = share(shelf(), light_from((0, 1, 0), half_angle=0.3)), centres()
    edge = (np.abs(x[..., 0] - 0.3) < 0.51 * SIDE) & (np.abs(x[..., 2] + 2.4) < 0.1) & (x[..., 1] < 0.5)
    assert got[edge].mean() == pytest.approx(0.5, abs=0.1)


def test_a_thing_that_moves_takes_its_shade_along():
    scene = photo_scene((60, 80), (), pitch_deg=0.0, wall=4.0)
    scene.add(Sphere(0.15), Rigid("rubber"), name="ball", position=(-0.2, 0.9, -2.4))
    position = np.array([-0.2, 0.9, -2.4]) + np.arange(6)[:, None] * (0.1, 0.0, 0.0)
    ball = BodyTrack(1, 24.0, position, np.tile((0.0, 0, 0, 1), (6, 1)), np.zeros((6, 3)), np.zeros((6, 3)))
    track = trajectory(scene, {"ball": ball}, frames=4)
    shade, x = SmokeShade(track, wp.get_device("cpu")), centres()
    for time in (0.0, 2 / track.fps, 4 / track.fps):
        dark = 1 - shade.at(time, light_from((0, 1, 0)), ORIGIN, SIDE, (COUNT,) * 3).numpy()[:, :12]
        middle = (dark[..., None] * x[:, :12]).sum(axis=(0, 1, 2)) / dark.sum()
        assert middle[[0, 2]] == pytest.approx([track["ball"].at(time)[0][0], -2.4], abs=0.2 * SIDE)
        area = dark[:, 3].sum() * SIDE**2
        assert area == pytest.approx(np.pi * 0.15**2, rel=0.05)


def test_without_solid_things_all_light_arrives():
    np.testing.assert_array_equal(share(photo_scene((60, 80), (), pitch_deg=0.0, wall=4.0), light_from((0, 1, 0))), 1.0)
