"""Liquids that the photo shows in a cup: their level, what they fill, and what is left of the cup without them."""

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("skimage", reason="the photo comes with scikit-image")

from physim.camera import Camera
from physim.reconstruct import reconstruct
from physim.segment import polygon_coverage
from physim.shapes import Mesh, Triangles
from physim.shot import Shot
from physim.view import camera_from
from physim.zbuffer import depth_of, placed

SIZE = (400, 600)
HINT = {"fov": 30, "pitch": 56.5, "height": 0.312}
AT = np.array([0.0, 0.0, -0.2])
CUP = [[0.02, 0.0], [0.03, 0.0], [0.034, 0.06], [0.031, 0.06], [0.027, 0.02], [0.0, 0.012]]
"""A tumbler with a conic inside."""
LEVEL = 0.042


def inside_radius(y):
    return 0.027 + (y - 0.02) / 0.04 * 0.004


def photo_of_a_cup(folder):
    """Masks of the tumbler and of the liquid in it, as a camera sees them, and a photo with two flat colours."""
    camera, _ = camera_from(Shot(photo="skimage:coffee.png", hints={"camera": HINT}).hints.camera, SIZE)
    assert isinstance(camera, Camera)
    cup = placed(Mesh.revolved(np.array([[0.0, 0.0], *CUP])).triangles, AT)
    angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    rim = np.column_stack([np.cos(angle), 0 * angle, np.sin(angle)]) * inside_radius(LEVEL)
    disc = np.concatenate([rim, np.zeros((1, 3))]) + AT + [0, LEVEL, 0]
    k = np.arange(96)
    flat = Triangles(disc, np.stack([k, (k + 1) % 96, np.full(96, 96)], axis=1))
    solid, liquid = depth_of(cup, camera), depth_of(flat, camera)
    wet = liquid < solid
    photo = np.full((*SIZE, 3), 90, np.uint8)
    photo[np.isfinite(solid)], photo[wet] = 230, (120, 60, 20)
    Image.fromarray(photo).save(folder / "photo.png")
    Image.fromarray((255 * (np.isfinite(solid) | wet)).astype(np.uint8)).save(folder / "cup.png")
    Image.fromarray((255 * wet).astype(np.uint8)).save(folder / "tea.png")
    return wet


def shot_of(folder, cup, liquid=None):
    things = [
        {"name": "cup", "select": {"mask": folder / "cup.png"}, **cup},
        {"name": "tea", "select": {"mask": folder / "tea.png"}, "inside": "cup", "liquid": liquid or {}},
    ]
    return Shot(photo=folder / "photo.png", hints={"camera": HINT}, things=things)


REVOLVE = {"kind": "revolve", "profile": CUP[:-1] + [[0.001, 0.012]]}


def test_the_level_is_that_of_the_outline_even_where_the_rim_hides_a_part(tmp_path):
    photo_of_a_cup(tmp_path)
    scene = reconstruct(shot_of(tmp_path, {"static": {}, "lift": REVOLVE}))
    tea = scene["tea"]
    top = tea.position[1] + tea.shape.triangles.vertices[:, 1].max()
    assert top == pytest.approx(LEVEL, abs=1e-3)  # a pixel is 0.3 mm
    assert np.allclose(np.array(tea.position)[[0, 2]], AT[[0, 2]], atol=1e-3)
    cone = np.pi / 3 * (top - 0.02) * (0.027**2 + 0.027 * inside_radius(top) + inside_radius(top) ** 2)
    assert tea.shape.volume == pytest.approx(cone + np.pi / 3 * 0.008 * 0.027**2, rel=0.02)
    assert tea.inside == "cup"


def test_a_level_that_is_given_is_taken(tmp_path):
    photo_of_a_cup(tmp_path)
    scene = reconstruct(shot_of(tmp_path, {"static": {}, "lift": REVOLVE}, {"level": 0.04}))
    tea = scene["tea"]
    assert tea.position[1] + tea.shape.triangles.vertices[:, 1].max() == pytest.approx(0.04, abs=1e-9)


def test_a_solid_without_a_hollow_becomes_a_bowl_that_holds_it(tmp_path):
    photo_of_a_cup(tmp_path)
    scene = reconstruct(shot_of(tmp_path, {"kinematic": {}, "lift": {"kind": "cylinder", "height": 0.06}}))
    cup, tea = scene["cup"], scene["tea"]
    assert isinstance(cup.shape, Mesh)
    low, high = (f(cup.shape.triangles.vertices + cup.position, axis=0) for f in (np.min, np.max))
    assert low[1] == pytest.approx(0.0, abs=2e-3) and high[1] == pytest.approx(0.06, abs=2e-3)
    inner_low, inner_high = (f(tea.shape.triangles.vertices + tea.position, axis=0) for f in (np.min, np.max))
    assert (inner_low > low).all() and (inner_high < high).all()
    assert "bowl" in scene.backdrop.report["tea.liquid"]


def test_the_liquid_keeps_its_pixels_and_a_cup_that_moves_is_empty_beneath(tmp_path):
    wet = photo_of_a_cup(tmp_path)
    scene = reconstruct(shot_of(tmp_path, {"kinematic": {}, "lift": REVOLVE}))
    tea, cup = scene["tea"].cutout, scene["cup"].cutout
    (u, v), (h, w) = tea.corner, tea.alpha.shape
    alpha = np.zeros(SIZE, bool)
    alpha[v : v + h, u : u + w] = tea.alpha > 0.5
    assert (alpha == wet).all()
    assert np.array_equal(tea.colour, scene.backdrop.photo[v : v + h, u : u + w])
    (u, v), (h, w) = cup.corner, cup.alpha.shape
    under = cup.colour[wet[v : v + h, u : u + w]]
    assert np.abs(under - 230 / 255).max() < 0.02  # china, no tea


def test_a_cup_that_stands_still_is_empty_on_the_plate(tmp_path):
    wet = photo_of_a_cup(tmp_path)
    scene = reconstruct(shot_of(tmp_path, {"static": {}, "lift": REVOLVE}))
    assert np.abs(scene.backdrop.plate[wet] - 230 / 255).max() < 0.02


def test_an_outline_outside_of_the_cup_is_refused(tmp_path):
    photo_of_a_cup(tmp_path)
    aside = polygon_coverage(np.array([[20, 20], [60, 20], [60, 60], [20, 60]]), SIZE)
    Image.fromarray((255 * aside).astype(np.uint8)).save(tmp_path / "tea.png")
    with pytest.raises(ValueError, match=r"tea is seen beside 'cup'"):
        reconstruct(shot_of(tmp_path, {"static": {}, "lift": REVOLVE}))
