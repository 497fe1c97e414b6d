"""Training clips: reproducible, complete, and different from the truth only where reconstruction has to guess."""

import numpy as np
import pytest

from physim.conditions import Conditions
from physim.dataset import (
    FRACTIONS,
    VALUES,
    ClipSettings,
    coarser,
    make_clips,
    misjudged,
    random_texture,
    write_dataset,
    write_shard,
)
from physim.scene import Light
from physim.trajectory import SmokeTrack

SMALL = ClipSettings(size=(48, 64), frames=4, windows=2, smoke_cells=16)
SEED = 8  # a scene with both bodies and smoke


@pytest.fixture(scope="module")
def photo():
    v, u = np.mgrid[:120, :160]
    return np.stack([0.5 + 0.3 * np.sin(u / 5), 0.5 + 0.3 * np.sin(v / 4), 0.5 + 0.3 * np.sin((u + v) / 9)], -1)


@pytest.fixture(scope="module")
def clips(photo):
    found = make_clips(SEED, [photo.astype(np.float32)], SMALL)
    assert found
    return found


def test_clips_hold_the_conditions_and_the_truth_at_the_stated_sizes(clips):
    named = set(Conditions.__dataclass_fields__)
    for clip in clips:
        assert set(clip) == {*FRACTIONS, *VALUES, "ids"}
        assert set(clip) - {"truth"} <= named
        assert clip["coarse"].shape == clip["truth"].shape == (4, 48, 64, 3)
        assert clip["image"].shape == (48, 64, 3) and clip["smoke"].shape == (4, 48, 64, 2)
        assert all(np.isfinite(clip[name]).all() for name in VALUES)


def test_the_first_true_frame_is_the_photo_that_reconstruction_gets(clips):
    assert np.array_equal(clips[0]["truth"][0], clips[0]["image"])


def test_input_differs_from_truth_where_something_is_simulated_only(clips):
    for clip in clips:
        error = np.abs(clip["coarse"].astype(int) - clip["truth"].astype(int)).max(-1)
        touched = (clip["hole"] > 0) | (clip["smoke"][..., 0] > 0) | (clip["shadow"] < 255) | (clip["ids"] > 0)
        near = np.zeros_like(touched)
        for dv in range(-6, 7):
            for du in range(-6, 7):
                near |= np.roll(touched, (dv, du), (1, 2))
        assert error[touched].mean() > 1
        # Far from everything simulated both are the same photo; what is left is its carried residual.
        assert error[~near].mean() < 0.5


def test_same_seed_same_clips(photo, clips):
    again = make_clips(SEED, [photo.astype(np.float32)], SMALL)
    for a, b in zip(clips, again, strict=True):
        assert all(np.array_equal(a[name], b[name]) for name in a)


def test_coarser_smoke_keeps_mass_and_momentum():
    rng = np.random.default_rng(0)
    density = rng.random((2, 8, 8, 16)).astype(np.float16)
    velocity = rng.standard_normal((2, 8, 8, 16, 3)).astype(np.float16)
    track = SmokeTrack("s", np.zeros(3), 0.1, density, density, velocity)
    pooled = coarser(track)
    assert pooled.cell == 0.2 and pooled.density.shape == (2, 4, 4, 8)
    # float16 keeps three digits.
    assert pooled.density.astype(float).sum() * 8 == pytest.approx(density.astype(float).sum(), rel=1e-3)
    assert pooled.velocity.astype(float).mean() == pytest.approx(velocity.astype(float).mean(), abs=1e-3)


def test_light_is_misjudged_by_degrees_not_by_quadrants():
    rng = np.random.default_rng(0)
    light = Light((0.3, 0.8, 0.5))
    angles = [np.degrees(np.arccos(np.dot(light.direction, misjudged(light, rng).direction))) for _ in range(200)]
    assert 2 < np.mean(angles) < 10 and max(angles) < 25


@pytest.mark.parametrize("photos", [0, 1])
def test_textures_are_pictures_with_structure(photo, photos):
    rng = np.random.default_rng(0)
    for _ in range(8):
        texture = random_texture(rng, [photo] * photos, (40, 56))
        assert texture.shape == (40, 56, 3) and texture.dtype == np.float32
        assert 0 <= texture.min() and texture.max() <= 1 and texture.std() > 0.01


def test_shards_stack_clips_and_are_written_whole(clips, tmp_path):
    path = write_shard(tmp_path / "a.npz", clips)
    with np.load(path) as data:
        assert data["coarse"].shape == (len(clips), 4, 48, 64, 3)
        assert np.array_equal(data["flow"][0], clips[0]["flow"])
    assert list(tmp_path.iterdir()) == [path]


def test_a_dataset_needs_an_end(tmp_path):
    with pytest.raises(ValueError, match="scenes or minutes"):
        write_dataset(tmp_path, [])
