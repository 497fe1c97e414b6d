"""A patterned ball of the photo is thrown, bounces once; exact conditions and any motion of it, without a simulator."""

import numpy as np

from physim.conditions import EVENT_DTYPE, Conditions

ROWS, COLS, FRAMES, FPS = 96, 136, 22, 24.0
FOCAL, DISTANCE, RADIUS, HEIGHT = 128.0, 2.0, 0.13, 0.75
"""Pixels; metres to the ball's plane; of the ball; of the camera."""
GRAVITY = 9.81


def path(gravity=GRAVITY, restitution=0.7, frames=FRAMES):
    """(T, 2) across and height [m]: thrown from the left, it meets the ground at height RADIUS."""
    t = np.arange(frames) / FPS
    y0, v0 = 0.75, 1.4
    fall = (v0 + np.sqrt(v0**2 + 2 * gravity * (y0 - RADIUS))) / gravity if gravity > 0 else np.inf
    speed = restitution * (gravity * fall - v0) if gravity > 0 else 0.0
    late = np.maximum(t - fall, 0)
    flight = 2 * speed / gravity if gravity > 0 and speed > 0 else np.inf
    late = np.where(np.isfinite(flight), np.minimum(late, flight), late)
    y = np.where(t < fall, y0 + v0 * t - gravity * t**2 / 2, RADIUS + speed * late - gravity * late**2 / 2)
    return np.stack([-0.6 + 1.1 * t, np.maximum(y, RADIUS) if speed == 0 else y], axis=-1)


def wall():
    v, u = np.mgrid[:ROWS, :COLS] + 0.5
    rng = np.random.default_rng(3)
    waves = [np.sin(u / rng.uniform(2, 9) + v / rng.uniform(2, 9) + rng.uniform(0, 6)) for _ in range(8)]
    return np.clip(0.55 + 0.05 * np.sum(waves, axis=0)[..., None] + np.array([0.05, 0, -0.1]), 0, 1)


def scene(places, *, hue=0.0, seen=None):
    """(T, H, W, 3) pictures and (T, H, W) coverage of the ball at ``places``; ``hue`` per frame turns its colours."""
    frames = len(places)
    hue = np.broadcast_to(hue, frames)
    v, u = np.mgrid[:ROWS, :COLS] + 0.5
    pictures, covers = np.empty((frames, ROWS, COLS, 3)), np.zeros((frames, ROWS, COLS))
    for t, (x, y) in enumerate(places):
        cu, cv = COLS / 2 + FOCAL * x / DISTANCE, ROWS / 2 - FOCAL * (y - HEIGHT) / DISTANCE
        r = FOCAL * RADIUS / DISTANCE
        a, b = u - cu, v - cv
        cover = np.clip(r - np.hypot(a, b) + 0.5, 0, 1) * (1.0 if seen is None or seen[t] else 0.0)
        pattern = 0.5 + 0.4 * np.sin(a * 1.1) * np.sin(b * 0.9 + 1)
        colour = np.stack([0.2 + 0.15 * pattern, 0.15 + 0.5 * pattern, 0.75 - 0.3 * pattern], -1)
        colour = (1 - hue[t]) * colour + hue[t] * np.roll(colour, 1, axis=-1)
        pictures[t] = wall() * (1 - cover[..., None]) + colour * cover[..., None]
        covers[t] = cover
    return pictures, covers


def conditions():
    """Of the true throw."""
    places = path()
    coarse, cover = scene(places)
    ids = (cover > 0.5).astype(np.uint16)
    pixels = np.stack([FOCAL * places[:, 0] / DISTANCE, -FOCAL * places[:, 1] / DISTANCE], -1)
    grid = np.stack(np.meshgrid(np.arange(COLS) + 0.5, np.arange(ROWS) + 0.5), -1)
    flow = np.zeros((FRAMES, ROWS, COLS, 2), np.float32)
    source = np.broadcast_to(grid, flow.shape).astype(np.float32).copy()
    for t in range(FRAMES):
        ball = ids[t] > 0
        flow[t][ball] = pixels[min(t + 1, FRAMES - 1)] - pixels[t]
        source[t][ball] -= pixels[t] - pixels[0]
        source[t][(ids[0] > 0) & ~ball] = np.nan
    nothing = np.zeros((FRAMES, ROWS, COLS), np.float32)
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[1, 3] = HEIGHT
    lens = np.array([[FOCAL, 0, COLS / 2], [0, FOCAL, ROWS / 2], [0, 0, 1]])
    return Conditions(
        image=coarse[0].astype(np.float32), flow=flow, flow_backward=-flow, occlusion=nothing, disocclusion=nothing,
        source_uv=source, hole=((ids[:1] > 0) & (ids == 0)).astype(np.float32),
        depth=nothing + np.float32(DISTANCE - RADIUS / np.sqrt(2)) * (ids > 0) + 3 * (ids == 0), ids=ids,
        coarse=coarse.astype(np.float32), shadow=nothing + 1, smoke=np.stack([nothing] * 2, -1),
        smoke_flow=np.stack([nothing] * 2, -1), liquid=np.stack([nothing] * 4, -1),
        intrinsics=np.broadcast_to(lens, (FRAMES, 3, 3)), world_from_camera=np.broadcast_to(pose, (FRAMES, 4, 4)),
        fps=FPS, events=np.zeros(0, EVENT_DTYPE), meta={"names": {"1": "ball"}},
    )  # fmt: skip


def faults():
    """Name → video (T, H, W, 3) with that fault."""
    true = path()
    late = true[np.maximum(np.arange(FRAMES) - 2, 0)]
    t = np.arange(FRAMES)
    gone = scene(true, seen=t < FRAMES // 2)[0]
    added = scene(true)[0]
    added[7:, 72:84, 6:18] = (0.3, 0.5, 0.2)
    creeping = scene(true)[0]
    for k in range(FRAMES):
        share = 0.03 * k
        creeping[k] = (1 - share) * creeping[k] + share * np.roll(creeping[k], 1, axis=1)
    flicker = scene(true)[0] * (1 + 0.08 * np.where(t % 3 == 1, 1, -1))[:, None, None, None]
    return {
        "half gravity": scene(path(GRAVITY / 2))[0],
        "double gravity": scene(path(2 * GRAVITY))[0],
        "no bounce": scene(path(restitution=0.0))[0],
        "static": scene(true[:1].repeat(FRAMES, axis=0))[0],
        "reversed": scene(true[::-1])[0],
        "two frames late": scene(late)[0],
        "colour": scene(true, hue=t / FRAMES)[0],
        "flicker": flicker,
        "vanishes": gone,
        "added": added,
        "drift": creeping,
    }
