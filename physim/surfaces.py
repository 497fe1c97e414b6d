"""What is visible in each frame, the nearest of background, bodies, cloth and liquid, and where it is in another."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.ndimage import map_coordinates

from physim.backdrop_view import BackdropFrame, BackdropView, photo_camera
from physim.body_view import BodyFrame, BodyView
from physim.camera import Camera
from physim.cloth_view import ClothFrame, ClothView, slack_of
from physim.lake_view import LakeView
from physim.liquid_view import LiquidFrame, LiquidView
from physim.materials import Cloth, Grains, Soft
from physim.scene import Backdrop, Cutout, Scene
from physim.shown import shown
from physim.trajectory import Trajectory

MARGIN = 0.01
"""Depths that differ by less than this share are one surface."""
CLOSE = 1e-3
"""The same, as a share of the median depth of the scene, for what is very near."""
SINK = 0.25
"""A body may lie this part of its radius behind the background's depth, which is a guess, and still be seen."""


@dataclass(frozen=True)
class Surface:
    """What one frame shows."""

    time: float
    back: BackdropFrame
    depth: np.ndarray
    """(H, W) float32 [m]"""
    ids: np.ndarray
    """(H, W) uint16: entity number, 0 for background."""
    source_uv: np.ndarray
    """(H, W, 2) float32 [pixels of the photo]; NaN where the photo does not show it."""
    hole: np.ndarray
    """(H, W) float32: 1 where the plate was invented or ends."""
    bodies: BodyFrame | None
    mask: np.ndarray
    """(h, w) bool: where in the crop of ``bodies`` they are what is seen."""
    drawn: np.ndarray
    """(H, W) bool: where bodies or cloth are what is seen."""
    cloths: ClothFrame | None = None
    cloth_mask: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), dtype=bool))
    """(h, w) bool: where in the crop of ``cloths`` they are what is seen."""
    liquids: tuple[tuple[LiquidFrame, np.ndarray], ...] = ()
    """Liquids, and where in their crops (h, w) bool they are what is seen."""

    @property
    def liquid(self) -> np.ndarray:
        """Normal in the camera frame and thickness [m] (H, W, 4) float32 of liquid that is seen, else zero."""
        full = np.zeros((*self.depth.shape, 4), np.float32)
        for frame, mask in self.liquids:
            v0, v1, u0, u1 = frame.window
            full[v0:v1, u0:u1][mask] = np.concatenate([frame.normal, frame.thickness[..., None]], axis=-1)[mask]
        return full

    @property
    def camera(self) -> Camera:
        return self.back.camera


