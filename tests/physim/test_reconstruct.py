"""Photo + shot to scene, on the real photos the package can reach and on mistakes a user makes."""

from pathlib import Path

import numpy as np
import pytest

from physim.reconstruct import reconstruct
from physim.shapes import Box, Emitter, Mesh, Plane
from physim.shot import Shot
from physim.zbuffer import placed

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
pytest.importorskip("skimage", reason="the photos of the examples come with scikit-image")


@pytest.fixture(scope="module")
def coffee():
    return reconstruct(EXAMPLES / "coffee.yaml")


def test_coffee_has_ground_cup_saucer_sugar_and_steam(coffee):
    kinds = {entity.name: type(entity.shape) for entity in coffee}
    assert kinds == {"ground": Plane, "saucer": Mesh, "cup": Mesh, "sugar": Box, "steam": Emitter}
    assert coffee.light.source == "user"
    assert coffee.wind_at(0.0)[0] > 0


def test_the_sugar_hangs_above_the_saucer_by_the_asked_gap(coffee):
    sugar = coffee["sugar"]
    corners = placed(sugar.shape.triangles, sugar.position, sugar.orientation).vertices
    # the dish lies 12 mm above the table; the cube's footprint may touch the slope, at most 3 mm higher
    assert 0.012 + 0.11 - 1e-3 <= corners[:, 1].min() <= 0.015 + 0.11


def test_steam_rises_from_the_coffee_inside_the_cup(coffee):
    source = np.array(coffee["steam"].shape.centre)
    cup = np.array(coffee["cup"].position)
    assert np.hypot(*(source - cup)[[0, 2]]) < 0.02
    assert 0.040 < source[1] < 0.070


def test_nothing_is_removed_so_the_plate_is_the_photo(coffee):
    backdrop = coffee.backdrop
    assert np.array_equal(backdrop.plate, backdrop.photo)
    assert not backdrop.hole.any()


def test_depth_agrees_with_the_table_and_the_cup(coffee):
    backdrop, camera = coffee.backdrop, coffee.camera.start
    rows, cols = backdrop.depth.shape
    table = camera.resized((rows, cols)).unproject(np.array([560.5, 300.5]), float(backdrop.depth[300, 560]))
    assert abs(table[1]) < 1e-3
    rim = camera.resized((rows, cols)).unproject(np.array([290.5, 206.5]), float(backdrop.depth[206, 290]))
    assert rim[1] == pytest.approx(0.070, abs=0.012)


def test_ids_name_the_photo_things(coffee):
    ids = coffee.backdrop.ids
    assert ids[112, 290] == coffee.number_of("cup")
    assert ids[250, 110] == coffee.number_of("saucer")
    assert ids[350, 560] == 0


def shot(**changes):
    plain = dict(photo="skimage:coffee.png", hints={"camera": {"fov": 30, "pitch": 56.5, "height": 0.312}})
    return Shot(**(plain | changes))


def test_a_thing_outside_the_photo_is_named():
    things = [{"name": "ghost", "select": {"box": [900, 10, 950, 60]}, "static": {}}]
    with pytest.raises(ValueError, match="ghost"):
        reconstruct(shot(things=things))


def test_a_thing_that_stands_in_the_sky_is_named():
    hints = {"camera": {"fov": 60, "pitch": -40, "height": 1.5}}
    things = [{"name": "balloon", "select": {"box": [200, 50, 300, 150]}, "rigid": {"material": "rubber"}}]
    with pytest.raises(ValueError, match="balloon"):
        reconstruct(shot(hints=hints, things=things))


def test_an_impulse_on_something_that_cannot_move_is_named():
    forces = [{"impulse": {"on": "table", "newton_seconds": [1, 0, 0]}}]
    with pytest.raises(ValueError, match="table"):
        reconstruct(shot(forces=forces))


def test_matter_without_a_solver_is_refused_honestly():
    things = [{"name": "flag", "select": {"box": [10, 10, 60, 60]}, "cloth": {}}]
    with pytest.raises(NotImplementedError, match="flag"):
        reconstruct(shot(things=things))
