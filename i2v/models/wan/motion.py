"""Simulated motion in the forms in which Wan's variants were taught motion. Each works only with weights tuned for it.

- Latent tracks (Wan-Move weights): latents of the picture are copied to where the simulation moves them.
- Carried noise (few-step students with warped noise, Go-with-the-Flow adapters): the starting noise moves along.
- Control video (Fun-Control weights): depth as a grey video, encoded and concatenated.
- Camera rays (Fun camera weights): every pixel's line of sight.

Source: Chu et al., Wan-Move (2025), section 3; Burgert et al., Go-with-the-Flow (CVPR 2025), sections 3 and 4; He et
al., CameraCtrl (2024), section 3.1. Latent frame k is video frame 4 k.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from i2v.diffusion.noise_warp import transport_noise

DEGRADATION = 0.5
"""Share of fresh noise that tuned models are usually run with."""


@dataclass(frozen=True)
class Tracks:
    """Points of the first frame, followed."""

    position: np.ndarray
    """(T, N, 2) float32 [pixels], order (u, v)."""
    visible: np.ndarray
    """(T, N) bool."""
    depth: np.ndarray
    """(T, N) float32 [m]; of the surface at the place, where visible."""


def follow(flow: np.ndarray, occlusion: np.ndarray, depth: np.ndarray, *, spacing: int = 4) -> Tracks:
    """Follow a grid of points along exact flow; a point that is hidden or leaves is lost for good.

    Args:
        flow: (T, H, W, 2) [pixels/frame], t → t + 1.
        occlusion: (T, H, W), above 0.5 where what is seen at t is hidden at t + 1.
        depth: (T, H, W) [m].
        spacing: Between points [pixels]; half a latent cell sees small things.
    """
    frames, rows, cols = depth.shape
    v, u = np.mgrid[spacing / 2 : rows : spacing, spacing / 2 : cols : spacing]
    place = np.stack([u, v], -1).reshape(-1, 2).astype(np.float32)
    seen = np.ones(len(place), bool)
    position, visible = np.empty((frames, len(place), 2), np.float32), np.empty((frames, len(place)), bool)
    found = np.zeros((frames, len(place)), np.float32)
    for t in range(frames):
        seen = seen & (place >= 0).all(1) & (place[:, 0] < cols) & (place[:, 1] < rows)
        # the nearest pixel's flow, not a blend: a point belongs to one surface
        at = np.where(seen[:, None], place, 0).astype(int)
        position[t], visible[t], found[t] = place, seen, depth[t, at[:, 1], at[:, 0]]
        seen = seen & (occlusion[t, at[:, 1], at[:, 0]] < 0.5)
        place = place + np.where(seen[:, None], flow[t, at[:, 1], at[:, 0]], 0)
    return Tracks(position, visible, found)


def moved_latents(latents: np.ndarray, tracks: Tracks, *, space: int = 8, time: int = 4) -> np.ndarray:
    """Copy the first latent frame along tracks; where several arrive, the one nearest to the camera wins.

    Args:
        latents: (t, h, w, channels): of the picture and grey frames, :func:`i2v.models.wan.pipeline.picture_first`
            without its mask.
        tracks: Of a video with 1 + time (t - 1) frames or more.
        space: Pixels per latent cell.
        time: Frames per latent frame.

    Returns:
        (t, h, w, channels), a copy; the first frame is as given. Of equally near tracks the first one wins.

    Raises:
        ValueError: Fewer frames in the tracks than the latents stand for.
    """
    count, rows, cols = latents.shape[:3]
    if len(tracks.position) < 1 + time * (count - 1):
        raise ValueError(
            f"tracks have {len(tracks.position)} frames, expected {1 + time * (count - 1)} for {count} latent ones."
        )
    cell = np.floor(tracks.position[::time][:count] / space).astype(int)
    inside = (cell >= 0).all(-1) & (cell[..., 0] < cols) & (cell[..., 1] < rows) & tracks.visible[::time][:count]
    made = np.array(latents)
    for k in range(1, count):
        index = np.flatnonzero(inside[k] & inside[0])
        # far to near, and among equals the later first: the last one written stays
        index = index[np.lexsort((-index, -tracks.depth[time * k, index]))]
        (u, v), (u0, v0) = cell[k, index].T, cell[0, index].T
        made[k, v, u] = latents[0, v0, u0]
    return made


def latent_noise(
    flow: np.ndarray,
    occlusion: np.ndarray,
    size: tuple[int, int, int],
    *,
    channels: int,
    rng: np.random.Generator,
    degradation: float = DEGRADATION,
    time: int = 4,
    finer: int = 2,
) -> np.ndarray:
    """Noise for the latents that moves with the picture; exactly independent N(0, 1) within every frame.

    It is carried frame by frame on a grid ``finer`` times that of the latents (:mod:`i2v.diffusion.noise_warp`), summed
    over disjoint squares, and every fourth frame is taken.

    Args:
        flow: (T, H, W, 2) [pixels/frame].
        occlusion: (T, H, W).
        size: (t, h, w) of the latents; T is at least 1 + time (t - 1).
        channels: Of the latents.
        rng: Source of all randomness.
        degradation: 0 moves all of the noise, 1 none of it.
        time: Frames per latent frame.
        finer: Side of the squares.

    Returns:
        (t, h, w, channels) float32.

    Raises:
        ValueError: Too few frames, or a degradation outside [0, 1].
    """
    count, rows, cols = size
    if len(flow) < 1 + time * (count - 1):
        raise ValueError(f"flow has {len(flow)} frames, expected {1 + time * (count - 1)} for {count} latent ones.")
    if not 0 <= degradation <= 1:
        raise ValueError(f"degradation is {degradation}, expected 0 (moves with the picture) to 1 (fresh).")
    fine = rows * finer, cols * finer
    # what the pixel in the middle of a square does: means over an edge belong to neither side
    v, u = ((np.arange(n) + 0.5) * side / n for n, side in zip(fine, flow.shape[1:3], strict=True))
    at = np.ix_(np.arange(1 + time * (count - 1)), v.astype(int), u.astype(int))
    scale = np.array([fine[1] / flow.shape[2], fine[0] / flow.shape[1]], np.float32)
    carried = transport_noise(flow[at] * scale, occlusion[at], channels=channels, rng=rng)[::time]
    summed = carried.reshape(count, rows, finer, cols, finer, channels).sum((2, 4)) / finer
    fresh = rng.standard_normal(summed.shape, dtype=np.float32)
    keep = np.hypot(1 - degradation, degradation)
    return (((1 - degradation) * summed + degradation * fresh) / keep).astype(np.float32)


def depth_video(depth: np.ndarray) -> np.ndarray:
    """Depth (T, H, W) [m] as the control video of Fun-Control: inverse depth, nearest white, (T, H, W, 3) in [0, 1]."""
    near = 1 / np.maximum(np.asarray(depth, np.float32), 1e-6)
    low, high = near.min(), near.max()
    grey = (near - low) / max(high - low, 1e-12)
    return np.repeat(grey[..., None], 3, axis=-1)


def camera_rays(
    intrinsics: np.ndarray, world_from_camera: np.ndarray, height: int, width: int, *, time: int = 4
) -> np.ndarray:
    """Every pixel's line of sight, as moment and direction, in the first frame's camera, folded to latent frames.

    Args:
        intrinsics: (T, 3, 3) [pixels] of pictures ``height`` x ``width``.
        world_from_camera: (T, 4, 4), OpenCV.
        height: Rows.
        width: Columns.
        time: Frames per latent frame.

    Returns:
        (t, height, width, 6 time) float32; the first frame stands ``time`` times in its latent frame. Channel
        c time + i is coordinate c of frame i: three of the moment o x d, three of the unit direction d.

    Raises:
        ValueError: A number of frames that is not 1 + time n.
    """
    frames = len(world_from_camera)
    if (frames - 1) % time:
        raise ValueError(f"the camera has {frames} frames, expected 1 + {time} n.")
    first = np.linalg.inv(world_from_camera[0]) @ world_from_camera
    v, u = np.mgrid[:height, :width] + 0.5
    pixels = np.stack([u, v, np.ones_like(u)], -1)
    seen = pixels @ np.linalg.inv(intrinsics).transpose(0, 2, 1)[:, None]
    seen = seen / np.linalg.norm(seen, axis=-1, keepdims=True)
    direction = seen @ first[:, None, :3, :3].transpose(0, 1, 3, 2)
    moment = np.cross(np.broadcast_to(first[:, None, None, :3, 3], direction.shape), direction)
    rays = np.concatenate([moment, direction], -1)
    whole = np.concatenate([np.repeat(rays[:1], time - 1, axis=0), rays])
    folded = whole.reshape(-1, time, height, width, 6).transpose(0, 2, 3, 4, 1)
    return folded.reshape(len(folded), height, width, 6 * time).astype(np.float32)
