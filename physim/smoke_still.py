"""Still layers of the photo as obstacles of smoke: what stands in front, given a thickness.

A layer is flat in the photo. In the world it is taken to be as deep as it is wide, row by row, about its depth: a round
tower, a square post. A lattice lets air through, so it closes as much of each face as its alpha covers of it.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_closing, label, uniform_filter

from physim.camera import Camera
from physim.scene import Scene, StillLayer
from physim.smoke_domain import SmokeDomain

GAP = 0.02
"""Holes of a lattice are bridged to find its outline: up to this part of the picture's width."""


def still_cover(scene: Scene, domain: SmokeDomain, points: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
    """Part [0, 1] that still layers close of the small squares around points of the world.

    Args:
        scene: Its backdrop has the layers, its camera at time 0 saw them.
        domain: For the size of a cell: a square has its edge.
        points: x, y, z [m] that span a grid by broadcasting.

    Returns:
        (nx, ny, nz) float32; zero throughout if there is neither a layer nor a camera.
    """
    shape = np.broadcast_shapes(*(p.shape for p in points))
    cover = np.zeros(shape, np.float32)
    if scene.backdrop is None or scene.camera is None or not scene.backdrop.stills:
        return cover
    camera = scene.camera.start
    layers = [_Layer(still, camera, domain.cell) for still in scene.backdrop.stills]
    pose = camera.camera_from_world
    x, y, z = (sum(pose[a, b] * points[b] for b in range(3)) + pose[a, 3] for a in range(3))
    z = np.broadcast_to(z, shape)
    for layer in layers:
        near = np.abs(z - layer.depth) < layer.reach
        if near.any():
            across, down = np.broadcast_to(x, shape)[near], np.broadcast_to(y, shape)[near]
            cover[near] = np.maximum(cover[near], layer(across, down, z[near]))
    return cover


class _Layer:
    """One still layer that knows how much it covers about a point of the camera's frame."""

    def __init__(self, still: StillLayer, camera: Camera, cell: float) -> None:
        self.depth, self._cell, self._camera = still.depth, cell, camera
        pixels = cell * camera.focal / still.depth
        alpha, (self._u, self._v) = still.cutout.alpha, still.cutout.corner
        pad = int(np.ceil(pixels))
        alpha = np.pad(np.asarray(alpha, np.float32), pad)
        self._u, self._v = self._u - pad, self._v - pad
        self._half = half_depth(alpha, bridge=round(GAP * camera.size[1]), least=pixels) * still.depth / camera.focal
        # what a square of the size of a cell sees of it
        self._alpha = uniform_filter(alpha, size=max(1, round(pixels)), mode="constant")
        self.reach = float(self._half.max()) + cell

    def __call__(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        lens, centre = self._camera.focal, self._camera.principal_point
        u = np.floor(lens * x / z + centre[0]).astype(int) - self._u
        v = np.floor(lens * y / z + centre[1]).astype(int) - self._v
        inside = (u >= 0) & (v >= 0) & (u < self._alpha.shape[1]) & (v < self._alpha.shape[0])
        u, v = np.where(inside, u, 0), np.where(inside, v, 0)
        deep = np.clip(0.5 + (self._half[v, u] - np.abs(z - self.depth)) / self._cell, 0, 1)
        return np.where(inside, deep * self._alpha[v, u], 0).astype(np.float32)


def half_depth(alpha: np.ndarray, *, bridge: int, least: float) -> np.ndarray:
    """Half the width [pixels] of what a pixel belongs to, in its row; (H, W) float32, at least ``least / 2``.

    Args:
        alpha: (H, W) in [0, 1].
        bridge: Pixels of gap that do not part a thing from itself.
        least: Smallest width [pixels].
    """
    size = 2 * max(1, bridge // 2) + 1
    whole = np.pad(alpha > 0.05, size)
    whole = binary_closing(whole, np.ones((size, size), bool))[size:-size, size:-size]
    parts, count = label(whole)
    half = np.full(alpha.shape, least / 2, np.float32)
    for part in range(1, count + 1):
        own = parts == part
        rows = np.flatnonzero(own.any(axis=1))
        first, last = own[rows].argmax(axis=1), own.shape[1] - 1 - own[rows, ::-1].argmax(axis=1)
        half[rows] = np.where(own[rows], np.maximum(last - first + 1, least)[:, None] / 2, half[rows])
    return half
