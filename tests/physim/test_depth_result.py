"""The type that every source of depth returns, and how a source is asked."""

import functools

import numpy as np
import pytest

from physim.depth_result import DepthResult, ask, check_aspect

PHOTO = np.zeros((90, 120, 3), dtype=np.float32)


def test_what_is_unknown_is_never_valid():
    depth = np.array([[1.0, np.nan], [np.inf, 0.0]])
    result = DepthResult(depth, valid=np.ones((2, 2), dtype=bool))
    assert result.valid.tolist() == [[True, False], [False, False]]
    assert result.confidence.tolist() == [[pytest.approx(0.8), 0.0], [0.0, 0.0]]


def test_relative_depth_may_be_zero_or_negative():
    assert DepthResult(np.array([[0.0, -2.0]]), kind="affine_inverse").valid.all()


def test_normals_become_unit_vectors_and_unknown_ones_zero():
    normals = np.zeros((2, 2, 3))
    normals[0] = (0, 0.6, -0.81)
    result = DepthResult(np.ones((2, 2)), normals=normals)
    assert np.allclose(np.linalg.norm(result.normals[0], axis=-1), 1)
    assert (result.normals[1] == 0).all()


def test_the_field_of_view_follows_from_the_lens():
    lens = np.array([[60.0, 0, 60], [0, 60.0, 45], [0, 0, 1]])
    assert DepthResult(np.ones((90, 120)), intrinsics=lens).fov_deg == pytest.approx(90)
    assert DepthResult(np.ones((90, 120))).fov_deg is None


UP = np.broadcast_to(np.array([0.0, 0.0, 1.0]), (2, 2, 3))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"depth": np.ones((2, 2, 1))}, "shape"),
        ({"depth": np.ones((0, 2))}, "at least one pixel"),
        ({"depth": np.full((2, 2), np.nan)}, "no valid pixel"),
        ({"depth": np.ones((2, 2)), "valid": np.ones((2, 3), dtype=bool)}, "valid has shape"),
        ({"depth": np.ones((2, 2)), "confidence": np.full((2, 2), 1.5)}, "0 to 1"),
        ({"depth": np.ones((2, 2)), "confidence": np.full((2, 2), np.nan)}, "0 to 1"),
        ({"depth": np.ones((2, 2)), "kind": "relative"}, "expected one of"),
        ({"depth": np.ones((2, 2)), "normals": 3 * UP}, "unit vectors"),
        ({"depth": np.ones((2, 2)), "normals": UP}, "away from the camera"),
        ({"depth": np.ones((2, 2)), "normals": UP[..., :2]}, "normals has shape"),
        ({"depth": np.ones((2, 2)), "intrinsics": np.eye(4)}, "intrinsics has shape"),
        ({"depth": np.ones((2, 2)), "intrinsics": np.diag([1.0, -1.0, 1.0])}, "f > 0"),
    ],
)
def test_what_cannot_be_is_named(arguments, word):
    with pytest.raises(ValueError, match=word):
        DepthResult(**arguments)


def test_depth_must_be_real_numbers():
    with pytest.raises(TypeError, match="complex"):
        DepthResult(np.ones((2, 2), dtype=complex))


def test_only_a_backend_that_asks_for_it_is_told_the_focal_length():
    told = []

    def plain(image):
        return DepthResult(np.ones(image.shape[:2]))

    def knowing(image, *, focal):
        told.append(focal)
        return DepthResult(np.ones(image.shape[:2]))

    assert ask(plain, PHOTO, 100.0).size == (90, 120)
    ask(knowing, PHOTO, 100.0)
    ask(functools.partial(knowing), PHOTO, None)
    assert told == [100.0, None]


def test_a_bare_array_is_refused_with_what_to_do():
    with pytest.raises(TypeError, match="DepthResult\\(depth"):
        ask(lambda image: np.ones(image.shape[:2]), PHOTO)


def test_depth_may_be_coarser_but_not_of_another_aspect():
    for size in [(518, 686), (45, 60), (9, 12), (1080, 1440)]:
        check_aspect(DepthResult(np.ones(size)), (90, 120), "test")
    with pytest.raises(ValueError, match="turned by 90"):
        check_aspect(DepthResult(np.ones((120, 90))), (90, 120), "test")
    with pytest.raises(ValueError, match="another aspect"):
        check_aspect(DepthResult(np.ones((90, 90))), (90, 120), "test")
