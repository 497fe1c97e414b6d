"""The benchmark of the bundled model: its numbers are what they are called, and its opponents are fair."""

import numpy as np
import pytest
from toy_conditions import write_shard

from benchmarks.bundled_model import ABLATIONS, blinded, measured, noise_layer, with_noise
from benchmarks.model_scores import REGIONS, Table, frechet, moments, regions, score, ssim_map, textures
from benchmarks.model_value import change_along_motion
from benchmarks.model_value import frechet as frechet_of_sets
from i2v.maps import EDGES_TOO, gate
from i2v.training.calibrate import whole
from i2v.training.data import load_clips


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    write_shard(folder / "a.npz", clips=2)
    return load_clips(folder)


def test_regions_are_disjoint_and_cover_the_picture(clips):
    masks = regions(whole(clips[0])[0])
    assert tuple(sorted(masks)) == tuple(sorted(REGIONS))
    assert np.array_equal(sum(mask.astype(int) for mask in masks.values()), np.ones(masks["rest"].shape))
    assert all(masks[name].any() for name in ("hole", "smoke", "edge", "rest"))


def test_moments_give_the_distance_of_the_sets_themselves():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((500, 64)), 1.3 * rng.standard_normal((700, 64)) + 0.1
    assert frechet(moments(a), moments(b)) == pytest.approx(1000 * frechet_of_sets(a, b), rel=1e-9)
    # Sums of parts are sums of the whole.
    assert np.allclose(moments(a[:200]) + moments(a[200:]), moments(a))


def test_scores_of_a_known_error(clips):
    signals, truth = whole(clips[0])
    masks = regions(signals)
    along = change_along_motion(truth, signals)
    table = Table([[score(truth + 0.1, truth, signals, masks)]], [textures(truth, along, masks)])
    for region in ("all", "hole", "rest"):
        assert table.value("psnr", region) == pytest.approx(20, abs=1e-3)
        # A constant error does not change along the motion, and is no texture.
        assert table.value("motion", region) == pytest.approx(0, abs=1e-3)
    assert table.value("frames", "smoke") == pytest.approx(0, abs=1e-3)
    same = table.gain(table, "psnr", "all", draws=3)
    assert same == (0, 0, 0)


def test_structural_similarity_is_one_for_the_same_and_falls_with_noise():
    rng = np.random.default_rng(0)
    a = rng.random((2, 32, 32))
    assert ssim_map(a, a).min() == pytest.approx(1)
    noisy = [ssim_map(a, a + s * rng.standard_normal(a.shape)).mean() for s in (0.02, 0.1, 0.3)]
    assert 1 > noisy[0] > noisy[1] > noisy[2]


@pytest.mark.parametrize("moving", [False, True])
def test_noise_layers_have_unit_variance_and_move_or_do_not(clips, moving):
    clip = clips[0]
    signals, _ = whole(clip)
    layer = noise_layer(clip, signals, 0, 1, moving=moving)
    assert layer.std() == pytest.approx(1, abs=1e-5)
    disc = signals.ids > 0
    shifted = np.abs(layer[1:, :, 2:] - layer[:-1, :, :-2])[disc[1:, :, 2:] & disc[:-1, :, :-2]].mean()
    stayed = np.abs(layer[1:] - layer[:-1])[disc[1:] & disc[:-1]].mean()
    assert (shifted < 0.5 * stayed) if moving else stayed == 0


def test_noise_stays_in_its_regions_and_a_method_without_chance_is_asked_once(clips):
    asked = []

    def nothing(clip, signals, masks, seed):
        asked.append(seed)
        return signals.coarse

    tables = measured(clips, {"none": nothing, "noise": with_noise({"hole": (0.05, 1)}, moving=True)}, seeds=2)
    assert asked == [0, 0]
    for region in REGIONS:
        change = tables["noise"].value("psnr", region) - tables["none"].value("psnr", region)
        assert np.isnan(change) or (change != 0) == (region == "hole")


@pytest.mark.parametrize("what", ABLATIONS)
def test_a_blinded_model_may_paint_where_it_might_before(clips, what):
    signals, _ = whole(clips[0])
    told = blinded(signals, what)
    changed = [n for n, v in vars(signals).items() if not np.array_equal(v, getattr(told, n))]
    assert bool(changed) == (what != "height")  # the toy has no liquid
    opened, before = gate(told, EDGES_TOO) > 0, gate(signals, EDGES_TOO) > 0
    assert (opened != before).mean() < 0.05
