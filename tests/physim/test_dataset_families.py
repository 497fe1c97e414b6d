"""Families of training scenes, the errors that reconstruction makes, and shards that come out the same."""

import itertools

import numpy as np
import pytest

from physim.dataset import FAMILIES, HELD_OUT, PURPOSES, ClipSettings, family_of, make_clips, seeds_of
from physim.dataset_errors import coarser_liquid, missed_depth, missed_outline
from physim.dataset_scenes import SUBJECTS
from physim.dataset_shards import FRACTIONS, VALUES, compact, packed, stacked, unpacked, write_packed
from physim.trajectory import LiquidTrack


def random_clip(rng, frames=4, size=(12, 16)):
    tails = {"coarse": (3,), "truth": (3,), "smoke": (2,)}
    clip = {n: rng.random((frames, *size, *tails.get(n, ()))) for n in FRACTIONS if n != "image"}
    for name in VALUES:
        clip[name] = rng.standard_normal((frames, *size, *(() if name == "depth" else (2,))))
    clip["liquid"] = rng.random((frames, *size, 4))
    return {**clip, "image": rng.random((*size, 3)), "ids": rng.integers(0, 5, (frames, *size))}


def test_at_least_twenty_families_are_kept_out_and_every_subject_is_among_them():
    assert len(set(FAMILIES)) == len(FAMILIES) == 120
    assert len(HELD_OUT) >= 20
    for part, known in (
        ("subject", SUBJECTS),
        ("camera", {f.camera for f in FAMILIES}),
        ("light", {f.light for f in FAMILIES}),
    ):
        assert {getattr(f, part) for f in HELD_OUT} == set(known)
        assert {getattr(f, part) for f in set(FAMILIES) - set(HELD_OUT)} == set(known)


def test_no_purpose_shares_seeds_or_photos_and_only_measuring_uses_held_out_families():
    found = {purpose: set(itertools.islice(seeds_of(purpose), 300)) for purpose in PURPOSES}
    for a, b in itertools.combinations(PURPOSES, 2):
        assert not found[a] & found[b] and not set(PURPOSES[a][0]) & set(PURPOSES[b][0])
    for purpose, seeds in found.items():
        families = {family_of(seed) for seed in seeds}
        assert families == set(HELD_OUT) if purpose == "held-out" else not families & set(HELD_OUT)


@pytest.mark.parametrize("size", [(40, 40), (40, 56)])
def test_outlines_are_off_by_two_pixels_at_most_and_by_one_often(size):
    from scipy.ndimage import binary_dilation, binary_erosion

    rng = np.random.default_rng(0)
    v, u = np.mgrid[: size[0], : size[1]]
    true = (v - 20) ** 2 + (u - 20) ** 2 < 100
    square = np.ones((5, 5), bool)
    wide, narrow = binary_dilation(true, square), binary_erosion(true, square)
    changed = []
    for _ in range(40):
        mask = missed_outline(true, rng)
        assert not (mask & ~wide).any() and not (narrow & ~mask).any()
        changed.append((mask != true).sum() / true.sum())
    assert np.mean(changed) > 0.03 and np.std([missed_outline(true, rng).sum() for _ in range(40)]) > 5


def test_depth_is_off_by_per_cents_and_smoothly():
    depth = np.full((60, 80), 3.0, np.float32)
    error = np.log(missed_depth(depth, np.random.default_rng(0)) / 3)
    assert error.std() == pytest.approx(0.06, rel=1e-3) and error.mean() == pytest.approx(0, abs=1e-3)
    # Smooth over 7 pixels: neighbours differ by 0.06 / 7 (one sigma), at the border by somewhat more.
    assert np.abs(np.diff(error, axis=1)).max() < 0.05


def test_coarser_liquid_has_the_same_volume_in_fewer_particles():
    rng = np.random.default_rng(0)
    place = rng.random((3, 1000, 3)).astype(np.float32)
    track = LiquidTrack("water", 0.1, 1e-4, place, place.astype(np.float16))
    less = coarser_liquid(track, rng)
    assert less.volume(0) == pytest.approx(track.volume(0))
    assert less.cell == pytest.approx(0.15) and less.position.shape[1] == round(1000 / 1.5**3)
    # A random part of it lies where all of it lies: 1 / sqrt(12 n) for each coordinate's mean, 4 sigma.
    assert np.abs(less.position[0].mean(0) - place[0].mean(0)).max() < 4 / np.sqrt(12 * 296)


def test_packing_loses_nothing_and_writes_the_same_bytes(tmp_path):
    rng = np.random.default_rng(0)
    wet, dry = random_clip(rng), random_clip(rng)
    dry["liquid"] = 0 * dry["liquid"]
    clips = [compact(dry), compact(wet)]
    assert "liquid" not in clips[0] and clips[1].keys() == {*clips[0], "liquid"}
    plain = stacked(clips)
    assert plain["liquid"][0].max() == 0 and np.array_equal(plain["liquid"][1], clips[1]["liquid"])
    again = unpacked(packed(plain))
    assert again.keys() == plain.keys()
    assert all(np.array_equal(again[n], plain[n]) and again[n].dtype == plain[n].dtype for n in plain)
    a, b = (write_packed(tmp_path / name, clips) for name in ("a.npz", "b.npz"))
    assert a.read_bytes() == b.read_bytes()
    with np.load(a) as data:
        read = unpacked({name: data[name] for name in data.files})
    assert all(np.array_equal(read[n], plain[n]) for n in plain)


def test_a_seed_makes_the_same_bytes(tmp_path):
    settings = ClipSettings(size=(32, 40), frames=2, windows=1)
    seed = next(s for s in seeds_of("training") if family_of(s).subject == "fall")
    a, b = (write_packed(tmp_path / f"{k}.npz", make_clips(seed, [], settings)) for k in (0, 1))
    assert a.read_bytes() == b.read_bytes() and a.stat().st_size > 1000
