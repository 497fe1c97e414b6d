"""Masks as segmenters write them: every way of writing the same two things selects the same pixels."""

import json

import numpy as np
import pytest
from PIL import Image

from physim.mask_file import mask_size, read_ids, read_mask, unpacked

SIZE = (64, 96)
_V, _U = np.mgrid[: SIZE[0], : SIZE[1]]
BOX = (_V > 28) & (_V < 48) & (_U > 15) & (_U < 35)
BALL = (_V - 42) ** 2 + (_U - 65) ** 2 < 81
PACKED = "Vc39f12N2N2N2O0000000000000001N2N2N2NkZ1"  # BALL, by pycocotools 2.0.11
RUNS = [16 * 64 + 29] + 18 * [19, 45] + [19, 61 * 64 + 16]  # BOX, counted by hand


def write(folder, name: str, value) -> str:
    path = folder / name
    if name.endswith(".json"):
        path.write_text(json.dumps(value))
    elif name.endswith(".npy"):
        np.save(path, value)
    else:
        value.save(path)
    return str(path)


def palette(ids: np.ndarray) -> Image.Image:
    """As SAM 2 and DAVIS write it."""
    image = Image.new("P", ids.shape[::-1])
    image.putdata(ids.astype(np.uint8).ravel().tolist())
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    return image


def grey(values: np.ndarray, dtype) -> Image.Image:
    return Image.fromarray(values.astype(dtype))


def rgba(mask: np.ndarray) -> Image.Image:
    """White on black, opaque: what painting programs export."""
    levels = (255 * mask).astype(np.uint8)
    return Image.fromarray(np.stack([levels, levels, levels, np.full_like(levels, 255)], axis=-1))


def sam(mask: np.ndarray, counts) -> dict:
    """An entry of SAM's list of masks."""
    return {"segmentation": {"size": list(SIZE), "counts": counts}, "area": int(mask.sum()), "predicted_iou": 0.98}


@pytest.mark.parametrize(
    "name, value",
    [
        ("m.png", grey(255 * BALL, np.uint8)),
        ("ones.png", grey(BALL, np.uint8)),
        ("deep.png", grey(65535 * BALL, np.uint16)),
        ("bits.png", Image.fromarray(BALL)),
        ("palette.png", palette(BALL)),
        ("opaque.png", rgba(BALL)),
        ("m.npy", BALL),
        ("logits.npy", np.where(BALL, 9.0, -9.0)[None]),
        ("m.json", {"size": list(SIZE), "counts": PACKED}),
        ("sam.json", [sam(BALL, PACKED)]),
        ("sa1b.json", {"image": {"width": 96, "height": 64}, "annotations": [sam(BALL, PACKED)]}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_thing_in_any_form_selects_its_pixels(tmp_path, name, value):
    path = write(tmp_path, name, value)
    np.testing.assert_array_equal(read_mask(path, SIZE, "ball"), BALL.astype(np.float32))
    assert mask_size(path) == SIZE


@pytest.mark.parametrize(
    "name, value, number",
    [
        ("ids.png", palette(BOX + 2 * BALL), 1),
        ("grey.png", grey(300 * BOX + 700 * BALL, np.uint16), 300),
        ("ids.npy", 5 * BOX + 7 * BALL, 5),
        ("stack.npy", np.stack([BOX, BALL]), 1),
        ("sam.json", [sam(BOX, RUNS), sam(BALL, PACKED)], 1),
        ("coco.json", {"annotations": [sam(BALL, PACKED) | {"id": 4}, sam(BOX, RUNS) | {"id": 9}]}, 9),
        ("objects.json", {"2": sam(BALL, PACKED), "3": {"size": list(SIZE), "counts": RUNS}}, 3),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_of_several_things_is_selected_by_its_number(tmp_path, name, value, number):
    path = write(tmp_path, name, value)
    np.testing.assert_array_equal(read_ids(path, number, SIZE, "box"), BOX.astype(np.float32))
    with pytest.raises(ValueError, match="id 55 is not in"):
        read_ids(path, 55, SIZE, "box")
    if name in ("ids.png", "stack.npy", "sam.json"):
        with pytest.raises(ValueError, match="say which: `ids`"):
            read_mask(path, SIZE, "box")


def test_packed_run_lengths_are_those_of_cocos_own_tools():
    mask = np.zeros((300, 400), bool)
    mask[5:290, 3:9], mask[100:102, 380:388], mask[0, 0] = True, True, True
    # by pycocotools 2.0.11: long runs, falls of 1000 and more, a first pixel that is set
    counts = unpacked(r"01Xl0l8WTO000000000Si\3UGh_cL0000000000000\]3")
    flat = np.repeat(np.arange(len(counts)) % 2, counts)
    np.testing.assert_array_equal(flat.reshape(400, 300).T, mask)


def test_grey_levels_of_an_edge_are_kept(tmp_path):
    soft = np.linspace(0, 255, SIZE[0] * SIZE[1]).reshape(SIZE).astype(np.uint8)
    np.testing.assert_allclose(read_mask(write(tmp_path, "m.png", grey(soft, np.uint8)), SIZE, "x"), soft / 255)


def test_a_polygon_of_coco_covers_its_area(tmp_path):
    entry = {"segmentation": [[15.5, 20, 35, 20, 35, 40.25, 15.5, 40.25]], "height": SIZE[0], "width": SIZE[1]}
    assert read_mask(write(tmp_path, "p.json", [entry]), SIZE, "box").sum() == pytest.approx(19.5 * 20.25, rel=0.01)


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("short.json", {"size": list(SIZE), "counts": [5, 6]}, "do not add up to 96 x 64"),
        ("broken.json", {"size": list(SIZE), "counts": "Vc39f1~"}, "no tool writes"),
        ("midst.json", {"size": list(SIZE), "counts": "Vc39f1V"}, "in the midst"),
        ("other.json", {"size": [96, 64], "counts": PACKED}, "64 x 96 pixels, expected the photo's 96 x 64"),
        ("none.json", {"cup": 1}, "holds no mask"),
        ("nan.npy", np.full(SIZE, np.nan), "not finite"),
        ("colour.npy", np.zeros((2, 2, 2, 2)), "shape"),
        ("float.tif", Image.fromarray(np.full(SIZE, 7.5, np.float32)), "not from 0 to 1"),
    ],
)
def test_what_is_no_mask_is_refused_in_words(tmp_path, name, value, message):
    with pytest.raises(ValueError, match=message):
        read_mask(write(tmp_path, name, value), SIZE, "thing")


def test_half_a_mask_is_refused(tmp_path):
    path = write(tmp_path, "m.png", grey(np.random.default_rng(0).integers(0, 255, SIZE), np.uint8))
    whole = (tmp_path / "m.png").read_bytes()
    (tmp_path / "m.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="damaged or cut off"):
        read_mask(path, SIZE, "thing")