class Surfaces:
    """The visible surface of a trajectory at any time, on the pixel grid of a view.

    Args:
        trajectory: A simulated scene with a camera and a backdrop.
        size: (height, width) of the view [pixels].
        device: Warp device; the default one if None.
    """

    def __init__(self, trajectory: Trajectory, size: tuple[int, int], device=None) -> None:
        trajectory = shown(trajectory)
        scene = trajectory.scene
        assert scene.camera is not None and scene.backdrop is not None
        self.size = (int(size[0]), int(size[1]))
        self.scene, self.backdrop = scene, scene.backdrop
        self._back = BackdropView(scene.backdrop, scene.camera, size, device)
        self._bodies = BodyView(trajectory, size, device)
        self._cloths = ClothView(trajectory, size, device)
        self._liquids = {
            scene.number_of(name): LiquidView(trajectory, name, size, device) for name in trajectory.liquids
        }
        lakes = LakeView(trajectory, size, device) if trajectory.lakes else None
        self._lakes = lakes if lakes is not None and lakes.any else None
        self._close = CLOSE * float(np.median(scene.backdrop.depth))
        self._ids = _without(scene, scene.backdrop.ids)
        self._stills = _still_maps(scene.backdrop)
        self._sink = np.zeros(len(scene.entities) + 1, np.float32)
        for name in trajectory.bodies:
            self._sink[scene.number_of(name)] = SINK * scene[name].shape.bounding_radius  # type: ignore[union-attr]
        for name, track in trajectory.cloths.items():
            self._sink[scene.number_of(name)] = slack_of(track)
        u, v = np.meshgrid(np.arange(self.size[1]) + 0.5, np.arange(self.size[0]) + 0.5)
        self._grid = np.stack([u, v], axis=-1).astype(np.float32)

    def at(self, time: float) -> Surface:
        """What is seen at ``time`` [s]."""
        back = self._back.at(time)
        source, depth = back.source_uv.copy(), back.depth.copy()
        hole, ids = _read(self.backdrop.hole, source, outside=1.0), _nearest(self._ids, source)
        if self._lakes is not None:
            source = self._lakes.source(back, time)
        if self._stills is not None:  # thin things in front: they hide, but move with the sheet
            alpha = _read(self._stills[0], source, outside=0.0)
            still = _nearest(self._stills[1], source)
            front = (alpha >= 0.5) & (still < depth)
            depth[front], hole[front], ids[front] = still[front], 0.0, 0
        drawn = np.zeros(self.size, dtype=bool)
        bodies, cloths = self._bodies.at(time, back.camera), self._cloths.at(time, back.camera)
        masks = []
        for layer in (bodies, cloths):
            if layer is None:
                masks.append(np.zeros((0, 0), dtype=bool))
                continue
            v0, v1, u0, u1 = layer.window
            crop = (slice(v0, v1), slice(u0, u1))
            mask = self._seen(layer, depth[crop], drawn[crop])
            depth[crop][mask], ids[crop][mask] = layer.depth[mask], layer.ids[mask]
            source[crop][mask], hole[crop][mask], drawn[crop][mask] = layer.source_uv[mask], 0.0, True
            masks.append(mask)
        if bodies is not None and cloths is not None:  # what cloth covers is not seen
            v0, v1, u0, u1 = bodies.window
            masks[0] &= ids[v0:v1, u0:u1] == bodies.ids
        liquids = self._add_liquids(time, back.camera, depth, ids, source, hole, drawn, (bodies, cloths), masks)
        rows, cols = self.backdrop.photo.shape[:2]
        source[((source < 0) | (source > (cols, rows))).any(axis=-1)] = np.nan
        return Surface(time, back, depth, ids, source, hole, bodies, masks[0], drawn, cloths, masks[1], liquids)

    def _add_liquids(self, time: float, camera: Camera, depth, ids, source, hole, drawn, layers, masks):
        """Put liquids on the maps, in place; what they cover is no longer seen of the other layers."""
        frames = [view.at(time, camera, depth) for view in self._liquids.values()]
        found = []
        for frame in (f for f in frames if f is not None):
            v0, v1, u0, u1 = frame.window
            crop = (slice(v0, v1), slice(u0, u1))
            mask = frame.depth < depth[crop]
            depth[crop][mask], ids[crop][mask], hole[crop][mask] = frame.depth[mask], frame.number, 0.0
            source[crop][mask], drawn[crop][mask] = self._shown(frame)[mask], True
            found.append((frame, mask))
        for k, layer in enumerate(layers):
            if layer is not None and found:
                v0, v1, u0, u1 = layer.window
                masks[k] &= ids[v0:v1, u0:u1] == layer.ids
        return tuple((f, m & (ids[f.window[0] : f.window[1], f.window[2] : f.window[3]] == f.number)) for f, m in found)

    def _shown(self, frame: LiquidFrame) -> np.ndarray:
        """Where the photo shows the matter of a liquid's surface (h, w, 2); NaN if it does not show the liquid."""
        v0, _, u0, _ = frame.window
        place = np.full((*frame.depth.shape, 2), np.nan, np.float32)
        if list(self.scene)[frame.number - 1].cutout is None:
            return place
        assert self.scene.camera is not None
        photo = self.backdrop.photo.shape[:2]
        start = photo_camera(self.scene.camera, photo).resized(self.size)
        flow = self._liquids[frame.number].motion(frame, 0.0, start).flow
        rows, cols = frame.depth.shape
        place = self._grid[v0 : v0 + rows, u0 : u0 + cols] + flow
        return place * np.array([photo[1] / self.size[1], photo[0] / self.size[0]], np.float32)

    def _seen(self, layer: BodyFrame | ClothFrame, behind: np.ndarray, drawn: np.ndarray) -> np.ndarray:
        """Where a layer is nearer than what is behind it and, if it is cut out of the photo, inside its edge.

        The depth of the background is a guess and forgiven more than that of what is ``drawn`` there.
        """
        there = layer.ids > 0
        near = np.where(there, layer.depth, 0)
        slack = np.where(drawn, 0.05, 1.0) * self._sink[layer.ids]
        mask = there & (near * np.where(drawn, 1.0, 1 - MARGIN) - slack < behind)
        for number in np.unique(layer.ids[there]):
            cutout = list(self.scene)[int(number) - 1].cutout
            if cutout is None:
                continue
            own = mask & (layer.ids == number) & np.isfinite(layer.source_uv[..., 0])
            mask[own] = _alpha(cutout, layer.source_uv[own]) >= 0.5
        return mask

    def lake(self, here: Surface) -> np.ndarray:
        """Normal (camera frame) of the water of lakes and its depth [m], (H, W, 4); zeros elsewhere."""
        if self._lakes is None:
            return np.zeros((*self.size, 4), np.float32)
        found = self._lakes.liquid(here.back, here.time)
        found[here.drawn] = 0
        return found

    def motion(self, here: Surface, other: Surface) -> tuple[np.ndarray, np.ndarray]:
        """Flow (H, W, 2) [pixels] of what ``here`` shows to ``other``, and 1 where it cannot be seen there (H, W)."""
        flow, depth = (array.copy() for array in self._back.motion(here.time, other.time, here.back))
        if self._lakes is not None:
            flow += self._lakes.flow(here.back, here.time, other.time)
        away = np.zeros(self.size, dtype=bool)
        if here.bodies is not None and here.mask.any():
            v0, v1, u0, u1 = here.bodies.window
            crop = (slice(v0, v1), slice(u0, u1))
            moved = self._bodies.motion(here.bodies, other.time, other.camera)
            flow[crop][here.mask], depth[crop][here.mask] = moved.flow[here.mask], moved.depth[here.mask]
            away[crop][here.mask] = moved.facing[here.mask] <= 0
        if here.cloths is not None and here.cloth_mask.any():
            v0, v1, u0, u1 = here.cloths.window
            crop, mask = (slice(v0, v1), slice(u0, u1)), here.cloth_mask
            moved = self._cloths.motion(here.cloths, other.time, other.camera)
            flow[crop][mask], depth[crop][mask] = moved.flow[mask], moved.depth[mask]
            away[crop][mask] = moved.facing[mask] <= 0
        for frame, mask in here.liquids:
            if mask.any():
                v0, v1, u0, u1 = frame.window
                crop = (slice(v0, v1), slice(u0, u1))
                moved = self._liquids[frame.number].motion(frame, other.time, other.camera)
                flow[crop][mask], depth[crop][mask] = moved.flow[mask], moved.depth[mask]
        if here.time == other.time:
            return flow, away.astype(np.float32)
        return flow, (away | self._hidden(here, other, flow, depth)).astype(np.float32)

    def _hidden(self, here: Surface, other: Surface, flow: np.ndarray, depth: np.ndarray) -> np.ndarray:
        """Points that leave the picture, or have something before them there.

        The background is one sheet and does not hide itself. On the surface of the same thing the four pixels around
        the place count, since depth may change much over half a pixel where a surface is seen at a slant; another thing
        hides with its nearest pixel.
        """
        rows, cols = self.size
        place = self._grid + flow
        outside = ((place < 0) | (place > (cols, rows))).any(axis=-1)
        place = np.clip(place, 0, (cols - 1e-3, rows - 1e-3))
        u, v = place[..., 0].astype(int), place[..., 1].astype(int)
        near = other.depth[v, u]
        u0, v0 = np.moveaxis(np.clip((place - 0.5).astype(int), 0, None), -1, 0)
        u1, v1 = np.minimum(u0 + 1, cols - 1), np.minimum(v0 + 1, rows - 1)
        around = np.max([other.depth[a, b] for a in (v0, v1) for b in (u0, u1)], axis=0)
        same = other.ids[v, u] == here.ids
        limit = np.where(same, np.maximum(near, around), near)
        hidden = depth > limit * (1 + MARGIN) + self._close
        if here.cloths is not None and other.cloths is not None:
            cloth = (here.ids > 0) & same & np.isin(here.ids, np.unique(here.cloths.ids[here.cloth_mask]))
            hidden[cloth] = self._folded_away(here, other, cloth, place)
        return outside | (hidden & (here.drawn | other.drawn[v, u]))

    def _folded_away(self, here: Surface, other: Surface, where: np.ndarray, place: np.ndarray) -> np.ndarray:
        """Whether another part of the same cloth is seen at the place of each of its points ``where``.

        Depth could not tell: folds lie a thread apart. The material point can.
        """
        mine, theirs = self._material(here)[where], self._material(other)
        at = place[where]
        u0, v0 = np.moveaxis(np.clip((at - 0.5).astype(int), 0, None), -1, 0)
        u1, v1 = np.minimum(u0 + 1, self.size[1] - 1), np.minimum(v0 + 1, self.size[0] - 1)
        step = _footprint(theirs)
        found = np.zeros(len(mine), dtype=bool)
        for v, u in ((v0, u0), (v0, u1), (v1, u0), (v1, u1)):
            there = theirs[v, u]
            far = np.linalg.norm(there[:, :2] - mine[:, :2], axis=-1) > 1.5 * step[v, u] + 1e-9
            found |= ~far & (there[:, 2] == mine[:, 2])
        return ~found

    def _material(self, surface: Surface) -> np.ndarray:
        """Place in the flat fabric and side (H, W, 3) of the cloth that is seen; NaN elsewhere."""
        full = np.full((*self.size, 3), np.nan, np.float32)
        assert surface.cloths is not None
        v0, v1, u0, u1 = surface.cloths.window
        full[v0:v1, u0:u1][surface.cloth_mask] = surface.cloths.rest[surface.cloth_mask]
        return full


