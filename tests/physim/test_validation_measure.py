"""What validation reads off tracks and meshes, against functions whose answer is known."""

import numpy as np
import pytest

from physim.validation import measure
from physim.validation.cloth_modes import critical_load
from physim.validation.cloth_touch import _around, _disk, _folds, _shadow
from physim.validation.parts import Incline, box_of_inertia, round_body
from physim.validation.strips import Strip


def test_crossings_between_samples_are_those_of_the_sine():
    t = np.arange(0, 3, 1 / 60)
    x, rate = np.sin(2 * np.pi * 1.7 * t + 0.3), 2 * np.pi * 1.7 * np.cos(2 * np.pi * 1.7 * t + 0.3)
    assert measure.period(t, x, rate) == pytest.approx(1 / 1.7, rel=1e-6)  # cubic Hermite: fourth order
    assert measure.period(t, x) == pytest.approx(1 / 1.7, rel=1e-5)
    assert measure.period(t, np.ones_like(t)) is None


def test_acceleration_and_tipping_point():
    t = np.linspace(5, 6, 50)
    assert measure.acceleration(t, 3 + 2 * t + 0.35 * t**2) == pytest.approx(0.7, rel=1e-9)
    assert measure.tipping_point(lambda x: x > 2.7, 0.0, 5.0, 1e-3) == pytest.approx(2.7, abs=1e-3)
    assert measure.tipping_point(lambda x: x > 7.0, 0.0, 5.0, 1e-3) is None


@pytest.mark.parametrize("inertia", [(1.0, 2.0, 3.0), (0.4, 0.9, 1.1), (0.001, 0.001, 0.001)])
def test_box_has_the_inertia_it_was_made_for(inertia):
    box = box_of_inertia(inertia, 2.5)
    assert 2.5 / box.volume * np.diag(box.inertia_per_density) == pytest.approx(inertia, rel=1e-8)


@pytest.mark.parametrize(
    ("kind", "k"), [("solid_sphere", 0.4), ("hollow_sphere_thin", 2 / 3), ("hoop_thin_tube", 1.0), ("cylinder", 0.3)]
)
def test_round_body_has_the_moment_it_was_made_for(kind, k):
    shape = round_body(kind, 0.07, k)
    assert shape.bounding_radius >= 0.07
    moment = (shape.inertia_per_density / shape.volume)[1, 1]
    assert moment / 0.07**2 == pytest.approx(k, rel=1e-9)


@pytest.mark.parametrize("heading", [0.0, 45.0, 130.0])
def test_incline_points_downhill_as_steeply_as_asked(heading):
    plane = Incline(25.0, 9.81, 0.5, heading)
    axes = np.stack([plane.downhill, plane.normal, plane.across])
    assert axes @ axes.T == pytest.approx(np.eye(3), abs=1e-12)
    assert np.degrees(np.arcsin(-plane.downhill[1])) == pytest.approx(25.0)
    assert np.degrees(np.arctan2(-plane.downhill[2], plane.downhill[0])) == pytest.approx(heading)


@pytest.mark.parametrize("irregular", [False, True])
def test_strip_reads_a_bent_shape_between_its_vertices(irregular):
    strip = Strip(0.3, 0.06, (30, 6), irregular)
    a, b, c = (strip.rest[strip.faces[:, k]] for k in range(3))
    area = 0.5 * ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])
    assert area.min() > 0 and area.sum() == pytest.approx(0.3 * 0.06)
    s, t = strip.rest.T
    x = np.stack([np.sin(3 * s), s**2 + 0.2 * t, t], axis=1)
    for at in (0.0, 0.117, 0.3):
        assert strip.along(x, at) == pytest.approx([np.sin(3 * at), at**2, 0.0], abs=2e-5)
    assert len(strip.end(0.3)) == 7


def test_critical_load_is_where_the_frequency_vanishes():
    loads = np.array([2.0, 4.5, 6.0])
    assert critical_load(loads, 3.0 * (1 - loads / 7.8) * (1 + 0.02 * loads), 1) == pytest.approx(7.8, rel=1e-6)
    assert critical_load(loads, 3.0 * (1 - (loads / 16) ** 2), 2) == pytest.approx(16.0, rel=1e-6)
    assert critical_load(loads, 3.0 + loads, 1) is None


def test_strip_around_a_cylinder_keeps_its_length_and_its_distance():
    strip = Strip(0.1 * np.pi + 0.1, 0.02, (80, 2))
    x, tangents = _around(strip, 0.1, np.pi, 0.05)
    line = strip.profile(x, 400)
    assert np.linalg.norm(np.diff(line, axis=0), axis=1).sum() == pytest.approx(strip.length, rel=1e-3)
    assert np.hypot(line[:, 0], line[:, 1]).min() > 0.0995
    assert tangents == pytest.approx(np.array([[0, -1, 0], [0, -1, 0]]), abs=1e-12)
    assert line[0, 1] == pytest.approx(-0.05, abs=1e-6)


def test_shadow_of_a_flat_disk_is_its_area_and_folds_are_counted():
    rest, faces = _disk(0.15, 16)
    x = np.stack([rest[:, 0], 0 * rest[:, 0], -rest[:, 1]], axis=1)
    polygon = 0.5 * 96 * np.sin(2 * np.pi / 96) * 0.15**2
    assert _shadow(x, faces, 0.09, 5e-4) == pytest.approx(polygon, rel=2e-3)
    angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    radius = 0.12 + 0.01 * np.cos(6 * angle)
    assert _folds(np.stack([radius * np.cos(angle), 0 * angle, radius * np.sin(angle)], axis=1)) == 6
