"""Coverage masks against areas in closed form, and the errors a user meets."""

import numpy as np
import pytest
from PIL import Image

from physim.segment import coverage, ellipse_coverage, ellipse_points, mask_of, polygon_coverage
from physim.shot import Select

SIZE = (120, 160)


def test_area_of_a_polygon_is_its_shoelace_area():
    corners = np.array([[20.3, 10.7], [140.2, 30.1], [90.5, 110.4], [33.3, 80.0]])
    u, v = corners.T
    area = 0.5 * abs(np.sum(u * np.roll(v, -1) - np.roll(u, -1) * v))
    # Pillow paints a sample line too wide on two sides: an eighth of a pixel along the outline
    assert polygon_coverage(corners, SIZE).sum() == pytest.approx(area, rel=0.01)


def test_area_of_an_ellipse_is_pi_a_b_at_any_angle():
    for degrees in (0, 30, 77):
        covered = ellipse_coverage((80.2, 61.3, 40.0, 21.0, degrees), SIZE)
        assert covered.sum() == pytest.approx(np.pi * 40 * 21, rel=2e-3)


def test_ellipse_points_lie_on_the_edge_of_its_coverage():
    ellipse = (80.2, 61.3, 40.0, 21.0, 30.0)
    polygon = polygon_coverage(ellipse_points(ellipse), SIZE)
    assert np.abs(polygon - ellipse_coverage(ellipse, SIZE)).mean() < 2e-3


def test_blur_keeps_the_area_and_softens_the_edge():
    sharp = ellipse_coverage((80, 60, 30, 30, 0), SIZE)
    soft = ellipse_coverage((80, 60, 30, 30, 0), SIZE, blur=2.0)
    assert soft.sum() == pytest.approx(sharp.sum(), rel=5e-3)
    assert ((soft > 0.1) & (soft < 0.9)).sum() > 2 * ((sharp > 0.1) & (sharp < 0.9)).sum()


def test_a_box_selects_its_pixels():
    assert mask_of(Select(box=(10, 20, 30, 25)), SIZE).sum() == 20 * 5


def test_a_mask_file_keeps_its_grey_levels(tmp_path):
    values = np.zeros(SIZE, dtype=np.uint8)
    values[10:20, 30:50], values[20, 30:50] = 255, 128
    Image.fromarray(values).save(tmp_path / "m.png")
    covered = coverage(Select(mask=tmp_path / "m.png"), SIZE)
    assert covered[15, 40] == 1.0
    assert covered[20, 40] == pytest.approx(128 / 255)


def test_one_id_of_a_file_of_ids_is_selected(tmp_path):
    values = np.zeros(SIZE, dtype=np.uint8)
    values[:10], values[50:60] = 3, 7
    Image.fromarray(values).save(tmp_path / "ids.png")
    assert mask_of(Select(ids=tmp_path / "ids.png", id=7), SIZE).sum() == 10 * SIZE[1]
    with pytest.raises(ValueError, match="cup: id 5 is not in"):
        mask_of(Select(ids=tmp_path / "ids.png", id=5), SIZE, name="cup")


def test_a_mask_of_another_size_is_refused_by_name(tmp_path):
    Image.new("L", (10, 10), 255).save(tmp_path / "small.png")
    with pytest.raises(ValueError, match=r"cup.*10 x 10.*160 x 120"):
        mask_of(Select(mask=tmp_path / "small.png"), SIZE, name="cup")


def test_an_empty_selection_is_refused_by_name(tmp_path):
    Image.new("L", SIZE[::-1], 0).save(tmp_path / "black.png")
    for select in (Select(mask=tmp_path / "black.png"), Select(ellipse=(500, 500, 5, 5, 0))):
        with pytest.raises(ValueError, match="cup selects no pixel"):
            mask_of(select, SIZE, name="cup")
