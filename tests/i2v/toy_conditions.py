"""Small made-up conditions: a disc leaves its place, a smoke blob rises, a shadow follows. No simulator needed."""

import numpy as np

from physim.conditions import Conditions


def toy_arrays(frames=8, height=64, width=80, seed=0):
    """Arrays of the conditions and ``truth``: the picture a perfect model would make."""
    rng = np.random.default_rng(seed)
    v, u = np.mgrid[:height, :width] + 0.5
    waves = [np.sin(u / rng.uniform(3, 9) + v / rng.uniform(3, 9) + rng.uniform(0, 6)) for _ in range(3)]
    photo = np.clip(0.5 + 0.15 * np.stack(waves, -1), 0, 1)
    image = photo.copy()
    start, radius = (0.35 * width, 0.5 * height), 0.12 * height
    disc = (u - start[0]) ** 2 + (v - start[1]) ** 2 < radius**2
    image[disc] = (0.8, 0.3, 0.2)
    plate = photo.copy()
    plate[disc] = photo[~disc].mean(0)
    speed = 2.0
    out = {
        name: np.zeros((frames, height, width, *tail), np.float32)
        for name, tail in {
            **{"flow": (2,), "flow_backward": (2,), "smoke": (2,), "smoke_flow": (2,), "coarse": (3,), "truth": (3,)},
            **{"occlusion": (), "hole": (), "liquid": (4,)},
        }.items()
    }
    out["shadow"] = np.ones((frames, height, width), np.float32)
    out["ids"] = np.zeros((frames, height, width), np.uint16)
    for t in range(frames):
        now = (u - start[0] - speed * t) ** 2 + (v - start[1]) ** 2 < radius**2
        smoke = 0.7 * np.exp(-((u - 0.75 * width) ** 2 + (v - 0.7 * height + 1.5 * t) ** 2) / (0.02 * height * width))
        smoke = np.where(smoke > 0.02, smoke, 0) * min(t, 1)
        shadow = np.where((u - start[0] - speed * t) ** 2 + (v - start[1] - 12) ** 2 < 36, 0.6, 1.0) if t else 1.0
        out["ids"][t] = now
        out["hole"][t] = disc & ~now
        out["flow"][t][now], out["flow_backward"][t][now] = (speed, 0), (-speed, 0) if t else 0
        out["smoke"][t] = np.stack([smoke, 0 * smoke + 0.5], -1)
        out["smoke_flow"][t][..., 1] = np.where(smoke > 0, -1.5, 0)
        out["shadow"][t] = shadow
        for name, ground, light in (("coarse", plate, 0.6), ("truth", photo, 0.8)):
            picture = ground * np.broadcast_to(shadow, now.shape)[..., None]
            picture = np.where(now[..., None], (0.8, 0.3, 0.2), picture)
            out[name][t] = picture + smoke[..., None] * (light - picture)
    out["coarse"][0] = out["truth"][0] = image
    out["depth"] = np.full((frames, height, width), 2.0, np.float32)
    out["image"] = image.astype(np.float32)
    return out


def toy_conditions(**size) -> Conditions:
    arrays = toy_arrays(**size)
    frames, height, width = arrays["hole"].shape
    grid = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), -1).astype(np.float32)
    del arrays["truth"]
    return Conditions(
        **arrays,
        disocclusion=np.zeros((frames, height, width), np.float32),
        source_uv=np.broadcast_to(grid, (frames, height, width, 2)),
        intrinsics=np.broadcast_to(np.eye(3), (frames, 3, 3)),
        world_from_camera=np.broadcast_to(np.eye(4), (frames, 4, 4)),
        fps=24.0,
    )


def write_shard(path, clips=3, **size):
    """A training shard of toy clips."""
    stacked = [toy_arrays(seed=s, **size) for s in range(clips)]
    arrays = {name: np.stack([c[name] for c in stacked]) for name in stacked[0] if name != "liquid"}
    small = {
        name: np.round(255 * value).astype(np.uint8)
        if name in ("coarse", "truth", "image", "hole", "smoke", "shadow", "occlusion")
        else value.astype(np.uint8 if name == "ids" else np.float16)
        for name, value in arrays.items()
    }
    np.savez(path, **small)
