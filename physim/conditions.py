"""Conditions: the border between physics and picture. NumPy only, frozen, validated, saved as one ``.npz``.

Everything a video model needs to know about the simulated shot, at model resolution. Pixels are (u, v) with centres
at +0.5, arrays are [v, u]; flow is in pixels of this grid per frame.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

EVENT_DTYPE = np.dtype(
    [
        ("time", "f8"),
        ("body_a", "U64"),
        ("body_b", "U64"),
        ("point", "f8", 3),
        ("normal", "f8", 3),
        ("impulse", "f8"),
        ("tangential_impulse", "f8"),
        ("approach_speed", "f8"),
        ("material_a", "U32"),
        ("material_b", "U32"),
    ]
)
"""One impact; the fields of ``physim.trajectory.CONTACT_DTYPE``, which is this very type."""

SCHEMA = 1


@dataclass(frozen=True)
class Conditions:
    """Per-frame physical signals on one pixel grid of T frames of H x W pixels."""

    image: np.ndarray
    """The photo at this size (H, W, 3) float32 sRGB in [0, 1]."""
    flow: np.ndarray
    """Motion of the visible surface from frame t to t+1 [pixels/frame], (T, H, W, 2), order (u, v), float32. Exact."""
    flow_backward: np.ndarray
    """Motion of the visible surface from frame t to t-1 [pixels/frame], (T, H, W, 2); zero in frame 0."""
    occlusion: np.ndarray
    """1 where the surface point visible at t cannot be seen at t+1 (T, H, W) float32 in [0, 1]."""
    disocclusion: np.ndarray
    """1 where the surface point visible at t could not be seen at t-1 (T, H, W) float32 in [0, 1]."""
    source_uv: np.ndarray
    """Where in ``image`` each pixel comes from [pixels] (T, H, W, 2) float32; NaN where it is not in the photo."""
    hole: np.ndarray
    """1 where the picture shows a filled, invented background (T, H, W) float32 in [0, 1]."""
    depth: np.ndarray
    """z of the visible surface [m] (T, H, W) float32, finite."""
    ids: np.ndarray
    """Number of the visible entity, 0 for background (T, H, W) uint16."""
    coarse: np.ndarray
    """The plain composite (T, H, W, 3) float32 sRGB in [0, 1]."""
    shadow: np.ndarray
    """Factor by which simulated things darken the light here (T, H, W) float32, 1 is no change."""
    smoke: np.ndarray
    """(T, H, W, 2) float32: opacity of the smoke in front of the surface, and light it scatters, linear luminance."""
    smoke_flow: np.ndarray
    """Projected, opacity-weighted velocity of the smoke [pixels/frame] (T, H, W, 2) float32; zero where none is."""
    liquid: np.ndarray
    """(T, H, W, 4) float32: normal in the camera frame and thickness [m]; all zero where there is no liquid."""
    intrinsics: np.ndarray
    """K per frame (T, 3, 3) float64 [pixels]."""
    world_from_camera: np.ndarray
    """Camera pose per frame (T, 4, 4) float64."""
    fps: float
    """Frames per second."""
    events: np.ndarray = field(default_factory=lambda: np.zeros(0, EVENT_DTYPE))
    """Impacts, structured array of ``EVENT_DTYPE``, in order of time."""
    meta: dict[str, Any] = field(default_factory=dict)
    """Plain data: entity names by id, seed, versions."""

    def __post_init__(self) -> None:
        expected = self._layout()
        for name, (shape, dtype) in expected.items():
            value = np.asarray(getattr(self, name))
            if value.shape != shape:
                raise ValueError(
                    f"conditions.{name} has shape {value.shape}, expected {shape} to match conditions.coarse "
                    f"{self.coarse.shape}. All signals share one pixel grid; render them together."
                )
            value = np.ascontiguousarray(value, dtype=dtype)
            if name != "source_uv" and np.issubdtype(dtype, np.floating) and not np.isfinite(value).all():
                frame = int(np.argwhere(~np.isfinite(value))[0][0])
                raise ValueError(
                    f"conditions.{name} is not finite, first at index {frame} of {shape[0]}. The simulation has most "
                    f"likely blown up before it; look at trajectory.report."
                )
            object.__setattr__(self, name, value)
        if not self.fps > 0:
            raise ValueError(f"conditions.fps is {self.fps}, expected more than 0.")
        if self.events.dtype != EVENT_DTYPE:
            raise TypeError("conditions.events must be a structured array of EVENT_DTYPE.")

    def _layout(self) -> dict[str, tuple[tuple[int, ...], type]]:
        if np.ndim(self.coarse) != 4 or np.shape(self.coarse)[-1] != 3:
            raise ValueError(f"conditions.coarse has shape {np.shape(self.coarse)}, expected (T, H, W, 3).")
        t, h, w = np.shape(self.coarse)[:3]
        return {
            "image": ((h, w, 3), np.float32),
            "flow": ((t, h, w, 2), np.float32),
            "flow_backward": ((t, h, w, 2), np.float32),
            "occlusion": ((t, h, w), np.float32),
            "disocclusion": ((t, h, w), np.float32),
            "source_uv": ((t, h, w, 2), np.float32),
            "hole": ((t, h, w), np.float32),
            "depth": ((t, h, w), np.float32),
            "ids": ((t, h, w), np.uint16),
            "coarse": ((t, h, w, 3), np.float32),
            "shadow": ((t, h, w), np.float32),
            "smoke": ((t, h, w, 2), np.float32),
            "smoke_flow": ((t, h, w, 2), np.float32),
            "liquid": ((t, h, w, 4), np.float32),
            "intrinsics": ((t, 3, 3), np.float64),
            "world_from_camera": ((t, 4, 4), np.float64),
        }

    @property
    def frame_count(self) -> int:
        """T"""
        return self.coarse.shape[0]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) [pixels]."""
        return self.coarse.shape[1], self.coarse.shape[2]

    def part(self, first: int, end: int) -> Conditions:
        """Frames ``first`` to ``end - 1``, as if nothing had been before them."""
        if not 0 <= first < end <= self.frame_count:
            raise ValueError(f"frames {first} to {end} of {self.frame_count}, expected some of those that are there.")
        whole = {"image", "fps", "events", "meta"}
        cut = {f.name: getattr(self, f.name)[first:end] for f in fields(self) if f.name not in whole}
        for name in ("flow_backward", "disocclusion"):
            cut[name] = cut[name].copy()
            cut[name][0] = 0
        times = self.events["time"]
        inside = self.events[(times >= first / self.fps) & (times < end / self.fps)].copy()
        inside["time"] -= first / self.fps
        return replace(self, events=inside, **cut)

    def save(self, path: str | os.PathLike) -> Path:
        """Write one compressed ``.npz`` to ``path``; arrays are named as the fields. Written beside, then renamed."""
        path = Path(path)
        arrays = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("fps", "meta")}
        part = path.with_name(path.name + ".part")
        try:
            with open(part, "wb") as file:
                np.savez_compressed(file, schema=SCHEMA, fps=self.fps, meta=json.dumps(self.meta), **arrays)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
        return path

    @classmethod
    def load(cls, path: str | os.PathLike) -> Conditions:
        """Read what ``save`` wrote to ``path``.

        Raises:
            ValueError: The file is no conditions file, or of a newer schema.
        """
        with np.load(path, allow_pickle=False) as data:
            if "schema" not in data or int(data["schema"]) != SCHEMA:
                found = int(data["schema"]) if "schema" in data else "none"
                raise ValueError(f"{path}: conditions schema is {found}, expected {SCHEMA}; render the shot again.")
            arrays = {f.name: data[f.name] for f in fields(cls) if f.name not in ("fps", "meta")}
            return cls(**arrays, fps=float(data["fps"]), meta=json.loads(str(data["meta"])))
