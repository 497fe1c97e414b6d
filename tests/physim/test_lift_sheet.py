import numpy as np
import pytest

from physim.camera import Camera
from physim.lift_sheet import RIM, border, lift_sheet, sheet_cutout
from physim.segment import polygon_coverage
from physim.shapes import Triangles
from physim.shot import Thing
from physim.zbuffer import depth_of, placed

SIZE = (120, 160)
OUTLINE = np.array([[0, 0], [60, 0], [80, 70], [40, 119.5], [0, 119.5]])


def cloth(**lift):
    pin = [{"region": {"box": [-40, -40, -2, 200]}}, {"where": "top"}]
    spec = {"name": "flag", "select": {"polygon": OUTLINE.tolist()}, "cloth": {"cells": 24, "pin": pin}}
    return Thing(**spec, lift={"kind": "sheet", **lift})


@pytest.fixture
def camera():
    return Camera.looking(SIZE, fov_deg=40, pitch_deg=5, height=1.5)


@pytest.fixture
def mask():
    return polygon_coverage(OUTLINE, SIZE) > 0.5


def world(lifted):
    flat = Triangles(np.pad(lifted.pattern.rest, ((0, 0), (0, 1))), lifted.pattern.faces)
    return placed(flat, lifted.position, lifted.orientation)


def test_the_sheet_covers_its_mask_and_little_more(camera, mask):
    lifted = lift_sheet(mask, camera, cloth(depth=2.0), support=0.0)
    seen = np.isfinite(depth_of(world(lifted), camera))
    assert seen[mask].all()
    edge = 1.1 * RIM + 160 / 24  # its rim, and a triangle that only touches it
    from scipy.ndimage import distance_transform_edt

    assert distance_transform_edt(~mask)[seen].max() < 2 * edge


def test_the_sheet_is_upright_faces_the_camera_and_stands_at_its_depth(camera, mask):
    lifted = lift_sheet(mask, camera, cloth(depth=2.0), support=0.0)
    vertices = world(lifted).vertices
    assert np.ptp(vertices[:, 2]) < 1e-9, "the camera looks along -z: an upright sheet has one z"
    v, u = np.nonzero(mask)
    middle = depth_of(world(lifted), camera)[int(v.mean()), int(u.mean())]
    assert middle == pytest.approx(2.0, rel=2e-3)
    a, b, c = (vertices[lifted.pattern.faces[:, k]] for k in range(3))
    assert (np.cross(b - a, c - a)[:, 2] > 0).all(), "the front is seen"


def test_no_triangle_is_thin_and_the_fabric_is_unstretched(camera, mask):
    pattern = lift_sheet(mask, camera, cloth(depth=2.0), support=0.0).pattern
    sides = np.linalg.norm(pattern.rest[pattern.faces] - np.roll(pattern.rest[pattern.faces], 1, axis=1), axis=-1)
    np.testing.assert_allclose(sides, sides[0, 0], rtol=1e-9)


def test_pins_hold_what_lies_in_their_region_or_along_their_edge(camera, mask):
    lifted = lift_sheet(mask, camera, cloth(depth=2.0), support=0.0)
    pixels = camera.project(world(lifted).vertices)[0]
    region, top = (np.asarray(pin.where) for pin in lifted.pins)
    inside = (pixels[:, 0] <= -2) & (pixels[:, 0] >= -40) & (pixels[:, 1] >= -40) & (pixels[:, 1] <= 200)
    np.testing.assert_array_equal(np.sort(region), np.flatnonzero(inside))
    assert len(region) > 5, "the sheet goes on beyond the border of the photo"
    rest = lifted.pattern.rest
    assert rest[top, 1].min() > rest[:, 1].max() - 1.01 * np.ptp(rest[:, 1]) / 15 and len(top) > 3


def test_a_pin_that_holds_nothing_is_refused(camera, mask):
    thing = Thing(
        name="flag", select={"polygon": OUTLINE.tolist()}, lift={"kind": "sheet", "depth": 2.0},
        cloth={"pin": [{"region": {"box": [140, 0, 150, 10]}}]},
    )  # fmt: skip
    with pytest.raises(ValueError, match="a pin of flag holds no part of it"):
        lift_sheet(mask, camera, thing, support=0.0)


def test_a_sheet_seen_from_above_lies_on_its_support(mask):
    steep = Camera.looking(SIZE, fov_deg=40, pitch_deg=70, height=1.0)
    lifted = lift_sheet(mask, steep, cloth(), support=0.1)
    np.testing.assert_allclose(world(lifted).vertices[:, 1], 0.1, atol=1e-9)


def test_the_cutout_goes_on_mirrored_beyond_the_border_and_under_what_hides_it(mask):
    v, u = np.mgrid[:120, :160]
    photo = np.full((120, 160, 3), 0.2, np.float32)
    stripes = np.stack([0.3 + 0.5 * ((v // 12) % 2), 0.1 + 0 * u, 0.6 + 0 * u], axis=-1).astype(np.float32)
    photo[mask] = stripes[mask]
    hidden = np.zeros(SIZE, bool)
    hidden[:, 40:90] = v[:, 40:90] > 60
    photo[hidden] = (1.0, 0.4, 0.0)
    plate = np.full_like(photo, 0.2)
    cutout = sheet_cutout(photo, mask, hidden, plate)
    pad, (left, top) = border(SIZE), cutout.corner
    assert (left, top) == (-pad, -pad)
    colour, alpha = cutout.colour, cutout.alpha
    inner = (slice(10 + pad, 100 + pad), slice(5 + pad, 30 + pad))
    np.testing.assert_allclose(colour[inner], stripes[10:100, 5:30], atol=0.01)
    np.testing.assert_allclose(colour[10 + pad : 100 + pad, :pad], stripes[10:100, :pad][:, ::-1], atol=0.01)
    assert alpha[10 + pad : 100 + pad, : 30 + pad].min() > 0.99
    under = colour[80 + pad : 100 + pad, 45 + pad : 55 + pad]
    assert np.abs(under - (1.0, 0.4, 0.0)).max(axis=-1).min() > 0.2, "nothing of what stood before it is left"
    assert alpha[30 + pad, 85 + pad :].max() < 0.01