def _footprint(rest: np.ndarray) -> np.ndarray:
    """How far apart (H, W) [m] neighbouring pixels lie in the fabric; the nearer of both neighbours, along u and v."""
    total = np.zeros(rest.shape[:2], np.float32)
    for axis in (0, 1):
        step = np.linalg.norm(np.diff(rest[..., :2], axis=axis), axis=-1)
        step[~np.isfinite(step)] = np.inf
        pad = [(0, 0), (0, 0)]
        pad[axis] = (1, 0)
        before = np.pad(step, pad, constant_values=np.inf)
        pad[axis] = (0, 1)
        least = np.minimum(before, np.pad(step, pad, constant_values=np.inf))
        total += np.where(np.isfinite(least), least, 0.0).astype(np.float32)
    return total


def _without(scene: Scene, ids: np.ndarray) -> np.ndarray:
    """Ids of the photo's things that are part of the plate: what moves is drawn, and the background goes on."""
    keep = np.zeros(max(int(ids.max()), len(scene.entities)) + 1, dtype=np.uint16)
    for number, entity in enumerate(scene, start=1):
        keep[number] = 0 if entity.is_body or isinstance(entity.material, Cloth | Grains | Soft) else number
    return keep[ids]


def _still_maps(backdrop: Backdrop) -> tuple[np.ndarray, np.ndarray] | None:
    """Alpha and depth (H, W) of all still layers; where they overlap the nearest counts."""
    if not backdrop.stills:
        return None
    size = backdrop.photo.shape[:2]
    alpha, depth = np.zeros(size, np.float32), np.full(size, np.inf, np.float32)
    for layer in sorted(backdrop.stills, key=lambda still: -still.depth):
        u, v = layer.cutout.corner
        h, w = layer.cutout.alpha.shape
        v0, u0, v1, u1 = max(v, 0), max(u, 0), min(v + h, size[0]), min(u + w, size[1])
        crop, part = (slice(v0, v1), slice(u0, u1)), layer.cutout.alpha[v0 - v : v1 - v, u0 - u : u1 - u]
        alpha[crop] = np.maximum(alpha[crop], part)
        depth[crop][part > 0.01] = layer.depth
    return alpha, depth


def _read(image: np.ndarray, place: np.ndarray, *, outside: float) -> np.ndarray:
    """Bilinear values at ``place`` (..., 2), pixels of the photo."""
    at = np.moveaxis(place, -1, 0)[::-1] - 0.5
    value = map_coordinates(image.astype(np.float32), at, order=1, mode="nearest")
    rows, cols = image.shape
    beyond = ((place < 0) | (place > (cols, rows))).any(axis=-1)
    return np.where(beyond, np.float32(outside), value)


def _nearest(image: np.ndarray, place: np.ndarray) -> np.ndarray:
    rows, cols = image.shape
    u = np.clip(place[..., 0].astype(int), 0, cols - 1)
    return image[np.clip(place[..., 1].astype(int), 0, rows - 1), u]


def _alpha(cutout: Cutout, place: np.ndarray) -> np.ndarray:
    """Opacity of a cutout at ``place`` (N, 2), pixels of the photo."""
    at = (place - np.asarray(cutout.corner, dtype=np.float32)).T[::-1] - 0.5
    return map_coordinates(cutout.alpha, at, order=1, mode="constant", cval=0.0)
