"""Training clips from our own simulator: truth rendered cleanly, input degraded as reconstruction degrades it.

A scene is a picture of real texture on a ground and a wall with bodies, cloth, smoke or liquid that move
(:mod:`physim.dataset_scenes`). It is simulated once. Truth shows the true background wherever it comes into view, the
true light, and fluids of the full grid. Input is what the library itself would make of the first true frame
(:mod:`physim.dataset_errors`). Shards are described in :mod:`physim.dataset_shards`.

``python -m physim.dataset --out DIR --minutes M`` writes them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from physim.dataset_errors import coarser, misjudged, reconstructed
from physim.dataset_scenes import (
    FAMILIES,
    FPS,
    HELD_OUT,
    ClipSettings,
    Family,
    family_of,
    random_scene,
    random_texture,
)
from physim.dataset_shards import FRACTIONS, LIQUID, VALUES, Clip, compact, write_packed, write_shard

__all__ = [
    "FAMILIES",
    "FRACTIONS",
    "HELD_OUT",
    "VALUES",
    "Clip",
    "ClipSettings",
    "Family",
    "coarser",
    "family_of",
    "make_clips",
    "misjudged",
    "random_texture",
    "seeds_of",
    "shipped_photos",
    "write_dataset",
    "write_packed",
    "write_shard",
]


def make_clips(
    seed: int, photos: Sequence[np.ndarray], settings: ClipSettings | None = None, *, device=None
) -> list[Clip]:
    """Simulate one random scene and render it twice.

    Args:
        seed: The same seed and photos give the same clips; it also says which family (:func:`family_of`).
        photos: Pictures to cut textures from, (H, W, 3) float32 sRGB; may be empty.
        settings: Sizes.
        device: Warp device.

    Returns:
        ``settings.windows`` clips in the form of a shard, without those in which nothing happens.
    """
    from physim.compositor import Compositor
    from physim.render import render
    from physim.simulate import simulate

    settings = settings or ClipSettings()
    rng = np.random.default_rng([seed, 0xDA7A])
    scene = random_scene(rng, photos, settings, family_of(seed))
    count = settings.frames * settings.windows
    truth = simulate(scene, seconds=count / FPS, fps=FPS, device=device)
    true_frames = np.stack(list(_frames(Compositor(truth, settings.size, device=device), count)))
    # Fluids are added to a photo: what it shows is the rest.
    dry = replace(truth, seconds=1 / FPS, liquids={}, smokes={})
    compositor = Compositor(dry, settings.size, device=device)
    photo, ids = compositor.frame(0), render(dry, settings.size).ids[0]
    conditions = render(reconstructed(truth, photo, ids, compositor.shadow(0), rng), settings.size)
    per_frame = [name for name in (*FRACTIONS, *VALUES, LIQUID, "ids") if name not in ("image", "truth")]
    clips = []
    for k in range(settings.windows):
        window = slice(k * settings.frames, (k + 1) * settings.frames)
        clip = {name: getattr(conditions, name)[window] for name in per_frame}
        clip["truth"], clip["image"] = true_frames[window], conditions.image
        if _eventful(clip):
            clips.append(compact(clip))
    return clips


def _frames(compositor, count: int) -> Iterator[np.ndarray]:
    return (compositor.frame(k) for k in range(count))


def _eventful(clip: Clip) -> bool:
    """Whether at least a hundredth of the pixels are filled, shaded, wet or in smoke."""
    touched = (clip["hole"] > 0.5) | (clip["smoke"][..., 0] > 0.05) | (clip["shadow"] < 0.95)
    return bool((touched | (clip["liquid"][..., 3] > 0)).mean() > 0.01)


TRAINING_PHOTOS = ("astronaut.png", "chelsea.png", "motorcycle_left.png", "coins.png", "brick.png", "grass.png",
                   "gravel.png", "rocket.jpg", "camera.png")  # fmt: skip
CALIBRATION_PHOTOS = ("clock_motion.png", "hubble_deep_field.jpg", "ihc.png", "moon.png", "retina.jpg")
HELD_OUT_PHOTOS = ("coffee.png",)
"""Photos that scikit-image ships. No photo serves two purposes: crops of one photo know each other."""
PURPOSES = {
    "training": (TRAINING_PHOTOS, 0),
    "calibration": (CALIBRATION_PHOTOS, 2_000_000),
    "held-out": (HELD_OUT_PHOTOS, 1_000_000),
}
"""Photos and first seed. Only held-out seeds make scenes of the families in ``HELD_OUT``, and they make no others."""


def seeds_of(purpose: str, first: int | None = None) -> Iterator[int]:
    """Seeds of the scenes for a purpose, without end."""
    seed = PURPOSES[purpose][1] if first is None else first
    while True:
        if (family_of(seed) in HELD_OUT) == (purpose == "held-out"):
            yield seed
        seed += 1


def write_dataset(
    folder: str | os.PathLike,
    photos: Sequence[np.ndarray],
    *,
    first_seed: int = 0,
    purpose: str | None = None,
    scenes: int | None = None,
    minutes: float | None = None,
    settings: ClipSettings | None = None,
    on_scene: Callable[[int, int], None] | None = None,
) -> int:
    """Write packed shards of eight scenes each until ``scenes`` are done or ``minutes`` are over.

    Args:
        folder: Where to.
        photos: See :func:`make_clips`.
        first_seed: Of the first scene.
        purpose: One of ``PURPOSES``: only scenes of its families; ``None``: of all.
        scenes: How many.
        minutes: How long.
        settings: Sizes.
        on_scene: Called with (scenes, clips) so far after each scene.

    Returns:
        The number of clips.

    Raises:
        ValueError: Neither ``scenes`` nor ``minutes`` is given.
    """
    if scenes is None and minutes is None:
        raise ValueError("give scenes or minutes: nothing else ends the dataset.")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    begun, clips, total, done = time.monotonic(), [], 0, 0
    seeds = seeds_of(purpose, first_seed) if purpose else iter(range(first_seed, 2**62))
    seed = first_seed
    while (scenes is None or done < scenes) and (minutes is None or time.monotonic() - begun < 60 * minutes):
        seed = next(seeds)
        clips += make_clips(seed, photos, settings)
        done += 1
        if on_scene is not None:
            on_scene(done, total + len(clips))
        if done % 8 == 0 and clips:
            write_packed(folder / f"clips_{seed:07d}.npz", clips)
            total, clips = total + len(clips), []
    if clips:
        write_packed(folder / f"clips_{seed:07d}.npz", clips)
    return total + len(clips)


def shipped_photos(names: Sequence[str]) -> list[np.ndarray]:
    """Photos of the installed scikit-image, (H, W, 3) float32 sRGB."""
    from physim.photo import Photo

    return [Photo.load(f"skimage:{name}").image for name in names]


def main(argv: list[str] | None = None) -> None:
    """Write training clips simulated and rendered by this library."""
    import argparse

    from rich.progress import Progress

    parser = argparse.ArgumentParser(prog="physim.dataset", description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the shards")
    parser.add_argument("--minutes", type=float, default=12.0, help="when to stop (default: 12)")
    parser.add_argument("--purpose", choices=PURPOSES, default="training", help="decides photos, seeds and families")
    parser.add_argument("--first-seed", type=int, help="go on from here (default: that of the purpose)")
    arguments = parser.parse_args(argv)
    names, first = PURPOSES[arguments.purpose]
    first = first if arguments.first_seed is None else arguments.first_seed
    photos, begun = shipped_photos(names), time.monotonic()
    with Progress() as bar:
        task = bar.add_task("scenes", total=arguments.minutes)

        def show(scenes: int, clips: int) -> None:
            seconds = time.monotonic() - begun
            said = f"{scenes} scenes, {clips} clips, {clips / seconds:.2f} clips/s"
            bar.update(task, completed=seconds / 60, description=said)

        write_dataset(
            arguments.out, photos, first_seed=first, purpose=arguments.purpose, minutes=arguments.minutes, on_scene=show
        )


if __name__ == "__main__":
    main()
