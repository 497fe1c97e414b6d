"""Which faces of a liquid's grid lie along walls, and in slanting ones, and what these do.

Equations: ``physim_kernels.liquid_slip``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import warp as wp
from physim_kernels import liquid_slip as kernels

DEEP = 1.8
"""Farthest that listed faces lie within a wall [cells]; particles read no others."""
LEAST_SLOPE = 0.3
"""Of the distance [per cell]: less is the middle of something thin, which has no normal."""
STRAIGHT = 0.999
"""Along the face's axis, of the normal: a wall that follows the grid needs nothing."""


def along_walls(area: Sequence[np.ndarray], mirror: int = -1) -> list[np.ndarray]:
    """1 for open faces that have a closed one, or a closed side of the box, next to them across their axis.

    Not across axis ``mirror``.
    """
    touch = []
    for axis, own in enumerate(area):
        shut = np.zeros(own.shape, bool)
        for other in range(3):
            if other in (axis, mirror):
                continue
            before = np.moveaxis(np.concatenate([np.take(own, [0], other), own], other), other, 0)[:-1] <= 0
            after = np.moveaxis(np.concatenate([own, np.take(own, [-1], other)], other), other, 0)[1:] <= 0
            for end, near in ((0, before), (-1, after)):
                side = np.take(np.asarray(area[other]), end, other) <= 0  # cells on both sides of the face
                rest = axis - (other < axis)
                near[end] = np.concatenate([side, np.take(side, [-1], rest)], rest)
            shut |= np.moveaxis(before | after, 0, other)
        touch.append(((np.asarray(own) > 0) & shut).astype(np.float32))
    return touch


def nodes_of(distance: np.ndarray) -> np.ndarray:
    """Distances at nodes half a cell apart (2 nx + 1, ...) from those at cell centres, linear, extended at the ends."""
    for axis in range(3):
        padded = np.concatenate(
            [
                2 * np.take(distance, [0], axis) - np.take(distance, [1], axis),
                distance,
                2 * np.take(distance, [-1], axis) - np.take(distance, [-2], axis),
            ],
            axis,
        )
        low, high = (np.take(padded, np.arange(n, padded.shape[axis] - 1 + n), axis) for n in (0, 1))
        size = list(distance.shape)
        size[axis] = 2 * size[axis] + 1
        distance = np.empty(size, np.float32)
        at: list = [slice(None)] * 3
        at[axis] = slice(0, None, 2)
        distance[tuple(at)] = 0.5 * (low + high)
        at[axis] = slice(1, None, 2)
        distance[tuple(at)] = np.take(padded, np.arange(1, padded.shape[axis] - 1), axis)
    return distance


def slanting(area: Sequence[np.ndarray], nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Closed faces in walls that do not follow the grid.

    Args:
        area: Open part of the faces.
        nodes: Signed distance to the walls at nodes half a cell apart (2 nx + 1, 2 ny + 1, 2 nz + 1) [cells].

    Returns:
        Faces (N, 4) as axis, i, j, k, and unit normals (N, 3) out of the wall.
    """
    faces, normals = [np.zeros((0, 4), np.int32)], [np.zeros((0, 3), np.float32)]
    for axis in range(3):
        inner = [slice(None)] * 3
        inner[axis] = slice(1, -1)  # the sides of the box stay as they are
        where = np.argwhere(np.asarray(area[axis])[tuple(inner)] <= 0.0)
        where[:, axis] += 1
        node = 2 * where + (np.arange(3) != axis)
        deep = nodes[tuple(node.T)]
        near = (deep > -DEEP) & (deep < 1.0)
        where, node = where[near], node[near]
        slope = np.stack([_slope(nodes, node, a) for a in range(3)], -1)
        size = np.linalg.norm(slope, axis=1)
        normal = slope / np.maximum(size, 1e-9)[:, None]
        kept = (size > LEAST_SLOPE) & (np.abs(normal[:, axis]) < STRAIGHT)
        faces.append(np.insert(where[kept], 0, axis, axis=1).astype(np.int32))
        normals.append(normal[kept].astype(np.float32))
    return np.concatenate(faces), np.concatenate(normals)


def _slope(nodes: np.ndarray, node: np.ndarray, axis: int) -> np.ndarray:
    """Central difference along ``axis`` at some nodes [per cell]; one-sided at the ends."""
    ends = []
    for step in (-1, 1):
        at = node.copy()
        at[:, axis] = np.clip(at[:, axis] + step, 0, nodes.shape[axis] - 1)
        ends.append(at)
    wide = 0.5 * (ends[1][:, axis] - ends[0][:, axis])
    return (nodes[tuple(ends[1].T)] - nodes[tuple(ends[0].T)]) / wide


class Slip:
    """Faces in slanting walls.

    Args:
        area, nodes: As of :func:`slanting`.
        device: Warp device.
    """

    def __init__(self, area: Sequence[np.ndarray], nodes: np.ndarray, device: wp.Device):
        face, normal = slanting(area, nodes)
        self.count, self.device = len(face), device
        self._face = wp.array(face, dtype=wp.vec4i, device=device)
        self._normal = wp.array(normal, dtype=wp.vec3, device=device)
        self._value = wp.zeros(self.count, dtype=float, device=device)

    def free(self, valid) -> None:  # type: ignore[no-untyped-def]
        """Let the faces take what is extrapolated; between the projection and that."""
        self._launch(kernels.free_kernel, [self._face], list(valid))

    def hold(self, u) -> None:  # type: ignore[no-untyped-def]
        """Take what leads through the wall from the faces, of velocities relative to it."""
        self._launch(kernels.slip_kernel, [self._face, self._normal, *u], [self._value])
        self._launch(kernels.store_kernel, [self._face, self._value], list(u))

    def _launch(self, kernel, inputs: list, outputs: list) -> None:
        if self.count:
            wp.launch(kernel, dim=self.count, inputs=inputs, outputs=outputs, device=self.device)
